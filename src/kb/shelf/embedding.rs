//! How do passages get their vectors when the model is slow, far, or away? After their words, in the background.
//!
//! Invariant: no lock is held while a model works: publishing goes on, and a passage is found by its words meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use zhiyin_index::embed::EmbedError;
use zhiyin_index::{Change, Document, LiveChange};

use super::{Generation, Shelf, change, engine_error};
use crate::error::Result;
use crate::id::ArticleId;
use crate::store::Store;

/// Articles embedded between two commits.
const BATCH: usize = 32;
/// First wait after a model could not be reached; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// When a model that could not be reached is asked again.
pub(super) struct Rest {
    until: Option<Instant>,
    pause: Duration,
}

impl Default for Rest {
    fn default() -> Self {
        Self { until: None, pause: FIRST_PAUSE }
    }
}

impl Rest {
    fn is_over(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() >= until)
    }

    /// Gives how long it is.
    fn begin(&mut self) -> Duration {
        let pause = self.pause;
        self.until = Some(Instant::now() + pause);
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        pause
    }
}

/// What became of a batch.
enum Embedded {
    /// Nothing waits for a vector.
    Nothing,
    /// Some got theirs, or never will.
    Some,
    /// The model could not be reached.
    Unavailable(String),
}

impl Shelf {
    /// Gives some passages of the index in use their vectors; false where there is nothing to do now.
    pub fn embed_some(&self, store: &Store, stop: &AtomicBool) -> Result<bool> {
        if stop.load(Ordering::Acquire) || !self.rest.lock().is_over() {
            return Ok(false);
        }
        match self.embed_batch(&self.generation(), store)? {
            Embedded::Nothing => Ok(false),
            Embedded::Some => {
                *self.rest.lock() = Rest::default();
                Ok(true)
            }
            Embedded::Unavailable(reason) => {
                let pause = self.rest.lock().begin();
                if pause == FIRST_PAUSE {
                    tracing::warn!(space = %self.space, reason, "passages wait for their vectors");
                }
                Ok(false)
            }
        }
    }

    /// Gives all passages of a new index their vectors, however long the model is away; false where told to stop.
    pub(super) fn embed_all(&self, next: &Generation, store: &Store, go_on: &dyn Fn() -> bool) -> Result<bool> {
        let mut rest = Rest::default();
        while go_on() {
            match self.embed_batch(next, store)? {
                Embedded::Nothing => return Ok(true),
                Embedded::Some => rest = Rest::default(),
                Embedded::Unavailable(reason) => {
                    rest.begin();
                    tracing::warn!(space = %self.space, model = %next.model.name, reason, "a new index waits for its model");
                    while go_on() && !rest.is_over() {
                        std::thread::sleep(Duration::from_millis(50));
                    }
                }
            }
        }
        Ok(false)
    }

    fn embed_batch(&self, generation: &Generation, store: &Store) -> Result<Embedded> {
        let index = &generation.index;
        let refused = self.refused.lock().clone();
        let waiting = index.waiting(refused.len() + BATCH).into_iter().filter(|id| !refused.contains(id));
        let ids: Vec<ArticleId> = waiting.filter_map(|id| ArticleId::try_from(id).ok()).collect();
        if ids.is_empty() {
            return Ok(Embedded::Nothing);
        }
        for id in &ids {
            let documents = self.anew(generation, store, id)?.map(documents).unwrap_or_default();
            match index.warm(documents) {
                Ok(()) => {}
                Err(EmbedError::Unavailable(reason)) => return Ok(Embedded::Unavailable(reason)),
                Err(EmbedError::Rejected(reason)) => {
                    tracing::warn!(space = %self.space, article = %id, reason, "an article is found by words only");
                    self.refused.lock().insert(id.to_string());
                }
            }
        }
        let _applying = self.applying.lock();
        let mut changes = Vec::with_capacity(ids.len());
        for id in &ids {
            changes.extend(self.anew(generation, store, id)?);
        }
        // What is cached by now costs nothing; an article that was changed meanwhile is embedded here.
        index.apply(changes).map_err(engine_error)?;
        let still = index.waiting(usize::MAX);
        let refused = self.refused.lock();
        let stuck = ids.iter().all(|id| still.iter().any(|s| s == id.as_str()) && !refused.contains(id.as_str()));
        Ok(if stuck { Embedded::Unavailable("the model gave no vectors".into()) } else { Embedded::Some })
    }

    fn anew(&self, generation: &Generation, store: &Store, id: &ArticleId) -> Result<Option<Change>> {
        change(&generation.index, store, &self.space, id, true)
    }
}

fn documents(change: Change) -> Vec<Document> {
    let live = match change.live {
        LiveChange::Set(document) => Some(*document),
        LiveChange::Keep | LiveChange::Remove => None,
    };
    live.into_iter().chain(change.add_history).collect()
}
