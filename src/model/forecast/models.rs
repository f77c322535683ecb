//! Ways to continue a series of hours.
//!
//! Invariant: each sees the past only, and gives a count of zero or more for every hour.

use schemars::JsonSchema;
use serde::Serialize;

use super::{HORIZON, WEEK, median};

/// How a forecast is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ForecastModel {
    /// The week before comes again.
    LastWeek,
    /// The usual course of a week, at the level of the last days.
    WeeklyCourse,
    /// The same, and the level goes on as it went, less and less.
    WeeklyCourseWithTrend,
}

/// The models, by their numbers in a back-test.
pub(super) const MODELS: [ForecastModel; 3] =
    [ForecastModel::LastWeek, ForecastModel::WeeklyCourse, ForecastModel::WeeklyCourseWithTrend];
/// Number of the one that others must beat.
pub(super) const NAIVE: usize = 0;
/// Number of the one that is taken while nothing is known.
pub(super) const SAFE: usize = 1;

/// Weeks that the usual course is learned from.
const WEEKS: usize = 8;
/// Weeks from which on the highest and the lowest one are left out for each hour.
const TRIMMED_FROM: usize = 5;
/// Weeks that the smooth course (this day of the week, this hour of the day) counts as.
const SMOOTH: f64 = 2.0;
/// Days that level and trend are learned from, and how much a day counts for the level beside the next one.
const DAYS: usize = 28;
const FADES: f64 = 0.8;
/// How much of a day's trend is left on the next day.
const DAMPED: f64 = 0.85;
/// Furthest that a day's level may lie from the median one, as a factor.
const FURTHEST: f64 = 2.0;

/// The [`HORIZON`] hours behind a past, whose unknown hours are left out.
pub(super) fn forecast(model: ForecastModel, past: &[Option<f64>]) -> Vec<f64> {
    match model {
        ForecastModel::LastWeek => last_week(past),
        ForecastModel::WeeklyCourse => course(past, false),
        ForecastModel::WeeklyCourseWithTrend => course(past, true),
    }
}

fn last_week(past: &[Option<f64>]) -> Vec<f64> {
    let known = |ahead: usize| {
        let back = (1..).map(|weeks| (past.len() + ahead).checked_sub(weeks * WEEK));
        back.map_while(|hour| hour).find_map(|hour| past.get(hour).copied().flatten())
    };
    (0..HORIZON).map(|ahead| known(ahead).unwrap_or_default()).collect()
}

/// The mean without the highest and the lowest value, where there are enough.
fn trimmed(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let kept = if values.len() >= TRIMMED_FROM { values.get(1..values.len() - 1)? } else { values };
    (!kept.is_empty()).then(|| kept.iter().sum::<f64>() / kept.len() as f64)
}

/// Hour of the week of each hour of the last weeks, counted so that the first hour ahead is 0, with its value.
fn weeks(past: &[Option<f64>]) -> impl Iterator<Item = (usize, usize, f64)> + '_ {
    let back = (1..=WEEKS * WEEK).map_while(|back| past.len().checked_sub(back).map(|hour| (back, hour)));
    back.filter_map(|(back, hour)| {
        let value = past.get(hour).copied().flatten()?;
        let week = (back - 1) / WEEK;
        Some((week, week * WEEK + WEEK - back, value))
    })
}

/// The usual course of a week: a factor by hour, with mean 1 as far as hours are known.
fn usual(past: &[Option<f64>]) -> Vec<f64> {
    let by_hour = |level: &dyn Fn(usize) -> f64| -> (Vec<f64>, Vec<usize>) {
        let mut values: Vec<Vec<f64>> = vec![Vec::new(); WEEK];
        for (week, hour, value) in weeks(past) {
            if let Some(values) = values.get_mut(hour) {
                values.push(value / level(week));
            }
        }
        let counts = values.iter().map(Vec::len).collect();
        (values.iter_mut().map(|values| trimmed(values).unwrap_or_default()).collect(), counts)
    };
    let (first, _) = by_hour(&|_| 1.0);
    // A week's level is what came as a multiple of what usually comes in those of its hours that are known.
    let mut sums = [(0.0, 0.0); WEEKS];
    for (week, hour, value) in weeks(past) {
        if let (Some((came, usual)), Some(expected)) = (sums.get_mut(week), first.get(hour)) {
            *came += value;
            *usual += expected;
        }
    }
    let level = |week: usize| match sums.get(week) {
        Some((came, usual)) if *came > 0.0 && *usual > 0.0 => came / usual,
        _ => 1.0,
    };
    let (raw, counts) = by_hour(&level);
    smooth(&raw, &counts)
}

/// Draws each hour towards what its day of the week and its hour of the day alone would say.
fn smooth(raw: &[f64], counts: &[usize]) -> Vec<f64> {
    let mean = raw.iter().sum::<f64>() / WEEK as f64;
    if mean <= 0.0 {
        return vec![0.0; WEEK];
    }
    let of_day = |day: usize| raw.iter().skip(day * 24).take(24).sum::<f64>() / 24.0;
    let of_hour = |hour: usize| raw.iter().skip(hour).step_by(24).sum::<f64>() / 7.0;
    let blend = |(hour, (value, count)): (usize, (&f64, &usize))| {
        let plain = of_day(hour / 24) * of_hour(hour % 24) / mean;
        let weight = *count as f64;
        (weight * value + SMOOTH * plain) / (weight + SMOOTH) / mean
    };
    raw.iter().zip(counts).enumerate().map(blend).collect()
}

fn course(past: &[Option<f64>], with_trend: bool) -> Vec<f64> {
    let usual = usual(past);
    let levels = levels(past, &usual);
    let middle = median(levels.iter().copied());
    let (mut sum, mut weights, mut weight) = (0.0, 0.0, 1.0);
    for level in &levels {
        sum += weight * level.clamp(middle / FURTHEST, middle * FURTHEST);
        weights += weight;
        weight *= FADES;
    }
    let level = if weights > 0.0 { sum / weights } else { 0.0 };
    let slope = if with_trend { slope(&levels) } else { 0.0 };
    let of_hour = |ahead: usize| {
        // The level stands for a moment some days back; the trend goes on from there, less day by day.
        let days = 1.0 / (1.0 - FADES) + ahead as f64 / 24.0;
        let gone = (1.0 - DAMPED.powf(days)) / (1.0 - DAMPED);
        (level + slope * gone).max(0.0) * usual.get(ahead % WEEK).copied().unwrap_or_default()
    };
    (0..HORIZON).map(of_hour).collect()
}

/// The levels of the last days, the latest first: what came by what the course of a week would have it.
fn levels(past: &[Option<f64>], usual: &[f64]) -> Vec<f64> {
    let day = |day: usize| {
        let (mut came, mut expected) = (0.0, 0.0);
        for back in day * 24 + 1..=day * 24 + 24 {
            let hour = past.len().checked_sub(back)?;
            let Some(value) = past.get(hour).copied().flatten() else { continue };
            came += value;
            expected += usual.get((WEEKS * WEEK - back) % WEEK).copied().unwrap_or_default();
        }
        Some((expected > 0.0).then(|| came / expected))
    };
    (0..DAYS).map_while(day).flatten().collect()
}

/// The median of the slopes between all pairs of days (P. K. Sen, 1968), as change a day.
fn slope(levels: &[f64]) -> f64 {
    let pairs = levels.iter().enumerate().flat_map(|(later, new)| {
        let older = levels.iter().enumerate().skip(later + 1);
        older.map(move |(earlier, old)| (new - old) / (earlier - later) as f64)
    });
    median(pairs)
}
