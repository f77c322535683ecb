//! How likely does a text belong to no label at all?
//!
//! Invariant: the model is fitted without a single text from outside: labels are hidden in turn, and their examples
//! play the strangers.

use crate::dense::Code;

/// Signs of a stranger: probability of the best label, its lead in score, the nearest example's cosine, the mean of
/// the five nearest, share of known words.
pub const SIGNS: usize = 5;
/// Nearest examples that are looked at.
const NEAREST: usize = 5;

/// What is seen of a text.
pub(super) type Signs = [f32; SIGNS];

/// A logistic model over the signs: constant first.
#[derive(Debug, Clone, Copy)]
pub(super) struct NoneModel(pub [f32; SIGNS + 1]);

/// The vectors of examples, one after the other.
pub(super) struct Codes {
    dimension: usize,
    values: Vec<i8>,
    scales: Vec<f32>,
}

impl Codes {
    pub fn of(vectors: &[Vec<f32>]) -> Self {
        let dimension = vectors.first().map_or(0, Vec::len);
        let mut codes = Self { dimension, values: Vec::with_capacity(dimension * vectors.len()), scales: Vec::new() };
        for vector in vectors {
            let code = Code::quantize(vector);
            codes.values.extend(code.values.iter());
            codes.scales.push(code.scale);
        }
        codes
    }

    pub fn len(&self) -> usize {
        self.scales.len()
    }

    /// One of them.
    pub fn get(&self, at: usize) -> Option<Code> {
        let values = self.values.get(at * self.dimension..(at + 1) * self.dimension)?;
        Some(Code { scale: *self.scales.get(at)?, values: values.into() })
    }
}

/// The cosines of the nearest of `codes` to a vector, of those for which `counts`: the nearest, and the mean of the five
/// nearest.
pub(super) fn nearest(vector: &Code, codes: &Codes, counts: impl Fn(usize) -> bool) -> (f32, f32) {
    let mut best = [0.0_f32; NEAREST];
    let rows = codes.values.chunks_exact(codes.dimension.max(1)).zip(&codes.scales);
    for (_, (values, scale)) in rows.enumerate().filter(|(at, _)| counts(*at)) {
        let mut cosine = dot(&vector.values, values) as f32 * vector.scale * scale;
        for place in &mut best {
            if cosine > *place {
                std::mem::swap(place, &mut cosine);
            }
        }
    }
    (best.first().copied().unwrap_or(0.0), best.iter().sum::<f32>() / NEAREST as f32)
}

fn dot(a: &[i8], b: &[i8]) -> i32 {
    a.iter().zip(b).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
}

impl NoneModel {
    /// Probability that a text with these signs belongs to no label.
    pub fn probability(&self, signs: &Signs) -> f32 {
        let [constant, weights @ ..] = &self.0;
        let sum = constant + weights.iter().zip(signs).map(|(weight, sign)| weight * sign).sum::<f32>();
        1.0 / (1.0 + (-sum).exp())
    }

    /// Fits by iteratively reweighted least squares; strangers count so that their share is `prior`.
    pub fn fit(seen: &[(Signs, bool)], prior: f32) -> Option<Self> {
        let strangers = seen.iter().filter(|(_, stranger)| *stranger).count();
        let own = seen.len() - strangers;
        if strangers < 10 || own < 10 {
            return None;
        }
        const N: usize = SIGNS + 1;
        let weigh = |stranger: bool| match stranger {
            true => f64::from(prior) / strangers as f64,
            false => (1.0 - f64::from(prior)) / own as f64,
        };
        let mut weights = [0.0_f64; N];
        for _ in 0..30 {
            let mut slope = weights.map(|w| -1e-4 * w);
            let mut bend = [[0.0_f64; N]; N];
            bend.iter_mut().enumerate().for_each(|(at, row)| row.iter_mut().skip(at).take(1).for_each(|x| *x = 1e-4));
            for (signs, stranger) in seen {
                let mut input = [1.0_f64; N];
                input.iter_mut().skip(1).zip(signs).for_each(|(to, sign)| *to = f64::from(*sign));
                let sum: f64 = input.iter().zip(&weights).map(|(x, w)| x * w).sum();
                let guess = 1.0 / (1.0 + (-sum).exp());
                let (weight, goal) = (weigh(*stranger), f64::from(u8::from(*stranger)));
                for (slope, x) in slope.iter_mut().zip(&input) {
                    *slope += weight * (goal - guess) * x;
                }
                for (row, x) in bend.iter_mut().zip(&input) {
                    for (cell, y) in row.iter_mut().zip(&input) {
                        *cell += weight * guess * (1.0 - guess) * x * y;
                    }
                }
            }
            let step = solve(bend, slope)?;
            weights.iter_mut().zip(step).for_each(|(w, s)| *w += s.clamp(-4.0, 4.0));
        }
        Some(Self(weights.map(|w| w as f32)))
    }
}

/// Solves a small symmetric system by elimination with pivots.
fn solve<const N: usize>(mut rows: [[f64; N]; N], mut right: [f64; N]) -> Option<[f64; N]> {
    for at in 0..N {
        let size = |row: &usize| rows.get(*row).and_then(|r| r.get(at)).map_or(0.0, |x| x.abs());
        let pivot = (at..N).max_by(|a, b| size(a).total_cmp(&size(b)))?;
        rows.swap(at, pivot);
        right.swap(at, pivot);
        let (row, own) = (*rows.get(at)?, *right.get(at)?);
        let lead = *row.get(at)?;
        if lead.abs() < 1e-12 {
            return None;
        }
        for (other, right) in rows.iter_mut().zip(right.iter_mut()).skip(at + 1) {
            let factor = *other.get(at)? / lead;
            other.iter_mut().zip(&row).for_each(|(x, y)| *x -= factor * y);
            *right -= factor * own;
        }
    }
    let mut out = [0.0; N];
    for at in (0..N).rev() {
        let row = rows.get(at)?;
        let rest: f64 = row.iter().zip(&out).skip(at + 1).map(|(x, y)| x * y).sum();
        let value = (right.get(at)? - rest) / row.get(at)?;
        *out.get_mut(at)? = value;
    }
    Some(out)
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_small_system_is_solved() {
        let found = solve([[2.0, 1.0], [1.0, 3.0]], [3.0, 5.0]).unwrap_or_default();
        assert!((found[0] - 0.8).abs() < 1e-9 && (found[1] - 1.4).abs() < 1e-9, "{found:?}");
        assert!(solve([[1.0, 1.0], [1.0, 1.0]], [1.0, 2.0]).is_none());
    }

    #[test]
    fn strangers_are_told_by_their_signs_at_the_prior() {
        let own = (0..50).map(|n| ([0.9, 3.0, 0.8 - n as f32 / 500.0, 0.7, 1.0], false));
        let others = (0..50).map(|n| ([0.4, 0.5, 0.3 + n as f32 / 500.0, 0.2, 0.5], true));
        let seen: Vec<(Signs, bool)> = own.chain(others).collect();
        let model = NoneModel::fit(&seen, 0.2).unwrap_or(NoneModel([0.0; SIGNS + 1]));
        assert!(model.probability(&[0.9, 3.0, 0.8, 0.7, 1.0]) < 0.1);
        assert!(model.probability(&[0.4, 0.5, 0.3, 0.2, 0.5]) > 0.8);
        let mean = seen.iter().map(|(s, _)| model.probability(s)).sum::<f32>() / 100.0;
        assert!((0.3..0.6).contains(&mean), "{mean}");
        assert!(NoneModel::fit(&seen[..20], 0.2).is_none(), "strangers are needed to know them");
    }
}
