//! What did a search look at? Every passage of both lists with the features that decide its place and its confidence.
//!
//! Invariant: the features are those of [`Index::search`] itself, made by the same code, so that weights fitted on them
//! are weights for it.
//!
//! `zhiyin eval --dump FILE` writes one line of JSON per query, made of this:
//!
//! ```text
//! {"set", "id", "query", "language", "relevant": [id…], "answerable", "features": QueryFeatures, "terms": [{text, gram,
//!  stop, idf, known}…], "candidates": [{"id", "ordinal", "relevant", "share", "relevance", "confidence", …Features,
//!  "chars", "language", "fields": {"title": BM25…}, "matched", "covered"}…]}
//! ```
//!
//! Candidates stand best first by the relevance of the settings at hand; a document has at most one passage a list.
//! `words_rank` is null for a passage that only the vectors found, `bm25` for one that holds no word of the query.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use crate::confidence::confidence;
use crate::document::{Record, ordinal_of};
use crate::error::Result;
use crate::fuse::{Features, QueryFeatures, share};
use crate::index::Index;
use crate::language::{Language, detect};
use crate::lexical::Prepared;
use crate::parts::Part;
use crate::query::Query;
use crate::rank::Candidate;
use crate::search::Gathered;

/// Everything a search looked at.
#[derive(Debug, Clone)]
pub struct Candidates {
    /// What is known of the query.
    pub query: QueryFeatures,
    /// The terms that were looked up, each with its rarity; null where no words took part.
    pub terms: serde_json::Value,
    /// Passages of both lists, best first; equal relevance is ordered by document id.
    pub passages: Vec<CandidatePassage>,
    /// Lists that should have taken part and could not.
    pub degraded: Vec<&'static str>,
}

/// One passage that might answer.
#[derive(Debug, Clone)]
pub struct CandidatePassage {
    /// Its document.
    pub record: Arc<Record>,
    /// Which passage of the document; from [`Record::chunks`] on, known questions.
    pub ordinal: u32,
    /// What is known of it.
    pub features: Features,
    /// Its BM25 over the query's ideal one.
    pub share: f32,
    /// What it was ordered by.
    pub relevance: f32,
    /// Probability that it answers.
    pub confidence: f32,
    /// What costs a look into the stored passage; only where the query asks to explain.
    pub detail: Option<PassageDetail>,
}

/// What a passage's text and postings say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PassageDetail {
    /// Length of its text in Unicode scalars.
    pub chars: usize,
    /// Language of its text, judged by its script: `zh`, `en` or `und`.
    pub language: &'static str,
    /// BM25 by text field; a field without a match is absent.
    pub fields: BTreeMap<&'static str, f32>,
    /// Distinct words of the query in it, bigrams aside.
    pub matched: usize,
    /// Those words' share of the query's information (sum of their rarity), in [0, 1].
    pub covered: f32,
}

impl Candidates {
    /// Ids of the documents in the order of [`Index::search`], each once.
    pub fn documents(&self) -> Vec<&str> {
        let mut seen = BTreeSet::new();
        self.passages.iter().map(|p| p.record.id.as_str()).filter(|id| seen.insert(*id)).collect()
    }
}

impl Index {
    /// Looks behind a search: what both lists held, with features. `limit` and the settings' `candidates` say how
    /// many documents of each list, whichever is more; with `explain`, each passage has its [`PassageDetail`].
    ///
    /// # Errors
    /// As [`Index::search`].
    pub fn candidates(&self, query: &Query) -> Result<Candidates> {
        let view = self.view.load_full();
        let Gathered { parts, prepared, features, candidates, degraded, .. } = self.gathered(&view, query)?;
        let background = self.background.load();
        let mut passages = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            let Some(part) = parts.get(candidate.part) else { continue };
            let Some(record) = part.shelf.table.get(crate::document::document_of(candidate.passage)) else { continue };
            let detail = query.explain.then(|| detail(&candidate, part, prepared.as_ref())).transpose()?;
            passages.push(CandidatePassage {
                record: record.clone(),
                ordinal: ordinal_of(candidate.passage),
                features: candidate.features,
                share: share(&candidate.features, &features),
                relevance: candidate.relevance,
                confidence: confidence(&candidate.features, &features, &self.settings.rank, &background),
                detail,
            });
        }
        passages.sort_by(|a, b| {
            let by_id = || a.record.id.cmp(&b.record.id).then(a.ordinal.cmp(&b.ordinal));
            b.relevance.total_cmp(&a.relevance).then_with(by_id)
        });
        let terms = prepared.as_ref().and_then(|p| serde_json::to_value(&p.terms).ok()).unwrap_or_default();
        Ok(Candidates { query: features, terms, passages, degraded })
    }
}

fn detail(candidate: &Candidate, part: &Part<'_>, prepared: Option<&Prepared>) -> Result<PassageDetail> {
    let empty = PassageDetail {
        chars: 0,
        language: Language::Other.as_str(),
        fields: BTreeMap::new(),
        matched: 0,
        covered: 0.0,
    };
    let lexical = &part.shelf.lexical;
    let Some(address) = lexical.address(candidate.passage) else { return Ok(empty) };
    let text = lexical.stored(address)?.text;
    let mut found = PassageDetail { chars: text.chars().count(), language: detect(&text).as_str(), ..empty };
    let Some(prepared) = prepared else { return Ok(found) };
    let mut held = BTreeSet::new();
    for part in prepared.parts(candidate.part, lexical, address)? {
        *found.fields.entry(part.field).or_default() += part.score;
        held.insert(part.term.to_owned());
    }
    let (mut all, mut covered) = (0.0, 0.0);
    for term in prepared.terms.iter().filter(|t| !t.gram) {
        all += term.idf;
        if held.contains(&term.text) {
            covered += term.idf;
            found.matched += 1;
        }
    }
    found.covered = if all > 0.0 { covered / all } else { 0.0 };
    Ok(found)
}
