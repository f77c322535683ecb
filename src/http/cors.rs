//! Which web pages may call from a browser (the Fetch standard's CORS protocol).
//!
//! Invariant: an origin is let in only by a key that lists it; cookies and other credentials never are.

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap, HeaderName, ORIGIN};
use actix_web::http::{Method, StatusCode};
use jiff::Timestamp;

use super::call::{Outcome, Reply};
use super::error::Problem;
use super::state::State;
use crate::error::Error;
use crate::kb::Caller;
use crate::model::account::Key;

/// Response headers a page may read.
const EXPOSED: &str = "ETag, Location, Retry-After, X-Request-Id, Idempotent-Replayed, X-Searchable";
/// Request headers a page may send.
const ALLOWED_HEADERS: &str = "Authorization, Content-Type, If-Match, Idempotency-Key, X-Request-Id";
/// Methods a page may use.
const ALLOWED_METHODS: &str = "GET, POST, PUT, PATCH, DELETE";
/// Seconds a browser may remember a preflight's answer.
const MAX_AGE: &str = "600";

fn origin(headers: &HeaderMap) -> Option<&str> {
    headers.get(ORIGIN).map(|value| value.to_str().unwrap_or("?"))
}

fn is_same_origin(head: &HttpRequest, origin: &str) -> bool {
    let host = head.headers().get(header::HOST).and_then(|h| h.to_str().ok());
    host.is_some() && origin.split_once("://").map(|(_, rest)| rest) == host
}

fn lists(key: &Key, origin: &str) -> bool {
    key.allowed_origins.iter().any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(origin))
}

/// Refuses a page of another site that the key does not list.
///
/// # Errors
/// `forbidden`.
pub fn origin_may_use(head: &HttpRequest, key: &Key) -> Result<(), Problem> {
    match origin(head.headers()) {
        Some(origin) if !is_same_origin(head, origin) && !lists(key, origin) => {
            Err(Error::Forbidden(format!("it may not be used by pages of {origin}")).into())
        }
        _ => Ok(()),
    }
}

/// The headers that let the page read the answer, where the caller's key lists its origin.
pub fn headers(head: &HttpRequest, caller: Option<&Caller>) -> Vec<(HeaderName, String)> {
    let key = caller.and_then(|c| c.key.as_ref());
    match (origin(head.headers()), key) {
        (Some(origin), Some(key)) if lists(key, origin) => vec![
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.to_owned()),
            (header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED.to_owned()),
            (header::VARY, "Origin".to_owned()),
        ],
        _ => Vec::new(),
    }
}

/// Whether the request is a preflight.
pub fn is_preflight(head: &HttpRequest) -> bool {
    head.method() == Method::OPTIONS
        && head.headers().contains_key(ORIGIN)
        && head.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Answers a preflight.
///
/// # Errors
/// `forbidden` when no valid key lists the origin.
pub fn preflight(state: &State, head: &HttpRequest, now: Timestamp) -> Outcome {
    let origin = origin(head.headers()).unwrap_or_default();
    if !state.kb.origin_allowed(origin, now) {
        return Err(Error::Forbidden(format!("no API key may be used by pages of {origin}")).into());
    }
    Ok(Reply::empty(StatusCode::NO_CONTENT)
        .with(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin)
        .with(header::ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS)
        .with(header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS)
        .with(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE)
        .with(header::VARY, "Origin"))
}
