//! Which words of letters and digits are somebody's: passports, credit codes, plates, parcels, addresses of the net?
//!
//! Invariant: each word is looked at once, and no further than its longest lawful form.

use super::cued::token;
use super::digits::run;
use super::glyph::{DIGITS, Found, Glyphs, NUMERALS, is_han, numeral};
use super::net::{ip4, ip6};
use super::phones::is_mobile_number;
use super::plate::plate;
use super::words::{LEXICON, SecretCue};
use super::{Kind, Settings};

/// Words of letters and digits that are known by their shape.
pub fn codes(text: &Glyphs, settings: &Settings) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    if !text.holds(DIGITS | NUMERALS) {
        return found;
    }
    let mut at = 0;
    while at < text.len() {
        let c = text.ch(at);
        let begins = c.is_ascii_alphanumeric() && !text.back(at, 1).is_ascii_alphanumeric();
        let piece = if begins || c == ':' && text.ch(at + 1) == ':' {
            word(text, at, settings)
        } else if is_han(c) {
            let plate = plate(text, at).map(|to| (to, Kind::Plate));
            let ip = || numeral(c).and_then(|_| ip4(text, at)).map(|to| (to, Kind::Ip));
            plate.or_else(ip)
        } else {
            None
        };
        match piece {
            Some((to, kind)) => {
                found.push(Found { from: at, to, kind });
                at = to;
            }
            None => at += 1,
        }
    }
    found
}

fn word(text: &Glyphs, at: usize, settings: &Settings) -> Option<(usize, Kind)> {
    let to = text.skip_most(at, 36, |c| c.is_ascii_alphanumeric());
    let carrier = to - at <= 4 && text.ch(to) == ' ' && text.ch(to + 1).is_ascii_digit();
    if !carrier && !matches!(text.ch(to), ':' | '-') && !text.chars(at, to).any(|c| c.is_ascii_digit()) {
        return None;
    }
    if let Some(to) = ip6(text, at) {
        return Some((to, Kind::Ip));
    }
    if let Some(to) = ip4(text, at) {
        return Some((to, Kind::Ip));
    }
    let pattern = settings.patterns.iter().find_map(|p| Some((p.end(text, at)?, p.kind)));
    if pattern.is_some() {
        return pattern;
    }
    if let Some(end) = credit_code(text, at) {
        return Some((end, Kind::CreditCode));
    }
    if let Some(kind) = told_after(text, at, to, settings) {
        return Some((to, kind));
    }
    if !text.ch(at).is_ascii_alphabetic() {
        return None;
    }
    if let Some(end) = iban(text, at) {
        return Some((end, Kind::BankCard));
    }
    let joined = matches!(text.ch(to), '-' | '_') && text.ch(to + 1).is_ascii_alphanumeric()
        || matches!(text.back(at, 1), '-' | '_' | '/' | '.');
    if joined {
        return None;
    }
    let inside: Vec<char> = text.chars(at, to).collect();
    if is_passport(&inside) {
        return Some((to, Kind::Passport));
    }
    if is_taiwanese(&inside) {
        return Some((to, Kind::IdentityCard));
    }
    hong_kong(text, at, &inside).map(|end| (end, Kind::IdentityCard))
}

/// What the words behind say that this is: `LM2612150333这单`, `482913 is my code`.
fn told_after(text: &Glyphs, at: usize, to: usize, settings: &Settings) -> Option<Kind> {
    let digits = text.chars(at, to).filter(char::is_ascii_digit).count();
    let mixed = to - at >= 6 && (1..to - at).contains(&digits);
    let mine =
        ["是我的", "就是我的", "是我", " is my ", " was my "].iter().find(|words| mixed && text.reads(to, words));
    if let Some(words) = mine
        && let Some((_, SecretCue::Password)) = LEXICON.secret_cues.at(text, to + words.chars().count())
    {
        return Some(Kind::Secret);
    }
    let next = text.skip_most(to, 1, |c| c == ' ');
    if digits < 4 || text.ch(to) == '-' {
        return None;
    }
    if digits == to - at && digits <= 8 {
        let verb = ["就是", "是", "为", "is "]
            .iter()
            .find(|verb| text.reads(next, verb))
            .map(|verb| next + verb.chars().count())?;
        let whose = ["我的", "你的", "您的", "my ", "your ", "the "].iter().find(|word| text.reads(verb, word));
        let word = verb + whose.map_or(0, |word| word.chars().count());
        let code = matches!(LEXICON.secret_cues.at(text, word), Some((_, SecretCue::Code)));
        return (code || whose.is_some() && text.reads(word, "code")).then_some(Kind::Secret);
    }
    let mobile = to - at == 11 && digits == 11;
    let order = settings.orders && digits >= 8 && !mobile && LEXICON.order_after.at(text, next).is_some();
    order.then_some(Kind::Order)
}

