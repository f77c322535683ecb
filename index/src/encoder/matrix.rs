//! How are matrices of f32 multiplied fast on one core? In tiles over a packed right side, with the widest
//! instructions of the machine.
//!
//! Invariant: every value is the sum over the inner dimension in its order, so a row's result does not depend on the
//! rows beside it.

use pulp::{Arch, Simd, WithSimd};

/// Columns of a panel: two vectors of 512 bits.
const WIDTH: usize = 32;
/// Rows of a tile.
const ROWS: usize = 8;
/// Rows packed at a time: with the longest inner dimension they still fit into a core's own cache.
const BLOCK: usize = 8 * ROWS;

/// The right side of a product, packed: `inner × columns`, in panels of [`WIDTH`] columns.
#[derive(Debug, Clone)]
pub(crate) struct Panels {
    inner: usize,
    columns: usize,
    data: Vec<f32>,
}

impl Panels {
    fn zeros(inner: usize, columns: usize) -> Self {
        Self { inner, columns, data: vec![0.0; columns.div_ceil(WIDTH) * inner * WIDTH] }
    }

    /// Packs the transpose of rows of `inner` values: each row becomes a column.
    pub fn of_columns<'a>(rows: impl ExactSizeIterator<Item = &'a [f32]>, inner: usize) -> Self {
        let mut panels = Self::zeros(inner, rows.len());
        for (column, row) in rows.enumerate() {
            let from = column / WIDTH * inner * WIDTH + column % WIDTH;
            let places = panels.data.iter_mut().skip(from).step_by(WIDTH);
            for (place, value) in places.zip(row.iter().take(inner)) {
                *place = *value;
            }
        }
        panels
    }

    /// Packs rows of `columns` values as they are.
    pub fn of_rows<'a>(rows: impl ExactSizeIterator<Item = &'a [f32]>, columns: usize) -> Self {
        let inner = rows.len();
        let mut panels = Self::zeros(inner, columns);
        for (k, row) in rows.enumerate() {
            for (panel, piece) in row.chunks(WIDTH).enumerate() {
                let from = (panel * inner + k) * WIDTH;
                if let Some(place) = panels.data.get_mut(from..from + piece.len()) {
                    place.copy_from_slice(piece);
                }
            }
        }
        panels
    }

    /// Columns of the product.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// `out = left · self + bias`, row by row; `out` has `left.len() × columns` values.
    pub fn multiply<'a>(&self, left: impl ExactSizeIterator<Item = &'a [f32]>, bias: Option<&[f32]>, out: &mut [f32]) {
        let arch = Arch::new();
        let mut packed = vec![0.0; BLOCK * self.inner];
        let mut left = left;
        for out in out.chunks_mut(BLOCK * self.columns.max(1)) {
            packed.fill(0.0);
            for (tile, rows) in packed.chunks_exact_mut(ROWS * self.inner.max(1)).zip(0..) {
                let _: usize = rows;
                for r in 0..ROWS {
                    let Some(row) = left.next() else { break };
                    for (place, value) in tile.iter_mut().skip(r).step_by(ROWS).zip(row) {
                        *place = *value;
                    }
                }
            }
            arch.dispatch(Block { panels: self, packed: &packed, bias, out });
        }
    }
}

/// Up to [`BLOCK`] rows times all panels.
struct Block<'a> {
    panels: &'a Panels,
    packed: &'a [f32],
    bias: Option<&'a [f32]>,
    out: &'a mut [f32],
}

impl WithSimd for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // Sixteen sums keep both multipliers of a core with 512-bit vectors busy; narrower ones have fewer registers.
        if S::F32_LANES * 2 == WIDTH { run::<S, 2>(simd, self) } else { run::<S, 1>(simd, self) }
    }
}

