//! What the use cases take and give beside the model: choices, lists, reports.
//!
//! Invariant: plain values; whoever holds one may do nothing with it that needs a permission.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::id::{ArticleId, ModelName, SpaceId};
use crate::model::article::{ArticleView, Language, Status};
use crate::model::text::Note;

/// How a write ends: the article now, shown at the version it concerns.
pub type Written = ArticleView;

/// Which version is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Wanted {
    /// The live one.
    Live,
    /// The newest one.
    Latest,
    /// This one.
    Number(u32),
    /// The one that was live then.
    AsOf(Timestamp),
}

/// Which articles a list shows, and how.
#[derive(Debug, Clone, Default)]
pub struct ArticleQuery {
    /// Only in this state.
    pub status: Option<Status>,
    /// Only in or under this category.
    pub category: Option<String>,
    /// Only with this tag.
    pub tag: Option<String>,
    /// Only of this owner.
    pub owner: Option<String>,
    /// Only in this language.
    pub language: Option<Language>,
    /// Only due for review before.
    pub review_due_before: Option<Timestamp>,
    /// Only with these words in title or id (substring, folded).
    pub q: Option<String>,
    /// Order.
    pub sort: ArticleSort,
    /// Items of the page, 1 to `MAX_PAGE`.
    pub limit: usize,
    /// Where to read on.
    pub cursor: Option<String>,
}

/// Order of a list of articles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ArticleSort {
    /// By id.
    #[default]
    Id,
    /// Latest change first.
    UpdatedDesc,
    /// First created first.
    CreatedAsc,
    /// By title.
    Title,
    /// Review due first.
    ReviewDueAsc,
}

/// What a version's list entry shows.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct VersionSummary {
    /// 1, 2, 3 …
    pub version: u32,
    /// Title.
    pub title: String,
    /// Why.
    pub note: Option<Note>,
    /// Who.
    pub author: String,
    /// When.
    pub created_at: Timestamp,
    /// Whether it is live now.
    pub live: bool,
}

/// Feedback to record.
#[derive(Debug, Clone, Default)]
pub struct NewFeedback {
    /// Whether it helped.
    pub helpful: Option<bool>,
    /// 1 to 5.
    pub csat: Option<u8>,
    /// 1 to 7.
    pub ces: Option<u8>,
    /// The article meant.
    pub article_id: Option<ArticleId>,
    /// In words; masked before it is kept.
    pub comment: Option<String>,
    /// Whether the customer opened the article; false takes back that they opened one.
    pub clicked: Option<bool>,
}

/// What the store and the index say about each other.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct VerifyReport {
    /// Space.
    pub space: SpaceId,
    /// Articles in the store.
    pub articles: u64,
    /// Articles that are live in the store.
    pub live: u64,
    /// Documents in the live index.
    pub indexed: u64,
    /// Articles still waiting for the index.
    pub pending: u64,
    /// What differs, one line a difference; empty when all is well.
    pub differences: Vec<String>,
}

/// Figures of a space for operators.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SpaceStats {
    /// Space.
    pub space: SpaceId,
    /// Articles in the store.
    pub articles: u64,
    /// Documents in the live index.
    pub documents: u64,
    /// Passages in the live index.
    pub passages: u64,
    /// Documents in the history index.
    pub history_documents: u64,
    /// Articles waiting for the index.
    pub pending: u64,
    /// Whether a new index is being built; the old one serves until then.
    pub rebuilding: bool,
    /// Articles that are found by words alone, until their vectors are made.
    pub without_vectors: u64,
    /// Embedding model that the index in use was made with.
    pub model: ModelName,
    /// Names that model and everything that changes its vectors.
    pub model_id: String,
    /// The model that is to take its place, where it is another one.
    pub next_model: Option<ModelName>,
    /// Why the model that is wanted cannot be used, where it cannot.
    pub model_problem: Option<String>,
}

/// What was stored for an idempotency key.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct StoredResponse {
    /// Status code as the caller of the store understands it.
    pub status: u16,
    /// Headers to repeat.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: String,
}
