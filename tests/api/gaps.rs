//! What could not be answered: gathered, listed, set aside.

use serde_json::json;

use crate::actors::{Actor, TestApp, eventually};

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

#[test]
fn a_gap_becomes_an_article_and_closes_only_when_its_own_questions_are_answered() {
    let app = TestApp::start();
    let keeper = app.with_scopes("keeper", &["gaps", "articles:write", "articles:read", "articles:publish"]);
    let customer = app.customer();
    let ask = |question: &str| customer.post("/v1/answer", json!({ "question": question })).expect(200);
    let id = ask("学生证买电脑有没有教育优惠")["gap_id"].as_str().unwrap().to_owned();
    ask("学生证 买电脑 有没有教育优惠?");
    let path = format!("/v1/gaps/{id}");
    eventually(10, "the gap is counted", || keeper.get(&path).status == 200);
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
    eventually(10, "the first proof", || !keeper.get(&path).expect(200)["verification"].is_null());
    let gap = keeper.get(&path).expect(200);
    assert_eq!((&gap["status"], &gap["verification"]["passed"]), (&json!("open"), &json!(false)), "{gap}");

    let right = json!({
        "title": "教育优惠", "questions": ["学生证买电脑有没有教育优惠"],
        "body": "凭学生证买电脑有教育优惠,减 300 元。每人每年一次。", "expected_version": 2
    });
    keeper.put("/v1/articles/edu-zh", right).expect(200);
    keeper.post("/v1/articles/edu-zh/publish?wait=searchable", json!({})).expect(200);
    eventually(10, "it is closed", || keeper.get(&path).expect(200)["status"] == "closed");
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
    eventually(10, "it is open again", || keeper.get(&path).expect(200)["status"] == "reopened");
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
    eventually(10, "the gap is counted", || keeper.get(&path).status == 200);
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
    eventually(10, "the gap is counted", || keeper.get(&path).status == 200);
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

/// The gap under which a wording stands.
fn standing(keeper: &Actor, wording: &str) -> serde_json::Value {
    let page = keeper.get("/v1/gaps?limit=100").expect(200);
    let holds = |gap: &&serde_json::Value| gap["wordings"].as_array().unwrap().iter().any(|w| w["id"] == wording);
    let mut gaps = page["items"].as_array().unwrap().iter().filter(holds);
    let found = gaps.next().unwrap_or_else(|| panic!("{wording} stands nowhere: {page:#}"))["id"].clone();
    assert!(gaps.next().is_none(), "{wording} stands twice: {page:#}");
    found
}

/// The gap that a question was filed under, once the groups know it.
fn filed(app: &TestApp, questions: &[&str]) -> Vec<String> {
    let customer = app.customer();
    let ask = |question: &&str| {
        let answer = customer.post("/v1/answer", json!({ "question": question })).expect(200);
        answer["gap_id"].as_str().unwrap_or_else(|| panic!("'{question}' was answered: {answer}")).to_owned()
    };
    questions.iter().map(ask).collect()
}

#[test]
fn wordings_of_one_question_in_both_languages_stand_under_one_gap() {
    let app = TestApp::start();
    let keeper = app.with_scopes("keeper", &["gaps"]);
    let invoice =
        ["发票抬头写错了怎么修改", "怎么修改发票的抬头", "发票抬头可以改吗", "how do I change the title on my invoice"];
    let ids = filed(&app, &invoice);
    let others = filed(&app, &["门店周末几点关门", "宠物可以带上飞机吗"]);
    let gap_of = |id: &str| keeper.get(&format!("/v1/gaps/{id}")).expect(200)["id"].clone();
    eventually(10, "all are counted", || {
        ids.iter().chain(&others).all(|id| keeper.get(&format!("/v1/gaps/{id}")).status == 200)
    });
    keeper.post("/v1/gaps/consolidate", json!({})).expect(200);
    let gap = keeper.get(&format!("/v1/gaps/{}", ids[0])).expect(200);
    assert!(ids[..3].iter().all(|id| gap_of(id) == gap["id"]), "{gap:#}");
    assert!(gap["queries"].as_u64() >= Some(3) && gap["forms"] == gap["queries"], "{gap:#}");
    assert!(gap["keywords"].as_array().is_some_and(|words| words.contains(&json!("发票"))), "{gap:#}");
    assert!(invoice.iter().any(|question| gap["label"] == *question), "{gap:#}");
    assert!(others.iter().all(|id| gap_of(id) != gap["id"]), "{gap:#}");
    // One customer, however worded: the key stands for whoever does not say who asks.
    assert_eq!(gap["sessions"], 1, "{gap:#}");

    // Another wording that comes later is told the gap at once when it is known.
    let again = filed(&app, &["怎么修改发票的抬头"]);
    assert_eq!(again[0], gap["id"].as_str().unwrap());
}

#[test]
fn what_an_editor_merges_and_splits_no_machine_undoes() {
    let app = TestApp::start();
    let keeper = app.with_scopes("keeper", &["gaps"]);
    let ids = filed(&app, &["发票抬头怎么修改", "修改发票抬头", "宠物可以带上飞机吗", "门店周末几点关门"]);
    let path = |id: &str| format!("/v1/gaps/{id}");
    let gap_of = |id: &str| standing(&keeper, id);
    eventually(10, "all are counted", || ids.iter().all(|id| keeper.get(&path(id)).status == 200));
    keeper.post("/v1/gaps/consolidate", json!({})).expect(200);

    let merged = keeper.post(&format!("{}/merge", path(&ids[2])), json!({ "gaps": [ids[3]] })).expect(200);
    assert_eq!(
        (&merged["id"], &merged["queries"], &merged["forms"]),
        (&json!(ids[2]), &json!(2), &json!(2)),
        "{merged:#}"
    );
    let old = keeper.get(&path(&ids[3])).expect(200);
    assert_eq!(old["id"], ids[2], "the gap that ended is found under its old name");
    assert_eq!(merged["trend"][0]["queries"], 2, "{merged:#}");
    for body in [json!({ "gaps": [] }), json!({ "gaps": [ids[2]] })] {
        assert_eq!(keeper.post(&format!("{}/merge", path(&ids[2])), body).problem(422), "invalid_request");
    }
    assert_eq!(
        keeper.post(&format!("{}/merge", path(&ids[2])), json!({ "gaps": ["g_none"] })).problem(404),
        "gap_not_found"
    );

    // Two wordings that the machine would put together.
    let one = gap_of(&ids[0]);
    if gap_of(&ids[1]) != one {
        keeper.post(&format!("{}/merge", path(&ids[0])), json!({ "gaps": [ids[1]] })).expect(200);
    }
    let one = gap_of(&ids[0]).as_str().unwrap().to_owned();
    assert_eq!(
        keeper.post(&format!("{}/split", path(&one)), json!({ "wordings": [ids[2]] })).problem(422),
        "invalid_request"
    );
    let parted = keeper.post(&format!("{}/split", path(&one)), json!({ "wordings": [ids[1]] })).expect(201);
    assert_eq!((&parted["queries"], &parted["label"]), (&json!(1), &json!("修改发票抬头")), "{parted:#}");
    let all = json!({ "wordings": [ids[1]] });
    let only = parted["id"].as_str().unwrap();
    assert_eq!(keeper.post(&format!("{}/split", path(only)), all).problem(422), "invalid_request");

    let hold = |when: &str| {
        assert_ne!(gap_of(&ids[0]), gap_of(&ids[1]), "{when}: what was parted stays apart");
        assert_eq!(gap_of(&ids[2]), gap_of(&ids[3]), "{when}: what was merged stays together");
    };
    hold("at once");
    for _ in 0..2 {
        keeper.post("/v1/gaps/consolidate", json!({})).expect(200);
        hold("after a consolidation");
    }
    let app = app.restart();
    let keeper = app.with_scopes("other keeper", &["gaps"]);
    keeper.post("/v1/gaps/consolidate", json!({})).expect(200);
    let gap_of = |id: &str| standing(&keeper, id);
    assert!(gap_of(&ids[0]) != gap_of(&ids[1]) && gap_of(&ids[2]) == gap_of(&ids[3]), "after a restart");
}

#[test]
fn each_gap_is_told_why_it_was_not_answered() {
    let app = TestApp::start();
    let keeper = app.with_scopes("keeper", &["gaps", "articles:write", "articles:read", "articles:publish"]);
    keeper.post("/v1/articles?wait=searchable", json!({
        "id": "parking", "title": "Parking fees for visitors", "body": "Visitors pay 4 euros an hour in the garage below the office.",
        "questions": ["how much do visitors pay for parking"], "publish": true
    })).expect(201);
    keeper.post("/v1/articles/parking/unpublish?wait=searchable", json!({})).expect(200);
    app.with_scopes("staff", &["articles:write", "articles:publish"]).post("/v1/articles?wait=searchable", json!({
        "id": "refund-limit", "title": "客服可批准的退款额度", "body": "一线客服可以直接批准 200 元以内的退款,超出由主管审批。",
        "questions": ["客服能批准多少钱的退款"], "audience": "internal", "publish": true
    })).expect(201);
    let asked = [
        ("how much do visitors pay for parking", "stale", json!("parking")),
        ("客服能批准多少钱的退款", "hidden", json!("refund-limit")),
        ("讲个笑话吧", "out_of_scope", json!(null)),
        ("月球上能收到快递吗", "missing", json!(null)),
    ];
    let ids = filed(&app, &asked.clone().map(|(question, ..)| question));
    let cause = |id: &str| keeper.get(&format!("/v1/gaps/{id}")).json()["cause"].clone();
    eventually(10, "all are looked into", || ids.iter().all(|id| !cause(id).is_null()));
    for (id, (question, kind, article)) in ids.iter().zip(&asked) {
        let cause = cause(id);
        assert_eq!((&cause["kind"], &cause["article_id"]), (&json!(kind), article), "{question}: {cause}");
    }
    let outside = app.with_key(json!({ "name": "portal keeper", "scopes": ["gaps"], "audiences": ["public"] }));
    let hidden = outside.get(&format!("/v1/gaps/{}", ids[1])).expect(200);
    assert_eq!(
        (&hidden["cause"]["kind"], &hidden["cause"]["article_id"]),
        (&json!("hidden"), &json!(null)),
        "{hidden:#}"
    );
    let listed = keeper.get("/v1/gaps?cause=stale").expect(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1), "{listed:#}");
    let idle = keeper.get(&format!("/v1/gaps/{}", ids[2])).expect(200);
    let missing = keeper.get(&format!("/v1/gaps/{}", ids[3])).expect(200);
    assert!(idle["impact"].as_f64() < missing["impact"].as_f64(), "what is not ours is worth little");
    let pareto = keeper.get("/v1/gaps/pareto?percent=100").expect(200);
    assert_eq!((&pareto["gaps"], &pareto["needed"]), (&json!(3), &json!(3)), "idle talk is no demand: {pareto:#}");
    assert_eq!(keeper.get("/v1/gaps/pareto?percent=0").problem(422), "invalid_query");
}

