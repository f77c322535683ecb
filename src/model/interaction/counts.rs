//! What is counted of conversations, day by day, and its sums.
//!
//! Invariant: sums are made of the days' counts only; adding the days of a range gives the range.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Csat, Session};
use crate::model::query::FeedbackRecord;
use crate::model::talk::Reason;

/// Most channels that are counted by name; others are counted together. With them a day fits into a row of the store.
const MAX_CHANNELS: usize = 40;
/// Channel of conversations that name none.
const NO_CHANNEL: &str = "none";
/// Channel of those beyond [`MAX_CHANNELS`].
const OTHER_CHANNEL: &str = "other";

/// Turns that were counted and not looked at further, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SetAside {
    /// Nothing was said.
    pub empty: u64,
    /// Only a greeting.
    pub greeting: u64,
    /// Only thanks, assent, a sound, a smile.
    pub filler: u64,
    /// A machine wrote it.
    pub machine: u64,
    /// Said, and not asked.
    pub not_a_question: u64,
}

impl SetAside {
    /// Counts one.
    pub fn count(&mut self, reason: Reason) {
        *match reason {
            Reason::Empty => &mut self.empty,
            Reason::Greeting => &mut self.greeting,
            Reason::Filler => &mut self.filler,
            Reason::Machine => &mut self.machine,
            Reason::NotAQuestion => &mut self.not_a_question,
        } += 1;
    }

    fn add(&mut self, other: &Self) {
        self.empty += other.empty;
        self.greeting += other.greeting;
        self.filler += other.filler;
        self.machine += other.machine;
        self.not_a_question += other.not_a_question;
    }
}

/// What is counted of one channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ChannelCounts {
    /// Conversations.
    pub conversations: u64,
    /// Turns.
    pub turns: u64,
    /// Questions found.
    pub questions: u64,
    /// Questions that the knowledge answers.
    pub matched: u64,
    /// Questions that it does not.
    pub unmatched: u64,
    /// Searches and answers that were asked for directly.
    pub live: LiveCounts,
    /// Conversations that a person had to take over.
    pub handed_off: u64,
    /// Queries of a session, live or in a conversation.
    pub in_sessions: u64,
    /// Those of them that asked the same again, or nearly the same, within a day.
    pub asked_again: u64,
    /// Conversations with a satisfaction.
    pub csat_count: u64,
    /// The sum of them.
    pub csat_sum: u64,
}

impl ChannelCounts {
    /// Adds another count.
    pub fn add(&mut self, other: &Self) {
        self.conversations += other.conversations;
        self.turns += other.turns;
        self.questions += other.questions;
        self.matched += other.matched;
        self.unmatched += other.unmatched;
        self.live.add(&other.live);
        self.handed_off += other.handed_off;
        self.in_sessions += other.in_sessions;
        self.asked_again += other.asked_again;
        self.csat_count += other.csat_count;
        self.csat_sum += other.csat_sum;
    }

    /// Takes away what a conversation counted here; live queries are none of its.
    pub fn take_back(&mut self, other: &Self) {
        let less = |count: &mut u64, by: u64| *count = count.saturating_sub(by);
        less(&mut self.conversations, other.conversations);
        less(&mut self.turns, other.turns);
        less(&mut self.questions, other.questions);
        less(&mut self.matched, other.matched);
        less(&mut self.unmatched, other.unmatched);
        less(&mut self.handed_off, other.handed_off);
        less(&mut self.in_sessions, other.in_sessions);
        less(&mut self.asked_again, other.asked_again);
        less(&mut self.csat_count, other.csat_count);
        less(&mut self.csat_sum, other.csat_sum);
    }
}

/// Searches and answers that were asked for directly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LiveCounts {
    /// How many.
    pub queries: u64,
    /// How many found something.
    pub matched: u64,
    /// How many were to be answered, not only searched for.
    pub answers: u64,
    /// With how many of these a hand-off was recommended.
    pub handoffs: u64,
}

impl LiveCounts {
    /// With one more query.
    #[must_use]
    pub fn with(self, matched: u64, answers: u64, handoffs: u64) -> Self {
        Self {
            queries: self.queries + 1,
            matched: self.matched + matched,
            answers: self.answers + answers,
            handoffs: self.handoffs + handoffs,
        }
    }

    fn add(&mut self, other: &Self) {
        self.queries += other.queries;
        self.matched += other.matched;
        self.answers += other.answers;
        self.handoffs += other.handoffs;
    }
}

/// Questions and live queries of an hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HourCounts {
    /// How many.
    #[serde(rename = "q")]
    pub queries: u64,
    /// How many the knowledge answers.
    #[serde(rename = "m")]
    pub matched: u64,
}

/// What people said about answers and searches of a day; it counts on the day of the query.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct FeedbackCounts {
    /// Times something helped.
    pub helpful: u64,
    /// Times it did not.
    pub unhelpful: u64,
    /// Ratings of satisfaction.
    pub csat_count: u64,
    /// Their sum.
    pub csat_sum: u64,
    /// Ratings of effort.
    pub ces_count: u64,
    /// Their sum.
    pub ces_sum: u64,
}

impl FeedbackCounts {
    /// Counts (or takes back) what was said of one query.
    pub fn count(&mut self, said: &FeedbackRecord, back: bool) {
        let add = |count: &mut u64, amount: u64| {
            *count = if back { count.saturating_sub(amount) } else { *count + amount };
        };
        add(&mut self.helpful, u64::from(said.helpful == Some(true)));
        add(&mut self.unhelpful, u64::from(said.helpful == Some(false)));
        add(&mut self.csat_count, u64::from(said.csat.is_some()));
        add(&mut self.csat_sum, u64::from(said.csat.unwrap_or_default()));
        add(&mut self.ces_count, u64::from(said.ces.is_some()));
        add(&mut self.ces_sum, u64::from(said.ces.unwrap_or_default()));
    }

