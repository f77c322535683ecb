//! Taking away what is held of a session or a customer.
//!
//! Invariant: whatever of an erasure is gone is counted in the batch that took it away, and one that was begun is
//! finished, at the next start if need be; nothing of the plain name is written.

mod concerned;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use serde_json::json;

use super::gaps::Forget;
use super::{Admin, Kb, records};
use crate::error::{Error, Result};
use crate::id::{GapId, QueryId, SpaceId};
use crate::model::erasure::{Erasure, ErasureKind, ErasureReport, KEPT};
use crate::model::query::QueryRecord;
use crate::model::text::Handle;
use crate::store::{AuditDraft, Batch};

/// Records or turns taken away with one write.
const BATCH: usize = 200;

/// Whose data are to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The conversation of that name.
    Session(Handle),
    /// Every conversation of the customer of that name.
    Customer(Handle),
}

/// Who is forgotten, and what stays because others asked it.
#[derive(Default)]
struct Whose {
    sessions: HashSet<String>,
    /// Hashes of who asked, each with that of a stranger.
    sources: Vec<(u64, u64)>,
    /// Texts by form that somebody else asked, too.
    held: HashMap<GapId, BTreeSet<String>>,
}

impl Kb {
    /// Takes away everything that is held of a session or a customer, in one space or in all; says what it was.
    ///
    /// # Errors
    /// [`Error::SpaceNotFound`]; [`Error::Store`], and then the rest goes at the next start.
    pub fn erase(
        &self,
        admin: &Admin,
        subject: &Subject,
        space: Option<&SpaceId>,
        now: Timestamp,
    ) -> Result<ErasureReport> {
        let spaces: Vec<SpaceId> = match space {
            Some(space) => {
                self.space_settings(space)?;
                vec![space.clone()]
            }
            None => self.inner.spaces.read().keys().cloned().collect(),
        };
        let (kind, word, name) = match subject {
            Subject::Session(name) => (ErasureKind::Session, "session", name),
            Subject::Customer(name) => (ErasureKind::Customer, "customer", name),
        };
        let erasure = Erasure {
            id: crate::id::fresh("er_", now.as_millisecond()),
            kind,
            of: spaces.iter().map(|space| (space.clone(), self.pseudonym(space, word, name.as_str()))).collect(),
            actor: admin.actor().to_owned(),
            at: now,
            erased: Default::default(),
            articles: Vec::new(),
        };
        self.begin_erasure(&erasure)?;
        // Records wait a moment for their batch: what was asked just now is to go, too.
        std::thread::sleep(self.inner.settings.query_log_interval * 2);
        let done = self.run_erasure(erasure, now)?;
        let Erasure { id, erased, articles, .. } = done;
        Ok(ErasureReport { erasure_id: id, kind, spaces, erased, articles, kept: KEPT.to_owned() })
    }

    /// Finishes the erasures that a stop cut off; says how many there were.
    pub(crate) fn finish_erasures(&self, now: Timestamp) -> Result<usize> {
        let open = self.inner.store.erasures()?;
        let count = open.len();
        for erasure in open {
            let done = self.run_erasure(erasure, now)?;
            tracing::info!(erasure = done.id, erased = ?done.erased, "an erasure that had been cut off is done");
        }
        Ok(count)
    }

    fn begin_erasure(&self, erasure: &Erasure) -> Result<()> {
        let mut batch = self.inner.store.batch();
        batch.put_erasure(erasure);
        let ticket = self.inner.store.commit(batch)?;
        self.inner.store.sync(ticket)
    }

