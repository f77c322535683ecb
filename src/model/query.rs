//! What is remembered of a search or an answer, and what people said about it.
//!
//! Invariant: text in a record is masked; the original is never written.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{ArticleId, GapId, QueryId, SpaceId};
use crate::model::answer::HandoffReason;
use crate::model::article::Language;

/// How a query came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QueryKind {
    /// `search`.
    Search,
    /// `answer`.
    Answer,
    /// A question found in a conversation that was handed in.
    Interaction,
}

/// One search or answer on record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QueryRecord {
    /// Id, `q_…` or `a_…`.
    pub id: QueryId,
    /// Space.
    pub space: SpaceId,
    /// When.
    pub at: Timestamp,
    /// Search or answer.
    pub kind: QueryKind,
    /// What was asked, masked.
    pub query: String,
    /// Language of the query.
    pub language: Language,
    /// Where it came from, as the caller named it.
    pub channel: Option<String>,
    /// Conversation, as the caller named it.
    pub conversation_id: Option<String>,
    /// Hash of the conversation, by which it is found when it is to be erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Whether something answered.
    pub matched: bool,
    /// Confidence in [0, 1].
    pub confidence: f64,
    /// The best hit, if any.
    pub top: Option<RecordedHit>,
    /// The gap it was filed under.
    pub gap_id: Option<GapId>,
    /// Whether a part of the engine was missing.
    pub degraded: bool,
    /// Why a person should have taken over, where one should.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handoff: Vec<HandoffReason>,
}

impl QueryRecord {
    /// Whether a hand-off says something about the article that answered: the customer asked again, or was upset.
    pub fn blames_article(&self) -> bool {
        let blames = |reason| matches!(reason, HandoffReason::RepeatedQuestion | HandoffReason::NegativeSentiment);
        self.matched && self.handoff.iter().copied().any(blames)
    }

    /// The article that feedback is about, and its version: the one that is named, or else the one that answered. An article
    /// that was not given as an answer is not to blame.
    pub fn concerned(&self, named: Option<&ArticleId>) -> Option<(ArticleId, Option<u32>)> {
        let top = self.top.as_ref().filter(|_| self.matched);
        match named {
            Some(named) => Some((named.clone(), top.filter(|top| top.article_id == *named).map(|top| top.version))),
            None => top.map(|top| (top.article_id.clone(), Some(top.version))),
        }
    }
}

/// Which version stood first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedHit {
    /// Article.
    pub article_id: ArticleId,
    /// Version.
    pub version: u32,
    /// Its score.
    pub score: f64,
}

/// What somebody said about an answer or a search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FeedbackRecord {
    /// The answer or query.
    pub about: QueryId,
    /// Space of it.
    pub space: SpaceId,
    /// When it was said last.
    pub at: Timestamp,
    /// Whether it helped.
    pub helpful: Option<bool>,
    /// Customer satisfaction, 1 to 5.
    pub csat: Option<u8>,
    /// Customer effort, 1 to 7.
    pub ces: Option<u8>,
    /// The article meant.
    pub article_id: Option<ArticleId>,
    /// In words, masked.
    pub comment: Option<String>,
    /// The article that was opened last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clicked: Option<Clicked>,
}

/// An article that was opened out of what a query gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Clicked {
    /// Article.
    pub article_id: ArticleId,
    /// Whether it was rated low then.
    pub let_down: bool,
}

impl FeedbackRecord {
    /// The article of which the customer showed that it answers: opened and not rated low, or said to help.
    pub fn shown_to_answer(&self) -> Option<&ArticleId> {
        let helped = || self.article_id.as_ref().filter(|_| self.helpful == Some(true));
        self.clicked.as_ref().filter(|clicked| !clicked.let_down).map(|clicked| &clicked.article_id).or_else(helped)
    }
}
