//! Review tasks: what customers complain of, gathered by article, closed by an editor or by a newer version.

use serde_json::{Value, json};

use crate::actors::{Actor, TestApp, eventually};

struct Desk {
    app: TestApp,
    editor: Actor,
    customer: Actor,
}

impl Desk {
    fn open() -> Self {
        let app = TestApp::start();
        let article = json!({
            "id": "returns", "title": "退货政策", "body": "签收后 15 天内可以退货。", "questions": ["怎么退货"], "publish": true
        });
        app.publisher().post("/v1/articles?wait=searchable", article).expect(201);
        let (editor, customer) = (app.editor(), app.customer());
        Self { app, editor, customer }
    }

    fn answer(&self) -> String {
        let answer = self.customer.post("/v1/answer", json!({ "question": "怎么退货" })).expect(200);
        assert_eq!(answer["status"], "answered");
        answer["answer_id"].as_str().unwrap().to_owned()
    }

    fn say(&self, answer: &str, said: Value) {
        let mut said = said;
        said["answer_id"] = json!(answer);
        self.customer.post("/v1/feedback", said).expect(202);
    }

    fn tasks(&self, status: &str) -> Vec<Value> {
        self.editor.get(&format!("/v1/tasks?status={status}")).expect(200)["items"].as_array().unwrap().clone()
    }

    fn counts(&self) -> [u64; 3] {
        let open = self.tasks("open");
        assert!(open.len() <= 1, "one task an article: {open:?}");
        let count = |field: &str| open.first().map_or(0, |task| task[field].as_u64().unwrap());
        ["low_ratings", "not_helpful", "handed_off"].map(count)
    }

    fn hand_in(&self, conversation: Value) {
        let channel = self.app.with_scopes("channel", &["interactions"]);
        channel.post("/v1/interactions", json!({ "conversations": [conversation] })).expect(200);
    }
}

#[test]
fn low_ratings_make_one_task_that_counts_each_once() {
    let desk = Desk::open();
    let (first, second) = (desk.answer(), desk.answer());
    desk.say(&first, json!({ "csat": 1, "helpful": false, "comment": "我叫张伟,电话13812345678,答非所问" }));
    desk.say(&first, json!({ "csat": 2 }));
    desk.say(&second, json!({ "csat": 4, "helpful": true }));
    assert_eq!(desk.counts(), [1, 1, 0], "said again it counts once, and praise not at all");
    desk.say(&second, json!({ "csat": 2 }));
    assert_eq!(desk.counts(), [2, 1, 0]);
    desk.say(&second, json!({ "csat": 5 }));
    desk.say(&first, json!({ "helpful": true }));
    assert_eq!(desk.counts(), [1, 0, 0], "what was taken back no longer counts");
    let task = desk.tasks("open")[0].clone();
    assert_eq!(
        (&task["article_id"], &task["version"], &task["title"]),
        (&json!("returns"), &json!(1), &json!("退货政策"))
    );
    assert_eq!(task["questions"], json!(["怎么退货"]));
    let comments = task["comments"].to_string();
    assert!(
        comments.contains("答非所问") && !comments.contains("13812345678") && !comments.contains("张伟"),
        "{comments}"
    );
    desk.say(&first, json!({ "csat": 5 }));
    assert_eq!((desk.counts(), desk.tasks("closed").len()), ([0, 0, 0], 0), "nobody complains any more");

    // An answer that was none blames no article, and a name that is no article makes no task.
    let none = desk.customer.post("/v1/answer", json!({ "question": "为什么登月火箭不送货" })).expect(200);
    desk.say(none["answer_id"].as_str().unwrap(), json!({ "csat": 1 }));
    desk.say(none["answer_id"].as_str().unwrap(), json!({ "csat": 1, "article_id": "no-such" }));
    assert_eq!(desk.counts(), [0, 0, 0]);
    desk.say(none["answer_id"].as_str().unwrap(), json!({ "csat": 1, "article_id": "returns" }));
    assert_eq!(desk.counts(), [1, 0, 0], "the article that is named");
}

#[test]
fn a_task_is_closed_by_an_editor_or_by_a_newer_version() {
    let desk = Desk::open();
    let answer = desk.answer();
    desk.say(&answer, json!({ "helpful": false }));
    let closed = desk.editor.post("/v1/tasks/returns/close", json!({ "note": "a slip" })).expect(200);
    assert_eq!(
        (&closed["status"], &closed["end"], &closed["closed"]["by"]),
        (&json!("closed"), &json!("by_editor"), &json!("editor"))
    );
    assert_eq!(desk.editor.post("/v1/tasks/returns/close", json!({})).expect(200)["closed"]["note"], "a slip", "once");
    assert_eq!(desk.counts(), [0, 0, 0]);
    desk.say(&desk.answer(), json!({ "csat": 1 }));
    assert_eq!(desk.counts(), [1, 0, 0], "a new complaint is a new task");

    let better = json!({
        "title": "退货政策", "body": "签收后 15 天内可以退货,运费我们出。", "questions": ["怎么退货"], "expected_version": 1
    });
    desk.app.publisher().put("/v1/articles/returns", better).expect(200);
    assert_eq!(desk.counts(), [1, 0, 0], "a draft closes nothing");
    desk.app.publisher().post("/v1/articles/returns/publish?wait=searchable", json!({})).expect(200);
    let task = desk.tasks("closed")[0].clone();
    assert_eq!((&task["version"], &task["end"]), (&json!(1), &json!("newer_version")), "{task}");
    desk.say(&answer, json!({ "helpful": true }));
    desk.say(&answer, json!({ "helpful": false }));
    assert_eq!(desk.counts(), [0, 0, 0], "a late word about the old version");
    desk.say(&desk.answer(), json!({ "helpful": false }));
    assert_eq!((desk.counts(), &desk.tasks("open")[0]["version"]), ([0, 1, 0], &json!(2)));
}

