//! How well passages fit the words of a query: weighted BM25 over the text fields, the best passage per document.
//!
//! Invariant: a document outside the accepted set never enters the list, and never pushes another one out of it.
//! BM25: Robertson and Zaragoza 2009, k1 = 1.2, b = 0.75.

use std::collections::HashMap;

use serde::Serialize;
use tantivy::postings::TermInfo;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocAddress, Term};

use super::failed;
use super::score::{Best, Cursor, K1, LexicalHit, Matching, Norms, Scan, Sums, norms, scan};
use super::statistics::Totals;
use super::view::{LexicalView, Segment};
use crate::analyzer::{QueryKind, QueryTerm};
use crate::bitset::DocSet as DocumentSet;
use crate::document::{FIELD_COUNT, TEXT_FIELDS};
use crate::error::Result;
use crate::settings::RankSettings;

/// Most grams that one character is completed to.
const MAX_EXPANSION: usize = 64;

/// One term in one field, with its weight.
struct Clause {
    field: usize,
    text: String,
    /// The most that it gives.
    weight: f32,
    frequency: u64,
    /// Its postings, by view and segment.
    places: Vec<Vec<Option<TermInfo>>>,
}

/// A distinct term of the query and how rare it is.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PreparedTerm {
    pub text: String,
    pub gram: bool,
    pub stop: bool,
    pub idf: f32,
    pub known: bool,
}

/// A query made ready for one view (or two, when the past is searched too).
pub(crate) struct Prepared {
    clauses: Vec<Clause>,
    pub terms: Vec<PreparedTerm>,
    norms: [Box<Norms>; FIELD_COUNT],
    /// BM25 that a passage would get which holds every term of the query at full strength, in the body.
    pub ideal: f32,
}

fn idf(frequency: u64, passages: u64) -> f32 {
    let (n, df) = (passages as f32, frequency as f32);
    ((n - df + 0.5) / (df + 0.5)).ln_1p()
}

impl Prepared {
    /// Looks every term up in the views; `accepts` narrows what counts (for the past), view by view.
    pub fn new(
        terms: &[QueryTerm],
        views: &[(&LexicalView, Option<&DocumentSet>)],
        totals: &Totals,
        rank: &RankSettings,
        most: usize,
    ) -> Result<Self> {
        let passages = totals.passages.max(1);
        let mut found: Vec<(PreparedTerm, f32, Vec<Clause>)> = Vec::new();
        for term in terms {
            let strength = if term.stop { rank.stop_weight } else { 1.0 };
            let gram = term.kind != QueryKind::Word;
            let texts = match term.kind {
                QueryKind::GramPrefix => expand(views, &term.term)?,
                _ => vec![term.term.clone()],
            };
            let mut clauses = Vec::new();
            for text in texts {
                for (field, name) in TEXT_FIELDS.iter().enumerate() {
                    if (*name == "grams") == gram {
                        clauses.extend(clause(views, field, &text, strength * rank.field_weight(field), passages)?);
                    }
                }
            }
            let known = clauses.iter().map(|c| c.frequency).max().unwrap_or(0);
            // An unseen term counts as the rarest: what nobody wrote about cannot be answered.
            let idf = idf(known, passages);
            let weight = strength * if gram { rank.grams } else { 1.0 };
            let prepared = PreparedTerm { text: term.term.clone(), gram, stop: term.stop, idf, known: known > 0 };
            found.push((prepared, weight * idf, clauses));
        }
        if found.len() > most {
            found.sort_by(|a, b| b.1.total_cmp(&a.1));
            found.truncate(most);
        }
        let ideal = found.iter().map(|(_, weight, _)| weight * (K1 + 1.0)).sum();
        let mut clauses = Vec::new();
        let mut prepared = Vec::new();
        for (term, _, mut own) in found {
            prepared.push(term);
            clauses.append(&mut own);
        }
        let norms = std::array::from_fn(|field| norms(totals.mean_length(field)));
        Ok(Self { clauses, terms: prepared, norms, ideal })
    }

