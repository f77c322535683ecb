//! Where are Chinese addresses, from the province (or the road) down to the house and the room?
//!
//! Invariant: a town alone is none; there is a road or an estate and a number, or a cue and a chain of places.

use super::Kind;
use super::cued::link;
use super::glyph::{END, Found, Glyphs, HAN, TAG, is_han, numeral};
use super::words::{LEXICON, Place};

/// Most characters before the road that belong to the address.
const MAX_BEFORE: usize = 40;
/// Most characters of a part that has no number, such as an estate's name.
const MAX_PART: usize = 12;

pub fn addresses(text: &Glyphs) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    if !text.holds(HAN) {
        return found;
    }
    let mut at = 0;
    while at < text.len() {
        let least = found.last().map_or(0, |piece| piece.to);
        match anchored(text, at, least).filter(|(from, to)| from < to && *from >= least) {
            Some((from, to)) => {
                found.push(Found { from, to, kind: Kind::Address });
                at = to;
            }
            None => at += 1,
        }
    }
    if found.is_empty() {
        return announcements(text);
    }
    found
}

/// Chains of places behind cues; looked for where no house is found any more.
fn announcements(text: &Glyphs) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for at in 0..text.len() {
        let piece = announced(text, at).filter(|(from, _)| found.last().is_none_or(|last| last.to <= *from));
        found.extend(piece.map(|(from, to)| Found { from, to, kind: Kind::Address }));
    }
    found
}

/// An address whose road or estate ends in the word that begins there, with a number behind it.
fn anchored(text: &Glyphs, at: usize, least: usize) -> Option<(usize, usize)> {
    let (end, place) = LEXICON.place_ends.at(text, at)?;
    if place == Place::Region || !is_han(text.back(at, 1)) {
        return None;
    }
    let houses = houses(text, end, place == Place::Road)?;
    let province = LEXICON.provinces.before(text, end, 3).is_some() || LEXICON.cities.before(text, end, 3).is_some();
    if province || LEXICON.not_places.before(text, end, 6).is_some() {
        return None;
    }
    let start = begin(text, at, least);
    if start.from >= at {
        return None;
    }
    let cued = start.region || start.cued;
    let fits = match place {
        Place::Road => houses.units > 0 || cued && houses.digits <= 4,
        Place::Estate => {
            // `小区12号到货` is a day.
            let whole = !is_han(text.ch(houses.end)) && at - start.from >= 2;
            houses.units > 1 || houses.units == 1 && (!houses.ambiguous || cued || whole)
        }
        Place::Public => houses.units > 0 && (start.region || start.cued || houses.units > 1 && !houses.ambiguous),
        Place::Region => false,
    };
    fits.then_some((start.from, houses.end))
}

/// The numbers of house, building, floor and room.
struct Houses {
    end: usize,
    /// How many have their unit.
    units: usize,
    /// Digits of the first one.
    digits: usize,
    /// The only unit is `号`, which may also be a day's.
    ambiguous: bool,
}

fn houses(text: &Glyphs, from: usize, road: bool) -> Option<Houses> {
    let mut houses = Houses { end: from, units: 0, digits: 0, ambiguous: true };
    let mut after_day = !road;
    for part in 0..10 {
        let at = text.skip_most(houses.end, if part == 0 { 1 } else { 2 }, |c| {
            matches!(c, ' ' | ',' | '-' | '/' | '#' | '、' | '(') || c == '\n' && part == 0
        });
        let Some((number, digits)) = number(text, at) else {
            match estate(text, at)
                .or_else(|| tower(text, at))
                .or_else(|| landmark(text, at, houses.end))
                .filter(|_| houses.units > 0)
            {
                Some(end) => {
                    houses.end = end;
                    continue;
                }
                None => break,
            }
        };
        let unit_at = text.skip_most(number, 1, |c| c == ' ');
        let unit = LEXICON.house_units.at(text, unit_at).filter(|_| {
            let day = LEXICON.days.at(text, unit_at).is_some() && after_day;
            LEXICON.not_houses.at(text, unit_at).is_none() && !day
        });
        match unit {
            Some((end, ())) => {
                let number = matches!(text.ch(unit_at), '号' | '號') && end == unit_at + 1;
                houses.ambiguous &= number;
                after_day = number;
                houses.units += 1;
                houses.end = end;
            }
            None if LEXICON.not_houses.at(text, unit_at).is_some() => break,
            None => {
                let open = text.ch(number);
                let free = !open.is_ascii_alphanumeric()
                    && !super::cued::is_counted(text, number)
                    && !matches!(open, '.' | '%' | ':' | '号' | '號');
                let room = houses.units > 0
                    && ((2..=5).contains(&digits) || text.ch(at) == '之' || text.back(houses.end, 1) == '塔')
                    || part == 0;
                if !free || !room || digits == 0 || text.back(at, 1) == ',' {
                    break;
                }
                houses.end = number;
            }
        }
        if part == 0 {
            houses.digits = digits;
        }
    }
    (houses.end > from).then_some(houses)
}

