//! Where does what was acknowledged live? In one directory, behind this door.
//!
//! Invariant: a write returns its [`Ticket`] only after the whole batch is in the log, and
//! [`Store::sync`] returns only after everything up to that ticket is on the disk.

mod accounts;
mod articles;
mod batch;
mod queries;
mod sync;
mod vectors;

use std::path::Path;
use std::sync::Arc;

use crate::error::Result;
use crate::id::SpaceId;

pub use accounts::Idempotent;
pub use batch::{AuditDraft, Batch};
pub use sync::Ticket;

/// A cheap handle on the open store; clones share it.
#[derive(Clone)]
pub struct Store(Arc<()>);

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
    /// Whether the last process closed it properly.
    pub clean: bool,
}

/// The write lock of a space; given back when dropped.
#[must_use = "the lock is given back when this is dropped"]
pub struct SpaceLock(Arc<()>);

impl Store {
    /// Opens or makes the store in `dir`.
    ///
    /// # Errors
    /// `StoreLocked` when it is open already, `StoreTooNew` when a newer program wrote it, `Store` otherwise.
    pub fn open(dir: &Path, settings: &StoreSettings) -> Result<Opened> { todo!() }
    /// Flushes, syncs and leaves the mark of a clean end; nothing can be written afterwards.
    pub fn close(&self) -> Result<()> { todo!() }
    /// Waits for the write lock of a space.
    pub fn lock(&self, space: &SpaceId) -> SpaceLock { todo!() }
    /// An empty batch.
    pub fn batch(&self) -> Batch { todo!() }
    /// Writes a batch at once or not at all; readers see it from now on, the disk after [`Store::sync`].
    pub fn commit(&self, batch: Batch) -> Result<Ticket> { todo!() }
    /// Returns when everything up to the ticket is on the disk; waiters share one fdatasync.
    pub fn sync(&self, ticket: Ticket) -> Result<()> { todo!() }
    /// How many fdatasyncs of the log were made.
    pub fn syncs(&self) -> u64 { todo!() }
}
