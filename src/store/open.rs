//! How is a store opened, by one process at a time, and closed?
//!
//! Invariant: nothing is committed before the format was checked and everything that opening wrote is on the disk.

use std::fs::{File, TryLockError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::codec::{STORE_FORMAT, encode};
use super::heads::Heads;
use super::keys::Table;
use super::rows::{Writer, failed};
use super::sync::{Durability, sync_dir, sync_files};
use super::{Batch, Inner, Opened, Store, StoreSettings};
use crate::error::{Error, Result};

/// Bytes of a segment of the log; fixed when a store is made.
const SEGMENT: usize = 2 * 1024 * 1024;
const LOCK_FILE: &str = "lock";
const CLEAN_FILE: &str = "clean";
/// How long the log's own threads may take to let go of it after the handle before was dropped.
const LINGER: Duration = Duration::from_secs(5);
/// Marks of one opening begin above all marks of the openings before.
const MARK_BITS: u32 = 40;

fn io(what: &str) -> impl Fn(std::io::Error) -> Error + '_ {
    move |e| Error::Store(format!("{what}: {e}"))
}

impl Store {
    /// Opens or makes the store in `dir`.
    ///
    /// # Errors
    /// `StoreLocked` when it is open already, `StoreTooNew` when a newer program wrote it, `Store` otherwise.
    pub fn open(dir: &Path, settings: &StoreSettings) -> Result<Opened> {
        std::fs::create_dir_all(dir).map_err(io("cannot make the data directory"))?;
        let lock = take_lock(dir)?;
        let db = open_log(dir, settings)?;
        let clean = dir.join(CLEAN_FILE);
        let was_clean = clean.exists();
        if was_clean {
            std::fs::remove_file(&clean).map_err(io("cannot remove the mark of a clean end"))?;
        }
        sync_files(dir).map_err(io("cannot sync the data directory"))?;
        let inner = Inner {
            durability: Durability::new(db.clone(), dir)?,
            vectors: db.open_tree("vectors").map_err(failed)?,
            tree: (*db).clone(),
            writer: Mutex::new(Writer::default()),
            heads: Heads::default(),
            gates: Mutex::default(),
            dir: dir.to_owned(),
            _lock: lock,
        };
        let store = Store { inner: Arc::new(inner) };
        let created = store.check_format()?;
        store.begin()?;
        store.load_heads()?;
        Ok(Opened { store, created, clean: was_clean || created })
    }

    /// Says whether the store is new.
    fn check_format(&self) -> Result<bool> {
        let format = self.read::<u32>(Table::Meta, &meta("format"))?;
        match format {
            Some(found) if found > STORE_FORMAT => Err(Error::StoreTooNew { found, known: STORE_FORMAT }),
            Some(_) => Ok(false),
            None if self.inner.tree.is_empty() => Ok(true),
            None => Err(Error::Store(
                "the data directory holds rows but no format: it is not a store of this program".into(),
            )),
        }
    }

    /// Writes the newest format and starts a new run of marks. Rows of older formats are upgraded as they are read.
    fn begin(&self) -> Result<()> {
        let opening = self.read::<u64>(Table::Meta, &meta("openings"))?.unwrap_or(0) + 1;
        let mut writer = self.inner.writer.lock();
        writer.mark = opening << MARK_BITS;
        writer.chain = self.read_chain()?;
        let mut batch = Batch::default();
        batch.rows.insert(meta("format"), Some(encode(Table::Meta, &STORE_FORMAT)?));
        batch.rows.insert(meta("openings"), Some(encode(Table::Meta, &opening)?));
        let ticket = self.write(&mut writer, batch)?;
        drop(writer);
        self.sync(ticket)
    }

    /// Syncs everything and leaves the mark of a clean end; nothing can be written afterwards.
    ///
    /// The directory is free again when the last handle is dropped.
    ///
    /// # Errors
    /// `Store` when a sync fails or failed before; then no mark is left.
    pub fn close(&self) -> Result<()> {
        let _writer = self.inner.writer.lock();
        self.inner.durability.drain()?;
        self.inner.durability.stop("the store is closed".into());
        let clean =
            File::create(self.inner.dir.join(CLEAN_FILE)).map_err(io("cannot leave the mark of a clean end"))?;
        clean.sync_all().map_err(io("cannot sync the mark of a clean end"))?;
        sync_dir(&self.inner.dir).map_err(io("cannot sync the data directory"))
    }
}

pub(super) fn meta(name: &str) -> Vec<u8> {
    Table::Meta.key().raw(name.as_bytes()).bytes()
}

/// Says to other processes that the directory is in use.
pub(super) struct DirLock(File);

impl Drop for DirLock {
    /// Closing the file would not do: a process being started right now still holds a copy of it until its `exec`.
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "the lock of the data directory could not be given back");
        }
    }
}

fn take_lock(dir: &Path) -> Result<DirLock> {
    let path = dir.join(LOCK_FILE);
    let file = File::create(&path).map_err(io("cannot open the lock file"))?;
    match file.try_lock() {
        Ok(()) => Ok(DirLock(file)),
        Err(TryLockError::WouldBlock) => Err(Error::StoreLocked { path: dir.display().to_string() }),
        Err(TryLockError::Error(e)) => Err(io("cannot lock the data directory")(e)),
    }
}

/// Opens the log. No timer flushes it: the callers of [`Store::sync`] decide when.
fn open_log(dir: &Path, settings: &StoreSettings) -> Result<sled::Db> {
    let began = Instant::now();
    loop {
        let config = sled::Config::default()
            .path(dir)
            .cache_capacity(settings.cache_bytes)
            .mode(sled::Mode::HighThroughput)
            .segment_size(SEGMENT)
            .flush_every_ms(None);
        // The log answers some damage with a panic; the operator is owed a sentence.
        let opened = catch_unwind(AssertUnwindSafe(|| config.open()));
        match opened {
            Ok(Ok(db)) => return Ok(db),
            // We hold our own lock, so the one who has the log's is a handle of this process on its way out.
            Ok(Err(sled::Error::Io(e))) if e.kind() == std::io::ErrorKind::Other && began.elapsed() < LINGER => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Ok(Err(error)) => {
                return Err(Error::Store(format!("the log in {} cannot be opened: {error}", dir.display())));
            }
            Err(_) => return Err(Error::Store(format!("the log in {} is damaged beyond recovery", dir.display()))),
        }
    }
}