#[test]
fn hand_offs_of_conversations_speak_against_what_answered_them() {
    let desk = Desk::open();
    let talk = |fields: Value| {
        let mut talk = json!({ "session_id": "s", "channel": "app" });
        talk.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        talk
    };
    // First the hand-off, then its questions are searched; in another session the other way round.
    let turns =
        json!([{ "role": "customer", "text": "怎么退货" }, { "role": "customer", "text": "为什么登月火箭不送货" }]);
    desk.hand_in(talk(json!({ "handed_off": true, "turns": turns })));
    eventually(20, "the first hand-off", || desk.counts() == [0, 0, 1]);
    desk.hand_in(talk(json!({ "session_id": "t", "turns": turns })));
    let analyst = desk.app.with_scopes("analyst", &["analytics"]);
    eventually(20, "all is searched", || analyst.get("/v1/analytics/overview").expect(200)["pending"] == 0);
    assert_eq!(desk.counts(), [0, 0, 1]);
    desk.hand_in(talk(json!({ "session_id": "t", "handed_off": true })));
    desk.hand_in(talk(json!({ "session_id": "t", "handed_off": true })));
    assert_eq!(desk.counts(), [0, 0, 2], "handed in again it counts once");
    let figures = analyst.get("/v1/analytics/articles").expect(200);
    assert_eq!(
        (&figures["items"][0]["article_id"], &figures["items"][0]["handed_off"]),
        (&json!("returns"), &json!(2))
    );
    desk.hand_in(talk(json!({ "handed_off": false })));
    desk.hand_in(talk(json!({ "session_id": "t", "handed_off": false })));
    assert_eq!(desk.counts(), [0, 0, 0]);
}

#[test]
fn tasks_are_for_editors_of_the_audience() {
    let desk = Desk::open();
    let secret = json!({
        "id": "secret", "title": "内部折扣", "body": "内部折扣为八折。", "questions": ["内部折扣是多少"], "audience": "internal",
        "publish": true
    });
    desk.app.publisher().post("/v1/articles?wait=searchable", secret).expect(201);
    let colleague = desk.app.with_scopes("colleague", &["search"]);
    let answer = colleague.post("/v1/answer", json!({ "question": "内部折扣是多少" })).expect(200);
    assert_eq!(answer["citations"][0]["article_id"], "secret", "{answer}");
    colleague.post("/v1/feedback", json!({ "answer_id": answer["answer_id"], "csat": 1 })).expect(202);
    assert_eq!(desk.tasks("open")[0]["article_id"], "secret");
    let public = desk.app.with_key(json!({ "name": "public editor", "scopes": ["articles:write"] }));
    assert_eq!(public.get("/v1/tasks").expect(200)["items"], json!([]));
    assert_eq!(public.post("/v1/tasks/secret/close", json!({})).problem(404), "task_not_found");
    assert_eq!(desk.customer.get("/v1/tasks").problem(403), "forbidden");
}

#[test]
fn an_erased_session_leaves_numbers_and_no_words() {
    let desk = Desk::open();
    let asked = json!({ "question": "怎么退货", "conversation_id": "chat-1" });
    let answer = desk.customer.post("/v1/answer", asked).expect(200)["answer_id"].as_str().unwrap().to_owned();
    desk.say(&answer, json!({ "csat": 1, "comment": "答非所问" }));
    let task = desk.tasks("open")[0].clone();
    assert_eq!((&task["questions"], &task["comments"]), (&json!(["怎么退货"]), &json!(["答非所问"])));
    let report = desk.app.admin().post("/v1/erase", json!({ "session_id": "chat-1" })).expect(200);
    assert_eq!(report["erased"]["figure_texts"], 3, "a question among figures, and what the task showed: {report}");
    let task = desk.tasks("open")[0].clone();
    assert_eq!((&task["questions"], &task["comments"]), (&json!([]), &json!([])));
    assert_eq!(desk.counts(), [1, 0, 0]);
    let analyst = desk.app.with_scopes("analyst", &["analytics"]);
    let questions = analyst.get("/v1/analytics/questions").expect(200);
    assert_eq!((&questions["items"], &questions["queries"]), (&json!([]), &json!(1)), "{questions}");
}
