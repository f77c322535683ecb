//! How many tokens would a language model see in a text?
//! Invariant: a longer text never has fewer.

use crate::script::Script;

/// Estimates how many tokens a language model sees in `text`.
///
/// 0.7 for a Chinese character or a Kana or Hangul syllable (a word has about 1.5), 1 for a word or
/// number of other scripts and one more for every further 8 letters, 1/4 for punctuation and symbols,
/// nothing for white space; rounded up.
pub fn estimate_tokens(text: &str) -> usize {
    let mut meter = Meter::default();
    for c in text.chars() {
        meter.add(c);
    }
    meter.tokens()
}

/// Counts estimated tokens character by character.
#[derive(Default)]
pub(crate) struct Meter {
    hundredths: usize,
    letters: usize,
}

impl Meter {
    pub(crate) fn add(&mut self, c: char) {
        let script = Script::of(c);
        if script == Script::Letter {
            if self.letters.is_multiple_of(8) {
                self.hundredths += 100;
            }
            self.letters += 1;
            return;
        }
        if script != Script::Mark {
            self.letters = 0;
        }
        self.hundredths += match script {
            _ if c.is_whitespace() => 0,
            Script::Han | Script::Kana | Script::Hangul => 70,
            _ => 25,
        };
    }

    pub(crate) fn tokens(&self) -> usize {
        self.hundredths.div_ceil(100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_estimated() {
        assert_eq!(estimate_tokens(""), 0);
        assert_eq!(estimate_tokens("退货流程说明十个字呢"), 7);
        assert_eq!(estimate_tokens("how to return"), 3);
        assert_eq!(estimate_tokens("internationalization"), 3);
        assert_eq!(estimate_tokens("----"), 1);
    }
}
