//! What was looked up lately in a view that is searched as a whole?
//!
//! Invariant: what is remembered holds for the weights and statistics at hand, or it is forgotten.

use std::sync::Arc;

use super::found::Found;
use super::recent::Recent;
use super::statistics::Totals;
use crate::analyzer::{QueryKind, QueryTerm};
use crate::document::FIELD_COUNT;
use crate::rewrite::Alternative;
use crate::settings::RankSettings;

/// What is remembered of one kind of terms in each generation, in postings (8 bytes each).
const POSTINGS: usize = 3 << 20;
/// What a term weighs besides its postings.
const TERM: usize = 32;
/// Terms of one kind that are nowhere and that are remembered in each generation.
const ABSENT: usize = 4_096;
/// Words whose translations are remembered in each generation.
const TRANSLATED: usize = 4_096;

/// All that scores depend on besides the postings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Basis {
    passages: u64,
    means: [f32; FIELD_COUNT],
    fields: [f32; FIELD_COUNT],
    grams: f32,
    stop: f32,
}

impl Basis {
    pub fn of(totals: &Totals, rank: &RankSettings) -> Self {
        Self {
            passages: totals.passages,
            means: std::array::from_fn(|field| totals.mean_length(field)),
            fields: std::array::from_fn(|field| rank.field_weight(field)),
            grams: rank.grams,
            stop: rank.stop_weight,
        }
    }
}

/// Terms and translations that were looked up lately.
pub(crate) struct Known {
    basis: Option<Basis>,
    /// By kind, and whether they are stop words.
    terms: [Recent<Arc<Found>>; 6],
    /// The same of what is nowhere: there is much of it, so that it must not drive out the rest.
    absent: [Recent<Arc<Found>>; 6],
    /// By word.
    pub(super) translations: Recent<Arc<[Alternative]>>,
}

impl Default for Known {
    fn default() -> Self {
        let terms = std::array::from_fn(|_| Recent::new(POSTINGS));
        let absent = std::array::from_fn(|_| Recent::new(ABSENT));
        Self { basis: None, terms, absent, translations: Recent::new(TRANSLATED) }
    }
}

fn slot(term: &QueryTerm) -> usize {
    let kind = match term.kind {
        QueryKind::Word => 0,
        QueryKind::Gram => 1,
        QueryKind::GramPrefix => 2,
    };
    2 * kind + usize::from(term.stop)
}

fn weight(found: &Arc<Found>) -> usize {
    TERM + found.postings()
}

impl Known {
    pub(super) fn get(&mut self, basis: &Basis, term: &QueryTerm) -> Option<Arc<Found>> {
        if self.basis.as_ref() != Some(basis) {
            return None;
        }
        let found = self.terms.get_mut(slot(term))?.get(&term.term, weight);
        found.or_else(|| self.absent.get_mut(slot(term))?.get(&term.term, |_| 1))
    }

    pub(super) fn insert(&mut self, basis: &Basis, term: &QueryTerm, found: &Arc<Found>) {
        if self.basis.as_ref() != Some(basis) {
            *self = Self { basis: Some(*basis), ..Self::default() };
        }
        let (memory, weight) = match found.frequency {
            0 => (&mut self.absent, 1),
            _ => (&mut self.terms, weight(found)),
        };
        if let Some(terms) = memory.get_mut(slot(term)) {
            terms.insert(term.term.as_str().into(), found.clone(), weight);
        }
    }
}
