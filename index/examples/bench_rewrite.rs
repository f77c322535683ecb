//! What do corrections cost? Queries spelled right with and without them in turn, misspelled ones, and suggestions.
//!
//! `ZHIYIN_EVAL_DATA=… cargo run --release -p zhiyin-index --example bench_rewrite -- [PASSAGES]` (default 100000).
//! Corpus: the sections of `$ZHIYIN_EVAL_DATA/kb/*.jsonl`, repeated.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a program that prints and may fail loudly"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;
use zhiyin_index::dense::DenseSettings;
use zhiyin_index::embed::HashEmbedder;
use zhiyin_index::{Change, Document, Index, IndexSettings, LiveChange, Mode, Query};

const MISSPELLED: [&str; 12] = [
    "shujuku lianjie",
    "zhishiku",
    "gongzuoliu",
    "zsk",
    "知识酷",
    "数据苦连接",
    "配制环境变量",
    "authentcation eror",
    "enviroment varible",
    "databse conection",
    "bootlaoder",
    "seral monitr",
];
const TYPED: [&str; 8] = ["zhis", "gongzuo", "sjk", "知shi", "pei zhi", "ard", "how to", "知识库"];

fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

fn row(name: &str, mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!("{name:44} p50 {:8.0} µs  p95 {:8.0}  p99 {:8.0}", at(0.5), at(0.95), at(0.99));
}

/// The sections, and their titles as queries.
fn sections(data: &Path) -> (Vec<Document>, Vec<String>) {
    let mut documents = Vec::new();
    let mut queries = Vec::new();
    for name in ["dify_docs", "arduino_help"] {
        let text = std::fs::read_to_string(data.join(format!("kb/{name}.jsonl"))).unwrap();
        for line in text.lines() {
            let section: Value = serde_json::from_str(line).unwrap();
            let headings = section["headings"].as_array().into_iter().flatten().filter_map(|h| h.as_str());
            let title = section["title"].as_str().unwrap();
            let title = [title].into_iter().chain(headings).collect::<Vec<_>>().join(" ");
            queries.push(title.chars().take(60).collect());
            documents.push(Document {
                id: documents.len().to_string(),
                version: 1,
                title,
                body: section["body"].as_str().unwrap().to_owned(),
                questions: vec![],
                negative_questions: vec![],
                category: None,
                tags: vec![],
                audience: "public".into(),
                language: section["lang"].as_str().unwrap().to_owned(),
                attributes: BTreeMap::new(),
                from: 0,
                until: None,
            });
        }
    }
    (documents, queries.into_iter().step_by(6).collect())
}

fn main() {
    let Ok(data) = std::env::var("ZHIYIN_EVAL_DATA") else {
        println!("skipped: ZHIYIN_EVAL_DATA does not name a folder with kb/*.jsonl");
        return;
    };
    let wanted: u64 = std::env::args().nth(1).map_or(100_000, |n| n.parse().unwrap());
    let (documents, queries) = sections(Path::new(&data));
    let dir = tempfile::tempdir().unwrap();
    // No graph: vectors take no part.
    let dense = DenseSettings { graph_from: usize::MAX, ..DenseSettings::default() };
    let settings = IndexSettings { dense, ..IndexSettings::default() };
    let (index, _) = Index::open(dir.path(), settings, Arc::new(HashEmbedder::default())).unwrap();
    let mut copies = 0;
    while index.stats().passages < wanted {
        for part in documents.chunks(512) {
            let set = |d: &Document| {
                let document = Document { id: format!("{}-{copies}", d.id), ..d.clone() };
                let (id, live) = (document.id.clone(), LiveChange::Set(Box::new(document)));
                Change { id, live, add_history: vec![], remove_history: vec![] }
            };
            index.apply(part.iter().map(set).collect()).unwrap();
            if index.stats().passages >= wanted {
                break;
            }
        }
        copies += 1;
    }
    println!("{:?}", index.stats());
    let timed = |query: &Query| {
        let start = Instant::now();
        let results = index.search(query).unwrap();
        (start.elapsed().as_secs_f64() * 1e6, results)
    };
    let keyword = |text: &str, exact: bool| Query { mode: Mode::Keyword, exact, ..Query::new(text) };
    timed(&keyword("退货", true));
    let before = resident();
    let start = Instant::now();
    index.maintain().unwrap();
    let seconds = start.elapsed().as_secs_f64();
    let bytes = index.stats().vocabulary_bytes as f64 / 1_048_576.0;
    println!("words and sounds made in {seconds:.2} s: words {bytes:.1} MiB, resident {:+.1} MiB", resident() - before);
    let (mut with, mut without, mut corrected) = (Vec::new(), Vec::new(), 0);
    for _ in 0..2 {
        for query in &queries {
            without.push(timed(&keyword(query, true)).0);
            let (time, results) = timed(&keyword(query, false));
            corrected += usize::from(results.corrected_query.is_some());
            with.push(time);
        }
    }
    row("keyword, taken as written", without);
    row("keyword, corrected where unknown", with);
    println!("{} of {} queries were corrected", corrected / 2, queries.len());
    let mut times = Vec::new();
    for _ in 0..20 {
        times.extend(MISSPELLED.iter().map(|text| timed(&keyword(text, false)).0));
    }
    row("keyword, misspelled", times);
    for text in MISSPELLED {
        println!("  {text} → {:?}", timed(&keyword(text, false)).1.corrected_query);
    }
    for text in TYPED {
        let mut times = Vec::new();
        for _ in 0..50 {
            let start = Instant::now();
            index.suggest(text, 8, None).unwrap();
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
        row(&format!("suggest {text}"), times);
    }
}
