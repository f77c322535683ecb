//! The worker behind the intake: searches the questions that wait, and counts what came of them.
//!
//! Invariant: a question's record, its gap, its day and the end of its waiting are one batch: it counts exactly once,
//! whenever the process is killed. A search that lacked a part of the engine leaves it waiting.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::late::{Heard, agent_turns, heard_of};
use crate::error::{Error, Result};
use crate::id::{QueryId, SpaceId};
use crate::kb::analytics::Tally;
use crate::kb::gaps::{Circumstances, GapCounts};
use crate::kb::search::{blind, detect, hit, recorded, round};
use crate::kb::{Grant, Kb, records};
use crate::model::article::Audience;
use crate::model::gap::NearArticle;
use crate::model::interaction::{AnsweredBy, Pending, Session, day_of};
use crate::model::query::{QueryKind, QueryRecord};
use crate::model::search::{Hit, SearchRequest};
use crate::model::text::QueryText;

/// Turns whose questions are searched for one batch.
const BATCH: usize = 64;
/// Hits that are looked at: the nearest articles of a gap.
const LOOKED_AT: u32 = 3;

/// Articles that are remembered as having answered a session.
const MAX_ANSWERED_BY: usize = 16;

/// Where a space's pass stands: behind this turn of this session.
pub(crate) type Passed = BTreeMap<SpaceId, (String, u32)>;

/// What a search of a question came to.
struct Searched {
    text: String,
    matched: bool,
    confidence: f64,
    hits: Vec<Hit>,
}

/// What was found out about a turn whose questions wait, or a reply to them.
struct Looked {
    found: Vec<Searched>,
    /// What the replies tell of the cause; nothing where it was not asked for, because all was found.
    heard: Option<Heard>,
}

