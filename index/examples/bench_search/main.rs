//! What does a search cost, beside what its parts cost alone? Prints the engine's figures and the floors.
//!
//! `ZHIYIN_EVAL_DATA=… cargo run --release -p zhiyin-index --example bench_search -- [--dir DIR] [passages …]`
//! (default 10000 100000). Corpus: the sections of `$ZHIYIN_EVAL_DATA/kb/*.jsonl`, repeated with words swapped; 1,000
//! questions made of titles, headings and sentences, Chinese and English in turn, 4–25 words. With `--dir` the index stays
//! there and is used again. The environment variable ONLY picks the lines whose name holds it, for a profiler.
//!
//! Invariant: opening, memory and searching are measured in a process of their own, which has never seen the corpus.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a program that prints and may fail loudly"
)]

mod corpus;
mod floors;
mod report;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use corpus::Corpus;
use report::{Times, row, status_mib};
use serde_json::json;
use zhiyin_index::analyzer::Analyzer;
use zhiyin_index::chunk::{ChunkLimits, chunk};
use zhiyin_index::embed::{BilingualEmbedder, EmbedError, Embedder, Role};
use zhiyin_index::{Change, Filter, Index, IndexSettings, Lexicon, LiveChange, Mode, Op, Query, RankSettings};

/// The server's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const QUERIES: usize = 1_000;
const RUNS: usize = 5;
/// Documents in one call of `apply`.
const BATCH: usize = 256;

/// Counts the texts it is given.
struct Counting(BilingualEmbedder, AtomicUsize);

impl Counting {
    fn new() -> Arc<Self> {
        Arc::new(Self(BilingualEmbedder::bundled().unwrap(), AtomicUsize::new(0)))
    }
}

impl Embedder for Counting {
    fn id(&self) -> &str {
        self.0.id()
    }
    fn dimension(&self) -> usize {
        self.0.dimension()
    }
    fn wrapped(&self) -> Option<&dyn Embedder> {
        Some(&self.0)
    }
    fn embed(&self, texts: &[&str], role: Role) -> Result<Vec<Vec<f32>>, EmbedError> {
        self.1.fetch_add(texts.len(), Ordering::Relaxed);
        self.0.embed(texts, role)
    }
}

/// As the service opens its indexes.
fn settings() -> IndexSettings {
    IndexSettings { lexicon: Some(Lexicon::bundled()), ..IndexSettings::default() }
}

fn main() {
    let Some(data) = std::env::var_os("ZHIYIN_EVAL_DATA").map(|d| PathBuf::from(d).join("kb")) else {
        println!("skipped: ZHIYIN_EVAL_DATA does not name a folder with kb/*.jsonl");
        return;
    };
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["search", dir, passages] => return search(Path::new(dir), passages.parse().unwrap()),
        ["floors", dir, passages] => return against(&data, Path::new(dir), passages.parse().unwrap()),
        _ => {}
    }
    let (kept, sizes) = match args.as_slice() {
        ["--dir", dir, sizes @ ..] => (Some(PathBuf::from(dir)), sizes),
        sizes => (None, sizes),
    };
    let sizes: Vec<usize> = sizes.iter().map(|s| s.parse().unwrap()).collect();
    for passages in if sizes.is_empty() { vec![10_000, 100_000] } else { sizes } {
        let temporary = tempfile::tempdir().unwrap();
        let dir = kept.clone().unwrap_or_else(|| temporary.path().to_owned()).join(passages.to_string());
        println!("\n== {passages} passages");
        if !dir.join("queries.json").exists() {
            build(&data, &dir, passages);
        }
        for phase in ["search", "floors"] {
            let arguments = [phase, dir.to_str().unwrap(), &passages.to_string()].map(str::to_owned);
            assert!(Command::new(std::env::current_exe().unwrap()).args(arguments).status().unwrap().success());
        }
    }
}