    fn run_erasure(&self, mut erasure: Erasure, now: Timestamp) -> Result<Erasure> {
        for (space, hash) in erasure.of.clone() {
            let sessions = match erasure.kind {
                ErasureKind::Session => vec![hash.clone()],
                ErasureKind::Customer => self.sessions_of(&space, &hash)?,
            };
            self.erase_records(&mut erasure, &space, &hash, &sessions)?;
            for session in &sessions {
                self.erase_session(&mut erasure, &space, session)?;
            }
        }
        let store = &self.inner.store;
        let spaces: Vec<&SpaceId> = erasure.of.iter().map(|(space, _)| space).collect();
        let mut batch = store.batch();
        batch.remove_erasure(&erasure.id);
        batch.audit(AuditDraft {
            at: now,
            actor: erasure.actor.clone(),
            action: "erase".into(),
            space: None,
            subject: erasure.id.clone(),
            detail: json!({ "kind": erasure.kind, "spaces": spaces, "erased": erasure.erased, "asked": erasure.at }),
        });
        let ticket = store.commit(batch)?;
        store.sync(ticket)?;
        Ok(erasure)
    }

    fn sessions_of(&self, space: &SpaceId, customer: &str) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for row in self.inner.store.sessions(space, None) {
            let (id, session) = row?;
            if session.customer.as_deref() == Some(customer) {
                found.push(id);
            }
        }
        Ok(found)
    }

    /// Takes the records of sessions away, with what hangs on them: answers kept for repeats first, since they are found
    /// by the records' ids.
    fn erase_records(&self, erasure: &mut Erasure, space: &SpaceId, whose: &str, sessions: &[String]) -> Result<()> {
        let store = &self.inner.store;
        let records = self.records_of(space, sessions)?;
        if records.is_empty() {
            return Ok(());
        }
        let gaps: HashSet<&GapId> = records.iter().filter_map(|record| record.gap_id.as_ref()).collect();
        let ids: HashSet<&QueryId> = records.iter().map(|record| &record.id).collect();
        let held = self.held_by_others(space, &gaps, &ids)?;
        let named: Vec<&str> = ids.iter().map(|id| id.as_str()).chain(gaps.iter().map(|gap| gap.as_str())).collect();
        let repeats = store.idempotent_holding(&named)?;
        if !repeats.is_empty() {
            let mut batch = store.batch();
            repeats.iter().for_each(|key| batch.remove_idempotent(key));
            erasure.erased.repeats += repeats.len() as u64;
            batch.put_erasure(erasure);
            store.commit(batch)?;
        }
        let mut names = vec![whose.to_owned()];
        for session in sessions {
            names.push(session.clone());
            // What a customer came in with is the customer's as well.
            let key = store.session(space, session)?.and_then(|session| session.key);
            names.extend(key.filter(|_| erasure.kind == ErasureKind::Customer));
        }
        let stranger = || uuid::Uuid::new_v4().as_u64_pair().0;
        let sources = records::source_of(&names, None).counted.into_iter().map(|source| (source, stranger()));
        let whose = Whose { sessions: sessions.iter().cloned().collect(), sources: sources.collect(), held };
        for records in records.chunks(BATCH) {
            self.erase_some(erasure, space, records, &whose)?;
        }
        // The groups at hand hold the texts; they are made anew of what is left.
        self.inner.boards.reload(space);
        Ok(())
    }

    /// Takes some records away with their feedback and what gaps hold of them, at once.
    fn erase_some(&self, erasure: &mut Erasure, space: &SpaceId, records: &[QueryRecord], whose: &Whose) -> Result<()> {
        let store = &self.inner.store;
        let _lock = store.lock(space);
        let _counting = self.inner.gaps.lock();
        let mut batch = store.batch();
        // Another erasure may have been here since they were read.
        let mut there = Vec::with_capacity(records.len());
        for record in records {
            there.extend(store.get_query(&record.id)?);
        }
        self.erase_from_gaps(erasure, &mut batch, space, &there, whose)?;
        let (texts, words) = self.erase_from_figures(&mut batch, space, &there, whose.sessions.iter())?;
        erasure.erased.figure_texts += texts;
        erasure.erased.words += words;
        for record in &there {
            erasure.erased.queries += 1;
            erasure.erased.feedback += u64::from(store.get_feedback(&record.id)?.is_some());
            batch.remove_feedback(&record.id);
            batch.remove_query(record);
        }
        batch.put_erasure(erasure);
        let ticket = store.commit(batch)?;
        store.sync(ticket)
    }

    /// The records of sessions: by their hash, and, where a record is older than that, by the name it was given.
    fn records_of(&self, space: &SpaceId, sessions: &[String]) -> Result<Vec<QueryRecord>> {
        let store = &self.inner.store;
        let wanted: HashSet<&str> = sessions.iter().map(String::as_str).collect();
        let mut found = Vec::new();
        for session in sessions {
            for id in store.queries_of_session(space, session)? {
                found.extend(store.get_query(&id)?);
            }
        }
        if !self.inner.complete {
            for record in store.queries(space, Timestamp::MIN, Timestamp::MAX) {
                let record = record?;
                let Some(name) = record.conversation_id.as_ref().filter(|_| record.session.is_none()) else { continue };
                if wanted.contains(name.as_str()) || wanted.contains(self.pseudonym(space, "session", name).as_str()) {
                    found.push(record);
                }
            }
        }
        Ok(found)
    }

    /// Texts of these forms that somebody else asked, too.
    fn held_by_others(
        &self,
        space: &SpaceId,
        gaps: &HashSet<&GapId>,
        gone: &HashSet<&QueryId>,
    ) -> Result<HashMap<GapId, BTreeSet<String>>> {
        let mut held: HashMap<GapId, BTreeSet<String>> = HashMap::new();
        if gaps.is_empty() {
            return Ok(held);
        }
        for record in self.inner.store.queries(space, Timestamp::MIN, Timestamp::MAX) {
            let record = record?;
            if let Some(gap) = record.gap_id.filter(|gap| gaps.contains(gap) && !gone.contains(&record.id)) {
                held.entry(gap).or_default().insert(record.query);
            }
        }
        Ok(held)
    }

    /// Takes texts out of gaps that only these records held, and who asked; what held nothing else goes with its counts.
    /// The caller holds the locks of the space and of gaps.
    fn erase_from_gaps(
        &self,
        erasure: &mut Erasure,
        batch: &mut Batch,
        space: &SpaceId,
        records: &[QueryRecord],
        whose: &Whose,
    ) -> Result<()> {
        let mut asked: BTreeMap<&GapId, BTreeSet<&str>> = BTreeMap::new();
        for record in records {
            if let Some(form) = &record.gap_id {
                asked.entry(form).or_default().insert(&record.query);
            }
        }
        let (mut kept, mut gone, mut texts) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (id, mut own) in asked {
            let Some(mut form) = self.inner.store.get_form(space, id)? else { continue };
            let held = whose.held.get(id);
            own.retain(|text| !held.is_some_and(|held| held.contains(*text)));
            self.note_concerned(erasure, space, &form, &own, &whose.sessions)?;
            let before = form.wordings.len();
            form.wordings.retain(|text| !own.contains(text.as_str()));
            erasure.erased.gap_texts += (before - form.wordings.len()) as u64;
            form.places.retain(|(session, _)| !whose.sessions.contains(session));
            form.clicks.retain(|click| !whose.sessions.contains(&click.by));
            if form.wordings.is_empty() {
                // Somebody else's wording may not have been kept, for there were enough.
                held.into_iter().flatten().for_each(|text| form.word(text));
            }
            texts.append(&mut own);
            if form.wordings.is_empty() { gone.push(form) } else { kept.push(form) }
        }
        if kept.is_empty() && gone.is_empty() {
            return Ok(());
        }
        let forget = Forget { kept, gone, texts: &texts, sources: &whose.sources, now: erasure.at };
        erasure.erased.gaps += self.forget_forms(batch, space, forget)?;
        Ok(())
    }

    /// Takes a session's turns away, and at last the session.
    fn erase_session(&self, erasure: &mut Erasure, space: &SpaceId, session: &str) -> Result<()> {
        let store = &self.inner.store;
        loop {
            let _lock = store.lock(space);
            let turns = store.turns(space, session)?;
            let mut batch = store.batch();
            for (turn, _) in turns.iter().take(BATCH) {
                erasure.erased.turns += 1;
                erasure.erased.pending +=
                    u64::from(store.pending(space, session, *turn)?.is_some_and(|p| !p.questions.is_empty()));
                batch.remove_turn(space, session, *turn);
            }
            let last = turns.len() <= BATCH;
            if last && store.session(space, session)?.is_some() {
                erasure.erased.sessions += 1;
                batch.remove_session(space, session);
            }
            batch.put_erasure(erasure);
            let ticket = store.commit(batch)?;
            store.sync(ticket)?;
            if last {
                return Ok(());
            }
        }
    }
}

