//! A throw-away index over a set, searched through the engine's public door.
//!
//! Invariant: the index lives in a temporary folder and goes with the trial; only the search itself is timed.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use tempfile::TempDir;
use zhiyin_index::embed::Embedder;
use zhiyin_index::rerank::{Reranked, Reranker, rerank};
use zhiyin_index::{Candidates, Change, Filter, Index, IndexSettings, Lexicon, Op, Query, RankSettings};

use super::error::{Error, Result};
use super::models::{embedder, reranker};
use super::run::{DEPTH, Found, SHOWN, Searcher};
use super::set::{Judged, Mode, Pair, Set};

/// Passages of one commit.
const BATCH: usize = 2_000;

/// What is tried: the weights, the model, and what else takes part.
#[derive(Clone)]
pub struct Engine {
    /// Ranking weights.
    pub rank: RankSettings,
    /// The model.
    pub embedder: Arc<dyn Embedder>,
    /// What orders the first hits anew, and how many of them.
    pub reranker: Option<(Arc<dyn Reranker>, usize)>,
    /// Whether words are translated where the index holds both languages.
    pub translations: bool,
    /// Whether words that the index does not hold are corrected.
    pub corrections: bool,
}

impl Engine {
    /// The engine's own weights, changed where `rank` says so, with the model of that name.
    ///
    /// # Errors
    /// [`Error::Usage`] for weights or models that are none.
    pub fn new(model: Option<&str>, rank: Option<&Value>) -> Result<Self> {
        let embedder = embedder(model)?;
        let own = RankSettings::default().of(&*embedder);
        let rank = rank.map_or(Ok(own), |change| changed(own, change))?;
        Ok(Self { rank, embedder, reranker: None, translations: true, corrections: true })
    }

    /// With the reranker of that folder over the first `top` hits.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is none.
    pub fn reranked(self, folder: &Path, top: usize) -> Result<Self> {
        Ok(Self { reranker: Some((reranker(folder)?, top)), ..self })
    }
}

/// Weights with some of them changed; an object with a `kind` is replaced whole, others key by key.
///
/// # Errors
/// [`Error::Usage`] naming the key that is none.
pub fn changed(rank: RankSettings, change: &Value) -> Result<RankSettings> {
    let wrong = |why: serde_json::Error| Error::Usage(format!("these are no ranking weights: {why}"));
    let mut whole = serde_json::to_value(rank).map_err(wrong)?;
    if !change.is_object() {
        return Err(Error::Usage(format!("ranking weights are a JSON object, not {change}")));
    }
    overlay(&mut whole, change);
    serde_json::from_value(whole).map_err(wrong)
}

fn overlay(whole: &mut Value, change: &Value) {
    match (whole, change) {
        (Value::Object(whole), Value::Object(change)) if !change.contains_key("kind") => {
            for (key, value) in change {
                overlay(whole.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (whole, change) => *whole = change.clone(),
    }
}

/// A set in an index of its own.
pub struct Trial {
    index: Index,
    engine: Engine,
    _folder: TempDir,
}

impl Trial {
    /// Indexes the passages of a set.
    ///
    /// # Errors
    /// [`Error::Engine`] for what the engine refuses, [`Error::Io`] without a temporary folder.
    pub fn new(set: &Set, engine: &Engine) -> Result<Self> {
        let made = tempfile::Builder::new().prefix("zhiyin-eval-").tempdir();
        let folder = made.map_err(|source| Error::Io { path: "a temporary folder".into(), source })?;
        let index = open(&folder, engine)?;
        for batch in set.passages.chunks(BATCH) {
            index.apply(batch.iter().map(Change::from).collect())?;
        }
        index.maintain()?;
        let stats = index.stats();
        if stats.vectors < stats.passages {
            let missing = stats.passages - stats.vectors;
            return Err(Error::Asked(format!("the model gave no vector to {missing} of {} passages", stats.passages)));
        }
        Ok(Self { index, engine: engine.clone(), _folder: folder })
    }

    /// What a search of this query looks at, with every feature.
    ///
    /// # Errors
    /// [`Error::Engine`].
    pub fn candidates(&self, query: &Judged) -> Result<Candidates> {
        Ok(self.index.candidates(&Query { explain: true, ..self.asked(query, Mode::Hybrid, SHOWN) })?)
    }

    /// How far the questions of each pair ask the same, as the engine says, in [0, 1].
    pub fn likeness(&self, pairs: &[Pair]) -> Vec<f64> {
        let of = |pair: &Pair| self.index.sameness(&pair.a, &[&pair.b]).first().copied().unwrap_or_default();
        pairs.iter().map(|pair| f64::from(of(pair))).collect()
    }
}

impl Trial {
    fn asked(&self, query: &Judged, mode: Mode, limit: usize) -> Query {
        let audience = query.audience.as_ref().map(|audience| json!(["public", audience]));
        let filter = audience.map(|seen| Filter::condition("audience", Op::In, seen));
        let (mode, exact) = (mode.of_engine(), !self.engine.corrections);
        Query { mode, limit, filter, exact, without: query.without.clone(), ..Query::new(&query.text) }
    }
}

fn open(folder: &TempDir, engine: &Engine) -> Result<Index> {
    let lexicon = engine.translations.then(Lexicon::bundled);
    let settings = IndexSettings { rank: engine.rank, lexicon, ..IndexSettings::default() };
    Ok(Index::open(&folder.path().join("index"), settings, engine.embedder.clone())?.0)
}

impl Searcher for Trial {
    fn search(&self, query: &Judged, mode: Mode) -> Result<Found> {
        let reranker = self.engine.reranker.as_ref().filter(|_| mode == Mode::Rerank);
        if mode == Mode::Rerank && reranker.is_none() {
            return Err(Error::Usage("the mode 'rerank' needs a reranker".into()));
        }
        let shown = self.asked(query, mode, reranker.map_or(SHOWN, |(_, top)| SHOWN.max(*top)));
        let started = Instant::now();
        let mut results = self.index.search(&shown)?;
        if let Some((reranker, top)) = reranker
            && let Reranked::Skipped(why) = rerank(&mut results, &query.text, reranker.as_ref(), 0..*top, &|| false)
        {
            return Err(Error::Asked(format!("{}: not reranked: {why}", query.id)));
        }
        let took = started.elapsed();
        let mut ids: Vec<String> = results.hits.iter().map(|hit| hit.record.id.clone()).collect();
        // Behind what is shown comes what a longer page would show; only where somebody could stand there.
        if ids.len() >= SHOWN {
            let deep = self.index.candidates(&self.asked(query, mode, DEPTH))?;
            let more = deep.documents().into_iter().filter(|id| !ids.iter().any(|known| known == id));
            let more: Vec<String> = more.map(str::to_owned).take(DEPTH.saturating_sub(ids.len())).collect();
            ids.extend(more);
        }
        Ok(Found { ids, confidence: f64::from(results.confidence), took })
    }

    fn threshold(&self) -> Option<f64> {
        Some(f64::from(self.engine.rank.threshold))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn weights_are_changed_key_by_key_and_checked() {
        let own = RankSettings::default();
        let changed = |change: Value| super::changed(own, &change);
        assert_eq!(changed(json!({ "grams": 0.0 })).unwrap(), RankSettings { grams: 0.0, ..own });
        assert_eq!(changed(json!({})).unwrap(), own);
        let told = changed(json!({ "grammes": 1 })).unwrap_err().to_string();
        assert!(told.contains("grammes"), "{told}");
        assert!(changed(json!(3)).is_err());
        assert!(Engine::new(Some("no-such-model"), None).is_err());
    }
}
