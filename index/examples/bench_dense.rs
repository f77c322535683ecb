//! What do dense searches cost, and where does the graph begin to pay? Prints the tables that `dense` quotes.
//!
//! `cargo run --release -p zhiyin-index --example bench_dense -- [rows …]` (default 5000 10000 20000 50000 100000).
//! The environment variables BREADTH, BUILD, LINKS and PLACED override the settings of those names.
//! Vectors: `HashEmbedder` over made-up bilingual passages on Zipf-distributed topics, three in ten a changed copy of an earlier one.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a program that prints and may fail loudly"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};
use zhiyin_index::bitset::DocSet;
use zhiyin_index::dense::{Code, Dense, DenseHit, DenseSettings, DenseSnapshot, PreparedQuery};
use zhiyin_index::embed::{Embedder, HashEmbedder, Role};

const K: usize = 10;
const QUERIES: usize = 200;
const PASSAGES_A_DOCUMENT: u64 = 5;

struct Stream(u64);

impl Stream {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// Small numbers often, large ones seldom.
    fn zipf(&mut self, n: usize) -> usize {
        let u = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
        ((n as f64).powf(u) as usize).saturating_sub(1).min(n - 1)
    }
}

/// Made-up words, topics over them, and passages about topics.
struct Corpus {
    words: Vec<String>,
    passages: Vec<Vec<usize>>,
}

impl Corpus {
    fn new(passages: usize) -> Self {
        let mut s = Stream(42);
        let words: Vec<String> = (0..30_000).map(|i| if i % 2 == 0 { latin(&mut s) } else { han(&mut s) }).collect();
        let topics: Vec<Vec<usize>> = (0..800).map(|_| (0..60).map(|_| s.below(words.len())).collect()).collect();
        let mut all: Vec<Vec<usize>> = Vec::with_capacity(passages);
        for i in 0..passages {
            let copied = i > 100 && s.below(10) < 3;
            let topic = &topics[s.zipf(topics.len())];
            let fresh = |s: &mut Stream| if s.below(10) < 6 { topic[s.zipf(topic.len())] } else { s.zipf(words.len()) };
            let next = if copied {
                let earlier = all[s.below(i)].clone();
                earlier.into_iter().map(|w| if s.below(8) == 0 { fresh(&mut s) } else { w }).collect()
            } else {
                (0..30 + s.below(90)).map(|_| fresh(&mut s)).collect()
            };
            all.push(next);
        }
        Self { words, passages: all }
    }

    fn text(&self, words: &[usize]) -> String {
        words.iter().map(|w| self.words[*w].as_str()).collect::<Vec<_>>().join(" ")
    }

    /// A few words of one passage.
    fn query(&self, s: &mut Stream) -> String {
        let passage = &self.passages[s.below(self.passages.len())];
        let words: Vec<usize> = (0..4 + s.below(5)).map(|_| passage[s.below(passage.len())]).collect();
        self.text(&words)
    }
}

fn latin(s: &mut Stream) -> String {
    (0..2 + s.below(3))
        .map(|_| ["ba", "co", "der", "fi", "lan", "mo", "ter", "ing", "re", "su", "pro", "xi"][s.below(12)])
        .collect()
}

fn han(s: &mut Stream) -> String {
    (0..2 + s.below(2)).filter_map(|_| char::from_u32(0x4e00 + s.zipf(3_000) as u32)).collect()
}

fn passage(i: usize) -> u64 {
    let i = i as u64;
    (i / PASSAGES_A_DOCUMENT) << 16 | (i % PASSAGES_A_DOCUMENT)
}

fn microseconds(mut each: impl FnMut(usize)) -> f64 {
    each(0);
    let mut times: Vec<Duration> = Vec::with_capacity(QUERIES);
    for i in 0..QUERIES {
        let start = Instant::now();
        each(i);
        times.push(start.elapsed());
    }
    times.sort();
    times[QUERIES / 2].as_secs_f64() * 1e6
}

fn recall(found: &[DenseHit], exact: &[DenseHit]) -> f64 {
    let bar = exact.last().map_or(0.0, |h| h.cosine);
    found.iter().filter(|h| h.cosine >= bar).count() as f64 / exact.len().max(1) as f64
}

