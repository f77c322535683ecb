//! What weights are fitted on: every query of a set with all that a search looked at, one line of JSON each.
//!
//! Invariant: the features are the engine's own (`zhiyin_index::Candidates` says what a line holds).

use std::io::Write;

use serde::Serialize;
use serde_json::Value;
use zhiyin_index::{CandidatePassage, Features, PassageDetail, QueryFeatures};

use super::error::{Error, Result};
use super::set::{Judged, Set};
use super::trial::Trial;

#[derive(Serialize)]
struct Line<'a> {
    set: &'a str,
    id: &'a str,
    query: &'a str,
    language: &'a str,
    relevant: Vec<&'a str>,
    answerable: bool,
    features: QueryFeatures,
    terms: &'a Value,
    candidates: Vec<Candidate<'a>>,
}

#[derive(Serialize)]
struct Candidate<'a> {
    id: &'a str,
    ordinal: u32,
    relevant: bool,
    share: f32,
    relevance: f32,
    confidence: f32,
    #[serde(flatten)]
    features: Features,
    #[serde(flatten)]
    detail: Option<&'a PassageDetail>,
}

/// Writes a line a query.
///
/// # Errors
/// [`Error::Engine`], [`Error::Io`].
pub fn dump(trial: &Trial, set: &Set, out: &mut impl Write, mut asked: impl FnMut()) -> Result<()> {
    for query in &set.queries {
        let line = line(trial, set, query)?;
        writeln!(out, "{line}").map_err(|source| Error::Io { path: "the dump".into(), source })?;
        asked();
    }
    Ok(())
}

fn line(trial: &Trial, set: &Set, query: &Judged) -> Result<String> {
    let looked_at = trial.candidates(query)?;
    let detected = zhiyin_index::language::detect(&query.text).as_str();
    let line = Line {
        set: &set.name,
        id: &query.id,
        query: &query.text,
        language: if query.language.is_empty() { detected } else { &query.language },
        relevant: query.relevant.keys().map(String::as_str).collect(),
        answerable: query.is_answerable(),
        features: looked_at.query,
        terms: &looked_at.terms,
        candidates: looked_at.passages.iter().map(|passage| of(query, passage)).collect(),
    };
    serde_json::to_string(&line).map_err(|why| Error::Usage(why.to_string()))
}

fn of<'a>(query: &Judged, passage: &'a CandidatePassage) -> Candidate<'a> {
    Candidate {
        id: &passage.record.id,
        ordinal: passage.ordinal,
        relevant: query.relevant.contains_key(&passage.record.id),
        share: passage.share,
        relevance: passage.relevance,
        confidence: passage.confidence,
        features: passage.features,
        detail: passage.detail.as_ref(),
    }
}