    fn add(&mut self, other: &Self) {
        self.helpful += other.helpful;
        self.unhelpful += other.unhelpful;
        self.csat_count += other.csat_count;
        self.csat_sum += other.csat_sum;
        self.ces_count += other.ces_count;
        self.ces_sum += other.ces_sum;
    }
}

/// How a conversation ended, as far as that was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Whether the matter was settled.
    pub resolved: Option<bool>,
    /// Whether a person had to take over.
    pub handed_off: Option<bool>,
    /// Satisfaction.
    pub csat: Option<Csat>,
}

impl Ended {
    /// How this one did.
    pub fn of(session: &Session) -> Self {
        Self { resolved: session.resolved, handed_off: session.handed_off, csat: session.csat }
    }
}

/// What is counted of a day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DayCounts {
    /// Conversations that began.
    pub conversations: u64,
    /// Turns.
    pub turns: u64,
    /// Turns of customers.
    pub customer_turns: u64,
    /// Turns set aside.
    pub set_aside: SetAside,
    /// Questions found.
    pub questions: u64,
    /// Questions that the knowledge answers.
    pub matched: u64,
    /// Questions that it does not.
    pub unmatched: u64,
    /// By channel.
    pub channels: BTreeMap<String, ChannelCounts>,
    /// Questions by language.
    pub languages: BTreeMap<String, u64>,
    /// Conversations settled.
    pub resolved: u64,
    /// Conversations that a person had to take over.
    pub handed_off: u64,
    /// Conversations with a satisfaction.
    pub csat_count: u64,
    /// The sum of them.
    pub csat_sum: u64,
    /// Searches and answers that were asked for directly.
    pub live: LiveCounts,
    /// Queries of a session, live or in a conversation.
    pub in_sessions: u64,
    /// Those of them that asked the same again, or nearly the same, within a day.
    pub asked_again: u64,
    /// What people said about answers and searches.
    pub feedback: FeedbackCounts,
    /// By hour, in UTC: questions whose answer is known, and live queries.
    pub hours: BTreeMap<u8, HourCounts>,
}

impl DayCounts {
    /// The counts of a channel.
    pub fn channel(&mut self, name: Option<&str>) -> &mut ChannelCounts {
        let name = name.unwrap_or(NO_CHANNEL);
        let full = self.channels.len() >= MAX_CHANNELS && !self.channels.contains_key(name);
        self.channels.entry(if full { OTHER_CHANNEL } else { name }.to_owned()).or_default()
    }

    /// Counts (or takes back) what was said of a conversation as a whole, on its day and in its channel.
    pub fn outcome(&mut self, session: &mut Session, said: Ended, back: bool) {
        let add = |count: &mut u64, amount: u64| {
            *count = if back { count.saturating_sub(amount) } else { *count + amount };
        };
        let handed_off = u64::from(said.handed_off == Some(true));
        let (rated, csat) = (u64::from(said.csat.is_some()), said.csat.map_or(0, |csat| u64::from(u8::from(csat))));
        add(&mut self.resolved, u64::from(said.resolved == Some(true)));
        add(&mut self.handed_off, handed_off);
        add(&mut self.csat_count, rated);
        add(&mut self.csat_sum, csat);
        if handed_off + rated > 0 {
            session.in_channel(self, session.day, |channel| {
                add(&mut channel.handed_off, handed_off);
                add(&mut channel.csat_count, rated);
                add(&mut channel.csat_sum, csat);
            });
        }
    }

    /// Moves what a conversation counted under no channel to the one that is known now.
    pub fn to_channel(&mut self, name: &str, counted: &ChannelCounts) {
        self.channel(None).take_back(counted);
        self.channel(Some(name)).add(counted);
    }

    /// Questions whose answer is known, and live queries.
    pub fn demand(&self) -> u64 {
        self.matched + self.unmatched + self.live.queries
    }

    /// Those of them that the knowledge answers.
    pub fn answered(&self) -> u64 {
        self.matched + self.live.matched
    }

    /// Adds another day.
    pub fn add(&mut self, other: &Self) {
        self.conversations += other.conversations;
        self.turns += other.turns;
        self.customer_turns += other.customer_turns;
        self.set_aside.add(&other.set_aside);
        self.questions += other.questions;
        self.matched += other.matched;
        self.unmatched += other.unmatched;
        // Where all that was counted has moved to another channel, nothing came through this one.
        for (name, counts) in other.channels.iter().filter(|(_, counts)| **counts != ChannelCounts::default()) {
            self.channel(Some(name)).add(counts);
        }
        for (language, count) in &other.languages {
            *self.languages.entry(language.clone()).or_default() += count;
        }
        self.resolved += other.resolved;
        self.handed_off += other.handed_off;
        self.csat_count += other.csat_count;
        self.csat_sum += other.csat_sum;
        self.live.add(&other.live);
        self.in_sessions += other.in_sessions;
        self.asked_again += other.asked_again;
        self.feedback.add(&other.feedback);
        for (hour, counts) in &other.hours {
            let sum = self.hours.entry(*hour).or_default();
            sum.queries += counts.queries;
            sum.matched += counts.matched;
        }
    }
}
