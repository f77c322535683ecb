//! Asking the knowledge: hits, completions, and what is like something.
//!
//! Invariant: the audience filter is made from the proof, here and nowhere else; what a caller may not see is in no
//! hit, total, facet, completion or neighbour.

use std::time::Instant;

use jiff::Timestamp;
use serde_json::Value;
use zhiyin_index::{Attribute, Filter, Mode as EngineMode, Op, Query, Record, Snapshot};

use super::shelf::engine_error;
use super::{Grant, Kb, Reader};
use crate::error::{Error, FieldError, Result};
use crate::id::{ArticleId, QueryId};
use crate::model::article::{Audience, Language};
use crate::model::query::{QueryKind, QueryRecord, RecordedHit};
use crate::model::search::{
    Hit, Mode, PassageView, SearchRequest, SearchResponse, SimilarResponse, SuggestResponse, Suggestion, SuggestionKind,
};
use crate::model::text::{LongText, QueryText};

/// Characters of a long text that are compared.
const COMPARED: usize = 2_000;

impl Kb {
    /// Searches what is live, or was live at `as_of`.
    ///
    /// # Errors
    /// [`Error::InvalidQuery`] for a filter or facet that makes no sense, [`Error::IndexUnavailable`] while the
    /// space's index is being filled.
    pub fn search(&self, reader: &Reader, request: &SearchRequest<Filter>, now: Timestamp) -> Result<SearchResponse> {
        let started = Instant::now();
        let grant = reader.grant();
        let results = self.find(grant, request, now)?;
        let threshold = self.threshold(grant)?;
        let language = detect(request.query.as_str());
        let query_id = QueryId::for_search(now.as_millisecond());
        let hits: Vec<Hit> = results.hits.iter().map(hit).collect();
        let matched = f64::from(results.confidence) >= threshold;
        if request.log && request.as_of.is_none() {
            self.keep_record(
                grant,
                QueryRecord {
                    id: query_id.clone(),
                    space: grant.space.clone(),
                    at: now,
                    kind: QueryKind::Search,
                    query: request.query.to_string(),
                    language,
                    channel: request.channel.as_ref().map(ToString::to_string),
                    conversation_id: request.conversation_id.as_ref().map(ToString::to_string),
                    session: None,
                    matched,
                    confidence: round(results.confidence),
                    top: hits.first().map(recorded),
                    gap_id: None,
                    degraded: blind(&results),
                    handoff: Vec::new(),
                },
                &hits,
            );
        }
        Ok(SearchResponse {
            query_id,
            confidence: round(results.confidence),
            matched,
            language,
            hits,
            total: results.total as u64,
            facets: results.facets,
            corrected_query: results.corrected_query,
            degraded: results.degraded.iter().map(ToString::to_string).collect(),
            took_ms: took(started),
        })
    }

    /// The engine's results for a request, the caller's audiences applied.
    pub(crate) fn find(
        &self,
        grant: &Grant,
        request: &SearchRequest<Filter>,
        now: Timestamp,
    ) -> Result<zhiyin_index::Results> {
        let index = self.shelf(&grant.space)?.ready()?;
        self.find_in(&index.now(), grant, request, now)
    }

    /// As [`Kb::find`], in an index as it is or as it would be.
    pub(crate) fn find_in(
        &self,
        index: &Snapshot<'_>,
        grant: &Grant,
        request: &SearchRequest<Filter>,
        now: Timestamp,
    ) -> Result<zhiyin_index::Results> {
        if request.as_of.is_some_and(|at| at > now) {
            return Err(Error::query("as_of", "the future cannot be searched; give a moment up to now"));
        }
        let (limit, offset) = (request.limit as usize, request.offset as usize);
        let deep = if request.rerank { self.rerank_depth(&grant.space, offset + limit) } else { None };
        let query = Query {
            text: request.query.to_string(),
            mode: match request.mode {
                Mode::Hybrid => EngineMode::Hybrid,
                Mode::Keyword => EngineMode::Keyword,
                Mode::Semantic => EngineMode::Semantic,
            },
            limit: deep.as_ref().map_or(limit, |(_, depth)| *depth),
            offset: if deep.is_some() { 0 } else { offset },
            filter: visible(grant, request.filters.as_ref())?,
            as_of: request.as_of.map(|at| at.as_millisecond()),
            facets: request.facets.clone(),
            explain: request.explain,
            without: None,
            exact: false,
            synonyms: self.synonyms(&grant.space)?,
        };
        let pinned = if request.as_of.is_none() { self.pinned(grant, &query.text, now)? } else { None };
        let text = query.text.clone();
        let mut results = match &pinned {
            Some(pinned) => pinned.search(index, query)?,
            None => index.search(&query).map_err(engine_error)?,
        };
        if let Some((reranker, _)) = deep {
            let leading = pinned.map_or(0, |pinned| pinned.leading(&results));
            self.rerank(&reranker, &text, leading, &mut results);
            results.hits.drain(..offset.min(results.hits.len()));
            results.hits.truncate(limit);
        }
        Ok(results)
    }

