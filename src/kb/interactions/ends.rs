//! What is said of a conversation after its questions were searched: how it ended, what agents still said, its channel.
//!
//! Invariant: the counts change in the batch that keeps what is said, and the same said again changes nothing.

use std::collections::{BTreeMap, HashMap};

use crate::error::Result;
use crate::id::QueryId;
use crate::kb::analytics::Tally;
use crate::kb::gaps::{Circumstances, GapCounts, Outcome};
use crate::kb::{Kb, records};
use crate::model::interaction::{Ended, Session};
use crate::model::query::QueryRecord;

/// A new end of a conversation whose questions were searched.
pub(super) struct End {
    session: String,
    queries: Vec<QueryId>,
    by: Outcome,
    /// Hashes of who asked.
    counted: Vec<String>,
    handed_off: bool,
    low_rated: bool,
    /// Turns of agents, all together.
    agent_turns: u64,
    /// Its channel, where it is known only now.
    channel: Option<String>,
}

impl End {
    /// What changed; nothing where no question was searched yet: then they are counted as it ended. Of agents' turns are
    /// given those that are new, and all.
    pub fn of(id: &str, before: &Session, after: &Session, (new, all): (u64, u64)) -> Option<Self> {
        let change = |was: bool, is: bool| i64::from(is) - i64::from(was);
        let failed = |session: &Session| (session.handed_off == Some(true), session.is_low_rated());
        let (was, is) = (failed(before), failed(after));
        let channel = after.channel.clone().filter(|_| before.channel.is_none());
        if (was == is && new == 0 && channel.is_none()) || after.queries.is_empty() {
            return None;
        }
        Some(Self {
            session: id.to_owned(),
            queries: after.queries.clone(),
            by: Outcome {
                handed_off: change(was.0, is.0),
                low_rated: change(was.1, is.1),
                agent_turns: i64::try_from(new).unwrap_or(i64::MAX),
            },
            counted: after.customer.iter().chain(&after.key).cloned().chain([id.to_owned()]).collect(),
            handed_off: is.0,
            low_rated: is.1,
            agent_turns: all,
            channel,
        })
    }
}

impl Kb {
    /// Counts the end of a conversation in the gaps of its questions; what was found and did not help gets one. The
    /// caller holds the space's lock and that of gaps, and writes the records that change.
    pub(super) fn count_end(
        &self,
        gaps: &mut GapCounts,
        records: &mut BTreeMap<QueryId, QueryRecord>,
        end: End,
    ) -> Result<()> {
        for id in &end.queries {
            let known = records.get(id).cloned();
            let known = known.map_or_else(|| self.inner.store.get_query(id), |known| Ok(Some(known)))?;
            let Some(mut record) = known else { continue };
            if record.channel.is_none() && end.channel.is_some() {
                record.channel.clone_from(&end.channel);
                records.insert(id.clone(), record.clone());
            }
            if record.gap_id.is_some() {
                self.recount_outcome(gaps, &record, end.by)?;
                continue;
            }
            let form = records::form(&record.query);
            if (!end.handed_off && !end.low_rated) || form.is_empty() {
                continue;
            }
            record.gap_id = Some(records::gap_of(&record.space, &form));
            let circumstances = Circumstances {
                nearest: self.near_of(&record)?,
                source: records::source_of(&end.counted, None),
                place: Some((end.session.clone(), 0)),
                agent_turns: end.agent_turns,
                handed_off: end.handed_off,
                low_rated: end.low_rated,
                ..Circumstances::default()
            };
            self.count_in_gap(gaps, &record, circumstances)?;
            records.insert(id.clone(), record);
        }
        Ok(())
    }

    /// Counts how a conversation is now said to have ended for the articles that answered its questions.
    pub(super) fn count_ended(&self, tally: &mut Tally, session: &mut Session, was: Ended, is: Ended) -> Result<()> {
        let taken_over = |ended: Ended| ended.handed_off == Some(true);
        if taken_over(was) == taken_over(is) && was.csat == is.csat {
            return Ok(());
        }
        let mut questions = HashMap::new();
        for id in session.queries.iter().filter(|_| !session.answered_by.is_empty()) {
            let Some(record) = self.inner.store.get_query(id)?.filter(|record| record.matched) else { continue };
            let Some(top) = record.top else { continue };
            questions.entry(top.article_id).or_insert(record.query);
        }
        for answered in &mut session.answered_by {
            let question = questions.get(&answered.article);
            let (day, at) = (session.day, session.last_at);
            if taken_over(was) != taken_over(is) {
                tally.handed_off(day, answered, at, taken_over(was), question.map(String::as_str))?;
            }
            tally.rated(day, answered, at, is.csat, question.map(String::as_str))?;
        }
        Ok(())
    }
}
