//! Which rows are near a query, without looking at all of them? A navigable small-world graph in flat arrays.
//!
//! The graph is built by [`super::graph`]; here it is searched, extended and repaired. Flat arrays of row numbers take 4 bytes a
//! link (the builder's own form takes about 70), need no lock to read, and go to a file as they are.
//!
//! Invariant: node = row number; every list names rows below [`Links::covered`], and rows from there on are not in the graph.
//!
//! Source: Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using Hierarchical Navigable Small World
//! graphs" (2016): algorithms 2 (search), 4 (choice of neighbours) and 1 (insertion, bottom layer alone).

use super::rows::{PreparedQuery, Rows, scaled};
use crate::bitset::DocSet;
use serde::{Deserialize, Serialize};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Ends a list that is shorter than its width.
pub const NONE: u32 = u32::MAX;

/// A row and its cosine to the query; the greater is the nearer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Near {
    pub cosine: f32,
    pub row: u32,
}

impl Eq for Near {}

impl Ord for Near {
    fn cmp(&self, other: &Self) -> Ordering {
        self.cosine.total_cmp(&other.cosine).then(other.row.cmp(&self.row))
    }
}

impl Near {
    /// A number that orders as it does: comparing numbers is what heaps spend their time on.
    fn key(self) -> u64 {
        let bits = self.cosine.to_bits();
        let ordered = if bits >> 31 == 0 { bits | 1 << 31 } else { !bits };
        u64::from(ordered) << 32 | u64::from(!self.row)
    }

    fn of(key: u64) -> Self {
        let ordered = (key >> 32) as u32;
        let bits = if ordered >> 31 == 1 { ordered & !(1 << 31) } else { !ordered };
        Self { cosine: f32::from_bits(bits), row: !(key as u32) }
    }
}

impl PartialOrd for Near {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// One layer above the bottom: few nodes, found by binary search.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Layer {
    /// Ascending.
    pub nodes: Vec<u32>,
    /// The links of each node, in the order of `nodes`.
    pub lists: Vec<Vec<u32>>,
}

/// The graph.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Links {
    /// Places a list of the bottom layer.
    pub width: usize,
    /// The bottom layer: `width` places a row, ended by [`NONE`].
    pub base: Vec<u32>,
    /// The layers above, lowest first.
    pub upper: Vec<Layer>,
    /// Where every walk starts.
    pub entry: u32,
    /// Rows that the builder placed; those above were linked later, in the bottom layer alone.
    pub built: u32,
}

/// What one walk may do.
pub struct Walk<'a> {
    pub rows: &'a Rows,
    pub query: &'a PreparedQuery,
    /// How many admitted rows to keep.
    pub breadth: usize,
    /// How many rows to look at before giving up; a filter can make a walk longer than a scan.
    pub budget: usize,
}

impl Links {
    /// Rows below this number are in the graph.
    pub fn covered(&self) -> u32 {
        (self.base.len() / self.width.max(1)) as u32
    }

    pub fn bytes(&self) -> usize {
        let upper: usize = self.upper.iter().flat_map(|l| &l.lists).map(|list| 28 + list.len() * 4).sum();
        self.base.capacity() * size_of::<u32>() + upper
    }

    /// The links of a row in the bottom layer.
    #[inline]
    pub fn list(&self, row: u32) -> &[u32] {
        let start = row as usize * self.width;
        let list = self.base.get(start..start + self.width).unwrap_or(&[]);
        let end = list.iter().position(|n| *n == NONE).unwrap_or(list.len());
        list.get(..end).unwrap_or(&[])
    }

    pub fn set_list(&mut self, row: u32, links: impl IntoIterator<Item = u32>) {
        let start = row as usize * self.width;
        if let Some(list) = self.base.get_mut(start..start + self.width) {
            list.fill(NONE);
            for (place, link) in list.iter_mut().zip(links) {
                *place = link;
            }
        }
    }

    /// The nearest admitted rows, nearest first; none when the budget ran out.
    pub fn walk(&self, walk: &Walk<'_>, admit: impl Fn(u32) -> bool) -> Option<Vec<Near>> {
        let start = self.descend(walk.rows, walk.query);
        let mut seen = DocSet::with_capacity(self.covered() as usize);
        let mut open = BinaryHeap::from([start.key()]);
        let mut kept: BinaryHeap<Reverse<u64>> = BinaryHeap::with_capacity(walk.breadth + 1);
        // The farthest that is kept, once as many are kept as wanted.
        let mut bar = 0;
        let mut batch = Batch::default();
        let mut looked_at = 0;
        seen.insert(start.row);
        if admit(start.row) {
            kept.push(Reverse(start.key()));
        }
        while let Some(next) = open.pop() {
            if next < bar {
                break;
            }
            let fresh = self.list(Near::of(next).row).iter().copied().filter(|row| seen.insert(*row));
            for near in batch.measure(walk.rows, walk.query, fresh) {
                looked_at += 1;
                let key = near.key();
                if key < bar {
                    continue;
                }
                open.push(key);
                if admit(near.row) {
                    if kept.len() < walk.breadth {
                        kept.push(Reverse(key));
                    } else if let Some(mut worst) = kept.peek_mut().filter(|worst| worst.0 < key) {
                        *worst = Reverse(key);
                    }
                    if kept.len() >= walk.breadth {
                        bar = kept.peek().map_or(0, |worst| worst.0);
                    }
                }
            }
            if looked_at > walk.budget {
                return None;
            }
        }
        let mut found: Vec<u64> = kept.into_iter().map(|key| key.0).collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        Some(found.into_iter().map(Near::of).collect())
    }

