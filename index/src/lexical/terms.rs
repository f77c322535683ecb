//! Which terms may a field of a segment hold? What it does not hold is known without its dictionary.
//!
//! Invariant: a term that it holds is never denied. A Bloom filter whose bits of a term stand in one word (Putze,
//! Sanders and Singler 2007): a query is looked up with all its translations, most of which no passage holds.

use std::hash::{DefaultHasher, Hash, Hasher};

use tantivy::InvertedIndexReader;

use super::failed;
use crate::error::Result;

/// Bits for each term: about one term in a hundred is looked up in vain.
const BITS: usize = 16;

/// What a term is found by.
pub(super) fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// The terms of one field of a segment.
pub(super) struct Terms {
    words: Vec<u64>,
}

impl Terms {
    pub fn of(inverted: &InvertedIndexReader) -> Result<Self> {
        let count = inverted.terms().num_terms();
        let mut terms = Self { words: vec![0; (count * BITS).div_ceil(64)] };
        let mut stream = inverted.terms().stream().map_err(failed)?;
        while stream.advance() {
            if let Ok(text) = std::str::from_utf8(stream.key()) {
                let (place, bits) = terms.place(hash(text));
                terms.words.get_mut(place).into_iter().for_each(|word| *word |= bits);
            }
        }
        Ok(terms)
    }

    /// Whether it may hold the term with that hash.
    pub fn may_hold(&self, hash: u64) -> bool {
        let (place, bits) = self.place(hash);
        self.words.get(place).is_some_and(|word| word & bits == bits)
    }

    /// The word of a term, and its four bits there.
    fn place(&self, hash: u64) -> (usize, u64) {
        let place = ((u128::from(hash) * self.words.len() as u128) >> 64) as usize;
        let bits = (0..4).fold(0, |bits, n| bits | 1 << (hash >> (6 * n) & 63));
        (place, bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_never_denied_and_little_else_is_let_through() {
        let mut terms = Terms { words: vec![0; 1_000 * BITS / 64] };
        let text = |n: u32| format!("词{n}");
        for n in 0..1_000 {
            let (place, bits) = terms.place(hash(&text(n)));
            terms.words.get_mut(place).into_iter().for_each(|word| *word |= bits);
        }
        assert!((0..1_000).all(|n| terms.may_hold(hash(&text(n)))));
        let wrong = (1_000..11_000).filter(|n| terms.may_hold(hash(&text(*n)))).count();
        assert!(wrong < 300, "{wrong} of 10,000");
        assert!(!Terms { words: Vec::new() }.may_hold(1));
    }
}
