//! What of the days' hours a forecast is made of.
//!
//! Invariant: only full hours count; the hour that is running would look quiet.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::Wish;
use crate::error::{Error, Result};
use crate::kb::{Analyst, Kb};
use crate::model::analytics::four_decimals;
use crate::model::forecast::{ForecastPoint, ForecastReport, MOST_HOURS, foretell};
use crate::model::interaction::day_of;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

impl Kb {
    /// The volume of the next 48 hours, or of those behind the last day that is asked for; with the error that such
    /// forecasts had lately, or why there is none.
    ///
    /// # Errors
    /// [`Error::InvalidQuery`] for a range that is none; [`Error::Store`].
    pub fn forecast(&self, analyst: &Analyst, wish: Wish, now: Timestamp) -> Result<ForecastReport> {
        let space = &analyst.grant().space;
        let today = day_of(now);
        if let (Some(from), Some(to)) = (wish.from, wish.to)
            && from > to
        {
            return Err(Error::query("from", format!("{from} is after {to}")));
        }
        let end = match wish.to.filter(|to| *to < today) {
            Some(to) => midnight(to)?.checked_add(HOUR * 24).unwrap_or(now),
            None => Timestamp::from_second(now.as_second().div_euclid(3600) * 3600).unwrap_or(now),
        };
        let last = day_of(end);
        let longest = last.checked_sub((MOST_HOURS as i64 / 24).days()).unwrap_or(last);
        let from = wish.from.unwrap_or(longest).max(longest);
        if from > last {
            return Err(Error::query("from", format!("{from} is after {last}, the last day that is known")));
        }
        let days = self.inner.store.days(space, from, last)?;
        let first = days.iter().find(|(_, day)| day.demand() > 0).map(|(day, _)| *day);
        let mut report = ForecastReport {
            space: space.clone(),
            from: first,
            history_hours: 0,
            missing_hours: 0,
            model: None,
            points: Vec::new(),
            total: None,
            error: None,
            reason: None,
        };
        let begin = match first {
            Some(first) => midnight(first)?,
            None => end,
        };
        let length = end.duration_since(begin).as_hours().max(0) as usize;
        let mut counts = vec![0_u64; length];
        for (day, day_counts) in &days {
            let offset = midnight(*day)?.duration_since(begin).as_hours();
            for (hour, hour_counts) in &day_counts.hours {
                let place = usize::try_from(offset + i64::from(*hour)).ok();
                if let Some(count) = place.and_then(|place| counts.get_mut(place)) {
                    *count = hour_counts.queries;
                }
            }
        }
        report.history_hours = length as u64;
        let told = match foretell(&counts) {
            Ok(told) => told,
            Err(reason) => return Ok(ForecastReport { reason: Some(reason), ..report }),
        };
        let point = |(ahead, (queries, low, high)): (usize, &(f64, f64, f64))| ForecastPoint {
            at: end.checked_add(HOUR * ahead as i32).unwrap_or(end),
            queries: four_decimals(*queries),
            low: four_decimals(*low),
            high: four_decimals(*high),
        };
        report.total = Some(four_decimals(told.hours.iter().map(|(queries, ..)| queries).sum()));
        report.points = told.hours.iter().enumerate().map(point).collect();
        report.missing_hours = told.missing as u64;
        report.model = Some(told.model);
        report.error = Some(told.error);
        Ok(report)
    }
}

fn midnight(day: Date) -> Result<Timestamp> {
    let at = day.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
    at.map_err(|why| Error::query("from", why.to_string()))
}
