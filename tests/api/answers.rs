//! Answers with their sources, as a whole and as events; and what people say about them.

use serde_json::{Value, json};

use crate::actors::TestApp;

const BODY: &str = "# 期限\n\n签收之日起七天内可以无理由退货。\n\n# 运费\n\n质量问题由我们承担退货运费。";

fn shop() -> TestApp {
    let app = TestApp::start();
    app.publisher()
        .post(
            "/v1/articles?wait=searchable",
            json!({
                "id": "returns", "title": "退货政策", "body": BODY, "questions": ["买了几天可以退货", "退货的运费谁出"],
                "publish": true,
            }),
        )
        .expect(201);
    app
}

#[test]
fn an_answer_quotes_its_sources() {
    let app = shop();
    let answer = app.customer().post("/v1/answer", json!({ "question": "买了几天可以退货" })).expect(200);
    assert_eq!((&answer["status"], &answer["answer"]["generated"]), (&json!("answered"), &json!(false)), "{answer}");
    let body: Vec<char> = BODY.chars().collect();
    for citation in answer["citations"].as_array().unwrap() {
        let (start, end) = (citation["start"].as_u64().unwrap() as usize, citation["end"].as_u64().unwrap() as usize);
        assert_eq!(body[start..end].iter().collect::<String>(), citation["quote"].as_str().unwrap());
    }
    assert!(answer["answer"]["text"].as_str().unwrap().contains("[1]"));
}

#[test]
fn what_cannot_be_answered_is_on_record() {
    let app = shop();
    let answer = app.customer().post("/v1/answer", json!({ "question": "卫星轨道的近地点是多少" })).expect(200);
    assert_eq!((&answer["status"], &answer["answer"]), (&json!("unanswered"), &Value::Null));
    assert_eq!(answer["handoff"]["reasons"], json!(["low_confidence"]));
    assert!(answer["gap_id"].as_str().unwrap().starts_with("g_"));
}

#[test]
fn a_streamed_answer_says_the_same() {
    let app = shop();
    let streamed = app.customer().post("/v1/answer", json!({ "question": "买了几天可以退货", "stream": true }));
    assert_eq!(streamed.header("content-type"), Some("text/event-stream; charset=utf-8"));
    let events: Vec<(&str, Value)> = streamed
        .body
        .split("\n\n")
        .filter(|event| !event.is_empty())
        .map(|event| {
            let (name, data) = event.split_once('\n').unwrap();
            (name.strip_prefix("event: ").unwrap(), serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap())
        })
        .collect();
    let names: Vec<&str> = events.iter().map(|(name, _)| *name).filter(|name| *name != "delta").collect();
    assert_eq!(names, ["meta", "citations", "done"]);
    let text: String = events.iter().filter(|(n, _)| *n == "delta").map(|(_, d)| d["text"].as_str().unwrap()).collect();
    let whole = app.customer().post("/v1/answer", json!({ "question": "买了几天可以退货" })).expect(200);
    assert_eq!(json!(text), whole["answer"]["text"]);
    let wrong = app.customer().post("/v1/answer", json!({ "question": "", "stream": true }));
    assert_eq!(wrong.problem(422), "invalid_query", "a failure before the first event is a problem");
}

#[test]
fn feedback_is_taken_in() {
    let app = shop();
    let customer = app.customer();
    let id = customer.post("/v1/answer", json!({ "question": "买了几天可以退货" })).expect(200)["answer_id"].clone();
    let said = customer.post("/v1/feedback", json!({ "answer_id": id, "helpful": true, "csat": 5 }));
    assert_eq!((said.status, said.body.as_str()), (202, ""));
    customer.post("/v1/feedback", json!({ "answer_id": id, "helpful": false, "comment": "不清楚" })).expect(202);
    let unknown = customer.post("/v1/feedback", json!({ "query_id": "q_none", "helpful": true }));
    assert_eq!(unknown.problem(404), "query_not_found");
    for wrong in [
        json!({ "helpful": true }),
        json!({ "answer_id": id }),
        json!({ "answer_id": id, "csat": 6 }),
        json!({ "answer_id": id, "query_id": id, "helpful": true }),
    ] {
        assert_eq!(customer.post("/v1/feedback", wrong.clone()).problem(422), "invalid_request", "{wrong}");
    }
}

