//! Every query of a set asked once a mode: what came of each, and what that makes together.
//!
//! Invariant: ranking is measured over queries that something answers, confidence over all of them.

use std::collections::HashSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::Result;
use super::metrics::{self, BINS, Bin, Point};
use super::resample::{Mean, means};
use super::set::{Judged, Mode};

/// Hits that a search is asked and timed for.
pub const SHOWN: usize = 10;
/// Places that recall looks at.
pub const DEPTH: usize = 100;
/// What is measured of a ranked list, in the order of [`Outcome::measures`].
pub const MEASURES: [&str; 5] = ["ndcg@10", "mrr@10", "recall@1", "recall@10", "recall@100"];
/// Shares of the queries at which the precision of answers is told.
const COVERAGES: [f64; 4] = [0.25, 0.5, 0.75, 1.0];
/// Precision of answers for which the coverage is told.
pub const PRECISION: f64 = 0.9;

/// What a search gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Ids, best first, each once.
    pub ids: Vec<String>,
    /// Probability that the first one answers.
    pub confidence: f64,
    /// How long it took.
    pub took: Duration,
}

/// What can be asked: an index of our own, or a server.
pub trait Searcher {
    /// Asks.
    ///
    /// # Errors
    /// What keeps it from answering.
    fn search(&self, query: &Judged, mode: Mode) -> Result<Found>;

    /// Confidence from which it counts a query as answered, where it says so.
    fn threshold(&self) -> Option<f64>;
}

/// What came of one query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The query.
    pub id: String,
    /// As [`MEASURES`] names them; absent where nothing answers the query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measures: Option<[f64; MEASURES.len()]>,
    /// Probability that the first hit answers.
    pub confidence: f64,
    /// Whether anything answers the query.
    pub answerable: bool,
    /// Whether the first hit answers it.
    pub right: bool,
    /// Time, in microseconds.
    pub us: f64,
}

/// What confidence is worth.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Confidence {
    /// Probability that an answerable query gets more of it than an unanswerable one; absent without both kinds.
    pub auroc: Option<f64>,
    /// Calibration error of it as the probability that the query is answerable; absent without both kinds.
    pub ece: Option<f64>,
    /// Calibration error of it as the probability that the first hit answers.
    pub ece_right: f64,
    /// What answering from the threshold in force on means.
    pub answered: Option<Point>,
    /// Precision of answers when this share of the queries, the surest ones, is answered.
    pub at_coverage: Vec<Point>,
    /// The widest coverage at which 0.9 of the answers are right.
    pub at_precision: Option<Point>,
    /// Confidences in 15 bins; precision is that of first hits.
    pub bins: Vec<Bin>,
}

/// What a set gave in one mode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModeReport {
    /// The mode.
    pub mode: Mode,
    /// As [`MEASURES`] names them, over the answerable queries.
    pub measures: [Mean; MEASURES.len()],
    /// Over all queries.
    pub confidence: Confidence,
    /// Median time per query, in microseconds.
    pub p50_us: f64,
    /// Its 95th percentile.
    pub p95_us: f64,
    /// Query by query.
    pub outcomes: Vec<Outcome>,
}

/// Asks every query; `asked` is called after each.
///
/// # Errors
/// The first that the searcher gives.
pub fn run(
    searcher: &dyn Searcher,
    queries: &[Judged],
    mode: Mode,
    seed: u64,
    mut asked: impl FnMut(),
) -> Result<ModeReport> {
    let mut outcomes = Vec::with_capacity(queries.len());
    for query in queries {
        outcomes.push(outcome(query, &searcher.search(query, mode)?));
        asked();
    }
    Ok(report(mode, outcomes, searcher.threshold(), seed))
}

