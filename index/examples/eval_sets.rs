//! How well does the engine rank judged sets? Prints MRR@10 and recall by mode, and what confidence separates.
//!
//! `ZHIYIN_EVAL_DATA=… cargo run --release -p zhiyin-index --example eval_sets [SET …]`; `EXACT=1` without corrections,
//! `SHOW=1` with those that were made.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a program that prints figures and stops at the first surprise"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use zhiyin_index::embed::{BilingualEmbedder, Embedder, HashEmbedder};
use zhiyin_index::{Change, Document, Index, IndexSettings, LiveChange, Mode, Query};

struct Judged {
    text: String,
    relevant: Vec<String>,
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().filter(|l| !l.trim().is_empty()).map(|l| serde_json::from_str(l).unwrap()).collect()
}

fn text(v: &Value, key: &str) -> String {
    v[key].as_str().unwrap_or_default().to_owned()
}

fn texts(v: &Value) -> Vec<String> {
    v.as_array().into_iter().flatten().filter_map(|x| x.as_str().map(str::to_owned)).collect()
}

fn document(id: String, title: String, body: String, questions: Vec<String>) -> Document {
    Document {
        id,
        version: 1,
        title,
        body,
        questions,
        category: None,
        tags: vec![],
        audience: "public".into(),
        language: "zh".into(),
        attributes: BTreeMap::new(),
        from: 0,
        until: None,
    }
}

fn load(root: &Path, set: &str) -> (Vec<Document>, Vec<Judged>) {
    if set == "samples" {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kb-samples");
        let documents = lines(&dir.join("articles.ndjson"))
            .iter()
            .map(|a| {
                let id = text(a, "id");
                let v = a["versions"].as_array().and_then(|v| v.last()).unwrap_or(a).clone();
                document(id, text(&v, "title"), text(&v, "body"), texts(&v["questions"]))
            })
            .collect();
        let queries = lines(&dir.join("queries.ndjson"))
            .iter()
            .map(|q| Judged { text: text(q, "query"), relevant: texts(&q["relevant"]) })
            .collect();
        return (documents, queries);
    }
    let (passages, queries) = match set.split_once(':') {
        Some((q, p)) => (p, q),
        None => (set, set),
    };
    let documents: Vec<Document> = lines(&root.join(format!("eval/{passages}.passages.jsonl")))
        .iter()
        .map(|p| document(text(p, "id"), String::new(), text(p, "text"), vec![]))
        .collect();
    let queries = lines(&root.join(format!("eval/{queries}.queries.jsonl")))
        .iter()
        .map(|q| {
            // Parallel sets: the same position in the other language.
            let relevant = texts(&q["relevant"])
                .iter()
                .map(|r| r.replace(&format!("{}-", set.split(':').next().unwrap()), &format!("{passages}-")))
                .collect();
            Judged { text: text(q, "query"), relevant }
        })
        .collect();
    (documents, queries)
}

fn main() {
    let root = std::env::var("ZHIYIN_EVAL_DATA").unwrap_or_default();
    let mut sets: Vec<String> = std::env::args().skip(1).collect();
    if sets.is_empty() {
        sets = ["samples", "cmrc2018_dev", "drcd_dev", "xquad_zh", "xquad_en", "xquad_zh:xquad_en"]
            .map(String::from)
            .to_vec();
    }
    let dump = std::env::var("DUMP").ok();
    let show = std::env::var("SHOW").is_ok();
    let exact = std::env::var("EXACT").is_ok();
    let mut out = String::new();
    for set in sets {
        let (documents, queries) = load(Path::new(&root), &set);
        let dir = tempfile::tempdir().unwrap();
        let mut settings = IndexSettings::default();
        if let Ok(rank) = std::env::var("RANK") {
            settings.rank = serde_json::from_str(&rank).unwrap();
        }
        let embedder: Arc<dyn Embedder> = if std::env::var("HASH").is_ok() {
            Arc::new(HashEmbedder::default())
        } else {
            Arc::new(BilingualEmbedder::bundled().unwrap())
        };
        if std::env::var("NOLEX").is_err() {
            settings.lexicon = Some(zhiyin_index::Lexicon::bundled());
        }
        let (index, _) = Index::open(dir.path(), settings, embedder).unwrap();
        let changes = documents.into_iter().map(|d| Change {
            id: d.id.clone(),
            live: LiveChange::Set(Box::new(d)),
            add_history: vec![],
            remove_history: vec![],
        });
        index.apply(changes.collect()).unwrap();
        for mode in [Mode::Keyword, Mode::Semantic, Mode::Hybrid] {
            let (mut mrr, mut hit1, mut hit10, mut n) = (0.0, 0, 0, 0);
            let started = std::time::Instant::now();
            for q in &queries {
                let results =
                    index.search(&Query { mode, exact, explain: dump.is_some(), ..Query::new(&q.text) }).unwrap();
                if let (Some(corrected), Mode::Hybrid, true) = (&results.corrected_query, mode, show) {
                    println!("  {} → {corrected}", q.text);
                }
                let place = results.hits.iter().position(|h| q.relevant.contains(&h.record.id));
                if dump.is_some() && mode == Mode::Hybrid {
                    for (i, h) in results.hits.iter().take(3).enumerate() {
                        let e = h.explain.as_ref().unwrap();
                        out += &format!(
                            "{set}\t{i}\t{}\t{}\t{}\t{}\t{}\t{}\n",
                            u8::from(q.relevant.contains(&h.record.id)),
                            u8::from(!q.relevant.is_empty()),
                            e["words"]["share"],
                            e["vectors"]["cosine"].as_f64().unwrap_or(0.0),
                            e["query"]["known"],
                            u8::from(e["passage"]["kind"] == "question")
                        );
                    }
                }
                if q.relevant.is_empty() {
                    continue;
                }
                n += 1;
                if let Some(place) = place {
                    mrr += 1.0 / (place + 1) as f64;
                    hit1 += usize::from(place == 0);
                    hit10 += 1;
                }
            }
            let per = started.elapsed().as_secs_f64() * 1e6 / queries.len() as f64;
            println!(
                "{set:22} {:9} MRR@10 {:.4}  R@1 {:.4}  R@10 {:.4}  {per:.0} µs/query",
                format!("{mode:?}"),
                mrr / n as f64,
                hit1 as f64 / n as f64,
                hit10 as f64 / n as f64
            );
        }
    }
    if let Some(path) = dump {
        std::fs::write(path, out).unwrap();
    }
}
