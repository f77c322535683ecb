//! What was meant where something stands that the index has never seen?
//!
//! Invariant: only what is unknown is corrected, and only to what a passage holds; a correction weighs less than the
//! word itself would.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use super::edit::allowed;
use super::lexicon::Lexicon;
use super::sound::{self, Guess};
use super::units::units;
use super::vocabulary::{Near, Vocabulary};
use super::{Alternative, Source, Span};
use crate::analyzer::{Analysis, Analyzer, QueryKind};
use crate::error::Result;
use crate::lexical::Lookup;
use crate::script::Script;

/// Most corrections of one stretch, and most stretches of a query.
pub(super) const MOST: usize = 4;
/// Most Latin words that are read as one pinyin phrase.
const MAX_RUN: usize = 8;
/// Longest token that may be the initials of a word.
const MAX_INITIALS: usize = 5;

/// Words that many people write, in lower case.
static ENGLISH: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("../../data/words_en.txt").lines().filter(|line| !line.starts_with('#')).collect());

fn is_english(word: &str) -> bool {
    ENGLISH.contains(word)
}

/// A word of Latin letters and digits in the query.
struct Latin<'a> {
    text: &'a str,
    range: Range<usize>,
    known: bool,
    /// Whether it is a word that means itself: a stop word, an English one, one of the lexicon.
    meant: bool,
}

/// A query under correction.
pub(super) struct Corrector<'a, 'v> {
    pub analyzer: &'a Analyzer,
    pub lexicon: Option<&'a Lexicon>,
    pub asked: &'a Analysis,
    /// Whether each of the query's terms occurs.
    known: Vec<bool>,
    words: Vec<Arc<Vocabulary>>,
    lookup: &'a mut Lookup<'v>,
    found: Vec<Span>,
}

/// Finds corrections for what is unknown in the query, outside the stretches that are spoken for.
pub(super) fn spans<'v>(
    analyzer: &Analyzer,
    lexicon: Option<&Lexicon>,
    asked: &Analysis,
    lookup: &mut Lookup<'v>,
    spoken_for: &[Span],
) -> Result<Vec<Span>> {
    let mut known = Vec::with_capacity(asked.terms.len());
    for term in &asked.terms {
        known.push(lookup.is_known(term)?);
    }
    if known.iter().all(|known| *known) {
        return Ok(Vec::new());
    }
    let words = lookup.vocabularies()?;
    let mut corrector = Corrector { analyzer, lexicon, asked, known, words, lookup, found: Vec::new() };
    corrector.latin()?;
    corrector.homophones()?;
    let mut found = corrector.found;
    found.retain(|span| !spoken_for.iter().any(|s| s.range.start < span.range.end && span.range.start < s.range.end));
    found.truncate(MOST);
    Ok(found)
}

