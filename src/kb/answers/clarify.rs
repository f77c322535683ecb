//! Has a question several readings, so that asking back is better than guessing?
//!
//! Invariant: every option is a title or known question of a hit the caller may see; a clear winner is never asked about.

use zhiyin_index::answer::{Asks, asks};
use zhiyin_index::{Hit, Index, Results};

use super::super::records::form;
use super::super::search::detect;
use crate::model::answer::Clarify;

/// Content words up to which a question may be ambiguous.
const FEW: usize = 2;
/// Characters up to which it may be.
const SHORT: usize = 24;
/// A hit is another reading when it is at least this close to the best one.
const CLOSE: f32 = 0.92;
/// Most readings offered.
const MOST: usize = 4;

/// The readings of a short question that names a subject and asks nothing about it.
pub fn clarify(index: &Index, question: &str, results: &Results, threshold: f64) -> Option<Clarify> {
    let best = results.hits.first()?;
    let vague = asks(question) == Asks::Other
        && question.chars().count() <= SHORT
        && (1..=FEW).contains(&index.content_words(question).len());
    if !vague || best.relevance <= 0.0 {
        return None;
    }
    let asked = form(question);
    let named = |hit: &Hit| {
        form(&hit.record.title) == asked || hit.matched_question.as_deref().is_some_and(|known| form(known) == asked)
    };
    let language = detect(question);
    let close = |hit: &&Hit| {
        f64::from(hit.score) >= threshold
            && hit.relevance >= best.relevance * CLOSE
            && hit.record.language == language.as_str()
    };
    let readings: Vec<&Hit> = results.hits.iter().take_while(close).take(MOST).collect();
    let first = readings.first()?;
    // Two articles of one category say more or less the same; the best one then answers.
    let apart =
        readings.iter().any(|hit| hit.record.category.is_none() || hit.record.category != first.record.category);
    if readings.len() < 2 || !apart || readings.iter().any(|hit| named(hit)) {
        return None;
    }
    let option = |hit: &&Hit| hit.matched_question.clone().unwrap_or_else(|| hit.record.title.clone());
    let mut options: Vec<String> = Vec::new();
    for reading in readings.iter().map(option) {
        if !options.contains(&reading) {
            options.push(reading);
        }
    }
    (options.len() > 1).then_some(Clarify { options })
}
