//! What is stored of alerts: the alerts, those still to be delivered, and where to?
//!
//! Invariant: an alert stands under its own id, so that writing it again is writing the same row.

use jiff::Timestamp;

use super::keys::{Part, Table, parts};
use super::{Batch, Store, id_of};
use crate::error::{Error, Result};
use crate::id::{AlertId, SpaceId};
use crate::model::alert::{Alert, Waiting, Webhook};

fn of_alert(table: Table, space: &SpaceId, alert: &AlertId) -> Vec<u8> {
    table.key().id(space.as_str()).id(alert.as_str()).bytes()
}

impl Store {
    /// An alert by its id.
    ///
    /// # Errors
    /// `Store` when it cannot be read; so for every read below.
    pub fn alert(&self, space: &SpaceId, id: &AlertId) -> Result<Option<Alert>> {
        self.read(Table::Alert, &of_alert(Table::Alert, space, id))
    }

    /// Ids of the alerts that were raised with `from ≤ at < until`, the latest first.
    ///
    /// # Errors
    /// `Store`.
    pub fn alerts_between(&self, space: &SpaceId, from: Timestamp, until: Timestamp) -> Result<Vec<AlertId>> {
        let key = |at| Table::AlertByTime.key().id(space.as_str()).time(at).bytes();
        self.scan::<()>(Table::AlertByTime, key(from), key(until.max(from)))
            .rev()
            .map(|row| row.and_then(|(key, ())| last_id(&key)))
            .collect()
    }

    /// Alerts of a space that are still to be delivered.
    ///
    /// # Errors
    /// `Store`.
    pub fn undelivered(&self, space: &SpaceId) -> Result<Vec<(AlertId, Waiting)>> {
        let prefix = Table::Outbox.key().id(space.as_str());
        let rows = self.scan(Table::Outbox, prefix.clone().bytes(), prefix.end());
        rows.map(|row| row.and_then(|(key, waiting)| Ok((last_id(&key)?, waiting)))).collect()
    }

    /// Where a space's alerts are sent.
    ///
    /// # Errors
    /// `Store`.
    pub fn webhook(&self, space: &SpaceId) -> Result<Option<Webhook>> {
        self.read(Table::Webhook, &Table::Webhook.key().id(space.as_str()).bytes())
    }
}

impl Batch {
    /// Writes an alert, and the way to it by its time.
    pub fn put_alert(&mut self, alert: &Alert) {
        self.put(Table::Alert, of_alert(Table::Alert, &alert.space, &alert.id), alert);
        let by_time = Table::AlertByTime.key().id(alert.space.as_str()).time(alert.raised_at).id(alert.id.as_str());
        self.put(Table::AlertByTime, by_time.bytes(), &());
    }

    /// Says when an alert is to be delivered.
    pub fn put_undelivered(&mut self, space: &SpaceId, alert: &AlertId, waiting: &Waiting) {
        self.put(Table::Outbox, of_alert(Table::Outbox, space, alert), waiting);
    }

    /// An alert is no longer to be delivered.
    pub fn remove_undelivered(&mut self, space: &SpaceId, alert: &AlertId) {
        self.remove(of_alert(Table::Outbox, space, alert));
    }

    /// Says where a space's alerts are sent.
    pub fn put_webhook(&mut self, space: &SpaceId, webhook: &Webhook) {
        self.put(Table::Webhook, Table::Webhook.key().id(space.as_str()).bytes(), webhook);
    }

    /// A space's alerts are sent nowhere.
    pub fn remove_webhook(&mut self, space: &SpaceId) {
        self.remove(Table::Webhook.key().id(space.as_str()).bytes());
    }
}

fn last_id(key: &[u8]) -> Result<AlertId> {
    match parts(key)?.last() {
        Some(Part::Id(id)) => id_of(id),
        _ => Err(Error::Store(format!("a key is damaged: {}", key.escape_ascii()))),
    }
}
