//! What people said about an answer or a search.
//!
//! Invariant: one record per answer or query; the last word of each kind counts, once, in the batch that keeps it;
//! comments are masked.

use jiff::Timestamp;

use super::{Kb, NewFeedback, Reader};
use crate::error::{Error, FieldError, Result};
use crate::id::QueryId;
use crate::model::mask::mask;
use crate::model::query::FeedbackRecord;

/// Longest comment, in characters.
pub const MAX_COMMENT: usize = 2_000;

impl Kb {
    /// Records feedback; saying it again replaces what was said.
    ///
    /// # Errors
    /// [`Error::QueryNotFound`] where the answer or query is not on record in the space; [`Error::InvalidRequest`].
    pub fn record_feedback(
        &self,
        reader: &Reader,
        about: &QueryId,
        feedback: NewFeedback,
        now: Timestamp,
    ) -> Result<()> {
        let errors = check(&feedback);
        if !errors.is_empty() {
            return Err(Error::InvalidRequest(errors));
        }
        let grant = reader.grant();
        let store = &self.inner.store;
        // Records are written in batches: one that was given out a moment ago may still wait for its own.
        let record = match store.get_query(about)? {
            Some(record) => Some(record),
            None => {
                std::thread::sleep(self.inner.settings.query_log_interval * 2);
                store.get_query(about)?
            }
        };
        let record = record.filter(|r| r.space == grant.space);
        let record = record.ok_or_else(|| Error::QueryNotFound(about.to_string()))?;
        let _lock = store.lock(&grant.space);
        let before = store.get_feedback(about)?;
        let old = before.as_ref();
        let merged = FeedbackRecord {
            about: about.clone(),
            space: grant.space.clone(),
            at: now,
            helpful: feedback.helpful.or(old.and_then(|f| f.helpful)),
            csat: feedback.csat.or(old.and_then(|f| f.csat)),
            ces: feedback.ces.or(old.and_then(|f| f.ces)),
            article_id: feedback.article_id.or(old.and_then(|f| f.article_id.clone())),
            comment: feedback.comment.map(|c| mask(&c)).or(old.and_then(|f| f.comment.clone())),
        };
        let mut batch = store.batch();
        batch.put_feedback(&merged);
        let mut tally = self.tally(&grant.space);
        tally.feedback(&record, old, &merged)?;
        tally.put(&mut batch);
        let ticket = store.commit(batch)?;
        drop(_lock);
        store.sync(ticket)
    }
}

fn check(feedback: &NewFeedback) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let scored = feedback.helpful.is_some() || feedback.csat.is_some() || feedback.ces.is_some();
    if !scored && feedback.comment.is_none() {
        errors.push(FieldError::new("helpful", "say at least one of helpful, csat, ces, comment"));
    }
    if feedback.csat.is_some_and(|n| !(1..=5).contains(&n)) {
        errors.push(FieldError::new("csat", "it is 1 to 5"));
    }
    if feedback.ces.is_some_and(|n| !(1..=7).contains(&n)) {
        errors.push(FieldError::new("ces", "it is 1 to 7"));
    }
    if feedback.comment.as_ref().is_some_and(|c| c.chars().count() > MAX_COMMENT) {
        errors.push(FieldError::new("comment", format!("at most {MAX_COMMENT} characters are allowed")));
    }
    errors
}
