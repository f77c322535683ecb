//! What is a word called in the other language? A learned lexicon of Chinese words and English stems.
//!
//! Invariant: it depends on the data file alone; weights are in (0, 1], the best translation of a word has 1.
//!
//! The weight of a pair is the root of its strength relative to the word's best translation, where the strength is the
//! geometric mean of both directions' probabilities under IBM Model 1 (Brown et al. 1993) over parallel sentences and
//! dictionary glosses. Made by `scripts/embedding/`.
//!
//! Format of `data/lexicon.bin` (little-endian): magic `ZYLEX1\n\0`; words of Chinese and of English (u32 each); length of the texts
//! (u32); texts (Chinese words then English stems, each part sorted by bytes, one a line); for each word where its
//! translations begin, and where the last ends (u32); translations (word of the other part << 8 | weight of 255, u32);
//! BLAKE3 of all before it.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

const DATA: &[u8] = include_bytes!("../../data/lexicon.bin");
const MAGIC: &[u8; 8] = b"ZYLEX1\n\0";
const CHECKSUM: usize = 32;

static BUNDLED: LazyLock<Arc<Lexicon>> = LazyLock::new(|| Arc::new(Lexicon::read(DATA).unwrap_or_default()));

/// Words and what they are called in the other language.
#[derive(Debug, Default)]
pub struct Lexicon {
    chinese: Vec<&'static str>,
    english: Vec<&'static str>,
    starts: Vec<u32>,
    translations: Vec<u32>,
}

impl Lexicon {
    /// The lexicon that is part of the program.
    pub fn bundled() -> Arc<Self> {
        BUNDLED.clone()
    }

    /// Translations of a folded Chinese word (as English stems) or of an English stem (as Chinese words), best first,
    /// with weights in (0, 1]; none for a word that is not in it.
    pub fn translations(&self, word: &str) -> impl Iterator<Item = (&'static str, f32)> {
        let (place, others) = match self.chinese.binary_search(&word) {
            Ok(place) => (Some(place), &self.english),
            Err(_) => (self.english.binary_search(&word).ok().map(|p| p + self.chinese.len()), &self.chinese),
        };
        let range = place.and_then(|p| Some(*self.starts.get(p)? as usize..*self.starts.get(p + 1)? as usize));
        let found = range.and_then(|r| self.translations.get(r)).unwrap_or_default();
        found.iter().filter_map(|t| Some((*others.get((t >> 8) as usize)?, (t & 0xff) as f32 / 255.0)))
    }

    /// A lexicon of given pairs: a folded Chinese word or English stem, its translation, a weight in (0, 1].
    pub fn of(pairs: &[(&'static str, &'static str, f32)]) -> Self {
        let is_chinese = |word: &str| !word.is_ascii();
        let words = |chinese: bool| -> Vec<&'static str> {
            let all = pairs.iter().flat_map(|(word, other, _)| [*word, *other]);
            all.filter(|w| is_chinese(w) == chinese).collect::<BTreeSet<_>>().into_iter().collect()
        };
        let mut lexicon = Self { chinese: words(true), english: words(false), ..Self::default() };
        lexicon.starts.push(0);
        for (list, others) in [(&lexicon.chinese, &lexicon.english), (&lexicon.english, &lexicon.chinese)] {
            for word in list {
                let mut own: Vec<u32> = pairs
                    .iter()
                    .filter(|pair| pair.0 == *word)
                    .filter_map(|(_, other, weight)| {
                        let place = others.binary_search(other).ok()?;
                        Some((place as u32) << 8 | (weight.clamp(0.0, 1.0) * 255.0).round() as u32)
                    })
                    .collect();
                own.sort_unstable_by_key(|t| std::cmp::Reverse(t & 0xff));
                lexicon.translations.append(&mut own);
                lexicon.starts.push(lexicon.translations.len() as u32);
            }
        }
        lexicon
    }

    /// How many Chinese words and English stems it holds.
    pub fn len(&self) -> usize {
        self.chinese.len() + self.english.len()
    }

    /// Whether it could not be read.
    pub fn is_empty(&self) -> bool {
        self.chinese.is_empty()
    }

    fn read(data: &'static [u8]) -> Option<Self> {
        let (body, checksum) = data.split_at_checked(data.len().checked_sub(CHECKSUM)?)?;
        if blake3::hash(body).as_bytes() != checksum {
            return None;
        }
        let (counts, rest) = body.strip_prefix(MAGIC)?.split_at_checked(12)?;
        let mut counts = numbers(counts).map(|n| n as usize);
        let (chinese, english, length) = (counts.next()?, counts.next()?, counts.next()?);
        let (texts, rest) = rest.split_at_checked(length)?;
        let (starts, translations) = rest.split_at_checked((chinese + english + 1) * 4)?;
        let mut lines = std::str::from_utf8(texts).ok()?.lines();
        let chinese_words: Vec<_> = lines.by_ref().take(chinese).collect();
        let english_words: Vec<_> = lines.collect();
        let starts: Vec<u32> = numbers(starts).collect();
        let translations: Vec<u32> = numbers(translations).collect();
        let whole = chinese_words.len() == chinese
            && english_words.len() == english
            && starts.last().is_some_and(|end| *end as usize == translations.len());
        whole.then_some(Self { chinese: chinese_words, english: english_words, starts, translations })
    }
}

fn numbers(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.chunks_exact(4).filter_map(|b| Some(u32::from_le_bytes(b.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_whole_and_sorted() {
        let lexicon = Lexicon::bundled();
        assert!(lexicon.len() > 50_000, "{}", lexicon.len());
        assert!(lexicon.chinese.is_sorted() && lexicon.english.is_sorted(), "binary search needs an order");
    }

    #[test]
    fn words_are_translated_both_ways_best_first() {
        let lexicon = Lexicon::bundled();
        let english: Vec<_> = lexicon.translations("发票").collect();
        assert!(english.iter().any(|(word, weight)| *word == "invoic" && *weight > 0.9), "{english:?}");
        assert!(english.is_sorted_by(|a, b| a.1 >= b.1), "{english:?}");
        assert!(lexicon.translations("refund").any(|(word, _)| word == "退款"));
        assert_eq!(lexicon.translations("zzyzx").count(), 0);
    }

    #[test]
    fn a_broken_file_is_refused() {
        assert!(Lexicon::read(b"ZYLEX1\n\0too short").is_none());
    }
}