    /// Completes what is being typed to titles and known questions.
    ///
    /// # Errors
    /// [`Error::IndexUnavailable`] while the space's index is being filled.
    pub fn suggest(&self, reader: &Reader, prefix: &QueryText, limit: u32) -> Result<SuggestResponse> {
        let started = Instant::now();
        let grant = reader.grant();
        let filter = visible(grant, None)?;
        let index = self.shelf(&grant.space)?.ready()?;
        let found = index.suggest(prefix.as_str(), limit as usize, filter.as_ref()).map_err(engine_error)?;
        let suggestions = found.into_iter().filter_map(|s| {
            Some(Suggestion {
                text: s.text,
                article_id: ArticleId::try_from(s.id).ok()?,
                title: s.title,
                kind: if s.question { SuggestionKind::Question } else { SuggestionKind::Title },
            })
        });
        Ok(SuggestResponse { suggestions: suggestions.collect(), took_ms: took(started) })
    }

    /// Articles and known questions like a longer text, such as a ticket or a post.
    ///
    /// # Errors
    /// As [`Kb::search`].
    pub fn similar(&self, reader: &Reader, text: &LongText, limit: u32) -> Result<SimilarResponse> {
        let compared: String = text.as_str().chars().take(COMPARED).collect();
        self.near(reader, compared, limit, None)
    }

    /// Articles like a live one.
    ///
    /// # Errors
    /// [`Error::ArticleNotFound`] where it is not live or not for this caller.
    pub fn related(&self, reader: &Reader, id: &ArticleId, limit: u32) -> Result<SimilarResponse> {
        let grant = reader.grant();
        let index = self.shelf(&grant.space)?.ready()?;
        let filter = visible(grant, None)?;
        let record = index.record(id.as_str(), filter.as_ref()).map_err(engine_error)?;
        let record =
            record.ok_or_else(|| Error::ArticleNotFound { space: grant.space.clone(), article: id.clone() })?;
        let questions = record.questions.iter().take(5);
        let text: Vec<&str> = std::iter::once(&record.title).chain(questions).map(String::as_str).collect();
        self.near(reader, text.join("\n"), limit, Some(id.to_string()))
    }

    fn near(&self, reader: &Reader, text: String, limit: u32, without: Option<String>) -> Result<SimilarResponse> {
        let started = Instant::now();
        let grant = reader.grant();
        // Somebody's article or ticket, not a query: it is taken as it is written.
        let filter = visible(grant, None)?;
        let query = Query { text, limit: limit as usize, filter, without, exact: true, ..Query::default() };
        let results = self.shelf(&grant.space)?.ready()?.search(&query).map_err(engine_error)?;
        Ok(SimilarResponse { hits: results.hits.iter().map(hit).collect(), took_ms: took(started) })
    }

    /// Confidence from which a query counts as matched in this space.
    pub(crate) fn threshold(&self, grant: &Grant) -> Result<f64> {
        let own = self.space_settings(&grant.space)?.threshold;
        Ok(own.unwrap_or_else(|| f64::from(zhiyin_index::RankSettings::default().threshold)))
    }
}

/// The caller's filter and the audiences of the proof, together.
pub(crate) fn visible(grant: &Grant, filter: Option<&Filter>) -> Result<Option<Filter>> {
    let wanted = filter.map(|f| with_times(f, "filters")).transpose()?;
    if Audience::ALL.iter().all(|a| grant.audiences.contains(a)) {
        return Ok(wanted);
    }
    let names: Vec<Value> = grant.audiences.iter().map(|a| Value::from(a.as_str())).collect();
    let audience = Filter::condition("audience", Op::In, Value::from(names));
    Ok(Some(match wanted {
        Some(wanted) => audience.and(wanted),
        None => audience,
    }))
}

