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

fn eventually(what: &str, check: impl Fn() -> bool) {
    for _ in 0..100 {
        if check() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("not within ten seconds: {what}");
}

#[test]
fn a_gap_becomes_an_article_and_closes_only_when_its_own_questions_are_answered() {
    let app = TestApp::start();
    let keeper = app.with_scopes("keeper", &["gaps", "articles:write", "articles:read", "articles:publish"]);
    let customer = app.customer();
    let ask = |question: &str| customer.post("/v1/answer", json!({ "question": question })).expect(200);
    let id = ask("学生证买电脑有没有教育优惠")["gap_id"].as_str().unwrap().to_owned();
    ask("学生证 买电脑 有没有教育优惠?");
    let path = format!("/v1/gaps/{id}");
    eventually("the gap is counted", || keeper.get(&path).status == 200);
    let gap = keeper.get(&path).expect(200);
    assert_eq!((&gap["status"], &gap["suggested"]["action"]), (&json!("open"), &json!("new_article")), "{gap}");

    let drafted =
        keeper.post(&format!("{path}/draft"), json!({ "article_id": "edu-zh", "category": "优惠" })).expect(201);
    assert_eq!(drafted["gap"]["status"], "drafting");
    assert_eq!(
        (&drafted["article"]["status"], &drafted["article"]["title"]),
        (&json!("draft"), &json!("学生证买电脑有没有教育优惠"))
    );
    assert_eq!(drafted["article"]["questions"][0], "学生证买电脑有没有教育优惠");
    keeper.post("/v1/articles/edu-zh/submit", json!({})).expect(200);
    assert_eq!(keeper.get(&path).expect(200)["status"], "awaiting_review");
    assert_eq!(ask("学生证买电脑有没有教育优惠")["status"], "unanswered", "a draft answers nothing");

    // Published without its questions and about something else: no proof, no closing.
    let other = json!({ "title": "营业时间", "body": "门店每天九点开门。", "questions": [], "expected_version": 1 });
    keeper.put("/v1/articles/edu-zh", other).expect(200);
    keeper.post("/v1/articles/edu-zh/publish?wait=searchable", json!({})).expect(200);
    eventually("the first proof", || !keeper.get(&path).expect(200)["verification"].is_null());
    let gap = keeper.get(&path).expect(200);
    assert_eq!((&gap["status"], &gap["verification"]["passed"]), (&json!("open"), &json!(false)), "{gap}");

    let right = json!({
        "title": "教育优惠", "questions": ["学生证买电脑有没有教育优惠"],
        "body": "凭学生证买电脑有教育优惠,减 300 元。每人每年一次。", "expected_version": 2
    });
    keeper.put("/v1/articles/edu-zh", right).expect(200);
    keeper.post("/v1/articles/edu-zh/publish?wait=searchable", json!({})).expect(200);
    eventually("it is closed", || keeper.get(&path).expect(200)["status"] == "closed");
    let proof = keeper.get(&path).expect(200)["verification"].clone();
    assert_eq!(
        (&proof["passed"], &proof["version"], &proof["share"]),
        (&json!(true), &json!(3), &json!(1.0)),
        "{proof}"
    );
    let question = &proof["questions"][0];
    assert_eq!((&question["before"]["matched"], &question["after"]["matched"]), (&json!(false), &json!(true)));
    assert_eq!(question["after"]["article_id"], "edu-zh");
    assert_eq!(ask("学生证买电脑有没有教育优惠")["status"], "answered");

    // Rolled back to what does not answer: open again, and it is said why.
    keeper.post("/v1/articles/edu-zh/rollback?wait=searchable", json!({ "to": 2, "expected_version": 3 })).expect(200);
    eventually("it is open again", || keeper.get(&path).expect(200)["status"] == "reopened");
    let cause = keeper.get(&path).expect(200)["verification"]["cause"].clone();
    assert_eq!(
        (&cause["article_id"], &cause["change"], &cause["version"]),
        (&json!("edu-zh"), &json!("published"), &json!(4)),
        "{cause}"
    );
    let report = keeper.post("/v1/gaps/replay", json!({})).expect(200);
    assert_eq!((&report["replayed"], &report["closed"]), (&json!(1), &json!([])), "{report}");
}

#[test]
fn the_questions_of_a_gap_are_added_to_an_article_as_a_draft() {
    let app = TestApp::start();
    let keeper = app.with_scopes("keeper", &["gaps", "articles:write", "articles:read", "articles:publish"]);
    let fees = json!({ "id": "fees", "title": "Delivery fees", "body": "Delivery is 5 euros.", "publish": true });
    keeper.post("/v1/articles?wait=searchable", fees).expect(201);
    let asked =
        app.customer().post("/v1/answer", json!({ "question": "do drones bring parcels at night" })).expect(200);
    let path = format!("/v1/gaps/{}", asked["gap_id"].as_str().unwrap());
    eventually("the gap is counted", || keeper.get(&path).status == 200);
    assert_eq!(keeper.post(&format!("{path}/link"), json!({ "article_id": "none" })).problem(404), "article_not_found");
    let linked = keeper.post(&format!("{path}/link"), json!({ "article_id": "fees" })).expect(200);
    assert_eq!(
        (&linked["article"]["version"], &linked["article"]["live_version"]),
        (&json!(2), &json!(1)),
        "nothing is published"
    );
    assert_eq!(linked["article"]["questions"], json!(["do drones bring parcels at night"]));
    assert_eq!(keeper.post(&format!("{path}/reopen"), json!({})).expect(200)["status"], "open");
    let only = app.with_scopes("only", &["gaps"]);
    assert_eq!(only.post(&format!("{path}/draft"), json!({})).problem(403), "forbidden");
}

#[test]
fn what_answers_already_is_named_before_a_draft_is_made() {
    let app = TestApp::start();
    let keeper = app.with_scopes("keeper", &["gaps", "articles:write", "articles:read", "articles:publish"]);
    let outsider = app.with_key(json!({ "name": "outsider", "scopes": ["gaps", "articles:write"] }));
    let asked = app.customer().post("/v1/answer", json!({ "question": "can I rent a bicycle" })).expect(200);
    let path = format!("/v1/gaps/{}", asked["gap_id"].as_str().unwrap());
    eventually("the gap is counted", || keeper.get(&path).status == 200);
    let secret =
        json!({ "id": "secret", "title": "Can I rent a bicycle?", "body": "Staff can.", "audience": "internal" });
    keeper.post("/v1/articles", secret).expect(201);

    let refused = keeper.post(&format!("{path}/draft"), json!({ "article_id": "rental" }));
    assert_eq!(refused.problem(409), "duplicates_found");
    let there = refused.json()["duplicates"].clone();
    assert_eq!((&there[0]["article_id"], &there[0]["reason"]), (&json!("secret"), &json!("drafted")), "{there}");
    assert_eq!(keeper.get("/v1/articles/rental?version=latest").status, 404, "nothing was made");
    assert_eq!(keeper.get(&path).expect(200)["status"], "open");
    // Who may not see it is not told of it.
    outsider.post(&format!("{path}/draft"), json!({ "article_id": "rental" })).expect(201);
    let again = outsider.post(&format!("{path}/draft"), json!({})).expect(409);
    assert_eq!(again["duplicates"].as_array().unwrap().len(), 1, "{again}");
    assert_eq!(
        (&again["duplicates"][0]["article_id"], &again["duplicates"][0]["score"]),
        (&json!("rental"), &json!(1.0))
    );
    let body = json!({ "title": "Bicycle rental", "questions": ["can I rent a bicycle"], "expected_version": 1,
        "body": "Yes, you can rent a bicycle at the counter." });
    keeper.put("/v1/articles/rental", body).expect(200);
    keeper.post("/v1/articles/rental/publish?wait=searchable", json!({})).expect(200);
    let live = outsider.post(&format!("{path}/draft"), json!({})).expect(409);
    assert_eq!(live["duplicates"][0]["reason"], "answers", "{live}");
    outsider.post(&format!("{path}/draft"), json!({ "anyway": true })).expect(201);
}
