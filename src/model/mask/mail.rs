//! Where are addresses of e-mail?
//!
//! Invariant: around each `@` at most the longest lawful address is looked at.

use super::Kind;
use super::glyph::{AT, Found, Glyphs, HAN, LETTERS, is_han, is_letter};
use super::words::LEXICON;

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
        let least = found.last().map_or(0, |piece| piece.to);
        let piece = sign(text, at).and_then(|(local_end, domain)| {
            let to = domain_end(text, domain)?;
            let from = local_begin(text, local_end, domain, to)?;
            Some((from, to))
        });
        let piece = piece.or_else(|| spelled(text, at)).filter(|(from, _)| *from >= least);
        at = piece.map_or(at + 1, |(_, to)| to);
        found.extend(piece.map(|(from, to)| Found { from, to, kind: Kind::Email }));
    }
    found
}

/// Where the part before the sign begins.
fn local_begin(text: &Glyphs, end: usize, domain: usize, to: usize) -> Option<usize> {
    let mut from = end - text.run_before(end, MAX_LOCAL, is_local);
    // `jane dot doe at …`
    while end - from < MAX_LOCAL && from >= 5 && text.reads(from - 5, " dot ") && is_local(text.back(from, 6)) {
        from -= 5 + text.run_before(from - 5, MAX_LOCAL, is_local);
    }
    let known = is_top(text, to);
    if from < end {
        // With a space on one side only it may be a mention: `thanks @lumo.com`.
        let at = text.reads(end, " at ") && !has_dot_word(text, domain);
        let mention = text.ch(end) == ' ' && (at || text.ch(domain.saturating_sub(1)) == '@');
        let word = LEXICON.common_english.ends(text, from, end).is_some();
        return (!mention || known && end - from > 2 && !word).then_some(from);
    }
    // `张三@qq.com`: a name, or what stands there up to a word that leads to it.
    let han = text.run_before(end, 4, |c| {
        is_han(c) && !matches!(c, '是' | '为' | '為' | '到' | '给' | '給' | '箱' | '址' | '件' | '的')
    });
    let named = (2..=han).rev().find(|n| LEXICON.surnames.contains(&text.back(end, *n)));
    // `关注@lumo.cn` is no address: only where people have their mail.
    let hosted = text.ch(end) == '@' && domain == end + 1 && is_host(text, domain);
    (han > 0 && hosted).then_some(end - named.unwrap_or(han))
}

/// Whether a domain that ends there ends in a known one, such as `com`.
fn is_top(text: &Glyphs, to: usize) -> bool {
    let from = to - text.run_before(to, 8, |c| c.is_ascii_alphabetic());
    from < to && LEXICON.top_domains.ends(text, from, to).is_some()
}

/// An address whose characters stand apart: `z h a n g @ q q . c o m`.
fn spelled(text: &Glyphs, at: usize) -> Option<(usize, usize)> {
    if text.ch(at) != '@' || text.back(at, 1) != ' ' || text.ch(at + 1) != ' ' {
        return None;
    }
    let mut from = at;
    while at - from < 2 * MAX_LOCAL
        && text.back(from, 1) == ' '
        && is_local(text.back(from, 2))
        && !text.back(from, 3).is_ascii_alphanumeric()
    {
        from -= 2;
    }
    let (mut to, mut top, mut end) = (at + 1, String::new(), None);
    while to - at < 2 * MAX_LOCAL && text.ch(to) == ' ' && !text.ch(to + 2).is_ascii_alphanumeric() {
        match text.ch(to + 1) {
            '.' => top.clear(),
            c if c.is_ascii_alphanumeric() || c == '-' => top.push(c.to_ascii_lowercase()),
            _ => break,
        }
        to += 2;
        if to > at + 6 && matches!(top.as_str(), "com" | "cn" | "net" | "org" | "edu") {
            end = Some(to);
        }
    }
    (at - from >= 4).then_some((from, end?))
}

fn is_local(c: char) -> bool {
    is_letter(c) || c.is_ascii_digit() || matches!(c, '.' | '_' | '%' | '+' | '-')
}

