//! Keys: who may do what, where, until when, and whose articles they see.

use serde_json::json;

use crate::actors::{Actor, TestApp};

#[test]
fn without_a_key_there_is_nothing_but_health() {
    let app = TestApp::start();
    for path in [
        "/v1/search?q=a",
        "/v1/suggest?q=a",
        "/v1/articles",
        "/v1/gaps",
        "/v1/keys",
        "/v1/audit",
        "/v1/export",
        "/metrics",
    ] {
        assert_eq!(app.nobody().get(path).problem(401), "key_missing", "{path}");
    }
    let refused = app.nobody().post("/v1/answer", json!({ "question": "a" }));
    assert_eq!((refused.problem(401).as_str(), refused.header("www-authenticate")), ("key_missing", Some("Bearer")));
    insta::assert_snapshot!(refused.story(), @r#"
    401
    {
      "type": "/docs#key_missing",
      "title": "An API key is needed",
      "status": 401,
      "detail": "this needs an API key: send 'Authorization: Bearer <key>'",
      "code": "key_missing",
      "request_id": "[request_id]"
    }
    "#);
}

#[test]
fn a_key_that_is_not_one_is_refused() {
    let app = TestApp::start();
    assert_eq!(Actor::new(&app.base, Some("guessed")).get("/v1/search?q=a").problem(401), "key_invalid");
    assert_eq!(app.nobody().and("Authorization", "Basic YTpi").get("/v1/search?q=a").problem(401), "key_invalid");
    assert_eq!(app.nobody().and("Authorization", "Bearer ").get("/v1/search?q=a").problem(401), "key_invalid");
}

#[test]
fn a_space_opened_to_the_public_needs_no_key() {
    let app = TestApp::start();
    app.publisher().publish_article("open", "退货政策", "七天内可以退货。");
    let inside = json!({ "id": "inside", "title": "退货内部规定", "audience": "internal", "publish": true });
    app.publisher().post("/v1/articles?wait=searchable", inside).expect(201);
    app.admin().patch("/v1/spaces/default", json!({ "settings": { "public_search": true } })).expect(200);
    let found = app.nobody().get("/v1/search?q=%E9%80%80%E8%B4%A7").expect(200);
    let ids: Vec<&str> =
        found["hits"].as_array().unwrap().iter().map(|hit| hit["article_id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["open"]);
    assert_eq!(app.nobody().get("/v1/articles/open").problem(401), "key_missing");
}

#[test]
fn a_keys_secret_is_shown_once_and_a_key_can_be_taken_back() {
    let app = TestApp::start();
    let made = app.admin().post("/v1/keys", json!({ "name": "widget", "scopes": ["search"] }));
    insta::assert_snapshot!(made.story(), @r#"
    201
    {
      "id": "[id]",
      "name": "widget",
      "scopes": [
        "search"
      ],
      "spaces": [],
      "audiences": [
        "public"
      ],
      "allowed_origins": [],
      "rate_limit": null,
      "expires_at": null,
      "created_at": "[time]",
      "revoked_at": null,
      "secret": "[secret]"
    }
    "#);
    let key = made.expect(201);
    let secret = key["secret"].as_str().unwrap();
    let holder = Actor::new(&app.base, Some(secret));
    assert_eq!(holder.get("/v1/search?q=a").status, 200);

    let listed = app.admin().get("/v1/keys");
    assert!(!listed.body.contains(secret) && !listed.body.contains("hash"), "{}", listed.body);
    let revoked = app.admin().delete(&format!("/v1/keys/{}", key["id"].as_str().unwrap())).expect(200);
    assert!(revoked["revoked_at"].is_string());
    assert_eq!(holder.get("/v1/search?q=a").problem(401), "key_invalid");
    assert_eq!(app.admin().delete("/v1/keys/k_none").problem(404), "key_not_found");
}

#[test]
fn a_key_ends_when_it_should() {
    let app = TestApp::start();
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_millis(300);
    let holder = app.with_key(json!({ "name": "short", "scopes": ["search"], "expires_at": at.to_string() }));
    assert_eq!(holder.get("/v1/suggest?q=a").status, 200);
    std::thread::sleep(std::time::Duration::from_millis(400));
    assert_eq!(holder.get("/v1/suggest?q=a").problem(401), "key_invalid");
}

#[test]
fn a_key_works_in_its_spaces_only() {
    let app = TestApp::start();
    app.admin().post("/v1/spaces", json!({ "id": "other", "name": "Other" })).expect(201);
    let holder = app.with_key(json!({ "name": "here", "scopes": ["search"], "spaces": ["default"] }));
    assert_eq!(holder.get("/v1/search?q=a&space=default").status, 200);
    assert!([403, 404].contains(&holder.get("/v1/search?q=a&space=other").status));
    assert_eq!(app.admin().get("/v1/search?q=a&space=none").problem(404), "space_not_found");
}

#[test]
fn who_does_what_is_on_record() {
    let app = TestApp::start();
    app.publisher().publish_article("a", "标题", "正文");
    let log = app.admin().get("/v1/audit?limit=100").expect(200);
    let entries = log["items"].as_array().unwrap();
    let publish = entries.iter().find(|entry| entry["actor"] == "publisher").expect("the publisher's entry");
    assert_eq!((publish["space"].as_str(), publish["subject"].as_str()), (Some("default"), Some("a")));
    assert!(
        entries.iter().any(|entry| entry["actor"] == "admin" || entry["action"].as_str().unwrap().starts_with("key."))
    );
}
