//! Which models are there, and how does a name become one that computes?
//!
//! Invariant: a name leads to one model or to the reason why there is none; never to another model.

mod outside;
mod pull;
mod view;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use zhiyin_index::Vectors;
pub use zhiyin_index::embed::Languages;
use zhiyin_index::embed::{BilingualEmbedder, EmbedError, Embedder, HashEmbedder, Role};
use zhiyin_index::rerank::Reranker;

pub use outside::{
    Download, EndpointFacts, EndpointSettings, LanguageModelSettings, Letter, NoReply, Nowhere, Outside, Progress,
    Prompt, Reply,
};

use super::vectors::CachedEmbedder;
use crate::id::ModelName;
use crate::store::Store;
use pull::Pulls;

/// How models are set; made by `config.rs` and handed in.
#[derive(Clone)]
pub struct ModelSettings {
    /// What spaces use that set none; unless given, new spaces use the bundled model and old ones what they have.
    pub default: Option<ModelName>,
    /// Folders by name, besides those under the data directory's `models`.
    pub folders: BTreeMap<ModelName, PathBuf>,
    /// Forwards of a model that run at a time; 0 means one per core.
    pub threads: usize,
    /// Texts that may wait for a model.
    pub queue: usize,
    /// What spaces rerank with that set none.
    pub reranker: Option<ModelName>,
    /// Hits that are reranked.
    pub rerank_top: usize,
    /// Longest time for it.
    pub rerank_budget: Duration,
    /// Endpoints and hubs.
    pub outside: Arc<dyn Outside>,
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self {
            default: None,
            folders: BTreeMap::new(),
            threads: 0,
            queue: 64,
            reranker: None,
            rerank_top: 20,
            rerank_budget: Duration::from_millis(500),
            outside: Arc::new(Nowhere),
        }
    }
}

/// A model that computes (or says why it does not).
pub(crate) struct Model {
    pub name: ModelName,
    pub embedder: Arc<dyn Embedder>,
    /// Whether passages wait for their vectors.
    pub vectors: Vectors,
}

impl Model {
    /// What a model's index is opened with while the model itself is not to be had: nothing is embedded, words are
    /// searched, and the vectors wait.
    pub fn absent(record: &ModelRecord, reason: String) -> Self {
        let embedder = Absent { id: record.id.clone(), dimension: record.dimension, reason };
        Self { name: record.name.clone(), embedder: Arc::new(embedder), vectors: Vectors::Later }
    }

    pub fn record(&self) -> ModelRecord {
        ModelRecord { name: self.name.clone(), id: self.embedder.id().to_owned(), dimension: self.embedder.dimension() }
    }
}

/// Which model an index was made with, beside the index on disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ModelRecord {
    pub name: ModelName,
    pub id: String,
    pub dimension: usize,
}

/// In the place of a model that cannot be loaded.
struct Absent {
    id: String,
    dimension: usize,
    reason: String,
}

impl Embedder for Absent {
    fn id(&self) -> &str {
        &self.id
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn embed(&self, _texts: &[&str], _role: Role) -> Result<Vec<Vec<f32>>, EmbedError> {
        Err(EmbedError::Unavailable(self.reason.clone()))
    }
}

/// The models of this process: loaded once, shared by the spaces, gone when no space uses them.
pub(crate) struct Models {
    pub settings: ModelSettings,
    folder: PathBuf,
    store: Store,
    loaded: Mutex<BTreeMap<ModelName, Weak<Model>>>,
    rerankers: Mutex<BTreeMap<ModelName, Arc<dyn Reranker>>>,
    pulls: Pulls,
}

impl Models {
    pub fn new(settings: ModelSettings, data_dir: &Path, store: Store) -> Self {
        let folder = data_dir.join("models");
        Self { settings, folder, store, loaded: Mutex::default(), rerankers: Mutex::default(), pulls: Pulls::default() }
    }

