//! Does an article's text have to do with a question, where what was copied into its known questions does not count?
//!
//! Invariant: prints tables and asserts nothing; the same data give the same tables.
//!
//! `cargo run -p zhiyin-index --example eval_proof`: the judged questions of `kb-samples`, asked of the article that answers
//! them and of every seventh article that does not, with the article's own known questions and with none; told are the shares
//! of pairs whose confidence reaches each floor.
#![expect(clippy::print_stdout, reason = "it prints its table")]

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use zhiyin_index::embed::BilingualEmbedder;
use zhiyin_index::{Change, Document, Index, IndexSettings, LiveChange, Query};

type Failure = Box<dyn std::error::Error>;

/// Every so many articles one is taken for one that does not answer.
const EVERY: usize = 7;
/// Confidences from which a text might be said to have to do with a question.
const FLOORS: [f32; 8] = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3, 0.5];

/// What pairs of one kind come to: with the article's own known questions, and with none.
#[derive(Default)]
struct Side {
    own: Vec<f32>,
    alone: Vec<f32>,
}

fn main() -> Result<(), Failure> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../kb-samples");
    let articles = rows(&format!("{folder}/articles.ndjson"))?;
    let documents: Vec<Document> = articles.iter().filter_map(document).collect();
    let dir = tempfile::tempdir()?;
    let (index, _) = Index::open(dir.path(), IndexSettings::default(), Arc::new(BilingualEmbedder::bundled()?))?;
    let set = |document: &Document| Change {
        id: document.id.clone(),
        live: LiveChange::Set(Box::new(document.clone())),
        add_history: vec![],
        remove_history: vec![],
    };
    index.apply(documents.iter().map(set).collect())?;
    let now = index.now();
    let bare = documents
        .iter()
        .map(|d| Ok((d.id.as_str(), now.with(&d.id, Some(Document { questions: vec![], ..d.clone() }))?)))
        .collect::<Result<BTreeMap<_, _>, Failure>>()?;
    let mut sides: [Side; 3] = Default::default();
    let [right, other_language, wrong] = &mut sides;
    for (number, row) in rows(&format!("{folder}/queries.ndjson"))?.iter().enumerate() {
        let query = Query::new(text(row, "query"));
        let relevant = list(row, "relevant");
        let score = |id: &str| -> Result<(f32, f32), Failure> {
            let of = |hits: Vec<zhiyin_index::Hit>| hits.first().map_or(0.0, |hit| hit.score);
            let alone = bare.get(id).map(|snapshot| snapshot.hits_of(&[id], &query)).transpose()?.map_or(0.0, of);
            Ok((of(now.hits_of(&[id], &query)?), alone))
        };
        for (at, document) in documents.iter().enumerate() {
            let side = match relevant.contains(&document.id.as_str()) {
                true if document.language == text(row, "language") => &mut *right,
                true => &mut *other_language,
                false if at % EVERY == number % EVERY => &mut *wrong,
                false => continue,
            };
            let (own, alone) = score(&document.id)?;
            side.own.push(own);
            side.alone.push(alone);
        }
    }
    println!("pairs: {}", sides.iter().map(|side| side.own.len().to_string()).collect::<Vec<_>>().join(" | "));
    println!("from    right: own questions, none   in the other language: own, none   wrong: own, none");
    for from in FLOORS {
        let reached = |scores: &[f32]| {
            let count = scores.iter().filter(|score| **score >= from).count();
            format!("{:.3}", count as f32 / scores.len().max(1) as f32)
        };
        let shares = sides.iter().map(|side| format!("{}  {}", reached(&side.own), reached(&side.alone)));
        println!("{from:.3}   {}", shares.collect::<Vec<_>>().join("   "));
    }
    Ok(())
}

/// What is newest of an article.
fn document(row: &Value) -> Option<Document> {
    let version = row.get("versions").and_then(Value::as_array).and_then(|all| all.last()).unwrap_or(row);
    Some(Document {
        id: text(row, "id").to_owned(),
        version: 1,
        title: text(version, "title").to_owned(),
        body: text(version, "body").to_owned(),
        questions: list(version, "questions").into_iter().map(str::to_owned).collect(),
        negative_questions: list(version, "negative_questions").into_iter().map(str::to_owned).collect(),
        category: version.get("category").and_then(Value::as_str).map(str::to_owned),
        tags: list(version, "tags").into_iter().map(str::to_owned).collect(),
        audience: text(version, "audience").to_owned(),
        language: text(version, "language").to_owned(),
        attributes: BTreeMap::new(),
        from: 0,
        until: None,
    })
}

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(row: &'a Value, field: &str) -> Vec<&'a str> {
    row.get(field).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

fn rows(path: &str) -> Result<Vec<Value>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|why| format!("{path}: {why}"))?;
    text.lines().filter(|line| !line.trim().is_empty()).map(|line| Ok(serde_json::from_str(line)?)).collect()
}
