//! Conversations from any channel: taken in once, cleaned, counted, and what they ask filed where nothing answers it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::actors::{Actor, TestApp};

struct Desk {
    app: TestApp,
    channel: Actor,
    analyst: Actor,
    keeper: Actor,
}

impl Desk {
    fn open() -> Self {
        let app = TestApp::start();
        let channel = app.with_scopes("channel", &["interactions"]);
        let analyst = app.with_scopes("analyst", &["analytics"]);
        let keeper = app.with_scopes("keeper", &["gaps"]);
        Self { app, channel, analyst, keeper }
    }

    fn hand_in(&self, conversations: &[Value]) -> Value {
        let lines: String = conversations.iter().map(|c| format!("{c}\n")).collect();
        self.channel.post_raw("/v1/interactions", "application/x-ndjson", &lines).expect(200)
    }

    fn overview(&self) -> Value {
        self.analyst.get("/v1/analytics/overview?from=2024-01-01&to=2027-12-31").expect(200)
    }

    /// The overview once nothing is left to be searched, within the three seconds that are promised.
    fn settled(&self) -> Value {
        let begun = Instant::now();
        loop {
            let overview = self.overview();
            if overview["pending"] == 0 {
                return overview;
            }
            assert!(begun.elapsed() < Duration::from_secs(3), "{overview}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn gap(&self, label: &str) -> Value {
        let page = self.keeper.get("/v1/gaps").expect(200);
        let found = page["items"].as_array().unwrap().iter().find(|gap| gap["label"] == label).cloned();
        found.unwrap_or_else(|| panic!("no gap '{label}' in {page}"))
    }
}

fn said(text: &str) -> Value {
    json!({ "role": "customer", "text": text, "at": "2024-05-20T08:00:00Z" })
}

fn talk(session: &str, turns: &[Value]) -> Value {
    json!({ "session_id": session, "channel": "web", "turns": turns })
}

#[test]
fn a_talk_is_cleaned_counted_and_its_questions_are_filed() {
    let desk = Desk::open();
    let article =
        json!({ "title": "退货政策", "body": "签收后 15 天内可以退货。", "questions": ["怎么退货"], "publish": true });
    desk.app.publisher().post("/v1/articles?wait=searchable", article).expect(201);
    let report = desk.hand_in(&[
        json!({
            "session_id": "s-1", "channel": "app", "resolved": true, "csat": 4, "turns": [
                said("你好"), said("你好，我想问一下怎么退货"),
                { "role": "bot", "text": "您可以试试问我", "at": "2024-05-20T08:00:01Z" },
                { "role": "agent", "text": "在订单页申请即可", "at": "2024-05-20T08:00:02Z" },
                said("好的谢谢"), said("发票抬头怎么修改"), said("我已经下单了"), said("  "),
            ],
        }),
        json!({
            "session_id": "s-2", "channel": "phone", "handed_off": true, "turns": [
                said("uh, hi, I wanted to ask, you know, do you ship to the moon"),
            ],
        }),
    ]);
    assert_eq!(
        report,
        json!({
            "conversations": 2,
            "turns": {
                "accepted": 9, "unchanged": 0, "rejected": 0,
                "set_aside": { "empty": 1, "greeting": 1, "filler": 1, "machine": 1, "not_a_question": 1 },
            },
            "questions": 3, "error_count": 0, "errors": [], "dry_run": false,
        })
    );
    let overview = desk.settled();
    let figures =
        ["conversations", "turns", "customer_turns", "questions", "matched", "unmatched", "resolved", "handed_off"]
            .map(|field| overview[field].as_u64().unwrap());
    assert_eq!(figures, [2, 9, 7, 3, 1, 2, 1, 1], "{overview}");
    assert_eq!(overview["answer_rate"], json!(0.3333));
    assert_eq!(overview["csat"], json!({ "count": 1, "mean": 4.0 }));
    assert_eq!(overview["languages"], json!({ "zh": 2, "en": 1 }));
    assert_eq!(overview["channels"]["app"]["matched"], 1);
    assert_eq!(overview["channels"]["phone"]["unmatched"], 1);
    assert_eq!(overview["days"][0]["day"], "2024-05-20");
    let gap = desk.gap("发票抬头怎么修改");
    assert_eq!((&gap["queries"], &gap["sessions"]), (&json!(1), &json!(1)));
    assert_eq!(gap["last_seen"], "2024-05-20T08:00:00Z");
    assert_eq!(desk.gap("do you ship to the moon")["language"], "en");
}

#[test]
fn what_is_handed_in_again_changes_nothing_and_another_text_is_a_conflict() {
    let desk = Desk::open();
    let first = talk("s", &[said("发票抬头怎么修改"), said("谢谢")]);
    desk.hand_in(std::slice::from_ref(&first));
    let before = desk.settled();
    let again = desk.hand_in(&[first.clone(), first]);
    assert_eq!(again["turns"]["unchanged"], 4);
    assert_eq!((&again["turns"]["accepted"], &again["questions"]), (&json!(0), &json!(0)));
    let conflict = desk.hand_in(&[talk("s", &[said("发票抬头怎么改"), said("谢谢")])]);
    assert_eq!((&conflict["turns"]["unchanged"], &conflict["turns"]["rejected"]), (&json!(1), &json!(1)));
    assert_eq!((&conflict["errors"][0]["line"], &conflict["errors"][0]["turn"]), (&json!(1), &json!(1)));
    assert!(conflict["errors"][0]["reason"].as_str().unwrap().contains("another text"), "{conflict}");
    assert_eq!(desk.settled(), before);
    assert_eq!(desk.gap("发票抬头怎么修改")["queries"], 1);
}

#[test]
fn turns_come_late_and_in_any_order() {
    let desk = Desk::open();
    let turn = |number: u32, text: &str| json!({ "turn": number, "role": "customer", "text": text, "at": "2024-05-20T08:00:00Z" });
    let whole = desk.hand_in(&[talk("s", &[turn(5, "那运费呢？"), turn(3, "跨境订单怎么退货")])]);
    assert_eq!(whole["questions"], 2);
    let late = desk.hand_in(&[talk("s", &[turn(1, "在吗"), turn(9, "那海关税呢")])]);
    assert_eq!(late["turns"]["accepted"], 2);
    assert_eq!(desk.settled()["questions"], 3);
    desk.gap("跨境订单怎么退货，运费呢？");
    desk.gap("跨境订单怎么退货，海关税呢");
    // What is said of the whole may come last, and change.
    let rated = |csat: u32| json!({ "session_id": "s", "csat": csat, "resolved": csat > 3 });
    desk.hand_in(&[rated(5), rated(2)]);
    let overview = desk.overview();
    assert_eq!((&overview["csat"], &overview["resolved"]), (&json!({ "count": 1, "mean": 2.0 }), &json!(0)));
}

#[test]
fn each_refusal_is_told_and_costs_only_itself() {
    let desk = Desk::open();
    let body = [
        r#"{"session_id":"a","turns":[{"role":"customer","text":"发票抬头怎么修改"},{"role":"robot","text":"x"},{"role":"customer"}]}"#,
        "not json",
        "",
        r#"{"session_id":"b","colour":"red","turns":[{"role":"customer","text":"x"},{"role":"customer","text":"y"}]}"#,
        r#"{"turns":[]}"#,
        r#"{"session_id":"c","csat":7}"#,
        r#"{"session_id":"d","turns":[{"role":"customer","text":"x","at":"2100-01-01T00:00:00Z"}]}"#,
    ];
    let report = desk.channel.post_raw("/v1/interactions", "application/x-ndjson", &body.join("\n")).expect(200);
    assert_eq!((&report["turns"]["accepted"], &report["turns"]["rejected"]), (&json!(1), &json!(8)), "{report}");
    let told: Vec<String> = report["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| format!("{} {} {}", e["line"], e["turn"], e["reason"].as_str().unwrap()))
        .collect();
    insta::assert_snapshot!(told.join("\n"));
    assert_eq!(report["error_count"], told.len());

    let wrong = desk.channel.post("/v1/interactions", json!({ "talks": [] }));
    assert_eq!(wrong.problem(422), "invalid_request");
    let kind = desk.channel.post_raw("/v1/interactions", "text/csv", "a,b");
    assert_eq!(kind.problem(415), "unsupported_media_type");
}

#[test]
fn a_json_batch_and_a_dry_run() {
    let desk = Desk::open();
    let batch = json!({ "conversations": [talk("s", &[said("发票抬头怎么修改")]), talk("s", &[said("怎么改")]), 5] });
    let tried = desk.channel.post("/v1/interactions?dry_run=true", batch.clone()).expect(200);
    assert_eq!(tried["dry_run"], true);
    assert_eq!(desk.overview()["turns"], 0);
    let done = desk.channel.post("/v1/interactions", batch).expect(200);
    assert_eq!((&done["turns"], &done["errors"]), (&tried["turns"], &tried["errors"]));
    assert_eq!((&done["turns"]["accepted"], &done["turns"]["rejected"]), (&json!(1), &json!(2)));
    assert_eq!(desk.settled()["questions"], 1);
}

#[test]
fn personal_data_is_masked_and_names_are_hashed() {
    let desk = Desk::open();
    desk.hand_in(&[json!({
        "session_id": "13812345678", "customer_id": "zhang.wei@example.com", "channel": "web",
        "turns": [said("我的手机13912345678收不到登月短信怎么办，我叫张伟"), said("身份证11010519491231002X填错了")],
    })]);
    desk.settled();
    let gaps = desk.keeper.get("/v1/gaps");
    assert!(gaps.body.contains("登月短信"), "{}", gaps.body);
    for personal in ["13912345678", "11010519491231002X", "13812345678", "zhang.wei"] {
        assert!(!gaps.body.contains(personal), "{personal}: {}", gaps.body);
    }
    let folder = desk.app.folder();
    drop(desk.keeper);
    let stored = bytes_under(&folder);
    for personal in ["13912345678", "11010519491231002X", "13812345678", "zhang.wei", "张伟"] {
        let found = stored.windows(personal.len()).any(|window| window == personal.as_bytes());
        assert!(!found, "{personal} is on the disk");
    }
    assert!(
        stored.windows("登月短信".len()).any(|window| window == "登月短信".as_bytes()),
        "the test looks in the right place"
    );
}

fn bytes_under(folder: &std::path::Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() { all.extend(bytes_under(&path)) } else { all.extend(std::fs::read(path).unwrap_or_default()) }
    }
    all
}

#[test]
fn abuse_counts_once_and_a_burst_is_marked() {
    let desk = Desk::open();
    let asked = |minute: u32, text: &str| json!({ "role": "customer", "text": text, "at": format!("2024-05-20T08:{minute:02}:00Z") });
    // One customer in many sessions, and one session all day long.
    let shouting: Vec<Value> = (0..30)
        .map(|n| {
            let mut one = talk(&format!("shout-{n}"), &[asked(n, "为什么不能登月")]);
            one["customer_id"] = json!("loud");
            one
        })
        .collect();
    let session: Vec<Value> = (0..30).map(|_| asked(5, "为什么不能登月")).collect();
    desk.hand_in(&shouting);
    desk.hand_in(&[talk("loud-session", &session)]);
    // Three who ask once.
    let quiet: Vec<Value> = (0..3).map(|n| talk(&format!("quiet-{n}"), &[asked(n, "发票抬头怎么修改")])).collect();
    desk.hand_in(&quiet);
    desk.settled();
    let loud = desk.gap("为什么不能登月");
    assert_eq!((&loud["queries"], &loud["sessions"]), (&json!(60), &json!(2)), "{loud}");
    let day = json!({ "day": "2024-05-20", "queries": 60, "sessions": 2, "approximate": false, "burst": true });
    assert_eq!(loud["trend"], json!([day]));
    let page = desk.keeper.get("/v1/gaps").expect(200);
    assert_eq!(page["items"][0]["label"], "发票抬头怎么修改", "three who ask once stand before one who shouts: {page}");
    assert_eq!(page["items"][0]["trend"][0]["burst"], false);
}

#[test]
fn live_queries_count_by_conversation_or_key() {
    let desk = Desk::open();
    let customer = desk.app.customer();
    for conversation in ["c-1", "c-1", "c-2"] {
        let question = json!({ "question": "为什么不能登月", "conversation_id": conversation });
        customer.post("/v1/answer", question).expect(200);
    }
    for _ in 0..5 {
        customer.post("/v1/answer", json!({ "question": "为什么不能登月" })).expect(200);
    }
    // The same conversation, handed in from the log of the channel.
    desk.hand_in(&[json!({ "session_id": "c-2", "turns": [{ "role": "customer", "text": "为什么不能登月" }] })]);
    std::thread::sleep(Duration::from_millis(1_500));
    let overview = desk.analyst.get("/v1/analytics/overview").expect(200);
    assert_eq!((&overview["live"]["queries"], &overview["questions"]), (&json!(8), &json!(1)), "{overview}");
    let gap = desk.gap("为什么不能登月");
    assert_eq!((&gap["queries"], &gap["sessions"]), (&json!(9), &json!(3)), "two conversations and the key: {gap}");
}

#[test]
fn figures_and_intake_need_their_scopes() {
    let desk = Desk::open();
    assert_eq!(desk.channel.get("/v1/analytics/overview").problem(403), "forbidden");
    assert_eq!(desk.analyst.post("/v1/interactions", json!({})).problem(403), "forbidden");
    assert_eq!(desk.analyst.get("/v1/analytics/overview?from=2026-11-02&to=2026-11-01").problem(422), "invalid_query");
    assert_eq!(desk.analyst.get("/v1/analytics/overview?from=yesterday").problem(422), "invalid_query");
    assert_eq!(
        desk.analyst.get("/v1/analytics/alerts?from=2026-11-01&to=2026-11-30&bucket=month").expect(200)["items"],
        json!([])
    );
}

#[test]
fn a_day_is_a_date_or_a_time_in_any_offset() {
    let desk = Desk::open();
    let overview = |from: &str| desk.analyst.get(&format!("/v1/analytics/overview?from={from}&to=2026-11-30"));
    let days = [
        ("2026-11-22", "2026-11-22"),
        ("2026-11-22T00:00:00Z", "2026-11-22"),
        ("2026-11-22T07:59:59%2B08:00", "2026-11-21"),
        ("2026-11-22T07:59:59+08:00", "2026-11-21"),
        ("2026-11-22T23:00:00-02:00", "2026-11-23"),
    ];
    for (given, day) in days {
        assert_eq!(overview(given).expect(200)["from"], day, "{given}");
    }
    for wrong in ["2026-11-22T00:00:00", "2026-13-01", "20261122", "yesterday"] {
        let told = overview(wrong);
        assert_eq!(told.problem(422), "invalid_query");
        let message = told.json()["errors"][0]["message"].as_str().unwrap().to_owned();
        assert!(
            message.contains("such as 2026-11-22") && message.contains(wrong) && !message.contains("jiff"),
            "{message}"
        );
    }
    let told = desk.analyst.get("/v1/analytics/forecast?from=2026-11-02&to=2026-11-01");
    assert_eq!(told.problem(422), "invalid_query");
    assert_eq!(told.json()["errors"][0]["message"], "2026-11-02 is after 2026-11-01");
}
