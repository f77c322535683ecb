//! What says the same twice: two articles, or an article and what is about to be written.
//!
//! Invariant: likeness is in [0, 1], and from which on it counts was measured; the constants say how.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::ArticleId;
use crate::model::article::Language;

/// Likeness from which two articles in one language are shown as copies of each other.
///
/// Measured by `cargo run -p zhiyin-index --example eval_duplicates`, with the bundled model: of copies with a third of
/// their sentences left out, 0.94 are found with precision 1.00 in the sample knowledge (0.65: 1.00 and 0.59), and 0.95 in
/// 689 pages of the Dify documentation, which repeats itself (precision 0.22 there: its pages for kinds of applications
/// are copies too, and nobody labelled them).
pub const COPY: f64 = 0.75;
/// The same for two languages, whose vectors lie further apart: recall 1.00 at precision 1.00 in the sample knowledge,
/// 0.97 at 0.53 in the Dify documentation.
pub const TRANSLATION: f64 = 0.6;
/// Sameness (`Index::sameness`) from which two questions count as asking the same: precision 0.89 on 20,019 pairs of bank
/// customers' questions (`webank_pairs`, half of which ask the same), at a recall of 0.10; by cosine it was 0.05 at that
/// precision. It stops an editor, so it must seldom be wrong.
pub const SAME_QUESTION: f64 = 0.7;
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
