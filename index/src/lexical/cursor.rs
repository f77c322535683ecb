//! How much does a list of postings give to a passage? Gone through window by window, or asked for single passages.
//!
//! Invariant: both ways move forwards only, apart from each other, and nothing is opened before it is needed.

use tantivy::fieldnorm::FieldNormReader;
use tantivy::postings::{BlockSegmentPostings, TermInfo};
use tantivy::schema::IndexRecordOption;
use tantivy::{InvertedIndexReader, TERMINATED};

use super::failed;
use super::postings::{Posting, Postings};
use crate::error::Result;

/// BM25's term frequency saturation and length normalisation.
pub(super) const K1: f32 = 1.2;
const B: f32 = 0.75;

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

/// A list that stays packed, and what scores it.
#[derive(Clone, Copy)]
pub(super) struct Packed<'a> {
    pub inverted: &'a InvertedIndexReader,
    pub info: &'a TermInfo,
    /// Codes of the field's lengths.
    pub lengths: &'a [u8],
    pub norms: &'a Norms,
    /// The most that it gives.
    pub weight: f32,
}

impl Packed<'_> {
    fn open(&self) -> Result<Walk> {
        let postings = self.inverted.read_block_postings_from_terminfo(self.info, IndexRecordOption::WithFreqs);
        Ok(Walk { postings: postings.map_err(failed)?, at: 0 })
    }

    fn score(&self, doc: u32, frequency: u32) -> f32 {
        let length = self.lengths.get(doc as usize).copied().unwrap_or(0);
        let norm = self.norms.get(usize::from(length)).copied().unwrap_or(K1);
        let frequency = frequency as f32;
        self.weight * (frequency / (frequency + norm))
    }

    /// Gives the whole list, in order.
    pub fn unpack(&self, mut with: impl FnMut(u32, f32)) -> Result<()> {
        self.open()?.drain(TERMINATED, self, &mut with);
        Ok(())
    }
}

/// A walk through a packed list.
struct Walk {
    postings: BlockSegmentPostings,
    /// Place in the current block; at its end only when there are no more.
    at: usize,
}

impl Walk {
    fn doc(&self) -> u32 {
        self.postings.docs().get(self.at).copied().unwrap_or(TERMINATED)
    }

    /// Goes to the first passage from `start` on.
    fn skip_to(&mut self, start: u32) {
        if self.doc() < start {
            self.at = self.postings.seek(start);
        }
    }

    fn drain(&mut self, end: u32, list: &Packed<'_>, with: &mut impl FnMut(u32, f32)) {
        loop {
            let docs = self.postings.docs().get(self.at..).unwrap_or_default();
            let freqs = self.postings.freqs().get(self.at..).unwrap_or_default();
            let here = docs.partition_point(|doc| *doc < end);
            for (doc, frequency) in docs.iter().zip(freqs).take(here) {
                with(*doc, list.score(*doc, *frequency));
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
}

/// A packed list and the walks through it that were begun.
struct Long<'a> {
    list: Packed<'a>,
    windows: Option<Walk>,
    single: Option<Walk>,
    left_out: bool,
}

/// A list of scores on its way through a segment.
struct Short<'a> {
    list: &'a Postings,
    scale: f32,
    /// What windows are gone through with: the list, or one of its tops.
    strong: &'a [Posting],
    window: usize,
    single: usize,
    /// Windows leave out what scores no more than that, unscaled.
    cut: f32,
}

enum List<'a> {
    Short(Short<'a>),
    Long(Box<Long<'a>>),
}

/// A list of one segment on its way through it.
pub(super) struct Cursor<'a> {
    list: List<'a>,
    /// The most that it gives.
    pub weight: f32,
    /// How many passages it holds.
    pub length: u32,
}

impl<'a> Cursor<'a> {
    /// A list of scores, multiplied by `scale`.
    pub fn short(list: &'a Postings, scale: f32) -> Self {
        let short = Short { list, scale, strong: &list.all, window: 0, single: 0, cut: 0.0 };
        Self { list: List::Short(short), weight: list.most * scale, length: list.all.len() as u32 }
    }

    pub fn long(list: Packed<'a>) -> Self {
        let (weight, length) = (list.weight, list.info.doc_freq);
        Self { list: List::Long(Box::new(Long { list, windows: None, single: None, left_out: false })), weight, length }
    }

