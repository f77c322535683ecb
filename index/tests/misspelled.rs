//! Misspelled queries over the sample knowledge find what the same queries, spelled right, find.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use zhiyin_index::embed::HashEmbedder;
use zhiyin_index::{Change, Document, Index, IndexSettings, LiveChange, Query};

fn lines(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kb-samples").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

fn samples(dir: &Path) -> Index {
    let (index, _) = Index::open(dir, IndexSettings::default(), Arc::new(HashEmbedder::default())).unwrap();
    let changes = lines("articles.ndjson").into_iter().map(|article| {
        let id = article["id"].as_str().unwrap().to_owned();
        let version = article["versions"].as_array().and_then(|v| v.last()).unwrap_or(&article);
        let text = |name: &str| version[name].as_str().unwrap_or_default().to_owned();
        let document = Document {
            id: id.clone(),
            version: 1,
            title: text("title"),
            body: text("body"),
            questions: texts(&version["questions"]),
            negative_questions: vec![],
            category: None,
            tags: vec![],
            audience: "public".into(),
            language: "zh".into(),
            attributes: BTreeMap::new(),
            from: 0,
            until: None,
        };
        Change { id, live: LiveChange::Set(Box::new(document)), add_history: vec![], remove_history: vec![] }
    });
    index.apply(changes.collect()).unwrap();
    index
}

/// Recall at 3 by kind: right spelling, misspelled.
fn recall(index: &Index, exact: bool) -> BTreeMap<String, (usize, usize, usize)> {
    let mut counts: BTreeMap<String, (usize, usize, usize)> = BTreeMap::new();
    for row in lines("misspelled.ndjson") {
        let relevant = texts(&row["relevant"]);
        let found = |text: &str| {
            let results = index.search(&Query { exact, ..Query::new(text) }).unwrap();
            let hit = results.hits.iter().take(3).any(|hit| relevant.contains(&hit.record.id));
            (hit, results.corrected_query)
        };
        let (meant, query) = (row["meant"].as_str().unwrap(), row["query"].as_str().unwrap());
        let ((right, _), (wrong, corrected)) = (found(meant), found(query));
        if !exact && !wrong {
            println!("{} missed: {query} ({meant}), understood as {corrected:?}", row["kind"]);
        }
        let kind = counts.entry(row["kind"].as_str().unwrap().to_owned()).or_default();
        *kind = (kind.0 + 1, kind.1 + usize::from(right), kind.2 + usize::from(wrong));
    }
    counts
}

#[test]
fn the_misspelled_find_what_they_meant() {
    let dir = tempfile::tempdir().unwrap();
    let index = samples(dir.path());
    let counts = recall(&index, false);
    let without = recall(&index, true);
    for (kind, (all, right, wrong)) in &counts {
        println!(
            "{kind:12} {all:3} queries: right {right}, misspelled {wrong}, without corrections {}",
            without[kind].2
        );
    }
    let sum = |of: fn(&(usize, usize, usize)) -> usize| counts.values().map(of).sum::<usize>() as f64;
    let (all, right, wrong) = (sum(|c| c.0), sum(|c| c.1), sum(|c| c.2));
    assert!(all >= 60.0);
    assert!(right / all >= 0.95, "spelled right: {right} of {all}");
    assert!(wrong / all >= 0.85, "misspelled: {wrong} of {all}");
    for kind in ["width", "traditional"] {
        assert_eq!(counts[kind].1, counts[kind].2, "{kind}");
    }
}

#[test]
fn the_query_as_understood_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let index = samples(dir.path());
    let understood = |text: &str| index.search(&Query::new(text)).unwrap().corrected_query;
    assert_eq!(understood("tuihuo").as_deref(), Some("退货"));
    assert_eq!(understood("怎么 TuiHuo?").as_deref(), Some("怎么 退货?"));
    assert_eq!(understood("退或").as_deref(), Some("退货"));
    assert_eq!(understood("Retrun policy").as_deref(), Some("Return policy"));
    assert_eq!(understood("E4O11").as_deref(), Some("E4011"));
    for right in ["退货", "退貨", "return policy", "E4011", "ＵＰＤ-07", "how do I delete my account", "怎么退货"]
    {
        assert_eq!(understood(right), None, "{right}");
    }
}

#[test]
fn another_number_is_not_a_slip() {
    let dir = tempfile::tempdir().unwrap();
    let index = samples(dir.path());
    for unknown in ["E4012", "UPD-08", "B-18"] {
        let results = index.search(&Query::new(unknown)).unwrap();
        assert_eq!(results.corrected_query, None, "{unknown}");
    }
}
