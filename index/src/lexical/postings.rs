//! A term's (or a whole concept's) passages in a segment with their scores, and the best of them once more.
//!
//! Invariant: a top holds exactly those passages of the list whose score is above its cut.

/// A passage that holds a term, and what the term gives it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Posting {
    pub doc: u32,
    pub score: f32,
}

/// Lists from this length on have tops.
const LONG: usize = 2_048;
/// Shares of a list, one in so many, that its tops hold (about: ties are left out).
const TOPS: [usize; 2] = [4, 16];
/// Scores that the cuts are read from.
const SAMPLE: usize = 512;

/// The best of a list.
pub(super) struct Top {
    /// What all others stay at or below.
    pub cut: f32,
    pub postings: Box<[Posting]>,
}

/// Scored postings, ascending, each passage once.
pub(super) struct Postings {
    pub all: Box<[Posting]>,
    /// The highest score.
    pub most: f32,
    /// Each holds less than the one before.
    pub tops: Vec<Top>,
}

impl Postings {
    pub fn new(postings: Vec<Posting>) -> Self {
        let most = postings.iter().map(|posting| posting.score).fold(0.0, f32::max);
        Self { tops: tops(&postings), all: postings.into(), most }
    }

    /// How many postings are kept.
    pub fn len(&self) -> usize {
        self.all.len() + self.tops.iter().map(|top| top.postings.len()).sum::<usize>()
    }
}

fn tops(postings: &[Posting]) -> Vec<Top> {
    if postings.len() < LONG {
        return Vec::new();
    }
    let mut sample: Vec<f32> = postings.iter().step_by(postings.len() / SAMPLE).map(|posting| posting.score).collect();
    sample.sort_unstable_by(|a, b| b.total_cmp(a));
    let mut tops: Vec<Top> = Vec::new();
    for share in TOPS {
        let Some(cut) = sample.get(sample.len() / share).copied() else { continue };
        let within = tops.last().map_or(postings, |top| &top.postings);
        let best: Box<[Posting]> = within.iter().filter(|posting| posting.score > cut).copied().collect();
        // Where nearly all score the same there is no top.
        if !best.is_empty() && best.len() <= within.len() / 2 {
            tops.push(Top { cut, postings: best });
        }
    }
    tops
}