fn build(data: &Path, dir: &Path, passages: usize) {
    let corpus = Corpus::new(data, passages, QUERIES).unwrap();
    let embedder = Counting::new();
    let (index, _) = Index::open(&dir.join("index"), settings(), embedder.clone()).unwrap();
    let start = Instant::now();
    for part in corpus.documents.chunks(BATCH) {
        let set = |d: &zhiyin_index::Document| Change {
            id: d.id.clone(),
            live: LiveChange::Set(Box::new(d.clone())),
            add_history: vec![],
            remove_history: vec![],
        };
        index.apply(part.iter().map(set).collect()).unwrap();
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "indexed {} documents, {} passages in {seconds:.1} s: {:.0} passages/s, {:.0} documents/s (analysis and embedding on all cores)",
        corpus.documents.len(),
        corpus.passages,
        corpus.passages as f64 / seconds,
        corpus.documents.len() as f64 / seconds,
    );
    let start = Instant::now();
    let done = index.maintain().unwrap();
    println!("maintenance {:.1} s: {}", start.elapsed().as_secs_f64(), done.unwrap_or_default());
    std::fs::write(dir.join("queries.json"), serde_json::to_vec(&corpus.queries).unwrap()).unwrap();
}

fn below(share: u32) -> Option<Filter> {
    Some(Filter::condition("attributes.share", Op::Lt, json!(share)))
}

/// Opens what is there, as a restart does, and searches it.
fn search(dir: &Path, passages: usize) {
    let embedder = Counting::new();
    let before = status_mib("VmRSS");
    let start = Instant::now();
    let (index, opened) = Index::open(&dir.join("index"), settings(), embedder.clone()).unwrap();
    let ready = start.elapsed().as_secs_f64();
    let embedded = embedder.1.load(Ordering::Relaxed);
    let stats = index.stats();
    assert!(
        stats.passages as usize >= passages,
        "the index of another program version; take it away: {}",
        dir.display()
    );
    println!("opened in {ready:.2} s ({opened:?}), {embedded} texts embedded; {stats:?}");
    let queries: Vec<String> = serde_json::from_slice(&std::fs::read(dir.join("queries.json")).unwrap()).unwrap();
    let only = std::env::var("ONLY").unwrap_or_default();
    let ask = |name: &str, change: &dyn Fn(&mut Query)| {
        if !name.contains(&only) {
            return Times::of(0, 0, |_| ());
        }
        let asked: Vec<Query> = queries
            .iter()
            .map(|text| {
                let mut query = Query::new(text);
                change(&mut query);
                query
            })
            .collect();
        let times = Times::of(asked.len(), RUNS, |at| index.search(&asked[at]).unwrap());
        times.line(name);
        times.first_line("  the first time");
        times
    };
    let hybrid = ask("hybrid", &|_| {});
    let resident = status_mib("VmRSS");
    println!(
        "resident {resident:.0} MiB after 6,000 searches: {:.0} MiB of it private, {:.0} MiB mapped files, {before:.0} MiB before opening",
        status_mib("RssAnon"),
        status_mib("RssFile"),
    );
    ask("keyword", &|q| q.mode = Mode::Keyword);
    ask("semantic", &|q| q.mode = Mode::Semantic);
    let public = || Some(Filter::condition("audience", Op::Eq, json!("public")));
    ask("hybrid, audience filter that 95 % pass", &|q| q.filter = public());
    ask("hybrid, filter that 10 % pass", &|q| q.filter = below(10));
    ask("hybrid, filter that 1 % pass", &|q| q.filter = below(1));
    ask("hybrid, facets category and tags", &|q| q.facets = vec!["category".into(), "tags".into()]);
    let typed: Vec<String> = queries.iter().map(|q| q.chars().take(4).collect()).collect();
    Times::of(typed.len(), RUNS, |at| index.suggest(&typed[at], 8, None).unwrap()).line("suggest, four characters");
    if "two threads".contains(&only) {
        together(&index, &queries);
    }
    let (p50, p99) = (hybrid.at(0.5), hybrid.at(0.99));
    row(&format!("engine hybrid p50, {passages} passages"), "≤ 2 ms", &format!("{:.2} ms", p50 / 1e3), p50 <= 2e3);
    row(&format!("engine hybrid p99, {passages} passages"), "≤ 10 ms", &format!("{:.2} ms", p99 / 1e3), p99 <= 1e4);
    row(
        &format!("engine hybrid p99 / p50, {passages} passages"),
        "≤ 5",
        &format!("{:.1}", p99 / p50),
        p99 <= 5.0 * p50,
    );
    row(
        &format!("engine opens, {passages} passages, texts embedded"),
        "≤ 3 s, 0",
        &format!("{ready:.2} s, {embedded}"),
        ready <= 3.0 && embedded == 0,
    );
    row(
        &format!("engine resident, {passages} passages"),
        "≤ 700 MB",
        &format!("{resident:.0} MiB"),
        resident * 1.048_576 <= 700.0,
    );
}

