//! What a search gives: the best passage of each of the best documents.
//!
//! Invariant: one snapshot per search; a document that does not pass the filter is in no hit, total or facet.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tracing::warn;

use crate::analyzer::QueryTerm;
use crate::bitset::DocSet;
use crate::dense::PreparedQuery;
use crate::document::{Attribute, Record, StoredPassage, document_of, ordinal_of, passage_id};
use crate::embed::Role;
use crate::error::{Error, Result};
use crate::evaluate::Check;
use crate::filter::Filter;
use crate::fuse::{Features, QueryFeatures, confidence, relevance, share};
use crate::index::{Index, ShelfView, View};
use crate::lexical::{LexicalView, Matching, Prepared, Totals};
use crate::settings::RankSettings;
use crate::snippet::Highlighter;
use crate::suggest::Suggestion;

/// Most distinct terms of a query that are looked up; the rarest are kept.
pub const MAX_TERMS: usize = 96;
/// Up to here matching documents are counted.
pub const MAX_TOTAL: usize = 1_000;
/// Characters of the highlighted window.
const WINDOW: usize = 160;

/// Which lists take part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Words and vectors.
    #[default]
    Hybrid,
    /// Words only.
    Keyword,
    /// Vectors only.
    Semantic,
}

/// What is asked.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// The question or text.
    pub text: String,
    /// Lists.
    pub mode: Mode,
    /// Hits wanted.
    pub limit: usize,
    /// Hits to pass over.
    pub offset: usize,
    /// What documents must pass.
    pub filter: Option<Filter>,
    /// Search what was live then, in milliseconds since the epoch.
    pub as_of: Option<i64>,
    /// Fields to count matching documents by: `category`, `tags`, `audience`, `language`, `attributes.<name>`.
    pub facets: Vec<String>,
    /// Say why.
    pub explain: bool,
    /// Leave this id out.
    pub without: Option<String>,
}

impl Query {
    /// Ten hybrid hits for a text.
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), limit: 10, ..Self::default() }
    }
}

/// A passage of a hit.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    /// Headings above it.
    pub heading: Vec<String>,
    /// Its text, a piece of the body.
    pub text: String,
    /// A window of it as HTML, matches in `<mark>`.
    pub html: String,
    /// Where it begins in the body, in Unicode scalars.
    pub start: u32,
    /// Where it ends.
    pub end: u32,
}

/// A document that may answer.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The document.
    pub record: Arc<Record>,
    /// Probability that it answers, in [0, 1].
    pub score: f32,
    /// What it was ordered by; comparable within one search only.
    pub relevance: f32,
    /// The known question that matched best, where a question did.
    pub matched_question: Option<String>,
    /// Its best passage of the body.
    pub passage: Passage,
    /// Why, when asked for.
    pub explain: Option<serde_json::Value>,
}

/// What a search gives.
#[derive(Debug, Clone, Default)]
pub struct Results {
    /// Best first, one per document.
    pub hits: Vec<Hit>,
    /// Probability that the best hit answers; 0 without hits.
    pub confidence: f32,
    /// Matching documents, counted up to [`MAX_TOTAL`].
    pub total: usize,
    /// Matching documents by value.
    pub facets: BTreeMap<String, BTreeMap<String, u64>>,
    /// Lists that should have taken part and could not.
    pub degraded: Vec<&'static str>,
}

/// One shelf within a search.
struct Part<'a> {
    shelf: &'a ShelfView,
    /// Documents that count for statistics; all where absent.
    time: Option<DocSet>,
    /// Documents that may be hits; all where absent.
    accept: Option<Arc<DocSet>>,
}

/// A passage on its way to being a hit.
struct Candidate {
    part: usize,
    passage: u64,
    features: Features,
    relevance: f32,
}

