//! What people said about an answer or a search, and what they opened.
//!
//! Invariant: one record per answer or query; the last word of each kind counts, once, in the batch that keeps it;
//! comments are masked.

use jiff::Timestamp;

use super::gaps::{Circumstances, GapCounts, Outcome};
use super::{Grant, Kb, NewFeedback, Reader, records};
use crate::error::{Error, FieldError, Result};
use crate::id::{ArticleId, QueryId};
use crate::model::gap::Click;
use crate::model::interaction::LOW_CSAT;
use crate::model::query::{Clicked, FeedbackRecord, QueryRecord};
use crate::store::Batch;

/// Longest comment, in characters.
pub const MAX_COMMENT: usize = 2_000;

impl Kb {
    /// Records feedback; saying it again replaces what was said.
    ///
    /// # Errors
    /// [`Error::QueryNotFound`] where the answer or query is not on record in the space; [`Error::ArticleNotFound`] where
    /// an article was opened that the caller cannot see; [`Error::InvalidRequest`].
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
        if let Some(article) = feedback.article_id.as_ref().filter(|_| feedback.clicked == Some(true))
            && !self.sees_live(grant, article)?
        {
            return Err(Error::ArticleNotFound { space: grant.space.clone(), article: article.clone() });
        }
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
        let _counting = self.inner.gaps.lock();
        let before = store.get_feedback(about)?;
        let old = before.as_ref();
        let clicked = clicked(&feedback, old);
        // Which article was opened says nothing of which one was rated.
        let rated = if rates(&feedback) { feedback.article_id } else { None };
        let merged = FeedbackRecord {
            about: about.clone(),
            space: grant.space.clone(),
            at: now,
            helpful: feedback.helpful.or(old.and_then(|f| f.helpful)),
            csat: feedback.csat.or(old.and_then(|f| f.csat)),
            ces: feedback.ces.or(old.and_then(|f| f.ces)),
            article_id: rated.or(old.and_then(|f| f.article_id.clone())),
            clicked,
            comment: feedback
                .comment
                .map(|c| self.masker(&grant.space).mask(&c))
                .or(old.and_then(|f| f.comment.clone())),
        };
        let mut batch = store.batch();
        batch.put_feedback(&merged);
        let mut tally = self.tally(&grant.space);
        tally.feedback(&record, old, &merged)?;
        tally.put(&mut batch);
        let mut gaps = GapCounts::default();
        if is_low(&merged) && !old.is_some_and(is_low) {
            self.count_low_rating(&mut gaps, &mut batch, about, merged.article_id.as_ref())?;
        }
        let (shown, before) = (merged.shown_to_answer(), old.and_then(FeedbackRecord::shown_to_answer));
        if shown != before {
            let click = self.click(grant, &record, shown)?;
            self.count_click(&mut gaps, &record, click, now)?;
        }
        gaps.put(&mut batch, &grant.space);
        let ticket = store.commit(batch)?;
        self.inner.boards.counted(&grant.space, gaps.forms());
        drop(_counting);
        drop(_lock);
        store.sync(ticket)
    }

    /// The voice of whoever showed that a live article answers.
    fn click(&self, grant: &Grant, record: &QueryRecord, shown: Option<&ArticleId>) -> Result<Option<Click>> {
        let Some(article) = shown else { return Ok(None) };
        if !self.sees_live(grant, article)? {
            return Ok(None);
        }
        // One session has one voice; where none is named, all who come through a key have one.
        let by = record.session.clone().unwrap_or_else(|| self.pseudonym(&record.space, "key", &grant.actor));
        Ok(Some(Click { by, about: record.id.clone(), article_id: article.clone() }))
    }

    /// Counts a question whose answer did not help: in its gap, or as one that was answered in part.
    fn count_low_rating(
        &self,
        gaps: &mut GapCounts,
        batch: &mut Batch,
        about: &QueryId,
        article: Option<&ArticleId>,
    ) -> Result<()> {
        let Some(mut record) = self.inner.store.get_query(about)? else { return Ok(()) };
        if record.gap_id.is_some() {
            return self.recount_outcome(gaps, &record, Outcome { low_rated: 1, ..Outcome::default() });
        }
        let form = records::form(&record.query);
        if form.is_empty() || record.degraded {
            return Ok(());
        }
        record.gap_id = Some(records::gap_of(&record.space, &form));
        let session = record.conversation_id.as_ref().map(|id| self.pseudonym(&record.space, "session", id));
        let who = session.unwrap_or_else(|| self.pseudonym(&record.space, "query", about.as_str()));
        let mut nearest = self.near_of(&record)?;
        if let Some(article) = article {
            nearest.sort_by_key(|near| near.article_id != *article);
        }
        let circumstances = Circumstances {
            nearest,
            source: records::source_of([&who], None),
            low_rated: true,
            ..Circumstances::default()
        };
        self.count_in_gap(gaps, &record, circumstances)?;
        batch.put_query(&record);
        Ok(())
    }
}

/// The article that was opened last, after this: a low rating of it, or one that names none, says that it let down.
fn clicked(said: &NewFeedback, before: Option<&FeedbackRecord>) -> Option<Clicked> {
    let rated = said.helpful.is_some() || said.csat.is_some();
    let mut clicked = match said.clicked {
        Some(true) => {
            let article_id = said.article_id.clone()?;
            let low = before.filter(|before| is_low(before)).and_then(|before| before.article_id.as_ref());
            Clicked { let_down: low == Some(&article_id), article_id }
        }
        Some(false) => return None,
        None => before?.clicked.clone()?,
    };
    let named = said.article_id.as_ref().or(before.and_then(|before| before.article_id.as_ref()));
    if rated && named.is_none_or(|named| *named == clicked.article_id) {
        clicked.let_down = says_low(said.helpful, said.csat);
    }
    Some(clicked)
}

/// Whether the customer was not helped.
fn is_low(feedback: &FeedbackRecord) -> bool {
    says_low(feedback.helpful, feedback.csat)
}

fn says_low(helpful: Option<bool>, csat: Option<u8>) -> bool {
    helpful == Some(false) || csat.is_some_and(|csat| csat <= LOW_CSAT)
}

/// Whether anything is said of what was given, besides that it was opened.
fn rates(feedback: &NewFeedback) -> bool {
    let scored = feedback.helpful.is_some() || feedback.csat.is_some() || feedback.ces.is_some();
    scored || feedback.comment.is_some()
}

fn check(feedback: &NewFeedback) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if !rates(feedback) && feedback.clicked.is_none() {
        errors.push(FieldError::new("helpful", "say at least one of helpful, csat, ces, comment, clicked"));
    }
    if feedback.clicked == Some(true) && feedback.article_id.is_none() {
        errors.push(FieldError::new("article_id", "is required: the article that was opened"));
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
