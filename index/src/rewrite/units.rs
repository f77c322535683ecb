//! Of which units is a text made, as far as phrases are compared?
//!
//! Invariant: a unit does not depend on a dictionary: a Chinese character, or a word of other scripts in its stem.

use std::collections::HashMap;
use std::ops::Range;

use crate::analyzer::stem;
use crate::script::Runs;
use crate::words;

/// How the words begin that are looked for: most words of a text need no stem to be told from them.
#[derive(Clone, Default)]
pub(crate) struct Beginnings([u64; 16]);

impl Beginnings {
    pub fn add(&mut self, stem: &str) {
        let (word, bit) = Self::place(stem);
        self.0.get_mut(word).into_iter().for_each(|word| *word |= bit);
    }

    /// Whether a word may have one of the stems that were added.
    pub fn may_have(&self, word: &str) -> bool {
        let (word, bit) = Self::place(word);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    /// A stem has the first two bytes of its word, but for dying, lying and tying: i and y are one.
    fn place(text: &str) -> (usize, u64) {
        let mut bytes = text.bytes().map(|byte| usize::from(if byte == b'y' { b'i' } else { byte }));
        let place = (bytes.next().unwrap_or(0) & 31) << 5 | (bytes.next().unwrap_or(0) & 31);
        (place >> 6, 1 << (place & 63))
    }
}

/// The units of a folded text, and where they stand.
pub(crate) fn units(folded: &str) -> Vec<(Box<str>, Range<usize>)> {
    let mut units = Vec::new();
    each(folded, |_| true, |unit, place| units.extend(unit.map(|unit| (unit.into(), place))));
    units
}

/// The same one by one, without keeping them; words that are not wanted are not told.
pub(crate) fn each(folded: &str, wanted: impl Fn(&str) -> bool, mut with: impl FnMut(Option<&str>, Range<usize>)) {
    for (script, range) in Runs::new(folded) {
        let run = folded.get(range.clone()).unwrap_or_default();
        if script.has_grams() {
            for (at, c) in run.char_indices() {
                let start = range.start + at;
                with(Some(c.encode_utf8(&mut [0; 4])), start..start + c.len_utf8());
            }
            continue;
        }
        plain_words(run, |plain, place| {
            let place = range.start + place.start..range.start + place.end;
            let stem = wanted(plain).then(|| stem(plain));
            with(stem.as_deref(), place);
        });
    }
}

/// The words of a folded text that are not written in characters, and that are wanted; stemmed.
pub(crate) fn stems(folded: &str, wanted: impl Fn(&str) -> bool, mut with: impl FnMut(&str)) {
    for (_, range) in Runs::new(folded).filter(|(script, _)| !script.has_grams()) {
        plain_words(folded.get(range).unwrap_or_default(), |plain, _| {
            if wanted(plain) {
                with(&stem(plain));
            }
        });
    }
}

/// The words of a folded text that are not written in characters, by their stems, as they were written first.
pub(crate) fn written(folded: &str) -> HashMap<String, String> {
    let mut written = HashMap::new();
    for (_, range) in Runs::new(folded).filter(|(script, _)| !script.has_grams()) {
        plain_words(folded.get(range).unwrap_or_default(), |plain, _| {
            written.entry(stem(plain).into_owned()).or_insert_with(|| plain.to_owned());
        });
    }
    written
}

/// The words of a run before stemming, and where they stand in it.
fn plain_words(run: &str, mut with: impl FnMut(&str, Range<usize>)) {
    let mut end = 0;
    words::words(
        run,
        |_| None,
        |form| {
            // Parts of a compound, and its other spellings, follow the whole.
            if form.range.start < end {
                return;
            }
            end = form.range.end;
            if form.text.contains('-') {
                with(&form.text.replace('-', ""), form.range);
            } else {
                with(&form.text, form.range);
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::{Beginnings, stem, stems, units};

    #[test]
    fn characters_and_stems() {
        let of = |text: &str| units(text).into_iter().map(|(unit, _)| unit.into_string()).collect::<Vec<_>>();
        assert_eq!(of("退换货 of returned wi-fi"), ["退", "换", "货", "of", "return", "wifi"]);
        assert_eq!(of("5g套餐"), ["5g", "套", "餐"]);
    }

    #[test]
    fn stems_are_the_units_that_are_words() {
        let text = "退换货 of returned wi-fi, 5g套餐 restoring";
        let (mut all, mut some) = (Vec::new(), Vec::new());
        stems(text, |_| true, |stem| all.push(stem.to_owned()));
        stems(text, |word| word.starts_with('r'), |stem| some.push(stem.to_owned()));
        assert_eq!(all, ["of", "return", "wifi", "5g", "restor"]);
        assert_eq!(some, ["return", "restor"]);
    }

    #[test]
    fn a_word_is_wanted_where_its_stem_is() {
        for word in ["dying", "lying", "returned", "skies", "flying", "a", "5g", "news", "generously", "übung"] {
            let mut beginnings = Beginnings::default();
            beginnings.add(&stem(word));
            assert!(beginnings.may_have(word), "{word}");
            assert!(!beginnings.may_have("quite"), "{word}");
        }
    }
}
