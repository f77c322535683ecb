//! Which passages score best, and how many documents match? One pass over the postings of a query, window by window.
//!
//! Invariant: leaving out what cannot reach the list changes neither the list nor the count: while documents are still
//! counted nothing is left out.
//!
//! A query has up to a hundred clauses (each word in four fields, and the bigrams), most of them short: ordering that
//! many cursors for each passage, as WAND does, costs more than adding the scores up clause by clause. So each window's
//! scores are summed in an array, and clauses that cannot lift a passage into the list by themselves are only looked up
//! for the passages that others found (MaxScore: Turtle and Flood 1995, over windows as Lucene has it).

use tantivy::fieldnorm::FieldNormReader;
use tantivy::postings::BlockSegmentPostings;
use tantivy::{DocAddress, TERMINATED};

use crate::bitset::DocSet;
use crate::document::document_of;
use crate::settings::Combine;

/// BM25's term frequency saturation and length normalisation.
pub(super) const K1: f32 = 1.2;
const B: f32 = 0.75;
/// Passages scored together: their sums fit the first-level cache.
const WINDOW: usize = 4_096;

/// What a field's length does to a score, by the code that tantivy stores lengths as.
pub(super) type Norms = [f32; 256];

/// Norms of a field whose mean length is `mean`.
pub(super) fn norms(mean: f32) -> Box<Norms> {
    let mut norms = Box::new([0.0; 256]);
    for (norm, code) in norms.iter_mut().zip(0..=u8::MAX) {
        *norm = K1 * (1.0 - B + B * FieldNormReader::id_to_fieldnorm(code) as f32 / mean);
    }
    norms
}

/// A passage and how well it fits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LexicalHit {
    pub passage: u64,
    pub score: f32,
    pub address: DocAddress,
}

/// One clause's postings in one segment, with what is needed to score them.
pub(super) struct Cursor<'a> {
    postings: BlockSegmentPostings,
    /// Place in the current block; at its end only when there are no more.
    at: usize,
    lengths: &'a FieldNormReader,
    norms: &'a Norms,
    /// The most that this clause gives.
    weight: f32,
}

impl<'a> Cursor<'a> {
    pub fn new(postings: BlockSegmentPostings, lengths: &'a FieldNormReader, norms: &'a Norms, weight: f32) -> Self {
        Self { postings, at: 0, lengths, norms, weight }
    }

    fn doc(&self) -> u32 {
        self.postings.docs().get(self.at).copied().unwrap_or(TERMINATED)
    }

    /// The score at `doc`, where the clause has it; moves forwards only.
    pub fn score_at(&mut self, doc: u32) -> Option<f32> {
        if self.doc() < doc {
            self.at = self.postings.seek(doc);
        }
        let frequency = self.postings.freqs().get(self.at).copied()?;
        (self.doc() == doc).then(|| self.score(doc, frequency))
    }

    fn score(&self, doc: u32, frequency: u32) -> f32 {
        let norm = self.norms.get(usize::from(self.lengths.fieldnorm_id(doc))).copied().unwrap_or(K1);
        let frequency = frequency as f32;
        self.weight * (frequency / (frequency + norm))
    }

    /// Gives everything before `end`, in order.
    fn drain(&mut self, end: u32, mut with: impl FnMut(u32, f32)) {
        loop {
            let docs = self.postings.docs().get(self.at..).unwrap_or_default();
            let freqs = self.postings.freqs().get(self.at..).unwrap_or_default();
            let here = docs.partition_point(|doc| *doc < end);
            for (doc, frequency) in docs.iter().zip(freqs).take(here) {
                with(*doc, self.score(*doc, *frequency));
            }
            let all = here == docs.len();
            self.at += here;
            if !all || here == 0 {
                return;
            }
            self.postings.advance();
            self.at = 0;
        }
    }

    /// Goes to the first passage from `start` on.
    fn skip_to(&mut self, start: u32) {
        if self.doc() < start {
            self.at = self.postings.seek(start);
        }
    }
}

/// The ways to say one concept, each with its clauses' postings.
pub(super) struct Readings<'a> {
    readings: Vec<Vec<Cursor<'a>>>,
    combine: Combine,
    /// The most that the concept gives, here and anywhere.
    weight: f32,
    most: f32,
}

