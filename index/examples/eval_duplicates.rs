//! From which likeness on do two articles say the same, and two questions ask the same?
//!
//! Invariant: prints tables and asserts nothing; the same data give the same tables.
//!
//! `cargo run -p zhiyin-index --example eval_duplicates`; with `ZHIYIN_EVAL_DATA` also `kb/dify_docs.jsonl` (articles in
//! two languages, by `path` and `lang`) and `eval/webank_pairs.jsonl` (pairs of questions, `same` or not).
//!
//! Articles that say the same are an article and its translation, and an article and a copy of it under another title
//! with a third of its sentences left out. All other pairs are said to differ, which is hard on the method: a handbook
//! does repeat itself.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "it prints its tables")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use zhiyin_index::embed::{BilingualEmbedder, Embedder, Role};
use zhiyin_index::{Change, Document, Index, IndexSettings, LiveChange};

type Failure = Box<dyn std::error::Error>;

/// Lowest likeness that is looked at.
const FROM: f32 = 0.3;
/// Of so many articles each, one gets a copy.
const COPIED: usize = 5;

fn main() -> Result<(), Failure> {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kb-samples/articles.ndjson");
    let documents = lines(&samples)?.iter().map(sample).collect();
    articles("the sample knowledge", documents, |id| id.trim_end_matches("-zh").trim_end_matches("-en").to_owned())?;
    let Some(data) = std::env::var_os("ZHIYIN_EVAL_DATA") else {
        println!("ZHIYIN_EVAL_DATA is not set: no other articles, no questions");
        return Ok(());
    };
    let data = Path::new(&data);
    let documents = sections(&lines(&data.join("kb/dify_docs.jsonl"))?);
    articles("dify_docs", documents, |id| id.split_once(':').map_or(id, |(_, path)| path).to_owned())?;
    questions(&lines(&data.join("eval/webank_pairs.jsonl"))?)
}

fn lines(path: &Path) -> Result<Vec<Value>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|why| format!("{}: {why}", path.display()))?;
    Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn document(id: String, title: String, body: String, language: String) -> Document {
    Document {
        id,
        version: 1,
        title,
        body,
        questions: Vec::new(),
        negative_questions: Vec::new(),
        category: None,
        tags: Vec::new(),
        audience: "public".into(),
        language,
        attributes: BTreeMap::new(),
        from: 0,
        until: None,
    }
}

fn sample(article: &Value) -> Document {
    let version = article.get("versions").and_then(Value::as_array).and_then(|v| v.last()).unwrap_or(article);
    document(text(article, "id"), text(version, "title"), text(version, "body"), text(version, "language"))
}

/// Articles put together of their sections.
fn sections(rows: &[Value]) -> Vec<Document> {
    let mut all: BTreeMap<String, (String, String, String)> = BTreeMap::new();
    for row in rows {
        let id = format!("{}:{}", text(row, "lang"), text(row, "path"));
        let entry = all.entry(id).or_insert_with(|| (text(row, "title"), String::new(), text(row, "lang")));
        let headings = row.get("headings").and_then(Value::as_array).into_iter().flatten();
        let heading: Vec<&str> = headings.filter_map(Value::as_str).collect();
        entry.1.push_str(&format!("\n## {}\n\n{}\n", heading.join(" / "), text(row, "body")));
    }
    all.into_iter().map(|(id, (title, body, lang))| document(id, title, body, lang)).collect()
}

/// Another title, and every third sentence left out.
fn copy(of: &Document) -> Document {
    let sentences = of.body.split_inclusive(['。', '\n', '.', '!', '?', '！', '？']);
    let body: String = sentences.enumerate().filter(|(at, _)| at % 3 != 2).map(|(_, sentence)| sentence).collect();
    let title = if of.language == "zh" { "说明" } else { "Notes" };
    Document { id: format!("copy/{}", of.id), title: title.into(), body, ..of.clone() }
}

fn articles(name: &str, documents: Vec<Document>, group: impl Fn(&str) -> String) -> Result<(), Failure> {
    let copies: Vec<Document> = documents.iter().step_by(COPIED).map(copy).collect();
    let all: Vec<Document> = documents.into_iter().chain(copies).collect();
    let group = |id: &str| group(id.trim_start_matches("copy/"));
    let dir = tempfile::tempdir()?;
    let (index, _) = Index::open(dir.path(), IndexSettings::default(), Arc::new(BilingualEmbedder::bundled()?))?;
    let change = |d: &Document| {
        let live = LiveChange::Set(Box::new(d.clone()));
        Change { id: d.id.clone(), live, add_history: Vec::new(), remove_history: Vec::new() }
    };
    index.apply(all.iter().map(change).collect())?;
    let mut same: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for (at, one) in all.iter().enumerate() {
        for other in all.iter().skip(at + 1).filter(|other| group(&one.id) == group(&other.id)) {
            let kind = if one.language == other.language { "copy" } else { "translation" };
            let pair = if one.id < other.id { (&one.id, &other.id) } else { (&other.id, &one.id) };
            same.entry(kind).or_default().insert((pair.0.as_str(), pair.1.as_str()));
        }
    }
    let pairs = index.pairs(FROM, None, usize::MAX)?;
    for (kind, same) in &same {
        let within = |one: &str, other: &str| {
            let language = |id: &str| all.iter().find(|d| d.id == id).map(|d| d.language.as_str());
            (language(one) == language(other)) == (*kind == "copy")
        };
        let found = pairs.iter().filter(|pair| within(&pair.one.id, &pair.other.id));
        let scored = found.map(|p| (p.likeness, same.contains(&(p.one.id.as_str(), p.other.id.as_str()))));
        table(
            &format!("{name}: {} articles, {} pairs that are a {kind}", all.len(), same.len()),
            scored.collect(),
            same.len(),
        );
    }
    Ok(())
}

fn questions(rows: &[Value]) -> Result<(), Failure> {
    let embedder = BilingualEmbedder::bundled()?;
    let mut scored = Vec::with_capacity(rows.len());
    for row in rows {
        let (a, b) = (text(row, "a"), text(row, "b"));
        let vectors = embedder.embed(&[&a, &b], Role::Query)?;
        let cosine = match vectors.as_slice() {
            [a, b] => a.iter().zip(b).map(|(x, y)| x * y).sum(),
            _ => 0.0,
        };
        scored.push((cosine, row.get("same").and_then(Value::as_bool) == Some(true)));
    }
    let same = scored.iter().filter(|(_, same)| *same).count();
    table(&format!("webank_pairs: {} pairs of questions, {same} that ask the same", rows.len()), scored, same);
    Ok(())
}

fn table(name: &str, scored: Vec<(f32, bool)>, same: usize) {
    println!("\n{name}\n\n| likeness from | pairs | precision | recall | F1 |\n| --- | --- | --- | --- | --- |");
    for step in 8..=19 {
        let from = step as f32 / 20.0;
        let taken: Vec<bool> = scored.iter().filter(|(score, _)| *score >= from).map(|(_, same)| *same).collect();
        let right = taken.iter().filter(|same| **same).count() as f64;
        let precision = if taken.is_empty() { 1.0 } else { right / taken.len() as f64 };
        let recall = right / same.max(1) as f64;
        let f1 = if right > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 };
        println!("| {from:.2} | {} | {precision:.3} | {recall:.3} | {f1:.3} |", taken.len());
    }
}
