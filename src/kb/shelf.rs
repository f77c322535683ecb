//! Which index serves a space, and which one is being built to take its place.
//!
//! Invariant: what is loaded from the store is applied before anything newer is loaded: both happen under
//! `applying`, so that an old state never overwrites a newer one.

mod embedding;
mod generation;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use parking_lot::{Condvar, Mutex};
use zhiyin_index::analyzer::UserWord;
use zhiyin_index::{Attribute, Change, Document, Index, IndexSettings, Interval, LiveChange, Opened};

use super::models::{Model, Models};
use crate::error::{Error, Result};
use crate::id::{ArticleId, ModelName, SpaceId};
use crate::model::article::{Article, AttributeValue, Publication, Version};
use crate::model::space::DictionaryWord;
use crate::store::Store;
use embedding::Rest;
pub(crate) use generation::Generation;

/// How far the worker has come; lets a caller wait for its change to be searchable.
#[derive(Default)]
struct Progress {
    started: u64,
    finished: u64,
}

/// Whether a rebuild is under way, and whether it must be done again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rebuild {
    Idle,
    Running,
    Again,
}

/// The index of one space at run time.
pub(crate) struct Shelf {
    space: SpaceId,
    dir: PathBuf,
    current: ArcSwap<Generation>,
    next: Mutex<Option<Arc<Generation>>>,
    /// The model that the index is to have, where it is known.
    wanted: Mutex<ModelName>,
    /// The same, loaded, until the rebuild takes it.
    loaded: Mutex<Option<Arc<Model>>>,
    must_change: AtomicBool,
    /// Why the model that is wanted cannot be used.
    problem: Mutex<Option<String>>,
    /// When a model that was away is asked again.
    rest: Mutex<Rest>,
    /// Articles whose texts the model refuses.
    refused: Mutex<HashSet<String>>,
    rebuild_state: Mutex<Rebuild>,
    /// Whether somebody is building a new index, or is about to.
    applying: Mutex<()>,
    filled: AtomicBool,
    progress: Mutex<Progress>,
    finished: Condvar,
}

/// Turns an engine failure into ours.
pub(crate) fn engine_error(error: zhiyin_index::Error) -> Error {
    match error {
        zhiyin_index::Error::Filter { path, message } => Error::query(&path, message),
        zhiyin_index::Error::Query { field, message } => Error::query(&field, message),
        other => Error::Index(other.to_string()),
    }
}

fn io(path: &Path, error: &std::io::Error) -> Error {
    Error::Index(format!("{}: {error}", path.display()))
}

fn settings(words: &[DictionaryWord]) -> IndexSettings {
    let word =
        |w: &DictionaryWord| UserWord { word: w.word.as_str().to_owned(), frequency: w.frequency.map(|f| f as usize) };
    IndexSettings {
        words: words.iter().map(word).collect(),
        lexicon: Some(zhiyin_index::Lexicon::bundled()),
        ..IndexSettings::default()
    }
}

impl Shelf {
    /// Opens the index of a space under `dir`; gives why it came up empty, where it did.
    /// After a stop that was not clean, every file is checked against its checksum first.
    pub fn open(
        store: &Store,
        space: &SpaceId,
        dir: PathBuf,
        models: &Models,
        asked: Option<&ModelName>,
        clean: bool,
    ) -> Result<(Self, Option<String>)> {
        std::fs::create_dir_all(&dir).map_err(|e| io(&dir, &e))?;
        let number = generation::current(&dir);
        let chosen = generation::choose(&dir, number, models, asked);
        if let Some(problem) = &chosen.problem {
            tracing::error!(%space, model = %chosen.wanted, problem, "the model cannot be used; searches go on without it");
        }
        let embedder = &chosen.model.embedder;
        let words = store.dictionary(space)?;
        let place = dir.join(number.to_string());
        let (mut index, mut opened) = Index::open(&place, settings(&words), embedder.clone()).map_err(engine_error)?;
        let damaged = if clean { Vec::new() } else { index.damaged().map_err(engine_error)? };
        if !damaged.is_empty() {
            drop(index);
            std::fs::remove_dir_all(&place).map_err(|e| io(&place, &e))?;
            (index, _) = Index::open(&place, settings(&words), embedder.clone()).map_err(engine_error)?;
            opened = Opened::Discarded(format!("damaged files: {}", damaged.join(", ")));
        }
        let reason = match opened {
            Opened::Ready => None,
            Opened::New => Some("there was none".to_owned()),
            Opened::Discarded(reason) => Some(reason),
        };
        generation::note(&dir, number, &chosen.model)?;
        let shelf = Self {
            space: space.clone(),
            dir,
            current: ArcSwap::from_pointee(Generation { index: Arc::new(index), model: chosen.model }),
            next: Mutex::default(),
            wanted: Mutex::new(chosen.wanted),
            loaded: Mutex::default(),
            must_change: AtomicBool::new(chosen.must_change),
            problem: Mutex::new(chosen.problem),
            rest: Mutex::default(),
            refused: Mutex::default(),
            rebuild_state: Mutex::new(Rebuild::Idle),
            applying: Mutex::default(),
            filled: AtomicBool::new(reason.is_none()),
            progress: Mutex::default(),
            finished: Condvar::new(),
        };
        shelf.remove_other_generations(number);
        Ok((shelf, reason))
    }

