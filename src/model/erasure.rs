//! The right to be forgotten: what is taken away of a session or a customer, and what stays.
//!
//! Invariant: no name stands in an erasure, only the hashes by which its rows are found.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{ArticleId, SpaceId};

/// What stays, for people.
pub const KEPT: &str = "Counts stay (by day and channel, and of gaps that others asked for): they are numbers and name \
                        nobody. Articles, golden queries and other texts of editors stay as well, whatever they were \
                        made of; the articles that drafts and links made of it are named.";

/// Whose data are to be taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErasureKind {
    /// One conversation.
    Session,
    /// Every conversation of a customer.
    Customer,
}

/// How much was taken away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Erased {
    /// Conversations.
    pub sessions: u64,
    /// Their turns.
    pub turns: u64,
    /// Turns among them whose questions were still to be searched.
    pub pending: u64,
    /// Records of searches, answers and questions.
    pub queries: u64,
    /// What was said about them.
    pub feedback: u64,
    /// Gaps that held nothing else.
    pub gaps: u64,
    /// Texts in gaps that nobody else asked.
    pub gap_texts: u64,
    /// Texts in figures and review tasks.
    pub figure_texts: u64,
    /// Words of the cloud that no other question of the day holds.
    pub words: u64,
    /// Answers kept for a repeat with the same `Idempotency-Key`.
    pub repeats: u64,
}

/// An article that was made of what is erased, in part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Concerned {
    /// Its space.
    pub space: SpaceId,
    /// The article.
    pub article_id: ArticleId,
    /// The version that is live, if any.
    pub live: Option<u32>,
    /// Versions that hold a question in words that nobody else used, or quote the conversation.
    pub versions: BTreeSet<u32>,
}

/// An erasure on its way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Erasure {
    /// Id, `er_…`.
    pub id: String,
    /// Whose.
    pub kind: ErasureKind,
    /// In each space the hash of the session or customer.
    pub of: Vec<(SpaceId, String)>,
    /// Who asked for it.
    pub actor: String,
    /// When.
    pub at: Timestamp,
    /// What is gone so far.
    pub erased: Erased,
    /// Articles that were made of it.
    #[serde(default)]
    pub articles: Vec<Concerned>,
}

/// What an erasure did.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ErasureReport {
    /// Names it in the audit log.
    pub erasure_id: String,
    /// Whose data were taken away.
    pub kind: ErasureKind,
    /// Spaces that were gone through.
    pub spaces: Vec<SpaceId>,
    /// How much.
    pub erased: Erased,
    /// Articles that hold some of it, made by draft or link and editors' to change: they stay as they are.
    pub articles: Vec<Concerned>,
    /// What stays.
    pub kept: String,
}
