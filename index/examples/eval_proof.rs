//! Does an article's text have to do with a question, where what was copied into its known questions does not count?
//!
//! Invariant: prints tables and asserts nothing; the same data give the same tables.
//!
//! `cargo run -p zhiyin-index --example eval_proof`: the judged questions of `kb-samples`, asked of the article that answers
//! them and of every seventh article that does not, with the article's own known questions and with none; told are the shares
//! of pairs whose confidence reaches each floor.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "it prints its table")]

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use zhiyin_index::embed::BilingualEmbedder;
use zhiyin_index::{Change, Document, Index, IndexSettings, LiveChange, Query};

type Failure = Box<dyn std::error::Error>;

/// Every so many articles one is taken for one that does not answer.
const EVERY: usize = 7;

fn main() -> Result<(), Failure> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../kb-samples");
    let articles = rows(&format!("{folder}/articles.ndjson"))?;
    let documents: Vec<Document> = articles.iter().filter_map(document).collect();
    let by_id: BTreeMap<&str, &Document> = documents.iter().map(|d| (d.id.as_str(), d)).collect();
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
    let untitled = documents
        .iter()
        .map(|d| {
            Ok((d.id.as_str(), now.with(&d.id, Some(Document { questions: vec![], title: "-".into(), ..d.clone() }))?))
        })
        .collect::<Result<BTreeMap<_, _>, Failure>>()?;
    let mut sides: [Vec<f32>; 8] = Default::default();
    for (number, row) in rows(&format!("{folder}/queries.ndjson"))?.iter().enumerate() {
        let query = Query::new(text(row, "query"));
        let relevant: Vec<&str> = list(row, "relevant");
        let score = |id: &str| -> Result<[f32; 3], Failure> {
            let of = |hits: Vec<zhiyin_index::Hit>| hits.first().map_or(0.0, |hit| hit.score);
            let alone = bare.get(id).map(|s| s.hits_of(&[id], &query)).transpose()?.map_or(0.0, of);
            let body = untitled.get(id).map(|s| s.hits_of(&[id], &query)).transpose()?.map_or(0.0, of);
            Ok([of(now.hits_of(&[id], &query)?), alone, body])
        };
        for id in relevant.iter().filter(|id| by_id.contains_key(*id)) {
            let same = by_id.get(*id).is_some_and(|d| d.language == text(row, "language"));
            let [own, alone, body] = score(id)?;
            if same && alone < 0.05 {
                println!("{own:.3} {alone:.3} {body:.3} {id} | {}", text(row, "query"));
            }
            let at = if same { 0 } else { 2 };
            if let Some([a, b]) = sides.get_mut(at..at + 2).and_then(|s| <&mut [_; 2]>::try_from(s).ok()) {
                a.push(own);
                b.push(alone);
            }
            if same {
                sides[6].push(body);
            }
        }
        let others = documents
            .iter()
            .enumerate()
            .filter(|(at, d)| at % EVERY == number % EVERY && !relevant.contains(&d.id.as_str()));
        for (_, other) in others {
            let [own, alone, body] = score(&other.id)?;
            sides[4].push(own);
            sides[5].push(alone);
            sides[7].push(body);
        }
    }
    println!("pairs {:?}", sides.iter().map(Vec::len).collect::<Vec<_>>());
    println!(
        "from   right, own | none   right other language, own | none   wrong, own | none | right body | wrong body"
    );
    for from in [0.002_f32, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5] {
        let reached =
            |side: &Vec<f32>| side.iter().filter(|score| **score >= from).count() as f32 / side.len().max(1) as f32;
        let shares: Vec<String> = sides.iter().map(|side| format!("{:.4}", reached(side))).collect();
        println!("{from:.3}   {}", shares.join("   "));
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