    fn remove_other_generations(&self, keep: u64) {
        if let Err(error) = generation::remove_others(&self.dir, keep) {
            tracing::warn!(space = %self.space, %error, "an old index could not be removed");
        }
    }

    /// The index that serves searches, and its model.
    fn generation(&self) -> Arc<Generation> {
        self.current.load_full()
    }

    /// The model that the index in use was made with.
    pub fn model(&self) -> Arc<Model> {
        self.current.load().model.clone()
    }

    /// Why the model that is wanted cannot be used.
    pub fn problem(&self) -> Option<String> {
        self.problem.lock().clone()
    }

    /// The model that is to take the place of the one in use.
    pub fn next_model(&self) -> Option<ModelName> {
        let wanted = self.wanted.lock().clone();
        (wanted != self.current.load().model.name).then_some(wanted)
    }

    /// Whether the index was opened with another model than it is to have.
    pub fn must_change(&self) -> bool {
        self.must_change.load(Ordering::Acquire)
    }

    /// Asks for another model; true where the index must be built anew for it.
    pub fn want(&self, model: Arc<Model>) -> bool {
        let current = self.model();
        let same = current.name == model.name && current.embedder.id() == model.embedder.id();
        *self.wanted.lock() = model.name.clone();
        *self.problem.lock() = None;
        *self.loaded.lock() = Some(model);
        !same || self.is_rebuilding()
    }

    /// Ids of the models whose vectors are in use here, or soon will be.
    pub fn model_ids(&self) -> Vec<String> {
        let next = self.next.lock().as_ref().map(|next| next.model.clone());
        let loaded = self.loaded.lock().clone();
        let all = std::iter::once(self.model()).chain(next).chain(loaded);
        all.map(|model| model.embedder.id().to_owned()).collect()
    }

    /// The index that serves searches.
    pub fn index(&self) -> Arc<Index> {
        self.current.load().index.clone()
    }

    /// The index, or why searches must wait: an index that is being filled would deny what is there.
    pub fn ready(&self) -> Result<Arc<Index>> {
        if self.filled.load(Ordering::Acquire) {
            return Ok(self.index());
        }
        Err(Error::IndexUnavailable { space: self.space.clone(), reason: "it is being rebuilt from the store".into() })
    }

    /// Whether the index has caught up with the store since it was made.
    pub fn is_filled(&self) -> bool {
        self.filled.load(Ordering::Acquire)
    }

    /// Says that there is nothing to fill the index with.
    pub fn mark_filled(&self) {
        self.filled.store(true, Ordering::Release);
    }

    /// Whether a new index is being built.
    pub fn is_rebuilding(&self) -> bool {
        *self.rebuild_state.lock() != Rebuild::Idle
    }

    /// Asks for a rebuild; true where nobody is at it, so that the caller must start. One that runs is done again
    /// from the beginning, because it may have read what has changed since.
    pub fn wants_rebuild(&self) -> bool {
        let mut rebuild = self.rebuild_state.lock();
        let start = *rebuild == Rebuild::Idle;
        *rebuild = if start { Rebuild::Running } else { Rebuild::Again };
        start
    }

    /// Says that a rebuild has ended; true where it must be done again.
    pub fn rebuilt(&self) -> bool {
        let mut rebuild = self.rebuild_state.lock();
        let again = *rebuild == Rebuild::Again;
        *rebuild = if again { Rebuild::Running } else { Rebuild::Idle };
        again
    }