fn average(of: impl Iterator<Item = f64>) -> f64 {
    let all: Vec<f64> = of.collect();
    all.iter().sum::<f64>() / all.len().max(1) as f64
}

/// Documents of which about one in `divisor` is accepted.
fn accepted(documents: u32, divisor: u32) -> Option<DocSet> {
    (divisor > 1)
        .then(|| (0..documents).filter(|d| d.wrapping_mul(0x9e37_79b1) >> 8 < u32::MAX / 256 / divisor).collect())
}

fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmRSS"));
    line.and_then(|l| l.split_whitespace().nth(1)?.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(otherwise)
}

fn main() {
    let asked: Vec<usize> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let sizes = if asked.is_empty() { vec![5_000, 10_000, 20_000, 50_000, 100_000] } else { asked };
    let corpus = Corpus::new(sizes.iter().copied().max().unwrap());
    let embedder = HashEmbedder::default();
    embedding(&corpus, &embedder);
    let texts: Vec<String> = corpus.passages.iter().map(|p| corpus.text(p)).collect();
    let codes: Vec<Code> =
        texts.iter().map(|t| Code::quantize(&embedder.embed(&[t], Role::Passage).unwrap()[0])).collect();
    let mut s = Stream(7);
    let queries: Vec<Vec<f32>> =
        (0..QUERIES).map(|_| embedder.embed(&[&corpus.query(&mut s)], Role::Query).unwrap().remove(0)).collect();
    scanning(&codes, &queries);
    for rows in sizes {
        shelf(&codes[..rows], &queries);
    }
}

fn embedding(corpus: &Corpus, embedder: &HashEmbedder) {
    let mut s = Stream(1);
    let queries: Vec<String> = (0..QUERIES).map(|_| corpus.query(&mut s)).collect();
    let passages: Vec<String> =
        corpus.passages.iter().filter(|p| p.len() > 110).take(QUERIES).map(|p| corpus.text(p)).collect();
    let time =
        |texts: &[String]| microseconds(|i| drop(black_box(embedder.embed(&[&texts[i % texts.len()]], Role::Query))));
    println!(
        "embed: a query of 4-8 words {:.1} µs, a passage of 110-119 words {:.0} µs",
        time(&queries),
        time(&passages)
    );
}

/// The kernel against the same loop compiled for the base instruction set.
fn scanning(codes: &[Code], queries: &[Vec<f32>]) {
    let rows = codes.len().min(10_000);
    let flat: Vec<i8> = codes[..rows].iter().flat_map(|c| c.values.iter().copied()).collect();
    let dimension = codes[0].values.len();
    let queries_i8: Vec<Code> = queries.iter().map(|q| Code::quantize(q)).collect();
    let plain = microseconds(|i| {
        let query = &queries_i8[i].values;
        let best = flat
            .chunks_exact(dimension)
            .map(|row| row.iter().zip(query).map(|(x, y)| i32::from(*x) * i32::from(*y)).sum::<i32>())
            .max();
        black_box(best);
    });
    let dense = filled(&codes[..rows], DenseSettings { graph_from: usize::MAX, ..DenseSettings::default() });
    let snapshot = dense.snapshot();
    let prepared: Vec<PreparedQuery> = queries.iter().map(|q| snapshot.prepare(q)).collect();
    let ours = microseconds(|i| drop(black_box(snapshot.search_exact(&prepared[i], K, None))));
    println!(
        "scan of {rows} rows: plain loop {plain:.0} µs, kernel with collection {ours:.0} µs, ratio {:.1}",
        plain / ours
    );
}

fn filled(codes: &[Code], settings: DenseSettings) -> Dense {
    let dense = Dense::new(256, settings);
    dense.insert(codes.iter().enumerate().map(|(i, c)| (passage(i), c.clone())));
    dense
}

