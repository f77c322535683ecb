//! Which digits belong together when something stands between them?
//!
//! Invariant: between two digits of one number stand at most [`MAX_GAP`] characters, and none of them is a letter, a tag
//! or a sign that ends numbers; what a gap may hold is said here and nowhere else.

use super::glyph::{END, Glyphs, TAG, numeral};

/// Most digits that any rule looks at.
pub const MAX_DIGITS: usize = 19;
/// Most characters between two blocks of one number, such as `) ` or ` - `.
pub const MAX_GAP: usize = 4;

/// How digits are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// `138`, in whatever width or circle.
    Figures,
    /// Also `一三八`, and letters that look like figures: `l38OO13…`.
    Spoken,
}

impl Script {
    pub fn digit(self, c: char) -> Option<u8> {
        match c {
            '0'..='9' => u8::try_from(c).ok().map(|b| b - b'0'),
            _ if self == Script::Figures => None,
            'O' | 'o' => Some(0),
            'I' | 'l' => Some(1),
            _ => numeral(c),
        }
    }
}

/// An unbroken run of digits, by glyph.
#[derive(Debug, Clone, Copy)]
pub struct Block {
    pub from: usize,
    pub to: usize,
}

impl Block {
    pub fn len(self) -> usize {
        self.to - self.from
    }
}

/// The unbroken runs of digits of a text.
pub fn blocks(text: &Glyphs, script: Script) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for (at, _) in text.iter().filter(|(_, c)| script.digit(*c).is_some()) {
        match blocks.last_mut().filter(|last| last.to == at) {
            Some(last) => last.to = at + 1,
            None => blocks.push(Block { from: at, to: at + 1 }),
        }
    }
    if script == Script::Spoken {
        // Letters alone are no number.
        blocks.retain(|block| text.chars(block.from, block.to).any(|c| !c.is_ascii_alphabetic()));
    }
    blocks
}

/// Whether a character may stand between digits at all. Who dictates says `杠` or `空格` for what others write.
fn parts(c: char) -> bool {
    !c.is_alphanumeric() && c != TAG && c != END || matches!(c, '杠' | '槓' | '横' | '橫' | '空' | '格')
}

/// A sign of another thing than one long number: a time, a share, a sum of money.
fn ends_numbers(c: char) -> bool {
    matches!(
        c,
        ':' | ';' | '#' | '%' | '|' | '$' | '¥' | '€' | '£' | '@' | '&' | '!' | '?' | '=' | '<' | '>' | '≈' | '×'
    )
}

/// A sign that also stands between the members of a list.
fn lists(c: char) -> bool {
    matches!(c, ',' | '、' | '/' | '。' | '.')
}

/// What stands between two blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    chars: [char; MAX_GAP],
    len: usize,
}

impl Gap {
    pub fn between(text: &Glyphs, from: usize, to: usize) -> Option<Self> {
        let len = to.checked_sub(from).filter(|len| (1..=MAX_GAP).contains(len))?;
        let mut chars = [END; MAX_GAP];
        for (slot, c) in chars.iter_mut().zip(text.chars(from, to)) {
            if !parts(c) {
                return None;
            }
            *slot = if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c };
        }
        Some(Self { chars, len })
    }

    pub fn is(&self, written: &str) -> bool {
        self.len == written.chars().count() && written.chars().zip(self.chars).all(|(a, b)| a == b)
    }

    fn chars(&self) -> impl Iterator<Item = char> + '_ {
        self.chars.iter().take(self.len).copied()
    }

    /// Whether it only groups the digits of a number: spaces, dashes, brackets.
    pub fn is_loose(&self) -> bool {
        self.chars().all(|c| matches!(c, ' ' | '-' | '(' | ')' | '[' | ']' | '_' | '~' | '·') || c.is_alphabetic())
    }

    /// Whether a number may go on behind it.
    pub fn flows(&self) -> bool {
        !self.chars().any(ends_numbers) && self.chars().filter(|c| *c == ' ').count() < 3
    }

    /// Whether the members of a list may stand apart like this.
    pub fn lists(&self) -> bool {
        self.chars().any(lists)
    }

    /// Whether it may be the point of a decimal number.
    pub fn is_point(&self) -> bool {
        self.len == 1 && self.chars().any(|c| c == '.')
    }
}

/// The digits from there on, over small gaps: their values as ASCII, and where they end.
pub fn run(text: &Glyphs, at: usize, most: usize, spoken: bool) -> (Vec<u8>, usize) {
    let script = if spoken { Script::Spoken } else { Script::Figures };
    let digit = |c: char| script.digit(c).filter(|_| !c.is_ascii_alphabetic());
    let (mut digits, mut end, mut next) = (Vec::new(), at, at);
    while digits.len() <= most {
        if let Some(d) = digit(text.ch(next)) {
            digits.push(d + b'0');
            next += 1;
            end = next;
            continue;
        }
        let past = text.skip_most(next, 2, |c| matches!(c, ' ' | '-' | '.' | '·' | '(' | ')'));
        if past == next || digits.is_empty() || digit(text.ch(past)).is_none() {
            break;
        }
        next = past;
    }
    (digits, end)
}

/// Digits that a cue announces, over whatever may stand in a number, and where each of their blocks ends.
pub struct Reach {
    /// As ASCII.
    pub digits: Vec<u8>,
    /// How many digits there are at the end of each block, and where that is.
    pub ends: Vec<(usize, usize)>,
}

/// The digits from there on, over every gap that a number may have.
pub fn reach(text: &Glyphs, at: usize, most: usize) -> Reach {
    let digit = |c: char| Script::Spoken.digit(c).filter(|_| !c.is_ascii_alphabetic());
    let mut reach = Reach { digits: Vec::new(), ends: Vec::new() };
    let mut next = at;
    while reach.digits.len() < most {
        match digit(text.ch(next)) {
            Some(d) => {
                reach.digits.push(d + b'0');
                next += 1;
                if digit(text.ch(next)).is_none() {
                    reach.ends.push((reach.digits.len(), next));
                }
            }
            None => {
                let past =
                    text.skip_most(next, MAX_GAP, |c| parts(c) && (!ends_numbers(c) || matches!(c, ':' | ';' | '=')));
                if past == next || reach.digits.is_empty() || digit(text.ch(past)).is_none() {
                    break;
                }
                next = past;
            }
        }
    }
    reach
}
