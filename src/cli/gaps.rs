//! `zhiyin gaps`: what could not be answered.
//!
//! Invariant: only what the server shows of a gap is printed; its texts are masked there.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::article::{items, more};
use super::client::{Request, encode};
use super::connection::{Connection, Directory, InSpace};
use super::out::Out;
use super::text::{self, one_line, percent, time};

/// See what customers ask and no article answers.
///
/// Examples:
///   zhiyin gaps list --status open
///   zhiyin gaps get g_…
///   zhiyin gaps dismiss g_… --reason "not our product"
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Gaps {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    space: InSpace,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List gaps, the most asked first.
    List {
        /// Only in this state: open, dismissed.
        #[arg(long)]
        status: Option<String>,
        /// Gaps of a page.
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// Where to read on, as the page before said.
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Show a gap: how it was asked, and what stands near.
    Get {
        /// Id of the gap.
        id: String,
    },
    /// Set a gap aside.
    Dismiss {
        /// Id of the gap.
        id: String,
        /// Why.
        #[arg(long)]
        reason: Option<String>,
    },
}

impl Gaps {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the server or the output refuses.
    pub fn run(self) -> Result<()> {
        let Self { action, space, connection } = self;
        connection.run(Directory::Existing, |session| {
            let path = |id: &str, rest: &str| format!("/v1/gaps/{}{rest}", encode(id));
            let request = match action {
                Action::List { status, limit, cursor } => {
                    let request = Request::get("/v1/gaps").with("status", status).with("limit", Some(limit));
                    let answer = session.call(&space.of(request.with("cursor", cursor)))?;
                    return session.show(&answer, list);
                }
                Action::Get { id } => Request::get(path(&id, "")),
                Action::Dismiss { id, reason } => {
                    Request::post(path(&id, "/dismiss")).body(json!({ "reason": reason }))
                }
            };
            let answer = session.call(&space.of(request))?;
            session.show(&answer, show)
        })
    }
}

fn list(out: &mut Out, page: &Value) -> Result<()> {
    let rows: Vec<Vec<String>> = items(page)
        .map(|gap| {
            let [id, status, queries, sessions, label] =
                ["id", "status", "queries", "sessions", "label"].map(|field| text::of(text::at(gap, field)));
            vec![id, status, queries, sessions, time(text::at(gap, "last_seen")), label]
        })
        .collect();
    out.table(&["ID", "STATUS", "ASKED", "BY", "LAST", "QUESTION"], &rows)?;
    more(out, page)
}

fn show(out: &mut Out, gap: &Value) -> Result<()> {
    out.line(out.bold(&one_line(&text::of(text::at(gap, "label")))))?;
    let (first, last) = (time(text::at(gap, "first_seen")), time(text::at(gap, "last_seen")));
    let [id, status, queries, sessions] =
        ["id", "status", "queries", "sessions"].map(|field| text::of(text::at(gap, field)));
    out.line(format!("{id} · {status} · asked {queries} times by {sessions}, from {first} to {last}"))?;
    for example in text::at(gap, "examples").as_array().into_iter().flatten() {
        out.line(format!("  ? {}", one_line(&text::of(example))))?;
    }
    for near in text::at(gap, "nearest").as_array().into_iter().flatten() {
        let [article, title] = ["article_id", "title"].map(|field| text::of(text::at(near, field)));
        out.line(format!("  near: {} ({article}) {}", one_line(&title), percent(text::at(near, "score"))))?;
    }
    Ok(())
}
