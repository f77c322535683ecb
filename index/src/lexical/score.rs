//! Which passages score best, and how many documents match? One pass over the postings of a query, window by window.
//!
//! Invariant: leaving out what cannot reach the list changes neither the list nor the count: while documents are still
//! counted nothing is left out.
//!
//! A query has hundreds of clauses (each word in four fields, each with its translations, and the bigrams), most of them
//! short: ordering that many cursors for each passage, as WAND does, costs more than adding the scores up clause by
//! clause. So each window's scores are summed in an array, and clauses that cannot lift a passage into the list by
//! themselves are only looked up for the passages that others found (MaxScore: Turtle and Flood 1995, over windows as
//! Lucene has it). Of a concept the best reading counts, so that its weak clauses together lift a passage by no more than
//! those of one reading: hardly ever is the long list of a common translation gone through.

use std::ops::Range;

use tantivy::DocAddress;

use super::best::{Best, LexicalHit};
use super::cursor::{Clause, Cursor};
use super::windows::{Sums, UNTOUCHED, WINDOW, Windows, is_touched};
use crate::bitset::DocSet;
use crate::document::document_of;
use crate::error::Result;
use crate::settings::Combine;

/// Only lists from this length on are left to be looked up: going through a shorter one costs less.
const LONG: u32 = 2_048;
/// Share of what must be exceeded that weak clauses may give: the rest comes from what is gone through, or too many
/// passages would have to be looked up.
const WEAK: f32 = 0.3;
/// Passages that are passed over together.
const CHUNK: usize = 64;

/// One way to say a concept: its clauses.
struct Reading {
    clauses: Range<usize>,
    /// The most that it gives, and that its weak clauses give.
    most: f32,
    weak: f32,
    /// How many of its clauses are strong.
    strong: usize,
}

/// The ways to say one concept, those that may give most first.
struct Concept {
    readings: Vec<Reading>,
    /// The most that it gives, and that it gives beyond what its strong clauses gave.
    most: f32,
    weak: f32,
    /// What its strong clauses gave in the window, where it has weak ones too.
    sums: Sums,
}

/// What a segment is gone through with.
pub(super) struct Units<'a> {
    clauses: Vec<Clause<'a>>,
    /// Clauses that stand for themselves come first.
    plain: usize,
    concepts: Vec<Concept>,
    combine: Combine,
    /// What may be weak, what shortens the work most first.
    candidates: Vec<Candidate>,
    /// What is weak, what gives most first, each with what all after it give.
    probes: Vec<(Probe, f32)>,
    /// The most that everything weak gives.
    weak: f32,
}

#[derive(Clone, Copy)]
struct Candidate {
    length: u32,
    /// What each of its passages adds to the bound.
    gain: f32,
    what: Probe,
    clause: usize,
    reading: usize,
    /// How often the clause must have been narrowed before.
    step: usize,
}

/// What is looked up for single passages.
#[derive(Clone, Copy)]
enum Probe {
    Clause(usize),
    Concept(usize),
}

impl<'a> Units<'a> {
    pub fn new(combine: Combine) -> Self {
        Self {
            clauses: Vec::new(),
            plain: 0,
            concepts: Vec::new(),
            combine,
            candidates: Vec::new(),
            probes: Vec::new(),
            weak: 0.0,
        }
    }

    /// Adds a clause that stands for itself; before any concept.
    pub fn clause(&mut self, cursor: Cursor<'a>) {
        let at = self.clauses.len();
        self.candidates.extend(candidates(&cursor, Probe::Clause(at), at, 0));
        self.clauses.push(Clause::new(cursor));
        self.plain = self.clauses.len();
    }

    /// Adds a concept by its readings' cursors; `most` is the most that it may give.
    pub fn concept(&mut self, readings: impl Iterator<Item = impl Iterator<Item = Cursor<'a>>>, most: f32) {
        let number = self.concepts.len();
        let mut own = Vec::new();
        for cursors in readings {
            let from = self.clauses.len();
            self.clauses.extend(cursors.map(Clause::new));
            let clauses = from..self.clauses.len();
            let sum = self.clauses.iter().skip(from).map(|clause| clause.cursor.weight).sum();
            if clauses.is_empty() {
                continue;
            }
            own.push(Reading { strong: clauses.len(), clauses, most: sum, weak: 0.0 });
        }
        if own.is_empty() {
            return;
        }
        own.sort_by(|a, b| b.most.total_cmp(&a.most));
        let what = Probe::Concept(number);
        let bounds = own.iter().map(|reading| reading.most);
        let bound = match self.combine {
            Combine::Best => {
                for (reading, place) in own.iter().zip(0..) {
                    let clauses = self.clauses.iter().enumerate().take(reading.clauses.end).skip(reading.clauses.start);
                    self.candidates.extend(clauses.flat_map(|(at, c)| candidates(&c.cursor, what, at, place)));
                }
                bounds.fold(0.0, f32::max)
            }
            // What adds up is not split.
            Combine::Sum => {
                let from = own.iter().map(|reading| reading.clauses.start).min().unwrap_or(0);
                let length: u32 = self.clauses.iter().skip(from).map(|clause| clause.cursor.length).sum();
                let bound = bounds.sum::<f32>().min(most);
                let gain = bound / length as f32;
                self.candidates.push(Candidate { length, gain, what, clause: 0, reading: 0, step: 0 });
                bound
            }
        };
        let most = if self.combine == Combine::Sum { most } else { bound };
        self.concepts.push(Concept { readings: own, most, weak: 0.0, sums: Sums::new(0) });
    }

