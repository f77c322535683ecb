//! How do two runs differ, and by chance or not?
//!
//! Invariant: only queries that both runs asked are compared, each with itself.

use std::collections::HashMap;

use serde::Serialize;

use super::report::Report;
use super::resample::{Difference, paired};
use super::run::{MEASURES, ModeReport, Outcome};
use super::set::Mode;

/// How one set in one mode differs between two runs: the second minus the first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The set.
    pub set: String,
    /// The mode.
    pub mode: Mode,
    /// As [`MEASURES`] names them.
    pub measures: [Difference; MEASURES.len()],
    /// Difference in AUROC, where both have one.
    pub auroc: Option<f64>,
    /// Difference in calibration error (of first hits).
    pub ece_right: f64,
}

/// Compares every set and mode that both runs have.
pub fn compare(before: &Report, after: &Report, seed: u64) -> Vec<Comparison> {
    let mut found = Vec::new();
    for set in &after.sets {
        let Some(other) = before.sets.iter().find(|other| other.set == set.set) else { continue };
        for mode in &set.modes {
            let Some(old) = other.modes.iter().find(|old| old.mode == mode.mode) else { continue };
            found.push(Comparison {
                set: set.set.clone(),
                mode: mode.mode,
                measures: differences(&old.outcomes, &mode.outcomes, seed),
                auroc: mode.confidence.auroc.zip(old.confidence.auroc).map(|(new, old)| new - old),
                ece_right: mode.confidence.ece_right - old.confidence.ece_right,
            });
        }
    }
    found
}

/// How one mode of a run does better or worse than another: the second minus the first.
pub fn modes(before: &ModeReport, after: &ModeReport, seed: u64) -> [Difference; MEASURES.len()] {
    differences(&before.outcomes, &after.outcomes, seed)
}

pub(super) fn differences(before: &[Outcome], after: &[Outcome], seed: u64) -> [Difference; MEASURES.len()] {
    let old: HashMap<&str, &Outcome> = before.iter().map(|o| (o.id.as_str(), o)).collect();
    let both = after.iter().filter_map(|new| Some((old.get(new.id.as_str())?.measures?, new.measures?)));
    let both: Vec<([f64; MEASURES.len()], [f64; MEASURES.len()])> = both.collect();
    std::array::from_fn(|n| {
        let pair = |(a, b): &([f64; MEASURES.len()], [f64; MEASURES.len()])| Some((*a.get(n)?, *b.get(n)?));
        paired(&both.iter().filter_map(pair).collect::<Vec<_>>(), seed)
    })
}
