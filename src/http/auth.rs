//! Who calls: the key in the request, its allowance and its web origins.
//!
//! Invariant: what a caller may do is decided by `kb` alone, through proofs; here it is only refused early.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use jiff::Timestamp;

use super::cors;
use super::error::Problem;
use super::route::Access;
use super::state::State;
use crate::error::Error;
use crate::kb::Caller;
use crate::model::account::Scope;

/// Finds out who calls, and takes one call from their allowance.
///
/// # Errors
/// `key_missing`, `key_invalid`, `forbidden` or `rate_limited`.
pub fn caller(state: &State, head: &HttpRequest, access: Access, now: Timestamp) -> Result<Caller, Problem> {
    if access == Access::Open {
        return Ok(Caller { key: None });
    }
    let secret = bearer(head.headers())?;
    let caller = match state.kb.caller(secret, now) {
        Ok(caller) => caller,
        Err(refused) => {
            // Guessing keys costs the guesser's address its allowance.
            state.rates.take_from_peer(peer(head))?;
            return Err(refused.into());
        }
    };
    match &caller.key {
        Some(key) => {
            state.rates.take(key, 1)?;
            cors::origin_may_use(head, key)?;
        }
        None => state.rates.take_from_peer(peer(head))?,
    }
    if let Access::Scope(scope) = access {
        early_refusal(state, &caller, scope)?;
    }
    Ok(caller)
}

/// Refuses before the body is read, where the scope alone decides; searching without a key depends on the space.
fn early_refusal(state: &State, caller: &Caller, scope: Scope) -> Result<(), Problem> {
    match (&caller.key, scope) {
        (None, Scope::Search) => Ok(()),
        (None, _) => Err(Error::KeyMissing.into()),
        (Some(_), scope) => Ok(state.kb.allows(caller, scope)?),
    }
}

fn peer(head: &HttpRequest) -> IpAddr {
    head.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip())
}

/// The secret of `Authorization: Bearer <secret>` (RFC 6750).
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(header) = headers.get(AUTHORIZATION) else {
        return Ok(None);
    };
    let text = header.to_str().unwrap_or_default();
    let secret = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    match secret.map(|(_, secret)| secret.trim()) {
        Some(secret) if !secret.is_empty() => Ok(Some(secret)),
        _ => Err(Error::KeyInvalid("the header must read 'Authorization: Bearer <key>'").into()),
    }
}
