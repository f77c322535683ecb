//! What is a text once width, invisible characters and odd digits no longer count?
//!
//! Invariant: folding is blind to what stands around a character, so that a masked text folds to what the masking left.

use super::Kind;

/// What [`Glyphs::ch`] gives beyond the ends of the text.
pub const END: char = '\u{ffff}';
/// What it gives for a tag: nothing reads across one.
pub const TAG: char = '\u{fffe}';

/// A character that counts: where it begins and ends in the text, and what it is without its disguise.
#[derive(Debug, Clone, Copy)]
pub struct Glyph {
    pub start: usize,
    pub end: usize,
    pub plain: char,
    /// Which tag stands here, found or given.
    pub tag: Option<Kind>,
    /// Whether this masking found it.
    pub fresh: bool,
}

/// A piece to replace, by glyph.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    pub from: usize,
    pub to: usize,
    pub kind: Kind,
}

/// A folded text.
#[derive(Debug)]
pub struct Glyphs {
    glyphs: Vec<Glyph>,
    /// Kinds of characters in it, as bits: [`DIGITS`] and the like.
    holds: u8,
}

/// The text holds a digit.
pub const DIGITS: u8 = 1;
/// The text holds an ASCII letter.
pub const LETTERS: u8 = 2;
/// The text holds a Chinese character.
pub const HAN: u8 = 4;
/// The text holds an `@`, or a sign that is read as one.
pub const AT: u8 = 8;
/// The text holds a numeral written as a Chinese character.
pub const NUMERALS: u8 = 16;

impl Glyphs {
    pub fn fold(text: &str) -> Self {
        let mut glyphs = Vec::with_capacity(text.len() / 2 + 4);
        let mut holds = 0;
        let mut skip_to = 0;
        for (start, c) in text.char_indices() {
            if start < skip_to {
                continue;
            }
            if c == '〔'
                && let Some(kind) = text.get(start..).and_then(Kind::tag_at)
            {
                skip_to = start + kind.tag().len();
                glyphs.push(Glyph { start, end: skip_to, plain: TAG, tag: Some(kind), fresh: false });
                continue;
            }
            let plain = if c.is_ascii() { c } else { plain(c) };
            if plain == DROPPED {
                // It goes with what it follows, such as the ring around a digit.
                if let Some(last) = glyphs.last_mut().filter(|last: &&mut Glyph| last.plain != TAG) {
                    last.end = start + c.len_utf8();
                }
                continue;
            }
            holds |= holding(plain);
            glyphs.push(Glyph { start, end: start + c.len_utf8(), plain, tag: None, fresh: false });
        }
        Self { glyphs, holds }
    }

    pub fn holds(&self, bits: u8) -> bool {
        self.holds & bits != 0
    }

    pub fn len(&self) -> usize {
        self.glyphs.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = (usize, char)> + '_ {
        self.glyphs.iter().enumerate().map(|(at, g)| (at, g.plain))
    }

    /// The character there.
    pub fn ch(&self, at: usize) -> char {
        self.glyphs.get(at).map_or(END, |g| g.plain)
    }

    /// The tag there.
    pub fn tag(&self, at: usize) -> Option<Kind> {
        self.glyphs.get(at).and_then(|g| g.tag)
    }

    /// The character so many places before.
    pub fn back(&self, at: usize, places: usize) -> char {
        at.checked_sub(places).map_or(END, |at| self.ch(at))
    }

    /// The first place from there on whose character is not such.
    pub fn skip(&self, at: usize, such: impl Fn(char) -> bool) -> usize {
        let rest = self.glyphs.get(at..).unwrap_or_default();
        at + rest.iter().take_while(|g| such(g.plain)).count()
    }

    /// As [`Glyphs::skip`], over at most so many.
    pub fn skip_most(&self, at: usize, most: usize, such: impl Fn(char) -> bool) -> usize {
        let rest = self.glyphs.get(at..).unwrap_or_default();
        at + rest.iter().take(most).take_while(|g| such(g.plain)).count()
    }

    /// How many characters directly before are such, counting at most so many.
    pub fn run_before(&self, at: usize, most: usize, such: impl Fn(char) -> bool) -> usize {
        let head = self.glyphs.get(..at).unwrap_or_default();
        head.iter().rev().take(most).take_while(|g| such(g.plain)).count()
    }

    /// The characters of a range.
    pub fn chars(&self, from: usize, to: usize) -> impl DoubleEndedIterator<Item = char> + '_ {
        self.glyphs.get(from..to.min(self.glyphs.len())).unwrap_or_default().iter().map(|g| g.plain)
    }

    /// Whether exactly these characters, in lower case, stand there.
    pub fn reads(&self, at: usize, word: &str) -> bool {
        word.chars().enumerate().all(|(n, c)| self.ch(at + n).to_ascii_lowercase() == c)
    }

    /// Puts a tag where each piece was; the pieces are in order and apart.
    pub fn replace(&mut self, pieces: &[Found]) {
        let mut kept = Vec::with_capacity(self.glyphs.len());
        let mut at = 0;
        for piece in pieces {
            let (Some(between), Some(inside)) =
                (self.glyphs.get(at..piece.from), self.glyphs.get(piece.from..piece.to))
            else {
                continue;
            };
            let (Some(first), Some(last)) = (inside.first(), inside.last()) else { continue };
            kept.extend_from_slice(between);
            kept.push(Glyph { start: first.start, end: last.end, plain: TAG, tag: Some(piece.kind), fresh: true });
            at = piece.to;
        }
        kept.extend_from_slice(self.glyphs.get(at..).unwrap_or_default());
        self.glyphs = kept;
    }

    /// What was found, by byte of the text.
    pub fn found(&self) -> impl Iterator<Item = (Kind, usize, usize)> + '_ {
        self.glyphs.iter().filter(|g| g.fresh).filter_map(|g| Some((g.tag?, g.start, g.end)))
    }
}

