//! A golden query: one of which an editor said which articles answer it, or that none does.
//!
//! Invariant: a space has one golden query of a normalised form; its expectations hold for one audience.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{ArticleId, GoldenId};
use crate::model::article::Audience;
use crate::model::gap::ReplayReport;
use crate::model::text::{Note, QueryText};

/// Most articles that a golden query may expect.
pub const MAX_EXPECTED: usize = 20;
/// Most golden queries of a space.
pub const MAX_GOLDEN: usize = 10_000;
/// Most golden queries of one import.
pub const MAX_GOLDEN_IMPORT: usize = 1_000;

/// A golden query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Golden {
    /// Id, made of the normalised form of the query.
    pub id: GoldenId,
    /// What is asked.
    pub query: QueryText,
    /// Articles of which one must stand first; none means that the query must stay unmatched.
    pub articles: Vec<ArticleId>,
    /// For whom it is asked: the run sees what this audience sees.
    pub audience: Audience,
    /// Why it is here.
    pub note: Option<Note>,
    /// Who said so last.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What is said about a query.
#[derive(Debug, Clone, PartialEq)]
pub struct NewGolden {
    /// What is asked.
    pub query: QueryText,
    /// Articles of which one must stand first.
    pub articles: Vec<ArticleId>,
    /// For whom it is asked.
    pub audience: Audience,
    /// Why it is here.
    pub note: Option<Note>,
}

/// What an import of golden queries did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GoldenImport {
    /// New ones.
    pub added: usize,
    /// Those that say something else now.
    pub changed: usize,
    /// Those that say the same.
    pub unchanged: usize,
}

/// What came of one golden query.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct GoldenResult {
    /// The golden query.
    pub id: GoldenId,
    /// What was asked.
    pub query: QueryText,
    /// What must stand first.
    pub expected: Vec<ArticleId>,
    /// Whether it came out as expected: one of them first and matched, or nothing matched where nothing is expected.
    pub passed: bool,
    /// Place of the first expected article among the first ten, from 1.
    pub rank: Option<u32>,
    /// What stood first.
    pub first: Option<ArticleId>,
    /// Probability that it answers.
    pub confidence: f64,
    /// Whether it reached the space's threshold.
    pub matched: bool,
}

/// What came of all golden queries of a space.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct GoldenRun {
    /// Queries asked.
    pub queries: usize,
    /// Those that came out as expected.
    pub passed: usize,
    /// Mean reciprocal rank (at 10) of those that expect an article; absent without any.
    pub mrr: Option<f64>,
    /// Threshold that was in force.
    pub threshold: f64,
    /// One by one: failed ones first, then by query.
    pub items: Vec<GoldenResult>,
}

/// How a golden query stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GoldenStatus {
    /// Nobody has asked it yet.
    Untried,
    /// It came out as expected.
    Passed,
    /// It did not, and never has.
    Failed,
    /// It did, and does no longer.
    Regressed,
}

impl GoldenStatus {
    /// How it stands by what came of it last.
    pub fn of(last: Option<&GoldenLast>) -> Self {
        last.map_or(Self::Untried, |last| last.status)
    }

    /// How it stands after it was asked again.
    pub fn then(self, passed: bool) -> Self {
        match (self, passed) {
            (_, true) => Self::Passed,
            (Self::Passed | Self::Regressed, false) => Self::Regressed,
            (_, false) => Self::Failed,
        }
    }
}

/// The change that stands behind a golden query which came out right before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GoldenCause {
    /// The article that changed; absent where it was something else, or is not for the reader.
    pub article_id: Option<ArticleId>,
    /// What happened: `published`, `unpublished`, `archived`, `removed`; or what a curator or an administrator did, as
    /// the audit log has it, such as `synonym.set`.
    pub change: String,
    /// The version that is live now, where one is.
    pub version: Option<u32>,
    /// Who did it.
    pub by: Option<String>,
    /// When.
    pub at: Option<Timestamp>,
}

/// What came of a golden query last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GoldenLast {
    /// When it was asked.
    pub at: Timestamp,
    /// How it stands.
    pub status: GoldenStatus,
    /// Since when it stands so.
    pub since: Timestamp,
    /// When it came out as expected last.
    pub passed_at: Option<Timestamp>,
    /// Whether it reached the space's threshold.
    pub matched: bool,
    /// Probability that what stood first answers.
    pub confidence: f64,
    /// What stood first, where the reader may see it.
    pub first: Option<ArticleId>,
    /// The version of that.
    pub version: Option<u32>,
    /// The change behind it, where it regressed and the change is known.
    pub cause: Option<GoldenCause>,
}

/// A golden query and how it stands.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct GoldenView {
    /// What was said about it.
    #[serde(flatten)]
    pub golden: Golden,
    /// How it stands.
    pub status: GoldenStatus,
    /// What came of it last; absent until it is asked.
    pub last: Option<GoldenLast>,
}

/// What came of asking the golden queries again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct GoldenReplay {
    /// Golden queries that were asked.
    pub asked: u64,
    /// Those that came out as expected.
    pub passed: u64,
    /// Those that did before and do no longer.
    pub regressed: Vec<GoldenId>,
    /// Those that had regressed and come out as expected again.
    pub recovered: Vec<GoldenId>,
    /// Those of which nothing was kept: a part of the engine was missing, or the index had not caught up.
    pub skipped: u64,
}

impl GoldenReplay {
    /// Nothing of so many was kept.
    pub fn unkept(golden: usize) -> Self {
        Self { skipped: golden as u64, ..Self::default() }
    }
}

/// What came of a replay: of gaps, and of golden queries.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Replay {
    /// Of gaps.
    #[serde(flatten)]
    pub gaps: ReplayReport,
    /// Of golden queries.
    pub golden: GoldenReplay,
}

#[cfg(test)]
mod tests {
    use super::GoldenStatus::{Failed, Passed, Regressed, Untried};

    #[test]
    fn only_what_passed_can_regress() {
        let steps = [(Untried, false), (Failed, false), (Passed, false), (Regressed, false), (Regressed, true)];
        assert_eq!(steps.map(|(was, passed)| was.then(passed)), [Failed, Failed, Regressed, Regressed, Passed]);
    }
}
