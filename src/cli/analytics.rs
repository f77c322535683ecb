//! `zhiyin analytics`: figures of what came in.
//!
//! Invariant: only what the server counted is printed.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::Value;

use super::client::Request;
use super::connection::{Connection, Directory, InSpace};
use super::interactions::counts;
use super::out::Out;
use super::text::{self, one_line, percent};

/// See what came in, and how much of it the knowledge answers.
///
/// Examples:
///   zhiyin analytics overview
///   zhiyin analytics overview --from 2026-11-01 --to 2026-11-30
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Analytics {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    space: InSpace,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Sum up the days of a range.
    Overview {
        /// First day, in UTC; 29 days before the last one unless given.
        #[arg(long, value_name = "YYYY-MM-DD")]
        from: Option<String>,
        /// Last day, in UTC; today unless given.
        #[arg(long, value_name = "YYYY-MM-DD")]
        to: Option<String>,
    },
}

impl Analytics {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the server or the output refuses.
    pub fn run(self) -> Result<()> {
        let Self { action: Action::Overview { from, to }, space, connection } = self;
        connection.run(Directory::Existing, |session| {
            let request = Request::get("/v1/analytics/overview").with("from", from).with("to", to);
            let answer = session.call(&space.of(request))?;
            session.show(&answer, show)
        })
    }
}

fn show(out: &mut Out, overview: &Value) -> Result<()> {
    let at = |field: &str| text::of(text::at(overview, field));
    out.line(out.bold(&format!("{} from {} to {}", at("space"), at("from"), at("to"))))?;
    let rate = text::at(overview, "answer_rate");
    let rate = if rate.is_null() { "nothing was asked".to_owned() } else { format!("{} answered", percent(rate)) };
    out.line(format!("{rate}; {} live queries", text::of(text::at(text::at(overview, "live"), "queries"))))?;
    out.line(format!(
        "{} conversations, {} turns, {} of customers; set aside: {}",
        at("conversations"),
        at("turns"),
        at("customer_turns"),
        counts(text::at(overview, "set_aside"))
    ))?;
    out.line(format!(
        "{} questions: {} answered, {} not, {} still to be searched",
        at("questions"),
        at("matched"),
        at("unmatched"),
        at("pending")
    ))?;
    let csat = text::at(overview, "csat");
    let mean = text::at(csat, "mean");
    let mean = if mean.is_null() { String::new() } else { format!(", satisfaction {} of 5", text::of(mean)) };
    out.line(format!("{} settled, {} handed off{mean}", at("resolved"), at("handed_off")))?;
    let fields = ["conversations", "turns", "questions", "matched", "unmatched"];
    let rows: Vec<Vec<String>> = text::at(overview, "channels")
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, channel)| {
            let figures = fields.iter().map(|field| text::of(text::at(channel, field)));
            std::iter::once(one_line(name)).chain(figures).collect()
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    out.table(&["CHANNEL", "CONVERSATIONS", "TURNS", "QUESTIONS", "ANSWERED", "NOT"], &rows)
}
