//! Does `zhiyin eval` tell good ranking from bad? The built binary, run for real on the samples and on files.
//!
//! Invariant: figures are read from the report that it writes, as users would.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

fn eval(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zhiyin"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ZHIYIN_")) {
        command.env_remove(name);
    }
    command.arg("eval").args(words).current_dir(folder).output().unwrap()
}

fn good(folder: &Path, words: &[&str]) -> String {
    let output = eval(folder, words);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refused(folder: &Path, words: &[&str]) -> String {
    let output = eval(folder, words);
    assert!(!output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn mode<'a>(report: &'a Value, name: &str) -> &'a Value {
    let modes = report["sets"][0]["modes"].as_array().unwrap();
    modes.iter().find(|mode| mode["mode"] == name).unwrap()
}

#[test]
fn a_broken_ranking_is_told_from_a_whole_one() {
    let dir = folder(&[]);
    let own = dir.path().join("own.json");
    let table = good(dir.path(), &["samples", "--report", "own.json", "--limit", "150"]);
    for part in ["samples", "nDCG@10", "MRR@10", "AUROC", "keyword", "semantic", "hybrid"] {
        assert!(table.contains(part), "{part} in {table}");
    }
    let report = read(&own);
    assert_eq!(report["measures"].as_array().unwrap().len(), 5);
    let (set, hybrid) = (&report["sets"][0], mode(&report, "hybrid"));
    assert_eq!((set["queries"].as_u64(), hybrid["outcomes"].as_array().unwrap().len()), (Some(150), 150));
    for measure in hybrid["measures"].as_array().unwrap() {
        let [low, mean, high] = ["low", "mean", "high"].map(|field| measure[field].as_f64().unwrap());
        assert!(0.0 <= low && low <= mean && mean <= high && high <= 1.0, "{measure}");
    }
    let auroc = hybrid["confidence"]["auroc"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&auroc));
    let answerable = hybrid["outcomes"].as_array().unwrap().iter().filter(|o| o["answerable"] == true).count();
    assert_eq!(set["answerable"].as_u64(), Some(answerable as u64));

    // Words that count against the passage that holds them: no ranking can be worse.
    let broken = r#"{"title":-1,"questions":-1,"headings":-1,"body":-1,"grams":-1,"candidates":10}"#;
    let broken =
        ["samples", "--mode", "keyword", "--limit", "150", "--rank", broken, "--compare", "own.json", "--json"];
    let compared: Value = serde_json::from_str(&good(dir.path(), &broken)).unwrap();
    let mrr = &compared["compared"][0]["measures"][1];
    assert_eq!(compared["compared"][0]["mode"], "keyword");
    assert!(mrr["high"].as_f64() < Some(0.0) && mrr["p"].as_f64() < Some(0.01), "{mrr}");
    // The same run again differs in nothing.
    let same = ["samples", "--mode", "hybrid", "--limit", "150", "--compare", "own.json", "--json"];
    let same: Value = serde_json::from_str(&good(dir.path(), &same)).unwrap();
    assert_eq!(same["compared"][0]["measures"][1]["mean"], 0.0);
}

