//! Which runs of digits are somebody's number: of a phone, an identity card, a bank card?
//!
//! Invariant: each block of digits is looked at with at most [`MAX_DIGITS`] digits after it, so the time is linear.
//!
//! The text is cut into *blocks* (unbroken runs of digits); a rule looks at a few neighbouring blocks, their digits
//! joined, and what stands between them. A new rule is one function and one line of [`RULES`].

use super::Kind;
use super::digits::{Block, Gap, MAX_DIGITS, MAX_GAP, Script, blocks, run};
use super::glyph::{DIGITS, Found, Glyphs, LETTERS, NUMERALS};
use super::phones::{self, extension, is_mobile_number};
use super::several;
use super::words::{Cue, LEXICON};

/// Neighbouring blocks as a rule sees them.
pub struct Candidate<'a> {
    pub text: &'a Glyphs,
    pub from: usize,
    pub to: usize,
    /// Where the number before ends.
    pub least: usize,
    /// The digits of all blocks, as ASCII.
    pub digits: &'a [u8],
    /// How many digits each block has.
    pub shape: &'a [usize],
    pub gaps: &'a [Gap],
}

type Rule = fn(&Candidate<'_>) -> bool;

/// The rules, the surer ones first; whether they also hold for numbers that are spelled out.
const RULES: [(Kind, Rule, bool); 9] = [
    (Kind::IdentityCard, is_identity_card, true),
    (Kind::Mobile, phones::is_mobile, true),
    (Kind::Phone, phones::is_international, false),
    (Kind::Phone, phones::is_landline, true),
    (Kind::Mobile, phones::is_taiwanese_mobile, true),
    (Kind::Phone, phones::is_taiwanese_landline, false),
    (Kind::BankCard, is_bank_card, true),
    (Kind::IdentityCard, is_social_security, false),
    (Kind::Phone, phones::is_american, false),
];

/// Numbers in figures.
pub fn figures(text: &Glyphs) -> Vec<Found> {
    if text.holds(DIGITS) { find(text, Script::Figures) } else { Vec::new() }
}

/// Numbers with Chinese numerals, or letters that look like figures.
pub fn spoken(text: &Glyphs) -> Vec<Found> {
    let mixed = text.holds(DIGITS) && text.holds(LETTERS);
    if text.holds(NUMERALS) || mixed { find(text, Script::Spoken) } else { Vec::new() }
}

fn find(text: &Glyphs, script: Script) -> Vec<Found> {
    let blocks = blocks(text, script);
    let mut found: Vec<Found> = Vec::new();
    let mut at = 0;
    while let Some(rest) = blocks.get(at..).filter(|rest| !rest.is_empty()) {
        if let Some((piece, taken)) = find_at(text, rest, script, found.last().map_or(0, |piece| piece.to)) {
            found.push(piece);
            at += taken;
        } else if let Some((pieces, taken)) = several::run_together(text, rest, script) {
            found.extend(pieces);
            at += taken;
        } else {
            at += 1;
        }
    }
    found
}

/// The longest number of any kind that begins with the first of these blocks, and how many blocks it takes.
fn find_at(text: &Glyphs, blocks: &[Block], script: Script, least: usize) -> Option<(Found, usize)> {
    let first = blocks.first()?;
    let (mut digits, mut shape, mut gaps) = ([0_u8; MAX_DIGITS], [0_usize; MAX_DIGITS], [None; MAX_DIGITS]);
    let (mut count, mut gap_count) = (0, 0);
    let mut last_end = first.from;
    let mut best = None;
    for (taken, block) in blocks.iter().take(MAX_DIGITS).enumerate() {
        if taken > 0 {
            let Some(gap) = Gap::between(text, last_end, block.from) else { break };
            *gaps.get_mut(gap_count)? = Some(gap);
            gap_count += 1;
        }
        if count + (block.to - block.from) > MAX_DIGITS {
            break;
        }
        for digit in text.chars(block.from, block.to).filter_map(|c| script.digit(c)) {
            *digits.get_mut(count)? = digit + b'0';
            count += 1;
        }
        *shape.get_mut(taken)? = block.to - block.from;
        last_end = block.to;
        let between: Vec<Gap> = if count < 8 { continue } else { gaps.iter().flatten().copied().collect() };
        let candidate = Candidate {
            text,
            from: first.from,
            to: block.to,
            least,
            digits: digits.get(..count)?,
            shape: shape.get(..=taken)?,
            gaps: &between,
        };
        if script == Script::Spoken && !candidate.is_spoken() {
            continue;
        }
        let fits = |(_, fits, also): &&(Kind, Rule, bool)| (*also || script == Script::Figures) && fits(&candidate);
        if let Some((kind, ..)) = RULES.iter().find(fits) {
            best = Some((candidate.found(*kind), taken + 1));
        }
    }
    best
}

impl Candidate<'_> {
    /// Takes along what belongs to the number besides its digits: a `+` or bracket before it, the final `X` of a card.
    fn found(&self, kind: Kind) -> Found {
        let closed = self.text.chars(self.from, self.to).any(|c| c == ')');
        let belongs = |c: char| matches!(kind, Kind::Mobile | Kind::Phone) && (c == '+' || c == '(' && closed);
        let lead = self.text.run_before(self.from, MAX_GAP, belongs);
        let extension = if kind == Kind::Phone { extension(self.text, self.to) } else { None };
        let tail = if kind == Kind::IdentityCard && self.digits.len() == 17 {
            self.final_x().unwrap_or(self.to)
        } else {
            self.to
        };
        Found { from: self.from - lead, to: extension.unwrap_or(tail), kind }
    }

    pub fn before(&self) -> char {
        self.text.back(self.from, 1)
    }

    pub fn after(&self) -> char {
        self.text.ch(self.to)
    }

    /// Whether letters stand for figures only among real ones, and not inside a word.
    fn is_spoken(&self) -> bool {
        let letters = self.text.chars(self.from, self.to).filter(char::is_ascii_alphabetic).count();
        letters == 0
            || (letters + 4 <= self.digits.len()
                && !self.before().is_ascii_alphanumeric()
                && (!self.after().is_ascii_alphanumeric() || self.digits.len() == 17 && self.final_x().is_some()))
    }

    /// Whether the digits are part of an identifier such as `SF13812345678` or `ORD_138…`.
    pub fn in_identifier(&self) -> bool {
        let marks = |c: char| c.is_ascii_uppercase() || c == '_';
        marks(self.before()) || marks(self.after())
    }

    pub fn after_plus(&self) -> bool {
        let brackets = self.text.run_before(self.from, 2, |c| c == '(');
        self.text.back(self.from, brackets + 1) == '+'
    }

    pub fn gaps_are(&self, allowed: &[&str]) -> bool {
        self.gaps.iter().all(|gap| allowed.iter().any(|a| gap.is(a)))
    }

    /// Whether the same stands between all blocks.
    pub fn is_even(&self) -> bool {
        self.gaps.windows(2).all(|pair| pair.first() == pair.last())
    }

    /// Whether a word before says that this is a number of a thing.
    pub fn is_of_a_thing(&self) -> bool {
        let space = self.text.run_before(self.from, 3, |c| matches!(c, ' ' | ':' | '#' | '='));
        let end = self.from - space;
        let word = |least: usize| {
            (least..=16)
                .filter_map(|n| end.checked_sub(n))
                .any(|at| LEXICON.cues.ends(self.text, at, end) == Some(Cue::Harmless))
        };
        word(2)
    }

    /// Where a final `X` ends.
    pub fn final_x(&self) -> Option<usize> {
        let at = self.text.skip_most(self.to, 2, |c| matches!(c, ' ' | '-'));
        let is_x = matches!(self.text.ch(at), 'x' | 'X' | '×' | 'Ⅹ' | 'ⅹ' | '叉');
        // A mobile number may follow at once.
        let more = run(self.text, at + 1, 12, false);
        let mobile = more.0.len() == 11 && more.1 == at + 12 && is_mobile_number(&more.0);
        (is_x && (mobile || !self.text.ch(at + 1).is_ascii_alphanumeric())).then_some(at + 1)
    }
}

