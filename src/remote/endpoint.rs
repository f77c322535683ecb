//! Which vector does an OpenAI-compatible endpoint give? `POST {url}/embeddings`, in batches, with retries.
//!
//! Invariant: a vector that is handed on has the configured dimension and length 1; the key is in no message.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use zhiyin_index::embed::{EmbedError, Embedder, Role};

use super::door::{Closed, Door, Patience};
use crate::kb::models::EndpointSettings;

/// For somebody who waits, and for what can wait.
const FOR_QUERIES: Patience = Patience { tries: 2, pause: Duration::from_millis(500), whole: None };
const FOR_PASSAGES: Patience = Patience { tries: 4, pause: Duration::from_secs(5), whole: None };
/// Most bytes of an answer.
const MAX_ANSWER: u64 = 256 * 1024 * 1024;

/// An embedder behind an endpoint.
pub struct EndpointEmbedder {
    id: String,
    settings: EndpointSettings,
    door: Door,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    index: Option<usize>,
    embedding: Vec<f32>,
}

impl EndpointEmbedder {
    /// For an endpoint; nothing is sent yet.
    pub fn new(settings: EndpointSettings) -> Self {
        let EndpointSettings { url, model, dimension, query_prefix, passage_prefix, .. } = &settings;
        let named = format!("{url}\n{model}\n{dimension}\n{query_prefix}\n{passage_prefix}");
        let hash = blake3::hash(named.as_bytes()).to_hex();
        Self {
            id: format!("endpoint-{}", hash.get(..32).unwrap_or_default()),
            door: Door::new(url.clone(), settings.key.clone(), settings.timeout, MAX_ANSWER),
            settings,
        }
    }

    fn request(&self, texts: &[String], role: Role) -> Result<Vec<Vec<f32>>, EmbedError> {
        let patience = if role == Role::Query { FOR_QUERIES } else { FOR_PASSAGES };
        let body = json!({ "model": self.settings.model, "input": texts, "encoding_format": "float" });
        let read = |answer: Answer| self.vectors(answer, texts.len());
        self.door.ask("/embeddings", &body, "vectors", patience, read).map_err(|why| match why {
            Closed::Rejected(why) => EmbedError::Rejected(why),
            other => EmbedError::Unavailable(other.into_words()),
        })
    }

    fn vectors(&self, answer: Answer, wanted: usize) -> Result<Vec<Vec<f32>>, String> {
        let mut items: Vec<(usize, Vec<f32>)> = answer
            .data
            .into_iter()
            .enumerate()
            .map(|(place, item)| (item.index.unwrap_or(place), item.embedding))
            .collect();
        items.sort_by_key(|(place, _)| *place);
        if items.len() != wanted || items.iter().enumerate().any(|(n, (place, _))| n != *place) {
            return Err(format!("gave {} vectors for {wanted} texts", items.len()));
        }
        let dimension = self.settings.dimension;
        if let Some((_, odd)) = items.iter().find(|(_, vector)| vector.len() != dimension) {
            return Err(format!("gave a vector of {} values; the configuration says {dimension}", odd.len()));
        }
        let unit = |(_, mut vector): (usize, Vec<f32>)| {
            let length = vector.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
            if !length.is_finite() {
                return Err("gave a vector whose values are not finite".to_owned());
            }
            if length > 0.0 {
                for x in &mut vector {
                    *x = (f64::from(*x) / length) as f32;
                }
            }
            Ok(vector)
        };
        items.into_iter().map(unit).collect()
    }
}

impl Embedder for EndpointEmbedder {
    fn id(&self) -> &str {
        &self.id
    }

    fn dimension(&self) -> usize {
        self.settings.dimension
    }

    fn reads_context(&self) -> bool {
        true
    }

    fn embed(&self, texts: &[&str], role: Role) -> Result<Vec<Vec<f32>>, EmbedError> {
        let prefix = if role == Role::Query { &self.settings.query_prefix } else { &self.settings.passage_prefix };
        let mut vectors = vec![vec![0.0; self.settings.dimension]; texts.len()];
        let said: Vec<(usize, String)> = texts
            .iter()
            .enumerate()
            .filter(|(_, text)| !text.trim().is_empty())
            .map(|(place, text)| (place, format!("{prefix}{text}")))
            .collect();
        for batch in said.chunks(self.settings.batch.max(1)) {
            let texts: Vec<String> = batch.iter().map(|(_, text)| text.clone()).collect();
            for ((place, _), vector) in batch.iter().zip(self.request(&texts, role)?) {
                if let Some(target) = vectors.get_mut(*place) {
                    *target = vector;
                }
            }
        }
        Ok(vectors)
    }
}