#[test]
fn files_of_ones_own_are_measured() {
    let passages = "{\"id\": \"a\", \"title\": \"Returns\", \"text\": \"You may return a phone within 15 days.\"}\n\
                    {\"id\": \"b\", \"text\": \"Shipping costs 12 yuan.\"}\n{\"id\": \"c\", \"text\": \"退货运费由顾客承担。\"}\n";
    let queries = "{\"id\": \"1\", \"query\": \"return a phone\", \"relevant\": [\"a\"]}\n\
                   {\"id\": \"2\", \"query\": \"退货运费谁出\", \"relevant\": [\"c\"]}\n\
                   {\"id\": \"3\", \"query\": \"zebra\", \"relevant\": []}\n";
    let dir = folder(&[("p.jsonl", passages), ("q.jsonl", queries)]);
    let files = ["--passages", "p.jsonl", "--queries", "q.jsonl"];
    let more = ["--report", "r.json", "--dump", "d.jsonl", "--mode", "keyword,hybrid", "--ablate"];
    let table = good(dir.path(), &[&files[..], &more].concat());
    assert!(table.contains("without one feature") && table.contains("no bigrams"), "{table}");
    let report = read(&dir.path().join("r.json"));
    assert_eq!(mode(&report, "keyword")["measures"][1]["mean"], 1.0);
    assert_eq!(mode(&report, "keyword")["confidence"]["auroc"], 1.0);
    let dump = fs::read_to_string(dir.path().join("d.jsonl")).unwrap();
    let lines: Vec<Value> = dump.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    let first = &lines[0]["candidates"][0];
    assert_eq!((&first["id"], &first["relevant"]), (&Value::from("a"), &Value::from(true)));
    for feature in ["share", "bm25", "cosine", "words_rank", "vectors_rank", "question", "chars", "fields", "covered"] {
        assert!(first.get(feature).is_some(), "{feature} in {first}");
    }
    for feature in ["ideal", "known"] {
        assert!(lines[0]["features"][feature].is_number(), "{feature} in {}", lines[0]["features"]);
    }
    let half = good(dir.path(), &[&files[..], &["--remove-half", "--json"]].concat());
    let half: Value = serde_json::from_str(&half).unwrap();
    assert_eq!(half["sets"][0]["passages"], 2);
    assert!(half["sets"][0]["answerable"].as_u64() < Some(2));
}

#[cfg(feature = "transformer")]
#[test]
fn models_of_ones_own_make_vectors_and_order_hits() {
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/index/tests/data/models");
    let (model, reranker) = (format!("{models}/tiny-bert"), format!("{models}/tiny-bert-reranker"));
    let dir = folder(&[]);
    let words = ["samples", "--limit", "12", "--json", "--model", &model, "--reranker", &reranker];
    let report: Value = serde_json::from_str(&good(dir.path(), &words)).unwrap();
    assert_ne!(report["model"], "hash-v1-256");
    let names: Vec<&Value> = report["sets"][0]["modes"].as_array().unwrap().iter().map(|m| &m["mode"]).collect();
    assert_eq!(names, ["keyword", "semantic", "hybrid", "rerank"]);
    // A reranker orders what was found: what is found does not change beyond its reach.
    let recall = |name: &str| mode(&report, name)["measures"][4]["mean"].clone();
    assert_eq!(recall("rerank"), recall("hybrid"));
    let told = refused(dir.path(), &["samples", "--mode", "rerank"]);
    assert!(told.contains("--reranker"), "{told}");
    let told = refused(dir.path(), &["samples", "--model", &format!("{models}/..")]);
    assert!(told.contains("config.json"), "{told}");
}

#[test]
fn what_cannot_be_measured_is_named() {
    let dir = folder(&[
        ("p.jsonl", "{\"id\": \"a\", \"text\": \"one\"}\n{\"id\": \"a\", \"text\": \"two\"}\nnonsense\n"),
        ("good.jsonl", "{\"id\": \"a\", \"text\": \"one\"}\n"),
        ("q.jsonl", "{\"query\": \"x\", \"relevant\": [\"b\"]}\n"),
    ]);
    let told = refused(dir.path(), &["--passages", "p.jsonl", "--queries", "q.jsonl"]);
    assert!(told.contains("p.jsonl:2:") && told.contains("p.jsonl:3:"), "{told}");
    let told = refused(dir.path(), &["--passages", "good.jsonl", "--queries", "q.jsonl"]);
    assert!(told.contains("q.jsonl:1:") && told.contains("'b'"), "{told}");
    for (words, why) in [
        (vec!["--passages", "good.jsonl"], "--queries"),
        (vec!["nothing"], "--data"),
        (vec!["samples", "--rank", "{\"titel\": 1}"], "titel"),
        (vec!["samples", "--rank", "{"], "no JSON"),
        (vec!["samples", "--mode", "best"], "no mode 'best'"),
        (vec!["samples", "--model", "nothing"], "no model 'nothing'"),
        (vec!["samples", "--compare", "q.jsonl"], "q.jsonl:1"),
        (vec!["--beir", "nowhere"], "corpus.jsonl"),
        (vec!["--squad", "good.jsonl"], "good.jsonl:1: is no SQuAD file"),
    ] {
        let told = refused(dir.path(), &words);
        assert!(told.contains(why), "{words:?}: {told}");
    }
}