impl<'a> Corrector<'a, '_> {
    fn text(&self) -> &'a str {
        &self.asked.folded.text
    }

    /// The Latin words of the query.
    fn latin_words(&self) -> Vec<Latin<'a>> {
        let text = self.text();
        let latin = units(text).into_iter().filter_map(|(_, range)| {
            let word = text.get(range.clone())?;
            word.starts_with(|c: char| Script::of(c) == Script::Letter).then_some((word, range))
        });
        latin.map(|(text, range)| self.latin_word(text, range)).collect()
    }

    fn latin_word(&self, text: &'a str, range: Range<usize>) -> Latin<'a> {
        let (mut whole, mut parts, mut stop) = (false, true, false);
        for (place, at) in &self.asked.places {
            let Some(term) = self.asked.terms.get(*place).filter(|t| t.kind == QueryKind::Word) else { continue };
            let known = self.known.get(*place).copied().unwrap_or(true);
            if *at == range {
                whole |= known;
                stop |= term.stop;
            } else if range.start <= at.start && at.end <= range.end {
                parts &= known;
            } else {
                continue;
            }
        }
        let compound =
            self.asked.places.iter().any(|(_, at)| *at != range && range.start <= at.start && at.end <= range.end);
        // Syllables of pinyin stand in the lexicon too, as parts of names.
        let named = crate::pinyin::is_syllable(text);
        let translated =
            is_english(text) || (!named && self.lexicon.is_some_and(|l| l.translations(text).next().is_some()));
        Latin { text, range, known: whole || (compound && parts), meant: stop || translated }
    }

    fn latin(&mut self) -> Result<()> {
        let words = self.latin_words();
        let mut next = 0;
        while next < words.len() {
            let taken = self.pinyin_run(words.get(next..).unwrap_or_default())?;
            if taken == 0
                && let Some(word) = words.get(next).filter(|word| !word.known && !word.meant)
            {
                self.latin_alone(word)?;
            }
            next += taken.max(1);
        }
        Ok(())
    }

    /// Reads as many words as possible as pinyin, at least one of them unknown; gives how many there are.
    fn pinyin_run(&mut self, words: &[Latin<'_>]) -> Result<usize> {
        let text = self.text();
        let mut length = 0;
        for (place, word) in words.iter().enumerate().take(MAX_RUN) {
            let gap = place.checked_sub(1).and_then(|before| words.get(before)).map(|w| w.range.end..word.range.start);
            let apart = gap.is_some_and(|gap| text.get(gap).is_none_or(|gap| !gap.chars().all(|c| " '".contains(c))));
            let spelled = sound::is_spelled(word.text);
            // A known or meant word is part of a phrase only where it may be one syllable of it.
            if apart || !spelled || ((word.known || word.meant) && !crate::pinyin::is_syllable(word.text)) {
                break;
            }
            length += 1;
        }
        for length in (1..=length).rev() {
            let run = words.get(..length).unwrap_or_default();
            let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
            if run.iter().all(|word| word.known || word.meant) || (length > 1 && (first.meant && last.meant)) {
                continue;
            }
            let letters: String = run.iter().map(|word| word.text).collect();
            let guesses = sound::spelled(&letters, &self.words);
            if self.add(first.range.start..last.range.end, guesses)? {
                return Ok(length);
            }
        }
        Ok(0)
    }

    fn latin_alone(&mut self, word: &Latin<'_>) -> Result<()> {
        let range = word.range.clone();
        if self.mixed(word)? {
            return Ok(());
        }
        let mut guesses = sound::spelled_nearly(word.text, &self.words);
        guesses.extend(slips(word.text, &self.words));
        if self.add(range.clone(), guesses)? {
            return Ok(());
        }
        let consonants = word.text.bytes().all(|b| b.is_ascii_lowercase() && !b"aeiouv".contains(&b));
        if consonants && self.is_all(&range) && (2..=MAX_INITIALS).contains(&word.text.len()) {
            self.add(range, sound::initials(word.text, &self.words))?;
        }
        Ok(())
    }

    /// Letters that stand directly beside Chinese characters, for what could not be typed: 退h, 退huo.
    fn mixed(&mut self, word: &Latin<'_>) -> Result<bool> {
        let text = self.text();
        let han = |c: char| Script::of(c) == Script::Han;
        let before = text.get(..word.range.start).unwrap_or_default().chars().rev().take_while(|c| han(*c)).take(2);
        let after = text.get(word.range.end..).unwrap_or_default().chars().take_while(|c| han(*c)).take(1);
        let (before, after): (Vec<char>, Vec<char>) = (before.collect(), after.collect());
        // The nearest characters are tried alone last.
        for (left, right) in [(2, 0), (1, 0), (0, 1)] {
            if before.len() < left || after.len() < right {
                continue;
            }
            let head: String = before.iter().take(left).rev().collect();
            let tail: String = after.iter().take(right).collect();
            let range = word.range.start - head.len()..word.range.end + tail.len();
            let guesses = sound::mixed(&head, word.text, &tail, &self.words);
            if self.add(range, guesses)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Stretches of characters that stand together nowhere, and sound like a word that does.
    fn homophones(&mut self) -> Result<()> {
        let text = self.text();
        let place = |at: usize| text.get(at..).and_then(|rest| rest.chars().next()).map_or(at, |c| at + c.len_utf8());
        let unknown: Vec<Range<usize>> = self
            .asked
            .places
            .iter()
            .filter(|(term, _)| {
                let gram = self.asked.terms.get(*term).is_some_and(|t| t.kind == QueryKind::Gram);
                gram && self.known.get(*term) == Some(&false)
            })
            .map(|(_, range)| range.clone())
            .collect();
        let mut done = 0;
        for gram in unknown {
            if gram.start < done || self.found.len() >= MOST {
                continue;
            }
            let before = text.get(..gram.start).and_then(|head| head.chars().next_back());
            let wider = before.map_or(gram.start, |c| gram.start - c.len_utf8());
            let windows = [
                wider..place(gram.end),
                gram.start..place(place(gram.end)),
                gram.start..place(gram.end),
                wider..gram.end,
                gram.clone(),
            ];
            for window in windows {
                if window.start < done {
                    continue;
                }
                let Some(kept) = self.doubtful(&window) else { continue };
                let mut guesses = sound::alike(text.get(window.clone()).unwrap_or_default(), &self.words);
                guesses.retain(|guess| kept.iter().all(|(at, word)| stands_at(&guess.text, *at, word)));
                // Chinese that no dictionary has was put together by guessing where words end.
                guesses.retain(|guess| self.analyzer.has_word(&guess.text));
                if !self.is_all(&window) {
                    guesses.retain(|guess| !self.is_function(&window, &guess.text));
                }
                if self.add(window.clone(), guesses)? {
                    done = window.end;
                    break;
                }
            }
        }
        Ok(())
    }

    /// Whether nothing else in the query says anything that the index knows.
    fn is_all(&self, range: &Range<usize>) -> bool {
        self.asked.places.iter().all(|(place, at)| {
            let inside = range.start <= at.start && at.end <= range.end;
            let stop = self.asked.terms.get(*place).is_some_and(|term| term.stop);
            inside || stop || self.known.get(*place) == Some(&false)
        })
    }

    /// Whether a stretch of Chinese may be a slip: it begins and ends where words do, no known word and none of the
    /// dictionary reaches over its edges, and it is not function words only. A word of the dictionary means itself,
    /// unless it is all that was asked. Gives the known words inside, which were not misspelled, and where they stand.
    fn doubtful(&self, window: &Range<usize>) -> Option<Vec<(usize, &str)>> {
        let text = self.text();
        let stretch = text.get(window.clone()).unwrap_or_default();
        if !stretch.chars().all(|c| Script::of(c) == Script::Han) {
            return None;
        }
        let mut kept = Vec::new();
        let (mut content, mut starts, mut ends) = (false, false, false);
        for (place, at) in &self.asked.places {
            if at.end <= window.start || window.end <= at.start {
                continue;
            }
            let Some(term) = self.asked.terms.get(*place).filter(|t| t.kind == QueryKind::Word) else { continue };
            let known = self.known.get(*place) == Some(&true);
            let single = term.term.chars().count() == 1;
            let inside = window.start <= at.start && at.end <= window.end;
            if !single && !inside && (known || self.analyzer.has_word(&term.term)) {
                return None;
            }
            if !single && known {
                kept.push((at.start - window.start, term.term.as_str()));
            }
            content |= !term.stop;
            starts |= at.start == window.start;
            ends |= at.end == window.end;
        }
        let whole = kept.iter().any(|(_, word)| word.len() == stretch.len());
        let fits = content && starts && ends && !whole && (!self.analyzer.has_word(stretch) || self.is_all(window));
        fits.then_some(kept)
    }

    /// Whether a guess changes a function word, which seldom is what was misspelled.
    fn is_function(&self, window: &Range<usize>, guess: &str) -> bool {
        let asked = self.text().get(window.clone()).unwrap_or_default();
        let mut changed = asked.char_indices().zip(guess.chars()).filter(|((_, a), b)| a != b);
        changed.any(|((at, c), _)| {
            let place = window.start + at..window.start + at + c.len_utf8();
            let stop = |term: usize| self.asked.terms.get(term).is_some_and(|t| t.stop && t.kind == QueryKind::Word);
            self.asked.places.iter().any(|(term, range)| *range == place && stop(*term))
        })
    }

    /// Makes alternatives of the guesses that any passage that counts holds.
    fn add(&mut self, range: Range<usize>, mut guesses: Vec<Guess>) -> Result<bool> {
        guesses.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.text.cmp(&b.text)));
        guesses.dedup_by(|a, b| a.text == b.text);
        let asked = self.text().get(range.clone()).unwrap_or_default();
        let mut alternatives = Vec::new();
        for guess in guesses.into_iter().filter(|guess| guess.text != asked) {
            let mut terms = self.analyzer.query_terms(&guess.text);
            if guess.source == Source::Spelling {
                // A stem stands for itself: stemming it again may give another one.
                terms.retain(|term| term.kind != QueryKind::Word || term.term == guess.text);
                if terms.is_empty() {
                    let term = crate::analyzer::QueryTerm {
                        term: guess.text.clone(),
                        kind: QueryKind::Word,
                        count: 1,
                        stop: false,
                    };
                    terms.push(term);
                }
            }
            let mut held = false;
            for term in terms.iter().filter(|term| term.kind == QueryKind::Word) {
                held |= self.lookup.is_known(term)?;
            }
            if held {
                let place = Some(self.asked.folded.origin(range.clone()));
                let Guess { text, weight, source } = guess;
                alternatives.push(Alternative { text, terms, weight, source, place });
            }
            if alternatives.len() == MOST {
                break;
            }
        }
        let any = !alternatives.is_empty();
        if any {
            self.found.push(Span { range, alternatives });
        }
        Ok(any)
    }
}

/// Whether a word stands at that byte of a text.
fn stands_at(text: &str, at: usize, word: &str) -> bool {
    text.get(at..).is_some_and(|rest| rest.starts_with(word))
}

/// Adds up what the segments say about words, the heaviest first.
pub(super) fn summed<'a>(found: impl Iterator<Item = Near<'a>>) -> Vec<Near<'a>> {
    let mut sums: HashMap<&str, Near<'a>> = HashMap::new();
    for near in found {
        sums.entry(near.text).and_modify(|sum| sum.weight = sum.weight.saturating_add(near.weight)).or_insert(near);
    }
    let mut all: Vec<Near<'a>> = sums.into_values().collect();
    all.sort_by(|a, b| a.distance.cmp(&b.distance).then(b.weight.cmp(&a.weight)).then_with(|| a.text.cmp(b.text)));
    all
}

