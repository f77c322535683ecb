//! Which runs of digits are somebody's number: of a phone, an identity card, a bank card?
//!
//! Invariant: each block of digits is looked at with at most [`MAX_DIGITS`] digits after it, so the time is linear.
//!
//! The text is cut into *blocks* (unbroken runs of digits); a rule looks at a few neighbouring blocks, their digits
//! joined, and what stands between them. A new rule is one function and one line of [`RULES`].

use super::Kind;
use super::glyph::{DIGITS, END, Found, Glyphs, LETTERS, NUMERALS, numeral};
use super::words::{Cue, LEXICON};

/// Most digits that any rule looks at.
const MAX_DIGITS: usize = 19;
/// Most characters between two blocks of one number, such as `) ` or ` - `.
const MAX_GAP: usize = 3;

/// How digits are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    /// `138`, in whatever width or circle.
    Figures,
    /// Also `一三八`, and letters that look like figures: `l38OO13…`.
    Spoken,
}

impl Script {
    fn digit(self, c: char) -> Option<u8> {
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
struct Block {
    from: usize,
    to: usize,
}

/// What stands between two blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Gap {
    chars: [char; MAX_GAP],
    len: usize,
}

impl Gap {
    fn between(text: &Glyphs, from: usize, to: usize) -> Option<Self> {
        let len = to.checked_sub(from).filter(|len| (1..=MAX_GAP).contains(len))?;
        let mut chars = [END; MAX_GAP];
        for (slot, c) in chars.iter_mut().zip(text.chars(from, to)) {
            if c.is_alphanumeric() || c == super::glyph::TAG {
                return None;
            }
            *slot = if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c };
        }
        Some(Self { chars, len })
    }

    fn is(&self, written: &str) -> bool {
        self.len == written.len() && written.chars().zip(self.chars).all(|(a, b)| a == b)
    }
}

/// Neighbouring blocks as a rule sees them.
struct Candidate<'a> {
    text: &'a Glyphs,
    from: usize,
    to: usize,
    /// The digits of all blocks, as ASCII.
    digits: &'a [u8],
    /// How many digits each block has.
    shape: &'a [usize],
    gaps: &'a [Gap],
}

