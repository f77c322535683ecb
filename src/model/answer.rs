//! What an answer is, and what it rests on.
//!
//! Invariant: an answer without citations does not exist; a quote is a literal piece of the cited version's body.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{ArticleId, GapId, QueryId};
use crate::model::article::Language;
use crate::model::text::{Handle, LongText, QueryText};

/// Most earlier turns of a conversation that are read.
pub const MAX_HISTORY: usize = 50;

/// A question, parsed. `F` is the engine's filter tree.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerRequest<F> {
    /// What is asked.
    pub question: QueryText,
    /// Conversation it belongs to.
    pub conversation_id: Option<Handle>,
    /// What the customer said before in this conversation, oldest first.
    pub history: Vec<LongText>,
    /// Where it comes from.
    pub channel: Option<Handle>,
    /// Filter.
    pub filters: Option<F>,
    /// Whether the space's reranker may order the best hits anew.
    pub rerank: bool,
}

/// How an answer came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnswerStatus {
    /// There is an answer, with its sources.
    Answered,
    /// The question has several readings: `clarify.options` has them.
    Clarify,
    /// Nothing reaches the threshold.
    Unanswered,
}

/// Why a person should take over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HandoffReason {
    /// Nothing reaches the threshold.
    LowConfidence,
    /// The customer asked for a person.
    AskedForPerson,
    /// The same question came again in this conversation.
    RepeatedQuestion,
    /// The customer is upset.
    NegativeSentiment,
    /// A subject that a person should handle, such as harm, fraud or the law.
    SensitiveTopic,
    /// Something that is not the customer's to know or to do.
    RestrictedContent,
}

/// An answer, or the plain word that there is none.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AnswerResponse {
    /// Names the record of this answer, for feedback.
    pub answer_id: QueryId,
    /// How it came out.
    pub status: AnswerStatus,
    /// Probability that the best passage answers the question.
    pub confidence: f64,
    /// The answer; absent when there is none.
    pub answer: Option<AnswerText>,
    /// What it rests on.
    pub citations: Vec<Citation>,
    /// Readings to choose from, where the question has several.
    pub clarify: Option<Clarify>,
    /// Whether a person should take over, and why.
    pub handoff: Handoff,
    /// The question as it was understood.
    pub interpreted_question: String,
    /// The gap an unanswered question was filed under.
    pub gap_id: Option<GapId>,
    /// Parts of the engine that were missing; empty when all is well.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub degraded: Vec<String>,
    /// Time spent, in milliseconds.
    pub took_ms: f64,
}

/// The words of an answer; `[1]` points at citation 1.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AnswerText {
    /// As Markdown, with citation marks.
    pub text: String,
    /// As safe HTML.
    pub html: String,
    /// Language.
    pub language: Language,
    /// Whether a language model worded it.
    pub generated: bool,
}

/// A source of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Citation {
    /// 1, 2 … as marked in the text.
    pub index: u32,
    /// Article.
    pub article_id: ArticleId,
    /// Version.
    pub version: u32,
    /// Title.
    pub title: String,
    /// Headings above the quote.
    pub heading: Vec<String>,
    /// Literal piece of the version's body.
    pub quote: String,
    /// Where it begins in the body, in Unicode scalars.
    pub start: u64,
    /// Where it ends.
    pub end: u64,
    /// Address on the portal.
    pub url: Option<String>,
}

/// Readings of a question.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Clarify {
    /// The readings: titles or known questions, best first, each a question to ask instead.
    pub options: Vec<String>,
}

/// Whether a person should take over.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Handoff {
    /// Whether.
    pub recommended: bool,
    /// Why.
    pub reasons: Vec<HandoffReason>,
}
