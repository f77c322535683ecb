//! Golden queries: kept, tried, and heeded by nobody else.

use serde_json::{Value, json};

use crate::actors::{Actor, TestApp};

fn shop() -> TestApp {
    let app = TestApp::start();
    let publisher = app.publisher();
    publisher.publish_article("returns", "Return policy", "You may return a phone within 15 days.");
    publisher.publish_article("shipping", "Shipping fees", "Shipping costs 12 yuan.");
    app
}

#[test]
fn golden_queries_are_added_changed_and_removed() {
    let app = shop();
    let curator = app.with_scopes("curator", &["curate"]);
    let made = curator.post("/v1/golden", json!({ "query": "Return a phone?", "articles": ["returns"] })).expect(201);
    assert_eq!((&made["audience"], &made["by"]), (&json!("public"), &json!("curator")));
    let again = curator.post("/v1/golden", json!({ "query": "return a PHONE", "articles": [] }));
    assert_eq!(again.problem(409), "already_exists", "the form counts, not the spelling");
    let path = format!("/v1/golden/{}", made["id"].as_str().unwrap());
    let body = json!({ "query": "return a phone", "articles": ["shipping"], "note": "was wrong" });
    assert_eq!(curator.put(&path, body).expect(200)["articles"], json!(["shipping"]));
    let other = curator.put(&path, json!({ "query": "something else", "articles": [] }));
    assert_eq!(other.problem(422), "invalid_request");
    assert_eq!(curator.get("/v1/golden").expect(200)["items"].as_array().unwrap().len(), 1);
    curator.delete(&path).expect(204);
    assert_eq!(curator.get(&path).problem(404), "golden_not_found");
    assert_eq!(app.customer().get("/v1/golden").problem(403), "forbidden");
}

#[test]
fn an_import_is_whole_or_nothing_and_may_be_repeated() {
    let app = shop();
    let curator = app.with_scopes("curator", &["curate"]);
    let items = json!([{ "query": "return a phone", "articles": ["returns"] }, { "query": "zebra", "articles": [] }]);
    let import = |items: &Value| curator.post("/v1/golden/import", json!({ "items": items }));
    assert_eq!(import(&items).expect(200), json!({ "added": 2, "changed": 0, "unchanged": 0 }));
    assert_eq!(import(&items).expect(200), json!({ "added": 0, "changed": 0, "unchanged": 2 }));
    let changed = json!([{ "query": "Zebra", "articles": ["shipping"] }, { "query": "new", "articles": [] }]);
    assert_eq!(import(&changed).expect(200), json!({ "added": 1, "changed": 1, "unchanged": 0 }));
    let wrong = json!([{ "query": "fine", "articles": [] }, { "query": "FINE", "articles": [] },
        { "query": "x", "articles": ["returns", "nowhere"] }]);
    let refused = import(&wrong);
    assert_eq!(refused.problem(422), "invalid_request");
    let fields: Vec<Value> =
        refused.json()["errors"].as_array().unwrap().iter().map(|error| error["field"].clone()).collect();
    assert_eq!(fields, [json!("items[1].query"), json!("items[2].articles[1]")]);
    assert_eq!(curator.get("/v1/golden").expect(200)["items"].as_array().unwrap().len(), 3, "nothing of it came in");
    let page = curator.get("/v1/golden?limit=2").expect(200);
    let rest = curator.get(&format!("/v1/golden?limit=2&cursor={}", page["next_cursor"].as_str().unwrap())).expect(200);
    assert_eq!((page["items"].as_array().unwrap().len(), rest["items"].as_array().unwrap().len()), (2, 1));
}

#[test]
fn a_run_says_what_does_not_come_out_as_expected() {
    let app = shop();
    let publisher = app.publisher();
    let agents = json!({ "id": "limits", "title": "Refund limits", "body": "Agents refund up to 500 yuan.",
        "audience": "agent", "publish": true });
    publisher.post("/v1/articles?wait=searchable", agents).expect(201);
    let curator = app.with_scopes("curator", &["curate"]);
    let items = json!([
        { "query": "return a phone", "articles": ["returns"] },
        { "query": "shipping costs", "articles": ["returns"] },
        { "query": "qqq zzz", "articles": [] },
        { "query": "refund limits", "articles": [] },
        { "query": "limits of refund", "articles": ["limits"], "audience": "agent" }
    ]);
    curator.post("/v1/golden/import", json!({ "items": items })).expect(200);
    let run = curator.post("/v1/golden/run", json!({})).expect(200);
    let of = |query: &str| {
        run["items"].as_array().unwrap().iter().find(|item| item["query"] == query).unwrap_or_else(|| panic!("{query}"))
    };
    assert_eq!((&of("return a phone")["passed"], &of("return a phone")["rank"]), (&json!(true), &json!(1)));
    assert_eq!(of("shipping costs")["passed"], false);
    assert_eq!(of("shipping costs")["first"], "shipping");
    assert_eq!(of("qqq zzz")["passed"], true, "nothing is expected, and nothing matched");
    assert_ne!(of("refund limits")["first"], "limits", "it is asked as the public");
    assert_eq!(of("limits of refund")["rank"], 1);
    assert_eq!(run["queries"], 5);
    let passed = run["items"].as_array().unwrap().iter().filter(|item| item["passed"] == true).count();
    assert_eq!(run["passed"], passed);
    assert_eq!(run["items"][0]["passed"], false, "what failed stands first");
    // A run is no customer: it leaves no gap behind.
    std::thread::sleep(std::time::Duration::from_millis(1_200));
    assert_eq!(app.with_scopes("keeper", &["gaps"]).get("/v1/gaps").expect(200)["items"], json!([]));
}

