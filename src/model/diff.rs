//! What changed between two versions: by line and, within lines, by word.
//!
//! Invariant: the unchanged and removed pieces together are the old text, the unchanged and added ones the new.

use schemars::JsonSchema;
use serde::Serialize;

/// How two versions differ.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Diff {
    /// The older version.
    pub from: u32,
    /// The newer version.
    pub to: u32,
    /// Fields other than the body that differ, with their values as JSON.
    pub fields: Vec<FieldChange>,
    /// The body, line by line.
    pub body: Vec<LineChange>,
}

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FieldChange {
    /// Name of the field.
    pub field: String,
    /// Value in the older version.
    pub from: serde_json::Value,
    /// Value in the newer version.
    pub to: serde_json::Value,
}

/// What happened to a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// In both.
    Same,
    /// Only in the older.
    Removed,
    /// Only in the newer.
    Added,
}

/// A line of the body.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LineChange {
    /// What happened to the line.
    pub change: Change,
    /// The line, without its end.
    pub text: String,
    /// Its pieces by word, where it was changed rather than removed or added whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<WordChange>,
}

/// A piece of a changed line.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct WordChange {
    /// What happened to it.
    pub change: Change,
    /// The piece.
    pub text: String,
}
