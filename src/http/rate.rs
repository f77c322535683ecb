//! How often a key, or a peer without one, may call.
//!
//! Invariant: a key's allowance is its own; a busy key takes nothing from another.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use parking_lot::RwLock;

use crate::error::Error;
use crate::id::KeyId;
use crate::model::account::Key;

/// After so many checks of peers, those that have been quiet are forgotten.
const SWEEP_EVERY: u32 = 4_096;

struct OfKey {
    rate: u32,
    limiter: Arc<DefaultDirectRateLimiter>,
}

/// The allowances of all callers (generic cell rate algorithm).
pub struct Rates {
    default: u32,
    keys: RwLock<HashMap<KeyId, OfKey>>,
    peers: DefaultKeyedRateLimiter<IpAddr>,
    checks: AtomicU32,
    clock: DefaultClock,
}

fn quota(per_second: u32) -> Quota {
    Quota::per_second(NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN))
}

impl Rates {
    /// Allowances: `key_rate` a second for keys without one of their own, `public_rate` for peers without a key.
    pub fn new(key_rate: u32, public_rate: u32) -> Self {
        Self {
            default: key_rate,
            keys: RwLock::default(),
            peers: RateLimiter::hashmap(quota(public_rate)),
            checks: AtomicU32::new(0),
            clock: DefaultClock::default(),
        }
    }

    /// Takes `calls` from the key's allowance; a batch larger than a second's worth takes a second's worth.
    ///
    /// # Errors
    /// [`Error::RateLimited`] with the seconds to wait.
    pub fn take(&self, key: &Key, calls: u32) -> Result<(), Error> {
        let rate = key.rate_limit.unwrap_or(self.default).max(1);
        let limiter = self.limiter(&key.id, rate);
        let calls = NonZeroU32::new(calls.clamp(1, rate)).unwrap_or(NonZeroU32::MIN);
        match limiter.check_n(calls) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(until)) => Err(limited(until.wait_time_from(self.clock.now()))),
            Err(_) => Err(Error::RateLimited { retry_after_s: 1 }),
        }
    }

    fn limiter(&self, id: &KeyId, rate: u32) -> Arc<DefaultDirectRateLimiter> {
        if let Some(known) = self.keys.read().get(id).filter(|known| known.rate == rate) {
            return Arc::clone(&known.limiter);
        }
        let mut keys = self.keys.write();
        let entry = keys.entry(id.clone()).or_insert_with(|| OfKey::new(rate));
        if entry.rate != rate {
            *entry = OfKey::new(rate);
        }
        Arc::clone(&entry.limiter)
    }

    /// Takes one call from a peer's allowance.
    ///
    /// # Errors
    /// [`Error::RateLimited`] with the seconds to wait.
    pub fn take_from_peer(&self, peer: IpAddr) -> Result<(), Error> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.peers.retain_recent();
        }
        self.peers.check_key(&peer).map_err(|until| limited(until.wait_time_from(self.clock.now())))
    }
}

impl OfKey {
    fn new(rate: u32) -> Self {
        Self { rate, limiter: Arc::new(RateLimiter::direct(quota(rate))) }
    }
}

fn limited(wait: std::time::Duration) -> Error {
    Error::RateLimited { retry_after_s: wait.as_secs() + u64::from(wait.subsec_nanos() > 0) }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn key(id: &str, rate_limit: Option<u32>) -> Key {
        Key {
            id: id.parse().unwrap(),
            name: "k".parse().unwrap(),
            hash: String::new(),
            scopes: vec![],
            spaces: vec![],
            audiences: vec![],
            allowed_origins: vec![],
            rate_limit,
            expires_at: None,
            created_at: Timestamp::UNIX_EPOCH,
            revoked_at: None,
        }
    }

    #[test]
    fn a_key_uses_up_its_own_allowance_only() {
        let rates = Rates::new(5, 1);
        let (own, default) = (key("a", Some(2)), key("b", None));
        assert!(rates.take(&own, 1).is_ok() && rates.take(&own, 1).is_ok());
        assert!(matches!(rates.take(&own, 1), Err(Error::RateLimited { retry_after_s: 1 })));
        assert!(rates.take(&default, 1_000).is_ok(), "a large batch takes what there is");
        assert!(rates.take(&default, 1).is_err());
    }

    #[test]
    fn peers_are_told_apart() {
        let rates = Rates::new(5, 1);
        let (one, two) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        assert!(rates.take_from_peer(one).is_ok());
        assert!(rates.take_from_peer(one).is_err());
        assert!(rates.take_from_peer(two).is_ok());
    }
}
