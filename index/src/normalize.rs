//! In which form are texts compared, and where in the original does a piece of that form stand?
//! Invariant: folding twice changes nothing, and every position maps back to a character boundary.

use std::borrow::Cow;
use std::collections::HashMap;
use std::iter::once;
use std::ops::Range;
use std::sync::LazyLock;

use unicode_normalization::char::{canonical_combining_class, decompose_compatible, is_combining_mark};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// A text in its matching form, with a map back to the text it came from.
#[derive(Clone, Debug, Default)]
pub struct Folded {
    /// The matching form.
    pub text: String,
    pieces: Vec<Piece>,
}

/// A stretch of the folded text, from `folded` up to the next piece, and the original bytes it came from.
#[derive(Clone, Copy, Debug)]
struct Piece {
    folded: usize,
    start: usize,
    end: usize,
    /// Character by character of the same length, so that offsets inside it map one to one.
    linear: bool,
}

impl Folded {
    /// Maps a byte range of the folded text to the byte range of the original that it came from.
    ///
    /// The result always lies on character boundaries of the original; a range that starts or ends
    /// inside a character covers it, and one that reaches past the end is clamped.
    pub fn origin(&self, range: Range<usize>) -> Range<usize> {
        let start = self.origin_of_start(range.start);
        if range.end <= range.start {
            return start..start;
        }
        start..self.origin_of_end(range.end).max(start)
    }

    fn origin_of_start(&self, offset: usize) -> usize {
        if offset >= self.text.len() {
            return self.pieces.last().map_or(0, |piece| piece.end);
        }
        let mut offset = offset;
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let next = self.pieces.partition_point(|piece| piece.folded <= offset);
        match self.pieces.get(next.wrapping_sub(1)) {
            Some(piece) if piece.linear => piece.start + (offset - piece.folded),
            Some(piece) => piece.start,
            None => 0,
        }
    }

    fn origin_of_end(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset += 1;
        }
        let next = self.pieces.partition_point(|piece| piece.folded < offset);
        match self.pieces.get(next.wrapping_sub(1)) {
            Some(piece) if piece.linear => piece.start + (offset - piece.folded),
            Some(piece) => piece.end,
            None => 0,
        }
    }

    fn note(&mut self, folded: usize, origin: Range<usize>, linear: bool) {
        if let Some(last) = self.pieces.last_mut()
            && linear
            && last.linear
            && last.end == origin.start
        {
            last.end = origin.end;
            return;
        }
        self.pieces.push(Piece { folded, start: origin.start, end: origin.end, linear });
    }
}

/// Folds `text` for matching: NFKC, lower case, full and half width, traditional to simplified
/// character by character, straight quotes and hyphens; without invisible and control characters.
///
/// Unicode Standard Annex 15 (normalization forms); line breaks and tabs stay.
pub fn fold(text: &str) -> Folded {
    let mut folded = Folded { text: String::with_capacity(text.len()), pieces: Vec::new() };
    let mut out = std::mem::take(&mut folded.text);
    fold_into(text, &mut out, |at, origin, linear| folded.note(at, origin, linear));
    folded.text = out;
    folded
}

/// The matching form of `text` without the map back: equal to `fold(text).text`, and cheaper.
pub fn folded(text: &str) -> String {
    if text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_control()) {
        return text.to_ascii_lowercase();
    }
    let mut out = String::with_capacity(text.len());
    fold_into(text, &mut out, |_, _, _| {});
    out
}

/// The form that gathers the wordings of a question: folded, words and digits only.
pub fn form(text: &str) -> String {
    let folded = folded(text);
    let words: Vec<&str> = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// Folds `text` onto `out` and reports each step: offset in `out`, bytes of `text`, one to one or not.
fn fold_into(text: &str, out: &mut String, mut note: impl FnMut(usize, Range<usize>, bool)) {
    let table = &*SIMPLIFIED;
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        let plain = ascii_run(rest);
        if plain > 0 {
            let folded = out.len();
            note(folded, at..at + plain, true);
            out.push_str(rest.get(..plain).unwrap_or_default());
            if let Some(run) = out.get_mut(folded..) {
                run.make_ascii_lowercase();
            }
            at += plain;
            continue;
        }
        let mut chars = rest.chars();
        let Some(c) = chars.next() else { break };
        let end = at + c.len_utf8();
        // A character in front of a combining mark (or of something dropped that may hide one)
        // has to be normalised together with it.
        let alone = chars.next().is_none_or(is_solid);
        if alone && let Some(simple) = table.fold_simple(c) {
            note(out.len(), at..end, simple.len_utf8() == c.len_utf8());
            out.push(simple);
            at = end;
        } else if is_dropped(c) {
            at = end;
        } else {
            at = fold_sequence(text, at, out, &mut note);
        }
    }
}

