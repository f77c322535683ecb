//! How much does a list of postings give to a passage? Gone through window by window, or asked for single passages.
//!
//! Invariant: both ways move forwards only, apart from each other, and nothing is opened before it is needed.

use tantivy::fieldnorm::FieldNormReader;
use tantivy::postings::{BlockSegmentPostings, TermInfo};
use tantivy::schema::IndexRecordOption;
use tantivy::{InvertedIndexReader, TERMINATED};

use super::failed;
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

/// A passage that holds a term, and what the term gives it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Posting {
    pub doc: u32,
    pub score: f32,
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
}

enum List<'a> {
    Short { postings: &'a [Posting], scale: f32, window: usize, single: usize },
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
    /// A list of scores, the highest of them `most`, multiplied by `scale`.
    pub fn short(postings: &'a [Posting], most: f32, scale: f32) -> Self {
        let list = List::Short { postings, scale, window: 0, single: 0 };
        Self { list, weight: most * scale, length: postings.len() as u32 }
    }

    pub fn long(list: Packed<'a>) -> Self {
        let (weight, length) = (list.weight, list.info.doc_freq);
        Self { list: List::Long(Box::new(Long { list, windows: None, single: None })), weight, length }
    }

    /// The score at `doc`, where the list has it; moves forwards only.
    pub fn score_at(&mut self, doc: u32) -> Result<Option<f32>> {
        match &mut self.list {
            List::Short { postings, scale, single, .. } => {
                let rest = postings.get(*single..).unwrap_or_default();
                *single += ahead(rest, doc);
                let here = postings.get(*single).filter(|posting| posting.doc == doc);
                Ok(here.map(|posting| *scale * posting.score))
            }
            List::Long(long) => {
                let walk = match &mut long.single {
                    Some(walk) => walk,
                    none => none.insert(long.list.open()?),
                };
                walk.skip_to(doc);
                let Some(frequency) = walk.postings.freqs().get(walk.at).copied() else { return Ok(None) };
                Ok((walk.doc() == doc).then(|| long.list.score(doc, frequency)))
            }
        }
    }

    /// Goes to a window; whether it holds anything of it.
    pub fn enter(&mut self, start: u32, end: u32) -> Result<bool> {
        match &mut self.list {
            List::Short { postings, window, .. } => {
                let rest = postings.get(*window..).unwrap_or_default();
                *window += ahead(rest, start);
                Ok(postings.get(*window).is_some_and(|posting| posting.doc < end))
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
    pub fn drain(&mut self, end: u32, mut with: impl FnMut(u32, f32)) {
        match &mut self.list {
            List::Short { postings, scale, window, .. } => {
                let rest = postings.get(*window..).unwrap_or_default();
                let here = rest.partition_point(|posting| posting.doc < end);
                for posting in rest.iter().take(here) {
                    with(posting.doc, *scale * posting.score);
                }
                *window += here;
            }
            List::Long(long) => {
                if let Some(walk) = &mut long.windows {
                    walk.drain(end, &long.list, &mut with);
                }
            }
        }
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
