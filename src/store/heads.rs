//! What does the store keep in memory of gaps? Their heads, so that ordering and summing them up reads no row.
//!
//! Invariant: the heads of a space are those of its rows. They are made of the rows when the store is opened, and change
//! with the batch that changes the rows, before the lock of writers is given back: whoever has committed a gap finds
//! its head. A commit that fails stops the store, and its heads say what was before.
//!
//! Memory is bounded: at most [`MAX_HEADS`] are kept, of all spaces together, at some 400 bytes each. A space that would
//! go beyond keeps none until the next start: its heads are then read from its rows each time, whole and slower.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::RwLock;

use super::keys::{Part, Table, parts};
use super::{Batch, Store, id_of};
use crate::error::Result;
use crate::id::{GapId, SpaceId};
use crate::model::gap::GapHead;

/// Most heads that are kept.
const MAX_HEADS: usize = 200_000;

/// Heads that a batch changes; `None` removes.
pub(super) type Changes = BTreeMap<(SpaceId, GapId), Option<GapHead>>;

/// The heads of a space; `None` where there are too many.
type OfSpace = Option<BTreeMap<GapId, Arc<GapHead>>>;

/// The heads of all spaces.
pub(super) struct Heads {
    kept: RwLock<Kept>,
    most: usize,
}

#[derive(Default)]
struct Kept {
    spaces: HashMap<SpaceId, OfSpace>,
    count: usize,
}

impl Default for Heads {
    fn default() -> Self {
        Self::at_most(MAX_HEADS)
    }
}

impl Heads {
    pub(super) fn at_most(most: usize) -> Self {
        Self { kept: RwLock::default(), most }
    }

    /// Takes what a batch has changed. The caller holds the lock of writers.
    pub(super) fn apply(&self, changes: Changes) {
        if changes.is_empty() {
            return;
        }
        let mut kept = self.kept.write();
        for ((space, id), head) in changes {
            kept.change(space, id, head, self.most);
        }
    }

    /// The heads of a space as they are now, ascending by id; nothing where they are not kept.
    fn of(&self, space: &SpaceId) -> Option<Vec<Arc<GapHead>>> {
        match self.kept.read().spaces.get(space) {
            None => Some(Vec::new()),
            Some(kept) => kept.as_ref().map(|heads| heads.values().cloned().collect()),
        }
    }
}

impl Kept {
    fn change(&mut self, space: SpaceId, id: GapId, head: Option<GapHead>, most: usize) {
        let of_space = self.spaces.entry(space).or_insert_with(|| Some(BTreeMap::new()));
        let Some(heads) = of_space else { return };
        let before = heads.len();
        match head {
            Some(head) => drop(heads.insert(id, Arc::new(head))),
            None => drop(heads.remove(&id)),
        }
        self.count = self.count + heads.len() - before;
        if self.count > most {
            self.count -= heads.len();
            *of_space = None;
        }
    }

    /// Keeps no heads of a space.
    fn give_up(&mut self, space: SpaceId) {
        if let Some(Some(heads)) = self.spaces.insert(space, None) {
            self.count -= heads.len();
        }
    }
}

impl Store {
    /// Makes the heads of all rows; nobody commits yet.
    pub(super) fn load_heads(&self) -> Result<()> {
        let mut kept = self.inner.heads.kept.write();
        let mut from = Table::Gap.key().bytes();
        while let Some(space) = self.load_until_too_many(from, &mut kept)? {
            tracing::warn!(%space, "its gaps are listed from their rows, which is slower");
            from = Table::Gap.key().id(space.as_str()).end();
        }
        Ok(())
    }

    /// Makes the heads of the rows behind a key, up to a space that can keep none; gives that space.
    fn load_until_too_many(&self, from: Vec<u8>, kept: &mut Kept) -> Result<Option<SpaceId>> {
        for row in self.rows_of(from, Table::Gap.key().end()) {
            let (key, row) = row?;
            let path = parts(&key)?;
            let (Some(Part::Id(space)), Some(Part::Id(id))) = (path.first(), path.last()) else { continue };
            let (space, id): (SpaceId, GapId) = (id_of(space)?, id_of(id)?);
            match self.read_row::<GapHead>(Table::Gap, &key, row) {
                Ok(head) => kept.change(space.clone(), id, head, self.inner.heads.most),
                Err(error) => {
                    // Whoever asks for the gaps is told; a start does not fail for it.
                    tracing::error!(%error, %space, "a gap cannot be read");
                    kept.give_up(space.clone());
                }
            }
            if matches!(kept.spaces.get(&space), Some(None)) {
                return Ok(Some(space));
            }
        }
        Ok(None)
    }

    /// The gaps of a space without their texts, ascending by id; no row is read unless there are too many to be kept.
    ///
    /// # Errors
    /// `Store`.
    pub fn gap_heads(&self, space: &SpaceId) -> Result<Vec<Arc<GapHead>>> {
        if let Some(heads) = self.inner.heads.of(space) {
            return Ok(heads);
        }
        let prefix = Table::Gap.key().id(space.as_str());
        let rows = self.scan::<GapHead>(Table::Gap, prefix.clone().bytes(), prefix.end());
        rows.map(|row| row.map(|(_, head)| Arc::new(head))).collect()
    }
}

