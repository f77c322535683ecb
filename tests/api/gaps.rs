//! What could not be answered: gathered, listed, set aside.

use serde_json::json;

use crate::actors::TestApp;

#[test]
fn unanswered_questions_become_a_gap() {
    let app = TestApp::start();
    let customer = app.customer();
    let keeper = app.with_scopes("keeper", &["gaps"]);
    let first = customer.post("/v1/answer", json!({ "question": "发票抬头怎么修改" })).expect(200)["gap_id"].clone();
    let again = customer.post("/v1/answer", json!({ "question": "发票抬头怎么修改？" })).expect(200)["gap_id"].clone();
    assert_eq!(first, again, "the same question asks for the same article");
    let id = first.as_str().unwrap();
    // The query log is written off the hot path, within a second.
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    let listed = keeper.get("/v1/gaps?status=open&sort=impact").expect(200);
    assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["queries"]), (&first, &json!(2)));
    assert_eq!(keeper.get(&format!("/v1/gaps/{id}")).expect(200)["label"], "发票抬头怎么修改");

    let dismissed = keeper.post(&format!("/v1/gaps/{id}/dismiss"), json!({ "reason": "not ours" })).expect(200);
    assert_eq!(dismissed["status"], "dismissed");
    assert_eq!(keeper.get("/v1/gaps?status=open").expect(200)["items"], json!([]));
    assert_eq!(keeper.get("/v1/gaps/g_none").problem(404), "gap_not_found");
    assert_eq!(customer.get("/v1/gaps").problem(403), "forbidden");
}

#[test]
fn personal_data_is_masked_before_it_is_written() {
    let app = TestApp::start();
    let keeper = app.with_scopes("keeper", &["gaps"]);
    let asked = app.customer().post("/v1/answer", json!({ "question": "我的电话13812345678收不到短信" })).expect(200);
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    let gap = keeper.get(&format!("/v1/gaps/{}", asked["gap_id"].as_str().unwrap()));
    assert_eq!(gap.status, 200, "{}", gap.body);
    assert!(!gap.body.contains("13812345678"), "{}", gap.body);
}