    /// Makes weak what cannot fill the list by itself, now that passages must exceed `threshold`.
    fn split(&mut self, threshold: f32) {
        let before = self.candidates.len();
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.retain(|candidate| !self.weaken(candidate, threshold));
        self.candidates = candidates;
        if self.candidates.len() == before {
            return;
        }
        let clauses = self.clauses.iter().take(self.plain).enumerate().filter(|(_, clause)| clause.rest > 0.0);
        let concepts = self.concepts.iter().enumerate().filter(|(_, concept)| concept.weak > 0.0);
        let mut probes: Vec<(Probe, f32)> = clauses.map(|(at, c)| (Probe::Clause(at), c.rest)).collect();
        probes.extend(concepts.map(|(at, concept)| (Probe::Concept(at), concept.weak)));
        probes.sort_by(|a, b| a.1.total_cmp(&b.1));
        let mut rest = 0.0;
        for (_, most) in &mut probes {
            rest += *most;
            *most = rest;
        }
        probes.reverse();
        self.probes = probes;
        self.weak = rest;
    }

    /// Makes one clause weak (or a concept as a whole) where the list stays out of reach of all that is weak.
    fn weaken(&mut self, candidate: &Candidate, threshold: f32) -> bool {
        let Probe::Concept(concept) = candidate.what else {
            let Some(clause) = self.clauses.get_mut(candidate.clause) else { return false };
            let Some((left, most)) = clause.next(candidate.step) else { return false };
            let fits = self.weak - clause.rest + most <= threshold;
            if fits {
                self.weak += most - clause.rest;
                clause.narrow(left, most);
            }
            return fits;
        };
        let Some(concept) = self.concepts.get_mut(concept) else { return false };
        if self.combine == Combine::Sum {
            let own: f32 = concept.readings.iter().map(|reading| reading.most).sum();
            let own = own.min(concept.most);
            let fits = self.weak + own <= threshold;
            if fits {
                self.weak += own;
                concept.weak = own;
                for reading in &mut concept.readings {
                    (reading.weak, reading.strong) = (reading.most, 0);
                }
            }
            return fits;
        }
        let Some(reading) = concept.readings.get_mut(candidate.reading) else { return false };
        let Some(clause) = self.clauses.get_mut(candidate.clause) else { return false };
        let Some((left, most)) = clause.next(candidate.step) else { return false };
        let reading_weak = reading.weak - clause.rest + most;
        let own = concept.weak.max(reading_weak);
        let fits = self.weak - concept.weak + own <= threshold;
        if fits {
            self.weak += own - concept.weak;
            concept.weak = own;
            reading.weak = reading_weak;
            reading.strong -= usize::from(left == 0);
            clause.narrow(left, most);
        }
        fits
    }

    /// Adds a window's scores of what is strong: clauses, then each concept as one.
    pub fn add(&mut self, start: u32, windows: &mut Windows) -> Result<()> {
        let end = start.saturating_add(WINDOW);
        let Windows { sums, concept: whole, reading: single, spare } = windows;
        let mut add = |slot: u32, score: f32| {
            if let Some(sum) = sums.get_mut(slot as usize) {
                *sum += score;
            }
        };
        for clause in self.clauses.iter_mut().take(self.plain).filter(|clause| !clause.weak) {
            if clause.cursor.enter(start, end)? {
                clause.cursor.drain(end, |doc, score| add(doc - start, score));
            }
        }
        let combine = self.combine;
        for concept in &mut self.concepts {
            let most = concept.most;
            let with = |before: f32, score: f32| match combine {
                Combine::Best => before.max(score),
                Combine::Sum => (before + score).min(most),
            };
            let split = concept.weak > 0.0;
            if split && concept.readings.iter().all(|reading| reading.strong == 0) {
                continue;
            }
            if split && concept.sums.scores.is_empty() {
                concept.sums = spare.pop().unwrap_or_else(|| Sums::new(WINDOW as usize));
            }
            let own = if split { &mut concept.sums } else { &mut *whole };
            for reading in concept.readings.iter().filter(|reading| reading.strong > 0) {
                add_reading(&mut self.clauses, reading, start, own, single, with)?;
            }
            if split {
                own.each(&mut add);
            } else {
                own.take(&mut add);
            }
        }
        Ok(())
    }

