//! Nothing that customers typed is kept for longer than the space says.
//!
//! Invariant: what is counted stays counted: a turn that was removed and comes again changes nothing.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::Kb;
use crate::error::Result;
use crate::id::SpaceId;
use crate::model::query::{FeedbackRecord, QueryRecord};
use crate::store::AuditDraft;

/// Rows removed with one write.
const BATCH: usize = 500;

/// How much was removed because its time was over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retained {
    /// Turns of conversations.
    pub turns: u64,
    /// Records of searches, answers and questions.
    pub queries: u64,
    /// Feedback.
    pub feedback: u64,
}

/// The same since the start, for metrics.
#[derive(Default)]
pub(crate) struct Removed {
    turns: AtomicU64,
    queries: AtomicU64,
    feedback: AtomicU64,
}

impl Kb {
    /// Removes what is over in every space. A worker does it every hour; tests give it a time of their own.
    ///
    /// # Errors
    /// [`crate::error::Error::Store`]; what was removed before it stays removed.
    pub fn retain(&self, now: Timestamp) -> Result<Retained> {
        let spaces: Vec<SpaceId> = self.inner.spaces.read().keys().cloned().collect();
        let mut all = Retained::default();
        for space in spaces {
            let limits = self.space_settings(&space)?.retention;
            let mut own = Retained::default();
            if let Some(before) = before(now, limits.turns_days) {
                own.turns = self.forget_turns(&space, before)?;
            }
            if let Some(before) = before(now, limits.queries_days) {
                own.queries = self.forget_queries(&space, before)?;
            }
            if let Some(before) = before(now, limits.feedback_days) {
                own.feedback = self.forget_feedback(&space, before)?;
            }
            if own == Retained::default() {
                continue;
            }
            let Retained { turns, queries, feedback } = own;
            tracing::info!(%space, turns, queries, feedback, "what was kept long enough is removed");
            self.note(&space, own, now)?;
            all = Retained {
                turns: all.turns + turns,
                queries: all.queries + queries,
                feedback: all.feedback + feedback,
            };
        }
        Ok(all)
    }

    /// How much was removed since the start, for metrics.
    pub fn retained(&self) -> Retained {
        let Removed { turns, queries, feedback } = &self.inner.removed;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Retained { turns: read(turns), queries: read(queries), feedback: read(feedback) }
    }

    fn note(&self, space: &SpaceId, own: Retained, now: Timestamp) -> Result<()> {
        let Retained { turns, queries, feedback } = own;
        let removed = &self.inner.removed;
        removed.turns.fetch_add(turns, Ordering::Relaxed);
        removed.queries.fetch_add(queries, Ordering::Relaxed);
        removed.feedback.fetch_add(feedback, Ordering::Relaxed);
        let mut batch = self.inner.store.batch();
        batch.audit(AuditDraft {
            at: now,
            actor: "system".into(),
            action: "retention".into(),
            space: Some(space.clone()),
            subject: space.to_string(),
            detail: json!({ "turns": turns, "queries": queries, "feedback": feedback }),
        });
        let ticket = self.inner.store.commit(batch)?;
        self.inner.store.sync(ticket)
    }

    /// Empties sessions whose last turn is over; the sessions stay, with what is counted of them.
    fn forget_turns(&self, space: &SpaceId, before: Timestamp) -> Result<u64> {
        let store = &self.inner.store;
        let mut removed = 0;
        let mut after: Option<String> = None;
        loop {
            let sessions: Vec<_> = store.sessions(space, after.as_deref()).take(BATCH).collect::<Result<_>>()?;
            let Some((last, _)) = sessions.last() else { return Ok(removed) };
            after = Some(last.clone());
            for (id, session) in sessions {
                if session.last_at < before && session.turns > 0 && !self.stopping() {
                    removed += self.empty_session(space, &id, before)?;
                }
            }
        }
    }

    fn empty_session(&self, space: &SpaceId, id: &str, before: Timestamp) -> Result<u64> {
        let store = &self.inner.store;
        let _lock = store.lock(space);
        // It may have gone on since it was looked at.
        let Some(mut session) = store.session(space, id)?.filter(|session| session.last_at < before) else {
            return Ok(0);
        };
        let turns = store.turns(space, id)?;
        let Some(last) = turns.iter().map(|(number, _)| *number).max() else { return Ok(0) };
        session.emptied = session.emptied.max(Some(last));
        let mut batch = store.batch();
        turns.iter().for_each(|(number, _)| batch.remove_turn(space, id, *number));
        batch.put_session(space, id, &session);
        store.commit(batch)?;
        Ok(turns.len() as u64)
    }

    fn forget_queries(&self, space: &SpaceId, before: Timestamp) -> Result<u64> {
        let store = &self.inner.store;
        let mut removed = 0;
        while !self.stopping() {
            let over: Vec<QueryRecord> =
                store.queries(space, Timestamp::MIN, before).take(BATCH).collect::<Result<_>>()?;
            if over.is_empty() {
                break;
            }
            let mut batch = store.batch();
            over.iter().for_each(|record| batch.remove_query(record));
            store.commit(batch)?;
            removed += over.len() as u64;
        }
        Ok(removed)
    }

    fn forget_feedback(&self, space: &SpaceId, before: Timestamp) -> Result<u64> {
        let store = &self.inner.store;
        let is_over = |record: &FeedbackRecord| record.space == *space && record.at < before;
        let mut removed = 0;
        loop {
            let over = store.feedback().filter(|row| row.as_ref().map_or(true, &is_over)).take(BATCH);
            let over: Vec<FeedbackRecord> = over.collect::<Result<_>>()?;
            if over.is_empty() || self.stopping() {
                return Ok(removed);
            }
            let _lock = store.lock(space);
            let mut batch = store.batch();
            for record in &over {
                // Somebody may have said it again since.
                if store.get_feedback(&record.about)?.is_some_and(|now| is_over(&now)) {
                    batch.remove_feedback(&record.about);
                    removed += 1;
                }
            }
            store.commit(batch)?;
        }
    }
}

/// What is older than so many days is over; 0 keeps everything.
fn before(now: Timestamp, days: u32) -> Option<Timestamp> {
    let kept = SignedDuration::from_hours(24).checked_mul(i32::try_from(days).ok()?)?;
    (days > 0).then(|| now.checked_sub(kept).ok()).flatten()
}
