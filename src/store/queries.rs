//! What is stored of questions: records and feedback?
//!
//! Invariant: a record is found by its id and by its time.

use jiff::Timestamp;

use super::keys::{Part, Table, parts};
use super::{Store, id_of};
use crate::error::{Error, Result};
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

    /// Ids of the records of a session.
    ///
    /// # Errors
    /// `Store`.
    pub fn queries_of_session(&self, space: &SpaceId, session: &str) -> Result<Vec<QueryId>> {
        let prefix = Table::QueryBySession.key().id(space.as_str()).id(session);
        let rows = self.scan::<()>(Table::QueryBySession, prefix.clone().bytes(), prefix.end());
        let id = |key: &[u8]| match parts(key)?.last() {
            Some(Part::Id(id)) => id_of(id),
            _ => Err(Error::Store(format!("a key is damaged: {}", key.escape_ascii()))),
        };
        rows.map(|row| row.and_then(|(key, ())| id(&key))).collect()
    }

    /// All feedback, ascending by what it is about.
    pub fn feedback(&self) -> impl Iterator<Item = Result<FeedbackRecord>> + Send + use<> {
        let table = Table::Feedback;
        self.scan(table, table.key().bytes(), table.key().end()).map(|row| row.map(|(_, record)| record))
    }

    /// The feedback on a record.
    ///
    /// # Errors
    /// `Store`.
    pub fn get_feedback(&self, about: &QueryId) -> Result<Option<FeedbackRecord>> {
        self.read(Table::Feedback, &Table::Feedback.key().id(about.as_str()).bytes())
    }
}
