//! Which sentences of the best documents answer a question?
//!
//! Units (sentences, list items, table rows) of the passages are scored by a few weighted signs: how much of the
//! question's information they cover, alone and with their surroundings, cosine, and whether they look like what is
//! asked for. A softmax makes probabilities of the scores; sentences are quoted, best first, until enough probability
//! is covered, each with what it leans on.
//!
//! Invariant: a span is one run of characters of the body of its hit's version, where it says it stands.

mod choose;
mod cues;
mod question;
mod score;
mod support;
mod units;
mod weights;

use std::collections::HashSet;

pub use cues::Asks;
pub use support::SUPPORTED;
pub use weights::{AnswerSettings, Signs};

use crate::analyzer::{Token, TokenKind};
use crate::document::{StoredPassage, ordinal_of};
use crate::error::Result;
use crate::index::{Index, View};
use crate::lexical::Prepared;
use crate::parts::{Part, lookup, parts};
use crate::query::{Hit, Passage, Query};
use crate::search::MAX_CONCEPTS;
use crate::show::WINDOW;
use crate::snippet::Highlighter;
use choose::choose;
use question::Question;
use score::{Scored, score};

/// Passages read of the best hit, and of each of the others.
const PASSAGES: usize = 8;
const PASSAGES_OF_OTHERS: usize = 2;

/// A passage that is read for an answer.
pub(crate) struct Source<'a> {
    pub hit: usize,
    pub ordinal: u32,
    pub title: &'a str,
    pub heading: &'a [String],
    pub text: &'a str,
    /// Probability that its document answers.
    pub score: f32,
    /// Which of the questions asked is the known question by which its document was found.
    pub matched: Option<usize>,
}

/// A piece of a body that answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Which of the hits it is of.
    pub hit: usize,
    /// Headings above it.
    pub heading: Vec<String>,
    /// The piece of the body, verbatim.
    pub text: String,
    /// Where it begins in the body, in Unicode scalars.
    pub start: u32,
    /// Where it ends.
    pub end: u32,
    /// What is needed to read it and stands elsewhere: the head of its table, or the line that introduces its list.
    pub label: Option<String>,
    /// Whether it is a row of a table.
    pub row: bool,
    /// Probability that the sentence it was chosen for is the answer, given that one of those read is.
    pub probability: f32,
}

/// What a question asks for, as far as its wording tells.
pub fn asks(question: &str) -> Asks {
    cues::Wanted::of(question).asks
}

/// What was seen of one unit, for fitting the weights and for explaining a choice.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Which of the hits it is of.
    pub hit: usize,
    /// The unit.
    pub text: String,
    /// Its signs.
    pub signs: Signs,
    /// Its probability.
    pub probability: f32,
}

/// The passages of hits as they are read, with the questions they are read for.
struct Reading {
    passages: Vec<(usize, u32, StoredPassage)>,
    questions: Vec<Question>,
    /// For each hit, which question matched it.
    matched: Vec<Option<usize>>,
}

impl Index {
    /// The pieces of the hits' bodies that answer the query's text, best document first; none where the hits hold no
    /// text. Hits are of a search in this index; where a document has changed since, only what the hit shows is read.
    ///
    /// # Errors
    /// [`crate::Error::Lexical`] where the index cannot be read.
    pub fn answer(&self, query: &Query, hits: &[Hit], settings: &AnswerSettings) -> Result<Vec<Span>> {
        let reading = self.reading(query, hits)?;
        let sources = reading.sources(hits);
        let scored = self.scored(&reading, &sources, settings);
        let Some(asked) = reading.questions.first() else { return Ok(Vec::new()) };
        let pieces = choose(&asked.wanted, &sources, &scored, settings);
        let span = |piece: choose::Piece| {
            let (hit, _, passage) = reading.passages.get(piece.source)?;
            let text = passage.text.get(piece.range.clone())?;
            let before = passage.text.get(..piece.range.start)?.chars().count() as u32;
            let start = passage.start + before;
            Some(Span {
                hit: *hit,
                heading: passage.heading.clone(),
                text: text.to_owned(),
                start,
                end: start + text.chars().count() as u32,
                label: piece.label.and_then(|label| passage.text.get(label)).map(str::to_owned),
                row: piece.row,
                probability: piece.probability,
            })
        };
        Ok(pieces.into_iter().filter_map(span).collect())
    }

    /// Every unit that [`Index::answer`] would choose from, best first.
    ///
    /// # Errors
    /// As [`Index::answer`].
    pub fn answer_candidates(&self, query: &Query, hits: &[Hit], settings: &AnswerSettings) -> Result<Vec<Seen>> {
        let reading = self.reading(query, hits)?;
        let sources = reading.sources(hits);
        let scored = self.scored(&reading, &sources, settings);
        let seen = |candidate: &score::Candidate| {
            let source = sources.get(candidate.source)?;
            let unit = scored.units.get(candidate.source)?.get(candidate.place)?;
            let text = source.text.get(unit.range.clone())?.to_owned();
            Some(Seen { hit: source.hit, text, signs: candidate.signs, probability: candidate.probability })
        };
        Ok(scored.candidates.iter().filter_map(seen).collect())
    }

    /// Shows, of a hit that was found by a known question, the passage that answers that question and the one asked.
    ///
    /// # Errors
    /// As [`Index::answer`].
    pub(crate) fn show_answering(&self, query: &Query, hit: &mut Hit, highlighter: &Highlighter) -> Result<()> {
        if hit.matched_question.is_none() || hit.record.chunks < 2 {
            return Ok(());
        }
        let settings = AnswerSettings::default();
        let reading = self.reading(query, std::slice::from_ref(hit))?;
        let scored = self.scored(&reading, &reading.sources(std::slice::from_ref(hit)), &settings);
        let Some(best) = scored.candidates.first() else { return Ok(()) };
        let Some((_, _, passage)) = reading.passages.get(best.source) else { return Ok(()) };
        hit.passage = Passage {
            heading: passage.heading.clone(),
            text: passage.text.clone(),
            html: highlighter.snippet(&passage.text, WINDOW).html,
            start: passage.start,
            end: passage.end,
        };
        Ok(())
    }

