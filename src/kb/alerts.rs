//! Alerts: raised once, listed, and sent to the space's webhook until it has them.
//!
//! Invariant: an alert and its place among those to be delivered are one batch; it leaves that place only in the batch
//! that says it was delivered or given up. A receiver may get one twice, with the same id, and never too seldom.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde_json::json;

use super::models::Letter;
use super::{Admin, Analyst, Kb, Wish};
use crate::error::{Error, Result};
use crate::id::{AlertId, SpaceId};
use crate::model::account::Secret;
use crate::model::alert::{
    Alert, AlertRule, AlertSettings, Delivery, DeliveryState, MAX_ATTEMPTS, SPIKE_WEEKS, Waiting, Webhook, WebhookView,
    wait_after,
};
use crate::model::analytics::MAX_DAYS;
use crate::model::interaction::day_of;
use crate::model::page::Page;
use crate::store::AuditDraft;

const HOUR: i64 = 3_600;
/// Longest reason of a failure that is kept, in characters.
const MAX_REASON: usize = 300;
/// Longest address of a webhook, in bytes.
const MAX_URL: usize = 2_000;

impl Kb {
    /// The alerts of a period, the latest first; only those of a rule, where one is given.
    ///
    /// # Errors
    /// [`Error::InvalidQuery`] for a range that is none or a cursor that this list did not give; [`Error::Store`].
    pub fn list_alerts(
        &self,
        analyst: &Analyst,
        wish: Wish,
        rule: Option<AlertRule>,
        cursor: Option<&str>,
        now: Timestamp,
    ) -> Result<Page<Alert>> {
        let (space, period) = (&analyst.grant().space, wish.period(now, MAX_DAYS)?);
        let offset: usize = match cursor {
            None => 0,
            Some(text) => text.parse().map_err(|_| Error::query("cursor", "it is not one that this list gave"))?,
        };
        let until = midnight(period.to)?.checked_add(SignedDuration::from_hours(24)).unwrap_or(now);
        let mut items = Vec::new();
        let mut seen = 0;
        for id in self.inner.store.alerts_between(space, midnight(period.from)?, until)? {
            let alert = self.inner.store.alert(space, &id)?;
            let Some(alert) = alert.filter(|alert| rule.is_none_or(|rule| alert.rule == rule)) else { continue };
            seen += 1;
            if seen > offset + wish.limit {
                return Ok(Page { items, next_cursor: Some((offset + wish.limit).to_string()) });
            }
            if seen > offset {
                items.push(alert);
            }
        }
        Ok(Page { items, next_cursor: None })
    }

