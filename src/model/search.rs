//! What a search asks and what it gives.
//!
//! Invariant: a score or confidence in these types is a probability in [0, 1], never a raw engine score.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{ArticleId, QueryId};
use crate::model::article::{Audience, Language};
use crate::model::text::{Handle, QueryText};

/// Most hits of one search.
pub const MAX_LIMIT: u32 = 100;
/// Deepest offset.
pub const MAX_OFFSET: u32 = 1_000;
/// Most facet fields of one search.
pub const MAX_FACETS: usize = 10;
/// Most searches of one batch.
pub const MAX_BATCH: usize = 100;
/// Up to here `total` counts.
pub const MAX_TOTAL: u64 = 1_000;

/// Which lists take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Words and meaning together.
    #[default]
    Hybrid,
    /// Words only.
    Keyword,
    /// Meaning only.
    Semantic,
}

/// A search, parsed. `F` is the engine's filter tree; the model need not know it.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchRequest<F> {
    /// What is asked.
    pub query: QueryText,
    /// Hits wanted, 1 to [`MAX_LIMIT`].
    pub limit: u32,
    /// Hits to pass over.
    pub offset: u32,
    /// Lists.
    pub mode: Mode,
    /// Filter.
    pub filters: Option<F>,
    /// Search what was live at that moment.
    pub as_of: Option<Timestamp>,
    /// Fields to count matching articles by.
    pub facets: Vec<String>,
    /// Say why.
    pub explain: bool,
    /// Where it comes from.
    pub channel: Option<Handle>,
    /// Conversation it belongs to.
    pub conversation_id: Option<Handle>,
    /// Whether to keep a record of it.
    pub log: bool,
    /// Whether the space's reranker may order the best hits anew.
    pub rerank: bool,
}

impl<F> SearchRequest<F> {
    /// Asks for the first hit and nothing else, and leaves no record.
    pub fn first_of(query: QueryText) -> Self {
        Self {
            query,
            limit: 1,
            offset: 0,
            mode: Mode::Hybrid,
            filters: None,
            as_of: None,
            facets: Vec::new(),
            explain: false,
            channel: None,
            conversation_id: None,
            log: false,
            rerank: false,
        }
    }
}

/// What a search gives.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SearchResponse {
    /// Names the record of this search, for feedback.
    pub query_id: QueryId,
    /// Probability that the best hit answers the query.
    pub confidence: f64,
    /// `confidence` reaches the space's threshold.
    pub matched: bool,
    /// Language of the query.
    pub language: Language,
    /// One hit per article, best first.
    pub hits: Vec<Hit>,
    /// Matching articles, counted up to 1,000.
    pub total: u64,
    /// Per facet field: matching articles by value.
    pub facets: BTreeMap<String, BTreeMap<String, u64>>,
    /// The query that was really used, where it was corrected.
    pub corrected_query: Option<String>,
    /// Parts of the engine that were missing, such as `semantic`; empty when all is well.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub degraded: Vec<String>,
    /// Time spent, in milliseconds.
    pub took_ms: f64,
}

/// An article that may answer, by its best passage.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Hit {
    /// Article.
    pub article_id: ArticleId,
    /// The version searched.
    pub version: u32,
    /// Title.
    pub title: String,
    /// Category.
    pub category: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// Language.
    pub language: Language,
    /// Audience.
    pub audience: Audience,
    /// Address of the article on the portal: its attribute `url`, where it has one.
    pub url: Option<String>,
    /// Probability that this hit answers the query.
    pub score: f64,
    /// The known question that matched, where one did.
    pub matched_question: Option<String>,
    /// The passage.
    pub passage: PassageView,
    /// Why this hit stands here, when asked for.
    pub explain: Option<serde_json::Value>,
}

/// A passage of a version.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PassageView {
    /// Headings above it, outermost first.
    pub heading: Vec<String>,
    /// Its text: `body[start..end]` in Unicode scalars.
    pub text: String,
    /// A window of it as HTML, matches in `<mark>`, everything else escaped.
    pub html: String,
    /// Where it begins in the body, in Unicode scalars.
    pub start: u64,
    /// Where it ends.
    pub end: u64,
}

/// A completion offered while typing.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Suggestion {
    /// The title or question.
    pub text: String,
    /// The article it leads to.
    pub article_id: ArticleId,
    /// Title of that article.
    pub title: String,
    /// Whether `text` is a title or one of the known questions.
    pub kind: SuggestionKind,
}

/// What a suggestion completes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuggestionKind {
    /// A title.
    Title,
    /// A known question.
    Question,
}

/// Completions, best first.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SuggestResponse {
    /// The completions.
    pub suggestions: Vec<Suggestion>,
    /// Time spent, in milliseconds.
    pub took_ms: f64,
}

/// Articles that say nearly the same as a text or an article.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SimilarResponse {
    /// Near articles and known questions, nearest first.
    pub hits: Vec<Hit>,
    /// Time spent, in milliseconds.
    pub took_ms: f64,
}