    /// Brings the index up to what the store marks as dirty, at most `most` articles; gives how many there were.
    pub fn catch_up(&self, store: &Store, most: usize) -> Result<usize> {
        let _applying = self.applying.lock();
        let marks = store.dirty(&self.space, most)?;
        if !marks.is_empty() {
            let ids: Vec<&ArticleId> = marks.iter().map(|(id, _)| id).collect();
            self.refused.lock().retain(|refused| !ids.iter().any(|id| id.as_str() == refused));
            self.apply_to(&self.generation(), store, &ids)?;
            let next = self.next.lock().clone();
            if let Some(next) = next {
                self.apply_to(&next, store, &ids)?;
            }
            store.clear_dirty(&self.space, &marks)?;
        }
        if marks.len() < most {
            self.filled.store(true, Ordering::Release);
        }
        Ok(marks.len())
    }

    fn apply_to(&self, to: &Generation, store: &Store, ids: &[&ArticleId]) -> Result<()> {
        let mut changes = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(change) = change(&to.index, store, &self.space, id, false)? {
                changes.push(change);
            }
        }
        if changes.is_empty() && !to.index.is_behind() {
            return Ok(());
        }
        to.index.apply_with(changes, to.model.vectors).map_err(engine_error)
    }

    /// Marks what differs between store and index, after a start that followed no clean stop.
    pub fn differing(&self, store: &Store) -> Result<Vec<ArticleId>> {
        let index = self.index();
        let mut differing = Vec::new();
        let mut seen = HashSet::new();
        for article in store.articles(&self.space, None) {
            let article = article?;
            if change(&index, store, &self.space, &article.id, false)?.is_some() {
                differing.push(article.id.clone());
            }
            seen.insert(article.id.to_string());
        }
        let indexed = index.live().into_iter().chain(index.past());
        let strangers: HashSet<String> = indexed.map(|(id, _)| id).filter(|id| !seen.contains(id)).collect();
        differing.extend(strangers.into_iter().filter_map(|id| ArticleId::try_from(id).ok()));
        Ok(differing)
    }

    /// Builds a new index from the whole store beside the one that serves, then puts it in its place. It takes its
    /// place with all its vectors, however long its model is away until then; publications meanwhile go to both.
    /// False where it was told to stop or to begin again.
    pub fn rebuild(
        &self,
        store: &Store,
        models: &Models,
        asked: Option<ModelName>,
        batch: usize,
        stop: &AtomicBool,
    ) -> Result<bool> {
        let name = asked.unwrap_or_else(|| self.wanted.lock().clone());
        *self.wanted.lock() = name.clone();
        let loaded = models.load(&name);
        *self.problem.lock() = loaded.as_ref().err().cloned();
        let model = loaded.map_err(|why| Error::Index(format!("model '{name}' cannot be used: {why}")))?;
        let number = generation::current(&self.dir) + 1;
        let dir = self.dir.join(number.to_string());
        if dir.exists() {
            std::fs::remove_dir_all(&dir).map_err(|e| io(&dir, &e))?;
        }
        let words = store.dictionary(&self.space)?;
        let (index, _) = Index::open(&dir, settings(&words), model.embedder.clone()).map_err(engine_error)?;
        let next = Arc::new(Generation { index: Arc::new(index), model });
        *self.next.lock() = Some(next.clone());
        let go_on = || !stop.load(Ordering::Acquire) && *self.rebuild_state.lock() != Rebuild::Again;
        let built =
            self.fill(&next, store, batch, &go_on).and_then(|full| Ok(full && self.embed_all(&next, store, &go_on)?));
        if !matches!(built, Ok(true)) {
            *self.next.lock() = None;
            return built;
        }
        let _applying = self.applying.lock();
        generation::note(&self.dir, number, &next.model)?;
        generation::point_to(&self.dir, number)?;
        self.current.store(next);
        *self.next.lock() = None;
        *self.loaded.lock() = None;
        self.must_change.store(false, Ordering::Release);
        self.remove_other_generations(number);
        Ok(true)
    }

    fn fill(&self, next: &Generation, store: &Store, batch: usize, go_on: &dyn Fn() -> bool) -> Result<bool> {
        let mut after: Option<ArticleId> = None;
        loop {
            let articles: Result<Vec<Article>> = store.articles(&self.space, after.as_ref()).take(batch).collect();
            let articles = articles?;
            let Some(last) = articles.last() else { return Ok(true) };
            after = Some(last.id.clone());
            if !go_on() {
                return Ok(false);
            }
            let _applying = self.applying.lock();
            let ids: Vec<&ArticleId> = articles.iter().map(|a| &a.id).collect();
            self.apply_to(next, store, &ids)?;
        }
    }

    /// Says that a pass over the dirty articles begins.
    pub fn pass_begins(&self) {
        self.progress.lock().started += 1;
    }

    /// Says that the pass has ended with nothing left.
    pub fn pass_ends(&self) {
        let mut progress = self.progress.lock();
        progress.finished = progress.started;
        drop(progress);
        self.finished.notify_all();
    }

    /// Waits until a pass that began after this call has ended; false when `limit` was over first.
    pub fn wait(&self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        let mut progress = self.progress.lock();
        let wanted = progress.started + 1;
        while progress.finished < wanted {
            if self.finished.wait_until(&mut progress, until).timed_out() {
                return progress.finished >= wanted;
            }
        }
        true
    }
}

