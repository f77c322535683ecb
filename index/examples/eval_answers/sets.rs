//! Judged reading sets, as files of passages and queries.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use zhiyin_index::{Change, Document, LiveChange};

/// A question with its gold answers and the passage that holds them.
pub struct Judged {
    pub id: String,
    pub text: String,
    pub relevant: Vec<String>,
    pub answers: Vec<String>,
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    text.lines().filter(|l| !l.trim().is_empty()).map(|l| serde_json::from_str(l).unwrap()).collect()
}

fn text(v: &Value, key: &str) -> String {
    v[key].as_str().unwrap_or_default().to_owned()
}

fn texts(v: &Value) -> Vec<String> {
    v.as_array().into_iter().flatten().filter_map(|x| x.as_str().map(str::to_owned)).collect()
}

/// The passages as documents, and the questions.
pub fn load(root: &Path, set: &str) -> (Vec<Document>, Vec<Judged>) {
    let base = if set.contains('/') { PathBuf::from(set) } else { root.join("eval").join(set) };
    let file = |ending: &str| PathBuf::from(format!("{}.{ending}.jsonl", base.display()));
    let documents = lines(&file("passages")).iter().map(document).collect();
    let judged = |q: &Value| Judged {
        id: text(q, "id"),
        text: text(q, "query"),
        relevant: texts(&q["relevant"]),
        answers: texts(&q["answers"]),
    };
    let queries = lines(&file("queries")).iter().map(judged).collect();
    (documents, queries)
}

fn document(passage: &Value) -> Document {
    Document {
        id: text(passage, "id"),
        version: 1,
        // Titles are left out, as when retrieval is measured: the question must find its passage by the text.
        title: String::new(),
        body: text(passage, "text"),
        questions: vec![],
        negative_questions: vec![],
        category: None,
        tags: vec![],
        audience: "public".into(),
        language: "und".into(),
        attributes: BTreeMap::new(),
        from: 0,
        until: None,
    }
}

/// The change that puts a document into an index.
pub fn change(document: Document) -> Change {
    Change {
        id: document.id.clone(),
        live: LiveChange::Set(Box::new(document)),
        add_history: vec![],
        remove_history: vec![],
    }
}