impl Index {
    /// Searches one snapshot.
    ///
    /// # Errors
    /// [`Error::Filter`] and [`Error::Query`] for what the caller got wrong; [`Error::Embedding`] where a semantic
    /// search has no vectors (a hybrid one goes on without and says so).
    pub fn search(&self, query: &Query) -> Result<Results> {
        let view = self.view.load_full();
        let check = query.filter.as_ref().map(Check::of).transpose()?;
        check_facets(&query.facets)?;
        let terms = self.analyzer.query_terms(&query.text);
        let mut degraded = Vec::new();
        let vector = self.vector(query, &mut degraded)?;
        let parts = parts(&view, query, check.as_ref());
        let rank = &self.settings.rank;
        let words = query.mode != Mode::Semantic && !terms.is_empty();
        let prepared = if words { Some(prepare(&terms, &parts, rank)?) } else { None };
        let features = QueryFeatures {
            ideal: prepared.as_ref().map_or(0.0, |p| p.ideal),
            known: prepared.as_ref().map_or(0.0, known_share),
            words,
            vectors: vector.is_some(),
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
        for candidate in &mut candidates {
            candidate.relevance = relevance(&candidate.features, &features, rank.fusion);
        }
        let ranked = best_per_document(candidates, &parts);
        let mut results = Results { degraded, ..Results::default() };
        let page: Vec<&Ranked> = ranked.iter().skip(query.offset).take(query.limit).collect();
        let highlighter = Highlighter::new(&terms);
        let mut ceiling: f32 = 1.0;
        for (place, ranked) in ranked.iter().take(wanted).enumerate() {
            // A later hit is never surer than an earlier one.
            ceiling = ceiling.min(confidence(&ranked.best.features, &features, rank));
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
                hit.explain = Some(explain(ranked, part, prepared.as_ref(), &features, rank)?);
            }
            results.hits.push(hit);
        }
        self.count(query, &parts, matching, &ranked, &mut results);
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
        let records = documents.into_iter().filter_map(|d| view.live.table.get(d));
        Ok(records.filter(|r| check.as_ref().is_none_or(|c| c.passes(r))).next_back().cloned())
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

    fn vector(&self, query: &Query, degraded: &mut Vec<&'static str>) -> Result<Option<PreparedQuery>> {
        if query.mode == Mode::Keyword {
            return Ok(None);
        }
        match self.embedder.embed(&[&query.text], Role::Query) {
            Ok(vectors) => {
                let vector = vectors.first().filter(|v| v.iter().any(|x| *x != 0.0));
                Ok(vector.map(|v| self.view.load().live.dense.prepare(v)))
            }
            Err(error) if query.mode == Mode::Hybrid => {
                warn!(%error, "a search goes on without vectors");
                degraded.push("semantic");
                Ok(None)
            }
            Err(error) => Err(Error::Embedding(error.to_string())),
        }
    }

    /// Totals and facets, from what matched by words, shelf by shelf, and the hits.
    fn count(&self, query: &Query, parts: &[Part<'_>], matching: Vec<DocSet>, ranked: &[Ranked], results: &mut Results) {
        let mut counted = 0;
        for (number, (part, mut matching)) in parts.iter().zip(matching).enumerate() {
            if query.mode != Mode::Keyword {
                let hits = ranked.iter().filter(|r| r.best.part == number).take(query.offset + query.limit);
                matching.extend(hits.map(|hit| document_of(hit.best.passage)));
            }
            counted += matching.count();
            for field in &query.facets {
                let counts = results.facets.entry(field.clone()).or_default();
                for record in matching.iter().filter_map(|d| part.shelf.table.get(d)) {
                    for value in facet_values(field, record) {
                        *counts.entry(value).or_default() += 1;
                    }
                }
            }
        }
        results.total = counted.min(MAX_TOTAL);
    }
}

fn check_facets(facets: &[String]) -> Result<()> {
    for (i, field) in facets.iter().enumerate() {
        let known = ["category", "tags", "audience", "language"].contains(&field.as_str());
        if !known && field.strip_prefix("attributes.").is_none_or(str::is_empty) {
            return Err(Error::Query {
                field: format!("facets[{i}]"),
                message: format!("cannot count by '{field}': use category, tags, audience, language or attributes.<name>"),
            });
        }
    }
    Ok(())
}

fn facet_values(field: &str, record: &Record) -> Vec<String> {
    match field {
        "category" => record.category.iter().cloned().collect(),
        "tags" => record.tags.clone(),
        "audience" => vec![record.audience.clone()],
        "language" => vec![record.language.clone()],
        _ => match field.strip_prefix("attributes.").and_then(|name| record.attributes.get(name)) {
            Some(Attribute::Text(text)) => vec![text.clone()],
            Some(Attribute::Number(n)) => vec![n.to_string()],
            None => Vec::new(),
        },
    }
}

/// The live documents that pass, remembered for the next search with the same filter.
fn accepted(view: &View, filter: &Filter, check: &Check) -> Arc<DocSet> {
    let key = serde_json::to_string(filter).unwrap_or_default();
    if let Some(set) = view.filters.lock().get(&key) {
        return set.clone();
    }
    let set = Arc::new(passing(view.live.as_ref(), |record| check.passes(record)));
    view.remember(key, set.clone());
    set
}

fn passing(shelf: &ShelfView, passes: impl Fn(&Record) -> bool) -> DocSet {
    let mut set = DocSet::with_capacity(shelf.table.bound() as usize);
    for (document, record) in shelf.table.iter() {
        if passes(record) {
            set.insert(document);
        }
    }
    set
}

fn parts<'a>(view: &'a View, query: &Query, check: Option<&Check>) -> Vec<Part<'a>> {
    let wanted = |record: &Record| {
        check.is_none_or(|c| c.passes(record)) && query.without.as_ref().is_none_or(|id| *id != record.id)
    };
    let Some(at) = query.as_of else {
        let accept = match (&query.filter, check, &query.without) {
            (None, _, None) => None,
            (Some(filter), Some(check), None) => Some(accepted(view, filter, check)),
            _ => Some(Arc::new(passing(&view.live, wanted))),
        };
        // A filter that everything passes costs nothing.
        let accept = accept.filter(|a| a.count() as u64 != view.live.table.documents);
        return vec![Part { shelf: &view.live, time: None, accept }];
    };
    [&view.live, &view.history]
        .into_iter()
        .map(|shelf| Part {
            shelf,
            time: Some(passing(shelf, |record| record.covers(at))),
            accept: Some(Arc::new(passing(shelf, |record| record.covers(at) && wanted(record)))),
        })
        .collect()
}