/// How the only golden query that stands so came to it.
fn only(curator: &Actor, status: &str) -> Value {
    let items = curator.get(&format!("/v1/golden?status={status}")).expect(200)["items"].clone();
    assert_eq!(items.as_array().unwrap().len(), 1, "{status}: {items}");
    items[0].clone()
}

#[test]
fn a_golden_query_that_regresses_names_the_change() {
    let app = shop();
    let publisher = app.publisher();
    let curator = app.with_scopes("curator", &["curate", "gaps"]);
    let replay = || curator.post("/v1/gaps/replay", json!({})).expect(200)["golden"].clone();
    let made = curator.post("/v1/golden", json!({ "query": "return a phone", "articles": ["returns"] })).expect(201);
    let id = &made["id"];
    assert_eq!(only(&curator, "untried")["last"], Value::Null);
    assert_eq!(replay(), json!({ "asked": 1, "passed": 1, "regressed": [], "recovered": [], "skipped": 0 }));
    let passed = only(&curator, "passed");
    assert_eq!((&passed["last"]["first"], &passed["last"]["version"]), (&json!("returns"), &json!(1)), "{passed}");

    let change = json!({ "title": "Warranty", "body": "Two years on batteries.", "expected_version": 1 });
    publisher.put("/v1/articles/returns", change).expect(200);
    assert_eq!(replay()["regressed"], json!([]), "a draft changes nothing");
    publisher.post("/v1/articles/returns/publish?wait=searchable", json!({})).expect(200);
    assert_eq!(replay()["regressed"], json!([id]));
    let cause = only(&curator, "regressed")["last"]["cause"].clone();
    assert_eq!(
        (&cause["article_id"], &cause["change"], &cause["version"], &cause["by"]),
        (&json!("returns"), &json!("published"), &json!(2), &json!("publisher")),
        "{cause}"
    );
    assert_eq!(replay()["regressed"], json!([]), "told once");
    assert_eq!(only(&curator, "regressed")["last"]["cause"], cause, "and kept");
    let told = app.admin().get("/v1/audit?limit=100").expect(200);
    let told =
        told["items"].as_array().unwrap().iter().find(|entry| entry["action"] == "golden.regress").unwrap().clone();
    assert_eq!((&told["subject"], &told["detail"]["cause"]["version"]), (id, &json!(2)), "{told}");

    publisher
        .post("/v1/articles/returns/rollback?wait=searchable", json!({ "to": 1, "expected_version": 2 }))
        .expect(200);
    assert_eq!(replay()["recovered"], json!([id]));
    // A run counts as well, where the curator may ask as the query's whole audience.
    publisher.post("/v1/articles/returns/unpublish?wait=searchable", json!({})).expect(200);
    assert_eq!(curator.post("/v1/golden/run", json!({})).expect(200)["passed"], 0);
    let gone = only(&curator, "regressed")["last"]["cause"].clone();
    assert_eq!((&gone["change"], &gone["by"]), (&json!("unpublished"), &json!("publisher")), "{gone}");
    let path = format!("/v1/golden/{}", id.as_str().unwrap());
    curator.put(&path, json!({ "query": "return a phone", "articles": [] })).expect(200);
    assert_eq!(curator.get(&path).expect(200)["status"], "untried", "it says something else now");
    assert_eq!((&replay()["passed"], &only(&curator, "passed")["id"]), (&json!(1), id));
    curator.delete(&path).expect(204);
    assert_eq!(replay()["asked"], 0);
}

#[test]
fn what_takes_the_place_of_an_answer_is_named_to_who_may_see_it() {
    let app = shop();
    let publisher = app.publisher();
    let curator = app.with_scopes("curator", &["curate", "gaps"]);
    let items = json!({ "items": [
        { "query": "return a phone", "articles": ["returns"] },
        { "query": "limits of goodwill", "articles": [], "audience": "internal" }
    ] });
    curator.post("/v1/golden/import", items).expect(200);
    let replay = || curator.post("/v1/gaps/replay", json!({})).expect(200)["golden"].clone();
    assert_eq!(replay()["passed"], 2);
    let rival = json!({ "id": "rival", "title": "Return a phone", "questions": ["return a phone"],
        "body": "To return a phone, ask.", "publish": true });
    publisher.post("/v1/articles?wait=searchable", rival).expect(201);
    let secret = json!({ "id": "secret", "title": "Limits of goodwill", "questions": ["limits of goodwill"],
        "body": "Limits of goodwill: 500 yuan.", "audience": "internal", "publish": true });
    publisher.post("/v1/articles?wait=searchable", secret).expect(201);
    assert_eq!(replay()["regressed"].as_array().unwrap().len(), 2);
    let causes = |of: &Actor| -> Vec<Value> {
        let items = of.get("/v1/golden?status=regressed").expect(200)["items"].clone();
        items.as_array().unwrap().iter().map(|item| item["last"]["cause"]["article_id"].clone()).collect()
    };
    assert_eq!(causes(&curator), [json!("secret"), json!("rival")]);
    let outsider = app.with_key(json!({ "name": "outsider", "scopes": ["curate"] }));
    assert_eq!(causes(&outsider), [Value::Null, json!("rival")]);
    let seen = outsider.get("/v1/golden").body;
    assert!(!seen.contains("\"secret\""), "{seen}");
    // Who may not ask as the whole audience does not change how a query stands.
    outsider.post("/v1/golden/run", json!({})).expect(200);
    assert_eq!(causes(&curator), [json!("secret"), json!("rival")]);
}