/// Times as written (RFC 3339) become the milliseconds that the engine compares.
fn with_times(filter: &Filter, path: &str) -> Result<Filter> {
    let list = |parts: &[Filter], name: &str| -> Result<Vec<Filter>> {
        parts.iter().enumerate().map(|(i, part)| with_times(part, &format!("{path}.{name}[{i}]"))).collect()
    };
    Ok(match filter {
        Filter::All { all } => Filter::All { all: list(all, "all")? },
        Filter::Any { any } => Filter::Any { any: list(any, "any")? },
        Filter::Not { not } => Filter::Not { not: Box::new(with_times(not, &format!("{path}.not"))?) },
        Filter::Condition(condition) if condition.field == "published_at" => {
            let mut condition = condition.clone();
            condition.value = time_value(&condition.value, &format!("{path}.value"))?;
            Filter::Condition(condition)
        }
        Filter::Condition(condition) => Filter::Condition(condition.clone()),
    })
}

fn time_value(value: &Value, path: &str) -> Result<Value> {
    match value {
        Value::Array(values) => values
            .iter()
            .enumerate()
            .map(|(i, v)| time_value(v, &format!("{path}[{i}]")))
            .collect::<Result<Vec<Value>>>()
            .map(Value::Array),
        Value::String(text) => text.parse::<Timestamp>().map(|t| Value::from(t.as_millisecond())).map_err(|_| {
            Error::InvalidQuery(vec![FieldError::new(
                path,
                format!("'{text}' is not a time such as 2026-11-21T08:00:00Z"),
            )])
        }),
        other => Ok(other.clone()),
    }
}

/// The language of a text, as the engine tells it.
pub(crate) fn detect(text: &str) -> Language {
    match zhiyin_index::language::detect(text) {
        zhiyin_index::language::Language::Zh => Language::Zh,
        zhiyin_index::language::Language::En => Language::En,
        zhiyin_index::language::Language::Other => Language::Und,
    }
}

pub(crate) fn hit(found: &zhiyin_index::Hit) -> Hit {
    let record = &found.record;
    Hit {
        article_id: article_id(record),
        version: record.version,
        title: record.title.clone(),
        category: record.category.clone(),
        tags: record.tags.clone(),
        language: language(record),
        audience: audience(record),
        url: url(record),
        score: round(found.score),
        matched_question: found.matched_question.clone(),
        passage: PassageView {
            heading: found.passage.heading.clone(),
            text: found.passage.text.clone(),
            html: found.passage.html.clone(),
            start: u64::from(found.passage.start),
            end: u64::from(found.passage.end),
        },
        explain: found.explain.clone(),
    }
}

pub(crate) fn article_id(record: &Record) -> ArticleId {
    // Every indexed id came out of the store as an article id.
    ArticleId::try_from(record.id.clone()).unwrap_or_else(|_| unreachable!("indexed ids are article ids"))
}

pub(crate) fn language(record: &Record) -> Language {
    match record.language.as_str() {
        "zh" => Language::Zh,
        "en" => Language::En,
        _ => Language::Und,
    }
}

fn audience(record: &Record) -> Audience {
    match record.audience.as_str() {
        "public" => Audience::Public,
        "agent" => Audience::Agent,
        _ => Audience::Internal,
    }
}

/// The address of an article on the portal: its attribute `url`.
pub(crate) fn url(record: &Record) -> Option<String> {
    match record.attributes.get("url") {
        Some(Attribute::Text(url)) => Some(url.clone()),
        _ => None,
    }
}

/// Whether a list was missing that might have held the answer; a reranker only orders what was found.
pub(crate) fn blind(results: &zhiyin_index::Results) -> bool {
    results.degraded.iter().any(|part| *part != "rerank")
}

pub(crate) fn recorded(hit: &Hit) -> RecordedHit {
    RecordedHit { article_id: hit.article_id.clone(), version: hit.version, score: hit.score }
}

/// A probability as callers see it: four decimals.
pub(crate) fn round(value: f32) -> f64 {
    (f64::from(value) * 10_000.0).round() / 10_000.0
}

/// Milliseconds since then, to the microsecond.
pub(crate) fn took(started: Instant) -> f64 {
    (started.elapsed().as_secs_f64() * 1_000_000.0).round() / 1_000.0
}
