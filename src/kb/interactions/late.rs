//! An agent's reply that came after its question was searched: does it tell why nothing was found?
//!
//! Invariant: the mark that waits for it goes in the batch that writes the cause; an engine that cannot tell leaves it.

use std::collections::HashSet;

use jiff::Timestamp;

use super::Known;
use crate::error::Result;
use crate::id::{QueryId, SpaceId};
use crate::kb::Kb;
use crate::kb::gaps::GapCounts;
use crate::model::gap::{CauseKind, Proof, Why};
use crate::model::interaction::{Pending, StoredTurn, in_course, replies};
use crate::model::talk::{MAX_QUESTIONS, Role};

/// Replies to a question that are looked at.
const LOOKED_AT: usize = 3;

/// What agents' replies say of a question that nothing answered.
#[derive(Default)]
pub(super) struct Heard {
    /// The turns that were looked at.
    pub turns: Vec<u32>,
    /// The cause, where a reply repeats an article: then the knowledge held the answer, and the search missed it.
    pub why: Option<Why>,
}

/// The replies to a turn that are looked at.
pub(super) fn heard_of(turns: &[(u32, StoredTurn)], turn: u32) -> Vec<(u32, &StoredTurn)> {
    replies(turns, turn).into_iter().take(LOOKED_AT).collect()
}

/// Turns of agents, without those that only greet.
pub(super) fn agent_turns<'a>(turns: impl Iterator<Item = &'a StoredTurn>) -> u64 {
    turns.filter(|said| said.role == Role::Agent && said.set_aside.is_none()).count() as u64
}

/// How many turns of agents are new, and how many there are.
pub(super) fn replied(known: &Known, new: &HashSet<u32>) -> (u64, u64) {
    let of_new = known.turns.iter().filter(|(number, _)| new.contains(number)).map(|(_, turn)| turn);
    (agent_turns(of_new), agent_turns(known.turns.values()))
}

/// The turns to which one of the new turns replies, as far as replies are looked at; one walk through the course.
fn answered_anew(course: &[(u32, &StoredTurn)], new: &HashSet<u32>) -> HashSet<u32> {
    let mut answered = HashSet::new();
    // Who was asked last, and how many replies that has.
    let mut asked = None;
    for (number, turn) in course.iter().filter(|(_, turn)| turn.set_aside.is_none()) {
        match (turn.role, &mut asked) {
            (Role::Customer, _) => asked = Some((*number, 0)),
            (Role::Agent, Some((question, replies))) if *replies < LOOKED_AT => {
                *replies += 1;
                if new.contains(number) {
                    answered.insert(*question);
                }
            }
            _ => {}
        }
    }
    answered
}

impl Kb {
    /// Has questions that were searched and not found looked at again where an agent's reply to them is new.
    pub(super) fn await_replies(
        &self,
        id: &str,
        known: &mut Known,
        searched: Vec<(u32, Timestamp)>,
        new: &HashSet<u32>,
    ) -> Result<()> {
        if searched.is_empty() || replied(known, new).0 == 0 {
            return Ok(());
        }
        let course = in_course(known.turns.iter().map(|(number, turn)| (*number, turn)));
        let answered = answered_anew(&course, new);
        for (number, at) in searched.into_iter().filter(|(number, _)| answered.contains(number)) {
            if self.has_gap(id, number, at)? {
                known.pending.insert(number, Pending { at, questions: Vec::new() });
            }
        }
        Ok(())
    }

    /// Whether a question of a turn was searched and is in a gap because nothing was found: only then does a reply tell
    /// a cause.
    fn has_gap(&self, session: &str, turn: u32, at: Timestamp) -> Result<bool> {
        for place in 0..MAX_QUESTIONS {
            let id = QueryId::for_interaction(at.as_millisecond(), session, turn, place);
            let record = self.inner.store.get_query(&id)?;
            if record.is_some_and(|record| !record.matched && record.gap_id.is_some()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What the replies to a turn say; nothing where the engine cannot tell now.
    pub(super) fn heard(
        &self,
        space: &SpaceId,
        (session, turn): &(String, u32),
        now: Timestamp,
    ) -> Result<Option<Heard>> {
        let turns = self.inner.store.turns(space, session)?;
        let mut heard = Heard::default();
        for (number, reply) in heard_of(&turns, *turn) {
            heard.turns.push(number);
            if heard.why.is_some() {
                continue;
            }
            let Some(told) = self.told_by(space, &reply.text, now)? else { return Ok(None) };
            heard.why = told.article_id.filter(|_| told.matched).map(|article| Why {
                kind: CauseKind::PresentNotFound,
                proof: Proof::AgentReply,
                article_id: Some(article),
                at: now,
            });
        }
        Ok(Some(heard))
    }

    /// Writes the cause that a late reply proves for the questions of a turn. The caller holds both locks.
    pub(super) fn count_heard(
        &self,
        gaps: &mut GapCounts,
        (session, turn): &(String, u32),
        at: Timestamp,
        why: &Why,
    ) -> Result<()> {
        for place in 0..MAX_QUESTIONS {
            let id = QueryId::for_interaction(at.as_millisecond(), session, *turn, place);
            let Some(record) = self.inner.store.get_query(&id)? else { continue };
            self.count_cause(gaps, &record, why)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::talk::Reason;

    #[test]
    fn a_reply_belongs_to_what_was_asked_last() {
        let turn = |role, aside: Option<Reason>| StoredTurn {
            role,
            text: "x".into(),
            at: Timestamp::UNIX_EPOCH,
            set_aside: aside,
            placed: false,
        };
        let (customer, agent) = (turn(Role::Customer, None), turn(Role::Agent, None));
        let (thanks, hello) = (turn(Role::Customer, Some(Reason::Filler)), turn(Role::Agent, Some(Reason::Greeting)));
        let said = [&agent, &customer, &hello, &thanks, &agent, &agent, &agent, &agent, &customer, &agent];
        let course: Vec<(u32, &StoredTurn)> = (1..).zip(said).collect();
        let answered = |new: &[u32]| {
            let mut turns: Vec<u32> = answered_anew(&course, &new.iter().copied().collect()).into_iter().collect();
            turns.sort_unstable();
            turns
        };
        assert_eq!(answered(&[5, 10]), [2, 9], "what is set aside ends nothing");
        assert_eq!(answered(&[7]), [2]);
        assert!(answered(&[1, 3, 8]).is_empty(), "before all, a greeting, the fourth of three that are looked at");
        // The same as walking forth from each question.
        let turns: Vec<(u32, StoredTurn)> = (1..).zip(said.map(StoredTurn::clone)).collect();
        for reply in 1..=10 {
            let forth = [2, 9].into_iter().filter(|asked| heard_of(&turns, *asked).iter().any(|(n, _)| *n == reply));
            assert_eq!(answered(&[reply]), forth.collect::<Vec<_>>(), "{reply}");
        }
    }
}
