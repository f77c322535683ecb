//! Which embeddings were computed before?
//!
//! Invariant: a cache; whatever is lost here is computed again.

use super::Store;
use crate::error::Result;

impl Store {
    /// The vectors on hand, in the order of the hashes.
    pub fn vectors_get(&self, model: &str, hashes: &[[u8; 32]]) -> Result<Vec<Option<Vec<u8>>>> { todo!() }
    /// Remembers vectors; not synced.
    pub fn vectors_put(&self, model: &str, vectors: &[([u8; 32], Vec<u8>)]) -> Result<()> { todo!() }
}
