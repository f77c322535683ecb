//! Before publication: what would change is told, and is what changes then.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::actors::{Actor, TestApp};

const ARTICLES: &str = include_str!("../../kb-samples/articles.ndjson");
const QUERIES: &str = include_str!("../../kb-samples/queries.ndjson");

fn shop() -> TestApp {
    let app = TestApp::start();
    let publisher = app.publisher();
    publisher.publish_article("returns", "Return policy", "You may return a phone within 15 days.");
    publisher.publish_article("shipping", "Shipping fees", "Shipping costs 12 yuan.");
    app
}

#[test]
fn a_preview_says_what_would_be_gained_and_lost_and_changes_nothing() {
    let app = shop();
    let editor = app.editor();
    let customer = app.customer();
    let ask = |question: &str| customer.post("/v1/search", json!({ "query": question })).expect(200);
    let may_return = ask("may I return a phone");
    assert_eq!(may_return["matched"], true, "{may_return}");
    for question in ["does the warranty cover water damage", "Does the warranty cover water damage?"] {
        assert_eq!(ask(question)["matched"], false, "{question}");
    }
    ask("my number is 13812345678, may I return a phone");
    let curator = app.with_scopes("curator", &["curate"]);
    let golden = json!({ "items": [{ "query": "may I return a phone", "articles": ["returns"] },
        { "query": "how much is shipping", "articles": ["shipping"] }] });
    curator.post("/v1/golden/import", golden).expect(200);
    let draft = json!({ "title": "Warranty", "questions": ["does the warranty cover water damage"],
        "body": "The warranty does not cover water damage.", "expected_version": 1 });
    editor.put("/v1/articles/returns", draft).expect(200);

    let path = "/v1/articles/returns/preview";
    let mut preview = Value::Null;
    for _ in 0..100 {
        preview = editor.post(path, json!({})).expect(200);
        // Records are written a moment after they were made.
        if preview["queries"] == 4 {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!((&preview["version"], &preview["live_version"]), (&json!(2), &json!(1)), "{preview}");
    assert_eq!((&preview["queries"], &preview["golden"], &preview["golden_broken"]), (&json!(4), &json!(2), &json!(1)));
    let gained = &preview["gained"][0];
    assert_eq!((&gained["asked"], &gained["golden"]), (&json!(2), &Value::Null), "{preview}");
    assert_eq!((&gained["before"]["matched"], &gained["after"]["matched"]), (&json!(false), &json!(true)));
    assert_eq!(gained["after"]["article_id"], "returns");
    let lost = &preview["lost"][0];
    assert_eq!((&lost["query"], &lost["golden"]["would_pass"]), (&json!("may I return a phone"), &json!(false)));
    assert!(!preview.to_string().contains("13812345678"), "{preview}");

    assert_eq!(ask("may I return a phone")["matched"], true, "nothing was published");
    assert_eq!(editor.get("/v1/articles/returns?version=latest").expect(200)["status"], "published");
    let same = editor.post(path, json!({ "version": 1, "limit": 0 })).expect(200);
    assert_eq!((&same["queries"], &same["unchanged"]), (&json!(2), &json!(2)), "the live version in its own place");
    assert_eq!(editor.post(path, json!({ "version": 9 })).problem(404), "version_not_found");
    assert_eq!(editor.post("/v1/articles/none/preview", json!({})).problem(404), "article_not_found");
    assert_eq!(editor.post(path, json!({ "days": 0 })).problem(422), "invalid_request");
    assert_eq!(customer.post(path, json!({})).problem(403), "forbidden");
}

#[test]
fn a_preview_names_no_article_that_the_editor_may_not_see() {
    let app = shop();
    let secret = json!({ "id": "limits", "title": "Refund limits", "body": "Staff refund up to 500 yuan.",
        "audience": "internal", "publish": true });
    app.publisher().post("/v1/articles?wait=searchable", secret).expect(201);
    let curator = app.with_scopes("curator", &["curate"]);
    let golden = json!({ "query": "refund limits", "articles": ["limits"], "audience": "internal" });
    curator.post("/v1/golden", golden).expect(201);
    app.with_scopes("staff", &["search"]).post("/v1/search", json!({ "query": "refund limits of staff" })).expect(200);
    let draft = |id: &str, audience: &str| json!({ "id": id, "title": "Refund limits", "body": "Ask us about refund limits of staff.", "audience": audience });
    let outsider = app.with_key(json!({ "name": "outsider", "scopes": ["articles:write", "articles:read"] }));
    outsider.post("/v1/articles", draft("ours", "public")).expect(201);
    let preview = outsider.post("/v1/articles/ours/preview", json!({})).expect(200);
    assert_eq!(preview["golden"], 0, "a golden query of staff is not the outsider's to judge");
    assert!(!preview.to_string().contains("\"limits\""), "{preview}");
    let staff = app.editor().post("/v1/articles/ours/preview", json!({})).expect(200);
    assert_eq!(staff["golden"], 1, "{staff}");
    app.editor().post("/v1/articles", draft("theirs", "internal")).expect(201);
    assert_eq!(outsider.post("/v1/articles/theirs/preview", json!({})).problem(404), "article_not_found");
}

/// What a run says of each query: whether it matched, and what stood first where it did.
fn run(curator: &Actor) -> BTreeMap<String, (bool, Value)> {
    let run = curator.post("/v1/golden/run", json!({})).expect(200);
    let said = |item: &Value| {
        let matched = item["matched"] == true;
        (
            item["query"].as_str().unwrap().to_owned(),
            (matched, if matched { item["first"].clone() } else { Value::Null }),
        )
    };
    run["items"].as_array().unwrap().iter().map(said).collect()
}

#[test]
fn what_is_foretold_of_the_samples_is_what_happens() {
    let app = TestApp::start();
    let publisher = app.publisher();
    let imported =
        publisher.post_raw("/v1/import?publish=true&wait=searchable", "application/x-ndjson", ARTICLES).expect(200);
    assert_eq!(imported["failed"], 0, "{imported}");
    let curator = app.with_scopes("curator", &["curate"]);
    let golden: Vec<Value> = QUERIES
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|q| json!({ "query": q["query"], "articles": q["relevant"], "audience": q["audience"] }))
        .collect();
    let added = curator.post("/v1/golden/import", json!({ "items": golden })).expect(200);
    assert!(added["added"].as_u64().unwrap() > 250, "{added}");
    // What confidence is told from is measured beside the requests after an import.
    let mut before = run(&curator);
    for _ in 0..10 {
        std::thread::sleep(Duration::from_secs(3));
        let again = run(&curator);
        if again == before {
            break;
        }
        before = again;
    }
    // A version that forgets what it was about, and takes over what other articles answer.
    let others = before.iter().filter(|(_, (matched, first))| *matched && *first != "return-policy-zh");
    let questions: Vec<&String> = others.map(|(query, _)| query).step_by(20).take(8).collect();
    let article = publisher.get("/v1/articles/return-policy-zh").expect(200);
    let draft = json!({ "title": "退货", "body": "本页正在改写。", "questions": questions,
        "expected_version": article["latest_version"] });
    publisher.put("/v1/articles/return-policy-zh", draft).expect(200);
    let preview = publisher.post("/v1/articles/return-policy-zh/preview", json!({ "limit": 0 })).expect(200);
    assert_eq!(preview["golden"], added["added"], "{preview}");
    let mut foretold = before.clone();
    let mut moved = 0;
    for list in ["gained", "lost", "reordered"] {
        for item in preview[list].as_array().unwrap() {
            let matched = item["after"]["matched"] == true;
            let first = if matched { item["after"]["article_id"].clone() } else { Value::Null };
            foretold.insert(item["query"].as_str().unwrap().to_owned(), (matched, first));
            moved += 1;
        }
    }
    assert!(moved >= 5, "too little moves to prove anything: {preview}");
    publisher.post("/v1/articles/return-policy-zh/publish?wait=searchable", json!({})).expect(200);
    let after = run(&curator);
    let wrong: Vec<_> = after.iter().filter(|(query, said)| foretold.get(*query) != Some(said)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}