/// A number of a house: where it ends, and how many digits it has.
fn number(text: &Glyphs, at: usize) -> Option<(usize, usize)> {
    let mut from = text.skip_most(at, 1, |c| matches!(c, '甲' | '乙' | '丙' | '丁' | '附' | '之' | '负' | '地' | '塔'));
    from = text.skip_most(from, 1, |c| c.is_ascii_alphabetic());
    let figures = text.skip_most(from, 6, |c| c.is_ascii_digit());
    let spaced = spaced(text, from);
    let to = if spaced > from {
        spaced
    } else if figures > from {
        figures
    } else {
        text.skip_most(from, 5, is_count)
    };
    let mut end = to;
    while end > from && matches!(text.ch(end), '-' | '/' | '~' | '之' | '、') {
        let letter = text.skip_most(end + 1, 1, |c| c.is_ascii_alphabetic());
        let next = text.skip_most(letter, 5, |c| c.is_ascii_digit() || is_count(c));
        if next == letter {
            break;
        }
        end = next;
    }
    end = text.skip_most(end, 1, |c| c.is_ascii_alphabetic());
    let digits = text.chars(at, end).filter(|c| c.is_ascii_digit() || is_count(*c)).count();
    (end > at && (digits > 0 || end == from && from == at + 1 && text.ch(at).is_ascii_alphabetic()) && digits <= 12)
        .then_some((end, digits))
}

/// `1 0 0号`: single digits, up to their unit.
fn spaced(text: &Glyphs, from: usize) -> usize {
    let mut end = from;
    while end < from + 10
        && text.ch(end).is_ascii_digit()
        && text.ch(end + 1) == ' '
        && text.ch(end + 2).is_ascii_digit()
    {
        end += 2;
    }
    if end > from && LEXICON.house_units.at(text, end + 1).is_some() { end + 1 } else { from }
}

/// An estate's name between two numbers: `88号阳光花园3栋`.
fn estate(text: &Glyphs, at: usize) -> Option<usize> {
    let most = text.skip_most(at, MAX_PART, is_han);
    let ends =
        (at + 1..most).filter_map(|n| LEXICON.place_ends.at(text, n).filter(|(_, place)| *place != Place::Region));
    let end = ends.map(|(end, _)| end).find(|end| {
        let next = text.skip_most(*end, 1, |c| c == ' ');
        number(text, next).is_some()
            || !is_han(text.ch(*end))
            || matches!(text.ch(*end), '的' | '吗' | '嗎' | '吧' | '了')
    })?;
    let lead = (at..end).any(|n| LEXICON.leads.at(text, n).is_some());
    (!lead && LEXICON.not_places.before(text, end, 6).is_none()).then_some(end)
}

/// What goes on without the word for an estate: `太古汇一座`, `东单元11户`, `SOHO塔1`.
fn tower(text: &Glyphs, at: usize) -> Option<usize> {
    if matches!(text.ch(at), '东' | '西' | '南' | '北' | '中' | '東') && text.reads(at + 1, "单元") {
        return Some(at + 3);
    }
    let name = |c: char| (is_han(c) && !LEXICON.not_given.contains(&c) && !is_count(c)) || c.is_ascii_alphabetic();
    let most = text.skip_most(at, 8, name);
    (at + 1..=most).find_map(|end| {
        let (to, _) = number(text, end)?;
        let unit = matches!(text.ch(to), '座' | '栋' | '棟' | '幢' | '楼' | '樓' | '室' | '层' | '單' | '单' | '塔');
        let lead = (at..end).any(|n| LEXICON.leads.at(text, n).is_some());
        ((unit || text.ch(end) == '塔') && !lead && LEXICON.not_houses.at(text, to).is_none()).then_some(end)
    })
}

/// What stands behind the house number up to the end of the clause, if it may be a building's name: `111号光谷天地`.
fn landmark(text: &Glyphs, at: usize, end: usize) -> Option<usize> {
    const SAID: &str = "的了吗嗎呢吧能会會可要怎什不没沒我你您他是有送到收寄给給请請谢謝多少几在也都就还很";
    let to = text.skip_most(at, 9, |c| is_han(c) && !SAID.contains(c) && !is_count(c));
    let whole = (3..=8).contains(&(to - at)) && !text.ch(to).is_alphanumeric() && at == end;
    let word = (at..to).any(|n| {
        let known = LEXICON.not_names.at(text, n).or_else(|| LEXICON.not_houses.at(text, n));
        known.or_else(|| LEXICON.leads.at(text, n)).is_some()
    });
    (whole && !word).then_some(to)
}

fn is_count(c: char) -> bool {
    numeral(c).is_some() || matches!(c, '十' | '百' | '廿')
}

/// Where an address begins.
struct Start {
    from: usize,
    /// It names a town or a district.
    region: bool,
    /// A word like `地址` stands before.
    cued: bool,
}

