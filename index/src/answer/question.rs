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

    /// How far `held` has each term, itself or said otherwise: in [0, 1].
    pub fn credits(&self, held: &Held) -> Vec<f32> {
        let otherwise = |others: &Vec<Alternative>| {
            others.iter().filter(|other| held.says(other)).map(|other| other.weight).fold(0.0, f32::max)
        };
        let otherwise: Vec<f32> = self.alternatives.iter().map(otherwise).collect();
        let of = |term: &Term| match held.has(term) {
            true => 1.0,
            false => otherwise.get(term.concept).copied().unwrap_or(0.0),
        };
        self.terms.iter().map(of).collect()
    }

    /// Share of the words' information that `own` covers beyond what `beyond` does; all are credits of this question.
    pub fn words(&self, own: &[f32], beyond: &[&[f32]]) -> f32 {
        let mut covered = 0.0;
        for (at, (term, credit)) in self.terms.iter().zip(own).enumerate().filter(|(_, (term, _))| !term.gram) {
            let before = beyond.iter().filter_map(|other| other.get(at)).copied().fold(0.0, f32::max);
            covered += term.weight * (credit - before).max(0.0);
        }
        if self.words > 0.0 { covered / self.words } else { 0.0 }
    }

    /// How rare each term is among units with these credits, as an IDF of theirs times its weight; 0 for a term that
    /// none holds.
    pub fn rarity(&self, units: &[Vec<f32>]) -> Vec<f32> {
        let all = units.len() as f32;
        let of = |(at, term): (usize, &Term)| {
            let holding: f32 = units.iter().filter_map(|credits| credits.get(at)).sum();
            if holding > 0.0 { term.weight * ((all - holding + 0.5) / (holding + 0.5)).ln_1p() } else { 0.0 }
        };
        self.terms.iter().enumerate().map(of).collect()
    }
}

/// Share of the rarity that a unit with these credits covers.
pub(crate) fn local(credits: &[f32], rarity: &[f32]) -> f32 {
    let all: f32 = rarity.iter().sum();
    let own: f32 = credits.iter().zip(rarity).map(|(credit, weight)| credit * weight).sum();
    if all > 0.0 { own / all } else { 0.0 }
}