/// `123-45-6789` (the American social security number).
fn is_social_security(c: &Candidate<'_>) -> bool {
    let issued = !matches!(c.digits, [b'0', b'0', b'0', ..] | [b'6', b'6', b'6', ..] | [b'9', ..]);
    let outside = !matches!(c.before(), '-' | '.' | '/') && !matches!(c.after(), '-' | '/');
    matches!(c.shape, [3, 2, 4]) && issued && outside && c.gaps_are(&["-"]) && !c.in_identifier() && !c.is_of_a_thing()
}

/// 18 places with their check digit (GB 11643-1999), or the older 15; a known province and a possible birthday.
fn is_identity_card(c: &Candidate<'_>) -> bool {
    let glued = c.after().is_ascii_alphanumeric();
    match c.digits.len() {
        15 => {
            let whole = matches!(c.shape, [15] | [6, 6, 3]) && !c.in_identifier();
            whole && is_province(c.digits) && is_day(c.digits, 8) && !c.is_of_a_thing()
        }
        18 => !glued && is_identity(c.digits, false),
        17 => c.final_x().is_some() && is_identity(c.digits, true),
        _ => false,
    }
}

/// Whether 18 digits lead to a province and a birthday, whatever their check digit is.
pub fn is_like_identity(digits: &[u8]) -> bool {
    digits.len() == 18 && is_province(digits) && is_day(digits, 10)
}

