//! What belongs together in one write?
//!
//! Invariant: a batch is written whole or not at all.

use jiff::Timestamp;

use super::Idempotent;
use crate::id::{ArticleId, SpaceId};
use crate::model::account::Key;
use crate::model::article::{Article, Publication, Version};
use crate::model::gap::Gap;
use crate::model::query::{FeedbackRecord, QueryRecord};
use crate::model::space::{DictionaryWord, Space};

/// Writes that happen together.
#[derive(Debug, Default)]
pub struct Batch {}

/// An audit entry before it has its place in the chain.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditDraft {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What was done, such as `article.publish`.
    pub action: String,
    /// The space, where there is one.
    pub space: Option<SpaceId>,
    /// The thing it was done to.
    pub subject: String,
    /// More about it.
    pub detail: serde_json::Value,
}

impl Batch {
    /// Writes a space.
    pub fn put_space(&mut self, space: &Space) { todo!() }
    /// Replaces a space's dictionary.
    pub fn put_dictionary(&mut self, space: &SpaceId, words: &[DictionaryWord]) { todo!() }
    /// Writes a key and the way from its hash to it.
    pub fn put_key(&mut self, key: &Key) { todo!() }
    /// Writes an article's head.
    pub fn put_article(&mut self, article: &Article) { todo!() }
    /// Writes a version.
    pub fn put_version(&mut self, space: &SpaceId, article: &ArticleId, version: &Version) { todo!() }
    /// Writes a publication under its sequence number.
    pub fn put_publication(&mut self, space: &SpaceId, article: &ArticleId, sequence: u32, publication: &Publication) { todo!() }
    /// Marks an article as to be indexed.
    pub fn mark_dirty(&mut self, space: &SpaceId, article: &ArticleId) { todo!() }
    /// Moves an article's timer from `old` to `new`.
    pub fn set_timer(&mut self, space: &SpaceId, article: &ArticleId, old: Option<Timestamp>, new: Option<Timestamp>) { todo!() }
    /// Adds an entry to the audit log.
    pub fn audit(&mut self, draft: AuditDraft) { todo!() }
    /// Writes the record of a search or answer.
    pub fn put_query(&mut self, record: &QueryRecord) { todo!() }
    /// Writes feedback; it replaces the former one on the same record.
    pub fn put_feedback(&mut self, record: &FeedbackRecord) { todo!() }
    /// Writes a gap and the way from its form to it.
    pub fn put_gap(&mut self, gap: &Gap) { todo!() }
    /// Writes the answer stored for an idempotency key.
    pub fn put_idempotent(&mut self, key: &str, value: &Idempotent) { todo!() }
    /// Writes a named value.
    pub fn put_state(&mut self, name: &str, value: &serde_json::Value) { todo!() }
    /// Whether nothing would be written.
    pub fn is_empty(&self) -> bool { todo!() }
}