    /// Says where a space's alerts are sent, and makes the secret that they are signed with; an earlier one no longer counts.
    ///
    /// # Errors
    /// [`Error::SpaceNotFound`]; [`Error::InvalidRequest`] for an address that may not be sent to.
    pub fn set_webhook(&self, admin: &Admin, space: &SpaceId, url: String, now: Timestamp) -> Result<WebhookView> {
        self.space_settings(space)?;
        if url.len() > MAX_URL {
            return Err(Error::field("url", format!("it has at most {MAX_URL} bytes")));
        }
        self.inner.models.settings.outside.may_post(&url).map_err(|why| Error::field("url", why))?;
        // Hexadecimal digits are also those of base64, in which receivers read it.
        let secret = format!("whsec_{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
        let webhook = Webhook { url, secret: Secret::new(secret.clone()), created_at: now };
        self.write_webhook(admin, space, Some(&webhook), now)?;
        Ok(WebhookView { url: webhook.url, created_at: now, secret: Some(secret) })
    }

    /// Where a space's alerts are sent.
    ///
    /// # Errors
    /// [`Error::SpaceNotFound`]; [`Error::WebhookNotFound`] where they are sent nowhere.
    pub fn webhook(&self, _admin: &Admin, space: &SpaceId) -> Result<WebhookView> {
        self.space_settings(space)?;
        let webhook = self.inner.store.webhook(space)?.ok_or_else(|| Error::WebhookNotFound(space.clone()))?;
        Ok(WebhookView { url: webhook.url, created_at: webhook.created_at, secret: None })
    }

    /// Sends a space's alerts nowhere; those that wait are given up.
    ///
    /// # Errors
    /// As [`Kb::webhook`].
    pub fn remove_webhook(&self, admin: &Admin, space: &SpaceId, now: Timestamp) -> Result<()> {
        self.webhook(admin, space)?;
        self.write_webhook(admin, space, None, now)
    }

    fn write_webhook(&self, admin: &Admin, space: &SpaceId, hook: Option<&Webhook>, now: Timestamp) -> Result<()> {
        let store = &self.inner.store;
        let lock = store.lock(space);
        let mut batch = store.batch();
        match hook {
            Some(webhook) => batch.put_webhook(space, webhook),
            None => batch.remove_webhook(space),
        }
        batch.audit(AuditDraft {
            at: now,
            actor: admin.actor().to_owned(),
            action: if hook.is_some() { "webhook.set" } else { "webhook.remove" }.into(),
            space: Some(space.clone()),
            subject: space.to_string(),
            detail: json!({ "url": hook.map(|webhook| &webhook.url) }),
        });
        let ticket = store.commit(batch)?;
        drop(lock);
        store.sync(ticket)
    }

    /// Raises what the rules of every space say and was not raised yet.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub(crate) fn raise_alerts(&self, now: Timestamp) -> Result<()> {
        let spaces: Vec<SpaceId> = self.inner.spaces.read().keys().cloned().collect();
        for space in spaces {
            let rules = self.space_settings(&space)?.alerts;
            let found = self.found(&space, &rules, now)?;
            self.raise(&space, found, now)?;
        }
        Ok(())
    }

    /// What the rules of a space find now, raised before or not.
    fn found(&self, space: &SpaceId, rules: &AlertSettings, now: Timestamp) -> Result<Vec<Alert>> {
        let store = &self.inner.store;
        let mut found = Vec::new();
        let today = day_of(now);
        for day in today.yesterday().ok().into_iter().chain([today]) {
            if let Some(counts) = store.day(space, day)? {
                found.extend(Alert::of_day(space, rules, day, &counts, now));
            }
        }
        if rules.spikes {
            for back in [1, 0] {
                let hour = Timestamp::from_second((now.as_second().div_euclid(HOUR) - back) * HOUR).unwrap_or(now);
                found.extend(self.spike(space, hour, now)?);
            }
        }
        if let Some(above) = rules.gap_sessions_above {
            let waiting = store.gap_heads(space)?.into_iter().filter(|gap| gap.waits());
            found.extend(waiting.filter_map(|gap| Alert::of_gap(space, &gap.id, gap.sessions, above, now)));
        }
        Ok(found)
    }

    /// Whether an hour has far more queries than the same hour and weekday usually has. Days without any are not known.
    fn spike(&self, space: &SpaceId, hour: Timestamp, now: Timestamp) -> Result<Option<Alert>> {
        let (day, of_day) = (day_of(hour), hour.to_zoned(TimeZone::UTC).hour());
        let of_day = u8::try_from(of_day).unwrap_or_default();
        let queries = |day: Date| -> Result<Option<u64>> {
            let counts = self.inner.store.day(space, day)?;
            let counts = counts.filter(|counts| counts.demand() > 0);
            Ok(counts.map(|counts| counts.hours.get(&of_day).map_or(0, |hour| hour.queries)))
        };
        let Some(count) = queries(day)? else { return Ok(None) };
        let mut before = Vec::new();
        for week in 1..=SPIKE_WEEKS {
            if let Ok(day) = day.checked_sub((7 * week).days()) {
                before.extend(queries(day)?);
            }
        }
        Ok(Alert::of_hour(space, hour, count, &before, now))
    }

