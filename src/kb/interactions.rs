//! Conversations handed in: masked, read, kept and counted; their questions wait for a worker.
//!
//! Invariant: a turn is kept once, whatever is sent again and in whichever order; what is counted is written in the
//! batch that keeps what it counts.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;

use jiff::{SignedDuration, Timestamp};

use super::analytics::Tally;
use super::gaps::GapCounts;
use super::search::detect;
use super::{Kb, Recorder};
use crate::error::{Error, Result};
use crate::id::SpaceId;
use crate::model::interaction::{
    Conversation, Ended, IntakeReport, Pending, ReadConversation, Session, StoredTurn, Turn, day_of, in_course,
};
use crate::model::talk::{Reading, Role, Said, read};
use crate::store::Batch;

mod ends;
mod late;
mod places;
mod questions;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests;

use ends::End;
use late::replied;
pub(crate) use questions::Passed;

/// Turns of one batch: with their questions well below what the store may have unsynced.
const BATCH_TURNS: usize = 400;
/// Bytes of turns from which a batch is full.
const BATCH_BYTES: usize = 96 * 1024;
/// Turns that a dry run remembers, so that it can tell what is sent twice.
const REMEMBERED: usize = 100_000;
/// How far a turn's time may lie ahead of ours.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// A conversation with everything personal out of it.
struct Masked {
    line: u64,
    session: String,
    channel: Option<String>,
    customer: Option<String>,
    key: Option<String>,
    conversation: Conversation,
}

/// A session as it is while a batch is made.
struct Known {
    session: Session,
    turns: BTreeMap<u32, StoredTurn>,
    /// Questions found in this batch.
    pending: BTreeMap<u32, Pending>,
    /// Turns to be written.
    written: HashSet<u32>,
    changed: bool,
    stored: bool,
}

/// An intake under way.
struct Intake<'a> {
    space: &'a SpaceId,
    dry_run: bool,
    now: Timestamp,
    known: HashMap<String, Known>,
    tally: Tally,
    /// What changes for gaps because of how conversations are now said to have ended.
    gaps: GapCounts,
    report: IntakeReport,
}

impl Kb {
    /// Takes conversations in as they come. What was there already changes nothing; a turn that is there with another
    /// text is refused. Questions are searched by a worker, and counted when they were.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] when the body breaks off (what came before it stays); [`Error::Store`]. What is wrong
    /// with a line or a turn stands in the report.
    pub fn take_in(
        &self,
        recorder: &Recorder,
        dry_run: bool,
        conversations: &mut dyn Iterator<Item = io::Result<ReadConversation>>,
        now: Timestamp,
    ) -> Result<IntakeReport> {
        let report = IntakeReport { dry_run, ..IntakeReport::default() };
        let space = &recorder.grant().space;
        let mut intake = Intake {
            space,
            dry_run,
            now,
            known: HashMap::new(),
            tally: self.tally(space),
            gaps: GapCounts::default(),
            report,
        };
        let mut last = None;
        let mut batch = Vec::new();
        let (mut turns, mut bytes) = (0, 0);
        for conversation in conversations {
            let read = match conversation {
                Ok(read) => read,
                Err(error) => {
                    if let Some(ticket) = self.take_batch(&mut intake, batch)?.or(last) {
                        self.inner.store.sync(ticket)?;
                    }
                    let taken = intake.report.conversations;
                    let message = format!("it broke off after {taken} conversations, which stay: {error}");
                    return Err(Error::field("body", message));
                }
            };
            let line = read.line;
            for fault in read.faults {
                intake.report.refuse(line, Some(fault.turn), fault.reason, 1);
            }
            match read.conversation {
                Ok(conversation) => {
                    turns += conversation.turns.len();
                    bytes += conversation.turns.iter().map(|turn| turn.text.as_str().len()).sum::<usize>();
                    batch.push(self.masked(space, line, conversation));
                }
                Err((reason, turns)) => intake.report.refuse(line, None, reason, turns),
            }
            if turns >= BATCH_TURNS || bytes >= BATCH_BYTES || batch.len() >= BATCH_TURNS {
                last = self.take_batch(&mut intake, std::mem::take(&mut batch))?.or(last);
                (turns, bytes) = (0, 0);
            }
        }
        last = self.take_batch(&mut intake, batch)?.or(last);
        // One sync for all of it: nothing was acknowledged before.
        if let Some(ticket) = last {
            self.inner.store.sync(ticket)?;
        }
        Ok(intake.report)
    }

