//! Classifying texts: by a space's own categories and questions, by examples, by classifiers that are kept.
//!
//! Invariant: a space's own labels are learned from what the caller may see and nothing else; a classifier is trained
//! anew from its examples whenever it is not at hand, so it is never the only copy of anything.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::json;
use zhiyin_index::Index;
use zhiyin_index::classify::{Classified, Classifier, ClassifySettings, Example};

use super::search::{round, took, visible};
use super::shelf::engine_error;
use super::{Curator, Grant, Kb, Reader};
use crate::error::{Error, Result};
use crate::id::ClassifierName;
use crate::model::classify::{
    ClassifiedText, ClassifierView, ClassifyRequest, ClassifyResponse, LabelCount, LabelShare, LabelledExample,
    LabelsFrom, MAX_EXAMPLES, Teacher,
};
use crate::model::text::Label;
use crate::store::AuditDraft;

/// Trained classifiers that are kept at hand.
const AT_HAND: usize = 8;

/// Classifiers that were trained lately, by what they were trained on.
#[derive(Default)]
pub(crate) struct Trained {
    known: Mutex<Vec<(blake3::Hash, Arc<Classifier>)>>,
    /// One training at a time: it takes every core there is.
    training: Mutex<()>,
}

impl Trained {
    fn get(&self, hash: &blake3::Hash) -> Option<Arc<Classifier>> {
        let mut known = self.known.lock();
        let at = known.iter().position(|(other, _)| other == hash)?;
        // The one used last stands last.
        let entry = known.remove(at);
        known.push(entry.clone());
        Some(entry.1)
    }

    fn keep(&self, hash: blake3::Hash, classifier: &Arc<Classifier>) {
        let mut known = self.known.lock();
        if known.len() >= AT_HAND {
            known.remove(0);
        }
        known.push((hash, classifier.clone()));
    }
}

impl Kb {
    /// Says what texts are, by labels learned from the teacher named.
    ///
    /// # Errors
    /// [`Error::ClassifierNotFound`]; [`Error::InvalidRequest`] where there is nothing to learn from;
    /// [`Error::IndexUnavailable`] while the space's index is being filled.
    pub fn classify(&self, reader: &Reader, request: &ClassifyRequest) -> Result<ClassifyResponse> {
        let started = Instant::now();
        let grant = reader.grant();
        let index = self.shelf(&grant.space)?.ready()?;
        let mut titles: BTreeMap<String, String> = BTreeMap::new();
        let examples = match &request.teacher {
            Teacher::Named(name) => {
                let found = self.inner.store.get_classifier(&grant.space, name)?;
                found.ok_or_else(|| Error::ClassifierNotFound(name.clone()))?;
                labelled(self.inner.store.classifier_examples(&grant.space, name)?)
            }
            Teacher::Examples(examples) => labelled(examples.clone()),
            Teacher::Space(from) => own_examples(&index, grant, *from, &mut titles)?,
        };
        if examples.is_empty() {
            return Err(Error::field(
                "labels_from",
                "teaches nothing: no live article that you may see has such labels",
            ));
        }
        let classifier = self.trained(&index, &examples)?;
        let texts: Vec<&str> = request.texts.iter().map(|text| text.as_str()).collect();
        let found = index.classify(&classifier, &texts, request.top as usize).map_err(engine_error)?;
        Ok(ClassifyResponse {
            results: found.into_iter().map(|found| shown(found, &titles)).collect(),
            examples: examples.len() as u64,
            calibrated: classifier.is_calibrated(),
            took_ms: took(started),
        })
    }

    /// The classifier for examples: at hand, or trained now.
    fn trained(&self, index: &Index, examples: &[Example]) -> Result<Arc<Classifier>> {
        let trained = &self.inner.trained;
        let hash = fingerprint(index.model(), examples);
        if let Some(classifier) = trained.get(&hash) {
            return Ok(classifier);
        }
        let _one_at_a_time = trained.training.lock();
        // Somebody else may have trained it meanwhile.
        if let Some(classifier) = trained.get(&hash) {
            return Ok(classifier);
        }
        let made = index.train_classifier(examples, &ClassifySettings::default()).map_err(engine_error)?;
        let classifier = Arc::new(made);
        trained.keep(hash, &classifier);
        Ok(classifier)
    }

