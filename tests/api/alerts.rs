//! Alerts: raised once, listed, sent signed to a webhook until it has them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ring::hmac;
use serde_json::{Value, json};

use crate::actors::{Actor, TestApp, found_within};
use crate::fake::{Asked, Fake, Told};

/// A server whose default space has these rules.
fn with_rules(app: &TestApp, rules: Value) -> Actor {
    app.admin().patch("/v1/spaces/default", json!({ "settings": { "alerts": rules } })).expect(200);
    app.with_scopes("analyst", &["analytics"])
}

fn alerts(analyst: &Actor) -> Vec<Value> {
    analyst.get("/v1/analytics/alerts").expect(200)["items"].as_array().unwrap().clone()
}

fn ask(app: &TestApp, times: usize) {
    for _ in 0..times {
        app.customer().post("/v1/answer", json!({ "question": "为什么不能登月" })).expect(200);
    }
}

fn unbase64(text: &str) -> Vec<u8> {
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        bits = bits << 6 | digits.iter().position(|digit| *digit == byte).unwrap() as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}

/// What a receiver does: checks the signature over id, time and body.
fn is_signed(asked: &Asked, secret: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &unbase64(secret.strip_prefix("whsec_").unwrap()));
    let signed = format!("{}.{}.{}", asked.headers["webhook-id"], asked.headers["webhook-timestamp"], asked.body);
    let tag = unbase64(asked.headers["webhook-signature"].strip_prefix("v1,").unwrap());
    hmac::verify(&key, signed.as_bytes(), &tag).is_ok()
}

#[test]
fn an_alert_is_raised_once_and_sent_until_the_receiver_has_it() {
    let app = TestApp::start_with(|config| config.webhook_private = true);
    let calls = AtomicU32::new(0);
    let receiver = Fake::start(move |_| match calls.fetch_add(1, Ordering::SeqCst) {
        0 => Told::new(500, "not now"),
        1 => Told::new(302, "").with("location", "http://127.0.0.1:1/elsewhere"),
        _ => Told::new(204, ""),
    });
    let url = format!("{}/hook", receiver.url);
    let set = app.admin().put("/v1/spaces/default/webhook", json!({ "url": url })).expect(200);
    let secret = set["secret"].as_str().unwrap().to_owned();
    let shown = app.admin().get("/v1/spaces/default/webhook").expect(200);
    assert_eq!((&shown["url"], &shown["secret"]), (&json!(url), &json!(null)), "shown once");
    let analyst = with_rules(&app, json!({ "answer_rate_below": 0.5, "min_queries": 3 }));
    ask(&app, 4);
    let delivered = found_within(30, "the alert is delivered", || {
        alerts(&analyst).into_iter().find(|alert| alert["delivery"]["state"] == "delivered")
    });
    assert_eq!(
        (&delivered["rule"], &delivered["value"], &delivered["threshold"]),
        (&json!("answer_rate"), &json!(0.0), &json!(0.5))
    );
    assert_eq!(delivered["delivery"]["attempts"], 3, "a failure and a redirect came first: {delivered}");
    let asked = receiver.asked();
    assert_eq!(asked.len(), 3);
    for one in &asked {
        assert_eq!((one.method.as_str(), one.path.as_str()), ("POST", "/hook"));
        assert_eq!(one.headers["webhook-id"], delivered["id"].as_str().unwrap());
        assert_eq!(one.headers["idempotency-key"], one.headers["webhook-id"]);
        assert_eq!(one.body, asked[0].body, "the same alert is the same body");
        assert!(is_signed(one, &secret));
    }
    let mut forged = asked[0].clone();
    forged.body = forged.body.replace("0.5", "0.9");
    assert!(!is_signed(&forged, &secret), "the check sees a change");
    let body: Value = serde_json::from_str(&asked[0].body).unwrap();
    assert_eq!((&body["type"], &body["data"]["rule"]), (&json!("zhiyin.alert"), &json!("answer_rate")));

    // More of the same on the same day raises nothing new.
    ask(&app, 4);
    std::thread::sleep(Duration::from_secs(7));
    assert_eq!((alerts(&analyst).len(), receiver.asked().len()), (1, 3));
    // Neither the audit log nor any list has the secret.
    for path in ["/v1/audit", "/v1/spaces", "/v1/spaces/default", "/v1/analytics/alerts"] {
        assert!(!app.admin().get(path).body.contains(&secret), "{path}");
    }
    assert_eq!(app.admin().delete("/v1/spaces/default/webhook").status, 204);
    assert_eq!(app.admin().get("/v1/spaces/default/webhook").problem(404), "webhook_not_found");
}