    fn masked(&self, space: &SpaceId, line: u64, mut conversation: Conversation) -> Masked {
        let hash = |kind, name: &str| self.pseudonym(space, kind, name);
        let masker = self.masker(space);
        for turn in &mut conversation.turns {
            let masked = masker.mask(turn.text.as_str());
            // A text that tags made too long is cut; it was fit before.
            let fit: String = masked.chars().take(crate::model::text::TurnText::MAX).collect();
            if let Ok(text) = fit.try_into() {
                turn.text = text;
            }
        }
        Masked {
            line,
            session: hash("session", conversation.session_id.as_str()),
            channel: conversation.channel.as_ref().map(|name| masker.mask(name.as_str())),
            customer: conversation.customer_id.as_ref().map(|name| hash("customer", name.as_str())),
            key: conversation.key.as_ref().map(|name| hash("key", name.as_str())),
            conversation,
        }
    }

    fn take_batch(&self, intake: &mut Intake<'_>, batch: Vec<Masked>) -> Result<Option<crate::store::Ticket>> {
        if batch.is_empty() {
            return Ok(None);
        }
        let store = &self.inner.store;
        let _lock = store.lock(intake.space);
        let _counting = self.inner.gaps.lock();
        let mut ends = Vec::new();
        for masked in batch {
            ends.extend(self.take_conversation(intake, masked)?);
        }
        if intake.dry_run {
            let remembered: usize = intake.known.values().map(|known| known.turns.len()).sum();
            if remembered > REMEMBERED {
                intake.known.clear();
            }
            return Ok(None);
        }
        let mut batch = store.batch();
        for (session, known) in intake.known.drain() {
            known.put(&mut batch, intake.space, &session);
        }
        intake.tally.put(&mut batch);
        let mut gaps = std::mem::take(&mut intake.gaps);
        let mut records = BTreeMap::new();
        for end in ends {
            self.count_end(&mut gaps, &mut records, end)?;
        }
        records.values().for_each(|record| batch.put_query(record));
        gaps.put(&mut batch, intake.space);
        self.inner.boards.counted(intake.space, gaps.forms());
        if batch.is_empty() { Ok(None) } else { store.commit(batch).map(Some) }
    }

    /// Takes a conversation in; gives how it ended, where that is new and its questions were searched before.
    fn take_conversation(&self, intake: &mut Intake<'_>, masked: Masked) -> Result<Option<End>> {
        let Masked { line, session: id, channel, customer, key, mut conversation } = masked;
        let turns = std::mem::take(&mut conversation.turns);
        let mut known = match intake.known.remove(&id) {
            Some(known) => known,
            None => self.session_now(intake, &id, &turns)?,
        };
        let said = (conversation.resolved, conversation.handed_off, conversation.csat);
        let new = intake.keep(&mut known, line, turns);
        if !known.stored && new.is_empty() && said == (None, None, None) {
            return Ok(None);
        }
        let before = known.session.clone();
        let session = &mut known.session;
        session.channel = session.channel.take().or(channel);
        session.customer = session.customer.take().or(customer);
        session.key = session.key.take().or(key);
        session.resolved = conversation.resolved.or(session.resolved);
        session.handed_off = conversation.handed_off.or(session.handed_off);
        session.csat = conversation.csat.or(session.csat);
        if !known.stored {
            let counts = intake.tally.day(session.day)?;
            counts.conversations += 1;
            session.in_channel(counts, session.day, |channel| channel.conversations += 1);
            (known.stored, known.changed) = (true, true);
        }
        // What was counted under no channel goes to the one that is named now.
        if let Some(name) = session.channel.clone() {
            for (day, counted) in std::mem::take(&mut session.unplaced) {
                intake.tally.day(day)?.to_channel(&name, &counted);
            }
        }
        let (was, is) = (Ended::of(&before), Ended::of(session));
        if was != is {
            let counts = intake.tally.day(session.day)?;
            // What is counted where it cannot move from is taken back there.
            let mut earlier = before.clone();
            let stays = before.channel.is_none() && !before.can_move(was);
            counts.outcome(if stays { &mut earlier } else { &mut *session }, was, true);
            counts.outcome(session, is, false);
            self.count_ended(&mut intake.tally, session, was, is)?;
        }
        if !new.is_empty() {
            self.read_anew(intake, &id, &mut known, &new)?;
        }
        let end = End::of(&id, &before, &known.session, replied(&known, &new));
        known.changed |= known.session != before;
        intake.report.conversations += 1;
        intake.known.insert(id, known);
        Ok(end)
    }

