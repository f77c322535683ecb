//! What belongs together in one write?
//!
//! Invariant: a batch is written whole or not at all; of two writes to one row the later one counts.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::Idempotent;
use super::codec::encode;
use super::heads::Changes;
use super::keys::Table;
use crate::error::Error;
use crate::id::{ArticleId, QueryId, SpaceId};
use crate::model::account::Key;
use crate::model::article::{Article, Publication, Version};
use crate::model::erasure::Erasure;
use crate::model::query::{FeedbackRecord, QueryRecord};
use crate::model::space::{DictionaryWord, Space};

/// Writes that happen together; made by [`super::Store::batch`], written by [`super::Store::commit`].
#[derive(Debug, Default)]
pub struct Batch {
    /// Rows by key; `None` removes.
    pub(super) rows: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// Keys that get a fresh mark when the batch is written.
    pub(super) marks: BTreeSet<Vec<u8>>,
    /// Gaps that are written or removed, as they are kept in memory.
    pub(super) heads: Changes,
    /// Entries that get their place in the chain when the batch is written.
    pub(super) audit: Vec<AuditDraft>,
    /// Why it cannot be written.
    pub(super) failed: Option<Error>,
}

fn of_session(space: &SpaceId, session: &str, query: &QueryId) -> Vec<u8> {
    Table::QueryBySession.key().id(space.as_str()).id(session).id(query.as_str()).bytes()
}

/// An audit entry before it has its place in the chain.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditDraft {
    /// When.
    pub at: Timestamp,
    /// Who: the name of a key, or `system`.
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
    pub(super) fn put<T: Serialize + ?Sized>(&mut self, table: Table, key: Vec<u8>, value: &T) {
        match encode(table, value) {
            Ok(bytes) => {
                self.rows.insert(key, Some(bytes));
            }
            Err(error) => {
                self.failed.get_or_insert(error);
            }
        }
    }

    pub(super) fn remove(&mut self, key: Vec<u8>) {
        self.rows.insert(key, None);
    }

    /// Writes a space.
    pub fn put_space(&mut self, space: &Space) {
        self.put(Table::Space, Table::Space.key().id(space.id.as_str()).bytes(), space);
    }

    /// Replaces a space's dictionary.
    pub fn put_dictionary(&mut self, space: &SpaceId, words: &[DictionaryWord]) {
        self.put(Table::Dictionary, Table::Dictionary.key().id(space.as_str()).bytes(), words);
    }

    /// Writes a key and the way from its hash to it.
    pub fn put_key(&mut self, key: &Key) {
        self.put(Table::Key, Table::Key.key().id(key.id.as_str()).bytes(), key);
        self.put(Table::KeyByHash, Table::KeyByHash.key().raw(key.hash.as_bytes()).bytes(), &key.id);
    }

    /// Writes an article's head.
    pub fn put_article(&mut self, article: &Article) {
        let key = Table::Article.key().id(article.space.as_str()).id(article.id.as_str()).bytes();
        self.put(Table::Article, key, article);
    }

    /// Writes a version.
    pub fn put_version(&mut self, space: &SpaceId, article: &ArticleId, version: &Version) {
        let key = Table::Version.key().id(space.as_str()).id(article.as_str()).u32(version.number).bytes();
        self.put(Table::Version, key, version);
    }

    /// Writes a publication under its sequence number.
    pub fn put_publication(&mut self, space: &SpaceId, article: &ArticleId, sequence: u32, publication: &Publication) {
        let key = Table::Publication.key().id(space.as_str()).id(article.as_str()).u32(sequence).bytes();
        self.put(Table::Publication, key, publication);
    }

    /// Marks an article as to be indexed, with a mark above all marks before.
    pub fn mark_dirty(&mut self, space: &SpaceId, article: &ArticleId) {
        self.marks.insert(Table::Dirty.key().id(space.as_str()).id(article.as_str()).bytes());
    }

    /// Moves an article's timer, the moment at which it is due next, from `old` to `new`.
    pub fn set_timer(&mut self, space: &SpaceId, article: &ArticleId, old: Option<Timestamp>, new: Option<Timestamp>) {
        let key = |at| Table::Timer.key().time(at).id(space.as_str()).id(article.as_str()).bytes();
        if let Some(old) = old {
            self.remove(key(old));
        }
        if let Some(new) = new {
            self.put(Table::Timer, key(new), &());
        }
    }

    /// Adds an entry to the audit log.
    pub fn audit(&mut self, draft: AuditDraft) {
        self.audit.push(draft);
    }

    /// Writes the record of a search or answer; its `at` never changes.
    pub fn put_query(&mut self, record: &QueryRecord) {
        let key = Table::Query.key().id(record.space.as_str()).time(record.at).id(record.id.as_str()).bytes();
        self.put(Table::Query, key, record);
        let by_id = Table::QueryById.key().id(record.id.as_str()).bytes();
        self.put(Table::QueryById, by_id, &(&record.space, record.at));
        if let Some(session) = &record.session {
            self.put(Table::QueryBySession, of_session(&record.space, session, &record.id), &());
        }
    }

    /// Takes a record away, and every way to it.
    pub fn remove_query(&mut self, record: &QueryRecord) {
        self.remove(Table::Query.key().id(record.space.as_str()).time(record.at).id(record.id.as_str()).bytes());
        self.remove(Table::QueryById.key().id(record.id.as_str()).bytes());
        if let Some(session) = &record.session {
            self.remove(of_session(&record.space, session, &record.id));
        }
    }

    /// Writes feedback; it replaces the former one on the same record.
    pub fn put_feedback(&mut self, record: &FeedbackRecord) {
        self.put(Table::Feedback, Table::Feedback.key().id(record.about.as_str()).bytes(), record);
    }

    /// Takes the feedback on a record away.
    pub fn remove_feedback(&mut self, about: &QueryId) {
        self.remove(Table::Feedback.key().id(about.as_str()).bytes());
    }

    /// Writes the answer stored for an idempotency key.
    pub fn put_idempotent(&mut self, key: &str, value: &Idempotent) {
        self.put(Table::Idempotent, Table::Idempotent.key().raw(key.as_bytes()).bytes(), value);
        let by_time = Table::IdempotentTime.key().time(value.at).raw(key.as_bytes()).bytes();
        self.put(Table::IdempotentTime, by_time, &());
    }

    /// Takes the answer stored for an idempotency key away; its place by time goes when it is swept.
    pub fn remove_idempotent(&mut self, key: &str) {
        self.remove(Table::Idempotent.key().raw(key.as_bytes()).bytes());
    }

    /// Writes how far an erasure has come.
    pub fn put_erasure(&mut self, erasure: &Erasure) {
        self.put(Table::Erasure, Table::Erasure.key().id(&erasure.id).bytes(), erasure);
    }

    /// Takes an erasure away that is done.
    pub fn remove_erasure(&mut self, id: &str) {
        self.remove(Table::Erasure.key().id(id).bytes());
    }

    /// Writes a named value.
    pub fn put_state(&mut self, name: &str, value: &serde_json::Value) {
        self.put(Table::State, Table::State.key().raw(name.as_bytes()).bytes(), value);
    }

    /// Whether nothing would be written.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.marks.is_empty() && self.audit.is_empty() && self.failed.is_none()
    }
}
