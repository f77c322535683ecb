//! What classifying takes and gives: labelled examples, labels with probabilities.
//!
//! Invariant: the probabilities of all labels and of none of them add up to 1; only the most probable labels are shown.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::ClassifierName;
use crate::model::text::{Label, QueryText};

/// Most examples of a classifier.
pub const MAX_EXAMPLES: usize = 50_000;
/// Most examples that come with a request.
pub const MAX_EXAMPLES_INLINE: usize = 2_000;
/// Most texts of a request.
pub const MAX_TEXTS: usize = 100;
/// Most labels shown of a text.
pub const MAX_TOP: u32 = 50;

/// A text with what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelledExample {
    /// What was said.
    pub text: QueryText,
    /// What it is.
    pub label: Label,
}

/// Where the labels come from when a space's own knowledge is the teacher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LabelsFrom {
    /// Categories, taught by the titles and questions of their articles.
    Categories,
    /// Articles by their ids, taught by their titles and questions.
    Questions,
}

/// What the labels are learned from.
#[derive(Debug, Clone, PartialEq)]
pub enum Teacher {
    /// A classifier of the space.
    Named(ClassifierName),
    /// Examples that come with the request.
    Examples(Vec<LabelledExample>),
    /// What is live and the caller may see.
    Space(LabelsFrom),
}

/// Texts to classify.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassifyRequest {
    /// The texts.
    pub texts: Vec<QueryText>,
    /// What the labels are learned from.
    pub teacher: Teacher,
    /// Labels shown of each text.
    pub top: u32,
}

/// A label with its probability.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LabelShare {
    /// The label.
    pub label: String,
    /// Title of the article, where the labels are articles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Probability, in [0, 1].
    pub probability: f64,
}

/// What a text is taken for.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ClassifiedText {
    /// The most probable labels, best first.
    pub labels: Vec<LabelShare>,
    /// Probability that it is none of the labels, given that one text in five is.
    pub none: f64,
}

/// What the texts are taken for.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ClassifyResponse {
    /// One for each text, in order.
    pub results: Vec<ClassifiedText>,
    /// How many examples the labels were learned from.
    pub examples: u64,
    /// Whether there were examples enough to calibrate the probabilities.
    pub calibrated: bool,
    /// Time spent, in milliseconds.
    pub took_ms: f64,
}

/// A classifier of a space.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClassifierView {
    /// Its name.
    pub name: ClassifierName,
    /// Its labels, with how many examples each has.
    pub labels: Vec<LabelCount>,
    /// All examples.
    pub examples: u64,
    /// When the examples were written.
    pub updated_at: Timestamp,
}

/// A label and how many examples it has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LabelCount {
    /// The label.
    pub label: Label,
    /// Examples.
    pub examples: u64,
}
