//! What customers open tells what answers: a question that matched nothing is known to be answered under other words.

use serde_json::{Value, json};

use crate::actors::{Actor, TestApp, eventually};

/// A server that hardly answers anything, with articles that do.
fn server() -> TestApp {
    let app = TestApp::start();
    app.admin().patch("/v1/spaces/default", json!({ "settings": { "threshold": 0.995 } })).expect(200);
    let publisher = app.publisher();
    publisher.publish_article("delivery", "Delivery times", "Parcels take three working days; islands two more.");
    publisher.publish_article("warranty", "Warranty", "Devices have a warranty of two years.");
    publisher.publish_article("delivery-zh", "配送时效", "包裹一般三个工作日送达。");
    let hidden = json!({ "id": "secret", "title": "Islands", "body": "We use another courier.", "audience": "internal", "publish": true });
    app.with_key(json!({ "name": "staff", "scopes": ["articles:write", "articles:publish"], "audiences": ["public", "agent", "internal"] }))
        .post("/v1/articles?wait=searchable", hidden)
        .expect(201);
    app
}

/// Asks in a session; gives the query's id. Nothing answers.
fn ask(customer: &Actor, session: &str, question: &str) -> String {
    let found = customer.post("/v1/search", json!({ "query": question, "conversation_id": session })).expect(200);
    assert_eq!(found["matched"], false, "{question}: {found:#}");
    found["query_id"].as_str().unwrap().to_owned()
}

fn opens(customer: &Actor, query: &str, article: &str) {
    let said = json!({ "query_id": query, "article_id": article, "clicked": true });
    customer.post("/v1/feedback", said).expect(202);
}

fn gap(keeper: &Actor, question: &str) -> Value {
    let page = keeper.get("/v1/gaps?limit=100").expect(200);
    page["items"].as_array().unwrap().iter().find(|gap| gap["label"] == question).cloned().unwrap_or_default()
}

fn opened(app: &TestApp, article: &str) -> Value {
    let report = app.with_scopes("analyst", &["analytics"]).get("/v1/analytics/articles").expect(200);
    let items = report["items"].as_array().unwrap().clone();
    items.into_iter().find(|item| item["article_id"] == article).unwrap_or_default()["clicked"].clone()
}

#[test]
fn what_is_opened_for_an_unmatched_question_is_its_proof_until_it_lets_down() {
    let app = server();
    let (customer, keeper) = (app.customer(), app.with_scopes("keeper", &["gaps"]));
    for (question, article, other) in [
        ("when do my things get to the island", "delivery", "delivery-zh"),
        ("东西几天能到我手里", "delivery-zh", "delivery"),
    ] {
        let query = ask(&customer, &format!("of {article}"), question);
        eventually(20, "it was looked into", || gap(&keeper, question)["cause"]["kind"] == "missing");
        for _ in 0..2 {
            opens(&customer, &query, article);
        }
        let shown = gap(&keeper, question);
        assert_eq!(
            [&shown["cause"]["kind"], &shown["cause"]["proof"], &shown["cause"]["article_id"]],
            ["present_not_found", "click", article],
            "{shown:#}"
        );
        assert_eq!(
            (&shown["suggested"]["action"], &shown["suggested"]["article_id"]),
            (&json!("link"), &json!(article))
        );
        assert_eq!(
            (&shown["causes"], opened(&app, article)),
            (&json!({ "present_not_found": 1 }), json!(1)),
            "said twice"
        );

        // Another article that was rated low says nothing of this one; a low rating of this one does.
        let rated = |article: &str| json!({ "query_id": query, "article_id": article, "helpful": false });
        customer.post("/v1/feedback", rated(other)).expect(202);
        assert_eq!(gap(&keeper, question)["cause"]["proof"], "click");
        customer.post("/v1/feedback", rated(article)).expect(202);
        eventually(20, "the click counts no more", || gap(&keeper, question)["cause"]["kind"] == "missing");
        assert_eq!(opened(&app, article), 1, "opened it was");

        // Opened again, of another session; and taken back.
        let again = ask(&customer, &format!("again of {article}"), question);
        opens(&customer, &again, article);
        assert_eq!(gap(&keeper, question)["cause"]["article_id"], article);
        customer.post("/v1/feedback", json!({ "query_id": again, "clicked": false })).expect(202);
        eventually(20, "taken back", || gap(&keeper, question)["cause"]["kind"] == "missing");
        assert_eq!(opened(&app, article), 1);
    }
}

