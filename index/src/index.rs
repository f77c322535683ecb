//! The index of one space: what is live, and what was.
//!
//! Invariant: readers see one consistent snapshot, postings, vectors and records together; a change becomes visible
//! whole or not at all. The index is derived: whoever deletes its folder loses nothing but time.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use serde::Serialize;

use crate::analyzer::Analyzer;
use crate::background;
use crate::bitset::DocSet;
use crate::confidence::Background;
use crate::dense::DenseSettings;
use crate::document::{Change, Document, Interval, Known, LiveChange};
use crate::embed::{EmbedError, Embedder, Role};
use crate::error::{Error, Result};
use crate::lexical::Stamp;
use crate::prepare::{Prepared, embed_all, prepare_all};
use crate::settings::IndexSettings;
use crate::shelf::{Shelf, ShelfView};
use crate::snapshot::Instead;
use crate::suggest::Suggestions;

/// Filters remembered per snapshot.
const MAX_FILTERS: usize = 64;

/// Everything one search looks at.
pub(crate) struct View {
    pub live: Arc<ShelfView>,
    pub history: Arc<ShelfView>,
    pub suggestions: Suggestions,
    /// Documents of the live shelf that pass a filter, by the filter's text.
    pub filters: Mutex<HashMap<String, Arc<DocSet>>>,
    /// What would be live instead of what is, where that is asked.
    pub instead: Option<Instead>,
}

impl View {
    pub fn remember(&self, filter: String, set: Arc<DocSet>) {
        let mut filters = self.filters.lock();
        if filters.len() >= MAX_FILTERS {
            filters.clear();
        }
        filters.insert(filter, set);
    }
}

struct Writer {
    live: Shelf,
    history: Shelf,
    next: u32,
    /// Whether searches have yet to be shown what was written.
    unseen: bool,
}

/// How an index came up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// As it was left.
    Ready,
    /// Empty, because there was none.
    New,
    /// Empty, because what was there could not be used; says why.
    Discarded(String),
}

/// Figures of an index.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Stats {
    /// Live documents.
    pub documents: u64,
    /// Live passages.
    pub passages: u64,
    /// Past documents.
    pub history_documents: u64,
    /// Past passages.
    pub history_passages: u64,
    /// Live passages by segment, and the deleted ones among them.
    pub segments: Vec<(u32, u32)>,
    /// Vectors held, live shelf.
    pub vectors: u64,
    /// Vectors reachable over the graph, live shelf.
    pub in_graph: u64,
    /// Bytes of the words held for corrections, live shelf.
    pub vocabulary_bytes: u64,
    /// Documents, live and past, some of whose passages have no vector yet.
    pub waiting: u64,
}

/// Whether passages get their vectors with their words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vectors {
    /// With them: for an embedder that is fast.
    Now,
    /// Later: the words can be searched at once, and [`Index::waiting`] names what to give again.
    Later,
}

/// The index of one space. Searches take `&self` and never wait for writers.
pub struct Index {
    pub(crate) view: ArcSwap<View>,
    pub(crate) analyzer: Analyzer,
    pub(crate) embedder: Arc<dyn Embedder>,
    pub(crate) settings: IndexSettings,
    pub(crate) fingerprint: String,
    writer: Mutex<Writer>,
    dir: PathBuf,
    pub(crate) background: ArcSwap<Background>,
    /// Documents that changed since it was measured.
    pub(crate) changed: AtomicUsize,
}

impl Index {
    /// Opens the index in `dir`. What cannot be used (another format, model or dictionary, damaged files) is thrown
    /// away, and the index comes up empty: fill it again from the store.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Lexical`] where not even an empty index can be made.
    pub fn open(dir: &Path, settings: IndexSettings, embedder: Arc<dyn Embedder>) -> Result<(Self, Opened)> {
        let settings = IndexSettings { rank: settings.rank.of(&*embedder), ..settings };
        let fingerprint = settings.fingerprint(embedder.id());
        let new = !dir.join("live").exists();
        match Self::load(dir, &settings, &embedder, &fingerprint) {
            Ok(index) => Ok((index, if new { Opened::New } else { Opened::Ready })),
            // What somebody else is using is not broken.
            Err(locked @ Error::Locked(_)) => Err(locked),
            Err(reason) => {
                tracing::warn!(dir = %dir.display(), %reason, "the index cannot be used and is made anew");
                std::fs::remove_dir_all(dir).map_err(|e| Error::io(dir, e))?;
                let index = Self::load(dir, &settings, &embedder, &fingerprint)?;
                Ok((index, Opened::Discarded(reason.to_string())))
            }
        }
    }