    /// The session as the store has it, or a new one.
    fn session_now(&self, intake: &Intake<'_>, id: &str, turns: &[Turn]) -> Result<Known> {
        let store = &self.inner.store;
        let (session, stored) = match store.session(intake.space, id)? {
            Some(session) => (session, true),
            None => {
                // A turn that is refused says nothing of when it began.
                let first = turns.iter().filter_map(|turn| turn.at).filter(|at| intake.is_fit(*at)).min();
                let first_at = first.unwrap_or(intake.now);
                let session = Session {
                    channel: None,
                    customer: None,
                    key: None,
                    day: day_of(first_at),
                    first_at,
                    last_at: first_at,
                    resolved: None,
                    handed_off: None,
                    csat: None,
                    turns: 0,
                    questions: 0,
                    emptied: None,
                    emptied_at: None,
                    removed: 0,
                    asked: Vec::new(),
                    answered_by: Vec::new(),
                    queries: Vec::new(),
                    unplaced: BTreeMap::new(),
                };
                (session, false)
            }
        };
        let turns = if stored { store.turns(intake.space, id)?.into_iter().collect() } else { BTreeMap::new() };
        Ok(Known { session, turns, pending: BTreeMap::new(), written: HashSet::new(), changed: false, stored })
    }

    /// Reads the conversation with its new turns, and counts those.
    fn read_anew(&self, intake: &mut Intake<'_>, id: &str, known: &mut Known, new: &HashSet<u32>) -> Result<()> {
        let course = in_course(known.turns.iter().map(|(number, turn)| (*number, turn)));
        let said: Vec<Said<'_>> = course.iter().map(|(_, t)| Said { role: t.role, text: &t.text }).collect();
        let readings = read(&said);
        let numbers: Vec<u32> = course.into_iter().map(|(number, _)| number).collect();
        let mut searched = Vec::new();
        for (number, reading) in numbers.iter().zip(readings) {
            let Some(turn) = known.turns.get_mut(number) else { continue };
            let asked = match reading {
                Reading::Asks(questions) => questions,
                Reading::Answers => Vec::new(),
                Reading::SetAside(reason) if new.contains(number) => {
                    turn.set_aside = Some(reason);
                    Vec::new()
                }
                Reading::SetAside(_) => continue,
            };
            if !new.contains(number) {
                // What came late may complete a question that still waits; one that was searched stays as it was.
                let waits = match known.pending.get(number) {
                    Some(pending) => Some(pending.clone()),
                    None => self.inner.store.pending(intake.space, id, *number)?,
                };
                if waits.is_none() && !asked.is_empty() {
                    searched.push((*number, turn.at));
                }
                if let Some(pending) = waits.filter(|p| p.questions.len() == asked.len() && p.questions != asked) {
                    known.pending.insert(*number, Pending { questions: asked, ..pending });
                }
                continue;
            }
            let customers = u64::from(turn.role == Role::Customer);
            let questions = asked.len() as u64;
            let counts = intake.tally.day(day_of(turn.at))?;
            counts.turns += 1;
            counts.customer_turns += customers;
            counts.questions += questions;
            turn.set_aside.iter().for_each(|reason| counts.set_aside.count(*reason));
            for question in &asked {
                *counts.languages.entry(detect(question).as_str().to_owned()).or_default() += 1;
            }
            known.session.in_channel(counts, day_of(turn.at), |channel| {
                channel.turns += 1;
                channel.questions += questions;
            });
            let report = &mut intake.report;
            report.turns.accepted += 1;
            report.questions += questions;
            turn.set_aside.iter().for_each(|reason| report.turns.set_aside.count(*reason));
            known.session.turns += 1;
            known.session.questions += asked.len() as u32;
            known.session.first_at = known.session.first_at.min(turn.at);
            known.session.last_at = known.session.last_at.max(turn.at);
            if !asked.is_empty() {
                known.pending.insert(*number, Pending { at: turn.at, questions: asked });
            }
        }
        self.await_replies(id, known, searched, new)
    }

    /// A name that stands for a person or a conversation: the same for the same, and of no use without our secret.
    pub(crate) fn pseudonym(&self, space: &SpaceId, kind: &str, name: &str) -> String {
        let text = format!("{kind}\n{space}\n{name}");
        let hash = blake3::keyed_hash(&self.inner.secret, text.as_bytes()).to_hex();
        hash.get(..32).unwrap_or_default().to_owned()
    }
}

impl Intake<'_> {
    fn is_fit(&self, at: Timestamp) -> bool {
        at >= Timestamp::UNIX_EPOCH && self.now.checked_add(AHEAD).is_ok_and(|latest| at <= latest)
    }
}

impl Known {
    fn put(self, batch: &mut Batch, space: &SpaceId, id: &str) {
        if self.changed {
            batch.put_session(space, id, &self.session);
        }
        for (number, turn) in self.turns.iter().filter(|(number, _)| self.written.contains(number)) {
            batch.put_turn(space, id, *number, turn);
        }
        for (number, pending) in &self.pending {
            batch.put_pending(space, id, *number, pending);
        }
    }
}
