//! How near do the sentences of the best passages come to the question? A second, closer look at a few passages, where
//! the embedder is quick enough to take it while a search waits.
//!
//! Invariant: what a passage gets depends on its own text and the query alone, and only passages that lead already are
//! looked at, so that the cost does not grow with the index.
//!
//! A passage of many sentences blurs in one vector; its best sentence, or the best two that stand together, does not
//! (the late interaction of Khattab and Zaharia 2020, by sentences instead of tokens).

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;

use crate::analyzer::QueryKind;
use crate::document::document_of;
use crate::embed::{Embedder, Role, dot};
use crate::error::Result;
use crate::lexical::Prepared;
use crate::normalize::folded;
use crate::parts::Part;
use crate::rank::{Candidate, best_first, order};
use crate::rewrite::units::{Beginnings, stems, written};
use crate::rewrite::{Concept, Source};
use crate::script::Script;
use crate::sentence::sentences;
use crate::settings::RankSettings;
use crate::show::stored;
use crate::wording::Wording;

/// Passages that are looked at.
pub(crate) const LOOKED_AT: usize = 8;
/// Most sentences of a passage that are read.
const MAX_SENTENCES: usize = 48;

/// Passages whose words are aligned.
const ALIGNED: usize = 6;
/// Most words of a query that are.
const MAX_ALIGNED: usize = 24;

/// One thing the query asks for: how much it says, and the ways to say it with what each counts.
struct Wanted {
    information: f32,
    /// Place among the words that can be aligned; none for bigrams.
    aligned: Option<usize>,
    stop: bool,
    /// Characters that only a passage in the query's own script can hold.
    bound: bool,
    /// Place of the word itself, and of the other ways to say its concept.
    word: usize,
    others: Range<usize>,
}

/// Words that are looked for in sentences, each once.
#[derive(Default)]
struct Words {
    places: HashMap<String, usize>,
    /// Those that are written in characters, by the first of these.
    literals: Vec<(char, String, usize)>,
    /// One bit for each first character, by its last six bits.
    firsts: u64,
    /// How the others begin.
    beginnings: Beginnings,
}

impl Words {
    fn add(&mut self, word: &str) -> usize {
        if let Some(place) = self.places.get(word) {
            return *place;
        }
        let place = self.places.len();
        self.places.insert(word.to_owned(), place);
        match word.chars().next() {
            Some(first) if Script::of(first).has_grams() => {
                self.firsts |= 1 << (u32::from(first) % 64);
                self.literals.push((first, word.to_owned(), place));
            }
            _ => self.beginnings.add(word),
        }
        place
    }

    /// Which of the words a sentence says.
    fn said(&self, text: &str) -> Vec<bool> {
        let text = folded(text);
        let mut said = vec![false; self.places.len()];
        let mut say = |place: usize| said.get_mut(place).into_iter().for_each(|said| *said = true);
        for (at, first) in text.char_indices().filter(|(_, c)| self.firsts >> (u32::from(*c) % 64) & 1 == 1) {
            let rest = text.get(at..).unwrap_or_default();
            let from = self.literals.partition_point(|literal| literal.0 < first);
            let same = self.literals.iter().skip(from).take_while(|literal| literal.0 == first);
            same.filter(|(_, word, _)| rest.starts_with(word.as_str())).for_each(|(.., place)| say(*place));
        }
        stems(
            &text,
            |word| self.beginnings.may_have(word),
            |stem| self.places.get(stem).into_iter().for_each(|place| say(*place)),
        );
        said
    }
}

/// How far a sentence says a thing, in [0, 1], and whether in the other language.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    far: f32,
    translated: bool,
}

/// What reading a passage gave, all in [0, 1].
#[derive(Clone, Copy)]
struct Read {
    /// Where the two sentences begin that hold most.
    place: usize,
    /// The largest share of what the query says that two sentences standing together hold.
    share: f32,
    /// The share of that which they say in the other language.
    translated: f32,
    /// The share of what the query says that a passage in this script can say at all.
    sayable: f32,
}

/// A passage that was read.
struct Seen {
    part: usize,
    passage: u64,
    text: String,
    read: Read,
}

/// What a query's sentences are compared with.
pub(crate) struct Question<'a> {
    vector: Option<&'a [f32]>,
    wanted: Vec<Wanted>,
    words: Words,
    /// Ways to say concepts: what each counts, and its words.
    ways: Vec<(f32, Vec<usize>, bool)>,
    /// Words that are aligned, as they were written.
    aligned: Vec<String>,
    wording: Wording,
    embedder: &'a dyn Embedder,
    /// The passages that were aligned.
    seen: RefCell<Vec<Seen>>,
}