#[test]
fn what_was_found_and_did_not_help_is_counted_and_so_is_what_the_agent_knew() {
    let app = TestApp::start();
    let keeper = app.with_scopes("keeper", &["gaps"]);
    let channel = app.with_scopes("channel", &["interactions"]);
    app.publisher()
        .post(
            "/v1/articles?wait=searchable",
            json!({
                "id": "delivery", "title": "Delivery times", "questions": ["how long does delivery take"],
                "body": "Delivery takes three working days. Islands take two days more.", "publish": true
            }),
        )
        .expect(201);
    let customer = app.customer();
    let answer = customer.post("/v1/answer", json!({ "question": "how long does delivery take" })).expect(200);
    assert_eq!((&answer["status"], &answer["gap_id"]), (&json!("answered"), &json!(null)));
    let about = answer["answer_id"].as_str().unwrap();
    for _ in 0..2 {
        customer.post("/v1/feedback", json!({ "answer_id": about, "helpful": false })).expect(202);
    }
    let gaps = || keeper.get("/v1/gaps?cause=partial").expect(200)["items"].clone();
    eventually(10, "the low rating is counted", || gaps()[0]["queries"] == 1);
    let gap = gaps()[0].clone();
    assert_eq!((&gap["cause"]["article_id"], &gap["worth"]["low_rated"]), (&json!("delivery"), &json!(1.0)), "{gap:#}");

    // Handed in as it happened; how it ended is said later, and said twice.
    let talk = |more: serde_json::Value| {
        let mut talk = json!({ "session_id": "s-1", "channel": "web", "customer_id": "c-7", "turns": [
            { "role": "customer", "text": "how long does delivery take", "at": "2026-05-20T08:00:00Z" },
            { "role": "agent", "text": "Three working days.", "at": "2026-05-20T08:00:09Z" },
            { "role": "customer", "text": "wann kommt mein Paket auf die Insel?", "at": "2026-05-20T08:01:00Z" },
            { "role": "agent", "text": "Delivery takes three working days. Islands take two days more.", "at": "2026-05-20T08:01:30Z" },
        ] });
        talk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        channel.post_raw("/v1/interactions", "application/x-ndjson", &format!("{talk}\n")).expect(200)
    };
    talk(json!({}));
    let pending = || {
        app.with_scopes("analyst", &["analytics"])
            .get("/v1/analytics/overview?from=2026-05-01&to=2026-05-31")
            .expect(200)
    };
    eventually(10, "the questions are searched", || pending()["pending"] == 0);
    assert_eq!(gaps()[0]["queries"], 1, "so far it helped");
    for _ in 0..2 {
        talk(json!({ "handed_off": true }));
    }
    eventually(10, "the hand-off is counted", || gaps()[0]["queries"] == 2);
    let gap = gaps()[0].clone();
    assert_eq!((&gap["worth"]["handed_off"], &gap["causes"]), (&json!(1.0), &json!({ "partial": 2 })), "{gap:#}");
    let known = keeper.get("/v1/gaps?cause=present_not_found").expect(200)["items"][0].clone();
    assert_eq!(
        (&known["cause"]["article_id"], &known["cause"]["proof"]),
        (&json!("delivery"), &json!("agent_reply")),
        "{known:#}"
    );
    assert_eq!(
        (&known["worth"]["handed_off"], &known["worth"]["effort"]),
        (&json!(1.0), &json!(0.4)),
        "two turns of agents: {known:#}"
    );
}
