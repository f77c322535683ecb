//! What one commit of a shelf holds, for as long as somebody reads it.
//!
//! Invariant: a view never changes; commits and merges make new ones.

use std::sync::Arc;

use parking_lot::Mutex;
use tantivy::fieldnorm::FieldNormReader;
use tantivy::postings::TermInfo;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocAddress, DocSet, InvertedIndexReader, Searcher, SegmentReader, TERMINATED, TantivyDocument, Term};

use super::statistics::SegmentCounts;
use super::{Fields, decode, failed};
use crate::document::{FIELD_COUNT, StoredPassage, document_of};
use crate::error::Result;
use crate::rewrite::vocabulary::Vocabulary;

/// What searches need of a segment, taken out once.
pub(super) struct Segment {
    /// Passage numbers by local number.
    pub passages: Vec<u64>,
    /// Local numbers in the order of passage numbers; absent where that is their own.
    order: Option<Vec<u32>>,
    /// Lowest and highest document number.
    documents: (u32, u32),
    /// Exact document frequencies.
    pub counts: SegmentCounts,
    text: Vec<(Arc<InvertedIndexReader>, FieldNormReader)>,
    /// Its words, once somebody has asked.
    pub(super) vocabulary: Mutex<Option<Arc<Vocabulary>>>,
}

impl Segment {
    fn new(reader: &SegmentReader, fields: &Fields) -> Result<Self> {
        let column = reader.fast_fields().u64("passage").map_err(failed)?;
        let passages: Vec<u64> = (0..reader.max_doc()).map(|doc| column.values.get_val(doc)).collect();
        let lowest = passages.iter().min().copied().unwrap_or(u64::MAX);
        let highest = passages.iter().max().copied().unwrap_or(0);
        let mut text = Vec::with_capacity(FIELD_COUNT);
        for field in fields.text {
            let inverted = reader.inverted_index(field).map_err(failed)?;
            text.push((inverted, reader.get_fieldnorms_reader(field).map_err(failed)?));
        }
        let documents = (document_of(lowest), document_of(highest));
        let order = (!passages.is_sorted()).then(|| {
            let mut order: Vec<u32> = (0..reader.max_doc()).collect();
            order.sort_unstable_by_key(|doc| passages.get(*doc as usize).copied());
            order
        });
        Ok(Self { passages, order, documents, counts: SegmentCounts::new(reader), text, vocabulary: Mutex::default() })
    }

    /// The local number of a passage.
    pub fn place(&self, passage: u64) -> Option<u32> {
        let document = document_of(passage);
        if !(self.documents.0..=self.documents.1).contains(&document) {
            return None;
        }
        match &self.order {
            None => self.passages.binary_search(&passage).ok().and_then(|place| u32::try_from(place).ok()),
            Some(order) => {
                let number = |doc: &u32| self.passages.get(*doc as usize).copied().unwrap_or(u64::MAX);
                let place = order.binary_search_by_key(&passage, number).ok()?;
                order.get(place).copied()
            }
        }
    }

    /// Postings and lengths of a text field.
    pub fn text(&self, field: usize) -> Option<(&InvertedIndexReader, &FieldNormReader)> {
        self.text.get(field).map(|(inverted, lengths)| (inverted.as_ref(), lengths))
    }
}

/// An unchanging view of a shelf's inverted index.
pub(crate) struct LexicalView {
    pub(super) searcher: Searcher,
    pub(super) fields: Fields,
    /// In the order of the searcher's segments.
    pub(super) segments: Vec<Arc<Segment>>,
}

impl LexicalView {
    pub(super) fn new(searcher: Searcher, fields: Fields, before: Option<&LexicalView>) -> Result<Self> {
        let mut segments = Vec::new();
        for reader in searcher.segment_readers() {
            let same = before.and_then(|view| view.segments.iter().find(|s| s.counts.is_of(reader)));
            segments.push(match same {
                Some(same) => same.clone(),
                None => Arc::new(Segment::new(reader, &fields)?),
            });
        }
        Ok(Self { searcher, fields, segments })
    }

    /// Where the postings of a term of a text field stand, by segment.
    pub fn locate(&self, field: usize, term: &Term) -> Result<Vec<Option<TermInfo>>> {
        let find = |segment: &Arc<Segment>| match segment.text(field) {
            Some((inverted, _)) => inverted.get_term_info(term).map_err(failed),
            None => Ok(None),
        };
        self.segments.iter().map(find).collect()
    }

    /// The stored passage at an address.
    pub fn stored(&self, address: DocAddress) -> Result<StoredPassage> {
        let document: TantivyDocument = self.searcher.doc(address).map_err(failed)?;
        decode(&document, &self.fields)
    }

    /// Where passages of a document stand.
    pub fn addresses(&self, document: u32) -> Result<Vec<(u64, DocAddress)>> {
        let term = Term::from_field_u64(self.fields.document, u64::from(document));
        let may_hold = |segment: &Segment| (segment.documents.0..=segment.documents.1).contains(&document);
        self.find(&term, self.fields.document, may_hold)
    }

    /// Where one passage stands.
    pub fn address(&self, passage: u64) -> Option<DocAddress> {
        let found = self.searcher.segment_readers().iter().zip(&self.segments).zip(0..);
        let mut found = found.filter_map(|((reader, segment), ordinal)| {
            let doc = segment.place(passage).filter(|doc| !reader.is_deleted(*doc))?;
            Some(DocAddress::new(ordinal, doc))
        });
        found.next()
    }

    /// Numbers of the live documents with that id.
    pub fn documents(&self, id: &str) -> Result<Vec<u32>> {
        let term = Term::from_field_text(self.fields.id, id);
        let mut documents: Vec<u32> =
            self.find(&term, self.fields.id, |_| true)?.into_iter().map(|(p, _)| document_of(p)).collect();
        documents.sort_unstable();
        documents.dedup();
        Ok(documents)
    }

    fn find(
        &self,
        term: &Term,
        field: tantivy::schema::Field,
        may_hold: impl Fn(&Segment) -> bool,
    ) -> Result<Vec<(u64, DocAddress)>> {
        let mut found = Vec::new();
        for (ordinal, (reader, segment)) in self.searcher.segment_readers().iter().zip(&self.segments).enumerate() {
            if !may_hold(segment) {
                continue;
            }
            let inverted = reader.inverted_index(field).map_err(failed)?;
            let Some(mut postings) = inverted.read_postings(term, IndexRecordOption::Basic).map_err(failed)? else {
                continue;
            };
            let mut doc = postings.doc();
            while doc != TERMINATED {
                if !reader.is_deleted(doc) {
                    let passage = segment.passages.get(doc as usize);
                    found.extend(passage.map(|passage| (*passage, DocAddress::new(ordinal as u32, doc))));
                }
                doc = postings.advance();
            }
        }
        Ok(found)
    }

    /// Segments and their sizes, for figures.
    pub fn segments(&self) -> Vec<(u32, u32)> {
        self.searcher.segment_readers().iter().map(|s| (s.num_docs(), s.num_deleted_docs())).collect()
    }
}
