//! Which words are addresses of the Internet protocol: `192.168.1.1`, `一九二点一六八点一点一`, `2001:db8::1`?
//!
//! Invariant: an address is looked at no further than its longest lawful form; what a version is called is none.

use super::digits::Script;
use super::glyph::Glyphs;
use super::words::{Cue, LEXICON};

/// What stands between the four numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Dot {
    sign: char,
    /// It was a Chinese full stop.
    full: bool,
    before: usize,
    after: usize,
}

/// Four numbers up to 255, unless they are a version.
pub fn ip4(text: &Glyphs, at: usize) -> Option<usize> {
    let digit = |c: char| Script::Spoken.digit(c).filter(|_| !c.is_ascii_alphabetic());
    let inside = matches!(text.back(at, 1), '.' | '-') && text.back(at, 2).is_ascii_alphanumeric();
    if digit(text.ch(at)).is_none() || inside || digit(text.back(at, 1)).is_some() {
        return None;
    }
    let (mut end, mut parts, mut dots) = (at, [0_u32; 4], [None; 3]);
    for (n, part) in parts.iter_mut().enumerate() {
        if let Some(slot) = n.checked_sub(1).and_then(|n| dots.get_mut(n)) {
            let (dot, to) = dot(text, end)?;
            *slot = Some(dot);
            end = to;
        }
        let to = text.skip_most(end, 4, |c| digit(c).is_some());
        if !(1..=3).contains(&(to - end)) {
            return None;
        }
        *part = text.chars(end, to).filter_map(digit).fold(0, |sum, d| sum * 10 + u32::from(d));
        end = to;
    }
    let first = dots.first().copied().flatten()?;
    let even = dots.iter().flatten().all(|dot| *dot == first);
    let same = dots.iter().flatten().all(|dot| dot.sign == first.sign);
    let points = matches!(first.sign, '点' | '點') && text.ch(end) == first.sign;
    let longer =
        points || text.ch(end) == first.sign && digit(text.ch(end + 1)).is_some() || text.ch(end).is_ascii_alphabetic();
    let private = matches!(parts, [192, 168, ..] | [172, 16..=31, ..]);
    let announced = private || is_announced(text, at);
    let high = parts.first().is_some_and(|part| *part > 24);
    let fits = match first.sign {
        '.' => announced && same || even && first.before == first.after && (!first.full || high),
        // Hours stand before a `点`, too.
        '点' | '點' | '·' => same && (announced || even && high),
        _ => announced && same,
    };
    let personal = !matches!(parts, [0 | 127 | 255, ..]);
    (fits && parts.iter().all(|p| *p < 256) && !longer && personal && !is_version(text, at)).then_some(end)
}

/// What stands between two of the numbers, and where the next one begins.
fn dot(text: &Glyphs, at: usize) -> Option<(Dot, usize)> {
    let sign_at = text.skip_most(at, 1, |c| c == ' ');
    let bracket = matches!(text.ch(sign_at), '[' | '(') && text.ch(sign_at + 1) == '.';
    let sign_end = if bracket { sign_at + 3 } else { sign_at + 1 };
    let sign = if bracket { '.' } else { text.ch(sign_at) };
    if !matches!(sign, '.' | '。' | '·' | '点' | '點' | ',' | '-' | '_') {
        return None;
    }
    let next = text.skip_most(sign_end, 1, |c| c == ' ');
    let (sign, full) = if sign == '。' { ('.', true) } else { (sign, false) };
    Some((Dot { sign, full, before: sign_at - at, after: next - sign_end }, next))
}

/// Whether a word that announces an address stands shortly before, such as `ip`.
fn is_announced(text: &Glyphs, at: usize) -> bool {
    const WORDS: [&str; 8] = ["ip", "网关", "閘道", "服务器", "伺服器", "主机", "gateway", "server"];
    let whole = |n: usize, word: &str| {
        let latin = word.is_ascii();
        let after = text.ch(n + word.chars().count());
        text.reads(n, word) && !(latin && (text.back(n, 1).is_ascii_alphabetic() || after.is_ascii_alphabetic()))
    };
    (at.saturating_sub(14)..at).any(|n| WORDS.iter().any(|word| whole(n, word)))
}

/// Most versions in a row that one word announces.
const MAX_VERSIONS: usize = 4;

/// Whether a word before says that this is the version of something, or the last of several: `版本 13.8.0.0 和 13.8.0.1`.
pub fn is_version(text: &Glyphs, at: usize) -> bool {
    let mut at = at;
    for _ in 0..MAX_VERSIONS {
        if is_named_version(text, at) {
            return true;
        }
        let link = text.run_before(at, 5, |c| {
            matches!(c, ' ' | ',' | '、' | '/' | '~' | '-' | '和' | '与' | '到' | '至' | '或') || "andto".contains(c)
        });
        let other = at - link - text.run_before(at - link, 15, |c| c.is_ascii_digit() || c == '.');
        if link == 0 || text.chars(other, at - link).filter(|c| *c == '.').count() < 2 {
            return false;
        }
        at = other;
    }
    false
}

fn is_named_version(text: &Glyphs, at: usize) -> bool {
    let space =
        text.run_before(at, 4, |c| matches!(c, ' ' | ':' | '号' | '是' | '为' | '號' | '為' | '(' | '从' | '由'));
    let end = at - space;
    let compared = match text.back(at - text.run_before(at, 1, |c| c == ' '), 1) {
        '>' | '≥' | '<' | '≤' => true,
        '=' => matches!(text.back(at - text.run_before(at, 1, |c| c == ' '), 2), '>' | '<' | '~' | '^' | '='),
        _ => false,
    };
    if compared {
        return true;
    }
    let begin = |n: usize| end.checked_sub(n);
    (1..=12).filter_map(begin).any(|from| {
        let whole = !text.ch(from).is_ascii() || !text.back(from, 1).is_ascii_alphabetic();
        let named = LEXICON.versions.ends(text, from, end).is_some();
        whole && (named || LEXICON.cues.ends(text, from, end) == Some(Cue::Harmless))
    })
}

/// Eight groups of up to four hexadecimal digits, one run of zeros left out (RFC 4291).
pub fn ip6(text: &Glyphs, at: usize) -> Option<usize> {
    if !text.ch(at).is_ascii_hexdigit() && text.ch(at) != ':' || text.back(at, 1) == ':' {
        return None;
    }
    let mut end = text.skip_most(at, 46, |c| c.is_ascii_hexdigit() || c == ':');
    if text.back(end, 1) == ':' && text.back(end, 2) != ':' {
        end -= 1;
    }
    let inside: String = text.chars(at, end).collect();
    if inside.len() < 7 || text.ch(end).is_ascii_alphanumeric() || inside.contains(":::") {
        return None;
    }
    let groups = inside.split(':').filter(|group| !group.is_empty());
    let (count, short) = groups.fold((0, true), |(count, short), group| (count + 1, short && group.len() <= 4));
    let gaps = inside.matches("::").count();
    let digit = inside.chars().any(|c| c.is_ascii_digit());
    (short && digit && (gaps == 0 && count == 8 || gaps == 1 && (3..=7).contains(&count))).then_some(end)
}
