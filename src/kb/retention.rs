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
                if own.queries > 0 {
                    self.forget_texts(&space, before)?;
                }
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
                if session.last_at < before && session.turns > session.removed && !self.stopping() {
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
        // What is still to be searched is not over: history may be handed in late.
        for (number, _) in &turns {
            if store.pending(space, id, *number)?.is_some() {
                return Ok(0);
            }
        }
        let Some(last) = turns.iter().map(|(number, _)| *number).max() else { return Ok(0) };
        session.emptied = session.emptied.max(Some(last));
        session.emptied_at = Some(session.last_at);
        session.removed += turns.len() as u32;
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::time::{Duration, Instant};

    use serde_json::Value;

    use super::*;
    use crate::id::QueryId;
    use crate::kb::{Kb, KbSettings, NewFeedback};
    use crate::model::interaction::{IntakeReport, read_conversation};
    use crate::model::search::SearchRequest;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn hand_in(kb: &Kb, secret: &str, talk: &Value, now: Timestamp) -> IntakeReport {
        let caller = kb.caller(Some(secret), now).unwrap();
        let recorder = kb.recorder(&caller, &SpaceId::default_space()).unwrap();
        let mut read = std::iter::once(Ok(read_conversation(1, talk.clone())));
        kb.take_in(&recorder, false, &mut read, now).unwrap()
    }

    fn searched(kb: &Kb) {
        let (space, begun) = (SpaceId::default_space(), Instant::now());
        while !kb.inner.store.pending_after(&space, None, 1).unwrap().is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(10), "the questions are not searched");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[test]
    fn what_is_over_goes_and_what_was_counted_counts_once() {
        let dir = tempfile::tempdir().unwrap();
        let settings = KbSettings::small(dir.path());
        // Decades ahead, where no worker's own clock comes.
        let start = at("2090-01-01T00:00:00Z");
        let (kb, secret) = Kb::open(settings, start).unwrap();
        let (secret, space) = (secret.unwrap(), SpaceId::default_space());
        let turn =
            |number: u32, text: &str, at: &str| json!({ "turn": number, "role": "customer", "text": text, "at": at });
        let old = json!({ "session_id": "old", "turns": [turn(1, "can I rent a bicycle", "2090-01-01T00:00:00Z")] });
        let new = json!({ "session_id": "new", "turns": [turn(1, "do llamas fly", "2090-06-01T00:00:00Z")] });
        hand_in(&kb, &secret, &old, start);
        let june = at("2090-06-01T00:00:00Z");
        hand_in(&kb, &secret, &new, june);
        searched(&kb);
        assert_eq!(kb.retain(at("2090-06-29T00:00:00Z")).unwrap(), Retained::default(), "179 days");

        let july = at("2090-07-01T00:00:00Z");
        assert_eq!(kb.retain(july).unwrap(), Retained { turns: 1, queries: 0, feedback: 0 });
        let sessions: Vec<_> = kb.inner.store.sessions(&space, None).collect::<Result<_>>().unwrap();
        let left: usize = sessions.iter().map(|(id, _)| kb.inner.store.turns(&space, id).unwrap().len()).sum();
        assert_eq!((sessions.len(), left), (2, 1), "the session stays, and the newer one's turn");
        assert_eq!(sessions.iter().map(|(_, session)| session.turns - session.removed).sum::<u32>(), 1);
        let again = hand_in(&kb, &secret, &old, july);
        assert_eq!((again.turns.accepted, again.turns.unchanged), (0, 1), "it is not counted twice");
        let placed = json!({ "role": "customer", "text": "can I rent a bicycle", "at": "2090-01-01T00:00:00Z" });
        let again = hand_in(&kb, &secret, &json!({ "session_id": "old", "turns": [placed] }), july);
        assert_eq!((again.turns.accepted, again.turns.unchanged), (0, 1), "nor without a number");
        let on = json!({ "session_id": "old", "turns": [turn(2, "can I rent a tricycle", "2090-07-01T00:00:00Z")] });
        assert_eq!(hand_in(&kb, &secret, &on, july).turns.accepted, 1, "it may go on");
        searched(&kb);

        let later = at("2091-02-10T00:00:00Z");
        let gone = kb.retain(later).unwrap();
        assert_eq!((gone.turns, gone.queries), (2, 1), "both conversations, and the record of 2090-01-01");
        let records = kb.inner.store.queries(&space, Timestamp::MIN, Timestamp::MAX);
        let records: Vec<_> = records.collect::<Result<_>>().unwrap();
        assert!(records.len() == 2 && records.iter().all(|record| record.at >= june), "{records:?}");
        let names = kb.inner.store.question_names(&space, None, 10).unwrap();
        let mut texts: Vec<String> =
            names.iter().map(|form| kb.inner.store.question(&space, form).unwrap().unwrap().text).collect();
        texts.sort();
        assert_eq!(texts, ["can I rent a tricycle", "do llamas fly"], "texts among figures go as well");
        let first = sessions.iter().find(|(_, session)| session.first_at == start).map(|(id, _)| id.clone()).unwrap();
        assert_eq!(kb.inner.store.queries_of_session(&space, &first).unwrap().len(), 1, "no way leads to what is gone");
        assert_eq!(kb.retained(), Retained { turns: 3, queries: 1, feedback: 0 });

        let caller = kb.caller(Some(&secret), later).unwrap();
        let admin = kb.admin(&caller).unwrap();
        let keep = crate::model::space::Retention { turns_days: 0, queries_days: 0, feedback_days: 0 };
        let settings = crate::model::space::SpaceSettings { retention: keep, ..Default::default() };
        kb.update_space(&admin, &space, None, Some(settings), later).unwrap();
        assert_eq!(kb.retain(at("2190-01-01T00:00:00Z")).unwrap(), Retained::default(), "0 keeps for ever");
        assert_eq!(
            kb.audit(&admin, Some(&space), 10, None).unwrap().items.iter().filter(|e| e.action == "retention").count(),
            2
        );
        kb.close();
    }

    #[test]
    fn feedback_goes_when_it_was_last_said_too_long_ago() {
        let dir = tempfile::tempdir().unwrap();
        let start = at("2090-01-01T00:00:00Z");
        let (kb, secret) = Kb::open(KbSettings::small(dir.path()), start).unwrap();
        let (secret, space) = (secret.unwrap(), SpaceId::default_space());
        let reader = kb.reader(&kb.caller(Some(&secret), start).unwrap(), &space).unwrap();
        let asked = |words: &str| {
            let request = SearchRequest::first_of(words.parse().unwrap());
            kb.search(&reader, &SearchRequest { log: true, ..request }, start).unwrap().query_id
        };
        let (said_once, said_again) = (asked("can I rent a bicycle"), asked("do llamas fly"));
        let say = |about: &QueryId, helpful: bool, now: Timestamp| {
            let feedback = NewFeedback { helpful: Some(helpful), ..NewFeedback::default() };
            kb.record_feedback(&reader, about, feedback, now).unwrap();
        };
        say(&said_once, false, start);
        say(&said_again, false, start);
        say(&said_again, true, at("2090-06-01T00:00:00Z"));
        let held = |about: &QueryId| kb.inner.store.get_feedback(about).unwrap();
        assert_eq!(kb.retain(at("2091-02-04T00:00:00Z")).unwrap().feedback, 0, "399 days");
        assert!(held(&said_once).is_some());

        assert_eq!(kb.retain(at("2091-02-10T00:00:00Z")).unwrap().feedback, 1);
        assert_eq!(held(&said_once), None);
        assert_eq!(held(&said_again).and_then(|record| record.helpful), Some(true), "what was said again is kept");
        assert_eq!(kb.retain(at("2091-07-10T00:00:00Z")).unwrap().feedback, 1);
        assert_eq!((held(&said_again), kb.retained().feedback), (None, 2));
        kb.close();
    }
}