/// How many bytes of `text` are ASCII that folds by itself: all up to one in front of a combining mark.
fn ascii_run(text: &str) -> usize {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t' | b'\r');
    let length = text.bytes().take_while(|byte| is_plain(byte)).count();
    let next = text.get(length..).and_then(|rest| rest.chars().next());
    if next.is_none_or(is_solid) { length } else { length.saturating_sub(1) }
}

/// Folds the combining sequence at `at`; where the next one begins.
fn fold_sequence(text: &str, at: usize, out: &mut String, note: &mut impl FnMut(usize, Range<usize>, bool)) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let mut unit = String::new();
    let mut scalars = 0;
    let (mut next, mut end) = (text.len(), at);
    for (offset, c) in rest.char_indices() {
        if is_dropped(c) {
            continue;
        }
        if scalars > 0 && starts_unit(c) {
            next = at + offset;
            break;
        }
        unit.push(c);
        scalars += 1;
        end = at + offset + c.len_utf8();
    }
    let unit = fold_unit(unit, &SIMPLIFIED);
    if !unit.is_empty() {
        let linear = scalars == 1 && unit.len() == end - at && unit.chars().count() == 1;
        note(out.len(), at..end, linear);
        out.push_str(&unit);
    }
    next
}

/// Normalises one combining sequence until nothing changes any more: lower case can make
/// sequences that compose (J̌ has no composed form, ǰ has one).
fn fold_unit(unit: String, table: &Simplified) -> String {
    let mut unit = unit;
    for _ in 0..8 {
        let next: String = unit
            .chars()
            .filter(|c| !is_dropped(*c))
            .nfkc()
            .flat_map(char::to_lowercase)
            .map(|c| table.simplify(straight(c)))
            .collect();
        if next == unit {
            break;
        }
        unit = next;
    }
    unit
}

/// Characters that never combine with what stands before them: the common ones, tested by range.
fn is_solid(c: char) -> bool {
    matches!(c,
        ' '..='~' | '\n' | '\t' | '\r'
        | '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}'
        | '\u{3000}'..='\u{3020}' | '\u{ff01}'..='\u{ff5e}'
        | '\u{2010}'..='\u{2027}')
}

/// Whether `c` begins a new combining sequence: its decomposition neither reorders nor composes backwards.
fn starts_unit(c: char) -> bool {
    if is_solid(c) {
        return true;
    }
    let mut first = None;
    decompose_compatible(c, |part| {
        first.get_or_insert(part);
    });
    let first = first.unwrap_or(c);
    canonical_combining_class(first) == 0 && is_nfkc_quick(once(first)) != IsNormalized::Maybe
}

/// Invisible characters that carry no meaning for matching: controls, zero-width characters,
/// directional marks, variation selectors, tags. Line breaks and tabs stay.
fn is_dropped(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' => false,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => true,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}' => true,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' => true,
        '\u{e0000}'..='\u{e01ef}' => true,
        _ => false,
    }
}

/// Straight forms of curly quotes and of the two hyphens; separators that are controls become spaces.
fn straight(c: char) -> char {
    match c {
        '\u{2018}'..='\u{201b}' => '\'',
        '\u{201c}'..='\u{201f}' => '"',
        '\u{2010}' | '\u{2011}' => '-',
        '\u{b}' | '\u{c}' | '\u{85}' => ' ',
        'ς' => 'σ',
        other => other,
    }
}

/// Removes accents from Latin letters (`é` → `e`, `ß` → `ss`) in a folded word; other scripts stay.
pub fn strip_accents(word: &str) -> Cow<'_, str> {
    if word.is_ascii() {
        return Cow::Borrowed(word);
    }
    let mut out = String::with_capacity(word.len());
    let mut latin = false;
    for c in word.nfd() {
        if is_combining_mark(c) {
            if !latin {
                out.push(c);
            }
            continue;
        }
        latin = c.is_ascii_alphabetic() || "ßæœøłđðþı".contains(c);
        match c {
            'ß' => out.push_str("ss"),
            'æ' => out.push_str("ae"),
            'œ' => out.push_str("oe"),
            'ø' => out.push('o'),
            'ł' => out.push('l'),
            'đ' | 'ð' => out.push('d'),
            'þ' => out.push_str("th"),
            'ı' => out.push('i'),
            other => out.push(other),
        }
    }
    Cow::Owned(out.nfc().collect())
}

const FIRST: u32 = 0x3400;
const LAST: u32 = 0x9fff;

/// The simplified form of each traditional character: a flat table over the common range, a map beyond it.
struct Simplified {
    common: Vec<char>,
    rare: HashMap<char, char>,
}

static SIMPLIFIED: LazyLock<Simplified> = LazyLock::new(|| Simplified::parse(include_str!("../data/t2s.tsv")));

