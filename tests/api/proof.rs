//! Proof: what closes a gap, what does not, what opens it again, and what is told of it.

use serde_json::{Value, json};

use crate::actors::{Actor, TestApp, eventually, found_within};

const SCOPES: [&str; 4] = ["gaps", "articles:write", "articles:read", "articles:publish"];

/// Asks so often, and gives the gap that it is filed under.
fn ask(customer: &Actor, question: &str, times: usize) -> String {
    let mut last = Value::Null;
    for _ in 0..times {
        last = customer.post("/v1/answer", json!({ "question": question })).expect(200);
    }
    last["gap_id"].as_str().unwrap_or_else(|| panic!("'{question}' was answered: {last:#}")).to_owned()
}

/// The gap of an id, once it has so many askings.
fn counted(keeper: &Actor, id: &str, queries: u64) -> Value {
    found_within(15, "the gap is counted", || {
        let found = keeper.get(&format!("/v1/gaps/{id}"));
        (found.status == 200).then(|| found.json()).filter(|gap| gap["queries"] == queries)
    })
}

fn gap(keeper: &Actor, id: &str) -> Value {
    keeper.get(&format!("/v1/gaps/{id}")).expect(200)
}

/// The proof of a gap, once there is one.
fn proof(keeper: &Actor, id: &str) -> Value {
    found_within(15, "its questions are asked again", || {
        Some(gap(keeper, id)["verification"].clone()).filter(|proof| !proof.is_null())
    })
}

#[test]
fn an_article_without_text_proves_nothing() {
    let app = TestApp::start();
    let keeper = app.with_scopes("keeper", &SCOPES);
    let customer = app.customer();
    let id = ask(&customer, "can I rent a bike here?", 3);
    counted(&keeper, &id, 3);
    let made = keeper.post(&format!("/v1/gaps/{id}/draft"), json!({ "article_id": "bike" })).expect(201);
    assert_eq!((&made["article"]["body"], &made["needs_text"]), (&json!(""), &json!(true)), "{made:#}");
    keeper.post("/v1/articles/bike/publish?wait=searchable", json!({})).expect(200);
    let told = proof(&keeper, &id);
    assert_eq!((&told["passed"], &told["share"], &told["asked"]), (&json!(false), &json!(0.0), &json!(1)), "{told:#}");
    let asked = &told["questions"][0];
    assert_eq!((&asked["after"]["matched"], &asked["not_proven"]), (&json!(false), &json!("no_text")), "{told:#}");
    assert_eq!(gap(&keeper, &id)["status"], "open");
    let answer = customer.post("/v1/answer", json!({ "question": "can I rent a bike here?" })).expect(200);
    assert_eq!(answer["status"], "unanswered", "so says the service: {answer:#}");

    // A draft's links to what stands near are no text either.
    let links = json!({ "title": "can I rent a bike here?", "questions": ["can I rent a bike here?"],
        "body": "- Tomato soup (`soup`)", "expected_version": 1 });
    keeper.put("/v1/articles/bike", links).expect(200);
    keeper.post("/v1/articles/bike/publish?wait=searchable", json!({})).expect(200);
    eventually(15, "it is asked again", || gap(&keeper, &id)["verification"]["version"] == 2);
    assert_eq!(proof(&keeper, &id)["questions"][0]["not_proven"], "no_text");

    // A short answer in other words than the question is enough.
    let short = json!({ "title": "can I rent a bike here?", "questions": ["can I rent a bike here?"],
        "body": "Yes, at the counter, for five euros a day.", "expected_version": 2 });
    keeper.put("/v1/articles/bike", short).expect(200);
    keeper.post("/v1/articles/bike/publish?wait=searchable", json!({})).expect(200);
    eventually(15, "it is closed", || gap(&keeper, &id)["status"] == "closed");
    let asked = proof(&keeper, &id)["questions"][0].clone();
    assert_eq!((&asked["rests_on"], &asked["not_proven"]), (&json!("known_question"), &Value::Null), "{asked:#}");
    assert_eq!(asked["quote"], "Yes, at the counter, for five euros a day.", "{asked:#}");
}

