//! What of a question is looked for in a sentence: its terms by weight, and what it asks for.
//! Invariant: shares are of the question's whole information, so they lie in [0, 1] and compare across sentences.

use std::collections::HashSet;

use super::cues::Wanted;
use crate::analyzer::{Analyzer, QueryKind, TokenKind};
use crate::error::Result;
use crate::lexical::Lookup;
use crate::rewrite::Concept;

/// A term of the question and what it weighs.
struct Term {
    text: String,
    gram: bool,
    weight: f32,
    /// Which of the concepts it belongs to.
    concept: usize,
}

/// Words that say the same together, and how much that counts.
struct Alternative {
    words: Vec<String>,
    weight: f32,
}

/// A question made ready.
pub(crate) struct Question {
    pub text: String,
    pub wanted: Wanted,
    terms: Vec<Term>,
    /// Other ways to say each concept: synonyms, translations, corrections.
    alternatives: Vec<Vec<Alternative>>,
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

    fn says(&self, alternative: &Alternative) -> bool {
        alternative.words.iter().all(|word| self.words.contains(word))
    }
}

impl Question {
    /// The concepts of a question, weighed by how rare they are.
    ///
    /// # Errors
    /// [`crate::Error::Lexical`] where a term cannot be looked up.
    pub fn new(text: &str, concepts: &[Concept], lookup: &mut Lookup<'_>) -> Result<Self> {
        let mut terms = Vec::new();
        let mut alternatives = Vec::with_capacity(concepts.len());
        for (at, concept) in concepts.iter().enumerate() {
            for term in concept.terms.iter().filter(|t| t.kind != QueryKind::GramPrefix) {
                let found = lookup.find(term)?;
                let (gram, weight) = (term.kind == QueryKind::Gram, found.strength * found.idf);
                terms.push(Term { text: term.term.clone(), gram, weight, concept: at });
            }
            let said = concept.alternatives.iter().map(|other| {
                let words = other.terms.iter().filter(|t| t.kind == QueryKind::Word).map(|t| t.term.clone());
                Alternative { words: words.collect(), weight: other.weight }
            });
            alternatives.push(said.filter(|other| !other.words.is_empty()).collect());
        }
        let words = terms.iter().filter(|t| !t.gram).map(|t| t.weight).sum::<f32>();
        Ok(Self { text: text.to_owned(), wanted: Wanted::of(text), terms, alternatives, words })
    }

    /// How far `held` has a term, itself or said otherwise: in [0, 1].
    fn credit(&self, term: &Term, held: &Held) -> f32 {
        if held.has(term) {
            return 1.0;
        }
        let others = self.alternatives.get(term.concept).into_iter().flatten();
        others.filter(|other| held.says(other)).map(|other| other.weight).fold(0.0, f32::max)
    }

    /// Share of the words' information that `held` covers beyond what `beyond` does.
    pub fn words(&self, held: &Held, beyond: &[&Held]) -> f32 {
        let new = |term: &Term| {
            let before = beyond.iter().map(|other| self.credit(term, other)).fold(0.0, f32::max);
            term.weight * (self.credit(term, held) - before).max(0.0)
        };
        let covered = self.terms.iter().filter(|term| !term.gram).map(new).sum::<f32>();
        if self.words > 0.0 { covered / self.words } else { 0.0 }
    }

    /// How rare each term is among `units`, as an IDF of theirs times its weight; 0 for a term that none holds.
    pub fn rarity<'a>(&self, units: impl Iterator<Item = &'a Held> + Clone) -> Vec<f32> {
        let all = units.clone().count() as f32;
        let of = |term: &Term| {
            let holding: f32 = units.clone().map(|held| self.credit(term, held)).sum();
            if holding > 0.0 { term.weight * ((all - holding + 0.5) / (holding + 0.5)).ln_1p() } else { 0.0 }
        };
        self.terms.iter().map(of).collect()
    }

    /// Share of the rarity that `held` covers.
    pub fn local(&self, held: &Held, rarity: &[f32]) -> f32 {
        let all: f32 = rarity.iter().sum();
        let own: f32 = self.terms.iter().zip(rarity).map(|(term, weight)| weight * self.credit(term, held)).sum();
        if all > 0.0 { own / all } else { 0.0 }
    }
}
