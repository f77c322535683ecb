//! How common a term is among the passages that count.
//!
//! Invariant: counts are exact, deleted passages left out, so that a score does not depend on when segments were
//! merged, and a search of the past ranks as it did then.

use std::collections::HashMap;

use parking_lot::Mutex;
use tantivy::postings::TermInfo;
use tantivy::schema::IndexRecordOption;
use tantivy::{Opstamp, SegmentReader, Term};

use super::failed;
use super::view::{LexicalView, Place, Segment};
use crate::bitset::DocSet as DocumentSet;
use crate::document::{FIELD_COUNT, document_of};
use crate::error::Result;

/// Document frequencies of a segment with deletions, remembered while these stay the same.
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
}

impl LexicalView {
    /// Live passages that hold the term, whose postings are at `places`; only those of accepted documents where a set
    /// is given.
    pub(super) fn frequency(
        &self,
        field: usize,
        term: &Term,
        places: &[Place],
        accept: Option<&DocumentSet>,
    ) -> Result<u64> {
        let mut sum = 0;
        for Place { segment, info } in places {
            let reader = self.searcher.segment_readers().get(*segment);
            let (Some(reader), Some(segment)) = (reader, self.segments.get(*segment)) else { continue };
            let alive = reader.alive_bitset();
            if let Some(accept) = accept {
                let counts = |doc: u32| {
                    let passage = segment.passages.get(doc as usize).copied();
                    alive.is_none_or(|a| a.is_alive(doc)) && passage.is_some_and(|p| accept.contains(document_of(p)))
                };
                sum += count(segment, field, info, counts)?;
                continue;
            }
            let Some(alive) = alive else {
                sum += u64::from(info.doc_freq);
                continue;
            };
            let known = segment.counts.known.lock().get(term).copied();
            let counted = match known {
                Some(counted) => counted,
                None => {
                    let counted = count(segment, field, info, |doc| alive.is_alive(doc))? as u32;
                    segment.counts.known.lock().insert(term.clone(), counted);
                    counted
                }
            };
            sum += u64::from(counted);
        }
        Ok(sum)
    }
}

fn count(segment: &Segment, field: usize, info: &TermInfo, counts: impl Fn(u32) -> bool) -> Result<u64> {
    let Some((inverted, _)) = segment.text(field) else { return Ok(0) };
    let mut postings = inverted.read_block_postings_from_terminfo(info, IndexRecordOption::Basic).map_err(failed)?;
    let mut sum = 0;
    while !postings.docs().is_empty() {
        sum += postings.docs().iter().filter(|doc| counts(**doc)).count() as u64;
        postings.advance();
    }
    Ok(sum)
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

    /// The mean length of a field over the passages that have it: most have no question, and a field's length must
    /// be measured against its like.
    pub fn mean_length(&self, field: usize) -> f32 {
        let length = self.lengths.get(field).copied().unwrap_or(0).max(1);
        let present = self.present.get(field).copied().unwrap_or(0).max(1);
        length as f32 / present as f32
    }
}