    fn raise(&self, space: &SpaceId, found: Vec<Alert>, now: Timestamp) -> Result<()> {
        if found.is_empty() {
            return Ok(());
        }
        let store = &self.inner.store;
        let lock = store.lock(space);
        let delivers = store.webhook(space)?.is_some();
        let mut batch = store.batch();
        for mut alert in found {
            if store.alert(space, &alert.id)?.is_some() {
                continue;
            }
            if delivers {
                let delivery = Delivery { state: DeliveryState::Pending, attempts: 0, last_at: None, last_error: None };
                alert.delivery = Some(delivery);
                batch.put_undelivered(space, &alert.id, &Waiting { next_at: now });
            }
            tracing::warn!(%space, alert = %alert.id, "{}", alert.message);
            batch.put_alert(&alert);
        }
        if batch.is_empty() {
            return Ok(());
        }
        let ticket = store.commit(batch)?;
        drop(lock);
        store.sync(ticket)
    }

    /// Sends one alert of each space that is due; says whether any was.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub(crate) fn deliver_alerts(&self, now: Timestamp) -> Result<bool> {
        let spaces: Vec<SpaceId> = self.inner.spaces.read().keys().cloned().collect();
        let mut any = false;
        for space in spaces {
            let waiting = self.inner.store.undelivered(&space)?;
            let due = waiting.into_iter().filter(|(_, waiting)| waiting.next_at <= now);
            let Some((id, _)) = due.min_by_key(|(_, waiting)| waiting.next_at) else { continue };
            if self.stopping() {
                return Ok(false);
            }
            self.deliver(&space, &id, now)?;
            any = true;
        }
        Ok(any)
    }

    fn deliver(&self, space: &SpaceId, id: &AlertId, now: Timestamp) -> Result<()> {
        let store = &self.inner.store;
        let (webhook, alert) = (store.webhook(space)?, store.alert(space, id)?);
        let sent = match (&webhook, &alert) {
            (Some(webhook), Some(alert)) => Some(self.send(webhook, alert, now)),
            _ => None,
        };
        let lock = store.lock(space);
        let mut batch = store.batch();
        let mut alert = store.alert(space, id)?;
        let attempts = alert.iter().filter_map(|alert| alert.delivery.as_ref()).map(|d| d.attempts).next().unwrap_or(0);
        let tried =
            Delivery { state: DeliveryState::Pending, attempts: attempts + 1, last_at: Some(now), last_error: None };
        let delivery = match sent {
            Some(Ok(())) => Delivery { state: DeliveryState::Delivered, ..tried },
            Some(Err(why)) => {
                let last_error = Some(why.chars().take(MAX_REASON).collect());
                let over = tried.attempts >= MAX_ATTEMPTS;
                let state = if over { DeliveryState::Failed } else { DeliveryState::Pending };
                Delivery { state, last_error, ..tried }
            }
            None => Delivery {
                state: DeliveryState::Failed,
                attempts,
                last_at: None,
                last_error: Some("the space has no webhook any more".into()),
            },
        };
        if delivery.state == DeliveryState::Pending {
            let wait = SignedDuration::from_secs(wait_after(delivery.attempts));
            let next_at = now.checked_add(wait).unwrap_or(now);
            batch.put_undelivered(space, id, &Waiting { next_at });
        } else {
            batch.remove_undelivered(space, id);
        }
        if let Some(alert) = &mut alert {
            alert.delivery = Some(delivery);
            batch.put_alert(alert);
        }
        let ticket = store.commit(batch)?;
        drop(lock);
        store.sync(ticket)
    }

    fn send(&self, webhook: &Webhook, alert: &Alert, now: Timestamp) -> std::result::Result<(), String> {
        // The same alert is the same body, however often it is sent.
        let told = Alert { delivery: None, ..alert.clone() };
        let body = json!({ "type": "zhiyin.alert", "timestamp": alert.raised_at, "data": told }).to_string();
        let letter = Letter {
            url: webhook.url.clone(),
            secret: webhook.secret.clone(),
            id: alert.id.to_string(),
            second: now.as_second(),
            body,
        };
        self.inner.models.settings.outside.post(&letter)
    }
}

fn midnight(day: Date) -> Result<Timestamp> {
    let at = day.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
    at.map_err(|why| Error::query("from", why.to_string()))
}
