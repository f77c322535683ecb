//! Conversations as channels hand them in: piece by piece, late, without numbers, and with their ends said afterwards.

use serde_json::{Value, json};

use crate::actors::{Actor, TestApp, eventually, found_within};

struct Desk {
    app: TestApp,
    channel: Actor,
    analyst: Actor,
    keeper: Actor,
    editor: Actor,
}

const SPAN: &str = "from=2026-05-01&to=2026-11-30";

impl Desk {
    fn open() -> Self {
        let app = TestApp::start();
        let article = |id: &str, title: &str, body: &str, question: &str| {
            let article = json!({ "id": id, "title": title, "body": body, "questions": [question], "publish": true });
            app.publisher().post("/v1/articles?wait=searchable", article).expect(201);
        };
        article(
            "delivery",
            "Delivery",
            "Delivery takes three working days. Islands take two days more.",
            "how long does delivery take",
        );
        article("returns", "退货政策", "签收后 15 天内可以退货。", "怎么退货");
        let channel = app.with_scopes("channel", &["interactions"]);
        let analyst = app.with_scopes("analyst", &["analytics"]);
        let keeper = app.with_scopes("keeper", &["gaps", "articles:write", "articles:read"]);
        let editor = app.editor();
        Self { app, channel, analyst, keeper, editor }
    }

    fn hand_in(&self, conversation: Value) -> Value {
        self.channel.post("/v1/interactions", json!({ "conversations": [conversation] })).expect(200)
    }

    fn figures(&self, of: &str) -> Value {
        self.analyst.get(&format!("/v1/analytics/{of}?{SPAN}")).expect(200)
    }

    /// The overview once nothing is left to be searched.
    fn settled(&self) -> Value {
        found_within(10, "all is searched", || Some(self.figures("overview")).filter(|o| o["pending"] == 0))
    }

    /// What is asked in gaps, whichever gap it stands under.
    fn wordings(&self) -> Vec<Value> {
        let page = self.keeper.get("/v1/gaps").expect(200);
        let gaps = page["items"].as_array().unwrap().iter();
        gaps.flat_map(|gap| gap["examples"].as_array().unwrap().clone()).collect()
    }

    fn gap(&self, label: &str) -> Option<Value> {
        let page = self.keeper.get("/v1/gaps").expect(200);
        page["items"].as_array().unwrap().iter().find(|gap| gap["label"] == label).cloned()
    }
}

fn turn(role: &str, text: &str, at: &str) -> Value {
    json!({ "role": role, "text": text, "at": format!("2026-05-20T{at}Z") })
}

#[test]
fn a_reply_that_comes_later_proves_the_cause_and_reaches_the_draft() {
    let desk = Desk::open();
    let question = "wann kommt mein Paket auf die Insel?";
    let other = "你们给不给修无人机";
    let talk = |session: &str, number: u32, turn: Value| {
        let mut turn = turn;
        turn["turn"] = json!(number);
        json!({ "session_id": session, "turns": [turn] })
    };
    desk.hand_in(talk("late", 1, turn("customer", question, "08:00:00")));
    desk.hand_in(talk("repair", 1, turn("customer", other, "08:00:00")));
    desk.settled();
    let found = |label: &str| found_within(10, "the gap", || desk.gap(label));
    eventually(10, "the cause is looked into", || found(question)["cause"]["kind"] == "missing");
    assert_eq!(found(question)["worth"]["effort"], 0.0);

    desk.hand_in(talk("late", 2, turn("agent", "One moment please, I am looking.", "08:00:10")));
    let literal = "Delivery takes three working days. Islands take two days more.";
    let mut reply = talk("late", 3, turn("agent", literal, "08:00:30"));
    reply["resolved"] = json!(true);
    reply["csat"] = json!(5);
    for _ in 0..2 {
        desk.hand_in(reply.clone());
    }
    eventually(10, "the reply tells the cause", || found(question)["cause"]["proof"] == "agent_reply");
    let gap = found(question);
    assert_eq!(
        (&gap["cause"]["kind"], &gap["cause"]["article_id"]),
        (&json!("present_not_found"), &json!("delivery")),
        "{gap:#}"
    );
    assert_eq!(gap["causes"], json!({ "present_not_found": 1 }));
    assert!(gap["worth"]["effort"].as_f64().unwrap() > 0.0, "the agent's turns count: {gap:#}");
    let effort = gap["worth"]["effort"].clone();

    // What an agent answered later, and the customer accepted later still.
    let answer = "无人机可以寄到深圳维修中心,检测免费,一般七个工作日修好寄回。";
    desk.hand_in(talk("repair", 2, turn("agent", answer, "08:05:00")));
    desk.hand_in(json!({ "session_id": "repair", "resolved": true }));
    desk.keeper.post("/v1/gaps/consolidate", json!({})).expect(200);
    assert_eq!(found(question)["cause"]["proof"], "agent_reply", "people are not overruled");
    assert_eq!(found(question)["worth"]["effort"], effort, "said again it counts once");
    let id = found(other)["id"].as_str().unwrap().to_owned();
    let made = desk.keeper.post(&format!("/v1/gaps/{id}/draft"), json!({})).expect(201);
    let body = made["article"]["body"].as_str().unwrap();
    assert!(
        body.contains("深圳维修中心") && body.contains(", turn 2, 2026-05-20"),
        "the agent's turn is named: {body}"
    );
}

