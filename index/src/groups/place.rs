//! Where does a new question go? To the group that its neighbours pull it to most, by the gain of a consolidation.
//!
//! Invariant: placing moves no other member, except one that waited and founds a group with it.

use std::collections::BTreeMap;

use super::Grouping;
use super::graph::{common, reach, rows, weight};
use super::space::{Scratch, crowd, means, rank};
use super::state::{GroupId, Kept, Member, Near, Placed};
use crate::dense::Code;
use crate::language::{Language, detect};

/// From how many members on the mean is taken anew between consolidations, and until how many.
const FIRST: usize = 8;
const LAST: usize = 2048;

/// What is best for a new row.
enum Choice {
    Join(GroupId),
    /// The row of a member that waits.
    FoundWith(u32),
    Wait,
}

impl Grouping {
    /// Puts a question where it belongs; one whose id is known adds its weight, and stays where it is.
    ///
    /// A vector of another dimension counts as one of zeros.
    pub fn place(&mut self, member: Member) -> Placed {
        if let Some(kept) = self.by_id.get(&member.id).and_then(|row| self.state.members.get_mut(*row as usize)) {
            kept.weight += member.weight;
            return kept.group.map_or(Placed::Waits, Placed::Joined);
        }
        let row = self.state.members.len() as u32;
        self.add(member);
        let live = self.by_id.len();
        if live >= FIRST.max(2 * self.state.centred) && live <= LAST {
            self.recentre();
        } else {
            self.link(row);
        }
        match self.choose(row) {
            Choice::Join(group) => {
                self.assign(row, Some(group));
                Placed::Joined(group)
            }
            Choice::FoundWith(other) => {
                let group = self.new_group();
                self.assign(other, Some(group));
                self.assign(row, Some(group));
                Placed::Founded(group)
            }
            Choice::Wait => Placed::Waits,
        }
    }

    /// Takes a question in without placing it: it waits for the next consolidation, as when many come at once.
    pub fn wait(&mut self, member: Member) {
        match self.by_id.get(&member.id).and_then(|row| self.state.members.get_mut(*row as usize)) {
            Some(kept) => kept.weight += member.weight,
            None => self.add(member),
        }
    }

    /// Takes in a member where it stood before a restart; [`Grouping::settle`] comes after the last one.
    pub fn admit(&mut self, member: Member, group: Option<GroupId>) {
        let id = member.id.clone();
        self.wait(member);
        if let Some(group) = group {
            self.state.next_group = self.state.next_group.max(group.0 + 1);
            if let Some(row) = self.by_id.get(&id).copied() {
                self.assign(row, Some(group));
            }
        }
    }

    /// Puts a member where it is to stand; nothing where it is not there.
    pub fn put(&mut self, member: &str, group: Option<GroupId>) {
        if let Some(row) = self.by_id.get(member).copied() {
            if let Some(group) = group {
                self.state.next_group = self.state.next_group.max(group.0 + 1);
            }
            self.assign(row, group);
        }
    }

    /// Says how often a member was asked by now; false where it is not there.
    pub fn weigh(&mut self, member: &str, weight: f32) -> bool {
        let kept = self.by_id.get(member).and_then(|row| self.state.members.get_mut(*row as usize));
        kept.map(|kept| kept.weight = weight).is_some()
    }

    /// Finds the neighbours of all members anew, as after many were admitted. `resolution` is the one that was in force.
    pub fn settle(&mut self, resolution: Option<f32>) {
        if let Some(resolution) = resolution.filter(|resolution| resolution.is_finite() && *resolution > 0.0) {
            self.state.resolution = resolution;
            self.state.consolidated = true;
        }
        self.recentre();
    }

    fn add(&mut self, member: Member) {
        let Member { id, text, mut vector, weight } = member;
        if vector.len() != self.state.dimension {
            vector = vec![0.0; self.state.dimension];
        }
        let kept = Kept {
            chinese: detect(&text) == Language::Zh,
            id,
            text,
            weight,
            code: Code::quantize(&vector),
            group: None,
            bond: None,
            sides: Vec::new(),
            neighbours: Vec::new(),
            crowd: 0.0,
            gone: false,
        };
        self.space.push(&self.analyzer, &kept, &self.state.means);
        self.by_id.insert(kept.id.clone(), self.state.members.len() as u32);
        self.state.members.push(kept);
    }

    /// Takes the mean, and with it all neighbours, anew.
    fn recentre(&mut self) {
        let state = &mut self.state;
        (state.means, state.centred) = means(&state.members, state.dimension, &state.settings);
        self.space.recentre(&self.state);
        self.space.settle(&mut self.state);
    }

    /// Finds the neighbours of a new row, and makes it a neighbour of theirs where it is near enough.
    fn link(&mut self, row: u32) {
        let snapshot = self.space.snapshot();
        let Some(kept) = self.state.members.get(row as usize) else { return };
        let probe = self.space.probe(&snapshot, row, kept, &self.state.means);
        let mut near = self.space.nearest(&snapshot, &probe, row, &self.state.settings, &mut Scratch::default());
        let crowd = crowd(&near);
        rank(&mut near, crowd, &self.state);
        let most = self.state.settings.neighbours;
        for Near { row: other, similarity } in near.iter().copied() {
            let Some(kept) = self.state.members.get_mut(other as usize) else { continue };
            let new = Near { row, similarity };
            let at = kept.neighbours.partition_point(|known| known.order(&new).is_lt());
            if at < most {
                kept.neighbours.insert(at, new);
                kept.neighbours.truncate(most);
            }
        }
        if let Some(kept) = self.state.members.get_mut(row as usize) {
            kept.crowd = crowd;
            kept.neighbours = near;
        }
    }

    /// The place that gains most.
    fn choose(&self, row: u32) -> Choice {
        let settings = &self.state.settings;
        let reach = reach(self.by_id.len(), settings);
        let Some(kept) = self.state.members.get(row as usize) else { return Choice::Wait };
        let own = rows(&kept.neighbours, reach);
        let mut groups: BTreeMap<GroupId, f32> = BTreeMap::new();
        let mut waiting: Option<(f32, u32)> = None;
        for (rank, near) in kept.neighbours.iter().enumerate() {
            let Some(other) = self.state.members.get(near.row as usize).filter(|other| !other.gone) else { continue };
            let returned = other.neighbours.iter().take(reach).any(|theirs| theirs.row == row);
            if rank >= reach && !returned {
                continue;
            }
            let edge = weight(near.similarity, common(&own, &rows(&other.neighbours, reach)), reach, settings);
            match other.group {
                Some(group) => *groups.entry(group).or_default() += edge,
                None if waiting.is_none_or(|(best, _)| edge > best) => waiting = Some((edge, near.row)),
                None => {}
            }
        }
        let resolution = self.state.resolution;
        let mut best: Option<(f32, GroupId)> = None;
        for (group, sum) in groups {
            let gain = sum - resolution * self.rows_of.get(&group).map_or(0, Vec::len) as f32;
            if gain > 0.0 && best.is_none_or(|(most, _)| gain > most) {
                best = Some((gain, group));
            }
        }
        let founds = waiting.filter(|(edge, _)| edge - resolution > best.map_or(0.0, |(most, _)| most));
        match (founds, best) {
            (Some((_, other)), _) => Choice::FoundWith(other),
            (None, Some((_, group))) => Choice::Join(group),
            (None, None) => Choice::Wait,
        }
    }
}