/// What a query's list is worth.
pub fn outcome(query: &Judged, found: &Found) -> Outcome {
    let mut seen = HashSet::new();
    let ids = found.ids.iter().filter(|id| seen.insert(id.as_str()));
    let grades: Vec<u32> = ids.map(|id| query.relevant.get(id).copied().unwrap_or_default()).collect();
    let relevant: Vec<u32> = query.relevant.values().copied().collect();
    let measures = query.is_answerable().then(|| {
        [
            metrics::ndcg(&grades, &relevant, 10),
            metrics::reciprocal_rank(&grades, 10),
            metrics::recall(&grades, relevant.len(), 1),
            metrics::recall(&grades, relevant.len(), 10),
            metrics::recall(&grades, relevant.len(), DEPTH),
        ]
    });
    Outcome {
        id: query.id.clone(),
        measures,
        confidence: found.confidence,
        answerable: query.is_answerable(),
        right: grades.first().is_some_and(|grade| *grade > 0),
        us: found.took.as_secs_f64() * 1e6,
    }
}

/// What the outcomes make together.
pub fn report(mode: Mode, outcomes: Vec<Outcome>, threshold: Option<f64>, seed: u64) -> ModeReport {
    let rows: Vec<[f64; MEASURES.len()]> = outcomes.iter().filter_map(|o| o.measures).collect();
    let times: Vec<f64> = outcomes.iter().map(|o| o.us).collect();
    ModeReport {
        mode,
        measures: means(&rows, seed),
        confidence: confidence(&outcomes, threshold),
        p50_us: metrics::percentile(&times, 0.5),
        p95_us: metrics::percentile(&times, 0.95),
        outcomes,
    }
}

fn confidence(outcomes: &[Outcome], threshold: Option<f64>) -> Confidence {
    let answerable: Vec<(f64, bool)> = outcomes.iter().map(|o| (o.confidence, o.answerable)).collect();
    let right: Vec<(f64, bool)> = outcomes.iter().map(|o| (o.confidence, o.right)).collect();
    let curve = metrics::curve(&right);
    let answered = threshold.map(|threshold| {
        let reached = curve.iter().rfind(|point| point.threshold >= threshold).copied().unwrap_or_default();
        Point { threshold, ..reached }
    });
    let auroc = metrics::auroc(&answerable);
    Confidence {
        auroc,
        ece: auroc.map(|_| metrics::calibration_error(&answerable, BINS)),
        ece_right: metrics::calibration_error(&right, BINS),
        answered,
        at_coverage: COVERAGES.iter().filter_map(|share| metrics::at_coverage(&curve, *share)).collect(),
        at_precision: metrics::at_precision(&curve, PRECISION),
        bins: metrics::bins(&right, BINS),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn found(ids: &[&str], confidence: f64) -> Found {
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        Found { ids, confidence, took: Duration::from_micros(10) }
    }

    fn judged(relevant: &[&str]) -> Judged {
        Judged { relevant: relevant.iter().map(|id| ((*id).to_owned(), 1)).collect(), ..Judged::default() }
    }

    #[test]
    fn a_list_is_measured_against_all_that_is_relevant() {
        let outcome = outcome(&judged(&["a", "b"]), &found(&["x", "a", "a", "b"], 0.5));
        let [ndcg, mrr, r1, r10, r100] = outcome.measures.unwrap();
        let expected = (0.630_929_753_571 + 0.5) / 1.630_929_753_571;
        assert!((ndcg - expected).abs() < 1e-9, "an id that comes twice counts once: {ndcg}");
        assert_eq!((mrr, r1, r10, r100), (0.5, 0.0, 1.0, 1.0));
        assert!(!outcome.right && outcome.answerable);
    }

    #[test]
    fn confidence_is_measured_over_all_queries_and_ranking_over_the_answerable() {
        let outcomes = vec![
            outcome(&judged(&["a"]), &found(&["a"], 0.9)),
            outcome(&judged(&["a"]), &found(&["b"], 0.4)),
            outcome(&judged(&[]), &found(&["b"], 0.6)),
        ];
        let report = report(Mode::Hybrid, outcomes, Some(0.5), 1);
        assert_eq!(report.measures[1].mean, 0.5);
        assert_eq!(report.confidence.auroc, Some(0.5));
        let answered = report.confidence.answered.unwrap();
        assert_eq!((answered.threshold, answered.precision), (0.5, 0.5));
        assert!((answered.coverage - 2.0 / 3.0).abs() < 1e-9);
        assert!((report.confidence.at_precision.unwrap().coverage - 1.0 / 3.0).abs() < 1e-9);
    }
}
