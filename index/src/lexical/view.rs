//! What one commit of a shelf holds, for as long as somebody reads it.
//!
//! Invariant: a view never changes; commits and merges make new ones.

use std::sync::Arc;

use tantivy::columnar::Column;
use tantivy::{DocAddress, DocSet, Searcher, TERMINATED, TantivyDocument, Term};

use super::statistics::SegmentCounts;
use super::{Fields, decode, failed};
use crate::bitset::DocSet as DocumentSet;
use crate::document::{StoredPassage, document_of};
use crate::error::Result;

/// An unchanging view of a shelf's inverted index.
pub(crate) struct LexicalView {
    pub(super) searcher: Searcher,
    pub(super) fields: Fields,
    /// Passage numbers by segment and local number.
    pub(super) passages: Vec<Column<u64>>,
    /// Exact document frequencies by segment.
    pub(super) counts: Vec<Arc<SegmentCounts>>,
}

impl LexicalView {
    pub(super) fn new(searcher: Searcher, fields: Fields, before: Option<&LexicalView>) -> Result<Self> {
        let mut passages = Vec::new();
        let mut counts = Vec::new();
        for segment in searcher.segment_readers() {
            passages.push(segment.fast_fields().u64("passage").map_err(failed)?);
            let same = before.and_then(|view| view.counts.iter().find(|c| c.is_of(segment)));
            counts.push(same.cloned().unwrap_or_else(|| Arc::new(SegmentCounts::new(segment))));
        }
        Ok(Self { searcher, fields, passages, counts })
    }

    /// The stored passage at an address.
    pub fn stored(&self, address: DocAddress) -> Result<StoredPassage> {
        let document: TantivyDocument = self.searcher.doc(address).map_err(failed)?;
        decode(&document, &self.fields)
    }

    /// Where passages of a document stand.
    pub fn addresses(&self, document: u32) -> Result<Vec<(u64, DocAddress)>> {
        let term = Term::from_field_u64(self.fields.document, u64::from(document));
        self.find(&term, self.fields.document)
    }

    /// Where one passage stands.
    pub fn address(&self, passage: u64) -> Result<Option<DocAddress>> {
        let all = self.addresses(document_of(passage))?;
        Ok(all.into_iter().find(|(p, _)| *p == passage).map(|(_, address)| address))
    }

    /// Numbers of the live documents with that id.
    pub fn documents(&self, id: &str) -> Result<Vec<u32>> {
        let term = Term::from_field_text(self.fields.id, id);
        let mut documents: Vec<u32> =
            self.find(&term, self.fields.id)?.into_iter().map(|(p, _)| document_of(p)).collect();
        documents.sort_unstable();
        documents.dedup();
        Ok(documents)
    }

    fn find(&self, term: &Term, field: tantivy::schema::Field) -> Result<Vec<(u64, DocAddress)>> {
        let mut found = Vec::new();
        for (ordinal, (segment, passages)) in self.searcher.segment_readers().iter().zip(&self.passages).enumerate() {
            let inverted = segment.inverted_index(field).map_err(failed)?;
            let Some(mut postings) =
                inverted.read_postings(term, tantivy::schema::IndexRecordOption::Basic).map_err(failed)?
            else {
                continue;
            };
            let mut doc = postings.doc();
            while doc != TERMINATED {
                if !segment.is_deleted(doc) {
                    if let Some(passage) = passages.first(doc) {
                        found.push((passage, DocAddress::new(ordinal as u32, doc)));
                    }
                }
                doc = postings.advance();
            }
        }
        Ok(found)
    }

    /// Documents that hold one of the terms, counted up to `limit` and added to `into`.
    pub fn matching(
        &self,
        terms: &[Term],
        accept: Option<&DocumentSet>,
        limit: usize,
        into: &mut DocumentSet,
        counted: &mut usize,
    ) -> Result<()> {
        for term in terms {
            for (segment, passages) in self.searcher.segment_readers().iter().zip(&self.passages) {
                let inverted = segment.inverted_index(term.field()).map_err(failed)?;
                let Some(mut postings) =
                    inverted.read_postings(term, tantivy::schema::IndexRecordOption::Basic).map_err(failed)?
                else {
                    continue;
                };
                let alive = segment.alive_bitset();
                let mut doc = postings.doc();
                while doc != TERMINATED {
                    if *counted >= limit {
                        return Ok(());
                    }
                    if alive.is_none_or(|a| a.is_alive(doc)) {
                        let document = document_of(passages.values.get_val(doc));
                        if accept.is_none_or(|a| a.contains(document)) && into.insert(document) {
                            *counted += 1;
                        }
                    }
                    doc = postings.advance();
                }
            }
        }
        Ok(())
    }

    /// Segments and their sizes, for figures.
    pub fn segments(&self) -> Vec<(u32, u32)> {
        self.searcher.segment_readers().iter().map(|s| (s.num_docs(), s.num_deleted_docs())).collect()
    }
}
