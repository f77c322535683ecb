//! Answering from the knowledge: the sentences that answer, word for word, with where they stand.
//!
//! Invariant: no answer without a citation, and every quote is a literal piece of the cited version's body.

use std::time::Instant;

use jiff::Timestamp;
use zhiyin_index::answer::{AnswerSettings, Span};
use zhiyin_index::{Filter, Index, Query, Results};

use super::search::{article_id, blind, detect, hit, recorded, round, took, url};
use super::{Grant, Kb, Reader};
use crate::error::Result;
use crate::id::QueryId;
use crate::model::answer::{AnswerRequest, AnswerResponse, AnswerStatus, AnswerText, Citation, Clarify};
use crate::model::query::{QueryKind, QueryRecord};
use crate::model::search::{Hit, Mode, SearchRequest};
use crate::model::text::QueryText;

mod clarify;
mod cues;
mod followup;
mod handoff;
mod wording;

/// Hits that are looked at, and those of them that are read for an answer.
const LOOKED_AT: u32 = 5;
const READ: usize = 3;
/// How close to the best hit another one must be to be read too; and where the best one was found by a known question.
const CLOSE: f32 = 0.8;
const CLOSE_TO_KNOWN: f32 = 0.97;
/// By how much a question that leans on the one before it must be surer without it to be read alone.
const SURER_ALONE: f32 = 0.1;

/// A question as it was understood, and what was found for it.
struct Understood {
    question: String,
    results: Results,
}

/// What is said to a question.
pub(super) struct Said {
    /// The question as it was understood.
    pub question: String,
    /// What was found.
    pub results: Results,
    /// Whether that reaches the space's threshold.
    pub matched: bool,
    /// How it came out.
    pub status: AnswerStatus,
    /// The sentences that answer.
    pub citations: Vec<Citation>,
    clarify: Option<Clarify>,
    answer: Option<AnswerText>,
}

impl Kb {
    /// Answers a question with sentences of the articles, or says plainly that nothing answers it. A question that
    /// leans on an earlier one is read with that one's topic; a short one with several readings is asked back.
    ///
    /// # Errors
    /// As [`Kb::search`].
    pub fn answer(&self, reader: &Reader, request: &AnswerRequest<Filter>, now: Timestamp) -> Result<AnswerResponse> {
        let started = Instant::now();
        let grant = reader.grant();
        let asked = request.question.as_str();
        let history: Vec<&str> = request.history.iter().map(|turn| turn.as_str()).collect();
        let said = self.say(grant, request, &history, None, now)?;
        let index = self.shelf(&grant.space)?.ready()?;
        let Said { question, results, status, citations, clarify, answer, .. } = said;
        let answer_id = QueryId::for_answer(now.as_millisecond());
        let hits: Vec<Hit> = results.hits.iter().map(hit).collect();
        let repeated = followup::repeats(&index, asked, &history);
        let handoff = handoff::handoff(asked, status, repeated);
        let gap_id = self.keep_record(
            grant,
            QueryRecord {
                id: answer_id.clone(),
                space: grant.space.clone(),
                at: now,
                kind: QueryKind::Answer,
                query: question.clone(),
                language: detect(asked),
                channel: request.channel.as_ref().map(ToString::to_string),
                conversation_id: request.conversation_id.as_ref().map(ToString::to_string),
                session: None,
                matched: status != AnswerStatus::Unanswered,
                confidence: round(results.confidence),
                top: hits.first().map(recorded),
                gap_id: None,
                degraded: blind(&results),
                handoff: handoff.reasons.clone(),
            },
            &hits,
        );
        Ok(AnswerResponse {
            answer_id,
            status,
            confidence: round(results.confidence),
            answer,
            citations,
            clarify,
            handoff,
            interpreted_question: question,
            gap_id,
            degraded: results.degraded.iter().map(ToString::to_string).collect(),
            took_ms: took(started),
        })
    }

