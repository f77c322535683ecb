//! How are two codes multiplied fast? Integer dot products, compiled for the widest instruction set of the machine.
//!
//! Invariant: the result is exact and the same on every machine: integers, no rounding, no order of summation.

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

    /// The dot products of `query` with each row of a block of rows laid end to end, into `out`.
    pub fn dots_of_block(self, query: &[i8], codes: &[i8], out: &mut Vec<i32>) {
        self.arch.dispatch(Block { query, codes, out });
    }

    /// The dot products of `query` with each of the rows, into `out`.
    pub fn dots_of_rows(self, query: &[i8], rows: &[&[i8]], out: &mut Vec<i32>) {
        self.arch.dispatch(Rows { query, rows, out });
    }
}

/// Multiplies in 16 and adds in 32 bits: the shape that compilers turn into multiply-add instructions.
#[inline(always)]
fn dot(a: &[i8], b: &[i8]) -> i32 {
    a.iter().zip(b).map(|(x, y)| i32::from(i16::from(*x)) * i32::from(i16::from(*y))).sum()
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
    codes: &'a [i8],
    out: &'a mut Vec<i32>,
}

impl pulp::NullaryFnOnce for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.out.clear();
        if !self.query.is_empty() {
            self.out.extend(self.codes.chunks_exact(self.query.len()).map(|row| dot(self.query, row)));
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
        self.out.clear();
        self.out.extend(self.rows.iter().map(|row| dot(self.query, row)));
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
            kernel.dots_of_block(&a, &[b.clone(), a.clone()].concat(), &mut out);
            prop_assert_eq!(&out, &vec![plain, kernel.dot(&a, &a)]);
            kernel.dots_of_rows(&a, &[&b, &a, &b], &mut out);
            prop_assert_eq!(&out, &vec![plain, kernel.dot(&a, &a), plain]);
        }
    }
}
