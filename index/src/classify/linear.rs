//! A softmax over labels, linear in words, pieces and the vector; trained by AdaGrad, one rate a feature.
//!
//! Invariant: the same examples and seed give the same weights. The weights of a feature stand together, label by label,
//! so that an example costs one pass over contiguous rows for each feature it has.

use super::features::Sparse;
use super::settings::ClassifySettings;

/// Examples held out that are looked at after each pass.
const LOOKED_AT: usize = 1_000;

/// An example as the model sees it.
pub(super) struct Row {
    pub sparse: Sparse,
    pub dense: Vec<f32>,
}

/// The weights.
pub(super) struct Linear {
    labels: usize,
    /// How many features are sparse; those of the vector follow, then the constant.
    sparse: usize,
    weights: Vec<f32>,
    squares: Vec<f32>,
}

/// A fixed order that looks random: SplitMix64 (Steele, Lea and Flood 2014).
struct Shuffle(u64);

impl Shuffle {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit.max(1) as u64) as usize
    }

    fn order(&mut self, places: &mut [usize]) {
        for at in (1..places.len()).rev() {
            places.swap(at, self.below(at + 1));
        }
    }
}

/// Makes probabilities of scores.
pub(super) fn softmax(scores: &mut [f32]) {
    let high = scores.iter().copied().fold(f32::MIN, f32::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - high).exp();
        sum += *score;
    }
    scores.iter_mut().for_each(|score| *score /= sum.max(f32::MIN_POSITIVE));
}

impl Linear {
    pub fn new(labels: usize, sparse: usize, dimension: usize) -> Self {
        let features = sparse + dimension + 1;
        Self { labels, sparse, weights: vec![0.0; features * labels], squares: vec![1e-2; features] }
    }

    /// The features of an example with their values.
    fn features<'a>(&self, row: &'a Row, scale: f32) -> impl Iterator<Item = (usize, f32)> + use<'a> {
        let first = self.sparse;
        let sparse = row.sparse.iter().map(|(feature, value)| (*feature as usize, *value));
        let dense = row.dense.iter().enumerate().map(move |(at, value)| (first + at, value * scale));
        let constant = (first + row.dense.len(), 0.3);
        sparse.chain(dense).chain(std::iter::once(constant))
    }

    /// The score of every label.
    pub fn scores(&self, row: &Row, settings: &ClassifySettings) -> Vec<f32> {
        let mut scores = vec![0.0; self.labels];
        for (feature, value) in self.features(row, settings.dense) {
            let from = feature * self.labels;
            let Some(weights) = self.weights.get(from..from + self.labels) else { continue };
            for (score, weight) in scores.iter_mut().zip(weights) {
                *score += value * weight;
            }
        }
        scores
    }

    /// One pass over the examples at `places`.
    fn pass(&mut self, rows: &[Row], labels: &[usize], places: &[usize], settings: &ClassifySettings) {
        for at in places {
            let (Some(row), Some(label)) = (rows.get(*at), labels.get(*at)) else { continue };
            let mut slope = self.scores(row, settings);
            softmax(&mut slope);
            let Some(own) = slope.get_mut(*label) else { continue };
            // What is known well teaches nothing more.
            if *own > 0.98 {
                continue;
            }
            *own -= 1.0;
            let size: f32 = slope.iter().map(|s| s * s).sum();
            for (feature, value) in self.features(row, settings.dense) {
                let Some(square) = self.squares.get_mut(feature) else { continue };
                *square += value * value * size;
                let step = settings.rate * value / square.sqrt();
                let from = feature * self.labels;
                let Some(weights) = self.weights.get_mut(from..from + self.labels) else { continue };
                for (weight, slope) in weights.iter_mut().zip(&slope) {
                    *weight -= step * slope;
                }
            }
        }
    }

    /// Trains for a number of passes, or until `held` (places of examples held out) are told no better. Says how many
    /// passes were best.
    pub fn train(
        &mut self,
        rows: &[Row],
        labels: &[usize],
        places: &[usize],
        held: &[usize],
        passes: usize,
        settings: &ClassifySettings,
    ) -> usize {
        let mut order = places.to_vec();
        let mut shuffle = Shuffle(7);
        let mut best = (f32::MIN, passes);
        for pass in 1..=passes {
            shuffle.order(&mut order);
            self.pass(rows, labels, &order, settings);
            if held.is_empty() {
                continue;
            }
            let gain = self.likelihood(rows, labels, held, settings);
            if gain > best.0 + 1e-3 {
                best = (gain, pass);
            } else if pass >= best.1 + settings.patience {
                break;
            }
        }
        best.1
    }

    /// The mean logarithm of the probability of the right label.
    fn likelihood(&self, rows: &[Row], labels: &[usize], places: &[usize], settings: &ClassifySettings) -> f32 {
        let step = places.len().div_ceil(LOOKED_AT).max(1);
        let of = |at: &usize| {
            let mut scores = self.scores(rows.get(*at)?, settings);
            softmax(&mut scores);
            Some(scores.get(*labels.get(*at)?)?.max(1e-6).ln())
        };
        let some: Vec<f32> = places.iter().step_by(step).filter_map(of).collect();
        some.iter().sum::<f32>() / some.len().max(1) as f32
    }
}