impl Batch {
    /// Notes that a gap is written, or removed.
    pub(super) fn change_head(&mut self, space: &SpaceId, id: &GapId, head: Option<GapHead>) {
        self.heads.insert((space.clone(), id.clone()), head);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::super::StoreSettings;
    use super::*;
    use crate::model::gap::{CauseKind, Gap, GapStatus, Proof, Why};

    /// What a batch does to one gap: space, gap, and how often it was asked; `None` removes it.
    type Act = (usize, u64, Option<u64>);

    fn open(dir: &std::path::Path, most: usize) -> Store {
        let store = Store::open(dir, &StoreSettings { cache_bytes: 8 << 20 }).unwrap().store;
        *store.inner.heads.kept.write() = Kept::default();
        let mut inner = store.inner;
        Arc::get_mut(&mut inner).unwrap().heads = Heads::at_most(most);
        let store = Store { inner };
        store.load_heads().unwrap();
        store
    }

    fn gap(space: &SpaceId, number: u64, asked: u64) -> Gap {
        let at = Timestamp::from_second(1_700_000_000 + asked as i64).unwrap();
        let mut gap = Gap::new(format!("g_{number}").parse().unwrap(), space.clone(), at);
        gap.tally.queries = asked;
        gap.heat.add(asked, at);
        gap.status = if asked.is_multiple_of(3) { GapStatus::Closed } else { GapStatus::Open };
        gap.article_id = asked.is_multiple_of(2).then(|| "returns".parse().unwrap());
        // Some rows are so long that they stand in pieces.
        gap.examples = vec!["怎么退货".repeat(if asked.is_multiple_of(5) { 3_000 } else { 1 })];
        let why = |kind| Why { kind, proof: Proof::Click, article_id: gap.article_id.clone(), at };
        gap.why = (asked > 4).then(|| why(CauseKind::PresentNotFound));
        gap
    }

    fn agrees(store: &Store, spaces: &[SpaceId]) {
        for space in spaces {
            let rows: Vec<GapHead> = store.gaps(space).map(|gap| GapHead::of(&gap.unwrap())).collect();
            let heads: Vec<GapHead> = store.gap_heads(space).unwrap().iter().map(|head| GapHead::clone(head)).collect();
            assert_eq!(heads, rows, "{space}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn heads_are_those_of_the_rows_whatever_is_written_and_restarted(
            batches in prop::collection::vec(
                (prop::collection::vec((0..3_usize, 0..12_u64, prop::option::weighted(0.7, 0..20_u64)), 1..8), prop::bool::weighted(0.2)),
                1..20,
            ),
            most in 3..40_usize,
        ) {
            let dir = tempfile::tempdir().unwrap();
            let spaces: Vec<SpaceId> = ["a", "b", "c"].iter().map(|id| id.parse().unwrap()).collect();
            let mut store = open(dir.path(), most);
            for (acts, restart) in batches {
                let mut batch = store.batch();
                for (space, number, asked) in &acts as &Vec<Act> {
                    let space = spaces.get(*space).unwrap();
                    match asked {
                        Some(asked) => batch.put_gap(&gap(space, *number, *asked)),
                        None => batch.remove_gap(space, &format!("g_{number}").parse().unwrap()),
                    }
                }
                store.commit(batch).unwrap();
                agrees(&store, &spaces);
                let count: usize = store.inner.heads.kept.read().spaces.values().flatten().map(BTreeMap::len).sum();
                assert_eq!(store.inner.heads.kept.read().count, count);
                assert!(count <= most, "memory is bounded");
                if restart {
                    store.close().unwrap();
                    drop(store);
                    store = open(dir.path(), most);
                    agrees(&store, &spaces);
                }
            }
        }
    }

    #[test]
    fn a_damaged_gap_is_told_to_who_asks_and_to_no_start() {
        let dir = tempfile::tempdir().unwrap();
        let (space, other): (SpaceId, SpaceId) = ("a".parse().unwrap(), "b".parse().unwrap());
        let store = open(dir.path(), 10);
        let mut batch = store.batch();
        batch.put_gap(&gap(&space, 1, 1));
        batch.put_gap(&gap(&space, 2, 1));
        batch.put_gap(&gap(&other, 1, 1));
        store.commit(batch).unwrap();
        store.inner.tree.insert(Table::Gap.key().id("a").id("g_2").bytes(), b"\x01{").unwrap();
        drop(store);
        let store = open(dir.path(), 10);
        let error = store.gap_heads(&space).unwrap_err().to_string();
        assert!(error.contains("gap a/g_2"), "{error}");
        assert_eq!(store.gap_heads(&other).unwrap().len(), 1);
    }
}
