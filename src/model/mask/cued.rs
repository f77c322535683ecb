//! Which value does a word announce: `护照号是 E12345678`, `order no. 4711-22`, `车牌 …`?
//!
//! Invariant: from a cue, a bounded number of characters is looked at; a value must look like what was announced.

use super::digits::{Reach, reach, run};
use super::glyph::{DIGITS, Found, Glyphs, TAG, numeral};
use super::numbers::may_be_identity;
use super::phones::{area, extension, is_hotline, is_mobile_number as is_mobile};
use super::words::{Cue, LEXICON, LinkWord, Sure};
use super::{Kind, Settings};

/// Most characters between a cue and its value.
const MAX_LINK: usize = 24;
/// Longest value that is no run of digits.
const MAX_TOKEN: usize = 40;

/// What stands between a cue and its value.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// Where the value begins.
    pub to: usize,
    /// Whether it is announced: by a colon, `是`, `is`.
    pub strong: bool,
    /// Whether it is announced by a colon or an equals sign.
    pub colon: bool,
    /// Whether a quotation mark stands directly before the value.
    pub quoted: bool,
    /// Whether words stand between that may begin another thought: `for my`.
    pub far: bool,
}

/// Reads over what may stand between a cue and its value.
pub fn link(text: &Glyphs, from: usize) -> Link {
    let mut link = Link { to: from, strong: false, colon: false, quoted: false, far: false };
    let mut lines = 0;
    while link.to < from + MAX_LINK {
        let at = link.to;
        match text.ch(at) {
            ' ' | '\t' => link.to += 1,
            '\r' | '\n' if lines < 2 => {
                lines += 1;
                link.to += 1;
            }
            ':' | '=' | '>' => {
                (link.strong, link.colon) = (true, true);
                link.to += 1;
            }
            '"' | '\'' | '`' if text.ch(at) != '\'' || text.ch(at + 1) != 's' => {
                link.quoted = true;
                link.to += 1;
                continue;
            }
            '.' if at == from && text.ch(at + 1) == ' ' => link.to += 1,
            '#' | '(' | '[' | '【' | '《' | '<' | '-' | ',' | '*' | '|' => link.to += 1,
            _ => match LEXICON.links.at(text, at) {
                Some((end, word)) => {
                    link.strong |= word == LinkWord::Strong;
                    link.far |= word == LinkWord::Far;
                    link.to = end;
                }
                None => break,
            },
        }
        link.quoted = false;
    }
    link
}

/// Values behind cues.
pub fn cued(text: &Glyphs, settings: &Settings) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    if !text.holds(DIGITS) && !text.holds(super::glyph::NUMERALS) {
        return found;
    }
    let mut at = 0;
    while at < text.len() {
        let Some((end, cue)) = LEXICON.cues.at(text, at) else {
            at += 1;
            continue;
        };
        let link = link(text, end);
        match value(text, &link, cue, settings) {
            Some(piece) => {
                at = piece.to;
                found.push(piece);
            }
            None => at = end,
        }
    }
    found
}

