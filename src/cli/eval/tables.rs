//! How figures look in a terminal.
//!
//! Invariant: every figure stands under its name; a difference that may be chance is said to be so.

use anyhow::Result;

use crate::cli::out::Out;
use crate::cli::text::joined;
use zhiyin::evaluate::ablate::AblationReport;
use zhiyin::evaluate::compare::Comparison;
use zhiyin::evaluate::report::SetReport;
use zhiyin::evaluate::resample::{Difference, Mean};
use zhiyin::evaluate::run::ModeReport;

/// Probability from which on a difference may be chance.
const CHANCE: f64 = 0.05;

/// A set, mode by mode.
pub fn set(out: &mut Out, set: &SetReport) -> Result<()> {
    let facts =
        [format!("{} passages", set.passages), format!("{} queries, {} answerable", set.queries, set.answerable)];
    out.line(format!("{}  {}", out.bold(&set.set), out.dim(&joined(&facts))))?;
    for note in &set.notes {
        out.line(out.dim(&format!("  {note}")))?;
    }
    let head = ["MODE", "nDCG@10", "", "MRR@10", "", "R@1", "R@10", "R@100", "p50", "p95"];
    out.table(&head, &set.modes.iter().map(ranking).collect::<Vec<_>>())?;
    let head = [
        "MODE",
        "AUROC",
        "ECE answerable",
        "ECE right",
        "ANSWERED",
        "RIGHT OF THEM",
        "RIGHT AT 50 %",
        "COVERED AT 0.9",
    ];
    out.table(&head, &set.modes.iter().map(confidence).collect::<Vec<_>>())?;
    if let Some(pairs) = &set.pairs {
        let auroc = pairs.auroc.map_or_else(|| "–".to_owned(), three);
        out.line(format!("{} pairs, {} the same: AUROC {auroc}", pairs.pairs, pairs.same))?;
    }
    out.line("")
}

fn ranking(mode: &ModeReport) -> Vec<String> {
    let [ndcg, mrr, r1, r10, r100] = mode.measures;
    vec![
        mode.mode.as_str().to_owned(),
        three(ndcg.mean),
        interval(&ndcg),
        three(mrr.mean),
        interval(&mrr),
        three(r1.mean),
        three(r10.mean),
        three(r100.mean),
        time(mode.p50_us),
        time(mode.p95_us),
    ]
}

fn confidence(mode: &ModeReport) -> Vec<String> {
    let own = &mode.confidence;
    let or_none = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
    let half = own.at_coverage.iter().find(|point| point.coverage >= 0.5 - 1e-9);
    vec![
        mode.mode.as_str().to_owned(),
        or_none(own.auroc.map(three)),
        or_none(own.ece.map(three)),
        three(own.ece_right),
        or_none(own.answered.map(|point| three(point.coverage))),
        or_none(own.answered.map(|point| three(point.precision))),
        or_none(half.map(|point| three(point.precision))),
        or_none(own.at_precision.map(|point| three(point.coverage))),
    ]
}

/// What turning features off does.
pub fn ablation(out: &mut Out, report: &AblationReport) -> Result<()> {
    let [ndcg, mrr, ..] = report.whole;
    let whole = format!("nDCG@10 {}, MRR@10 {}", three(ndcg.mean), three(mrr.mean));
    out.line(format!("{} without one feature  {}", out.bold(&report.set), out.dim(&whole)))?;
    let rows: Vec<Vec<String>> = report
        .without
        .iter()
        .map(|without| {
            let [ndcg, mrr, ..] = without.measures;
            let mut row = vec![without.name.clone(), without.says.clone()];
            row.extend(difference(&ndcg));
            row.extend(difference(&mrr));
            row.push(without.auroc.map_or_else(|| "–".to_owned(), signed));
            row
        })
        .collect();
    out.table(&["FEATURE", "THE RUN", "nDCG@10", "", "p", "MRR@10", "", "p", "AUROC"], &rows)?;
    out.line("")
}

/// How two runs differ.
pub fn comparison(out: &mut Out, compared: &[Comparison]) -> Result<()> {
    if compared.is_empty() {
        return out.line("Nothing to compare: the reports have no set and mode in common.");
    }
    out.line(out.bold("Compared with the report before"))?;
    let rows: Vec<Vec<String>> = compared
        .iter()
        .map(|one| {
            let [ndcg, mrr, r1, r10, _] = one.measures;
            let mut row = vec![one.set.clone(), one.mode.as_str().to_owned()];
            row.extend(difference(&ndcg));
            row.extend(difference(&mrr));
            row.extend([signed(r1.mean), signed(r10.mean)]);
            row.push(one.auroc.map_or_else(|| "–".to_owned(), signed));
            row.push(signed(one.ece_right));
            row.push(verdict(&mrr).to_owned());
            row
        })
        .collect();
    let head = ["SET", "MODE", "nDCG@10", "", "p", "MRR@10", "", "p", "R@1", "R@10", "AUROC", "ECE", ""];
    out.table(&head, &rows)
}

fn verdict(mrr: &Difference) -> &'static str {
    match (mrr.p < CHANCE, mrr.mean > 0.0) {
        (false, _) => "may be chance",
        (true, true) => "better",
        (true, false) => "worse",
    }
}

fn difference(difference: &Difference) -> [String; 3] {
    let Difference { mean, low, high, p, .. } = *difference;
    let interval = format!("[{} {}]", signed(low), signed(high));
    [signed(mean), interval, if p < 0.001 { "<0.001".into() } else { format!("{p:.3}") }]
}

fn three(value: f64) -> String {
    format!("{value:.3}")
}

fn signed(value: f64) -> String {
    format!("{value:+.3}")
}

fn interval(mean: &Mean) -> String {
    format!("[{:.3} {:.3}]", mean.low, mean.high)
}

fn time(us: f64) -> String {
    if us < 1_000.0 { format!("{us:.0} µs") } else { format!("{:.1} ms", us / 1_000.0) }
}
