//! How useful is each article, and which are never found or out of date?
//!
//! Invariant: an article outside the reader's audiences is in no list and in no count.

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use crate::id::{ArticleId, SpaceId};

/// How an article did in a period.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ArticleFigures {
    /// Article.
    pub article_id: ArticleId,
    /// Title of its live version.
    pub title: String,
    /// Queries for which it stood first.
    pub shown: u64,
    /// Those of them that it answered.
    pub answered: u64,
    /// Times it was said to help.
    pub helpful: u64,
    /// Times it was said not to.
    pub unhelpful: u64,
    /// Helpful ones of those that said either; absent where nobody did.
    pub usefulness: Option<f64>,
    /// The least that this share is likely to be (Wilson's lower bound, 95 %); few voices say little.
    pub usefulness_at_least: Option<f64>,
    /// Mean satisfaction with what it answered, 1 to 5: single answers, and conversations whose questions it answered.
    pub csat: Option<f64>,
    /// Times a person took over although it answered.
    pub handed_off: u64,
    /// Queries out of which it was opened, wherever it stood.
    pub clicked: u64,
}

/// A live article that stood first for no query of the period.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct NeverHit {
    /// Article.
    pub article_id: ArticleId,
    /// Title.
    pub title: String,
    /// Since when it is live.
    pub live_since: Timestamp,
}

/// Why an article should be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StaleReason {
    /// Its review is overdue.
    ReviewOverdue,
    /// Its validity ends soon.
    ExpiresSoon,
}

/// A live article that should be looked at.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct StaleArticle {
    /// Article.
    pub article_id: ArticleId,
    /// Title.
    pub title: String,
    /// Why.
    pub reason: StaleReason,
    /// When its review was due, or when it expires.
    pub at: Timestamp,
    /// Queries of the period for which it stood first.
    pub shown: u64,
}

/// How the live articles did.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ArticleReport {
    /// Space.
    pub space: SpaceId,
    /// First day, in UTC.
    pub from: Date,
    /// Last day, in UTC.
    pub to: Date,
    /// Live articles that the reader may see.
    pub live: u64,
    /// Those with figures in the period, most shown first.
    pub items: Vec<ArticleFigures>,
    /// How many of the live ones never stood first in the period.
    pub never_hit_count: u64,
    /// Those of them that are live longest.
    pub never_hit: Vec<NeverHit>,
    /// How many should be looked at.
    pub stale_count: u64,
    /// The most asked of them first.
    pub stale: Vec<StaleArticle>,
}

/// The lower bound of a share of which `part` of `whole` were seen, at 95 % (E. B. Wilson, 1927).
pub fn at_least(part: u64, whole: u64) -> Option<f64> {
    const Z: f64 = 1.96;
    if whole == 0 {
        return None;
    }
    let (n, p) = (whole as f64, part as f64 / whole as f64);
    let middle = p + Z * Z / (2.0 * n);
    let spread = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    Some(super::four_decimals(((middle - spread) / (1.0 + Z * Z / n)).max(0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_voices_say_little() {
        assert_eq!(at_least(0, 0), None);
        assert_eq!(at_least(0, 5), Some(0.0));
        let (few, many) = (at_least(2, 2).unwrap_or_default(), at_least(95, 100).unwrap_or_default());
        assert!(few < 0.4 && many > 0.88, "{few} {many}");
    }
}
