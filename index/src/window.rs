//! Which part of a text shows the most of what was searched for?
//! Invariant: a window lies on character boundaries and is at most as long as asked for.

use std::collections::HashMap;
use std::ops::Range;

use crate::script::{Script, is_cut};
use crate::sentence::first_start;
use crate::snippet::Found;

/// How many Unicode scalars stand in a byte range.
pub(crate) fn scalars(text: &str, range: Range<usize>) -> usize {
    text.get(range).map_or(0, |text| text.chars().count())
}

/// The byte `chars` Unicode scalars after `from`, or the end.
fn forward(text: &str, from: usize, chars: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    rest.char_indices().nth(chars).map_or(text.len(), |(at, _)| from + at)
}

/// The byte `chars` Unicode scalars before `to`, or the beginning.
fn backward(text: &str, to: usize, chars: usize) -> usize {
    if chars == 0 {
        return to;
    }
    let rest = text.get(..to).unwrap_or_default();
    rest.char_indices().rev().nth(chars - 1).map_or(0, |(at, _)| at)
}

/// The window around the stretch with the most distinct terms, from a sentence or word start near it.
pub(crate) fn window(text: &str, found: &[Found], max_chars: usize) -> Range<usize> {
    if text.len() <= max_chars || scalars(text, 0..text.len()) <= max_chars {
        return 0..text.len();
    }
    let core = densest(text, found, max_chars);
    let used = scalars(text, core.clone());
    let spare = max_chars.saturating_sub(used);
    // A third of the spare room goes in front, all of what the end of the text leaves unused.
    let behind = scalars(text, core.end..forward(text, core.end, spare));
    let lead = (spare / 3).max(spare - behind.min(spare));
    let earliest = backward(text, core.start, lead);
    let start = begin_near(text, earliest..core.start);
    let end = forward(text, start, max_chars);
    start..end_near(text, start.max(core.end).min(end)..end)
}

/// The stretch of matches, at most `max_chars` long, that holds the most distinct terms; then the most matches.
fn densest(text: &str, found: &[Found], max_chars: usize) -> Range<usize> {
    let places = in_scalars(text, found);
    let all = || found.iter().zip(&places);
    let mut best = (0, 0..0);
    let mut counts: HashMap<usize, usize> = HashMap::new();
    let mut behind = all().enumerate().peekable();
    for (last, (hit, place)) in all().enumerate() {
        *counts.entry(hit.term).or_default() += 1;
        while let Some((_, (gone, _))) =
            behind.next_if(|(first, (_, from))| *first < last && place.end > from.start + max_chars)
        {
            if let Some(count) = counts.get_mut(&gone.term) {
                *count -= 1;
            }
            if counts.get(&gone.term) == Some(&0) {
                counts.remove(&gone.term);
            }
        }
        let Some((first, (from, _))) = behind.peek() else {
            break;
        };
        let score = counts.len() * 1_000 + (last - first).min(999);
        if score > best.0 {
            best = (score, from.range.start..hit.range.end.max(from.range.start));
        }
    }
    best.1
}

/// Where the matches stand in Unicode scalars, in one pass.
fn in_scalars(text: &str, found: &[Found]) -> Vec<Range<usize>> {
    let (mut at, mut count) = (0, 0);
    let places = found.iter().map(|hit| {
        count += scalars(text, at..hit.range.start);
        at = hit.range.start;
        count..count + scalars(text, hit.range.clone())
    });
    places.collect()
}

/// Where to begin within a lead: at its first sentence start, else after its first gap between words.
fn begin_near(text: &str, lead: Range<usize>) -> usize {
    if lead.start == 0 {
        return 0;
    }
    let Some(piece) = text.get(lead.clone()) else {
        return lead.end;
    };
    if let Some(at) = first_start(piece) {
        return lead.start + at;
    }
    if !is_cut(text, lead.start) {
        return lead.start;
    }
    let gap = piece.char_indices().find(|(_, c)| Script::of(*c) != Script::Letter);
    gap.map_or(lead.end, |(at, _)| lead.start + at)
}

/// Where to end within a tail: not inside a word, unless the tail is all one word.
fn end_near(text: &str, tail: Range<usize>) -> usize {
    if !is_cut(text, tail.end) {
        return tail.end;
    }
    let piece = text.get(tail.clone()).unwrap_or_default();
    let word = piece.chars().rev().take_while(|c| Script::of(*c) == Script::Letter);
    let length: usize = word.map(char::len_utf8).sum();
    if length == piece.len() { tail.end } else { tail.end - length }
}