    fn cursor<'a>(
        &'a self,
        clause: &Clause,
        view: usize,
        segment: &'a Segment,
        ordinal: usize,
    ) -> Result<Option<Cursor<'a>>> {
        let info = clause.places.get(view).and_then(|places| places.get(ordinal)?.as_ref());
        let (Some(info), Some(norms)) = (info, self.norms.get(clause.field)) else { return Ok(None) };
        let Some((postings, lengths)) = segment.text(clause.field) else { return Ok(None) };
        let postings =
            postings.read_block_postings_from_terminfo(info, IndexRecordOption::WithFreqs).map_err(failed)?;
        Ok(Some(Cursor::new(postings, lengths, norms, clause.weight)))
    }

    /// The best passage of each of the `k` best documents, best first, of the view with that number; counts what
    /// matches.
    pub fn search(
        &self,
        number: usize,
        view: &LexicalView,
        k: usize,
        accept: Option<&DocumentSet>,
        matching: &mut Matching,
    ) -> Result<Vec<LexicalHit>> {
        if self.clauses.is_empty() || k == 0 {
            return Ok(Vec::new());
        }
        let mut best = Best::new(k);
        let mut sums = Sums::new();
        let mut cursors = Vec::new();
        for (ordinal, (segment, reader)) in view.segments.iter().zip(view.searcher.segment_readers()).enumerate() {
            cursors.clear();
            for clause in &self.clauses {
                cursors.extend(self.cursor(clause, number, segment, ordinal)?);
            }
            let alive = reader.alive_bitset();
            let scanned = Scan {
                ordinal: ordinal as u32,
                passages: &segment.passages,
                is_alive: &|doc| alive.is_none_or(|a| a.is_alive(doc)),
                accept,
            };
            scan(&scanned, &mut cursors, &mut sums, &mut best, matching);
        }
        Ok(best.finish())
    }

    /// BM25 of given passages; nothing for one that holds no term of the query.
    pub fn score(
        &self,
        number: usize,
        view: &LexicalView,
        addresses: &[(u64, DocAddress)],
    ) -> Result<Vec<Option<f32>>> {
        let of = |(_, address): &(u64, DocAddress)| {
            let parts = self.parts(number, view, *address)?;
            Ok((!parts.is_empty()).then(|| parts.iter().map(|(_, score)| score).sum()))
        };
        addresses.iter().map(of).collect()
    }

    /// What each clause gives to a passage's score: field, term, score.
    pub fn explain(
        &self,
        number: usize,
        view: &LexicalView,
        address: DocAddress,
    ) -> Result<Vec<(&'static str, String, f32)>> {
        let parts = self.parts(number, view, address)?.into_iter();
        let named = |(clause, score): (&Clause, f32)| {
            (TEXT_FIELDS.get(clause.field).copied().unwrap_or(""), clause.text.clone(), score)
        };
        Ok(parts.map(named).collect())
    }

    fn parts(&self, number: usize, view: &LexicalView, address: DocAddress) -> Result<Vec<(&Clause, f32)>> {
        let ordinal = address.segment_ord as usize;
        let Some(segment) = view.segments.get(ordinal) else { return Ok(Vec::new()) };
        let mut parts = Vec::new();
        for clause in &self.clauses {
            let Some(mut cursor) = self.cursor(clause, number, segment, ordinal)? else { continue };
            parts.extend(cursor.score_at(address.doc_id).map(|score| (clause, score)));
        }
        Ok(parts)
    }
}

/// A term in a field, where any passage that counts has it.
fn clause(
    views: &[(&LexicalView, Option<&DocumentSet>)],
    field: usize,
    text: &str,
    boost: f32,
    passages: u64,
) -> Result<Option<Clause>> {
    let mut frequency = 0;
    let mut places = Vec::with_capacity(views.len());
    for (view, accept) in views {
        let Some(of_field) = view.fields.text.get(field) else { return Ok(None) };
        let term = Term::from_field_text(*of_field, text);
        let own = view.locate(field, &term)?;
        frequency += view.frequency(field, &term, &own, *accept)?;
        places.push(own);
    }
    let weight = boost * idf(frequency, passages) * (K1 + 1.0);
    Ok((frequency > 0).then(|| Clause { field, text: text.to_owned(), weight, frequency, places }))
}

/// Grams that begin with a character, commonest first.
fn expand(views: &[(&LexicalView, Option<&DocumentSet>)], prefix: &str) -> Result<Vec<String>> {
    let mut found: HashMap<String, u64> = HashMap::new();
    for (view, _) in views {
        for segment in &view.segments {
            let Some((inverted, _)) = segment.text(FIELD_COUNT - 1) else { continue };
            let mut end = prefix.as_bytes().to_vec();
            end.push(0xff);
            let mut stream = inverted.terms().range().ge(prefix.as_bytes()).lt(&end).into_stream().map_err(failed)?;
            while stream.advance() {
                if let Ok(text) = std::str::from_utf8(stream.key()) {
                    *found.entry(text.to_owned()).or_default() += u64::from(stream.value().doc_freq);
                }
            }
        }
    }
    let mut grams: Vec<(String, u64)> = found.into_iter().collect();
    grams.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    grams.truncate(MAX_EXPANSION);
    Ok(grams.into_iter().map(|(text, _)| text).collect())
}
