//! Which documents come first: the passages of both lists, completed, and the best of each document.
//!
//! Invariant: one place per document id, and equal relevance is ordered by id.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use crate::dense::PreparedQuery;
use crate::document::{Record, document_of, ordinal_of};
use crate::error::Result;
use crate::fuse::Features;
use crate::lexical::{Matching, Prepared};
use crate::parts::Part;

/// A passage on its way to being a hit.
pub(crate) struct Candidate {
    pub part: usize,
    pub passage: u64,
    pub features: Features,
    pub relevance: f32,
}

/// Takes the best of both lists of a shelf, and completes each passage's features; counts what matches by words.
pub(crate) fn gather(
    number: usize,
    part: &Part<'_>,
    prepared: Option<&Prepared>,
    vector: Option<&PreparedQuery>,
    k: usize,
    matching: &mut Matching,
    candidates: &mut Vec<Candidate>,
) -> Result<()> {
    let accept = part.accept.as_deref();
    let mut found: HashMap<u64, Features> = HashMap::new();
    if let Some(vector) = vector {
        for (hit, rank) in part.shelf.dense.search(vector, k, accept).iter().zip(1..) {
            let features = found.entry(hit.passage).or_default();
            features.cosine = Some(hit.cosine);
            features.vectors_rank = Some(rank);
        }
    }
    if let Some(prepared) = prepared {
        // Addition in another order may differ in the last bit; what is shown and compared does not.
        let rounded = |score: f32| Some((score * 1024.0).round() / 1024.0);
        let wanted: Vec<u64> = found.keys().copied().collect();
        let (hits, completed) = prepared.search(number, &part.shelf.lexical, k, accept, &wanted, matching)?;
        for (passage, score) in completed {
            found.entry(passage).or_default().bm25 = rounded(score);
        }
        for (hit, rank) in hits.iter().zip(1..) {
            let features = found.entry(hit.passage).or_default();
            features.bm25 = rounded(hit.score);
            features.words_rank = Some(rank);
        }
    }
    if let Some(vector) = vector {
        for (passage, features) in found.iter_mut().filter(|(_, f)| f.cosine.is_none()) {
            features.cosine = part.shelf.dense.cosine(vector, *passage);
        }
    }
    let new = found.into_iter().map(|(passage, mut features)| {
        let chunks = part.shelf.table.get(document_of(passage)).map_or(u32::MAX, |record| record.chunks);
        features.question = ordinal_of(passage) >= chunks;
        Candidate { part: number, passage, features, relevance: 0.0 }
    });
    candidates.extend(new);
    Ok(())
}

/// Leaves of several parts' candidates what one list of each kind would hold, with their places there: a passage counts
/// for as much whichever part it stands in.
pub(crate) fn merge(candidates: &mut Vec<Candidate>, k: usize) {
    place(candidates, k, |features| (features.cosine, &mut features.vectors_rank));
    place(candidates, k, |features| (features.bm25, &mut features.words_rank));
    candidates.retain(|candidate| candidate.features.words_rank.or(candidate.features.vectors_rank).is_some());
}

/// Numbers those of a list anew by their score, the best `k`; the others stand in it no more.
fn place(candidates: &mut [Candidate], k: usize, of: impl Fn(&mut Features) -> (Option<f32>, &mut Option<u32>)) {
    let mut listed: Vec<(f32, usize, u64, &mut Option<u32>)> = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let (part, passage) = (candidate.part, candidate.passage);
        let (score, rank) = of(&mut candidate.features);
        if rank.is_some() {
            listed.push((score.unwrap_or(0.0), part, passage, rank));
        }
    }
    listed.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
    for ((.., rank), place) in listed.into_iter().zip(1..) {
        *rank = (place as usize <= k).then_some(place);
    }
}

/// A document by its best passage, and its best passage of the body where that is another one.
pub(crate) struct Ranked {
    pub best: Candidate,
    pub chunk: Option<u64>,
    pub record: Arc<Record>,
}

/// Brings those that lead to the front.
pub(crate) fn best_first(candidates: &mut [Candidate]) {
    candidates.sort_unstable_by(|a, b| {
        b.relevance.total_cmp(&a.relevance).then(a.part.cmp(&b.part)).then(a.passage.cmp(&b.passage))
    });
}

/// Which of two candidates comes first in the end: equals by their documents' ids.
pub(crate) fn order(a: &Candidate, b: &Candidate, parts: &[Part<'_>]) -> Ordering {
    let id = |candidate| id_of(candidate, parts);
    b.relevance
        .total_cmp(&a.relevance)
        .then_with(|| id(a).cmp(&id(b)))
        .then(a.part.cmp(&b.part))
        .then(a.passage.cmp(&b.passage))
}

fn id_of<'a>(candidate: &Candidate, parts: &'a [Part<'_>]) -> Option<&'a str> {
    let record = parts.get(candidate.part)?.shelf.table.get(document_of(candidate.passage))?;
    Some(&record.id)
}

pub(crate) fn best_per_document(mut candidates: Vec<Candidate>, parts: &[Part<'_>]) -> Vec<Ranked> {
    best_first(&mut candidates);
    let mut ranked: Vec<Ranked> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for candidate in candidates {
        let Some(part) = parts.get(candidate.part) else { continue };
        // A passage without a record belongs to a document that left while the lists were made.
        let Some(record) = part.shelf.table.get(document_of(candidate.passage)) else { continue };
        let is_chunk = ordinal_of(candidate.passage) < record.chunks;
        match places.get(&record.id).and_then(|place| ranked.get_mut(*place)) {
            None => {
                places.insert(record.id.clone(), ranked.len());
                let chunk = is_chunk.then_some(candidate.passage);
                ranked.push(Ranked { best: candidate, chunk, record: record.clone() });
            }
            Some(known) => {
                let same = known.best.part == candidate.part
                    && document_of(known.best.passage) == document_of(candidate.passage);
                if same && is_chunk && known.chunk.is_none() {
                    known.chunk = Some(candidate.passage);
                }
            }
        }
    }
    // Equal relevance: by id, so that the order does not depend on when a document was indexed.
    ranked.sort_by(|a, b| match b.best.relevance.total_cmp(&a.best.relevance) {
        Ordering::Equal => a.record.id.cmp(&b.record.id),
        other => other,
    });
    ranked
}
