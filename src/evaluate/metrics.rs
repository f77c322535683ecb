//! How good is a ranked list, and how much is a confidence worth?
//!
//! Invariant: pure functions of grades and scores. nDCG with linear gain and log2 discount (Järvelin and Kekäläinen 2002,
//! as trec_eval counts it); calibration error over bins of equal width (Naeini, Cooper and Hauskrecht 2015).

use serde::{Deserialize, Serialize};

/// Bins of a calibration error.
pub const BINS: usize = 15;

/// Normalised discounted cumulative gain of the first `k` places.
///
/// `grades` are those of the list, place by place, 0 for what is not relevant; `relevant` are all grades of the query.
pub fn ndcg(grades: &[u32], relevant: &[u32], k: usize) -> f64 {
    let mut best = relevant.to_vec();
    best.sort_unstable_by(|a, b| b.cmp(a));
    let ideal = dcg(&best, k);
    if ideal > 0.0 { dcg(grades, k) / ideal } else { 0.0 }
}

fn dcg(grades: &[u32], k: usize) -> f64 {
    let gain = |(grade, place): (&u32, u32)| f64::from(*grade) / f64::from(place).log2();
    // The sum of nothing is -0.0, which reads as a figure.
    grades.iter().take(k).zip(2..).map(gain).fold(0.0, |sum, gain| sum + gain)
}

/// One over the place of the first relevant one among the first `k`; 0 where there is none.
pub fn reciprocal_rank(grades: &[u32], k: usize) -> f64 {
    grades.iter().take(k).position(|grade| *grade > 0).map_or(0.0, |place| 1.0 / (place + 1) as f64)
}

/// Share of all `relevant` ones among the first `k`.
pub fn recall(grades: &[u32], relevant: usize, k: usize) -> f64 {
    let found = grades.iter().take(k).filter(|grade| **grade > 0).count();
    if relevant > 0 { found as f64 / relevant as f64 } else { 0.0 }
}

/// Probability that a true one scores above a false one, equal scores counted half; none without both kinds.
pub fn auroc(scores: &[(f64, bool)]) -> Option<f64> {
    let mut sorted = scores.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let positives = sorted.iter().filter(|(_, is)| *is).count();
    let negatives = sorted.len() - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    // Mann-Whitney: the sum of the positives' ranks, ties sharing the mean of theirs.
    let mut ranks = 0.0;
    let mut below = 0;
    for tied in sorted.chunk_by(|a, b| a.0 == b.0) {
        let shared = below as f64 + (tied.len() + 1) as f64 / 2.0;
        ranks += shared * tied.iter().filter(|(_, is)| *is).count() as f64;
        below += tied.len();
    }
    let (p, n) = (positives as f64, negatives as f64);
    Some((ranks - p * (p + 1.0) / 2.0) / (p * n))
}

/// One bin of a reliability diagram.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Lower end of its confidences.
    pub from: f64,
    /// Upper end.
    pub to: f64,
    /// How many fell into it.
    pub count: usize,
    /// Mean of their confidences.
    pub confidence: f64,
    /// Share of them that was true.
    pub precision: f64,
}

/// Confidences in bins of equal width over [0, 1], the last one closed; empty bins are kept.
pub fn bins(scores: &[(f64, bool)], count: usize) -> Vec<Bin> {
    let width = 1.0 / count.max(1) as f64;
    let mut bins: Vec<Bin> =
        (0..count).map(|n| Bin { from: n as f64 * width, to: (n + 1) as f64 * width, ..Bin::default() }).collect();
    for (confidence, is) in scores {
        let place = ((confidence.clamp(0.0, 1.0) * count as f64) as usize).min(count.saturating_sub(1));
        if let Some(bin) = bins.get_mut(place) {
            bin.count += 1;
            bin.confidence += confidence;
            bin.precision += f64::from(u8::from(*is));
        }
    }
    for bin in bins.iter_mut().filter(|bin| bin.count > 0) {
        bin.confidence /= bin.count as f64;
        bin.precision /= bin.count as f64;
    }
    bins
}

/// Expected calibration error: mean distance of confidence and truth, bin by bin, weighted by count.
pub fn calibration_error(scores: &[(f64, bool)], count: usize) -> f64 {
    let all = scores.len().max(1) as f64;
    bins(scores, count).iter().map(|bin| bin.count as f64 / all * (bin.confidence - bin.precision).abs()).sum()
}

/// What answering from a threshold on means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Confidence from which a query is answered.
    pub threshold: f64,
    /// Share of all queries that is answered.
    pub coverage: f64,
    /// Share of the answered ones that is answered rightly.
    pub precision: f64,
}

/// Coverage and precision at every threshold that changes them, from the highest down.
pub fn curve(scores: &[(f64, bool)]) -> Vec<Point> {
    let mut sorted = scores.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut answered, mut right) = (0, 0);
    let mut points = Vec::new();
    for tied in sorted.chunk_by(|a, b| a.0 == b.0) {
        answered += tied.len();
        right += tied.iter().filter(|(_, is)| *is).count();
        points.push(Point {
            threshold: tied.first().map_or(0.0, |(score, _)| *score),
            coverage: answered as f64 / sorted.len() as f64,
            precision: right as f64 / answered as f64,
        });
    }
    points
}