/// Two threads at once, one stream of queries each.
fn together(index: &Index, queries: &[String]) {
    let start = Instant::now();
    std::thread::scope(|scope| {
        for half in 0..2 {
            scope.spawn(move || {
                for text in queries.iter().skip(half).step_by(2).chain(queries.iter().skip(1 - half).step_by(2)) {
                    index.search(&Query::new(text)).unwrap();
                }
            });
        }
    });
    println!("hybrid, two threads: {:.0} queries/s", 2.0 * queries.len() as f64 / start.elapsed().as_secs_f64());
}

/// The engine beside the floors, in one process and with the same terms and vectors.
fn against(data: &Path, dir: &Path, passages: usize) {
    let corpus = Corpus::new(data, passages, QUERIES).unwrap();
    let (analyzer, embedder, rank) = (Analyzer::new(), BilingualEmbedder::bundled().unwrap(), RankSettings::default());
    let texts: Vec<&str> = corpus.queries.iter().map(String::as_str).collect();
    let count = texts.len();
    Times::of(count, RUNS, |at| analyzer.query_terms(texts[at])).line("  analysis of the query");
    Times::of(count, RUNS, |at| embedder.embed(&[texts[at]], Role::Query)).line("  embedding of the query");
    let floor = dir.join("floor");
    let _ = std::fs::remove_dir_all(&floor);
    let words = floors::Words::new(&floor, &corpus.documents, BATCH).unwrap();
    let plain: Vec<_> = texts.iter().map(|t| words.body_only(&analyzer, t)).collect();
    let weighted: Vec<_> = texts.iter().map(|t| words.weighted(&analyzer, t, &rank)).collect();
    println!("raw tantivy has {} segments", words.segments());
    let body = Times::of(count, RUNS, |at| words.top(&plain[at]));
    body.line("raw tantivy top 10, words in the body");
    let lexical = Times::of(count, RUNS, |at| words.top(&weighted[at]));
    lexical.line("raw tantivy top 10, the engine's clauses");
    let vectors = corpus_vectors(&corpus, &embedder);
    let asked: Vec<Vec<f32>> = texts.iter().map(|t| embedder.embed(&[t], Role::Query).unwrap().remove(0)).collect();
    let start = Instant::now();
    let mut dense = floors::Vectors::new(&vectors, true);
    println!("hnsw_rs over {} vectors built in {:.0} s", vectors.len(), start.elapsed().as_secs_f64());
    let recall = dense.tune(&asked[..200]);
    let walk = Times::of(count, RUNS, |at| dense.walk(&asked[at], dense.breadth));
    walk.line(&format!("raw hnsw_rs top 10, ef {}, recall {recall:.3}", dense.breadth));
    let scan = Times::of(count, RUNS, |at| dense.scan(&asked[at]));
    scan.line("raw exact scan of 8-bit codes, top 10");
    let (index, _) = Index::open(&dir.join("index"), settings(), Arc::new(embedder)).unwrap();
    let hybrid = Times::of(count, RUNS, |at| index.search(&Query::new(texts[at])).unwrap());
    hybrid.line("engine hybrid, in the same process");
    // The stricter floor: whichever vector search is faster.
    let vector = if walk.mean() < scan.mean() { &walk } else { &scan };
    for (name, tantivy) in [("the engine's clauses", &lexical), ("words in the body alone", &body)] {
        let middle = hybrid.at(0.5) / (tantivy.at(0.5) + vector.at(0.5));
        let mean = hybrid.mean() / (tantivy.mean() + vector.mean());
        let what = format!("engine hybrid / (raw tantivy, {name} + raw vectors), {passages} passages");
        row(&what, "≤ 1.5", &format!("{middle:.2} (of the means {mean:.2})"), middle <= 1.5);
    }
}

fn corpus_vectors(corpus: &Corpus, embedder: &BilingualEmbedder) -> Vec<Vec<f32>> {
    let mut all = Vec::with_capacity(corpus.passages);
    for document in &corpus.documents {
        for piece in chunk(&document.body, &ChunkLimits::default()) {
            let text = format!("{}\n{}\n{}", document.title, piece.heading.join(" / "), &document.body[piece.bytes]);
            all.extend(embedder.embed(&[&text], Role::Passage).unwrap());
        }
    }
    all
}