#[test]
fn one_session_has_one_voice_and_most_voices_decide() {
    let app = server();
    let (customer, keeper) = (app.customer(), app.with_scopes("keeper", &["gaps"]));
    let question = "when do my things get to the island";
    for session in ["one", "two"] {
        let query = ask(&customer, session, question);
        opens(&customer, &query, "delivery");
    }
    for _ in 0..3 {
        let query = ask(&customer, "three", question);
        opens(&customer, &query, "warranty");
    }
    let shown = gap(&keeper, question);
    assert_eq!((&shown["cause"]["article_id"], &shown["queries"]), (&json!("delivery"), &json!(5)), "{shown:#}");
    assert_eq!(opened(&app, "warranty"), 3, "figures count queries");
    // Erased with its session, the voice is gone: two more for the other article outvote what is left.
    app.admin().post("/v1/erase", json!({ "session_id": "one" })).expect(200);
    let query = ask(&customer, "four", question);
    opens(&customer, &query, "warranty");
    assert_eq!(gap(&keeper, question)["cause"]["article_id"], "warranty");
}

#[test]
fn a_click_names_an_article_that_its_reader_may_see() {
    let app = server();
    let customer = app.customer();
    let query = ask(&customer, "s", "when do my things get to the island");
    let said = |article: Value| {
        let mut said = json!({ "query_id": query, "clicked": true });
        said["article_id"] = article;
        customer.post("/v1/feedback", said)
    };
    let refused = said(Value::Null);
    assert_eq!(refused.problem(422), "invalid_request");
    assert_eq!(refused.json()["errors"][0]["field"], "article_id", "{}", refused.body);
    for article in ["nothing", "secret"] {
        assert_eq!(said(json!(article)).problem(404), "article_not_found", "{article}");
    }
    let nothing = customer.post("/v1/feedback", json!({ "query_id": query, "article_id": "delivery" }));
    assert_eq!(nothing.problem(422), "invalid_request");
    // Out of what was answered it counts for the article, and for no gap.
    app.admin().patch("/v1/spaces/default", json!({ "settings": { "threshold": 0.001 } })).expect(200);
    let answered = customer.post("/v1/search", json!({ "query": "delivery times" })).expect(200);
    assert_eq!(answered["matched"], true);
    opens(&customer, answered["query_id"].as_str().unwrap(), "delivery");
    assert_eq!(opened(&app, "delivery"), 1);
}

#[test]
fn what_the_page_tells_of_an_opened_article_counts_with_a_key_and_without() {
    let app = server();
    let open = json!({ "settings": { "public_search": true } });
    app.admin().patch("/v1/spaces/default", open).expect(200);
    let keeper = app.with_scopes("keeper", &["gaps"]);
    // The page asks for an answer, which is on record, and for a list of articles, which is not.
    let asks = |visitor: &Actor, question: &str| {
        let answer = visitor.post("/v1/answer", json!({ "question": question, "space": "default" })).expect(200);
        assert_eq!(answer["status"], "unanswered", "{answer:#}");
        let list = json!({ "query": question, "space": "default", "limit": 10, "log": false });
        let list = visitor.post("/v1/search", list).expect(200);
        let shown = list["hits"].as_array().unwrap().iter().map(|hit| hit["article_id"].clone());
        (answer["answer_id"].clone(), list["query_id"].clone(), shown.collect::<Vec<Value>>())
    };
    let visitors = [
        (app.customer(), "when do my things get to the island", "delivery"),
        (app.nobody(), "is my toaster protected", "warranty"),
    ];
    for (visitor, question, article) in visitors {
        let (answer, list, shown) = asks(&visitor, question);
        assert!(shown.contains(&json!(article)), "{shown:?}");
        let body = |id: &str, about: &Value| {
            let mut body = json!({ "article_id": article, "clicked": true, "space": "default" });
            body[id] = about.clone();
            body
        };
        visitor.post("/v1/feedback", body("answer_id", &answer)).expect(202);
        let cause = gap(&keeper, question)["cause"].clone();
        assert_eq!([&cause["proof"], &cause["article_id"]], ["click", article], "{question}: {cause:#}");
        // Why the page says nothing of a list without a record, such as one of the past.
        assert_eq!(visitor.post("/v1/feedback", body("query_id", &list)).problem(404), "query_not_found");
        assert_eq!(opened(&app, article), 1);
    }
}
