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
                "id": "returns", "title": "退货政策", "body": BODY, "questions": ["买了几天可以退货"], "publish": true,
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
