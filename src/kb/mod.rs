//! What can be done with the knowledge: the use cases, one file a noun.
//!
//! Invariant: every method that needs a permission takes its proof, and only [`accounts`] makes proofs.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::{Condvar, Mutex, RwLock};

pub mod accounts;
mod alerts;
mod analytics;
mod answers;
mod articles;
mod audit;
mod classify;
mod duplicates;
mod erase;
mod exchange;
mod feedback;
mod gap_work;
mod gaps;
mod golden;
mod golden_watch;
mod idempotency;
mod indexes;
mod interactions;
pub mod markdown;
pub mod models;
mod pins;
mod preview;
mod records;
mod replay;
mod reranking;
mod retention;
mod search;
mod shelf;
mod spaces;
mod synonyms;
mod tasks;
mod types;
mod vectors;
mod workers;
mod writing;

pub use accounts::{Admin, Analyst, Caller, Curator, Editor, GapKeeper, Grant, Historian, Publisher, Reader, Recorder};
pub use analytics::Wish;
pub use erase::Subject;
pub use gap_work::{Linked, says_something};
pub use gaps::{GapDraft, GapQuery};
pub use models::ModelSettings;
pub use retention::Retained;
pub use types::{
    ArticleQuery, ArticleSort, NewFeedback, SpaceStats, StoredResponse, VerifyReport, VersionSummary, Wanted, Written,
};
pub use writing::{Brief, Generation, NotGenerated, Prose, Worded};
pub use zhiyin_index::Filter;
use zhiyin_index::Synonyms;

use crate::error::Result;
use crate::id::SpaceId;
use crate::model::account::Key;
use crate::model::mask::Masker;
use crate::model::space::Space;
use crate::store::{Store, StoreSettings};

/// How the use cases are set; made by `config.rs` and handed in.
#[derive(Debug, Clone)]
pub struct KbSettings {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Bytes of the store's page cache.
    pub store_cache_bytes: u64,
    /// Dirty articles taken into one index commit.
    pub index_batch: usize,
    /// Longest time a query record may wait for its sync.
    pub query_log_interval: Duration,
    /// Secret of the first admin key, where the operator sets it.
    pub admin_secret: Option<crate::model::account::Secret>,
}

#[cfg(test)]
impl KbSettings {
    /// As unit tests want it: little memory, and records written at once.
    pub(crate) fn small(data_dir: &std::path::Path) -> Self {
        Self {
            data_dir: data_dir.to_owned(),
            store_cache_bytes: 8 << 20,
            index_batch: 64,
            query_log_interval: Duration::from_millis(10),
            admin_secret: None,
        }
    }
}

/// The handle of everything; cloning it is cheap.
#[derive(Clone)]
pub struct Kb {
    inner: Arc<Inner>,
}

struct Inner {
    settings: KbSettings,
    store: Store,
    models: models::Models,
    /// Keys by the hash of their secret: what the store says, kept at hand.
    keys: RwLock<HashMap<String, Arc<Key>>>,
    /// Spaces by id: what the store says, kept at hand.
    spaces: RwLock<BTreeMap<SpaceId, Arc<Space>>>,
    /// Synonyms by space, ready to be applied, once they were needed.
    synonyms: RwLock<HashMap<SpaceId, Arc<Synonyms>>>,
    shelves: RwLock<BTreeMap<SpaceId, Arc<shelf::Shelf>>>,
    pins: pins::PinBoard,
    log: records::QueryLog,
    /// Held by whoever counts in gaps, from reading them to the commit; taken after a space's lock.
    gaps: Mutex<()>,
    /// Groups of the forms of questions that were not answered.
    boards: gaps::Boards,
    /// Key of the hashes that stand for sessions and customers.
    secret: [u8; 32],
    /// Whether every record that has a session can be found by it.
    complete: bool,
    /// What masks the texts of a space, once it was needed.
    maskers: RwLock<HashMap<SpaceId, Arc<Masker>>>,
    removed: retention::Removed,
    trained: classify::Trained,
    wake: (Mutex<bool>, Condvar),
    /// Articles taken into an index since the start.
    indexed: AtomicU64,
    /// How often gaps came to stand so that their proof no longer speaks for them.
    unproven: AtomicU64,
    stop: AtomicBool,
    workers: Mutex<Vec<JoinHandle<()>>>,
}

impl Kb {
    /// Opens (or makes) the data directory, brings the indexes up to date in the background, starts the workers.
    /// Gives the secret of the first admin key when it made one.
    ///
    /// # Errors
    /// [`crate::error::Error::StoreLocked`], [`crate::error::Error::StoreTooNew`], and what the disk refuses.
    pub fn open(settings: KbSettings, now: Timestamp) -> Result<(Kb, Option<String>)> {
        Self::open_with(settings, ModelSettings::default(), now)
    }

    /// As [`Kb::open`], with models besides those that come with the program.
    ///
    /// # Errors
    /// As [`Kb::open`].
    pub fn open_with(settings: KbSettings, models: ModelSettings, now: Timestamp) -> Result<(Kb, Option<String>)> {
        let dir = settings.data_dir.join("store");
        let opened = Store::open(&dir, &StoreSettings { cache_bytes: settings.store_cache_bytes })?;
        let models = models::Models::new(models, &settings.data_dir, opened.store.clone());
        let (log, records) = records::QueryLog::new();
        let complete = records::is_complete(&opened.store, opened.created)?;
        let secret = records::secret(&opened.store)?;
        let inner = Inner {
            settings,
            store: opened.store,
            models,
            keys: RwLock::default(),
            spaces: RwLock::default(),
            synonyms: RwLock::default(),
            shelves: RwLock::default(),
            pins: pins::PinBoard::default(),
            log,
            gaps: Mutex::default(),
            boards: gaps::Boards::default(),
            secret,
            complete,
            maskers: RwLock::default(),
            removed: retention::Removed::default(),
            trained: classify::Trained::default(),
            wake: (Mutex::new(false), Condvar::new()),
            indexed: AtomicU64::new(0),
            unproven: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            workers: Mutex::default(),
        };
        let kb = Kb { inner: Arc::new(inner) };
        kb.load_spaces(now)?;
        let secret = kb.load_keys(now)?;
        let spaces: Vec<SpaceId> = kb.inner.spaces.read().keys().cloned().collect();
        for space in &spaces {
            kb.open_shelf(space, opened.clean)?;
        }
        let workers = kb.start_workers(records)?;
        kb.inner.workers.lock().extend(workers);
        Ok((kb, secret))
    }

    /// Stops the workers after their current batch, writes what waits, and syncs everything.
    pub fn close(&self) {
        if self.inner.stop.swap(true, Ordering::AcqRel) {
            return;
        }
        self.wake_indexer();
        let workers = std::mem::take(&mut *self.inner.workers.lock());
        for worker in workers {
            if worker.join().is_err() {
                tracing::error!("a worker had panicked");
            }
        }
        if let Err(error) = self.inner.store.close() {
            tracing::error!(%error, "the store could not be closed cleanly; the next start checks the indexes");
        }
    }

    /// How many times the store was synced, for metrics and tests.
    pub fn syncs(&self) -> u64 {
        self.inner.store.syncs()
    }

    /// Query records dropped because the disk could not keep up, for metrics.
    pub fn dropped_records(&self) -> u64 {
        self.inner.log.dropped()
    }
}
