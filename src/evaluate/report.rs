//! What a run gives: every set with its figures, query by query, as one JSON document.
//!
//! Invariant: a report can be read back, and holds what comparing it with another one needs.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ablate::AblationReport;
use super::error::{BadLine, Error, Result};
use super::metrics::{self, Point};
use super::run::{MEASURES, ModeReport};
use super::set::Pair;

/// Raised when the layout changes.
pub const FORMAT: u32 = 1;

/// A whole run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Layout of the report.
    pub format: u32,
    /// Version of the program.
    pub version: String,
    /// The model.
    pub model: String,
    /// The ranking weights; null where a server was asked.
    pub rank: Value,
    /// Seed of intervals and of what was removed.
    pub seed: u64,
    /// Names of the measures, in the order in which every set gives them.
    pub measures: Vec<String>,
    /// Set by set.
    pub sets: Vec<SetReport>,
    /// What turning features off does, where that was asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ablations: Vec<AblationReport>,
}

/// One set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetReport {
    /// Its name.
    pub set: String,
    /// Passages in the index.
    pub passages: usize,
    /// Queries asked.
    pub queries: usize,
    /// Those that something answers.
    pub answerable: usize,
    /// What whoever reads the figures should know.
    pub notes: Vec<String>,
    /// Mode by mode.
    pub modes: Vec<ModeReport>,
    /// How well pairs that ask the same are told from others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairs: Option<PairsReport>,
}

/// How well pairs that ask the same are told from others.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PairsReport {
    /// Pairs.
    pub pairs: usize,
    /// Those that ask the same.
    pub same: usize,
    /// Probability that a pair that asks the same is liker than one that does not.
    pub auroc: Option<f64>,
    /// The widest coverage at which 0.89 of the pairs ask the same, and the likeness that it begins at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_precision: Option<Point>,
}

/// Precision at which pairs are taken to ask the same.
const SAME_PRECISION: f64 = 0.89;

impl Report {
    /// An empty one.
    pub fn new(model: &str, rank: Value, seed: u64) -> Self {
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            model: model.to_owned(),
            rank,
            seed,
            measures: MEASURES.map(str::to_owned).to_vec(),
            sets: Vec::new(),
            ablations: Vec::new(),
        }
    }

    /// Reads one that was written.
    ///
    /// # Errors
    /// [`Error::Lines`] naming the place where it is no report, [`Error::Usage`] for another layout.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|why| Error::io(path, why))?;
        let report: Self = serde_json::from_str(&text)
            .map_err(|why| Error::Lines(vec![BadLine::new(path, why.line(), format!("is no report: {why}"))]))?;
        if report.format != FORMAT || report.measures != MEASURES {
            return Err(Error::Usage(format!("{}: is a report of another layout; run it again", path.display())));
        }
        Ok(report)
    }

    /// Writes it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string(self).map_err(|why| Error::Usage(why.to_string()))?;
        fs::write(path, text + "\n").map_err(|why| Error::io(path, why))
    }
}

impl PairsReport {
    /// From what each pair got.
    pub fn new(pairs: &[Pair], likeness: &[f64]) -> Self {
        let scores: Vec<(f64, bool)> = likeness.iter().copied().zip(pairs.iter().map(|pair| pair.same)).collect();
        let same = pairs.iter().filter(|pair| pair.same).count();
        let at_precision = metrics::at_precision(&metrics::curve(&scores), SAME_PRECISION);
        Self { pairs: pairs.len(), same, auroc: metrics::auroc(&scores), at_precision }
    }
}
