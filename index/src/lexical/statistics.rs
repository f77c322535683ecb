//! How common a term is among the passages that count.
//!
//! Invariant: counts are exact, deleted passages left out, so that a score does not depend on when segments were
//! merged, and a search of the past ranks as it did then.

use std::collections::HashMap;

use parking_lot::Mutex;
use tantivy::query::Bm25StatisticsProvider;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocSet, Opstamp, SegmentReader, TERMINATED, Term};

use super::view::LexicalView;
use super::failed;
use crate::bitset::DocSet as DocumentSet;
use crate::document::{FIELD_COUNT, document_of};
use crate::error::Result;

/// Document frequencies of a segment, remembered while its deletions stay the same.
pub(crate) struct SegmentCounts {
    segment: tantivy::index::SegmentId,
    deletes: Option<Opstamp>,
    known: Mutex<HashMap<Term, u32>>,
}

impl SegmentCounts {
    pub fn new(segment: &SegmentReader) -> Self {
        Self { segment: segment.segment_id(), deletes: segment.delete_opstamp(), known: Mutex::default() }
    }

    pub fn is_of(&self, segment: &SegmentReader) -> bool {
        self.segment == segment.segment_id() && self.deletes == segment.delete_opstamp()
    }

    fn count(&self, segment: &SegmentReader, term: &Term) -> tantivy::Result<u32> {
        let inverted = segment.inverted_index(term.field())?;
        let Some(alive) = segment.alive_bitset() else {
            return Ok(inverted.doc_freq(term)?);
        };
        if let Some(count) = self.known.lock().get(term) {
            return Ok(*count);
        }
        let mut count = 0;
        if let Some(mut postings) = inverted.read_postings(term, IndexRecordOption::Basic)? {
            let mut doc = postings.doc();
            while doc != TERMINATED {
                count += u32::from(alive.is_alive(doc));
                doc = postings.advance();
            }
        }
        self.known.lock().insert(term.clone(), count);
        Ok(count)
    }
}

impl LexicalView {
    /// Live passages that hold the term; only those of accepted documents where a set is given.
    pub fn frequency(&self, term: &Term, accept: Option<&DocumentSet>) -> Result<u64> {
        let mut sum = 0;
        for ((segment, counts), passages) in
            self.searcher.segment_readers().iter().zip(&self.counts).zip(&self.passages)
        {
            let Some(accept) = accept else {
                sum += u64::from(counts.count(segment, term).map_err(failed)?);
                continue;
            };
            let inverted = segment.inverted_index(term.field()).map_err(failed)?;
            let Some(mut postings) = inverted.read_postings(term, IndexRecordOption::Basic).map_err(failed)? else {
                continue;
            };
            let mut doc = postings.doc();
            while doc != TERMINATED {
                let counts = !segment.is_deleted(doc) && accept.contains(document_of(passages.values.get_val(doc)));
                sum += u64::from(counts);
                doc = postings.advance();
            }
        }
        Ok(sum)
    }
}

/// The sums over all passages that count.
#[derive(Debug, Clone, Default)]
pub(crate) struct Totals {
    pub passages: u64,
    pub lengths: [u64; FIELD_COUNT],
    pub present: [u64; FIELD_COUNT],
}

impl Totals {
    pub fn add(&mut self, passages: u64, lengths: &[u64; FIELD_COUNT], present: &[u64; FIELD_COUNT]) {
        self.passages += passages;
        for (sum, n) in self.lengths.iter_mut().zip(lengths) {
            *sum += n;
        }
        for (sum, n) in self.present.iter_mut().zip(present) {
            *sum += n;
        }
    }
}

/// What BM25 is computed with: the totals, and the frequency of each term of the query.
pub(crate) struct Statistics {
    pub totals: Totals,
    pub fields: [Field; FIELD_COUNT],
    pub frequencies: HashMap<Term, u64>,
}

impl Bm25StatisticsProvider for Statistics {
    /// The mean length is taken over the passages that have the field: most have no question, and a field's
    /// length must be measured against its like.
    fn total_num_tokens(&self, field: Field) -> tantivy::Result<u64> {
        let at = self.fields.iter().position(|f| *f == field).unwrap_or(0);
        let length = self.totals.lengths.get(at).copied().unwrap_or(0);
        let present = self.totals.present.get(at).copied().unwrap_or(0).max(1);
        let scaled = u128::from(length) * u128::from(self.totals.passages) / u128::from(present);
        Ok((scaled as u64).max(1))
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(self.totals.passages.max(1))
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        Ok(self.frequencies.get(term).copied().unwrap_or(0))
    }
}