    /// What would be said to a question that stands alone, to whoever may see what the grant names, now or as the articles
    /// were then. Without the space's reranker, which orders what is found but does not find; nothing is recorded.
    pub(super) fn would_say(
        &self,
        grant: &Grant,
        question: &QueryText,
        as_of: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Said> {
        let request = AnswerRequest {
            question: question.clone(),
            conversation_id: None,
            history: Vec::new(),
            channel: None,
            filters: None,
            rerank: false,
        };
        self.say(grant, &request, &[], as_of, now)
    }

    /// What every caller is told, whoever asks and whether or not it is recorded.
    fn say(
        &self,
        grant: &Grant,
        request: &AnswerRequest<Filter>,
        history: &[&str],
        as_of: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Said> {
        let index = self.shelf(&grant.space)?.ready()?;
        let Understood { question, results } = self.understand(grant, &index, request, history, as_of, now)?;
        let threshold = self.threshold(grant)?;
        let matched = f64::from(results.confidence) >= threshold;
        let clarify = if matched { clarify::clarify(&index, &question, &results, threshold) } else { None };
        let (citations, answer) = match matched && clarify.is_none() {
            true => {
                let query = Query { synonyms: self.synonyms(&grant.space)?, ..Query::new(&question) };
                quoted(&index, &query, &results, threshold)?
            }
            false => (Vec::new(), None),
        };
        let status = match (&clarify, citations.is_empty()) {
            (Some(_), _) => AnswerStatus::Clarify,
            (None, false) => AnswerStatus::Answered,
            (None, true) => AnswerStatus::Unanswered,
        };
        Ok(Said { question, results, matched, status, citations, clarify, answer })
    }

    /// Searches for the question, and where it leans on an earlier one, for what is then meant.
    fn understand(
        &self,
        grant: &Grant,
        index: &Index,
        request: &AnswerRequest<Filter>,
        history: &[&str],
        as_of: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Understood> {
        let search = |query: QueryText| SearchRequest {
            query,
            limit: LOOKED_AT,
            offset: 0,
            mode: Mode::Hybrid,
            filters: request.filters.clone(),
            as_of,
            facets: Vec::new(),
            explain: false,
            channel: request.channel.clone(),
            conversation_id: request.conversation_id.clone(),
            log: true,
            rerank: request.rerank,
        };
        let alone = self.find(grant, &search(request.question.clone()), now)?;
        let meant = followup::interpreted(index, request.question.as_str(), history);
        // Too long a question is read alone.
        if let Some(meant) = meant.and_then(|meant| QueryText::try_from(meant).ok()) {
            let results = self.find(grant, &search(meant.clone()), now)?;
            if alone.confidence <= results.confidence + SURER_ALONE {
                let question = results.corrected_query.clone().unwrap_or_else(|| meant.to_string());
                return Ok(Understood { question, results });
            }
        }
        let question = alone.corrected_query.clone().unwrap_or_else(|| request.question.to_string());
        Ok(Understood { question, results: alone })
    }
}

/// What the hits say to the question: of the best one, and of others in the question's language that are sure enough.
fn quoted(
    index: &Index,
    query: &Query,
    results: &Results,
    threshold: f64,
) -> Result<(Vec<Citation>, Option<AnswerText>)> {
    let language = detect(&query.text);
    let Some(best) = results.hits.first() else { return Ok((Vec::new(), None)) };
    // What somebody wrote down as a question of an article is answered there.
    let close = if best.matched_question.is_some() { CLOSE_TO_KNOWN } else { CLOSE };
    let fits = |hit: &zhiyin_index::Hit| {
        f64::from(hit.score) >= threshold
            && hit.relevance >= best.relevance * close
            && hit.record.language == language.as_str()
    };
    let (best, hits) = (std::iter::once(best), results.hits.iter().skip(1));
    let read: Vec<zhiyin_index::Hit> = best.chain(hits.filter(|hit| fits(hit))).take(READ).cloned().collect();
    let spans = index.answer(query, &read, &AnswerSettings::default()).map_err(super::shelf::engine_error)?;
    let mut citations = Vec::new();
    let mut cited: Vec<&Span> = Vec::new();
    for span in &spans {
        let Some(found) = read.get(span.hit) else { continue };
        citations.push(Citation {
            index: citations.len() as u32 + 1,
            article_id: article_id(&found.record),
            version: found.record.version,
            title: found.record.title.clone(),
            heading: span.heading.clone(),
            quote: span.text.clone(),
            start: u64::from(span.start),
            end: u64::from(span.end),
            url: url(&found.record),
        });
        cited.push(span);
    }
    let answer = wording::wording(&citations, &cited);
    Ok((citations, answer))
}
