//! Which vector does a text get when no model is at hand? Signed feature hashing over words and character n-grams.
//!
//! Invariant: the vector depends on the text, the seed and the dimension alone: no file, no dictionary, no learned state.
//!
//! Source: Weinberger et al., "Feature Hashing for Large Scale Multitask Learning" (2009), for the signed hash;
//! Bojanowski et al., "Enriching Word Vectors with Subword Information" (2017), for n-grams with boundary marks.

use super::{EmbedError, Embedder, Role, normalise};
use crate::normalize::folded;

/// The seed of [`HashEmbedder::default`].
const DEFAULT_SEED: u64 = 0x7a68_6979_696e;
/// The dimension of [`HashEmbedder::default`].
const DEFAULT_DIMENSION: usize = 256;
/// Changes when the features or their weights change, so that stored vectors are not mixed.
const REVISION: &str = "hash-v1";

/// Weight of a whole word; a word of up to `SHORT_WORD` letters is more often grammar than topic.
const WORD: f32 = 1.0;
const SHORT_WORD: usize = 3;
const SHORT_WORD_WEIGHT: f32 = 0.45;
/// Weight shared by all n-grams of one word, so that long words do not drown the rest.
const WORD_GRAMS: f32 = 0.8;
const GRAM_LENGTHS: [usize; 3] = [3, 4, 5];
const HAN_UNIGRAM: f32 = 0.25;
const HAN_BIGRAM: f32 = 1.0;
const HAN_TRIGRAM: f32 = 0.6;
/// Stands before the first and after the last letter of a word.
const BOUNDARY: char = '\u{2}';

/// An embedder by signed feature hashing: deterministic, in microseconds, for any language.
///
/// ```
/// use zhiyin_index::embed::{Embedder, HashEmbedder, Role};
/// let embedder = HashEmbedder::default();
/// let vectors = embedder.embed(&["如何申请退款", "退款怎么申请"], Role::Query)?;
/// assert_eq!(vectors.len(), 2);
/// # Ok::<(), zhiyin_index::embed::EmbedError>(())
/// ```
#[derive(Clone, Debug)]
pub struct HashEmbedder {
    id: String,
    seed: u64,
    dimension: usize,
}

impl HashEmbedder {
    /// An embedder whose vectors have `dimension` values (at least one).
    #[must_use]
    pub fn new(seed: u64, dimension: usize) -> Self {
        let dimension = dimension.max(1);
        let id = if seed == DEFAULT_SEED {
            format!("{REVISION}-{dimension}")
        } else {
            format!("{REVISION}-{dimension}-{seed:x}")
        };
        Self { id, seed, dimension }
    }

    fn vector(&self, text: &str) -> Vec<f32> {
        let folded = folded(text);
        let mut features = Features { seed: self.seed, found: Vec::with_capacity(folded.len() * 2) };
        features.read(&folded);
        let mut vector = vec![0.0_f32; self.dimension];
        features.found.sort_unstable_by_key(|f| f.hash);
        for same in features.found.chunk_by(|a, b| a.hash == b.hash) {
            let Some(first) = same.first() else { continue };
            let (slot, sign) = self.slot(first.hash);
            if let Some(value) = vector.get_mut(slot) {
                *value += sign * first.weight * sublinear(same.len());
            }
        }
        normalise(&mut vector);
        vector
    }

    /// The dimension and the sign of a feature.
    fn slot(&self, hash: u64) -> (usize, f32) {
        // The high half picks the slot (multiply-shift), the lowest bit the sign: they share no bit.
        let slot = ((hash >> 32) as usize).wrapping_mul(self.dimension) >> 32;
        (slot, if hash & 1 == 0 { 1.0 } else { -1.0 })
    }
}

impl Default for HashEmbedder {
    fn default() -> Self {
        Self::new(DEFAULT_SEED, DEFAULT_DIMENSION)
    }
}

impl Embedder for HashEmbedder {
    fn id(&self) -> &str {
        &self.id
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn embed(&self, texts: &[&str], _role: Role) -> Result<Vec<Vec<f32>>, EmbedError> {
        Ok(texts.iter().map(|text| self.vector(text)).collect())
    }
}

/// Whether the character is a Han ideograph (the unified blocks and the compatibility ideographs).
fn is_han(c: char) -> bool {
    matches!(c, '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}' | '々' | '〇')
}

/// The kinds of features; each hashes apart from the others.
#[derive(Clone, Copy)]
enum Class {
    Word = 1,
    WordGram = 2,
    Han = 3,
}

struct Feature {
    hash: u64,
    weight: f32,
}

/// The features found so far.
struct Features {
    seed: u64,
    found: Vec<Feature>,
}

impl Features {
    /// Splits the text into runs of Han characters and words of anything else that is a letter or a digit.
    fn read(&mut self, text: &str) {
        let mut run: Vec<char> = Vec::with_capacity(32);
        let mut run_is_han = false;
        for c in text.chars() {
            let han = is_han(c);
            if (han != run_is_han || !(han || c.is_alphanumeric())) && !run.is_empty() {
                self.close(&mut run, run_is_han);
            }
            if han || c.is_alphanumeric() {
                run_is_han = han;
                run.push(c);
            }
        }
        self.close(&mut run, run_is_han);
    }