/// Ordinary, service and diplomatic passports, and permits for Hong Kong, Macao and Taiwan, as printed since 1997.
fn is_passport(word: &[char]) -> bool {
    let digits = |rest: &[char]| rest.iter().all(char::is_ascii_digit);
    match word {
        ['E', a, rest @ ..] if a.is_ascii_uppercase() => rest.len() == 7 && digits(rest) && !matches!(a, 'I' | 'O'),
        ['S' | 'P' | 'D', 'E', rest @ ..] => rest.len() == 7 && digits(rest),
        ['E' | 'G' | 'D' | 'S' | 'P' | 'K', rest @ ..] => rest.len() == 8 && digits(rest),
        ['H' | 'M' | 'C' | 'W' | 'L' | 'T', rest @ ..] => {
            matches!(rest.len(), 8 | 10) && digits(rest) && word.first() != Some(&'T')
        }
        _ => false,
    }
}

/// The identity number of Taiwan: a letter, 1, 2, 8 or 9, eight digits with a check digit.
fn is_taiwanese(word: &[char]) -> bool {
    const PLACES: &str = "ABCDEFGHJKLMNPQRSTUVXYWZIO";
    let [letter, rest @ ..] = word else { return false };
    let Some(place) = PLACES.chars().position(|c| c == *letter) else { return false };
    let digits: Vec<u32> = rest.iter().filter_map(|c| c.to_digit(10)).collect();
    if rest.len() != 9 || digits.len() != 9 || !matches!(digits.first(), Some(1 | 2 | 8 | 9)) {
        return false;
    }
    let code = u32::try_from(place).unwrap_or_default() + 10;
    let weights = [8, 7, 6, 5, 4, 3, 2, 1, 1];
    let sum: u32 = digits.iter().zip(weights).map(|(d, w)| d * w).sum();
    (code / 10 + code % 10 * 9 + sum).is_multiple_of(10)
}

/// The identity number of Hong Kong: one or two letters, six digits, a check digit in brackets.
fn hong_kong(text: &Glyphs, at: usize, word: &[char]) -> Option<usize> {
    let letters = word.iter().take_while(|c| c.is_ascii_uppercase()).count();
    let digits: Vec<u32> = word.iter().skip(letters).filter_map(|c| c.to_digit(10)).collect();
    if !(1..=2).contains(&letters) || digits.len() != 6 || word.len() != letters + 6 {
        return None;
    }
    let open = at + word.len();
    let check = text.ch(open + 1).to_digit(10).or((text.ch(open + 1) == 'A').then_some(10))?;
    if text.ch(open) != '(' || text.ch(open + 2) != ')' {
        return None;
    }
    let value = |c: &char| u32::from(*c) - u32::from('A') + 10;
    let head: Vec<u32> = [36].into_iter().chain(word.iter().take(letters).map(value)).collect();
    let head = head.iter().rev().take(2).rev().copied();
    let sum: u32 = head.chain(digits).zip([9, 8, 7, 6, 5, 4, 3, 2]).map(|(d, w)| d * w).sum();
    (sum + check).is_multiple_of(11).then_some(open + 3)
}

/// The unified social credit code (GB 32100-2015): 18 places, the last one a check.
fn credit_code(text: &Glyphs, at: usize) -> Option<usize> {
    const PLACES: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    if !matches!(text.ch(at).to_ascii_uppercase(), '1' | '5' | '9' | 'A' | 'N' | 'Y') {
        return None;
    }
    let (mut values, mut end, mut digits) = (Vec::new(), at, 0);
    while values.len() < 18 {
        let gap = usize::from(matches!(text.ch(end), ' ' | '-' | '.' | '·' | '/') && !values.is_empty());
        let c = text.ch(end + gap).to_ascii_uppercase();
        let Some(value) = PLACES.chars().position(|p| p == c) else { break };
        digits += usize::from(value < 10);
        values.push(value);
        end += gap + 1;
    }
    if values.len() != 18 || digits < 8 || text.ch(end).is_ascii_alphanumeric() {
        return None;
    }
    let (body, check) = (values.get(..17)?, values.last()?);
    let weight = |(sum, weight): (usize, usize), value: &usize| (sum + value * weight, weight * 3 % 31);
    let (sum, _) = body.iter().fold((0, 1), weight);
    ((31 - sum % 31) % 31 == *check).then_some(end)
}

/// An international bank account number (ISO 13616), whole or in groups.
fn iban(text: &Glyphs, at: usize) -> Option<usize> {
    let country = text.ch(at).is_ascii_uppercase() && text.ch(at + 1).is_ascii_uppercase();
    if !country || !text.ch(at + 2).is_ascii_digit() || !text.ch(at + 3).is_ascii_digit() {
        return None;
    }
    let (mut places, mut end, mut best) = (Vec::new(), at, None);
    while places.len() < 34 {
        let gap = usize::from(text.ch(end) == ' ' && !places.is_empty());
        let c = text.ch(end + gap);
        let Some(value) = c.to_digit(36).filter(|_| c.is_ascii_digit() || c.is_ascii_uppercase()) else { break };
        places.push(value);
        end += gap + 1;
        if places.len() >= 15 && !text.ch(end).is_ascii_alphanumeric() && remainder(&places) == 1 {
            best = Some(end);
        }
    }
    best
}

