//! Which rows are the best so far? The k best documents of a stream of rows, in bounded memory.
//!
//! Invariant: a row that is refused is worse than k rows of k different documents already seen.

use super::DenseHit;
use super::places::document_of;
use std::cmp::Ordering;

/// Best first: higher cosine, then lower passage.
pub fn best_first(a: &DenseHit, b: &DenseHit) -> Ordering {
    b.cosine.total_cmp(&a.cosine).then(a.passage.cmp(&b.passage))
}

/// Collects hits and keeps the best of each document.
pub struct Top {
    k: usize,
    hits: Vec<DenseHit>,
    /// The worst hit that can still be among the k best.
    bar: Option<DenseHit>,
    /// What no hit may be below.
    floor: f32,
}

impl Top {
    pub fn new(k: usize) -> Self {
        Self { k, hits: Vec::with_capacity(Self::room(k)), bar: None, floor: f32::NEG_INFINITY }
    }

    /// Of rows from a cosine on, of which few are expected.
    pub fn from(k: usize, floor: f32) -> Self {
        Self { k, hits: Vec::new(), bar: None, floor }
    }

    /// How many hits wait before the list is cut back: large enough that cutting is rare.
    fn room(k: usize) -> usize {
        (k.saturating_mul(4)).clamp(256, 1 << 16).max(k.saturating_add(1).min(1 << 20))
    }

    /// A cosine below this need not be offered.
    #[inline]
    pub fn bar(&self) -> f32 {
        self.bar.map_or(self.floor, |hit| hit.cosine)
    }

    #[inline]
    pub fn offer(&mut self, hit: DenseHit) {
        if self.bar.is_some_and(|bar| best_first(&hit, &bar).is_gt()) {
            return;
        }
        self.hits.push(hit);
        if self.hits.len() >= Self::room(self.k) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        let by_document = |a: &DenseHit, b: &DenseHit| document_of(a.passage).cmp(&document_of(b.passage));
        self.hits.sort_unstable_by(|a, b| by_document(a, b).then_with(|| best_first(a, b)));
        self.hits.dedup_by_key(|hit| document_of(hit.passage));
        self.hits.sort_unstable_by(best_first);
        self.hits.truncate(self.k);
        if self.hits.len() == self.k {
            self.bar = self.hits.last().copied();
        }
    }

    /// The best hits, best first, at most one a document.
    pub fn finish(mut self) -> Vec<DenseHit> {
        self.cut();
        self.hits
    }
}