    fn load(dir: &Path, settings: &IndexSettings, embedder: &Arc<dyn Embedder>, fingerprint: &str) -> Result<Self> {
        let dimension = embedder.dimension();
        let (live, next_live) = Shelf::open(&dir.join("live"), dimension, settings.dense.clone(), fingerprint)?;
        // The past is searched seldom: an exact scan serves it.
        let scan = DenseSettings { graph_from: usize::MAX, ..DenseSettings::default() };
        let (history, next_history) = Shelf::open(&dir.join("history"), dimension, scan, fingerprint)?;
        live.dense.load_graph(&live.dir.join("graph")).map_err(|e| Error::Dense(e.to_string()))?;
        let next = next_live.max(next_history);
        let background = background::load(dir, &settings.rank);
        let view = View {
            live: Arc::new(live.view(None)?),
            history: Arc::new(history.view(None)?),
            suggestions: Suggestions::of(&live.table),
            filters: Mutex::default(),
            instead: None,
        };
        Ok(Self {
            view: ArcSwap::from_pointee(view),
            analyzer: Analyzer::with_words(&settings.words),
            embedder: embedder.clone(),
            settings: settings.clone(),
            fingerprint: fingerprint.to_owned(),
            changed: AtomicUsize::new(if background.is_some() { 0 } else { usize::MAX / 16 }),
            background: ArcSwap::from_pointee(background.unwrap_or_default()),
            writer: Mutex::new(Writer { live, history, next, unseen: false }),
            dir: dir.to_owned(),
        })
    }

    /// Where the index is kept.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What the index holds for an id.
    pub fn known(&self, id: &str) -> Known {
        let writer = self.writer.lock();
        let live = writer.live.intervals(id).next();
        let mut history: Vec<Interval> = writer.history.intervals(id).collect();
        history.sort_unstable();
        Known { live, history }
    }

    /// Every live id and the interval it has.
    pub fn live(&self) -> Vec<(String, Interval)> {
        let view = self.view.load();
        view.live.table.iter().map(|(_, record)| (record.id.clone(), record.interval())).collect()
    }

    /// Every past id and the interval it had.
    pub fn past(&self) -> Vec<(String, Interval)> {
        let view = self.view.load();
        view.history.table.iter().map(|(_, record)| (record.id.clone(), record.interval())).collect()
    }

    /// Makes changes and shows them to searches that begin after it returns. Doing it again changes nothing more.
    ///
    /// # Errors
    /// [`Error::Document`] where a document breaks a limit (nothing of the call is applied), and [`Error::Lexical`]
    /// where the files cannot be written.
    pub fn apply(&self, changes: Vec<Change>) -> Result<()> {
        self.apply_with(changes, Vectors::Now)
    }

    /// As [`Index::apply`], with or without the vectors. A document whose passages got none (because they were not
    /// asked for, or the model failed) is found by words, and [`Index::waiting`] names it.
    ///
    /// # Errors
    /// As [`Index::apply`].
    pub fn apply_with(&self, changes: Vec<Change>, vectors: Vectors) -> Result<()> {
        let mut writer = self.writer.lock();
        // A panic half-way would leave documents that the next commit takes along.
        let result = catch_unwind(AssertUnwindSafe(|| self.apply_locked(&mut writer, changes, vectors)))
            .unwrap_or_else(|_| Err(Error::Lexical("applying changes panicked".into())));
        if result.is_err() {
            writer.live.lexical.rollback()?;
            writer.history.lexical.rollback()?;
        }
        result
    }

