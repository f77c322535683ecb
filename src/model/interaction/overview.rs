//! What came in over a period, and how much of it the knowledge answers.
//!
//! Invariant: sums of the days' counts, and nothing else.

use std::collections::BTreeMap;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use super::{ChannelCounts, DayCounts, LiveCounts, SetAside};
use crate::id::SpaceId;
use crate::model::analytics::{Bucket, share};

/// Satisfaction, or effort.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Satisfaction {
    /// Ratings.
    pub count: u64,
    /// Their mean; absent where there is none.
    pub mean: Option<f64>,
}

impl Satisfaction {
    fn of(count: u64, sum: u64) -> Self {
        Self { count, mean: share(sum, count) }
    }
}

/// What people said about answers and searches.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Feedback {
    /// Times something helped.
    pub helpful: u64,
    /// Times it did not.
    pub unhelpful: u64,
    /// The share that helped.
    pub helpful_share: Option<f64>,
    /// Satisfaction, 1 to 5.
    pub csat: Satisfaction,
    /// Effort, 1 to 7.
    pub ces: Satisfaction,
}

/// A day of an overview, or a longer piece.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DayPoint {
    /// The day, in UTC; the first one of a longer piece.
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
    /// Satisfaction with conversations, 1 to 5.
    pub csat: Satisfaction,
    /// Conversations handed off and live answers with a recommended hand-off, as a share of conversations and live answers.
    pub handoff_rate: Option<f64>,
    /// Share of the queries of a session that asked the same again, or nearly the same, within a day.
    pub reask_rate: Option<f64>,
    /// What people said about answers and searches.
    pub feedback: Feedback,
    /// Searches and answers that were asked for directly.
    pub live: LiveCounts,
    /// Day by day, or piece by piece, without those in which nothing came.
    pub days: Vec<DayPoint>,
}

impl Overview {
    /// The sums of days.
    pub fn of(space: SpaceId, from: Date, to: Date, days: &[(Date, DayCounts)], bucket: Bucket) -> Self {
        let mut sum = DayCounts::default();
        let mut pieces: BTreeMap<Date, DayCounts> = BTreeMap::new();
        for (day, counts) in days {
            sum.add(counts);
            pieces.entry(bucket.start(*day)).or_default().add(counts);
        }
        let point = |(day, counts): (&Date, &DayCounts)| DayPoint {
            day: *day,
            conversations: counts.conversations,
            questions: counts.questions,
            matched: counts.matched,
            unmatched: counts.unmatched,
            live: counts.live,
        };
        let said = sum.feedback;
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
            answer_rate: share(sum.answered(), sum.demand()),
            channels: sum.channels,
            languages: sum.languages,
            resolved: sum.resolved,
            handed_off: sum.handed_off,
            csat: Satisfaction::of(sum.csat_count, sum.csat_sum),
            handoff_rate: share(sum.handed_off + sum.live.handoffs, sum.conversations + sum.live.answers),
            reask_rate: share(sum.asked_again, sum.in_sessions),
            feedback: Feedback {
                helpful: said.helpful,
                unhelpful: said.unhelpful,
                helpful_share: share(said.helpful, said.helpful + said.unhelpful),
                csat: Satisfaction::of(said.csat_count, said.csat_sum),
                ces: Satisfaction::of(said.ces_count, said.ces_sum),
            },
            live: sum.live,
            days: pieces.iter().map(point).collect(),
        }
    }
}