    /// Adds what is weak, what gives most first, for as long as the list can be reached.
    fn complete(&mut self, doc: u32, slot: u32, mut sum: f32, threshold: f32) -> Result<f32> {
        let Self { clauses, concepts, probes, combine, .. } = self;
        for (probe, rest) in probes.iter() {
            if sum + rest <= threshold {
                return Ok(sum);
            }
            sum += match probe {
                Probe::Clause(at) => match clauses.get_mut(*at) {
                    Some(clause) => {
                        clause.cursor.score_at(doc)?.filter(|(_, left)| *left).map_or(0.0, |(score, _)| score)
                    }
                    None => 0.0,
                },
                Probe::Concept(at) => match concepts.get(*at) {
                    Some(concept) => concept.gain(doc, slot, clauses, *combine)?,
                    None => 0.0,
                },
            };
        }
        Ok(sum)
    }
}

/// What a cursor can be narrowed to.
fn candidates(cursor: &Cursor<'_>, what: Probe, clause: usize, reading: usize) -> impl Iterator<Item = Candidate> {
    let length = cursor.length;
    let (mut before, mut least) = (length, 0.0);
    cursor.steps().zip(0..).map(move |((left, most), step)| {
        let gain = (most - least) / before.saturating_sub(left).max(1) as f32;
        (before, least) = (left, most);
        Candidate { length, gain, what, clause, reading, step }
    })
}

