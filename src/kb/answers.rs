//! Answering from the knowledge: the sentences that answer, word for word, with where they stand.
//!
//! Invariant: no answer without a citation, and every quote is a literal piece of the cited version's body.

use std::time::Instant;

use jiff::Timestamp;
use zhiyin_index::snippet::Highlighter;
use zhiyin_index::{Filter, Index, Results};

use super::search::{article_id, detect, hit, recorded, round, took, url};
use super::{Kb, Reader};
use crate::error::Result;
use crate::id::QueryId;
use crate::model::answer::{AnswerRequest, AnswerResponse, AnswerStatus, AnswerText, Citation, Handoff, HandoffReason};
use crate::model::query::{QueryKind, QueryRecord};
use crate::model::search::{Hit, Mode, SearchRequest};

/// Hits that are read for an answer.
const READ: u32 = 5;
/// Most sentences quoted from one passage.
const MAX_SENTENCES: usize = 3;
/// Characters from which on no further sentence is added.
const LONG_ENOUGH: usize = 160;
/// A second source is quoted when it is at least this close to the first one.
const SECOND_SOURCE: f32 = 0.97;
/// Phrases by which a customer asks for a person: data, one a line.
const ASKS_FOR_PERSON: &str = include_str!("asks_for_person.txt");

/// A run of sentences of a passage: where it begins and ends in the passage (bytes).
struct Quote {
    start: usize,
    end: usize,
}

impl Kb {
    /// Answers a question with sentences of the articles, or says plainly that nothing answers it.
    ///
    /// # Errors
    /// As [`Kb::search`].
    pub fn answer(&self, reader: &Reader, request: &AnswerRequest<Filter>, now: Timestamp) -> Result<AnswerResponse> {
        let started = Instant::now();
        let grant = reader.grant();
        let search = SearchRequest {
            query: request.question.clone(),
            limit: READ,
            offset: 0,
            mode: Mode::Hybrid,
            filters: request.filters.clone(),
            as_of: None,
            facets: Vec::new(),
            explain: false,
            channel: request.channel.clone(),
            conversation_id: request.conversation_id.clone(),
            log: true,
        };
        let results = self.find(grant, &search, now)?;
        let question = request.question.as_str();
        let understood = results.corrected_query.clone().unwrap_or_else(|| question.to_owned());
        let index = self.shelf(&grant.space)?.ready()?;
        let matched = f64::from(results.confidence) >= self.threshold(grant)?;
        let citations = if matched { citations(&index, &understood, &results) } else { Vec::new() };
        let status = if citations.is_empty() { AnswerStatus::Unanswered } else { AnswerStatus::Answered };
        let answer_id = QueryId::for_answer(now.as_millisecond());
        let hits: Vec<Hit> = results.hits.iter().map(hit).collect();
        let gap_id = self.keep_record(
            QueryRecord {
                id: answer_id.clone(),
                space: grant.space.clone(),
                at: now,
                kind: QueryKind::Answer,
                query: question.to_owned(),
                language: detect(question),
                channel: request.channel.as_ref().map(ToString::to_string),
                conversation_id: request.conversation_id.as_ref().map(ToString::to_string),
                matched: status == AnswerStatus::Answered,
                confidence: round(results.confidence),
                top: hits.first().map(recorded),
                gap_id: None,
                degraded: !results.degraded.is_empty(),
            },
            &hits,
        );
        Ok(AnswerResponse {
            answer_id,
            status,
            confidence: round(results.confidence),
            answer: wording(&citations),
            citations,
            clarify: None,
            handoff: handoff(question, status),
            interpreted_question: understood,
            gap_id,
            degraded: results.degraded.iter().map(ToString::to_string).collect(),
            took_ms: took(started),
        })
    }
}

/// The best quotes of the best hits: one, or two where the second hit is as good as the first.
fn citations(index: &Index, question: &str, results: &Results) -> Vec<Citation> {
    let terms = index.terms(question);
    let highlighter = Highlighter::new(&terms);
    let mut citations: Vec<Citation> = Vec::new();
    let best = results.hits.first().map_or(0.0, |h| h.relevance);
    for found in results.hits.iter().take(2) {
        let second = !citations.is_empty();
        if second && (found.relevance < best * SECOND_SOURCE || found.record.language != detect(question).as_str()) {
            break;
        }
        let text = &found.passage.text;
        let Some(quote) = quote(index, question, &highlighter, text) else { continue };
        let Some(words) = text.get(quote.start..quote.end) else { continue };
        let before = text.get(..quote.start).map_or(0, |head| head.chars().count()) as u64;
        let start = u64::from(found.passage.start) + before;
        citations.push(Citation {
            index: citations.len() as u32 + 1,
            article_id: article_id(&found.record),
            version: found.record.version,
            title: found.record.title.clone(),
            heading: found.passage.heading.clone(),
            quote: words.to_owned(),
            start,
            end: start + words.chars().count() as u64,
            url: url(&found.record),
        });
    }
    citations
}