fn prepare(terms: &[QueryTerm], parts: &[Part<'_>], rank: &RankSettings) -> Result<Prepared> {
    let mut totals = Totals::default();
    for part in parts {
        let table = &part.shelf.table;
        match &part.time {
            None => totals.add(table.passages, &table.lengths, &table.present),
            Some(time) => {
                for record in time.iter().filter_map(|d| table.get(d)) {
                    let lengths = record.lengths.map(u64::from);
                    totals.add(u64::from(record.passages), &lengths, &record.present.map(u64::from));
                }
            }
        }
    }
    let views: Vec<(&LexicalView, Option<&DocSet>)> =
        parts.iter().map(|part| (&part.shelf.lexical, part.time.as_ref())).collect();
    Prepared::new(terms, &views, &totals, rank, MAX_TERMS)
}

/// Share of the query's information that is carried by terms which occur at all.
fn known_share(prepared: &Prepared) -> f32 {
    let sum = |only_known: bool| -> f32 {
        prepared.terms.iter().filter(|t| !t.gram && (t.known || !only_known)).map(|t| t.idf).sum()
    };
    let all = sum(false);
    if all > 0.0 { sum(true) / all } else { 0.0 }
}

/// Takes the best of both lists of a shelf, and completes each passage's features.
fn gather(
    number: usize,
    part: &Part<'_>,
    prepared: Option<&Prepared>,
    vector: Option<&PreparedQuery>,
    k: usize,
    matching: &mut Matching,
    candidates: &mut Vec<Candidate>,
) -> Result<()> {
    let accept = part.accept.as_deref();
    let mut found: HashMap<u64, Features> = HashMap::new();
    if let Some(prepared) = prepared {
        for (hit, rank) in prepared.search(number, &part.shelf.lexical, k, accept, matching)?.iter().zip(1..) {
            let features = found.entry(hit.passage).or_default();
            // Addition in another order may differ in the last bit; what is shown and compared does not.
            features.bm25 = Some((hit.score * 1024.0).round() / 1024.0);
            features.words_rank = Some(rank);
        }
    }
    if let Some(vector) = vector {
        for (hit, rank) in part.shelf.dense.search(vector, k, accept).iter().zip(1..) {
            let features = found.entry(hit.passage).or_default();
            features.cosine = Some(hit.cosine);
            features.vectors_rank = Some(rank);
        }
        for (passage, features) in &mut found {
            if features.cosine.is_none() {
                features.cosine = part.shelf.dense.cosine(vector, *passage);
            }
        }
    }
    let new = found.into_iter().map(|(passage, mut features)| {
        let chunks = part.shelf.table.get(document_of(passage)).map_or(u32::MAX, |record| record.chunks);
        features.question = ordinal_of(passage) >= chunks;
        Candidate { part: number, passage, features, relevance: 0.0 }
    });
    candidates.extend(new);
    Ok(())
}

/// A document by its best passage, and its best passage of the body where that is another one.
struct Ranked {
    best: Candidate,
    chunk: Option<u64>,
    record: Arc<Record>,
}

fn best_per_document(mut candidates: Vec<Candidate>, parts: &[Part<'_>]) -> Vec<Ranked> {
    candidates.sort_unstable_by(|a, b| {
        b.relevance.total_cmp(&a.relevance).then(a.part.cmp(&b.part)).then(a.passage.cmp(&b.passage))
    });
    let mut ranked: Vec<Ranked> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for candidate in candidates {
        let Some(part) = parts.get(candidate.part) else { continue };
        // A passage without a record belongs to a document that left while the lists were made.
        let Some(record) = part.shelf.table.get(document_of(candidate.passage)) else { continue };
        let is_chunk = ordinal_of(candidate.passage) < record.chunks;
        match places.get(&record.id).and_then(|place| ranked.get_mut(*place)) {
            None => {
                places.insert(record.id.clone(), ranked.len());
                let chunk = is_chunk.then_some(candidate.passage);
                ranked.push(Ranked { best: candidate, chunk, record: record.clone() });
            }
            Some(known) => {
                let same = known.best.part == candidate.part
                    && document_of(known.best.passage) == document_of(candidate.passage);
                if same && is_chunk && known.chunk.is_none() {
                    known.chunk = Some(candidate.passage);
                }
            }
        }
    }
    // Equal relevance: by id, so that the order does not depend on when a document was indexed.
    ranked.sort_by(|a, b| match b.best.relevance.total_cmp(&a.best.relevance) {
        Ordering::Equal => a.record.id.cmp(&b.record.id),
        other => other,
    });
    ranked
}

/// The passage of the body that is shown. Where a known question matched, the lists may hold none of the body: then
/// the document's passages are compared with the query one by one.
fn shown_passage(
    ranked: &Ranked,
    part: &Part<'_>,
    prepared: Option<&Prepared>,
    vector: Option<&PreparedQuery>,
    query: &QueryFeatures,
    rank: &RankSettings,
) -> Result<u64> {
    let first = passage_id(document_of(ranked.best.passage), 0);
    if let Some(chunk) = ranked.chunk {
        return Ok(chunk);
    }
    if ranked.record.chunks < 2 {
        return Ok(first);
    }
    let mut addresses = part.shelf.lexical.addresses(document_of(first))?;
    addresses.retain(|(passage, _)| ordinal_of(*passage) < ranked.record.chunks);
    let scores = match prepared {
        Some(prepared) => prepared.score(ranked.best.part, &part.shelf.lexical, &addresses)?,
        None => vec![None; addresses.len()],
    };
    let relevances = addresses.iter().zip(scores).map(|((passage, _), bm25)| {
        let cosine = vector.and_then(|v| part.shelf.dense.cosine(v, *passage));
        let features = Features { bm25, cosine, ..Features::default() };
        (*passage, relevance(&features, query, rank.fusion))
    });
    let best = relevances.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
    Ok(best.map_or(first, |(passage, _)| passage))
}

fn hit(ranked: &Ranked, part: &Part<'_>, shown: u64, highlighter: &Highlighter) -> Result<Hit> {
    let passage = ranked.best.passage;
    let record = ranked.record.clone();
    let question = ordinal_of(passage).checked_sub(record.chunks);
    let matched_question = question.and_then(|q| record.questions.get(q as usize)).cloned();
    let stored = stored(part, shown)?;
    let html = highlighter.snippet(&stored.text, WINDOW).html;
    Ok(Hit {
        record,
        score: 0.0,
        relevance: ranked.best.relevance,
        matched_question,
        passage: Passage { heading: stored.heading, text: stored.text, html, start: stored.start, end: stored.end },
        explain: None,
    })
}

fn stored(part: &Part<'_>, passage: u64) -> Result<StoredPassage> {
    let address = part.shelf.lexical.address(passage)?;
    let address = address.ok_or_else(|| Error::Lexical(format!("passage {passage} is not stored")))?;
    part.shelf.lexical.stored(address)
}

fn explain(
    ranked: &Ranked,
    part: &Part<'_>,
    prepared: Option<&Prepared>,
    query: &QueryFeatures,
    rank: &RankSettings,
) -> Result<serde_json::Value> {
    let features = &ranked.best.features;
    let mut words = Vec::new();
    if let (Some(prepared), Some(address)) = (prepared, part.shelf.lexical.address(ranked.best.passage)?) {
        for (field, term, score) in prepared.explain(ranked.best.part, &part.shelf.lexical, address)? {
            words.push(json!({ "field": field, "term": term, "score": score }));
        }
    }
    Ok(json!({
        "passage": { "ordinal": ordinal_of(ranked.best.passage), "kind": if ordinal_of(ranked.best.passage) < ranked.record.chunks { "body" } else { "question" } },
        "words": { "bm25": features.bm25, "ideal": query.ideal, "share": share(features, query), "rank": features.words_rank, "parts": words },
        "vectors": { "cosine": features.cosine, "rank": features.vectors_rank, "graph": part.shelf.dense.uses_graph(part.accept.as_ref().map(|a| a.count())) },
        "query": { "terms": prepared.map(|p| &p.terms), "known": query.known },
        "fusion": rank.fusion,
        "relevance": ranked.best.relevance,
        "confidence": { "weights": rank.confidence, "value": confidence(features, query, rank) },
    }))
}
