//! How well passages fit the words of a query: weighted BM25 over the text fields, the best passage per document.
//!
//! Invariant: a document outside the accepted set never enters the list, and never pushes another one out of it.
//! BM25: Robertson and Zaragoza 2009, k1 = 1.2, b = 0.75.

use std::collections::HashMap;

use serde::Serialize;
use tantivy::query::{BooleanQuery, BoostQuery, EnableScoring, Occur, Query, TermQuery, Weight};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocAddress, DocSet, Term};

use super::failed;
use super::statistics::{Statistics, Totals};
use super::view::LexicalView;
use crate::analyzer::{QueryKind, QueryTerm};
use crate::bitset::DocSet as DocumentSet;
use crate::document::{FIELD_COUNT, TEXT_FIELDS, document_of};
use crate::error::Result;
use crate::settings::RankSettings;

/// BM25's term frequency saturation, as tantivy has it.
const K1: f32 = 1.2;
/// Most grams that one character is completed to.
const MAX_EXPANSION: usize = 64;

/// One term in one field, with its weight.
pub(crate) struct Clause {
    pub field: usize,
    pub term: Term,
    pub text: String,
    pub boost: f32,
    pub frequency: u64,
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
    pub clauses: Vec<Clause>,
    pub terms: Vec<PreparedTerm>,
    statistics: Statistics,
    /// BM25 that a passage would get which holds every term of the query at full strength, in the body.
    pub ideal: f32,
}

/// A passage and how well it fits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LexicalHit {
    pub passage: u64,
    pub score: f32,
    pub address: DocAddress,
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
        totals: Totals,
        rank: &RankSettings,
        most: usize,
    ) -> Result<Self> {
        let Some((first, _)) = views.first() else { return Err(failed("nothing to search")) };
        let fields = first.fields.text;
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
                for (at, field) in fields.iter().enumerate() {
                    if (TEXT_FIELDS.get(at) == Some(&"grams")) != gram {
                        continue;
                    }
                    let key = Term::from_field_text(*field, &text);
                    let mut frequency = 0;
                    for (view, accept) in views {
                        frequency += view.frequency(&key, *accept)?;
                    }
                    if frequency > 0 {
                        let boost = strength * rank.field_weight(at);
                        clauses.push(Clause { field: at, term: key, text: text.clone(), boost, frequency });
                    }
                }
            }
            let known = clauses.iter().map(|c| c.frequency).max().unwrap_or(0);
            // An unseen term counts as the rarest: what nobody wrote about cannot be answered.
            let idf = idf(known, totals.passages.max(1));
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
        let frequencies = clauses.iter().map(|c| (c.term.clone(), c.frequency)).collect();
        let statistics = Statistics { totals, fields, frequencies };
        Ok(Self { clauses, terms: prepared, statistics, ideal })
    }

    /// Terms by falling frequency, for counting matches quickly.
    pub fn common_first(&self) -> Vec<Term> {
        let mut clauses: Vec<&Clause> = self.clauses.iter().collect();
        clauses.sort_by_key(|c| std::cmp::Reverse(c.frequency));
        clauses.into_iter().map(|c| c.term.clone()).collect()
    }

    fn weight(&self, view: &LexicalView, only: Option<&Clause>) -> Result<Box<dyn Weight>> {
        let scoring = EnableScoring::enabled_from_statistics_provider(&self.statistics, &view.searcher);
        let parts = self
            .clauses
            .iter()
            .filter(|clause| only.is_none_or(|o| o.term == clause.term))
            .map(|clause| {
                let term = TermQuery::new(clause.term.clone(), IndexRecordOption::WithFreqs);
                let boosted: Box<dyn Query> = Box::new(BoostQuery::new(Box::new(term), clause.boost));
                (Occur::Should, boosted)
            })
            .collect();
        BooleanQuery::new(parts).weight(scoring).map_err(failed)
    }

    /// The best passage of each of the `k` best documents, best first.
    pub fn search(&self, view: &LexicalView, k: usize, accept: Option<&DocumentSet>) -> Result<Vec<LexicalHit>> {
        if self.clauses.is_empty() || k == 0 {
            return Ok(Vec::new());
        }
        let weight = self.weight(view, None)?;
        let mut best = Best::new(k);
        for (ordinal, (segment, passages)) in view.searcher.segment_readers().iter().zip(&view.passages).enumerate() {
            let alive = segment.alive_bitset();
            let threshold = best.threshold;
            let mut collect = |doc: u32, score: f32| -> f32 {
                if alive.is_some_and(|a| a.is_deleted(doc)) {
                    return best.threshold;
                }
                let passage = passages.values.get_val(doc);
                if accept.is_some_and(|a| !a.contains(document_of(passage))) {
                    return best.threshold;
                }
                best.push(LexicalHit { passage, score, address: DocAddress::new(ordinal as u32, doc) });
                best.threshold
            };
            // Block-max WAND (Ding and Suel 2011) skips what cannot reach the threshold.
            weight.for_each_pruning(threshold, segment, &mut collect).map_err(failed)?;
        }
        Ok(best.finish())
    }

    /// BM25 of given passages; nothing for one that holds no term of the query.
    pub fn score(&self, view: &LexicalView, addresses: &[(u64, DocAddress)]) -> Result<Vec<Option<f32>>> {
        let mut scores = vec![None; addresses.len()];
        if self.clauses.is_empty() {
            return Ok(scores);
        }
        let weight = self.weight(view, None)?;
        for (ordinal, segment) in view.searcher.segment_readers().iter().enumerate() {
            let here = addresses.iter().enumerate().filter(|(_, (_, a))| a.segment_ord as usize == ordinal);
            let mut wanted: Vec<(u32, usize)> = here.map(|(at, (_, a))| (a.doc_id, at)).collect();
            if wanted.is_empty() {
                continue;
            }
            wanted.sort_unstable();
            let mut scorer = weight.scorer(segment, 1.0).map_err(failed)?;
            for (doc, at) in wanted {
                if scorer.doc() < doc {
                    scorer.seek(doc);
                }
                if scorer.doc() == doc {
                    if let Some(score) = scores.get_mut(at) {
                        *score = Some(scorer.score());
                    }
                }
            }
        }
        Ok(scores)
    }

    /// What each clause gives to a passage's score: field, term, score.
    pub fn explain(&self, view: &LexicalView, address: DocAddress) -> Result<Vec<(&'static str, String, f32)>> {
        let segment = view.searcher.segment_reader(address.segment_ord);
        let mut parts = Vec::new();
        for clause in &self.clauses {
            let weight = self.weight(view, Some(clause))?;
            let mut scorer = weight.scorer(segment, 1.0).map_err(failed)?;
            if scorer.doc() < address.doc_id {
                scorer.seek(address.doc_id);
            }
            if scorer.doc() == address.doc_id {
                let field = TEXT_FIELDS.get(clause.field).copied().unwrap_or("");
                parts.push((field, clause.text.clone(), scorer.score()));
            }
        }
        Ok(parts)
    }
}