/// The value that a cue announces at the end of a link.
pub fn value(text: &Glyphs, link: &Link, cue: Cue, settings: &Settings) -> Option<Found> {
    let from = link.to;
    let piece = |to: usize, kind: Kind| Some(Found { from, to, kind });
    match cue {
        Cue::Phone => phone(text, link),
        Cue::Identity => {
            let (digits, end) = run(text, from, 18, true);
            let whole = may_be_identity(text, &digits, end).filter(|end| !is_counted(text, *end));
            if let Some(end) = whole {
                return piece(end, Kind::IdentityCard);
            }
            let social = digits.len() == 9 && text.ch(from).is_ascii_digit() && !text.ch(end).is_ascii_alphanumeric();
            if social {
                return piece(end, Kind::IdentityCard);
            }
            if text.ch(from).is_ascii_uppercase()
                && matches!(text.ch(from + 1), ' ' | '-' | '.')
                && let Some(end) = document(text, from)
            {
                return piece(end, Kind::IdentityCard);
            }
            let token = token(text, from);
            let letters = text.chars(from, token.end).filter(char::is_ascii_alphabetic).count();
            let document = (1..=2).contains(&letters) && (6..=9).contains(&token.digits);
            // The check digit of a Hong Kong card stands in brackets.
            let bracket = text.ch(token.end) == '(' && text.ch(token.end + 2) == ')';
            let end = if bracket { token.end + 3 } else { token.end };
            document.then_some(()).and_then(|()| piece(end, Kind::IdentityCard))
        }
        Cue::Passport => {
            let token = token(text, from);
            let whole = (7..=11).contains(&token.length) && token.digits >= 6 && !token.is_date;
            let end = if whole { token.end } else { document(text, from)? };
            (!is_counted(text, end)).then_some(()).and_then(|()| piece(end, Kind::Passport))
        }
        Cue::Bank | Cue::Account => {
            let least = if cue == Cue::Bank { 12 } else { 8 };
            let (digits, end) = in_fours(text, from).unwrap_or_else(|| run(text, from, 24, true));
            let fits = (least..=24).contains(&digits.len()) && !text.ch(end).is_ascii_alphanumeric();
            (fits && !is_mobile(&digits) && !is_counted(text, end))
                .then_some(())
                .and_then(|()| piece(end, Kind::BankCard))
        }
        Cue::Tax => {
            let token = token(text, from);
            let fits = (8..=20).contains(&token.length) && token.digits >= 7 && !is_counted(text, token.end);
            fits.then_some(()).and_then(|()| piece(token.end, Kind::CreditCode))
        }
        Cue::Plate => {
            let mut end = token(text, from).end;
            let second = token(text, end + 1);
            if LEXICON.common_english.ends(text, from, end).is_some() {
                return None;
            }
            let british = second.length == 3 && text.chars(end, second.end).skip(1).all(|c| c.is_ascii_uppercase());
            if text.ch(end) == ' ' && end - from <= 4 && second.end - end <= 6 && (second.digits > 0 || british) {
                end = second.end;
            }
            let (digits, length) = count(text, from, end);
            let fits = (4..=8).contains(&length) && digits > 0 && (link.strong || length > digits);
            (fits && !is_counted(text, end)).then_some(()).and_then(|()| piece(end, Kind::Plate))
        }
        Cue::Order(sure) if settings.orders => order(text, link, sure).and_then(|to| piece(to, Kind::Order)),
        Cue::Tracking(sure) if settings.orders => tracking(text, link, sure).and_then(|to| piece(to, Kind::Tracking)),
        Cue::Order(_) | Cue::Tracking(_) | Cue::Harmless => None,
    }
}

/// A number of 7 to 15 digits behind `电话`, with what belongs to it.
fn phone(text: &Glyphs, link: &Link) -> Option<Found> {
    // The link reads over an opening bracket, which may belong to the number.
    let bracket = text.run_before(link.to, 1, |c| c == '(');
    let start = text.skip_most(link.to, 3, |c| matches!(c, '+' | '(' | ' '));
    let whole = complete(text, start);
    let parts = whole.is_none() && !link.strong && is_of_parts(text, start);
    let (digits, end) = whole.unwrap_or_else(|| run(text, start, 15, true));
    let shaped = is_mobile(&digits) || digits.starts_with(b"0") || digits.starts_with(b"86");
    let local = link.strong || digits.len() >= 8 || text.ch(start + 3) == '-';
    let free = !text.ch(end).is_ascii_alphanumeric();
    let date = matches!(digits.as_slice(), [b'2', b'0', b'0'..=b'3', _, b'0' | b'1', ..]) && digits.len() == 8;
    // The usual forms are told apart, as mobile or landline, by the numbers' own rules.
    let unusual =
        !matches!(digits.as_slice(), [b'1', b'3'..=b'9', ..] if digits.len() == 11 && is_whole(text, start, end));
    let most = if text.back(start, 1) == '+' { 15 } else { 13 };
    let fits = !parts && (7..=most).contains(&digits.len()) && (shaped || local) && free && !date && unusual;
    let closed = bracket > 0 && text.chars(link.to, end).any(|c| c == ')');
    let from = if closed { link.to - bracket } else { link.to };
    let number = digits.strip_prefix(b"0086").or(digits.strip_prefix(b"86")).unwrap_or(&digits);
    let foreign = text.back(start, 1) == '+' && number.len() == digits.len();
    let taiwanese = matches!(digits.as_slice(), [b'0', b'9', ..]) && digits.len() == 10;
    let kind = if is_mobile(number) && !foreign || taiwanese { Kind::Mobile } else { Kind::Phone };
    (fits && !is_hotline(&digits) && !is_counted(text, end)).then(|| Found {
        from,
        to: extension(text, end).unwrap_or(end),
        kind,
    })
}

