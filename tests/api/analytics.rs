//! Figures: what is asked most, in which words, through which channels, how articles do, what is covered, what will come.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::actors::{Actor, TestApp, eventually};

struct Office {
    app: TestApp,
    channel: Actor,
    analyst: Actor,
}

impl Office {
    fn open() -> Self {
        let app = TestApp::start();
        let channel = app.with_scopes("channel", &["interactions"]);
        let analyst = app.with_scopes("analyst", &["analytics"]);
        Self { app, channel, analyst }
    }

    fn article(&self, article: Value) {
        let mut article = article;
        article["publish"] = json!(true);
        self.app.publisher().post("/v1/articles?wait=searchable", article).expect(201);
    }

    /// Hands conversations in and waits until their questions are counted.
    fn hand_in(&self, conversations: &[Value]) {
        let lines: String = conversations.iter().map(|c| format!("{c}\n")).collect();
        let report = self.channel.post_raw("/v1/interactions", "application/x-ndjson", &lines).expect(200);
        assert_eq!(report["error_count"], 0, "{report}");
        let until = Instant::now() + Duration::from_secs(20);
        while self.figures("overview", "from=2024-01-01&to=2027-12-31")["pending"] != 0 {
            assert!(Instant::now() < until, "questions still wait");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn figures(&self, name: &str, parameters: &str) -> Value {
        self.analyst.get(&format!("/v1/analytics/{name}?{parameters}")).expect(200)
    }
}

/// A session with questions at these times.
fn asks(session: &str, questions: &[(&str, &str)]) -> Value {
    let turns: Vec<Value> =
        questions.iter().map(|(at, text)| json!({ "role": "customer", "text": text, "at": at })).collect();
    json!({ "session_id": session, "channel": "app", "turns": turns })
}

/// Sessions that ask the same on a day, each once.
fn many(day: &str, count: usize, question: &str) -> Vec<Value> {
    (0..count)
        .map(|n| asks(&format!("{day}-{question}-{n}"), &[(&format!("{day}T08:{:02}:00Z", n % 60), question)]))
        .collect()
}

#[test]
fn hot_questions_and_their_words_rise_and_fall() {
    let office = Office::open();
    office.article(
        json!({ "id": "returns", "title": "退货政策", "body": "签收后 15 天内可以退货。", "questions": ["怎么退货"] }),
    );
    let mut talks = Vec::new();
    talks.extend(many("2024-05-03", 12, "怎么退货"));
    talks.extend(many("2024-05-03", 30, "发票抬头怎么修改"));
    office.hand_in(&std::mem::take(&mut talks));
    talks.extend(many("2024-05-11", 6, "怎么退货"));
    talks.extend(many("2024-05-12", 6, "怎么退货？"));
    talks.extend(many("2024-05-12", 30, "为什么登月火箭不送货"));
    office.hand_in(&talks);
    let report = office.figures("questions", "from=2024-05-11&to=2024-05-20&bucket=week");
    assert_eq!(
        (&report["queries"], &report["before"], &report["approximate"]),
        (&json!(42), &json!(42), &json!(false))
    );
    let short = |list: &Value| -> Vec<Value> {
        let items = list.as_array().unwrap().iter();
        items.map(|i| json!([i["question"], i["queries"], i["answered"], i["before"], i["direction"]])).collect()
    };
    let rocket = json!(["为什么登月火箭不送货", 30, 0, 0, "rising"]);
    let returns = json!(["怎么退货", 12, 12, 12, "steady"]);
    let invoice = json!(["发票抬头怎么修改", 0, 0, 30, "falling"]);
    assert_eq!(short(&report["items"]), [rocket.clone(), returns], "wordings that fold to the same are one: {report}");
    assert_eq!((short(&report["rising"]), short(&report["falling"])), (vec![rocket], vec![invoice]));
    let steady = &report["items"][1];
    assert_eq!(steady["trend"], json!([{ "from": "2024-05-06", "queries": 12 }]));
    assert_eq!((&steady["article_id"], &steady["gap_id"]), (&json!("returns"), &json!(null)));
    assert!(report["items"][0]["gap_id"].as_str().is_some_and(|id| id.starts_with("g_")));

    let topics = office.figures("topics", "from=2024-05-11&to=2024-05-20");
    let word = |list: &str, name: &str| topics[list].as_array().unwrap().iter().find(|w| w["word"] == name).cloned();
    let returns = word("words", "退货").unwrap_or_else(|| panic!("{topics}"));
    assert_eq!(
        (&returns["count"], &returns["before"], &returns["direction"]),
        (&json!(12), &json!(12), &json!("steady"))
    );
    assert_eq!(topics["words"][0]["weight"], json!(1.0));
    assert!(word("rising", "火箭").is_some() && word("falling", "发票").is_some(), "{topics}");
    for function_word in ["怎么", "为什么", "不"] {
        assert!(word("words", function_word).is_none(), "{function_word}: {topics}");
    }
}

#[test]
fn words_of_personal_data_stand_in_no_cloud() {
    let office = Office::open();
    office.hand_in(&many("2024-05-12", 3, "我叫张伟手机13912345678收不到登月短信怎么办"));
    let topics = office.analyst.get("/v1/analytics/topics?from=2024-05-11&to=2024-05-20");
    assert!(topics.body.contains("登月"), "{}", topics.body);
    for personal in ["张伟", "手机号", "姓名", "1391"] {
        assert!(!topics.body.contains(personal), "{personal}: {}", topics.body);
    }
}

#[test]
fn articles_are_useful_never_hit_or_stale() {
    let office = Office::open();
    office.article(
        json!({ "id": "returns", "title": "退货政策", "body": "签收后 15 天内可以退货。", "questions": ["怎么退货"] }),
    );
    office.article(json!({ "id": "secret", "title": "内部折扣", "body": "内部折扣为八折。", "audience": "internal", "review_every_days": 30 }));
    let soon = jiff::Timestamp::now().checked_add(jiff::SignedDuration::from_hours(48)).unwrap();
    office.article(json!({ "id": "sale", "title": "Summer sale", "body": "Everything is cheaper.", "valid_until": soon.to_string() }));
    let customer = office.app.customer();
    let answers: Vec<Value> =
        (0..4).map(|_| customer.post("/v1/answer", json!({ "question": "怎么退货" })).expect(200)).collect();
    for (answer, said) in
        answers.iter().zip([json!({ "helpful": true, "csat": 5 }), json!({ "helpful": false, "csat": 1, "ces": 6 })])
    {
        let mut said = said;
        said["answer_id"] = answer["answer_id"].clone();
        customer.post("/v1/feedback", said).expect(202);
    }
    // Said again, it counts once; said otherwise, the last word counts.
    for helpful in [false, true, false] {
        let said = json!({ "answer_id": answers[2]["answer_id"], "helpful": helpful });
        customer.post("/v1/feedback", said).expect(202);
    }
    let report = office.figures("articles", "");
    let item = &report["items"][0];
    assert_eq!((&report["live"], report["items"].as_array().unwrap().len()), (&json!(3), 1), "{report}");
    let counts = ["shown", "answered", "helpful", "unhelpful", "handed_off"].map(|field| item[field].as_u64().unwrap());
    assert_eq!((&item["article_id"], counts), (&json!("returns"), [4, 4, 1, 2, 0]), "{item}");
    assert_eq!((&item["usefulness"], &item["csat"]), (&json!(0.3333), &json!(3.0)));
    let ids = |list: &Value| list.as_array().unwrap().iter().map(|a| a["article_id"].clone()).collect::<Vec<_>>();
    assert_eq!(
        (ids(&report["never_hit"]), &report["never_hit_count"]),
        (vec![json!("secret"), json!("sale")], &json!(2))
    );
    assert_eq!((ids(&report["stale"]), &report["stale"][0]["reason"]), (vec![json!("sale")], &json!("expires_soon")));
    let overview = office.figures("overview", "");
    let said = &overview["feedback"];
    assert_eq!((&said["helpful"], &said["unhelpful"], &said["helpful_share"]), (&json!(1), &json!(2), &json!(0.3333)));
    assert_eq!(
        (&said["csat"], &said["ces"]),
        (&json!({ "count": 2, "mean": 3.0 }), &json!({ "count": 1, "mean": 6.0 }))
    );

    // Whoever reads figures for the public only sees no trace of what is not public.
    let public = office.app.with_key(json!({ "name": "public analyst", "scopes": ["analytics"] }));
    let seen = public.get("/v1/analytics/articles");
    assert_eq!((&seen.expect(200)["live"], seen.body.contains("secret")), (&json!(2), false), "{}", seen.body);
}

#[test]
fn channels_show_hand_offs_and_what_is_asked_again() {
    let office = Office::open();
    let day = |time: &str| format!("2024-05-20T{time}Z");
    let mut again = asks(
        "again",
        &[
            (&day("08:00:00"), "发票抬头怎么修改"),
            (&day("08:01:00"), "发票抬头怎么改"),
            (&day("08:02:00"), "为什么不能登月"),
        ],
    );
    again["handed_off"] = json!(true);
    let mut phone = asks("phone", &[(&day("09:00:00"), "do you ship to the moon")]);
    phone["channel"] = json!("phone");
    phone["csat"] = json!(2);
    office.hand_in(&[again, phone]);
    let report = office.figures("channels", "from=2024-05-20&to=2024-05-20");
    let item = |n: usize| report["items"][n].clone();
    assert_eq!(
        (&item(0)["channel"], &item(0)["queries"], &item(0)["asked_again"]),
        (&json!("app"), &json!(3), &json!(1))
    );
    assert_eq!((&item(0)["handoff_rate"], &item(0)["reask_rate"]), (&json!(1.0), &json!(0.3333)), "{report}");
    assert_eq!(
        (&item(1)["channel"], &item(1)["handoff_rate"], &item(1)["csat"]),
        (&json!("phone"), &json!(0.0), &json!(2.0))
    );
    let overview = office.figures("overview", "from=2024-05-20&to=2024-05-20");
    assert_eq!((&overview["handoff_rate"], &overview["reask_rate"]), (&json!(0.5), &json!(0.25)), "{overview}");

    // Live answers of one conversation, through a channel of their own.
    let customer = office.app.customer();
    for question in ["我要转人工", "为什么不能登月", "为什么不能登月呢"] {
        let body = json!({ "question": question, "conversation_id": "c-1", "channel": "widget" });
        customer.post("/v1/answer", body).expect(200);
    }
    eventually(20, "live queries are counted", || office.figures("overview", "")["live"]["queries"] == 3);
    let live = office.figures("channels", "")["items"][0].clone();
    assert_eq!(
        (&live["channel"], &live["live_answers"], &live["asked_again"]),
        (&json!("widget"), &json!(3), &json!(1)),
        "{live}"
    );
    assert_eq!(live["handoff_recommended"], 3, "nothing answers any of them: {live}");
}

#[test]
fn coverage_grows_by_what_closed_gaps_gain() {
    let office = Office::open();
    let keeper = office.app.with_scopes("keeper", &["gaps", "articles:write", "articles:read", "articles:publish"]);
    let customer = office.app.customer();
    let ask = |question: &str| customer.post("/v1/answer", json!({ "question": question })).expect(200);
    let id = ask("学生证买电脑有没有教育优惠")["gap_id"].as_str().unwrap().to_owned();
    ask("为什么不能登月");
    let path = format!("/v1/gaps/{id}");
    eventually(20, "the gap is counted", || keeper.get(&path).status == 200);
    let before = office.figures("coverage", "");
    assert_eq!((&before["total"]["coverage"], &before["total"]["gained"]), (&json!(0.0), &json!(0)), "{before}");
    assert_eq!((&before["gaps"]["open"], &before["gaps"]["ages"]["day"]), (&json!(2), &json!(2)), "{before}");
    eventually(20, "the causes are found", || {
        office.figures("coverage", "")["gaps"]["causes"] == json!({ "missing": 2 })
    });

    keeper.post(&format!("{path}/draft"), json!({ "article_id": "edu" })).expect(201);
    let right = json!({
        "title": "教育优惠", "questions": ["学生证买电脑有没有教育优惠"], "expected_version": 1,
        "body": "凭学生证买电脑有教育优惠,减 300 元。每人每年一次。"
    });
    keeper.put("/v1/articles/edu", right).expect(200);
    keeper.post("/v1/articles/edu/publish?wait=searchable", json!({})).expect(200);
    eventually(20, "the gap is closed", || keeper.get(&path).expect(200)["status"] == "closed");
    ask("学生证买电脑有没有教育优惠");
    ask("学生证买电脑有没有教育优惠?");
    eventually(20, "the new ones are counted", || office.figures("coverage", "")["total"]["demand"] == 4);
    let after = office.figures("coverage", "");
    let point = &after["points"][0];
    assert_eq!((&point["answered"], &point["coverage"]), (&json!(2), &json!(0.5)), "{after}");
    assert_eq!((&point["gained"], &point["gain"]), (&json!(2), &json!(0.5)), "all of it came from the gap: {after}");
    assert!(point["from"].as_str().unwrap().ends_with("-01"), "by month: {after}");
    assert_eq!((&after["gaps"]["open"], &after["gaps"]["closed"]), (&json!(1), &json!(1)));
}

#[test]
fn a_forecast_says_its_error_or_why_there_is_none() {
    let office = Office::open();
    office.hand_in(&many("2024-05-03", 4, "为什么不能登月"));
    let none = office.figures("forecast", "to=2024-05-12");
    assert_eq!((&none["points"], &none["error"]), (&json!([]), &json!(null)));
    assert_eq!(none["reason"], "there are 10 days of history; a forecast needs 21");
    // Four weeks in which somebody asks five times on working days and twice on the others.
    let mut talks = Vec::new();
    for day in 0..28 {
        let date = jiff::civil::date(2024, 6, 3).checked_add(jiff::ToSpan::days(day)).unwrap();
        for hour in if day % 7 < 5 { &[9, 11, 13, 15, 17][..] } else { &[10, 14][..] } {
            let at = format!("{date}T{hour:02}:30:00Z");
            talks.push(asks(&format!("{date}-{hour}"), &[(&at, "为什么不能登月")]));
        }
    }
    office.hand_in(&talks);
    let report = office.figures("forecast", "from=2024-06-03&to=2024-06-30");
    let points = report["points"].as_array().unwrap();
    assert_eq!((points.len(), &points[0]["at"]), (48, &json!("2024-07-01T00:00:00Z")), "{report}");
    let expected = |hour: usize| points[hour]["queries"].as_f64().unwrap();
    assert!(expected(9) > 0.7 && expected(3) < 0.1, "Monday morning and Monday night: {report}");
    assert!((report["total"].as_f64().unwrap() - 10.0).abs() < 1.0, "two working days: {report}");
    let error = &report["error"];
    assert!(error["forecasts"].as_u64().unwrap() > 5 && error["wape"].as_f64().unwrap() < 0.5, "{error}");
    assert_eq!((&error["interval"], &report["missing_hours"]), (&json!(0.8), &json!(0)));
}

#[test]
fn figures_need_their_scope_and_days_that_make_sense() {
    let office = Office::open();
    for name in ["overview", "questions", "topics", "articles", "channels", "coverage", "forecast"] {
        let path = format!("/v1/analytics/{name}");
        assert_eq!(office.channel.get(&path).problem(403), "forbidden");
        let empty = office.analyst.get(&path).expect(200);
        assert_eq!(empty["space"], "default", "a server on which nothing was asked has figures: {empty}");
        assert_eq!(office.analyst.get(&format!("{path}?space=none")).problem(404), "space_not_found");
        if name != "forecast" {
            let wrong = office.analyst.get(&format!("{path}?from=2026-11-02&to=2026-11-01"));
            assert_eq!(wrong.problem(422), "invalid_query");
        }
    }
    let weeks = office.figures("overview", "bucket=week");
    assert_eq!(weeks["days"], json!([]));
    assert_eq!(office.analyst.get("/v1/analytics/questions?limit=0").problem(422), "invalid_query");
}
