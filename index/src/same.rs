//! Do two questions ask the same? Their vectors blur what they ask about; their words, each put to the nearest of the other
//! side and counted by what it says here, do not.
//!
//! Invariant: the same from either side, in [0, 1]; 1 for a question and itself.

use std::collections::HashSet;

use crate::analyzer::QueryKind;
use crate::index::Index;
use crate::lexical::Lookup;
use crate::normalize::folded;
use crate::parts::{lookup, parts};
use crate::query::Query;
use crate::rewrite::units::written;

/// What the cosine counts beside the words' 1.
const COSINE: f32 = 0.5;

/// The words of a question.
#[derive(Default)]
struct Asked {
    terms: Vec<String>,
    /// As they are written.
    words: Vec<String>,
    /// What each says, by how rare it is in the index.
    information: Vec<f32>,
}

impl Index {
    /// How far a question asks the same as each of the others, in [0, 1]: the square of the cosine where the embedder has
    /// no vectors of words, 0 where it has none at all.
    ///
    /// The nearest words of both sides, weighed by rarity, tell paraphrases from neighbours better than cosines do
    /// (ARCHITECTURE.md, "Settled by measuring").
    #[must_use]
    pub fn sameness(&self, question: &str, others: &[&str]) -> Vec<f32> {
        let cosines = self.likeness(question, others);
        let view = self.view.load_full();
        let query = Query::new(question);
        let parts = parts(&view, &query, None);
        let mut lookup = lookup(&view, &query, &parts, &self.settings.rank);
        let own = self.words_of(question, &mut lookup);
        let same = others.iter().zip(cosines).map(|(other, cosine)| {
            let cosine = cosine.clamp(0.0, 1.0);
            let words = self.words_of(other, &mut lookup);
            match (self.near(&own, &words, other), self.near(&words, &own, question)) {
                (Some(one), Some(back)) => (COSINE * cosine + (one * back).sqrt()) / (COSINE + 1.0),
                // Lower, as alignment is: one bar serves both.
                _ => cosine * cosine,
            }
        });
        same.collect()
    }

    fn words_of(&self, text: &str, lookup: &mut Lookup<'_>) -> Asked {
        let spelled = written(&folded(text));
        let mut asked = Asked::default();
        for term in self.analyzer.query_terms(text).into_iter().filter(|term| term.kind == QueryKind::Word) {
            // A word that cannot be looked up says as little as one that stands everywhere.
            let information = lookup.find(&term).map_or(0.0, |found| found.idf);
            asked.words.push(spelled.get(&term.term).unwrap_or(&term.term).clone());
            asked.terms.push(term.term);
            asked.information.push(information.max(0.1));
        }
        asked
    }

    /// How near the words come to a text with these other words, in [0, 1].
    fn near(&self, asked: &Asked, others: &Asked, text: &str) -> Option<f32> {
        let words: Vec<&str> = asked.words.iter().map(String::as_str).collect();
        let near = self.embedder.align(&words, &[text])?.into_iter().next()?;
        let all: f32 = asked.information.iter().sum();
        let said: HashSet<&str> = others.terms.iter().map(String::as_str).collect();
        let of = |(term, (information, near)): (&String, (&f32, &f32))| {
            information * if said.contains(term.as_str()) { 1.0 } else { near.clamp(0.0, 1.0) }
        };
        let sum: f32 = asked.terms.iter().zip(asked.information.iter().zip(&near.words)).map(of).sum();
        (all > 0.0).then(|| sum / all)
    }
}
