//! Which passages are nearest to a query, in one unchanging state of the shelf? Exact scan or graph, by cost.
//!
//! Invariant: whichever way is taken, a hit is alive, accepted and carries its exact cosine; only the graph may miss one.

use super::links::{Links, Walk};
use super::places::document_of;
use super::rows::{BLOCK, PreparedQuery, Rows, scaled};
use super::top::Top;
use super::{DenseHit, DenseSettings};
use crate::bitset::DocSet;
use std::sync::Arc;

/// Rows in order that cost as much as a walk without a filter: where scan and walk meet in the table in [`super`].
const WALK_COST: usize = 65_000;
/// A row that is looked up costs as much as this many rows in order.
const GATHER_COST: usize = 4;

/// One consistent, immutable state of a shelf.
#[derive(Clone, Debug)]
pub struct DenseSnapshot {
    pub(super) rows: Rows,
    pub(super) graph: Option<Arc<Links>>,
    pub(super) settings: DenseSettings,
}

impl DenseSnapshot {
    /// The number of passages that can be found.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.live()
    }

    /// Whether there is no passage.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Quantises a query once, for any number of calls.
    ///
    /// A query of another dimension than the shelf's, or of zeros, finds nothing.
    #[must_use]
    pub fn prepare(&self, query: &[f32]) -> PreparedQuery {
        self.rows.prepare(query)
    }

    /// The best passages by cosine, at most one a document, best first, ties by passage ascending.
    ///
    /// Passages whose vector is zero are never hits. `accept` limits the documents; none means all.
    #[must_use]
    pub fn search(&self, query: &PreparedQuery, k: usize, accept: Option<&DocSet>) -> Vec<DenseHit> {
        match &self.graph {
            Some(graph) if self.uses_graph(accept.map(DocSet::count)) => {
                self.search_graph(graph, query, k, accept).unwrap_or_else(|| self.search_exact(query, k, accept))
            }
            _ => self.search_exact(query, k, accept),
        }
    }

    /// As [`DenseSnapshot::search`], looking at every accepted passage.
    #[must_use]
    pub fn search_exact(&self, query: &PreparedQuery, k: usize, accept: Option<&DocSet>) -> Vec<DenseHit> {
        if k == 0 || query.inverse_norm == 0.0 {
            return Vec::new();
        }
        let mut top = Top::new(k);
        match accept {
            Some(accept) if self.are_few(accept) => self.gather(query, accept, &mut top),
            _ => self.scan(query, 0, accept, &mut top),
        }
        top.finish()
    }

    /// As [`DenseSnapshot::search`] for each of many queries, without hits below a cosine. Where it scans, each block of
    /// rows is read once for all queries, and what is below costs nothing more.
    #[must_use]
    pub fn search_all(
        &self,
        queries: &[PreparedQuery],
        k: usize,
        floor: f32,
        accept: Option<&DocSet>,
    ) -> Vec<Vec<DenseHit>> {
        if k == 0 || self.uses_graph(accept.map(DocSet::count)) || accept.is_some_and(|accept| self.are_few(accept)) {
            let near = |query| self.search(query, k, accept).into_iter().filter(|hit| hit.cosine >= floor).collect();
            return queries.iter().map(near).collect();
        }
        let mut tops: Vec<Top> = queries.iter().map(|_| Top::from(k, floor)).collect();
        let mut cosines = Vec::with_capacity(BLOCK);
        for block in 0..self.rows.blocks.len() {
            for (query, top) in queries.iter().zip(&mut tops).filter(|(query, _)| query.inverse_norm > 0.0) {
                self.scan_block(block, query, 0, accept, top, &mut cosines);
            }
        }
        tops.into_iter().map(Top::finish).collect()
    }

    /// A passage as a query; none when it is not here.
    #[must_use]
    pub fn query_of(&self, passage: u64) -> Option<PreparedQuery> {
        self.rows.places.get(passage).map(|row| self.rows.query_of(row))
    }

    /// The cosine of one passage; none when it is not here.
    #[must_use]
    pub fn cosine(&self, query: &PreparedQuery, passage: u64) -> Option<f32> {
        let row = self.rows.places.get(passage)?;
        let dot = self.rows.kernel.dot(&query.values, self.rows.code(row));
        Some(scaled(dot, query.inverse_norm, self.rows.inverse_norm(row)))
    }

    /// The cost rule: whether a search with this many accepted documents (none: no filter) walks the graph.
    ///
    /// A walk looks at rows in proportion to rows ÷ accepted rows, a scan at the accepted rows alone.
    #[must_use]
    pub fn uses_graph(&self, accepted: Option<usize>) -> bool {
        let Some(graph) = &self.graph else { return false };
        let live = self.len();
        let covered = (graph.covered() as usize).min(live);
        let rows = accepted.map_or(live, |documents| self.rows_of(documents));
        rows.saturating_mul(rows) > self.settings.walk_cost.unwrap_or(WALK_COST).saturating_mul(covered)
    }

    /// About how many rows this many documents have.
    fn rows_of(&self, documents: usize) -> usize {
        let all = self.rows.places.documents().max(1);
        (documents.saturating_mul(self.len()) / all).min(self.len())
    }

    /// Walks the graph and scans the rows that are not in it yet; none when that would cost more than a scan.
    fn search_graph(
        &self,
        graph: &Links,
        query: &PreparedQuery,
        k: usize,
        accept: Option<&DocSet>,
    ) -> Option<Vec<DenseHit>> {
        if k == 0 || query.inverse_norm == 0.0 {
            return Some(Vec::new());
        }
        let rows = &self.rows;
        let admit =
            |row: u32| rows.is_searchable(row) && accept.is_none_or(|set| set.contains(document_of(rows.passage(row))));
        let mut breadth = self.settings.breadth(k);
        // A row met on a walk costs ten to twenty times a row in order, so beyond this a scan is cheaper, and exact.
        let budget = (graph.covered() as usize / 8).max(breadth.saturating_mul(16));
        loop {
            let found = graph.walk(&Walk { rows, query, breadth, budget }, admit)?;
            let mut top = Top::new(k);
            for near in &found {
                top.offer(DenseHit { passage: rows.passage(near.row), cosine: near.cosine });
            }
            self.scan(query, graph.covered(), accept, &mut top);
            let hits = top.finish();
            if hits.len() >= k {
                return Some(hits);
            }
            // Fewer documents than asked for: many rows of few documents, or there are no more. Look wider, and at last at all.
            breadth = breadth.saturating_mul(4);
            if breadth > budget / 4 {
                return None;
            }
        }
    }

    /// Whether the accepted rows are so few that looking each up beats going through all.
    fn are_few(&self, accept: &DocSet) -> bool {
        self.rows_of(accept.count()).saturating_mul(GATHER_COST) < self.len()
    }

    /// Offers every accepted row from `first` on.
    fn scan(&self, query: &PreparedQuery, first: u32, accept: Option<&DocSet>, top: &mut Top) {
        let mut cosines = Vec::with_capacity(BLOCK);
        for block in first as usize / BLOCK..self.rows.blocks.len() {
            self.scan_block(block, query, first, accept, top, &mut cosines);
        }
    }

    /// Offers every accepted row of a block, from `first` on.
    fn scan_block(
        &self,
        number: usize,
        query: &PreparedQuery,
        first: u32,
        accept: Option<&DocSet>,
        top: &mut Top,
        cosines: &mut Vec<f32>,
    ) {
        let rows = &self.rows;
        let Some(block) = rows.blocks.get(number) else { return };
        let start = (number * BLOCK) as u32;
        let from = first.saturating_sub(start) as usize;
        let codes = block.codes.get(from * rows.dimension..).unwrap_or(&[]);
        let norms = block.inverse_norms.get(from..).unwrap_or(&[]);
        rows.kernel.cosines_of_block(&query.values, query.inverse_norm, codes, norms, cosines);
        for (cosine, row) in cosines.iter().zip(start + from as u32..) {
            // First what refuses nearly every row; the rest is looked up for the few that pass.
            if *cosine >= top.bar() && rows.is_searchable(row) {
                let passage = rows.passage(row);
                if accept.is_none_or(|set| set.contains(document_of(passage))) {
                    top.offer(DenseHit { passage, cosine: cosine.clamp(-1.0, 1.0) });
                }
            }
        }
    }

    /// Offers every row of the accepted documents, found through the map of passages.
    fn gather(&self, query: &PreparedQuery, accept: &DocSet, top: &mut Top) {
        let rows = &self.rows;
        for row in accept.iter().flat_map(|document| rows.places.rows_of(document)) {
            let norm = rows.inverse_norm(row);
            let cosine = scaled(rows.kernel.dot(&query.values, rows.code(row)), query.inverse_norm, norm);
            if norm > 0.0 && cosine >= top.bar() {
                top.offer(DenseHit { passage: rows.passage(row), cosine });
            }
        }
    }
}
