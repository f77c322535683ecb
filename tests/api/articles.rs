//! The life of an article: draft, review, publication, time, history.

use serde_json::json;

use crate::actors::TestApp;

#[test]
fn an_article_from_draft_to_archive() {
    let app = TestApp::start();
    let who = app.publisher();
    let made = who.post("/v1/articles", json!({
        "id": "returns", "title": "退货政策", "body": "签收之日起七天内可以退货。", "questions": ["买了三天还能退吗"],
        "category": "售后/退货", "tags": ["退货"], "attributes": { "url": "https://shop.example/returns" }, "note": "first",
    }));
    assert_eq!((made.header("etag"), made.header("location")), (Some("\"1\""), Some("/v1/articles/returns")));
    insta::assert_snapshot!(made.story(), @r#"
    201
    {
      "id": "returns",
      "space": "default",
      "status": "draft",
      "version": 1,
      "live_version": null,
      "latest_version": 1,
      "has_draft": false,
      "title": "退货政策",
      "body": "签收之日起七天内可以退货。",
      "questions": [
        "买了三天还能退吗"
      ],
      "negative_questions": [],
      "category": "售后/退货",
      "tags": [
        "退货"
      ],
      "audience": "public",
      "language": "zh",
      "attributes": {
        "url": "https://shop.example/returns"
      },
      "valid_from": null,
      "valid_until": null,
      "owner": null,
      "review_every_days": null,
      "review_due_at": null,
      "note": "first",
      "author": "publisher",
      "created_at": "[time]",
      "published_at": null
    }
    "#);
    assert_eq!(who.get("/v1/articles/returns").problem(404), "version_not_found", "a draft is not live");
    assert_eq!(who.get("/v1/articles/returns?version=latest").expect(200)["status"], "draft");

    let live = who.post("/v1/articles/returns/publish?wait=searchable", json!({ "note": "season" }));
    assert_eq!((live.expect(200)["status"].as_str(), live.header("x-searchable")), (Some("published"), Some("true")));
    let saved = who
        .and("If-Match", "\"1\"")
        .put("/v1/articles/returns", json!({ "title": "退货政策", "body": "签收之日起十五天内可以退货。" }));
    assert_eq!((saved.expect(200)["version"].as_u64(), saved.header("etag")), (Some(2), Some("\"2\"")));
    let read = who.get("/v1/articles/returns").expect(200);
    assert_eq!((&read["version"], &read["has_draft"], &read["latest_version"]), (&json!(1), &json!(true), &json!(2)));

    let diff = who.get("/v1/articles/returns/diff?from=1&to=2");
    assert_eq!(diff.expect(200)["body"][0]["change"], "removed");
    who.post("/v1/articles/returns/publish", json!({ "version": 2 })).expect(200);
    let rolled = who.post("/v1/articles/returns/rollback", json!({ "to": 1, "expected_version": 2 })).expect(200);
    assert_eq!((&rolled["version"], &rolled["live_version"]), (&json!(3), &json!(3)));
    let publications = who.get("/v1/articles/returns/publications").expect(200);
    assert_eq!(publications["items"].as_array().unwrap().len(), 3);
    let versions = who.get("/v1/articles/returns/versions").expect(200);
    assert_eq!(versions["items"].as_array().unwrap().len(), 3);
    assert_eq!(who.get("/v1/articles/returns/versions/2").expect(200)["version"], 2);
    assert_eq!(who.get("/v1/articles/returns/versions/9").problem(404), "version_not_found");

    who.post("/v1/articles/returns/verify", json!({})).expect(200);
    who.post("/v1/articles/returns/unpublish", json!({ "note": "stop" })).expect(200);
    assert_eq!(who.post("/v1/articles/returns/archive", json!({})).expect(200)["status"], "archived");
    let illegal = who.post("/v1/articles/returns/publish", json!({}));
    assert_eq!(illegal.problem(409), "illegal_transition");
    assert_eq!(illegal.json()["allowed"], json!(["restore"]));
    assert_eq!(who.post("/v1/articles/returns/restore", json!({})).expect(200)["status"], "draft");
}

#[test]
fn a_writer_must_know_what_they_overwrite() {
    let app = TestApp::start();
    let who = app.publisher();
    who.post("/v1/articles", json!({ "id": "a", "title": "t" })).expect(201);
    let body = json!({ "title": "t2" });
    insta::assert_snapshot!(who.put("/v1/articles/a", body.clone()).story(), @r#"
    428
    {
      "type": "/docs#precondition_required",
      "title": "The version must be named",
      "status": 428,
      "detail": "say which version you change: send 'If-Match: \"<version>\"' or the field expected_version",
      "code": "precondition_required",
      "request_id": "[request_id]"
    }
    "#);
    who.and("If-Match", "\"1\"").put("/v1/articles/a", body.clone()).expect(200);
    insta::assert_snapshot!(who.and("If-Match", "\"1\"").put("/v1/articles/a", body.clone()).story(), @r#"
    409
    {
      "type": "/docs#version_conflict",
      "title": "The article has changed",
      "status": 409,
      "detail": "article 'a' is at version 2, not 1",
      "code": "version_conflict",
      "request_id": "[request_id]",
      "current_version": 2
    }
    "#);
    let torn = who.and("If-Match", "\"2\"").put("/v1/articles/a", json!({ "title": "t", "expected_version": 1 }));
    assert_eq!(torn.problem(422), "invalid_request");
    who.put("/v1/articles/a", json!({ "title": "t3", "expected_version": 2 })).expect(200);
    let stale = who.post("/v1/articles/a/publish", json!({ "expected_version": 2 }));
    assert_eq!(stale.problem(409), "version_conflict", "an action heeds the version when it is given");
    assert_eq!(who.post("/v1/articles/a/rollback", json!({ "to": 1 })).problem(428), "precondition_required");
    assert_eq!(who.post("/v1/articles", json!({ "id": "a", "title": "t" })).problem(409), "already_exists");
    assert_eq!(who.get("/v1/articles/none").problem(404), "article_not_found");
}

#[test]
fn two_persons_where_the_space_says_so() {
    let app = TestApp::start();
    app.admin()
        .patch("/v1/spaces/default", json!({ "settings": { "require_review": true, "four_eyes": true } }))
        .expect(200);
    let (author, other) =
        (app.publisher(), app.with_scopes("second", &["articles:read", "articles:write", "articles:publish"]));
    author.post("/v1/articles", json!({ "id": "a", "title": "t" })).expect(201);
    assert_eq!(author.post("/v1/articles/a/publish", json!({})).problem(409), "review_required");
    author.post("/v1/articles/a/submit", json!({ "note": "please" })).expect(200);
    assert_eq!(author.post("/v1/articles/a/approve", json!({})).problem(403), "self_approval");
    assert_eq!(other.post("/v1/articles/a/reject", json!({ "note": "typo" })).expect(200)["status"], "draft");
    author.post("/v1/articles/a/submit", json!({})).expect(200);
    other.post("/v1/articles/a/approve", json!({})).expect(200);
    assert_eq!(author.post("/v1/articles/a/publish", json!({})).expect(200)["status"], "published");
}

#[test]
fn writing_and_publishing_are_different_rights() {
    let app = TestApp::start();
    let editor = app.editor();
    assert_eq!(editor.post("/v1/articles", json!({ "title": "t", "publish": true })).problem(403), "forbidden");
    editor.post("/v1/articles", json!({ "id": "a", "title": "t" })).expect(201);
    assert_eq!(editor.post("/v1/articles/a/publish", json!({})).problem(403), "forbidden");
    editor.post("/v1/articles/a/submit", json!({})).expect(200);
}

#[test]
fn a_publication_comes_and_goes_in_time() {
    let app = TestApp::start();
    let who = app.publisher();
    who.post("/v1/articles", json!({ "id": "sale", "title": "限时促销", "body": "全场八折。" })).expect(201);
    let now = jiff::Timestamp::now();
    let (at, until) = (now + jiff::SignedDuration::from_millis(700), now + jiff::SignedDuration::from_millis(3_500));
    let scheduled =
        who.post("/v1/articles/sale/publish", json!({ "at": at.to_string(), "until": until.to_string() })).expect(200);
    assert_eq!(scheduled["status"], "scheduled");
    let seen = |want: bool, by: jiff::Timestamp| {
        loop {
            let found = who.get("/v1/search?q=%E9%99%90%E6%97%B6%E4%BF%83%E9%94%80").expect(200);
            if found["hits"].as_array().unwrap().is_empty() != want {
                return;
            }
            assert!(jiff::Timestamp::now() < by, "wanted {want}: {found}");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    };
    seen(true, at + jiff::SignedDuration::from_millis(2_000));
    seen(false, until + jiff::SignedDuration::from_millis(2_000));
}

#[test]
fn a_list_is_read_page_by_page() {
    let app = TestApp::start();
    let who = app.publisher();
    for id in ["c", "a", "b"] {
        who.post("/v1/articles", json!({ "id": id, "title": id, "tags": [id] })).expect(201);
        // Times are whole milliseconds, and what changed in the same one is listed by id.
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let first = who.get("/v1/articles?limit=2").expect(200);
    let ids = |page: &serde_json::Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|a| a["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&first), ["a", "b"]);
    let rest = who.get(&format!("/v1/articles?limit=2&cursor={}", first["next_cursor"].as_str().unwrap())).expect(200);
    assert_eq!((ids(&rest), &rest["next_cursor"]), (vec!["c".to_owned()], &json!(null)));
    assert_eq!(ids(&who.get("/v1/articles?tag=b").expect(200)), ["b"]);
    assert_eq!(ids(&who.get("/v1/articles?status=published").expect(200)), Vec::<String>::new());
    assert_eq!(ids(&who.get("/v1/articles?sort=-updated_at").expect(200)), ["b", "a", "c"]);
    assert_eq!(who.get("/v1/articles?cursor=nonsense").problem(422), "invalid_query");
}
