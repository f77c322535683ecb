//! One moment of an index: as it is, or as it would be if one document were another one, or were gone.
//!
//! Invariant: nothing that others search is touched, and what is found is what would be found after the change: the
//! statistics count exactly the passages that would be live.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::bitset::DocSet;
use crate::document::{Document, Record};
use crate::error::Result;
use crate::index::{Index, Vectors, View};
use crate::lexical::{Remembered, Stamp, Totals};
use crate::parts::{Part, passing};
use crate::query::{Hit, Query, Results};
use crate::shelf::{Shelf, ShelfView};

/// An index at one moment: every search of it sees the same.
pub struct Snapshot<'a> {
    index: &'a Index,
    view: Arc<View>,
}

/// What would be live: the documents that stay, and a shelf in memory with what is new.
pub(crate) struct Instead {
    stay: DocSet,
    new: ShelfView,
    /// Sums over both.
    pub totals: Totals,
    /// Terms that were looked up in both.
    pub memory: Mutex<Remembered>,
}

impl Instead {
    /// Both shelves; `accept` is what passes of the live one.
    pub fn parts<'a>(
        &'a self,
        live: &'a ShelfView,
        accept: Option<&DocSet>,
        passes: impl Fn(&Record) -> bool,
    ) -> Vec<Part<'a>> {
        let mut stays = self.stay.clone();
        if let Some(accept) = accept {
            stays.and(accept);
        }
        let stays = Part { shelf: live, time: Some(self.stay.clone()), accept: Some(Arc::new(stays)) };
        let new = passing(&self.new, passes);
        let accept = (new.count() as u64 != self.new.table.documents).then(|| Arc::new(new));
        vec![stays, Part { shelf: &self.new, time: None, accept }]
    }
}

impl Index {
    /// The index as it is at this moment.
    pub fn now(&self) -> Snapshot<'_> {
        Snapshot { index: self, view: self.view.load_full() }
    }
}

impl<'a> Snapshot<'a> {
    /// The index as it would be with this document live in place of what is live of its id; without one, as it would be
    /// if that were gone. What confidence is told from stays what was measured last, as it does after a real change.
    ///
    /// # Errors
    /// As [`Index::apply`].
    pub fn with(&self, id: &str, document: Option<Document>) -> Result<Snapshot<'a>> {
        let (index, now) = (self.index, &self.view);
        let mut table = now.live.table.clone();
        for gone in now.live.lexical.documents(id)? {
            table.remove(gone);
        }
        let stay: DocSet = table.iter().map(|(document, _)| document).collect();
        let mut shelf = Shelf::in_memory(index.embedder.dimension())?;
        if let Some(document) = document {
            let number = now.live.table.bound();
            let prepared = index.prepared(vec![(number, document)], Vectors::Now)?;
            let stamp = Stamp { fingerprint: index.fingerprint.clone(), next_document: number + 1 };
            shelf.write(&[], prepared, &stamp)?;
        }
        let new = shelf.view(None)?;
        let mut totals = Totals::default();
        for table in [&table, &new.table] {
            totals.add(table.passages, &table.lengths, &table.present);
        }
        let view = View {
            live: now.live.clone(),
            history: now.history.clone(),
            suggestions: now.suggestions.clone(),
            filters: Mutex::default(),
            instead: Some(Instead { stay, new, totals, memory: Mutex::default() }),
        };
        Ok(Snapshot { index, view: Arc::new(view) })
    }

    /// As [`Index::search`]; of what would be live, a hit shows its best passage, not the one that would be read as the
    /// answer.
    ///
    /// # Errors
    /// As [`Index::search`].
    pub fn search(&self, query: &Query) -> Result<Results> {
        self.index.search_in(&self.view, query)
    }

    /// As [`Index::hits_of`].
    ///
    /// # Errors
    /// As [`Index::hits_of`].
    pub fn hits_of(&self, ids: &[&str], query: &Query) -> Result<Vec<Hit>> {
        self.index.hits_in(&self.view, ids, query)
    }
}
