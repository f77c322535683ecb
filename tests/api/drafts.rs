//! Drafts that a language model writes: from sources only, checked, marked, never published by themselves; and what
//! happens when the model is not to be had.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use zhiyin::kb::models::LanguageModelSettings;
use zhiyin::model::account::Secret;

use crate::actors::{Actor, TestApp, eventually};
use crate::fake::{Asked, Fake, Told};

/// A question, and what an agent answered.
struct Matter {
    id: &'static str,
    question: &'static str,
    answer: &'static str,
}

const INVOICE: Matter = Matter {
    id: "invoice",
    question: "发票抬头写错了怎么修改",
    answer: "开具电子发票后,请在订单详情页点击更换抬头,三个工作日内可以修改一次。联系电话 13912345678。",
};
const BATTERY: Matter = Matter {
    id: "battery",
    question: "can you replace my phone battery",
    answer: "You can have the phone battery replaced in any of our stores within an hour for 49 euros. Please back up your data first.",
};

/// A language model that says what the test wants, or misbehaves as it wants.
struct Writer {
    fake: Fake,
    says: Arc<Mutex<String>>,
}

impl Writer {
    fn start() -> Self {
        let says = Arc::new(Mutex::new(String::new()));
        let words = says.clone();
        let fake = Fake::start(move |_: &Asked| {
            let words = words.lock().unwrap().clone();
            match words.as_str() {
                "(broken)" => Told::new(500, "out of order"),
                "(garbage)" => Told::new(200, "{\"choices\": [{\"mess"),
                "(slow)" => {
                    std::thread::sleep(Duration::from_millis(1_500));
                    Told::new(200, reply("too late"))
                }
                words => Told::new(200, reply(words)),
            }
        });
        Self { fake, says }
    }

    fn says(&self, words: &str) {
        words.clone_into(&mut self.says.lock().unwrap());
    }

    fn settings(&self) -> LanguageModelSettings {
        LanguageModelSettings {
            url: self.fake.url.clone(),
            model: "scribe-1".into(),
            key: Some(Secret::new("sk-very-secret".into())),
            timeout: Duration::from_millis(700),
            max_tokens: 500,
            parallel: 2,
            parameters: json!({ "temperature": 0 }).as_object().unwrap().clone(),
        }
    }
}

fn reply(text: &str) -> String {
    json!({ "choices": [{ "message": { "role": "assistant", "content": text }, "finish_reason": "stop" }] }).to_string()
}

/// A server with this language model, where customers asked and agents answered.
fn server(writer: Option<&Writer>, matters: &[&Matter]) -> TestApp {
    let settings = writer.map(Writer::settings);
    let app = TestApp::start_with(|config| config.language_model = settings);
    let talks: Vec<Value> = matters
        .iter()
        .map(|matter| {
            json!({
                "session_id": matter.id, "channel": "web", "resolved": true, "csat": 5,
                "turns": [
                    { "role": "customer", "text": matter.question, "at": "2026-11-20T08:00:00Z" },
                    { "role": "agent", "text": matter.answer, "at": "2026-11-20T08:00:20Z" },
                ],
            })
        })
        .collect();
    let channel = app.with_scopes("channel", &["interactions"]);
    channel.post("/v1/interactions", json!({ "conversations": talks })).expect(200);
    let keeper = keeper(&app);
    let all = || keeper.get("/v1/gaps").expect(200)["items"].as_array().unwrap().len() == matters.len();
    eventually(30, "each question has its gap", all);
    app
}

fn keeper(app: &TestApp) -> Actor {
    app.with_scopes("keeper", &["gaps", "articles:write", "articles:read", "articles:publish"])
}

fn draft(keeper: &Actor, matter: &Matter, wanted: Value) -> Value {
    let gaps = keeper.get("/v1/gaps").expect(200);
    let gap = gaps["items"].as_array().unwrap().iter().find(|gap| gap["label"] == matter.question).unwrap().clone();
    keeper.post(&format!("/v1/gaps/{}/draft", gap["id"].as_str().unwrap()), wanted).expect(201)
}

fn body(made: &Value) -> String {
    made["article"]["body"].as_str().unwrap().to_owned()
}

