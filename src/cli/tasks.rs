//! `zhiyin tasks`: what speaks against articles.
//!
//! Invariant: only what the server shows of a task is printed; its texts are masked there.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::article::{items, more};
use super::client::{Request, encode};
use super::connection::{Connection, Directory, InSpace};
use super::out::Out;
use super::text::{at, of, one_line, time};

/// See which articles got low ratings or hand-offs, and close what was looked at.
///
/// Examples:
///   zhiyin tasks list --status open
///   zhiyin tasks close return-policy-zh --note "the customer meant another product"
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Tasks {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    space: InSpace,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List review tasks, those with the most complaints first.
    List {
        /// Only in this state: open, closed.
        #[arg(long)]
        status: Option<String>,
        /// Tasks of a page.
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// Where to read on, as the page before said.
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Close a task; a newer version that is published closes it too.
    Close {
        /// Id of the article.
        id: String,
        /// Why.
        #[arg(long)]
        note: Option<String>,
    },
}

impl Tasks {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the server or the output refuses.
    pub fn run(self) -> Result<()> {
        let Self { action, space, connection } = self;
        connection.run(Directory::Existing, |session| match action {
            Action::List { status, limit, cursor } => {
                let request = Request::get("/v1/tasks").with("status", status).with("limit", Some(limit));
                let answer = session.call(&space.of(request.with("cursor", cursor)))?;
                session.show(&answer, list)
            }
            Action::Close { id, note } => {
                let request = Request::post(format!("/v1/tasks/{}/close", encode(&id))).body(json!({ "note": note }));
                let answer = session.call(&space.of(request))?;
                session.show(&answer, |out, task| {
                    let [id, status] = ["article_id", "status"].map(|field| one_line(&of(at(task, field))));
                    out.line(format!("{id}: {status}"))
                })
            }
        })
    }
}

fn list(out: &mut Out, page: &Value) -> Result<()> {
    let rows: Vec<Vec<String>> = items(page)
        .map(|task| {
            let counts = ["low_ratings", "not_helpful", "handed_off"].map(|field| of(at(task, field)));
            let [article, version, status, title] =
                ["article_id", "version", "status", "title"].map(|field| of(at(task, field)));
            let head = [article, version, status];
            head.into_iter().chain(counts).chain([time(at(task, "last_at")), title]).collect()
        })
        .collect();
    out.table(&["ARTICLE", "VERSION", "STATUS", "LOW", "NO HELP", "HANDED OFF", "LAST", "TITLE"], &rows)?;
    for task in items(page) {
        let article = one_line(&of(at(task, "article_id")));
        for field in ["questions", "comments"] {
            for text in at(task, field).as_array().into_iter().flatten() {
                let sign = if field == "questions" { "?" } else { "\"" };
                out.line(format!("  {article} {sign} {}", one_line(&of(text))))?;
            }
        }
    }
    more(out, page)
}
