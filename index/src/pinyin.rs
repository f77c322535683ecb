//! How do Chinese characters sound, written in Latin letters?
//!
//! Invariant: every syllable given is one of the table's; tones are left out, `v` stands for ü.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// Most readings of a word that are followed where its characters have several.
const MAX_READINGS: usize = 8;
/// Longest word that the table lists by itself, in characters.
const MAX_LISTED: usize = 3;
/// Longest syllable, in letters.
const MAX_SYLLABLE: usize = 6;
/// Most ways to take a run of letters apart.
const MAX_PARSES: usize = 4;

struct Readings {
    characters: HashMap<char, Vec<&'static str>>,
    /// Words that do not read as their characters do by themselves.
    words: HashMap<&'static str, Vec<&'static str>>,
    syllables: HashSet<&'static str>,
}

static READINGS: LazyLock<Readings> = LazyLock::new(|| {
    let mut all = Readings { characters: HashMap::new(), words: HashMap::new(), syllables: HashSet::new() };
    let lines = include_str!("../data/pinyin.tsv").lines().filter(|line| !line.starts_with('#'));
    for (word, readings) in lines.filter_map(|line| line.split_once('\t')) {
        let mut characters = word.chars();
        match (characters.next(), characters.next()) {
            (Some(one), None) => {
                let readings: Vec<&'static str> = readings.split(',').collect();
                all.syllables.extend(readings.iter().copied());
                all.characters.insert(one, readings);
            }
            _ => drop(all.words.insert(word, readings.split(' ').collect())),
        }
    }
    all
});

/// The readings of a character, the commonest first; none where it is not Chinese.
pub(crate) fn of_character(c: char) -> &'static [&'static str] {
    READINGS.characters.get(&c).map_or(&[], Vec::as_slice)
}

/// The ways to read a word, syllable by syllable, the likeliest first; none where a character has no reading.
pub(crate) fn of_word(word: &str) -> Vec<Vec<&'static str>> {
    if let Some(listed) = READINGS.words.get(word) {
        return vec![listed.clone()];
    }
    let mut ways: Vec<Vec<&'static str>> = vec![Vec::new()];
    for c in word.chars() {
        let readings = of_character(c);
        let mut next = Vec::new();
        for reading in readings {
            next.extend(ways.iter().map(|way| [way.as_slice(), &[*reading]].concat()));
        }
        next.truncate(MAX_READINGS);
        ways = next;
    }
    ways.retain(|way| !way.is_empty());
    ways
}

/// How a text reads, character by character: the longest listed words first, else the commonest reading. What is not
/// Chinese is given back as it is.
pub(crate) fn of_text(text: &str) -> Vec<Result<&'static str, char>> {
    let characters: Vec<(usize, char)> = text.char_indices().collect();
    let mut out = Vec::with_capacity(characters.len());
    let mut at = 0;
    while let Some((start, c)) = characters.get(at).copied() {
        let listed = (2..=MAX_LISTED).rev().find_map(|length| {
            let end = characters.get(at + length).map_or(text.len(), |(end, _)| *end);
            let word = text.get(start..end).filter(|_| at + length <= characters.len())?;
            READINGS.words.get(word)
        });
        match listed {
            Some(syllables) => {
                out.extend(syllables.iter().map(|s| Ok(*s)));
                at += syllables.len().max(1);
            }
            None => {
                out.push(of_character(c).first().copied().ok_or(c));
                at += 1;
            }
        }
    }
    out
}

/// Whether a run of letters is a syllable.
pub(crate) fn is_syllable(letters: &str) -> bool {
    READINGS.syllables.contains(letters)
}

