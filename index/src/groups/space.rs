//! Who is like whom? Cosines of centred vectors and shared rare words in one similarity.
//!
//! Invariant: derived from the members alone; the same members in the same order give the same neighbours, on any
//! number of threads.

use std::collections::HashMap;

use super::state::{GroupSettings, GroupingState, Kept, Means, Near};
use crate::analyzer::{Analyzer, QueryKind};
use crate::dense::{Code, Dense, DenseSettings, DenseSnapshot, PreparedQuery};
use crate::embed::normalise;

/// Candidates by vector, and by words, of which the most similar are taken.
const BY_VECTOR: usize = 48;
const BY_WORDS: usize = 32;
/// Neighbours by which it is told how dense a member's surroundings are.
const CROWD: usize = 10;
/// Words of more members than this, or than one in a hundred, bring no candidates; they count in the similarity.
const COMMON: usize = 64;

/// The members as points.
pub(super) struct Space {
    dense: Dense,
    lexicon: Lexicon,
}

/// What is looked for.
pub(super) struct Probe {
    query: PreparedQuery,
    terms: Box<[u32]>,
    chinese: bool,
}

/// Sums by row, reused from one search to the next.
#[derive(Default)]
pub(super) struct Scratch {
    sums: Vec<f32>,
    touched: Vec<u32>,
}

/// Which members hold which words and bigrams, function words left out.
#[derive(Default)]
struct Lexicon {
    ids: HashMap<String, u32>,
    postings: Vec<Vec<u32>>,
    terms: Vec<Box<[u32]>>,
    /// Which rows are Chinese.
    chinese: Vec<bool>,
    /// How many terms of members are words.
    words: usize,
}

/// The centred vector, of length 1.
pub(super) fn centred(kept: &Kept, means: &Means) -> Vec<f32> {
    let mut vector = kept.code.dequantize();
    // A text without content has no direction, centred or not.
    if !kept.code.is_zero() {
        let mean = if kept.chinese { &means.chinese } else { &means.others };
        vector.iter_mut().zip(mean).for_each(|(value, middle)| *value -= middle);
        normalise(&mut vector);
    }
    vector
}

/// The mean of the members' vectors by language, drawn towards that of all while a language has few, and towards zero while all
/// are few; and how many members there are.
pub(super) fn means(members: &[Kept], dimension: usize, settings: &GroupSettings) -> (Means, usize) {
    let sum = |chinese: bool| {
        let (mut sum, mut count) = (vec![0.0_f64; dimension], 0.0_f64);
        let some = members.iter().filter(|kept| kept.chinese == chinese && !kept.gone && !kept.code.is_zero());
        for kept in some {
            count += 1.0;
            for (sum, value) in sum.iter_mut().zip(&kept.code.values) {
                *sum += f64::from(*value) * f64::from(kept.code.scale);
            }
        }
        (sum, count)
    };
    let (chinese, others) = (sum(true), sum(false));
    let few = f64::from(settings.shrink).max(1.0);
    let by = few + chinese.1 + others.1;
    let all: Vec<f64> = chinese.0.iter().zip(&others.0).map(|(a, b)| (a + b) / by).collect();
    let mean = |(sum, count): (Vec<f64>, f64)| {
        sum.iter().zip(&all).map(|(sum, all)| ((sum + few * all) / (few + count)) as f32).collect()
    };
    let live = members.iter().filter(|kept| !kept.gone).count();
    (Means { chinese: mean(chinese), others: mean(others) }, live)
}

fn passage(row: u32) -> u64 {
    u64::from(row) << 16
}

impl Space {
    pub fn of(analyzer: &Analyzer, state: &GroupingState) -> Self {
        let mut space = Self { dense: dense(state), lexicon: Lexicon::default() };
        for kept in &state.members {
            space.lexicon.push(analyzer, kept);
        }
        space
    }

    /// Takes the members' vectors anew, after the mean has changed.
    pub fn recentre(&mut self, state: &GroupingState) {
        self.dense = dense(state);
    }

    /// Adds the next row.
    pub fn push(&mut self, analyzer: &Analyzer, kept: &Kept, means: &Means) {
        let row = self.lexicon.terms.len() as u32;
        self.lexicon.push(analyzer, kept);
        self.dense.insert([(passage(row), Code::quantize(&centred(kept, means)))]);
    }

    pub fn remove(&self, row: u32) {
        self.dense.remove(&[passage(row)]);
    }

    pub fn snapshot(&self) -> std::sync::Arc<DenseSnapshot> {
        self.dense.snapshot()
    }

