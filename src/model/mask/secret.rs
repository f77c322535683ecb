//! Where are secrets: keys and tokens of known shape, and what stands behind `密码是`, `token:`, `验证码`?
//!
//! Invariant: what is talked about (`forgot my password`) stays; what could open a door goes.

use super::Kind;
use super::cued::{Link, is_counted, link};
use super::digits::run;
use super::glyph::{DIGITS, Found, Glyphs, HAN, LETTERS, NUMERALS, TAG, is_han, numeral};
use super::words::{LEXICON, SecretCue};

/// Characters of a secret that are looked at to know it; the rest of a longer one goes with it.
const MAX_SECRET: usize = 4_096;

/// Most words of a phrase, and longest one.
const MAX_PHRASE: usize = 12;
const MAX_WORD: usize = 16;

/// Shortest key that is known by its shape, up to a dot.
const SHORTEST_KEY: usize = 12;

/// Secrets, wherever they are.
pub fn secrets(text: &Glyphs) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    if !text.holds(DIGITS | LETTERS | NUMERALS | HAN) {
        return found;
    }
    let mut at = 0;
    while at < text.len() {
        let inside = text.ch(at).is_ascii_alphanumeric() && text.back(at, 1).is_ascii_alphanumeric();
        let piece = if inside { None } else { known(text, at).or_else(|| announced(text, at)) };
        match piece.filter(|(from, to)| from < to) {
            Some((from, to)) => {
                found.push(Found { from, to, kind: Kind::Secret });
                at = to;
            }
            None => at += 1,
        }
    }
    found
}

fn is_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

/// A secret that is known by its shape.
fn known(text: &Glyphs, at: usize) -> Option<(usize, usize)> {
    let c = text.ch(at);
    match c {
        '-' if text.reads(at, "-----begin ") => return pem(text, at),
        ':' if text.reads(at, "://") => return credentials(text, at + 3),
        'e' if text.reads(at, "eyj") => return web_token(text, at),
        'B' | 'b' if text.reads(at, "bearer ") || text.reads(at, "basic ") => {
            let from = text.skip_most(at, 6, |c| c.is_ascii_alphabetic());
            let from = text.skip_most(from, 3, |c| c == ' ');
            let to = text.skip_most(from, MAX_SECRET, |c| is_key(c) || matches!(c, '.' | '+' | '/' | '=' | '~'));
            let digits = text.chars(from, to).any(|c| c.is_ascii_digit());
            let to = text.skip(to, |c| is_key(c) && to == from + MAX_SECRET);
            return (to - from >= 16 && digits).then_some((from, trimmed(text, from, to)));
        }
        _ if !c.is_ascii_alphabetic() || is_key(text.back(at, 1)) => return None,
        _ if text.skip_most(at, SHORTEST_KEY, is_key) < at + SHORTEST_KEY
            && !text.reads(at, "ya29")
            && !text.reads(at, "sg.") =>
        {
            return None;
        }
        _ => {}
    }
    let fits = |(prefix, least): &&(String, usize)| {
        let length = prefix.len();
        prefix.chars().enumerate().all(|(n, c)| text.ch(at + n) == c)
            && text.skip_most(at + length, *least, |c| is_key(c) || c == '.') == at + length + least
            && text.chars(at + length, at + length + 64).take_while(|c| is_key(*c)).any(|c| c.is_ascii_digit())
    };
    LEXICON.secret_shapes.iter().find(fits)?;
    let to = text.skip(at, |c| is_key(c) || c == '.');
    Some((at, trimmed(text, at, to)))
}

/// Without the stops that end a sentence.
fn trimmed(text: &Glyphs, from: usize, mut to: usize) -> usize {
    while to > from
        && matches!(text.back(to, 1), '.' | ',' | ';' | '!' | '?' | ')' | ']' | '}' | '"' | '\'' | '`' | ':' | '>')
    {
        to -= 1;
    }
    to
}

/// A private key: to its end line, or where that is missing to the end of what looks like it.
fn pem(text: &Glyphs, at: usize) -> Option<(usize, usize)> {
    let head = text.skip_most(at + 11, 40, |c| c.is_ascii_uppercase() || c == ' ');
    let private = text.chars(at, head).collect::<String>().ends_with("PRIVATE KEY");
    if !private || !text.reads(head, "-----") {
        return None;
    }
    let body = text.skip(head + 5, |c| {
        c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '\n' | '\r' | ' ' | '\\' | ':' | ',')
    });
    if !text.reads(body, "-----end ") {
        return Some((at, body));
    }
    let end = text.skip_most(body + 9, 40, |c| c.is_ascii_uppercase() || c == ' ');
    Some((at, text.skip_most(end, 5, |c| c == '-')))
}