    /// What it can be narrowed to, step by step, the last step being nothing: how many passages are still gone through,
    /// and the most that the others give.
    pub fn steps(&self) -> impl Iterator<Item = (u32, f32)> {
        let tops = match &self.list {
            List::Short(short) => short.list.tops.as_slice(),
            List::Long(_) => &[],
        };
        let scale = if let List::Short(short) = &self.list { short.scale } else { 1.0 };
        tops.iter().map(move |top| (top.postings.len() as u32, top.cut * scale)).chain([(0, self.weight)])
    }

    /// From the next window on only a top is gone through, or nothing where there is no such top.
    pub fn narrow(&mut self, step: usize) {
        match &mut self.list {
            List::Short(short) => {
                let top = short.list.tops.get(step);
                short.window = 0;
                short.strong = top.map_or(&[], |top| &top.postings);
                short.cut = top.map_or(f32::MAX, |top| top.cut);
            }
            List::Long(long) => long.left_out = true,
        }
    }

    /// The score at `doc`, where the list has it, and whether windows leave it out; moves forwards only.
    pub fn score_at(&mut self, doc: u32) -> Result<Option<(f32, bool)>> {
        match &mut self.list {
            List::Short(short) => {
                let rest = short.list.all.get(short.single..).unwrap_or_default();
                short.single += ahead(rest, doc);
                let here = short.list.all.get(short.single).filter(|posting| posting.doc == doc);
                Ok(here.map(|posting| (short.scale * posting.score, posting.score <= short.cut)))
            }
            List::Long(long) => {
                let walk = match &mut long.single {
                    Some(walk) => walk,
                    none => none.insert(long.list.open()?),
                };
                walk.skip_to(doc);
                let Some(frequency) = walk.postings.freqs().get(walk.at).copied() else { return Ok(None) };
                Ok((walk.doc() == doc).then(|| (long.list.score(doc, frequency), long.left_out)))
            }
        }
    }

    /// Goes to a window; whether it holds anything of it.
    pub fn enter(&mut self, start: u32, end: u32) -> Result<bool> {
        match &mut self.list {
            List::Short(short) => {
                let rest = short.strong.get(short.window..).unwrap_or_default();
                short.window += ahead(rest, start);
                Ok(short.strong.get(short.window).is_some_and(|posting| posting.doc < end))
            }
            List::Long(long) => {
                let walk = match &mut long.windows {
                    Some(walk) => walk,
                    none => none.insert(long.list.open()?),
                };
                walk.skip_to(start);
                Ok(walk.doc() < end)
            }
        }
    }

    /// Gives everything before `end` of the window that was entered, in order.
    #[inline]
    pub fn drain(&mut self, end: u32, mut with: impl FnMut(u32, f32)) {
        match &mut self.list {
            List::Short(short) => {
                let rest = short.strong.get(short.window..).unwrap_or_default();
                let mut here = 0;
                for posting in rest {
                    if posting.doc >= end {
                        break;
                    }
                    with(posting.doc, short.scale * posting.score);
                    here += 1;
                }
                short.window += here;
            }
            List::Long(long) => {
                if let Some(walk) = &mut long.windows {
                    walk.drain(end, &long.list, &mut with);
                }
            }
        }
    }
}

/// A cursor, and how much of it is only looked up for what others found.
pub(super) struct Clause<'a> {
    pub cursor: Cursor<'a>,
    /// Nothing of it is gone through.
    pub weak: bool,
    /// How often it was narrowed, and the most that what is not gone through gives.
    narrowed: usize,
    pub rest: f32,
}

impl<'a> Clause<'a> {
    pub fn new(cursor: Cursor<'a>) -> Self {
        Self { cursor, weak: false, narrowed: 0, rest: 0.0 }
    }

    /// How many passages of it are gone through after that step, and the most that the others give; nothing where it
    /// is not the next step.
    pub fn next(&self, step: usize) -> Option<(u32, f32)> {
        if step == self.narrowed { self.cursor.steps().nth(step) } else { None }
    }

    /// Takes the next step, of which those are the figures.
    pub fn narrow(&mut self, left: u32, most: f32) {
        self.cursor.narrow(self.narrowed);
        self.narrowed += 1;
        (self.rest, self.weak) = (most, left == 0);
    }
}

/// How many of these come before `doc`: steps that double, then a search within the last one.
fn ahead(postings: &[Posting], doc: u32) -> usize {
    let (mut low, mut step) = (0, 1);
    while postings.get(low + step - 1).is_some_and(|posting| posting.doc < doc) {
        low += step;
        step *= 2;
    }
    let within = postings.get(low..postings.len().min(low + step)).unwrap_or_default();
    low + within.partition_point(|posting| posting.doc < doc)
}
