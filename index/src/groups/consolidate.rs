//! The nightly look at all members at once: neighbours, communities, and which of them is which group.
//!
//! The resolution is found anew each time: of partitions from fine to coarse the one whose members are nearest to their own
//! group beside the next one (`margin.rs`), and whose weight inside of groups is high, less a price of n ln n for a group of
//! n members, the sum that falls when the partition's entropy rises. Each is taken against the most that a partition reaches.
//! Values are flat near the best: the mean resolution of those near it, each weighed by its value, is taken.
//!
//! Invariant: rows are sorted by member id first, so what comes out depends on the order of arrival only through the
//! partition that was there.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::graph::Graph;
use super::margin::Points;
use super::potts::{communities, inside, numbered};
use super::space::{Space, means};
use super::state::{GroupChange, GroupId, GroupingState, Kept};
use crate::analyzer::Analyzer;

/// Groups the members anew; gives the space they stand in now, and what changed.
pub(super) fn consolidate(analyzer: &Analyzer, state: &mut GroupingState) -> (Space, Vec<GroupChange>) {
    state.members.retain(|kept| !kept.gone);
    state.members.sort_by(|a, b| a.id.cmp(&b.id));
    (state.means, state.centred) = means(&state.members, state.dimension, &state.settings);
    let space = Space::of(analyzer, state);
    space.settle(state);
    let nodes = bound(&state.members);
    let graph = Graph::of(&state.members, &state.settings).contracted(&nodes);
    let (resolution, found) = partition(state, &space, &graph, &nodes);
    state.resolution = resolution;
    state.consolidated = true;
    let changes = settle(state, &of_rows(&nodes, &found));
    (space, changes)
}

/// The node of every row: one for all rows with the same bond.
fn bound(members: &[Kept]) -> Vec<u32> {
    let mut first: HashMap<u32, u32> = HashMap::new();
    let rows = (0..).zip(members);
    let nodes: Vec<u32> =
        rows.map(|(row, kept)| kept.bond.map_or(row, |bond| *first.entry(bond).or_insert(row))).collect();
    numbered(&nodes)
}

/// A partition of the nodes, by what it is chosen.
struct Tried {
    resolution: f32,
    found: Vec<u32>,
    margin: f64,
    score: f64,
}

/// The best partition of the nodes, and the resolution it was found at.
fn partition(state: &GroupingState, space: &Space, graph: &Graph, nodes: &[u32]) -> (f32, Vec<u32>) {
    let settings = &state.settings;
    let rate = f64::from(settings.price);
    let points = Points::of(space, state);
    let judge = |resolution: f32, found: Vec<u32>| {
        let mut sizes = vec![0.0_f64; graph.len()];
        for (node, community) in (0..).zip(&found) {
            if let Some(size) = sizes.get_mut(*community as usize) {
                *size += f64::from(graph.size(node));
            }
        }
        let price: f64 = sizes.iter().filter(|size| **size > 1.0).map(|size| size * size.ln()).sum();
        let score = inside(graph, &found) - rate * price;
        Tried { resolution, margin: points.margin(state, &of_rows(nodes, &found)), score, found }
    };
    let steps: Vec<f32> = (0..=settings.steps).map(|step| settings.finest * 0.5_f32.powf(step as f32 / 2.0)).collect();
    let threads = settings.threads.max(1);
    let try_some = |first: usize| -> Vec<Tried> {
        let some = steps.iter().skip(first).step_by(threads);
        some.map(|resolution| judge(*resolution, communities(graph, *resolution, None))).collect()
    };
    let try_some = &try_some;
    let tried: Vec<Tried> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|first| scope.spawn(move || try_some(first))).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    // Each against the most that any reaches; what nothing reaches tells nothing.
    let most = |of: fn(&Tried) -> f64| tried.iter().map(of).fold(0.0, f64::max);
    let (margins, scores) = (most(|tried| tried.margin), most(|tried| tried.score));
    let share = |value: f64, most: f64| if most > 0.0 { value / most } else { 0.0 };
    let value = |tried: &Tried| share(tried.margin, margins) + f64::from(settings.score) * share(tried.score, scores);
    // It moves less from one day to the next than the best does, which jumps where there are two tops.
    let top = tried.iter().map(value).fold(f64::MIN, f64::max);
    let weight = |tried: &Tried| ((value(tried) - top) / f64::from(settings.spread.max(f32::MIN_POSITIVE))).exp();
    let (sum, places) = tried.iter().fold((0.0, 0.0), |(sum, places), tried| {
        let weight = weight(tried);
        (sum + weight, places + weight * f64::from(tried.resolution).ln())
    });
    let off = |tried: &Tried| (f64::from(tried.resolution).ln() - places / sum).abs();
    let order = |a: &&Tried, b: &&Tried| off(a).total_cmp(&off(b)).then(b.resolution.total_cmp(&a.resolution));
    let Some(best) = tried.iter().min_by(order) else { return (state.resolution, numbered(nodes)) };
    if state.consolidated {
        let start = standing(&state.members, nodes, graph.len());
        let warm = judge(state.resolution, communities(graph, state.resolution, Some(start)));
        if value(&warm) >= value(best) - f64::from(settings.gain) {
            return (state.resolution, warm.found);
        }
    }
    (best.resolution, best.found.clone())
}