#[test]
fn a_draft_is_written_from_what_agents_answered_and_waits_for_a_person() {
    let writer = Writer::start();
    let app = server(Some(&writer), &[&INVOICE, &BATTERY]);
    let (keeper, customer) = (keeper(&app), app.customer());
    app.admin().patch("/v1/spaces/default", json!({ "settings": { "require_review": true } })).expect(200);

    writer.says("## 修改发票抬头\n\n1. 在订单详情页点击“更换抬头”。[1]\n2. 抬头在3个工作日内可以修改一次。[1]");
    let made = draft(&keeper, &INVOICE, json!({ "article_id": "invoice" }));
    assert_eq!(
        made["generation"],
        json!({ "generated": true, "reason": null, "model": "scribe-1", "kept": 2, "removed": 0, "references_removed": 0 })
    );
    let text = body(&made);
    assert!(text.starts_with("## 修改发票抬头\n\n1. 在订单详情页点击“更换抬头”。 [1]\n2. "), "{text}");
    assert!(text.contains("\n\n> [1] conversation ") && text.contains(", rated 5/5"), "{text}");
    assert_eq!(made["article"]["attributes"]["generated_by"], "scribe-1");
    assert!(made["article"]["note"].as_str().unwrap().contains("written by the language model scribe-1"));

    // The model sees questions and answers, masked, and the key goes in the header alone.
    let asked = writer.fake.asked().remove(0);
    let sent: Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!(
        (asked.path.as_str(), asked.headers["authorization"].as_str()),
        ("/chat/completions", "Bearer sk-very-secret")
    );
    assert_eq!(
        (&sent["model"], &sent["max_tokens"], &sent["temperature"]),
        (&json!("scribe-1"), &json!(500), &json!(0))
    );
    let (system, user) =
        (sent["messages"][0]["content"].as_str().unwrap(), sent["messages"][1]["content"].as_str().unwrap());
    assert!(system.contains("只依据编号的资料写作"), "{system}");
    assert!(user.contains(INVOICE.question) && user.contains("三个工作日内可以修改一次"), "{user}");
    assert!(!user.contains("13912345678") && user.contains("〔手机号〕"), "{user}");

    // The mark is exported, and nobody finds the text before somebody approved and published it.
    let history = app.with_scopes("reader", &["articles:read"]).get("/v1/export?format=ndjson").body;
    assert!(history.contains("generated_by") && history.contains("language model scribe-1"), "{history}");
    let unanswered = |matter: &Matter| {
        customer.post("/v1/answer", json!({ "question": matter.question })).expect(200)["status"] == "unanswered"
    };
    assert!(made["article"]["status"] == "draft" && unanswered(&INVOICE));
    assert_eq!(keeper.post("/v1/articles/invoice/publish", json!({})).problem(409), "review_required");
    keeper.post("/v1/articles/invoice/submit", json!({})).expect(200);
    assert_eq!(keeper.post("/v1/articles/invoice/approve", json!({})).problem(403), "self_approval");
    let reviewer = app.with_scopes("reviewer", &["articles:read", "articles:publish"]);
    reviewer.post("/v1/articles/invoice/approve", json!({})).expect(200);
    assert!(unanswered(&INVOICE), "approved is not published");
    keeper.post("/v1/articles/invoice/publish?wait=searchable", json!({})).expect(200);
    assert!(!unanswered(&INVOICE));

    writer.says("<think>short</think>You can have the phone battery replaced in any of our stores within an hour [1]. It is for 49 euros. [1]");
    let made = draft(&keeper, &BATTERY, json!({ "article_id": "battery", "generate": "auto" }));
    assert_eq!(
        (&made["generation"]["generated"], &made["generation"]["removed"]),
        (&json!(true), &json!(0)),
        "{made:#}"
    );
    assert!(
        body(&made).starts_with("You can have the phone battery replaced in any of our stores within an hour. [1] ")
    );
    let sent: Value = serde_json::from_str(&writer.fake.asked().last().unwrap().body).unwrap();
    assert!(sent["messages"][0]["content"].as_str().unwrap().starts_with("You draft the body"));
}

#[test]
fn what_the_sources_do_not_say_does_not_reach_the_draft() {
    let writer = Writer::start();
    let app = server(Some(&writer), &[&INVOICE, &BATTERY]);
    let keeper = keeper(&app);
    writer.says("抬头在三个工作日内可以修改一次。[1]修改需要支付五元手续费。[1]\n\n- 在订单详情页点击更换抬头。[4]\n- 抬头在三十个工作日内可以修改一次。\n\n详情见 https://evil.example/refund 。");
    let made = draft(&keeper, &INVOICE, json!({}));
    let told = &made["generation"];
    assert_eq!((&told["generated"], &told["kept"], &told["removed"]), (&json!(true), &json!(2), &json!(3)), "{made:#}");
    assert_eq!(told["references_removed"], 2, "of the fee, and to the fourth source: {told}");
    let text = body(&made);
    for invented in ["手续费", "三十个", "evil", "[4]"] {
        assert!(!text.contains(invented), "{invented}: {text}");
    }
    assert!(text.starts_with("抬头在三个工作日内可以修改一次。 [1]\n\n- 在订单详情页点击更换抬头。 [1]"), "{text}");

    // Nothing that stands: the answer as it was given.
    writer.says("Battery replacement is free for members [1]. Call +1 202 555 0147 to book a visit [2].");
    let made = draft(&keeper, &BATTERY, json!({}));
    let told = &made["generation"];
    assert_eq!(
        (&told["generated"], &told["reason"], &told["removed"]),
        (&json!(false), &json!("unsupported"), &json!(2))
    );
    let text = body(&made);
    assert!(text.contains(BATTERY.answer) && text.contains("\n\n> conversation ") && !text.contains("free"), "{text}");
    assert_eq!(made["article"]["attributes"], json!({}), "it is not marked");
    assert!(!made["article"]["note"].as_str().unwrap().contains("language model"));
}

