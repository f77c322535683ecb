//! How well passages fit the words of a query: weighted BM25 over the text fields, the best passage per document.
//!
//! Invariant: a document outside the accepted set never enters the list, and never pushes another one out of it; a
//! concept counts once, however many ways there are to say it.
//! BM25: Robertson and Zaragoza 2009, k1 = 1.2, b = 0.75.

use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;
use tantivy::DocAddress;

use super::best::{Best, LexicalHit};
use super::cursor::{Cursor, K1};
use super::found::{Clause, FieldNorms, Found};
use super::lookup::Lookup;
use super::score::{Matching, Scan, Units, scan};
use super::view::{LexicalView, Segment};
use super::windows::Windows;
use crate::analyzer::{QueryKind, QueryTerm};
use crate::bitset::DocSet as DocumentSet;
use crate::document::TEXT_FIELDS;
use crate::error::Result;
use crate::rewrite::{Concept, Source};
use crate::settings::Combine;

/// A distinct term of the query and how rare it is.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PreparedTerm {
    pub text: String,
    pub gram: bool,
    pub stop: bool,
    pub idf: f32,
    pub known: bool,
}

/// Another way to say a part of the query, as it is searched for.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PreparedAlternative {
    /// What was asked.
    pub of: String,
    pub text: String,
    pub source: Source,
    pub weight: f32,
    /// Bytes of the query that it corrects.
    #[serde(skip)]
    pub place: Option<Range<usize>>,
}

/// One way to say a concept.
struct Reading {
    found: Vec<Arc<Found>>,
    /// What each of its scores is multiplied by.
    scale: f32,
    /// Place in the alternatives of the query; absent for what was asked.
    alternative: Option<usize>,
}

/// A query made ready for one view (or two, when the past is searched too).
pub(crate) struct Prepared {
    plain: Vec<Arc<Found>>,
    concepts: Vec<Vec<Reading>>,
    combine: Combine,
    pub terms: Vec<PreparedTerm>,
    pub alternatives: Vec<PreparedAlternative>,
    norms: Arc<FieldNorms>,
    /// BM25 that a passage would get which holds every concept of the query at full strength, in the body.
    pub ideal: f32,
    /// Share of the query's information that is carried by concepts which occur at all.
    pub known: f32,
}

/// BM25 by passage.
pub(crate) type Scores = Vec<(u64, f32)>;

/// What a clause gave to a passage's score.
pub(crate) struct ScoredPart<'a> {
    pub field: &'static str,
    pub term: &'a str,
    pub score: f32,
    /// The alternative it belongs to.
    pub alternative: Option<&'a PreparedAlternative>,
}

/// A concept on its way to being prepared.
struct Weighed {
    terms: Vec<PreparedTerm>,
    readings: Vec<Reading>,
    alternatives: Vec<PreparedAlternative>,
    information: f32,
    /// Rarity of its words, and of those that occur, however said.
    words: f32,
    known: f32,
}

impl Prepared {
    /// Looks every term up.
    pub fn new(concepts: &[Concept], lookup: &mut Lookup<'_>, most: usize) -> Result<Self> {
        let mut found = Vec::with_capacity(concepts.len());
        for concept in concepts {
            found.push(weigh(concept, lookup)?);
        }
        if found.len() > most {
            found.sort_by(|a, b| b.information.total_cmp(&a.information));
            found.truncate(most);
        }
        let sum = |of: fn(&Weighed) -> f32| -> f32 { found.iter().map(of).sum() };
        let words = sum(|w| w.words);
        let known = if words > 0.0 { sum(|w| w.known) / words } else { 0.0 };
        let mut prepared = Self {
            plain: Vec::new(),
            concepts: Vec::new(),
            combine: lookup.rank.alternatives,
            terms: Vec::new(),
            alternatives: Vec::new(),
            norms: lookup.norms.clone(),
            ideal: sum(|w| w.information) * (K1 + 1.0),
            known,
        };
        for weighed in found {
            prepared.take(weighed);
        }
        Ok(prepared)
    }

    fn take(&mut self, mut weighed: Weighed) {
        self.terms.append(&mut weighed.terms);
        if weighed.readings.len() == 1 && weighed.readings.iter().all(|r| r.scale == 1.0) {
            self.plain.extend(weighed.readings.into_iter().flat_map(|r| r.found));
            return;
        }
        let before = self.alternatives.len();
        for reading in &mut weighed.readings {
            reading.alternative = reading.alternative.map(|place| place + before);
        }
        self.alternatives.append(&mut weighed.alternatives);
        self.concepts.push(weighed.readings);
    }

