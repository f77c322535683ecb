//! Which model does a space use, and which one looks at its best hits again?
//!
//! Invariant: a model is tried before it is set; a reranker that is late or away is left out, and the answer says so.

use std::sync::Arc;
use std::time::Instant;

use zhiyin_index::Results;
use zhiyin_index::embed::Role;
use zhiyin_index::rerank::{Reranked, rerank};

use super::Kb;
use super::models::Model;
use crate::error::{Error, Result};
use crate::id::{ModelName, SpaceId};
use crate::model::space::SpaceSettings;

/// What a space's setting says when nothing shall be reranked.
const NONE: &str = "none";

impl Kb {
    /// The model that a space is asked to use, by its own setting or the server's; none where neither says anything.
    pub(crate) fn asked_model(&self, space: &SpaceId) -> Option<ModelName> {
        let own = self.inner.spaces.read().get(space).and_then(|space| space.settings.model.clone());
        own.or_else(|| self.inner.models.settings.default.clone())
    }

    /// The reranker of a space, where it has one.
    pub(crate) fn reranker_of(&self, space: &SpaceId) -> Option<ModelName> {
        let own = self.inner.spaces.read().get(space).and_then(|space| space.settings.reranker.clone());
        own.or_else(|| self.inner.models.settings.reranker.clone()).filter(|name| name.as_str() != NONE)
    }

    /// Loads a model that is to be set and gives it one word to read.
    pub(super) fn try_model(&self, name: &ModelName) -> Result<Arc<Model>> {
        let refused = |why: String| Error::field("settings.model", format!("model '{name}' cannot be used: {why}"));
        let model = self.inner.models.load(name).map_err(refused)?;
        // A model that is read from a folder has shown by loading that it computes; an endpoint must answer.
        model.embedder.embed(&["knowledge"], Role::Query).map_err(|error| refused(error.to_string()))?;
        Ok(model)
    }

    pub(super) fn try_reranker(&self, name: Option<&ModelName>) -> Result<()> {
        let Some(name) = name.filter(|name| name.as_str() != NONE) else { return Ok(()) };
        let refused = |why| Error::field("settings.reranker", format!("reranker '{name}' cannot be used: {why}"));
        self.inner.models.reranker(name).map(drop).map_err(refused)
    }

    /// The model that a space has with these settings, tried; none where it is the one it had with those before.
    pub(super) fn changed_model(
        &self,
        settings: &SpaceSettings,
        before: Option<&SpaceSettings>,
    ) -> Result<Option<Arc<Model>>> {
        // What was set before is not tried again: another setting can be mended while a model is away.
        if before.map_or(settings.model.is_none(), |before| before.model == settings.model) {
            return Ok(None);
        }
        let server = &self.inner.models.settings.default;
        let name = settings.model.clone().or_else(|| server.clone()).unwrap_or_else(ModelName::bundled);
        self.try_model(&name).map(Some)
    }

    /// Forgets the vectors of models that no space uses any more.
    pub(crate) fn forget_vectors(&self) {
        let kept: Vec<String> = {
            let shelves = self.inner.shelves.read();
            shelves.values().flat_map(|shelf| shelf.model_ids()).collect()
        };
        match self.inner.store.vectors_keep(&kept) {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "vectors of models that are used no more were forgotten"),
            Err(error) => tracing::warn!(%error, "old vectors could not be forgotten"),
        }
    }

    /// How many hits must be looked for so that `wanted` can be given after reranking; none without a reranker.
    pub(super) fn rerank_depth(&self, space: &SpaceId, wanted: usize) -> Option<(ModelName, usize)> {
        let name = self.reranker_of(space)?;
        Some((name, wanted.max(self.inner.models.settings.rerank_top)))
    }

    /// Orders the best hits anew, as far as the time allows; the first `leading` ones stay.
    pub(super) fn rerank(&self, name: &ModelName, question: &str, leading: usize, results: &mut Results) {
        let started = Instant::now();
        let settings = &self.inner.models.settings;
        let reranker = match self.inner.models.reranker(name) {
            Ok(reranker) => reranker,
            Err(reason) => {
                tracing::warn!(reranker = %name, reason, "a search goes on without its reranker");
                results.degraded.push("rerank");
                return;
            }
        };
        let expired = || started.elapsed() >= settings.rerank_budget;
        match rerank(results, question, reranker.as_ref(), leading..settings.rerank_top, &expired) {
            Reranked::Scored(_) => {}
            Reranked::Skipped(reason) => tracing::debug!(reranker = %name, reason, "a search was not reranked"),
        }
    }
}