/// `user:password@` of an address in the web.
fn credentials(text: &Glyphs, from: usize) -> Option<(usize, usize)> {
    let end = text.skip_most(from, 256, |c| c.is_ascii_graphic() && !matches!(c, '/' | '?' | '#' | '"' | '<' | '>'));
    let sign = (from..end).rev().find(|at| text.ch(*at) == '@')?;
    let colon = (from..sign).find(|at| text.ch(*at) == ':')?;
    (colon + 1 < sign).then_some((from, sign))
}

/// A JSON Web Token (RFC 7519): two or three parts, the first one an object.
fn web_token(text: &Glyphs, at: usize) -> Option<(usize, usize)> {
    if is_key(text.back(at, 1)) {
        return None;
    }
    let to = text.skip(at, |c| is_key(c) || c == '.');
    let dots = text.chars(at, to).filter(|c| *c == '.').count();
    (to - at >= 30 && dots >= 1).then_some((at, trimmed(text, at, to)))
}

/// A secret behind a word that announces one.
fn announced(text: &Glyphs, at: usize) -> Option<(usize, usize)> {
    let (end, cue) = LEXICON.secret_cues.at(text, at)?;
    // `code` alone may be one of an error or a discount.
    let plain = text.reads(at, "code");
    if plain
        && LEXICON.not_code.before(text, at - text.run_before(at, 1, |c| matches!(c, ' ' | '-' | '_')), 10).is_some()
    {
        return None;
    }
    // `?access_token=…`, `"api_key": "…"`.
    let end = if matches!(text.ch(end), '"' | '\'') && matches!(text.ch(end + 1), ':' | '=') { end + 1 } else { end };
    let link = link(text, end);
    let from = link.to;
    if let Some(to) = phrase(text, at, &link, cue) {
        return Some((from, to));
    }
    if link.far
        || LEXICON.secret_cues.at(text, from).is_some_and(|(end, _)| matches!(text.ch(end), ':' | '=' | ' ' | '"'))
    {
        return None;
    }
    if let Some(to) = dictated(text, from, cue).filter(|_| !plain || link.strong) {
        return Some((from, to));
    }
    let stop = |c: char| {
        !c.is_ascii_graphic()
            || matches!(c, '"' | '\'' | '`' | '<' | '>' | ',' | ';' | '|')
            || c == '&' && cue == SecretCue::Token
    };
    let quoted_end = text.skip_most(from, MAX_SECRET, |c| !stop(c));
    let to = trimmed(text, from, quoted_end);
    let inside: Vec<char> = text.chars(from, to).collect();
    let (digits, letters) = (
        inside.iter().filter(|c| c.is_ascii_digit()).count(),
        inside.iter().filter(|c| c.is_ascii_alphabetic()).count(),
    );
    let length = inside.len();
    let chinese = is_han(text.back(end, 1));
    // `口令 abc`: a word by itself behind a Chinese one.
    let behind = text.skip_most(to, 1, |c| c == ' ');
    let alone = chinese
        && cue == SecretCue::Password
        && from > end
        && letters == length
        && length <= 20
        && !text.ch(behind).is_ascii_alphanumeric()
        && LEXICON.common_english.ends(text, from, to).is_none();
    let bare = cue == SecretCue::Password && link.colon && LEXICON.common_english.ends(text, from, to).is_none();
    let least = if cue == SecretCue::Code || link.quoted && link.colon || alone || bare { 3 } else { 4 };
    if length < least || is_counted(text, to) && digits == length || text.ch(from) == TAG || digits + letters < 3 {
        return None;
    }
    if LEXICON.not_secret.at(text, from).is_some_and(|(end, ())| end >= to || !is_key(text.ch(end))) {
        return None;
    }
    let signs = length - digits - letters;
    let mixed = digits > 0 && letters > 0;
    let inner_capital =
        inside.iter().skip(1).any(char::is_ascii_uppercase) && inside.iter().any(char::is_ascii_lowercase);
    let goes_on = matches!(text.ch(to), '的') || is_han(text.ch(to)) && !link.strong && digits == 0;
    let reads_as_version = inside.iter().all(|c| c.is_ascii_digit() || *c == '.') && signs > 0;
    let fits = match cue {
        SecretCue::Code if plain => digits == length && (4..=8).contains(&length) && link.strong,
        // The pin of a plug is no secret.
        SecretCue::Password if text.reads(at, "pin") => digits == length && (4..=8).contains(&length),
        _ if link.quoted && link.strong => true,
        SecretCue::Password if link.quoted => digits > 0 || signs > 0 || inner_capital,
        SecretCue::Code => digits * 2 >= length && (link.strong || (3..=8).contains(&length)) && signs == 0,
        SecretCue::Token => {
            let long = length >= 8 && (digits >= 2 || length >= 20);
            let parted = is_parted(text, &inside, to);
            (link.strong && (long || link.colon && parted || mixed || length >= 16 || link.colon && digits > 3))
                || (long && mixed && length >= 12)
        }
        SecretCue::Password if link.colon => digits > 0 || signs > 0 || letters >= 4 || bare,
        SecretCue::Password if link.strong => digits > 0 || signs > 0 || inner_capital || chinese,
        SecretCue::Password => alone || digits > 0 && !reads_as_version,
    };
    let to = if to == from + MAX_SECRET { text.skip(from, |c| !stop(c)) } else { to };
    (fits && !goes_on && (link.strong || !reads_as_version)).then_some((from, to))
}

