//! When is a figure bad enough to tell somebody, and what is told?
//!
//! Invariant: an alert is named by its rule, its subject and its window, so that the same one is raised once however
//! often it is looked for; a webhook's secret is printed nowhere.

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use super::account::Secret;
use super::analytics::{four_decimals, share};
use super::interaction::DayCounts;
use crate::id::{AlertId, GapId, SpaceId};

/// Weeks that an hour is held against, and how many of them must be known.
pub const SPIKE_WEEKS: i64 = 8;
const LEAST_WEEKS: usize = 4;
/// Queries of an hour below which it is no spike.
const LEAST_SPIKE: f64 = 20.0;
/// Robust deviations from the median, and multiples of it, that make a spike.
const SPIKE_DEVIATIONS: f64 = 5.0;
const SPIKE_MULTIPLE: f64 = 2.0;
/// From the median of absolute deviations to the standard deviation, where values are normally distributed.
const MAD_TO_DEVIATION: f64 = 1.4826;
/// Ratings that a day must have.
const LEAST_RATINGS: u64 = 5;

/// Which figures of a space raise alerts. Rates are looked at for the running day and the one before, in UTC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AlertSettings {
    /// The share of the day's questions that is answered falls below; off unless given.
    pub answer_rate_below: Option<f64>,
    /// The day's hand-off rate rises above; off unless given.
    pub handoff_rate_above: Option<f64>,
    /// The day's mean satisfaction, of conversations and answers, falls below; 1 to 5; off unless given.
    pub csat_below: Option<f64>,
    /// An open gap was asked for by more sessions; off unless given.
    pub gap_sessions_above: Option<u64>,
    /// An hour has far more queries than the same hour and weekday of the weeks before.
    pub spikes: bool,
    /// Questions (or conversations and answers) that a day must have before its rates count.
    pub min_queries: u64,
}

impl Default for AlertSettings {
    fn default() -> Self {
        Self {
            answer_rate_below: None,
            handoff_rate_above: None,
            csat_below: None,
            gap_sessions_above: None,
            spikes: true,
            min_queries: 50,
        }
    }
}

impl AlertSettings {
    /// What is wrong with them: the field and why.
    pub fn fault(&self) -> Option<(&'static str, &'static str)> {
        let share = |value: Option<f64>| value.is_some_and(|value| !(0.0..=1.0).contains(&value));
        if share(self.answer_rate_below) {
            return Some(("settings.alerts.answer_rate_below", "it is a share from 0 to 1"));
        }
        if share(self.handoff_rate_above) {
            return Some(("settings.alerts.handoff_rate_above", "it is a share from 0 to 1"));
        }
        if self.csat_below.is_some_and(|value| !(1.0..=5.0).contains(&value)) {
            return Some(("settings.alerts.csat_below", "it is from 1 to 5"));
        }
        None
    }
}

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertRule {
    /// Too little is answered.
    AnswerRate,
    /// Too much is handed off.
    HandoffRate,
    /// Customers are not satisfied.
    Csat,
    /// Many ask what nothing answers.
    GapSessions,
    /// Far more is asked than usual.
    Spike,
}

impl AlertRule {
    /// The name as callers see it.
    pub fn as_str(self) -> &'static str {
        match self {
            AlertRule::AnswerRate => "answer_rate",
            AlertRule::HandoffRate => "handoff_rate",
            AlertRule::Csat => "csat",
            AlertRule::GapSessions => "gap_sessions",
            AlertRule::Spike => "spike",
        }
    }
}

/// How far the delivery of an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is tried, again and again, less and less often.
    Pending,
    /// The receiver said that it has it.
    Delivered,
    /// It was given up.
    Failed,
}

/// The delivery of an alert to the space's webhook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Delivery {
    /// How far it is.
    pub state: DeliveryState,
    /// Tries so far.
    pub attempts: u32,
    /// The latest try.
    pub last_at: Option<Timestamp>,
    /// Why it failed.
    pub last_error: Option<String>,
}

/// A figure that was bad enough.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Alert {
    /// Id: the same rule, subject and window always have the same one. Receivers drop what they have seen by it.
    pub id: AlertId,
    /// Space.
    pub space: SpaceId,
    /// Rule.
    pub rule: AlertRule,
    /// When it was raised.
    pub raised_at: Timestamp,
    /// What happened, for people.
    pub message: String,
    /// Beginning of the window, in words: a day, an hour, or the gap's first question.
    pub window: String,
    /// The figure, when the alert was raised.
    pub value: f64,
    /// What it was held against.
    pub threshold: f64,
    /// Of how many queries (or ratings, or sessions) it was made.
    pub count: u64,
    /// The gap concerned.
    pub gap_id: Option<GapId>,
    /// Delivery to the webhook; absent where the space had none.
    pub delivery: Option<Delivery>,
}

