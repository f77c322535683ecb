//! What do editors decide? That groups are one, or that members of a group are another; and which questions leave.
//!
//! Invariant: no later placing or consolidation undoes an edit; only a later edit does.

use std::collections::BTreeSet;

use super::Grouping;
use super::state::{GroupChange, GroupId, Kept, Side};

impl Grouping {
    /// Makes one group of two; its members stay together from now on (must-link). None when there is nothing to merge.
    pub fn merge(&mut self, into: GroupId, from: GroupId) -> Option<GroupChange> {
        if into == from || !self.rows_of.contains_key(&into) {
            return None;
        }
        let moved = self.rows_of.get(&from)?.clone();
        for row in moved {
            self.assign(row, Some(into));
        }
        let rows = self.rows_of.get(&into).cloned().unwrap_or_default();
        self.bind(&rows);
        self.state.successors.insert(from, into);
        Some(GroupChange::Merged { into, from })
    }

    /// Makes a group of its own of some of a group's members: they stay together, and apart from those left behind
    /// (cannot-link). None when none of them is in the group, or all that are.
    pub fn split(&mut self, group: GroupId, members: &[&str]) -> Option<GroupId> {
        let rows = self.rows_of.get(&group)?.clone();
        let chosen: BTreeSet<u32> = members.iter().filter_map(|id| self.by_id.get(*id)).copied().collect();
        let (out, rest): (Vec<u32>, Vec<u32>) = rows.into_iter().partition(|row| chosen.contains(row));
        if out.is_empty() || rest.is_empty() {
            return None;
        }
        let into = self.new_group();
        self.divide(&out, &rest);
        for row in out {
            self.assign(row, Some(into));
        }
        Some(into)
    }

    /// Makes one group of these members, wherever they are, waiting ones too: they stay together from now on. Gives the
    /// group, that of the first one in a group; none where there are not two of them.
    pub fn tie(&mut self, members: &[&str]) -> Option<GroupId> {
        let rows = self.rows(members);
        if rows.len() < 2 {
            return None;
        }
        let standing = members.iter().find_map(|id| self.group_of(id));
        let into = standing.unwrap_or_else(|| self.new_group());
        for row in &rows {
            self.assign(*row, Some(into));
        }
        self.bind(&rows);
        Some(into)
    }

    /// Puts these members into a group of their own, apart from `rest` from now on. Gives the group; none where either
    /// list holds no member.
    pub fn part(&mut self, out: &[&str], rest: &[&str]) -> Option<GroupId> {
        let (out, rest) = (self.rows(out), self.rows(rest));
        if out.is_empty() || rest.is_empty() {
            return None;
        }
        let into = self.new_group();
        self.divide(&out, &rest);
        for row in out {
            self.assign(row, Some(into));
        }
        Some(into)
    }

    /// Their rows, ascending, each once.
    fn rows(&self, members: &[&str]) -> Vec<u32> {
        let rows: BTreeSet<u32> = members.iter().filter_map(|id| self.by_id.get(*id)).copied().collect();
        rows.into_iter().collect()
    }

    /// Marks rows as one.
    fn bind(&mut self, rows: &[u32]) {
        let bond = self.new_mark();
        let mut sides = BTreeSet::new();
        self.each(rows, |kept| {
            kept.bond = Some(bond);
            sides.extend(kept.sides.iter().copied());
        });
        // Both sides of an earlier split are together again: what was left behind then is apart no more.
        self.each(rows, |kept| kept.sides.retain(|side| side.out || !sides.contains(&side.other())));
    }

    /// Marks rows as apart from others.
    fn divide(&mut self, out: &[u32], rest: &[u32]) {
        let (split, bond) = (self.new_mark(), self.new_mark());
        self.each(rest, |kept| kept.sides.push(Side { split, out: false }));
        self.each(out, |kept| {
            kept.bond = Some(bond);
            kept.sides.push(Side { split, out: true });
        });
    }

    /// Takes a member out, as when its question has an answer now; false when it is not there.
    pub fn remove(&mut self, member: &str) -> bool {
        let Some(row) = self.by_id.remove(member) else { return false };
        self.assign(row, None);
        self.space.remove(row);
        self.each(&[row], |kept| kept.gone = true);
        true
    }

    fn each(&mut self, rows: &[u32], mut change: impl FnMut(&mut Kept)) {
        for row in rows {
            if let Some(kept) = self.state.members.get_mut(*row as usize) {
                change(kept);
            }
        }
    }

    fn new_mark(&mut self) -> u32 {
        self.state.next_mark += 1;
        self.state.next_mark
    }
}
