//! Where does what was acknowledged live? In one directory, behind this door; the only folder that names sled.
//!
//! Invariant: [`Store::commit`] writes a batch whole or not at all, and [`Store::sync`] returns only after everything
//! up to that ticket is on the disk. The order of locks: a space's lock, then the lock of writers, then that of heads.

mod accounts;
mod alerts;
mod analytics;
mod articles;
mod audit;
mod batch;
mod classifiers;
mod codec;
mod curation;
mod gaps;
mod heads;
mod interactions;
mod keys;
mod open;
mod queries;
mod rows;
mod sync;
mod synonyms;
#[cfg(test)]
mod tests;
mod vectors;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use crate::error::{Error, Result};
use crate::id::{InvalidId, SpaceId};

pub use accounts::Idempotent;
pub use batch::{AuditDraft, Batch};
pub use sync::Ticket;

/// A cheap handle on the open store; clones share it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

// Dropped in this order: the log before the lock that says nobody has it.
struct Inner {
    tree: sled::Tree,
    vectors: sled::Tree,
    durability: sync::Durability,
    writer: Mutex<rows::Writer>,
    heads: heads::Heads,
    gates: Mutex<HashMap<SpaceId, Arc<Gate>>>,
    dir: PathBuf,
    _lock: open::DirLock,
}

/// How the store is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreSettings {
    /// Bytes of the page cache.
    pub cache_bytes: u64,
}

/// What [`Store::open`] found.
pub struct Opened {
    /// The store.
    pub store: Store,
    /// Whether it was made just now.
    pub created: bool,
    /// Whether the last process closed it properly; true for a new store.
    pub clean: bool,
}

#[derive(Default)]
struct Gate {
    taken: Mutex<bool>,
    free: Condvar,
}

/// The write lock of a space; given back when dropped.
#[must_use = "the lock is given back when this is dropped"]
pub struct SpaceLock(Arc<Gate>);

impl Drop for SpaceLock {
    fn drop(&mut self) {
        *self.0.taken.lock() = false;
        self.0.free.notify_one();
    }
}

impl Store {
    /// Waits for the write lock of a space. Not re-entrant.
    pub fn lock(&self, space: &SpaceId) -> SpaceLock {
        let gate = self.inner.gates.lock().entry(space.clone()).or_default().clone();
        let mut taken = gate.taken.lock();
        while *taken {
            gate.free.wait(&mut taken);
        }
        *taken = true;
        drop(taken);
        SpaceLock(gate)
    }

    /// An empty batch.
    pub fn batch(&self) -> Batch {
        Batch::default()
    }

    /// Returns when everything up to the ticket is on the disk; waiters share one fdatasync.
    ///
    /// # Errors
    /// `Store` when the sync fails, and from then on for everybody: what the disk holds is uncertain until a restart.
    pub fn sync(&self, ticket: Ticket) -> Result<()> {
        self.inner.durability.wait(ticket)
    }

    /// How many fdatasyncs of the log were made since it was opened.
    pub fn syncs(&self) -> u64 {
        self.inner.durability.syncs()
    }
}

/// BLAKE3 of a text, where the text itself could be too long for a key.
fn form_hash(text: &str) -> [u8; 32] {
    *blake3::hash(text.as_bytes()).as_bytes()
}

fn id_of<T: std::str::FromStr<Err = InvalidId>>(text: &str) -> Result<T> {
    text.parse().map_err(|e| Error::Store(format!("a key holds '{text}': {e}")))
}