impl<'a> Question<'a> {
    pub fn new(
        text: &str,
        vector: Option<&'a [f32]>,
        concepts: &[Concept],
        prepared: &Prepared,
        rank: &RankSettings,
        embedder: &'a dyn Embedder,
    ) -> Self {
        let rarity: HashMap<&str, f32> = prepared.terms.iter().map(|t| (t.text.as_str(), t.idf)).collect();
        let (mut wanted, mut words, mut ways, mut aligned) = (Vec::new(), Words::default(), Vec::new(), Vec::new());
        let text = folded(text);
        let (written, mut wording) = (written(&text), Wording::new(&text));
        for concept in concepts {
            let from = ways.len();
            for other in &concept.alternatives {
                let own = other.terms.iter().filter(|t| t.kind == QueryKind::Word).map(|t| words.add(&t.term));
                let translated = other.source == Source::Translation;
                ways.push((other.weight, own.collect::<Vec<usize>>(), translated));
            }
            for term in &concept.terms {
                let Some(idf) = rarity.get(term.term.as_str()) else { continue };
                let stop = if term.stop { rank.stop_weight } else { 1.0 };
                wording.weigh(&term.term, idf * stop);
                let kind = if term.kind == QueryKind::Word { 1.0 } else { rank.grams };
                let others = from..ways.len();
                let bound = term.kind != QueryKind::Word && others.is_empty();
                let word = term.kind == QueryKind::Word && aligned.len() < MAX_ALIGNED;
                let place = word.then_some(aligned.len());
                aligned.extend(word.then(|| written.get(&term.term).unwrap_or(&term.term).clone()));
                let word = words.add(&term.term);
                wanted.push(Wanted {
                    information: idf * stop * kind,
                    aligned: place,
                    stop: term.stop,
                    bound,
                    word,
                    others,
                });
            }
        }
        words.literals.sort_by_key(|literal| literal.0);
        Self { vector, wanted, words, ways, aligned, wording, embedder, seen: RefCell::default() }
    }

