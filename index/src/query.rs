//! What is asked of the engine, and what it gives.
//!
//! Invariant: plain values with public fields; any of them may be made by hand.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::document::Record;
use crate::filter::Filter;
use crate::rewrite::synonyms::Synonyms;

/// Up to here matching documents are counted.
pub const MAX_TOTAL: usize = 1_000;

/// Which lists take part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Words and vectors.
    #[default]
    Hybrid,
    /// Words only.
    Keyword,
    /// Vectors only.
    Semantic,
}

/// What is asked.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// The question or text.
    pub text: String,
    /// Lists.
    pub mode: Mode,
    /// Hits wanted.
    pub limit: usize,
    /// Hits to pass over.
    pub offset: usize,
    /// What documents must pass.
    pub filter: Option<Filter>,
    /// Search what was live then, in milliseconds since the epoch.
    pub as_of: Option<i64>,
    /// Fields to count matching documents by: `category`, `tags`, `audience`, `language`, `attributes.<name>`.
    pub facets: Vec<String>,
    /// Say why.
    pub explain: bool,
    /// Leave this id out.
    pub without: Option<String>,
    /// Take every word as it is written: no corrections.
    pub exact: bool,
    /// The space's synonyms.
    pub synonyms: Option<Arc<Synonyms>>,
}

impl Query {
    /// Ten hybrid hits for a text.
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), limit: 10, ..Self::default() }
    }
}

/// A passage of a hit.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    /// Headings above it.
    pub heading: Vec<String>,
    /// Its text, a piece of the body.
    pub text: String,
    /// A window of it as HTML, matches in `<mark>`.
    pub html: String,
    /// Where it begins in the body, in Unicode scalars.
    pub start: u32,
    /// Where it ends.
    pub end: u32,
}

/// A document that may answer.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The document.
    pub record: Arc<Record>,
    /// Probability that it answers, in [0, 1].
    pub score: f32,
    /// What it was ordered by; comparable within one search only.
    pub relevance: f32,
    /// How much speaks against it: the query is nearer to a question that it does not answer; in [0, 1].
    pub against: f32,
    /// The known question that matched best, where a question did.
    pub matched_question: Option<String>,
    /// Its best passage of the body.
    pub passage: Passage,
    /// Why, when asked for.
    pub explain: Option<serde_json::Value>,
}

/// What a search gives.
#[derive(Debug, Clone, Default)]
pub struct Results {
    /// Best first, one per document.
    pub hits: Vec<Hit>,
    /// Probability that the best hit answers; 0 without hits.
    pub confidence: f32,
    /// Matching documents, counted up to [`MAX_TOTAL`].
    pub total: usize,
    /// Matching documents by value.
    pub facets: BTreeMap<String, BTreeMap<String, u64>>,
    /// The query as it was understood, where the best hit was found by a correction of it.
    pub corrected_query: Option<String>,
    /// Lists that should have taken part and could not.
    pub degraded: Vec<&'static str>,
}
