//! What a search gives: the best passage of each of the best documents.
//!
//! Invariant: one snapshot per search; a document that does not pass the filter is in no hit, total or facet.

use std::sync::Arc;

use tracing::warn;

use crate::analyzer::QueryTerm;
use crate::bitset::DocSet;
use crate::closer::{LOOKED_AT, Question};
use crate::company::company;
use crate::confidence::confidence;
use crate::correction::corrected_query;
use crate::count::{check_facets, count};
use crate::dense::PreparedQuery;
use crate::document::Record;
use crate::embed::Role;
use crate::error::{Error, Result};
use crate::evaluate::Check;
use crate::filter::Filter;
use crate::fuse::{QueryFeatures, relevance, share, spread};
use crate::index::{Index, View};
use crate::language::detect;
use crate::lexical::{Matching, Prepared};
use crate::negative::Asked;
use crate::parts::{Part, accepted, lookup, parts};
use crate::query::{MAX_TOTAL, Mode, Query, Results};
use crate::rank::{Candidate, Ranked, best_first, best_per_document, gather, merge};
use crate::rewrite::{Rewriter, Rewritten};
use crate::settings::NegativeSettings;
use crate::show::{explain, hit, shown_passage};
use crate::snippet::Highlighter;
use crate::suggest::Suggestion;

/// Hits found by a known question for which the passage is looked for that answers it.
const ANSWERING: usize = 3;
/// Most distinct concepts of a query that are looked up; those that say most are kept.
pub(crate) const MAX_CONCEPTS: usize = 96;

/// What both lists hold for a query, before documents are made of it.
pub(crate) struct Gathered<'a> {
    pub parts: Vec<Part<'a>>,
    pub rewritten: Rewritten,
    pub vector: Option<PreparedQuery>,
    pub prepared: Option<Prepared>,
    pub features: QueryFeatures,
    pub candidates: Vec<Candidate>,
    /// Documents that match by words, by part.
    pub matching: Vec<DocSet>,
    pub degraded: Vec<&'static str>,
}

impl Index {
    /// Searches one snapshot.
    ///
    /// # Errors
    /// [`Error::Filter`] and [`Error::Query`] for what the caller got wrong; [`Error::Embedding`] where a semantic
    /// search has no vectors (a hybrid one goes on without and says so).
    pub fn search(&self, query: &Query) -> Result<Results> {
        self.search_in(&self.view.load_full(), query)
    }

    pub(crate) fn search_in(&self, view: &View, query: &Query) -> Result<Results> {
        check_facets(&query.facets)?;
        let gathered = self.gathered(view, query)?;
        let Gathered { parts, rewritten, vector, prepared, features, candidates, matching, degraded } = gathered;
        let (rank, background) = (&self.settings.rank, self.background.load());
        let wanted = query.offset + query.limit;
        let ranked = best_per_document(candidates, &parts);
        let mut results = Results { degraded, ..Results::default() };
        let page: Vec<&Ranked> = ranked.iter().skip(query.offset).take(query.limit).collect();
        let highlighter = Highlighter::new(&rewritten.terms());
        let mut ceiling: f32 = 1.0;
        for (place, ranked) in ranked.iter().take(wanted).enumerate() {
            // A later hit is never surer than an earlier one.
            ceiling = ceiling.min(confidence(&ranked.best.features, &features, rank, &background));
            if place == 0 {
                results.confidence = ceiling;
            }
            if place < query.offset {
                continue;
            }
            let Some(part) = parts.get(ranked.best.part) else { continue };
            let shown = shown_passage(ranked, part, prepared.as_ref(), vector.as_ref(), &features, rank)?;
            let mut hit = hit(ranked, part, shown, &highlighter)?;
            hit.score = ceiling;
            if query.explain {
                hit.explain = Some(explain(ranked, part, prepared.as_ref(), &features, rank, &background)?);
            }
            results.hits.push(hit);
        }
        if let Some(first) = ranked.first() {
            results.corrected_query = corrected_query(first, &parts, &rewritten, prepared.as_ref())?;
        }
        // What would be live can be found, but is not read.
        if query.as_of.is_none() && view.instead.is_none() {
            for hit in results.hits.iter_mut().take(ANSWERING) {
                self.show_answering(query, hit, &highlighter)?;
            }
        }
        count(query, &parts, matching, &ranked, &mut results);
        results.total = results.total.max((query.offset + page.len()).min(MAX_TOTAL));
        Ok(results)
    }

    /// Completions of what is being typed, of documents that pass.
    ///
    /// # Errors
    /// [`Error::Filter`] for what the caller got wrong.
    pub fn suggest(&self, text: &str, limit: usize, filter: Option<&Filter>) -> Result<Vec<Suggestion>> {
        let view = self.view.load_full();
        let accept = filter.map(|f| Check::of(f).map(|c| accepted(&view, f, &c))).transpose()?;
        let passes = |document: u32| accept.as_ref().is_none_or(|a| a.contains(document));
        Ok(view.suggestions.complete(text, limit, &view.live.table, passes))
    }

    /// The live record of an id, where it passes.
    ///
    /// # Errors
    /// [`Error::Filter`] for what the caller got wrong, [`Error::Lexical`] where the index cannot be read.
    pub fn record(&self, id: &str, filter: Option<&Filter>) -> Result<Option<Arc<Record>>> {
        let view = self.view.load_full();
        let check = filter.map(Check::of).transpose()?;
        let documents = view.live.lexical.documents(id)?;
        let mut records = documents.into_iter().filter_map(|d| view.live.table.get(d));
        Ok(records.rfind(|r| check.as_ref().is_none_or(|c| c.passes(r))).cloned())
    }

