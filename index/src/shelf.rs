//! One shelf, live or history: the postings, vectors and records of its documents.
//!
//! Invariant: a write is one commit; what is in memory beside it says the same as what is stored.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::dense::{Code, Dense, DenseSettings, DenseSnapshot};
use crate::document::{Interval, Record, document_of, passage_id};
use crate::error::{Error, Result};
use crate::lexical::{Lexical, LexicalView, Stamp};
use crate::prepare::Prepared;
use crate::table::Table;

/// One shelf as readers see it.
pub(crate) struct ShelfView {
    pub lexical: LexicalView,
    pub dense: Arc<DenseSnapshot>,
    pub table: Table,
}

/// The writing side of one shelf.
pub(crate) struct Shelf {
    pub lexical: Lexical,
    pub dense: Arc<Dense>,
    pub table: Table,
    pub dir: PathBuf,
    /// Documents by id.
    pub ids: HashMap<String, Vec<u32>>,
    /// Documents some of whose passages have no vector yet.
    pub waiting: HashSet<u32>,
}

impl Shelf {
    /// Opens a shelf and fills its table and vectors from what is stored; gives the next document number.
    pub fn open(dir: &Path, dimension: usize, settings: DenseSettings, fingerprint: &str) -> Result<(Self, u32)> {
        let existed = dir.exists();
        let mut lexical = Lexical::open(dir)?;
        let next = match lexical.stamp()? {
            Some(stamp) if stamp.fingerprint != fingerprint => {
                return Err(Error::Lexical("it was made with another format, model or dictionary".into()));
            }
            Some(stamp) => stamp.next_document,
            // A shelf is stamped when it is made: one without a stamp has lost its list of segments.
            None if existed => return Err(Error::Lexical("its last commit is missing".into())),
            None => {
                lexical.commit(&Stamp { fingerprint: fingerprint.to_owned(), next_document: 0 })?;
                0
            }
        };
        let dense = Arc::new(Dense::new(dimension, settings));
        let mut table = Table::default();
        let mut ids: HashMap<String, Vec<u32>> = HashMap::new();
        let mut rows: Vec<(u64, Code)> = Vec::new();
        let mut waiting = HashSet::new();
        lexical.each(|passage, mut stored| {
            if let Some(record) = stored.record.take() {
                let document = document_of(passage);
                ids.entry(record.id.clone()).or_default().push(document);
                table.insert(document, Arc::new(record));
            }
            if stored.is_waiting() {
                waiting.insert(document_of(passage));
            }
            rows.extend(stored.code.map(|code| (passage, code)));
            Ok(())
        })?;
        rows.sort_unstable_by_key(|(passage, _)| *passage);
        dense.insert(rows);
        Ok((Self { lexical, dense, table, dir: dir.to_owned(), ids, waiting }, next))
    }

    /// A shelf that is kept nowhere.
    pub fn in_memory(dimension: usize) -> Result<Self> {
        let scan = DenseSettings { graph_from: usize::MAX, ..DenseSettings::default() };
        Ok(Self {
            lexical: Lexical::in_memory()?,
            dense: Arc::new(Dense::new(dimension, scan)),
            table: Table::default(),
            dir: PathBuf::new(),
            ids: HashMap::new(),
            waiting: HashSet::new(),
        })
    }

    pub fn view(&self, before: Option<&Arc<ShelfView>>) -> Result<ShelfView> {
        Ok(ShelfView {
            lexical: self.lexical.view(before.map(|view| &view.lexical))?,
            dense: self.dense.snapshot(),
            table: self.table.clone(),
        })
    }

    pub fn record(&self, document: u32) -> Option<&Arc<Record>> {
        self.table.get(document)
    }

    pub fn documents(&self, id: &str) -> Vec<(u32, Interval)> {
        let numbers = self.ids.get(id).into_iter().flatten();
        numbers.filter_map(|n| Some((*n, self.record(*n)?.interval()))).collect()
    }

    pub fn intervals(&self, id: &str) -> impl Iterator<Item = Interval> {
        self.ids.get(id).into_iter().flatten().filter_map(|n| Some(self.record(*n)?.interval()))
    }

    /// Takes documents out and puts others in, as one commit.
    pub fn write(&mut self, out: &[u32], new: Vec<Prepared>, stamp: &Stamp) -> Result<()> {
        for document in out {
            self.lexical.remove_document(*document);
        }
        let mut rows: Vec<(u64, Code)> = Vec::new();
        let mut records = Vec::with_capacity(new.len());
        let mut waiting = Vec::new();
        for document in new {
            if document.passages.iter().any(|passage| passage.stored.is_waiting()) {
                waiting.push(document.number);
            }
            records.push((document.number, document.record));
            for passage in document.passages {
                if let Some(code) = passage.stored.code.clone() {
                    rows.push((passage.passage, code));
                }
                self.lexical.add(passage)?;
            }
        }
        self.lexical.commit(stamp)?;
        self.waiting.extend(waiting);
        let mut gone = Vec::new();
        for document in out {
            self.waiting.remove(document);
            let Some(record) = self.table.remove(*document) else { continue };
            gone.extend((0..record.passages).map(|ordinal| passage_id(*document, ordinal)));
            if let Some(numbers) = self.ids.get_mut(&record.id) {
                numbers.retain(|n| n != document);
            }
        }
        self.dense.remove(&gone);
        self.dense.insert(rows);
        for (number, record) in records {
            self.ids.entry(record.id.clone()).or_default().push(number);
            self.table.insert(number, record);
        }
        Ok(())
    }
}
