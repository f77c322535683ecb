//! What is stored of questions: records, feedback and gaps?
//!
//! Invariant: a record is found by its id and by its time.

use jiff::Timestamp;

use super::Store;
use crate::error::Result;
use crate::id::{GapId, QueryId, SpaceId};
use crate::model::gap::Gap;
use crate::model::query::{FeedbackRecord, QueryRecord};

impl Store {
    /// A record by its id.
    pub fn get_query(&self, id: &QueryId) -> Result<Option<QueryRecord>> { todo!() }
    /// The records of a space with `from ≤ at < until`, ascending by time.
    pub fn queries(&self, space: &SpaceId, from: Timestamp, until: Timestamp) -> impl Iterator<Item = Result<QueryRecord>> + Send + use<> { std::iter::empty() }
    /// The feedback on a record.
    pub fn get_feedback(&self, about: &QueryId) -> Result<Option<FeedbackRecord>> { todo!() }
    /// A gap by its id.
    pub fn get_gap(&self, space: &SpaceId, id: &GapId) -> Result<Option<Gap>> { todo!() }
    /// A gap by its normalised form.
    pub fn gap_by_form(&self, space: &SpaceId, form: &str) -> Result<Option<Gap>> { todo!() }
    /// The gaps of a space, ascending by id.
    pub fn gaps(&self, space: &SpaceId) -> impl Iterator<Item = Result<Gap>> + Send + use<> { std::iter::empty() }
}