#[test]
fn what_an_internal_article_answers_is_quoted_to_those_who_may_read_it() {
    let app = TestApp::start();
    let keeper = app.with_scopes("keeper", &SCOPES);
    let outsider = app.with_key(json!({ "name": "portal keeper", "scopes": ["gaps"], "audiences": ["public"] }));
    let id = ask(&app.customer(), "how much may I refund at the desk", 1);
    counted(&keeper, &id, 1);
    let article = json!({ "id": "limits", "title": "Limits", "body": "Up to 200 euros without asking.", "audience": "internal",
        "questions": ["how much may I refund at the desk"], "publish": true });
    keeper.post("/v1/articles?wait=searchable", article).expect(201);
    let linked = keeper.post(&format!("/v1/gaps/{id}/link"), json!({ "article_id": "limits" })).expect(200);
    assert_eq!((&linked["saved"], &linked["gap"]["status"]), (&json!(false), &json!("open")), "{linked:#}");
    eventually(15, "it is proven soon", || gap(&keeper, &id)["status"] == "closed");
    let told = proof(&keeper, &id);
    assert_eq!(
        (&told["audience"], &told["questions"][0]["quote"]),
        (&json!("internal"), &json!("Up to 200 euros without asking.")),
        "{told:#}"
    );
    let seen = proof(&outsider, &id);
    assert_eq!((&seen["passed"], &seen["questions"][0]["quote"]), (&json!(true), &Value::Null), "{seen:#}");
    // Nor does a quote outlive what it quotes.
    keeper.post("/v1/articles/limits/unpublish", json!({})).expect(200);
    assert_eq!(proof(&keeper, &id)["questions"][0]["quote"], Value::Null);
}

#[test]
fn a_copied_question_is_told_apart_from_what_the_article_says_and_linking_twice_changes_nothing() {
    let app = TestApp::start();
    let keeper = app.with_scopes("keeper", &SCOPES);
    let customer = app.customer();
    let soup = json!({ "id": "soup", "title": "Canteen", "body": "Tomato soup is served at noon.", "publish": true });
    keeper.post("/v1/articles?wait=searchable", soup).expect(201);
    let id = ask(&customer, "can I rent a bike here?", 3);
    counted(&keeper, &id, 3);
    let link = || keeper.post(&format!("/v1/gaps/{id}/link"), json!({ "article_id": "soup" })).expect(200);
    let linked = link();
    assert_eq!((&linked["saved"], &linked["article"]["version"]), (&json!(true), &json!(2)), "{linked:#}");
    assert_eq!(linked["gap"]["status"], "drafting");
    let again = link();
    assert_eq!((&again["saved"], &again["article"]["version"]), (&json!(false), &json!(2)), "{again:#}");
    assert_eq!(again["gap"]["status"], "drafting");

    keeper.post("/v1/articles/soup/publish?wait=searchable", json!({})).expect(200);
    eventually(15, "the service answers it", || gap(&keeper, &id)["status"] == "closed");
    let told = proof(&keeper, &id);
    assert_eq!((&told["by_known_question"], &told["audience"]), (&json!(1), &json!("public")), "{told:#}");
    let asked = &told["questions"][0];
    assert_eq!(
        (&asked["rests_on"], &asked["quote"]),
        (&json!("known_question"), &json!("Tomato soup is served at noon.")),
        "whoever looks sees on what it rests: {told:#}"
    );
    let again = link();
    assert_eq!((&again["saved"], &again["gap"]["status"]), (&json!(false), &json!("closed")), "{again:#}");
    assert_eq!(keeper.get("/v1/articles/soup/versions").expect(200)["items"].as_array().map(Vec::len), Some(2));
}

#[test]
fn an_article_that_is_full_says_so_and_what_was_set_aside_is_taken_up_again() {
    let app = TestApp::start();
    let keeper = app.with_scopes("keeper", &SCOPES);
    let id = ask(&app.customer(), "can I rent a bike here?", 1);
    counted(&keeper, &id, 1);
    let known: Vec<String> = (0..100).map(|number| format!("who repairs organ number {number}")).collect();
    let full = json!({ "id": "full", "title": "Organs", "body": "Our workshop.", "questions": known, "publish": true });
    keeper.post("/v1/articles?wait=searchable", full).expect(201);
    let link = || keeper.post(&format!("/v1/gaps/{id}/link"), json!({ "article_id": "full" })).expect(200);
    let linked = link();
    assert_eq!((&linked["saved"], &linked["left_out"]), (&json!(false), &json!(1)), "{linked:#}");
    proof(&keeper, &id);
    keeper.post(&format!("/v1/gaps/{id}/dismiss"), json!({ "cause": "missing" })).expect(200);
    let again = link();
    assert_eq!(
        (&again["gap"]["status"], &again["gap"]["cause"]["kind"]),
        (&json!("open"), &json!("present_not_found")),
        "{again:#}"
    );
    assert_eq!(proof(&keeper, &id)["passed"], false, "and it is asked again");
}

