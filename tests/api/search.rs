//! Searching: hits, filters, time, audiences, batches, suggestions, similar and related articles.

use serde_json::{Value, json};

use crate::actors::{Actor, TestApp};

fn shop() -> TestApp {
    let app = TestApp::start();
    let who = app.publisher();
    for article in [
        json!({ "id": "returns", "title": "退货政策", "body": "# 期限\n\n签收之日起七天内可以无理由退货。\n\n# 运费\n\n质量问题由我们承担退货运费。",
                "questions": ["买了三天还能退吗"], "category": "售后/退货", "tags": ["退货"], "publish": true }),
        json!({ "id": "invoice", "title": "开具发票", "body": "订单完成后可以在订单详情里申请电子发票。",
                "category": "财务", "tags": ["发票"], "publish": true }),
        json!({ "id": "reset", "title": "Reset your password", "body": "Open the login page and choose Forgot password.",
                "category": "Account", "tags": ["password"], "publish": true }),
        json!({ "id": "refund-rules", "title": "退货审批内部规定", "body": "超过一千元的退货由主管审批。", "audience": "internal",
                "category": "售后/退货", "publish": true }),
    ] {
        who.post("/v1/articles?wait=searchable", article).expect(201);
    }
    app
}

fn ids(answer: &Value) -> Vec<&str> {
    answer["hits"].as_array().unwrap().iter().map(|hit| hit["article_id"].as_str().unwrap()).collect()
}

#[test]
fn a_question_finds_its_article() {
    let app = shop();
    let found =
        app.customer().post("/v1/search", json!({ "query": "买了三天还能退吗", "facets": ["category"] })).expect(200);
    assert_eq!(ids(&found)[0], "returns");
    let hit = &found["hits"][0];
    assert_eq!(
        (&hit["version"], &hit["category"], &hit["audience"]),
        (&json!(1), &json!("售后/退货"), &json!("public"))
    );
    let score = hit["score"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&score) && found["confidence"].as_f64().unwrap() >= score - 1e-9);
    assert!(found["query_id"].as_str().unwrap().starts_with("q_"));
    let body: Vec<char> =
        app.publisher().get("/v1/articles/returns").expect(200)["body"].as_str().unwrap().chars().collect();
    let passage = &hit["passage"];
    let (start, end) = (passage["start"].as_u64().unwrap() as usize, passage["end"].as_u64().unwrap() as usize);
    assert_eq!(body[start..end].iter().collect::<String>(), passage["text"].as_str().unwrap());
}

#[test]
fn the_same_by_url() {
    let app = shop();
    let found = app.customer().get("/v1/search?q=forgot+password&limit=1&mode=keyword").expect(200);
    assert_eq!(ids(&found), ["reset"]);
}

#[test]
fn filters_hold_and_fail_closed() {
    let app = shop();
    let ask = |filters: Value| {
        app.customer().post("/v1/search", json!({ "query": "退货 发票 password", "filters": filters }))
    };
    assert_eq!(ids(&ask(json!({ "field": "category", "op": "under", "value": "售后" })).expect(200)), ["returns"]);
    assert_eq!(
        ids(&ask(json!({ "all": [ { "field": "tags", "op": "in", "value": ["nothing"] } ] })).expect(200)),
        Vec::<&str>::new()
    );
    assert_eq!(ask(json!({ "field": "colour", "op": "eq", "value": "red" })).problem(422), "invalid_query");
    assert_eq!(ask(json!({ "field": "tags", "op": "in", "value": 3 })).problem(422), "invalid_query");
}

#[test]
fn nobody_sees_what_is_not_for_them() {
    let app = shop();
    let inside =
        app.with_key(json!({ "name": "agent", "scopes": ["search"], "audiences": ["public", "agent", "internal"] }));
    let body = json!({ "query": "退货审批内部规定", "facets": ["category"] });
    assert!(ids(&inside.post("/v1/search", body.clone()).expect(200)).contains(&"refund-rules"));
    let outside = app.customer();
    let found = outside.post("/v1/search", body).expect(200);
    assert!(
        !found.to_string().contains("refund-rules") && found["facets"]["category"]["售后/退货"] != json!(2),
        "{found}"
    );
    for answer in [
        outside.get("/v1/suggest?q=%E9%80%80%E8%B4%A7"),
        outside.post("/v1/similar", json!({ "text": "超过一千元的退货由主管审批。" })),
        outside.get("/v1/articles/returns/related"),
    ] {
        assert!(!answer.body.contains("refund-rules"), "{}", answer.body);
    }
    assert_eq!(outside.get("/v1/articles/refund-rules/related").problem(404), "article_not_found");
}

#[test]
fn a_search_of_the_past_finds_what_was_live_then() {
    let app = shop();
    let who = app.publisher();
    let before = jiff::Timestamp::now().to_string();
    std::thread::sleep(std::time::Duration::from_millis(20));
    who.put(
        "/v1/articles/returns",
        json!({ "title": "退货政策", "body": "签收之日起三十天内可以退货。", "expected_version": 1 }),
    )
    .expect(200);
    who.post("/v1/articles/returns/publish?wait=searchable", json!({})).expect(200);
    let version = |as_of: Option<&str>| {
        let found = app.customer().post("/v1/search", json!({ "query": "退货政策", "as_of": as_of })).expect(200);
        found["hits"][0]["version"].as_u64().unwrap()
    };
    assert_eq!((version(None), version(Some(&before))), (2, 1));
}

#[test]
fn a_batch_answers_each_search_for_itself() {
    let app = shop();
    let searches = json!([{ "query": "发票" }, { "query": "", "limit": 0 }, { "query": "退货", "space": "none" }]);
    let results = app.customer().post("/v1/search/batch", json!({ "searches": searches })).expect(200);
    assert_eq!(results["results"][0]["hits"][0]["article_id"], "invoice");
    assert_eq!(results["results"][1]["code"], "invalid_query");
    assert_eq!(results["results"][1]["errors"].as_array().unwrap().len(), 2);
    assert_eq!(results["results"][2]["status"].as_u64().map(|status| status / 100), Some(4));
}

#[test]
fn typing_is_completed() {
    let app = shop();
    let texts =
        |who: &Actor, typed: &str| who.get(&format!("/v1/suggest?q={typed}")).expect(200)["suggestions"].to_string();
    assert!(texts(&app.customer(), "%E9%80%80").contains("退货政策"));
    assert!(texts(&app.customer(), "rese").contains("Reset your password"));
}

#[test]
fn near_articles_are_found() {
    let app = shop();
    let near = app.customer().post("/v1/similar", json!({ "text": "我买的东西想退货，运费谁来承担？" })).expect(200);
    assert_eq!(ids(&near)[0], "returns");
    let related = app.customer().get("/v1/articles/returns/related").expect(200);
    assert!(!ids(&related).contains(&"returns"), "an article is not related to itself");
}
