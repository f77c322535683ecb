//! Where are English addresses: `221B Baker Street`, `1600 Amphitheatre Pkwy, Apt 4, Springfield, IL 62704`, `PO Box 12`?
//!
//! Invariant: a street address begins with a house number, and a number of a box with its word.

use super::Kind;
use super::glyph::{DIGITS, Found, Glyphs, LETTERS};
use super::words::{LEXICON, Street};

/// Most words of a street's name.
const MAX_WORDS: usize = 5;
const MAX_WORD: usize = 20;

pub fn streets(text: &Glyphs) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    if !text.holds(DIGITS) || !text.holds(LETTERS) {
        return found;
    }
    let mut at = 0;
    while at < text.len() {
        let c = text.ch(at);
        let begins = c.is_ascii_alphanumeric() && !text.back(at, 1).is_ascii_alphanumeric();
        let piece = if begins { street(text, at).or_else(|| post_box(text, at)) } else { None };
        match piece {
            Some(to) => {
                let least = found.last().map_or(0, |piece| piece.to);
                let from = room_before(text, at, least);
                found.push(Found { from, to, kind: Kind::Address });
                at = to;
            }
            None => at += 1,
        }
    }
    found
}

fn word(text: &Glyphs, at: usize) -> usize {
    text.skip_most(at, MAX_WORD, |c| c.is_ascii_alphanumeric() || c == '\'' || c == '-' && at > 0)
}

/// `12`, `221B`, `12-14`, `4/20`.
fn house_number(text: &Glyphs, at: usize) -> Option<usize> {
    let digits = text.skip_most(at, 6, |c| c.is_ascii_digit());
    let numbered = text.back(at, 1) == '.' && text.reads(at.saturating_sub(3), "no.");
    if digits == at
        || digits - at > 5
        || !numbered && matches!(text.back(at, 1), '.' | '$' | '¥' | '-' | ':' | '£' | '€')
    {
        return None;
    }
    let mut to = digits;
    if matches!(text.ch(to), '-' | '/') && text.ch(to + 1).is_ascii_digit() {
        to = text.skip_most(to + 1, 5, |c| c.is_ascii_digit());
    }
    to = text.skip_most(to, 1, |c| c.is_ascii_alphabetic());
    (text.ch(to) == ' ' || text.ch(to) == ',').then_some(to)
}

fn street(text: &Glyphs, at: usize) -> Option<usize> {
    let number = house_number(text, at)?;
    let mut next = text.skip_most(number, 2, |c| c == ' ' || c == ',');
    let (mut words, mut capitals, mut end) = (0, 0, None);
    let cues = [
        "live at ",
        "lives at ",
        "deliver to ",
        "ship to ",
        "send to ",
        "sent to ",
        "address is ",
        "address: ",
        "located at ",
    ];
    let sent = cues.iter().any(|cue| at.checked_sub(cue.len()).is_some_and(|from| text.reads(from, cue)));
    while words < MAX_WORDS {
        let to = word(text, next);
        if to == next {
            break;
        }
        let capital = text.ch(next).is_ascii_uppercase() || text.ch(next).is_ascii_digit();
        let name = LEXICON.streets.at(text, next).filter(|(to, _)| !text.ch(*to).is_ascii_alphanumeric());
        let small = |kind| capitals == 0 && (kind == Street::Plain || sent);
        let is_street = name.is_some_and(|(_, kind)| capital || small(kind));
        if let Some((street_end, _)) = name.filter(|_| is_street && (words > 0 || text.reads(next, "broadway"))) {
            end = Some(street_end);
        } else if end.is_some() {
            break;
        }
        let small = !capital;
        if small && LEXICON.common_english.ends(text, next, to).is_some() || small && capitals > 0 && !is_street {
            break;
        }
        words += 1;
        capitals += usize::from(capital);
        if text.ch(to) == '.' && end.is_some_and(|end| end > to) {
            break;
        }
        next = if text.ch(to) == ' ' { to + 1 } else { break };
    }
    let end = end?;
    // `5 star road trip`: in lower case, a street is not the first half of something else.
    let next = text.skip_most(end, 1, |c| c == ' ');
    let to = word(text, next);
    let joined = next > end && to > next && text.ch(next).is_ascii_lowercase();
    let known = LEXICON.common_english.ends(text, next, to).is_some() || LEXICON.rooms.at(text, next).is_some();
    if capitals == 0 && joined && !known {
        return None;
    }
    let end = compass(text, end);
    Some(tail(text, end))
}

/// `Street NW`.
fn compass(text: &Glyphs, end: usize) -> usize {
    let to = text.skip_most(end + 1, 8, |c| c.is_ascii_alphabetic());
    let points = ["n", "s", "e", "w", "nw", "ne", "sw", "se", "north", "south", "east", "west", "central"];
    let is_point = text.ch(end) == ' ' && points.iter().any(|p| text.reads(end + 1, p) && end + 1 + p.len() == to);
    if is_point && text.ch(end + 1).is_ascii_uppercase() { to } else { end }
}

fn post_box(text: &Glyphs, at: usize) -> Option<usize> {
    let words =
        ["po box ", "p.o. box ", "p.o.box ", "p o box ", "post office box ", "gpo box ", "po box#", "po box no. "];
    let from = words.iter().find(|w| text.reads(at, w)).map(|w| at + w.len())?;
    let from = text.skip_most(from, 1, |c| c == '#');
    let to = text.skip_most(from, 8, |c| c.is_ascii_digit() || c == '-');
    (to > from).then(|| tail(text, to))
}