    fn apply_locked(&self, writer: &mut Writer, changes: Vec<Change>, vectors: Vectors) -> Result<()> {
        let mut live_in = Vec::new();
        let mut history_in = Vec::new();
        let mut live_out = Vec::new();
        let mut history_out = Vec::new();
        for change in changes {
            if change.live != LiveChange::Keep {
                live_out.extend(writer.live.ids.get(&change.id).into_iter().flatten().copied());
            }
            if let LiveChange::Set(document) = change.live {
                live_in.push((writer.number(), *document));
            }
            let past = writer.history.documents(&change.id);
            let gone = |interval: &Interval| {
                change.remove_history.contains(interval)
                    || change.add_history.iter().any(|d| d.version == interval.version && d.from == interval.from)
            };
            history_out.extend(past.into_iter().filter(|(_, interval)| gone(interval)).map(|(n, _)| n));
            for document in change.add_history {
                history_in.push((writer.number(), document));
            }
        }
        let live_in = self.prepared(live_in, vectors)?;
        let history_in = self.prepared(history_in, vectors)?;
        let stamp = Stamp { fingerprint: self.fingerprint.clone(), next_document: writer.next };
        let live_changed = !live_in.is_empty() || !live_out.is_empty();
        let history_changed = !history_in.is_empty() || !history_out.is_empty();
        let missed = std::mem::replace(&mut writer.unseen, true);
        // History first: a version that is found twice for a moment is better than one that is found nowhere.
        if history_changed {
            writer.history.write(&history_out, history_in, &stamp)?;
        }
        self.changed.fetch_add(live_in.len() + live_out.len(), Ordering::Relaxed);
        let added: Vec<u32> = live_in.iter().map(|p| p.number).collect();
        if live_changed {
            writer.live.write(&live_out, live_in, &stamp)?;
        }
        let (before, table) = (self.view.load(), &writer.live.table);
        let added = added.iter().filter_map(|n| Some((*n, table.get(*n)?)));
        let suggestions = if missed { Suggestions::of(table) } else { before.suggestions.with(added, table) };
        self.show(writer, live_changed || missed, history_changed || missed, suggestions)?;
        writer.unseen = false;
        Ok(())
    }

    /// Whether something was written that searches are not shown yet, because that failed: applying anything, or nothing,
    /// tries again.
    pub fn is_behind(&self) -> bool {
        self.writer.lock().unseen
    }

    /// Ids of documents with passages that have no vector yet, at most so many; setting them again gives them one.
    pub fn waiting(&self, most: usize) -> Vec<String> {
        let writer = self.writer.lock();
        let mut ids: Vec<String> = Vec::new();
        for shelf in [&writer.live, &writer.history] {
            let left = most.saturating_sub(ids.len());
            ids.extend(shelf.waiting.iter().take(left).filter_map(|n| Some(shelf.record(*n)?.id.clone())));
        }
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Makes the vectors of these documents and throws them away: with a cache in front of the embedder, applying
    /// them afterwards holds nobody up.
    ///
    /// # Errors
    /// What the embedder says.
    pub fn warm(&self, documents: Vec<Document>) -> std::result::Result<(), EmbedError> {
        let numbered = documents.into_iter().map(|document| (0, document)).collect();
        let prepared = prepare_all(numbered, &self.analyzer, &self.settings.chunks, 1);
        let prepared = prepared.map_err(|error| EmbedError::Rejected(error.to_string()))?;
        let texts: Vec<&str> = prepared.iter().flat_map(|p| &p.texts).map(String::as_str).collect();
        for batch in texts.chunks(16) {
            self.embedder.embed(batch, Role::Passage)?;
        }
        Ok(())
    }

    pub(crate) fn prepared(&self, documents: Vec<(u32, Document)>, vectors: Vectors) -> Result<Vec<Prepared>> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let mut prepared = prepare_all(documents, &self.analyzer, &self.settings.chunks, threads)?;
        if vectors == Vectors::Later {
            return Ok(prepared);
        }
        if let Some(reason) = embed_all(&mut prepared, self.embedder.as_ref()) {
            tracing::warn!(%reason, "passages were indexed without vectors");
        }
        Ok(prepared)
    }

    fn show(&self, writer: &mut Writer, live: bool, history: bool, suggestions: Suggestions) -> Result<()> {
        writer.live.lexical.catch_up()?;
        writer.history.lexical.catch_up()?;
        let before = self.view.load();
        let shelf = |shelf: &Shelf, old: &Arc<ShelfView>, changed: bool| -> Result<Arc<ShelfView>> {
            if changed { Ok(Arc::new(shelf.view(Some(old))?)) } else { Ok(old.clone()) }
        };
        let view = View {
            live: shelf(&writer.live, &before.live, live)?,
            history: shelf(&writer.history, &before.history, history)?,
            suggestions,
            filters: Mutex::default(),
            instead: None,
        };
        self.view.store(Arc::new(view));
        Ok(())
    }

