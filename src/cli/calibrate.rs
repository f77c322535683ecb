//! `zhiyin calibrate`: what a space's confidence is worth, and the threshold that makes answers right often enough.
//!
//! Invariant: nothing is changed without --apply, and not on too few labelled queries.

use std::cell::RefCell;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;

use super::client::{Request, encode};
use super::connection::{Connection, Directory, InSpace, Session};
use super::eval::refused;
use super::eval::served::{Served, golden};
use super::failure::Failure;
use super::out::Out;
use zhiyin::evaluate::run::{Searcher, outcome};
use zhiyin::evaluate::threshold::{Calibration, Choice, MIN_EACH, MIN_QUERIES, Verdict, calibrate};
use zhiyin::evaluate::{Judged, Mode, queries};

/// See what a space's confidence is worth, and choose its threshold.
///
/// Puts labelled queries (the space's golden ones, or a file of {"query", "relevant": [id…]}) to the space,
/// prints how confidence and truth go together, and the threshold from which as many answers are right as wanted.
///
/// Examples:
///   zhiyin calibrate
///   zhiyin calibrate --space shop --target 0.95 --apply
///   zhiyin calibrate --queries labelled.ndjson --json
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Calibrate {
    /// Labelled queries, as JSON Lines [default: the space's golden queries].
    #[arg(long, value_name = "FILE")]
    queries: Option<PathBuf>,
    /// Share of answers that must be right.
    #[arg(long, value_name = "SHARE", default_value_t = 0.9, value_parser = share)]
    target: f64,
    /// Set the space's threshold to what was found (needs an admin key).
    #[arg(long)]
    apply: bool,
    #[command(flatten)]
    space: InSpace,
    #[command(flatten)]
    connection: Connection,
}

fn share(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| format!("'{text}' is no number"))?;
    if number > 0.0 && number < 1.0 { Ok(number) } else { Err("it lies between 0 and 1, such as 0.9".into()) }
}

impl Calibrate {
    /// Measures, prints, and applies where that was asked.
    ///
    /// # Errors
    /// What the server, the file or the output refuses.
    pub fn run(self) -> Result<()> {
        self.connection.run(Directory::Existing, |session| {
            session.catch_up(&self.space)?;
            let labelled = match &self.queries {
                Some(file) => queries(file).map_err(refused)?,
                None => golden(session, &self.space)?,
            };
            let calibration = self.measure(session, &labelled)?;
            if session.json {
                let whole = json!({ "space": self.space.id(), "target": self.target, "calibration": &calibration });
                session.out.line(whole)?;
            } else {
                show(&mut session.out, &calibration, self.target)?;
            }
            if self.apply { self.apply(session, &calibration.verdict) } else { Ok(()) }
        })
    }

    fn measure(&self, session: &Session, labelled: &[Judged]) -> Result<Calibration> {
        let served = Served { session, space: &self.space, lowest: RefCell::default() };
        let mut scores = Vec::with_capacity(labelled.len());
        for query in labelled {
            let found = served.search(query, Mode::Hybrid).map_err(refused)?;
            let outcome = outcome(query, &found);
            scores.push((outcome.confidence, outcome.right));
        }
        Ok(calibrate(&scores, self.target))
    }

    fn apply(&self, session: &mut Session, verdict: &Verdict) -> Result<()> {
        let Verdict::Chosen(Choice { threshold, .. }) = verdict else {
            return Err(Failure::Found("the threshold stays as it is".into()).into());
        };
        let request = Request::patch(format!("/v1/spaces/{}", encode(self.space.id())));
        session
            .call(&request.body(json!({ "settings": { "threshold": threshold } })))
            .context("setting the threshold")?;
        if session.json {
            return Ok(());
        }
        session.out.line(format!("The threshold of space '{}' is {threshold} now.", self.space.id()))
    }
}

fn show(out: &mut Out, found: &Calibration, target: f64) -> Result<()> {
    let auroc = found.auroc.map_or_else(|| "–".to_owned(), |auroc| format!("{auroc:.3}"));
    let head = format!("{} labelled queries, {} with the right article first", found.queries, found.right);
    out.line(out.bold(&head))?;
    out.line(format!("AUROC {auroc}, calibration error {:.3}", found.ece))?;
    out.line("")?;
    let bins = found.bins.iter().filter(|bin| bin.count > 0);
    let rows: Vec<Vec<String>> = bins
        .map(|bin| {
            let range = format!("{:.2} – {:.2}", bin.from, bin.to);
            vec![range, bin.count.to_string(), format!("{:.3}", bin.confidence), format!("{:.3}", bin.precision)]
        })
        .collect();
    out.table(&["CONFIDENCE", "QUERIES", "MEAN", "RIGHT"], &rows)?;
    out.line("")?;
    let rows: Vec<Vec<String>> = found
        .curve
        .iter()
        .map(|point| {
            let right = if point.coverage > 0.0 { format!("{:.3}", point.precision) } else { "–".to_owned() };
            vec![format!("{:.2}", point.threshold), format!("{:.3}", point.coverage), right]
        })
        .collect();
    out.table(&["THRESHOLD", "ANSWERED", "RIGHT OF THEM"], &rows)?;
    out.line("")?;
    match &found.verdict {
        Verdict::Chosen(choice) => out.line(format!(
            "Threshold {}: {:.1} % answered ({}), {:.1} % of them right (95 % interval {:.1} to {:.1} %)",
            choice.threshold,
            choice.coverage * 100.0,
            choice.answered,
            choice.precision * 100.0,
            choice.low * 100.0,
            choice.high * 100.0,
        )),
        Verdict::Unreachable { best } => {
            let best = best.map_or_else(String::new, |point| {
                format!("; the best is {:.1} % from {:.4} on", point.precision * 100.0, point.threshold)
            });
            out.line(format!("No threshold makes {:.1} % of the answers right{best}", target * 100.0))
        }
        Verdict::TooFew { missing } => {
            out.line(format!(
                "Too few labelled queries to choose a threshold (at least {MIN_QUERIES}, {MIN_EACH} of each kind):"
            ))?;
            for what in missing {
                out.line(format!("  {what}"))?;
            }
            Ok(())
        }
    }
}