#[inline(always)]
fn run<S: Simd, const V: usize>(simd: S, block: Block<'_>) {
    let Block { panels, packed, bias, out } = block;
    let (inner, columns) = (panels.inner.max(1), panels.columns.max(1));
    let rows = out.len() / columns;
    for (number, panel) in panels.data.chunks_exact(inner * WIDTH).enumerate() {
        let first = number * WIDTH;
        let wide = WIDTH.min(columns - first);
        for (tile, left) in packed.chunks_exact(inner * ROWS).enumerate() {
            if tile * ROWS >= rows {
                break;
            }
            let mut sums = [[0.0_f32; WIDTH]; ROWS];
            let mut from = 0;
            while from < WIDTH / S::F32_LANES {
                let part = sum::<S, V>(simd, left, panel, from);
                for (line, part) in sums.iter_mut().zip(part) {
                    let (places, _) = S::as_mut_simd_f32s(line.as_mut_slice());
                    for (place, value) in places.iter_mut().skip(from).zip(part) {
                        *place = value;
                    }
                }
                from += V;
            }
            for (row, line) in out.chunks_exact_mut(columns).skip(tile * ROWS).zip(&sums) {
                let Some(places) = row.get_mut(first..first + wide) else { continue };
                match bias.and_then(|bias| bias.get(first..first + wide)) {
                    Some(bias) => {
                        for ((place, value), bias) in places.iter_mut().zip(line).zip(bias) {
                            *place = *value + *bias;
                        }
                    }
                    None => {
                        for (place, value) in places.iter_mut().zip(line) {
                            *place = *value;
                        }
                    }
                }
            }
        }
    }
}

/// A tile: [`ROWS`] rows times `V` vectors of a panel, from vector `from` on.
#[inline(always)]
fn sum<S: Simd, const V: usize>(simd: S, left: &[f32], panel: &[f32], from: usize) -> [[S::f32s; V]; ROWS] {
    let mut sums = [[simd.splat_f32s(0.0); V]; ROWS];
    for (column, line) in left.as_chunks::<ROWS>().0.iter().zip(panel.as_chunks::<WIDTH>().0) {
        let (vectors, _) = S::as_simd_f32s(line.as_slice());
        let Some(vectors) = vectors.get(from..from + V) else { continue };
        let Ok(vectors) = <[S::f32s; V]>::try_from(vectors) else { continue };
        for (sums, x) in sums.iter_mut().zip(column) {
            let x = simd.splat_f32s(*x);
            for (sum, y) in sums.iter_mut().zip(vectors) {
                *sum = simd.mul_add_e_f32s(x, y, *sum);
            }
        }
    }
    sums
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn values(n: usize, seed: u32) -> Vec<f32> {
        (0..n as u32)
            .map(|i| ((i.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 16) as f32 / 32_768.0) - 1.0)
            .collect()
    }

    #[test]
    fn a_product_is_the_sum_of_products_for_any_shape() {
        for (m, k, n) in [(1, 1, 1), (3, 5, 31), (8, 16, 32), (9, 33, 65), (70, 24, 40), (129, 7, 3)] {
            let (a, w, bias) = (values(m * k, 1), values(n * k, 2), values(n, 3));
            let mut out = vec![f32::NAN; m * n];
            Panels::of_columns(w.chunks_exact(k), k).multiply(a.chunks_exact(k), Some(&bias), &mut out);
            let turned: Vec<f32> =
                (0..k).flat_map(|i| (0..n).map(move |j| (i, j))).map(|(i, j)| w[j * k + i]).collect();
            let mut same = vec![f32::NAN; m * n];
            Panels::of_rows(turned.chunks_exact(n), n).multiply(a.chunks_exact(k), Some(&bias), &mut same);
            assert_eq!(out, same, "both packings are the same matrix: {m} {k} {n}");
            for i in 0..m {
                for j in 0..n {
                    let exact: f64 = (0..k).map(|x| f64::from(a[i * k + x]) * f64::from(w[j * k + x])).sum();
                    let wrong = (f64::from(out[i * n + j]) - exact - f64::from(bias[j])).abs();
                    assert!(wrong < 1e-5, "({m}, {k}, {n}) at {i}, {j}: {wrong}");
                }
            }
        }
    }
}
