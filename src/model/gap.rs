//! What could not be answered: a group of questions that asks for an article.
//!
//! Invariant: holds masked text only, and no article outside the reader's audience is named in a view.

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{ArticleId, GapId, SpaceId};
use crate::model::article::Language;
use crate::model::search::Hit;

/// Most example questions kept with a gap.
pub const MAX_EXAMPLES: usize = 20;

/// Hashes of sources kept for a gap and day; beyond it, sources are sampled.
const MAX_SEEN: usize = 512;
/// Sources whose pace is kept for a gap and day.
const MAX_RECENT: usize = 128;
/// Questions of one session or customer in a minute, from which more are a burst.
pub const BURST: u32 = 10;
/// Questions through one API key in a minute, from which more are a burst: many customers may come through one.
pub const KEY_BURST: u32 = 100;

/// Where a gap stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GapStatus {
    /// Nobody has worked on it.
    Open,
    /// Set aside by an editor.
    Dismissed,
}

/// Questions of one normalised form that nothing answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// Id.
    pub id: GapId,
    /// Space.
    pub space: SpaceId,
    /// The normalised form that gathers its questions.
    pub form: String,
    /// The question as first asked, masked.
    pub label: String,
    /// Where it stands.
    pub status: GapStatus,
    /// Language of the first question.
    pub language: Language,
    /// How often it was asked.
    pub queries: u64,
    /// By how many, each counted once a day.
    #[serde(default)]
    pub sessions: u64,
    /// When first.
    pub first_seen: Timestamp,
    /// When last.
    pub last_seen: Timestamp,
    /// Different wordings, masked.
    pub examples: Vec<String>,
    /// Articles that stood nearest at the last time.
    pub nearest: Vec<NearArticle>,
}

/// An article near a gap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NearArticle {
    /// Article.
    pub article_id: ArticleId,
    /// Its title.
    pub title: String,
    /// Score in [0, 1].
    pub score: f64,
}

impl NearArticle {
    /// The article of a hit.
    pub fn of(hit: &Hit) -> Self {
        Self { article_id: hit.article_id.clone(), title: hit.title.clone(), score: hit.score }
    }
}

/// A gap as callers see it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct GapView {
    /// Id.
    pub id: GapId,
    /// The clearest question.
    pub label: String,
    /// Where it stands.
    pub status: GapStatus,
    /// Language.
    pub language: Language,
    /// How often it was asked.
    pub queries: u64,
    /// By how many, each session, customer or key counted once a day; lists go by this.
    pub sessions: u64,
    /// When first.
    pub first_seen: Timestamp,
    /// When last.
    pub last_seen: Timestamp,
    /// The latest days on which it was asked, the earliest first.
    pub trend: Vec<GapPoint>,
    /// Different wordings.
    pub examples: Vec<String>,
    /// Articles that stand nearest, of those the reader may see.
    pub nearest: Vec<NearArticle>,
}

/// Who asked, as hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// Whatever must count once a day: customer, key, session. The first one decides where sources are sampled.
    pub counted: Vec<u64>,
    /// The API key it came through, whose pace alone is watched.
    pub through: Option<u64>,
}

/// What is counted of a gap on one day.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GapDay {
    /// How often it was asked.
    pub queries: u64,
    /// By how many, each counted once.
    pub sessions: u64,
    /// Whether one source asked faster than people do.
    pub burst: bool,
    /// How often the sample of sources was halved; 0 while `sessions` is exact.
    pub halved: u32,
    /// Hashes of the sources that were counted, sorted.
    seen: Vec<u64>,
    /// How many questions a source asked in its latest minute: hash, minute, count.
    recent: Vec<(u64, i64, u32)>,
}

