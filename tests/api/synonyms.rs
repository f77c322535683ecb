//! What a space calls the same thing, and what is understood where something is misspelled.

use serde_json::{Value, json};

use crate::actors::{Actor, TestApp};

fn publish(app: &TestApp, id: &str, title: &str, body: &str, audience: &str) {
    let article = json!({ "id": id, "title": title, "body": body, "audience": audience, "publish": true });
    app.publisher().post("/v1/articles?wait=searchable", article).expect(201);
}

fn shop(app: &TestApp) -> Actor {
    publish(app, "returns", "退货政策", "签收后 15 天内可以无理由退货。", "public");
    publish(app, "invoice", "开具发票", "在订单详情页申请发票,填写抬头和税号。", "public");
    publish(app, "hub", "Connect the hub", "Open the app and choose your wireless network.", "public");
    publish(app, "limits", "特批额度", "客服最多可以直接批准 200 元的补偿金。", "agent");
    app.customer()
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn first(answer: &Value) -> &str {
    answer["hits"][0]["article_id"].as_str().unwrap_or_default()
}

#[test]
fn a_synonym_counts_from_the_next_search_on() {
    let app = TestApp::start();
    let customer = shop(&app);
    let curator = app.with_scopes("curator", &["curate"]);
    let asked = || customer.post("/v1/search", json!({ "query": "RMA", "mode": "keyword" })).expect(200);
    assert_eq!(asked()["total"], 0);
    let rule = json!({ "kind": "two_way", "terms": ["RMA", "退货"] });
    let added = curator.post("/v1/synonyms", rule.clone()).expect(201);
    assert_eq!(first(&asked()), "returns");
    assert_eq!(asked()["corrected_query"], Value::Null, "a synonym corrects nothing");
    assert_eq!(curator.post("/v1/synonyms", rule).problem(409), "already_exists");
    assert_eq!(curator.get("/v1/synonyms").expect(200)["items"], json!([added]));
    let path = format!("/v1/synonyms/{}", added["id"].as_str().unwrap());
    assert_eq!(curator.delete(&path).expect(200), added);
    assert_eq!(asked()["total"], 0);
    assert_eq!(curator.delete(&path).problem(404), "synonym_not_found");
    let actions: Vec<Value> = app.admin().get("/v1/audit?space=default").expect(200)["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["action"].clone())
        .filter(|action| action.as_str().unwrap().starts_with("synonym."))
        .collect();
    assert_eq!(actions, ["synonym.remove", "synonym.add"]);
}

#[test]
fn rules_stay_in_their_space_and_over_a_restart_of_the_list() {
    let app = TestApp::start();
    let customer = shop(&app);
    let curator = app.with_scopes("curator", &["curate"]);
    app.admin().post("/v1/spaces", json!({ "id": "other", "name": "Other" })).expect(201);
    let rules = json!([
        { "kind": "one_way", "from": ["票据"], "to": ["发票"] },
        { "kind": "replacement", "from": ["寄回去"], "to": ["退货"] },
    ]);
    let put = curator.put("/v1/synonyms?space=other", json!({ "items": rules })).expect(200);
    assert_eq!(put["items"].as_array().unwrap().len(), 2);
    assert_eq!(curator.get("/v1/synonyms").expect(200)["items"], json!([]));
    let asked = || customer.post("/v1/search", json!({ "query": "票据", "mode": "keyword" })).expect(200);
    assert_eq!(asked()["total"], 0);
    let here = curator.put("/v1/synonyms", json!({ "items": rules })).expect(200);
    assert_eq!(first(&asked()), "invoice");
    // What stays keeps its id.
    let again = curator.put("/v1/synonyms", json!({ "items": [rules[0]] })).expect(200);
    assert_eq!(again["items"], json!([here["items"][0]]));
}

#[test]
fn everything_that_is_wrong_with_a_rule_is_named() {
    let app = TestApp::start();
    let curator = app.with_scopes("curator", &["curate"]);
    let wrong = curator.post("/v1/synonyms", json!({ "kind": "two_way", "terms": ["退货"], "to": ["!!", ""] }));
    assert_eq!(wrong.status, 422, "{}", wrong.body);
    let wrong = curator.put(
        "/v1/synonyms",
        json!({ "items": [
            { "kind": "two_way", "terms": ["退货", "退貨"] },
            { "kind": "replacement", "from": ["a"], "to": ["b", "c"] },
            { "kind": "one_way", "terms": ["x"], "from": ["。"], "to": ["y"] },
        ] }),
    );
    insta::assert_snapshot!(wrong.story());
    assert_eq!(curator.get("/v1/synonyms").expect(200)["items"], json!([]));
    let both = json!({ "rule": { "kind": "two_way", "terms": ["a", "b"] }, "queries": ["a"], "last": 3 });
    assert_eq!(curator.post("/v1/synonyms/preview", both).problem(422), "invalid_request");
    assert_eq!(app.customer().get("/v1/synonyms").problem(403), "forbidden");
}

#[test]
fn a_preview_shows_what_would_change_and_stores_nothing() {
    let app = TestApp::start();
    let customer = shop(&app);
    let curator = app.with_scopes("curator", &["curate"]);
    let rule = json!({ "kind": "two_way", "terms": ["RMA", "退货"] });
    let body = json!({ "rule": rule, "queries": ["RMA", "申请发票"] });
    let preview = curator.post("/v1/synonyms/preview", body).expect(200);
    assert_eq!((&preview["queries"], &preview["gained"], &preview["lost"]), (&json!(2), &json!(1), &json!(0)));
    assert_eq!(preview["items"].as_array().unwrap().len(), 1, "{preview}");
    assert_eq!((&preview["items"][0]["query"], &preview["items"][0]["effect"]), (&json!("RMA"), &json!("gained")));
    assert_eq!(preview["items"][0]["after"]["article_id"], "returns");
    assert_eq!(curator.get("/v1/synonyms").expect(200)["items"], json!([]));
    // The same on what customers asked; the log is written off the hot path, within a second.
    for query in ["RMA", "申请发票", "RMA"] {
        customer.post("/v1/search", json!({ "query": query })).expect(200);
    }
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    let preview = curator.post("/v1/synonyms/preview", json!({ "rule": rule, "last": 10 })).expect(200);
    assert_eq!((&preview["queries"], &preview["gained"]), (&json!(2), &json!(1)), "{preview}");
}

#[test]
fn a_correction_is_told_where_it_is_what_matched() {
    let app = TestApp::start();
    let customer = shop(&app);
    let asked = |query: &str| customer.post("/v1/search", json!({ "query": query, "explain": true })).expect(200);
    for (query, understood, article) in [
        ("tuihuo", "退货", "returns"),
        ("怎么 tui huo", "怎么 退货", "returns"),
        ("退或", "退货", "returns"),
        ("kaiju fapiao", "开具发票", "invoice"),
        ("wireles netwrok", "wireless network", "hub"),
    ] {
        let answer = asked(query);
        assert_eq!((first(&answer), &answer["corrected_query"]), (article, &json!(understood)), "{query}");
        let rewrites = &answer["hits"][0]["explain"]["query"]["rewrites"];
        assert!(rewrites.as_array().is_some_and(|list| !list.is_empty()), "{query}: {rewrites}");
    }
    for query in ["退货", "退貨", "发票", "wireless network"] {
        assert_eq!(asked(query)["corrected_query"], Value::Null, "{query}");
    }
    let right = asked("退货")["confidence"].as_f64().unwrap();
    let wrong = asked("tuihuo")["confidence"].as_f64().unwrap();
    assert!(wrong < right, "a guess is not surer than what was written: {wrong} and {right}");
    let answer = customer.post("/v1/answer", json!({ "question": "tuihuo zhengce" })).expect(200);
    assert_eq!(answer["interpreted_question"], "退货政策");
    let typed = customer.get("/v1/suggest?q=tuih").expect(200);
    assert_eq!(typed["suggestions"][0]["article_id"], "returns");
    assert_eq!(customer.get("/v1/suggest?q=thzc").expect(200)["suggestions"][0]["article_id"], "returns");
}

#[test]
fn a_correction_shows_nothing_of_what_the_caller_may_not_see() {
    let app = TestApp::start();
    let customer = shop(&app);
    for query in ["buchangjin", "tepi edu", "补偿斤", "bcj"] {
        let answer = customer.post("/v1/search", json!({ "query": query, "explain": true })).expect(200);
        let shown = answer.to_string();
        assert!(!shown.contains("补偿金") && !shown.contains("特批"), "{query}: {shown}");
        let typed = customer.get(&format!("/v1/suggest?q={}", encoded(query))).expect(200);
        assert_eq!(typed["suggestions"], json!([]), "{query}");
    }
    let agent = app.with_scopes("agent", &["search"]);
    let answer = agent.post("/v1/search", json!({ "query": "buchangjin" })).expect(200);
    assert_eq!((first(&answer), &answer["corrected_query"]), ("limits", &json!("补偿金")));
}
