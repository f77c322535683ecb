//! What runs a transformer encoder that somebody brings? A folder in the Hugging Face layout, computed on the CPU.
//!
//! Invariant: in f32 and in the published order of operations; the same text gives the same states, whatever stands
//! beside it in a batch and however many threads run.

pub(crate) mod config;
pub(crate) mod function;
mod gate;
mod layers;
mod matrix;
mod tokens;
mod weights;

use std::path::{Path, PathBuf};

pub(crate) use config::Shape;
pub(crate) use gate::{Gate, Pass, Urgency};
pub(crate) use layers::Linear;
pub(crate) use tokens::Sequence;
pub(crate) use weights::Weights;

use layers::Layers;
use tokens::Tokens;

/// What is wrong with a model's folder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", file.display())]
pub struct ModelError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it, naming the key or tensor.
    pub message: String,
}

impl ModelError {
    pub(crate) fn new(file: &Path, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), message: message.into() }
    }
}

/// How much of the machine a model may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threads {
    /// Forwards that run at a time, each on one core.
    pub permits: usize,
    /// Calls that may wait for one.
    pub queue: usize,
}

impl Default for Threads {
    fn default() -> Self {
        Self { permits: std::thread::available_parallelism().map_or(1, usize::from), queue: 64 }
    }
}

/// An encoder with its tokenizer.
pub(crate) struct Encoder {
    layers: Layers,
    pub tokens: Tokens,
    pub gate: Gate,
}

impl Encoder {
    /// Reads a folder; `most` bounds the tokens of a text.
    pub fn read(
        folder: &Path,
        shape: Shape,
        weights: &Weights,
        most: usize,
        threads: Threads,
    ) -> Result<Self, ModelError> {
        let tokens = Tokens::read(folder, &shape, most.min(shape.capacity()))?;
        let layers = Layers::read(weights, shape)?;
        Ok(Self { layers, tokens, gate: Gate::new(threads.permits, threads.queue) })
    }

    pub fn shape(&self) -> &Shape {
        &self.layers.shape
    }

    /// The last states of the texts, one list of rows a text.
    pub fn states(&self, texts: &[&Sequence], _pass: &Pass<'_>) -> Vec<Vec<f32>> {
        let all = self.layers.states(texts);
        let mut rest = all.as_slice();
        let mut states = Vec::with_capacity(texts.len());
        for text in texts {
            let (own, others) = rest.split_at(text.ids.len() * self.shape().hidden);
            states.push(own.to_vec());
            rest = others;
        }
        states
    }
}

/// Names what decides a model's results: its files and how they are read.
pub(crate) fn fingerprint(kind: &str, folder: &Path, weights: &Weights, recipe: &str) -> Result<String, ModelError> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(kind.as_bytes());
    hasher.update(recipe.as_bytes());
    let own = ["config.json", "tokenizer.json"].map(|name| folder.join(name));
    for path in own.iter().chain(weights.files()) {
        let file = std::fs::File::open(path).map_err(|why| ModelError::new(path, format!("cannot be read: {why}")))?;
        // Each file's own hash goes in, so that bytes cannot move from one file to the next unnoticed.
        let mut one = blake3::Hasher::new();
        one.update_reader(file).map_err(|why| ModelError::new(path, format!("cannot be read: {why}")))?;
        hasher.update(one.finalize().as_bytes());
    }
    let hash = hasher.finalize().to_hex();
    Ok(format!("{kind}-{}", hash.get(..32).unwrap_or_default()))
}

/// Cuts sequences, longest first, into groups of about as much work as may hold up a question.
pub(crate) fn groups<'a>(mut sequences: Vec<(usize, &'a Sequence)>, shape: &Shape) -> Vec<Vec<(usize, &'a Sequence)>> {
    /// Multiplications and additions of a group: about a tenth of a second on one core.
    const WORK: usize = 8_000_000_000;
    let tokens = (WORK / shape.work().max(1)).clamp(32, 2_048);
    sequences.sort_by_key(|(_, sequence)| std::cmp::Reverse(sequence.ids.len()));
    let mut groups: Vec<Vec<(usize, &Sequence)>> = Vec::new();
    let mut room = 0;
    for one in sequences {
        let length = one.1.ids.len();
        match groups.last_mut() {
            Some(group) if length <= room => {
                room -= length;
                group.push(one);
            }
            _ => {
                room = tokens.saturating_sub(length);
                groups.push(vec![one]);
            }
        }
    }
    groups
}