/// The first point, from the highest threshold down, that answers at least this share of the queries.
pub fn at_coverage(curve: &[Point], coverage: f64) -> Option<Point> {
    curve.iter().find(|point| point.coverage >= coverage - 1e-9).copied()
}

/// The point of the widest coverage that is still that precise.
pub fn at_precision(curve: &[Point], precision: f64) -> Option<Point> {
    curve.iter().rfind(|point| point.precision >= precision - 1e-9).copied()
}

/// The value below which this share of the sample lies (nearest rank).
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(place.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-9, "{a} is not {b}");
    }

    #[test]
    fn gain_is_discounted_by_place() {
        // Relevant at places 2 and 4, both of grade 1: (1/log2 3 + 1/log2 5) / (1 + 1/log2 3).
        near(ndcg(&[0, 1, 0, 1], &[1, 1], 10), (0.630_929_753_571 + 0.430_676_558_073) / 1.630_929_753_571);
        // Grades 3, 2, 3, 0, 1, 2 of the textbook, linear gain: DCG 6.8611, ideal 3, 3, 2, 2, 1, 0: 7.1410.
        let textbook = ndcg(&[3, 2, 3, 0, 1, 2], &[3, 2, 3, 0, 1, 2], 6);
        assert!((textbook - 0.960_8).abs() < 1e-4, "{textbook}");
        near(ndcg(&[1], &[1], 10), 1.0);
        near(ndcg(&[0; 20], &[1], 10), 0.0);
        near(ndcg(&[], &[], 10), 0.0);
        // What stands behind the cut counts for nothing.
        near(ndcg(&[0, 0, 1], &[1], 2), 0.0);
    }

    #[test]
    fn rank_and_recall_stop_at_the_cut() {
        near(reciprocal_rank(&[0, 0, 1, 1], 10), 1.0 / 3.0);
        near(reciprocal_rank(&[0, 0, 1], 2), 0.0);
        near(recall(&[1, 0, 1, 0, 1], 4, 3), 0.5);
        near(recall(&[1], 4, 10), 0.25);
        near(recall(&[], 0, 10), 0.0);
    }

    #[test]
    fn area_under_the_curve_counts_ties_half() {
        // Positives 0.8, 0.4; negatives 0.4, 0.1: of four pairs three are right, one is a tie.
        let some = auroc(&[(0.8, true), (0.4, true), (0.4, false), (0.1, false)]);
        near(some.unwrap_or_default(), 3.5 / 4.0);
        near(auroc(&[(0.5, true), (0.5, false)]).unwrap_or_default(), 0.5);
        near(auroc(&[(0.1, true), (0.9, false)]).unwrap_or(1.0), 0.0);
        assert_eq!(auroc(&[(0.3, true)]), None);
        assert_eq!(auroc(&[]), None);
    }

    #[test]
    fn calibration_error_weighs_bins_by_count() {
        // Two bins: three at 0.2 of which one is true, one at 0.9 that is true: 3/4 · |0.2 − 1/3| + 1/4 · 0.1.
        let scores = [(0.2, true), (0.2, false), (0.2, false), (0.9, true)];
        near(calibration_error(&scores, 2), 0.75 * (1.0 / 3.0 - 0.2) + 0.25 * 0.1);
        let bins = bins(&scores, 2);
        assert_eq!((bins[0].count, bins[1].count), (3, 1));
        // The ends belong to the first and the last bin; a perfect model has no error.
        near(calibration_error(&[(1.0, true), (0.0, false)], BINS), 0.0);
        near(calibration_error(&[], BINS), 0.0);
    }

    #[test]
    fn answering_more_costs_precision() {
        let scores = [(0.9, true), (0.8, true), (0.8, false), (0.3, false)];
        let points = curve(&scores);
        assert_eq!(points.len(), 3, "equal confidences are answered together: {points:?}");
        near(points[1].coverage, 0.75);
        near(points[1].precision, 2.0 / 3.0);
        near(at_coverage(&points, 0.5).unwrap_or_default().precision, 2.0 / 3.0);
        near(at_precision(&points, 0.9).unwrap_or_default().coverage, 0.25);
        near(at_precision(&points, 0.5).unwrap_or_default().threshold, 0.3);
        assert_eq!(at_precision(&curve(&[(0.9, false)]), 0.9), None);
        assert!(curve(&[]).is_empty());
    }

    #[test]
    fn percentiles_are_values_of_the_sample() {
        let values = [4.0, 1.0, 3.0, 2.0];
        near(percentile(&values, 0.5), 2.0);
        near(percentile(&values, 0.95), 4.0);
        near(percentile(&[], 0.5), 0.0);
    }
}
