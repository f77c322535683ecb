//! `zhiyin duplicates`: articles that say the same.
//!
//! Invariant: it only shows; what becomes of a pair is an editor's to decide.

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use super::article::items;
use super::client::Request;
use super::connection::{Connection, Directory, InSpace};
use super::text::{self, one_line, percent};

/// See which live articles say the same.
///
/// Examples:
///   zhiyin duplicates
///   zhiyin duplicates --kind translation
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Duplicates {
    /// copy (in one language) or translation [default: copy].
    #[arg(long)]
    kind: Option<String>,
    /// Least likeness, in percent [default: what was measured for the kind].
    #[arg(long)]
    percent: Option<u32>,
    /// Most pairs [default: 50].
    #[arg(long)]
    limit: Option<u32>,
    #[command(flatten)]
    space: InSpace,
    #[command(flatten)]
    connection: Connection,
}

impl Duplicates {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the server or the output refuses.
    pub fn run(self) -> Result<()> {
        let Self { kind, percent: least, limit, space, connection } = self;
        connection.run(Directory::Existing, |session| {
            session.catch_up(&space)?;
            let request = Request::get("/v1/duplicates").with("kind", kind).with("percent", least).with("limit", limit);
            let answer = session.call(&space.of(request))?;
            session.show(&answer, |out, list| {
                let article = |pair: &Value, side: &str| {
                    let article = text::at(pair, side);
                    let [id, title] = ["article_id", "title"].map(|field| text::of(text::at(article, field)));
                    one_line(&format!("{title} ({id})"))
                };
                let row =
                    |pair| vec![percent(text::at(pair, "likeness")), article(pair, "one"), article(pair, "other")];
                let rows: Vec<Vec<String>> = items(list).map(row).collect();
                if rows.is_empty() { out.line("No pair.") } else { out.table(&["ALIKE", "ARTICLE", "ARTICLE"], &rows) }
            })
        })
    }
}