/// Whether 18 digits, or 17 before an `X`, are a number of the mainland's identity card.
pub fn is_identity(digits: &[u8], x: bool) -> bool {
    let check = if x { Some('X') } else { digits.last().map(|d| char::from(*d)) };
    digits.len() == if x { 17 } else { 18 } && is_province(digits) && is_day(digits, 10) && check_digit(digits) == check
}

/// The digits as one number of some decimal places, beginning at a place.
fn number(digits: &[u8], from: usize, places: usize) -> Option<u32> {
    let digits = digits.get(from..from + places)?;
    Some(digits.iter().fold(0, |sum, d| sum * 10 + u32::from(d - b'0')))
}

fn is_province(digits: &[u8]) -> bool {
    matches!(number(digits, 0, 2), Some(11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83 | 91))
}

fn is_day(digits: &[u8], month_at: usize) -> bool {
    let century = month_at == 8 || matches!(number(digits, 6, 2), Some(18..=20));
    let month = matches!(number(digits, month_at, 2), Some(1..=12));
    century && month && matches!(number(digits, month_at + 2, 2), Some(1..=31))
}

/// The 18th place that the first 17 ask for (ISO 7064, MOD 11-2).
fn check_digit(digits: &[u8]) -> Option<char> {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(d, weight)| u32::from(d - b'0') * weight).sum();
    "10X98765432".chars().nth((sum % 11) as usize)
}

/// As many digits as the card scheme gives, whole or in groups, whose Luhn sum is right (ISO/IEC 7812-1).
fn is_bank_card(c: &Candidate<'_>) -> bool {
    let fours = matches!(c.shape, [4, 4, 4, 1..=7] | [4, 4, 4, 4, 1..=3]);
    let grouped = matches!(c.shape, [4, .., 1..=4])
        || c.shape.iter().all(|digits| *digits >= 3)
        || c.shape.iter().all(|digits| *digits == 1);
    let close = |gap: &Gap| gap.is_loose() || gap.is_point();
    (grouped && c.gaps.iter().all(close) || fours && (c.is_even() || c.gaps.iter().all(Gap::flows)))
        && is_issued(c.digits)
        && !phones::is_listed(c, c.gaps)
        && !c.after_plus()
        && !c.in_identifier()
        && luhn(c.digits)
        && !c.is_of_a_thing()
}

/// Whether a card scheme gives numbers that begin so, and of that length.
pub fn is_issued(digits: &[u8]) -> bool {
    let length = digits.len();
    let head = digits.iter().take(4).fold(0, |sum, d| sum * 10 + u32::from(d - b'0'));
    match head {
        3400..=3499 | 3700..=3799 => length == 15,
        3000..=3099 | 3600..=3699 | 3800..=3999 => length == 14,
        3500..=3599 => length == 16,
        4000..=4999 => matches!(length, 16 | 19),
        2221..=2720 | 5100..=5999 | 6011 => length == 16,
        6000..=6999 => (16..=19).contains(&length),
        9558 => length == 19,
        _ => false,
    }
}

pub fn luhn(digits: &[u8]) -> bool {
    let value = |(place, digit): (usize, &u8)| {
        let digit = u32::from(digit - b'0');
        let doubled = if place % 2 == 1 { digit * 2 } else { digit };
        if doubled > 9 { doubled - 9 } else { doubled }
    };
    digits.iter().rev().enumerate().map(value).sum::<u32>() % 10 == 0
}

/// Whether a Chinese identity number may be this: the right length only.
pub fn may_be_identity(text: &Glyphs, digits: &[u8], end: usize) -> Option<usize> {
    match digits.len() {
        15 | 18 => Some(end),
        17 => {
            let candidate = Candidate { text, from: end, to: end, least: 0, digits, shape: &[17], gaps: &[] };
            candidate.final_x()
        }
        _ => None,
    }
}
