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
    /// Nobody has worked on it, or what was published does not answer enough of its questions.
    Open,
    /// An article is being written for it.
    Drafting,
    /// That article waits for review.
    AwaitingReview,
    /// An article was published, and its own questions, asked again, are answered.
    Closed,
    /// It was closed, and its questions are no longer answered.
    Reopened,
    /// Set aside by an editor.
    Dismissed,
}

/// One of a gap's questions asked again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Asked {
    /// Whether something answered.
    pub matched: bool,
    /// Probability that the best hit answers.
    pub confidence: f64,
    /// The best hit's article.
    pub article_id: Option<ArticleId>,
}

/// A question before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Replayed {
    /// The question, masked.
    pub question: String,
    /// As the knowledge stood just before the publication.
    pub before: Asked,
    /// As it stands with it.
    pub after: Asked,
}

/// The change that stands behind a result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// The article that changed.
    pub article_id: ArticleId,
    /// What happened: `published`, `unpublished`, `archived` or `removed`.
    pub change: String,
    /// The version that is live now, where one is.
    pub version: Option<u32>,
    /// Who did it.
    pub by: Option<String>,
    /// When.
    pub at: Option<Timestamp>,
}

/// Proof that a gap's questions are answered, or are not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verification {
    /// When the questions were asked again.
    pub at: Timestamp,
    /// The article that was to answer them.
    pub article_id: ArticleId,
    /// Its version that was live.
    pub version: Option<u32>,
    /// Sequence number of that version's publication.
    pub publication: Option<u32>,
    /// Share of the questions that are answered, in [0, 1].
    pub share: f64,
    /// The share that is needed.
    pub bar: f64,
    /// Whether it is reached.
    pub passed: bool,
    /// Question by question.
    pub questions: Vec<Replayed>,
    /// What made answered questions unanswered, where that can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// What an editor might do about a gap.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Suggestion {
    /// `new_article`, or `link` where an article stands near enough to be meant.
    pub action: SuggestedAction,
    /// The article to link, for `link`.
    pub article_id: Option<ArticleId>,
    /// Title of a new article.
    pub title: String,
    /// Category, that of the nearest article.
    pub category: Option<String>,
    /// Questions it should answer.
    pub questions: Vec<String>,
}

/// What may be done about a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuggestedAction {
    /// Write an article.
    NewArticle,
    /// Add the questions to an article that is there.
    Link,
}

/// What came of asking gaps' questions again.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ReplayReport {
    /// Gaps whose questions were asked.
    pub replayed: u64,
    /// Gaps that were closed by it.
    pub closed: Vec<GapId>,
    /// Gaps that were opened again by it.
    pub reopened: Vec<GapId>,
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
    /// The article that is to answer it.
    #[serde(default)]
    pub article_id: Option<ArticleId>,
    /// What came of asking its questions again.
    #[serde(default)]
    pub verification: Option<Verification>,
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
    /// What might be done; absent once something is.
    pub suggested: Option<Suggestion>,
    /// The article that is to answer it.
    pub article_id: Option<ArticleId>,
    /// What came of asking its questions again.
    pub verification: Option<Verification>,
}
