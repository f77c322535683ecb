//! How near do the sentences of the best passages come to the question? A second, closer look at a few passages, where
//! the embedder is quick enough to take it while a search waits.
//!
//! Invariant: what a passage gets depends on its own text and the query alone, and only passages that lead already are
//! looked at, so that the cost does not grow with the index.
//!
//! A passage of many sentences blurs in one vector; its best sentence, or the best two that stand together, does not
//! (the late interaction of Khattab and Zaharia 2020, by sentences instead of tokens).

use std::collections::{HashMap, HashSet};

use crate::analyzer::{QueryKind, QueryTerm};
use crate::document::document_of;
use crate::embed::{Embedder, Role};
use crate::error::Result;
use crate::lexical::Prepared;
use crate::normalize::folded;
use crate::parts::Part;
use crate::rank::Candidate;
use crate::rewrite::units::units;
use crate::rewrite::{Alternative, Concept, Source};
use crate::script::Script;
use crate::sentence::sentences;
use crate::settings::RankSettings;
use crate::show::stored;

/// Passages that are looked at.
pub(crate) const LOOKED_AT: usize = 8;
/// Most sentences of a passage that are read.
const MAX_SENTENCES: usize = 48;

/// One thing the query asks for: how much it says, and the ways to say it with what each counts.
struct Wanted {
    information: f32,
    /// Characters that only a passage in the query's own script can hold.
    bound: bool,
    /// What each way counts, its words, and whether they are of the other language.
    ways: Vec<(f32, Vec<String>, bool)>,
}

/// How far a sentence says a thing, in [0, 1], and whether in the other language.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    far: f32,
    translated: bool,
}

/// What reading a passage gave, all in [0, 1].
struct Read {
    /// The largest share of what the query says that two sentences standing together hold.
    share: f32,
    /// The share of that which they say in the other language.
    translated: f32,
    /// The share of what the query says that a passage in this script can say at all.
    sayable: f32,
}

/// What a query's sentences are compared with.
pub(crate) struct Question<'a> {
    vector: Option<&'a [f32]>,
    wanted: Vec<Wanted>,
    embedder: &'a dyn Embedder,
}

impl<'a> Question<'a> {
    pub fn new(
        vector: Option<&'a [f32]>,
        concepts: &[Concept],
        prepared: &Prepared,
        rank: &RankSettings,
        embedder: &'a dyn Embedder,
    ) -> Self {
        let rarity: HashMap<&str, f32> = prepared.terms.iter().map(|t| (t.text.as_str(), t.idf)).collect();
        let mut wanted = Vec::new();
        for concept in concepts {
            let translated = |a: &Alternative| a.source == Source::Translation;
            let others: Vec<(f32, Vec<String>, bool)> =
                concept.alternatives.iter().map(|a| (a.weight, words_of(&a.terms), translated(a))).collect();
            for term in &concept.terms {
                let Some(idf) = rarity.get(term.term.as_str()) else { continue };
                let stop = if term.stop { rank.stop_weight } else { 1.0 };
                let kind = if term.kind == QueryKind::Word { 1.0 } else { rank.grams };
                let mut ways = vec![(1.0, vec![term.term.clone()], false)];
                ways.extend(others.iter().cloned());
                let bound = term.kind != QueryKind::Word && ways.len() == 1;
                wanted.push(Wanted { information: idf * stop * kind, bound, ways });
            }
        }
        Self { vector, wanted, embedder }
    }

