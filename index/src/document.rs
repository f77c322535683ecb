//! What is indexed: a document with its fields, and the passages cut from it.
//!
//! Invariant: a passage's number is `document << 16 | ordinal`, and a document's number is never used twice.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::dense::Code;

/// Most passages of one document: the ordinal has 16 bits.
pub const MAX_PASSAGES: usize = 1 << 16;

/// A version of something, as it is or was live. Times are milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Id, stable over versions.
    pub id: String,
    /// Version.
    pub version: u32,
    /// Title.
    pub title: String,
    /// Body, in Markdown.
    pub body: String,
    /// Ways in which it is asked for.
    pub questions: Vec<String>,
    /// Questions like its own that it does not answer.
    pub negative_questions: Vec<String>,
    /// Category, a path such as `售后/退货`.
    pub category: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// Who may see it.
    pub audience: String,
    /// Language.
    pub language: String,
    /// Strings and numbers by name.
    pub attributes: BTreeMap<String, Attribute>,
    /// Live since.
    pub from: i64,
    /// Live until; absent while nothing ends it.
    pub until: Option<i64>,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Attribute {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

/// A time during which a version was live: `[from, until)` in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Interval {
    /// Version.
    pub version: u32,
    /// From.
    pub from: i64,
    /// Until; absent while nothing ends it.
    pub until: Option<i64>,
}

/// What the index must do for one id.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The id.
    pub id: String,
    /// What becomes of the live document.
    pub live: LiveChange,
    /// Past versions to add to the history; each has an `until`.
    pub add_history: Vec<Document>,
    /// Past versions to take out of the history.
    pub remove_history: Vec<Interval>,
}

/// What becomes of the live document of an id.
#[derive(Debug, Clone, PartialEq)]
pub enum LiveChange {
    /// It stays as it is.
    Keep,
    /// This one takes its place.
    Set(Box<Document>),
    /// It leaves.
    Remove,
}

/// What the index holds for an id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The live version.
    pub live: Option<Interval>,
    /// Past versions.
    pub history: Vec<Interval>,
}

/// Names of the text fields, in the order of [`Record::lengths`].
pub const TEXT_FIELDS: [&str; FIELD_COUNT] = ["title", "questions", "headings", "body", "grams"];
/// How many text fields there are.
pub const FIELD_COUNT: usize = 5;

/// What is kept in memory of an indexed document: everything filters, facets and hits need, but not its text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Id.
    pub id: String,
    /// Version.
    pub version: u32,
    /// Title.
    pub title: String,
    /// Questions.
    pub questions: Vec<String>,
    /// Category.
    pub category: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// Audience.
    pub audience: String,
    /// Language.
    pub language: String,
    /// Attributes.
    pub attributes: BTreeMap<String, Attribute>,
    /// Live since, in milliseconds.
    pub from: i64,
    /// Live until, in milliseconds.
    pub until: Option<i64>,
    /// Passages cut from the body; the ordinals after them are questions.
    pub chunks: u32,
    /// All passages.
    pub passages: u32,
    /// Questions that it does not answer; they are kept beside its first passage, and are none themselves.
    pub negatives: u32,
    /// Tokens by text field, over all passages.
    pub lengths: [u32; FIELD_COUNT],
    /// Passages that have the text field at all.
    pub present: [u32; FIELD_COUNT],
}

impl Record {
    /// Whether it was live at that moment (milliseconds).
    pub fn covers(&self, at: i64) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }

    pub(crate) fn interval(&self) -> Interval {
        Interval { version: self.version, from: self.from, until: self.until }
    }
}

/// A passage as it is stored beside its postings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredPassage {
    /// The document, on its first passage only.
    pub record: Option<Record>,
    /// What the document does not answer, on its first passage only.
    pub negatives: Vec<Negative>,
    /// Which question it is, where it is one.
    pub question: Option<u32>,
    /// Headings above it.
    pub heading: Vec<String>,
    /// Its text.
    pub text: String,
    /// Where it begins in the body, in Unicode scalars.
    pub start: u32,
    /// Where it ends.
    pub end: u32,
    /// Its vector, where there is one.
    pub code: Option<Code>,
}

impl StoredPassage {
    /// Whether something of it has no vector yet.
    pub fn is_waiting(&self) -> bool {
        self.code.is_none() || self.negatives.iter().any(|negative| negative.code.is_none())
    }
}

/// A question that its document does not answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Negative {
    /// As it was written.
    pub text: String,
    /// Its vector, where there is one.
    pub code: Option<Code>,
}

pub(crate) fn passage_id(document: u32, ordinal: u32) -> u64 {
    u64::from(document) << 16 | u64::from(ordinal & 0xffff)
}

pub(crate) fn document_of(passage: u64) -> u32 {
    (passage >> 16) as u32
}

pub(crate) fn ordinal_of(passage: u64) -> u32 {
    (passage & 0xffff) as u32
}
