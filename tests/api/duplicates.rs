//! Articles that say the same are shown in pairs, to who may see both.

use serde_json::{Value, json};

use crate::actors::{Actor, TestApp};

fn pairs(of: &Actor, parameters: &str) -> Vec<(String, String)> {
    let items = of.get(&format!("/v1/duplicates{parameters}")).expect(200)["items"].clone();
    let id = |pair: &Value, side: &str| pair[side]["article_id"].as_str().unwrap().to_owned();
    items.as_array().unwrap().iter().map(|pair| (id(pair, "one"), id(pair, "other"))).collect()
}

#[test]
fn copies_and_translations_are_told_apart_and_shown_to_who_may_see_both() {
    let app = TestApp::start();
    let publisher = app.publisher();
    let publish = |id: &str, title: &str, body: &str, audience: &str| {
        let article = json!({ "id": id, "title": title, "body": body, "audience": audience, "publish": true });
        publisher.post("/v1/articles?wait=searchable", article).expect(201);
    };
    let returns =
        "You may return a phone within 15 days. The box must be whole. We pay back within three working days.";
    publish("a-returns", "Return policy", returns, "public");
    publish("b-returns", "How to return things", &format!("{returns} Ask in the shop."), "public");
    publish("c-returns", "Returns for staff", returns, "internal");
    publish("d-returns", "退货政策", "手机可以在 15 天内退货。包装盒必须完整。我们在三个工作日内退款。", "public");
    publish("shipping", "Shipping fees", "Shipping a parcel abroad costs 12 yuan for each kilogram.", "public");
    let curator = app.with_scopes("curator", &["curate"]);
    let copies = pairs(&curator, "");

    assert_eq!(copies.len(), 3, "{copies:?}");
    assert!(copies.iter().all(|(one, other)| one.ends_with("-returns") && other.ends_with("-returns") && one < other));
    let outsider = app.with_key(json!({ "name": "outsider", "scopes": ["curate"] }));
    assert_eq!(pairs(&outsider, ""), [("a-returns".to_owned(), "b-returns".to_owned())]);
    let translated = pairs(&outsider, "?kind=translation&percent=30&limit=1");
    assert!(matches!(translated.as_slice(), [(_, other)] if other == "d-returns"), "{translated:?}");
    assert_eq!(pairs(&curator, "?percent=100"), [], "none is a copy to the letter with the same title");
    assert_eq!(curator.get("/v1/duplicates?percent=200").problem(422), "invalid_query");
    assert_eq!(app.customer().get("/v1/duplicates").problem(403), "forbidden");
}
