//! What are the terms of an index and of a query?
//! Invariant: terms are matching forms, offsets count bytes of the original text.

use serde::{Deserialize, Serialize};

/// A word that a space adds to the dictionary.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UserWord {
    /// The word, in any spelling that folds to the same form.
    pub word: String,
    /// How often it occurs, on jieba's scale; high enough to be cut as one word when absent.
    #[serde(default)]
    pub frequency: Option<usize>,
}

/// What a token of the index is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TokenKind {
    /// A word, stemmed when English, or a part of one.
    Word,
    /// Two neighbouring characters, or the last one of its run alone.
    Gram,
}

/// A term at a place of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The matching form.
    pub term: String,
    /// Word or bigram.
    pub kind: TokenKind,
    /// Counts within a kind; parts of a word share the position of the whole.
    pub position: u32,
    /// First byte in the original text.
    pub start: usize,
    /// Byte after the last one in the original text.
    pub end: usize,
}

/// A distinct term of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryTerm {
    /// The matching form.
    pub term: String,
    /// How it is looked up.
    pub kind: QueryKind,
    /// How often the query holds it, at least 1.
    pub count: u32,
    /// Whether it is a function word, to be weighed down.
    pub stop: bool,
}

/// How a term of a query is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum QueryKind {
    /// Equal to a word token.
    Word,
    /// Equal to a bigram token.
    Gram,
    /// A single character: the beginning of a bigram token, or equal to one.
    GramPrefix,
}
