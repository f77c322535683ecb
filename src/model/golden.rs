//! A golden query: one of which an editor said which articles answer it, or that none does.
//!
//! Invariant: a space has one golden query of a normalised form; its expectations hold for one audience.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{ArticleId, GoldenId};
use crate::model::article::Audience;
use crate::model::text::{Note, QueryText};

/// Most articles that a golden query may expect.
pub const MAX_EXPECTED: usize = 20;
/// Most golden queries of a space.
pub const MAX_GOLDEN: usize = 10_000;
/// Most golden queries of one import.
pub const MAX_GOLDEN_IMPORT: usize = 1_000;

/// A golden query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Golden {
    /// Id, made of the normalised form of the query.
    pub id: GoldenId,
    /// What is asked.
    pub query: QueryText,
    /// Articles of which one must stand first; none means that the query must stay unmatched.
    pub articles: Vec<ArticleId>,
    /// For whom it is asked: the run sees what this audience sees.
    pub audience: Audience,
    /// Why it is here.
    pub note: Option<Note>,
    /// Who said so last.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What is said about a query.
#[derive(Debug, Clone, PartialEq)]
pub struct NewGolden {
    /// What is asked.
    pub query: QueryText,
    /// Articles of which one must stand first.
    pub articles: Vec<ArticleId>,
    /// For whom it is asked.
    pub audience: Audience,
    /// Why it is here.
    pub note: Option<Note>,
}

/// What an import of golden queries did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GoldenImport {
    /// New ones.
    pub added: usize,
    /// Those that say something else now.
    pub changed: usize,
    /// Those that say the same.
    pub unchanged: usize,
}

/// What came of one golden query.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct GoldenResult {
    /// The golden query.
    pub id: GoldenId,
    /// What was asked.
    pub query: QueryText,
    /// What must stand first.
    pub expected: Vec<ArticleId>,
    /// Whether it came out as expected: one of them first and matched, or nothing matched where nothing is expected.
    pub passed: bool,
    /// Place of the first expected article among the first ten, from 1.
    pub rank: Option<u32>,
    /// What stood first.
    pub first: Option<ArticleId>,
    /// Probability that it answers.
    pub confidence: f64,
    /// Whether it reached the space's threshold.
    pub matched: bool,
}

/// What came of all golden queries of a space.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct GoldenRun {
    /// Queries asked.
    pub queries: usize,
    /// Those that came out as expected.
    pub passed: usize,
    /// Mean reciprocal rank (at 10) of those that expect an article; absent without any.
    pub mrr: Option<f64>,
    /// Threshold that was in force.
    pub threshold: f64,
    /// One by one: failed ones first, then by query.
    pub items: Vec<GoldenResult>,
}
