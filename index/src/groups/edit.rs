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
        let bond = self.new_mark();
        let rows = self.rows_of.get(&into).cloned().unwrap_or_default();
        let mut sides = BTreeSet::new();
        self.each(&rows, |kept| {
            kept.bond = Some(bond);
            sides.extend(kept.sides.iter().copied());
        });
        // Both sides of an earlier split are together again: what was left behind then is apart no more.
        self.each(&rows, |kept| kept.sides.retain(|side| side.out || !sides.contains(&side.other())));
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
        let (split, bond, into) = (self.new_mark(), self.new_mark(), self.new_group());
        self.each(&rest, |kept| kept.sides.push(Side { split, out: false }));
        self.each(&out, |kept| {
            kept.bond = Some(bond);
            kept.sides.push(Side { split, out: true });
        });
        for row in out {
            self.assign(row, Some(into));
        }
        Some(into)
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
