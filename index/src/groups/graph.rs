//! The graph that is cut into groups: nodes are members, or members that an editor bound together.
//!
//! Invariant: symmetric, without loops; the edges of a node stand in order of the other node.

use std::collections::BTreeMap;

use super::state::{GroupSettings, Kept, Near, Side};

/// A weighted graph in rows (compressed sparse rows).
pub(super) struct Graph {
    starts: Vec<usize>,
    edges: Vec<(u32, f32)>,
    /// Members of each node.
    pub sizes: Vec<f32>,
    /// Sides of editors' splits, of the few nodes that have any.
    pub sides: BTreeMap<u32, Vec<Side>>,
}

/// How many neighbours count while there are `members`.
pub(super) fn reach(members: usize, settings: &GroupSettings) -> usize {
    settings.neighbours.min((members / 8).max(4))
}

/// What brings the weights of an edge to where they were with another power, which resolutions were stored for.
const SCALE: f32 = 3.0;

/// The weight of an edge: similarity, raised by the share of neighbours that both have.
pub(super) fn weight(similarity: f32, common: usize, reach: usize, settings: &GroupSettings) -> f32 {
    SCALE * similarity.clamp(0.0, 1.0).powi(settings.power) * (settings.alone + common as f32 / reach.max(1) as f32)
}

/// How many numbers two ascending lists share.
pub(super) fn common(a: &[u32], b: &[u32]) -> usize {
    let mut rest = b.iter().peekable();
    let mut count = 0;
    for row in a {
        while rest.next_if(|other| *other < row).is_some() {}
        count += usize::from(rest.peek() == Some(&row));
    }
    count
}

/// The rows of the nearest, ascending.
pub(super) fn rows(near: &[Near], reach: usize) -> Vec<u32> {
    let mut rows: Vec<u32> = near.iter().take(reach).map(|near| near.row).collect();
    rows.sort_unstable();
    rows
}

impl Graph {
    /// The graph of the members' neighbours.
    pub fn of(members: &[Kept], settings: &GroupSettings) -> Self {
        let reach = reach(members.len(), settings);
        let lists: Vec<Vec<u32>> = members.iter().map(|kept| rows(&kept.neighbours, reach)).collect();
        let mut edges = Vec::with_capacity(2 * reach * members.len());
        for ((from, kept), own) in (0_u32..).zip(members).zip(&lists) {
            for near in kept.neighbours.iter().take(reach) {
                let Some(theirs) = lists.get(near.row as usize) else { continue };
                let weight = weight(near.similarity, common(own, theirs), reach, settings);
                edges.push((from, near.row, weight));
                edges.push((near.row, from, weight));
            }
        }
        // An edge that both ends named is there twice.
        edges.sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(b.2.total_cmp(&a.2)));
        edges.dedup_by_key(|(from, to, _)| (*from, *to));
        let sides = (0..).zip(members).filter(|(_, kept)| !kept.sides.is_empty());
        let sides = sides.map(|(row, kept)| (row, kept.sides.clone())).collect();
        Self::from_edges(vec![1.0; members.len()], sides, &edges)
    }

    fn from_edges(sizes: Vec<f32>, sides: BTreeMap<u32, Vec<Side>>, sorted: &[(u32, u32, f32)]) -> Self {
        let mut starts = vec![0; sizes.len() + 1];
        for (from, ..) in sorted {
            if let Some(count) = starts.get_mut(*from as usize + 1) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        Self { starts, edges: sorted.iter().map(|(_, to, weight)| (*to, *weight)).collect(), sizes, sides }
    }

    pub fn len(&self) -> usize {
        self.sizes.len()
    }

    /// The other nodes and the weights.
    pub fn edges(&self, node: u32) -> &[(u32, f32)] {
        let at = node as usize;
        match (self.starts.get(at), self.starts.get(at + 1)) {
            (Some(start), Some(end)) => self.edges.get(*start..*end).unwrap_or(&[]),
            _ => &[],
        }
    }

    pub fn size(&self, node: u32) -> f32 {
        self.sizes.get(node as usize).copied().unwrap_or(0.0)
    }

    pub fn sides(&self, node: u32) -> &[Side] {
        self.sides.get(&node).map_or(&[], Vec::as_slice)
    }

    /// The graph whose nodes are the communities of this one, numbered from 0 without gaps.
    pub fn contracted(&self, communities: &[u32]) -> Self {
        let count = communities.iter().max().map_or(0, |last| *last as usize + 1);
        let mut members: Vec<Vec<u32>> = vec![Vec::new(); count];
        let mut sizes = vec![0.0; count];
        let mut sides: BTreeMap<u32, Vec<Side>> = BTreeMap::new();
        for (node, community) in (0..).zip(communities) {
            if let (Some(list), Some(size)) = (members.get_mut(*community as usize), sizes.get_mut(*community as usize))
            {
                list.push(node);
                *size += self.size(node);
            }
            if !self.sides(node).is_empty() {
                sides.entry(*community).or_default().extend(self.sides(node));
            }
        }
        for list in sides.values_mut() {
            list.sort_unstable();
            list.dedup();
        }
        let mut edges = Vec::new();
        let (mut sums, mut touched) = (vec![0.0_f32; count], Vec::new());
        for (from, list) in (0_u32..).zip(&members) {
            for (to, weight) in list.iter().flat_map(|node| self.edges(*node)) {
                let Some(community) = communities.get(*to as usize).filter(|to| **to != from) else { continue };
                let Some(sum) = sums.get_mut(*community as usize) else { continue };
                if *sum == 0.0 {
                    touched.push(*community);
                }
                *sum += weight;
            }
            touched.sort_unstable();
            touched.dedup();
            for to in touched.drain(..) {
                edges.push((from, to, sums.get_mut(to as usize).map(std::mem::take).unwrap_or(0.0)));
            }
        }
        Self::from_edges(sizes, sides, &edges)
    }
}