/// The community of every row.
fn of_rows(nodes: &[u32], found: &[u32]) -> Vec<u32> {
    nodes.iter().map(|node| found.get(*node as usize).copied().unwrap_or_default()).collect()
}

/// The partition as it stands: a node that waits is alone.
fn standing(members: &[Kept], nodes: &[u32], count: usize) -> Vec<u32> {
    let mut standing: Vec<u32> = (0..count as u32).collect();
    let mut first: HashMap<GroupId, u32> = HashMap::new();
    for (kept, node) in members.iter().zip(nodes) {
        if let (Some(group), Some(place)) = (kept.group, standing.get_mut(*node as usize)) {
            *place = *first.entry(group).or_insert(*node);
        }
    }
    numbered(&standing)
}

/// Gives communities the names of the groups whose members they hold, and members their places.
fn settle(state: &mut GroupingState, communities: &[u32]) -> Vec<GroupChange> {
    let mut overlaps: BTreeMap<(GroupId, u32), f64> = BTreeMap::new();
    let mut counts: BTreeMap<u32, (usize, bool)> = BTreeMap::new();
    for (kept, community) in state.members.iter().zip(communities) {
        let count = counts.entry(*community).or_default();
        *count = (count.0 + 1, count.1 || kept.bond.is_some());
        if let Some(group) = kept.group {
            *overlaps.entry((group, *community)).or_default() += f64::from(kept.weight.max(f32::MIN_POSITIVE));
        }
    }
    // A member alone waits, unless an editor put it apart.
    let is_group = |community: u32| counts.get(&community).is_some_and(|(count, bound)| *count > 1 || *bound);
    let mut pairs: Vec<(GroupId, u32, f64)> =
        overlaps.into_iter().map(|((group, community), weight)| (group, community, weight)).collect();
    pairs.sort_by(|a, b| b.2.total_cmp(&a.2).then((a.0, a.1).cmp(&(b.0, b.1))));
    let (mut names, mut kept_names): (BTreeMap<u32, GroupId>, BTreeSet<GroupId>) = Default::default();
    for (group, community, _) in pairs {
        if is_group(community) && !names.contains_key(&community) && !kept_names.contains(&group) {
            names.insert(community, group);
            kept_names.insert(group);
        }
    }
    let mut fresh = BTreeSet::new();
    for community in counts.keys().copied().filter(|community| is_group(*community)) {
        names.entry(community).or_insert_with(|| {
            let group = GroupId(state.next_group);
            state.next_group += 1;
            fresh.insert(group);
            group
        });
    }
    let to: Vec<Option<GroupId>> = communities.iter().map(|community| names.get(community).copied()).collect();
    let changes = changes(state, &to, &fresh, &kept_names);
    for change in &changes {
        if let GroupChange::Merged { into, from } = change {
            state.successors.insert(*from, *into);
        }
    }
    for (kept, group) in state.members.iter_mut().zip(to) {
        kept.group = group;
    }
    changes
}

/// What it means that members go from where they are to `to`.
fn changes(
    state: &GroupingState,
    to: &[Option<GroupId>],
    fresh: &BTreeSet<GroupId>,
    lasting: &BTreeSet<GroupId>,
) -> Vec<GroupChange> {
    let mut ends: BTreeMap<GroupId, BTreeMap<Option<GroupId>, f64>> = BTreeMap::new();
    let mut starts: BTreeMap<GroupId, BTreeMap<Option<GroupId>, f64>> = BTreeMap::new();
    for (kept, to) in state.members.iter().zip(to) {
        if let Some(from) = kept.group.filter(|from| !lasting.contains(from)) {
            *ends.entry(from).or_default().entry(*to).or_default() += f64::from(kept.weight);
        }
        if let Some(to) = to.filter(|to| fresh.contains(to)) {
            *starts.entry(to).or_default().entry(kept.group).or_default() += f64::from(kept.weight);
        }
    }
    let main = |shares: &BTreeMap<Option<GroupId>, f64>| {
        shares.iter().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(a.0))).and_then(|(group, _)| *group)
    };
    let mut changes = Vec::new();
    let mut told: BTreeSet<(Option<GroupId>, Option<GroupId>)> = BTreeSet::new();
    for (into, shares) in &starts {
        let from = main(shares);
        told.insert((from, Some(*into)));
        changes.push(match from {
            Some(from) => GroupChange::Split { from, into: *into },
            None => GroupChange::Founded { group: *into },
        });
    }
    for (from, shares) in &ends {
        let into = main(shares);
        told.insert((Some(*from), into));
        changes.push(match into {
            Some(into) => GroupChange::Merged { into, from: *from },
            None => GroupChange::Dissolved { group: *from },
        });
    }
    for (kept, to) in state.members.iter().zip(to) {
        if kept.group != *to && !told.contains(&(kept.group, *to)) {
            changes.push(GroupChange::Moved { member: kept.id.clone(), from: kept.group, to: *to });
        }
    }
    changes
}