    /// What a segment is gone through with.
    fn units<'a>(&'a self, view: usize, segment: &'a Segment, ordinal: usize) -> Units<'a> {
        let mut units = Units::new(self.combine);
        let cursors = |found: &'a Arc<Found>, scale| found.cursors((view, ordinal), segment, &self.norms, scale);
        for cursor in self.plain.iter().flat_map(|found| cursors(found, 1.0)) {
            units.clause(cursor);
        }
        for concept in &self.concepts {
            let of = |reading: &'a Reading| reading.found.iter().flat_map(move |found| cursors(found, reading.scale));
            units.concept(concept.iter().map(of), most(concept));
        }
        units
    }

    fn is_empty(&self) -> bool {
        self.plain.iter().all(|found| found.clauses.is_empty()) && self.concepts.is_empty()
    }

    /// The best passage of each of the `k` best documents, best first, of the view with that number, and the scores of
    /// the passages that are wanted and hold a term; counts what matches.
    pub fn search(
        &self,
        number: usize,
        view: &LexicalView,
        k: usize,
        accept: Option<&DocumentSet>,
        wanted: &[u64],
        matching: &mut Matching,
    ) -> Result<(Vec<LexicalHit>, Scores)> {
        if self.is_empty() || k == 0 {
            return Ok(Default::default());
        }
        let (mut best, mut completed) = (Best::new(k), Vec::new());
        let mut windows = Windows::new(!self.concepts.is_empty());
        for (ordinal, (segment, reader)) in view.segments.iter().zip(view.searcher.segment_readers()).enumerate() {
            let mut units = self.units(number, segment, ordinal);
            let alive = reader.alive_bitset();
            let mut places: Vec<u32> = wanted.iter().filter_map(|passage| segment.place(*passage)).collect();
            places.sort_unstable();
            let scanned = Scan {
                ordinal: ordinal as u32,
                passages: &segment.passages,
                is_alive: &|doc| alive.is_none_or(|a| a.is_alive(doc)),
                accept,
                wanted: &places,
            };
            scan(&scanned, &mut units, &mut windows, &mut best, &mut completed, matching)?;
        }
        Ok((best.finish(), completed))
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
            Ok((!parts.is_empty()).then(|| parts.iter().map(|part| part.score).sum()))
        };
        addresses.iter().map(of).collect()
    }

    /// What each clause gives to a passage's score.
    pub fn parts<'a>(&'a self, number: usize, view: &LexicalView, address: DocAddress) -> Result<Vec<ScoredPart<'a>>> {
        let ordinal = address.segment_ord as usize;
        let Some(segment) = view.segments.get(ordinal) else { return Ok(Vec::new()) };
        let one = |clause: &'a Clause, scale| -> Result<Option<ScoredPart<'a>>> {
            let Some(list) = clause.packed((number, ordinal), segment, &self.norms, scale) else { return Ok(None) };
            let field = TEXT_FIELDS.get(clause.field).copied().unwrap_or("");
            let score = Cursor::long(list).score_at(address.doc_id)?;
            Ok(score.map(|(score, _)| ScoredPart { field, term: &clause.text, score, alternative: None }))
        };
        let mut parts = Vec::new();
        for clause in clauses(&self.plain) {
            parts.extend(one(clause, 1.0)?);
        }
        for concept in &self.concepts {
            let mut readings: Vec<(f32, Vec<ScoredPart<'a>>)> = Vec::new();
            for reading in concept {
                let mut own = Vec::new();
                for clause in clauses(&reading.found) {
                    own.extend(one(clause, reading.scale)?);
                }
                let alternative = reading.alternative.and_then(|place| self.alternatives.get(place));
                own.iter_mut().for_each(|part| part.alternative = alternative);
                readings.push((own.iter().map(|part| part.score).sum(), own));
            }
            parts.extend(together(readings, most(concept), self.combine));
        }
        Ok(parts)
    }
}

fn clauses(found: &[Arc<Found>]) -> impl Iterator<Item = &Clause> {
    found.iter().flat_map(|found| &found.clauses)
}

/// The most that a concept gives: what its strongest reading does.
fn most(concept: &[Reading]) -> f32 {
    let of =
        |reading: &Reading| -> f32 { clauses(&reading.found).map(|clause| clause.weight).sum::<f32>() * reading.scale };
    concept.iter().map(of).fold(0.0, f32::max)
}

