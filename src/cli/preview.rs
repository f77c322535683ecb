//! `zhiyin article preview`: what a publication would change.
//!
//! Invariant: a golden query that would break ends the command with its own exit code; nothing is published either way.

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use super::client::{Request, encode};
use super::connection::{InSpace, Session};
use super::failure::Failure;
use super::out::Out;
use super::text::{self, one_line, percent};

#[derive(Debug, Args)]
pub struct Preview {
    /// Id of the article.
    id: String,
    /// The version [default: the latest one].
    #[arg(long, value_name = "N")]
    version: Option<u32>,
    /// Days of queries that are looked at [default: 30].
    #[arg(long)]
    days: Option<u32>,
    /// Most recent queries [default: 1000].
    #[arg(long)]
    limit: Option<u32>,
}

impl Preview {
    /// Asks the server and shows what it says.
    pub fn run(self, session: &mut Session, space: &InSpace) -> Result<()> {
        session.catch_up(space)?;
        let body = json!({ "version": self.version, "days": self.days, "limit": self.limit });
        let request = Request::post(format!("/v1/articles/{}/preview", encode(&self.id))).body(body);
        let answer = session.call(&space.of(request))?;
        session.show(&answer, show)?;
        match text::at(&answer.value, "golden_broken").as_u64().unwrap_or_default() {
            0 => Ok(()),
            broken => Err(Failure::Found(format!("{broken} golden queries would break")).into()),
        }
    }
}

fn show(out: &mut Out, preview: &Value) -> Result<()> {
    let of = |field: &str| text::of(text::at(preview, field));
    let count = |field: &str| text::at(preview, field).as_array().map_or(0, Vec::len);
    let live = match text::at(preview, "live_version").as_u64() {
        Some(version) => format!("version {version}"),
        None => "nothing".to_owned(),
    };
    out.line(out.bold(&format!("{} v{} in place of {live}", of("article_id"), of("version"))))?;
    for list in ["lost", "reordered", "gained"] {
        let rows: Vec<Vec<String>> = text::at(preview, list).as_array().into_iter().flatten().map(row).collect();
        if !rows.is_empty() {
            out.line(out.dim(list))?;
            out.table(&["QUERY", "ASKED", "NOW", "", "THEN", "", "GOLDEN"], &rows)?;
        }
    }
    let (gained, lost, reordered) = (count("gained"), count("lost"), count("reordered"));
    let (queries, golden, unchanged) = (of("queries"), of("golden"), of("unchanged"));
    out.line(format!(
        "{queries} queries ({golden} golden): {gained} gained, {lost} lost, {reordered} answered by another article, {unchanged} unchanged"
    ))?;
    let missing: Vec<String> = text::at(preview, "degraded").as_array().into_iter().flatten().map(text::of).collect();
    if missing.is_empty() { Ok(()) } else { out.line(format!("asked without: {}", missing.join(", "))) }
}

fn row(item: &Value) -> Vec<String> {
    let said = |when: &str| {
        let answer = text::at(item, when);
        let first = text::of(text::at(answer, "article_id"));
        let matched = text::at(answer, "matched").as_bool() == Some(true);
        [if matched { first } else { "–".to_owned() }, percent(text::at(answer, "confidence"))]
    };
    let ([now, sure], [then, surer]) = (said("before"), said("after"));
    let golden = text::at(item, "golden");
    let passes = |field: &str| text::at(golden, field).as_bool() == Some(true);
    let golden = match (golden.is_null(), passes("passes"), passes("would_pass")) {
        (true, ..) => "",
        (_, true, false) => "breaks",
        (_, false, true) => "mended",
        (_, true, true) => "passes",
        (_, false, false) => "fails",
    };
    let [query, asked] = ["query", "asked"].map(|field| one_line(&text::of(text::at(item, field))));
    vec![query, asked, now, sure, then, surer, golden.to_owned()]
}
