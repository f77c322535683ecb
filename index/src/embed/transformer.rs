//! Which vector does a transformer encoder give? Token states pooled to one, for a model that somebody brings.
//!
//! Invariant: the id covers weights, tokenizer, configuration and recipe, so that vectors of two models never meet.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::recipe::{Overrides, Pooling, Recipe};
use super::{EmbedError, Embedder, Languages, Role, WithinLanguages, normalise};
use crate::encoder::{Encoder, ModelError, Sequence, Shape, Threads, Urgency, Weights, fingerprint, groups};

/// Raised when the arithmetic changes enough to change vectors.
const KIND: &str = "transformer1";

/// What a folder says of its model, without reading its weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Values of a vector.
    pub dimension: usize,
    /// Layers.
    pub layers: usize,
    /// How texts become vectors.
    pub recipe: Recipe,
    /// Where it came from, where known.
    pub source: Option<String>,
    /// Whether it scores pairs instead: the head of a classifier is declared.
    pub classifies: bool,
    /// Bytes of its weights.
    pub bytes: u64,
}

/// Reads what a folder says of its model.
///
/// # Errors
/// [`ModelError`] naming the file and key that is missing or not known.
pub fn describe(folder: &Path) -> Result<Description, ModelError> {
    let shape = Shape::read(folder)?;
    let weights = Weights::open(folder)?;
    let recipe = Recipe::read(folder, &shape)?;
    let own = Overrides::read(folder)?;
    let size = |path: &PathBuf| std::fs::metadata(path).map_or(0, |m| m.len());
    Ok(Description {
        dimension: shape.hidden,
        layers: shape.layers,
        recipe,
        source: own.source.or(shape.name),
        classifies: weights.has("classifier.weight") || weights.has("classifier.out_proj.weight"),
        bytes: weights.files().iter().map(size).sum(),
    })
}

/// An embedder that computes a BERT or XLM-R encoder from a local folder.
pub struct TransformerEmbedder {
    id: String,
    recipe: Recipe,
    encoder: Encoder,
}

/// A folder's model, given only what it reads: the languages that its `zhiyin.json` names, else those that it is found
/// to read.
///
/// # Errors
/// As [`TransformerEmbedder::load`].
pub fn open(folder: &Path, threads: Threads) -> Result<Arc<dyn Embedder>, ModelError> {
    let model: Arc<dyn Embedder> = Arc::new(TransformerEmbedder::load(folder, threads)?);
    let languages = match Overrides::read(folder)?.languages {
        Some(languages) => languages,
        None => Languages::measured(&*model).map_err(|why| ModelError::new(folder, why.to_string()))?,
    };
    Ok(WithinLanguages::keep(model, languages))
}

impl TransformerEmbedder {
    /// Loads a folder in the Hugging Face layout: `config.json`, `tokenizer.json`, `model.safetensors` (or its parts
    /// and index), and where they are there `modules.json`, the pooling's `config.json`, `sentence_bert_config.json`,
    /// `config_sentence_transformers.json`, and `zhiyin.json`, which overrides them ([`Overrides`]).
    ///
    /// # Errors
    /// [`ModelError`] naming the file, and the key or tensor, that is missing, wrong or not known.
    pub fn load(folder: &Path, threads: Threads) -> Result<Self, ModelError> {
        let shape = Shape::read(folder)?;
        let weights = Weights::open(folder)?;
        let recipe = Recipe::read(folder, &shape)?;
        let written = serde_json::to_string(&recipe).unwrap_or_default();
        let encoder = Encoder::read(folder, shape, &weights, recipe.max_tokens, threads)?;
        let id = fingerprint(KIND, folder, &weights, &written)?;
        Ok(Self { id, recipe, encoder })
    }

    /// How texts become vectors.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    fn sequence(&self, text: &str, role: Role) -> Result<Sequence, EmbedError> {
        let prefix = if role == Role::Query { &self.recipe.query_prefix } else { &self.recipe.passage_prefix };
        let text = format!("{prefix}{text}");
        let text = if self.recipe.lower_case { text.to_lowercase() } else { text };
        self.encoder.tokens.of(&text).map_err(EmbedError::Rejected)
    }

    fn forward(&self, group: &[(usize, &Sequence)], urgency: Urgency) -> Result<Vec<(usize, Vec<f32>)>, EmbedError> {
        let pass = self.encoder.gate.enter(urgency);
        let pass = pass.ok_or_else(|| EmbedError::Unavailable("too many texts wait for the model already".into()))?;
        let sequences: Vec<&Sequence> = group.iter().map(|(_, sequence)| *sequence).collect();
        let states = self.encoder.states(&sequences, &pass);
        drop(pass);
        Ok(group.iter().zip(states).map(|((place, _), states)| (*place, self.pool(&states))).collect())
    }

    fn pool(&self, states: &[f32]) -> Vec<f32> {
        let width = self.encoder.shape().hidden;
        let mut vector = states.get(..width).unwrap_or_default().to_vec();
        for row in states.chunks_exact(width).skip(1) {
            for (x, y) in vector.iter_mut().zip(row) {
                match self.recipe.pooling {
                    Pooling::Cls => {}
                    // A mean differs from the sum by its length only, which normalising takes away.
                    Pooling::Mean => *x += *y,
                    Pooling::Max => *x = x.max(*y),
                }
            }
        }
        normalise(&mut vector);
        vector
    }

    /// Runs the groups on as many threads as there are permits.
    fn run(&self, groups: &[Vec<(usize, &Sequence)>], urgency: Urgency) -> Result<Vec<(usize, Vec<f32>)>, EmbedError> {
        let threads = self.encoder.gate.permits().min(groups.len());
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            while let Some(group) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
                done.extend(self.forward(group, urgency)?);
            }
            Ok(done)
        };
        if threads <= 1 {
            return work();
        }
        std::thread::scope(|scope| {
            let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let mut all = Vec::new();
            for thread in running {
                let done = thread.join().map_err(|_| EmbedError::Unavailable("the model's thread panicked".into()))?;
                all.extend(done?);
            }
            Ok(all)
        })
    }
}

impl Embedder for TransformerEmbedder {
    fn id(&self) -> &str {
        &self.id
    }

    fn dimension(&self) -> usize {
        self.encoder.shape().hidden
    }

    fn reads_context(&self) -> bool {
        true
    }

    fn embed(&self, texts: &[&str], role: Role) -> Result<Vec<Vec<f32>>, EmbedError> {
        let mut sequences = Vec::with_capacity(texts.len());
        for (place, text) in texts.iter().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
            sequences.push((place, self.sequence(text, role)?));
        }
        let urgency = if role == Role::Query { Urgency::Now } else { Urgency::Later };
        let borrowed = sequences.iter().map(|(place, sequence)| (*place, sequence)).collect();
        let groups = groups(borrowed, self.encoder.shape());
        let mut vectors = vec![vec![0.0; self.dimension()]; texts.len()];
        for (place, vector) in self.run(&groups, urgency)? {
            if let Some(target) = vectors.get_mut(place) {
                *target = vector;
            }
        }
        Ok(vectors)
    }
}
