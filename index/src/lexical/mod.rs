//! Which passages hold the words of a query: an inverted index with BM25.
//!
//! Invariant: only the files of this folder name tantivy. A commit holds postings, stored passages and vectors
//! together, so that lexical and dense retrieval always see the same passages.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tantivy::merge_policy::LogMergePolicy;
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{PreTokenizedString, Token};
use tantivy::{Index, IndexReader, IndexSettings, IndexWriter, ReloadPolicy, TantivyDocument, TantivyError, Term};

use crate::document::{FIELD_COUNT, Record, StoredPassage, TEXT_FIELDS, document_of};
use crate::error::{Error, Result};

mod best;
mod cursor;
mod found;
mod known;
#[cfg(test)]
mod laws;
mod lookup;
mod postings;
mod query;
mod recent;
mod score;
mod statistics;
mod stored;
mod terms;
mod view;
mod vocabulary;
mod windows;

pub(crate) use known::Known as Remembered;
pub(crate) use lookup::{Lookup, Views};
pub(crate) use query::{Prepared, PreparedAlternative, ScoredPart};
pub(crate) use score::Matching;
pub(crate) use statistics::Totals;
use stored::decode;
pub(crate) use view::LexicalView;

/// Memory the writer may fill before it writes a segment, in bytes.
const WRITER_BYTES: usize = 48 * 1024 * 1024;
/// The same for one document; less is not allowed.
const FEW_BYTES: usize = 16 * 1024 * 1024;

/// Bytes of stored passages that are packed together: a search unpacks one such block for each passage it looks at.
const STORE_BLOCK: usize = 4096;

/// Fields of the schema.
#[derive(Clone)]
pub(crate) struct Fields {
    pub passage: Field,
    pub document: Field,
    pub id: Field,
    pub stored: Field,
    pub text: [Field; FIELD_COUNT],
}

/// What a commit says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    /// What the index was made with; another one means that it must be rebuilt.
    pub fingerprint: String,
    /// The next document number.
    pub next_document: u32,
}

/// A passage ready to be written: its terms by text field.
pub(crate) struct PassageTerms {
    pub passage: u64,
    pub id: Arc<str>,
    pub terms: [Vec<String>; FIELD_COUNT],
    pub stored: StoredPassage,
}

/// The writing side of one shelf.
pub(crate) struct Lexical {
    index: Index,
    fields: Fields,
    writer: IndexWriter,
    reader: IndexReader,
    /// Whether the reader has yet to take up the last commit.
    behind: bool,
}

fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let text = TextOptions::default().set_indexing_options(
        TextFieldIndexing::default().set_tokenizer("raw").set_index_option(IndexRecordOption::WithFreqs),
    );
    let fields = Fields {
        passage: builder.add_u64_field("passage", FAST),
        document: builder.add_u64_field("document", INDEXED),
        id: builder.add_text_field("id", STRING),
        stored: builder.add_bytes_field("stored", STORED),
        text: TEXT_FIELDS.map(|name| builder.add_text_field(name, text.clone())),
    };
    (builder.build(), fields)
}

/// Every query looks its terms up in every segment, so few are kept; a publication alone is a small one, and small ones
/// are merged among themselves before they cost a large one's rewriting.
fn merge_policy() -> LogMergePolicy {
    let mut policy = LogMergePolicy::default();
    policy.set_min_num_segments(4);
    policy.set_min_layer_size(2_000);
    policy.set_del_docs_ratio_before_merge(0.3);
    policy
}

pub(crate) fn failed(error: impl std::fmt::Display) -> Error {
    Error::Lexical(error.to_string())
}

impl Lexical {
    /// Opens the shelf in `dir`, or makes an empty one.
    pub fn open(dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(dir).map_err(|e| Error::io(dir, e))?;
        let directory = tantivy::directory::MmapDirectory::open(dir).map_err(failed)?;
        Self::over(directory, WRITER_BYTES, &dir.display().to_string())
    }

    /// An empty shelf that is kept nowhere.
    pub fn in_memory() -> Result<Self> {
        Self::over(tantivy::directory::RamDirectory::create(), FEW_BYTES, "memory")
    }

    fn over(directory: impl tantivy::Directory, bytes: usize, place: &str) -> Result<Self> {
        let (schema, fields) = schema();
        let settings = IndexSettings { docstore_blocksize: STORE_BLOCK, ..IndexSettings::default() };
        let index = Index::builder().schema(schema).settings(settings).open_or_create(directory).map_err(failed)?;
        // One thread: a document's passages stay together, and searches keep the other cores.
        let writer = index.writer_with_num_threads(1, bytes).map_err(|error| match error {
            TantivyError::LockFailure(..) => Error::Locked(place.to_owned()),
            other => failed(other),
        })?;
        writer.set_merge_policy(Box::new(merge_policy()));
        let reader =
            index.reader_builder().reload_policy(ReloadPolicy::Manual).doc_store_cache_num_blocks(1).try_into();
        let reader = reader.map_err(failed)?;
        Ok(Self { index, fields, writer, reader, behind: false })
    }

