//! How likely is each sentence the answer?
//! Invariant: the probabilities of all candidates add up to 1, and equal ones keep the order of the passages.

use std::borrow::Cow;
use std::collections::HashMap;

use super::Source;
use super::cues::{Asks, holds};
use super::question::{Held, Question, local};
use super::units::{Unit, UnitKind, units};
use super::weights::{AnswerSettings, Signs};
use crate::analyzer::Analyzer;
use crate::normalize::folded;

/// Candidates whose cosine is looked up, the best ones by their words.
const COMPARED: usize = 16;

/// A unit of a source, and what is seen of it.
pub(crate) struct Candidate {
    pub source: usize,
    /// Its place among the units of its source.
    pub place: usize,
    pub signs: Signs,
    pub probability: f32,
}

/// Units of all sources, and the candidates made of them, best first.
pub(crate) struct Scored {
    pub units: Vec<Vec<Unit>>,
    pub candidates: Vec<Candidate>,
}

/// Rates every unit of the sources by the questions of its source (`asked`, the first one is what was asked).
pub(crate) fn score(
    analyzer: &Analyzer,
    asked: &[Question],
    sources: &[Source<'_>],
    settings: &AnswerSettings,
    likeness: impl Fn(&str, &[&str]) -> Vec<f32>,
) -> Scored {
    let all: Vec<Vec<Unit>> = sources.iter().map(|source| units(source.text)).collect();
    let held: Vec<Vec<Held>> = sources
        .iter()
        .zip(&all)
        .map(|(source, units)| units.iter().map(|unit| Held::of(analyzer, &said(source, unit))).collect())
        .collect();
    let rarities: Vec<Vec<f32>> = asked
        .iter()
        .map(|question| {
            let credits: Vec<Vec<f32>> = held.iter().flatten().map(|held| question.credits(held)).collect();
            question.rarity(&credits)
        })
        .collect();
    let mut candidates = Vec::new();
    let best = sources.iter().map(|source| source.score).fold(1e-6, f32::max);
    for (number, (source, units)) in sources.iter().zip(&all).enumerate() {
        let hit = (source.score.max(1e-6) / best).ln().max(-3.0);
        let held = held.get(number).map_or(&[][..], Vec::as_slice);
        let seen: Vec<Vec<Signs>> = [Some(0), source.matched]
            .into_iter()
            .flatten()
            .filter_map(|at| Some(look(analyzer, asked.get(at)?, rarities.get(at)?, source, units, held)))
            .collect();
        let (first, second) = (seen.first(), seen.get(1));
        for place in 0..units.len() {
            let Some(asked) = first.and_then(|signs| signs.get(place)) else { continue };
            let both = second.and_then(|signs| signs.get(place)).map_or(*asked, |known| asked.mean(known));
            candidates.push(Candidate { source: number, place, signs: Signs { hit, ..both }, probability: 0.0 });
        }
    }
    compare(&mut candidates, asked, sources, &all, settings, likeness);
    let sums: Vec<f32> = candidates.iter().map(|c| c.signs.weighed(&settings.weights)).collect();
    let highest = sums.iter().copied().fold(f32::MIN, f32::max);
    let total: f32 = sums.iter().map(|sum| (sum - highest).exp()).sum();
    for (candidate, sum) in candidates.iter_mut().zip(&sums) {
        candidate.probability = (sum - highest).exp() / total.max(f32::MIN_POSITIVE);
    }
    candidates.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    Scored { units: all, candidates }
}

fn text_of<'a>(source: &Source<'a>, unit: &Unit) -> &'a str {
    source.text.get(unit.range.clone()).unwrap_or_default()
}

/// What a unit says: a row of a table says its columns' names too.
fn said<'a>(source: &Source<'a>, unit: &Unit) -> Cow<'a, str> {
    let text = text_of(source, unit);
    match unit.lead.clone().and_then(|lead| source.text.get(lead)) {
        Some(head) if unit.kind == UnitKind::Row => format!("{head}\n{text}").into(),
        _ => text.into(),
    }
}