impl GapDay {
    /// Counts a question; says by how much the number of sources grew.
    ///
    /// Up to [`MAX_SEEN`] hashes the number is exact. Beyond, only sources whose hash begins with `halved` zero bits are
    /// looked at, and each stands for `2^halved` (P. B. Gibbons, Distinct sampling for highly-accurate answers, 2001).
    pub fn count(&mut self, source: &Source, at: Timestamp) -> u64 {
        self.queries += 1;
        let minute = at.as_second().div_euclid(60);
        let mut burst = false;
        for hash in &source.counted {
            burst |= self.pace(*hash, minute) > BURST;
        }
        if let Some(key) = source.through {
            burst |= self.pace(key, minute) > KEY_BURST;
        }
        self.burst |= burst;
        let Some(first) = source.counted.first() else { return 0 };
        if burst || !self.is_sampled(*first) || source.counted.iter().any(|hash| self.seen.binary_search(hash).is_ok())
        {
            return 0;
        }
        for hash in &source.counted {
            if let Err(at) = self.seen.binary_search(hash) {
                self.seen.insert(at, *hash);
            }
        }
        let weight = 1 << self.halved;
        while self.seen.len() > MAX_SEEN {
            self.halved += 1;
            let halved = self.halved;
            self.seen.retain(|hash| hash.leading_zeros() >= halved);
        }
        self.sessions += weight;
        weight
    }

    fn is_sampled(&self, hash: u64) -> bool {
        hash.leading_zeros() >= self.halved
    }

    /// Counts a question of a source in its minute.
    fn pace(&mut self, hash: u64, minute: i64) -> u32 {
        if let Some(known) = self.recent.iter_mut().find(|(known, ..)| *known == hash) {
            *known = (hash, minute, if known.1 == minute { known.2.saturating_add(1) } else { 1 });
            return known.2;
        }
        if self.recent.len() >= MAX_RECENT {
            let slowest = self.recent.iter().enumerate().min_by_key(|(_, (_, minute, count))| (*count, *minute));
            if let Some((at, _)) = slowest {
                self.recent.swap_remove(at);
            }
        }
        self.recent.push((hash, minute, 1));
        1
    }
}

/// A day of a gap as callers see it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct GapPoint {
    /// The day, in UTC.
    pub day: Date,
    /// How often it was asked.
    pub queries: u64,
    /// By how many, each counted once.
    pub sessions: u64,
    /// Whether `sessions` is an estimate.
    pub approximate: bool,
    /// Whether one source asked faster than people do; what was too fast is in `queries` only.
    pub burst: bool,
}

impl GapPoint {
    /// What callers see of a day.
    pub fn of(day: Date, counts: &GapDay) -> Self {
        let GapDay { queries, sessions, burst, halved, .. } = *counts;
        Self { day, queries, sessions, approximate: halved > 0, burst }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(n: u64) -> u64 {
        let bytes = *blake3::hash(&n.to_le_bytes()).as_bytes();
        bytes.first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
    }

    fn by(counted: &[u64]) -> Source {
        Source { counted: counted.iter().map(|n| hash(*n)).collect(), through: None }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_source_counts_once_by_whatever_it_is_known() {
        let mut day = GapDay::default();
        let counted = [&[1, 2][..], &[1, 3], &[4, 2], &[5], &[5]].map(|ids| day.count(&by(ids), at(0)));
        assert_eq!((counted, day.queries, day.sessions), ([1, 0, 0, 1, 0], 5, 2));
    }

    #[test]
    fn a_burst_is_marked_and_not_counted() {
        let mut day = GapDay::default();
        for session in 0..150 {
            day.count(&Source { through: Some(7), ..by(&[session]) }, at(30));
        }
        assert_eq!((day.queries, day.sessions, day.burst), (150, u64::from(KEY_BURST), true));
        let mut slow = GapDay::default();
        for n in 0..i64::from(BURST) * 3 {
            slow.count(&by(&[1]), at(n * 7));
        }
        assert!(!slow.burst, "a question every seven seconds");
        for _ in 0..=BURST {
            slow.count(&by(&[1]), at(9_000));
        }
        assert!(slow.burst);
    }

    #[test]
    fn many_sources_are_estimated_within_bounds() {
        let mut day = GapDay::default();
        for _ in 0..2 {
            for n in 0..20_000 {
                day.count(&by(&[n]), at(n as i64));
            }
        }
        assert!(day.seen.len() <= MAX_SEEN && day.halved > 0);
        assert!((17_000..23_000).contains(&day.sessions), "{}", day.sessions);
    }
}
