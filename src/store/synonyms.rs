//! What is stored of a space's synonyms?
//!
//! Invariant: a rule stands under its space and id, and nowhere else.

use super::keys::Table;
use super::{Batch, Store};
use crate::error::Result;
use crate::id::{SpaceId, SynonymId};
use crate::model::synonym::Synonym;

impl Store {
    /// The synonyms of a space, ascending by id: in the order in which they were added.
    ///
    /// # Errors
    /// `Store` when one cannot be read.
    pub fn synonyms(&self, space: &SpaceId) -> Result<Vec<Synonym>> {
        let prefix = Table::Synonym.key().id(space.as_str());
        self.scan(Table::Synonym, prefix.clone().bytes(), prefix.end()).map(|row| row.map(|(_, rule)| rule)).collect()
    }
}

impl Batch {
    /// Writes a synonym.
    pub fn put_synonym(&mut self, space: &SpaceId, synonym: &Synonym) {
        let key = Table::Synonym.key().id(space.as_str()).id(synonym.id.as_str()).bytes();
        self.put(Table::Synonym, key, synonym);
    }

    /// Removes a synonym.
    pub fn remove_synonym(&mut self, space: &SpaceId, id: &SynonymId) {
        self.remove(Table::Synonym.key().id(space.as_str()).id(id.as_str()).bytes());
    }
}
