//! `zhiyin classify` and `zhiyin classifier`: which label a text has, and what that is learned from.
//!
//! Invariant: a label is never printed without its probability, nor a text without that of having none.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::article::items;
use super::client::{Request, encode};
use super::connection::{Connection, Directory, InSpace};
use super::out::Out;
use super::text::{self, joined, one_line, percent, time};

/// Say which label texts have, or that they have none.
///
/// Labels are learned from the space's own articles (their categories, or the articles themselves), from a classifier of
/// the space, or from a file of examples.
///
/// Examples:
///   zhiyin classify 退货的运费谁出
///   zhiyin classify "where is my parcel" --labels-from questions --top 5
///   zhiyin classify "book me a table" --classifier intents
///   zhiyin classify "book me a table" --examples intents.ndjson
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Classify {
    /// What to classify; each argument is one text.
    #[arg(required = true, value_name = "TEXT")]
    texts: Vec<String>,
    /// Learn from the space's own articles: categories or questions.
    #[arg(long, value_name = "WHAT", conflicts_with_all = ["classifier", "examples"])]
    labels_from: Option<String>,
    /// A classifier of the space.
    #[arg(long, value_name = "NAME", conflicts_with = "examples")]
    classifier: Option<String>,
    /// A file with one example a line: {"text": …, "label": …}.
    #[arg(long, value_name = "FILE")]
    examples: Option<PathBuf>,
    /// Labels shown of each text.
    #[arg(long, default_value_t = 3)]
    top: u32,
    #[command(flatten)]
    space: InSpace,
    #[command(flatten)]
    connection: Connection,
}

impl Classify {
    /// Asks and prints the labels.
    ///
    /// # Errors
    /// What the server or the output refuses, and a file that cannot be read.
    pub fn run(self) -> Result<()> {
        let examples = self.examples.as_ref().map(read_examples).transpose()?;
        let mut body = json!({ "texts": self.texts, "top": self.top });
        let given = [
            ("labels_from", self.labels_from.map(Value::from)),
            ("classifier", self.classifier.map(Value::from)),
            ("examples", examples.map(Value::from)),
        ];
        for (name, value) in given {
            if let (Some(value), Some(fields)) = (value, body.as_object_mut()) {
                fields.insert(name.to_owned(), value);
            }
        }
        let texts = self.texts;
        self.connection.run(Directory::Existing, |session| {
            session.catch_up(&self.space)?;
            let answer = session.call(&self.space.of(Request::post("/v1/classify")).body(body))?;
            session.show(&answer, |out, answer| show(out, &texts, answer))
        })
    }
}

/// Keep classifiers made of labelled examples.
///
/// Examples:
///   zhiyin classifier put intents intents.ndjson
///   zhiyin classifier list
///   zhiyin classifier delete intents
#[derive(Debug, Args)]
#[command(name = "classifier", verbatim_doc_comment)]
pub struct Keep {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    space: InSpace,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a classifier, or replace its examples.
    Put {
        /// Its name.
        name: String,
        /// A file with one example a line: {"text": …, "label": …}.
        file: PathBuf,
    },
    /// Show a classifier's labels.
    Get {
        /// Its name.
        name: String,
    },
    /// List the classifiers.
    List,
    /// Remove a classifier.
    Delete {
        /// Its name.
        name: String,
    },
}

impl Keep {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the server or the output refuses, and a file that cannot be read.
    pub fn run(self) -> Result<()> {
        let Self { action, space, connection } = self;
        let path = |name: &str| format!("/v1/classifiers/{}", encode(name));
        let request = match &action {
            Action::Put { name, file } => Request::put(path(name)).body(json!({ "examples": read_examples(file)? })),
            Action::Get { name } => Request::get(path(name)),
            Action::Delete { name } => Request::delete(path(name)),
            Action::List => Request::get("/v1/classifiers"),
        };
        connection.run(Directory::Existing, |session| {
            let answer = session.call(&space.of(request))?;
            session.show(&answer, |out, answer| match action {
                Action::List => list(out, answer),
                _ => one(out, answer),
            })
        })
    }
}

fn read_examples(file: &PathBuf) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
    let parse = |(line, number): (&str, usize)| {
        serde_json::from_str(line).with_context(|| format!("{}, line {number}", file.display()))
    };
    lines.map(parse).collect()
}

fn show(out: &mut Out, texts: &[String], answer: &Value) -> Result<()> {
    let results = text::at(answer, "results").as_array().into_iter().flatten();
    for (asked, result) in texts.iter().zip(results) {
        out.line(out.bold(&one_line(asked)))?;
        for label in text::at(result, "labels").as_array().into_iter().flatten() {
            let name = one_line(&text::of(text::at(label, "label")));
            let title = text::at(label, "title").as_str().map(|title| format!("  {}", out.dim(&one_line(title))));
            out.line(format!("  {:>6}  {name}{}", percent(text::at(label, "probability")), title.unwrap_or_default()))?;
        }
        out.line(format!("  {:>6}  none of these", percent(text::at(result, "none"))))?;
    }
    let mut facts = vec![format!("{} examples", text::of(text::at(answer, "examples")))];
    if !text::at(answer, "calibrated").as_bool().unwrap_or(true) {
        facts.push("too few to calibrate".to_owned());
    }
    facts.push(format!("{:.1} ms", text::at(answer, "took_ms").as_f64().unwrap_or_default()));
    out.line(out.dim(&joined(&facts)))
}

fn list(out: &mut Out, page: &Value) -> Result<()> {
    let row = |view: &Value| {
        let labels = text::at(view, "labels").as_array().map_or(0, Vec::len);
        let [name, examples] = ["name", "examples"].map(|field| text::of(text::at(view, field)));
        vec![name, examples, labels.to_string(), time(text::at(view, "updated_at"))]
    };
    let rows: Vec<Vec<String>> = items(page).map(row).collect();
    out.table(&["NAME", "EXAMPLES", "LABELS", "WRITTEN"], &rows)
}

fn one(out: &mut Out, view: &Value) -> Result<()> {
    let [name, examples] = ["name", "examples"].map(|field| text::of(text::at(view, field)));
    out.line(format!("{} · {examples} examples · {}", out.bold(&one_line(&name)), time(text::at(view, "updated_at"))))?;
    for label in text::at(view, "labels").as_array().into_iter().flatten() {
        let count = text::of(text::at(label, "examples"));
        out.line(format!("  {count:>6}  {}", one_line(&text::of(text::at(label, "label")))))?;
    }
    Ok(())
}
