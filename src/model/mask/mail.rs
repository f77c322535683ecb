//! Where are addresses of e-mail?
//!
//! Invariant: around each `@` at most the longest lawful address is looked at.

use super::Kind;
use super::glyph::{AT, Found, Glyphs, HAN, LETTERS};

/// Longest local part (RFC 5321, 4.5.3.1.1) and domain (4.5.3.1.2) looked at, in characters.
const MAX_LOCAL: usize = 64;
const MAX_DOMAIN: usize = 255;

pub fn mail(text: &Glyphs) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    if !text.holds(AT | LETTERS | HAN) {
        return found;
    }
    let mut at = 0;
    while at < text.len() {
        let sign = sign(text, at);
        let piece = sign.and_then(|(local_end, domain)| {
            let local = text.run_before(local_end, MAX_LOCAL, is_local);
            let end = domain_end(text, domain)?;
            let from = local_end - local;
            let free = found.last().is_none_or(|last| last.to <= from);
            (local > 0 && free).then_some(Found { from, to: end, kind: Kind::Email })
        });
        at = piece.map_or(at + 1, |piece| piece.to);
        found.extend(piece);
    }
    found
}

fn is_local(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-')
}

/// Where the local part ends and the domain begins, if an `@`, or what people write for one, stands here.
fn sign(text: &Glyphs, at: usize) -> Option<(usize, usize)> {
    match text.ch(at) {
        '@' => {
            let before = text.run_before(at, 1, |c| c == ' ');
            let after = text.skip_most(at + 1, 1, |c| c == ' ');
            // With spaces on one side only, it is a mention.
            let spaced = before > 0 && after > at + 1;
            Some(if spaced { (at - before, after) } else { (at, at + 1) })
        }
        '[' | '(' | '{' if text.reads(at + 1, "at") && matches!(text.ch(at + 3), ']' | ')' | '}') => {
            let before = text.run_before(at, 1, |c| c == ' ');
            Some((at - before, text.skip_most(at + 4, 1, |c| c == ' ')))
        }
        ' ' if text.reads(at + 1, "at ") && has_dot_word(text, at + 4) => Some((at, at + 4)),
        '艾' if text.ch(at + 1) == '特' => Some((at, at + 2)),
        '#' | '*' if is_local(text.back(at, 1)) && MAIL_HOSTS.iter().any(|host| text.reads(at + 1, host)) => {
            Some((at, at + 1))
        }
        _ => None,
    }
}

/// Hosts that are known behind a `#` too, which some write for an `@`.
const MAIL_HOSTS: [&str; 6] = ["qq.com", "163.com", "126.com", "gmail.com", "outlook.com", "hotmail.com"];

/// `example dot com`: a word, then `dot`.
fn has_dot_word(text: &Glyphs, at: usize) -> bool {
    let end = text.skip_most(at, MAX_LOCAL, |c| c.is_ascii_alphanumeric() || c == '-');
    end > at && text.reads(end, " dot ") && text.ch(end + 5).is_ascii_alphabetic()
}

/// Where a domain ends: behind the last label of two letters or more that has a label before it.
fn domain_end(text: &Glyphs, from: usize) -> Option<usize> {
    let mut end = None;
    let (mut labels, mut length, mut letters) = (0, 0, true);
    let mut at = from;
    while at < from + MAX_DOMAIN {
        let dot = dot(text, at).filter(|_| labels == 0 || text.ch(at) == '.');
        match text.ch(at) {
            _ if dot.is_some() && length > 0 => {
                labels += 1;
                (length, letters) = (0, true);
                at = dot.unwrap_or(at);
                continue;
            }
            c if c.is_ascii_alphanumeric() || c == '-' => {
                letters &= c.is_ascii_alphabetic();
                length += 1;
                if labels > 0 && letters && length >= 2 {
                    end = Some(at + 1);
                }
            }
            _ => break,
        }
        at += 1;
    }
    end
}

/// Behind a dot, or what people write for one.
fn dot(text: &Glyphs, at: usize) -> Option<usize> {
    match text.ch(at) {
        '.' => Some(at + 1),
        '。' | '点' | '點' | '·' if text.ch(at + 1).is_ascii_alphabetic() => Some(at + 1),
        ' ' if text.reads(at + 1, "dot ") && text.ch(at + 5).is_ascii_alphabetic() => Some(at + 5),
        '[' | '(' if text.reads(at + 1, "dot") && matches!(text.ch(at + 4), ']' | ')') => Some(at + 5),
        _ => None,
    }
}