    /// What the last commit says about itself; absent on an empty shelf.
    pub fn stamp(&self) -> Result<Option<Stamp>> {
        let metas = self.index.load_metas().map_err(failed)?;
        Ok(metas.payload.and_then(|payload| serde_json::from_str(&payload).ok()))
    }

    /// Whether the files are whole.
    pub fn damaged(&self) -> Result<Vec<String>> {
        let bad = self.index.validate_checksum().map_err(failed)?;
        Ok(bad.into_iter().map(|path| path.display().to_string()).collect())
    }

    pub fn add(&mut self, passage: PassageTerms) -> Result<()> {
        let mut doc = TantivyDocument::new();
        doc.add_u64(self.fields.passage, passage.passage);
        doc.add_u64(self.fields.document, u64::from(document_of(passage.passage)));
        doc.add_text(self.fields.id, &passage.id);
        doc.add_bytes(self.fields.stored, &postcard::to_stdvec(&passage.stored).map_err(failed)?);
        for (field, terms) in self.fields.text.iter().zip(passage.terms) {
            if !terms.is_empty() {
                doc.add_pre_tokenized_text(*field, pre_tokenized(terms));
            }
        }
        self.writer.add_document(doc).map_err(failed)?;
        Ok(())
    }

    pub fn remove_document(&mut self, document: u32) {
        self.writer.delete_term(Term::from_field_u64(self.fields.document, u64::from(document)));
    }

    /// Makes everything since the last commit visible to views taken from now on. It is committed where this gives `Ok`,
    /// also where the files cannot be opened now: then the next view tries again.
    pub fn commit(&mut self, stamp: &Stamp) -> Result<()> {
        let payload = serde_json::to_string(stamp).map_err(failed)?;
        let mut prepared = self.writer.prepare_commit().map_err(failed)?;
        prepared.set_payload(&payload);
        prepared.commit().map_err(failed)?;
        self.behind = true;
        if let Err(error) = self.catch_up() {
            tracing::warn!(%error, "a commit cannot be seen yet");
        }
        Ok(())
    }

    /// Has views show the last commit.
    pub fn catch_up(&mut self) -> Result<()> {
        if self.behind {
            self.reader.reload().map_err(failed)?;
            self.behind = false;
        }
        Ok(())
    }

    /// Throws away what was added or removed since the last commit.
    pub fn rollback(&mut self) -> Result<()> {
        self.writer.rollback().map(|_| ()).map_err(failed)
    }

    /// An unchanging view of the last commit.
    pub fn view(&self, before: Option<&LexicalView>) -> Result<LexicalView> {
        LexicalView::new(self.reader.searcher(), self.fields.clone(), before)
    }

    /// Every live stored passage, for filling tables and vectors at start.
    pub fn each(&self, mut with: impl FnMut(u64, StoredPassage) -> Result<()>) -> Result<()> {
        let searcher = self.reader.searcher();
        for segment in searcher.segment_readers() {
            let passages = segment.fast_fields().u64("passage").map_err(failed)?;
            let store = segment.get_store_reader(1).map_err(failed)?;
            let documents = store.iter::<TantivyDocument>(segment.alive_bitset());
            for (doc, stored) in segment.doc_ids_alive().zip(documents) {
                let stored = stored.map_err(failed)?;
                let Some(passage) = passages.first(doc) else { return Err(failed("a passage has no number")) };
                with(passage, decode(&stored, &self.fields)?)?;
            }
        }
        Ok(())
    }
}

fn pre_tokenized(terms: Vec<String>) -> PreTokenizedString {
    let tokens = terms
        .into_iter()
        .enumerate()
        .map(|(position, text)| Token { offset_from: 0, offset_to: 0, position, text, position_length: 1 })
        .collect();
    PreTokenizedString { text: String::new(), tokens }
}

/// Sums the lengths of a document's passages, for its record.
pub(crate) fn measure(record: &mut Record, passages: &[[Vec<String>; FIELD_COUNT]]) {
    for terms in passages {
        for ((length, present), terms) in record.lengths.iter_mut().zip(&mut record.present).zip(terms) {
            *length += terms.len() as u32;
            *present += u32::from(!terms.is_empty());
        }
    }
}
