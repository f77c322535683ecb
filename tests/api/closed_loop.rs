//! The closed loop: conversations in, the right groups, a draft of what agents answered, review, publication, proof; and
//! open again when the article is rolled back.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::actors::{Actor, TestApp, eventually};

/// What customers ask, in their words and ours; each topic's wordings are asked in turn.
const TOPICS: [(&str, &str, &[&str]); 4] = [
    (
        "invoice",
        "开具电子发票后,请在订单详情页点击更换抬头,三个工作日内可以修改一次。",
        &[
            "发票抬头写错了怎么修改",
            "怎么修改发票抬头",
            "发票的抬头可以修改吗",
            "电子发票抬头填错了能改吗",
            "发票抬头想改成公司名称",
            "开错发票抬头了怎么改",
        ],
    ),
    (
        "student",
        "Students get ten percent off laptops with a valid student card, once a year.",
        &[
            "is there a student discount on laptops",
            "do students get a discount on laptops",
            "student discount for a laptop?",
            "can I get a laptop discount as a student",
            "how much is the student discount for laptops",
        ],
    ),
    (
        "pickup",
        "可以到门店自提,下单时选择门店自提即可,到店凭取件码取货。",
        &[
            "可以到门店自提吗",
            "能不能去门店自己提货",
            "下单以后可以门店自提吗",
            "怎么选择到门店自提",
            "门店自提怎么操作",
        ],
    ),
    (
        "battery",
        "You can have the phone battery replaced in any of our stores within an hour for 49 euros.",
        &[
            "can you replace my phone battery",
            "how much does a phone battery replacement cost",
            "where can I have my phone battery replaced",
            "replace the battery of my phone",
            "phone battery replacement in the store?",
        ],
    ),
];

const CONVERSATIONS: usize = 200;

/// Two hundred conversations of one day: greetings, a question, an agent's answer, thanks; every tenth is chatter only.
fn conversations() -> Vec<Value> {
    let of = |number: usize| {
        let (_, answer, wordings) = TOPICS[number % TOPICS.len()];
        let at = |second: usize| format!("2026-11-20T{:02}:{:02}:{second:02}Z", 8 + number / 60, number % 60);
        let chinese = answer.contains('。');
        let (hello, thanks) = if chinese { ("你好", "好的谢谢") } else { ("hello", "ok thank you") };
        let asked = if number % 10 == 9 { "在吗" } else { wordings[(number / TOPICS.len()) % wordings.len()] };
        json!({
            "session_id": format!("talk-{number}"), "channel": (["web", "app", "phone"][number % 3]), "resolved": true,
            "customer_id": format!("customer-{number}"), "csat": 4 + number % 2,
            "turns": [
                { "role": "customer", "text": hello, "at": at(0) },
                { "role": "customer", "text": asked, "at": at(5) },
                { "role": "agent", "text": answer, "at": at(20) },
                { "role": "customer", "text": thanks, "at": at(40) },
            ],
        })
    };
    (0..CONVERSATIONS).map(of).collect()
}

/// The open gaps by the topics that their wordings are of.
fn gaps_by_topic(keeper: &Actor) -> BTreeMap<&'static str, Vec<Value>> {
    let page = keeper.get("/v1/gaps?limit=100").expect(200);
    let mut found: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for gap in page["items"].as_array().unwrap() {
        let wordings: Vec<&str> = gap["examples"].as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect();
        let of: BTreeSet<&str> = TOPICS
            .iter()
            .filter(|(.., own)| own.iter().any(|w| wordings.contains(w)))
            .map(|(name, ..)| *name)
            .collect();
        assert_eq!(of.len(), 1, "a gap of one topic: {gap:#}");
        of.iter().for_each(|name| found.entry(name).or_default().push(gap.clone()));
    }
    found
}