fn shelf(codes: &[Code], queries: &[Vec<f32>]) {
    let settings = DenseSettings {
        graph_from: 1,
        walk_cost: Some(0),
        search_breadth: number("BREADTH", 512),
        placed: number("PLACED", 20_000),
        build_breadth: number("BUILD", 128),
        links: number("LINKS", 16),
        ..DenseSettings::default()
    };
    let before = resident_mib();
    let dense = filled(codes, settings.clone());
    let rows_only = dense.stats().bytes;
    let start = Instant::now();
    let done = dense.maintain().unwrap();
    let built = start.elapsed().as_secs_f64();
    let stats = dense.stats();
    println!(
        "\n== {} rows: build {built:.1} s (one thread; {} rows repaired), {} + {} bytes a row, resident +{:.0} MiB",
        codes.len(),
        done.repaired,
        rows_only / codes.len(),
        (stats.bytes - rows_only) / codes.len(),
        resident_mib() - before,
    );
    files(&dense, codes, &settings);
    writes(&dense, codes);
    let documents = (codes.len() as u64).div_ceil(PASSAGES_A_DOCUMENT) as u32;
    println!("accepted |   scan µs |  graph µs | scan ÷ graph | recall@{K}");
    for divisor in [1, 2, 5, 10, 30, 100, 1000] {
        let accept = accepted(documents, divisor);
        line(&dense.snapshot(), queries, accept.as_ref(), &format!("1/{divisor}"));
    }
    decay(&dense, documents, queries);
}

fn line(snapshot: &DenseSnapshot, queries: &[Vec<f32>], accept: Option<&DocSet>, name: &str) {
    let prepared: Vec<PreparedQuery> = queries.iter().map(|q| snapshot.prepare(q)).collect();
    let scan = microseconds(|i| drop(black_box(snapshot.search_exact(&prepared[i], K, accept))));
    let walk = microseconds(|i| drop(black_box(snapshot.search(&prepared[i], K, accept))));
    let met =
        average(prepared.iter().map(|q| recall(&snapshot.search(q, K, accept), &snapshot.search_exact(q, K, accept))));
    println!("{name:>8} | {scan:9.0} | {walk:9.0} | {:12.2} | {met:9.3}", scan / walk);
}

fn files(dense: &Dense, codes: &[Code], settings: &DenseSettings) {
    let dir = tempfile::tempdir().unwrap();
    let start = Instant::now();
    dense.save(dir.path()).unwrap();
    let saved = start.elapsed().as_secs_f64() * 1e3;
    let start = Instant::now();
    let again = filled(codes, settings.clone());
    let inserted = start.elapsed().as_secs_f64() * 1e3;
    let start = Instant::now();
    let fits = again.load_graph(dir.path()).unwrap();
    println!(
        "save {saved:.0} ms; after a restart: insert {inserted:.0} ms, load the graph {:.0} ms (fits: {fits})",
        start.elapsed().as_secs_f64() * 1e3
    );
}

/// One passage in and out again, and the tail linked in.
fn writes(dense: &Dense, codes: &[Code]) {
    let new = passage(codes.len() + 50_000_000);
    let change = microseconds(|i| {
        dense.insert([(new, codes[i].clone())]);
        dense.remove(&[new]);
    });
    dense.insert((0..1_500).map(|i| (passage(codes.len() + 60_000_000 + i), codes[i * 3 % codes.len()].clone())));
    let start = Instant::now();
    let linked = dense.maintain().unwrap().linked.max(1);
    println!(
        "insert and remove one passage {change:.0} µs; link {linked} rows {:.0} µs a row",
        start.elapsed().as_secs_f64() * 1e6 / linked as f64
    );
    dense.remove(&(0..1_500).map(|i| passage(codes.len() + 60_000_000 + i)).collect::<Vec<_>>());
}

fn decay(dense: &Dense, documents: u32, queries: &[Vec<f32>]) {
    let mut gone = DocSet::new();
    for tenths in [1, 2, 3, 4, 5, 6, 7] {
        let dying: Vec<u32> =
            (0..documents).filter(|d| (d.wrapping_mul(0x85eb_ca6b) >> 8) % 10 < tenths && gone.insert(*d)).collect();
        let passages: Vec<u64> =
            dying.iter().flat_map(|d| (0..PASSAGES_A_DOCUMENT).map(|o| u64::from(*d) << 16 | o)).collect();
        dense.remove(&passages);
        line(&dense.snapshot(), queries, None, &format!("dead .{tenths}"));
    }
}
