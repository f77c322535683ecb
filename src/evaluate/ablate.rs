//! What is each feature worth? The set again with one of them turned off, beside the whole.
//!
//! Invariant: which features there are is data (`ablations.json`); each run differs from the whole in one of them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::compare::differences;
use super::error::{Error, Result};
use super::resample::{Difference, Mean};
use super::run::{MEASURES, ModeReport, run};
use super::set::{Mode, Set};
use super::trial::{Engine, Trial, changed};

const DATA: &str = include_str!("ablations.json");

/// A feature that can be turned off.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ablation {
    /// Its name in reports.
    pub name: String,
    /// What the run without it is.
    pub says: String,
    /// Weights that turn it off.
    #[serde(default)]
    pub rank: Option<Value>,
    /// Parts of the engine that are turned off.
    #[serde(default)]
    pub off: Vec<Off>,
    /// The mode that leaves it out.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// What documents go without.
    #[serde(default)]
    pub without: Vec<Part>,
}

/// A part of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Off {
    /// Words of the other language.
    Translations,
    /// Corrections of words that the index does not hold.
    Corrections,
}

/// A part of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Titles.
    Titles,
    /// Known questions.
    Questions,
}

/// What turning features off does to a set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AblationReport {
    /// The set.
    pub set: String,
    /// The whole, in hybrid mode.
    pub whole: [Mean; MEASURES.len()],
    /// AUROC of the whole, where there is one.
    pub auroc: Option<f64>,
    /// Feature by feature.
    pub without: Vec<Without>,
}

/// The run without one feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Without {
    /// The feature.
    pub name: String,
    /// What the run is.
    pub says: String,
    /// Without it minus the whole: below 0 where the feature helps.
    pub measures: [Difference; MEASURES.len()],
    /// The same of AUROC.
    pub auroc: Option<f64>,
}

/// The features that can be turned off.
///
/// # Errors
/// [`Error::Usage`] where the data file cannot be read.
pub fn ablations() -> Result<Vec<Ablation>> {
    serde_json::from_str(DATA).map_err(|why| Error::Usage(format!("ablations.json: {why}")))
}

/// Turns features off one by one; features that the set does not have are passed over.
///
/// # Errors
/// As [`run`].
pub fn ablate(
    set: &Set,
    engine: &Engine,
    whole: &ModeReport,
    seed: u64,
    mut asked: impl FnMut(&str),
) -> Result<AblationReport> {
    let mut without = Vec::new();
    for ablation in ablations()? {
        let part = |part: Part| ablation.without.contains(&part);
        let (titles, questions) = (part(Part::Titles), part(Part::Questions));
        let own;
        let set = if titles || questions {
            own = set.clone().stripped(titles, questions);
            if own.passages == set.passages || own.passages.is_empty() {
                continue;
            }
            &own
        } else {
            set
        };
        let rank = ablation.rank.as_ref().map_or(Ok(engine.rank), |change| changed(engine.rank, change))?;
        let on = |part: Off| !ablation.off.contains(&part);
        let (translations, corrections) = (on(Off::Translations), on(Off::Corrections));
        let trial = Trial::new(set, &Engine { rank, translations, corrections, ..engine.clone() })?;
        let mode = ablation.mode.unwrap_or(Mode::Hybrid);
        let report = run(&trial, &set.queries, mode, seed, || asked(&ablation.name))?;
        without.push(Without {
            measures: differences(&whole.outcomes, &report.outcomes, seed),
            auroc: report.confidence.auroc.zip(whole.confidence.auroc).map(|(new, old)| new - old),
            name: ablation.name,
            says: ablation.says,
        });
    }
    Ok(AblationReport { set: set.name.clone(), whole: whole.measures, auroc: whole.confidence.auroc, without })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use zhiyin_index::RankSettings;

    use super::*;

    #[test]
    fn every_ablation_changes_something_that_is_there() {
        let own = RankSettings::default();
        let all = ablations().unwrap();
        assert!(!all.is_empty());
        for ablation in all {
            let rank = ablation.rank.as_ref().map(|change| changed(own, change).unwrap());
            let differs = rank.is_some_and(|rank| rank != own);
            let other = !(ablation.off.is_empty() && ablation.without.is_empty());
            assert!(differs || other || ablation.mode.is_some(), "{ablation:?}");
        }
    }
}
