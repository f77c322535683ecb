//! What of a question is looked for in a sentence: its terms by weight, and what it asks for.
//! Invariant: shares are of the question's whole information, so they lie in [0, 1] and compare across sentences.

use std::collections::HashSet;

use super::cues::Wanted;
use crate::analyzer::{Analyzer, QueryKind, TokenKind};

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
    words: f32,
}

/// The terms of a piece of text.
#[derive(Default)]
pub(crate) struct Held {
    words: HashSet<String>,
    grams: HashSet<String>,
}

impl Held {
    pub fn of(analyzer: &Analyzer, text: &str) -> Self {
        let mut held = Self::default();
        for token in analyzer.analyze(text) {
            let _new = match token.kind {
                TokenKind::Word => held.words.insert(token.term),
                TokenKind::Gram => held.grams.insert(token.term),
            };
        }
        held
    }

    pub fn join(&mut self, other: Held) {
        self.words.extend(other.words);
        self.grams.extend(other.grams);
    }

    fn has(&self, term: &Term) -> bool {
        if term.gram { self.grams.contains(&term.text) } else { self.words.contains(&term.text) }
    }
}

impl Question {
    /// `idf` gives the information of a term (and whether it is a bigram); stop words weigh `stop` of theirs.
    pub fn new(analyzer: &Analyzer, text: &str, stop: f32, idf: impl Fn(&str, bool) -> f32) -> Self {
        let asked = analyzer.query_terms(text);
        let mut terms = Vec::with_capacity(asked.len());
        for term in asked.iter().filter(|t| t.kind != QueryKind::GramPrefix) {
            let gram = term.kind == QueryKind::Gram;
            let strength = if term.stop { stop } else { 1.0 };
            terms.push(Term { text: term.term.clone(), gram, weight: strength * idf(&term.term, gram) });
        }
        let words = terms.iter().filter(|t| !t.gram).map(|t| t.weight).sum::<f32>();
        Self { text: text.to_owned(), wanted: Wanted::of(text), terms, words }
    }

    /// Share of the words' information that `held` covers and none of `beyond` does.
    pub fn words(&self, held: &Held, beyond: &[&Held]) -> f32 {
        let new = |term: &&Term| !term.gram && held.has(term) && !beyond.iter().any(|other| other.has(term));
        let covered = self.terms.iter().filter(new).map(|term| term.weight).sum::<f32>();
        if self.words > 0.0 { covered / self.words } else { 0.0 }
    }

    /// How many of `units` hold each term, as an IDF among them; 0 for a term that none holds.
    pub fn rarity<'a>(&self, units: impl Iterator<Item = &'a Held> + Clone) -> Vec<f32> {
        let all = units.clone().count() as f32;
        let of = |term: &Term| {
            let holding = units.clone().filter(|held| held.has(term)).count() as f32;
            if holding > 0.0 { term.weight * ((all - holding + 0.5) / (holding + 0.5)).ln_1p() } else { 0.0 }
        };
        self.terms.iter().map(of).collect()
    }

    /// Share of the rarity that `held` covers.
    pub fn local(&self, held: &Held, rarity: &[f32]) -> f32 {
        let all: f32 = rarity.iter().sum();
        let own =
            self.terms.iter().zip(rarity).filter(|(term, _)| held.has(term)).map(|(_, weight)| weight).sum::<f32>();
        if all > 0.0 { own / all } else { 0.0 }
    }
}