/// The ways to take a run of letters apart into syllables, those with fewest first. With `open` the last one may be
/// the beginning of a syllable.
pub(crate) fn parses(letters: &str, open: bool) -> Vec<Vec<&str>> {
    if letters.is_empty() || letters.len() > 48 || !letters.bytes().all(|b| b.is_ascii_lowercase()) {
        return Vec::new();
    }
    // Ways to take apart what begins at each letter, from the last one on.
    let mut from: Vec<Vec<Vec<&str>>> = vec![Vec::new(); letters.len() + 1];
    if let Some(end) = from.last_mut() {
        end.push(Vec::new());
    }
    for start in (0..letters.len()).rev() {
        let mut ways: Vec<Vec<&str>> = Vec::new();
        for end in start + 1..=letters.len().min(start + MAX_SYLLABLE) {
            let piece = letters.get(start..end).unwrap_or_default();
            let last = end == letters.len();
            if is_syllable(piece) || (open && last && begins_syllable(piece)) {
                let rest = from.get(end).into_iter().flatten();
                ways.extend(rest.map(|rest| [&[piece], rest.as_slice()].concat()));
            }
        }
        ways.sort_by_key(Vec::len);
        ways.truncate(MAX_PARSES);
        if let Some(place) = from.get_mut(start) {
            *place = ways;
        }
    }
    from.into_iter().next().unwrap_or_default()
}

fn begins_syllable(letters: &str) -> bool {
    READINGS.syllables.iter().any(|s| s.starts_with(letters))
}

/// The first letters of syllables.
pub(crate) fn initials(syllables: &[&str]) -> String {
    syllables.iter().filter_map(|s| s.chars().next()).collect()
}

/// A syllable without what many speakers and hearers do not tell apart: z/zh, c/ch, s/sh, l/n, f/h, n/ng.
pub(crate) fn blurred(syllable: &str) -> String {
    let (head, tail) = match syllable.split_at_checked(2) {
        Some(("zh", tail)) => ("z", tail),
        Some(("ch", tail)) => ("c", tail),
        Some(("sh", tail)) => ("s", tail),
        _ => match syllable.split_at_checked(1) {
            Some(("n", tail)) if !tail.is_empty() => ("l", tail),
            // fa is heard as hua, fu as hu.
            Some(("f", "u")) => ("h", "u"),
            Some(("f", "ei")) => ("h", "ui"),
            Some(("f", "en" | "eng")) => ("h", "un"),
            Some(("f", "o")) => ("h", "uo"),
            Some(("f", "an" | "ang")) => ("hu", "an"),
            Some(("f", "a")) => ("hu", "a"),
            Some((head, tail)) => (head, tail),
            None => ("", syllable),
        },
    };
    let tail = tail.strip_suffix('g').filter(|tail| tail.ends_with('n')).unwrap_or(tail);
    format!("{head}{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_as_words() {
        assert_eq!(of_word("退货"), [["tui", "huo"]]);
        assert_eq!(of_word("银行"), [["yin", "hang"]]);
        assert_eq!(of_word("重置"), [["chong", "zhi"]]);
        assert!(of_word("重行").len() > 1, "all readings where none is listed");
        assert!(of_word("a货").is_empty());
    }

    #[test]
    fn texts_read_word_by_word() {
        let syllables: Vec<String> =
            of_text("重置a银行").into_iter().map(|s| s.map_or_else(|c| c.to_string(), str::to_owned)).collect();
        assert_eq!(syllables, ["chong", "zhi", "a", "yin", "hang"]);
    }

    #[test]
    fn letters_are_taken_apart() {
        assert_eq!(parses("tuihuo", false).first(), Some(&vec!["tui", "huo"]));
        assert!(parses("xian", false).contains(&vec!["xi", "an"]) && parses("xian", false).contains(&vec!["xian"]));
        assert!(parses("tuih", false).is_empty());
        assert_eq!(parses("tuih", true), [vec!["tui", "h"]]);
        assert!(parses("order", false).is_empty());
    }

    #[test]
    fn near_sounds_blur_to_one() {
        for (a, b) in [("zhang", "zan"), ("shi", "si"), ("ni", "li"), ("fei", "hui"), ("ling", "nin"), ("fu", "hu")] {
            assert_eq!(blurred(a), blurred(b), "{a} {b}");
        }
        assert_ne!(blurred("tui"), blurred("dui"));
        assert_eq!(blurred("en"), "en");
        assert_eq!(blurred("eng"), "en");
        assert_eq!(blurred("a"), "a");
    }
}
