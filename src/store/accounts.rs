//! What is stored of spaces, keys, the audit log, idempotency keys and named state?
//!
//! Invariant: a key is found by its hash only while it still has that hash.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Store;
use crate::error::Result;
use crate::id::{KeyId, SpaceId};
use crate::model::account::{AuditEntry, Key};
use crate::model::space::{DictionaryWord, Space};

/// The answer stored for an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idempotent {
    /// What the request was, so that another one with the same key is seen.
    pub fingerprint: String,
    /// Status of the answer.
    pub status: u16,
    /// Headers to repeat.
    pub headers: Vec<(String, String)>,
    /// Body of the answer.
    pub body: String,
    /// When it was given.
    pub at: Timestamp,
}

impl Store {
    /// A space.
    pub fn get_space(&self, id: &SpaceId) -> Result<Option<Space>> { todo!() }
    /// All spaces, ascending by id.
    pub fn list_spaces(&self) -> Result<Vec<Space>> { todo!() }
    /// The dictionary of a space; empty where none was written.
    pub fn dictionary(&self, space: &SpaceId) -> Result<Vec<DictionaryWord>> { todo!() }
    /// A key by its id.
    pub fn get_key(&self, id: &KeyId) -> Result<Option<Key>> { todo!() }
    /// A key by the hash of its secret.
    pub fn key_by_hash(&self, hash: &str) -> Result<Option<Key>> { todo!() }
    /// All keys, ascending by id.
    pub fn list_keys(&self) -> Result<Vec<Key>> { todo!() }
    /// Audit entries below `before`, newest first; of one space or of all.
    pub fn audit(&self, space: Option<&SpaceId>, before: Option<u64>, limit: usize) -> Result<Vec<AuditEntry>> { todo!() }
    /// The first sequence number at which the hash chain is broken; `None` when it is whole.
    pub fn verify_audit(&self) -> Result<Option<u64>> { todo!() }
    /// The answer stored for an idempotency key.
    pub fn get_idempotent(&self, key: &str) -> Result<Option<Idempotent>> { todo!() }
    /// Removes the answers given before that moment; says how many.
    pub fn sweep_idempotent(&self, before: Timestamp) -> Result<usize> { todo!() }
    /// A named value.
    pub fn state(&self, name: &str) -> Result<Option<serde_json::Value>> { todo!() }
}