/// `abc.def.ghi`: three parts or more, and no host.
fn is_parted(text: &Glyphs, inside: &[char], to: usize) -> bool {
    let parts = inside.split(|c| *c == '.');
    let whole = parts.clone().all(|part| !part.is_empty() && part.iter().all(|c| is_key(*c)));
    let last = parts.clone().next_back().map_or(0, <[char]>::len);
    whole && parts.count() > 2 && inside.len() >= 8 && LEXICON.top_domains.ends(text, to - last, to).is_none()
}

/// A secret of several words: `correct horse battery staple`, `芝麻开门`.
fn phrase(text: &Glyphs, cue_at: usize, link: &Link, cue: SecretCue) -> Option<usize> {
    if cue != SecretCue::Password || !link.strong || link.far {
        return None;
    }
    let (mut words, mut end, mut at) = (0, link.to, link.to);
    while words < MAX_PHRASE {
        let to = text.skip_most(at, MAX_WORD, |c| c.is_ascii_lowercase());
        let known =
            LEXICON.common_english.ends(text, at, to).is_some() || LEXICON.not_secret.ends(text, at, to).is_some();
        // What is said about a password begins like that: `stored encrypted …`.
        let said =
            known && (words > 0 || text.reads(to.saturating_sub(2), "ed") || text.reads(to.saturating_sub(3), "ing"));
        if to < at + 3 || said {
            break;
        }
        (words, end) = (words + 1, to);
        if !matches!(text.ch(to), ' ' | '-') {
            break;
        }
        at = to + 1;
    }
    if words >= 4 && !text.ch(end).is_ascii_alphanumeric() && !matches!(text.ch(end), ' ' | '-' | '@' | '/') {
        return Some(end);
    }
    let spoken = ["口令", "暗号", "暗號", "通关密语"].iter().any(|word| text.reads(cue_at, word));
    let han =
        text.skip_most(link.to, 9, |c| is_han(c) && !"的了是不没沒什么么吗嗎哪谁誰啥错錯对對几幾多少位".contains(c));
    let free = !text.ch(han).is_alphanumeric() && text.ch(han) != TAG;
    (spoken && (3..=8).contains(&(han - link.to)) && free).then_some(han)
}

/// Digits one by one, or as Chinese numerals: `四八二九一三`, `4 8 2 9 1 3`.
fn dictated(text: &Glyphs, from: usize, cue: SecretCue) -> Option<usize> {
    let spoken = numeral(text.ch(from)).is_some();
    let spread =
        text.ch(from).is_ascii_digit() && matches!(text.ch(from + 1), ' ' | '-') && text.ch(from + 2).is_ascii_digit();
    let (digits, end) = run(text, from, 8, true);
    // `482-913`, `482 913`, and of a parcel `12-3-4567`; not a day.
    let dashes = text.chars(from, end).all(|c| c.is_ascii_digit() || c == '-') && !digits.starts_with(b"20");
    let spaced = digits.len() == 6 && end == from + 7 && text.ch(from + 3) == ' ';
    let halves = cue == SecretCue::Code && end > from + digits.len() && (dashes || spaced);
    let fits = cue != SecretCue::Token && (4..=8).contains(&digits.len()) && !text.ch(end).is_ascii_alphanumeric();
    let counted = is_counted(text, end) || LEXICON.units.at(text, text.skip_most(end, 1, |c| c == ' ')).is_some();
    ((spoken || spread || halves) && fits && !counted).then_some(end)
}