    /// The words of a text that carry meaning, as they stand: no function words, none by which a question asks.
    pub fn content_words<'t>(&self, text: &'t str) -> Vec<&'t str> {
        let bare = cues::without_asking(text);
        let stop: HashSet<String> =
            self.analyzer.query_terms(text).into_iter().filter(|t| t.stop).map(|t| t.term).collect();
        let means = |token: &Token| token.kind == TokenKind::Word && !stop.contains(&token.term);
        let mut found: Vec<Token> = self.analyzer.analyze(&bare).into_iter().filter(means).collect();
        // The whole of a word before its parts.
        found.sort_by_key(|token| (token.start, std::cmp::Reverse(token.end)));
        let mut words: Vec<&str> = Vec::new();
        let mut end = 0;
        for token in found {
            let word = text.get(token.start..token.end).filter(|word| !words.contains(word));
            if let Some(word) = word.filter(|_| token.start >= end) {
                words.push(word);
                end = token.end;
            }
        }
        words
    }

    fn scored(&self, reading: &Reading, sources: &[Source<'_>], settings: &AnswerSettings) -> Scored {
        score(&self.analyzer, &reading.questions, sources, settings, |question, texts| self.likeness(question, texts))
    }

    fn reading(&self, query: &Query, hits: &[Hit]) -> Result<Reading> {
        let view = self.view.load_full();
        let mut asked: Vec<&str> = vec![&query.text];
        let mut matched = Vec::with_capacity(hits.len());
        for hit in hits {
            let known = hit.matched_question.as_deref().filter(|known| *known != query.text);
            matched.push(known.map(|known| {
                asked.push(known);
                asked.len() - 1
            }));
        }
        let now = Query::default();
        let parts = parts(&view, &now, None);
        let mut lookup = lookup(&view, &now, &parts, &self.settings.rank);
        let mut questions = Vec::with_capacity(asked.len());
        let mut concepts = Vec::new();
        for text in asked {
            let rewritten = self.rewriter(query).rewrite(text, &mut lookup)?;
            questions.push(Question::new(text, &rewritten.concepts, &mut lookup)?);
            concepts.extend(rewritten.concepts);
        }
        let prepared = Prepared::new(&concepts, &mut lookup, MAX_CONCEPTS)?;
        drop(lookup);
        let mut passages = Vec::new();
        for (at, hit) in hits.iter().enumerate() {
            let most = if at == 0 { PASSAGES } else { PASSAGES_OF_OTHERS };
            let read = match parts.first() {
                Some(part) => best_passages(&view, part, &prepared, hit, most)?,
                None => Vec::new(),
            };
            passages.extend(read.into_iter().map(|(ordinal, passage)| (at, ordinal, passage)));
        }
        Ok(Reading { passages, questions, matched })
    }
}

impl Reading {
    fn sources<'a>(&'a self, hits: &'a [Hit]) -> Vec<Source<'a>> {
        let source = |(hit, ordinal, passage): &'a (usize, u32, StoredPassage)| {
            let found = hits.get(*hit)?;
            Some(Source {
                hit: *hit,
                ordinal: *ordinal,
                title: &found.record.title,
                heading: &passage.heading,
                text: &passage.text,
                score: found.score,
                matched: self.matched.get(*hit).copied().flatten(),
            })
        };
        self.passages.iter().filter_map(source).collect()
    }
}

/// The passages of a hit's document that hold most of the question's words, the one it shows among them, in order.
fn best_passages(
    view: &View,
    part: &Part<'_>,
    prepared: &Prepared,
    hit: &Hit,
    most: usize,
) -> Result<Vec<(u32, StoredPassage)>> {
    let shown = || {
        let passage = &hit.passage;
        let (text, heading) = (passage.text.clone(), passage.heading.clone());
        let stored = StoredPassage {
            record: None,
            negatives: Vec::new(),
            question: None,
            heading,
            text,
            start: passage.start,
            end: passage.end,
            code: None,
        };
        vec![(0, stored)]
    };
    let lexical = &view.live.lexical;
    let same = |number: &u32| view.live.table.get(*number).is_some_and(|r| r.version == hit.record.version);
    let Some(number) = lexical.documents(&hit.record.id)?.into_iter().find(same) else { return Ok(shown()) };
    let mut addresses = lexical.addresses(number)?;
    addresses.retain(|(passage, _)| ordinal_of(*passage) < hit.record.chunks);
    if addresses.len() > most {
        let scores = prepared.score(0, &part.shelf.lexical, &addresses)?;
        let mut rated: Vec<_> = addresses.into_iter().zip(scores).collect();
        rated.sort_by(|a, b| b.1.unwrap_or(0.0).total_cmp(&a.1.unwrap_or(0.0)).then(a.0.0.cmp(&b.0.0)));
        addresses = rated.into_iter().take(most).map(|(address, _)| address).collect();
    }
    addresses.sort_by_key(|(passage, _)| *passage);
    let mut out = Vec::with_capacity(addresses.len());
    for (passage, address) in addresses {
        out.push((ordinal_of(passage), lexical.stored(address)?));
    }
    if !out.iter().any(|(_, passage)| passage.start == hit.passage.start) {
        out.extend(shown().into_iter().map(|(_, passage)| (u32::MAX, passage)));
    }
    Ok(out)
}