/// Where the local part ends and the domain begins, if an `@`, or what people write for one, stands here.
fn sign(text: &Glyphs, at: usize) -> Option<(usize, usize)> {
    match text.ch(at) {
        '@' => {
            let apart = |c: char| matches!(c, ' ' | '\n');
            let before = text.run_before(at, 1, apart);
            let after = text.skip_most(at + 1, 1, apart);
            let doubled = text.skip_most(after, 1, |c| c == '@');
            let host = text.skip_most(doubled, MAX_LOCAL, |c| c.is_ascii_alphanumeric() || c == '-');
            // With a space behind it only, it leads to somebody, unless a domain follows.
            let leads = before == 0 && after > at + 1 && dot(text, host).is_none();
            Some((at - before, if leads { at + 1 } else { doubled }))
        }
        '[' | '(' | '{' if text.reads(at + 1, "at") && matches!(text.ch(at + 3), ']' | ')' | '}') => {
            let before = text.run_before(at, 1, |c| c == ' ');
            Some((at - before, text.skip_most(at + 4, 1, |c| c == ' ')))
        }
        ' ' if text.reads(at + 1, "at ") && (has_dot_word(text, at + 4) || is_host(text, at + 4)) => Some((at, at + 4)),
        '(' if text.reads(at, "(a)") && is_host(text, at + 3) => Some((at, at + 3)),
        '艾' if text.ch(at + 1) == '特' => Some((at, at + 2)),
        '圈' if text.reads(at + 1, "a") => Some((at, at + 2)),
        '#' | '*' if is_local(text.back(at, 1)) && is_host(text, at + 1) => Some((at, at + 1)),
        _ => None,
    }
}

/// Hosts that are known behind a `#` too, which some write for an `@`.
const MAIL_HOSTS: [&str; 16] = [
    "qq.com",
    "163.com",
    "126.com",
    "gmail.com",
    "outlook.com",
    "hotmail.com",
    "foxmail.com",
    "sina.com",
    "sina.cn",
    "sohu.com",
    "yahoo.com",
    "icloud.com",
    "aliyun.com",
    "139.com",
    "189.cn",
    "proton.me",
];

fn is_host(text: &Glyphs, at: usize) -> bool {
    MAIL_HOSTS.iter().any(|host| text.reads(at, host) && !text.ch(at + host.len()).is_ascii_alphanumeric())
}

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
        let plain = text.ch(at) == '.' && text.ch(at + 1).is_ascii_alphanumeric();
        let dot = dot(text, at).filter(|to| {
            labels == 0
                || plain
                || text.ch(at) == ' ' && text.ch(at + 1) == 'd'
                || text.ch(at) == '.' && text.ch(at + 1) != ' '
                || leads_to_top(text, *to)
        });
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

/// Whether a word that ends domains stands there: `com`.
fn leads_to_top(text: &Glyphs, at: usize) -> bool {
    let to = text.skip_most(at, 5, |c| c.is_ascii_alphabetic());
    text.ch(at).is_ascii_lowercase()
        && ["com", "cn", "net", "org", "edu"].iter().any(|top| text.reads(at, top) && at + top.len() == to)
}

/// Behind a dot, or what people write for one.
fn dot(text: &Glyphs, at: usize) -> Option<usize> {
    let next = text.skip_most(at + 1, 2, |c| matches!(c, ' ' | '.'));
    match text.ch(at) {
        '.' if text.ch(at + 1) == ' ' => leads_to_top(text, next).then_some(next),
        '.' => Some(at + 1),
        ',' => leads_to_top(text, next).then_some(next),
        ' ' | '\n' if text.ch(at + 1) == '.' => text.ch(next).is_ascii_alphabetic().then_some(next),
        '。' | '点' | '點' | '·' if text.ch(at + 1).is_ascii_alphabetic() => Some(at + 1),
        ' ' if text.reads(at + 1, "dot ") && text.ch(at + 5).is_ascii_alphabetic() => Some(at + 5),
        '[' | '(' if text.reads(at + 1, "dot") && matches!(text.ch(at + 4), ']' | ')') => Some(at + 5),
        '[' | '(' if text.ch(at + 1) == '.' && matches!(text.ch(at + 2), ']' | ')') => Some(at + 3),
        _ => None,
    }
}