    /// How many members hold the word, and the words of all members.
    pub fn frequency(&self, word: &str) -> (usize, usize) {
        let lexicon = &self.lexicon;
        let id = lexicon.ids.get(word).and_then(|id| lexicon.postings.get(*id as usize));
        (id.map_or(0, Vec::len), lexicon.words)
    }

    /// The weights of a member's words, ascending by word and of length 1; none where no other member holds any.
    pub fn words(&self, row: u32) -> Vec<(u32, f32)> {
        let terms = self.lexicon.terms.get(row as usize).map_or(&[][..], |terms| &**terms);
        let norm = self.lexicon.norm(terms);
        let weighted =
            terms.iter().map(|term| (*term, self.lexicon.weight(*term).sqrt() / norm.max(f32::MIN_POSITIVE)));
        weighted.filter(|(_, weight)| *weight > 0.0).collect()
    }

    /// A member as what is looked for.
    pub fn probe(&self, snapshot: &DenseSnapshot, row: u32, kept: &Kept, means: &Means) -> Probe {
        let terms = self.lexicon.terms.get(row as usize).cloned().unwrap_or_default();
        Probe { query: snapshot.prepare(&centred(kept, means)), terms, chinese: kept.chinese }
    }

    /// The rows most like the probe, best first, without `own`, by similarity as it is.
    pub fn nearest(
        &self,
        snapshot: &DenseSnapshot,
        probe: &Probe,
        own: u32,
        settings: &GroupSettings,
        scratch: &mut Scratch,
    ) -> Vec<Near> {
        let hits = snapshot.search_exact(&probe.query, BY_VECTOR.max(2 * settings.neighbours) + 1, None);
        let mut found: Vec<(u32, f32)> = hits.iter().map(|hit| ((hit.passage >> 16) as u32, hit.cosine)).collect();
        let by_words = self.lexicon.candidates(&probe.terms, scratch).into_iter().filter_map(|row| {
            // Rows that are gone have no cosine.
            snapshot.cosine(&probe.query, passage(row)).map(|cosine| (row, cosine))
        });
        found.extend(by_words);
        found.sort_unstable_by_key(|(row, _)| *row);
        found.dedup_by_key(|(row, _)| *row);
        let own_norm = self.lexicon.norm(&probe.terms);
        let mut near: Vec<Near> = found
            .into_iter()
            .filter(|(row, _)| *row != own)
            .map(|(row, cosine)| {
                if self.lexicon.chinese.get(row as usize) != Some(&probe.chinese) {
                    return Near { row, similarity: settings.across * cosine };
                }
                let shared = self.lexicon.cosine(&probe.terms, own_norm, row);
                Near { row, similarity: (cosine + settings.words * shared) / (1.0 + settings.words) }
            })
            .filter(|near| near.similarity > settings.floor)
            .collect();
        near.sort_unstable_by(Near::order);
        near
    }

    /// Gives every member its neighbours, and how dense its surroundings are.
    pub fn settle(&self, state: &mut GroupingState) {
        let mut nearest = self.all_nearest(state);
        for (kept, near) in state.members.iter_mut().zip(&nearest) {
            kept.crowd = crowd(near);
        }
        let live = state.members.iter().filter(|kept| !kept.gone);
        let (sum, count) = live.fold((0.0_f64, 0_usize), |(sum, count), kept| (sum + f64::from(kept.crowd), count + 1));
        state.crowd = (sum / count.max(1) as f64) as f32;
        for (row, near) in nearest.iter_mut().enumerate() {
            let own = state.members.get(row).map_or(0.0, |kept| kept.crowd);
            rank(near, own, state);
        }
        for (kept, near) in state.members.iter_mut().zip(nearest) {
            kept.neighbours = if kept.gone { Vec::new() } else { near };
        }
    }

    /// The candidates of every row, by similarity as it is.
    fn all_nearest(&self, state: &GroupingState) -> Vec<Vec<Near>> {
        let snapshot = self.dense.snapshot();
        let rows: Vec<(u32, &Kept)> = (0..).zip(&state.members).collect();
        let part = rows.len().div_ceil(state.settings.threads.max(1)).max(1);
        let look = |rows: &[(u32, &Kept)]| {
            let mut scratch = Scratch::default();
            let mut all = Vec::with_capacity(rows.len());
            for (row, kept) in rows {
                let probe = self.probe(&snapshot, *row, kept, &state.means);
                all.push(self.nearest(&snapshot, &probe, *row, &state.settings, &mut scratch));
            }
            all
        };
        let look = &look;
        std::thread::scope(|scope| {
            let running: Vec<_> = rows.chunks(part).map(|rows| scope.spawn(move || look(rows))).collect();
            running.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
        })
    }
}

