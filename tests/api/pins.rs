//! Pins: what an editor wants first, never or alone.

use serde_json::{Value, json};

use crate::actors::{Actor, TestApp};

fn shop() -> TestApp {
    let app = TestApp::start();
    let publisher = app.publisher();
    publisher.publish_article("returns", "Return policy", "You may return a phone within 15 days.");
    publisher.publish_article("shipping", "Shipping fees", "Return shipping of a phone costs 12 yuan.");
    publisher.publish_article("promo", "Autumn promotion", "Coupons for everyone.");
    let secret = json!({ "id": "secret", "title": "Refund limits", "body": "Agents may return a phone until day 30.",
        "audience": "agent", "publish": true });
    publisher.post("/v1/articles?wait=searchable", secret).expect(201);
    app
}

fn found(actor: &Actor, query: &str) -> Value {
    actor.post("/v1/search", json!({ "query": query, "log": false })).expect(200)
}

fn ids(found: &Value) -> Vec<&str> {
    found["hits"].as_array().unwrap().iter().map(|hit| hit["article_id"].as_str().unwrap()).collect()
}

fn pin(app: &TestApp, body: Value) -> Value {
    app.with_scopes("curator", &["curate"]).post("/v1/pins", body).expect(201)
}

#[test]
fn an_article_stands_first_where_an_editor_puts_it() {
    let app = shop();
    let customer = app.customer();
    let before = found(&customer, "return a phone");
    assert_ne!(ids(&before)[0], "promo");
    pin(&app, json!({ "query": "Return a PHONE?", "action": "first", "articles": ["promo"] }));
    let after = found(&customer, "return a phone");
    assert_eq!(ids(&after)[0], "promo", "the form of the query counts, not its spelling");
    assert_eq!(ids(&after)[1..], ids(&before).into_iter().filter(|id| *id != "promo").collect::<Vec<_>>());
    let scores: Vec<f64> = after["hits"].as_array().unwrap().iter().map(|h| h["score"].as_f64().unwrap()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "a later hit is never surer: {scores:?}");
    assert!(after["confidence"].as_f64() < Some(1.0), "a pin is evidence, not proof");
    assert_eq!(ids(&found(&customer, "return a phone today")), ids(&found(&customer, "return a phone today")));
    assert_ne!(ids(&found(&customer, "return the phone"))[0], "promo", "another query is left alone");
    // Pages go on where the page before ended.
    let page = customer.post("/v1/search", json!({ "query": "return a phone", "limit": 1, "offset": 1 })).expect(200);
    assert_eq!(ids(&page)[0], ids(&after)[1]);
}

#[test]
fn an_article_that_shares_no_word_is_shown_with_its_text_and_the_reason() {
    let app = shop();
    let made = pin(&app, json!({ "query": "zebra", "match": "contains", "action": "first", "articles": ["promo"] }));
    let asked = json!({ "query": "zebra!", "mode": "keyword", "explain": true });
    let found = app.customer().post("/v1/search", asked).expect(200);
    assert_eq!(ids(&found), ["promo"]);
    assert_eq!(found["hits"][0]["passage"]["text"], "Coupons for everyone.");
    assert_eq!(found["hits"][0]["explain"]["pin"]["id"], made["id"]);
    assert_eq!(found["total"], 1);
    assert!(found["matched"] == false, "an editor's word alone does not make it an answer: {found}");
}

#[test]
fn a_pin_that_answers_makes_the_query_matched() {
    let app = shop();
    let body = json!({ "query": "zebra", "action": "instead", "articles": ["promo"], "answers": true });
    pin(&app, body);
    let found = found(&app.customer(), "Zebra!");
    assert_eq!((ids(&found), &found["confidence"], &found["matched"]), (vec!["promo"], &json!(1.0), &json!(true)));
    let answer = app.customer().post("/v1/answer", json!({ "question": "zebra" })).expect(200);
    assert_eq!((&answer["status"], &answer["citations"][0]["article_id"]), (&json!("answered"), &json!("promo")));
}

