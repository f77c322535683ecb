//! A space's own words.

use serde_json::json;

use crate::actors::TestApp;

#[test]
fn a_dictionary_is_replaced_whole() {
    let app = TestApp::start();
    let curator = app.with_scopes("curator", &["curate"]);
    assert_eq!(curator.get("/v1/dictionary").expect(200), json!({ "items": [], "next_cursor": null }));
    let words = json!([{ "word": "知音云" }, { "word": "随行版", "frequency": 500 }]);
    let put = curator.put("/v1/dictionary", json!({ "items": words })).expect(200);
    assert_eq!(put["items"].as_array().unwrap().len(), 2);
    assert_eq!(curator.get("/v1/dictionary").expect(200)["items"], put["items"]);
    assert_eq!(curator.put("/v1/dictionary", json!({ "items": [] })).expect(200)["items"], json!([]));
    let wrong =
        curator.put("/v1/dictionary", json!({ "items": [{ "word": "" }, { "word": "ok" }, { "frequency": 1 }] }));
    insta::assert_snapshot!(wrong.story(), @r#"
    422
    {
      "type": "/docs#invalid_request",
      "title": "Fields of the request are wrong",
      "status": 422,
      "detail": "the request has wrong fields: items[0].word: a name must not be empty; items[2]: missing field `word`",
      "code": "invalid_request",
      "request_id": "[request_id]",
      "errors": [
        {
          "field": "items[0].word",
          "message": "a name must not be empty"
        },
        {
          "field": "items[2]",
          "message": "missing field `word`"
        }
      ]
    }
    "#);
}
