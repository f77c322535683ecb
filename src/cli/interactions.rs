//! `zhiyin interactions`: conversations in.
//!
//! Invariant: a refused line or turn is told with its place and stops nothing else.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde_json::Value;

use super::client::Request;
use super::connection::{Connection, Directory, InSpace};
use super::exchange::progress;
use super::failure::Failure;
use super::out::Out;
use super::text::{self, one_line};

/// Hand in conversations from any channel, so that what customers asked there is counted too.
///
/// A line is a conversation, or a part of one; the same session goes on with the same conversation,
/// and a turn that is there already changes nothing:
///   {"session_id": "s-1", "channel": "web", "customer_id": "c-7",
///    "turns": [{"turn": 1, "role": "customer", "text": "怎么退货", "at": "2026-11-21T08:00:00Z"}],
///    "resolved": true, "handed_off": false, "csat": 5}
///
/// Texts are masked before they are written. A refused line or turn is listed with its reason and
/// stops nothing else; the exit code is then 4.
///
/// Examples:
///   zhiyin interactions import talks.ndjson --dry-run
///   zhiyin interactions import - < talks.ndjson
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Interactions {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    space: InSpace,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Hand in a file of conversations, one a line.
    Import {
        /// File, or '-' for the standard input.
        #[arg(value_name = "FILE|-")]
        source: PathBuf,
        /// Check everything, write nothing.
        #[arg(long)]
        dry_run: bool,
    },
}

impl Interactions {
    /// Hands in and prints the report.
    ///
    /// # Errors
    /// [`Failure::Found`] when lines or turns were refused; what the server or the file refuses.
    pub fn run(self) -> Result<()> {
        let Action::Import { source, dry_run } = self.action;
        let (reader, bytes): (Box<dyn Read>, Option<u64>) = if source.as_os_str() == "-" {
            (Box::new(io::stdin()), None)
        } else {
            let file = File::open(&source).with_context(|| format!("cannot read {}", source.display()))?;
            let bytes = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|file| file.len());
            (Box::new(io::BufReader::new(file)), bytes)
        };
        let request = self.space.of(Request::post("/v1/interactions").with("dry_run", dry_run.then_some(true)));
        self.connection.run(Directory::Made, |session| {
            // Nothing, first: a key that may not do this is refused before a long body is on its way.
            session.client().send(&request, "application/x-ndjson", io::empty())?;
            let bar = progress(bytes);
            let answer = session.client().send(&request, "application/x-ndjson", bar.wrap_read(reader));
            bar.finish_and_clear();
            let answer = answer?;
            session.show(&answer, show)?;
            match text::at(&answer.value, "error_count").as_u64() {
                Some(refused) if refused > 0 => {
                    Err(Failure::Found(format!("{refused} lines or turns were refused")).into())
                }
                _ => Ok(()),
            }
        })
    }
}

fn show(out: &mut Out, report: &Value) -> Result<()> {
    for error in text::at(report, "errors").as_array().into_iter().flatten() {
        let line = text::of(text::at(error, "line"));
        let turn = text::at(error, "turn").as_u64().map(|turn| format!(" turn {turn}")).unwrap_or_default();
        let place = out.red(&format!("line {line}{turn}"));
        out.line(format!("{place}: {}", one_line(&text::of(text::at(error, "reason")))))?;
    }
    let turns = text::at(report, "turns");
    let [accepted, unchanged, rejected] =
        ["accepted", "unchanged", "rejected"].map(|field| text::of(text::at(turns, field)));
    let [conversations, questions] = ["conversations", "questions"].map(|field| text::of(text::at(report, field)));
    let tried =
        if text::at(report, "dry_run").as_bool().unwrap_or(false) { " (dry run: nothing was written)" } else { "" };
    out.line(format!(
        "{conversations} conversations; turns: {accepted} accepted, {unchanged} unchanged, {rejected} rejected; \
         {questions} questions{tried}"
    ))?;
    out.line(format!("set aside: {}", counts(text::at(turns, "set_aside"))))
}

/// Numbers by name, in a line.
pub fn counts(numbers: &Value) -> String {
    let named = numbers.as_object().into_iter().flatten();
    let shown: Vec<String> =
        named.map(|(name, count)| format!("{} {}", text::of(count), name.replace('_', " "))).collect();
    shown.join(", ")
}