type Rule = fn(&Candidate<'_>) -> bool;

/// The rules, the surer ones first; whether they also hold for numbers that are spelled out.
const RULES: [(Kind, Rule, bool); 9] = [
    (Kind::IdentityCard, is_identity_card, true),
    (Kind::Mobile, is_mobile, true),
    (Kind::Phone, is_international, false),
    (Kind::Phone, is_landline, true),
    (Kind::Mobile, is_taiwanese_mobile, true),
    (Kind::Phone, is_taiwanese_landline, false),
    (Kind::BankCard, is_bank_card, true),
    (Kind::IdentityCard, is_social_security, false),
    (Kind::Phone, is_american, false),
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
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = blocks.get(at..).filter(|rest| !rest.is_empty()) {
        match find_at(text, rest, script) {
            Some((piece, taken)) => {
                found.push(piece);
                at += taken;
            }
            None => at += 1,
        }
    }
    found
}

fn blocks(text: &Glyphs, script: Script) -> Vec<Block> {
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

/// The longest number of any kind that begins with the first of these blocks, and how many blocks it takes.
fn find_at(text: &Glyphs, blocks: &[Block], script: Script) -> Option<(Found, usize)> {
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

    fn before(&self) -> char {
        self.text.back(self.from, 1)
    }

    fn after(&self) -> char {
        self.text.ch(self.to)
    }

    /// Whether letters stand for figures only among real ones, and not inside a word.
    fn is_spoken(&self) -> bool {
        let letters = self.text.chars(self.from, self.to).filter(char::is_ascii_alphabetic).count();
        letters == 0
            || (letters + 4 <= self.digits.len()
                && !self.before().is_ascii_alphanumeric()
                && !self.after().is_ascii_alphanumeric())
    }

    /// Whether the digits are part of an identifier such as `SF13812345678` or `ORD_138…`.
    fn in_identifier(&self) -> bool {
        let marks = |c: char| c.is_ascii_uppercase() || c == '_';
        marks(self.before()) || marks(self.after())
    }

    fn after_plus(&self) -> bool {
        let brackets = self.text.run_before(self.from, 2, |c| c == '(');
        self.text.back(self.from, brackets + 1) == '+'
    }

    fn gaps_are(&self, allowed: &[&str]) -> bool {
        self.gaps.iter().all(|gap| allowed.iter().any(|a| gap.is(a)))
    }

    /// Whether the same stands between all blocks.
    fn is_even(&self) -> bool {
        self.gaps.windows(2).all(|pair| pair.first() == pair.last())
    }

    /// Whether a word before says that this is a number of a thing.
    fn is_of_a_thing(&self) -> bool {
        let space = self.text.run_before(self.from, 3, |c| matches!(c, ' ' | ':' | '#' | '='));
        let end = self.from - space;
        let word = |least: usize| {
            (least..=16)
                .filter_map(|n| end.checked_sub(n))
                .any(|at| LEXICON.cues.ends(self.text, at, end) == Some(Cue::Harmless))
        };
        word(2)
    }

    /// The digits as one number of `N` decimal places, beginning at a place.
    fn number(&self, from: usize, places: usize) -> Option<u32> {
        let digits = self.digits.get(from..from + places)?;
        Some(digits.iter().fold(0, |sum, d| sum * 10 + u32::from(d - b'0')))
    }

    /// Where a final `X` ends.
    fn final_x(&self) -> Option<usize> {
        let at = self.text.skip_most(self.to, 2, |c| matches!(c, ' ' | '-'));
        let is_x = matches!(self.text.ch(at), 'x' | 'X' | '×' | 'Ⅹ' | 'ⅹ' | '叉');
        (is_x && !self.text.ch(at + 1).is_ascii_alphanumeric()).then_some(at + 1)
    }
}

const LOOSE: [&str; 8] = [" ", "-", ") ", ")", " - ", ")-", "  ", "- "];

/// `138 1234 5678`, `+86-138…`, `(0086)138…`, also one digit at a time.
fn is_mobile(c: &Candidate<'_>) -> bool {
    let (number, shape) = match (c.digits, c.shape) {
        ([b'0', b'0', b'8', b'6', number @ ..], [4, shape @ ..]) => (number, shape),
        ([b'8', b'6', number @ ..], [2, shape @ ..]) => (number, shape),
        ([b'0', number @ ..], [1, shape @ ..]) => (number, shape),
        ([b'0', b'0', b'8', b'6', number @ ..], [15]) => (number, [11].as_slice()),
        ([b'8', b'6', number @ ..], [13]) => (number, [11].as_slice()),
        ([b'0', number @ ..], [12]) => (number, [11].as_slice()),
        all => all,
    };
    if !matches!(number, [b'1', b'3'..=b'9', ..]) || number.len() != 11 || c.in_identifier() {
        return false;
    }
    let prefix = c.shape.len() - shape.len();
    let inner = c.gaps.get(prefix.min(c.gaps.len())..).unwrap_or_default();
    let even = inner.windows(2).all(|pair| pair.first() == pair.last());
    let grouped = shape.iter().all(|digits| *digits >= 3);
    let in_pairs =
        matches!(shape, [3, 2, 2, 2, 2] | [3, 2, 2, 4] | [3, 4, 2, 2] | [1, 2, 2, 2, 2, 2] | [2, 2, 2, 2, 2, 1]);
    shape.len() == 11
        || shape.len() == 1 && c.gaps_are(&LOOSE)
        || grouped && c.gaps_are(&LOOSE)
        || matches!(shape, [3, 4, 4]) && even
        || in_pairs && even && c.gaps_are(&LOOSE)
        || c.gaps.iter().all(|gap| gap.is("-")) && shape.len() > 6
}

/// `+1 (555) 123-4567`: a plus and 8 to 15 digits (ITU-T E.164).
fn is_international(c: &Candidate<'_>) -> bool {
    let brackets = c.text.run_before(c.from, 2, |c| c == '(');
    let plus = c.text.back(c.from, brackets + 1) == '+';
    let toll_free = matches!(c.digits, [b'1', b'8', b'0', b'0', ..] | [b'8', b'6', b'4', b'0', b'0', ..]);
    plus && !c.text.back(c.from, brackets + 2).is_ascii_alphanumeric()
        && (8..=15).contains(&c.digits.len())
        && !toll_free
        && !c.digits.starts_with(b"0")
        && c.gaps_are(&[" ", "-", ".", " (", ") ", ")", "(", ")-"])
        && !c.in_identifier()
}

/// `010-12345678`, `(0755) 1234 5678`, `021 5888 1234-8001`: a Chinese area code, 7 or 8 digits, perhaps an extension.
fn is_landline(c: &Candidate<'_>) -> bool {
    let area = match c.digits {
        [b'0', b'1', b'0', ..] | [b'0', b'2', ..] => 3,
        [b'0', b'3'..=b'9', ..] => 4,
        _ => return false,
    };
    let plain = c.gaps_are(&LOOSE);
    let Some(local) = c.digits.get(area..).filter(|_| plain && !c.in_identifier()) else { return false };
    if !matches!(local.first(), Some(b'2'..=b'8')) {
        return false;
    }
    let fits = |digits: usize| digits == 8 || (digits == 7 && area == 4);
    match c.shape {
        [all] => fits(all - area),
        [a, rest @ ..] if *a == area => match rest {
            [whole] => fits(*whole),
            [3 | 4, 4] => true,
            [whole, 1..=6] => fits(*whole),
            [3 | 4, 4, 1..=6] => true,
            [2, 2, 2, 2] => true,
            _ => false,
        },
        [all, 1..=6] => fits(all.saturating_sub(area)),
        ones => ones.iter().all(|n| *n == 1) && fits(ones.len() - area),
    }
}

/// `0912-345-678`.
fn is_taiwanese_mobile(c: &Candidate<'_>) -> bool {
    matches!(c.digits, [b'0', b'9', ..])
        && c.digits.len() == 10
        && (matches!(c.shape, [10] | [4, 3, 3] | [4, 6] | [2, 4, 4]) || c.shape.len() == 10)
        && c.is_even()
        && c.gaps_are(&[" ", "-"])
        && !c.in_identifier()
}

/// `(02) 2345-6789`, `07-345-6789`.
fn is_taiwanese_landline(c: &Candidate<'_>) -> bool {
    let shape = matches!(c.shape, [2, 4, 4] | [2, 8] | [2, 3, 4] | [2, 7]);
    let area = matches!(c.digits, [b'0', b'2', b'2'..=b'8', ..] | [b'0', b'3'..=b'8', b'2'..=b'9', ..]);
    let (bracket, dashes) = (c.before() == '(', c.gaps.iter().all(|gap| gap.is("-")));
    shape && area && (bracket || dashes) && c.gaps_are(&LOOSE) && !c.in_identifier()
}

/// `(212) 555-0123`, `212-555-0123`: the North American plan, without hotlines.
fn is_american(c: &Candidate<'_>) -> bool {
    let hotline = matches!(c.digits, [b'4', b'0', b'0', ..] | [b'8', b'0', b'0', ..])
        || matches!(c.digits, [b'8', a, b, ..] if a == b && matches!(a, b'3'..=b'8'));
    matches!(c.shape, [3, 3, 4])
        && matches!(c.digits, [b'2'..=b'9', _, _, b'2'..=b'9', ..])
        && !hotline
        && (c.gaps_are(&["-", ".", ") ", ")", ")-"]) || c.before() == '(' && c.gaps_are(&[") ", " ", "-"]))
        && !(c.before() == '-' && c.text.back(c.from, 2).is_ascii_digit())
        && !c.in_identifier()
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
    if !is_province(c) {
        return false;
    }
    match c.digits.len() {
        15 => matches!(c.shape, [15] | [6, 6, 3]) && !c.in_identifier() && is_day(c, 8) && !c.is_of_a_thing(),
        18 => !glued && is_day(c, 10) && check_digit(c.digits) == c.digits.last().map(|d| char::from(*d)),
        17 => c.final_x().is_some() && is_day(c, 10) && check_digit(c.digits) == Some('X'),
        _ => false,
    }
}

fn is_province(c: &Candidate<'_>) -> bool {
    matches!(c.number(0, 2), Some(11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83 | 91))
}

fn is_day(c: &Candidate<'_>, month_at: usize) -> bool {
    let century = month_at == 8 || matches!(c.number(6, 2), Some(18..=20));
    century && matches!(c.number(month_at, 2), Some(1..=12)) && matches!(c.number(month_at + 2, 2), Some(1..=31))
}

/// The 18th place that the first 17 ask for (ISO 7064, MOD 11-2).
fn check_digit(digits: &[u8]) -> Option<char> {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(d, weight)| u32::from(d - b'0') * weight).sum();
    "10X98765432".chars().nth((sum % 11) as usize)
}

/// As many digits as the card scheme gives, whole or in groups, whose Luhn sum is right (ISO/IEC 7812-1).
fn is_bank_card(c: &Candidate<'_>) -> bool {
    let grouped = matches!(c.shape, [4, .., 1..=4])
        || c.shape.iter().all(|digits| *digits >= 3)
        || c.shape.iter().all(|digits| *digits == 1);
    grouped
        && is_issued(c.digits)
        && (c.gaps_are(&[" ", "-", ".", "·", "  ", " - "]) || c.is_even() && matches!(c.shape, [4, 4, 4, 1..=4, ..]))
        && !c.after_plus()
        && !c.in_identifier()
        && luhn(c.digits)
        && !c.is_of_a_thing()
}

/// Whether a card scheme gives numbers that begin so, and of that length.
fn is_issued(digits: &[u8]) -> bool {
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

/// A number that everybody may know: a company's hotline.
pub fn is_hotline(digits: &[u8]) -> bool {
    let ten = digits.len() == 10 && (digits.starts_with(b"400") || digits.starts_with(b"800"));
    let eight = digits.len() == 8 && digits.starts_with(b"1010");
    let toll_free = digits.len() == 11 && matches!(digits, [b'1', b'8', b'0', b'0', ..]);
    digits.len() < 7 || ten || eight || toll_free || matches!(digits, [b'9', b'5', ..] if digits.len() <= 8)
}

/// Where the extension of a phone number ends: `转802`, `ext. 12`.
pub fn extension(text: &Glyphs, end: usize) -> Option<usize> {
    let at = text.skip_most(end, 1, |c| c == ' ');
    let words = ["转", "轉", "ext. ", "ext ", "ext.", "分机", "分機", "转分机"];
    let from = at + words.iter().filter(|word| text.reads(at, word)).map(|word| word.chars().count()).max()?;
    let to = text.skip_most(from, 6, |c| c.is_ascii_digit());
    (to > from + 1 && !text.ch(to).is_ascii_alphanumeric()).then_some(to)
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

/// Whether a Chinese identity number may be this: the right length only.
pub fn may_be_identity(text: &Glyphs, digits: &[u8], end: usize) -> Option<usize> {
    match digits.len() {
        15 | 18 => Some(end),
        17 => {
            let candidate = Candidate { text, from: end, to: end, digits, shape: &[17], gaps: &[] };
            candidate.final_x()
        }
        _ => None,
    }
}