impl Subject {
    /// Whoever is named, of whom exactly one must be.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] where none or both are named.
    pub fn of(session: Option<Handle>, customer: Option<Handle>) -> Result<Self> {
        match (session, customer) {
            (Some(session), None) => Ok(Self::Session(session)),
            (None, Some(customer)) => Ok(Self::Customer(customer)),
            _ => Err(Error::field("session_id", "name either session_id or customer_id")),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::kb::KbSettings;
    use crate::model::interaction::read_conversation;

    #[test]
    fn an_erasure_that_was_cut_off_is_finished_at_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let settings = KbSettings::small(dir.path());
        let now: Timestamp = "2090-01-01T00:00:00Z".parse().unwrap();
        let space = SpaceId::default_space();
        let (kb, secret) = Kb::open(settings.clone(), now).unwrap();
        let caller = kb.caller(secret.as_deref(), now).unwrap();
        let recorder = kb.recorder(&caller, &space).unwrap();
        let turns: Vec<_> =
            (1..=450).map(|n| json!({ "turn": n, "role": "customer", "text": format!("what is {n}") })).collect();
        let talk = json!({ "session_id": "chat", "customer_id": "ada", "turns": turns });
        kb.take_in(&recorder, false, &mut std::iter::once(Ok(read_conversation(1, talk))), now).unwrap();
        let begun = Instant::now();
        while !kb.inner.store.pending_after(&space, None, 1).unwrap().is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(60), "the questions are not searched");
            std::thread::sleep(Duration::from_millis(20));
        }
        let asked = kb.inner.store.queries(&space, Timestamp::MIN, Timestamp::MAX).count() as u64;
        assert!(asked > BATCH as u64, "{asked} questions are too few to be cut off between");
        // Killed when some of it is gone.
        let mut erasure = Erasure {
            id: "er_1".into(),
            kind: ErasureKind::Customer,
            of: vec![(space.clone(), kb.pseudonym(&space, "customer", "ada"))],
            actor: "admin".into(),
            at: now,
            erased: Default::default(),
            articles: Vec::new(),
        };
        kb.begin_erasure(&erasure).unwrap();
        let session = kb.pseudonym(&space, "session", "chat");
        let some: Vec<QueryRecord> = kb.records_of(&space, std::slice::from_ref(&session)).unwrap();
        let (some, _) = some.split_at(7);
        kb.erase_some(&mut erasure, &space, some, &Whose::default()).unwrap();
        assert_eq!(erasure.erased.queries, 7);
        kb.close();
        drop(kb);

        let (kb, _) = Kb::open(settings, now).unwrap();
        let begun = Instant::now();
        while !kb.inner.store.erasures().unwrap().is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(60), "the erasure is not finished");
            std::thread::sleep(Duration::from_millis(20));
        }
        let store = &kb.inner.store;
        assert_eq!(store.queries(&space, Timestamp::MIN, Timestamp::MAX).count(), 0);
        assert!(
            store.session(&space, &session).unwrap().is_none() && store.turns(&space, &session).unwrap().is_empty()
        );
        assert_eq!((store.gaps(&space).count(), store.forms(&space).count()), (0, 0));
        let entries = store.audit(None, None, 10).unwrap();
        let entry = entries.iter().find(|entry| entry.action == "erase").unwrap();
        let erased = entry.detail.get("erased").unwrap();
        assert_eq!((erased.get("queries"), erased.get("turns")), (Some(&json!(asked)), Some(&json!(450))), "{erased}");
        kb.close();
    }
}