impl<'a> Readings<'a> {
    /// Absent where nothing of it stands in the segment.
    pub fn of(mut readings: Vec<Vec<Cursor<'a>>>, combine: Combine, most: f32) -> Option<Self> {
        readings.retain(|cursors| !cursors.is_empty());
        let bounds = readings.iter().map(|cursors| cursors.iter().map(|c| c.weight).sum::<f32>());
        let weight = match combine {
            Combine::Best => bounds.fold(0.0, f32::max),
            Combine::Sum => bounds.sum::<f32>().min(most),
        };
        (!readings.is_empty()).then_some(Self { readings, combine, weight, most })
    }

    fn with(&self, before: f32, score: f32) -> f32 {
        match self.combine {
            Combine::Best => before.max(score),
            Combine::Sum => (before + score).min(self.most),
        }
    }

    fn score_at(&mut self, doc: u32) -> f32 {
        let mut sum = 0.0;
        for place in 0..self.readings.len() {
            let Some(cursors) = self.readings.get_mut(place) else { continue };
            let own: f32 = cursors.iter_mut().filter_map(|cursor| cursor.score_at(doc)).sum();
            sum = self.with(sum, own);
        }
        sum
    }

    /// Adds a window's scores: reading by reading, then the concept as one.
    fn add(&mut self, start: u32, windows: &mut Windows) {
        let Windows { sums, concept, reading } = windows;
        for place in 0..self.readings.len() {
            let Some(cursors) = self.readings.get_mut(place) else { continue };
            for cursor in cursors {
                cursor.skip_to(start);
                reading.add(cursor, start);
            }
            reading.take(|slot, score| concept.change(slot, |before| self.with(before, score)));
        }
        concept.take(|slot, score| sums.change(slot, |before| before + score));
    }
}

/// What is gone through as one: a clause, or all that says one concept.
pub(super) enum Unit<'a> {
    Clause(Cursor<'a>),
    Concept(Readings<'a>),
}

impl Unit<'_> {
    fn weight(&self) -> f32 {
        match self {
            Self::Clause(cursor) => cursor.weight,
            Self::Concept(readings) => readings.weight,
        }
    }

    fn score_at(&mut self, doc: u32) -> f32 {
        match self {
            Self::Clause(cursor) => cursor.score_at(doc).unwrap_or(0.0),
            Self::Concept(readings) => readings.score_at(doc),
        }
    }

    fn add(&mut self, start: u32, windows: &mut Windows) {
        match self {
            Self::Clause(cursor) => {
                cursor.skip_to(start);
                windows.sums.add(cursor, start);
            }
            Self::Concept(readings) => readings.add(start, windows),
        }
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

/// The sums of one window, and those of a concept and of one reading of it on their way there.
pub(super) struct Windows {
    sums: Sums,
    concept: Sums,
    reading: Sums,
}

impl Windows {
    /// Room for concepts is made only where there are any.
    pub fn new(concepts: bool) -> Self {
        let more = || if concepts { Sums::new(WINDOW) } else { Sums::new(0) };
        Self { sums: Sums::new(WINDOW), concept: more(), reading: more() }
    }
}

struct Sums {
    scores: Vec<f32>,
    touched: Vec<u64>,
}

impl Sums {
    fn new(size: usize) -> Self {
        Self { scores: vec![0.0; size], touched: vec![0; size / 64] }
    }

    fn change(&mut self, slot: u32, with: impl Fn(f32) -> f32) {
        let slot = slot as usize;
        if let (Some(sum), Some(word)) = (self.scores.get_mut(slot), self.touched.get_mut(slot >> 6)) {
            *sum = with(*sum);
            *word |= 1 << (slot & 63);
        }
    }

    fn add(&mut self, cursor: &mut Cursor<'_>, start: u32) {
        let Self { scores, touched } = self;
        cursor.drain(start.saturating_add(WINDOW as u32), |doc, score| {
            let slot = (doc - start) as usize;
            if let (Some(sum), Some(word)) = (scores.get_mut(slot), touched.get_mut(slot >> 6)) {
                *sum += score;
                *word |= 1 << (slot & 63);
            }
        });
    }

    /// Gives every touched slot with its sum, in order, and clears them.
    fn take(&mut self, mut with: impl FnMut(u32, f32)) {
        for (word, base) in self.touched.iter_mut().zip((0u32..).step_by(64)) {
            let mut bits = std::mem::take(word);
            while bits != 0 {
                let slot = base + bits.trailing_zeros();
                bits &= bits - 1;
                if let Some(sum) = self.scores.get_mut(slot as usize) {
                    with(slot, std::mem::take(sum));
                }
            }
        }
    }
}

/// Scores a segment into `best`, what is wanted by all means into `completed`, and counts into `matching`.
pub(super) fn scan(
    segment: &Scan<'_>,
    units: &mut [Unit<'_>],
    windows: &mut Windows,
    best: &mut Best,
    completed: &mut Vec<(u64, f32)>,
    matching: &mut Matching,
) {
    let mut wanted = segment.wanted.iter().copied().peekable();
    // Weakest first: those whose sum stays below the threshold need not be gone through.
    units.sort_unstable_by(|a, b| a.weight().total_cmp(&b.weight()));
    let mut start = 0;
    while (start as usize) < segment.passages.len() {
        let (weak, strong) = split(units, best.threshold, matching.left > 0);
        for unit in strong.iter_mut() {
            unit.add(start, windows);
        }
        let weak_sum: f32 = weak.iter().map(Unit::weight).sum();
        for doc in segment.wanted.iter().skip_while(|doc| **doc < start) {
            if *doc >= start.saturating_add(WINDOW as u32) {
                break;
            }
            windows.sums.change(doc - start, |sum| sum);
        }
        windows.sums.take(|slot, sum| {
            let doc = start + slot;
            let asked = wanted.next_if_eq(&doc).is_some();
            if !asked && matching.left == 0 && sum + weak_sum <= best.threshold {
                return;
            }
            let Some(passage) = segment.passages.get(doc as usize).copied() else { return };
            let whole = asked.then(|| complete(weak, doc, sum, weak_sum, f32::MIN));
            if whole == Some(0.0) {
                return;
            }
            completed.extend(whole.map(|score| (passage, score)));
            let document = document_of(passage);
            if !(segment.is_alive)(doc) || segment.accept.is_some_and(|a| !a.contains(document)) {
                return;
            }
            if matching.left > 0 && matching.documents.insert(document) {
                matching.left -= 1;
            }
            let score = whole.unwrap_or_else(|| complete(weak, doc, sum, weak_sum, best.threshold));
            if score > best.threshold {
                best.push(LexicalHit { passage, score, address: DocAddress::new(segment.ordinal, doc) });
            }
        });
        start += WINDOW as u32;
    }
}

/// Clauses that cannot fill the list by themselves, and the others.
fn split<'c, 'a>(units: &'c mut [Unit<'a>], threshold: f32, all: bool) -> (&'c mut [Unit<'a>], &'c mut [Unit<'a>]) {
    let mut sum = 0.0;
    let weak = units.iter().take_while(|unit| {
        sum += unit.weight();
        !all && sum <= threshold
    });
    let weak = weak.count();
    units.split_at_mut_checked(weak).unwrap_or_default()
}