    /// The query's terms in their matching form, for highlighting what was not searched for.
    pub fn terms(&self, text: &str) -> Vec<QueryTerm> {
        self.analyzer.query_terms(text)
    }

    /// Cosine of two short texts under the index's model; 0 where it cannot be had.
    pub fn likeness(&self, query: &str, texts: &[&str]) -> Vec<f32> {
        let Ok(asked) = self.embedder.embed(&[query], Role::Query) else { return vec![0.0; texts.len()] };
        let Ok(given) = self.embedder.embed(texts, Role::Passage) else { return vec![0.0; texts.len()] };
        let Some(asked) = asked.first() else { return vec![0.0; texts.len()] };
        given.iter().map(|v| v.iter().zip(asked).map(|(a, b)| a * b).sum()).collect()
    }

    pub(crate) fn rewriter<'a>(&'a self, query: &'a Query) -> Rewriter<'a> {
        let (synonyms, lexicon) = (query.synonyms.as_deref(), self.settings.lexicon.as_deref());
        Rewriter { analyzer: &self.analyzer, synonyms, lexicon, correct: !query.exact }
    }

    /// The passages of both lists with their features and relevance: what searching and looking behind it share.
    pub(crate) fn gathered<'a>(&self, view: &'a View, query: &Query) -> Result<Gathered<'a>> {
        self.gathered_by(view, query, &self.settings.rank.negative)
    }

    /// The same, with negative questions weighing what is given.
    pub(crate) fn gathered_by<'a>(
        &self,
        view: &'a View,
        query: &Query,
        negative: &NegativeSettings,
    ) -> Result<Gathered<'a>> {
        let check = query.filter.as_ref().map(Check::of).transpose()?;
        let parts = parts(view, query, check.as_ref());
        let rank = &self.settings.rank;
        let mut lookup = lookup(view, query, &parts, rank);
        let rewritten = self.rewriter(query).rewrite(&query.text, &mut lookup)?;
        let mut degraded = Vec::new();
        let asked = self.vector(query.mode, &rewritten.embedded(), &mut degraded)?;
        let vector = asked.as_ref().map(|v| view.live.dense.prepare(v));
        let words = query.mode != Mode::Semantic && !rewritten.concepts.is_empty();
        let prepared = if words { Some(Prepared::new(&rewritten.concepts, &mut lookup, MAX_CONCEPTS)?) } else { None };
        drop(lookup);
        let mut features = QueryFeatures {
            ideal: prepared.as_ref().map_or(0.0, |p| p.ideal),
            known: prepared.as_ref().map_or(0.0, |p| p.known),
            words,
            vectors: vector.is_some(),
            spread: 0.0,
            nearest: 0.0,
        };
        let wanted = query.offset + query.limit;
        let k = wanted.max(rank.candidates as usize);
        let mut candidates = Vec::new();
        // A facet counts all that matches; a total says no more than its limit.
        let mut left = if query.facets.is_empty() { MAX_TOTAL } else { usize::MAX };
        let mut matching = Vec::with_capacity(parts.len());
        for (number, part) in parts.iter().enumerate() {
            let mut own = Matching { left, ..Matching::default() };
            gather(number, part, prepared.as_ref(), vector.as_ref(), k, &mut own, &mut candidates)?;
            left = own.left;
            matching.push(own.documents);
        }
        if parts.len() > 1 {
            merge(&mut candidates, k);
        }
        features.spread = spread(candidates.iter().map(|candidate| share(&candidate.features, &features)));
        features.nearest = candidates.iter().filter_map(|c| c.features.cosine).fold(0.0, f32::max);
        for candidate in &mut candidates {
            candidate.relevance = relevance(&candidate.features, &features, rank.fusion);
        }
        let closer = |prepared| {
            let (vector, concepts) = (asked.as_deref(), &rewritten.concepts);
            Question::new(&rewritten.text, vector, concepts, prepared, rank, &*self.embedder)
        };
        let question = prepared.as_ref().map(closer);
        let looked = question.as_ref().map(|question| question.look(&parts, &mut candidates)).transpose()?;
        let looked = looked.unwrap_or(false);
        if looked || self.embedder.reads_context() {
            if !looked {
                best_first(&mut candidates);
            }
            for candidate in candidates.iter_mut().take(LOOKED_AT) {
                candidate.features.company = company(&parts, candidate, vector.as_ref());
                candidate.relevance = relevance(&candidate.features, &features, rank.fusion);
            }
        }
        let (as_typed, near) = (query.text.as_str(), asked.as_deref());
        Asked { text: as_typed, vector: near, prepared: vector.as_ref(), question: question.as_ref() }.weigh(
            &parts,
            &mut candidates,
            negative,
        )?;
        if let Some(question) = &question {
            question.read(&parts, &mut candidates)?;
        }
        Ok(Gathered { parts, rewritten, vector, prepared, features, candidates, matching, degraded })
    }

    fn vector(&self, mode: Mode, text: &str, degraded: &mut Vec<&'static str>) -> Result<Option<Vec<f32>>> {
        if mode == Mode::Keyword {
            return Ok(None);
        }
        match self.embedder.embed(&[text], Role::Query) {
            Ok(vectors) => {
                if mode == Mode::Semantic && !self.embedder.languages().reads(detect(text)) {
                    degraded.push("semantic");
                }
                Ok(vectors.into_iter().next().filter(|v| v.iter().any(|x| *x != 0.0)))
            }
            Err(error) if mode == Mode::Hybrid => {
                warn!(%error, "a search goes on without vectors");
                degraded.push("semantic");
                Ok(None)
            }
            Err(error) => Err(Error::Embedding(error.to_string())),
        }
    }
}
