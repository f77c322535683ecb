//! Requests sent twice: done once, answered twice.

use serde_json::json;

use crate::actors::TestApp;

#[test]
fn a_repeat_gets_the_first_answer() {
    let app = TestApp::start();
    let editor = app.editor().and("Idempotency-Key", "order-1");
    let first = editor.post("/v1/articles", json!({ "id": "a", "title": "t" }));
    let again = editor.post("/v1/articles", json!({ "id": "a", "title": "t" }));
    assert_eq!((first.status, again.status), (201, 201), "{}", again.body);
    assert_eq!(first.body, again.body);
    assert_eq!((again.header("etag"), again.header("idempotent-replayed")), (Some("\"1\""), Some("true")));
    assert_eq!(first.header("idempotent-replayed"), None);

    let other = editor.post("/v1/articles", json!({ "id": "b", "title": "t" }));
    assert_eq!(other.problem(409), "idempotency_conflict");
    let somebody = app.publisher().and("Idempotency-Key", "order-1");
    assert_eq!(
        somebody.post("/v1/articles", json!({ "id": "c", "title": "t" })).status,
        201,
        "each caller has keys of their own"
    );
}

#[test]
fn twins_at_the_same_time_are_one() {
    let app = TestApp::start();
    let editor = app.editor().and("Idempotency-Key", "twin");
    let twins: Vec<_> = (0..8)
        .map(|_| {
            let editor = editor.clone();
            std::thread::spawn(move || editor.post("/v1/articles", json!({ "title": "t" })).expect(201)["id"].clone())
        })
        .collect();
    let ids: std::collections::BTreeSet<String> =
        twins.into_iter().map(|twin| twin.join().unwrap().to_string()).collect();
    assert_eq!(ids.len(), 1);
}

#[test]
fn a_refused_request_may_be_sent_again_corrected() {
    let app = TestApp::start();
    let editor = app.editor().and("Idempotency-Key", "typo");
    assert_eq!(editor.post("/v1/articles", json!({ "id": "a" })).status, 422);
    assert_eq!(editor.post("/v1/articles", json!({ "id": "a", "title": "t" })).status, 201);
}

#[test]
fn a_secret_is_not_kept_for_a_repeat() {
    let app = TestApp::start();
    let admin = app.admin().and("Idempotency-Key", "key-1");
    let first = admin.post("/v1/keys", json!({ "name": "k", "scopes": ["search"] })).expect(201);
    let again = admin.post("/v1/keys", json!({ "name": "k", "scopes": ["search"] })).expect(201);
    assert!(first["secret"].is_string());
    assert_eq!((&again["id"], &again["secret"]), (&first["id"], &json!(null)));
}

#[test]
fn bodies_that_stream_have_keys_too() {
    let app = TestApp::start();
    let channel = app.with_scopes("channel", &["interactions"]).and("Idempotency-Key", "talks-1");
    let send = |text: &str| {
        let talk = json!({ "session_id": "s", "turns": [
            { "role": "customer", "text": text, "at": "2026-05-20T08:00:00Z" },
            { "role": "13812345678", "text": text },
        ] });
        channel.post_raw("/v1/interactions", "application/x-ndjson", &format!("{talk}\n"))
    };
    let (first, again) = (send("怎么退货"), send("怎么退货"));
    assert_eq!(first.expect(200)["turns"]["accepted"], 1);
    assert_eq!(again.header("idempotent-replayed"), Some("true"), "{}", again.body);
    assert_eq!(again.expect(200)["turns"], first.json()["turns"]);
    assert!(!again.body.contains("13812345678"), "what is kept is masked: {}", again.body);
    assert_eq!(send("怎么换货").problem(409), "idempotency_conflict");

    let editor = app.editor().and("Idempotency-Key", "articles-1");
    let import =
        || editor.post_raw("/v1/import", "application/x-ndjson", "{\"title\":\"t\",\"body\":\"b\"}\n").expect(200);
    assert_eq!(import(), import());
    let articles = app.editor().get("/v1/articles").expect(200);
    assert_eq!(articles["items"].as_array().unwrap().len(), 1, "imported once: {articles}");
}

#[test]
fn an_idempotency_key_has_a_form() {
    let app = TestApp::start();
    let refused = app.editor().and("Idempotency-Key", &"x".repeat(256)).post("/v1/articles", json!({ "title": "t" }));
    assert_eq!(refused.problem(422), "invalid_query");
}
