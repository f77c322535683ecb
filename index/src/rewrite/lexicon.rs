//! What is a word called in the other language?
//!
//! Invariant: probabilities are in (0, 1]; what cannot be read is left out.

use std::collections::HashMap;

/// Words with their few translations, each with the probability that it is meant.
#[derive(Debug, Default)]
pub struct Lexicon {
    words: HashMap<Box<str>, Box<[(Box<str>, f32)]>>,
}

impl Lexicon {
    /// Reads lines of `word TAB translation TAB probability`; words in their matching form, not stemmed. Lines that
    /// begin with `#` are comments.
    pub fn parse(text: &str) -> Self {
        let mut words: HashMap<Box<str>, Vec<(Box<str>, f32)>> = HashMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let mut parts = line.split('\t');
            let (Some(word), Some(other), Some(p)) = (parts.next(), parts.next(), parts.next()) else { continue };
            let Ok(p) = p.trim().parse::<f32>() else { continue };
            if p > 0.0 && p <= 1.0 && !word.is_empty() && !other.is_empty() {
                words.entry(word.into()).or_default().push((other.into(), p));
            }
        }
        Self { words: words.into_iter().map(|(word, list)| (word, list.into())).collect() }
    }

    /// The translations of a word and their probabilities.
    pub fn translations(&self, word: &str) -> impl Iterator<Item = (&str, f32)> {
        self.words.get(word).into_iter().flatten().map(|(word, p)| (word.as_ref(), *p))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lexicon_is_read() {
        let lexicon = Lexicon::parse("# head\n退货\treturn\t0.6\n退货\trefund\t0.2\nbad\nx\ty\t7\n");
        assert_eq!(lexicon.translations("退货").collect::<Vec<_>>(), [("return", 0.6), ("refund", 0.2)]);
        assert_eq!(lexicon.translations("x").count(), 0);
    }
}
