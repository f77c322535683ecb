//! Which embeddings were computed before?
//!
//! Invariant: a cache; whatever is lost here is computed again.

use super::codec::MAX_ROW;
use super::rows::failed;
use super::{Store, form_hash};
use crate::error::Result;

fn key(model: &[u8; 32], hash: &[u8; 32]) -> [u8; 64] {
    let mut key = [0; 64];
    let (left, right) = key.split_at_mut(32);
    left.copy_from_slice(model);
    right.copy_from_slice(hash);
    key
}

impl Store {
    /// The vectors on hand, in the order of the hashes.
    ///
    /// `model` names the model and its version; a hash is that of the text embedded.
    ///
    /// # Errors
    /// `Store` when the cache cannot be read.
    pub fn vectors_get(&self, model: &str, hashes: &[[u8; 32]]) -> Result<Vec<Option<Vec<u8>>>> {
        let model = form_hash(model);
        let read = |hash| self.inner.vectors.get(key(&model, hash)).map_err(failed);
        hashes.iter().map(|hash| read(hash).map(|found| found.map(|bytes| bytes.to_vec()))).collect()
    }

    /// Remembers vectors; not synced. One longer than 16 KiB is not remembered.
    ///
    /// # Errors
    /// `Store` when the cache cannot be written.
    pub fn vectors_put(&self, model: &str, vectors: &[([u8; 32], Vec<u8>)]) -> Result<()> {
        self.make_room()?;
        self.inner.durability.check()?;
        let model = form_hash(model);
        let mut batch = sled::Batch::default();
        let mut bytes = 0;
        for (hash, vector) in vectors.iter().filter(|(_, vector)| vector.len() <= MAX_ROW) {
            bytes += vector.len() as u64 + 128;
            batch.insert(key(&model, hash).to_vec(), vector.as_slice());
        }
        self.inner.vectors.apply_batch(batch).map_err(failed)?;
        self.inner.durability.wrote_beside(bytes);
        Ok(())
    }

    /// Forgets the vectors of all models but these; gives how many there were.
    ///
    /// # Errors
    /// `Store` when the cache cannot be read or written.
    pub fn vectors_keep(&self, models: &[String]) -> Result<u64> {
        self.inner.durability.check()?;
        let kept: Vec<[u8; 32]> = models.iter().map(|model| form_hash(model)).collect();
        let mut removed = 0;
        for row in self.inner.vectors.iter().keys() {
            let key = row.map_err(failed)?;
            if !kept.iter().any(|model| key.starts_with(model)) {
                self.make_room()?;
                self.inner.vectors.remove(&key).map_err(failed)?;
                self.inner.durability.wrote_beside(128);
                removed += 1;
            }
        }
        Ok(removed)
    }
}