    /// Looks at the candidates that lead, where that is quick; says whether it did.
    pub fn look(&self, parts: &[Part<'_>], candidates: &mut [Candidate]) -> Result<bool> {
        let Some(vector) = self.vector.filter(|_| self.embedder.is_quick()) else { return Ok(false) };
        candidates.sort_unstable_by(|a, b| {
            b.relevance.total_cmp(&a.relevance).then(a.part.cmp(&b.part)).then(a.passage.cmp(&b.passage))
        });
        for candidate in candidates.iter_mut().take(LOOKED_AT) {
            let Some(part) = parts.get(candidate.part) else { continue };
            let text = stored(part, candidate.passage)?.text;
            candidate.features.sentence = self.nearest(vector, &pieces(&text));
        }
        Ok(true)
    }

    /// Reads the candidate that came out first: what it is worth is what confidence is about.
    pub fn read(&self, parts: &[Part<'_>], candidates: &mut [Candidate]) -> Result<()> {
        let place = |c: &Candidate| (c.part, document_of(c.passage));
        let best = |without: Option<(usize, u32)>| {
            let others = candidates.iter().enumerate().filter(|(_, c)| Some(place(c)) != without);
            others.max_by(|a, b| a.1.relevance.total_cmp(&b.1.relevance)).map(|(at, c)| (at, place(c), c.relevance))
        };
        let Some((first, document, relevance)) = best(None) else { return Ok(()) };
        let second = best(Some(document)).map_or(0.0, |(_, _, relevance)| relevance);
        let Some(candidate) = candidates.get_mut(first) else { return Ok(()) };
        candidate.features.lead = Some(relevance - second);
        if let Some(part) = parts.get(candidate.part) {
            let text = stored(part, candidate.passage)?.text;
            let read = self.window(&pieces(&text));
            candidate.features.window = Some(read.share);
            candidate.features.sayable = Some(read.sayable);
            candidate.features.translated = Some(read.translated);
        }
        Ok(())
    }

    /// The best cosine of a sentence, or of two that stand together.
    fn nearest(&self, vector: &[f32], texts: &[&str]) -> Option<f32> {
        // As queries: what is read once is not worth keeping.
        let vectors = self.embedder.embed(texts, Role::Query).ok()?;
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
        let own: Vec<f32> = vectors.iter().map(|v| dot(v, vector)).collect();
        let mut best = own.iter().copied().reduce(f32::max)?;
        for ((first, second), (a, b)) in
            vectors.iter().zip(vectors.iter().skip(1)).zip(own.iter().zip(own.iter().skip(1)))
        {
            // Two unit vectors together have the length √(2 + 2 cos).
            let length = (2.0 + 2.0 * dot(first, second)).max(0.0).sqrt();
            if length > 0.1 {
                best = best.max((a + b) / length);
            }
        }
        Some(best)
    }

    fn window(&self, texts: &[&str]) -> Read {
        let chinese = texts.iter().any(|text| text.chars().any(|c| Script::of(c).has_grams()));
        let sum = |all: bool| -> f32 {
            self.wanted.iter().filter(|w| all || chinese || !w.bound).map(|w| w.information).sum()
        };
        let (all, free) = (sum(true), sum(false));
        if free <= 0.0 {
            return Read { share: 0.0, translated: 0.0, sayable: 1.0 };
        }
        let held: Vec<Vec<Held>> = texts.iter().map(|text| self.held(text)).collect();
        let (mut best, mut other): (f32, f32) = (0.0, 0.0);
        for (place, first) in held.iter().enumerate() {
            let second = held.get(place + 1).unwrap_or(first);
            let both = first.iter().zip(second).map(|(a, b)| if a.far < b.far { b } else { a });
            let (mut sum, mut translated) = (0.0, 0.0);
            for (held, wanted) in both.zip(&self.wanted) {
                sum += held.far * wanted.information;
                translated += if held.translated { held.far * wanted.information } else { 0.0 };
            }
            if sum > best {
                (best, other) = (sum, translated);
            }
        }
        let translated = if best > 0.0 { other / best } else { 0.0 };
        Read { share: (best / free).min(1.0), translated, sayable: free / all }
    }

    /// How far a sentence says each thing that is wanted.
    fn held(&self, text: &str) -> Vec<Held> {
        let text = folded(text);
        let stems: HashSet<Box<str>> = units(&text).into_iter().map(|(unit, _)| unit).collect();
        let says = |word: &String| {
            if word.chars().next().is_some_and(|c| Script::of(c).has_grams()) {
                text.contains(word.as_str())
            } else {
                stems.contains(word.as_str())
            }
        };
        let of =
            |wanted: &Wanted| {
                let said = wanted.ways.iter().filter(|(_, words, _)| !words.is_empty() && words.iter().all(says));
                said.fold(Held::default(), |best, (far, _, translated)| {
                    if *far > best.far { Held { far: *far, translated: *translated } } else { best }
                })
            };
        self.wanted.iter().map(of).collect()
    }
}

fn pieces(text: &str) -> Vec<&str> {
    sentences(text).into_iter().take(MAX_SENTENCES).filter_map(|range| text.get(range)).collect()
}

fn words_of(terms: &[QueryTerm]) -> Vec<String> {
    terms.iter().filter(|t| t.kind == QueryKind::Word).map(|t| t.term.clone()).collect()
}
