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
    /// Nobody has worked on it, or what was published does not answer enough of its questions.
    Open,
    /// An article is being written for it.
    Drafting,
    /// That article waits for review.
    AwaitingReview,
    /// An article was published, and its own questions, asked again, are answered.
    Closed,
    /// It was closed, and its questions are no longer answered.
    Reopened,
    /// Set aside by an editor.
    Dismissed,
}

/// One of a gap's questions asked again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Asked {
    /// Whether something answered.
    pub matched: bool,
    /// Probability that the best hit answers.
    pub confidence: f64,
    /// The best hit's article.
    pub article_id: Option<ArticleId>,
}

/// A question before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Replayed {
    /// The question, masked.
    pub question: String,
    /// As the knowledge stood just before the publication.
    pub before: Asked,
    /// As it stands with it.
    pub after: Asked,
}

/// The change that stands behind a result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// The article that changed.
    pub article_id: ArticleId,
    /// What happened: `published`, `unpublished`, `archived` or `removed`.
    pub change: String,
    /// The version that is live now, where one is.
    pub version: Option<u32>,
    /// Who did it.
    pub by: Option<String>,
    /// When.
    pub at: Option<Timestamp>,
}

/// Proof that a gap's questions are answered, or are not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verification {
    /// When the questions were asked again.
    pub at: Timestamp,
    /// The article that was to answer them.
    pub article_id: ArticleId,
    /// Its version that was live.
    pub version: Option<u32>,
    /// Sequence number of that version's publication.
    pub publication: Option<u32>,
    /// Share of the questions that are answered, in [0, 1].
    pub share: f64,
    /// The share that is needed.
    pub bar: f64,
    /// Whether it is reached.
    pub passed: bool,
    /// Question by question.
    pub questions: Vec<Replayed>,
    /// What made answered questions unanswered, where that can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// What an editor might do about a gap.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Suggestion {
    /// `new_article`, or `link` where an article stands near enough to be meant.
    pub action: SuggestedAction,
    /// The article to link, for `link`.
    pub article_id: Option<ArticleId>,
    /// Title of a new article.
    pub title: String,
    /// Category, that of the nearest article.
    pub category: Option<String>,
    /// Questions it should answer.
    pub questions: Vec<String>,
}

/// What may be done about a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuggestedAction {
    /// Write an article.
    NewArticle,
    /// Add the questions to an article that is there.
    Link,
}

/// What came of asking gaps' questions again.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ReplayReport {
    /// Gaps whose questions were asked.
    pub replayed: u64,
    /// Gaps that were closed by it.
    pub closed: Vec<GapId>,
    /// Gaps that were opened again by it.
    pub reopened: Vec<GapId>,
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
    /// The article that is to answer it.
    #[serde(default)]
    pub article_id: Option<ArticleId>,
    /// What came of asking its questions again.
    #[serde(default)]
    pub verification: Option<Verification>,
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
    /// What might be done; absent once something is.
    pub suggested: Option<Suggestion>,
    /// The article that is to answer it.
    pub article_id: Option<ArticleId>,
    /// What came of asking its questions again.
    pub verification: Option<Verification>,
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
    /// Up to `MAX_SEEN` hashes the number is exact. Beyond, only sources whose hash begins with `halved` zero bits are
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