#[test]
fn a_low_rating_of_a_conversation_makes_a_task_on_what_answered_it() {
    let desk = Desk::open();
    let talk = |session: &str, csat: Option<u32>| {
        json!({ "session_id": session, "csat": csat, "turns": [
            turn("customer", "怎么退货", "08:00:00"), turn("bot", "签收后 15 天内可以退货。", "08:00:01"),
        ] })
    };
    let tasks = || desk.editor.get("/v1/tasks?status=open").expect(200)["items"].clone();
    // Rated before its question is searched, and after.
    desk.hand_in(talk("first", Some(1)));
    desk.hand_in(talk("second", None));
    desk.settled();
    eventually(10, "the first rating", || tasks()[0]["low_ratings"] == 1);
    desk.hand_in(json!({ "session_id": "second", "csat": 2 }));
    desk.hand_in(json!({ "session_id": "second", "csat": 2 }));
    let task = tasks()[0].clone();
    assert_eq!((&task["article_id"], &task["low_ratings"]), (&json!("returns"), &json!(2)), "{task}");
    assert_eq!(task["questions"], json!(["怎么退货"]));
    let figures = desk.figures("articles");
    let returns = figures["items"].as_array().unwrap().iter().find(|item| item["article_id"] == "returns").unwrap();
    assert_eq!(returns["csat"], 1.5, "{figures}");
    desk.hand_in(json!({ "session_id": "second", "csat": 4 }));
    assert_eq!(tasks()[0]["low_ratings"], 1, "what was taken back no longer counts");
    desk.hand_in(json!({ "session_id": "first", "csat": 5 }));
    assert_eq!(tasks(), json!([]));
}

#[test]
fn turns_without_numbers_go_on_where_the_session_stands() {
    let desk = Desk::open();
    let post = |turns: &[Value]| {
        let report = desk.hand_in(json!({ "session_id": "s", "channel": "web", "turns": turns }));
        assert_eq!(report["errors"], json!([]), "{report}");
        ["accepted", "unchanged"].map(|field| report["turns"][field].as_u64().unwrap())
    };
    let first = [turn("customer", "跨境订单怎么退货", "08:00:00")];
    let second = [turn("agent", "One moment please.", "08:00:20"), turn("customer", "那海关税呢", "08:02:00")];
    assert_eq!((post(&first), post(&second), post(&second)), ([1, 0], [2, 0], [0, 2]));
    // A question is read with what is there when it is searched.
    desk.settled();
    // Late, and out of order: it stands where its time says.
    let late = [turn("agent", "海关税由我们承担。", "08:03:00"), turn("customer", "那运费呢", "08:01:00")];
    assert_eq!((post(&late), post(&late), post(&first)), ([2, 0], [0, 2], [0, 1]));
    // The whole once more, with what is new at its end; the same words at another time are another turn.
    let whole = [&first[..], &second, &late, &[turn("customer", "跨境订单怎么退货", "09:00:00")]].concat();
    assert_eq!((post(&whole), post(&whole)), ([1, 5], [0, 6]));
    let overview = desk.settled();
    assert_eq!((&overview["turns"], &overview["questions"]), (&json!(6), &json!(4)), "{overview}");
    for label in ["跨境订单怎么退货，海关税呢", "跨境订单怎么退货，运费呢"] {
        eventually(10, label, || desk.wordings().iter().any(|wording| wording == label));
    }
}

#[test]
fn turns_without_numbers_and_times_are_known_by_what_was_said() {
    let desk = Desk::open();
    let said = |role: &str, text: &str| json!({ "role": role, "text": text });
    let post = |session: &str, turns: &[Value]| {
        let report = desk.hand_in(json!({ "session_id": session, "turns": turns }));
        ["accepted", "unchanged", "rejected"].map(|field| report["turns"][field].as_u64().unwrap())
    };
    let (asked, answered) = (said("customer", "如何申请登月许可"), said("agent", "请联系航天局。"));
    let more = said("customer", "许可要多少钱");
    assert_eq!(post("a", std::slice::from_ref(&asked)), [1, 0, 0]);
    assert_eq!(post("a", &[asked.clone(), answered.clone()]), [1, 1, 0], "the whole so far");
    assert_eq!(post("a", std::slice::from_ref(&more)), [1, 0, 0], "only what is new");
    assert_eq!(post("a", std::slice::from_ref(&more)), [0, 1, 0], "sent again");
    assert_eq!(post("a", &[answered.clone(), more.clone()]), [0, 2, 0]);
    assert_eq!(post("a", &[asked.clone(), answered, more.clone(), said("customer", "谢谢")]), [1, 3, 0]);
    // A number of its own says which turn it is.
    assert_eq!(post("a", &[json!({ "turn": 3, "role": "customer", "text": "许可要多少钱" })]), [0, 1, 0]);
    assert_eq!(post("a", &[json!({ "turn": 3, "role": "customer", "text": "别的" })]), [0, 0, 1]);
}

