//! What happens at the limits: too large, too often, too many at a time, too long.

use std::time::Duration;

use serde_json::json;
use zhiyin::config::Gate;

use crate::actors::TestApp;

#[test]
fn a_body_over_the_limit_is_refused() {
    let app = TestApp::start_with(|config| config.max_body = 2_000);
    let long = "长".repeat(1_000);
    insta::assert_snapshot!(app.admin().post("/v1/search", json!({ "query": long })).story(), @r#"
    413
    {
      "type": "/docs#payload_too_large",
      "title": "The body is too large",
      "status": 413,
      "detail": "the body may have at most 2000 bytes",
      "code": "payload_too_large",
      "request_id": "[request_id]"
    }
    "#);
}

#[test]
fn an_import_over_the_limit_is_refused() {
    let app = TestApp::start_with(|config| config.max_import = 2_000);
    let rows = "{\"id\": \"a\", \"title\": \"t\"}\n".repeat(200);
    assert_eq!(app.admin().post_raw("/v1/import", "application/x-ndjson", &rows).problem(413), "payload_too_large");
}

#[test]
fn a_key_that_calls_too_often_is_told_when_to_come_back() {
    let app = TestApp::start();
    let hasty = app.with_key(json!({ "name": "hasty", "scopes": ["search"], "rate_limit": 2 }));
    let answers: Vec<_> = (0..4).map(|_| hasty.get("/v1/suggest?q=a")).collect();
    let refused = answers.iter().find(|answer| answer.status == 429).expect("four calls are more than two a second");
    assert_eq!(refused.problem(429), "rate_limited");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(app.customer().get("/v1/suggest?q=a").status, 200, "another key is not held back");
}

#[test]
fn a_batch_counts_as_many_searches() {
    let app = TestApp::start();
    let hasty = app.with_key(json!({ "name": "hasty", "scopes": ["search"], "rate_limit": 5 }));
    let searches: Vec<_> = (0..5).map(|_| json!({ "query": "a" })).collect();
    assert_eq!(hasty.post("/v1/search/batch", json!({ "searches": searches })).status, 200);
    assert_eq!(hasty.post("/v1/search/batch", json!({ "searches": searches })).problem(429), "rate_limited");
}

#[test]
fn a_full_server_says_busy_and_stays_alive() {
    let app = TestApp::start_with(|config| {
        config.search_gate = Gate { permits: 0, queue: 1, wait: Duration::from_millis(50) }
    });
    let refused = app.admin().get("/v1/search?q=a");
    assert_eq!(refused.problem(503), "busy");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(app.nobody().get("/healthz").status, 200);
    let metrics = app.admin().get("/metrics");
    assert!(metrics.body.contains("zhiyin_busy_refusals_total{gate=\"search\"} 1"), "{}", metrics.body);
}

#[test]
fn a_request_that_takes_too_long_is_ended() {
    let app = TestApp::start_with(|config| {
        config.deadline = Duration::from_millis(50);
        config.search_gate = Gate { permits: 0, queue: 1, wait: Duration::from_secs(5) };
    });
    assert_eq!(app.admin().get("/v1/search?q=a").problem(504), "timeout");
}

#[test]
fn a_batch_holds_at_most_a_hundred_searches() {
    let app = TestApp::start();
    let searches: Vec<_> = (0..101).map(|_| json!({ "query": "a" })).collect();
    assert_eq!(app.admin().post("/v1/search/batch", json!({ "searches": searches })).problem(422), "invalid_query");
}
