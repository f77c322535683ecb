//! How much will be asked in the next two days, hour by hour, and how wrong were such forecasts lately?
//!
//! Invariant: pure; the error that is shown was made on hours that had come to pass, by forecasts that saw only what lay
//! before them, the choice of the model included.

mod models;

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

pub use self::models::ForecastModel;
use self::models::{MODELS, forecast};
use crate::id::SpaceId;

/// Hours that are forecast.
pub const HORIZON: usize = 48;
/// Hours of a week.
const WEEK: usize = 168;
/// Hours of history that are needed: one week to learn from, one to test on and one for the season to come again.
pub const LEAST_HOURS: usize = 3 * WEEK;
/// Most hours of history that are used.
pub const MOST_HOURS: usize = 16 * WEEK;
/// Queries that the history must hold.
pub const LEAST_QUERIES: u64 = 100;
/// Hours of history before the first back-tested forecast.
const WARM_UP: usize = 2 * WEEK;
/// Forecasts that are back-tested, one a day.
const ORIGINS: usize = 21;
/// Share of hours that an interval is to hold.
const LEVEL: f64 = 0.8;
/// Hours without a query in a row from which a gap is suspected, and queries that are then expected of them.
const GAP_HOURS: usize = 3;
const GAP_EXPECTED: f64 = 12.0;
/// Relative deviation of an hour's true rate from its forecast, beside the scatter that any count has.
const UNSTEADY: f64 = 0.15;

/// Forecast of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct ForecastPoint {
    /// The hour's beginning.
    pub at: Timestamp,
    /// Queries and questions that are expected.
    pub queries: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// How forecasts as this one did on what has come to pass.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct BackTest {
    /// Forecasts that were made, each from another day.
    pub forecasts: u64,
    /// Hours that they were held against.
    pub hours: u64,
    /// Sum of the hours' absolute errors as a share of what came (WAPE).
    pub wape: f64,
    /// The same for whole days of 24 hours.
    pub wape_of_days: f64,
    /// The same, by hour, of a forecast that repeats the week before.
    pub wape_of_last_week: f64,
    /// Share of hours that the interval is made to hold.
    pub interval: f64,
    /// Share of hours that intervals made with what was known before did hold.
    pub interval_held: Option<f64>,
}

/// A forecast, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ForecastReport {
    /// Space.
    pub space: SpaceId,
    /// First day of the history that was learned from.
    pub from: Option<Date>,
    /// Full hours of history.
    pub history_hours: u64,
    /// Those of them that were left out: nothing came where much was to be expected.
    pub missing_hours: u64,
    /// How the forecast was made: what did best in the back-test.
    pub model: Option<ForecastModel>,
    /// Hour by hour.
    pub points: Vec<ForecastPoint>,
    /// Their sum.
    pub total: Option<f64>,
    /// How such forecasts did lately.
    pub error: Option<BackTest>,
    /// Why there is no forecast, where there is none.
    pub reason: Option<String>,
}

/// What a history foretells.
#[derive(Debug, Clone, PartialEq)]
pub struct Foretold {
    /// The model.
    pub model: ForecastModel,
    /// Expected count, lower and upper end, hour by hour.
    pub hours: Vec<(f64, f64, f64)>,
    /// Hours of the history that were left out.
    pub missing: usize,
    /// How it did before.
    pub error: BackTest,
}

/// A forecast of each model from one hour of the past, and what came.
struct Trial {
    origin: usize,
    forecasts: Vec<Vec<f64>>,
    actual: Vec<Option<f64>>,
}

impl Trial {
    fn pairs(&self, model: usize) -> impl Iterator<Item = (f64, f64)> + '_ {
        let forecast = self.forecasts.get(model).into_iter().flatten();
        forecast.zip(&self.actual).filter_map(|(forecast, actual)| actual.map(|actual| (*forecast, actual)))
    }

    fn error(&self, model: usize) -> f64 {
        self.pairs(model).map(|(forecast, actual)| (forecast - actual).abs()).sum()
    }
}

/// By how much an hour with this forecast scatters.
fn scale(forecast: f64) -> f64 {
    (forecast.max(1.0) + (UNSTEADY * forecast).powi(2)).sqrt()
}

/// The model that erred least in these trials; without any, the one that needs least luck.
fn best<'a>(trials: impl Iterator<Item = &'a Trial> + Clone) -> usize {
    let error = |model: usize| trials.clone().map(|trial| trial.error(model)).sum::<f64>();
    if trials.clone().next().is_none() {
        return models::SAFE;
    }
    (0..MODELS.len()).min_by(|a, b| error(*a).total_cmp(&error(*b))).unwrap_or(models::SAFE)
}

