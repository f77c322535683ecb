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
use crate::model::interaction::{Pending, StoredTurn, replies};
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

impl Known {
    /// Has questions that were searched looked at again where an agent's reply to them is new.
    pub(super) fn await_replies(&mut self, searched: Vec<(u32, Timestamp)>, new: &HashSet<u32>) {
        if searched.is_empty() || replied(self, new).0 == 0 {
            return;
        }
        let turns: Vec<(u32, StoredTurn)> = self.turns.iter().map(|(number, turn)| (*number, turn.clone())).collect();
        for (number, at) in searched {
            if heard_of(&turns, number).iter().any(|(reply, _)| new.contains(reply)) {
                self.pending.insert(number, Pending { at, questions: Vec::new() });
            }
        }
    }
}

impl Kb {
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
