//! Conversations from any channel: how they are handed in, what is kept of them, what is counted.
//!
//! Invariant: what is kept is masked, and who spoke is known by a hash only.

mod counts;
mod course;
mod overview;
mod read;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::counts::{ChannelCounts, DayCounts, Ended, FeedbackCounts, HourCounts, LiveCounts, SetAside};
pub use self::course::{in_course, replies};
pub use self::overview::{DayPoint, Feedback, Overview, Satisfaction};
pub use self::read::{Conversations, ReadConversation, TurnFault, read_conversation};
use crate::id::{ArticleId, QueryId};
use crate::model::analytics::Asked;
use crate::model::talk::{Reason, Role};
use crate::model::text::{Handle, TurnText};

/// Longest line of a body of conversations, in bytes.
pub const MAX_LINE: usize = 4 * 1024 * 1024;
/// Most turns of one session.
pub const MAX_TURNS: usize = 1_000;
/// Most errors listed in a report.
pub const MAX_ERRORS: usize = 1_000;

/// A conversation, or a part of one: turns may come late and in any order.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Conversation {
    /// Names the conversation; the same name goes on with the same conversation.
    pub session_id: Handle,
    /// Where it took place, such as `web`, `app`, `phone`, `mail`, `forum`.
    #[serde(default)]
    pub channel: Option<Handle>,
    /// The customer, where known; kept as a hash.
    #[serde(default)]
    pub customer_id: Option<Handle>,
    /// What the customer came in with, such as a device, an account or an API key; kept as a hash.
    #[serde(default)]
    pub key: Option<Handle>,
    /// What was said.
    #[serde(default)]
    pub turns: Vec<Turn>,
    /// Whether the matter was settled.
    #[serde(default)]
    pub resolved: Option<bool>,
    /// Whether a person had to take over.
    #[serde(default)]
    pub handed_off: Option<bool>,
    /// Customer satisfaction, 1 to 5.
    #[serde(default)]
    pub csat: Option<Csat>,
}

/// What somebody said at once.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// Its number in the conversation. In a list that numbers some of its turns the others have their place, from 1. In a
    /// list without numbers a turn is one that is there already where role, time and text agree; without times, where most
    /// of the list agrees with what was said before, or its beginning does; whatever else it holds comes behind what is
    /// there, in the order of time.
    #[serde(default)]
    pub turn: Option<u32>,
    /// Whether no turn of the list has a number of its own: this one's is then its place there.
    #[serde(skip)]
    pub placed: bool,
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub text: TurnText,
    /// When; now unless given. In a list without numbers of which other turns say when, that of the one before it.
    #[serde(default)]
    pub at: Option<Timestamp>,
}

/// Customer satisfaction, 1 to 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u8", into = "u8")]
pub struct Csat(#[schemars(range(min = 1, max = 5))] u8);

impl TryFrom<u8> for Csat {
    type Error = String;
    fn try_from(score: u8) -> Result<Self, String> {
        if (1..=5).contains(&score) { Ok(Self(score)) } else { Err(format!("it is 1 to 5, not {score}")) }
    }
}

impl From<Csat> for u8 {
    fn from(csat: Csat) -> u8 {
        csat.0
    }
}

/// A JSON body of conversations.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConversationBatch {
    /// The conversations.
    #[schemars(with = "Vec<Conversation>")]
    pub conversations: Vec<serde_json::Value>,
}

/// What is kept of a conversation besides its turns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Where it took place, masked.
    pub channel: Option<String>,
    /// Hash of the customer.
    pub customer: Option<String>,
    /// Hash of what the customer came in with.
    pub key: Option<String>,
    /// The day on which it is counted; it stays.
    pub day: Date,
    /// Its earliest turn.
    pub first_at: Timestamp,
    /// Its latest turn.
    pub last_at: Timestamp,
    /// Whether the matter was settled, as said last.
    pub resolved: Option<bool>,
    /// Whether a person had to take over, as said last.
    pub handed_off: Option<bool>,
    /// Customer satisfaction, as said last.
    pub csat: Option<Csat>,
    /// Its turns.
    pub turns: u32,
    /// Questions found in them.
    pub questions: u32,
    /// Records of those that were searched; the first [`MAX_QUERIES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queries: Vec<QueryId>,
    /// The last turn whose text was removed because its time was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emptied: Option<u32>,
    /// When the latest turn was said that was removed so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emptied_at: Option<Timestamp>,
    /// How many turns were.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub removed: u32,
    /// What was asked lately, to tell what is asked again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<Asked>,
    /// Articles that answered its questions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answered_by: Vec<AnsweredBy>,
    /// What is counted of it under no channel, by day: it moves once its channel is known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unplaced: BTreeMap<Date, ChannelCounts>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Which version of an article answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnsweredBy {
    /// Article.
    pub article: ArticleId,
    /// Version.
    pub version: u32,
    /// The satisfaction that is counted for it; older programs counted none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rated: Option<Csat>,
}

