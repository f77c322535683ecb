//! From which confidence on should a query be answered, so that answers are right often enough?
//!
//! Invariant: too few labelled queries give no threshold: what they would say is chance. The interval of a precision is
//! Wilson's (1927).

use serde::Serialize;

use super::metrics::{BINS, Bin, Point, at_precision, auroc, bins, calibration_error, curve};

/// Fewest labelled queries.
pub const MIN_QUERIES: usize = 50;
/// Fewest that are answered rightly, and fewest that are not.
pub const MIN_EACH: usize = 10;
/// Fewest answered ones that a precision is read from.
pub const MIN_ANSWERED: usize = 30;

/// 97.5 % quantile of the normal distribution.
const Z: f64 = 1.959_964;

/// What the labelled queries say about confidence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// Labelled queries.
    pub queries: usize,
    /// Those whose first hit answers them.
    pub right: usize,
    /// Probability that a right first hit has more confidence than another; absent without both kinds.
    pub auroc: Option<f64>,
    /// Calibration error of confidence as the probability that the first hit answers.
    pub ece: f64,
    /// Confidence and truth in 15 bins.
    pub bins: Vec<Bin>,
    /// Coverage and precision at thresholds from 0.05 to 0.95.
    pub curve: Vec<Point>,
    /// What is said about a threshold.
    pub verdict: Verdict,
}

/// What is said about a threshold.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// It reaches the target.
    Chosen(Choice),
    /// No threshold is that precise.
    Unreachable {
        /// The most precise point with enough answers, where there is one.
        best: Option<Point>,
    },
    /// There are too few labelled queries.
    TooFew {
        /// What is missing, in words.
        missing: Vec<String>,
    },
}

/// A threshold that reaches the target.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Choice {
    /// The threshold, four decimals.
    pub threshold: f64,
    /// Share of the queries that is answered from there on.
    pub coverage: f64,
    /// Share of the answered ones that is right.
    pub precision: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// How many are answered.
    pub answered: usize,
}

/// Looks at confidences and whether the first hit was right, and chooses a threshold of that precision.
pub fn calibrate(scores: &[(f64, bool)], target: f64) -> Calibration {
    let right = scores.iter().filter(|(_, right)| *right).count();
    let whole = curve(scores);
    let at = |threshold: f64| {
        let reached = whole.iter().rfind(|point| point.threshold >= threshold).copied().unwrap_or_default();
        Point { threshold, ..reached }
    };
    Calibration {
        queries: scores.len(),
        right,
        auroc: auroc(scores),
        ece: calibration_error(scores, BINS),
        bins: bins(scores, BINS),
        curve: (1..20).map(|n| at(f64::from(n) * 0.05)).collect(),
        verdict: verdict(scores.len(), right, &whole, target),
    }
}

fn verdict(queries: usize, right: usize, curve: &[Point], target: f64) -> Verdict {
    let missing: Vec<String> = [
        (queries, MIN_QUERIES, "labelled queries"),
        (right, MIN_EACH, "queries whose first hit is right"),
        (queries - right, MIN_EACH, "queries that nothing answers, or whose first hit is wrong"),
    ]
    .into_iter()
    .filter(|(there, needed, _)| there < needed)
    .map(|(there, needed, what)| format!("{needed} {what} are needed, there are {there}"))
    .collect();
    if !missing.is_empty() {
        return Verdict::TooFew { missing };
    }
    let answered = |point: &Point| (point.coverage * queries as f64).round() as usize;
    let enough: Vec<Point> = curve.iter().filter(|point| answered(point) >= MIN_ANSWERED.min(right)).copied().collect();
    let Some(point) = at_precision(&enough, target) else {
        return Verdict::Unreachable { best: enough.into_iter().max_by(|a, b| a.precision.total_cmp(&b.precision)) };
    };
    // Half-way to the next query that is not answered, so that those like the last answered one are on its side.
    let next = curve.iter().find(|other| other.threshold < point.threshold).map_or(0.0, |other| other.threshold);
    let between = point.threshold - (point.threshold - next) / 2.0;
    let down = (between * 10_000.0).ceil() / 10_000.0;
    let threshold = if down > point.threshold { point.threshold } else { down };
    let (low, high) = wilson(point.precision, answered(&point));
    let Point { coverage, precision, .. } = point;
    Verdict::Chosen(Choice { threshold, coverage, precision, low, high, answered: answered(&point) })
}

fn wilson(share: f64, count: usize) -> (f64, f64) {
    let n = count as f64;
    let scale = 1.0 + Z * Z / n;
    let middle = (share + Z * Z / (2.0 * n)) / scale;
    let half = Z / scale * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(right: usize, wrong: usize) -> Vec<(f64, bool)> {
        let of = |n: usize, from: f64, is: bool| (0..n).map(move |i| (from + 0.4 * i as f64 / n as f64, is));
        of(right, 0.55, true).chain(of(wrong, 0.05, false)).collect()
    }

    #[test]
    fn few_labels_move_nothing_and_say_how_many_are_missing() {
        let Verdict::TooFew { missing } = calibrate(&sample(30, 3), 0.9).verdict else {
            panic!("3 wrong ones suffice")
        };
        assert_eq!(missing.len(), 2, "{missing:?}");
        assert!(missing.iter().any(|m| m.contains("50 labelled queries are needed, there are 33")), "{missing:?}");
        assert!(matches!(calibrate(&[], 0.9).verdict, Verdict::TooFew { .. }));
    }

    #[test]
    fn the_threshold_stands_between_right_and_wrong() {
        let calibration = calibrate(&sample(60, 40), 0.95);
        let Verdict::Chosen(choice) = calibration.verdict else { panic!("{:?}", calibration.verdict) };
        // 60 right ones, and as many wrong ones as 0.95 allows: 3 of 63.
        assert_eq!((choice.answered, calibration.auroc), (63, Some(1.0)));
        assert!((choice.precision - 60.0 / 63.0).abs() < 1e-9 && choice.low < choice.precision, "{choice:?}");
        assert!((0.40..0.45).contains(&choice.threshold), "{choice:?}");
    }

    #[test]
    fn what_cannot_be_reached_is_said() {
        let mixed: Vec<(f64, bool)> = (0..100).map(|n| (f64::from(n) / 100.0, n % 2 == 0)).collect();
        let Verdict::Unreachable { best } = calibrate(&mixed, 0.9).verdict else { panic!("half of them are wrong") };
        assert!(best.is_some_and(|point| point.precision < 0.6));
    }

    #[test]
    fn an_interval_is_wilsons() {
        // 81 of 90: the textbook interval is 0.821 to 0.947.
        let (low, high) = wilson(0.9, 90);
        assert!((low - 0.8206).abs() < 2e-3 && (high - 0.9464).abs() < 2e-3, "{low} {high}");
    }
}