/// The deviation, in scales, that a share of [`LEVEL`] of the hours stayed below.
fn reach(trials: &[(&Trial, usize)]) -> Option<f64> {
    let mut deviations: Vec<f64> = trials
        .iter()
        .flat_map(|(trial, model)| trial.pairs(*model))
        .map(|(forecast, actual)| (forecast - actual).abs() / scale(forecast))
        .collect();
    deviations.sort_by(f64::total_cmp);
    let place = ((deviations.len() + 1) as f64 * LEVEL).ceil() as usize;
    deviations.get(place.saturating_sub(1).min(deviations.len().saturating_sub(1))).copied()
}

/// Counts with the hours taken out in which nothing came although much was to be expected: something was out of order.
fn without_gaps(counts: &[u64]) -> Vec<Option<f64>> {
    let usual: Vec<f64> =
        (0..WEEK).map(|hour| median(counts.iter().skip(hour).step_by(WEEK).map(|n| *n as f64))).collect();
    let mut hours: Vec<Option<f64>> = counts.iter().map(|count| Some(*count as f64)).collect();
    let mut at = 0;
    while at < counts.len() {
        let run = counts.iter().skip(at).take_while(|count| **count == 0).count();
        let expected: f64 = (at..at + run).filter_map(|hour| usual.get(hour % WEEK)).sum();
        if run >= GAP_HOURS && expected >= GAP_EXPECTED {
            hours.iter_mut().skip(at).take(run).for_each(|hour| *hour = None);
        }
        at += run.max(1);
    }
    hours
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Foretells the [`HORIZON`] hours behind a history of full hours.
///
/// # Errors
/// Why it cannot, for people.
pub fn foretell(counts: &[u64]) -> Result<Foretold, String> {
    if counts.len() < LEAST_HOURS {
        let (have, need) = (counts.len() / 24, LEAST_HOURS / 24);
        return Err(format!("there are {have} days of history; a forecast needs {need}"));
    }
    let queries: u64 = counts.iter().sum();
    if queries < LEAST_QUERIES {
        return Err(format!("there are {queries} queries in the history; a forecast needs {LEAST_QUERIES}"));
    }
    let hours = without_gaps(counts);
    let last = hours.len() - HORIZON;
    let origins = (0..ORIGINS).filter_map(|day| last.checked_sub(day * 24)).filter(|origin| *origin >= WARM_UP);
    let mut trials: Vec<Trial> = origins.map(|origin| trial(&hours, origin)).collect();
    trials.reverse();
    let error = back_test(&trials).ok_or("nothing came in the days on which forecasts were to be tested")?;
    let model = best(trials.iter());
    let reach = reach(&trials.iter().map(|trial| (trial, model)).collect::<Vec<_>>()).unwrap_or_default();
    let chosen = MODELS.get(model).copied().unwrap_or(ForecastModel::LastWeek);
    let interval = |expected: f64| {
        let width = reach * scale(expected);
        (expected, (expected - width).max(0.0), expected + width)
    };
    let missing = hours.iter().filter(|hour| hour.is_none()).count();
    let hours = forecast(chosen, &hours).into_iter().map(interval).collect();
    Ok(Foretold { model: chosen, hours, missing, error })
}

fn trial(hours: &[Option<f64>], origin: usize) -> Trial {
    let past = hours.get(..origin).unwrap_or_default();
    Trial {
        origin,
        forecasts: MODELS.iter().map(|model| forecast(*model, past)).collect(),
        actual: hours.iter().skip(origin).take(HORIZON).copied().collect(),
    }
}

/// What the way of forecasting would have erred: model and interval chosen by trials that had ended by then.
fn back_test(trials: &[Trial]) -> Option<BackTest> {
    let (mut errors, mut day_errors, mut naive, mut came, mut hours) = (0.0, 0.0, 0.0, 0.0, 0_u64);
    let (mut held, mut asked) = (0_u64, 0_u64);
    for trial in trials {
        let ended: Vec<&Trial> = trials.iter().filter(|other| other.origin + HORIZON <= trial.origin).collect();
        let model = best(ended.iter().copied());
        errors += trial.error(model);
        naive += trial.error(models::NAIVE);
        let pairs: Vec<(f64, f64)> = trial.pairs(model).collect();
        came += pairs.iter().map(|(_, actual)| actual).sum::<f64>();
        hours += pairs.len() as u64;
        for day in pairs.chunks(24) {
            day_errors += day.iter().map(|(forecast, actual)| forecast - actual).sum::<f64>().abs();
        }
        if ended.len() < 2 {
            continue;
        }
        let Some(reach) = reach(&ended.iter().map(|other| (*other, model)).collect::<Vec<_>>()) else { continue };
        asked += pairs.len() as u64;
        held += pairs.iter().filter(|(f, actual)| (f - actual).abs() <= reach * scale(*f)).count() as u64;
    }
    let of_all = |sum: f64| super::analytics::four_decimals(sum / came);
    (came > 0.0).then(|| BackTest {
        forecasts: trials.len() as u64,
        hours,
        wape: of_all(errors),
        wape_of_days: of_all(day_errors),
        wape_of_last_week: of_all(naive),
        interval: LEVEL,
        interval_held: super::analytics::share(held, asked),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    /// Office hours, quiet weekends, and a little growth.
    fn rate(hour: usize) -> f64 {
        let (day, of_day) = (hour / 24, hour % 24);
        let weekend = if day % 7 >= 5 { 0.4 } else { 1.0 };
        let bell = 60.0 * (-((of_day as f64 - 14.0) / 4.0).powi(2)).exp() + 2.0;
        bell * weekend * (1.0 + 0.004 * day as f64)
    }

    /// Counts that scatter about their rate, the same at every run.
    fn counts(hours: usize) -> Vec<u64> {
        let mut state = 7_u64;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) as f64 + 0.5) / f64::from(1_u32 << 31)
        };
        (0..hours)
            .map(|hour| {
                // Knuth's way to draw from a Poisson distribution.
                let (limit, mut product, mut count) = ((-rate(hour)).exp(), uniform(), 0);
                while product > limit {
                    product *= uniform();
                    count += 1;
                }
                count
            })
            .collect()
    }

    #[test]
    fn what_comes_again_is_foretold_better_than_by_the_week_before() {
        let told = foretell(&counts(10 * WEEK)).unwrap();
        let error = told.error;
        assert_ne!(told.model, ForecastModel::LastWeek);
        assert!(error.wape < error.wape_of_last_week, "{error:?}");
        assert!(error.wape_of_days < error.wape, "errors of hours cancel out within a day: {error:?}");
        let held = error.interval_held.unwrap();
        assert!((0.7..0.92).contains(&held), "an interval for 80 % held {held}");
        let expected: f64 = (10 * WEEK..10 * WEEK + HORIZON).map(rate).sum();
        let total: f64 = told.hours.iter().map(|(expected, ..)| expected).sum();
        assert!((total / expected - 1.0).abs() < 0.08, "{total} for {expected}");
        assert!(told.hours.iter().all(|(middle, low, high)| *low >= 0.0 && low <= middle && middle <= high));
    }

    #[test]
    fn an_outage_and_a_rush_change_little() {
        let calm = counts(8 * WEEK);
        let mut torn = calm.clone();
        torn.iter_mut().skip(7 * WEEK + 24).take(36).for_each(|hour| *hour = 0);
        torn.iter_mut().skip(7 * WEEK + 100).take(4).for_each(|hour| *hour *= 20);
        let sum = |told: &Foretold| told.hours.iter().map(|(expected, ..)| expected).sum::<f64>();
        let (calm, torn) = (foretell(&calm).unwrap(), foretell(&torn).unwrap());
        assert!(torn.missing >= 30 && calm.missing == 0, "{}", torn.missing);
        assert!((sum(&torn) / sum(&calm) - 1.0).abs() < 0.25, "{} for {}", sum(&torn), sum(&calm));
    }

    #[test]
    fn too_little_is_told_plainly() {
        assert_eq!(foretell(&counts(10 * 24)).unwrap_err(), "there are 10 days of history; a forecast needs 21");
        assert_eq!(
            foretell(&[0; LEAST_HOURS]).unwrap_err(),
            "there are 0 queries in the history; a forecast needs 100"
        );
    }

    #[test]
    fn nights_without_a_query_are_no_gap() {
        let mut counts = counts(4 * WEEK);
        for (hour, count) in counts.iter_mut().enumerate() {
            if hour % 24 < 7 {
                *count = 0;
            }
        }
        assert!(without_gaps(&counts).iter().all(Option::is_some));
    }
}
