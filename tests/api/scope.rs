//! Other business: what a space or an editor named as such is told from what is missing, and ranks behind it.

use serde_json::{Value, json};

use crate::actors::{TestApp, eventually};

/// The gap that holds a wording, and the wording.
fn wording(gaps: &Value, question: &str) -> Option<(Value, Value)> {
    let of = |gap: &Value| {
        let found = gap["wordings"].as_array().unwrap().iter().find(|wording| wording["question"] == question);
        found.map(|wording| (gap.clone(), wording.clone()))
    };
    gaps["items"].as_array().unwrap().iter().find_map(of)
}

#[test]
fn what_is_like_an_example_of_other_business_is_out_of_scope() {
    let app = TestApp::start();
    let examples = ["book a flight ticket to Paris", "帮我预订去北京的机票"];
    let set = app.admin().patch("/v1/spaces/default", json!({ "settings": { "out_of_scope": examples } })).expect(200);
    assert_eq!(set["settings"]["out_of_scope"], json!(examples));
    let (customer, keeper) = (app.customer(), app.with_scopes("keeper", &["gaps"]));
    let ask = |question: &str| customer.post("/v1/answer", json!({ "question": question })).expect(200);
    let gaps = || keeper.get("/v1/gaps?limit=100").expect(200);
    let cause = |question: &str| wording(&gaps(), question).map(|(_, wording)| wording["cause"].clone());
    let other = ["can I book a flight ticket to Paris with you", "请帮我预订一张去北京的机票"];
    let own = ["can I book a repair of my phone in the store", "怎么预订门店维修服务"];
    for question in other.iter().chain(&own) {
        ask(question);
    }
    for question in other {
        eventually(20, question, || cause(question).is_some_and(|cause| cause["kind"] == "out_of_scope"));
        assert_eq!(cause(question).unwrap()["proof"], "example", "{question}");
    }
    for question in own {
        eventually(20, question, || cause(question).is_some_and(|cause| cause["kind"] == "missing"));
    }
    // Behind what is missing in the list, and in no count of what should be answered.
    let listed: Vec<Value> =
        gaps()["items"].as_array().unwrap().iter().map(|gap| gap["cause"]["kind"].clone()).collect();
    let first_other = listed.iter().position(|kind| kind == "out_of_scope").unwrap();
    assert!(listed.iter().skip(first_other).all(|kind| kind == "out_of_scope"), "{listed:?}");
    let needed = keeper.get("/v1/gaps/pareto").expect(200);
    assert_eq!(needed["askings"], 2.0, "{needed:#}");

    // What an editor said of a gap holds for what is like it.
    let weather = "what will the weather be in Berlin tomorrow";
    ask(weather);
    eventually(20, "it was looked into", || cause(weather).is_some_and(|cause| cause["kind"] == "missing"));
    let (gap, _) = wording(&gaps(), weather).unwrap();
    let path = format!("/v1/gaps/{}/dismiss", gap["id"].as_str().unwrap());
    keeper.post(&path, json!({ "cause": "out_of_scope" })).expect(200);
    let alike = "how will the weather be in Berlin tomorrow morning";
    ask(alike);
    eventually(20, alike, || cause(alike).is_some_and(|cause| cause["kind"] == "out_of_scope"));

    let many: Vec<String> = (0..201).map(|number| format!("example {number}")).collect();
    let refused = app.admin().patch("/v1/spaces/default", json!({ "settings": { "out_of_scope": many } }));
    assert_eq!(refused.problem(422), "invalid_request");
    assert!(refused.body.contains("at most 200"), "{}", refused.body);
}
