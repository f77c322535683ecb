//! Do the other known questions of a document stand near the query, too? One that is near may be so by chance; several of
//! one document are not.
//!
//! Invariant: company is never held against a document: without it, or with one known question, it is 0.

use crate::dense::PreparedQuery;
use crate::document::{document_of, passage_id};
use crate::parts::Part;
use crate::rank::Candidate;

/// Known questions that are looked for beside the nearest one.
const OTHERS: usize = 5;
/// Most known questions of a document that are compared.
const COMPARED: u32 = 128;
/// A question counts by how far it is above this share of the nearest one's cosine.
const FROM: f32 = 0.7;

/// How near the document's next known questions come, in [0, 1 − FROM]; none for a passage of the body.
pub(crate) fn company(parts: &[Part<'_>], candidate: &Candidate, vector: Option<&PreparedQuery>) -> Option<f32> {
    let (part, vector) = (parts.get(candidate.part)?, vector?);
    let nearest = candidate.features.cosine.filter(|_| candidate.features.question)?;
    let document = document_of(candidate.passage);
    let record = part.shelf.table.get(document)?;
    let questions = record.chunks..record.chunks.saturating_add((record.questions.len() as u32).min(COMPARED));
    let others = questions.map(|ordinal| passage_id(document, ordinal)).filter(|passage| *passage != candidate.passage);
    Some(shared(nearest, others.filter_map(|passage| part.shelf.dense.cosine(vector, passage))))
}

/// The mean of how far the nearest of the others are above their bar; those that are missing are not.
fn shared(nearest: f32, others: impl Iterator<Item = f32>) -> f32 {
    let mut above: Vec<f32> = others.map(|cosine| (cosine.min(nearest) - FROM * nearest).max(0.0)).collect();
    above.sort_unstable_by(|a, b| b.total_cmp(a));
    above.truncate(OTHERS);
    above.iter().sum::<f32>() / OTHERS as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_and_nearer_questions_are_more_company() {
        let of = |others: &[f32]| shared(0.8, others.iter().copied());
        assert_eq!((of(&[]), of(&[0.1, -0.4])), (0.0, 0.0), "what is far is not held against it");
        assert!(of(&[0.7]) < of(&[0.75]) && of(&[0.75]) < of(&[0.75, 0.7]));
        let most = of(&[0.8; 5]);
        assert!((most - 0.8 * (1.0 - FROM)).abs() < 1e-6, "{most}");
        assert_eq!(of(&[0.8; 50]), most, "a hundred known questions weigh no more than six");
        assert_eq!(of(&[0.99; 5]), most, "where a list is approximate another one may be nearer");
        assert_eq!(shared(-0.2, [-0.1].into_iter()), 0.0, "a nearest one that is far has no company");
    }
}