    /// Looks at the candidates that lead, where that is quick; says whether it did.
    pub fn look(&self, parts: &[Part<'_>], candidates: &mut [Candidate]) -> Result<bool> {
        let Some(vector) = self.vector.filter(|_| self.embedder.is_quick()) else { return Ok(false) };
        best_first(candidates);
        for (number, candidate) in candidates.iter_mut().take(LOOKED_AT).enumerate() {
            let Some(part) = parts.get(candidate.part) else { continue };
            let text = stored(part, candidate.passage)?.text;
            let pieces = pieces(&text);
            let nearest = self.nearest(vector, &pieces);
            candidate.features.sentence = nearest.map(|(cosine, _)| cosine);
            // The others hardly ever come out first: they are read where they do.
            if number >= ALIGNED {
                continue;
            }
            let held: Vec<Vec<Held>> = pieces.iter().map(|text| self.held(text)).collect();
            let read = self.window(&pieces, &held);
            let place = nearest.filter(|_| read.share == 0.0).map_or(read.place, |(_, place)| place);
            candidate.features.aligned = self.aligned(&pieces, &held, place, candidate.features.question);
            self.seen.borrow_mut().push(Seen { part: candidate.part, passage: candidate.passage, text, read });
        }
        Ok(true)
    }

    /// Reads the candidate that came out first: what it is worth is what confidence is about.
    pub fn read(&self, parts: &[Part<'_>], candidates: &mut [Candidate]) -> Result<()> {
        let place = |c: &Candidate| (c.part, document_of(c.passage));
        let best = |without: Option<(usize, u32)>| {
            let others = candidates.iter().enumerate().filter(|(_, c)| Some(place(c)) != without);
            others.min_by(|a, b| order(a.1, b.1, parts)).map(|(at, c)| (at, place(c), c.relevance))
        };
        let Some((first, document, relevance)) = best(None) else { return Ok(()) };
        let second = best(Some(document)).map_or(0.0, |(_, _, relevance)| relevance);
        let Some(candidate) = candidates.get_mut(first) else { return Ok(()) };
        candidate.features.lead = Some(relevance - second);
        if let Some(part) = parts.get(candidate.part) {
            let mut seen = self.seen.take().into_iter();
            let seen = seen.find(|seen| (seen.part, seen.passage) == (candidate.part, candidate.passage));
            let (text, read) = match seen {
                Some(seen) => (seen.text, Some(seen.read)),
                None => (stored(part, candidate.passage)?.text, None),
            };
            let pieces = pieces(&text);
            let read = read.unwrap_or_else(|| self.read_in(&pieces));
            candidate.features.wording = self.wording.held(&pieces);
            candidate.features.window = Some(read.share);
            candidate.features.sayable = Some(read.sayable);
            candidate.features.translated = Some(read.translated);
        }
        Ok(())
    }

    /// The best cosine of a sentence, or of two that stand together, and where that is.
    fn nearest(&self, vector: &[f32], texts: &[&str]) -> Option<(f32, usize)> {
        // As queries: what is read once is not worth keeping.
        let vectors = self.embedder.embed(texts, Role::Query).ok()?;
        let own: Vec<f32> = vectors.iter().map(|v| dot(v, vector)).collect();
        let further = |best: (f32, usize), next: (f32, usize)| if next.0 > best.0 { next } else { best };
        let mut best = own.iter().copied().zip(0..).reduce(further)?;
        let pairs = vectors.iter().zip(vectors.iter().skip(1)).zip(own.iter().zip(own.iter().skip(1)));
        for (place, ((first, second), (a, b))) in pairs.enumerate() {
            // Two unit vectors together have the length √(2 + 2 cos).
            let length = (2.0 + 2.0 * dot(first, second)).max(0.0).sqrt();
            if length > 0.1 {
                best = further(best, ((a + b) / length, place));
            }
        }
        Some(best)
    }

    /// How near the query's words come to what the two sentences from there say: a word that is said counts 1, another
    /// by the nearest word. With `both`, how near the words of the sentences come to the query counts as much.
    fn aligned(&self, texts: &[&str], held: &[Vec<Held>], place: usize, both: bool) -> Option<f32> {
        let window = || [place, place + 1].into_iter();
        let held: Vec<&Vec<Held>> = window().filter_map(|at| held.get(at)).collect();
        let far = |number: usize| held.iter().filter_map(|held| Some(held.get(number)?.far)).fold(0.0, f32::max);
        let (mut all, mut sum, mut open, mut asked) = (0.0, 0.0, Vec::new(), Vec::new());
        for (number, wanted) in self.wanted.iter().enumerate() {
            let Some(word) = wanted.aligned.and_then(|word| self.aligned.get(word)) else { continue };
            let said = far(number);
            all += wanted.information;
            sum += wanted.information * said;
            // Function words come near to others wherever they stand.
            if both || (said < 1.0 && !wanted.stop) {
                open.push((wanted.information, said));
                asked.push(word.as_str());
            }
        }
        if all <= 0.0 {
            return None;
        }
        let said: Vec<&str> = window().filter_map(|at| texts.get(at).copied()).collect();
        let near = if asked.is_empty() { Vec::new() } else { self.embedder.align(&asked, &said)? };
        for (word, (information, said)) in open.iter().enumerate() {
            let nearest = near.iter().filter_map(|near| near.words.get(word)).fold(0.0_f32, |a, b| a.max(*b));
            sum += information * (nearest - said).max(0.0);
        }
        let share = (sum / all).clamp(0.0, 1.0);
        if !both || near.is_empty() {
            return Some(share);
        }
        let back = near.iter().map(|near| near.back).sum::<f32>() / near.len() as f32;
        Some((share * back.max(0.0)).sqrt())
    }

    /// The largest share of what the query says that one of the texts holds, or two that stand together; in [0, 1].
    pub fn covered(&self, texts: &[&str]) -> f32 {
        self.read_in(texts).share
    }

    fn read_in(&self, texts: &[&str]) -> Read {
        let held: Vec<Vec<Held>> = texts.iter().map(|text| self.held(text)).collect();
        self.window(texts, &held)
    }

    fn window(&self, texts: &[&str], held: &[Vec<Held>]) -> Read {
        let chinese = texts.iter().any(|text| text.chars().any(|c| Script::of(c).has_grams()));
        let sum = |all: bool| -> f32 {
            self.wanted.iter().filter(|w| all || chinese || !w.bound).map(|w| w.information).sum()
        };
        let (all, free) = (sum(true), sum(false));
        if free <= 0.0 {
            return Read { place: 0, share: 0.0, translated: 0.0, sayable: 1.0 };
        }
        let (mut best, mut other, mut at): (f32, f32, usize) = (0.0, 0.0, 0);
        for (place, first) in held.iter().enumerate() {
            let second = held.get(place + 1).unwrap_or(first);
            let both = first.iter().zip(second).map(|(a, b)| if a.far < b.far { b } else { a });
            let (mut sum, mut translated) = (0.0, 0.0);
            for (held, wanted) in both.zip(&self.wanted) {
                sum += held.far * wanted.information;
                translated += if held.translated { held.far * wanted.information } else { 0.0 };
            }
            if sum > best {
                (best, other, at) = (sum, translated, place);
            }
        }
        let translated = if best > 0.0 { other / best } else { 0.0 };
        Read { place: at, share: (best / free).min(1.0), translated, sayable: free / all }
    }

    /// How far a sentence says each thing that is wanted.
    fn held(&self, text: &str) -> Vec<Held> {
        let said = self.words.said(text);
        let says = |word: &usize| said.get(*word).copied().unwrap_or(false);
        let of =
            |wanted: &Wanted| {
                if says(&wanted.word) {
                    return Held { far: 1.0, translated: false };
                }
                let others = self.ways.get(wanted.others.clone()).unwrap_or_default();
                let said = others.iter().filter(|(_, words, _)| !words.is_empty() && words.iter().all(says));
                said.fold(Held::default(), |best, (far, _, translated)| {
                    if *far > best.far { Held { far: *far, translated: *translated } } else { best }
                })
            };
        self.wanted.iter().map(of).collect()
    }
}

pub(crate) fn pieces(text: &str) -> Vec<&str> {
    sentences(text).into_iter().take(MAX_SENTENCES).filter_map(|range| text.get(range)).collect()
}
