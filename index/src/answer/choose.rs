//! Which pieces are quoted: the best sentences, what they lean on, whole lists where a list is asked for?
//! Invariant: pieces never overlap, and each is one run of bytes of its source.

use std::ops::Range;

use super::Source;
use super::cues::{Asks, Wanted, holds, opens};
use super::score::{Candidate, Scored};
use super::units::{Unit, UnitKind, introduces};
use super::weights::AnswerSettings;
use crate::chunk::estimate_tokens;
use crate::normalize::folded;
use crate::script::Script;

/// A piece of a source to be quoted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Piece {
    pub source: usize,
    pub range: Range<usize>,
    /// Head of its table, or the line that introduces its list.
    pub label: Option<Range<usize>>,
    pub row: bool,
    /// Probability of the best unit in it.
    pub probability: f32,
}

/// Chooses from what was scored: best source first, then as they stand.
pub(crate) fn choose(
    wanted: &Wanted,
    sources: &[Source<'_>],
    scored: &Scored,
    settings: &AnswerSettings,
) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let best = scored.candidates.first().map_or(0.0, |c| c.probability);
    let (mut covered, mut length, mut chosen) = (0.0, 0, 0);
    for candidate in &scored.candidates {
        let enough = covered >= settings.enough || length >= settings.budget || chosen >= settings.most;
        if chosen > 0 && (enough || candidate.probability < settings.rival * best) {
            break;
        }
        let Some((source, units)) = sources.get(candidate.source).zip(scored.units.get(candidate.source)) else {
            continue;
        };
        let Some(unit) = units.get(candidate.place) else { continue };
        let inside = |piece: &Piece| piece.source == candidate.source && piece.range.contains(&unit.range.start);
        covered += candidate.probability;
        if pieces.iter().any(inside) {
            continue;
        }
        let piece = grown(wanted, source, units, candidate, unit, settings);
        let added = source.text.get(piece.range.clone()).map_or(0, columns);
        // A further sentence that is longer than what is left would say more than was asked.
        if chosen > 0 && length + added > settings.budget * 2 {
            continue;
        }
        length += added;
        chosen += 1;
        pieces.push(piece);
    }
    if let Some(first) = pieces.first().cloned()
        && wanted.asks == Asks::Steps
    {
        pieces.extend(continued(sources, scored, &first, settings));
    }
    ordered(pieces, sources)
}

/// The unit with what it leans on.
fn grown(
    wanted: &Wanted,
    source: &Source<'_>,
    units: &[Unit],
    candidate: &Candidate,
    unit: &Unit,
    settings: &AnswerSettings,
) -> Piece {
    let mut piece = Piece {
        source: candidate.source,
        range: unit.range.clone(),
        label: unit.lead.clone(),
        row: unit.kind == UnitKind::Row,
        probability: candidate.probability,
    };
    let next = units.get(candidate.place + 1);
    let announced = next.filter(|next| next.lead.as_ref() == Some(&unit.range)).and_then(|next| next.list.clone());
    let whole = (wanted.asks == Asks::Steps && unit.ordered) || (wanted.list && unit.kind == UnitKind::Item);
    let list = announced.or_else(|| unit.list.clone().filter(|_| whole));
    let fits = |list: &Range<usize>| count(source.text, list) <= settings.whole_list;
    if let Some(list) = list.filter(fits) {
        let from = unit.lead.as_ref().map_or(unit.range.start, |lead| lead.start);
        piece.range = from.min(list.start)..list.end.max(unit.range.end);
        piece.label = None;
        return piece;
    }
    if unit.kind != UnitKind::Row {
        piece.range = leaning(source, units, candidate.place, unit, settings);
    }
    piece
}

