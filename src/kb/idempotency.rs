//! Requests that are sent twice and must act once.
//!
//! Invariant: an answer is remembered for its key and its caller only; another caller's key is another key.

use jiff::{SignedDuration, Timestamp};

use super::{Caller, Kb, StoredResponse};
use crate::error::{Error, Result};
use crate::store::Idempotent;

/// How long an answer is remembered.
pub const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);

fn row(caller: &Caller, key: &str) -> String {
    let owner = caller.key.as_ref().map_or("public", |k| k.id.as_str());
    format!("{owner}\n{key}")
}

impl Kb {
    /// The answer that was given for this key of this caller within 24 hours.
    ///
    /// # Errors
    /// [`Error::IdempotencyConflict`] where the key belongs to another request.
    pub fn recall(
        &self,
        caller: &Caller,
        key: &str,
        fingerprint: &str,
        now: Timestamp,
    ) -> Result<Option<StoredResponse>> {
        let Some(known) = self.inner.store.get_idempotent(&row(caller, key))? else { return Ok(None) };
        if now.duration_since(known.at) > REMEMBERED {
            return Ok(None);
        }
        if known.fingerprint != fingerprint {
            return Err(Error::IdempotencyConflict(key.to_owned()));
        }
        Ok(Some(StoredResponse { status: known.status, headers: known.headers, body: known.body }))
    }

    /// Whether an answer is remembered for this key of this caller, to whichever request.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn remembers(&self, caller: &Caller, key: &str, now: Timestamp) -> Result<bool> {
        let known = self.inner.store.get_idempotent(&row(caller, key))?;
        Ok(known.is_some_and(|known| now.duration_since(known.at) <= REMEMBERED))
    }

    /// Remembers an answer, on disk before it returns.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn remember(
        &self,
        caller: &Caller,
        key: &str,
        fingerprint: &str,
        response: StoredResponse,
        now: Timestamp,
    ) -> Result<()> {
        let store = &self.inner.store;
        let mut batch = store.batch();
        let StoredResponse { status, headers, body } = response;
        let fingerprint = fingerprint.to_owned();
        batch.put_idempotent(&row(caller, key), &Idempotent { fingerprint, status, headers, body, at: now });
        let ticket = store.commit(batch)?;
        store.sync(ticket)
    }

    /// Removes answers that are remembered no longer.
    pub(crate) fn forget_idempotent(&self, now: Timestamp) -> Result<usize> {
        let before = now.checked_sub(REMEMBERED).unwrap_or(now);
        self.inner.store.sweep_idempotent(before)
    }
}