/// The parts that make up a concept's score, as the scan makes it up.
fn together(readings: Vec<(f32, Vec<ScoredPart<'_>>)>, most: f32, combine: Combine) -> Vec<ScoredPart<'_>> {
    if combine == Combine::Best {
        // The first of equals: what was asked before what might be meant.
        let best = readings.into_iter().rev().max_by(|a, b| a.0.total_cmp(&b.0));
        return best.map(|(_, parts)| parts).unwrap_or_default();
    }
    let sum: f32 = readings.iter().map(|(score, _)| score).sum();
    let mut parts: Vec<ScoredPart<'_>> = readings.into_iter().flat_map(|(_, parts)| parts).collect();
    if sum > most {
        parts.iter_mut().for_each(|part| part.score *= most / sum);
    }
    parts
}

/// How much the terms of one reading say.
struct Said {
    found: Vec<Arc<Found>>,
    information: f32,
    /// The same of the terms that occur.
    occurring: f32,
    /// Rarity of the words, and of those that occur.
    words: f32,
    known: f32,
    whole: bool,
}

fn said(terms: &[QueryTerm], lookup: &mut Lookup<'_>) -> Result<Said> {
    let found = terms.iter().map(|term| lookup.find(term)).collect::<Result<Vec<_>>>()?;
    let sum = |all: bool| -> f32 {
        found.iter().filter(|f| all || f.frequency > 0).map(|found| found.strength * found.idf).sum()
    };
    let rarity = |all: bool| -> f32 {
        let words = terms.iter().zip(&found).filter(|(term, _)| term.kind == QueryKind::Word);
        words.filter(|(_, f)| all || f.frequency > 0).map(|(_, f)| f.idf).sum()
    };
    let whole = found.iter().all(|found| found.frequency > 0);
    let (information, occurring, words, known) = (sum(true), sum(false), rarity(true), rarity(false));
    Ok(Said { information, occurring, words, known, whole, found })
}

impl Said {
    fn reading(self, weight: f32, information: f32, alternative: Option<usize>) -> Reading {
        // No way to say a concept gives more than the concept is worth.
        let scale = if self.occurring > information { weight * information / self.occurring } else { weight };
        Reading { found: self.found, scale, alternative }
    }
}

/// A concept is worth what was asked; where that does not occur as a whole, what the likeliest alternative is worth.
fn weigh(concept: &Concept, lookup: &mut Lookup<'_>) -> Result<Weighed> {
    let asked = said(&concept.terms, lookup)?;
    let terms: Vec<PreparedTerm> = concept.terms.iter().zip(&asked.found).map(|(t, f)| prepared_term(t, f)).collect();
    let of = concept.terms.iter().find(|t| t.kind == QueryKind::Word).or(concept.terms.first());
    let of = of.map(|term| term.term.clone()).unwrap_or_default();
    let mut others = Vec::new();
    for alternative in &concept.alternatives {
        let said = said(&alternative.terms, lookup)?;
        if said.occurring > 0.0 {
            others.push((alternative, said));
        }
    }
    let likeliest = others.iter().rev().max_by(|a, b| a.0.weight.total_cmp(&b.0.weight)).map(|(_, said)| said);
    let measure = if asked.whole { &asked } else { likeliest.unwrap_or(&asked) };
    let (information, words) = (measure.information, measure.words);
    if others.is_empty() {
        let known = asked.known;
        let reading = asked.reading(1.0, f32::MAX, None);
        return Ok(Weighed { terms, readings: vec![reading], alternatives: Vec::new(), information, words, known });
    }
    // What was written wrongly is believed by as much of it as occurs.
    let wrong = !asked.whole && concept.alternatives.iter().any(|a| a.place.is_some());
    let belief = if wrong { asked.occurring / asked.information } else { 1.0 };
    let mut readings = vec![asked.reading(belief, information, None)];
    let mut alternatives = Vec::new();
    for (alternative, said) in others {
        readings.push(said.reading(alternative.weight, information, Some(alternatives.len())));
        alternatives.push(PreparedAlternative {
            of: of.clone(),
            text: alternative.text.clone(),
            source: alternative.source,
            weight: alternative.weight,
            place: alternative.place.clone(),
        });
    }
    Ok(Weighed { terms, readings, alternatives, information, words, known: words })
}

fn prepared_term(term: &QueryTerm, found: &Found) -> PreparedTerm {
    PreparedTerm {
        text: term.term.clone(),
        gram: term.kind != QueryKind::Word,
        stop: term.stop,
        idf: found.idf,
        known: found.frequency > 0,
    }
}
