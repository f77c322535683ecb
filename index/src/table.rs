//! Which documents a shelf holds: records by document number, cheap to copy for a snapshot.
//!
//! Invariant: a copy never changes; writers replace whole blocks.

use std::sync::Arc;

use crate::document::{FIELD_COUNT, Record};

const BLOCK: usize = 256;

type Block = Arc<[Option<Arc<Record>>]>;

/// Records by document number, with the sums that ranking needs.
#[derive(Clone, Default)]
pub(crate) struct Table {
    blocks: Vec<Option<Block>>,
    /// Documents held.
    pub documents: u64,
    /// Passages held.
    pub passages: u64,
    /// Questions that their documents do not answer.
    pub negatives: u64,
    /// Tokens by text field.
    pub lengths: [u64; FIELD_COUNT],
    /// Passages that have the text field.
    pub present: [u64; FIELD_COUNT],
}

impl Table {
    pub fn get(&self, document: u32) -> Option<&Arc<Record>> {
        let (block, slot) = place(document);
        self.blocks.get(block)?.as_ref()?.get(slot)?.as_ref()
    }

    /// Exclusive upper bound of the document numbers.
    pub fn bound(&self) -> u32 {
        (self.blocks.len() * BLOCK) as u32
    }

    pub fn insert(&mut self, document: u32, record: Arc<Record>) {
        self.remove(document);
        self.documents += 1;
        self.passages += u64::from(record.passages);
        self.negatives += u64::from(record.negatives);
        for (sum, n) in self.lengths.iter_mut().zip(record.lengths) {
            *sum += u64::from(n);
        }
        for (sum, n) in self.present.iter_mut().zip(record.present) {
            *sum += u64::from(n);
        }
        self.set(document, Some(record));
    }

    pub fn remove(&mut self, document: u32) -> Option<Arc<Record>> {
        let record = self.get(document).cloned()?;
        self.documents -= 1;
        self.passages -= u64::from(record.passages);
        self.negatives -= u64::from(record.negatives);
        for (sum, n) in self.lengths.iter_mut().zip(record.lengths) {
            *sum -= u64::from(n);
        }
        for (sum, n) in self.present.iter_mut().zip(record.present) {
            *sum -= u64::from(n);
        }
        self.set(document, None);
        Some(record)
    }

    pub fn iter(&self) -> impl Iterator<Item = (u32, &Arc<Record>)> {
        self.blocks.iter().enumerate().filter_map(|(b, block)| Some((b, block.as_ref()?))).flat_map(|(b, block)| {
            block.iter().enumerate().filter_map(move |(s, record)| Some(((b * BLOCK + s) as u32, record.as_ref()?)))
        })
    }

    fn set(&mut self, document: u32, record: Option<Arc<Record>>) {
        let (block, slot) = place(document);
        if self.blocks.len() <= block {
            self.blocks.resize(block + 1, None);
        }
        let Some(place) = self.blocks.get_mut(block) else { return };
        let mut records: Vec<Option<Arc<Record>>> = match place {
            Some(old) => old.to_vec(),
            None => vec![None; BLOCK],
        };
        if let Some(target) = records.get_mut(slot) {
            *target = record;
        }
        let empty = records.iter().all(Option::is_none);
        *place = if empty { None } else { Some(records.into()) };
    }
}

fn place(document: u32) -> (usize, usize) {
    (document as usize / BLOCK, document as usize % BLOCK)
}
