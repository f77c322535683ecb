//! `zhiyin golden`: queries of which an editor said what must come of them.
//!
//! Invariant: a file is imported whole or not at all; a run that finds a failed query ends with its own exit code.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::article::{items, more};
use super::client::{Request, encode};
use super::connection::{Connection, Directory, InSpace, Session};
use super::eval::refused;
use super::failure::Failure;
use super::out::Out;
use super::text::{self, one_line, percent, time};
use zhiyin::evaluate::{Judged, queries};

/// Golden queries of one request.
const BATCH: usize = 500;

/// Keep and try queries of which you know what must come of them.
///
/// Examples:
///   zhiyin golden add "who pays for return shipping" --article return-policy-en
///   zhiyin golden add 北京有实体店吗 --unanswerable --note 没有门店
///   zhiyin golden import golden.ndjson
///   zhiyin golden run
///   zhiyin golden list --status regressed     came out right before, and what changed since
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Golden {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    space: InSpace,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the golden queries and how they stand.
    List {
        /// Only those that stand so: untried, passed, failed, regressed.
        #[arg(long)]
        status: Option<String>,
        /// Golden queries of a page.
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// Where to read on, as the page before said.
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Say what must come of a query; said again, it replaces what was said.
    Add {
        /// The query; several words are one query.
        #[arg(required = true, value_name = "QUERY")]
        query: Vec<String>,
        /// An article that may stand first; may be given more than once.
        #[arg(long, value_name = "ID", required_unless_present = "unanswerable")]
        article: Vec<String>,
        /// Nothing answers it: it must stay unmatched.
        #[arg(long, conflicts_with = "article")]
        unanswerable: bool,
        /// Who asks: public, agent, internal [default: public].
        #[arg(long)]
        audience: Option<String>,
        /// Why it is here.
        #[arg(long)]
        note: Option<String>,
    },
    /// Take a golden query away.
    Remove {
        /// Id of the golden query.
        id: String,
    },
    /// Add or replace golden queries from JSON Lines: {"query", "relevant": [id…], "audience"?}.
    Import {
        /// The file.
        file: PathBuf,
    },
    /// Ask every golden query, and show those that do not come out as expected.
    Run {
        /// Show those that do, too.
        #[arg(long)]
        all: bool,
    },
}

impl Golden {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the server, the file or the output refuses.
    pub fn run(self) -> Result<()> {
        let Self { action, space, connection } = self;
        connection.run(Directory::Existing, |session| match action {
            Action::List { status, limit, cursor } => {
                let request = Request::get("/v1/golden").with("status", status).with("limit", Some(limit));
                let request = request.with("cursor", cursor);
                let answer = session.call(&space.of(request))?;
                session.show(&answer, list)
            }
            Action::Add { query, article, unanswerable: _, audience, note } => {
                let item = json!({ "query": query.join(" "), "articles": article, "audience": audience, "note": note });
                import(session, &space, vec![item])
            }
            Action::Remove { id } => {
                session.call(&space.of(Request::delete(format!("/v1/golden/{}", encode(&id)))))?;
                if session.json { Ok(()) } else { session.out.line(format!("Removed {id}.")) }
            }
            Action::Import { file } => {
                let found = queries(&file).map_err(refused)?;
                import(session, &space, found.iter().map(item).collect())
            }
            Action::Run { all } => run(session, &space, all),
        })
    }
}

fn item(query: &Judged) -> Value {
    let articles: Vec<&String> = query.relevant.keys().collect();
    json!({ "query": query.text, "articles": articles, "audience": query.audience })
}

fn import(session: &mut Session, space: &InSpace, items: Vec<Value>) -> Result<()> {
    let mut sums = [0_u64; 3];
    const FIELDS: [&str; 3] = ["added", "changed", "unchanged"];
    for batch in items.chunks(BATCH) {
        let request = Request::post("/v1/golden/import").body(json!({ "items": batch }));
        let report = session.call(&space.of(request))?.value;
        for (sum, field) in sums.iter_mut().zip(FIELDS) {
            *sum += text::at(&report, field).as_u64().unwrap_or_default();
        }
    }
    let [added, changed, unchanged] = sums;
    if session.json {
        return session.out.line(json!({ "added": added, "changed": changed, "unchanged": unchanged }));
    }
    session.out.line(format!("Golden queries: {added} added, {changed} changed, {unchanged} unchanged."))
}

fn run(session: &mut Session, space: &InSpace, all: bool) -> Result<()> {
    session.catch_up(space)?;
    let answer = session.call(&space.of(Request::post("/v1/golden/run")))?;
    session.show(&answer, |out, report| show(out, report, all))?;
    let count = |field: &str| text::at(&answer.value, field).as_u64().unwrap_or_default();
    let failed = count("queries") - count("passed");
    if failed == 0 {
        return Ok(());
    }
    Err(Failure::Found(format!("{failed} of {} golden queries failed", count("queries"))).into())
}

fn list(out: &mut Out, page: &Value) -> Result<()> {
    let rows: Vec<Vec<String>> = items(page)
        .map(|golden| {
            let [id, query, articles, audience] =
                ["id", "query", "articles", "audience"].map(|field| text::of(text::at(golden, field)));
            let articles = if articles.is_empty() { "(nothing)".to_owned() } else { articles };
            let (last, status) = (text::at(golden, "last"), text::of(text::at(golden, "status")));
            let asked = time(text::at(last, "at"));
            vec![id, query, articles, audience, status, asked, behind(text::at(last, "cause"))]
        })
        .collect();
    out.table(&["ID", "QUERY", "EXPECTED", "FOR", "STATUS", "ASKED", "BEHIND IT"], &rows)?;
    more(out, page)
}

/// The change behind a golden query that regressed.
fn behind(cause: &Value) -> String {
    let of = |field: &str| text::of(text::at(cause, field));
    match cause.is_null() {
        true => String::new(),
        false => {
            one_line(&format!("{} {} by {}, {}", of("article_id"), of("change"), of("by"), time(text::at(cause, "at"))))
        }
    }
}

fn show(out: &mut Out, report: &Value, all: bool) -> Result<()> {
    let shown = items(report).filter(|item| all || text::at(item, "passed").as_bool() != Some(true));
    let rows: Vec<Vec<String>> = shown
        .map(|item| {
            let [query, expected, first] =
                ["query", "expected", "first"].map(|field| one_line(&text::of(text::at(item, field))));
            let passed = text::at(item, "passed").as_bool() == Some(true);
            let rank = text::at(item, "rank").as_u64().map_or_else(|| "–".to_owned(), |rank| rank.to_string());
            let matched = if text::at(item, "matched").as_bool() == Some(true) { "matched" } else { "unmatched" };
            vec![
                if passed { "ok" } else { "failed" }.to_owned(),
                query,
                if expected.is_empty() { "(nothing)".to_owned() } else { expected },
                rank,
                first,
                percent(text::at(item, "confidence")),
                matched.to_owned(),
            ]
        })
        .collect();
    if !rows.is_empty() {
        out.table(&["", "QUERY", "EXPECTED", "PLACE", "FIRST", "CONFIDENCE", ""], &rows)?;
    }
    let count = |field: &str| text::of(text::at(report, field));
    let mrr = text::at(report, "mrr").as_f64().map_or_else(String::new, |mrr| format!(", MRR@10 {mrr:.3}"));
    let threshold = percent(text::at(report, "threshold"));
    out.line(format!("{} of {} as expected{mrr}, threshold {threshold}", count("passed"), count("queries")))
}