/// Adds what the weak clauses give, strongest first, for as long as the list can be reached.
fn complete(weak: &mut [Unit<'_>], doc: u32, mut sum: f32, mut rest: f32, threshold: f32) -> f32 {
    for unit in weak.iter_mut().rev() {
        if sum + rest <= threshold {
            return sum;
        }
        rest -= unit.weight();
        sum += unit.score_at(doc);
    }
    sum
}

/// The best passage per document, for the `k` best documents: a buffer of a few times the size, cut back when full.
pub(super) struct Best {
    k: usize,
    hits: Vec<LexicalHit>,
    threshold: f32,
}

impl Best {
    pub fn new(k: usize) -> Self {
        Self { k, hits: Vec::with_capacity(k * 4), threshold: f32::MIN }
    }

    fn push(&mut self, hit: LexicalHit) {
        self.hits.push(hit);
        if self.hits.len() >= self.k * 4 {
            self.cut();
        }
    }

    fn cut(&mut self) {
        self.hits.sort_unstable_by(|a, b| {
            let document = document_of(a.passage).cmp(&document_of(b.passage));
            document.then(b.score.total_cmp(&a.score)).then(a.passage.cmp(&b.passage))
        });
        self.hits.dedup_by_key(|hit| document_of(hit.passage));
        self.hits.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.passage.cmp(&b.passage)));
        self.hits.truncate(self.k);
        if self.hits.len() == self.k {
            self.threshold = self.hits.last().map_or(self.threshold, |hit| hit.score);
        }
    }

    pub fn finish(mut self) -> Vec<LexicalHit> {
        self.cut();
        self.hits
    }
}
