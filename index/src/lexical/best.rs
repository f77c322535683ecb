//! Which passages lead so far? The best one of each of the best documents.
//!
//! Invariant: the threshold never falls, and what stays at or below it cannot be in the list.

use tantivy::DocAddress;

use crate::document::document_of;

/// A passage and how well it fits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LexicalHit {
    pub passage: u64,
    pub score: f32,
    pub address: DocAddress,
}

/// The best passage per document, for the `k` best documents: a buffer of a few times the size, cut back when full.
pub(super) struct Best {
    k: usize,
    hits: Vec<LexicalHit>,
    /// What a passage must exceed.
    pub threshold: f32,
}

impl Best {
    pub fn new(k: usize) -> Self {
        Self { k, hits: Vec::with_capacity(k * 4), threshold: f32::MIN }
    }

    pub fn push(&mut self, hit: LexicalHit) {
        self.hits.push(hit);
        if self.hits.len() >= self.k * 4 {
            self.cut();
        }
    }

    fn cut(&mut self) {
        self.hits.sort_unstable_by(|a, b| {
            let document = document_of(a.passage).cmp(&document_of(b.passage));
            document.then(b.score.total_cmp(&a.score)).then(a.passage.cmp(&b.passage))
        });
        self.hits.dedup_by_key(|hit| document_of(hit.passage));
        self.hits.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.passage.cmp(&b.passage)));
        self.hits.truncate(self.k);
        if self.hits.len() == self.k {
            self.threshold = self.hits.last().map_or(self.threshold, |hit| hit.score);
        }
    }

    pub fn finish(mut self) -> Vec<LexicalHit> {
        self.cut();
        self.hits
    }
}