/// An article that answers what a gap asks, written by hand and published; the gap closes.
fn closed(keeper: &Actor, id: &str, article: Value) {
    let name = article["id"].clone();
    keeper.post("/v1/articles?wait=searchable", article).expect(201);
    keeper.post(&format!("/v1/gaps/{id}/link"), json!({ "article_id": name })).expect(200);
    let path = format!("/v1/articles/{}/publish?wait=searchable", name.as_str().unwrap());
    keeper.post(&path, json!({})).expect(200);
    eventually(20, "it is closed", || gap(keeper, id)["status"] == "closed");
}

#[test]
fn what_is_asked_beside_a_closed_gap_stands_in_the_open() {
    let app = TestApp::start();
    let keeper = app.with_scopes("keeper", &SCOPES);
    let customer = app.customer();
    let id = ask(&customer, "发票抬头写错了怎么修改", 3);
    for other in ["怎么修改发票的抬头", "发票抬头可以改吗", "怎么修改发票抬头"] {
        ask(&customer, other, 1);
    }
    ask(&customer, "门店周末几点关门", 1);
    ask(&customer, "宠物可以带上飞机吗", 1);
    eventually(10, "its wordings stand under it", || {
        keeper.post("/v1/gaps/consolidate", json!({})).expect(200);
        keeper.get(&format!("/v1/gaps/{id}")).json()["queries"] == 6
    });
    closed(&keeper, &id, json!({ "id": "invoice", "title": "开票", "body": "请在订单详情页点击更换。" }));

    let new = ask(&customer, "发票抬头可以改成别的公司吗", 2);
    counted(&keeper, &new, 2);
    for when in ["at once", "after a consolidation", "after another"] {
        let found = gap(&keeper, &new);
        assert_eq!((&found["id"], &found["status"]), (&json!(new), &json!("open")), "{when}: {found:#}");
        let listed = keeper.get("/v1/gaps?status=open").expect(200);
        assert!(listed["items"].as_array().unwrap().iter().any(|gap| gap["id"] == json!(new)), "{when}: {listed:#}");
        let needed = keeper.get("/v1/gaps/pareto?percent=100").expect(200);
        assert_eq!(needed["steps"][0]["id"], json!(new), "{when}: {needed:#}");
        keeper.post("/v1/gaps/consolidate", json!({})).expect(200);
    }
    let found = found_within(10, "it is known beside which gap it is asked", || {
        Some(gap(&keeper, &new)).filter(|gap| gap["related"] == gap_id(&keeper, &id))
    });
    assert_eq!(
        (&found["suggested"]["action"], &found["suggested"]["article_id"]),
        (&json!("link"), &json!("invoice")),
        "{found:#}"
    );
    assert_eq!(gap(&keeper, &id)["status"], "closed");

    // After a restart the groups are made anew of what is stored; a wording more joins what is open.
    let app = app.restart();
    let keeper = app.with_scopes("another keeper", &SCOPES);
    let more = ask(&app.customer(), "发票抬头能换公司名吗", 1);
    found_within(10, "it stands in the open, too", || {
        let found = keeper.get(&format!("/v1/gaps/{more}"));
        (found.status == 200).then(|| found.json()).filter(|gap| gap["status"] == "open")
    });
    keeper.post("/v1/gaps/consolidate", json!({})).expect(200);
    assert_eq!(gap_id(&keeper, &more), json!(new), "{:#}", gap(&keeper, &more));
}

