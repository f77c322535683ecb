//! How is a unit vector kept in memory and in the store? As one byte a value and one scale.
//!
//! Invariant: `quantize(dequantize(c)) == c` for every code that `quantize` made, so a stored code never drifts.

use serde::{Deserialize, Serialize};

/// The largest value of a code; −128 is not used, so that a code and its negative are mirror images.
const LARGEST: f32 = 127.0;
/// A vector whose largest value is below this is a zero vector; far from the range where f32 loses bits.
const SMALLEST: f32 = 1e-30;
/// The largest magnitude that is kept; unit vectors never come near it.
const BOUND: f32 = 1e30;
/// The low bits of the scale that stay zero: 127 × a 16-bit mantissa is exact in f32, which the invariant needs.
const SPARE_BITS: u32 = 8;

/// A vector of 8-bit values: the value at `i` is about `values[i] × scale`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Code {
    /// The step between two neighbouring values: largest magnitude ÷ 127, rounded up; 0 for the zero vector.
    pub scale: f32,
    /// One value a dimension, in −127..=127.
    pub values: Box<[i8]>,
}

impl Code {
    /// The nearest code; values that are not finite count as zero.
    #[must_use]
    pub fn quantize(v: &[f32]) -> Self {
        let largest = v.iter().map(|x| bounded(*x).abs()).fold(0.0, f32::max);
        if largest < SMALLEST {
            return Self { scale: 0.0, values: vec![0; v.len()].into() };
        }
        let scale = coarse(largest / LARGEST);
        let values = v.iter().map(|x| (bounded(*x) / scale).round() as i8).collect();
        Self { scale, values }
    }

    /// The vector that the code stands for.
    #[must_use]
    pub fn dequantize(&self) -> Vec<f32> {
        self.values.iter().map(|v| f32::from(*v) * self.scale).collect()
    }

    /// Whether the code stands for a text without content.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.values.iter().all(|v| *v == 0)
    }
}

fn bounded(x: f32) -> f32 {
    if x.is_finite() { x.clamp(-BOUND, BOUND) } else { 0.0 }
}

/// The next scale up whose lowest bits are zero.
fn coarse(scale: f32) -> f32 {
    let spare = (1 << SPARE_BITS) - 1;
    f32::from_bits((scale.to_bits() + spare) & !spare)
}

#[cfg(test)]
mod tests {
    use super::Code;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn quantising_again_changes_nothing(v in prop::collection::vec(-1.0f32..1.0, 0..80), size in -24i32..20) {
            let v: Vec<f32> = v.iter().map(|x| x * 10f32.powi(size)).collect();
            let code = Code::quantize(&v);
            prop_assert_eq!(&Code::quantize(&code.dequantize()), &code);
            for (x, y) in v.iter().zip(code.dequantize()) {
                prop_assert!((x - y).abs() <= code.scale * 0.501);
            }
        }
    }

    #[test]
    fn what_is_not_a_number_is_zero() {
        let code = Code::quantize(&[f32::NAN, 0.5, f32::NEG_INFINITY]);
        assert_eq!(&code.values[..], &[0, 127, 0]);
        let zero = Code::quantize(&[0.0, -0.0]);
        assert!(zero.is_zero() && zero.scale == 0.0);
    }
}
