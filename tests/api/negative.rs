//! Questions that an article does not answer, from the editor's word to what customers are told.

use serde_json::{Value, json};

use crate::actors::{Actor, TestApp};

const ZH: &str = "退货后退款多久到账";
const EN: &str = "How do I cancel a bank transfer?";

fn article(id: &str, title: &str, body: &str, question: &str) -> Value {
    json!({ "id": id, "title": title, "body": body, "questions": [question], "publish": true })
}

fn shop() -> TestApp {
    let app = TestApp::start();
    let articles = [
        article("returns", "退货政策", "签收后 15 天内可以无理由退货。退货后,退款原路到账。", "买了几天可以退货"),
        article(
            "transfer",
            "Bank transfer",
            "You can pay by bank transfer. Choose it at checkout and enter the number of your account.",
            "How do I pay by bank transfer?",
        ),
        article("invoice", "开具发票", "在订单详情页申请发票,填写抬头和税号。", "怎么开发票"),
    ];
    for article in articles {
        app.publisher().post("/v1/articles?wait=searchable", article).expect(201);
    }
    app
}

fn answered(customer: &Actor, question: &str) -> Value {
    customer.post("/v1/answer", json!({ "question": question })).expect(200)
}

fn found(customer: &Actor, query: &str) -> Value {
    customer.post("/v1/search", json!({ "query": query, "explain": true, "log": false })).expect(200)
}

/// An editor says what an article does not answer, and publishes that.
fn say(app: &TestApp, id: &str, negative: &[&str]) {
    let path = format!("/v1/articles/{id}");
    let was = app.publisher().get(&path).expect(200);
    let change = json!({ "title": was["title"], "body": was["body"], "questions": was["questions"],
        "negative_questions": negative, "expected_version": was["version"] });
    app.publisher().put(&path, change).expect(200);
    app.publisher().post(&format!("{path}/publish?wait=searchable"), json!({})).expect(200);
}

fn score(found: &Value, id: &str) -> f64 {
    let hit = found["hits"].as_array().unwrap().iter().find(|hit| hit["article_id"] == id);
    hit.unwrap_or_else(|| panic!("no {id} in {found}"))["score"].as_f64().unwrap()
}

#[test]
fn what_an_article_does_not_answer_goes_on_the_list_until_another_one_does() {
    let app = shop();
    let customer = app.customer();
    let like = [("退货以后多久能收到退款", "returns"), ("how can I cancel my bank transfer", "transfer")];
    let others = ["买了几天可以退货", "怎么开发票", "how do I pay by bank transfer"];
    for (question, id) in [(ZH, "returns"), (EN, "transfer")] {
        let before = answered(&customer, question);
        assert_eq!((&before["status"], &before["citations"][0]["article_id"]), (&json!("answered"), &json!(id)));
    }
    let before = [like.map(|(query, _)| query).as_slice(), &others].concat();
    let before: Vec<Value> = before.into_iter().map(|query| found(&customer, query)).collect();

    say(&app, "returns", &["积分怎么兑换", ZH]);
    say(&app, "transfer", &[EN]);
    for (question, id) in [(ZH, "returns"), (EN, "transfer")] {
        let after = answered(&customer, question);
        assert_eq!(after["status"], "unanswered", "{after}");
        assert!(after["gap_id"].as_str().unwrap().starts_with("g_"));
        let hits = found(&customer, question);
        let hit = hits["hits"].as_array().unwrap().iter().find(|hit| hit["article_id"] == id).unwrap();
        let why = &hit["explain"]["negative_question"];
        assert_eq!((&why["against"]["exact"], &why["weights"]["confidence"]), (&json!(true), &json!(4.0)));
        assert!(!why.to_string().contains(question), "editors' words are not shown: {why}");
    }
    for ((query, id), before) in like.into_iter().zip(&before) {
        let after = found(&customer, query);
        assert!(score(&after, id) < 0.7 * score(before, id), "{query}");
    }
    for (query, before) in others.into_iter().zip(before.iter().skip(2)) {
        let after = found(&customer, query);
        assert_eq!(after["confidence"], before["confidence"], "{query}");
        assert_eq!(after["hits"][0]["article_id"], before["hits"][0]["article_id"]);
    }

    let refunds = article("refunds", "退款到账时间", "退款在审核后 3 天内原路到账。", "退款多久能到账");
    app.publisher().post("/v1/articles?wait=searchable", refunds).expect(201);
    let after = answered(&customer, ZH);
    assert_eq!((&after["status"], &after["citations"][0]["article_id"]), (&json!("answered"), &json!("refunds")));

    // Taken back, it is answered as before.
    say(&app, "transfer", &[]);
    assert_eq!(answered(&customer, EN)["status"], "answered");
}

#[test]
fn a_pin_may_say_otherwise() {
    let app = shop();
    say(&app, "transfer", &[EN]);
    let customer = app.customer();
    assert_eq!(answered(&customer, EN)["status"], "unanswered");
    let curator = app.with_scopes("curator", &["curate"]);
    let pin = |answers: bool| json!({ "query": EN, "action": "first", "articles": ["transfer"], "answers": answers });
    let made = curator.post("/v1/pins", pin(false)).expect(201);
    let first = found(&customer, EN);
    assert_eq!((&first["hits"][0]["article_id"], &first["matched"]), (&json!("transfer"), &json!(false)));
    curator.put(&format!("/v1/pins/{}", made["id"].as_str().unwrap()), pin(true)).expect(200);
    assert_eq!(answered(&customer, EN)["citations"][0]["article_id"], "transfer");
}