#[test]
fn never_leaves_no_trace_and_instead_stands_alone() {
    let app = shop();
    let customer = app.customer();
    let before = found(&customer, "return a phone");
    pin(&app, json!({ "query": "return", "match": "prefix", "action": "never", "articles": ["shipping"] }));
    let after = found(&customer, "return a phone");
    assert!(ids(&before).contains(&"shipping") && !ids(&after).contains(&"shipping"));
    assert_eq!(after["total"].as_u64().unwrap() + 1, before["total"].as_u64().unwrap());
    pin(
        &app,
        json!({ "query": "phone", "match": "contains", "action": "instead", "articles": ["shipping", "returns"] }),
    );
    assert_eq!(ids(&found(&customer, "return a phone")), ["returns"], "what must not be found is not pinned either");
    assert_eq!(ids(&found(&customer, "my phone")), ["shipping", "returns"]);
}

#[test]
fn a_pin_shows_nobody_what_they_may_not_see() {
    let app = shop();
    let plain = found(&app.customer(), "return a phone");
    pin(&app, json!({ "query": "return a phone", "action": "instead", "articles": ["secret"], "answers": true }));
    let customers = found(&app.customer(), "return a phone");
    assert_eq!((ids(&customers), &customers["confidence"]), (ids(&plain), &plain["confidence"]));
    let agent = app.with_key(json!({ "name": "agent", "scopes": ["search"], "audiences": ["public", "agent"] }));
    assert_eq!(ids(&found(&agent, "return a phone")), ["secret"]);
    // The caller's own filter holds for pinned articles, too.
    let asked = json!({ "query": "return a phone", "filters": { "field": "audience", "op": "eq", "value": "public" } });
    assert!(!ids(&agent.post("/v1/search", asked).expect(200)).contains(&"secret"));
}

#[test]
fn a_pin_is_in_force_within_its_window_and_until_it_is_removed() {
    let app = shop();
    let (customer, curator) = (app.customer(), app.with_scopes("curator", &["curate"]));
    let body = |from: &str, until: &str| {
        json!({ "query": "return a phone", "action": "first", "articles": ["promo"],
        "from": from, "until": until })
    };
    let made = pin(&app, body("2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"));
    let path = format!("/v1/pins/{}", made["id"].as_str().unwrap());
    assert_ne!(ids(&found(&customer, "return a phone"))[0], "promo", "it is over");
    curator.put(&path, body("2020-01-01T00:00:00Z", "2120-01-01T00:00:00Z")).expect(200);
    assert_eq!(ids(&found(&customer, "return a phone"))[0], "promo");
    let meets =
        |query: &str| curator.get(&format!("/v1/pins?q={query}")).expect(200)["items"].as_array().unwrap().len();
    assert_eq!((meets("return+a+phone"), meets("phone")), (1, 0));
    curator.delete(&path).expect(204);
    assert_ne!(ids(&found(&customer, "return a phone"))[0], "promo");
    assert_eq!(curator.get(&path).problem(404), "pin_not_found");
    let actions: Vec<Value> = app.admin().get("/v1/audit?space=default&limit=3").expect(200)["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["action"].clone())
        .collect();
    assert!(actions.contains(&json!("pin.remove")), "{actions:?}");
}

#[test]
fn what_is_wrong_with_a_pin_is_named() {
    let app = shop();
    let curator = app.with_scopes("curator", &["curate"]);
    let wrong = curator.post(
        "/v1/pins",
        json!({ "query": "?!", "action": "never", "articles": ["nowhere"], "answers": true,
            "from": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z" }),
    );
    assert_eq!(wrong.problem(422), "invalid_request");
    let errors = wrong.json()["errors"].clone();
    let mut fields: Vec<&str> = errors.as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["answers", "articles[0]", "query", "until"], "{errors}");
    let unknown = curator.post("/v1/pins", json!({ "query": "a", "action": "last", "articles": ["promo"] }));
    assert_eq!(unknown.problem(422), "invalid_request");
    assert_eq!(app.customer().get("/v1/pins").problem(403), "forbidden");
}