/// Most records of searched questions that a session remembers.
pub const MAX_QUERIES: usize = 50;
/// Satisfaction up to which a conversation failed.
pub const LOW_CSAT: u8 = 2;

impl Session {
    /// Whether the customer was dissatisfied.
    pub fn is_low_rated(&self) -> bool {
        self.csat.is_some_and(|csat| u8::from(csat) <= LOW_CSAT)
    }

    /// Counts something of it in its channel, or where no channel is known yet in such a way that it can move there.
    pub fn in_channel(&mut self, counts: &mut DayCounts, day: Date, count: impl Fn(&mut ChannelCounts)) {
        count(counts.channel(self.channel.as_deref()));
        if self.channel.is_none() {
            count(self.unplaced.entry(day).or_default());
        }
    }

    /// Whether what was said of it as a whole is counted in such a way that it can move to its channel; older programs
    /// counted it under no channel for good.
    pub fn can_move(&self, said: Ended) -> bool {
        let (rated, handed_off) = (u64::from(said.csat.is_some()), u64::from(said.handed_off == Some(true)));
        let counted = self.unplaced.get(&self.day).copied().unwrap_or_default();
        counted.csat_count >= rated && counted.handed_off >= handed_off
    }

    /// Remembers the record of a question.
    pub fn note_query(&mut self, id: &QueryId) {
        if self.queries.len() < MAX_QUERIES && !self.queries.contains(id) {
            self.queries.push(id.clone());
        }
    }
}

/// A turn as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredTurn {
    /// Who spoke.
    pub role: Role,
    /// What was said, masked.
    pub text: String,
    /// When.
    pub at: Timestamp,
    /// Why it was set aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_aside: Option<Reason>,
    /// Whether it came without a number: then its time says where it stands.
    #[serde(default, skip_serializing_if = "is_false")]
    pub placed: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// Questions of a turn that are still to be searched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pending {
    /// When they were asked.
    pub at: Timestamp,
    /// The questions, masked, each standing by itself; none where they were searched, and an agent's reply came later.
    pub questions: Vec<String>,
}

/// What came of a body of conversations.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct IntakeReport {
    /// Conversations of which something was taken in, or was there already.
    pub conversations: u64,
    /// Their turns.
    pub turns: TurnReport,
    /// Questions found in new turns.
    pub questions: u64,
    /// How much was refused: lines and turns.
    pub error_count: u64,
    /// Why; the first [`MAX_ERRORS`].
    pub errors: Vec<IntakeError>,
    /// Nothing was written: it was only tried.
    pub dry_run: bool,
}

/// What came of turns.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct TurnReport {
    /// New, and kept.
    pub accepted: u64,
    /// There already.
    pub unchanged: u64,
    /// Refused.
    pub rejected: u64,
    /// Of the accepted ones: counted, and not looked at further.
    pub set_aside: SetAside,
}

/// A line or a turn that was refused.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct IntakeError {
    /// Line of the body, or place in the list, from 1.
    pub line: u64,
    /// The turn, where it is only about that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn: Option<u32>,
    /// Why.
    pub reason: String,
}

impl IntakeReport {
    /// Notes that a line or a turn was refused, and with it this many turns.
    pub fn refuse(&mut self, line: u64, turn: Option<u32>, reason: String, turns: u64) {
        self.turns.rejected += turns;
        self.error_count += 1;
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(IntakeError { line, turn, reason });
        }
    }
}

/// The day of a moment, in UTC.
pub fn day_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}
