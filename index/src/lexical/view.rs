//! What one commit of a shelf holds, for as long as somebody reads it.
//!
//! Invariant: a view never changes; commits and merges make new ones.

use std::sync::Arc;

use parking_lot::Mutex;
use tantivy::postings::TermInfo;
use tantivy::schema::IndexRecordOption;
use tantivy::store::StoreReader;
use tantivy::{DocAddress, DocSet, InvertedIndexReader, Searcher, SegmentReader, TERMINATED, TantivyDocument, Term};

use super::known::Known;
use super::statistics::SegmentCounts;
use super::stored::{decode, shown, stored_bytes};
use super::terms::{Terms, hash};
use super::{Fields, failed};
use crate::bitset::DocSet as DocumentSet;
use crate::document::{FIELD_COUNT, StoredPassage, TEXT_FIELDS, document_of};
use crate::error::Result;
use crate::rewrite::vocabulary::Vocabulary;

/// Unpacked blocks of stored passages that are kept of each segment.
const BLOCKS: usize = 64;

/// A term's postings in one segment.
pub(super) struct Place {
    pub segment: usize,
    pub info: TermInfo,
}

/// A term in one text field of a view.
pub(super) struct InField {
    pub field: usize,
    /// Live passages that hold it.
    pub frequency: u64,
    /// By segment, where it holds any.
    pub places: Vec<Place>,
}

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
    text: Vec<(Arc<InvertedIndexReader>, Vec<u8>)>,
    /// What its text fields may hold.
    terms: Vec<Terms>,
    stored: StoreReader,
    /// Its words, once somebody has asked.
    pub(super) vocabulary: Mutex<Option<Arc<Vocabulary>>>,
}

impl Segment {
    fn new(reader: &SegmentReader, fields: &Fields) -> Result<Self> {
        let column = reader.fast_fields().u64("passage").map_err(failed)?;
        let passages: Vec<u64> = (0..reader.max_doc()).map(|doc| column.values.get_val(doc)).collect();
        let lowest = passages.iter().min().copied().unwrap_or(u64::MAX);
        let highest = passages.iter().max().copied().unwrap_or(0);
        let (mut text, mut terms) = (Vec::with_capacity(FIELD_COUNT), Vec::with_capacity(FIELD_COUNT));
        for field in fields.text {
            let inverted = reader.inverted_index(field).map_err(failed)?;
            terms.push(Terms::of(&inverted)?);
            let lengths = reader.get_fieldnorms_reader(field).map_err(failed)?;
            text.push((inverted, (0..reader.max_doc()).map(|doc| lengths.fieldnorm_id(doc)).collect()));
        }
        let documents = (document_of(lowest), document_of(highest));
        let order = (!passages.is_sorted()).then(|| {
            let mut order: Vec<u32> = (0..reader.max_doc()).collect();
            order.sort_unstable_by_key(|doc| passages.get(*doc as usize).copied());
            order
        });
        let counts = SegmentCounts::new(reader);
        let stored = reader.get_store_reader(BLOCKS).map_err(failed)?;
        Ok(Self { passages, order, documents, counts, text, terms, stored, vocabulary: Mutex::default() })
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

    fn may_hold(&self, field: usize, hash: u64) -> bool {
        self.terms.get(field).is_some_and(|terms| terms.may_hold(hash))
    }

    /// Postings of a text field, and the codes of its lengths.
    pub fn text(&self, field: usize) -> Option<(&InvertedIndexReader, &[u8])> {
        self.text.get(field).map(|(inverted, lengths)| (inverted.as_ref(), lengths.as_slice()))
    }
}

/// An unchanging view of a shelf's inverted index.
pub(crate) struct LexicalView {
    pub(super) searcher: Searcher,
    pub(super) fields: Fields,
    /// In the order of the searcher's segments.
    pub(super) segments: Vec<Arc<Segment>>,
    /// Terms that were looked up lately.
    pub(super) known: Mutex<Known>,
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
        Ok(Self { searcher, fields, segments, known: Mutex::default() })
    }

    /// The fields where a word (or a bigram) stands; only what is in accepted documents counts where a set is given.
    pub(super) fn held(&self, text: &str, gram: bool, accept: Option<&DocumentSet>) -> Result<Vec<InField>> {
        let hash = hash(text);
        let mut held = Vec::new();
        for (field, _) in TEXT_FIELDS.iter().enumerate().filter(|(_, name)| (**name == "grams") == gram) {
            if self.segments.iter().any(|segment| segment.may_hold(field, hash)) {
                held.extend(self.in_field(field, text, hash, accept)?);
            }
        }
        Ok(held)
    }

    fn in_field(&self, field: usize, text: &str, hash: u64, accept: Option<&DocumentSet>) -> Result<Option<InField>> {
        let Some(name) = self.fields.text.get(field) else { return Ok(None) };
        let term = Term::from_field_text(*name, text);
        let mut places = Vec::new();
        for (segment, own) in self.segments.iter().enumerate().filter(|(_, s)| s.may_hold(field, hash)) {
            let Some((inverted, _)) = own.text(field) else { continue };
            let info = inverted.get_term_info(&term).map_err(failed)?;
            places.extend(info.map(|info| Place { segment, info }));
        }
        let frequency = self.frequency(field, &term, &places, accept)?;
        Ok((frequency > 0).then_some(InField { field, frequency, places }))
    }

    /// The stored passage at an address, without its vector.
    pub fn stored(&self, address: DocAddress) -> Result<StoredPassage> {
        let segment = self.segments.get(address.segment_ord as usize);
        let segment = segment.ok_or_else(|| failed("a passage stands in no segment"))?;
        let document = segment.stored.get_document_bytes(address.doc_id).map_err(failed)?;
        match stored_bytes(&document) {
            Some(bytes) => shown(bytes),
            None => decode(&segment.stored.get::<TantivyDocument>(address.doc_id).map_err(failed)?, &self.fields),
        }
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