impl Alert {
    fn new(space: &SpaceId, rule: AlertRule, subject: &str, window: String, now: Timestamp) -> Self {
        Self {
            id: AlertId::of(space, rule.as_str(), subject, &window),
            space: space.clone(),
            rule,
            raised_at: now,
            message: String::new(),
            window,
            value: 0.0,
            threshold: 0.0,
            count: 0,
            gap_id: None,
            delivery: None,
        }
    }

    /// What a day's figures raise.
    pub fn of_day(space: &SpaceId, rules: &AlertSettings, day: Date, counts: &DayCounts, now: Timestamp) -> Vec<Alert> {
        let mut raised = Vec::new();
        let mut raise = |rule: AlertRule, value: Option<f64>, bar: Option<f64>, below: bool, count: u64, what: &str| {
            let (Some(value), Some(threshold)) = (value, bar) else { return };
            if (below && value < threshold) || (!below && value > threshold) {
                let side = if below { "below" } else { "above" };
                let message = format!("{what} of {day} is {value}, {side} {threshold} (of {count})");
                let alert = Alert::new(space, rule, "", day.to_string(), now);
                raised.push(Alert { message, value, threshold, count, ..alert });
            }
        };
        let enough = |count: u64| count >= rules.min_queries.max(1);
        let demand = counts.demand();
        let rate = share(counts.answered(), demand).filter(|_| enough(demand));
        raise(AlertRule::AnswerRate, rate, rules.answer_rate_below, true, demand, "the answer rate");
        let served = counts.conversations + counts.live.answers;
        let rate = share(counts.handed_off + counts.live.handoffs, served).filter(|_| enough(served));
        raise(AlertRule::HandoffRate, rate, rules.handoff_rate_above, false, served, "the hand-off rate");
        let ratings = counts.csat_count + counts.feedback.csat_count;
        let mean = share(counts.csat_sum + counts.feedback.csat_sum, ratings).filter(|_| ratings >= LEAST_RATINGS);
        raise(AlertRule::Csat, mean, rules.csat_below, true, ratings, "the satisfaction");
        raised
    }

    /// What an hour's volume raises, held against the same hour of the weeks before.
    pub fn of_hour(space: &SpaceId, hour: Timestamp, queries: u64, before: &[u64], now: Timestamp) -> Option<Alert> {
        let bar = spike_bar(before)?;
        if (queries as f64) <= bar {
            return None;
        }
        let usual = median(before.iter().map(|count| *count as f64).collect());
        let message =
            format!("{queries} queries came in the hour from {hour}; usual at this hour and weekday are {usual}");
        let alert = Alert::new(space, AlertRule::Spike, "", hour.to_string(), now);
        Some(Alert { message, value: queries as f64, threshold: four_decimals(bar), count: queries, ..alert })
    }

    /// What a gap raises that so many sessions asked for.
    pub fn of_gap(space: &SpaceId, gap: &GapId, sessions: u64, above: u64, now: Timestamp) -> Option<Alert> {
        (sessions > above).then(|| {
            let message = format!("{sessions} sessions asked what nothing answers: gap {gap}");
            let alert = Alert::new(space, AlertRule::GapSessions, gap.as_str(), format!("above {above}"), now);
            let (value, threshold) = (sessions as f64, above as f64);
            Alert { message, value, threshold, count: sessions, gap_id: Some(gap.clone()), ..alert }
        })
    }
}

/// Above how many queries an hour is a spike, by the same hour of the weeks before; nothing where too few are known.
///
/// The median and the median absolute deviation, so that a spike among those weeks moves the bar little (F. R. Hampel, The
/// influence curve and its role in robust estimation, 1974); a count scatters at least by its root.
pub fn spike_bar(before: &[u64]) -> Option<f64> {
    if before.len() < LEAST_WEEKS {
        return None;
    }
    let counts: Vec<f64> = before.iter().map(|count| *count as f64).collect();
    let middle = median(counts.clone());
    let mad = median(counts.iter().map(|count| (count - middle).abs()).collect());
    let deviation = (MAD_TO_DEVIATION * mad).max(middle.sqrt()).max(1.0);
    Some((middle + SPIKE_DEVIATIONS * deviation).max(SPIKE_MULTIPLE * middle).max(LEAST_SPIKE))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    let at = |place: usize| values.get(place).copied().unwrap_or_default();
    if values.len() % 2 == 1 { at(half) } else { (at(half.saturating_sub(1)) + at(half)) / 2.0 }
}

