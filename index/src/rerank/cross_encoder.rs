//! Which score does a cross-encoder give a pair? A classifier with one label over an encoder (Nogueira and Cho 2019).
//!
//! Invariant: the head is the one the checkpoint has; a model with more labels than one is refused.

use std::path::Path;

use super::Reranker;
use crate::embed::EmbedError;
use crate::embed::Recipe;
use crate::encoder::config::Family;
use crate::encoder::function::tanh;
use crate::encoder::{Encoder, Linear, ModelError, Sequence, Shape, Threads, Urgency, Weights, fingerprint};

const KIND: &str = "cross1";

/// A reranker that computes a BERT or XLM-R classifier from a local folder.
pub struct CrossEncoder {
    id: String,
    encoder: Encoder,
    dense: Linear,
    output: Linear,
}

impl CrossEncoder {
    /// Loads a folder in the Hugging Face layout whose model is a `BertForSequenceClassification` or
    /// `XLMRobertaForSequenceClassification` with one label, such as ms-marco-MiniLM or bge-reranker.
    ///
    /// # Errors
    /// [`ModelError`] naming the file, and the key or tensor, that is missing, wrong or not known.
    pub fn load(folder: &Path, threads: Threads) -> Result<Self, ModelError> {
        let shape = Shape::read(folder)?;
        if let Some(labels) = shape.labels.filter(|n| *n != 1) {
            let message = format!("the model has {labels} labels ('id2label'); a reranker has one");
            return Err(ModelError::new(&folder.join("config.json"), message));
        }
        let weights = Weights::open(folder)?;
        let most = Recipe::read(folder, &shape)?.max_tokens;
        let id = fingerprint(KIND, folder, &weights, &most.to_string())?;
        let (dense, output) = match shape.family {
            Family::Bert => ("bert.pooler.dense", "classifier"),
            Family::Roberta => ("classifier.dense", "classifier.out_proj"),
        };
        let dense = Linear::read(&weights, dense, shape.hidden, shape.hidden)?;
        let output = Linear::read(&weights, output, 1, shape.hidden)?;
        let encoder = Encoder::read(folder, shape, &weights, most, threads)?;
        Ok(Self { id, encoder, dense, output })
    }

    fn head(&self, states: &[f32]) -> f32 {
        let width = self.encoder.shape().hidden;
        let mut pooled = self.dense.apply(states.get(..width).unwrap_or_default(), width);
        for x in &mut pooled {
            *x = tanh(*x);
        }
        let logit = self.output.apply(&pooled, width).first().copied().unwrap_or_default();
        1.0 / (1.0 + (-logit).exp())
    }
}

impl Reranker for CrossEncoder {
    fn id(&self) -> &str {
        &self.id
    }

    fn score(&self, query: &str, passages: &[&str]) -> Result<Vec<f32>, EmbedError> {
        let pairs = passages.iter().map(|passage| self.encoder.tokens.of_pair(query, passage));
        let pairs = pairs.collect::<Result<Vec<Sequence>, String>>().map_err(EmbedError::Rejected)?;
        let one = |pair: &Sequence| -> Result<f32, EmbedError> {
            let pass = self.encoder.gate.enter(Urgency::Now);
            let pass = pass.ok_or_else(|| EmbedError::Unavailable("too many wait for the reranker already".into()))?;
            let states = self.encoder.states(&[pair], &pass);
            Ok(self.head(states.first().map_or(&[], Vec::as_slice)))
        };
        if self.encoder.gate.permits() == 1 {
            return pairs.iter().map(one).collect();
        }
        std::thread::scope(|scope| {
            let running: Vec<_> = pairs.iter().map(|pair| scope.spawn(move || one(pair))).collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, Result<f32, EmbedError>>| {
                thread.join().map_err(|_| EmbedError::Unavailable("the reranker's thread panicked".into()))?
            };
            running.into_iter().map(join).collect()
        })
    }
}
