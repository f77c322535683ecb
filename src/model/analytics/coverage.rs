//! How much of what is asked is answered, through which channels, and what is still open?
//!
//! Invariant: shares are of counts that were made when the questions came; nothing is guessed afterwards.

use std::collections::BTreeMap;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use crate::id::SpaceId;

/// A channel in a period.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ChannelFigures {
    /// The channel as callers name it; `none` where they name none.
    pub channel: String,
    /// Questions and live queries.
    pub queries: u64,
    /// Those that the knowledge answers.
    pub answered: u64,
    /// The share of them.
    pub answer_rate: Option<f64>,
    /// Conversations.
    pub conversations: u64,
    /// Conversations that a person had to take over.
    pub handed_off: u64,
    /// Live answers.
    pub live_answers: u64,
    /// Live answers with which a hand-off was recommended.
    pub handoff_recommended: u64,
    /// Both kinds of hand-off as a share of conversations and live answers.
    pub handoff_rate: Option<f64>,
    /// Queries of a session that asked the same, or nearly the same, within the day before.
    pub asked_again: u64,
    /// Their share of the queries that belong to a session.
    pub reask_rate: Option<f64>,
    /// Mean satisfaction with conversations, 1 to 5.
    pub csat: Option<f64>,
}

/// The channels of a period.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ChannelReport {
    /// Space.
    pub space: SpaceId,
    /// First day, in UTC.
    pub from: Date,
    /// Last day, in UTC.
    pub to: Date,
    /// Most queries first.
    pub items: Vec<ChannelFigures>,
}

/// A piece of the period.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CoveragePoint {
    /// First day of the piece; days outside the period do not count in it.
    pub from: Date,
    /// Questions and live queries whose answer is known.
    pub demand: u64,
    /// Those that the knowledge answers.
    pub answered: u64,
    /// The share of them.
    pub coverage: Option<f64>,
    /// Answered ones that were asked in a wording which went unanswered under a gap that is closed now, from the day on
    /// which the article that closed it was first published after the gap was seen.
    pub gained: u64,
    /// The share of demand that they make up.
    pub gain: Option<f64>,
}

/// Open gaps by their age since they were first seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AgeBands {
    /// Less than a day.
    pub day: u64,
    /// A day to a week.
    pub week: u64,
    /// A week to thirty days.
    pub month: u64,
    /// Thirty to ninety days.
    pub quarter: u64,
    /// Older.
    pub older: u64,
}

/// What is still open.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct OpenGaps {
    /// Gaps that are neither closed nor dismissed.
    pub open: u64,
    /// Gaps that are closed.
    pub closed: u64,
    /// Gaps that were dismissed.
    pub dismissed: u64,
    /// Questions filed under the open ones, since they were first seen.
    pub queries: u64,
    /// Sessions that asked them, each counted once a day.
    pub sessions: u64,
    /// By age.
    pub ages: AgeBands,
    /// Median age, in days.
    pub median_age_days: Option<f64>,
    /// Age of the oldest, in days.
    pub oldest_days: Option<f64>,
    /// Open gaps by why they are open.
    pub causes: BTreeMap<String, u64>,
}

/// How much of what is asked is answered.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CoverageReport {
    /// Space.
    pub space: SpaceId,
    /// First day, in UTC.
    pub from: Date,
    /// Last day, in UTC.
    pub to: Date,
    /// All of it.
    pub total: CoveragePoint,
    /// Piece by piece, without those in which nothing was asked.
    pub points: Vec<CoveragePoint>,
    /// What is still open, as of now.
    pub gaps: OpenGaps,
}
