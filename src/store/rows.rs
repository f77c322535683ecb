//! How is a row written and read, whatever its table?
//!
//! Invariant: one commit is one atomic batch of the log, and commits happen one after another.

use serde::de::DeserializeOwned;

use super::audit::Chain;
use super::codec::{BIG, MAX_ROW, Pieces, damaged, decode, encode};
use super::keys::Table;
use super::sync::Ticket;
use super::{Batch, Store};
use crate::error::{Error, Result};

/// How often a large value is looked up again while writers replace it.
const MAX_TRIES: usize = 100;

/// What writers hold while they write; see [`Store::commit`].
#[derive(Default)]
pub(super) struct Writer {
    /// The end of the audit log.
    pub(super) chain: Chain,
    /// The last mark or generation given out.
    pub(super) mark: u64,
}

impl Writer {
    fn fresh_mark(&mut self) -> u64 {
        self.mark += 1;
        self.mark
    }
}

/// Rows on their way into one batch of the log.
#[derive(Default)]
struct Staged {
    batch: sled::Batch,
    bytes: u64,
}

impl Staged {
    fn insert(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.bytes += (key.len() + value.len()) as u64 + 64;
        self.batch.insert(key, value);
    }

    fn remove(&mut self, key: Vec<u8>) {
        self.bytes += key.len() as u64 + 64;
        self.batch.remove(key);
    }
}

impl Store {
    /// Writes a batch at once or not at all; readers see it from now on, the disk after [`Store::sync`].
    ///
    /// # Errors
    /// `Store` when a value cannot be encoded (nothing was written), when the log fails (then every later write
    /// fails too), or when the store was closed.
    pub fn commit(&self, batch: Batch) -> Result<Ticket> {
        self.make_room()?;
        let mut writer = self.inner.writer.lock();
        self.write(&mut writer, batch)
    }

    /// Syncs first when too much is unsynced.
    pub(super) fn make_room(&self) -> Result<()> {
        if self.inner.durability.must_wait() {
            self.inner.durability.drain()?;
        }
        Ok(())
    }

    pub(super) fn write(&self, writer: &mut Writer, batch: Batch) -> Result<Ticket> {
        self.inner.durability.check()?;
        if let Some(error) = batch.failed {
            return Err(error);
        }
        let mut staged = Staged::default();
        for (key, value) in batch.rows {
            self.stage(&mut staged, writer, key, value)?;
        }
        for key in batch.marks {
            let mark = writer.fresh_mark();
            staged.insert(key, encode(Table::Dirty, &mark)?);
        }
        let mut chain = writer.chain.clone();
        for draft in batch.audit {
            for (key, value) in chain.append(draft)? {
                self.stage(&mut staged, writer, key, Some(value))?;
            }
        }
        if let Err(error) = self.inner.tree.apply_batch(staged.batch) {
            // Part of the batch may be visible now, and none of it may be on the disk.
            self.inner.durability.stop(format!("writing failed ({error}): check the disk and restart"));
            return Err(failed(error));
        }
        writer.chain = chain;
        self.inner.heads.apply(batch.heads);
        Ok(self.inner.durability.wrote(staged.bytes))
    }

    fn stage(&self, staged: &mut Staged, writer: &mut Writer, key: Vec<u8>, value: Option<Vec<u8>>) -> Result<()> {
        let old = self.inner.tree.get(&key).map_err(failed)?;
        if let Some(pieces) = old.as_deref().and_then(Pieces::read) {
            pieces.keys().for_each(|piece| staged.remove(piece));
        }
        let Some(value) = value else {
            staged.remove(key);
            return Ok(());
        };
        if value.len() <= MAX_ROW {
            staged.insert(key, value);
            return Ok(());
        }
        let generation = writer.fresh_mark();
        let count = u32::try_from(value.len().div_ceil(MAX_ROW)).map_err(|_| damaged(&key, "it is too long"))?;
        let pieces = Pieces { generation, count, length: value.len() as u64 };
        for (piece_key, piece) in pieces.keys().zip(value.chunks(MAX_ROW)) {
            staged.insert(piece_key, piece.to_vec());
        }
        staged.insert(key, pieces.row());
        Ok(())
    }