impl Kb {
    /// Searches some of what waits in every space; says whether anything was done. Passes begin anew at the end, so
    /// that what cannot be searched holds up nothing else.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub(crate) fn search_pending(&self, passed: &mut Passed, now: Timestamp) -> Result<bool> {
        let spaces: Vec<SpaceId> = self.inner.spaces.read().keys().cloned().collect();
        let mut done = false;
        for space in spaces {
            let waiting = self.inner.store.pending_after(&space, passed.get(&space), BATCH)?;
            match waiting.last() {
                Some((place, _)) if waiting.len() == BATCH => passed.insert(space.clone(), place.clone()),
                _ => passed.remove(&space),
            };
            let mut searched = Vec::new();
            for (place, pending) in waiting {
                if self.stopping() {
                    break;
                }
                if let Some(found) = self.search_questions(&space, &place, &pending, now)? {
                    searched.push((place, pending, found));
                }
            }
            if !searched.is_empty() {
                self.count_searched(&space, searched)?;
                done = true;
            }
        }
        Ok(done)
    }

    /// Searches the questions of a turn as any customer would, and what agents replied; nothing where the engine cannot
    /// tell now.
    fn search_questions(
        &self,
        space: &SpaceId,
        place: &(String, u32),
        pending: &Pending,
        now: Timestamp,
    ) -> Result<Option<Looked>> {
        let grant = Grant { space: space.clone(), audiences: vec![Audience::Public], actor: "interactions".to_owned() };
        let threshold = self.threshold(&grant)?;
        let mut found = Vec::new();
        for text in &pending.questions {
            let Ok(query) = QueryText::try_from(text.clone()) else { continue };
            let request = SearchRequest { limit: LOOKED_AT, ..SearchRequest::first_of(query) };
            let results = match self.find(&grant, &request, now) {
                Ok(results) if blind(&results) => return Ok(None),
                Ok(results) => results,
                Err(Error::IndexUnavailable { .. } | Error::SpaceNotFound(_)) => return Ok(None),
                Err(error) => {
                    tracing::warn!(%error, "a question of a conversation could not be searched; it is tried again");
                    return Ok(None);
                }
            };
            let matched = f64::from(results.confidence) >= threshold;
            found.push(Searched {
                text: text.clone(),
                matched,
                confidence: round(results.confidence),
                hits: results.hits.iter().map(hit).collect(),
            });
        }
        let mut heard = None;
        if found.is_empty() || found.iter().any(|found| !found.matched) {
            heard = self.heard(space, place, now)?;
            if heard.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(Looked { found, heard }))
    }

    /// Notes which article answered, and counts it where a person took over all the same.
    fn count_answer(&self, tally: &mut Tally, session: &mut Session, record: &QueryRecord) -> Result<()> {
        let Some(top) = record.top.as_ref().filter(|_| record.matched) else { return Ok(()) };
        let known = session.answered_by.iter().any(|answered| answered.article == top.article_id);
        if known || session.answered_by.len() >= MAX_ANSWERED_BY {
            return Ok(());
        }
        let mut answered = AnsweredBy { article: top.article_id.clone(), version: top.version, rated: None };
        if session.handed_off == Some(true) {
            tally.handed_off(session.day, &answered, record.at, false, Some(&record.query))?;
        }
        tally.rated(session.day, &mut answered, record.at, session.csat, Some(&record.query))?;
        session.answered_by.push(answered);
        Ok(())
    }

    fn count_searched(&self, space: &SpaceId, searched: Vec<((String, u32), Pending, Looked)>) -> Result<()> {
        let store = &self.inner.store;
        let lock = store.lock(space);
        let gaps_lock = self.inner.gaps.lock();
        let mut batch = store.batch();
        let mut gaps = GapCounts::default();
        let mut tally = self.tally(space);
        let mut sessions: BTreeMap<String, Session> = BTreeMap::new();
        for ((id, turn), pending, looked) in searched {
            // A turn that came late may have completed the question meanwhile: it is searched again.
            if store.pending(space, &id, turn)?.as_ref() != Some(&pending) {
                continue;
            }
            if !sessions.contains_key(&id) {
                sessions.extend(store.session(space, &id)?.map(|session| (id.clone(), session)));
            }
            let Some(session) = sessions.get_mut(&id) else { continue };
            let turns = if looked.heard.is_some() { store.turns(space, &id)? } else { Vec::new() };
            let Looked { found, heard } = looked;
            let heard = heard.unwrap_or_default();
            // A reply that came meanwhile is heard with the next look.
            if !heard_of(&turns, turn).iter().map(|(number, _)| number).eq(&heard.turns) {
                continue;
            }
            if pending.questions.is_empty() {
                batch.remove_pending(space, &id, turn);
                if let Some(why) = &heard.why {
                    self.count_heard(&mut gaps, &(id, turn), pending.at, why)?;
                }
                continue;
            }
            let failed = (session.handed_off == Some(true), session.is_low_rated());
            let asks_more = found.iter().any(|found| !found.matched) || failed != (false, false);
            let turns = if asks_more && turns.is_empty() { store.turns(space, &id)? } else { turns };
            let agent_turns = if asks_more { agent_turns(turns.iter().map(|(_, turn)| turn)) } else { 0 };
            batch.remove_pending(space, &id, turn);
            let source = records::source_of(session.customer.iter().chain(&session.key).chain([&id]), None);
            let day = day_of(pending.at);
            for (place, found) in found.into_iter().enumerate() {
                let (matched, unmatched) = (u64::from(found.matched), u64::from(!found.matched));
                let counts = tally.day(day)?;
                counts.matched += matched;
                counts.unmatched += unmatched;
                session.in_channel(counts, day, |channel| {
                    channel.matched += matched;
                    channel.unmatched += unmatched;
                });
                let form = records::form(&found.text);
                // What was found, and then a person had to take over, did not help.
                let missed = !found.matched || failed != (false, false);
                let gap = (missed && !form.is_empty()).then(|| records::gap_of(space, &form));
                let record = QueryRecord {
                    id: QueryId::for_interaction(pending.at.as_millisecond(), &id, turn, place),
                    space: space.clone(),
                    at: pending.at,
                    kind: QueryKind::Interaction,
                    language: detect(&found.text),
                    query: found.text,
                    channel: session.channel.clone(),
                    conversation_id: Some(id.clone()),
                    session: Some(id.clone()),
                    matched: found.matched,
                    confidence: found.confidence,
                    top: found.hits.first().map(recorded),
                    gap_id: gap,
                    degraded: false,
                    handoff: Vec::new(),
                };
                let nearest = found.hits.iter().map(NearArticle::of).collect();
                session.note_query(&record.id);
                let circumstances = Circumstances {
                    nearest,
                    source: source.clone(),
                    place: Some((id.clone(), turn)),
                    agent_turns,
                    handed_off: failed.0,
                    low_rated: failed.1,
                    why: heard.why.clone().filter(|_| !found.matched),
                };
                self.count_in_gap(&mut gaps, &record, circumstances)?;
                tally.of_session(&record, session)?;
                self.count_answer(&mut tally, session, &record)?;
                batch.put_query(&record);
            }
        }
        sessions.iter().for_each(|(id, session)| batch.put_session(space, id, session));
        gaps.put(&mut batch, space);
        tally.put(&mut batch);
        let ticket = store.commit(batch)?;
        self.inner.boards.counted(space, gaps.forms());
        drop(gaps_lock);
        drop(lock);
        store.sync(ticket)
    }
}
