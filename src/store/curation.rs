//! What is stored of what editors say about queries: which articles answer them, and which stand first?
//!
//! Invariant: a row belongs to one space; taking it away leaves nothing behind.

use super::keys::{Part, Table, parts};
use super::{Batch, Store, id_of};
use crate::error::{Error, Result};
use crate::id::{GoldenId, PinId, SpaceId};
use crate::model::golden::{Golden, GoldenLast};
use crate::model::pin::Pin;

impl Store {
    /// A golden query by its id.
    ///
    /// # Errors
    /// `Store` when it cannot be read; so for every read below.
    pub fn get_golden(&self, space: &SpaceId, id: &GoldenId) -> Result<Option<Golden>> {
        self.read(Table::Golden, &Table::Golden.key().id(space.as_str()).id(id.as_str()).bytes())
    }

    /// The golden queries of a space, ascending by id.
    pub fn golden(&self, space: &SpaceId) -> impl Iterator<Item = Result<Golden>> + Send + use<> {
        let prefix = Table::Golden.key().id(space.as_str());
        self.scan(Table::Golden, prefix.clone().bytes(), prefix.end()).map(|row| row.map(|(_, golden)| golden))
    }

    /// What came of a golden query last.
    ///
    /// # Errors
    /// `Store`.
    pub fn golden_last(&self, space: &SpaceId, id: &GoldenId) -> Result<Option<GoldenLast>> {
        self.read(Table::GoldenLast, &Table::GoldenLast.key().id(space.as_str()).id(id.as_str()).bytes())
    }

    /// What came of the golden queries of a space last, ascending by id.
    pub fn golden_last_of_space(
        &self,
        space: &SpaceId,
    ) -> impl Iterator<Item = Result<(GoldenId, GoldenLast)>> + Send + use<> {
        let prefix = Table::GoldenLast.key().id(space.as_str());
        let rows = self.scan(Table::GoldenLast, prefix.clone().bytes(), prefix.end());
        rows.map(|row| {
            let (key, last) = row?;
            match parts(&key)?.as_slice() {
                [Part::Id(_), Part::Id(id)] => Ok((id_of(id)?, last)),
                _ => Err(Error::Store(format!("a key is damaged: {}", key.escape_ascii()))),
            }
        })
    }

    /// A pin by its id.
    ///
    /// # Errors
    /// `Store`.
    pub fn get_pin(&self, space: &SpaceId, id: &PinId) -> Result<Option<Pin>> {
        self.read(Table::Pin, &Table::Pin.key().id(space.as_str()).id(id.as_str()).bytes())
    }

    /// The pins of a space, ascending by id, which is by the time they were made.
    pub fn pins(&self, space: &SpaceId) -> impl Iterator<Item = Result<Pin>> + Send + use<> {
        let prefix = Table::Pin.key().id(space.as_str());
        self.scan(Table::Pin, prefix.clone().bytes(), prefix.end()).map(|row| row.map(|(_, pin)| pin))
    }
}

impl Batch {
    /// Writes a golden query.
    pub fn put_golden(&mut self, space: &SpaceId, golden: &Golden) {
        self.put(Table::Golden, Table::Golden.key().id(space.as_str()).id(golden.id.as_str()).bytes(), golden);
    }

    /// Takes a golden query away, and what came of it.
    pub fn remove_golden(&mut self, space: &SpaceId, id: &GoldenId) {
        self.remove(Table::Golden.key().id(space.as_str()).id(id.as_str()).bytes());
        self.remove_golden_last(space, id);
    }

    /// Writes what came of a golden query.
    pub fn put_golden_last(&mut self, space: &SpaceId, id: &GoldenId, last: &GoldenLast) {
        self.put(Table::GoldenLast, Table::GoldenLast.key().id(space.as_str()).id(id.as_str()).bytes(), last);
    }

    /// Forgets what came of a golden query.
    pub fn remove_golden_last(&mut self, space: &SpaceId, id: &GoldenId) {
        self.remove(Table::GoldenLast.key().id(space.as_str()).id(id.as_str()).bytes());
    }

    /// Writes a pin.
    pub fn put_pin(&mut self, space: &SpaceId, pin: &Pin) {
        self.put(Table::Pin, Table::Pin.key().id(space.as_str()).id(pin.id.as_str()).bytes(), pin);
    }

    /// Takes a pin away.
    pub fn remove_pin(&mut self, space: &SpaceId, id: &PinId) {
        self.remove(Table::Pin.key().id(space.as_str()).id(id.as_str()).bytes());
    }
}
