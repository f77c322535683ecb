//! Which label a text has: by the space's own articles, by examples, by classifiers that are kept.

use serde_json::{Value, json};

use crate::actors::{Actor, TestApp};

fn example(text: &str, label: &str) -> Value {
    json!({ "text": text, "label": label })
}

/// Twelve ways to say each of four things.
fn intents() -> Vec<Value> {
    let things = [("退货", "returns"), ("发票", "invoices"), ("warranty", "warranty"), ("password", "password")];
    let ways = [
        "怎么办理{}",
        "{}要多久",
        "我想问一下{}的事",
        "{}流程",
        "关于{}",
        "{}需要什么",
        "how does {} work",
        "help me with {}",
        "question about my {}",
        "where can I find {}",
        "{} problem",
        "tell me more on {}",
    ];
    let all = |(word, label): (&str, &str)| ways.map(|way| example(&way.replace("{}", word), label));
    things.into_iter().flat_map(all).collect()
}

fn best(answer: &Value, at: usize) -> (&str, f64, f64) {
    let result = &answer["results"][at];
    let best = &result["labels"][0];
    (best["label"].as_str().unwrap(), best["probability"].as_f64().unwrap(), result["none"].as_f64().unwrap())
}

fn publish(publisher: &Actor, id: &str, category: &str, audience: &str, title: &str, questions: &[&str]) {
    let body = json!({
        "id": id, "title": title, "body": format!("{title}。"), "questions": questions, "category": category,
        "audience": audience, "publish": true,
    });
    publisher.post("/v1/articles?wait=searchable", body).expect(201);
}

#[test]
fn a_classifier_is_kept_and_used() {
    let app = TestApp::start();
    let (curator, customer) = (app.with_scopes("curator", &["curate"]), app.customer());
    let made = curator.put("/v1/classifiers/intents", json!({ "examples": intents() })).expect(200);
    assert_eq!((&made["examples"], made["labels"].as_array().unwrap().len()), (&json!(48), 4));
    assert_eq!(curator.get("/v1/classifiers/intents").expect(200), made);
    assert_eq!(curator.get("/v1/classifiers").expect(200)["items"], json!([made]));
    let texts = json!(["想问退货", "my password is lost", "卫星轨道的近地点"]);
    let asked = json!({ "classifier": "intents", "texts": texts, "top": 4 });
    let answer = customer.post("/v1/classify", asked.clone()).expect(200);
    assert_eq!((best(&answer, 0).0, best(&answer, 1).0), ("returns", "password"), "{answer}");
    assert!(best(&answer, 2).2 > best(&answer, 0).2, "a stranger is likelier to be none of these: {answer}");
    for result in answer["results"].as_array().unwrap() {
        let labels = result["labels"].as_array().unwrap().iter();
        let sum =
            labels.map(|label| label["probability"].as_f64().unwrap()).sum::<f64>() + result["none"].as_f64().unwrap();
        assert!((sum - 1.0).abs() < 1e-3, "{result}");
    }
    assert_eq!(answer["calibrated"], true);
    let again = customer.post("/v1/classify", asked.clone()).expect(200);
    assert_eq!(answer["results"], again["results"], "the same examples give the same answer");
    // Replacing the examples replaces what is learned.
    let two = json!({ "examples": [example("退货", "a"), example("password", "b")] });
    curator.put("/v1/classifiers/intents", two).expect(200);
    assert_eq!(best(&customer.post("/v1/classify", asked.clone()).expect(200), 0).0, "a");
    curator.delete("/v1/classifiers/intents").expect(200);
    assert_eq!(customer.post("/v1/classify", asked).problem(404), "classifier_not_found");
    assert_eq!(curator.get("/v1/classifiers/intents").problem(404), "classifier_not_found");
}

