//! `zhiyin privacy`: what masking finds of labelled personal data, and what it would make of a text.
//!
//! Invariant: nothing leaves the process, and no server is asked.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Value, json};

use super::connection::Connection;
use super::failure::Failure;
use super::out::Out;
use zhiyin::model::mask::labels::{self, Figures, Miss, Report};
use zhiyin::model::mask::{Kind, Masker, NumberPattern, Settings};

/// Labelled texts: personal data and what only looks like it, all invented.
const SAMPLES: &str = include_str!("../../kb-samples/privacy.jsonl");

/// See what masking hides, kind by kind.
///
/// Every text that a customer typed is masked before it is written. This masks labelled texts and prints, per kind, how
/// much of what is labelled was hidden (recall) and how much of what was hidden is labelled (precision). A label counts
/// as found where nothing of it is left and its tag is right; a masked piece counts as right where it lies inside a label
/// of its kind. Without a file: the samples that came with the program.
///
/// A file is JSON Lines:
///   {"id": "…", "language": "en", "text": "call 010-62345678", "spans": [{"kind": "phone", "text": "010-62345678"}]}
///
/// Examples:
///   zhiyin privacy
///   zhiyin privacy labelled.jsonl --json
///   zhiyin privacy --text "我叫李明,电话一三八零零一三八零零零"
///   zhiyin privacy --text "about LM2611040087" --pattern "LM#{10}"
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Privacy {
    /// Labelled texts, as JSON Lines [default: the samples].
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Mask this text instead, and print it.
    #[arg(long, value_name = "TEXT", conflicts_with = "file")]
    text: Option<String>,
    /// Mask order numbers of this form too: # a digit, ? a letter, * either, {n} or {n,m} how often.
    #[arg(long, value_name = "PATTERN")]
    pattern: Vec<String>,
    /// Leave numbers of orders and parcels as they are.
    #[arg(long)]
    keep_orders: bool,
    #[command(flatten)]
    connection: Connection,
}

impl Privacy {
    /// Masks and prints.
    ///
    /// # Errors
    /// A pattern or a file that cannot be read, and what keeps the output from being written.
    pub fn run(self) -> Result<()> {
        let mut settings = if self.keep_orders { Settings::without_orders() } else { Settings::default() };
        for pattern in &self.pattern {
            let read = NumberPattern::new(Kind::Order, pattern);
            settings.patterns.push(read.map_err(|why| Failure::Usage(why.to_string()))?);
        }
        let masker = Masker::new(settings);
        self.connection.print(|out, json| {
            if let Some(text) = &self.text {
                return one(out, &masker, text, json);
            }
            let lines = match &self.file {
                Some(file) => std::fs::read_to_string(file).with_context(|| file.display().to_string())?,
                None => SAMPLES.to_owned(),
            };
            let rows = labels::read(&lines).map_err(|why| Failure::Usage(why.to_string()))?;
            let report = labels::measure(&masker, &rows);
            if json { out.line(value(&report)) } else { show(out, &report) }
        })
    }
}

fn one(out: &mut Out, masker: &Masker, text: &str, json: bool) -> Result<()> {
    let masked = masker.mask(text);
    if !json {
        return out.line(masked);
    }
    let spans = masker.spans(text).into_iter().map(|s| json!({ "kind": s.kind, "start": s.start, "end": s.end }));
    out.line(json!({ "masked": masked, "spans": spans.collect::<Vec<Value>>() }))
}

fn value(report: &Report) -> Value {
    let figures = |f: &Figures| {
        json!({ "kind": f.kind, "rows": f.rows, "labels": f.labels, "found": f.found, "masked": f.masked, "right": f.right,
                "leaks": f.leaks, "recall": f.recall(), "precision": f.precision(), "f1": f.f1() })
    };
    json!({
        "rows": report.rows,
        "negatives": report.negatives,
        "exact": report.exact,
        "kinds": report.kinds.iter().map(figures).collect::<Vec<Value>>(),
        "structured": figures(&report.structured),
        "names_and_addresses": figures(&report.free),
        "all": figures(&report.all),
        "misses": report.misses,
    })
}

fn show(out: &mut Out, report: &Report) -> Result<()> {
    let head = format!(
        "{} texts, {} of them with nothing personal; {} masked exactly as labelled",
        report.rows, report.negatives, report.exact
    );
    out.line(out.bold(&head))?;
    out.line("")?;
    let line = |f: &Figures| {
        let share = |share: f64| format!("{:.1} %", share * 100.0);
        vec![
            f.kind.clone(),
            f.rows.to_string(),
            f.labels.to_string(),
            share(f.recall()),
            share(f.precision()),
            share(f.f1()),
        ]
    };
    let sums = [&report.structured, &report.free, &report.all];
    let rows: Vec<Vec<String>> = report.kinds.iter().chain(sums).map(line).collect();
    out.table(&["KIND", "ROWS", "LABELS", "RECALL", "PRECISION", "F1"], &rows)?;
    if !report.misses.is_empty() {
        out.line("")?;
        out.table(&["ROW", "WHAT", "KIND", "PIECE", "MASKED"], &report.misses.iter().map(missed).collect::<Vec<_>>())?;
    }
    Ok(())
}

fn missed(miss: &Miss) -> Vec<String> {
    let what = if miss.missed { "left" } else { "hidden" };
    vec![miss.id.clone(), what.into(), miss.kind.name().into(), miss.piece.clone(), miss.masked.clone()]
}