#[test]
fn gaps_that_many_ask_for_raise_an_alert_without_any_webhook() {
    let app = TestApp::start();
    let analyst = with_rules(&app, json!({ "gap_sessions_above": 2 }));
    for conversation in ["a", "b", "c"] {
        let body = json!({ "question": "为什么不能登月", "conversation_id": conversation });
        app.customer().post("/v1/answer", body).expect(200);
    }
    let alert = found_within(30, "the alert is raised", || alerts(&analyst).into_iter().next());
    assert_eq!(
        (&alert["rule"], &alert["value"], &alert["delivery"]),
        (&json!("gap_sessions"), &json!(3.0), &json!(null))
    );
    assert!(alert["gap_id"].as_str().unwrap().starts_with("g_"), "{alert}");
    let spikes = analyst.get("/v1/analytics/alerts?rule=spike").expect(200);
    assert_eq!(spikes["items"], json!([]));
    let before = analyst.get("/v1/analytics/alerts?from=2024-01-01&to=2024-01-31").expect(200);
    assert_eq!(before["items"], json!([]));
}

#[test]
fn an_hour_like_no_other_is_a_spike() {
    let app = TestApp::start();
    let analyst = with_rules(&app, json!({}));
    let channel = app.with_scopes("channel", &["interactions"]);
    // Four weeks in which two ask at this hour, which must not end meanwhile.
    let left = 3600 - jiff::Timestamp::now().as_second() % 3600;
    if left < 30 {
        std::thread::sleep(Duration::from_secs(left as u64));
    }
    let now = jiff::Timestamp::now();
    let mut lines = String::new();
    for week in 1..=4 {
        let at = now.checked_sub(jiff::SignedDuration::from_hours(7 * 24 * week)).unwrap();
        for n in 0..2 {
            let turn = json!({ "role": "customer", "text": "为什么不能登月", "at": at.to_string() });
            lines.push_str(&json!({ "session_id": format!("{week}-{n}"), "turns": [turn] }).to_string());
            lines.push('\n');
        }
    }
    channel.post_raw("/v1/interactions", "application/x-ndjson", &lines).expect(200);
    ask(&app, 25);
    let alert = found_within(30, "the spike is seen", || alerts(&analyst).into_iter().next());
    assert_eq!((&alert["rule"], &alert["threshold"]), (&json!("spike"), &json!(20.0)), "{alert}");
    assert!(alert["message"].as_str().unwrap().contains("usual at this hour and weekday are 2"), "{alert}");
}

#[test]
fn webhooks_lead_to_public_addresses_only_and_rules_make_sense() {
    let app = TestApp::start();
    for url in [
        "http://hooks.example/x",
        "https://127.0.0.1/x",
        "https://[::1]/",
        "https://169.254.169.254/latest",
        "hooks",
        "",
    ] {
        let refused = app.admin().put("/v1/spaces/default/webhook", json!({ "url": url }));
        assert_eq!(refused.problem(422), "invalid_request", "{url}");
    }
    assert_eq!(
        app.admin().put("/v1/spaces/none/webhook", json!({ "url": "https://a.example" })).problem(404),
        "space_not_found"
    );
    let analyst = app.with_scopes("analyst", &["analytics"]);
    let set = analyst.put("/v1/spaces/default/webhook", json!({ "url": "https://hooks.example/x" }));
    assert_eq!(set.problem(403), "forbidden");
    for rules in [json!({ "answer_rate_below": 2 }), json!({ "csat_below": 0 }), json!({ "colour": 1 })] {
        let refused = app.admin().patch("/v1/spaces/default", json!({ "settings": { "alerts": rules } }));
        assert_eq!(refused.problem(422), "invalid_request", "{rules}");
    }
    assert_eq!(app.customer().get("/v1/analytics/alerts").problem(403), "forbidden");
}