/// Whether the blocks of digits are of such different sizes that they are several numbers: `6.7 5000 120`.
fn is_of_parts(text: &Glyphs, start: usize) -> bool {
    let Reach { digits, ends } = reach(text, start, 15);
    let counts = [0].into_iter().chain(ends.iter().map(|(count, _)| *count));
    let sizes: Vec<usize> = counts.zip(&ends).map(|(before, (count, _))| count - before).collect();
    let even = sizes.windows(2).all(|pair| pair.first() == pair.last());
    let (least, most) = (sizes.iter().min().copied().unwrap_or(0), sizes.iter().max().copied().unwrap_or(0));
    !even
        && least < 3
        && most > 1
        && !digits.starts_with(b"0")
        && !digits.starts_with(b"86")
        && text.back(start, 1) != '+'
}

/// Three groups or more of three or four digits, whatever stands between them.
fn in_fours(text: &Glyphs, from: usize) -> Option<(Vec<u8>, usize)> {
    let Reach { digits, ends } = reach(text, from, 24);
    let counts = [0].into_iter().chain(ends.iter().map(|(count, _)| *count));
    let fours = counts.zip(&ends).all(|(before, (count, _))| matches!(count - before, 3 | 4));
    let (_, end) = ends.last().copied().filter(|_| fours && ends.len() > 2)?;
    Some((digits, end))
}

/// Whether digits stand together, without anything between.
fn is_whole(text: &Glyphs, from: usize, to: usize) -> bool {
    text.chars(from, to).all(|c| c.is_ascii_digit())
}

/// Digits over whatever may stand between them that are all of a mobile number or of one with its area code.
fn complete(text: &Glyphs, start: usize) -> Option<(Vec<u8>, usize)> {
    let Reach { mut digits, ends } = reach(text, start, 15);
    let national = |digits: &[u8]| {
        let number = digits.strip_prefix(b"0086").or(digits.strip_prefix(b"86")).unwrap_or(digits);
        let fits = |area: usize, digits: &[u8]| {
            matches!(digits.get(area), Some(b'2'..=b'8'))
                && (digits.len() == area + 8 || digits.len() == 11 && area == 4)
        };
        let city = number.len() < digits.len()
            && (matches!(number, [b'1', b'0', ..] | [b'2', ..]) && fits(2, number) && number.len() == 10
                || matches!(number, [b'3'..=b'9', ..]) && matches!(number.len(), 10 | 11));
        let taiwanese = matches!(digits, [b'0', b'9', ..]) && digits.len() == 10;
        is_mobile(number) || taiwanese || area(number).is_some_and(|area| fits(area, number)) || city
    };
    // `8888,6666`, and not `2026,1122`.
    let halves = matches!(ends.as_slice(), [(4, _), (8, _), ..]) && matches!(digits.first(), Some(b'3'..=b'8'));
    let local = ends.get(1).copied().filter(|(_, end)| halves && !is_counted(text, *end) && text.ch(start + 4) != ' ');
    let found = ends.into_iter().rev().find(|(count, _)| digits.get(..*count).is_some_and(national));
    let (count, end) = found.or(local)?;
    digits.truncate(count);
    Some((digits, end))
}

/// Where the number of an order ends.
fn order(text: &Glyphs, link: &Link, sure: Sure) -> Option<usize> {
    if let Some(end) = spaced(text, link.to) {
        return Some(end);
    }
    let token = token(text, link.to);
    let hash = text.back(link.to, 1) == '#';
    let sure = sure == Sure::Yes || hash;
    let enough = match (sure, token.length > token.digits) {
        (true, _) if link.strong || hash => token.digits >= 4,
        (true, _) => token.digits >= 5,
        (false, true) => token.digits >= 6,
        (false, false) => token.digits >= if link.strong { 6 } else { 8 },
    };
    let long = run(text, link.to, 30, true);
    let spread = sure && long.0.len() >= 8 && long.1 > token.end;
    let other = token.is_date || goes_on(text, token.end) && !spread;
    let end = if spread { long.1 } else { token.end };
    let (digits, _) = run(text, link.to, 11, false);
    let mobile = is_mobile(&digits) && !sure;
    ((enough || spread) && !other && !mobile && !is_counted(text, end)).then_some(end)
}

/// `SF 1381 2345 67890`: a few capitals, then groups of digits.
fn spaced(text: &Glyphs, from: usize) -> Option<usize> {
    let letters = text.skip_most(from, 3, |c| c.is_ascii_uppercase());
    let (digits, end) = run(text, letters + 1, 20, false);
    (letters > from + 1 && matches!(text.ch(letters), ' ' | '.') && digits.len() >= 10 && !is_counted(text, end))
        .then_some(end)
}

