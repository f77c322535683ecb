//! What of a question is looked for in a sentence: its terms by weight, its neighbouring words, what it asks for.
//! Invariant: shares are of the question's whole information, so they lie in [0, 1] and compare across sentences.

use std::collections::{HashMap, HashSet};

use super::cues::Wanted;
use crate::analyzer::{Analyzer, QueryKind, TokenKind};

/// Places between two words that still count as neighbours.
const CLOSE: u32 = 3;

/// A term of the question and what it weighs.
struct Term {
    text: String,
    gram: bool,
    weight: f32,
}

/// A question made ready.
pub(crate) struct Question {
    pub text: String,
    pub wanted: Wanted,
    terms: Vec<Term>,
    /// Neighbouring content words.
    pairs: Vec<(String, String, f32)>,
    words: f32,
    grams: f32,
}

/// The terms of a piece of text.
#[derive(Default)]
pub(crate) struct Held {
    words: HashMap<String, Vec<u32>>,
    grams: HashSet<String>,
}

impl Held {
    pub fn of(analyzer: &Analyzer, text: &str) -> Self {
        let mut held = Self::default();
        for token in analyzer.analyze(text) {
            match token.kind {
                TokenKind::Word => held.words.entry(token.term).or_default().push(token.position),
                TokenKind::Gram => drop(held.grams.insert(token.term)),
            }
        }
        held
    }

    pub fn join(&mut self, other: Held) {
        for (word, _) in other.words {
            self.words.entry(word).or_default();
        }
        self.grams.extend(other.grams);
    }

    fn has(&self, term: &Term) -> bool {
        if term.gram { self.grams.contains(&term.text) } else { self.words.contains_key(&term.text) }
    }

    fn close(&self, first: &str, second: &str) -> bool {
        let (Some(first), Some(second)) = (self.words.get(first), self.words.get(second)) else { return false };
        first.iter().any(|a| second.iter().any(|b| a.abs_diff(*b) <= CLOSE))
    }
}

impl Question {
    /// `idf` gives the information of a term (and whether it is a bigram); stop words weigh `stop` of theirs.
    pub fn new(analyzer: &Analyzer, text: &str, stop: f32, idf: impl Fn(&str, bool) -> f32) -> Self {
        let asked = analyzer.query_terms(text);
        let content: Vec<&str> =
            asked.iter().filter(|t| t.kind == QueryKind::Word && !t.stop).map(|t| t.term.as_str()).collect();
        let weigh = |pair: &[&str]| match pair {
            [a, b] => Some(((*a).to_owned(), (*b).to_owned(), idf(a, false).min(idf(b, false)))),
            _ => None,
        };
        let pairs: Vec<_> = content.windows(2).filter_map(weigh).collect();
        let mut terms = Vec::with_capacity(asked.len());
        for term in asked.iter().filter(|t| t.kind != QueryKind::GramPrefix) {
            let gram = term.kind == QueryKind::Gram;
            let strength = if term.stop { stop } else { 1.0 };
            terms.push(Term { text: term.term.clone(), gram, weight: strength * idf(&term.term, gram) });
        }
        let sum = |gram: bool| terms.iter().filter(|t| t.gram == gram).map(|t| t.weight).sum::<f32>();
        let (words, grams) = (sum(false), sum(true));
        Self { text: text.to_owned(), wanted: Wanted::of(text), terms, pairs, words, grams }
    }

    /// Share of the words' information that `held` covers and none of `beyond` does.
    pub fn words(&self, held: &Held, beyond: &[&Held]) -> f32 {
        self.share(false, self.words, held, beyond)
    }

    /// Share of the bigrams' information; of the words' where there are no bigrams.
    pub fn grams(&self, held: &Held) -> f32 {
        if self.grams > 0.0 { self.share(true, self.grams, held, &[]) } else { self.words(held, &[]) }
    }

    fn share(&self, gram: bool, all: f32, held: &Held, beyond: &[&Held]) -> f32 {
        if all <= 0.0 {
            return 0.0;
        }
        let new = |term: &&Term| term.gram == gram && held.has(term) && !beyond.iter().any(|other| other.has(term));
        self.terms.iter().filter(new).map(|term| term.weight).sum::<f32>() / all
    }

    /// Share of neighbouring words of the question that stand close together in `held`.
    pub fn pairs(&self, held: &Held) -> f32 {
        let all: f32 = self.pairs.iter().map(|(_, _, weight)| weight).sum();
        if all <= 0.0 {
            return 0.0;
        }
        let found = self.pairs.iter().filter(|(a, b, _)| held.close(a, b));
        found.map(|(_, _, weight)| weight).sum::<f32>() / all
    }
}
