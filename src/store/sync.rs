//! When is a write on the disk?
//!
//! Invariant: [`Durability::wait`] returns `Ok` only when the device has confirmed everything up to the ticket, and
//! after one failed sync nothing is ever confirmed again.
//!
//! What holds data, and in which order it reaches the disk (sled 0.34.7):
//! - `db` is the log, cut into segments. A batch is in it as a manifest that names the batch's last position, then
//!   its messages, each with a checksum. Recovery drops a batch whose last position is not in the readable log, so
//!   a batch is there whole or not at all.
//! - `flush` returns when every buffer up to the newest reservation was written, without a hole. On Linux it ends in
//!   `sync_file_range`, which neither empties the device's cache nor writes the file's size or its extents. So the
//!   leader adds `fdatasync` on a handle of its own. That handle was opened before the first write and keeps its own
//!   error cursor, so a write-back error that another handle has already been told still reaches us.
//! - `blobs/` takes values larger than a quarter of a segment, in files that sled never syncs. We cut values into
//!   rows of 16 KiB; a leaf has at most 20 of them, below a quarter of our 2 MiB segments, so no such file is made.
//! - `snap.*` is a shortcut to recovery, written and synced only while opening, then renamed. `conf` is written once
//!   and not synced. The opener syncs both, and the directories, before the first commit.
//! - Recovery starts from the snapshot, reads all segment headers and follows the log to its first unreadable
//!   message. Everything up to the last `fdatasync` is readable, so the end lies behind it.
//! - A segment is used again only when a later segment's header, two segments on, says that what replaced it was
//!   written; but that too trusts `sync_file_range`. So the unsynced tail is kept shorter than a segment:
//!   [`Durability::must_wait`] makes the next writer sync first. No timer flushes behind our back.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex};

use crate::error::{Error, Result};

/// Unsynced bytes, as handed in, from which the next writer must sync first: with the log's own overhead well below
/// one segment.
const MAX_UNSYNCED: u64 = 256 * 1024;

/// A place in the order of commits; see [`crate::store::Store::sync`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(super) u64);

/// What is written and what of it is on the disk.
pub(super) struct Durability {
    db: sled::Db,
    log: File,
    written: AtomicU64,
    unsynced: AtomicU64,
    syncs: AtomicU64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    synced: u64,
    leading: bool,
    stopped: Option<String>,
}

impl Durability {
    /// `dir` is where `db` was opened.
    pub(super) fn new(db: sled::Db, dir: &Path) -> Result<Self> {
        let log = File::open(dir.join("db")).map_err(|e| Error::Store(format!("cannot open the log: {e}")))?;
        Ok(Self {
            db,
            log,
            written: AtomicU64::new(0),
            unsynced: AtomicU64::new(0),
            syncs: AtomicU64::new(0),
            state: Mutex::new(State::default()),
            changed: Condvar::new(),
        })
    }

    pub(super) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    /// The newest commit.
    pub(super) fn newest(&self) -> Ticket {
        Ticket(self.written.load(Ordering::Acquire))
    }

    /// Refuses once a sync failed or the store was closed.
    pub(super) fn check(&self) -> Result<()> {
        self.state.lock().stopped.clone().map_or(Ok(()), |why| Err(Error::Store(why)))
    }

    /// Refuses every later write and sync; the first reason stays.
    pub(super) fn stop(&self, why: String) {
        self.state.lock().stopped.get_or_insert(why);
        self.changed.notify_all();
    }

    /// Counts a write that is in the log now; the caller holds the lock of writers.
    pub(super) fn wrote(&self, bytes: u64) -> Ticket {
        self.unsynced.fetch_add(bytes, Ordering::Relaxed);
        Ticket(self.written.fetch_add(1, Ordering::AcqRel) + 1)
    }

    /// Counts bytes in the log that belong to no ticket.
    pub(super) fn wrote_beside(&self, bytes: u64) {
        self.unsynced.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Whether the unsynced tail leaves no room for another write.
    pub(super) fn must_wait(&self) -> bool {
        self.unsynced.load(Ordering::Relaxed) > MAX_UNSYNCED
    }

    /// Syncs whatever is in the log, tickets or not.
    pub(super) fn drain(&self) -> Result<()> {
        let wanted = self.syncs() + 1;
        loop {
            let mut state = self.state.lock();
            if let Some(why) = &state.stopped {
                return Err(Error::Store(why.clone()));
            }
            if !state.leading {
                return self.lead(&mut state);
            }
            self.changed.wait(&mut state);
            // The sync that ran may have begun before our bytes; the one after it did not.
            if self.syncs() > wanted {
                return Ok(());
            }
        }
    }

    /// Returns when everything up to the ticket is on the disk. Whoever finds nobody syncing leads; the others wait
    /// and, if the running sync began too early for them, one of them leads the next for all.
    pub(super) fn wait(&self, ticket: Ticket) -> Result<()> {
        let mut state = self.state.lock();
        loop {
            if state.synced >= ticket.0 {
                return Ok(());
            }
            if let Some(why) = &state.stopped {
                return Err(Error::Store(why.clone()));
            }
            if state.leading {
                self.changed.wait(&mut state);
            } else {
                self.lead(&mut state)?;
            }
        }
    }

    fn lead(&self, state: &mut parking_lot::MutexGuard<'_, State>) -> Result<()> {
        state.leading = true;
        let (upto, done) = parking_lot::MutexGuard::unlocked(state, || {
            let upto = self.newest();
            let before = self.unsynced.load(Ordering::Relaxed);
            // A panic below us must not leave the others waiting for ever.
            let done = catch_unwind(AssertUnwindSafe(|| self.to_disk())).unwrap_or(Err("the log panicked".into()));
            self.unsynced.fetch_sub(before, Ordering::Relaxed);
            (upto, done)
        });
        state.leading = false;
        match &done {
            Ok(()) => state.synced = state.synced.max(upto.0),
            Err(why) => {
                state.stopped.get_or_insert(format!(
                    "syncing the log failed ({why}); what was written since is uncertain: check the disk and restart"
                ));
            }
        }
        self.changed.notify_all();
        done.map_err(|_| Error::Store(state.stopped.clone().unwrap_or_default()))
    }

    fn to_disk(&self) -> std::result::Result<(), String> {
        self.db.flush().map_err(|e| e.to_string())?;
        self.log.sync_data().map_err(|e| e.to_string())?;
        self.syncs.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Syncs a directory, so that files made, renamed or removed in it stay so.
pub(super) fn sync_dir(dir: &Path) -> std::io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Syncs what opening the log has written beside it: `conf`, snapshots, and the directories.
pub(super) fn sync_files(dir: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        File::open(path)?.sync_all()?;
    }
    sync_dir(dir)?;
    match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent),
        _ => Ok(()),
    }
}
