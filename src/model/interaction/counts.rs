//! What is counted of conversations, day by day, and its sums.
//!
//! Invariant: sums are made of the days' counts only; adding the days of a range gives the range.

use std::collections::BTreeMap;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Csat, Session};
use crate::id::SpaceId;
use crate::model::talk::Reason;

/// Most channels that are counted by name; others are counted together.
const MAX_CHANNELS: usize = 100;
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
}

/// Searches and answers that were asked for directly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LiveCounts {
    /// How many.
    pub queries: u64,
    /// How many found something.
    pub matched: u64,
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
}

impl DayCounts {
    /// The counts of a channel.
    pub fn channel(&mut self, name: Option<&str>) -> &mut ChannelCounts {
        let name = name.unwrap_or(NO_CHANNEL);
        let full = self.channels.len() >= MAX_CHANNELS && !self.channels.contains_key(name);
        self.channels.entry(if full { OTHER_CHANNEL } else { name }.to_owned()).or_default()
    }

    /// Counts (or takes back) what was said of a conversation as a whole.
    pub fn outcome(&mut self, session: &Session, back: bool) {
        let add = |count: &mut u64, amount: u64| {
            *count = if back { count.saturating_sub(amount) } else { *count + amount };
        };
        add(&mut self.resolved, u64::from(session.resolved == Some(true)));
        add(&mut self.handed_off, u64::from(session.handed_off == Some(true)));
        add(&mut self.csat_count, u64::from(session.csat.is_some()));
        add(&mut self.csat_sum, session.csat.map_or(0, |csat: Csat| u64::from(u8::from(csat))));
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
        for (name, counts) in &other.channels {
            let sum = self.channel(Some(name));
            sum.conversations += counts.conversations;
            sum.turns += counts.turns;
            sum.questions += counts.questions;
            sum.matched += counts.matched;
            sum.unmatched += counts.unmatched;
        }
        for (language, count) in &other.languages {
            *self.languages.entry(language.clone()).or_default() += count;
        }
        self.resolved += other.resolved;
        self.handed_off += other.handed_off;
        self.csat_count += other.csat_count;
        self.csat_sum += other.csat_sum;
        self.live.queries += other.live.queries;
        self.live.matched += other.live.matched;
    }
}

/// Customer satisfaction over conversations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Satisfaction {
    /// Conversations that have one.
    pub count: u64,
    /// Its mean, 1 to 5; absent where none has one.
    pub mean: Option<f64>,
}

/// A day of an overview.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DayPoint {
    /// The day, in UTC.
    pub day: Date,
    /// Conversations that began.
    pub conversations: u64,
    /// Questions found in them.
    pub questions: u64,
    /// Questions that the knowledge answers.
    pub matched: u64,
    /// Questions that it does not.
    pub unmatched: u64,
    /// Searches and answers that were asked for directly.
    pub live: LiveCounts,
}

/// What came in, and how much of it the knowledge answers.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Overview {
    /// Space.
    pub space: SpaceId,
    /// First day, in UTC.
    pub from: Date,
    /// Last day, in UTC.
    pub to: Date,
    /// Conversations that began.
    pub conversations: u64,
    /// Turns.
    pub turns: u64,
    /// Turns of customers.
    pub customer_turns: u64,
    /// Turns counted and not looked at further.
    pub set_aside: SetAside,
    /// Questions found.
    pub questions: u64,
    /// Questions that the knowledge answers.
    pub matched: u64,
    /// Questions that it does not.
    pub unmatched: u64,
    /// Questions still to be searched.
    pub pending: u64,
    /// Share of questions and of live queries that the knowledge answers; absent where none was asked.
    pub answer_rate: Option<f64>,
    /// By channel.
    pub channels: BTreeMap<String, ChannelCounts>,
    /// Questions by language.
    pub languages: BTreeMap<String, u64>,
    /// Conversations settled.
    pub resolved: u64,
    /// Conversations that a person had to take over.
    pub handed_off: u64,
    /// Customer satisfaction.
    pub csat: Satisfaction,
    /// Searches and answers that were asked for directly.
    pub live: LiveCounts,
    /// Day by day, without those on which nothing came.
    pub days: Vec<DayPoint>,
}

impl Overview {
    /// The sums of days.
    pub fn of(space: SpaceId, from: Date, to: Date, days: &[(Date, DayCounts)]) -> Self {
        let mut sum = DayCounts::default();
        days.iter().for_each(|(_, day)| sum.add(day));
        let share = |part: u64, whole: u64| (whole > 0).then(|| four_decimals(part as f64 / whole as f64));
        let point = |(day, counts): &(Date, DayCounts)| DayPoint {
            day: *day,
            conversations: counts.conversations,
            questions: counts.questions,
            matched: counts.matched,
            unmatched: counts.unmatched,
            live: counts.live,
        };
        let answered = sum.matched + sum.live.matched;
        Self {
            space,
            from,
            to,
            conversations: sum.conversations,
            turns: sum.turns,
            customer_turns: sum.customer_turns,
            set_aside: sum.set_aside,
            questions: sum.questions,
            matched: sum.matched,
            unmatched: sum.unmatched,
            pending: sum.questions.saturating_sub(sum.matched + sum.unmatched),
            answer_rate: share(answered, sum.matched + sum.unmatched + sum.live.queries),
            channels: sum.channels,
            languages: sum.languages,
            resolved: sum.resolved,
            handed_off: sum.handed_off,
            csat: Satisfaction { count: sum.csat_count, mean: share(sum.csat_sum, sum.csat_count) },
            live: sum.live,
            days: days.iter().map(point).collect(),
        }
    }
}

fn four_decimals(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}