/// What an index must do to follow the store for one article; nothing where it does already.
/// `anew` sets even what it holds already.
fn change(index: &Index, store: &Store, space: &SpaceId, id: &ArticleId, anew: bool) -> Result<Option<Change>> {
    let known = index.known(id.as_str());
    let article = store.get_article(space, id)?;
    let live = article.as_ref().and_then(|a| a.live);
    let wanted_live = live.map(|l| Interval {
        version: l.version,
        from: l.from.as_millisecond(),
        until: l.until.map(|t| t.as_millisecond()),
    });
    let publications = if article.is_some() { store.publications(space, id)? } else { Vec::new() };
    let past: Vec<Interval> = publications
        .iter()
        .filter(|(sequence, _)| live.is_none_or(|l| l.publication != *sequence))
        .filter_map(|(_, publication)| closed(publication))
        .collect();
    let document = |interval: Interval| -> Result<Document> {
        let version = store.get_version(space, id, interval.version)?;
        let version =
            version.ok_or_else(|| Error::Store(format!("version {} of '{id}' is missing", interval.version)))?;
        Ok(document(id, &version, interval))
    };
    let live = match wanted_live {
        wanted if wanted == known.live && !anew => LiveChange::Keep,
        Some(interval) => LiveChange::Set(Box::new(document(interval)?)),
        None => LiveChange::Remove,
    };
    let missing = past.iter().filter(|interval| anew || !known.history.contains(interval));
    let add_history: Vec<Document> = missing.map(|interval| document(*interval)).collect::<Result<_>>()?;
    let remove_history: Vec<Interval> = known.history.into_iter().filter(|i| !past.contains(i)).collect();
    if live == LiveChange::Keep && add_history.is_empty() && remove_history.is_empty() {
        return Ok(None);
    }
    Ok(Some(Change { id: id.to_string(), live, add_history, remove_history }))
}

/// The interval of a publication that is over, where it lasted at all.
fn closed(publication: &Publication) -> Option<Interval> {
    let until = publication.until?.as_millisecond();
    let from = publication.from.as_millisecond();
    (from < until).then_some(Interval { version: publication.version, from, until: Some(until) })
}

pub(crate) fn document(id: &ArticleId, version: &Version, interval: Interval) -> Document {
    let content = &version.content;
    let attribute = |value: &AttributeValue| match value {
        AttributeValue::Number(n) => Attribute::Number(*n),
        AttributeValue::Text(text) => Attribute::Text(text.clone()),
    };
    Document {
        id: id.to_string(),
        version: version.number,
        title: content.title.to_string(),
        body: content.body.to_string(),
        questions: content.questions.iter().map(ToString::to_string).collect(),
        negative_questions: content.negative_questions.iter().map(ToString::to_string).collect(),
        category: content.category.as_ref().map(ToString::to_string),
        tags: content.tags.iter().map(ToString::to_string).collect(),
        audience: content.audience.as_str().to_owned(),
        language: content.language.map_or("und", |l| l.as_str()).to_owned(),
        attributes: content.attributes.iter().map(|(k, v)| (k.to_string(), attribute(v))).collect(),
        from: interval.from,
        until: interval.until,
    }
}