#[test]
fn a_classifier_outlives_the_server_and_comes_as_lines_too() {
    let app = TestApp::start();
    let curator = app.with_scopes("curator", &["curate"]);
    let lines: Vec<String> = intents().iter().map(Value::to_string).collect();
    let body = Some(("application/x-ndjson", lines.join("\n")));
    assert_eq!(curator.send("PUT", "/v1/classifiers/lines", body).expect(200)["examples"], 48);
    let wrong = Some(("application/x-ndjson", "{\"text\":\"a\",\"label\":\"b\"}\n{\"text\":\"\"}\nno".to_owned()));
    let wrong = curator.send("PUT", "/v1/classifiers/lines", wrong);
    assert_eq!(wrong.problem(422), "invalid_request");
    let fields: Vec<Value> = wrong.json()["errors"].as_array().unwrap().iter().map(|e| e["field"].clone()).collect();
    assert_eq!(fields, ["line 2", "line 3"]);
    let csv = curator.send("PUT", "/v1/classifiers/lines", Some(("text/csv", "a,b".to_owned())));
    assert_eq!(csv.problem(415), "unsupported_media_type");
    let one = json!({ "examples": [example("a", "same"), example("b", "same")] });
    assert_eq!(curator.put("/v1/classifiers/lines", one).problem(422), "invalid_request");
    assert_eq!(app.customer().put("/v1/classifiers/lines", json!({ "examples": [] })).problem(403), "forbidden");
}

#[test]
fn a_space_teaches_its_own_labels_to_those_who_may_see_them() {
    let app = TestApp::start();
    let publisher = app.publisher();
    publish(&publisher, "returns", "售后/退货", "public", "退货政策", &["买了几天可以退货", "退货的运费谁出"]);
    publish(&publisher, "invoices", "财务/发票", "public", "开发票", &["怎么开发票", "发票抬头怎么改"]);
    publish(&publisher, "secret", "内部/赔付", "internal", "赔付上限", &["最多可以赔付多少"]);
    let customer = app.customer();
    let by_category = customer.post("/v1/classify", json!({ "text": "几天之内能退货" })).expect(200);
    assert_eq!(best(&by_category, 0).0, "售后/退货", "{by_category}");
    let asked = json!({ "text": "发票抬头写错了", "labels_from": "questions" });
    let by_article = customer.post("/v1/classify", asked).expect(200);
    assert_eq!(best(&by_article, 0).0, "invoices", "{by_article}");
    assert_eq!(by_article["results"][0]["labels"][0]["title"], "开发票");
    for from in ["categories", "questions"] {
        let asked = json!({ "text": "最多可以赔付多少", "labels_from": from, "top": 50 });
        let seen = customer.post("/v1/classify", asked).expect(200).to_string();
        assert!(!seen.contains("赔付") && !seen.contains("secret"), "{seen}");
    }
    let asked = json!({ "text": "最多可以赔付多少" });
    assert_eq!(best(&app.admin().post("/v1/classify", asked).expect(200), 0).0, "内部/赔付");
}

#[test]
fn examples_may_come_along_and_one_teacher_is_named() {
    let app = TestApp::start();
    let customer = app.customer();
    let examples = json!([example("where is my parcel", "shipping"), example("I want my money back", "refund")]);
    let asked = json!({ "text": "my parcel has not come", "examples": examples });
    let answer = customer.post("/v1/classify", asked).expect(200);
    assert_eq!((best(&answer, 0).0, &answer["calibrated"]), ("shipping", &json!(false)), "{answer}");
    for wrong in [
        json!({}),
        json!({ "texts": [] }),
        json!({ "text": "a", "texts": ["b"] }),
        json!({ "text": "a", "examples": [] }),
        json!({ "text": "a", "classifier": "x", "labels_from": "questions" }),
        json!({ "text": "a", "top": 0 }),
        // A space without articles has no labels of its own.
        json!({ "text": "a" }),
    ] {
        assert_eq!(customer.post("/v1/classify", wrong.clone()).problem(422), "invalid_request", "{wrong}");
    }
}
