//! Which of the best hits answers best, on a closer look? A model that reads query and passage together says.
//!
//! Invariant: reranking changes the order only. Places keep their probability (the calibration knows no reranker, and
//! whether the knowledge answers at all does not depend on it); what was not looked at keeps its order behind the rest.

#[cfg(feature = "transformer")]
mod cross_encoder;

#[cfg(feature = "transformer")]
pub use cross_encoder::CrossEncoder;

use std::ops::Range;

use serde_json::json;

use crate::embed::EmbedError;
use crate::query::{Hit, Results};

/// Hits scored between two looks at the budget.
const BATCH: usize = 4;

/// Scores passages for a query by reading both together.
pub trait Reranker: Send + Sync {
    /// Names the model and everything that changes its scores.
    fn id(&self) -> &str;

    /// One score per passage, in order, in [0, 1]; higher answers better.
    ///
    /// # Errors
    /// [`EmbedError::Unavailable`] when waiting may help, [`EmbedError::Rejected`] when it will not.
    fn score(&self, query: &str, passages: &[&str]) -> Result<Vec<f32>, EmbedError>;
}

/// How far a reranking came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reranked {
    /// So many of the first hits were scored and ordered anew.
    Scored(usize),
    /// None was, and why.
    Skipped(String),
}

/// Orders the hits of these places by the reranker's scores, in batches until `expired` says that the time is over.
/// Adds `rerank` to what the results are degraded by where not even one batch was scored.
pub fn rerank(
    results: &mut Results,
    query: &str,
    reranker: &dyn Reranker,
    places: Range<usize>,
    expired: &dyn Fn() -> bool,
) -> Reranked {
    let texts: Vec<String> = results.hits.iter().take(places.end).skip(places.start).map(text).collect();
    if texts.len() < 2 {
        return Reranked::Scored(0);
    }
    let mut scores: Vec<f32> = Vec::with_capacity(texts.len());
    let mut reason = "its time was over before the first passage was read".to_owned();
    for batch in texts.chunks(BATCH) {
        if expired() {
            break;
        }
        let batch: Vec<&str> = batch.iter().map(String::as_str).collect();
        match reranker.score(query, &batch) {
            Ok(more) if more.len() == batch.len() => {
                // The model knows nothing of what editors say that an article does not answer.
                let hits = results.hits.iter().skip(places.start + scores.len());
                let weighed: Vec<f32> = more.iter().zip(hits).map(|(score, hit)| score * (1.0 - hit.against)).collect();
                scores.extend(weighed);
            }
            Ok(more) => {
                reason = format!("the model gave {} scores for {} passages", more.len(), batch.len());
                break;
            }
            Err(error) => {
                reason = error.to_string();
                break;
            }
        }
    }
    if scores.is_empty() {
        results.degraded.push("rerank");
        return Reranked::Skipped(reason);
    }
    reorder(&mut results.hits, places.start, &scores);
    Reranked::Scored(scores.len())
}

/// What is read of a hit.
fn text(hit: &Hit) -> String {
    let passage = &hit.passage;
    let parts =
        [hit.record.title.clone(), hit.matched_question.clone().unwrap_or_default(), passage.heading.join(" / ")];
    let mut text = String::new();
    for part in parts.iter().filter(|part| !part.is_empty()) {
        text.push_str(part);
        text.push('\n');
    }
    text + &passage.text
}

fn reorder(hits: &mut Vec<Hit>, from: usize, scores: &[f32]) {
    let places: Vec<(f32, f32)> = hits.iter().map(|hit| (hit.score, hit.relevance)).collect();
    let rest = hits.split_off((from + scores.len()).min(hits.len()));
    let mut scored: Vec<(usize, f32, Hit)> =
        hits.drain(from..).zip(scores).enumerate().map(|(n, (hit, score))| (from + n + 1, *score, hit)).collect();
    // Stable: equal scores stay as they were.
    scored.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (before, score, mut hit) in scored {
        if let Some(explain) = hit.explain.as_mut().and_then(|e| e.as_object_mut()) {
            explain.insert("rerank".into(), json!({ "score": score, "place_before": before }));
        }
        hits.push(hit);
    }
    hits.extend(rest);
    for (hit, (score, relevance)) in hits.iter_mut().zip(places) {
        (hit.score, hit.relevance) = (score, relevance);
    }
}
