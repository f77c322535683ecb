//! What would be found after a change is what is found after it, for every query of the sample knowledge.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use zhiyin_index::embed::BilingualEmbedder;
use zhiyin_index::{Change, Document, Filter, Index, IndexSettings, Lexicon, LiveChange, Op, Query, Results};

fn lines(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kb-samples").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn document(article: &Value) -> Document {
    let version = article["versions"].as_array().and_then(|v| v.last()).unwrap_or(article);
    let text = |name: &str| version[name].as_str().unwrap_or_default().to_owned();
    let questions = version["questions"].as_array().into_iter().flatten();
    let negatives = version["negative_questions"].as_array().into_iter().flatten();
    Document {
        id: article["id"].as_str().unwrap().to_owned(),
        version: 1,
        title: text("title"),
        body: text("body"),
        questions: questions.filter_map(|v| v.as_str().map(str::to_owned)).collect(),
        negative_questions: negatives.filter_map(|v| v.as_str().map(str::to_owned)).collect(),
        category: None,
        tags: vec![],
        audience: version["audience"].as_str().unwrap_or("public").to_owned(),
        language: text("language"),
        attributes: BTreeMap::new(),
        from: 0,
        until: None,
    }
}

fn change(id: &str, document: Option<Document>) -> Change {
    let live = document.map_or(LiveChange::Remove, |document| LiveChange::Set(Box::new(document)));
    Change { id: id.to_owned(), live, add_history: vec![], remove_history: vec![] }
}

fn samples(dir: &Path) -> (Index, BTreeMap<String, Document>) {
    let settings = IndexSettings { lexicon: Some(Lexicon::bundled()), ..IndexSettings::default() };
    let (index, _) = Index::open(dir, settings, Arc::new(BilingualEmbedder::bundled().unwrap())).unwrap();
    let documents: Vec<Document> = lines("articles.ndjson").iter().map(document).collect();
    index.apply(documents.iter().map(|d| change(&d.id, Some(d.clone()))).collect()).unwrap();
    // What confidence is told from is measured now, and not again after one change.
    index.maintain().unwrap();
    (index, documents.into_iter().map(|document| (document.id.clone(), document)).collect())
}

/// Id, version, and score in thousandths.
type Seen = (String, u32, i64);

fn seen(results: &Results) -> Vec<Seen> {
    let scored = |score: f32| (f64::from(score) * 1_000.0).round() as i64;
    results.hits.iter().map(|hit| (hit.record.id.clone(), hit.record.version, scored(hit.score))).collect()
}

/// Changes of every kind: a body that loses half, questions taken over from others, a new article, one that goes.
fn changes(documents: &BTreeMap<String, Document>) -> Vec<(String, Option<Document>)> {
    let of = |id: &str| documents[id].clone();
    let half = |id: &str| {
        let body: String = of(id).body.chars().take(of(id).body.chars().count() / 2).collect();
        (id.to_owned(), Some(Document { version: 2, body, questions: vec![], ..of(id) }))
    };
    let thief = Document {
        version: 7,
        questions: [of("return-policy-zh").questions, of("refund-timing-zh").questions].concat(),
        ..of("presale-zh")
    };
    let new = Document { id: "all-about-returns".into(), title: "退货 refunds".into(), ..of("return-policy-en") };
    vec![
        half("return-policy-zh"),
        half("cloud-plans-en"),
        ("presale-zh".into(), Some(thief)),
        ("all-about-returns".into(), Some(new)),
        ("shipping-fees-zh".into(), None),
    ]
}

#[test]
fn what_would_be_found_is_what_is_found_then() {
    let dir = tempfile::tempdir().unwrap();
    let (index, documents) = samples(&dir.path().join("index"));
    let queries: Vec<String> =
        lines("queries.ndjson").iter().map(|q| q["query"].as_str().unwrap().to_owned()).collect();
    assert!(queries.len() > 250);
    let public = Filter::condition("audience", Op::In, json!(["public"]));
    let ask = |text: &String, filter: &Option<Filter>| Query { limit: 3, filter: filter.clone(), ..Query::new(text) };
    let mut moved = 0;
    for (at, (id, document)) in changes(&documents).into_iter().enumerate() {
        let filter = (at % 2 == 0).then(|| public.clone());
        let queries: Vec<Query> = queries.iter().map(|text| ask(text, &filter)).collect();
        let now: Vec<Results> = queries.iter().map(|query| index.search(query).unwrap()).collect();
        let snapshot = index.now().with(&id, document.clone()).unwrap();
        let foretold: Vec<Results> = queries.iter().map(|query| snapshot.search(query).unwrap()).collect();
        let untouched = queries.iter().map(|query| seen(&index.search(query).unwrap()));
        assert!(untouched.eq(now.iter().map(seen)), "a preview of {id} changed what others find");

        index.apply(vec![change(&id, document)]).unwrap();
        for ((query, foretold), now) in queries.iter().zip(&foretold).zip(&now) {
            let found = index.search(query).unwrap();
            // Sums are added up in another order, which may round another way.
            let near = |((a, v, x), (b, w, y)): (&Seen, &Seen)| (a, v) == (b, w) && (x - y).abs() <= 1;
            let (foretold, found_then) = (seen(foretold), seen(&found));
            let same = foretold.len() == found_then.len() && foretold.iter().zip(&found_then).all(near);
            assert!(same, "{id}, {}: {foretold:?} is not {found_then:?}", query.text);
            moved += usize::from(seen(&found) != seen(now));
        }
        index.apply(vec![change(&id, documents.get(&id).cloned())]).unwrap();
    }
    assert!(moved > 100, "the changes changed {moved} answers: too few to prove anything");
}

#[test]
fn a_document_that_may_not_be_seen_is_not_foretold() {
    let dir = tempfile::tempdir().unwrap();
    let (index, documents) = samples(&dir.path().join("index"));
    let secret = Document { audience: "internal".into(), version: 2, ..documents["return-policy-zh"].clone() };
    let snapshot = index.now().with("return-policy-zh", Some(secret)).unwrap();
    let query = |filter| Query { filter, ..Query::new("买了几天可以退货") };
    let all = snapshot.search(&query(None)).unwrap();
    assert_eq!((all.hits[0].record.id.as_str(), all.hits[0].record.version), ("return-policy-zh", 2));
    let public = Filter::condition("audience", Op::In, json!(["public"]));
    let found = snapshot.search(&query(Some(public))).unwrap();
    assert!(
        found.hits.iter().all(|hit| hit.record.id != "return-policy-zh"),
        "neither the new version nor the old one"
    );
    let given = snapshot.hits_of(&["return-policy-zh", "return-policy-en"], &query(None)).unwrap();
    let versions: Vec<(&str, u32)> = given.iter().map(|hit| (hit.record.id.as_str(), hit.record.version)).collect();
    assert_eq!(versions, [("return-policy-zh", 2), ("return-policy-en", 1)]);
}
