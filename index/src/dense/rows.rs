//! Where do the vectors live? In blocks that snapshots share and a writer copies one at a time.
//!
//! Invariant: a row number never changes meaning within one `Rows` lineage: rows are appended and marked dead, never moved;
//! only [`Rows::compacted`] gives new numbers, in a new lineage.

use super::code::Code;
use super::kernel::Kernel;
use super::places::Places;
use crate::bitset::DocSet;
use std::sync::Arc;

/// Rows a block; an insert copies at most one block that a snapshot shares.
pub const BLOCK: usize = 1024;

/// Up to [`BLOCK`] rows, each part contiguous.
#[derive(Clone, Debug, Default)]
pub struct Block {
    pub codes: Vec<i8>,
    /// 1 ÷ the length of the integer vector; 0 for a zero vector.
    pub inverse_norms: Vec<f32>,
    pub passages: Vec<u64>,
}

/// A query in the form the kernel takes.
#[derive(Clone, Debug)]
pub struct PreparedQuery {
    pub(super) values: Box<[i8]>,
    pub(super) inverse_norm: f32,
}

/// All rows of a shelf, dead ones included.
#[derive(Clone, Debug)]
pub struct Rows {
    pub dimension: usize,
    pub kernel: Kernel,
    pub blocks: Vec<Arc<Block>>,
    pub dead: Arc<DocSet>,
    pub places: Places,
    len: u32,
}

impl Rows {
    pub fn new(dimension: usize) -> Self {
        let kernel = Kernel::new();
        Self { dimension, kernel, blocks: Vec::new(), dead: Arc::default(), places: Places::default(), len: 0 }
    }

    /// How many rows there are, dead ones included.
    pub fn len(&self) -> u32 {
        self.len
    }

    pub fn live(&self) -> usize {
        self.places.len()
    }

    /// The code of a row, empty for a row that is not there.
    #[inline]
    pub fn code(&self, row: u32) -> &[i8] {
        let start = row as usize % BLOCK * self.dimension;
        self.block_of(row).and_then(|b| b.codes.get(start..start + self.dimension)).unwrap_or(&[])
    }

    #[inline]
    pub fn inverse_norm(&self, row: u32) -> f32 {
        self.block_of(row).and_then(|b| b.inverse_norms.get(row as usize % BLOCK)).copied().unwrap_or(0.0)
    }

    #[inline]
    pub fn passage(&self, row: u32) -> u64 {
        self.block_of(row).and_then(|b| b.passages.get(row as usize % BLOCK)).copied().unwrap_or(u64::MAX)
    }

    #[inline]
    fn block_of(&self, row: u32) -> Option<&Arc<Block>> {
        self.blocks.get(row as usize / BLOCK)
    }

    /// Whether the row may be a hit: alive and not a zero vector, which has no direction.
    pub fn is_searchable(&self, row: u32) -> bool {
        row < self.len && !self.dead.contains(row) && self.inverse_norm(row) > 0.0
    }

    /// The cosine of two rows.
    #[inline]
    pub fn cosine(&self, a: u32, b: u32) -> f32 {
        scaled(self.kernel.dot(self.code(a), self.code(b)), self.inverse_norm(a), self.inverse_norm(b))
    }

    /// The row as a query.
    pub fn query_of(&self, row: u32) -> PreparedQuery {
        PreparedQuery { values: self.code(row).into(), inverse_norm: self.inverse_norm(row) }
    }

    /// Quantises a query; one of another dimension becomes the zero query, which nothing matches.
    pub fn prepare(&self, query: &[f32]) -> PreparedQuery {
        let values =
            if query.len() == self.dimension { Code::quantize(query).values } else { vec![0; self.dimension].into() };
        let inverse_norm = inverse_norm(self.kernel, &values);
        PreparedQuery { values, inverse_norm }
    }

    /// Appends a row; the passage's earlier row dies.
    pub fn push(&mut self, passage: u64, values: &[i8]) {
        if let Some(earlier) = self.places.insert(passage, self.len) {
            Arc::make_mut(&mut self.dead).insert(earlier);
        }
        if self.blocks.last().is_none_or(|b| b.passages.len() >= BLOCK) {
            self.blocks.push(Arc::default());
        }
        if let Some(block) = self.blocks.last_mut().map(Arc::make_mut) {
            block.codes.extend_from_slice(values);
            block.inverse_norms.push(inverse_norm(self.kernel, values));
            block.passages.push(passage);
        }
        self.len += 1;
    }

    /// Marks the row of a passage dead; says whether there was one.
    pub fn remove(&mut self, passage: u64) -> bool {
        let row = self.places.remove(passage);
        row.is_some_and(|row| Arc::make_mut(&mut self.dead).insert(row))
    }

    /// The live rows alone, under new numbers, and the old number of each.
    pub fn compacted(&self) -> (Self, Vec<u32>) {
        let mut next = Self::new(self.dimension);
        let kept: Vec<u32> = (0..self.len).filter(|row| !self.dead.contains(*row)).collect();
        for row in &kept {
            next.push(self.passage(*row), self.code(*row));
        }
        (next, kept)
    }

    pub fn bytes(&self) -> usize {
        let row = self.dimension + size_of::<f32>() + size_of::<u64>();
        self.blocks.len() * BLOCK * row + self.places.bytes() + self.dead.bytes()
    }
}

/// The cosine from a dot product and both inverse norms.
#[inline(always)]
pub fn scaled(dot: i32, a: f32, b: f32) -> f32 {
    (dot as f32 * a * b).clamp(-1.0, 1.0)
}

fn inverse_norm(kernel: Kernel, values: &[i8]) -> f32 {
    let square = kernel.dot(values, values);
    if square == 0 { 0.0 } else { 1.0 / (square as f32).sqrt() }
}
