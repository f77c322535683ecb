//! Do members stand nearer to their own group than to the next one?
//!
//! The mean similarity of a member to the others of its group, less that to the nearest other group, as in Rousseeuw,
//! "Silhouettes" (1987), not divided by either: where all are far from each other, a little nearness tells little. Groups
//! that are cut too fine have their other half beside them, groups cut too coarse hold what is far apart.
//!
//! Invariant: exact, up to rounding, from sums over each group; only groups of a member's neighbours are looked at.

use super::space::{Space, centred};
use super::state::GroupingState;
use crate::embed::dot;

/// The members as points whose sums tell mean similarities.
pub(super) struct Points {
    dimension: usize,
    vectors: Vec<f32>,
    /// Weights of words, of length 1, by ascending word.
    words: Vec<Vec<(u32, f32)>>,
}

/// Sums of the members of one language in one community.
#[derive(Default)]
struct Sums {
    count: usize,
    vector: Vec<f32>,
    words: Vec<(u32, f32)>,
}

impl Sums {
    fn push(&mut self, vector: &[f32], words: &[(u32, f32)]) {
        self.count += 1;
        self.vector.resize(vector.len(), 0.0);
        self.vector.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value);
        self.words.extend_from_slice(words);
    }

    /// Adds up what was pushed of each word.
    fn close(&mut self) {
        self.words.sort_by_key(|(word, _)| *word);
        self.words.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
    }

    fn shared(&self, words: &[(u32, f32)]) -> f32 {
        let of = |word: u32| self.words.binary_search_by_key(&word, |(word, _)| *word).ok();
        let each = words.iter().filter_map(|(word, weight)| Some(weight * self.words.get(of(*word)?)?.1));
        each.sum()
    }
}

impl Points {
    pub fn of(space: &Space, state: &GroupingState) -> Self {
        let mut points = Self {
            dimension: state.dimension.max(1),
            vectors: Vec::new(),
            words: Vec::with_capacity(state.members.len()),
        };
        points.vectors.reserve(points.dimension * state.members.len());
        for (row, kept) in (0..).zip(&state.members) {
            points.vectors.extend(centred(kept, &state.means));
            points.words.push(space.words(row));
        }
        points
    }

    /// By how much members are nearer to their own community than to the next, on average; one that is alone counts 0.
    pub fn margin(&self, state: &GroupingState, communities: &[u32]) -> f64 {
        let count = communities.iter().max().map_or(0, |last| *last as usize + 1);
        let mut sums: Vec<[Sums; 2]> = Vec::new();
        sums.resize_with(count, Default::default);
        for (kept, (at, community)) in state.members.iter().zip(communities.iter().enumerate()) {
            let sum = sums.get_mut(*community as usize).and_then(|both| both.get_mut(usize::from(kept.chinese)));
            if let Some(sum) = sum {
                sum.push(self.vector(at), self.words(at));
            }
        }
        sums.iter_mut().flatten().for_each(Sums::close);
        let settings = &state.settings;
        let (mut total, mut near) = (0.0, Vec::new());
        for (at, kept) in state.members.iter().enumerate() {
            let (vector, words) = (self.vector(at), self.words(at));
            let (own, other) = (usize::from(kept.chinese), usize::from(!kept.chinese));
            let alike = |cosines: f32, shared: f32| (cosines + settings.words * shared) / (1.0 + settings.words);
            // The sum of similarities to a community's members, and how many they are.
            let towards = |community: u32| {
                let both = sums.get(community as usize)?;
                let (same, across) = (both.get(own)?, both.get(other)?);
                let similar = alike(dot(vector, &same.vector), same.shared(words));
                Some((similar + settings.across * dot(vector, &across.vector), same.count + across.count))
            };
            let Some(community) = communities.get(at).copied() else { continue };
            let Some((inside, members)) = towards(community).filter(|(_, members)| *members > 1) else { continue };
            let length: f32 = words.iter().map(|(_, weight)| weight * weight).sum();
            let inside = (inside - alike(dot(vector, vector), length)) / (members - 1) as f32;
            near.clear();
            near.extend(kept.neighbours.iter().filter_map(|near| communities.get(near.row as usize).copied()));
            near.sort_unstable();
            near.dedup();
            let others = near.iter().filter(|near| **near != community).filter_map(|near| towards(*near));
            let next = others.map(|(sum, members)| sum / members as f32).max_by(f32::total_cmp);
            total += f64::from(inside - next.unwrap_or(0.0));
        }
        total / state.members.len().max(1) as f64
    }

    fn vector(&self, at: usize) -> &[f32] {
        self.vectors.get(at * self.dimension..(at + 1) * self.dimension).unwrap_or(&[])
    }

    fn words(&self, at: usize) -> &[(u32, f32)] {
        self.words.get(at).map_or(&[], Vec::as_slice)
    }
}
