//! What is held of a session or a customer goes, everywhere; what others asked, and numbers, stay.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::actors::{Actor, TestApp};

struct Desk {
    app: TestApp,
    keeper: Actor,
    customer: Actor,
}

impl Desk {
    fn open() -> Self {
        let app = TestApp::start();
        let (keeper, customer) = (app.with_scopes("keeper", &["gaps"]), app.customer());
        Self { app, keeper, customer }
    }

    fn hand_in(&self, session: &str, customer: &str, questions: &[&str]) {
        let at = jiff::Timestamp::now().to_string();
        let turn = |text: &&str| json!({ "role": "customer", "text": text, "at": at });
        let turns: Vec<Value> = questions.iter().map(turn).collect();
        let talk = json!({ "session_id": session, "customer_id": customer, "channel": "web", "turns": turns });
        let channel = self.app.with_scopes("channel", &["interactions"]);
        channel.post_raw("/v1/interactions", "application/x-ndjson", &talk.to_string()).expect(200);
        let analyst = self.app.with_scopes("analyst", &["analytics"]);
        let begun = Instant::now();
        while analyst.get("/v1/analytics/overview").expect(200)["pending"] != 0 {
            assert!(begun.elapsed() < Duration::from_secs(10), "the questions are not searched");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn gaps(&self) -> Vec<Value> {
        let mut gaps = self.keeper.get("/v1/gaps").expect(200)["items"].as_array().unwrap().clone();
        gaps.sort_by_key(|gap| gap["label"].as_str().unwrap().to_owned());
        gaps
    }

    /// What gaps hold, under whichever gap it stands.
    fn asked(&self) -> Vec<String> {
        let examples = |gap: &Value| gap["examples"].as_array().unwrap().clone();
        let mut asked: Vec<String> =
            self.gaps().iter().flat_map(examples).map(|text| text.as_str().unwrap().to_owned()).collect();
        asked.sort();
        asked
    }

    fn labels(&self) -> Vec<String> {
        self.gaps().iter().map(|gap| gap["label"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn what_is_held_of_a_session_goes_and_what_others_asked_stays() {
    let desk = Desk::open();
    let admin = desk.app.admin();
    desk.hand_in("chat-4711", "c-1", &["Can I rent a bicycle?", "do you sell green umbrellas"]);
    desk.hand_in("chat-4712", "c-2", &["can I rent a bicycle"]);
    let search = json!({ "query": "do llamas eat parcels", "conversation_id": "chat-4711" });
    let asked = desk.customer.and("Idempotency-Key", "once").post("/v1/search", search.clone()).expect(200);
    let feedback = json!({ "query_id": asked["query_id"], "helpful": false, "comment": "no" });
    desk.customer.post("/v1/feedback", feedback.clone()).expect(202);
    assert_eq!(desk.labels(), ["Can I rent a bicycle?", "do llamas eat parcels", "do you sell green umbrellas"]);
    let analyst = desk.app.with_scopes("analyst", &["analytics"]);
    let before = analyst.get("/v1/analytics/overview").expect(200);

    let report = admin.post("/v1/erase", json!({ "session_id": "chat-4711" })).expect(200);
    assert_eq!(
        report["erased"],
        json!({ "sessions": 1, "turns": 2, "pending": 0, "queries": 3, "feedback": 1, "gaps": 2, "gap_texts": 3,
            "figure_texts": 3, "words": 6, "repeats": 1 }),
        "{report}"
    );
    assert!(report["kept"].as_str().unwrap().starts_with("Counts stay"), "{report}");
    assert_eq!(desk.labels(), ["can I rent a bicycle"], "what somebody else asked, in their words");
    assert_eq!(desk.gaps()[0]["examples"], json!(["can I rent a bicycle"]));
    assert_eq!(desk.gaps()[0]["queries"], 2, "counts stay");
    let questions = analyst.get("/v1/analytics/questions").expect(200);
    assert_eq!((&questions["items"], &questions["queries"]), (&json!([]), &json!(4)), "texts go, numbers stay");
    assert_eq!(desk.customer.post("/v1/feedback", feedback).problem(404), "query_not_found");
    let again = desk.customer.and("Idempotency-Key", "once").post("/v1/search", search);
    assert_eq!(again.header("idempotent-replayed"), None, "the kept answer is gone");
    let after = analyst.get("/v1/analytics/overview").expect(200);
    assert_eq!((&before["conversations"], &before["questions"]), (&after["conversations"], &after["questions"]));

    let audit = admin.get("/v1/audit?limit=100").expect(200);
    let entry = audit["items"].as_array().unwrap().iter().find(|entry| entry["action"] == "erase").unwrap();
    assert_eq!((&entry["subject"], &entry["detail"]["erased"]), (&report["erasure_id"], &report["erased"]));
    assert!(!audit.to_string().contains("chat-4711"), "{audit}");
    let verified = admin.send("POST", "/v1/spaces/default/verify", None).expect(200);
    assert_eq!(verified["differences"], json!([]), "the audit log's chain is whole");
    desk.hand_in("chat-4713", "c-3", &["can I rent a bicycle"]);
    let questions = analyst.get("/v1/analytics/questions").expect(200);
    assert_eq!(questions["items"][0]["queries"], 3, "what is asked again comes back with its counts: {questions}");
}

#[test]
fn a_customer_is_erased_with_every_session_and_nobody_else_is() {
    let desk = Desk::open();
    let admin = desk.app.admin();
    desk.hand_in("a", "c-1", &["can I rent a bicycle"]);
    desk.hand_in("b", "c-1", &["do you sell green umbrellas"]);
    desk.hand_in("c", "c-2", &["do llamas eat parcels"]);
    admin.post("/v1/spaces", json!({ "id": "other", "name": "Other" })).expect(201);
    let elsewhere = admin.post("/v1/erase", json!({ "customer_id": "c-1", "space": "other" })).expect(200);
    assert_eq!((&elsewhere["erased"]["queries"], &elsewhere["spaces"]), (&json!(0), &json!(["other"])));
    let report = admin.post("/v1/erase", json!({ "customer_id": "c-1" })).expect(200);
    let of = |field: &str| report["erased"][field].as_u64().unwrap();
    assert_eq!((of("sessions"), of("turns"), of("queries"), of("gaps")), (2, 2, 2, 2), "{report}");
    assert_eq!(desk.labels(), ["do llamas eat parcels"]);
    let again = admin.post("/v1/erase", json!({ "customer_id": "c-1" })).expect(200);
    assert_eq!(again["erased"]["sessions"], 0, "nothing is left of it");

    let erase = |body: Value| admin.post("/v1/erase", body);
    assert_eq!(erase(json!({})).problem(422), "invalid_request");
    assert_eq!(erase(json!({ "session_id": "a", "customer_id": "b" })).problem(422), "invalid_request");
    assert_eq!(erase(json!({ "session_id": "a", "space": "none" })).problem(404), "space_not_found");
    assert_eq!(desk.keeper.post("/v1/erase", json!({ "session_id": "c" })).problem(403), "forbidden");
}

/// A draft is an editor's, and is named; the words of the cloud go with the questions.
#[test]
fn articles_made_of_what_is_erased_are_named_and_words_go() {
    let desk = Desk::open();
    let (admin, editor) =
        (desk.app.admin(), desk.app.with_scopes("drafter", &["gaps", "articles:write", "articles:read"]));
    desk.hand_in("chat-1", "c-1", &["may zebras board a tram"]);
    desk.hand_in("chat-2", "c-2", &["do llamas eat parcels"]);
    desk.hand_in("chat-3", "c-3", &["do llamas eat parcels"]);
    for gap in desk.gaps() {
        let article = gap["label"].as_str().unwrap().split(' ').nth(1).unwrap().to_owned();
        let path = format!("/v1/gaps/{}/draft", gap["id"].as_str().unwrap());
        editor.post(&path, json!({ "article_id": article })).expect(201);
    }
    let analyst = desk.app.with_scopes("analyst", &["analytics"]);
    let cloud = || analyst.get("/v1/analytics/topics").expect(200)["words"].to_string();
    assert!(cloud().contains("zebras") && cloud().contains("llamas"), "{}", cloud());

    let report = admin.post("/v1/erase", json!({ "session_id": "chat-1" })).expect(200);
    assert_eq!(
        report["articles"],
        json!([{ "space": "default", "article_id": "zebras", "live": null, "versions": [1] }]),
        "{report}"
    );
    assert_eq!(report["erased"]["words"], 3, "{report}");
    assert!(!cloud().contains("zebras") && cloud().contains("llamas"), "{}", cloud());
    let report = admin.post("/v1/erase", json!({ "session_id": "chat-2" })).expect(200);
    assert_eq!((&report["articles"], &report["erased"]["words"]), (&json!([]), &json!(0)), "others asked it, too");
}

#[test]
fn a_space_masks_its_own_numbers_everywhere_and_says_which_form_is_none() {
    let desk = Desk::open();
    let admin = desk.app.admin();
    let set = |privacy: Value| admin.patch("/v1/spaces/default", json!({ "settings": { "privacy": privacy } }));
    let refused = set(json!({ "patterns": ["QX#{7}", "LM{"] }));
    assert_eq!(refused.problem(422), "invalid_request");
    let wrong = refused.json()["errors"][0].clone();
    assert_eq!(wrong["field"], "settings.privacy.patterns[1]", "{wrong}");
    assert!(wrong["message"].as_str().unwrap().contains("'LM{' is no pattern of numbers"), "{wrong}");
    let many: Vec<&str> = std::iter::repeat_n("QX#{7}", 51).collect();
    assert_eq!(set(json!({ "patterns": many })).problem(422), "invalid_request");
    let some = json!({ "settings": { "retention": { "turns_days": 30 } } });
    let kept = admin.patch("/v1/spaces/default", some).expect(200)["settings"]["retention"].clone();
    assert_eq!(kept, json!({ "turns_days": 30, "queries_days": 400, "feedback_days": 400 }), "the others stay");
    let days = json!({ "settings": { "retention": { "turns_days": 40_000 } } });
    assert_eq!(admin.patch("/v1/spaces/default", days).problem(422), "invalid_request");

    set(json!({ "patterns": ["QX#{7}"] })).expect(200);
    desk.hand_in("a", "c-1", &["how do I feed the llama QX1234567 in winter"]);
    let search = json!({ "query": "how heavy is the green umbrella qx7654321" });
    let asked = desk.customer.post("/v1/search", search).expect(200);
    let comment = json!({ "query_id": asked["query_id"], "comment": "about QX1111111" });
    desk.customer.post("/v1/feedback", comment).expect(202);
    let wait = |count: usize| {
        let begun = Instant::now();
        while desk.asked().len() < count {
            assert!(begun.elapsed() < Duration::from_secs(10), "a question is not counted: {:?}", desk.asked());
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    wait(2);
    let gaps = desk.keeper.get("/v1/gaps").expect(200).to_string();
    assert!(!gaps.contains("1234567") && !gaps.to_lowercase().contains("qx7654321"), "{gaps}");
    assert_eq!(
        desk.asked(),
        ["how do I feed the llama 〔订单号〕 in winter", "how heavy is the green umbrella 〔订单号〕"],
        "{gaps}"
    );
    // Set otherwise, other questions are kept otherwise from then on.
    set(json!({ "orders": false, "patterns": [] })).expect(200);
    desk.customer.post("/v1/answer", json!({ "question": "where do I return the bicycle QX1234567" })).expect(200);
    wait(3);
    assert!(desk.asked().contains(&"where do I return the bicycle QX1234567".to_owned()), "{:?}", desk.asked());
}
