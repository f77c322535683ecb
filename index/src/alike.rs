//! Which documents say the same? Every passage of the one finds its nearest in the other, and the other way round.
//!
//! Invariant: likeness is the same from either side, in [0, 1], and a document that does not pass the filter is in no
//! pair.
//!
//! Cost: all passages look at all, some 10 ns a pair, so time grows with the square: 2 s for 14,000 passages (4,000
//! articles), 15 s for 35,000 (10,000 articles) on two busy cores, one of them used. From 60,000 passages on the graph is
//! walked instead, at half a millisecond to one a passage. It takes a permit of bulk work, so that searches go on.
//!
//! How sure a likeness is: `examples/eval_duplicates.rs`.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::dense::{DenseSnapshot, PreparedQuery};
use crate::document::{Record, document_of, passage_id};
use crate::error::Result;
use crate::evaluate::Check;
use crate::filter::Filter;
use crate::index::Index;
use crate::parts::accepted;

/// Passages of a document that look for others like it; all of them are compared then.
const LOOKING: usize = 8;
/// Documents that each of them finds.
const FOUND: usize = 8;
/// Passages that look for others in one go through the rows.
const AT_ONCE: usize = 256;
/// Most passages of a document that are compared.
const COMPARED: u32 = 64;

/// Two documents and how alike they are.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The one, by id before the other.
    pub one: Arc<Record>,
    /// The other.
    pub other: Arc<Record>,
    /// Mean of the best cosines of their passages, both ways, in [0, 1].
    pub likeness: f32,
}

impl Index {
    /// Pairs of live documents that pass and are at least so alike, the most alike first, at most so many. Documents
    /// whose vectors are still to come are in none.
    ///
    /// # Errors
    /// [`crate::Error::Filter`] for what the caller got wrong.
    pub fn pairs(&self, from: f32, filter: Option<&Filter>, most: usize) -> Result<Vec<Pair>> {
        let view = self.view.load_full();
        let accept = filter.map(|f| Check::of(f).map(|check| accepted(&view, f, &check))).transpose()?;
        let passes = |document: u32| accept.as_ref().is_none_or(|set| set.contains(document));
        let (table, dense) = (&view.live.table, view.live.dense.as_ref());
        // Of two documents one may find the other and not be found by it: who finds whom does not decide.
        let mut found = BTreeSet::new();
        let mut looking: Vec<(u32, PreparedQuery)> = Vec::with_capacity(AT_ONCE + LOOKING);
        let mut look = |looking: &mut Vec<(u32, PreparedQuery)>| {
            let (documents, queries): (Vec<u32>, Vec<PreparedQuery>) = std::mem::take(looking).into_iter().unzip();
            let hits = dense.search_all(&queries, FOUND + 1, from, accept.as_deref());
            for (document, hits) in documents.into_iter().zip(hits) {
                let others = hits.iter().map(|hit| document_of(hit.passage)).filter(|other| *other != document);
                found.extend(others.map(|other| (document.min(other), document.max(other))));
            }
        };
        for (document, record) in table.iter().filter(|(document, _)| passes(*document)) {
            let own = vectors(dense, document, record);
            looking.extend(own.into_iter().take(LOOKING).map(|query| (document, query)));
            if looking.len() >= AT_ONCE {
                look(&mut looking);
            }
        }
        look(&mut looking);
        let mut pairs = Vec::new();
        for (one, other) in found {
            let (Some(first), Some(second)) = (table.get(one), table.get(other)) else { continue };
            let own = (one, vectors(dense, one, first));
            let likeness = likeness(dense, (own.0, &own.1), (other, &vectors(dense, other, second)));
            if likeness >= from {
                let (one, other) = if first.id < second.id { (first, second) } else { (second, first) };
                pairs.push(Pair { one: one.clone(), other: other.clone(), likeness });
            }
        }
        let ids = |pair: &Pair| (pair.one.id.clone(), pair.other.id.clone());
        pairs.sort_by(|a, b| b.likeness.total_cmp(&a.likeness).then_with(|| ids(a).cmp(&ids(b))));
        pairs.truncate(most);
        Ok(pairs)
    }
}

/// The vectors of a document's passages of the body.
fn vectors(dense: &DenseSnapshot, document: u32, record: &Record) -> Vec<PreparedQuery> {
    let passages = (0..record.chunks.min(COMPARED)).map(|ordinal| passage_id(document, ordinal));
    passages.filter_map(|passage| dense.query_of(passage)).collect()
}

fn likeness(dense: &DenseSnapshot, one: (u32, &[PreparedQuery]), other: (u32, &[PreparedQuery])) -> f32 {
    let toward = |from: &[PreparedQuery], document: u32, count: usize| -> f32 {
        if from.is_empty() {
            return 0.0;
        }
        let best = |query: &PreparedQuery| {
            let cosines = (0..count as u32).filter_map(|ordinal| dense.cosine(query, passage_id(document, ordinal)));
            cosines.fold(0.0_f32, f32::max)
        };
        from.iter().map(best).sum::<f32>() / from.len() as f32
    };
    (toward(one.1, other.0, other.1.len()) + toward(other.1, one.0, one.1.len())) / 2.0
}