    /// The value of a row.
    pub(super) fn read<T: DeserializeOwned>(&self, table: Table, key: &[u8]) -> Result<Option<T>> {
        let Some(row) = self.inner.tree.get(key).map_err(failed)? else {
            return Ok(None);
        };
        self.read_row(table, key, row)
    }

    /// The value of a row whose bytes were read before; `None` when it was removed meanwhile.
    pub(super) fn read_row<T: DeserializeOwned>(&self, table: Table, key: &[u8], row: sled::IVec) -> Result<Option<T>> {
        if row.first() != Some(&BIG) {
            return decode(table, key, &row).map(Some);
        }
        match self.join(key, row)? {
            Some(bytes) => decode(table, key, &bytes).map(Some),
            None => Ok(None),
        }
    }

    /// Puts a large value together. A writer may replace it between our reads; then the row has changed too.
    fn join(&self, key: &[u8], mut row: sled::IVec) -> Result<Option<Vec<u8>>> {
        for _ in 0..MAX_TRIES {
            let Some(pieces) = Pieces::read(&row) else {
                return if row.first() == Some(&BIG) {
                    Err(damaged(key, "the list of its chunks is cut"))
                } else {
                    Ok(Some(row.to_vec()))
                };
            };
            if let Some(bytes) = self.gather(pieces)? {
                return Ok(Some(bytes));
            }
            match self.inner.tree.get(key).map_err(failed)? {
                None => return Ok(None),
                Some(same) if same == row => return Err(damaged(key, "a chunk is missing")),
                Some(newer) => row = newer,
            }
        }
        Err(Error::Store(format!("the row '{}' changes faster than it can be read", super::keys::describe(key))))
    }

    fn gather(&self, pieces: Pieces) -> Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        for key in pieces.keys() {
            match self.inner.tree.get(key).map_err(failed)? {
                Some(piece) => bytes.extend_from_slice(&piece),
                None => return Ok(None),
            }
        }
        Ok((bytes.len() as u64 == pieces.length).then_some(bytes))
    }

    /// The rows with `from ≤ key < until` as they are, unread.
    pub(super) fn rows_of(
        &self,
        from: Vec<u8>,
        until: Vec<u8>,
    ) -> impl Iterator<Item = Result<(sled::IVec, sled::IVec)>> {
        self.inner.tree.range(from..until).map(|row| row.map_err(failed))
    }

    /// The rows with `from ≤ key < until`, ascending (or descending from the back), with their keys.
    pub(super) fn scan<T: DeserializeOwned>(&self, table: Table, from: Vec<u8>, until: Vec<u8>) -> Scan<T> {
        Scan { store: self.clone(), table, rows: self.inner.tree.range(from..until), kind: std::marker::PhantomData }
    }
}

/// Rows of a range; see [`Store::scan`].
pub(super) struct Scan<T> {
    store: Store,
    table: Table,
    rows: sled::Iter,
    kind: std::marker::PhantomData<fn() -> T>,
}

type Row = sled::Result<(sled::IVec, sled::IVec)>;

impl<T: DeserializeOwned> Scan<T> {
    fn open(&self, row: Row) -> Result<Option<(sled::IVec, T)>> {
        let (key, bytes) = row.map_err(failed)?;
        let value = self.store.read_row(self.table, &key, bytes)?;
        Ok(value.map(|value| (key, value)))
    }
}

impl<T: DeserializeOwned> Iterator for Scan<T> {
    type Item = Result<(sled::IVec, T)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let row = self.rows.next()?;
            if let Some(opened) = self.open(row).transpose() {
                return Some(opened);
            }
        }
    }
}

impl<T: DeserializeOwned> DoubleEndedIterator for Scan<T> {
    fn next_back(&mut self) -> Option<Self::Item> {
        loop {
            let row = self.rows.next_back()?;
            if let Some(opened) = self.open(row).transpose() {
                return Some(opened);
            }
        }
    }
}

/// An error of the log as ours.
pub(super) fn failed(error: sled::Error) -> Error {
    Error::Store(error.to_string())
}