/// Words a few slips away, from the word as it is written or from its stem: fewer slips first, then a kept first
/// letter, then what is commoner.
fn slips(word: &str, words: &[Arc<Vocabulary>]) -> Vec<Guess> {
    let stem = crate::analyzer::stem(word);
    let (most, of_stem) = (allowed(word.len()), allowed(stem.len()));
    if most == 0 || !word.bytes().any(|b| b.is_ascii_alphabetic()) {
        return Vec::new();
    }
    let written = (stem != word).then(|| words.iter().flat_map(|own| own.spelled_near(word, most)));
    let mut all: Vec<Near<'_>> = words.iter().flat_map(|own| own.spelled_near(&stem, of_stem)).collect();
    all.extend(written.into_iter().flatten());
    all.sort_by_key(|near| near.distance);
    let mut found = summed(all.into_iter());
    found.retain(|near| near.distance > 0);
    let first = |near: &Near<'_>| near.text.chars().next() == word.chars().next();
    found.sort_by_key(|near| (near.distance, !first(near)));
    let most = found.first().map_or(0, |near| near.distance);
    // The more slips, the less likely; a word with fewer ones leaves no room for others.
    let near = found.iter().take_while(|near| near.distance == most).take(MOST);
    near.enumerate()
        .map(|(place, near)| {
            let kept = if first(near) { 1.0 } else { 0.8 };
            let weight = 0.9 * 0.85_f32.powi(near.distance as i32 - 1) * 0.9_f32.powi(place as i32) * kept;
            Guess { text: near.text.to_owned(), weight, source: Source::Spelling }
        })
        .collect()
}
