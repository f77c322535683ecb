//! What else can a query mean: synonyms, corrections and translations of its words, as weighted alternatives.
//!
//! Invariant: an alternative weighs at most as much as what was asked, and all alternatives of one concept together
//! count as one concept.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::analyzer::{Analysis, Analyzer, QueryKind, QueryTerm};
use crate::error::Result;
use crate::lexical::Lookup;

mod correct;
mod edit;
pub(crate) mod lexicon;
mod sound;
pub(crate) mod synonyms;
mod translate;
pub(crate) mod units;
pub(crate) mod vocabulary;

use lexicon::Lexicon;
use synonyms::Synonyms;

/// Most other ways to say one concept that are looked up.
const MAX_ALTERNATIVES: usize = 12;

/// Where an alternative comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A synonym of the space.
    Synonym,
    /// Pinyin, spelled in full.
    Pinyin,
    /// The first letters of pinyin syllables.
    Initials,
    /// Other characters that sound the same, or nearly so.
    Homophone,
    /// A slip of the keyboard.
    Spelling,
    /// The same in the other language.
    Translation,
}

impl Source {
    /// Whether it says that the query was written wrongly.
    pub fn corrects(self) -> bool {
        matches!(self, Self::Pinyin | Self::Initials | Self::Homophone | Self::Spelling)
    }
}

/// Another way to say a concept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Alternative {
    /// As it is shown.
    pub text: String,
    /// What is looked up.
    pub terms: Vec<QueryTerm>,
    /// In (0, 1].
    pub weight: f32,
    pub source: Source,
    /// Bytes of the query that it corrects; absent where it corrects nothing.
    pub place: Option<Range<usize>>,
}

/// Terms of the query that mean one thing, and the other ways to say it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Concept {
    pub terms: Vec<QueryTerm>,
    pub alternatives: Vec<Alternative>,
}

impl Concept {
    /// A term that means itself.
    pub fn plain(term: QueryTerm) -> Self {
        Self { terms: vec![term], alternatives: Vec::new() }
    }
}

/// A stretch of the query and other ways to say it.
pub(crate) struct Span {
    /// Bytes of the folded query.
    pub range: Range<usize>,
    pub alternatives: Vec<Alternative>,
}

/// What queries are rewritten with.
pub(crate) struct Rewriter<'a> {
    pub analyzer: &'a Analyzer,
    pub synonyms: Option<&'a Synonyms>,
    pub lexicon: Option<&'a Lexicon>,
    /// Whether what is unknown is corrected.
    pub correct: bool,
}

/// A query, and what else it can mean.
pub(crate) struct Rewritten {
    pub concepts: Vec<Concept>,
    /// The query, replaced what the space replaces.
    pub text: String,
}

impl Rewritten {
    /// The likeliest correction of each stretch that has any.
    pub fn corrections(&self) -> impl Iterator<Item = &Alternative> {
        self.concepts.iter().filter_map(|concept| concept.alternatives.iter().find(|a| a.place.is_some()))
    }

    /// What is embedded: corrected, as a vector of what was never meant is noise, and with the space's synonyms beside
    /// what they stand for, of which the model may know nothing.
    pub fn embedded(&self) -> String {
        let places = self.corrections().filter_map(|a| Some((a.place.clone()?, a.text.clone()))).collect();
        let mut text = substituted(&self.text, places);
        for concept in &self.concepts {
            if let Some(synonym) = concept.alternatives.iter().find(|a| a.source == Source::Synonym) {
                text.push(' ');
                text.push_str(&synonym.text);
            }
        }
        text
    }

    /// Everything that is searched for, for highlighting.
    pub fn terms(&self) -> Vec<QueryTerm> {
        let of = |concept: &Concept| {
            let others = concept.alternatives.iter().flat_map(|a| a.terms.clone());
            concept.terms.iter().cloned().chain(others).collect::<Vec<_>>()
        };
        self.concepts.iter().flat_map(of).collect()
    }
}

impl Rewriter<'_> {
    /// Takes a query apart and finds other ways to say its parts.
    pub fn rewrite(&self, text: &str, lookup: &mut Lookup<'_>) -> Result<Rewritten> {
        let text = self.synonyms.map_or_else(|| text.to_owned(), |s| s.replace(self.analyzer, text));
        let asked = self.analyzer.analysis(&text);
        let mut spans = self.synonyms.map(|s| s.spans(self.analyzer, &asked)).unwrap_or_default();
        if self.correct {
            let corrections = correct::spans(self.analyzer, self.lexicon, &asked, lookup, &spans)?;
            spans.extend(corrections);
        }
        if let Some(lexicon) = self.lexicon {
            translate::spans(lexicon, self.analyzer, &asked, lookup, &mut spans)?;
        }
        Ok(Rewritten { concepts: concepts(asked, spans), text })
    }
}

/// Each span becomes a concept of the terms inside it that no span before it has; what is left means itself.
fn concepts(asked: Analysis, spans: Vec<Span>) -> Vec<Concept> {
    let mut taken = vec![false; asked.terms.len()];
    let mut concepts = Vec::new();
    for span in spans {
        let mut own: Vec<QueryTerm> = Vec::new();
        for (place, range) in &asked.places {
            let inside = span.range.start <= range.start && range.end <= span.range.end;
            if let (true, Some(taken), Some(term)) = (inside, taken.get_mut(*place), asked.terms.get(*place))
                && !std::mem::replace(taken, true)
            {
                own.push(term.clone());
            }
        }
        if own.is_empty() {
            continue;
        }
        let mut alternatives = span.alternatives;
        alternatives.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        alternatives.dedup_by(|a, b| a.terms == b.terms);
        alternatives.truncate(MAX_ALTERNATIVES);
        concepts.push(Concept { terms: own, alternatives });
    }
    let rest = asked.terms.into_iter().zip(taken).filter(|(_, taken)| !taken);
    concepts.extend(rest.map(|(term, _)| Concept::plain(term)));
    concepts
}

/// Whether the span holds one word only (a word of several characters has bigrams inside).
fn is_one_word(asked: &Analysis, range: &Range<usize>) -> bool {
    let words = asked.places.iter().filter(|(place, at)| {
        let word = asked.terms.get(*place).is_some_and(|t| t.kind == QueryKind::Word);
        word && range.start <= at.start && at.end <= range.end
    });
    words.count() == 1
}

/// A text with stretches of it, in bytes, written otherwise; where they overlap the first counts.
pub(crate) fn substituted(text: &str, mut places: Vec<(Range<usize>, String)>) -> String {
    places.sort_by_key(|(range, _)| range.start);
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (range, other) in places.into_iter() {
        if range.start < from {
            continue;
        }
        out.push_str(text.get(from..range.start).unwrap_or_default());
        out.push_str(&other);
        from = range.end;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}
