//! What is asked of figures: over which days, cut into which pieces, compared with what.
//!
//! Invariant: a day is a day in UTC, and what is counted of a question is counted on the day of the question.

mod again;
mod articles;
mod change;
mod coverage;
mod rows;
mod volume;

use jiff::civil::Date;
use jiff::{Span, ToSpan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::again::{Asked, besides};
pub use self::articles::{ArticleFigures, ArticleReport, NeverHit, StaleArticle, StaleReason, at_least};
pub use self::change::{Direction, change};
pub use self::coverage::{AgeBands, ChannelFigures, ChannelReport, CoveragePoint, CoverageReport, OpenGaps};
pub use self::rows::{ArticleDay, DayWords, FormCount, FormText, MAX_TOP, TopForms, WordCount};
pub use self::volume::{HotQuestion, QuestionReport, QuestionTrend, TopicReport, TopicWord, topics};
use crate::error::{Error, Result};

/// Days of a period unless said otherwise.
const USUAL_DAYS: i64 = 30;
/// Most days of a period.
pub const MAX_DAYS: i32 = 3_660;

/// Into which pieces a period is cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bucket {
    /// Days.
    #[default]
    Day,
    /// Weeks, from Monday.
    Week,
    /// Months.
    Month,
}

impl Bucket {
    /// The first day of the piece that a day lies in.
    pub fn start(self, day: Date) -> Date {
        match self {
            Bucket::Day => day,
            Bucket::Week => {
                let back = i64::from(day.weekday().to_monday_zero_offset());
                day.checked_sub(back.days()).unwrap_or(day)
            }
            Bucket::Month => day.first_of_month(),
        }
    }
}

/// Days from one to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
}

impl Period {
    /// The period that is meant: up to today and 30 days long unless said otherwise.
    ///
    /// # Errors
    /// [`Error::InvalidQuery`] where it ends before it begins, or has more than `most` days.
    pub fn meant(from: Option<Date>, to: Option<Date>, today: Date, most: i32) -> Result<Self> {
        let to = to.unwrap_or(today);
        let from = match from {
            Some(from) => from,
            None => to.checked_sub((USUAL_DAYS - 1).days()).unwrap_or(to),
        };
        if from > to {
            return Err(Error::query("from", format!("{from} is after {to}")));
        }
        let period = Self { from, to };
        if period.days() > i64::from(most) {
            return Err(Error::query("from", format!("at most {most} days are summed at once")));
        }
        Ok(period)
    }

    /// How many days it has.
    pub fn days(self) -> i64 {
        self.from.until(self.to).map_or(0, |span| i64::from(span.get_days())) + 1
    }

    /// The period of the same length just before it.
    pub fn before(self) -> Self {
        let back = |day: Date, days: i64| day.checked_sub(Span::new().days(days)).unwrap_or(Date::MIN);
        Self { from: back(self.from, self.days()), to: back(self.from, 1) }
    }

    /// Whether a day lies in it.
    pub fn holds(self, day: Date) -> bool {
        (self.from..=self.to).contains(&day)
    }
}

/// A share as callers see it: four decimals; nothing where there is no whole.
pub fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| four_decimals(part as f64 / whole as f64))
}

/// A number as callers see it: four decimals.
pub fn four_decimals(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn a_period_is_its_days_and_has_one_before_it() {
        let month = Period::meant(None, Some(day("2026-03-31")), day("2026-11-21"), MAX_DAYS).unwrap();
        assert_eq!((month.from, month.days()), (day("2026-03-02"), 30));
        assert_eq!(month.before(), Period { from: day("2026-01-31"), to: day("2026-03-01") });
        assert_eq!(month.before().days(), month.days());
        assert!(Period::meant(Some(day("2026-04-01")), Some(day("2026-03-31")), day("2026-11-21"), MAX_DAYS).is_err());
        assert!(Period::meant(Some(day("2020-01-01")), None, day("2026-11-21"), 366).is_err());
    }

    #[test]
    fn pieces_begin_on_their_first_day() {
        let saturday = day("2026-11-21");
        let starts = [Bucket::Day, Bucket::Week, Bucket::Month].map(|bucket| bucket.start(saturday));
        assert_eq!(starts, [saturday, day("2026-11-16"), day("2026-11-01")]);
    }
}
