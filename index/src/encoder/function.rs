//! The functions between the products: normalisation, activations, softmax.
//!
//! Invariant: plain arithmetic without branches on the values, so that compilers can use the widest instructions; each
//! is within 4 units in the last place of the true function on the range it is used on, or 2e-7 in absolute terms.

use pulp::Arch;

/// What follows the first product of a feed-forward layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    /// `x · Φ(x)` with the error function.
    Gelu,
    /// `x · Φ(x)` with the hyperbolic tangent (Hendrycks and Gimpel 2016).
    GeluTanh,
    /// `max(x, 0)`.
    Relu,
    /// `x · σ(x)`.
    Silu,
}

struct Run<F>(F);

impl<F: FnOnce()> pulp::NullaryFnOnce for Run<F> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        (self.0)();
    }
}

impl Activation {
    /// Applies it to every value.
    pub fn apply(self, values: &mut [f32]) {
        Arch::new().dispatch(Run(
            #[inline(always)]
            || match self {
                Activation::Gelu => {
                    for x in values {
                        *x = 0.5 * *x * (1.0 + erf(*x * std::f32::consts::FRAC_1_SQRT_2));
                    }
                }
                Activation::GeluTanh => {
                    for x in values {
                        let inner = 0.797_884_6 * (*x + 0.044_715 * *x * *x * *x);
                        *x = 0.5 * *x * (1.0 + tanh(inner));
                    }
                }
                Activation::Relu => {
                    for x in values {
                        *x = x.max(0.0);
                    }
                }
                Activation::Silu => {
                    for x in values {
                        *x /= 1.0 + exp(-*x);
                    }
                }
            },
        ));
    }
}

/// The exponential function, for arguments clamped to −87..=88.
///
/// Source: Cephes `expf` (Moshier), with the power of two made from bits.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Adding it leaves the rounded number in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * 0.693_359_4) - n * -2.121_944_4e-4;
    let p =
        ((((1.987_569_2e-4 * r + 1.398_2e-3) * r + 8.333_452e-3) * r + 4.166_579_6e-2) * r + 1.666_666_5e-1) * r + 0.5;
    let power = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23;
    (p * r * r + r + 1.0) * f32::from_bits(power)
}

/// The hyperbolic tangent.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    1.0 - 2.0 / (exp(2.0 * x) + 1.0)
}

/// The error function, as a quotient of polynomials on −4..=4, beyond which it is ±1 in f32.
///
/// Source: the coefficients used by Eigen and XLA for f32.
#[inline(always)]
pub(crate) fn erf(x: f32) -> f32 {
    let x = x.clamp(-4.0, 4.0);
    let s = x * x;
    let mut above = -2.726_142_3e-10_f32;
    for c in [2.770_681_4e-8, -2.101_024e-6, -5.692_506_4e-5, -7.349_906_3e-4, -2.954_6e-3, -1.609_603_3e-2] {
        above = above * s + c;
    }
    let mut below = -1.456_607_2e-5_f32;
    for c in [-2.133_740_6e-4, -1.682_827e-3, -7.373_329_2e-3, -1.426_474e-2] {
        below = below * s + c;
    }
    x * above / below
}

/// Brings each row of `weight.len()` values to mean 0 and variance 1, then scales and shifts it.
pub(crate) fn normalise_rows(values: &mut [f32], weight: &[f32], bias: &[f32], epsilon: f32) {
    Arch::new().dispatch(Run(
        #[inline(always)]
        || {
            let width = weight.len().max(1);
            for row in values.chunks_exact_mut(width) {
                let mean = sum(row) / width as f32;
                for x in row.iter_mut() {
                    *x -= mean;
                }
                let variance = sum_of_squares(row) / width as f32;
                let scale = 1.0 / (variance + epsilon).sqrt();
                for ((x, w), b) in row.iter_mut().zip(weight).zip(bias) {
                    *x = *x * scale * *w + *b;
                }
            }
        },
    ));
}

/// Turns each row of `width` values, times `scale`, into shares that add up to 1.
pub(crate) fn softmax_rows(values: &mut [f32], width: usize, scale: f32) {
    Arch::new().dispatch(Run(
        #[inline(always)]
        || {
            for row in values.chunks_exact_mut(width.max(1)) {
                let mut highest = f32::NEG_INFINITY;
                for x in row.iter() {
                    highest = highest.max(*x);
                }
                for x in row.iter_mut() {
                    *x = exp((*x - highest) * scale);
                }
                let share = 1.0 / sum(row);
                for x in row.iter_mut() {
                    *x *= share;
                }
            }
        },
    ));
}

/// `values += others`, one by one.
pub(crate) fn add(values: &mut [f32], others: &[f32]) {
    for (x, y) in values.iter_mut().zip(others) {
        *x += *y;
    }
}

/// In 16 lanes, which is both faster and more exact than one after the other.
#[inline(always)]
fn sum(row: &[f32]) -> f32 {
    let (chunks, rest) = row.as_chunks::<16>();
    let mut lanes = [0.0_f32; 16];
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane += *x;
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().sum::<f32>()
}

#[inline(always)]
fn sum_of_squares(row: &[f32]) -> f32 {
    let (chunks, rest) = row.as_chunks::<16>();
    let mut lanes = [0.0_f32; 16];
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane += *x * *x;
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().map(|x| x * x).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_what_they_are_called() {
        // Values of the error function to nine places (Abramowitz and Stegun, table 7.1, and symmetry).
        for (x, y) in [
            (0.0, 0.0),
            (0.1, 0.112_462_916),
            (0.5, 0.520_499_878),
            (1.0, 0.842_700_793),
            (2.0, 0.995_322_265),
            (3.5, 0.999_999_257),
            (9.0, 1.0),
        ] {
            assert!((f64::from(erf(x)) - y).abs() < 2.5e-7, "erf {x}: {}", erf(x));
            assert!((f64::from(erf(-x)) + y).abs() < 2.5e-7, "erf -{x}");
        }
        for i in -870..880 {
            let x = i as f32 / 10.0;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) / exact - 1.0).abs() < 5e-7, "exp {x}: {} {exact}", exp(x));
            let exact = f64::from(x).tanh();
            assert!((f64::from(tanh(x)) - exact).abs() < 3e-7, "tanh {x}: {}", tanh(x));
        }
    }

    #[test]
    fn shares_add_up_and_rows_are_normal() {
        let mut row = vec![1.0, 2.0, 3.0, -50.0, 0.0, 700.0, 1.0, 1.0];
        softmax_rows(&mut row, 4, 0.5);
        let sums: Vec<f32> = row.chunks_exact(4).map(|r| r.iter().sum()).collect();
        assert!(sums.iter().all(|s| (s - 1.0).abs() < 1e-6), "{sums:?}");
        let mut row: Vec<f32> = (0..40).map(|i| i as f32).collect();
        normalise_rows(&mut row, &[2.0; 40], &[1.0; 40], 0.0);
        let mean = row.iter().sum::<f32>() / 40.0;
        let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / 40.0;
        assert!((mean - 1.0).abs() < 1e-5 && (variance - 4.0).abs() < 1e-4, "{mean} {variance}");
    }
}