/// The signs of each unit for one question, but for its hit and its cosine.
fn look(
    analyzer: &Analyzer,
    question: &Question,
    rarity: &[f32],
    source: &Source<'_>,
    units: &[Unit],
    held: &[Held],
) -> Vec<Signs> {
    let heading = source.heading.join(" / ");
    let steps_below = holds("holds.steps", &folded(&heading));
    let above = format!("{}\n{heading}", source.title);
    let credits: Vec<Vec<f32>> = held.iter().map(|held| question.credits(held)).collect();
    let mut places: HashMap<Option<usize>, Vec<f32>> = HashMap::new();
    let mut out = Vec::with_capacity(units.len());
    for (at, (unit, own)) in units.iter().zip(&credits).enumerate() {
        let place = places.entry(unit.lead.as_ref().map(|lead| lead.start)).or_insert_with(|| {
            let lead = unit.lead.clone().and_then(|lead| source.text.get(lead)).unwrap_or_default();
            question.credits(&Held::of(analyzer, &format!("{above}\n{lead}")))
        });
        let before = at.checked_sub(1).and_then(|at| credits.get(at)).map_or(&[][..], Vec::as_slice);
        let after = credits.get(at + 1).map_or(&[][..], Vec::as_slice);
        let words = text_of(source, unit);
        out.push(Signs {
            words: question.words(own, &[]),
            local: local(own, rarity),
            before: question.words(before, &[own, place]),
            after: question.words(after, &[own, place, before]),
            place: question.words(place, &[own]),
            cosine: 0.0,
            sign: sign(question, unit, words, steps_below),
            length: (words.chars().count() as f32 / 40.0).max(1e-3).ln().clamp(-2.0, 2.0),
            first: 1.0 / (at + 1) as f32,
            echo: f32::from(u8::from(words.ends_with(['?', '？']))),
            hit: 0.0,
        });
    }
    out
}

/// How much a unit looks like what is asked for; steps are known by their list.
fn sign(question: &Question, unit: &Unit, words: &str, steps_below: bool) -> f32 {
    let by_words = question.wanted.sign(words);
    match (question.wanted.asks, unit.kind) {
        (Asks::Steps, UnitKind::Item) if unit.ordered => 1.0,
        (Asks::Steps, _) => (by_words + f32::from(u8::from(steps_below))) / 2.0,
        _ => by_words,
    }
}

/// Looks up the cosines of the best candidates; the others are taken to be as far off as the farthest of these.
fn compare(
    candidates: &mut [Candidate],
    asked: &[Question],
    sources: &[Source<'_>],
    units: &[Vec<Unit>],
    settings: &AnswerSettings,
    likeness: impl Fn(&str, &[&str]) -> Vec<f32>,
) {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    let sum = |at: &usize| candidates.get(*at).map_or(0.0, |c| c.signs.weighed(&settings.weights));
    order.sort_by(|a, b| sum(b).total_cmp(&sum(a)).then(a.cmp(b)));
    order.truncate(COMPARED);
    let text = |at: &usize| {
        let candidate = candidates.get(*at)?;
        let unit = units.get(candidate.source)?.get(candidate.place)?;
        sources.get(candidate.source)?.text.get(unit.range.clone())
    };
    let texts: Vec<&str> = order.iter().filter_map(text).collect();
    if texts.len() != order.len() {
        return;
    }
    let by_question: Vec<Vec<f32>> = asked.iter().map(|question| likeness(&question.text, &texts)).collect();
    let mut lowest = f32::MAX;
    for (row, at) in order.iter().enumerate() {
        let of = |question: usize| by_question.get(question).and_then(|all| all.get(row)).copied().unwrap_or(0.0);
        let Some(candidate) = candidates.get_mut(*at) else { continue };
        let matched = sources.get(candidate.source).and_then(|source| source.matched);
        let cosine = matched.map_or_else(|| of(0), |matched| (of(0) + of(matched)) / 2.0);
        candidate.signs.cosine = cosine.max(0.0);
        lowest = lowest.min(candidate.signs.cosine);
    }
    for (at, candidate) in candidates.iter_mut().enumerate() {
        if !order.contains(&at) {
            candidate.signs.cosine = lowest;
        }
    }
}
