//! In which language is a text written, judged by its script?
//! Invariant: a text without letters has no language.

use crate::script::Script;

/// The language of a text as far as search is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    /// Chinese, also when mixed with English.
    Zh,
    /// English, or another language in Latin letters.
    En,
    /// Any other script, or no letters at all.
    Other,
}

impl Language {
    /// The tag of the language (BCP 47): `zh`, `en`, or `und`, undetermined.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Zh => "zh",
            Self::En => "en",
            Self::Other => "und",
        }
    }
}

/// Letters of a Latin word and characters of a Chinese word, on average, in twice their number.
const LATIN_PER_WORD: usize = 10;
const HAN_PER_WORD: usize = 3;

/// Detects the language of `text` by the shares of scripts, counted in words.
///
/// Chinese text names products in English, so a small share of Chinese makes a text Chinese:
/// one word in six.
pub fn detect(text: &str) -> Language {
    let (mut han, mut latin, mut kana, mut other) = (0_usize, 0_usize, 0_usize, 0_usize);
    for c in text.chars() {
        match Script::of(c) {
            Script::Han => han += 1,
            Script::Kana => kana += 1,
            Script::Hangul => other += 1,
            Script::Letter if is_latin(c) => latin += 1,
            Script::Letter if c.is_alphabetic() => other += 1,
            _ => {}
        }
    }
    // Japanese is written with Chinese characters, but never without a good share of Kana.
    if kana * 8 > han {
        other += kana + han;
        han = 0;
    }
    let han_words = han * LATIN_PER_WORD;
    let latin_words = latin * HAN_PER_WORD;
    let other_words = other * HAN_PER_WORD;
    if han_words > 0 && 6 * han_words >= han_words + latin_words + other_words {
        Language::Zh
    } else if latin_words > 0 && latin_words >= other_words {
        Language::En
    } else {
        Language::Other
    }
}

fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic()
        || matches!(c, '\u{aa}' | '\u{ba}' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' | '\u{ff21}'..='\u{ff5a}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_script_shares() {
        let cases = [
            ("如何申请退货？", Language::Zh),
            ("iPhone 15 Pro Max 怎么退货", Language::Zh),
            ("如何 reset password on my phone", Language::Zh),
            ("How do I return an order?", Language::En),
            ("Zhiyin (知音) is a knowledge base that answers questions from articles", Language::En),
            ("Où est ma commande ?", Language::En),
            ("返品の手続きについて教えてください", Language::Other),
            ("Как вернуть заказ", Language::Other),
            ("주문 취소", Language::Other),
            ("12345 !!", Language::Other),
            ("", Language::Other),
        ];
        for (text, language) in cases {
            assert_eq!(detect(text), language, "{text}");
        }
    }

    #[test]
    fn tags() {
        assert_eq!([Language::Zh, Language::En, Language::Other].map(Language::as_str), ["zh", "en", "und"]);
    }
}