#[test]
fn what_is_asked_beside_a_closed_question_that_stood_alone_is_seen_too() {
    let app = TestApp::start();
    let keeper = app.with_scopes("keeper", &SCOPES);
    let customer = app.customer();
    let id = ask(&customer, "can I rent a bike here?", 3);
    counted(&keeper, &id, 3);
    closed(&keeper, &id, json!({ "id": "bikes", "title": "Bikes", "body": "Yes, at the counter." }));
    let near = [
        "is it possible to rent bicycles from you",
        "do you rent out bikes",
        "bike rental for children",
        "renting a bike",
    ];
    let asked: Vec<Value> =
        near.iter().map(|q| customer.post("/v1/answer", json!({ "question": q })).expect(200)).collect();
    let left: Vec<&Value> = asked.iter().filter(|answer| answer["status"] == "unanswered").collect();
    assert!(left.len() >= 2, "some are not answered: {asked:#?}");
    let path = |answer: &Value| format!("/v1/gaps/{}", answer["gap_id"].as_str().unwrap());
    eventually(10, "they are counted", || left.iter().all(|answer| keeper.get(&path(answer)).status == 200));
    for _ in 0..2 {
        keeper.post("/v1/gaps/consolidate", json!({})).expect(200);
        for answer in &left {
            let found = keeper.get(&path(answer)).expect(200);
            assert_eq!(found["status"], "open", "{answer:#} {found:#}");
        }
    }
}

fn gap_id(keeper: &Actor, id: &str) -> Value {
    gap(keeper, id)["id"].clone()
}

#[test]
fn a_closed_gap_opens_again_when_most_of_what_is_asked_since_is_not_answered() {
    let app = TestApp::start();
    let keeper = app.with_scopes("keeper", &SCOPES);
    let customer = app.customer();
    // Five questions that an editor puts together; four of them are written to the article.
    let asked = [
        "do drones bring parcels at night",
        "is there a lift in the museum",
        "where can horses be washed",
        "who repairs church organs",
        "may penguins travel by tram",
    ];
    let ids: Vec<String> = asked.iter().map(|question| ask(&customer, question, 2)).collect();
    ids.iter().for_each(|id| drop(counted(&keeper, id, 2)));
    let merged = keeper.post(&format!("/v1/gaps/{}/merge", ids[0]), json!({ "gaps": &ids[1..] })).expect(200);
    assert_eq!(merged["forms"], 5, "{merged:#}");
    let happened = merged["history"].as_array().unwrap();
    let (change, by) = (&happened[0]["change"], &happened[0]["by"]);
    assert_eq!((happened.len(), change, by), (4, &json!("merged"), &json!("keeper")), "{merged:#}");
    keeper.post(&format!("/v1/gaps/{}/draft", ids[0]), json!({ "article_id": "all", "title": "All" })).expect(201);
    let article =
        json!({ "title": "All", "questions": &asked[..4], "body": "Ask at the desk.", "expected_version": 1 });
    keeper.put("/v1/articles/all", article).expect(200);
    keeper.post("/v1/articles/all/publish?wait=searchable", json!({})).expect(200);
    eventually(20, "four of five are enough", || gap(&keeper, &ids[0])["status"] == "closed");
    let first = proof(&keeper, &ids[0]);
    assert_eq!((&first["share_of_wordings"], &first["share_of_askings"]), (&json!(0.8), &json!(0.8)), "{first:#}");

    // Of what is asked now, the one that is not answered is one of five at first, and then most.
    let answered = || customer.post("/v1/answer", json!({ "question": asked[1] })).expect(200)["status"] == "answered";
    assert!((0..8).all(|_| answered()));
    ask(&customer, asked[4], 1);
    counted(&keeper, &ids[0], 11);
    keeper.post("/v1/gaps/replay", json!({})).expect(200);
    let still = gap(&keeper, &ids[0]);
    assert_eq!(still["status"], "closed", "{still:#}");
    assert_eq!(still["verification"]["share_since"].as_f64().map(|share| share > 0.88), Some(true), "{still:#}");
    ask(&customer, asked[4], 7);
    counted(&keeper, &ids[0], 18);
    for again in [false, true] {
        keeper.post("/v1/gaps/replay", json!({})).expect(200);
        let open = gap(&keeper, &ids[0]);
        assert_eq!(open["status"], "reopened", "{again}: {open:#}");
        assert_eq!(open["verification"]["asked_since"], json!([asked[4]]), "{again}: {open:#}");
        let newest = &open["history"][0];
        assert_eq!((&newest["change"], &newest["by"]), (&json!("reopened"), &json!("replay")), "{open:#}");
    }
}

