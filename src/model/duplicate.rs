//! What says the same twice: two articles, or an article and what is about to be written.
//!
//! Invariant: likeness is in [0, 1], and from which on it counts was measured; the constants say how.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::ArticleId;
use crate::model::article::Language;

/// Likeness from which two articles in one language are shown as copies of each other.
pub const COPY: f64 = 0.85;
/// The same for two languages, whose vectors lie further apart.
pub const TRANSLATION: f64 = 0.7;
/// Cosine from which two questions count as asking the same.
pub const SAME_QUESTION: f64 = 0.85;
/// Most pairs of a list.
pub const MAX_PAIRS: u32 = 500;

/// How two articles say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DuplicateKind {
    /// In the same language.
    Copy,
    /// In two languages, as is often meant to be.
    Translation,
}

impl DuplicateKind {
    /// Likeness from which it is one.
    pub fn bar(self) -> f64 {
        match self {
            Self::Copy => COPY,
            Self::Translation => TRANSLATION,
        }
    }
}

/// An article of a pair.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PairedArticle {
    /// Article.
    pub article_id: ArticleId,
    /// The live version.
    pub version: u32,
    /// Its title.
    pub title: String,
    /// Its language.
    pub language: Language,
    /// Its category.
    pub category: Option<String>,
}

/// Two live articles that say the same.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DuplicatePair {
    /// How.
    pub kind: DuplicateKind,
    /// How alike they are, in [0, 1]: the mean of their passages' best cosines, both ways.
    pub likeness: f64,
    /// The one.
    pub one: PairedArticle,
    /// The other.
    pub other: PairedArticle,
}