/// The run of sentences that answers best: the best one, and those after it that still bear on the question or
/// are needed to make it long enough to stand alone.
fn quote(index: &Index, question: &str, highlighter: &Highlighter, text: &str) -> Option<Quote> {
    let sentences: Vec<_> = zhiyin_index::sentence::sentences(text)
        .into_iter()
        .filter(|range| {
            text.get(range.clone()).is_some_and(|s| {
                !is_heading(text, range.start) && !is_table_head(text, range.end) && !s.trim().is_empty()
            })
        })
        .collect();
    if let Some(whole) = whole(text, &sentences) {
        return Some(whole);
    }
    let words: Vec<&str> = sentences.iter().filter_map(|range| text.get(range.clone())).collect();
    let cosines = index.likeness(question, &words);
    let coverages: Vec<f32> = words.iter().map(|sentence| coverage(highlighter, sentence)).collect();
    // Where no sentence holds a word of the question, the heading was what matched: begin at the beginning.
    let silent = coverages.iter().all(|c| *c == 0.0);
    let scores: Vec<f32> = coverages.iter().zip(&cosines).map(|(c, cosine)| c + cosine.max(0.0)).collect();
    let ranked = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)));
    let (best, score) = if silent { scores.iter().enumerate().next() } else { ranked }?;
    let first = sentences.get(best)?;
    let mut quote = Quote { start: first.start, end: first.end };
    for (range, follower) in sentences.iter().zip(&scores).skip(best + 1).take(MAX_SENTENCES - 1) {
        let length = text.get(quote.start..quote.end).map_or(0, |s| s.chars().count());
        if length >= LONG_ENOUGH || *follower < score * 0.3 {
            break;
        }
        quote.end = range.end;
    }
    Some(quote)
}

/// All of a passage that is short enough to be an answer as it stands; a table is not, its rows are apart.
fn whole(text: &str, sentences: &[std::ops::Range<usize>]) -> Option<Quote> {
    let (first, last) = (sentences.first()?, sentences.last()?);
    let piece = text.get(first.start..last.end)?;
    let table = piece.lines().any(|line| line.trim_start().starts_with('|'));
    let short = piece.chars().count() <= LONG_ENOUGH && sentences.len() <= MAX_SENTENCES;
    (short && !table).then_some(Quote { start: first.start, end: last.end })
}

fn is_heading(text: &str, start: usize) -> bool {
    let line = text.get(..start).and_then(|head| head.rfind('\n')).map_or(0, |at| at + 1);
    text.get(line..).is_some_and(|rest| rest.trim_start().starts_with('#'))
}

/// Whether the line that ends there is the head of a table: the line below it is a rule such as `|---|---|`.
fn is_table_head(text: &str, end: usize) -> bool {
    let below = text.get(end..).and_then(|rest| rest.split_once('\n')).map(|(_, below)| below);
    let rule = below.and_then(|below| below.lines().next()).unwrap_or_default().trim();
    rule.contains("--") && rule.chars().all(|c| matches!(c, '|' | '-' | ':' | ' '))
}

/// Share of the sentence that the question's words take up, damped so that a long sentence can win.
fn coverage(highlighter: &Highlighter, sentence: &str) -> f32 {
    let marked: usize =
        highlighter.ranges(sentence).iter().filter_map(|r| sentence.get(r.clone())).map(|s| s.chars().count()).sum();
    let length = sentence.chars().count() as f32;
    marked as f32 / (length + 20.0).sqrt() / 4.0
}

fn wording(citations: &[Citation]) -> Option<AnswerText> {
    let first = citations.first()?;
    let parts: Vec<String> = citations.iter().map(|c| format!("{} [{}]", c.quote.trim(), c.index)).collect();
    let text = parts.join("\n\n");
    Some(AnswerText { html: super::markdown::to_html(&text), language: detect(&first.quote), generated: false, text })
}

fn handoff(question: &str, status: AnswerStatus) -> Handoff {
    let mut reasons = Vec::new();
    if status == AnswerStatus::Unanswered {
        reasons.push(HandoffReason::LowConfidence);
    }
    let folded = zhiyin_index::normalize::folded(question);
    let phrases = ASKS_FOR_PERSON.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    if phrases.into_iter().any(|phrase| folded.contains(phrase)) {
        reasons.push(HandoffReason::AskedForPerson);
    }
    Handoff { recommended: !reasons.is_empty(), reasons }
}