    fn close(&mut self, run: &mut Vec<char>, han: bool) {
        match (run.is_empty(), han) {
            (true, _) => {}
            (false, true) => self.han(run),
            (false, false) => self.word(run),
        }
        run.clear();
    }

    fn han(&mut self, run: &[char]) {
        for (length, weight) in [(1, HAN_UNIGRAM), (2, HAN_BIGRAM), (3, HAN_TRIGRAM)] {
            for gram in run.windows(length) {
                self.add(Class::Han, gram, weight);
            }
        }
    }

    fn word(&mut self, run: &mut Vec<char>) {
        let weight = if run.len() <= SHORT_WORD { SHORT_WORD_WEIGHT } else { WORD };
        self.add(Class::Word, run, weight);
        run.insert(0, BOUNDARY);
        run.push(BOUNDARY);
        let grams: usize = GRAM_LENGTHS.iter().map(|n| (run.len() + 1).saturating_sub(*n)).sum();
        // Weights add up in squares, so n equal grams share a weight by the root of n.
        let share = weight * WORD_GRAMS / (grams.max(1) as f32).sqrt();
        for length in GRAM_LENGTHS {
            for gram in run.windows(length) {
                self.add(Class::WordGram, gram, share);
            }
        }
    }

    fn add(&mut self, class: Class, characters: &[char], weight: f32) {
        let start = mix(self.seed ^ (class as u64));
        let hash = characters
            .iter()
            .fold(start, |h, c| (h ^ u64::from(*c)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29));
        self.found.push(Feature { hash: mix(hash), weight });
    }
}

/// The finaliser of splitmix64: spreads every bit over the whole word.
const fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A feature seen twice counts more than once, but not twice.
fn sublinear(times: usize) -> f32 {
    if times == 1 { 1.0 } else { 1.0 + (times as f32).ln() }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn cosine(a: &str, b: &str) -> f32 {
        let vectors = HashEmbedder::default().embed(&[a, b], Role::Passage).unwrap();
        vectors[0].iter().zip(&vectors[1]).map(|(x, y)| x * y).sum()
    }

    #[test]
    fn similar_texts_are_closer_than_dissimilar_ones() {
        for (text, near, far) in [
            ("如何申请退款", "退款申请的步骤", "发票抬头怎么修改"),
            ("手机屏幕碎了能保修吗", "屏幕碎裂不在保修范围", "配送需要几天"),
            ("忘记密码怎么办", "密码忘了，如何重置密码", "支持哪些付款方式"),
            ("how do I reset my password", "resetting a forgotten password", "delivery takes three days"),
            ("refund for a cancelled order", "cancelled orders are refunded", "connect the router to wifi"),
            ("X200-Pro 保修期", "x200 pro 的保修期多长", "API 调用频率限制"),
        ] {
            assert!(
                cosine(text, near) > cosine(text, far) + 0.1,
                "{text}: {} {}",
                cosine(text, near),
                cosine(text, far)
            );
        }
    }

    #[test]
    fn case_and_width_do_not_matter() {
        assert!(cosine("ＷｉＦｉ　Router", "wifi router") > 0.9999);
    }

    #[test]
    fn the_same_text_gives_the_same_unit_vector() {
        let text = "订单 SF1234567 已发货 shipped yesterday";
        let a = HashEmbedder::default().embed(&[text], Role::Query).unwrap();
        let b = HashEmbedder::default().embed(&[text], Role::Passage).unwrap();
        assert_eq!(a, b);
        assert_eq!(a[0].len(), 256);
        assert!((a[0].iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-5);
        assert_ne!(a, HashEmbedder::new(1, 256).embed(&[text], Role::Query).unwrap());
    }

    #[test]
    fn a_text_without_content_is_the_zero_vector() {
        let vectors = HashEmbedder::new(3, 16).embed(&["", " \n", "，。！？ --"], Role::Query).unwrap();
        assert_eq!(vectors, vec![vec![0.0; 16]; 3]);
    }

    #[test]
    fn ids_name_what_changes_the_vectors() {
        assert_eq!(HashEmbedder::default().id(), "hash-v1-256");
        assert_ne!(HashEmbedder::new(1, 64).id(), HashEmbedder::new(2, 64).id());
    }
}