#[test]
fn every_wording_is_asked_again_and_weighs_as_often_as_it_was_asked() {
    let app = TestApp::start();
    let keeper = app.with_scopes("keeper", &SCOPES);
    let customer = app.customer();
    let things = [
        "drones",
        "horses",
        "penguins",
        "organs",
        "castles",
        "violins",
        "glaciers",
        "beehives",
        "rockets",
        "submarines",
        "windmills",
        "lanterns",
        "tractors",
        "parrots",
        "saddles",
        "trumpets",
        "anchors",
        "igloos",
        "sundials",
        "kayaks",
        "hammocks",
        "compasses",
        "telescopes",
        "pianos",
    ];
    let questions: Vec<String> = things.iter().map(|thing| format!("who repairs {thing} on Sundays")).collect();
    let ids: Vec<String> = questions.iter().map(|question| ask(&customer, question, 1)).collect();
    eventually(20, "all are counted", || ids.iter().all(|id| keeper.get(&format!("/v1/gaps/{id}")).status == 200));
    keeper.post("/v1/gaps/consolidate", json!({})).expect(200);
    let into = gap_id(&keeper, &ids[0]);
    let mut rest: Vec<Value> = ids.iter().map(|id| gap_id(&keeper, id)).filter(|id| *id != into).collect();
    rest.sort_by_key(ToString::to_string);
    rest.dedup();
    let id = into.as_str().unwrap().to_owned();
    if !rest.is_empty() {
        keeper.post(&format!("/v1/gaps/{id}/merge"), json!({ "gaps": rest })).expect(200);
    }
    let drafted = keeper.post(&format!("/v1/gaps/{id}/draft"), json!({ "article_id": "repairs" })).expect(201);
    let copied = drafted["article"]["questions"].as_array().unwrap();
    assert_eq!(copied.len(), things.len(), "all of its wordings: {copied:?}");
    let article = json!({ "title": "Repairs", "questions": copied, "body": "Our workshop is open all week.", "expected_version": 1 });
    keeper.put("/v1/articles/repairs", article).expect(200);
    keeper.post("/v1/articles/repairs/publish?wait=searchable", json!({})).expect(200);
    let told = proof(&keeper, &id);
    assert_eq!((&told["wordings"], &told["asked"]), (&json!(24), &json!(24)), "{told:#}");
    assert_eq!(told["questions"].as_array().map(Vec::len), Some(24), "{told:#}");
    let quoted = told["questions"].as_array().unwrap().iter().filter(|asked| asked["quote"].is_string()).count();
    assert_eq!((quoted, &told["questions"][19]["quoted"]), (20, &json!("repairs")), "as many as lists show: {told:#}");
    assert_eq!(gap(&keeper, &id)["status"], "closed");
    let listed = keeper.get("/v1/gaps?status=closed").expect(200);
    let shown = listed["items"][0]["verification"]["questions"].as_array().map(Vec::len);
    assert_eq!(shown, Some(20), "a list shows the first of them");
}

#[test]
fn a_merge_with_a_closed_gap_waits_for_its_proof_and_not_for_review() {
    let app = TestApp::start();
    let keeper = app.with_scopes("keeper", &SCOPES);
    let customer = app.customer();
    let done = ask(&customer, "can I rent a bike here?", 2);
    let open = ask(&customer, "门店周末几点关门", 2);
    [&done, &open].iter().for_each(|id| drop(counted(&keeper, id, 2)));
    keeper.post(&format!("/v1/gaps/{done}/draft"), json!({ "article_id": "bike" })).expect(201);
    let body = json!({ "title": "Bikes", "questions": ["can I rent a bike here?"], "body": "You can rent a bike at the counter.",
        "expected_version": 1 });
    keeper.put("/v1/articles/bike", body).expect(200);
    // Published over the heads of those who were to review it.
    keeper.post("/v1/articles/bike/submit", json!({})).expect(200);
    keeper.post("/v1/articles/bike/publish?wait=searchable", json!({})).expect(200);
    eventually(15, "it is closed", || gap(&keeper, &done)["status"] == "closed");

    let merged = keeper.post(&format!("/v1/gaps/{open}/merge"), json!({ "gaps": [done] })).expect(200);
    assert_eq!((&merged["status"], &merged["article_id"]), (&json!("open"), &json!("bike")), "{merged:#}");
    assert_eq!(
        (&merged["history"][0]["change"], &merged["history"][0]["gap"], &merged["history"][0]["wordings"]),
        (&json!("merged"), &json!(done), &json!(1)),
        "{merged:#}"
    );
    let told = proof(&keeper, &open);
    assert_eq!((&told["share"], &told["passed"], &told["asked"]), (&json!(0.5), &json!(false), &json!(2)), "{told:#}");
    assert_eq!(gap(&keeper, &open)["status"], "open");

    // The other way round: what comes to a closed gap is asked again at once.
    let parted = keeper.post(&format!("/v1/gaps/{open}/split"), json!({ "wordings": [open] })).expect(201);
    let left = gap(&keeper, &done)["verification"]["questions"].to_string();
    assert!(!left.contains("门店"), "its proof keeps no words that went: {left}");
    let loose = parted["id"].as_str().unwrap().to_owned();
    assert_eq!(parted["history"][0]["change"], "founded", "{parted:#}");
    assert_eq!(
        (&parted["article_id"], &parted["status"]),
        (&Value::Null, &json!("open")),
        "its article stays: {parted:#}"
    );
    keeper.post("/v1/gaps/replay", json!({})).expect(200);
    let whole = gap(&keeper, &done);
    assert_eq!((&whole["status"], &whole["history"][1]["change"]), (&json!("closed"), &json!("gave")), "{whole:#}");
    keeper.post(&format!("/v1/gaps/{}/merge", whole["id"].as_str().unwrap()), json!({ "gaps": [loose] })).expect(200);
    eventually(10, "its proof no longer speaks for it", || gap(&keeper, &done)["status"] == "reopened");
}