/// Where the address begins whose road ends in the word at a place.
fn begin(text: &Glyphs, road: usize, least: usize) -> Start {
    let floor = road.saturating_sub(MAX_BEFORE).max(least);
    let mut from = road;
    while from > floor {
        let c = text.back(from, 1);
        let space = matches!(c, ' ' | ',' | '-' | '/' | '\n') && from - 1 > floor && closes(text, from - 1, floor);
        if !is_han(c) && !space {
            break;
        }
        from -= 1;
    }
    let cued = has_cue(text, from);
    // What stands behind the last word that leads to an address.
    let mut cue_inside = false;
    let mut at = from;
    while at < road {
        if let Some((end, ())) = LEXICON.provinces.at(text, at).or_else(|| LEXICON.cities.at(text, at)) {
            at = end;
            continue;
        }
        match LEXICON
            .address_cues
            .at(text, at)
            .map(|(end, ())| (end, true))
            .or_else(|| LEXICON.leads.at(text, at).map(|(end, ())| (end, false)))
        {
            Some((end, cue)) if end <= road && (end < road || cue) => {
                cue_inside |= cue;
                from = end;
                at = end;
            }
            _ => at += 1,
        }
    }
    from = text.skip_most(from, 2, |c| matches!(c, ' ' | ',' | '-' | '/'));
    let town =
        (from..road).find(|at| LEXICON.provinces.at(text, *at).or_else(|| LEXICON.cities.at(text, *at)).is_some());
    let region = (from + 1..road).find(|at| matches!(LEXICON.place_ends.at(text, *at), Some((_, Place::Region))));
    let town = town.filter(|town| region.is_none_or(|region| *town < region));
    let named = match (town, region) {
        (Some(town), _) => town,
        (None, Some(region)) if region - from > 8 => region - 3,
        (None, Some(_)) => from,
        (None, None) if road - from > 6 => road - 3,
        (None, None) => from,
    };
    Start { from: named, region: town.is_some() || region.is_some(), cued: cued || cue_inside }
}

/// Whether a cue stands before, with no more than a colon between.
fn has_cue(text: &Glyphs, at: usize) -> bool {
    let space = text.run_before(at, 4, |c| matches!(c, ':' | ' ' | '"' | '=' | '\n'));
    let end = at - space;
    space > 0 && LEXICON.address_cues.before(text, end, 5).is_some()
}

/// Whether what ends there is a level above, so that the address goes on behind a space.
fn closes(text: &Glyphs, end: usize, floor: usize) -> bool {
    const LEVELS: &str = "省市区县镇乡旗州區縣鎮鄉道村园路街";
    let town = |n: usize| {
        let at = end.checked_sub(n).filter(|at| *at >= floor)?;
        LEXICON.provinces.ends(text, at, end).or_else(|| LEXICON.cities.ends(text, at, end))
    };
    LEVELS.contains(text.back(end, 1)) || [2, 3, 4].into_iter().any(|n| town(n).is_some())
}

/// Behind `地址:`, a chain of places without a number.
fn announced(text: &Glyphs, at: usize) -> Option<(usize, usize)> {
    let (end, ()) = LEXICON.address_cues.at(text, at)?;
    let link = link(text, end);
    let from = link.to;
    let town = LEXICON.provinces.at(text, from).is_some() || LEXICON.cities.at(text, from).is_some();
    if !is_han(text.ch(from)) || !link.strong && link.to > end && !town {
        return None;
    }
    let stop = |c: char| {
        c != ' ' && !is_han(c) && !c.is_ascii_alphanumeric() && !matches!(c, '-' | '(' | ')')
            || c == TAG
            || c == END
            || matches!(c, '的' | '哪' | '什' | '是' | '了' | '吗' | '嗎' | '個')
    };
    let to = text.skip_most(from, 60, |c| !stop(c));
    let (mut regions, mut details, mut last) = (0, 0, from);
    let mut next = from;
    while next < to {
        if let Some((end, ())) = LEXICON.provinces.at(text, next).or_else(|| LEXICON.cities.at(text, next)) {
            (regions, last, next) = (regions + 1, end, end);
            continue;
        }
        let house = if next > from && !text.back(next, 1).is_ascii_alphanumeric() && number(text, next).is_some() {
            houses(text, next, true)
        } else {
            None
        };
        if let Some(house) = house.filter(|h| h.units > 0 && !h.ambiguous && regions > 0 && h.end <= to) {
            (details, last, next) = (details + 1, house.end, house.end);
            continue;
        }
        match LEXICON
            .place_ends
            .at(text, next)
            .filter(|(end, _)| *end <= to && next > from && is_han(text.back(next, 1)))
        {
            Some((end, place)) if next - last <= 10 => {
                let known = LEXICON.not_places.before(text, end, 6).is_some();
                match place {
                    _ if known => {}
                    Place::Region => regions += 1,
                    _ => details += 1,
                }
                last =
                    houses(text, end, place == Place::Road).filter(|_| place != Place::Region).map_or(end, |h| h.end);
                next = last.max(end);
            }
            _ => next += 1,
        }
    }
    (regions > 0 && details > 0 && last > from).then_some((from, last))
}
