//! What does a search look like here when the answer is missing? Known questions are asked with their own document
//! left out. (Titles are not: they are not what customers ask, and articles share them.)
//!
//! Invariant: the same documents give the same background, whenever and in whatever order they came.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};

use crate::confidence::{Background, Kind, Scale, evidence};
use crate::error::{Error, Result};
use crate::index::{Index, View};
use crate::query::Query;
use crate::rank::best_per_document;
use crate::settings::{NegativeSettings, RankSettings};

/// Most questions that are pretended, and most of one document.
const PRETENDED: usize = 256;
const OF_ONE: usize = 4;
/// The same where a model takes its time.
const PRETENDED_SLOWLY: usize = 64;
/// Fewer documents say nothing about a missing one.
const MIN_DOCUMENTS: u64 = 8;

/// The file it is kept in, beside the shelves.
pub(crate) fn file(dir: &Path) -> PathBuf {
    dir.join("background.json")
}

/// What is kept: sums mean nothing without the weights that made them.
#[derive(Serialize, Deserialize)]
struct Kept {
    weights: serde_json::Value,
    background: Background,
}

/// What was measured last with these weights; nothing where that is not known.
pub(crate) fn load(dir: &Path, rank: &RankSettings) -> Option<Background> {
    let kept: Kept = serde_json::from_slice(&std::fs::read(file(dir)).ok()?).ok()?;
    (kept.weights == serde_json::to_value(rank).ok()?).then_some(kept.background)
}

impl Index {
    /// Measures anew where a tenth of the documents changed since the last time; says whether it did.
    pub(crate) fn measure(&self) -> Result<bool> {
        let view = self.view.load_full();
        let documents = view.live.table.documents;
        let changed = self.changed.load(Ordering::Relaxed);
        if documents < MIN_DOCUMENTS || (changed as u64) * 10 < documents {
            return Ok(false);
        }
        let background = self.background_of(&view)?;
        self.changed.fetch_sub(changed, Ordering::Relaxed);
        let unwritten = |why: serde_json::Error| Error::Dense(format!("the background: {why}"));
        let weights = serde_json::to_value(self.settings.rank).map_err(unwritten)?;
        let json = serde_json::to_vec(&Kept { weights, background }).map_err(unwritten)?;
        let path = file(self.dir());
        std::fs::write(&path, json).map_err(|e| Error::io(&path, e))?;
        self.background.store(Arc::new(background));
        Ok(true)
    }

    fn background_of(&self, view: &View) -> Result<Background> {
        let most = if self.embedder.is_quick() { PRETENDED } else { PRETENDED_SLOWLY };
        let (mut passage, mut translated, mut question) = (Vec::new(), Vec::new(), Vec::new());
        for (id, text) in pretended(view, most) {
            let query = Query { without: Some(id), limit: 1, exact: true, ..Query::new(&text) };
            // What editors say against an article is not what a missing answer looks like.
            let gathered = self.gathered_by(view, &query, &NegativeSettings::NONE)?;
            if !gathered.degraded.is_empty() {
                continue;
            }
            let features = gathered.features;
            let ranked = best_per_document(gathered.candidates, &gathered.parts);
            let Some(first) = ranked.first() else { continue };
            let (kind, sum) = evidence(&first.best.features, &features, &self.settings.rank);
            match kind {
                Kind::Passage => passage.push(sum),
                Kind::Translated => translated.push(sum),
                Kind::Question => question.push(sum),
            }
        }
        let (passage, translated, question) = (Scale::new(passage), Scale::new(translated), Scale::new(question));
        Ok(Background { passage, translated, question })
    }
}

/// Known questions of documents, by chance that a hash decides.
fn pretended(view: &View, most: usize) -> Vec<(String, String)> {
    let mut all: Vec<([u8; 32], &str, &str)> = Vec::new();
    for (_, record) in view.live.table.iter() {
        let texts = record.questions.iter();
        let mut own: Vec<([u8; 32], &str, &str)> = texts
            .map(|text| {
                let hash = blake3::hash(format!("{}\n{text}", record.id).as_bytes());
                (*hash.as_bytes(), record.id.as_str(), text.as_str())
            })
            .collect();
        own.sort_unstable();
        own.truncate(OF_ONE);
        all.append(&mut own);
    }
    all.sort_unstable();
    all.truncate(most);
    all.into_iter().map(|(_, id, text)| (id.to_owned(), text.to_owned())).collect()
}
