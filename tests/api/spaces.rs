//! Spaces: made, changed, counted, checked, rebuilt.

use serde_json::json;

use crate::actors::TestApp;

#[test]
fn a_space_is_made_and_changed() {
    let app = TestApp::start();
    let made = app
        .admin()
        .post("/v1/spaces", json!({ "id": "support", "name": "Support", "settings": { "four_eyes": false } }));
    assert_eq!(made.header("location"), Some("/v1/spaces/support"));
    insta::assert_snapshot!(made.story(), @r#"
    201
    {
      "id": "support",
      "name": "Support",
      "settings": {
        "threshold": null,
        "require_review": false,
        "four_eyes": false,
        "public_search": false,
        "model": null,
        "reranker": null,
        "gap_bar": null,
        "out_of_scope": [],
        "alerts": {
          "answer_rate_below": null,
          "handoff_rate_above": null,
          "csat_below": null,
          "gap_sessions_above": null,
          "spikes": true,
          "min_queries": 50
        },
        "retention": {
          "turns_days": 180,
          "queries_days": 400,
          "feedback_days": 400
        },
        "privacy": {
          "orders": true,
          "patterns": []
        }
      },
      "created_at": "[time]"
    }
    "#);
    assert_eq!(
        app.admin().post("/v1/spaces", json!({ "id": "support", "name": "Again" })).problem(409),
        "already_exists"
    );

    let change = json!({ "settings": { "require_review": true, "threshold": 0.5 } });
    let changed = app.admin().patch("/v1/spaces/support", change).expect(200);
    let expected = json!({ "threshold": 0.5, "require_review": true, "four_eyes": false, "public_search": false, "model": null, "reranker": null, "gap_bar": null, "out_of_scope": [],
        "alerts": { "answer_rate_below": null, "handoff_rate_above": null, "csat_below": null, "gap_sessions_above": null, "spikes": true, "min_queries": 50 },
        "retention": { "turns_days": 180, "queries_days": 400, "feedback_days": 400 },
        "privacy": { "orders": true, "patterns": [] } });
    assert_eq!((&changed["name"], &changed["settings"]), (&json!("Support"), &expected));
    let back = app.admin().patch("/v1/spaces/support", json!({ "settings": { "threshold": null } })).expect(200);
    assert_eq!(back["settings"]["threshold"], json!(null));
    assert_eq!(app.admin().get("/v1/spaces/none").problem(404), "space_not_found");
    let all = app.admin().get("/v1/spaces").expect(200);
    assert_eq!(all["items"].as_array().unwrap().len(), 2);
}

#[test]
fn a_space_is_counted_checked_and_rebuilt() {
    let app = TestApp::start();
    app.publisher().publish_article("a", "退货政策", "七天内可以退货。");
    app.publisher().post("/v1/articles", json!({ "id": "b", "title": "draft" })).expect(201);
    let stats = app.admin().get("/v1/spaces/default/stats").expect(200);
    assert_eq!((&stats["articles"], &stats["documents"]), (&json!(2), &json!(1)));
    let report = app.admin().send("POST", "/v1/spaces/default/verify", None).expect(200);
    assert_eq!((&report["live"], &report["indexed"], &report["differences"]), (&json!(1), &json!(1), &json!([])));

    assert_eq!(app.admin().send("POST", "/v1/spaces/default/reindex", None).status, 202);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let found = app.admin().get("/v1/search?q=%E9%80%80%E8%B4%A7");
        if found.status == 200 && found.json()["hits"][0]["article_id"] == "a" {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "not found again: {}", found.body);
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn what_is_in_one_space_is_not_in_another() {
    let app = TestApp::start();
    app.admin().post("/v1/spaces", json!({ "id": "other", "name": "Other" })).expect(201);
    app.publisher().publish_article("a", "退货政策", "七天内可以退货。");
    let found = app.admin().post("/v1/search", json!({ "query": "退货", "space": "other" })).expect(200);
    assert_eq!(found["hits"], json!([]));
    assert_eq!(app.admin().get("/v1/articles/a?space=other").problem(404), "article_not_found");
    let torn = app.admin().post("/v1/search?space=default", json!({ "query": "退货", "space": "other" }));
    assert_eq!(torn.status, 422, "{}", torn.body);
}
