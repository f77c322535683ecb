//! The server itself: health, figures, request ids, headers, browsers, compression, stopping.

use serde_json::json;

use crate::actors::{Actor, TestApp};

#[test]
fn health_needs_no_key() {
    let app = TestApp::start();
    let alive = app.nobody().get("/healthz").expect(200);
    assert_eq!(alive["status"], "ok");
    let ready = app.nobody().get("/readyz").expect(200);
    assert_eq!(ready["status"], "ok");
}

#[test]
fn every_answer_carries_a_request_id() {
    let app = TestApp::start();
    let own = app.nobody().and("X-Request-Id", "trace-42").get("/nowhere");
    assert_eq!((own.header("x-request-id"), own.json()["request_id"].as_str()), (Some("trace-42"), Some("trace-42")));
    let made = app.nobody().and("X-Request-Id", &"x".repeat(129)).get("/healthz");
    assert_eq!(made.header("x-request-id").map(str::len), Some(36));
    assert_ne!(app.nobody().get("/healthz").header("x-request-id"), made.header("x-request-id"));
}

#[test]
fn metrics_are_for_who_may_see_them() {
    let app = TestApp::start_with(|config| config.metrics_listen = Some(([127, 0, 0, 1], 0).into()));
    assert_eq!(app.nobody().get("/metrics").problem(401), "key_missing");
    assert_eq!(app.customer().get("/metrics").problem(403), "forbidden");
    app.admin().get("/v1/search?q=a").expect(200);
    let watcher = app.with_scopes("prometheus", &["metrics"]);
    let seen = watcher.get("/metrics");
    let line = "zhiyin_http_requests_total{method=\"GET\",route=\"/v1/search\",status=\"200\"} 1";
    assert!(seen.body.contains(line), "{}", seen.body);
    let private = Actor::new(&format!("http://{}", app.app().metrics_address.unwrap()), None).get("/metrics");
    assert!(private.body.contains(line), "{}", private.body);
    assert!(private.body.ends_with("# EOF\n"));
}

#[test]
fn pages_run_nothing_but_their_own_scripts() {
    let app = TestApp::start();
    for path in ["/", "/docs"] {
        let page = app.nobody().get(path);
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"), "{policy}");
        assert!(!page.body.contains("<script>") && !page.body.contains(" onclick="), "inline script in {path}");
        for asset in linked(&page.body) {
            assert_eq!(app.nobody().get(&asset).status, 200, "{asset}");
        }
    }
    let plain = app.nobody().get("/healthz");
    assert_eq!(plain.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(plain.header("x-frame-options"), Some("DENY"));
    assert_eq!(plain.header("referrer-policy"), Some("no-referrer"));
}

fn linked(page: &str) -> Vec<String> {
    page.split('"').filter(|piece| piece.starts_with("/web/")).map(str::to_owned).collect()
}

#[test]
fn a_browser_may_use_a_key_from_its_own_sites_only() {
    let app = TestApp::start();
    let shop =
        app.with_key(json!({ "name": "widget", "scopes": ["search"], "allowed_origins": ["https://shop.example"] }));
    let seen = shop.and("Origin", "https://shop.example").get("/v1/suggest?q=a");
    assert_eq!((seen.status, seen.header("access-control-allow-origin")), (200, Some("https://shop.example")));
    assert_eq!(seen.header("access-control-allow-credentials"), None);
    let foreign = shop.and("Origin", "https://evil.example").get("/v1/suggest?q=a");
    assert_eq!((foreign.problem(403).as_str(), foreign.header("access-control-allow-origin")), ("forbidden", None));
    let same = shop.and("Origin", &app.base).get("/v1/suggest?q=a");
    assert_eq!(same.status, 200, "the server's own page may use any key");

    let ask = |origin: &str| {
        let browser = app.nobody().and("Origin", origin).and("Access-Control-Request-Method", "POST");
        browser.send("OPTIONS", "/v1/search", None)
    };
    let allowed = ask("https://shop.example");
    assert_eq!((allowed.status, allowed.header("access-control-allow-origin")), (204, Some("https://shop.example")));
    assert_eq!(ask("https://evil.example").problem(403), "forbidden");
}

#[test]
fn answers_are_packed_for_who_asks() {
    let app = TestApp::start();
    // The client unpacks by itself, and asks for it.
    let packed = app.nobody().and("Accept-Encoding", "gzip").get("/openapi.json");
    assert_eq!(packed.json()["openapi"], "3.1.0");
}

#[test]
fn what_can_be_got_can_be_asked_for_without_its_body() {
    let app = TestApp::start();
    let head = app.nobody().and("Accept-Encoding", "identity").send("HEAD", "/healthz", None);
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[test]
fn a_stopped_server_comes_back_with_what_it_knew() {
    let folder = tempfile::tempdir().unwrap();
    let config = zhiyin::config::Config {
        data_dir: folder.path().join("data"),
        listen: ([127, 0, 0, 1], 0).into(),
        ..Default::default()
    };
    let first = zhiyin::app::App::start(&config).unwrap();
    let secret = first.admin_secret.clone().expect("the first start makes a key");
    let admin = Actor::new(&format!("http://{}", first.address), Some(&secret));
    admin.until_ready();
    admin.publish_article("returns", "退货政策", "签收之日起七天内可以退货。");
    first.stop().unwrap();

    let second = zhiyin::app::App::start(&config).unwrap();
    assert_eq!(second.admin_secret, None, "the key is shown once");
    let admin = Actor::new(&format!("http://{}", second.address), Some(&secret));
    admin.until_ready();
    assert_eq!(admin.get("/v1/articles/returns").expect(200)["title"], "退货政策");
    assert_eq!(admin.get("/v1/search?q=%E9%80%80%E8%B4%A7").expect(200)["hits"][0]["article_id"], "returns");
    second.stop().unwrap();
}