/// Where a space's alerts are sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Webhook {
    /// Address.
    pub url: String,
    /// What requests are signed with.
    #[serde(serialize_with = "in_the_store")]
    pub secret: Secret,
    /// Since when.
    pub created_at: Timestamp,
}

/// The store alone is given the secret.
fn in_the_store<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

/// A space's webhook as callers see it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct WebhookView {
    /// Address.
    pub url: String,
    /// Since when.
    pub created_at: Timestamp,
    /// What requests are signed with (Standard Webhooks, `v1`): shown once, in the answer that sets the webhook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// When an alert is to be delivered next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    /// Not before.
    pub next_at: Timestamp,
}

/// Tries after which a delivery is given up: some twelve hours.
pub const MAX_ATTEMPTS: u32 = 24;
/// Longest wait between two tries, in seconds.
const LONGEST_WAIT: i64 = 3_600;

/// Seconds to wait after so many failed tries: one, two, four … up to an hour.
pub fn wait_after(attempts: u32) -> i64 {
    1_i64.checked_shl(attempts.saturating_sub(1).min(40)).unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn space() -> SpaceId {
        SpaceId::default_space()
    }

    #[test]
    fn a_spike_is_far_above_the_same_hour_of_other_weeks() {
        let now = Timestamp::UNIX_EPOCH;
        let raised = |queries, before: &[u64]| Alert::of_hour(&space(), now, queries, before, now).is_some();
        assert!(raised(100, &[30, 34, 28, 31, 33]));
        assert!(!raised(55, &[30, 34, 28, 31, 33]), "busy, and within five deviations");
        assert!(!raised(100, &[30, 34, 28]), "three weeks say too little");
        assert!(!raised(19, &[0, 0, 0, 0]) && raised(21, &[0, 0, 0, 0]));
        assert!(raised(100, &[30, 900, 28, 31, 33, 29]), "a spike among them moves the bar little");
        assert!(!raised(600, &[100, 500, 50, 900, 300, 20]), "an hour that is always different");
    }

    #[test]
    fn a_day_raises_what_its_rules_say_and_is_named_by_them() {
        let day: Date = "2026-11-21".parse().unwrap();
        let rules = AlertSettings {
            answer_rate_below: Some(0.6),
            handoff_rate_above: Some(0.3),
            csat_below: Some(3.5),
            ..AlertSettings::default()
        };
        let mut counts =
            DayCounts { matched: 20, unmatched: 30, conversations: 60, handed_off: 30, ..Default::default() };
        (counts.csat_count, counts.csat_sum) = (5, 10);
        let (early, late) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(86_399).unwrap());
        let raised = Alert::of_day(&space(), &rules, day, &counts, early);
        let names: Vec<(AlertRule, f64)> = raised.iter().map(|alert| (alert.rule, alert.value)).collect();
        assert_eq!(names, [(AlertRule::AnswerRate, 0.4), (AlertRule::HandoffRate, 0.5), (AlertRule::Csat, 2.0)]);
        counts.unmatched += 20;
        let again = Alert::of_day(&space(), &rules, day, &counts, late);
        let ids = |alerts: &[Alert]| alerts.iter().map(|alert| alert.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&raised), ids(&again), "the same day's");
        assert_ne!(ids(&raised), ids(&Alert::of_day(&space(), &rules, day.tomorrow().unwrap(), &counts, late)));
        assert!(Alert::of_day(&space(), &AlertSettings::default(), day, &counts, late).is_empty(), "off unless set");
        let few = DayCounts { unmatched: 49, ..Default::default() };
        assert!(Alert::of_day(&space(), &rules, day, &few, late).is_empty());
    }

    #[test]
    fn waits_grow_to_an_hour() {
        assert_eq!([1, 2, 3, 12, 13, 24].map(wait_after), [1, 2, 4, 2_048, 3_600, 3_600]);
    }

    #[test]
    fn a_secret_is_in_the_store_and_not_in_print() {
        let secret = Secret::new("whsec_0123".into());
        let webhook = Webhook { url: "https://x".into(), secret, created_at: Timestamp::UNIX_EPOCH };
        assert!(!format!("{webhook:?}").contains("0123"));
        let stored = serde_json::to_string(&webhook).unwrap();
        assert_eq!(serde_json::from_str::<Webhook>(&stored).unwrap(), webhook);
    }
}
