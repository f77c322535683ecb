//! What is asked most, in whole questions and in words.
//!
//! Invariant: counts of questions are exact; where a list may lack one that belongs on it, it says so.

use std::collections::BTreeMap;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use super::{DayWords, Direction, change, four_decimals};
use crate::id::{ArticleId, GapId, SpaceId};
use crate::model::article::Language;

/// A question and how often it is asked.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct HotQuestion {
    /// The question as first asked, masked; other wordings that fold to the same are counted with it.
    pub question: String,
    /// Its language.
    pub language: Option<Language>,
    /// How often it was asked in the period.
    pub queries: u64,
    /// How often something answered.
    pub answered: u64,
    /// The share that was answered; absent where it was not asked in the period.
    pub answered_share: Option<f64>,
    /// How often it was asked in the period of the same length before.
    pub before: u64,
    /// By how many standard errors its share of all questions differs from the period before.
    pub change: f64,
    /// What that says.
    pub direction: Direction,
    /// How often it was asked, piece by piece, without those in which it was not.
    pub trend: Vec<QuestionTrend>,
    /// The article that answered it last, where the reader may see it.
    pub article_id: Option<ArticleId>,
    /// The gap it was filed under last.
    pub gap_id: Option<GapId>,
}

/// A piece of a question's trend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct QuestionTrend {
    /// First day of the piece.
    pub from: Date,
    /// How often it was asked.
    pub queries: u64,
}

/// What is asked most.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct QuestionReport {
    /// Space.
    pub space: SpaceId,
    /// First day, in UTC.
    pub from: Date,
    /// Last day, in UTC.
    pub to: Date,
    /// Questions asked in the period, all together.
    pub queries: u64,
    /// Questions asked in the period of the same length before.
    pub before: u64,
    /// Most asked first.
    pub items: Vec<HotQuestion>,
    /// Those whose share grew beyond chance, most surely first.
    pub rising: Vec<HotQuestion>,
    /// Those whose share shrank beyond chance, most surely first.
    pub falling: Vec<HotQuestion>,
    /// Whether a question may be missing from `items` because it was among the most asked of no day.
    pub approximate: bool,
}

/// A word of the cloud.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TopicWord {
    /// The word as it was written.
    pub word: String,
    /// Questions of the period that hold it.
    pub count: u64,
    /// Whether `count` may be somewhat too high.
    pub approximate: bool,
    /// Its weight, 1 for the heaviest: class-based TF-IDF over this period and the one before.
    pub weight: f64,
    /// Questions of the period before that hold it.
    pub before: u64,
    /// By how many standard errors its share differs from the period before.
    pub change: f64,
    /// What that says.
    pub direction: Direction,
}

/// The words of what is asked.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TopicReport {
    /// Space.
    pub space: SpaceId,
    /// First day, in UTC.
    pub from: Date,
    /// Last day, in UTC.
    pub to: Date,
    /// Heaviest first; function words, numbers and masked pieces are left out.
    pub words: Vec<TopicWord>,
    /// Those whose share grew beyond chance, most surely first.
    pub rising: Vec<TopicWord>,
    /// Those whose share shrank beyond chance, most surely first.
    pub falling: Vec<TopicWord>,
}

#[derive(Default)]
struct Sum {
    now: u64,
    over: u64,
    before: u64,
    written: Option<String>,
}

/// The words of a period against those of the one before.
///
/// The weight of a word is `tf · ln(1 + A / f)` with its share `tf` of the period's mentions, the mean number `A` of
/// mentions of the two periods and its own mentions `f` in both (M. Grootendorst, BERTopic, 2022).
pub fn topics(now: &[DayWords], before: &[DayWords], limit: usize) -> (Vec<TopicWord>, Vec<TopicWord>, Vec<TopicWord>) {
    let mentions = |days: &[DayWords]| days.iter().map(|day| day.mentions).sum::<u64>();
    let (all_now, all_before) = (mentions(now), mentions(before));
    let mut sums: BTreeMap<&str, Sum> = BTreeMap::new();
    for (term, word) in now.iter().flat_map(|day| &day.words) {
        let sum = sums.entry(term).or_default();
        sum.now += word.count;
        sum.over += word.over;
        sum.written = sum.written.take().or_else(|| word.written.clone());
    }
    for (term, word) in before.iter().flat_map(|day| &day.words) {
        let sum = sums.entry(term).or_default();
        sum.before += word.count;
        sum.written = sum.written.take().or_else(|| word.written.clone());
    }
    let periods = if all_before > 0 { 2.0 } else { 1.0 };
    let mean = (all_now + all_before) as f64 / periods;
    let weight = |sum: &Sum| {
        let both = (sum.now + sum.before).max(1) as f64;
        sum.now as f64 / all_now.max(1) as f64 * (1.0 + mean / both).ln()
    };
    let heaviest = sums.values().map(&weight).fold(0.0, f64::max);
    let mut words: Vec<TopicWord> = sums
        .iter()
        .map(|(term, sum)| {
            let (z, direction) = change(sum.now, all_now, sum.before, all_before);
            TopicWord {
                word: sum.written.clone().unwrap_or_else(|| (*term).to_owned()),
                count: sum.now,
                approximate: sum.over > 0,
                weight: if heaviest > 0.0 { four_decimals(weight(sum) / heaviest) } else { 0.0 },
                before: sum.before,
                change: four_decimals(z),
                direction,
            }
        })
        .collect();
    let moved = |direction: Direction| {
        let mut moved: Vec<TopicWord> = words.iter().filter(|word| word.direction == direction).cloned().collect();
        moved.sort_by(|a, b| b.change.abs().total_cmp(&a.change.abs()));
        moved.truncate(limit);
        moved
    };
    let (rising, falling) = (moved(Direction::Rising), moved(Direction::Falling));
    words.retain(|word| word.count > 0);
    words.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(b.count.cmp(&a.count)).then(a.word.cmp(&b.word)));
    words.truncate(limit);
    (words, rising, falling)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(words: &[(&str, u64)]) -> DayWords {
        let mut day = DayWords::default();
        for (word, count) in words {
            (0..*count).for_each(|_| day.count(word, word));
        }
        day
    }

    #[test]
    fn what_moved_is_told_and_weighed() {
        let before = [day(&[("退货", 60), ("物流", 60), ("发票", 40)])];
        let now = [day(&[("退货", 30), ("物流", 30)]), day(&[("退货", 30), ("预售", 50), ("物流", 20)])];
        let (words, rising, falling) = topics(&now, &before, 10);
        let names = |words: &[TopicWord]| words.iter().map(|word| word.word.clone()).collect::<Vec<_>>();
        assert_eq!(names(&rising), ["预售"]);
        assert_eq!(names(&falling), ["发票"]);
        assert_eq!(words.iter().map(|word| word.count).sum::<u64>(), 160);
        assert_eq!(words.first().map(|word| (word.word.as_str(), word.weight)), Some(("预售", 1.0)), "{words:?}");
        assert!(topics(&[], &[], 10).0.is_empty());
    }
}
