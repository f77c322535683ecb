//! What would publishing a version change? Queries that gain an answer, lose it, or get it from another article.
//!
//! Invariant: a query stands in one list at most, and text of customers in it is masked.

use schemars::JsonSchema;
use serde::Serialize;

use crate::id::{ArticleId, GoldenId};

/// Most recent queries, and most golden ones, of one preview.
pub const MAX_PREVIEWED: usize = 1_000;
/// Days that are looked back unless said otherwise.
pub const PREVIEW_DAYS: u32 = 30;
/// Most days that are looked back.
pub const MAX_PREVIEW_DAYS: u32 = 366;

/// What is to be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreviewOrder {
    /// The version; the latest unless given.
    pub version: Option<u32>,
    /// Days of records that are looked at.
    pub days: u32,
    /// Most recent queries.
    pub most: usize,
}

/// What a query came to.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PreviewAnswer {
    /// Whether it reached the space's threshold.
    pub matched: bool,
    /// Probability that the first article answers.
    pub confidence: f64,
    /// What stood first.
    pub article_id: Option<ArticleId>,
}

/// What a golden query says to a change.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PreviewGolden {
    /// The golden query.
    pub id: GoldenId,
    /// Whether it comes out as expected now.
    pub passes: bool,
    /// Whether it would.
    pub would_pass: bool,
}

/// A query that the change would touch.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PreviewItem {
    /// What is asked.
    pub query: String,
    /// How often it was asked, in any wording of its form; 0 for a golden query that nobody asked.
    pub asked: u64,
    /// Where it is a golden query: what it says.
    pub golden: Option<PreviewGolden>,
    /// As it is.
    pub before: PreviewAnswer,
    /// As it would be.
    pub after: PreviewAnswer,
}

/// What publishing a version would change.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Preview {
    /// The article.
    pub article_id: ArticleId,
    /// The version that was tried.
    pub version: u32,
    /// The one that is live.
    pub live_version: Option<u32>,
    /// Threshold that is in force.
    pub threshold: f64,
    /// Different queries that were asked.
    pub queries: u64,
    /// Golden ones among them.
    pub golden: u64,
    /// Queries that there are and that were not asked: there were too many.
    pub left_out: u64,
    /// Whether there are more records of these days than the latest ones, which were looked through.
    pub partial: bool,
    /// Golden queries that come out as expected and would not.
    pub golden_broken: u64,
    /// Golden queries that do not and would.
    pub golden_mended: u64,
    /// Queries that stay as they are: matched or not as now, and matched by the same article.
    pub unchanged: u64,
    /// Queries that would match and do not now, most asked first.
    pub gained: Vec<PreviewItem>,
    /// Queries that match now and would not.
    pub lost: Vec<PreviewItem>,
    /// Queries that another article would answer.
    pub reordered: Vec<PreviewItem>,
    /// Parts of the engine that were missing, such as `semantic`; then this proves little.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub degraded: Vec<String>,
    /// Time spent, in milliseconds.
    pub took_ms: f64,
}

impl Preview {
    /// Puts a query where it belongs.
    pub fn take(&mut self, item: PreviewItem) {
        self.queries += 1;
        if let Some(golden) = &item.golden {
            self.golden += 1;
            self.golden_broken += u64::from(golden.passes && !golden.would_pass);
            self.golden_mended += u64::from(!golden.passes && golden.would_pass);
        }
        match (item.before.matched, item.after.matched) {
            (false, true) => self.gained.push(item),
            (true, false) => self.lost.push(item),
            (true, true) if item.before.article_id != item.after.article_id => self.reordered.push(item),
            _ => self.unchanged += 1,
        }
    }

    /// Orders the lists: golden queries that would break first, then those that are asked most.
    pub fn sort(&mut self) {
        let broken =
            |item: &PreviewItem| item.golden.as_ref().is_some_and(|golden| golden.passes && !golden.would_pass);
        for list in [&mut self.gained, &mut self.lost, &mut self.reordered] {
            list.sort_by(|a, b| {
                let asked = b.asked.cmp(&a.asked).then_with(|| a.query.cmp(&b.query));
                broken(b).cmp(&broken(a)).then(asked)
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(matched: bool, article: &str) -> PreviewAnswer {
        PreviewAnswer { matched, confidence: 0.5, article_id: article.parse().ok() }
    }

    fn empty() -> Option<Preview> {
        Some(Preview {
            article_id: "a".parse().ok()?,
            version: 2,
            live_version: Some(1),
            threshold: 0.5,
            queries: 0,
            golden: 0,
            left_out: 0,
            partial: false,
            golden_broken: 0,
            golden_mended: 0,
            unchanged: 0,
            gained: Vec::new(),
            lost: Vec::new(),
            reordered: Vec::new(),
            degraded: Vec::new(),
            took_ms: 0.0,
        })
    }

    #[test]
    fn each_query_stands_in_its_list_and_what_breaks_stands_first() {
        let mut preview = empty().into_iter().next().unwrap_or_else(|| unreachable!("'a' is an id"));
        let golden = |passes, would_pass| "q_1".parse().ok().map(|id| PreviewGolden { id, passes, would_pass });
        let mut take = |query: &str, asked, golden, before, after| {
            preview.take(PreviewItem { query: query.into(), asked, golden, before, after });
        };
        take("gains", 1, None, answer(false, "x"), answer(true, "a"));
        take("loses", 9, None, answer(true, "a"), answer(false, "a"));
        take("breaks", 0, golden(true, false), answer(true, "a"), answer(false, "a"));
        take("moves", 1, golden(false, true), answer(true, "x"), answer(true, "a"));
        take("stays unmatched", 1, None, answer(false, "x"), answer(false, "a"));
        take("stays", 1, None, answer(true, "a"), answer(true, "a"));
        preview.sort();
        let names = |list: &[PreviewItem]| list.iter().map(|item| item.query.clone()).collect::<Vec<_>>();
        assert_eq!(names(&preview.lost), ["breaks", "loses"]);
        assert_eq!((names(&preview.gained), names(&preview.reordered)), (vec!["gains".into()], vec!["moves".into()]));
        assert_eq!((preview.queries, preview.golden, preview.unchanged), (6, 2, 2));
        assert_eq!((preview.golden_broken, preview.golden_mended), (1, 1));
    }
}