#[test]
fn what_the_machine_merges_and_an_editor_parts_is_told_by_the_gap() {
    let app = TestApp::start();
    let keeper = app.with_scopes("keeper", &["gaps"]);
    let customer = app.customer();
    let asked = [
        "发票抬头写错了怎么修改",
        "发票抬头可以改成别的公司吗",
        "发票抬头想改成公司名称",
        "how do I change the title on my invoice",
        "发票公司名写错了",
        "抬头开错了",
        "发票抬头能换公司名吗",
        "宠物可以带上飞机吗",
    ];
    let ids: Vec<String> = asked.iter().map(|question| ask(&customer, question, 1)).collect();
    eventually(10, "all are counted", || ids.iter().all(|id| keeper.get(&format!("/v1/gaps/{id}")).status == 200));
    let own = || -> Vec<String> { ids.iter().filter(|id| gap_id(&keeper, id) == json!(id)).cloned().collect() };
    // Each has found its place when nothing moves any more.
    let mut before = own();
    let before = found_within(20, "all have found their places", || {
        std::thread::sleep(std::time::Duration::from_millis(1_500));
        let now = own();
        let still = now == before;
        before = now.clone();
        still.then_some(now)
    });
    let report = keeper.post("/v1/gaps/consolidate", json!({})).expect(200);
    let after = own();
    let ended: Vec<&String> = before.iter().filter(|id| !after.contains(id)).collect();
    assert!(!ended.is_empty(), "something is merged: {report:#}");
    for id in ended {
        let into = gap(&keeper, id);
        let told = |event: &&Value| event["gap"] == json!(id);
        let event = into["history"].as_array().unwrap().iter().find(told).unwrap_or_else(|| panic!("{id}: {into:#}"));
        assert_eq!((&event["change"], &event["by"]), (&json!("merged"), &json!("consolidation")), "{into:#}");
    }
    let id = after.iter().find(|id| gap(&keeper, id)["forms"].as_u64() > Some(1)).unwrap().clone();
    let out = ids.iter().find(|other| **other != id && gap_id(&keeper, other) == json!(id)).unwrap();
    let parted = keeper.post(&format!("/v1/gaps/{id}/split"), json!({ "wordings": [out] })).expect(201);
    let founded = &parted["history"][0];
    assert_eq!((&founded["change"], &founded["gap"]), (&json!("founded"), &json!(id)), "{parted:#}");
    let kept = gap(&keeper, &id);
    let (change, by) = (&kept["history"][0]["change"], &kept["history"][0]["by"]);
    assert_eq!((change, &kept["history"][0]["gap"], by), (&json!("gave"), &parted["id"], &json!("keeper")), "{kept:#}");
    let app = app.restart();
    let keeper = app.with_scopes("other keeper", &["gaps"]);
    assert_eq!(gap(&keeper, &id)["history"], kept["history"], "it is on the disk");
}
