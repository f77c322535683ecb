//! How are two codes multiplied fast? Integer dot products, compiled for the widest instruction set of the machine.
//!
//! Invariant: sums are of integers, so a result is the same on every machine, whatever the order of summation.

/// Integer dot products with the instruction set chosen once.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    arch: pulp::Arch,
}

impl Kernel {
    /// Looks up what the machine can do (cached by pulp).
    pub fn new() -> Self {
        Self { arch: pulp::Arch::new() }
    }

    /// The dot product of two codes of equal length.
    #[inline]
    pub fn dot(self, a: &[i8], b: &[i8]) -> i32 {
        self.arch.dispatch(One { a, b })
    }

    /// The cosines (unclamped) of a query with the rows of a block, laid end to end, into `out`.
    pub fn cosines_of_block(
        self,
        query: &[i8],
        inverse_norm: f32,
        codes: &[i8],
        inverse_norms: &[f32],
        out: &mut Vec<f32>,
    ) {
        self.arch.dispatch(Block { query, inverse_norm, codes, inverse_norms, out });
    }

    /// Appends the dot products of `query` with each of the rows to `out`.
    pub fn dots_of_rows(self, query: &[i8], rows: &[&[i8]], out: &mut Vec<i32>) {
        self.arch.dispatch(Rows { query, rows, out });
    }
}

/// Multiplies in 16 and adds in 32 bits: the shape that compilers turn into multiply-add instructions.
#[inline(always)]
fn dot(a: &[i8], b: &[i8]) -> i32 {
    let mut sum = 0;
    for (x, y) in a.iter().zip(b) {
        sum += i32::from(i16::from(*x)) * i32::from(i16::from(*y));
    }
    sum
}

struct One<'a> {
    a: &'a [i8],
    b: &'a [i8],
}

impl pulp::NullaryFnOnce for One<'_> {
    type Output = i32;

    #[inline(always)]
    fn call(self) -> i32 {
        dot(self.a, self.b)
    }
}

struct Block<'a> {
    query: &'a [i8],
    inverse_norm: f32,
    codes: &'a [i8],
    inverse_norms: &'a [f32],
    out: &'a mut Vec<f32>,
}

impl pulp::NullaryFnOnce for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        // Plain loops: closures handed to iterators may be compiled apart, without the wider instructions.
        self.out.clear();
        for row in self.codes.chunks_exact(self.query.len().max(1)) {
            self.out.push(dot(self.query, row) as f32);
        }
        for (value, norm) in self.out.iter_mut().zip(self.inverse_norms) {
            *value = *value * self.inverse_norm * norm;
        }
    }
}

struct Rows<'a> {
    query: &'a [i8],
    rows: &'a [&'a [i8]],
    out: &'a mut Vec<i32>,
}

impl pulp::NullaryFnOnce for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for row in self.rows {
            self.out.push(dot(self.query, row));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Kernel;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_plain_arithmetic(pairs in prop::collection::vec((-127i8..=127, -127i8..=127), 1..300)) {
            let (a, b): (Vec<i8>, Vec<i8>) = pairs.iter().copied().unzip();
            let plain: i32 = pairs.iter().map(|(x, y)| i32::from(*x) * i32::from(*y)).sum();
            let kernel = Kernel::new();
            prop_assert_eq!(kernel.dot(&a, &b), plain);
            let mut out = Vec::new();
            kernel.dots_of_rows(&a, &[&b, &a, &b], &mut out);
            prop_assert_eq!(&out, &vec![plain, kernel.dot(&a, &a), plain]);
            let mut cosines = Vec::new();
            kernel.cosines_of_block(&a, 0.5, &[b, a.clone()].concat(), &[0.25, 1.0], &mut cosines);
            prop_assert_eq!(cosines, vec![plain as f32 * 0.125, kernel.dot(&a, &a) as f32 * 0.5]);
        }
    }
}