    /// The model of that name, loaded now unless it is already.
    ///
    /// # Errors
    /// Why there is none, for people.
    pub fn load(&self, name: &ModelName) -> Result<Arc<Model>, String> {
        // Held while loading: two spaces must not load the same weights twice.
        let mut loaded = self.loaded.lock();
        if let Some(model) = loaded.get(name).and_then(Weak::upgrade) {
            return Ok(model);
        }
        let (embedder, vectors): (Arc<dyn Embedder>, Vectors) = if *name == ModelName::bundled() {
            (Arc::new(BilingualEmbedder::bundled().map_err(|error| error.to_string())?), Vectors::Now)
        } else if *name == ModelName::hash() {
            (Arc::new(HashEmbedder::default()), Vectors::Now)
        } else if let Some(embedder) = self.settings.outside.embedder(name) {
            (embedder, Vectors::Later)
        } else {
            (transformer(&self.folder_of(name)?, self.threads())?, Vectors::Later)
        };
        if embedder.languages() != Languages::ALL {
            let languages = embedder.languages().tags().join(", ");
            tracing::warn!(%name, languages, "the model does not read both languages; the other's texts are searched by words");
        }
        let embedder = Arc::new(CachedEmbedder::new(embedder, self.store.clone()));
        let model = Arc::new(Model { name: name.clone(), embedder, vectors });
        loaded.insert(name.clone(), Arc::downgrade(&model));
        Ok(model)
    }

    /// The reranker of that name, loaded now unless it is already.
    ///
    /// # Errors
    /// Why there is none, for people.
    pub fn reranker(&self, name: &ModelName) -> Result<Arc<dyn Reranker>, String> {
        let mut rerankers = self.rerankers.lock();
        if let Some(reranker) = rerankers.get(name) {
            return Ok(reranker.clone());
        }
        let reranker = cross_encoder(&self.folder_of(name)?, self.threads())?;
        rerankers.insert(name.clone(), reranker.clone());
        Ok(reranker)
    }

    /// The folder of a model: the configured one, else the one under the data directory.
    ///
    /// # Errors
    /// That there is no model of that name.
    fn folder_of(&self, name: &ModelName) -> Result<PathBuf, String> {
        if let Some(folder) = self.settings.folders.get(name) {
            return Ok(folder.clone());
        }
        let folder = self.folder.join(name.as_str());
        if folder.is_dir() {
            return Ok(folder);
        }
        Err(format!(
            "there is no model '{name}': it is neither bundled nor in the configuration nor the folder {}; \
             'zhiyin model pull' fetches one, 'zhiyin model list' shows what is there",
            folder.display()
        ))
    }

    fn threads(&self) -> (usize, usize) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = if self.settings.threads == 0 { cores } else { self.settings.threads };
        (threads, self.settings.queue)
    }

    /// What a model reads, where it is loaded and no other one is being loaded: who looks does not wait for that.
    fn languages_of(&self, name: &ModelName) -> Option<Languages> {
        let model = self.loaded.try_lock()?.get(name).and_then(Weak::upgrade);
        model.map(|model| model.embedder.languages())
    }

    /// Forgets what was loaded of a name, because its folder has changed.
    fn forget(&self, name: &ModelName) {
        self.loaded.lock().remove(name);
        self.rerankers.lock().remove(name);
    }
}

#[cfg(feature = "transformer")]
fn transformer(folder: &Path, (permits, queue): (usize, usize)) -> Result<Arc<dyn Embedder>, String> {
    use zhiyin_index::embed::{Threads, describe, open};
    if describe(folder).is_ok_and(|about| about.classifies) {
        return Err("it scores pairs: it is a reranker, not an embedder".into());
    }
    open(folder, Threads { permits, queue }).map_err(|error| error.to_string())
}

#[cfg(feature = "transformer")]
fn cross_encoder(folder: &Path, (permits, queue): (usize, usize)) -> Result<Arc<dyn Reranker>, String> {
    use zhiyin_index::embed::Threads;
    let loaded = zhiyin_index::rerank::CrossEncoder::load(folder, Threads { permits, queue });
    loaded.map(|model| Arc::new(model) as Arc<dyn Reranker>).map_err(|error| error.to_string())
}

#[cfg(not(feature = "transformer"))]
const WITHOUT: &str = "this program was built without the feature 'transformer', which computes models from folders";

#[cfg(not(feature = "transformer"))]
fn transformer(_folder: &Path, _threads: (usize, usize)) -> Result<Arc<dyn Embedder>, String> {
    Err(WITHOUT.into())
}

#[cfg(not(feature = "transformer"))]
fn cross_encoder(_folder: &Path, _threads: (usize, usize)) -> Result<Arc<dyn Reranker>, String> {
    Err(WITHOUT.into())
}
