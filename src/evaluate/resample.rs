//! How sure is a mean, and how sure is a difference? Bootstrap intervals and a paired randomisation test.
//!
//! Invariant: the same values and seed give the same answer. Bootstrap: Efron and Tibshirani 1993, percentile interval;
//! for retrieval: Sakai 2006, Smucker, Allan and Carterette 2007.

use serde::{Deserialize, Serialize};

/// Resamples drawn for an interval.
pub const RESAMPLES: usize = 1_000;
/// Assignments drawn for a test.
pub const ASSIGNMENTS: usize = 5_000;
/// Share of resamples inside an interval.
pub const LEVEL: f64 = 0.95;

/// A stream of numbers from a seed (SplitMix64, Steele, Lea and Flood 2014).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 where the bound is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        // Multiply and shift: the bias is below bound / 2^64.
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    /// Puts items in an order of its own.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// A mean and the interval it lies in, at [`LEVEL`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// How two runs over the same queries differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Mean of the second minus mean of the first.
    pub mean: f64,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Probability of a difference at least as large if it did not matter which run is which (two-sided).
    pub p: f64,
    /// Queries compared.
    pub queries: usize,
}

/// The mean of a sample.
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// Means of several measures of the same queries, each with its interval; one resample serves all of them.
///
/// Each row is a query, each place of it a measure.
pub fn means<const N: usize>(rows: &[[f64; N]], seed: u64) -> [Mean; N] {
    let mut random = Random::new(seed);
    let mut drawn: [Vec<f64>; N] = std::array::from_fn(|_| Vec::with_capacity(RESAMPLES));
    for _ in 0..RESAMPLES {
        let mut sums = [0.0; N];
        for _ in 0..rows.len() {
            for (sum, value) in sums.iter_mut().zip(rows.get(random.below(rows.len())).into_iter().flatten()) {
                *sum += value;
            }
        }
        for (means, sum) in drawn.iter_mut().zip(sums) {
            means.push(sum / rows.len().max(1) as f64);
        }
    }
    let mut place = 0..;
    drawn.map(|mut drawn| {
        let measure = place.next().unwrap_or_default();
        let values: Vec<f64> = rows.iter().filter_map(|row| row.get(measure).copied()).collect();
        let (low, high) = interval(&mut drawn);
        Mean { mean: mean(&values), low, high }
    })
}

/// How the second of two values of each query differs from the first.
pub fn paired(pairs: &[(f64, f64)], seed: u64) -> Difference {
    let differences: Vec<f64> = pairs.iter().map(|(a, b)| b - a).collect();
    let rows: Vec<[f64; 1]> = differences.iter().map(|d| [*d]).collect();
    let [Mean { mean: observed, low, high }] = means(&rows, seed);
    let mut random = Random::new(seed ^ 0x5eed);
    let mut extreme = 0;
    for _ in 0..ASSIGNMENTS {
        let mut sum = 0.0;
        let mut bits = 0;
        for (n, difference) in differences.iter().enumerate() {
            if n % 64 == 0 {
                bits = random.next();
            }
            sum += if bits >> (n % 64) & 1 == 1 { *difference } else { -difference };
        }
        let drawn = sum / differences.len().max(1) as f64;
        extreme += usize::from(drawn.abs() >= observed.abs() - 1e-12);
    }
    let p = (extreme + 1) as f64 / (ASSIGNMENTS + 1) as f64;
    Difference { mean: observed, low, high, p, queries: pairs.len() }
}

fn interval(drawn: &mut [f64]) -> (f64, f64) {
    drawn.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (share * drawn.len() as f64) as usize;
        drawn.get(place.min(drawn.len().saturating_sub(1))).copied().unwrap_or_default()
    };
    (at((1.0 - LEVEL) / 2.0), at((1.0 + LEVEL) / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_as_wide_as_theory_says() {
        // 400 coin flips: the standard error of the mean is 0.025, the interval ± 1.96 of it.
        let rows: Vec<[f64; 2]> = (0..400).map(|n| [f64::from(n % 2), 1.0]).collect();
        let [coin, constant] = means(&rows, 1);
        assert_eq!(coin.mean, 0.5);
        assert!((coin.low - 0.451).abs() < 0.01 && (coin.high - 0.549).abs() < 0.01, "{coin:?}");
        assert_eq!(constant, Mean { mean: 1.0, low: 1.0, high: 1.0 });
        assert_eq!(means(&rows, 1), means(&rows, 1));
    }

    #[test]
    fn a_difference_that_is_everywhere_is_sure_and_one_that_is_noise_is_not() {
        let better: Vec<(f64, f64)> = (0..50).map(|n| (f64::from(n % 5), f64::from(n % 5) + 0.1)).collect();
        let sure = paired(&better, 3);
        assert!((sure.mean - 0.1).abs() < 1e-9 && sure.low > 0.0 && sure.p < 0.001, "{sure:?}");
        let noise: Vec<(f64, f64)> = (0..50).map(|n| if n % 2 == 0 { (0.0, 1.0) } else { (1.0, 0.0) }).collect();
        let unsure = paired(&noise, 3);
        assert!(unsure.mean.abs() < 1e-9 && unsure.p > 0.9 && unsure.low < 0.0 && unsure.high > 0.0, "{unsure:?}");
        let same = paired(&[(0.3, 0.3), (0.7, 0.7)], 3);
        assert_eq!((same.mean, same.p), (0.0, 1.0));
    }

    #[test]
    fn nothing_measured_is_nothing_claimed() {
        let [none] = means::<1>(&[], 1);
        assert_eq!(none, Mean::default());
        assert_eq!(paired(&[], 1).queries, 0);
    }

    #[test]
    fn random_numbers_reach_every_place() {
        let mut random = Random::new(0);
        let mut seen = [0; 7];
        for _ in 0..7_000 {
            if let Some(count) = seen.get_mut(random.below(7)) {
                *count += 1;
            }
        }
        assert!(seen.iter().all(|n| (850..1_150).contains(n)), "{seen:?}");
    }
}
