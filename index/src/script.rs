//! Which writing system does a character belong to, as far as splitting text is concerned?
//! Invariant: every character has exactly one class, and only `Other` separates words.

use std::ops::Range;

use unicode_normalization::char::is_combining_mark;

/// The class of a character that decides how the text around it is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Script {
    /// Chinese characters, with 々 and 〇.
    Han,
    /// Hiragana and Katakana.
    Kana,
    /// Korean syllables and letters.
    Hangul,
    /// Any other letter or digit: Latin, Cyrillic, Thai, numbers.
    Letter,
    /// A combining mark, which belongs to the character before it.
    Mark,
    /// Space, punctuation, symbols: what separates words.
    Other,
}

impl Script {
    /// The class of `c`.
    pub fn of(c: char) -> Self {
        if c.is_ascii() {
            return if c.is_ascii_alphanumeric() { Self::Letter } else { Self::Other };
        }
        match c {
            '\u{4e00}'..='\u{9fff}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{3005}'
            | '\u{3007}'
            | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{323af}' => Self::Han,
            '\u{3000}'..='\u{3020}' | '\u{ff01}'..='\u{ff0f}' => Self::Other,
            '\u{3041}'..='\u{3096}'
            | '\u{309d}'..='\u{309f}'
            | '\u{30a1}'..='\u{30fa}'
            | '\u{30fc}'..='\u{30ff}'
            | '\u{31f0}'..='\u{31ff}'
            | '\u{ff66}'..='\u{ff9d}' => Self::Kana,
            '\u{ac00}'..='\u{d7a3}' | '\u{1100}'..='\u{11ff}' | '\u{3131}'..='\u{318e}' => Self::Hangul,
            c if is_combining_mark(c) => Self::Mark,
            c if c.is_alphanumeric() => Self::Letter,
            _ => Self::Other,
        }
    }

    /// Whether this script is written without spaces between words (or, as in Korean, with
    /// endings glued to them), so that character bigrams are indexed beside its words.
    pub fn has_grams(self) -> bool {
        matches!(self, Self::Han | Self::Kana | Self::Hangul)
    }
}

/// Splits a text where its script changes; what is neither Han, Kana nor Hangul is cut at white space.
pub(crate) struct Runs<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Runs<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }
}

impl Iterator for Runs<'_> {
    type Item = (Script, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        let class = |c: char| match Script::of(c) {
            Script::Mark | Script::Other if c.is_whitespace() => Script::Other,
            script if script.has_grams() => script,
            _ => Script::Letter,
        };
        let rest = self.text.get(self.at..)?;
        let mut chars = rest.char_indices().map(|(at, c)| (at, class(c)));
        let (_, first) = chars.next()?;
        let length = chars.find(|(_, script)| *script != first).map_or(rest.len(), |(at, _)| at);
        let start = self.at;
        self.at += length;
        if first == Script::Other {
            return self.next();
        }
        Some((first, start..self.at))
    }
}

/// Whether `at` stands between two letters or digits of one alphabetic word.
pub(crate) fn is_cut(text: &str, at: usize) -> bool {
    let is_letter = |c: char| Script::of(c) == Script::Letter;
    let (before, after) = text.split_at_checked(at).unwrap_or_default();
    before.chars().next_back().is_some_and(is_letter) && after.chars().next().is_some_and(is_letter)
}

/// Whether a word is a number, in digits or in Chinese numerals.
pub(crate) fn is_number(word: &str) -> bool {
    let numeral = |c| {
        matches!(
            c,
            '〇' | '零'
                | '一'
                | '二'
                | '两'
                | '三'
                | '四'
                | '五'
                | '六'
                | '七'
                | '八'
                | '九'
                | '十'
                | '百'
                | '千'
                | '万'
                | '亿'
        )
    };
    word.chars().all(|c| c.is_numeric() || numeral(c))
}

#[cfg(test)]
mod tests {
    use super::Script;

    #[test]
    fn classes() {
        let cases = [
            ('退', Script::Han),
            ('〇', Script::Han),
            ('の', Script::Kana),
            ('ー', Script::Kana),
            ('한', Script::Hangul),
            ('x', Script::Letter),
            ('7', Script::Letter),
            ('é', Script::Letter),
            ('я', Script::Letter),
            ('\u{301}', Script::Mark),
            ('。', Script::Other),
            ('，', Script::Other),
            ('-', Script::Other),
            ('😀', Script::Other),
        ];
        for (c, script) in cases {
            assert_eq!(Script::of(c), script, "{c}");
        }
    }
}
