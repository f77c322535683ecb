//! What would answering a gap be worth? Its impact, and the parts that it is made of.
//!
//! Invariant: computed from what is counted and the time alone: the same counts at the same moment give the same worth.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CauseKind;
use super::form::Tally;

/// Days after which an asking counts half: in the demand, and in the pace that the trend compares it with.
const SLOW_DAYS: f64 = 14.0;
const FAST_DAYS: f64 = 3.5;
/// Askings, as they count now, at which the demand is one half.
const HALF_DEMAND: f64 = 8.0;
/// Turns of agents at which the effort is one half.
const HALF_EFFORT: f64 = 3.0;
/// What each part gives of the impact; the effort only where conversations tell it.
const DEMAND: f64 = 0.6;
const FAILURE: f64 = 0.25;
const EFFORT: f64 = 0.15;
/// How far a trend lifts or lowers the demand.
const TREND: f64 = 0.25;
/// What is left of the impact of what is not ours to answer.
const OUT_OF_SCOPE: f64 = 0.1;

const SECONDS_A_DAY: f64 = 86_400.0;

/// Askings by distinct sources, each fading with its age, at two paces.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Heat {
    at: Option<Timestamp>,
    slow: f64,
    fast: f64,
}

fn faded(amount: f64, seconds: f64, half_life_days: f64) -> f64 {
    amount * (-seconds.max(0.0) / SECONDS_A_DAY / half_life_days).exp2()
}

impl Heat {
    /// Counts askings of a moment, which may lie before the latest one.
    pub fn add(&mut self, askings: u64, at: Timestamp) {
        let now = self.at.map_or(at, |known| known.max(at));
        *self = self.as_of(now);
        let age = seconds(at, now);
        self.slow += faded(askings as f64, age, SLOW_DAYS);
        self.fast += faded(askings as f64, age, FAST_DAYS);
    }

    /// What it has faded to.
    fn as_of(&self, now: Timestamp) -> Self {
        let age = self.at.map_or(0.0, |at| seconds(at, now));
        Self { at: Some(now), slow: faded(self.slow, age, SLOW_DAYS), fast: faded(self.fast, age, FAST_DAYS) }
    }

    /// Askings as they count at a moment.
    pub fn demand(&self, now: Timestamp) -> f64 {
        self.as_of(now).slow
    }

    /// From −1 (fading) to 1 (new): the pace of the last days against that of the last weeks.
    pub fn trend(&self, now: Timestamp) -> f64 {
        let Self { slow, fast, .. } = self.as_of(now);
        let (fast, slow) = (fast / FAST_DAYS, slow / SLOW_DAYS);
        if fast + slow > 0.0 { (fast - slow) / (fast + slow) } else { 0.0 }
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

/// What an impact is made of; every part is in [0, 1] unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Worth {
    /// Distinct sources that asked, each fading by half in 14 days: a count.
    pub askings: f64,
    /// `askings` against a fixed scale, lifted or lowered by the trend.
    pub demand: f64,
    /// The pace of the last days against the last weeks, −1 to 1.
    pub trend: f64,
    /// How badly it fails: how unsure the best hit was, and how often it ended in a hand-off or a low rating.
    pub failure: f64,
    /// Mean confidence of the best hit.
    pub confidence: f64,
    /// Share of the conversations it was asked in that a person had to take over; absent where there were none.
    pub handed_off: Option<f64>,
    /// Share of its askings that ended in a low rating.
    pub low_rated: f64,
    /// Work of agents that an answer would save, by their turns in those conversations; absent where there were none.
    pub effort: Option<f64>,
}

impl Worth {
    /// The worth of what was counted, at a moment.
    pub fn of(tally: &Tally, heat: &Heat, now: Timestamp) -> Self {
        let (askings, trend) = (heat.demand(now), heat.trend(now));
        let asked = tally.queries.max(1) as f64;
        let confidence = (tally.confidence / asked).clamp(0.0, 1.0);
        let of_talk = |count: u64| (tally.in_talk > 0).then(|| count as f64 / tally.in_talk as f64);
        let handed_off = of_talk(tally.handed_off).map(|share| share.min(1.0));
        let low_rated = (tally.low_rated as f64 / asked).min(1.0);
        let lifted = askings / (askings + HALF_DEMAND) * (1.0 + TREND * trend);
        Self {
            askings: rounded(askings),
            demand: rounded(lifted.clamp(0.0, 1.0)),
            trend: rounded(trend),
            // Any of them is a failure by itself.
            failure: rounded(1.0 - confidence * (1.0 - handed_off.unwrap_or(0.0)) * (1.0 - low_rated)),
            confidence: rounded(confidence),
            handed_off: handed_off.map(rounded),
            low_rated: rounded(low_rated),
            effort: of_talk(tally.agent_turns).map(|turns| rounded(turns / (turns + HALF_EFFORT))),
        }
    }

    /// One number in [0, 1] to order by.
    pub fn impact(&self, cause: Option<CauseKind>) -> f64 {
        let (mut sum, mut of) = (DEMAND * self.demand + FAILURE * self.failure * self.demand.sqrt(), DEMAND + FAILURE);
        if let Some(effort) = self.effort {
            sum += EFFORT * effort * self.demand.sqrt();
            of += EFFORT;
        }
        let impact = sum / of;
        rounded(if cause == Some(CauseKind::OutOfScope) { impact * OUT_OF_SCOPE } else { impact })
    }
}

/// To three digits, as figures of gaps are shown.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + day * 86_400).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn askings_fade_and_their_order_does_not_matter() {
        let (mut forwards, mut backwards) = (Heat::default(), Heat::default());
        for at in 0..20 {
            forwards.add(3, day(at));
            backwards.add(3, day(19 - at));
        }
        assert!((forwards.demand(day(19)) - backwards.demand(day(19))).abs() < 1e-9);
        assert!((forwards.demand(day(33)) * 2.0 - forwards.demand(day(19))).abs() < 1e-9);
        let mut new = Heat::default();
        new.add(30, day(19));
        assert!(new.trend(day(19)) > 0.5 && new.trend(day(60)) < -0.5, "{}", new.trend(day(19)));
    }

    #[test]
    fn more_demand_worse_failure_and_more_effort_are_worth_more() {
        let heat = |askings| {
            let mut heat = Heat::default();
            heat.add(askings, day(0));
            heat
        };
        let tally = |confidence: f64, handed_off, agent_turns| Tally {
            queries: 10,
            confidence: confidence * 10.0,
            in_talk: 10,
            handed_off,
            agent_turns,
            ..Tally::default()
        };
        let impact = |tally: Tally, askings| Worth::of(&tally, &heat(askings), day(0)).impact(None);
        let usual = impact(tally(0.3, 2, 20), 10);
        assert!(impact(tally(0.3, 2, 20), 20) > usual);
        assert!(impact(tally(0.1, 2, 20), 10) > usual);
        assert!(impact(tally(0.3, 8, 20), 10) > usual);
        assert!(impact(tally(0.3, 2, 60), 10) > usual);
        assert!((0.0..=1.0).contains(&impact(tally(0.0, 10, 9_000), 1_000_000)));
        let worth = Worth::of(&tally(0.3, 2, 20), &heat(10), day(0));
        assert!(worth.impact(Some(CauseKind::OutOfScope)) < 0.2 * usual);
    }
}
