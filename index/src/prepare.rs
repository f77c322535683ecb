//! How a document becomes passages with their terms and vectors.
//!
//! Invariant: a pure function of the document, the settings and the model: the same input gives the same passages.

use std::sync::Arc;

use crate::analyzer::{Analyzer, TokenKind};
use crate::chunk::{ChunkLimits, chunk};
use crate::dense::Code;
use crate::document::{Document, FIELD_COUNT, MAX_PASSAGES, Negative, Record, StoredPassage, passage_id};
use crate::embed::{Embedder, Role};
use crate::error::{Error, Result};
use crate::lexical::{PassageTerms, measure};

/// A document cut and analysed, its vectors still to come.
pub(crate) struct Prepared {
    pub number: u32,
    pub record: Arc<Record>,
    pub passages: Vec<PassageTerms>,
    /// What each passage's vector is made of, then each negative question's.
    pub texts: Vec<String>,
}

#[derive(Default, Clone)]
struct Terms {
    words: Vec<String>,
    grams: Vec<String>,
}

fn terms(analyzer: &Analyzer, text: &str) -> Terms {
    let mut terms = Terms::default();
    for token in analyzer.analyze(text) {
        match token.kind {
            TokenKind::Word => terms.words.push(token.term),
            TokenKind::Gram => terms.grams.push(token.term),
        }
    }
    terms
}

/// Cuts and analyses a document.
///
/// # Errors
/// [`Error::Document`] where it has more passages than a document may have.
pub(crate) fn prepare(document: Document, number: u32, analyzer: &Analyzer, limits: &ChunkLimits) -> Result<Prepared> {
    let chunks = chunk(&document.body, limits);
    let count = chunks.len().max(1) + document.questions.len();
    if count > MAX_PASSAGES {
        let message = format!("it has {count} passages; at most {MAX_PASSAGES} are allowed");
        return Err(Error::Document { id: document.id, message });
    }
    let title = terms(analyzer, &document.title);
    let mut stored: Vec<StoredPassage> = Vec::with_capacity(count);
    let mut words: Vec<[Vec<String>; FIELD_COUNT]> = Vec::with_capacity(count);
    let mut texts = Vec::with_capacity(count);
    for piece in &chunks {
        let text = document.body.get(piece.bytes.clone()).unwrap_or_default();
        let heading = piece.heading.join(" / ");
        let headings = terms(analyzer, &heading);
        let body = terms(analyzer, text);
        let grams = [title.grams.clone(), headings.grams, body.grams].concat();
        words.push([title.words.clone(), Vec::new(), headings.words, body.words, grams]);
        texts.push(format!("{}\n{heading}\n{text}", document.title));
        stored.push(passage(None, piece.heading.clone(), text, piece.start, piece.end));
    }
    if chunks.is_empty() {
        words.push([title.words.clone(), Vec::new(), Vec::new(), Vec::new(), title.grams.clone()]);
        texts.push(document.title.clone());
        stored.push(passage(None, Vec::new(), "", 0, 0));
    }
    let chunk_count = stored.len() as u32;
    for (i, question) in document.questions.iter().enumerate() {
        let found = terms(analyzer, question);
        words.push([Vec::new(), found.words, Vec::new(), Vec::new(), found.grams]);
        texts.push(question.clone());
        stored.push(passage(Some(i as u32), Vec::new(), question, 0, 0));
    }
    let of = |text: &String| Negative { text: text.clone(), code: None };
    let negatives: Vec<Negative> = document.negative_questions.iter().map(of).collect();
    texts.extend(document.negative_questions.iter().cloned());
    let id: Arc<str> = document.id.as_str().into();
    let mut record = record(document, chunk_count, stored.len() as u32);
    measure(&mut record, &words);
    if let Some(first) = stored.first_mut() {
        first.record = Some(record.clone());
        first.negatives = negatives;
    }
    let passages = stored
        .into_iter()
        .zip(words)
        .enumerate()
        .map(|(ordinal, (stored, terms))| PassageTerms {
            passage: passage_id(number, ordinal as u32),
            id: id.clone(),
            terms,
            stored,
        })
        .collect();
    Ok(Prepared { number, record: Arc::new(record), passages, texts })
}

fn passage(question: Option<u32>, heading: Vec<String>, text: &str, start: usize, end: usize) -> StoredPassage {
    StoredPassage {
        record: None,
        negatives: Vec::new(),
        question,
        heading,
        text: text.to_owned(),
        start: start as u32,
        end: end as u32,
        code: None,
    }
}

fn record(document: Document, chunks: u32, passages: u32) -> Record {
    Record {
        id: document.id,
        version: document.version,
        title: document.title,
        questions: document.questions,
        category: document.category,
        tags: document.tags,
        audience: document.audience,
        language: document.language,
        attributes: document.attributes,
        from: document.from,
        until: document.until,
        chunks,
        passages,
        negatives: document.negative_questions.len() as u32,
        lengths: [0; FIELD_COUNT],
        present: [0; FIELD_COUNT],
    }
}

/// Cuts and analyses many documents, on as many threads as given.
pub(crate) fn prepare_all(
    documents: Vec<(u32, Document)>,
    analyzer: &Analyzer,
    limits: &ChunkLimits,
    threads: usize,
) -> Result<Vec<Prepared>> {
    let share = documents.len().div_ceil(threads.max(1)).max(8);
    let mut rest = documents.into_iter().peekable();
    let mut parts: Vec<Vec<(u32, Document)>> = Vec::new();
    while rest.peek().is_some() {
        parts.push(rest.by_ref().take(share).collect());
    }
    let one = |part: Vec<(u32, Document)>| -> Result<Vec<Prepared>> {
        part.into_iter().map(|(number, document)| prepare(document, number, analyzer, limits)).collect()
    };
    if parts.len() <= 1 {
        return parts.pop().map_or_else(|| Ok(Vec::new()), one);
    }
    let one = &one;
    std::thread::scope(|scope| {
        let running: Vec<_> = parts.into_iter().map(|part| scope.spawn(move || one(part))).collect();
        let mut all = Vec::new();
        for thread in running {
            let part = thread.join().map_err(|_| Error::Lexical("a thread that analyses documents panicked".into()))?;
            all.extend(part?);
        }
        Ok(all)
    })
}

/// Gives every passage and negative question its vector; a model that cannot be reached leaves them without, and says why.
pub(crate) fn embed_all(prepared: &mut [Prepared], embedder: &dyn Embedder) -> Option<String> {
    const BATCH: usize = 64;
    let mut failure = None;
    let mut places: Vec<&mut Option<Code>> = Vec::new();
    let mut texts: Vec<&str> = Vec::new();
    for document in prepared {
        let mut negatives = Vec::new();
        for passage in &mut document.passages {
            places.push(&mut passage.stored.code);
            negatives.extend(passage.stored.negatives.iter_mut().map(|negative| &mut negative.code));
        }
        places.append(&mut negatives);
        texts.extend(document.texts.iter().map(String::as_str));
    }
    for (texts, places) in texts.chunks(BATCH).zip(places.chunks_mut(BATCH)) {
        match embedder.embed(texts, Role::Passage) {
            Ok(vectors) => {
                for (place, vector) in places.iter_mut().zip(vectors) {
                    **place = Some(Code::quantize(&vector));
                }
            }
            Err(error) => failure = Some(error.to_string()),
        }
    }
    failure
}