#[test]
fn two_hundred_conversations_become_articles_that_prove_themselves() {
    let app = TestApp::start();
    let channel = app.with_scopes("channel", &["interactions"]);
    let analyst = app.with_scopes("analyst", &["analytics"]);
    let keeper = app.with_scopes("keeper", &["gaps", "articles:write", "articles:read", "articles:publish"]);
    let customer = app.customer();
    let lines: String = conversations().iter().map(|talk| format!("{talk}\n")).collect();
    for again in [false, true] {
        let report = channel.post_raw("/v1/interactions", "application/x-ndjson", &lines).expect(200);
        let (turns, errors) = (&report["turns"], &report["error_count"]);
        let expected = if again { ("unchanged", 0) } else { ("accepted", CONVERSATIONS * 4) };
        assert_eq!((&turns["accepted"], errors), (&json!(expected.1), &json!(0)), "{report:#}");
        assert!(turns[expected.0].as_u64() == Some(CONVERSATIONS as u64 * 4), "sent twice, kept once: {report:#}");
    }
    let overview = || analyst.get("/v1/analytics/overview?from=2026-11-01&to=2026-11-30").expect(200);
    eventually(30, "all questions are searched", || overview()["pending"] == 0);
    assert_eq!(overview()["questions"], CONVERSATIONS * 9 / 10, "{:#}", overview());
    keeper.post("/v1/gaps/consolidate", json!({})).expect(200);

    // The right groups: each topic's wordings nearly all under one gap, and no gap of two topics.
    let groups = gaps_by_topic(&keeper);
    assert_eq!(groups.keys().copied().collect::<Vec<_>>(), ["battery", "invoice", "pickup", "student"]);
    for (topic, gaps) in &groups {
        let asked = |gap: &Value| gap["queries"].as_u64().unwrap();
        let (most, all) = (gaps.iter().map(asked).max().unwrap(), gaps.iter().map(asked).sum::<u64>());
        // Every tenth conversation, and so some of two topics, is chatter.
        assert!(all == (if ["battery", "student"].contains(topic) { 40 } else { 50 }), "{topic}: {all}");
        assert!(most * 10 >= all * 8, "{topic}: {most} of {all} under one gap: {gaps:#?}");
        let main = gaps.iter().max_by_key(|gap| asked(gap)).unwrap();
        assert_eq!(main["sessions"], most, "each customer asked once");
        assert!(main["impact"].as_f64() > Some(0.3) && main["worth"]["effort"].as_f64() > Some(0.0), "{main:#}");
    }
    let needed = keeper.get("/v1/gaps/pareto").expect(200);
    assert!(needed["needed"].as_u64() <= Some(4) && needed["covered"].as_f64() >= Some(0.8), "{needed:#}");

    // One in each language becomes an article, out of what agents answered.
    for (topic, wording) in [("invoice", "怎么修改发票抬头"), ("battery", "can you replace my phone battery")] {
        let answer = TOPICS.iter().find(|(name, ..)| *name == topic).unwrap().1;
        let main = groups[topic].iter().max_by_key(|gap| gap["queries"].as_u64()).unwrap();
        let path = format!("/v1/gaps/{}", main["id"].as_str().unwrap());
        let made = keeper.post(&format!("{path}/draft"), json!({ "article_id": topic })).expect(201);
        let (body, questions) = (made["article"]["body"].as_str().unwrap(), &made["article"]["questions"]);
        assert!(body.contains(answer) && body.contains("> conversation "), "the answer and where it was said: {body}");
        assert!(questions.as_array().is_some_and(|questions| questions.len() >= 4), "{questions}");
        assert_eq!(customer.post("/v1/answer", json!({ "question": wording })).expect(200)["status"], "unanswered");
        keeper.post(&format!("/v1/articles/{topic}/submit"), json!({})).expect(200);
        assert_eq!(keeper.get(&path).expect(200)["status"], "awaiting_review");
        let reviewer = app.with_scopes("reviewer", &["articles:read", "articles:publish"]);
        reviewer.post(&format!("/v1/articles/{topic}/approve"), json!({})).expect(200);
        reviewer.post(&format!("/v1/articles/{topic}/publish?wait=searchable"), json!({})).expect(200);
        eventually(30, "its own questions are answered", || keeper.get(&path).expect(200)["status"] == "closed");
        let proof = keeper.get(&path).expect(200)["verification"].clone();
        assert!(proof["share"].as_f64() >= Some(0.8), "{proof:#}");
        for asked in proof["questions"].as_array().unwrap() {
            assert_eq!(asked["before"]["matched"], false, "{asked:#}");
        }
        let answered = customer.post("/v1/answer", json!({ "question": wording })).expect(200);
        assert_eq!((&answered["status"], &answered["citations"][0]["article_id"]), (&json!("answered"), &json!(topic)));
    }

    // A later version that says nothing of it, and the roll-back to it: open again within one replay.
    let empty = json!({ "title": "营业时间", "body": "门店每天九点开门。", "questions": [], "expected_version": 1 });
    let saved = keeper.put("/v1/articles/invoice", empty).expect(200);
    let other = json!({ "to": saved["latest_version"], "expected_version": saved["latest_version"] });
    keeper.post("/v1/articles/invoice/rollback?wait=searchable", other).expect(200);
    let invoice = groups["invoice"].iter().max_by_key(|gap| gap["queries"].as_u64()).unwrap();
    let path = format!("/v1/gaps/{}", invoice["id"].as_str().unwrap());
    for again in [false, true] {
        keeper.post("/v1/gaps/replay", json!({})).expect(200);
        let gap = keeper.get(&path).expect(200);
        assert_eq!(gap["status"], "reopened", "{gap:#}");
        assert_eq!(gap["verification"]["cause"]["article_id"], "invoice", "the change that did it, {again}: {gap:#}");
    }
}
