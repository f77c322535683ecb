//! Which words does a part of the index hold, by their sound and by their letters?
//!
//! Invariant: made once from what never changes; a word of it may since have left the index, so whoever takes one
//! looks it up.

use super::edit::distance;
use crate::pinyin::{blurred, initials, of_word};
use crate::script::Script;

/// Longest Chinese word whose sound is kept, in characters.
const MAX_CHARACTERS: usize = 6;

/// A word and how much there is of it.
#[derive(Debug, Clone, Copy)]
struct Word {
    start: u32,
    length: u16,
    characters: u16,
    weight: u32,
}

/// A word that was asked for by sound or letters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Near<'a> {
    pub text: &'a str,
    /// Characters.
    pub characters: usize,
    /// Passages that hold it, those that name it in a title or question counted more.
    pub weight: u32,
    /// Slips between it and what was asked.
    pub distance: usize,
}

/// The words of a segment.
#[derive(Debug, Default)]
pub(crate) struct Vocabulary {
    text: String,
    words: Vec<Word>,
    /// Hash of a full spelling, and the word; sorted.
    sounds: Vec<(u64, u32)>,
    blurred: Vec<(u64, u32)>,
    initials: Vec<(u64, u32)>,
    /// Letters that a word of Latin letters and digits has, and the word.
    latin: Vec<(u64, u32)>,
    /// Places of Chinese words.
    chinese: Vec<u32>,
}

/// FNV-1a.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The letters and digits of a word as bits, the rest as one.
fn letters(word: &str) -> u64 {
    word.bytes().fold(0, |bits, byte| {
        bits | match byte {
            b'a'..=b'z' => 1 << (byte - b'a'),
            b'0'..=b'9' => 1 << (26 + byte - b'0'),
            _ => 1 << 36,
        }
    })
}

impl Vocabulary {
    /// Of words in their matching form with their weights, each given once.
    pub fn of(words: impl Iterator<Item = (String, u32)>) -> Self {
        let mut all = Self::default();
        for (word, weight) in words {
            let han = word.chars().all(|c| Script::of(c) == Script::Han);
            let characters = word.chars().count();
            let latin = word.is_ascii() && word.len() > 2 && word.bytes().any(|b| b.is_ascii_alphabetic());
            if !(latin || han && characters <= MAX_CHARACTERS) {
                continue;
            }
            let number = all.words.len() as u32;
            let (start, length) = (all.text.len() as u32, word.len() as u16);
            all.words.push(Word { start, length, characters: characters as u16, weight });
            all.text.push_str(&word);
            if han { all.hear(&word, number, characters) } else { all.latin.push((letters(&word), number)) }
        }
        for list in [&mut all.sounds, &mut all.blurred, &mut all.initials] {
            list.sort_unstable();
            list.dedup();
            list.shrink_to_fit();
        }
        all
    }

    fn hear(&mut self, word: &str, number: u32, characters: usize) {
        for way in of_word(word) {
            self.sounds.push((hash(&way.concat()), number));
            if characters > 1 {
                let near: String = way.iter().map(|s| blurred(s)).collect();
                self.blurred.push((hash(&near), number));
                self.initials.push((hash(&initials(&way)), number));
            }
        }
        if characters > 1 {
            self.chinese.push(number);
        }
    }

    fn near(&self, number: u32, distance: usize) -> Option<Near<'_>> {
        let word = self.words.get(number as usize)?;
        let text = self.text.get(word.start as usize..word.start as usize + usize::from(word.length))?;
        Some(Near { text, characters: usize::from(word.characters), weight: word.weight, distance })
    }

    fn listed<'a>(&'a self, list: &'a [(u64, u32)], key: &str) -> impl Iterator<Item = Near<'a>> {
        let key = hash(key);
        let start = list.partition_point(|(k, _)| *k < key);
        let found = list.iter().skip(start).take_while(move |(k, _)| *k == key);
        found.filter_map(|(_, number)| self.near(*number, 0))
    }

    /// Words that are spelled so in pinyin.
    pub fn sounding(&self, spelling: &str) -> impl Iterator<Item = Near<'_>> {
        self.listed(&self.sounds, spelling)
    }

    /// Words of at least two characters that sound nearly so; the spelling is blurred.
    pub fn sounding_near(&self, spelling: &str) -> impl Iterator<Item = Near<'_>> {
        self.listed(&self.blurred, spelling)
    }

    /// Words of at least two characters whose syllables begin so.
    pub fn beginning(&self, letters: &str) -> impl Iterator<Item = Near<'_>> {
        self.listed(&self.initials, letters)
    }

    /// Chinese words of at least two characters that a test accepts.
    pub fn chinese(&self, accepts: impl Fn(&str) -> bool) -> impl Iterator<Item = Near<'_>> {
        self.chinese.iter().filter_map(|number| self.near(*number, 0)).filter(move |near| accepts(near.text))
    }

    /// Words of Latin letters and digits that differ by at most `most` slips.
    pub fn spelled_near(&self, word: &str, most: usize) -> Vec<Near<'_>> {
        let wanted: Vec<char> = word.chars().collect();
        let bits = letters(word);
        let mut found = Vec::new();
        for (own, number) in &self.latin {
            // A slip adds a letter to one side, takes one from the other, or both.
            if (own & !bits).count_ones() as usize > most || (bits & !own).count_ones() as usize > most {
                continue;
            }
            let Some(near) = self.near(*number, 0) else { continue };
            if near.text.len().abs_diff(word.len()) > most {
                continue;
            }
            let text: Vec<char> = near.text.chars().collect();
            found.extend(distance(&wanted, &text, most).map(|distance| Near { distance, ..near }));
        }
        found
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let lists = self.sounds.len() + self.blurred.len() + self.initials.len() + self.latin.len();
        self.text.len()
            + self.words.len() * size_of::<Word>()
            + lists * size_of::<(u64, u32)>()
            + self.chinese.len() * 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary() -> Vocabulary {
        let words = ["退货", "退还", "退", "银行", "return", "invoic", "e104", "the", "4.3.1"];
        Vocabulary::of(words.iter().map(|w| ((*w).to_owned(), 1)))
    }

    fn texts<'a>(found: impl Iterator<Item = Near<'a>>) -> Vec<&'a str> {
        found.map(|near| near.text).collect()
    }

    #[test]
    fn words_by_sound() {
        let own = vocabulary();
        assert_eq!(texts(own.sounding("tuihuo")), ["退货"]);
        assert_eq!(texts(own.sounding("yinhang")), ["银行"]);
        assert_eq!(texts(own.sounding_near("yinhan")), ["银行"]);
        assert_eq!(texts(own.beginning("th")), ["退货", "退还"]);
        assert_eq!(texts(own.chinese(|w| w.starts_with('退'))), ["退货", "退还"]);
    }

    #[test]
    fn words_by_letters() {
        let own = vocabulary();
        assert_eq!(texts(own.spelled_near("retrun", 1).into_iter()), ["return"]);
        assert_eq!(texts(own.spelled_near("invoci", 1).into_iter()), ["invoic"]);
        assert_eq!(texts(own.spelled_near("e1o4", 1).into_iter()), ["e104"]);
        assert!(own.spelled_near("e105", 1).is_empty());
    }
}