/// How dense the surroundings are: the mean similarity to the nearest.
pub(super) fn crowd(nearest: &[Near]) -> f32 {
    nearest.iter().take(CROWD).map(|near| near.similarity).sum::<f32>() / CROWD as f32
}

/// Keeps the neighbours by similarity less what both surroundings are denser than the mean (cross-domain similarity local
/// scaling; Conneau et al., "Word Translation Without Parallel Data", 2018), drawn towards similarity as it is.
pub(super) fn rank(near: &mut Vec<Near>, own: f32, state: &GroupingState) {
    let settings = &state.settings;
    // Before the first mean is taken, nothing is known of the others.
    for near in near.iter_mut().filter(|_| state.centred > 0) {
        let other = state.members.get(near.row as usize).map_or(own, |kept| kept.crowd);
        near.similarity -= settings.crowd * (f32::midpoint(own, other) - state.crowd);
    }
    near.retain(|near| near.similarity > settings.floor);
    near.sort_unstable_by(Near::order);
    near.truncate(settings.neighbours);
    near.shrink_to_fit();
}

fn dense(state: &GroupingState) -> Dense {
    let dense = Dense::new(state.dimension, DenseSettings { graph_from: usize::MAX, ..DenseSettings::default() });
    let rows = (0..).zip(&state.members).filter(|(_, kept)| !kept.gone);
    dense.insert(rows.map(|(row, kept)| (passage(row), Code::quantize(&centred(kept, &state.means)))));
    dense
}

impl Lexicon {
    fn push(&mut self, analyzer: &Analyzer, kept: &Kept) {
        let row = self.terms.len() as u32;
        let mut terms = Vec::new();
        for term in analyzer.query_terms(&kept.text).into_iter().filter(|term| !term.stop) {
            let key = match term.kind {
                QueryKind::Word => term.term,
                // A bigram that is a word too counts twice, as both.
                QueryKind::Gram => format!("\0{}", term.term),
                QueryKind::GramPrefix => continue,
            };
            self.words += usize::from(term.kind == QueryKind::Word);
            let next = self.postings.len() as u32;
            let id = *self.ids.entry(key).or_insert(next);
            if id == next {
                self.postings.push(Vec::new());
            }
            if let Some(posting) = self.postings.get_mut(id as usize) {
                posting.push(row);
            }
            terms.push(id);
        }
        terms.sort_unstable();
        self.terms.push(terms.into());
        self.chinese.push(kept.chinese);
    }

    /// Squared inverse document frequency of a term, 0 for one that a single member holds.
    fn weight(&self, term: u32) -> f32 {
        match self.postings.get(term as usize).map_or(0, Vec::len) {
            0 | 1 => 0.0,
            count => (1.0 + self.terms.len() as f32 / count as f32).ln().powi(2),
        }
    }

    fn norm(&self, terms: &[u32]) -> f32 {
        terms.iter().map(|term| self.weight(*term)).sum::<f32>().sqrt()
    }

    fn cosine(&self, terms: &[u32], norm: f32, row: u32) -> f32 {
        let others = self.terms.get(row as usize).map_or(&[][..], |terms| &**terms);
        let mut shared = 0.0;
        let mut rest = others.iter().peekable();
        for term in terms {
            while rest.next_if(|other| *other < term).is_some() {}
            if rest.peek() == Some(&term) {
                shared += self.weight(*term);
            }
        }
        if shared == 0.0 { 0.0 } else { (shared / (norm * self.norm(others))).min(1.0) }
    }

    /// Rows that share the rarest terms.
    fn candidates(&self, terms: &[u32], scratch: &mut Scratch) -> Vec<u32> {
        scratch.sums.resize(self.terms.len(), 0.0);
        for term in terms {
            let posting = self.postings.get(*term as usize).map_or(&[][..], Vec::as_slice);
            if posting.len() < 2 || posting.len() > COMMON.max(self.terms.len() / 100) {
                continue;
            }
            let weight = self.weight(*term);
            for row in posting {
                if let Some(sum) = scratch.sums.get_mut(*row as usize) {
                    if *sum == 0.0 {
                        scratch.touched.push(*row);
                    }
                    *sum += weight;
                }
            }
        }
        let mut found: Vec<(f32, u32)> = Vec::with_capacity(scratch.touched.len());
        for row in scratch.touched.drain(..) {
            if let Some(sum) = scratch.sums.get_mut(row as usize) {
                found.push((std::mem::take(sum), row));
            }
        }
        let order = |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        if found.len() > BY_WORDS {
            found.select_nth_unstable_by(BY_WORDS, order);
            found.truncate(BY_WORDS);
        }
        found.into_iter().map(|(_, row)| row).collect()
    }
}
