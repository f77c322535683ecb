//! In which row does a passage live? A sorted map in two levels, cheap to copy and to share.
//!
//! Invariant: keys ascend within a chunk and from chunk to chunk, and no chunk is empty.

use std::sync::Arc;

/// A chunk splits in two when it would grow beyond this.
const CHUNK: usize = 512;

type Chunk = Vec<(u64, u32)>;

/// Passage → row; a clone shares its chunks, a change copies one chunk.
#[derive(Clone, Debug, Default)]
pub struct Places {
    chunks: Vec<Arc<Chunk>>,
    documents: usize,
    len: usize,
}

/// The document that a passage belongs to.
#[inline]
pub const fn document_of(passage: u64) -> u32 {
    (passage >> 16) as u32
}

const fn first_of(document: u32) -> u64 {
    (document as u64) << 16
}

impl Places {
    pub fn len(&self) -> usize {
        self.len
    }

    /// How many documents have a passage here.
    pub fn documents(&self) -> usize {
        self.documents
    }

    pub fn get(&self, passage: u64) -> Option<u32> {
        let chunk = self.chunks.get(self.chunk_for(passage)?)?;
        let at = chunk.binary_search_by_key(&passage, |(key, _)| *key).ok()?;
        chunk.get(at).map(|(_, row)| *row)
    }

    /// The rows of one document, by passage.
    pub fn rows_of(&self, document: u32) -> impl Iterator<Item = u32> + '_ {
        let first = first_of(document);
        let chunk = self.chunk_for(first).unwrap_or(0);
        let start = self.chunks.get(chunk).map_or(0, |c| c.partition_point(|(key, _)| *key < first));
        let rest = self.chunks.iter().skip(chunk).flat_map(|c| c.iter());
        rest.skip(start).take_while(move |(key, _)| document_of(*key) == document).map(|(_, row)| *row)
    }

    /// Sets the row of a passage and returns the one it had.
    pub fn insert(&mut self, passage: u64, row: u32) -> Option<u32> {
        let known = self.rows_of(document_of(passage)).next().is_some();
        let Some(index) = self.chunk_for(passage) else {
            self.chunks.push(Arc::new(vec![(passage, row)]));
            self.len = 1;
            self.documents = 1;
            return None;
        };
        let chunk = Arc::make_mut(self.chunks.get_mut(index)?);
        match chunk.binary_search_by_key(&passage, |(key, _)| *key) {
            Ok(at) => chunk.get_mut(at).map(|entry| std::mem::replace(&mut entry.1, row)),
            Err(at) => {
                chunk.insert(at, (passage, row));
                if chunk.len() > CHUNK {
                    // Passages mostly arrive in ascending order: then the full half stays full.
                    let cut = if at + 1 == chunk.len() { CHUNK } else { CHUNK / 2 };
                    let tail = chunk.split_off(cut);
                    self.chunks.insert(index + 1, Arc::new(tail));
                }
                self.len += 1;
                self.documents += usize::from(!known);
                None
            }
        }
    }

    /// Forgets a passage and returns the row it had.
    pub fn remove(&mut self, passage: u64) -> Option<u32> {
        let index = self.chunk_for(passage)?;
        let shared = self.chunks.get_mut(index)?;
        let at = shared.binary_search_by_key(&passage, |(key, _)| *key).ok()?;
        let chunk = Arc::make_mut(shared);
        let (_, row) = chunk.remove(at);
        if chunk.is_empty() {
            self.chunks.remove(index);
        }
        self.len -= 1;
        if self.rows_of(document_of(passage)).next().is_none() {
            self.documents -= 1;
        }
        Some(row)
    }

    pub fn bytes(&self) -> usize {
        self.chunks.iter().map(|c| c.capacity() * size_of::<(u64, u32)>() + 40).sum()
    }

    /// The chunk whose range holds the key; none only when the map is empty.
    fn chunk_for(&self, passage: u64) -> Option<usize> {
        let after = self.chunks.partition_point(|c| c.first().is_some_and(|(key, _)| *key <= passage));
        if self.chunks.is_empty() { None } else { Some(after.saturating_sub(1)) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Places, document_of};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn agrees_with_a_plain_map(steps in prop::collection::vec((0u64..40, 0u64..40, 0u32..9, 0u8..4), 0..2_000)) {
            let (mut places, mut plain) = (Places::default(), BTreeMap::new());
            for (document, ordinal, row, kind) in steps {
                let passage = document << 16 | ordinal;
                if kind == 0 {
                    prop_assert_eq!(places.remove(passage), plain.remove(&passage));
                } else {
                    prop_assert_eq!(places.insert(passage, row), plain.insert(passage, row));
                }
                prop_assert_eq!(places.get(passage), plain.get(&passage).copied());
            }
            prop_assert_eq!(places.len(), plain.len());
            let mut documents: Vec<u32> = plain.keys().map(|p| document_of(*p)).collect();
            documents.dedup();
            prop_assert_eq!(places.documents(), documents.len());
            for document in 0..41u32 {
                let rows: Vec<u32> = plain.iter().filter(|(p, _)| document_of(**p) == document).map(|(_, row)| *row).collect();
                prop_assert_eq!(places.rows_of(document).collect::<Vec<_>>(), rows);
            }
        }
    }
}