    /// Writes a classifier: its examples replace what it had. It is trained at once, so that the first text is quick.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] for no examples, too many, or fewer than two labels.
    pub fn put_classifier(
        &self,
        curator: &Curator,
        name: &ClassifierName,
        examples: Vec<LabelledExample>,
        now: Timestamp,
    ) -> Result<ClassifierView> {
        if examples.len() > MAX_EXAMPLES {
            let message = format!("are {}; at most {MAX_EXAMPLES} are allowed", examples.len());
            return Err(Error::field("examples", message));
        }
        let mut counts: BTreeMap<&Label, u64> = BTreeMap::new();
        for example in &examples {
            *counts.entry(&example.label).or_default() += 1;
        }
        if counts.len() < 2 {
            return Err(Error::field("examples", "need two labels or more to tell apart"));
        }
        let labels = counts.into_iter().map(|(label, examples)| LabelCount { label: label.clone(), examples });
        let view = ClassifierView {
            name: name.clone(),
            labels: labels.collect(),
            examples: examples.len() as u64,
            updated_at: now,
        };
        let grant = curator.grant();
        let detail = json!({ "examples": view.examples, "labels": view.labels.len() });
        self.write_classifier(grant, name, "classifier.put", detail, now, |batch| {
            batch.put_classifier(&grant.space, &view, &examples);
        })?;
        // What is written stands, whether or not the index is ready to train with.
        if let Ok(index) = self.shelf(&grant.space)?.ready()
            && let Err(error) = self.trained(&index, &labelled(examples))
        {
            tracing::warn!(%error, %name, "a classifier will be trained when it is first asked");
        }
        Ok(view)
    }

    /// A classifier.
    ///
    /// # Errors
    /// [`Error::ClassifierNotFound`].
    pub fn get_classifier(&self, curator: &Curator, name: &ClassifierName) -> Result<ClassifierView> {
        let found = self.inner.store.get_classifier(&curator.grant().space, name)?;
        found.ok_or_else(|| Error::ClassifierNotFound(name.clone()))
    }

    /// Every classifier of the space, by name.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn list_classifiers(&self, curator: &Curator) -> Result<Vec<ClassifierView>> {
        self.inner.store.list_classifiers(&curator.grant().space)
    }

    /// Removes a classifier; gives what it was.
    ///
    /// # Errors
    /// [`Error::ClassifierNotFound`].
    pub fn delete_classifier(
        &self,
        curator: &Curator,
        name: &ClassifierName,
        now: Timestamp,
    ) -> Result<ClassifierView> {
        let view = self.get_classifier(curator, name)?;
        let grant = curator.grant();
        self.write_classifier(grant, name, "classifier.delete", json!({}), now, |batch| {
            batch.remove_classifier(&grant.space, name);
        })?;
        Ok(view)
    }

    fn write_classifier(
        &self,
        grant: &Grant,
        name: &ClassifierName,
        action: &str,
        detail: serde_json::Value,
        now: Timestamp,
        change: impl FnOnce(&mut crate::store::Batch),
    ) -> Result<()> {
        let store = &self.inner.store;
        let mut batch = store.batch();
        change(&mut batch);
        batch.audit(AuditDraft {
            at: now,
            actor: grant.actor.clone(),
            action: action.to_owned(),
            space: Some(grant.space.clone()),
            subject: name.to_string(),
            detail,
        });
        let ticket = store.commit(batch)?;
        store.sync(ticket)
    }
}

fn labelled(examples: Vec<LabelledExample>) -> Vec<Example> {
    let example = |e: LabelledExample| Example { text: e.text.into(), label: e.label.into() };
    examples.into_iter().map(example).collect()
}

/// Titles and questions of what is live and visible, labelled; titles of articles where these are the labels.
fn own_examples(
    index: &Index,
    grant: &Grant,
    from: LabelsFrom,
    titles: &mut BTreeMap<String, String>,
) -> Result<Vec<Example>> {
    let mut records = index.records(visible(grant, None)?.as_ref()).map_err(engine_error)?;
    records.sort_by(|a, b| a.id.cmp(&b.id));
    let mut examples = Vec::new();
    for record in records {
        let label = match from {
            LabelsFrom::Categories => match &record.category {
                Some(category) => category.clone(),
                None => continue,
            },
            LabelsFrom::Questions => {
                titles.insert(record.id.clone(), record.title.clone());
                record.id.clone()
            }
        };
        let texts = std::iter::once(&record.title).chain(&record.questions);
        examples.extend(texts.map(|text| Example { text: text.clone(), label: label.clone() }));
    }
    examples.truncate(MAX_EXAMPLES);
    Ok(examples)
}

/// Names everything a classifier depends on.
fn fingerprint(model: &str, examples: &[Example]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    let mut add = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    add(model);
    for example in examples {
        add(&example.label);
        add(&example.text);
    }
    hasher.finalize()
}

fn shown(found: Classified, titles: &BTreeMap<String, String>) -> ClassifiedText {
    let label = |(label, share): (String, f32)| LabelShare {
        title: titles.get(&label).cloned(),
        label,
        probability: round(share),
    };
    ClassifiedText { labels: found.labels.into_iter().map(label).collect(), none: round(found.none) }
}
