//! How is a graph cut into communities? By the Constant Potts Model: the weight inside of communities, less the
//! resolution for every pair of members inside.
//!
//! Local moves and contraction in turn, as in Blondel et al., "Fast unfolding of communities in large networks" (2008);
//! the model and the connected communities from Traag et al., "From Louvain to Leiden" (2019). Nodes are visited in order,
//! so nothing is random.
//!
//! Invariant: communities are connected, and never hold two sides of one split by an editor.

use std::collections::{HashMap, VecDeque};

use super::graph::Graph;
use super::state::Side;

/// A gain below this is none: it keeps rounding from moving nodes for ever.
const LEAST: f64 = 1e-7;
/// Visits a node, on average, after which a level ends anyway.
const VISITS: usize = 40;
/// Times that the communities found are gone through again from single nodes on.
const ROUNDS: usize = 2;

/// The community of every node, numbered from 0 in the order of their first nodes.
pub(super) fn communities(graph: &Graph, resolution: f32, start: Option<Vec<u32>>) -> Vec<u32> {
    let mut found = start.unwrap_or_else(|| (0..graph.len() as u32).collect());
    for _ in 0..ROUNDS {
        let before = found.clone();
        found = connected(graph, &levels(graph, resolution, found));
        if found == before {
            break;
        }
    }
    found
}

/// Weight inside of communities.
pub(super) fn inside(graph: &Graph, communities: &[u32]) -> f64 {
    let mut sum = 0.0;
    for (node, own) in (0..).zip(communities) {
        for (to, weight) in graph.edges(node) {
            if *to > node && communities.get(*to as usize) == Some(own) {
                sum += f64::from(*weight);
            }
        }
    }
    sum
}

fn levels(graph: &Graph, resolution: f32, start: Vec<u32>) -> Vec<u32> {
    let mut found = moved(graph, resolution, start);
    loop {
        let contracted = graph.contracted(&found);
        let single = (0..contracted.len() as u32).collect();
        let above = moved(&contracted, resolution, single);
        let count = above.iter().max().map_or(0, |last| *last as usize + 1);
        if count == contracted.len() {
            return found;
        }
        for community in &mut found {
            *community = above.get(*community as usize).copied().unwrap_or(*community);
        }
    }
}

/// A partition under change.
struct Partition<'a> {
    graph: &'a Graph,
    community: Vec<u32>,
    /// Members of each community.
    totals: Vec<f64>,
    empty: Vec<u32>,
    /// Nodes of a community on a side of a split.
    sides: HashMap<(u32, Side), u32>,
}

impl Partition<'_> {
    fn total(&self, community: u32) -> f64 {
        self.totals.get(community as usize).copied().unwrap_or(0.0)
    }

    fn put(&mut self, node: u32, community: u32) {
        if let Some(total) = self.totals.get_mut(community as usize) {
            *total += f64::from(self.graph.size(node));
        }
        if let Some(own) = self.community.get_mut(node as usize) {
            *own = community;
        }
        for side in self.graph.sides(node) {
            *self.sides.entry((community, *side)).or_default() += 1;
        }
    }

    fn take(&mut self, node: u32, community: u32) {
        if let Some(total) = self.totals.get_mut(community as usize) {
            *total -= f64::from(self.graph.size(node));
        }
        for side in self.graph.sides(node) {
            self.sides.entry((community, *side)).and_modify(|count| *count = count.saturating_sub(1));
        }
    }

    fn allows(&self, node: u32, community: u32) -> bool {
        let met = |side: &Side| self.sides.get(&(community, side.other())).is_some_and(|count| *count > 0);
        !self.graph.sides(node).iter().any(met)
    }
}

/// Moves single nodes while that gains.
fn moved(graph: &Graph, resolution: f32, start: Vec<u32>) -> Vec<u32> {
    let count = graph.len();
    let mut partition = Partition {
        graph,
        community: start.clone(),
        totals: vec![0.0; count],
        empty: Vec::new(),
        sides: HashMap::new(),
    };
    for (node, community) in (0..).zip(start) {
        partition.put(node, community);
    }
    partition.empty = (0..count as u32).rev().filter(|community| partition.total(*community) == 0.0).collect();
    let mut queue: VecDeque<u32> = (0..count as u32).collect();
    let mut queued = vec![true; count];
    let (mut weights, mut touched) = (vec![0.0_f64; count], Vec::new());
    let mut visits = count.saturating_mul(VISITS);
    while let Some(node) = queue.pop_front() {
        let Some(own) = partition.community.get(node as usize).copied() else { continue };
        if let Some(queued) = queued.get_mut(node as usize) {
            *queued = false;
        }
        visits = visits.saturating_sub(1);
        if visits == 0 {
            break;
        }
        for (to, weight) in graph.edges(node) {
            let Some(community) = partition.community.get(*to as usize) else { continue };
            let Some(sum) = weights.get_mut(*community as usize) else { continue };
            if *sum == 0.0 {
                touched.push(*community);
            }
            *sum += f64::from(*weight);
        }
        partition.take(node, own);
        let price = f64::from(resolution) * f64::from(graph.size(node));
        let gain = |community: u32| {
            let weight = weights.get(community as usize).copied().unwrap_or(0.0);
            weight - price * partition.total(community)
        };
        let (mut best, mut most) = if partition.allows(node, own) { (own, gain(own)) } else { (own, f64::MIN) };
        for community in &touched {
            if *community != own && gain(*community) > most + LEAST && partition.allows(node, *community) {
                (best, most) = (*community, gain(*community));
            }
        }
        if most < -LEAST {
            best = partition.empty.pop().unwrap_or(best);
        }
        for community in touched.drain(..) {
            if let Some(sum) = weights.get_mut(community as usize) {
                *sum = 0.0;
            }
        }
        partition.put(node, best);
        if best == own {
            continue;
        }
        if partition.total(own) <= 0.0 {
            partition.empty.push(own);
        }
        for (to, _) in graph.edges(node) {
            let elsewhere = partition.community.get(*to as usize) != Some(&best);
            if let Some(queued) = queued.get_mut(*to as usize).filter(|queued| elsewhere && !**queued) {
                *queued = true;
                queue.push_back(*to);
            }
        }
    }
    numbered(&partition.community)
}

/// The same communities, numbered from 0 in the order of their first nodes.
pub(super) fn numbered(communities: &[u32]) -> Vec<u32> {
    let mut numbers: HashMap<u32, u32> = HashMap::new();
    let mut number = |community: &u32| {
        let next = numbers.len() as u32;
        *numbers.entry(*community).or_insert(next)
    };
    communities.iter().map(&mut number).collect()
}

/// Cuts communities into their connected parts.
fn connected(graph: &Graph, communities: &[u32]) -> Vec<u32> {
    let mut parts = vec![u32::MAX; communities.len()];
    let (mut next, mut waiting) = (0, Vec::new());
    for (first, own) in (0..).zip(communities) {
        if parts.get(first as usize) != Some(&u32::MAX) {
            continue;
        }
        waiting.push(first);
        while let Some(node) = waiting.pop() {
            let Some(part) = parts.get_mut(node as usize).filter(|part| **part == u32::MAX) else { continue };
            *part = next;
            let same = |(to, _): &&(u32, f32)| communities.get(*to as usize) == Some(own);
            waiting.extend(graph.edges(node).iter().filter(same).map(|(to, _)| *to));
        }
        next += 1;
    }
    parts
}