/// What is left of the rearranged number by 97.
fn remainder(places: &[u32]) -> u32 {
    let (head, tail) = places.split_at(4.min(places.len()));
    tail.iter().chain(head).fold(0, |rest, place| (rest * if *place > 9 { 100 } else { 10 } + place) % 97)
}

/// How numbers of orders or parcels look that need no cue: `SF#{12,15}`.
///
/// `#` stands for a digit, `?` for a letter, `*` for either; `{n}` and `{n,m}` repeat what stands before; everything else
/// stands for itself, in either case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberPattern {
    places: Vec<(char, usize, usize)>,
    kind: Kind,
}

/// A pattern that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no pattern of numbers; one looks like LM#{{10}} or SF#{{12,15}}")]
pub struct BadPattern(String);

impl NumberPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`BadPattern`] where it is empty, holds fewer than four digits, or its braces make no sense.
    pub fn new(kind: Kind, pattern: &str) -> Result<Self, BadPattern> {
        let bad = || BadPattern(pattern.to_owned());
        let mut places: Vec<(char, usize, usize)> = Vec::new();
        let mut rest = pattern.trim();
        while let Some(c) = rest.chars().next() {
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
            if c != '{' {
                places.push((c.to_ascii_uppercase(), 1, 1));
                continue;
            }
            let (inside, after) = rest.split_once('}').ok_or_else(bad)?;
            let (least, most) = inside.split_once(',').unwrap_or((inside, inside));
            let (least, most): (usize, usize) =
                (least.trim().parse().map_err(|_| bad())?, most.trim().parse().map_err(|_| bad())?);
            let last = places.last_mut().filter(|_| (1..=most).contains(&least) && most <= 64).ok_or_else(bad)?;
            (last.1, last.2) = (least, most);
            rest = after;
        }
        let digits: usize = places.iter().filter(|(c, ..)| matches!(c, '#' | '*')).map(|(_, least, _)| least).sum();
        if digits < 4 || places.len() > 32 { Err(bad()) } else { Ok(Self { places, kind }) }
    }

    /// Where a number of this pattern ends that begins there. Behind capitals its digits may stand apart: `SF 1234 5678 90123`.
    fn end(&self, text: &Glyphs, at: usize) -> Option<usize> {
        let letters = text.skip_most(at, 4, |c| c.is_ascii_alphabetic());
        let capitals = text.chars(at, letters).all(|c| c.is_ascii_uppercase());
        let apart = letters > at
            && (capitals || letters > at + 1 && self.places.get(1).is_some_and(|(c, ..)| c.is_ascii_alphabetic()))
            && (matches!(text.ch(letters), ' ' | '-') && text.ch(letters + 1).is_ascii_digit()
                || letters > at + 1 && text.ch(letters).is_ascii_digit());
        self.read(text, at, false).or_else(|| if apart { self.read(text, at, true) } else { None })
    }

    fn read(&self, text: &Glyphs, at: usize, apart: bool) -> Option<usize> {
        let own = |at: usize| self.places.get(at).is_some_and(|(c, ..)| c.is_ascii_alphabetic());
        if apart && !(own(0) && (own(1) || own(self.places.len() - 1))) {
            return None;
        }
        let (mut end, mut digits, mut gaps) = (at, 0, 0);
        for (place, least, most) in &self.places {
            let fits = |c: char| match place {
                '#' => c.is_ascii_digit(),
                '?' => c.is_ascii_alphabetic(),
                '*' => c.is_ascii_alphanumeric(),
                own => c.to_ascii_uppercase() == *own,
            };
            let mut count = 0;
            while count < *most {
                let gap = usize::from(
                    apart && end > at && matches!(text.ch(end), ' ' | '-') && (*place == '#' || digits > 0),
                );
                if !fits(text.ch(end + gap)) {
                    break;
                }
                digits += usize::from(*place == '#');
                count += 1;
                gaps += gap;
                end += gap + 1;
            }
            if count < *least {
                return None;
            }
        }
        let whole = !text.ch(end).is_ascii_alphanumeric()
            && (gaps > 0 && digits >= 9 && text.ch(end) != '-' || token(text, at).end <= end);
        // `JD 13812345678` is where somebody bought, and a number to call.
        let letters = text.skip_most(at, 4, |c| c.is_ascii_alphabetic());
        let mobile = apart && is_mobile_number(&run(text, letters + 1, 11, false).0);
        (whole && !mobile).then_some(end)
    }
}
