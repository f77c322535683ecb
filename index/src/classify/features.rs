//! What is an example made of: words, neighbouring words and pieces of words, weighed by how rare they are?
//! Invariant: a pure function of the text and the vocabulary; the parts of a text have the lengths of the settings.

use std::collections::HashMap;

use super::settings::ClassifySettings;
use crate::analyzer::{Analyzer, TokenKind};
use crate::normalize::folded;
use crate::script::Script;

/// Lengths of character pieces.
const PIECES: [usize; 3] = [3, 4, 5];

/// What stands in a text, by hash: words and pairs of them, and pieces.
struct Found {
    words: HashMap<u64, f32>,
    pieces: HashMap<u64, f32>,
    /// Single words, for the share that is known.
    single: Vec<u64>,
}

/// The words and pieces that are told apart, with how rare they are.
pub(super) struct Vocabulary {
    places: HashMap<u64, (u32, f32)>,
}

/// The sparse part of an example: feature and value, ascending.
pub(super) type Sparse = Vec<(u32, f32)>;

/// FNV-1a, 64 bits, with the kind of feature in front.
fn hash(kind: u8, text: &str) -> u64 {
    let bytes = std::iter::once(kind).chain(text.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

fn found(analyzer: &Analyzer, text: &str) -> Found {
    let mut out = Found { words: HashMap::new(), pieces: HashMap::new(), single: Vec::new() };
    let mut before: Option<String> = None;
    for token in analyzer.analyze(text) {
        match token.kind {
            TokenKind::Word => {
                let place = hash(b'w', &token.term);
                *out.words.entry(place).or_default() += 1.0;
                out.single.push(place);
                if let Some(before) = before.replace(token.term.clone()) {
                    *out.words.entry(hash(b'p', &format!("{before} {}", token.term))).or_default() += 1.0;
                }
            }
            // Chinese is taken apart into characters and pairs of them.
            TokenKind::Gram => *out.pieces.entry(hash(b'g', &token.term)).or_default() += 1.0,
        }
    }
    for word in folded(text).split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        if word.chars().any(|c| Script::of(c).has_grams()) {
            for c in word.chars() {
                *out.pieces.entry(hash(b'g', c.encode_utf8(&mut [0; 4]))).or_default() += 1.0;
            }
            continue;
        }
        let edged: Vec<char> = std::iter::once(' ').chain(word.chars()).chain(std::iter::once(' ')).collect();
        for piece in PIECES.iter().flat_map(|length| edged.windows(*length)) {
            *out.pieces.entry(hash(b'c', &piece.iter().collect::<String>())).or_default() += 1.0;
        }
    }
    out
}

impl Vocabulary {
    /// The vocabulary of texts: what occurs in more than one, the commonest first where there is too much.
    pub fn of(analyzer: &Analyzer, texts: &[&str], settings: &ClassifySettings) -> Self {
        let mut counts: HashMap<u64, u32> = HashMap::new();
        for text in texts {
            let found = found(analyzer, text);
            for place in found.words.keys().chain(found.pieces.keys()) {
                *counts.entry(*place).or_default() += 1;
            }
        }
        let least = if texts.len() < 1_000 { 1 } else { 2 };
        let mut kept: Vec<(u64, u32)> = counts.into_iter().filter(|(_, count)| *count >= least).collect();
        kept.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        kept.truncate(settings.most_features);
        let all = texts.len() as f32;
        let rarity = |count: u32| ((all + 1.0) / (count as f32 + 1.0)).ln() + 1.0;
        let places = kept.into_iter().zip(0..).map(|((hash, count), at)| (hash, (at, rarity(count)))).collect();
        Self { places }
    }

    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// The sparse part of a text, and the share of its words that any example has.
    pub fn sparse(&self, analyzer: &Analyzer, text: &str, settings: &ClassifySettings) -> (Sparse, f32) {
        let found = found(analyzer, text);
        let known = found.single.iter().filter(|word| self.places.contains_key(word)).count();
        let share = known as f32 / found.single.len().max(1) as f32;
        let mut out = self.part(found.words, settings.words);
        out.extend(self.part(found.pieces, settings.pieces));
        out.sort_unstable_by_key(|(feature, _)| *feature);
        (out, share)
    }

    fn part(&self, found: HashMap<u64, f32>, length: f32) -> Sparse {
        let weigh = |(place, count): (u64, f32)| {
            let (feature, rarity) = self.places.get(&place)?;
            Some((*feature, (1.0 + count.ln()) * rarity))
        };
        let mut part: Sparse = found.into_iter().filter_map(weigh).collect();
        part.sort_unstable_by_key(|(feature, _)| *feature);
        let norm = part.iter().map(|(_, value)| value * value).sum::<f32>().sqrt();
        if norm > 0.0 {
            part.iter_mut().for_each(|(_, value)| *value *= length / norm);
        }
        part
    }
}