/// `1Z 999 AA1 01 2345 6784`: groups of capitals and digits.
fn grouped(text: &Glyphs, from: usize) -> Option<usize> {
    let (mut end, mut next) = (from, from);
    while end < from + MAX_TOKEN {
        let to = text.skip_most(next, 7, |c| c.is_ascii_uppercase() || c.is_ascii_digit());
        let digit = text.chars(next, to).any(|c| c.is_ascii_digit());
        if to == next || to - next > 6 || text.ch(to).is_ascii_alphanumeric() || !digit {
            break;
        }
        end = to;
        next = if text.ch(to) == ' ' { to + 1 } else { break };
    }
    let (digits, length) = count(text, from, end);
    (length > digits && digits >= 8 && length >= 12 && !is_counted(text, end)).then_some(end)
}

/// Where the number of a parcel ends.
fn tracking(text: &Glyphs, link: &Link, sure: Sure) -> Option<usize> {
    let groups = || grouped(text, link.to).filter(|_| sure == Sure::Yes);
    if let Some(end) = spaced(text, link.to).or_else(groups) {
        return Some(end);
    }
    let token = token(text, link.to);
    let spoken = numeral(text.ch(link.to)).is_some();
    let (digits, spread) = run(text, link.to, 30, spoken);
    let least = if sure == Sure::Yes { 6 } else { 8 };
    let mobile = is_mobile(&digits) && sure == Sure::No;
    let end = if digits.len() >= 12 { spread.max(token.end) } else { token.end };
    let enough = token.digits >= least || digits.len() >= 12;
    (enough && !mobile && !token.is_date && !is_counted(text, end)).then_some(end)
}

/// Up to two letters and seven to nine digits, which may stand apart or be spelled out: `EA 123 4567`, `一二三四五六七八`.
fn document(text: &Glyphs, from: usize) -> Option<usize> {
    let letters = text.skip_most(from, 2, |c| c.is_ascii_alphabetic());
    let Reach { digits, ends } = reach(text, text.skip_most(letters, 2, |c| matches!(c, ' ' | '-' | '.' | ':')), 10);
    let day = matches!(digits.as_slice(), [b'1', b'9', ..] | [b'2', b'0', ..]) && letters == from;
    let fits = |count: usize| (7..=9).contains(&count) && (letters > from || count > 7 && !day);
    let (_, end) = ends.into_iter().rev().find(|(count, _)| fits(*count))?;
    (!text.ch(end).is_ascii_alphanumeric()).then_some(end)
}

/// An unbroken run of ASCII letters and digits, with dashes and underscores inside.
#[derive(Debug, Clone, Copy)]
pub struct Token {
    pub end: usize,
    pub digits: usize,
    /// Letters and digits.
    pub length: usize,
    is_date: bool,
}

pub fn token(text: &Glyphs, from: usize) -> Token {
    let mut end = text.skip_most(from, MAX_TOKEN, |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    while end > from && matches!(text.back(end, 1), '-' | '_') {
        end -= 1;
    }
    let (digits, length) = count(text, from, end);
    let dashes: Vec<usize> = text.chars(from, end).enumerate().filter(|(_, c)| *c == '-').map(|(n, _)| n).collect();
    let is_date = matches!(dashes.as_slice(), [4, 6 | 7]) && length == digits && text.ch(from) == '2';
    Token { end, digits, length, is_date }
}

/// How many digits, and how many letters and digits.
fn count(text: &Glyphs, from: usize, to: usize) -> (usize, usize) {
    let digits = text.chars(from, to).filter(char::is_ascii_digit).count();
    (digits, text.chars(from, to).filter(char::is_ascii_alphanumeric).count())
}

/// Whether a number goes on behind a dot, as those of versions and prices do.
fn goes_on(text: &Glyphs, to: usize) -> bool {
    text.ch(to) == '.' && text.ch(to + 1).is_ascii_digit()
}

/// Whether a unit follows, so that the number counts something.
pub fn is_counted(text: &Glyphs, end: usize) -> bool {
    let at = text.skip_most(end, 1, |c| c == ' ');
    let counted = LEXICON.units.at(text, at).is_some();
    counted && (at == end || text.ch(at).is_ascii()) && text.ch(end) != TAG
}