#[test]
fn a_question_that_leans_on_the_one_before_is_read_with_its_topic() {
    let app = shop();
    let shipping = json!({
        "id": "shipping", "title": "配送费用", "body": "每个包裹的配送运费是十元。", "questions": ["配送的运费是多少"], "publish": true,
    });
    app.publisher().post("/v1/articles?wait=searchable", shipping).expect(201);
    let customer = app.customer();
    let before = json!([{ "role": "user", "text": "买了几天可以退货" }, { "role": "assistant", "text": "七天。" }]);
    let asked = json!({ "question": "那运费谁出?", "history": before });
    let answer = customer.post("/v1/answer", asked).expect(200);
    assert_eq!(answer["interpreted_question"], "退货的运费谁出?", "{answer}");
    assert_eq!(answer["citations"][0]["article_id"], "returns", "{answer}");
    assert!(answer["citations"][0]["quote"].as_str().unwrap().contains("我们承担退货运费"), "{answer}");
    // Without what came before, or when it stands for itself, a question is read as it was asked.
    let alone = customer.post("/v1/answer", json!({ "question": "那运费谁出?" })).expect(200);
    assert_eq!(alone["interpreted_question"], "那运费谁出?");
    let own = json!({ "question": "配送的运费是多少", "history": before });
    assert_eq!(customer.post("/v1/answer", own).expect(200)["interpreted_question"], "配送的运费是多少");
    let english = json!({ "question": "what about gifts?", "history": [{ "role": "user", "text": "how long can I return a phone" }] });
    assert_eq!(customer.post("/v1/answer", english).expect(200)["interpreted_question"], "return phone: gifts?");
}

#[test]
fn a_person_is_called_for_by_reason() {
    let app = shop();
    let customer = app.customer();
    let reasons = |question: &str, history: Value| {
        let asked = json!({ "question": question, "history": history });
        customer.post("/v1/answer", asked).expect(200)["handoff"].clone()
    };
    let again = json!([{ "role": "user", "text": "买了几天可以退货?" }, { "role": "assistant", "text": "…" }]);
    assert_eq!(reasons("买了几天可以退货", again)["reasons"], json!(["repeated_question"]));
    assert_eq!(reasons("买了几天可以退货", json!([]))["reasons"], json!([]));
    assert_eq!(reasons("退货太差了,我要投诉", json!([]))["recommended"], true);
}

#[test]
fn a_vague_question_with_several_readings_is_asked_back() {
    let app = TestApp::start();
    let publisher = app.publisher();
    let article = |id: &str, category: &str, title: &str, body: &str| {
        let made = json!({ "id": id, "title": title, "body": body, "category": category, "publish": true });
        publisher.post("/v1/articles?wait=searchable", made).expect(201);
    };
    article("gift-a", "支付/礼品卡", "礼品卡充值", "礼品卡充值在钱包里办理。");
    article("gift-b", "售后/礼品卡", "礼品卡退款", "礼品卡退款在钱包里办理。");
    article("plan-a", "Billing", "Cloud plan prices", "Cloud plan prices are on the page.");
    article("plan-b", "Account", "Cloud plan limits", "Cloud plan limits are on the page.");
    let customer = app.customer();
    for (question, options) in
        [("礼品卡", ["礼品卡充值", "礼品卡退款"]), ("cloud plan", ["Cloud plan limits", "Cloud plan prices"])]
    {
        let answer = customer.post("/v1/answer", json!({ "question": question })).expect(200);
        assert_eq!((&answer["status"], &answer["answer"]), (&json!("clarify"), &Value::Null), "{answer}");
        let mut offered: Vec<&str> =
            answer["clarify"]["options"].as_array().unwrap().iter().map(|o| o.as_str().unwrap()).collect();
        offered.sort_unstable();
        assert_eq!(offered, options);
        assert_eq!((&answer["handoff"]["recommended"], &answer["gap_id"]), (&json!(false), &Value::Null));
    }
    for clear in ["礼品卡怎么充值", "礼品卡充值", "cloud plan prices", "what are the limits of a cloud plan"]
    {
        let answer = customer.post("/v1/answer", json!({ "question": clear })).expect(200);
        assert_ne!(answer["status"], "clarify", "{clear}: {answer}");
    }
}
