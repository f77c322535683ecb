//! Figures of what came in.
//!
//! Invariant: read from the days' counts; no figure needs a look at the conversations themselves.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use super::{Analyst, Kb};
use crate::error::{Error, Result};
use crate::model::interaction::{Overview, day_of};

/// Days of an overview unless said otherwise.
const USUAL_DAYS: i64 = 30;
/// Most days of an overview.
const MAX_DAYS: i32 = 3_660;

impl Kb {
    /// What came in from one day to another, both included; the last 30 days unless said otherwise.
    ///
    /// # Errors
    /// [`Error::InvalidQuery`] for a range that is none; [`Error::Store`].
    pub fn overview(
        &self,
        analyst: &Analyst,
        from: Option<Date>,
        to: Option<Date>,
        now: Timestamp,
    ) -> Result<Overview> {
        let to = to.unwrap_or_else(|| day_of(now));
        let from = match from {
            Some(from) => from,
            None => to.checked_sub((USUAL_DAYS - 1).days()).unwrap_or(to),
        };
        if from > to {
            return Err(Error::query("from", format!("{from} is after {to}")));
        }
        if from.until(to).is_ok_and(|span| span.get_days() >= MAX_DAYS) {
            return Err(Error::query("from", format!("at most {MAX_DAYS} days are summed at once")));
        }
        let space = &analyst.grant().space;
        let days = self.inner.store.days(space, from, to)?;
        Ok(Overview::of(space.clone(), from, to, &days))
    }
}