    /// Reads the words that corrections need and hears the titles, where that has not been done since the last change;
    /// keeps dense retrieval fast: grows or rebuilds its graph and saves it; measures what missing answers look like,
    /// which confidence is told from. Call it off the request path, as often
    /// as liked; it does nothing when nothing is worth doing. Says what it did.
    ///
    /// # Errors
    /// [`Error::Dense`] where the graph cannot be saved; searching goes on all the same.
    pub fn maintain(&self) -> Result<Option<String>> {
        let view = self.view.load_full();
        view.live.lexical.vocabularies()?;
        view.suggestions.prepare();
        // The long part runs without the writer's lock: publishing goes on.
        let (work, dir) = {
            let writer = self.writer.lock();
            (writer.live.dense.clone(), writer.live.dir.join("graph"))
        };
        let done = work.maintain().map_err(|e| Error::Dense(e.to_string()))?;
        if !done.is_idle() {
            let mut writer = self.writer.lock();
            work.save(&dir).map_err(|e| Error::Dense(e.to_string()))?;
            let suggestions = self.view.load().suggestions.clone();
            self.show(&mut writer, true, false, suggestions)?;
        }
        let measured = self.measure()?;
        Ok((measured || !done.is_idle()).then(|| format!("{done:?}, background measured: {measured}")))
    }

    /// Figures.
    pub fn stats(&self) -> Stats {
        let view = self.view.load();
        let (dense, waiting) = {
            let writer = self.writer.lock();
            (writer.live.dense.stats(), writer.live.waiting.len() + writer.history.waiting.len())
        };
        Stats {
            documents: view.live.table.documents,
            passages: view.live.table.passages,
            history_documents: view.history.table.documents,
            history_passages: view.history.table.passages,
            segments: view.live.lexical.segments(),
            vectors: dense.live as u64,
            in_graph: dense.in_graph as u64,
            vocabulary_bytes: view.live.lexical.vocabulary_bytes(),
            waiting: waiting as u64,
        }
    }

    /// Files that do not match their checksums; empty when all is well.
    ///
    /// # Errors
    /// [`Error::Lexical`] where the files cannot be read.
    pub fn damaged(&self) -> Result<Vec<String>> {
        let writer = self.writer.lock();
        let mut bad = writer.live.lexical.damaged()?;
        bad.extend(writer.history.lexical.damaged()?);
        Ok(bad)
    }
}

impl Writer {
    fn number(&mut self) -> u32 {
        let number = self.next;
        self.next += 1;
        number
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::embed::HashEmbedder;

    #[test]
    fn what_was_written_and_not_shown_is_shown_by_the_next_change_even_by_none() {
        let dir = tempfile::tempdir().unwrap();
        let embedder = Arc::new(HashEmbedder::default());
        let (index, _) = Index::open(dir.path(), IndexSettings::default(), embedder).unwrap();
        let before = index.view.load_full();
        let document = Document {
            id: "a".into(),
            version: 1,
            title: "Returning a parcel".into(),
            body: "Take it to a shop.".into(),
            questions: vec![],
            negative_questions: vec![],
            category: None,
            tags: vec![],
            audience: "public".into(),
            language: "en".into(),
            attributes: Default::default(),
            from: 0,
            until: None,
        };
        let live = LiveChange::Set(Box::new(document));
        let change = Change { id: "a".into(), live, add_history: vec![], remove_history: vec![] };
        index.apply(vec![change]).unwrap();
        assert!(!index.is_behind());
        // As after a failure between writing and showing.
        index.view.store(before);
        index.writer.lock().unseen = true;
        let found = || index.search(&crate::Query::new("parcel")).unwrap().hits.len();
        assert_eq!((found(), index.is_behind()), (0, true));
        index.apply(Vec::new()).unwrap();
        assert_eq!((found(), index.is_behind()), (1, false));
        assert_eq!(index.suggest("retu", 3, None).unwrap().len(), 1);
    }
}
