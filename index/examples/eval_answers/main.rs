//! How often does the quoted text hold the gold answer, and how long is it? Judged reading sets, given the right
//! passage and end to end, beside simple ways of quoting.
//!
//! `ZHIYIN_EVAL_DATA=… cargo run --release -p zhiyin-index --example eval_answers [SET …] [--dump FILE] [--queries N] [--show N] [--hashing]`
//!
//! A set is a name under `eval/` (`NAME.passages.jsonl`, `NAME.queries.jsonl`) or the path of such a pair without its
//! endings. `--show` prints questions whose gold answer was not quoted; `--hashing` takes the hashing
//! embedder for the bundled one; `--dump` writes the signs of every candidate with whether it holds the answer, for
//! `scripts/fit_answers.py`; `ANSWER='{…}'` overrides `index/data/answer.json`.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a program that prints figures and stops at the first surprise"
)]

mod quotes;
mod sets;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use quotes::{Tally, first_sentence, holds, run_of_sentences};
use sets::{Judged, load};
use zhiyin_index::answer::{AnswerSettings, Signs};
use zhiyin_index::embed::{BilingualEmbedder, Embedder, HashEmbedder};
use zhiyin_index::{Hit, Index, IndexSettings, Passage, Query, RankSettings};

const SETS: [&str; 5] = ["cmrc2018_dev", "drcd_dev", "xquad_zh", "xquad_en", "squad2_dev"];
/// Hits that are read for an answer.
const READ: usize = 3;

struct Options {
    sets: Vec<String>,
    dump: Option<String>,
    queries: usize,
    show: usize,
    hashing: bool,
    settings: AnswerSettings,
}

fn options() -> Options {
    let settings = match std::env::var("ANSWER") {
        Ok(text) => serde_json::from_str(&text).unwrap(),
        Err(_) => AnswerSettings::default(),
    };
    let mut options = Options { sets: Vec::new(), dump: None, queries: usize::MAX, show: 0, hashing: false, settings };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--dump" => options.dump = arguments.next(),
            "--queries" => options.queries = arguments.next().and_then(|n| n.parse().ok()).unwrap(),
            "--hashing" => options.hashing = true,
            "--show" => options.show = arguments.next().and_then(|n| n.parse().ok()).unwrap(),
            _ => options.sets.push(argument),
        }
    }
    if options.sets.is_empty() {
        options.sets = SETS.map(String::from).to_vec();
    }
    options
}

/// The hit that a search would give for a document.
fn right(index: &Index, query: &Judged, bodies: &std::collections::HashMap<String, String>) -> Option<Hit> {
    let id = query.relevant.first()?;
    let record = index.record(id, None).unwrap()?;
    let text = bodies[id].clone();
    let end = text.chars().count() as u32;
    let passage = Passage { heading: vec![], text, html: String::new(), start: 0, end };
    Some(Hit { record, score: 1.0, relevance: 1.0, against: 0.0, matched_question: None, passage, explain: None })
}

fn main() {
    let root = std::env::var("ZHIYIN_EVAL_DATA").unwrap_or_default();
    let options = options();
    let mut dump = options.dump.as_ref().map(|path| std::io::BufWriter::new(std::fs::File::create(path).unwrap()));
    let words = AnswerSettings { weights: Signs { words: 10.0, ..Signs::default() }, most: 1, ..options.settings };
    let embedder: Arc<dyn Embedder> = if options.hashing {
        Arc::new(HashEmbedder::default())
    } else {
        Arc::new(BilingualEmbedder::bundled().unwrap())
    };
    for set in &options.sets {
        let (documents, mut queries) = load(Path::new(&root), set);
        queries.truncate(options.queries);
        let bodies = documents.iter().map(|d| (d.id.clone(), d.body.clone())).collect();
        let dir = tempfile::tempdir().unwrap();
        let (index, _) = Index::open(dir.path(), IndexSettings::default(), embedder.clone()).unwrap();
        index.apply(documents.into_iter().map(sets::change).collect()).unwrap();
        let [mut whole, mut first, mut overlap, mut run, mut given, mut end_to_end, mut run_end] =
            [(); 7].map(|()| Tally::default());
        let threshold = RankSettings::default().threshold;
        let (mut unanswerable, mut wrongly) = (0, 0);
        let (mut spent, mut shown) = (0.0, 0);
        for query in &queries {
            let asked = Query { limit: 5, ..Query::new(&query.text) };
            let found = index.search(&asked).unwrap();
            let answered = found.confidence >= threshold;
            if query.answers.is_empty() || query.relevant.is_empty() {
                unanswerable += 1;
                wrongly += usize::from(answered);
                continue;
            }
            let Some(hit) = right(&index, query, &bodies) else { continue };
            let hits = [hit];
            let body = &hits[0].passage.text;
            whole.add(body, &query.answers);
            first.add(first_sentence(body), &query.answers);
            let best = index.answer_candidates(&asked, &hits, &words).unwrap();
            overlap.add(best.first().map_or("", |seen| &seen.text), &query.answers);
            run.add(run_of_sentences(&index, &query.text, body), &query.answers);
            let quote = |hits: &[Hit]| {
                let spans = index.answer(&asked, hits, &options.settings).unwrap();
                spans.into_iter().map(|span| span.text).collect::<Vec<_>>().join("\n")
            };
            let text = quote(&hits);
            given.add(&text, &query.answers);
            if shown < options.show && !query.answers.iter().any(|gold| holds(&text, gold)) {
                shown += 1;
                println!("? {}\n  gold: {}\n  quoted: {text}\n  body: {body}\n", query.text, query.answers.join(" | "));
            }
            let started = Instant::now();
            let read = &found.hits[..found.hits.len().min(READ)];
            let text = if answered { quote(read) } else { String::new() };
            spent += started.elapsed().as_secs_f64();
            end_to_end.add(&text, &query.answers);
            let before = found.hits.first().filter(|_| answered);
            run_end
                .add(before.map_or("", |hit| run_of_sentences(&index, &query.text, &hit.passage.text)), &query.answers);
            if let Some(dump) = &mut dump {
                for seen in index.answer_candidates(&asked, &hits, &options.settings).unwrap() {
                    let good = query.answers.iter().any(|gold| holds(&seen.text, gold) || holds(gold, &seen.text));
                    let values: Vec<String> = seen.signs.values().iter().map(|v| format!("{v:.4}")).collect();
                    writeln!(dump, "{set}\t{}\t{}\t{}", query.id, u8::from(good), values.join("\t")).unwrap();
                }
            }
        }
        println!("{set}: {} answerable questions", whole.asked());
        println!("  {:44} {:>9} {:>9} {:>6} {:>6}", "", "answered", "has gold", "mean", "median");
        whole.print("whole passage");
        first.print("first sentence");
        overlap.print("best sentence by words");
        run.print("best run of sentences (before)");
        given.print("this selection, given the passage");
        run_end.print("end to end, best run of sentences (before)");
        end_to_end.print("end to end, this selection");
        let per = spent * 1e6 / whole.asked().max(1) as f64;
        println!("  {per:.0} µs per answer beside its search; {wrongly} of {unanswerable} unanswerable ones answered");
    }
}
