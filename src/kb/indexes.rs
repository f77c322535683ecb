//! The spaces' indexes as a whole: opening, checking, rebuilding, waiting.
//!
//! Invariant: whatever is found missing or different at start is marked dirty in the store, and the worker mends it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::shelf::{Shelf, engine_error};
use super::{Admin, Kb, SpaceStats, VerifyReport};
use crate::error::{Error, Result};
use crate::id::{ArticleId, SpaceId};
use crate::store::AuditDraft;

/// Most differences that a report lists.
const MAX_DIFFERENCES: usize = 100;
/// Articles marked dirty with one write.
const MARKS: usize = 5_000;

impl Kb {
    /// Opens the index of a space and makes sure that it will hold what the store says.
    pub(crate) fn open_shelf(&self, space: &SpaceId, clean: bool) -> Result<()> {
        let dir: PathBuf = self.inner.settings.data_dir.join("index").join(space.as_str());
        let store = &self.inner.store;
        let asked = self.asked_model(space);
        let (shelf, reason) = Shelf::open(store, space, dir, &self.inner.models, asked.as_ref(), clean)?;
        let must_change = shelf.must_change();
        let dirty = match reason {
            Some(reason) => {
                let all: Result<Vec<ArticleId>> = store.articles(space, None).map(|a| Ok(a?.id)).collect();
                let all = all?;
                if all.is_empty() {
                    shelf.mark_filled();
                } else {
                    tracing::warn!(%space, reason, articles = all.len(), "the index is rebuilt from the store");
                }
                all
            }
            None if clean => Vec::new(),
            None => {
                let differing = shelf.differing(store)?;
                tracing::info!(%space, articles = differing.len(), "the last process did not stop cleanly; checked the index against the store");
                differing
            }
        };
        for ids in dirty.chunks(MARKS) {
            let mut batch = store.batch();
            for id in ids {
                batch.mark_dirty(space, id);
            }
            store.commit(batch)?;
        }
        self.inner.shelves.write().insert(space.clone(), Arc::new(shelf));
        if must_change { self.rebuild_in_background(space) } else { Ok(()) }
    }

    pub(crate) fn shelf(&self, space: &SpaceId) -> Result<Arc<Shelf>> {
        let shelf = self.inner.shelves.read().get(space).cloned();
        shelf.ok_or_else(|| Error::SpaceNotFound(space.clone()))
    }

    /// Blocks until what is committed for the space is searchable, at most for `limit`; false when time ran out.
    ///
    /// # Errors
    /// [`Error::SpaceNotFound`].
    pub fn wait_searchable(&self, space: &SpaceId, limit: Duration) -> Result<bool> {
        let shelf = self.shelf(space)?;
        self.wake_indexer();
        Ok(shelf.wait(limit))
    }

    /// Throws the space's index away and builds it anew from the store, while the old one serves.
    ///
    /// # Errors
    /// [`Error::SpaceNotFound`].
    pub fn reindex(&self, admin: &Admin, id: &SpaceId, now: Timestamp) -> Result<()> {
        self.shelf(id)?;
        let store = &self.inner.store;
        let mut batch = store.batch();
        batch.audit(AuditDraft {
            at: now,
            actor: admin.actor().to_owned(),
            action: "space.reindex".into(),
            space: Some(id.clone()),
            subject: id.to_string(),
            detail: serde_json::Value::Null,
        });
        let ticket = store.commit(batch)?;
        store.sync(ticket)?;
        self.rebuild_in_background(id)
    }

    /// Checks the store against the index, and the index's files against their checksums.
    ///
    /// # Errors
    /// [`Error::SpaceNotFound`], [`Error::Store`], [`Error::Index`].
    pub fn verify_index(&self, _admin: &Admin, id: &SpaceId) -> Result<VerifyReport> {
        let shelf = self.shelf(id)?;
        let store = &self.inner.store;
        let mut report = VerifyReport {
            space: id.clone(),
            articles: 0,
            live: 0,
            indexed: shelf.index().stats().documents,
            pending: store.count_dirty(id)?,
            differences: Vec::new(),
        };
        for article in store.articles(id, None) {
            let article = article?;
            report.articles += 1;
            report.live += u64::from(article.live.is_some());
        }
        let waiting: Vec<ArticleId> = store.dirty(id, usize::MAX)?.into_iter().map(|(id, _)| id).collect();
        let differing = shelf.differing(store)?.into_iter().filter(|id| !waiting.contains(id));
        report
            .differences
            .extend(differing.map(|id| format!("article '{id}': the index does not hold what the store says")));
        let damaged = shelf.index().damaged().map_err(engine_error)?;
        report.differences.extend(damaged.into_iter().map(|path| format!("index file {path}: wrong checksum")));
        if let Some(sequence) = store.verify_audit()? {
            report.differences.push(format!("audit entry {sequence}: does not follow from the one before it"));
        }
        report.differences.truncate(MAX_DIFFERENCES);
        Ok(report)
    }

    /// Figures of a space.
    ///
    /// # Errors
    /// [`Error::SpaceNotFound`], [`Error::Store`].
    pub fn space_stats(&self, _admin: &Admin, id: &SpaceId) -> Result<SpaceStats> {
        let shelf = self.shelf(id)?;
        let (index, model) = (shelf.index(), shelf.model());
        let stats = index.stats();
        let mut articles = 0;
        for article in self.inner.store.articles(id, None) {
            article?;
            articles += 1;
        }
        Ok(SpaceStats {
            space: id.clone(),
            articles,
            documents: stats.documents,
            passages: stats.passages,
            history_documents: stats.history_documents,
            pending: self.inner.store.count_dirty(id)?,
            rebuilding: shelf.is_rebuilding(),
            without_vectors: stats.waiting,
            model: model.name.clone(),
            model_id: model.embedder.id().to_owned(),
            next_model: shelf.next_model(),
            model_problem: shelf.problem(),
        })
    }

    /// What spaces do without at the moment, for people.
    pub fn degraded(&self) -> Vec<String> {
        let shelves = self.inner.shelves.read();
        let without = shelves.iter().filter_map(|(space, shelf)| Some((space, shelf.problem()?)));
        without.map(|(space, problem)| format!("space '{space}' cannot use its model: {problem}")).collect()
    }

    /// Names of what is not ready yet; empty when everything is.
    pub fn not_ready(&self) -> Vec<String> {
        let shelves = self.inner.shelves.read();
        let waiting = shelves.iter().filter(|(_, shelf)| !shelf.is_filled());
        waiting.map(|(space, _)| format!("the index of space '{space}' is being rebuilt")).collect()
    }
}
