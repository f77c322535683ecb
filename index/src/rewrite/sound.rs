//! Which words of the index sound like this?
//!
//! Invariant: a guess weighs less the less of its sound was given.

use std::sync::Arc;

use super::Source;
use super::correct::{MOST, summed};
use super::vocabulary::{Near, Vocabulary};
use crate::pinyin::{blurred, of_character, of_word, parses};

/// Longest pinyin of one word, in letters.
const MAX_SPELLING: usize = 24;
/// What a piece of a phrase costs: a word, or a single character.
const WORD: f32 = 1.0;
const CHARACTER: f32 = 1.6;

/// What may have been meant.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Guess {
    pub text: String,
    pub weight: f32,
    pub source: Source,
}

/// Guesses of words: the heaviest weighs `best`, the others less by what they weigh.
fn guesses(found: &[Near<'_>], best: f32, source: Source) -> Vec<Guess> {
    let most = found.iter().map(|near| near.weight).max().unwrap_or(1).max(1) as f32;
    let weight = |near: &Near<'_>| best * (0.6 + 0.4 * (near.weight as f32 / most));
    let found = found.iter().take(MOST);
    found.map(|near| Guess { text: near.text.to_owned(), weight: weight(near), source }).collect()
}

/// Whether letters can be read as pinyin syllables.
pub(super) fn is_spelled(letters: &str) -> bool {
    !parses(letters, false).is_empty()
}

/// Words, or phrases of several, that are spelled so in pinyin.
pub(super) fn spelled(letters: &str, words: &[Arc<Vocabulary>]) -> Vec<Guess> {
    let syllables = parses(letters, false).iter().map(Vec::len).max().unwrap_or(0);
    if syllables < 2 {
        return Vec::new();
    }
    let whole = summed(words.iter().flat_map(|own| own.sounding(letters)).filter(|near| near.characters > 1));
    if !whole.is_empty() {
        return guesses(&whole, 0.9, Source::Pinyin);
    }
    phrase(letters, words).map(|text| Guess { text, weight: 0.85, source: Source::Pinyin }).into_iter().collect()
}

/// The same where sounds that are often confused are not told apart.
pub(super) fn spelled_nearly(letters: &str, words: &[Arc<Vocabulary>]) -> Vec<Guess> {
    let mut found = Vec::new();
    for parse in parses(letters, false).iter().filter(|parse| parse.len() > 1) {
        let key: String = parse.iter().map(|s| blurred(s)).collect();
        found
            .extend(words.iter().flat_map(|own| own.sounding_near(&key)).filter(|near| near.characters == parse.len()));
    }
    guesses(&summed(found.into_iter()), 0.7, Source::Pinyin)
}

/// The cheapest way to say letters with words of the index, at least one of them of several characters.
fn phrase(letters: &str, words: &[Arc<Vocabulary>]) -> Option<String> {
    type Way<'a> = Option<(f32, Vec<Near<'a>>)>;
    let mut ways: Vec<Way<'_>> = vec![None; letters.len() + 1];
    if let Some(start) = ways.first_mut() {
        *start = Some((0.0, Vec::new()));
    }
    for start in 0..letters.len() {
        let Some((cost, so_far)) = ways.get(start).cloned().flatten() else { continue };
        for end in start + 1..=letters.len().min(start + MAX_SPELLING) {
            let piece = letters.get(start..end).unwrap_or_default();
            let Some(near) = summed(words.iter().flat_map(|own| own.sounding(piece))).into_iter().next() else {
                continue;
            };
            let own = if near.characters > 1 { WORD } else { CHARACTER };
            // Of two ways with as many words the one with commoner words.
            let cost = cost + own + 0.1 / (1.0 + (near.weight as f32).ln_1p());
            if let Some(way) = ways.get_mut(end)
                && way.as_ref().is_none_or(|(best, _)| cost < *best)
            {
                *way = Some((cost, [so_far.as_slice(), &[near]].concat()));
            }
        }
    }
    let (_, pieces) = ways.pop().flatten()?;
    pieces.iter().any(|near| near.characters > 1).then(|| pieces.iter().map(|near| near.text).collect())
}

/// Words whose syllables begin with these letters, or two such words.
pub(super) fn initials(letters: &str, words: &[Arc<Vocabulary>]) -> Vec<Guess> {
    let of = |part: &str| summed(words.iter().flat_map(|own| own.beginning(part)));
    let whole = of(letters);
    if !whole.is_empty() {
        return guesses(&whole, 0.6, Source::Initials);
    }
    let halves = (2..letters.len().saturating_sub(1)).filter_map(|at| letters.split_at_checked(at));
    let pairs = halves.filter_map(|(a, b)| Some((of(a).into_iter().next()?, of(b).into_iter().next()?)));
    let best = pairs.max_by_key(|(a, b)| u64::from(a.weight) * u64::from(b.weight));
    let both = best.map(|(a, b)| format!("{}{}", a.text, b.text));
    both.map(|text| Guess { text, weight: 0.5, source: Source::Initials }).into_iter().collect()
}

/// Words of which some characters are given, and of the others the spelling or the first letters.
pub(super) fn mixed(head: &str, letters: &str, tail: &str, words: &[Arc<Vocabulary>]) -> Vec<Guess> {
    if letters.len() > 12 || !letters.bytes().all(|b| b.is_ascii_lowercase()) {
        return Vec::new();
    }
    let mut ways: Vec<Vec<&str>> = parses(letters, true);
    if letters.len() <= 3 {
        ways.push(letters.split("").filter(|letter| !letter.is_empty()).collect());
    }
    let fits = |word: &str| {
        let inner = word.strip_prefix(head).and_then(|rest| rest.strip_suffix(tail));
        inner.is_some_and(|inner| {
            let characters: Vec<char> = inner.chars().collect();
            ways.iter().any(|way| {
                way.len() == characters.len()
                    && way.iter().zip(&characters).all(|(s, c)| of_character(*c).iter().any(|r| r.starts_with(s)))
            })
        })
    };
    guesses(&summed(words.iter().flat_map(|own| own.chinese(fits))), 0.8, Source::Pinyin)
}

/// Words that sound like a stretch of characters, or nearly so; each in its likeliest reading.
pub(super) fn alike(text: &str, words: &[Arc<Vocabulary>]) -> Vec<Guess> {
    let length = text.chars().count();
    let ways = of_word(text);
    let likeliest = |near: &Near<'_>| of_word(near.text).into_iter().next().unwrap_or_default();
    let fits = |near: &Near<'_>| near.characters == length && near.text != text;
    let mut exact = Vec::new();
    for way in &ways {
        let found = words.iter().flat_map(|own| own.sounding(&way.concat()).collect::<Vec<_>>());
        exact.extend(found.filter(|near| fits(near) && likeliest(near) == *way));
    }
    if !exact.is_empty() {
        return guesses(&summed(exact.into_iter()), 0.8, Source::Homophone);
    }
    let blur = |way: &[&str]| way.iter().map(|s| blurred(s)).collect::<String>();
    let mut alike = Vec::new();
    for key in ways.iter().take(1).map(|way| blur(way)) {
        let found = words.iter().flat_map(|own| own.sounding_near(&key).collect::<Vec<_>>());
        alike.extend(found.filter(|near| fits(near) && blur(&likeliest(near)) == key));
    }
    guesses(&summed(alike.into_iter()), 0.6, Source::Homophone)
}