    /// Goes down the upper layers, always to the nearest neighbour.
    fn descend(&self, rows: &Rows, query: &PreparedQuery) -> Near {
        let mut batch = Batch::default();
        let first = batch.measure(rows, query, [self.entry].into_iter()).next();
        let mut best = first.unwrap_or(Near { cosine: -1.0, row: self.entry });
        for layer in self.upper.iter().rev() {
            loop {
                let list = layer.nodes.binary_search(&best.row).ok().and_then(|at| layer.lists.get(at));
                let Some(nearest) = list.and_then(|l| batch.measure(rows, query, l.iter().copied()).max()) else {
                    break;
                };
                if nearest <= best {
                    break;
                }
                best = nearest;
            }
        }
        best
    }

    /// Adds the rows `covered()..end` to the bottom layer.
    pub fn extend(&mut self, rows: &Rows, end: u32, breadth: usize) {
        for row in self.covered()..end {
            self.base.resize((row as usize + 1) * self.width, NONE);
            if rows.is_searchable(row) {
                self.link(rows, row, breadth);
            }
        }
    }

    /// Chooses neighbours for a row and makes them know it.
    pub fn link(&mut self, rows: &Rows, row: u32, breadth: usize) {
        let query = rows.query_of(row);
        let walk = Walk { rows, query: &query, breadth, budget: usize::MAX };
        let found = self.walk(&walk, |other| other != row && !rows.dead.contains(other)).unwrap_or_default();
        let chosen = choose(rows, &found, self.width / 2);
        self.set_list(row, chosen.iter().map(|near| near.row));
        for near in chosen {
            self.link_back(rows, near.row, Near { row, ..near });
        }
    }

    fn link_back(&mut self, rows: &Rows, at: u32, new: Near) {
        let list = self.list(at);
        if list.contains(&new.row) {
            return;
        }
        if list.len() < self.width {
            let next: Vec<u32> = list.iter().copied().chain([new.row]).collect();
            return self.set_list(at, next);
        }
        let query = rows.query_of(at);
        let mut candidates: Vec<Near> = Batch::default().measure(rows, &query, list.iter().copied()).collect();
        candidates.push(new);
        candidates.sort_unstable_by(|a, b| b.cmp(a));
        let chosen = choose(rows, &candidates, self.width);
        self.set_list(at, chosen.into_iter().map(|near| near.row));
    }

    /// The searchable rows that no walk can reach: hnsw construction cuts some off, above all among near-duplicates.
    pub fn unreached(&self, rows: &Rows) -> Vec<u32> {
        let mut seen = DocSet::with_capacity(self.covered() as usize);
        let mut open = vec![self.entry];
        seen.insert(self.entry);
        while let Some(row) = open.pop() {
            open.extend(self.list(row).iter().copied().filter(|next| seen.insert(*next)));
        }
        (0..self.covered()).filter(|row| !seen.contains(*row) && rows.is_searchable(*row)).collect()
    }

    /// Links again what no walk can reach; returns how many rows it linked and how many stay out of reach.
    pub fn repair(&mut self, rows: &Rows, breadth: usize) -> (usize, usize) {
        let mut lost = self.unreached(rows);
        let first = lost.len();
        for _ in 0..3 {
            if lost.is_empty() {
                break;
            }
            for row in lost {
                self.link(rows, row, breadth);
            }
            lost = self.unreached(rows);
        }
        (first, lost.len())
    }
}

/// Keeps those candidates (nearest first) that are nearer to the base than to any kept one, so that links point in many directions.
pub fn choose(rows: &Rows, candidates: &[Near], width: usize) -> Vec<Near> {
    let mut chosen: Vec<Near> = Vec::with_capacity(width);
    for near in candidates {
        if chosen.len() >= width {
            break;
        }
        if chosen.iter().all(|kept| rows.cosine(kept.row, near.row) < near.cosine) {
            chosen.push(*near);
        }
    }
    chosen
}

/// Scratch space to measure the rows of one list in one go.
#[derive(Default)]
struct Batch {
    rows: Vec<u32>,
    dots: Vec<i32>,
}

impl Batch {
    fn measure<'a>(
        &'a mut self,
        rows: &'a Rows,
        query: &'a PreparedQuery,
        of: impl Iterator<Item = u32>,
    ) -> impl Iterator<Item = Near> + 'a {
        self.rows.clear();
        self.rows.extend(of);
        let mut codes: [&[i8]; 64] = [&[]; 64];
        self.dots.clear();
        for some in self.rows.chunks(codes.len()) {
            for (code, row) in codes.iter_mut().zip(some) {
                *code = rows.code(*row);
            }
            rows.kernel.dots_of_rows(&query.values, codes.get(..some.len()).unwrap_or(&[]), &mut self.dots);
        }
        let measured = self.rows.iter().zip(&self.dots);
        measured.map(|(row, dot)| Near { cosine: scaled(*dot, query.inverse_norm, rows.inverse_norm(*row)), row: *row })
    }
}
