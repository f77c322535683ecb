//! `zhiyin synonym`: what a space calls the same thing.
//!
//! Invariant: a rule is checked by the server alone; what is previewed is not stored.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::article::items;
use super::client::{Request, encode};
use super::connection::{Connection, Directory, InSpace, Session};
use super::failure::Failure;
use super::out::Out;
use super::text::{self, one_line, percent};

/// Say which words mean the same; counts from the next search on (needs the scope 'curate').
///
/// Examples:
///   zhiyin synonym add 退货 退单 return
///   zhiyin synonym add --from 专票 --to 增值税专用发票
///   zhiyin synonym add --from 鹿鸣网盘 --to 鹿鸣云 --replace
///   zhiyin synonym preview 网关 主机 --last 200
///   zhiyin synonym import synonyms.ndjson
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Synonym {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    space: InSpace,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the rules.
    List,
    /// Add a rule.
    Add(Rule),
    /// Take a rule away.
    Remove {
        /// Id of the rule.
        id: String,
    },
    /// Show what a rule would change, without adding it.
    Preview {
        #[command(flatten)]
        rule: Rule,
        /// Try it on this query; may be given more than once [default: the latest logged queries].
        #[arg(long, value_name = "TEXT")]
        query: Vec<String>,
        /// How many of the latest logged queries to try [default: 100].
        #[arg(long, conflicts_with = "query")]
        last: Option<u32>,
    },
    /// Add the rules of a file, one JSON object a line.
    Import {
        /// The file ('-': the standard input).
        file: PathBuf,
        /// Take away the rules that the file does not have.
        #[arg(long)]
        only: bool,
    },
}

#[derive(Debug, Args)]
struct Rule {
    /// Phrases that mean the same, each way.
    terms: Vec<String>,
    /// What is asked; may be given more than once.
    #[arg(long, value_name = "PHRASE", conflicts_with = "terms", requires = "to")]
    from: Vec<String>,
    /// What is meant; may be given more than once.
    #[arg(long, value_name = "PHRASE", requires = "from")]
    to: Vec<String>,
    /// Search for what is meant in the place of what is asked, no longer for both.
    #[arg(long, requires = "from")]
    replace: bool,
}

impl Rule {
    fn value(self) -> Result<Map<String, Value>> {
        let rule = match (self.terms.is_empty(), self.from.is_empty()) {
            (false, _) => json!({ "kind": "two_way", "terms": self.terms }),
            (true, false) if self.replace => json!({ "kind": "replacement", "from": self.from, "to": self.to }),
            (true, false) => json!({ "kind": "one_way", "from": self.from, "to": self.to }),
            (true, true) => {
                return Err(Failure::Usage("name phrases that mean the same, or --from and --to".to_owned()).into());
            }
        };
        Ok(rule.as_object().cloned().unwrap_or_default())
    }
}

impl Synonym {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the server or the output refuses.
    pub fn run(self) -> Result<()> {
        let Self { action, space, connection } = self;
        connection.run(Directory::Existing, |session| match action {
            Action::List => {
                let answer = session.call(&space.of(Request::get("/v1/synonyms")))?;
                session.show(&answer, list)
            }
            Action::Add(rule) => {
                let request = Request::post("/v1/synonyms").body(rule.value()?.into());
                let answer = session.call(&space.of(request))?;
                session.show(&answer, |out, rule| out.line(line(rule).join("  ")))
            }
            Action::Remove { id } => {
                let answer = session.call(&space.of(Request::delete(format!("/v1/synonyms/{}", encode(&id)))))?;
                session.show(&answer, |out, rule| out.line(format!("Removed {}", line(rule).join("  "))))
            }
            Action::Preview { rule, query, last } => {
                let mut body = json!({ "rule": rule.value()? });
                if let Some(fields) = body.as_object_mut() {
                    if !query.is_empty() {
                        fields.insert("queries".into(), query.into());
                    }
                    if let Some(last) = last {
                        fields.insert("last".into(), last.into());
                    }
                }
                session.catch_up(&space)?;
                let answer = session.call(&space.of(Request::post("/v1/synonyms/preview").body(body)))?;
                session.show(&answer, preview)
            }
            Action::Import { file, only } => import(session, &space, &file, only),
        })
    }
}

fn import(session: &mut Session, space: &InSpace, file: &std::path::Path, only: bool) -> Result<()> {
    let text = if file.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin()).context("the standard input")?
    } else {
        std::fs::read_to_string(file).with_context(|| file.display().to_string())?
    };
    let mut rules: Vec<Value> = Vec::new();
    if !only {
        let known = session.call(&space.of(Request::get("/v1/synonyms")))?;
        rules.extend(items(&known.value).map(rule));
    }
    let before = rules.len();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let value: Value = serde_json::from_str(line)
            .map_err(|why| Failure::Usage(format!("{}:{}: {why}", file.display(), number + 1)))?;
        if !rules.contains(&value) {
            rules.push(value);
        }
    }
    let added = rules.len() - before;
    let answer = session.call(&space.of(Request::put("/v1/synonyms").body(json!({ "items": rules }))))?;
    session
        .show(&answer, |out, list| out.line(format!("{added} rules read; the space has {} now.", items(list).count())))
}

/// A rule as it was written: the fields of its kind.
fn rule(synonym: &Value) -> Value {
    let mut rule = json!({ "kind": text::at(synonym, "kind") });
    if let Some(fields) = rule.as_object_mut() {
        for name in ["terms", "from", "to"] {
            let phrases = text::at(synonym, name);
            if phrases.as_array().is_some_and(|list| !list.is_empty()) {
                fields.insert(name.to_owned(), phrases.clone());
            }
        }
    }
    rule
}

/// Id, kind, and the rule for people.
fn line(synonym: &Value) -> Vec<String> {
    let phrases = |name: &str| {
        let list = text::at(synonym, name).as_array().into_iter().flatten();
        list.map(|phrase| one_line(&text::of(phrase))).collect::<Vec<_>>().join(", ")
    };
    let [id, kind] = ["id", "kind"].map(|field| text::of(text::at(synonym, field)));
    let rule = match kind.as_str() {
        "two_way" => phrases("terms"),
        _ => format!("{} → {}", phrases("from"), phrases("to")),
    };
    vec![id, kind, rule]
}

fn list(out: &mut Out, list: &Value) -> Result<()> {
    let rows: Vec<Vec<String>> = items(list).map(line).collect();
    out.table(&["ID", "KIND", "RULE"], &rows)
}

fn preview(out: &mut Out, preview: &Value) -> Result<()> {
    let top = |hit: &Value| match hit {
        Value::Null => "nothing".to_owned(),
        hit => format!("{} {}", one_line(&text::of(text::at(hit, "article_id"))), percent(text::at(hit, "score"))),
    };
    let rows: Vec<Vec<String>> = items(preview)
        .map(|item| {
            let [effect, query] = ["effect", "query"].map(|field| one_line(&text::of(text::at(item, field))));
            vec![effect, top(text::at(item, "before")), top(text::at(item, "after")), query]
        })
        .collect();
    if !rows.is_empty() {
        out.table(&["EFFECT", "BEFORE", "AFTER", "QUERY"], &rows)?;
    }
    let [queries, gained, lost] = ["queries", "gained", "lost"].map(|field| text::of(text::at(preview, field)));
    out.line(format!("{queries} queries tried: {} change, {gained} gained, {lost} lost.", rows.len()))
}