fn holding(c: char) -> u8 {
    match c {
        '0'..='9' => DIGITS,
        'a'..='z' | 'A'..='Z' => LETTERS,
        '@' => AT,
        _ if is_han(c) => HAN | if numeral(c).is_some() { NUMERALS } else { 0 },
        _ => 0,
    }
}

/// A character that counts for nothing.
const DROPPED: char = '\0';

/// What a character other than ASCII stands for.
fn plain(c: char) -> char {
    match c {
        '\u{4e00}'..='\u{9fff}' => c,
        '\u{ff01}'..='\u{ff5e}' => shifted(c, 0xff01, '!'),
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' | '\u{3164}' => ' ',
        '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{2500}' | '\u{30fc}' => '-',
        '\u{fe52}' | '\u{ff61}' | '\u{2024}' => '.',
        '\u{2022}' | '\u{2027}' | '\u{22c5}' | '\u{30fb}' | '\u{ff65}' | '\u{2219}' => '·',
        '\u{2018}' | '\u{2019}' | '\u{2032}' => '\'',
        '\u{201c}' | '\u{201d}' | '「' | '」' | '『' | '』' => '"',
        '\u{fe55}' => ':',
        '\u{fe6b}' => '@',
        '㈠'..='㈨' => ideograph(c, '㈠'),
        '㊀'..='㊈' => ideograph(c, '㊀'),
        '○' | '◯' | '⓪' | '⓿' | '🄋' | '🄌' | '⁰' | '₀' => '0',
        '¹' => '1',
        '²' => '2',
        '³' => '3',
        '\u{2074}'..='\u{2079}' => shifted(c, 0x2074, '4'),
        '\u{2081}'..='\u{2089}' => shifted(c, 0x2081, '1'),
        '\u{2460}'..='\u{2468}' => shifted(c, 0x2460, '1'),
        '\u{2474}'..='\u{247c}' => shifted(c, 0x2474, '1'),
        '\u{2488}'..='\u{2490}' => shifted(c, 0x2488, '1'),
        '\u{24f5}'..='\u{24fd}' => shifted(c, 0x24f5, '1'),
        '\u{2776}'..='\u{277e}' => shifted(c, 0x2776, '1'),
        '\u{2780}'..='\u{2788}' => shifted(c, 0x2780, '1'),
        '\u{278a}'..='\u{2792}' => shifted(c, 0x278a, '1'),
        '\u{1d7ce}'..='\u{1d7ff}' => char::from_digit((u32::from(c) - 0x1d7ce) % 10, 10).unwrap_or(c),
        '\u{1fbf0}'..='\u{1fbf9}' => shifted(c, 0x1fbf0, '0'),
        '\u{1d400}'..='\u{1d6a3}' => letter((u32::from(c) - 0x1d400) % 52),
        '\u{24b6}'..='\u{24cf}' => shifted(c, 0x24b6, 'A'),
        '\u{24d0}'..='\u{24e9}' => shifted(c, 0x24d0, 'a'),
        '\u{ad}' | '\u{300}'..='\u{36f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180e}' => DROPPED,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{20d0}'..='\u{20ff}' => {
            DROPPED
        }
        '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' => DROPPED,
        END | TAG => '\u{fffd}',
        other => ZEROS
            .iter()
            .find(|zero| (**zero..**zero + 10).contains(&u32::from(c)))
            .map_or(other, |zero| shifted(c, *zero, '0')),
    }
}

/// Where the digits of other scripts begin (general category Nd).
const ZEROS: [u32; 18] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0xed0, 0xf20, 0x1040,
    0x17e0, 0x1810,
];

/// `㈠`, `㊀`: a numeral in a bracket or a ring.
fn ideograph(c: char, first: char) -> char {
    let place = (u32::from(c) - u32::from(first)) as usize;
    "一二三四五六七八九".chars().nth(place).unwrap_or(c)
}

/// The character as far from `to` as this one is from `from`.
fn shifted(c: char, from: u32, to: char) -> char {
    char::from_u32(u32::from(c) - from + u32::from(to)).unwrap_or(c)
}

fn letter(place: u32) -> char {
    let base = if place < 26 { u32::from('A') } else { u32::from('a') - 26 };
    char::from_u32(base + place).unwrap_or('?')
}

pub fn is_han(c: char) -> bool {
    matches!(c, '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' | '〇' | '\u{20000}'..='\u{2ebef}')
}

/// A letter of a script with upper and lower case, or any other but a Chinese one.
pub fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || (!c.is_ascii() && !is_han(c) && c.is_alphabetic())
}

/// The digit that a Chinese numeral stands for where numbers are dictated.
pub fn numeral(c: char) -> Option<u8> {
    Some(match c {
        '零' | '〇' | '洞' => 0,
        '一' | '幺' | '壹' | '么' => 1,
        '二' | '贰' | '貳' | '两' | '兩' => 2,
        '三' | '叁' | '參' | '叄' => 3,
        '四' | '肆' => 4,
        '五' | '伍' => 5,
        '六' | '陆' | '陸' => 6,
        '七' | '柒' | '拐' => 7,
        '八' | '捌' => 8,
        '九' | '玖' | '勾' => 9,
        _ => return None,
    })
}