/// The range of a sentence with the neighbours without which it would mislead.
fn leaning(source: &Source<'_>, units: &[Unit], place: usize, unit: &Unit, settings: &AnswerSettings) -> Range<usize> {
    let mut range = unit.range.clone();
    let text = |unit: &Unit| folded(source.text.get(unit.range.clone()).unwrap_or_default());
    let own = text(unit);
    let short = |other: &&Unit| count(source.text, &other.range) <= settings.along;
    let before = place.checked_sub(1).and_then(|at| units.get(at)).filter(short);
    if let Some(before) = before.filter(|before| before.block == unit.block) {
        let premise = opens("opens.premise", &text(before)) && opens("opens.consequence", &own);
        if premise || opens("opens.anaphora", &own) || opens("opens.condition", &own) {
            range.start = before.range.start.min(range.start);
        }
    }
    let after = units.get(place + 1).filter(short).filter(|after| after.kind != UnitKind::Row);
    if let Some(after) = after {
        let words = text(after);
        // The next item of a list limits its own matter, unless it opens as a limit.
        let prose = after.kind == UnitKind::Sentence;
        let limits = opens("opens.condition", &words) || (prose && holds("holds.condition", &words));
        if limits && after.block == unit.block {
            range.end = after.range.end.max(range.end);
        }
    }
    if introduces(source.text, &unit.range) && range.end == unit.range.end {
        // What it announces is too long to be quoted whole: its beginning says more than the colon.
        if let Some(next) = units.get(place + 1).filter(|next| next.kind != UnitKind::Row) {
            range.end = next.range.end.max(range.end);
        }
    }
    range
}

/// The rest of a numbered list that was cut into several passages.
fn continued(sources: &[Source<'_>], scored: &Scored, first: &Piece, settings: &AnswerSettings) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut left = settings.whole_list.saturating_sub(estimate_tokens(text_of(sources, first)));
    let mut from = first.source;
    let numbered = |source: usize, range: &Range<usize>| {
        let mut units = scored.units.get(source).into_iter().flatten();
        units.any(|unit| unit.ordered && unit.range.start >= range.start && unit.range.end <= range.end)
    };
    if !numbered(first.source, &first.range) {
        return out;
    }
    while let Some(here) = sources.get(from) {
        let follows = |other: &Source<'_>| {
            other.hit == here.hit && other.ordinal == here.ordinal + 1 && other.heading == here.heading
        };
        let Some(next) = sources.iter().position(follows) else { break };
        let Some(unit) = scored.units.get(next).and_then(|units| units.first()) else { break };
        let Some(list) = unit.list.clone().filter(|_| unit.ordered) else { break };
        let length = sources.get(next).map_or(0, |source| count(source.text, &list));
        if length > left {
            break;
        }
        left -= length;
        let piece = Piece { source: next, range: list, label: None, row: false, probability: first.probability };
        out.push(piece);
        from = next;
    }
    out
}

/// Sources in the order in which they were chosen, pieces as they stand; neighbours become one.
fn ordered(pieces: Vec<Piece>, sources: &[Source<'_>]) -> Vec<Piece> {
    let mut order: Vec<usize> = Vec::new();
    for piece in &pieces {
        if !order.contains(&piece.source) {
            order.push(piece.source);
        }
    }
    let mut pieces = pieces;
    pieces.sort_by_key(|piece| (order.iter().position(|source| *source == piece.source), piece.range.start));
    let mut out: Vec<Piece> = Vec::new();
    for piece in pieces {
        match out.last_mut() {
            Some(last) if last.source == piece.source && joins(sources, last, &piece) => {
                last.range.end = last.range.end.max(piece.range.end);
                last.probability = last.probability.max(piece.probability);
                last.label = last.label.take().or(piece.label);
            }
            _ => out.push(piece),
        }
    }
    out
}

/// Whether nothing but spaces and marks lies between two pieces of a source, or they overlap.
fn joins(sources: &[Source<'_>], first: &Piece, second: &Piece) -> bool {
    if second.range.start < first.range.end {
        return true;
    }
    let between = sources.get(first.source).and_then(|s| s.text.get(first.range.end..second.range.start));
    !first.row && !second.row && between.is_some_and(|text| !text.chars().any(char::is_alphabetic))
}

fn text_of<'a>(sources: &[Source<'a>], piece: &Piece) -> &'a str {
    sources.get(piece.source).and_then(|source| source.text.get(piece.range.clone())).unwrap_or_default()
}

/// How wide a text is to a reader: a Chinese character takes two columns.
fn columns(text: &str) -> usize {
    text.chars().map(|c| if Script::of(c).has_grams() { 2 } else { 1 }).sum()
}

fn count(text: &str, range: &Range<usize>) -> usize {
    text.get(range.clone()).map_or(0, estimate_tokens)
}
