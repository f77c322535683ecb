//! What is going to be written of one article: its head, new versions, publications, audit.
//!
//! Invariant: everything a draft holds goes into one batch, so that the store has all of it or nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::model::article::{Article, Publication, Version};
use crate::model::lifecycle::{Outcome, next_tick};
use crate::store::{AuditDraft, Batch};

/// An article on its way into the store.
#[derive(Debug, Clone)]
pub(in crate::kb) struct Draft {
    /// What the store has of it.
    pub before: Option<Article>,
    /// What it will be.
    pub article: Article,
    /// Versions to add.
    pub versions: Vec<Version>,
    /// Publications to write, by sequence number.
    pub publications: BTreeMap<u32, Publication>,
    /// Whether the index must follow.
    pub index_changed: bool,
    /// What the audit log will say: actions with their details.
    pub audit: Vec<(String, Value)>,
}

impl Draft {
    /// An article as the store has it, before any change.
    pub fn of(article: Article) -> Self {
        Self {
            before: Some(article.clone()),
            article,
            versions: Vec::new(),
            publications: BTreeMap::new(),
            index_changed: false,
            audit: Vec::new(),
        }
    }

    /// A new article.
    pub fn made(outcome: Outcome, detail: Value) -> Self {
        let mut draft = Self { before: None, ..Self::of(outcome.article.clone()) };
        draft.take(outcome, "article.create".to_owned(), detail);
        draft
    }

    /// Takes over what an action led to.
    pub fn take(&mut self, outcome: Outcome, action: String, detail: Value) {
        self.article = outcome.article;
        self.versions.extend(outcome.new_version);
        self.publications.extend(outcome.publications);
        self.index_changed |= outcome.index_changed;
        self.audit.push((action, detail));
    }

    /// A version that is not in the store yet.
    pub fn version(&self, number: u32) -> Option<&Version> {
        self.versions.iter().find(|version| version.number == number)
    }

    /// The publications as they will be, given those that the store has; ascending.
    pub fn publications_with(&self, stored: Vec<(u32, Publication)>) -> Vec<(u32, Publication)> {
        let mut all: BTreeMap<u32, Publication> = stored.into_iter().collect();
        all.extend(self.publications.clone());
        all.into_iter().collect()
    }

    /// Puts everything into a batch.
    pub fn put(self, batch: &mut Batch, actor: &str, now: Timestamp) {
        let (space, id) = (&self.article.space, &self.article.id);
        batch.put_article(&self.article);
        for version in &self.versions {
            batch.put_version(space, id, version);
        }
        for (sequence, publication) in &self.publications {
            batch.put_publication(space, id, *sequence, publication);
        }
        batch.set_timer(space, id, self.before.as_ref().and_then(next_tick), next_tick(&self.article));
        if self.index_changed {
            batch.mark_dirty(space, id);
        }
        for (action, detail) in self.audit {
            batch.audit(AuditDraft {
                at: now,
                actor: actor.to_owned(),
                action,
                space: Some(space.clone()),
                subject: id.to_string(),
                detail,
            });
        }
    }
}