/// Grams that begin with a character, commonest first.
fn expand(views: &[(&LexicalView, Option<&DocumentSet>)], prefix: &str) -> Result<Vec<String>> {
    let mut found: HashMap<String, u64> = HashMap::new();
    for (view, _) in views {
        let Some(field) = view.fields.text.get(FIELD_COUNT - 1) else { continue };
        for segment in view.searcher.segment_readers() {
            let inverted = segment.inverted_index(*field).map_err(failed)?;
            let mut end = prefix.as_bytes().to_vec();
            end.push(0xff);
            let mut stream =
                inverted.terms().range().ge(prefix.as_bytes()).lt(&end).into_stream().map_err(failed)?;
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

/// The best passage per document, for the `k` best documents: a buffer of twice the size, cut back when full.
struct Best {
    k: usize,
    hits: Vec<LexicalHit>,
    threshold: f32,
}

impl Best {
    fn new(k: usize) -> Self {
        Self { k, hits: Vec::with_capacity(k * 4), threshold: f32::MIN }
    }

    fn push(&mut self, hit: LexicalHit) {
        self.hits.push(hit);
        if self.hits.len() >= self.k * 4 {
            self.cut();
        }
    }

    fn cut(&mut self) {
        self.hits.sort_unstable_by(|a, b| {
            let document = document_of(a.passage).cmp(&document_of(b.passage));
            document.then(b.score.total_cmp(&a.score)).then(a.passage.cmp(&b.passage))
        });
        self.hits.dedup_by_key(|hit| document_of(hit.passage));
        self.hits.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.passage.cmp(&b.passage)));
        self.hits.truncate(self.k);
        if self.hits.len() == self.k {
            self.threshold = self.hits.last().map_or(self.threshold, |hit| hit.score);
        }
    }

    fn finish(mut self) -> Vec<LexicalHit> {
        self.cut();
        self.hits
    }
}