impl Simplified {
    fn parse(table: &str) -> Self {
        let pairs: HashMap<char, char> = table
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| {
                let (from, to) = line.split_once('\t')?;
                Some((from.chars().next()?, to.chars().next()?))
            })
            .collect();
        // Chains (薴 → 苧 → 苎) are followed to their end, so that folding twice changes nothing.
        let end_of = |from: char| {
            let mut at = from;
            for _ in 0..8 {
                match pairs.get(&at) {
                    Some(to) => at = *to,
                    None => break,
                }
            }
            at
        };
        let common = (FIRST..=LAST).map(|code| char::from_u32(code).map_or(' ', end_of)).collect();
        let rare = pairs
            .keys()
            .filter(|from| !(FIRST..=LAST).contains(&u32::from(**from)))
            .map(|from| (*from, end_of(*from)))
            .collect();
        Self { common, rare }
    }

    fn simplify(&self, c: char) -> char {
        let code = u32::from(c);
        if code < FIRST {
            return c;
        }
        if code <= LAST {
            return self.common.get((code - FIRST) as usize).copied().unwrap_or(c);
        }
        if code < 0x20000 {
            return c;
        }
        self.rare.get(&c).copied().unwrap_or(c)
    }

    /// The folded form of a character that needs no Unicode tables, or `None`.
    fn fold_simple(&self, c: char) -> Option<char> {
        match c {
            ' '..='~' | '\n' | '\t' | '\r' => Some(c.to_ascii_lowercase()),
            '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' => Some(self.simplify(c)),
            '\u{3001}'..='\u{3020}' | '\u{3041}'..='\u{3096}' | '\u{2013}'..='\u{2016}' => Some(c),
            '\u{3000}' => Some(' '),
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).map(|ascii| ascii.to_ascii_lowercase()),
            '\u{2018}'..='\u{201f}' | '\u{2010}' | '\u{2011}' => Some(straight(c)),
            'а'..='я' => Some(c),
            'А'..='Я' => char::from_u32(u32::from(c) + 32),
            _ => None,
        }
    }
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn folds_width_case_script_and_quotes() {
        assert_eq!(folded("ＡＢＣ１２３，（Ｘ）"), "abc123,(x)");
        assert_eq!(folded("Hello WORLD"), "hello world");
        assert_eq!(folded("退貨與換貨，電腦維修"), "退货与换货,电脑维修");
        assert_eq!(folded("“Don’t”"), "\"don't\"");
        assert_eq!(folded("ｶﾞｲﾄﾞ"), "ガイド");
        assert_eq!(folded("ﬁne ① ㎏ ½"), "fine 1 kg 1⁄2");
        assert_eq!(folded("X200\u{2011}Pro"), "x200-pro");
        assert_eq!(folded("ЁЖИК Straße ΣΑΣ"), "ёжик straße σασ");
    }

    #[test]
    fn drops_what_cannot_be_seen() {
        assert_eq!(folded("退\u{200b}货\u{feff}\u{0}a\u{ad}b\u{fe0f}"), "退货ab");
        assert_eq!(folded("a\nb\tc\u{b}d\u{85}e"), "a\nb\tc d e");
    }

    #[test]
    fn hidden_marks_still_combine() {
        assert_eq!(folded("e\u{200b}\u{301}"), "é");
        assert_eq!(folded("E\u{301}"), "é");
        assert_eq!(folded("J\u{30c}"), "ǰ");
    }

    #[test]
    fn chains_of_the_table_are_followed() {
        assert_eq!(folded("薴"), "苎");
        assert_eq!(folded("苧"), "苎");
    }

    #[test]
    fn origin_finds_the_original() {
        let text = "ＡＢＣ：退\u{200b}貨，ﬁne e\u{301}!";
        let fold = fold(text);
        assert_eq!(fold.text, "abc:退货,fine é!");
        let of = |part: &str| {
            let at = fold.text.find(part).unwrap_or(usize::MAX);
            &text[fold.origin(at..at + part.len())]
        };
        assert_eq!(of("abc"), "ＡＢＣ");
        assert_eq!(of("退货"), "退\u{200b}貨");
        assert_eq!(of("货"), "貨");
        assert_eq!(of("f"), "ﬁ");
        assert_eq!(of("ine"), "ﬁne");
        assert_eq!(of("é"), "e\u{301}");
        assert_eq!(fold.origin(0..9_999), 0..text.len());
        assert_eq!(fold.origin(5_000..9_999), text.len()..text.len());
        // Inside a character: the range covers it.
        let inside = fold.text.find('退').unwrap_or(0) + 1;
        assert_eq!(&text[fold.origin(inside..inside + 1)], "退");
        assert_eq!(super::fold("").origin(0..3), 0..0);
    }

    #[test]
    fn accents_of_latin_letters_go() {
        assert_eq!(strip_accents("café"), "cafe");
        assert_eq!(strip_accents("straße"), "strasse");
        assert_eq!(strip_accents("й"), "й");
        assert_eq!(strip_accents("が"), "が");
        assert_eq!(strip_accents("plain"), "plain");
    }

    #[test]
    fn the_table_is_loaded() {
        assert!(SIMPLIFIED.rare.len() > 100);
        assert!(SIMPLIFIED.simplify('體') == '体' && SIMPLIFIED.simplify('体') == '体');
    }
}