/// What goes on behind a street: rooms, towns with their state and code, districts.
fn tail(text: &Glyphs, mut end: usize) -> usize {
    for _ in 0..6 {
        match segment(text, end) {
            Some(to) if to > end => end = to,
            _ => break,
        }
    }
    end
}

fn segment(text: &Glyphs, end: usize) -> Option<usize> {
    let next = text.skip_most(end, 3, |c| matches!(c, ' ' | ',' | '\n'));
    if next == end {
        return None;
    }
    room(text, next).or_else(|| postcode(text, next)).or_else(|| town(text, next))
}

/// `Apt 4`, `Suite 200`, `#5`, `Unit 3B`, `Room 501`.
fn room(text: &Glyphs, at: usize) -> Option<usize> {
    let (mut from, ()) = LEXICON.rooms.at(text, at)?;
    from = text.skip_most(from, 2, |c| matches!(c, ' ' | '#' | '.'));
    let to = text.skip_most(from, 8, |c| c.is_ascii_alphanumeric() || c == '-');
    let digit = text.chars(from, to).any(|c| c.is_ascii_digit());
    let letter = to == from + 1 && text.ch(from).is_ascii_uppercase();
    (to > from && (digit || letter)).then_some(to)
}

/// `IL 62704`, `CA 94043-1351`, `NW1 6XE`, `2000`.
fn postcode(text: &Glyphs, at: usize) -> Option<usize> {
    if let Some((state, ())) =
        LEXICON.states.at(text, at).filter(|_| text.ch(at).is_ascii_uppercase() && text.ch(at + 1) != ' ')
    {
        let from = text.skip_most(state, 2, |c| matches!(c, ' ' | ','));
        let zip = zip(text, from);
        let capitals = text.ch(at + 1).is_ascii_uppercase() || zip.is_some() || state - at > 2;
        return capitals.then_some(zip.unwrap_or(state));
    }
    if let Some(zip) = zip(text, at).filter(|to| to - at >= 5) {
        return Some(zip);
    }
    let outward = text.skip_most(at, 4, |c| c.is_ascii_uppercase() || c.is_ascii_digit());
    let letters = text.skip_most(at, 2, |c| c.is_ascii_uppercase());
    let british = letters > at && outward > letters && text.ch(outward) == ' ';
    let inward = text.ch(outward + 1).is_ascii_digit()
        && text.ch(outward + 2).is_ascii_uppercase()
        && text.ch(outward + 3).is_ascii_uppercase();
    let whole = !text.ch(outward + 4).is_ascii_alphanumeric();
    (british && inward && whole).then_some(outward + 4)
}

fn zip(text: &Glyphs, at: usize) -> Option<usize> {
    let to = text.skip_most(at, 7, |c| c.is_ascii_digit());
    let more = text.ch(to) == '-' && text.skip_most(to + 1, 5, |c| c.is_ascii_digit()) == to + 5;
    let canadian = text.ch(at).is_ascii_uppercase()
        && text.ch(at + 1).is_ascii_digit()
        && text.ch(at + 2).is_ascii_uppercase()
        && text.ch(at + 3) == ' '
        && text.ch(at + 4).is_ascii_digit()
        && text.ch(at + 6).is_ascii_digit();
    if canadian {
        return Some(at + 7);
    }
    let to = if more { to + 5 } else { to };
    (matches!(to - at, 4..=6 | 10) && !text.ch(to).is_ascii_alphanumeric()).then_some(to)
}

/// A town, if its state or code follows, or what ends in `District` or `City`.
fn town(text: &Glyphs, at: usize) -> Option<usize> {
    let mut to = at;
    for words in 0..4 {
        let from = if words == 0 { at } else { text.skip_most(to, 1, |c| c == ' ') };
        if words > 0 && from == to || !text.ch(from).is_ascii_uppercase() {
            break;
        }
        let end = word(text, from);
        if LEXICON.regions.ends(text, from, end).is_some() && words > 0 {
            return Some(end);
        }
        if words > 0 && postcode(text, from).is_some() {
            return postcode(text, from);
        }
        to = end;
        let next = text.skip_most(to, 2, |c| matches!(c, ' ' | ','));
        if next > to
            && let Some(code) = postcode(text, next)
        {
            return Some(code);
        }
    }
    // A known town closes the address: `…, Nanshan District, Shenzhen`.
    let known = ["Shenzhen", "Shanghai", "Beijing", "Guangzhou", "Hangzhou", "London", "New York", "Hong Kong"];
    known.iter().find(|town| text.reads(at, &town.to_ascii_lowercase()) && at + town.len() == to).map(|_| to)
}

/// Where the address begins that has its house number there: `Room 501, Building 3, No. 12 …`.
fn room_before(text: &Glyphs, at: usize, least: usize) -> usize {
    let mut from = at;
    for _ in 0..4 {
        let back = (2..=18).filter_map(|n| from.checked_sub(n)).filter(|start| *start >= least);
        let mut starts = back.filter(|start| text.back(*start, 1) == ' ' || !text.back(*start, 1).is_alphanumeric());
        let fits = |start: &usize| {
            let bare = LEXICON
                .rooms
                .at(text, *start)
                .is_some_and(|(end, ())| text.skip_most(end, 2, |c| matches!(c, ' ' | '.')) == from);
            let whole = room(text, *start)
                .is_some_and(|end| end < from && text.skip_most(end, 2, |c| matches!(c, ' ' | ',' | '/')) == from);
            text.ch(*start).is_ascii_alphanumeric() && (bare || whole)
        };
        match starts.rfind(fits) {
            Some(start) => from = start,
            None => break,
        }
    }
    from
}
