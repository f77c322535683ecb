//! What could not be answered: a group of questions that asks for an article.
//!
//! Invariant: holds masked text only, and no article outside the reader's audience is named in a view.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{ArticleId, GapId, SpaceId};
use crate::model::article::Language;

/// Most example questions kept with a gap.
pub const MAX_EXAMPLES: usize = 20;

/// Where a gap stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GapStatus {
    /// Nobody has worked on it.
    Open,
    /// Set aside by an editor.
    Dismissed,
}

/// Questions of one normalised form that nothing answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// Id.
    pub id: GapId,
    /// Space.
    pub space: SpaceId,
    /// The normalised form that gathers its questions.
    pub form: String,
    /// The question as first asked, masked.
    pub label: String,
    /// Where it stands.
    pub status: GapStatus,
    /// Language of the first question.
    pub language: Language,
    /// How often it was asked.
    pub queries: u64,
    /// When first.
    pub first_seen: Timestamp,
    /// When last.
    pub last_seen: Timestamp,
    /// Different wordings, masked.
    pub examples: Vec<String>,
    /// Articles that stood nearest at the last time.
    pub nearest: Vec<NearArticle>,
}

/// An article near a gap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NearArticle {
    /// Article.
    pub article_id: ArticleId,
    /// Its title.
    pub title: String,
    /// Score in [0, 1].
    pub score: f64,
}

/// A gap as callers see it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct GapView {
    /// Id.
    pub id: GapId,
    /// The clearest question.
    pub label: String,
    /// Where it stands.
    pub status: GapStatus,
    /// Language.
    pub language: Language,
    /// How often it was asked.
    pub queries: u64,
    /// When first.
    pub first_seen: Timestamp,
    /// When last.
    pub last_seen: Timestamp,
    /// Different wordings.
    pub examples: Vec<String>,
    /// Articles that stand nearest, of those the reader may see.
    pub nearest: Vec<NearArticle>,
}
