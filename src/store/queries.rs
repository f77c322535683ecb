//! What is stored of questions: records and feedback?
//!
//! Invariant: a record is found by its id and by its time.

use jiff::Timestamp;

use super::Store;
use super::keys::Table;
use crate::error::Result;
use crate::id::{QueryId, SpaceId};
use crate::model::query::{FeedbackRecord, QueryRecord};

impl Store {
    /// A record by its id.
    ///
    /// # Errors
    /// `Store` when it cannot be read; so for every read below.
    pub fn get_query(&self, id: &QueryId) -> Result<Option<QueryRecord>> {
        let by_id = Table::QueryById.key().id(id.as_str()).bytes();
        let Some((space, at)) = self.read::<(SpaceId, Timestamp)>(Table::QueryById, &by_id)? else {
            return Ok(None);
        };
        self.read(Table::Query, &Table::Query.key().id(space.as_str()).time(at).id(id.as_str()).bytes())
    }

    /// The records of a space with `from ≤ at < until`, ascending by time.
    pub fn queries(
        &self,
        space: &SpaceId,
        from: Timestamp,
        until: Timestamp,
    ) -> impl DoubleEndedIterator<Item = Result<QueryRecord>> + Send + use<> {
        let key = |at| Table::Query.key().id(space.as_str()).time(at).bytes();
        self.scan(Table::Query, key(from), key(until.max(from))).map(|row| row.map(|(_, record)| record))
    }

    /// The feedback on a record.
    ///
    /// # Errors
    /// `Store`.
    pub fn get_feedback(&self, about: &QueryId) -> Result<Option<FeedbackRecord>> {
        self.read(Table::Feedback, &Table::Feedback.key().id(about.as_str()).bytes())
    }
}