#[test]
fn a_model_that_fails_is_told_and_the_draft_is_made_all_the_same() {
    let writer = Writer::start();
    let app = server(Some(&writer), &[&INVOICE]);
    let keeper = keeper(&app);
    let tried = |wanted: Value| {
        let made = draft(&keeper, &INVOICE, wanted);
        assert!(
            body(&made).contains("三个工作日内可以修改一次") && made["generation"]["generated"] == false,
            "{made:#}"
        );
        made["generation"]["reason"].as_str().unwrap().to_owned()
    };
    assert_eq!(tried(json!({ "generate": "never" })), "not_wanted");
    let problem = keeper.post("/v1/gaps/g_00000000000000000000000000000000/draft", json!({ "generate": "always" }));
    assert_eq!(problem.problem(422), "invalid_request", "{}", problem.body);
    assert_eq!(writer.fake.asked().len(), 0);
    let again = || json!({ "anyway": true });
    for (says, reason) in [
        ("The title can be changed once within three working days.", "unfit_or_unsupported"),
        ("(broken)", "failed"),
        ("(garbage)", "failed"),
        ("(slow)", "slow"),
    ] {
        writer.says(says);
        let told = tried(again());
        assert!(reason.contains(&told), "{says}: {told}");
    }
    // A draft for what is being written already is refused before any model is asked.
    let before = writer.fake.asked().len();
    let gaps = keeper.get("/v1/gaps").expect(200);
    let path = format!("/v1/gaps/{}/draft", gaps["items"][0]["id"].as_str().unwrap());
    assert_eq!(keeper.post(&path, json!({})).problem(409), "duplicates_found");
    assert_eq!(writer.fake.asked().len(), before);

    // After five failures in a row nothing is sent for a while; then it is tried again.
    writer.says("(broken)");
    while {
        let before = writer.fake.asked().len();
        assert_eq!(tried(again()), "failed");
        writer.fake.asked().len() > before
    } {
        assert!(writer.fake.asked().len() < 30, "the breaker never opens");
    }
    writer.says("抬头在三个工作日内可以修改一次。[1]");
    let until = Instant::now() + Duration::from_secs(20);
    while draft(&keeper, &INVOICE, again())["generation"]["generated"] != true {
        assert!(Instant::now() < until, "the breaker never closes");
        std::thread::sleep(Duration::from_millis(300));
    }
}

#[test]
fn without_a_model_or_an_accepted_answer_it_is_said_so() {
    let app = server(None, &[&INVOICE]);
    let made = draft(&keeper(&app), &INVOICE, json!({}));
    assert_eq!(made["generation"]["reason"], "not_configured");
    assert!(body(&made).contains("> conversation "));

    let writer = Writer::start();
    let app = server(Some(&writer), &[&Matter { answer: "好", ..BATTERY }]);
    let made = draft(&keeper(&app), &BATTERY, json!({}));
    assert_eq!((&made["generation"]["reason"], writer.fake.asked().len()), (&json!("no_sources"), 0));
}

#[test]
fn while_the_model_is_asked_others_read_and_write() {
    let writer = Writer::start();
    let settings = writer.settings();
    let app = TestApp::start_with(|config| {
        config.language_model =
            Some(LanguageModelSettings { timeout: Duration::from_secs(10), parallel: 1, ..settings });
        config.write_gate.permits = 1;
        config.search_gate.permits = 1;
    });
    let channel = app.with_scopes("channel", &["interactions"]);
    let talk = json!({ "session_id": "s", "resolved": true, "turns": [
        { "role": "customer", "text": BATTERY.question }, { "role": "agent", "text": BATTERY.answer },
    ] });
    channel.post("/v1/interactions", json!({ "conversations": [talk] })).expect(200);
    let keeper = keeper(&app);
    eventually(30, "the gap", || keeper.get("/v1/gaps").expect(200)["items"][0]["label"] == BATTERY.question);
    writer.says("(slow)");
    let (other, asked) = (keeper.clone(), writer.fake.asked.clone());
    let drafting = std::thread::spawn(move || draft(&other, &BATTERY, json!({ "article_id": "battery" })));
    eventually(10, "the model is being asked", || !asked.lock().unwrap().is_empty());
    app.publisher().publish_article("hours", "Opening hours", "We open at nine.");
    app.customer().post("/v1/search", json!({ "query": "opening hours" })).expect(200);
    assert!(!drafting.is_finished(), "both were done before the model answered");
    assert_eq!(drafting.join().unwrap()["generation"]["reason"], "unsupported");
}