/// Adds a window's scores of a reading's strong clauses to its concept's.
fn add_reading(
    clauses: &mut [Clause<'_>],
    reading: &Reading,
    start: u32,
    own: &mut Sums,
    single: &mut Sums,
    with: impl Fn(f32, f32) -> f32,
) -> Result<()> {
    let end = start.saturating_add(WINDOW);
    let mut present = 0;
    let mut last = None;
    for place in reading.clauses.clone() {
        let Some(clause) = clauses.get_mut(place).filter(|clause| !clause.weak) else { continue };
        if !clause.cursor.enter(start, end)? {
            continue;
        }
        // One clause alone needs no sum of its own.
        if let Some(before) = last.replace(place)
            && let Some(clause) = clauses.get_mut(before)
        {
            clause.cursor.drain(end, |doc, score| single.change(doc - start, |before| before + score));
        }
        present += 1;
    }
    let Some(clause) = last.and_then(|place| clauses.get_mut(place)) else { return Ok(()) };
    if present == 1 {
        clause.cursor.drain(end, |doc, score| own.change(doc - start, |before| with(before, score)));
    } else {
        clause.cursor.drain(end, |doc, score| single.change(doc - start, |before| before + score));
        single.take(|slot, score| own.change(slot, |before| with(before, score)));
    }
    Ok(())
}

impl Reading {
    /// Its score at `doc`; nothing where windows left none of it out, for then it was added there.
    fn score_at(&self, doc: u32, combine: Combine, clauses: &mut [Clause<'_>]) -> Result<f32> {
        let Some(own) = clauses.get_mut(self.clauses.clone()) else { return Ok(0.0) };
        let (mut sum, mut left_out) = (0.0, combine == Combine::Sum);
        for clause in own {
            if let Some((score, left)) = clause.cursor.score_at(doc)? {
                sum += score;
                left_out |= left;
            }
        }
        Ok(if left_out { sum } else { 0.0 })
    }
}

impl Concept {
    /// What a passage gets beyond what the strong clauses gave.
    fn gain(&self, doc: u32, slot: u32, clauses: &mut [Clause<'_>], combine: Combine) -> Result<f32> {
        let strong = self.sums.scores.get(slot as usize).copied().unwrap_or(0.0);
        let mut best = strong;
        for reading in self.readings.iter().filter(|reading| reading.weak > 0.0) {
            // Those after it give no more.
            if combine == Combine::Best && reading.most <= best {
                break;
            }
            let own = reading.score_at(doc, combine, clauses)?;
            best = match combine {
                Combine::Best => best.max(own),
                Combine::Sum => (best + own).min(self.most),
            };
        }
        Ok(best - strong)
    }
}

/// Matching documents, counted up to a limit.
#[derive(Debug, Default)]
pub(crate) struct Matching {
    /// The documents counted so far.
    pub documents: DocSet,
    /// How many may still be counted.
    pub left: usize,
}

/// What a segment is asked with.
pub(super) struct Scan<'a> {
    /// Segment number.
    pub ordinal: u32,
    /// Passage numbers by local number.
    pub passages: &'a [u64],
    pub is_alive: &'a dyn Fn(u32) -> bool,
    pub accept: Option<&'a DocSet>,
    /// Local numbers of passages whose score is asked for, whether or not they reach the list; ascending.
    pub wanted: &'a [u32],
}

/// Scores a segment into `best`, what is wanted by all means into `completed`, and counts into `matching`.
pub(super) fn scan(
    segment: &Scan<'_>,
    units: &mut Units<'_>,
    windows: &mut Windows,
    best: &mut Best,
    completed: &mut Vec<(u64, f32)>,
    matching: &mut Matching,
) -> Result<()> {
    units.candidates.retain(|candidate| candidate.length >= LONG);
    units.candidates.sort_by(|a, b| a.gain.total_cmp(&b.gain));
    let (mut wanted, mut threshold, mut start) = (segment.wanted, f32::MIN, 0);
    while (start as usize) < segment.passages.len() {
        if matching.left == 0 && best.threshold > threshold {
            threshold = best.threshold;
            units.split(threshold * WEAK);
        }
        units.add(start, windows)?;
        for doc in wanted.iter().take_while(|doc| **doc < start.saturating_add(WINDOW)) {
            windows.sums.get_mut((doc - start) as usize).into_iter().for_each(|sum| *sum += 0.0);
        }
        for (sums, base) in windows.sums.chunks_exact_mut(CHUNK).zip((start..).step_by(CHUNK)) {
            let asked = wanted.first().is_some_and(|doc| *doc < base.saturating_add(CHUNK as u32));
            if asked || is_hot(sums, units.weak, best.threshold, matching) {
                for (sum, doc) in sums.iter().zip(base..).filter(|(sum, _)| is_touched(**sum)) {
                    let asked = wanted.first() == Some(&doc);
                    if asked {
                        wanted = wanted.get(1..).unwrap_or_default();
                    }
                    let found = Touched { doc, slot: doc - start, sum: *sum, asked };
                    take(segment, found, units, best, completed, matching)?;
                }
            }
            sums.fill(UNTOUCHED);
        }
        units.concepts.iter_mut().filter(|concept| concept.weak > 0.0).for_each(|concept| concept.sums.take(|_, _| ()));
        start += WINDOW;
    }
    windows.spare.extend(units.concepts.drain(..).map(|concept| concept.sums).filter(|sums| !sums.scores.is_empty()));
    Ok(())
}

/// Whether any of these passages may count or reach the list.
fn is_hot(sums: &[f32], weak: f32, threshold: f32, matching: &Matching) -> bool {
    // Without a way out, so that many are compared at once.
    if matching.left > 0 {
        return sums.iter().fold(false, |hot, sum| hot | is_touched(*sum));
    }
    sums.iter().fold(false, |hot, sum| hot | (sum + weak > threshold))
}

/// A passage that something was added to.
struct Touched {
    doc: u32,
    slot: u32,
    sum: f32,
    asked: bool,
}

/// Counts a passage, and takes it into the lists that it reaches.
fn take(
    segment: &Scan<'_>,
    found: Touched,
    units: &mut Units<'_>,
    best: &mut Best,
    completed: &mut Vec<(u64, f32)>,
    matching: &mut Matching,
) -> Result<()> {
    let Touched { doc, slot, sum, asked } = found;
    if !asked && matching.left == 0 && sum + units.weak <= best.threshold {
        return Ok(());
    }
    let Some(passage) = segment.passages.get(doc as usize).copied() else { return Ok(()) };
    let whole = asked.then(|| units.complete(doc, slot, sum, f32::MIN)).transpose()?;
    if whole == Some(0.0) {
        return Ok(());
    }
    completed.extend(whole.map(|score| (passage, score)));
    let document = document_of(passage);
    if !(segment.is_alive)(doc) || segment.accept.is_some_and(|a| !a.contains(document)) {
        return Ok(());
    }
    if matching.left > 0 && matching.documents.insert(document) {
        matching.left -= 1;
    }
    let score = match whole {
        Some(score) => score,
        None => units.complete(doc, slot, sum, best.threshold)?,
    };
    if score > best.threshold {
        best.push(LexicalHit { passage, score, address: DocAddress::new(segment.ordinal, doc) });
    }
    Ok(())
}
