//! What is stored of spaces, keys, idempotency keys and named state?
//!
//! Invariant: a key is found by its hash only while it still has that hash.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Store;
use super::keys::{Part, Table, parts};
use crate::error::Result;
use crate::id::{KeyId, SpaceId};
use crate::model::account::Key;
use crate::model::erasure::Erasure;
use crate::model::space::{DictionaryWord, Space};

/// How many stale answers one batch takes away.
const SWEEP: usize = 256;

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
    ///
    /// # Errors
    /// `Store` when it cannot be read; so for every read below.
    pub fn get_space(&self, id: &SpaceId) -> Result<Option<Space>> {
        self.read(Table::Space, &Table::Space.key().id(id.as_str()).bytes())
    }

    /// All spaces, ascending by id.
    ///
    /// # Errors
    /// `Store`.
    pub fn list_spaces(&self) -> Result<Vec<Space>> {
        let rows = self.scan(Table::Space, Table::Space.key().bytes(), Table::Space.key().end());
        rows.map(|row| row.map(|(_, space)| space)).collect()
    }

    /// The dictionary of a space; empty where none was written.
    ///
    /// # Errors
    /// `Store`.
    pub fn dictionary(&self, space: &SpaceId) -> Result<Vec<DictionaryWord>> {
        let words = self.read(Table::Dictionary, &Table::Dictionary.key().id(space.as_str()).bytes())?;
        Ok(words.unwrap_or_default())
    }

    /// A key by its id.
    ///
    /// # Errors
    /// `Store`.
    pub fn get_key(&self, id: &KeyId) -> Result<Option<Key>> {
        self.read(Table::Key, &Table::Key.key().id(id.as_str()).bytes())
    }

    /// A key by the hash of its secret.
    ///
    /// # Errors
    /// `Store`.
    pub fn key_by_hash(&self, hash: &str) -> Result<Option<Key>> {
        let by_hash = Table::KeyByHash.key().raw(hash.as_bytes()).bytes();
        let Some(id) = self.read::<KeyId>(Table::KeyByHash, &by_hash)? else {
            return Ok(None);
        };
        Ok(self.get_key(&id)?.filter(|key| key.hash == hash))
    }

    /// All keys, ascending by id.
    ///
    /// # Errors
    /// `Store`.
    pub fn list_keys(&self) -> Result<Vec<Key>> {
        let rows = self.scan(Table::Key, Table::Key.key().bytes(), Table::Key.key().end());
        rows.map(|row| row.map(|(_, key)| key)).collect()
    }

    /// The answer stored for an idempotency key.
    ///
    /// # Errors
    /// `Store`.
    pub fn get_idempotent(&self, key: &str) -> Result<Option<Idempotent>> {
        self.read(Table::Idempotent, &Table::Idempotent.key().raw(key.as_bytes()).bytes())
    }

    /// Keys of stored answers whose body holds one of these texts.
    ///
    /// # Errors
    /// `Store`.
    pub fn idempotent_holding(&self, texts: &[&str]) -> Result<Vec<String>> {
        let table = Table::Idempotent;
        let mut found = Vec::new();
        for row in self.scan::<Idempotent>(table, table.key().bytes(), table.key().end()) {
            let (key, stored) = row?;
            if texts.iter().any(|text| stored.body.contains(text))
                && let [Part::Raw(key)] = parts(&key)?.as_slice()
            {
                found.extend(String::from_utf8(key.clone()));
            }
        }
        Ok(found)
    }

    /// Erasures that are not done, ascending by id.
    ///
    /// # Errors
    /// `Store`.
    pub fn erasures(&self) -> Result<Vec<Erasure>> {
        let table = Table::Erasure;
        let rows = self.scan(table, table.key().bytes(), table.key().end());
        rows.map(|row| row.map(|(_, erasure)| erasure)).collect()
    }

    /// Removes the answers given before that moment; says how many.
    ///
    /// # Errors
    /// `Store`.
    pub fn sweep_idempotent(&self, before: Timestamp) -> Result<usize> {
        let mut swept = 0;
        loop {
            self.make_room()?;
            let mut writer = self.inner.writer.lock();
            let table = Table::IdempotentTime;
            let rows = self.scan::<()>(table, table.key().bytes(), table.key().time(before).bytes());
            let mut batch = self.batch();
            for row in rows.take(SWEEP) {
                let (time_key, ()) = row?;
                if let [Part::Time(at), Part::Raw(key)] = parts(&time_key)?.as_slice() {
                    let place = Table::Idempotent.key().raw(key).bytes();
                    // The key may have been given a newer answer since.
                    if self.read::<Idempotent>(Table::Idempotent, &place)?.is_some_and(|stored| stored.at == *at) {
                        batch.remove(place);
                        swept += 1;
                    }
                }
                batch.remove(time_key.to_vec());
            }
            if batch.is_empty() {
                return Ok(swept);
            }
            self.write(&mut writer, batch)?;
        }
    }

    /// A named value.
    ///
    /// # Errors
    /// `Store`.
    pub fn state(&self, name: &str) -> Result<Option<serde_json::Value>> {
        self.read(Table::State, &Table::State.key().raw(name.as_bytes()).bytes())
    }
}
