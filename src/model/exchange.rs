//! How knowledge travels: an article with all its versions and publications as one line of NDJSON.
//!
//! Invariant: what `export` writes, `import` reads back to the same knowledge, byte for byte when exported again.

mod fields;
mod history;
mod markdown;
mod rows;
mod table;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::history::write_history;
pub use self::markdown::{escape_line, read_markdown, separator, unescape_line, write_document, write_markdown};
pub(super) use self::rows::Lines;
pub use self::rows::{ReadRow, Rows};
use crate::error::FieldError;
use crate::id::{ArticleId, SpaceId};
use crate::model::article::{Content, Publication};
use crate::model::text::Note;

/// Longest row of an import, in bytes.
pub const MAX_ROW: usize = 4 * 1024 * 1024;

/// A row of an import that gives one article as it should be now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Id; made by the server unless given.
    pub id: Option<ArticleId>,
    /// The space it says it is for; it may only repeat the one it is imported into.
    pub space: Option<SpaceId>,
    /// Content of the version to save.
    pub content: Content,
    /// Why.
    pub note: Option<Note>,
}

/// A whole history, as `export` writes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// Id.
    pub id: ArticleId,
    /// Every version, oldest first.
    pub versions: Vec<HistoryVersion>,
    /// Every publication, oldest first; the last one may be open.
    #[serde(default)]
    pub publications: Vec<Publication>,
    /// Put away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub archived: bool,
    /// When it was last found to be still true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Timestamp>,
    /// When it should be looked at again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_due_at: Option<Timestamp>,
    /// A publication that waits for its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<crate::model::article::Schedule>,
    /// The latest word of review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<crate::model::article::Review>,
}

/// A version within a [`History`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryVersion {
    /// 1, 2, 3 …
    pub version: u32,
    /// Who wrote it.
    pub author: String,
    /// When it was saved.
    pub created_at: Timestamp,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
    /// What was written.
    #[serde(flatten)]
    pub content: Content,
}

/// What one row of an import asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// An article as it should be now.
    Row(Box<Row>),
    /// A whole history.
    History(Box<History>),
}

/// Reads one line of NDJSON: an article as it should be, or, with a key `versions`, a whole history.
///
/// # Errors
/// Every field that is wrong, unknown ones included; `row` when the line is no JSON object.
pub fn read_ndjson_line(line: &str) -> Result<Incoming, Vec<FieldError>> {
    let keys: Map<String, Value> =
        serde_json::from_str(line).map_err(|e| vec![FieldError::new("row", format!("is not a JSON object: {e}"))])?;
    read_object(keys)
}

fn read_object(keys: Map<String, Value>) -> Result<Incoming, Vec<FieldError>> {
    if keys.contains_key("versions") {
        return history::read(keys).map(|history| Incoming::History(Box::new(history)));
    }
    read_row(keys)
}

fn read_row(keys: Map<String, Value>) -> Result<Incoming, Vec<FieldError>> {
    let mut fields = fields::Fields::new(keys, "");
    let (id, space, note) = (fields.take("id"), fields.take("space"), fields.take("note"));
    let content = fields.content();
    let errors = fields.finish();
    match content.filter(|_| errors.is_empty()) {
        Some(content) => Ok(Incoming::Row(Box::new(Row { id, space, content, note }))),
        None => Err(errors),
    }
}

/// How import bodies are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One JSON object a line.
    #[default]
    Ndjson,
    /// Markdown with YAML front matter; several documents are separated by a line `<!-- article: PATH -->`.
    Markdown,
    /// Comma-separated, with a header row.
    Csv,
}

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ImportReport {
    /// Rows read.
    pub rows: u64,
    /// Articles made.
    pub created: u64,
    /// Articles given a new version.
    pub updated: u64,
    /// Articles that were the same already.
    pub unchanged: u64,
    /// Rows refused; the first [`ImportReport::MAX_FAILURES`] are listed.
    pub failed: u64,
    /// Why rows were refused.
    pub failures: Vec<ImportFailure>,
    /// Nothing was written: it was only tried.
    pub dry_run: bool,
}

impl ImportReport {
    /// Most failures listed.
    pub const MAX_FAILURES: usize = 1_000;
}

/// A row that was refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ImportFailure {
    /// Line in the body, from 1.
    pub line: u64,
    /// The article id, where it could be read.
    pub id: Option<String>,
    /// Why.
    pub reason: String,
}