#[test]
fn a_conversation_counts_in_one_channel_and_on_its_own_day() {
    let desk = Desk::open();
    let first = json!({ "session_id": "m", "handed_off": true, "turns": [
        turn("customer", "怎么退货", "08:00:00"), turn("customer", "如何申请登月许可", "08:00:30"),
    ] });
    desk.hand_in(first);
    desk.settled();
    assert_eq!(desk.figures("overview")["channels"]["none"]["handed_off"], 1);
    desk.hand_in(
        json!({ "session_id": "m", "channel": "mail", "csat": 2, "turns": [turn("customer", "怎么退货", "08:05:00")] }),
    );
    let overview = desk.settled();
    let mail = &overview["channels"]["mail"];
    let counts =
        ["conversations", "handed_off", "turns", "questions", "matched", "unmatched", "csat_sum", "asked_again"];
    assert_eq!(counts.map(|field| mail[field].as_u64().unwrap()), [1, 1, 3, 3, 2, 1, 2, 1], "{overview}");
    assert_eq!(overview["channels"].as_object().unwrap().len(), 1, "nothing is left of no channel: {overview}");
    assert_eq!(desk.figures("channels")["items"].as_array().unwrap().len(), 1);

    // Channel and satisfaction at once leave no row of a channel that nobody used.
    let rated =
        |session: &str, csat: u32| json!({ "session_id": session, "channel": "app", "csat": csat, "turns": [] });
    desk.hand_in(rated("r", 4));
    let overview = desk.analyst.get("/v1/analytics/overview").expect(200);
    assert_eq!(overview["channels"].as_object().unwrap().keys().collect::<Vec<_>>(), ["app"], "{overview}");

    // A turn that is refused says nothing of when the conversation was.
    let report = desk.hand_in(json!({ "session_id": "old", "channel": "web", "turns": [
        { "role": "customer", "text": "怎么退货", "at": "0001-01-01T00:00:00Z" },
        { "role": "customer", "text": "如何申请登月许可", "at": "2026-06-02T08:00:00Z" },
    ] }));
    assert_eq!((&report["turns"]["accepted"], &report["turns"]["rejected"]), (&json!(1), &json!(1)));
    let day = desk.analyst.get("/v1/analytics/overview?from=2026-06-02&to=2026-06-02").expect(200);
    assert_eq!((&day["conversations"], &day["questions"]), (&json!(1), &json!(1)), "{day}");
    drop(desk.app);
}

#[test]
fn what_is_said_in_pieces_of_one_body_counts_once() {
    let desk = Desk::open();
    desk.hand_in(json!({ "session_id": "p", "turns": [turn("customer", "怎么退货", "08:00:00")] }));
    desk.settled();
    // The hand-off makes a gap of what did not help; what is said later in the same body belongs to that gap.
    let pieces = json!([
        { "session_id": "p", "handed_off": true },
        { "session_id": "p", "csat": 1, "turns": [turn("agent", "我来帮您看一下这笔订单。", "08:01:00")] },
        { "session_id": "p", "channel": "phone", "turns": [turn("agent", "已经为您登记退货。", "08:02:00")] },
    ]);
    desk.channel.post("/v1/interactions", json!({ "conversations": pieces })).expect(200);
    let gap = found_within(10, "the gap", || desk.gap("怎么退货"));
    assert_eq!((&gap["queries"], &gap["sessions"]), (&json!(1), &json!(1)), "{gap:#}");
    assert_eq!((&gap["worth"]["handed_off"], &gap["worth"]["low_rated"]), (&json!(1.0), &json!(1.0)), "{gap:#}");
}

#[test]
fn what_follows_up_is_not_asked_again() {
    let desk = Desk::open();
    let talk = |session: &str, texts: &[&str]| {
        let turns: Vec<Value> = (0..).zip(texts).map(|(n, t)| turn("customer", t, &format!("08:0{n}:00"))).collect();
        desk.hand_in(json!({ "session_id": session, "turns": turns }));
    };
    talk("en", &["how do I return headphones", "how long does it take?", "and who pays for shipping?"]);
    talk("zh", &["你们支持刻字服务吗", "那要多久呢"]);
    let again = |overview: &Value| overview["channels"]["none"]["asked_again"].clone();
    assert_eq!(again(&desk.settled()), 0);
    talk(
        "again",
        &["how do I return headphones", "how long does it take?", "how long does it take?", "怎么退货", "怎么退货呀"],
    );
    assert_eq!(again(&desk.settled()), 2);
}
