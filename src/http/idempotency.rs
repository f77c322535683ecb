//! How a repeated POST is done once: the first answer is kept for 24 h and given again.
//!
//! Invariant: of twin requests with one key, one runs; the other waits for it and gets its answer.
//! Only success is kept: a refused request changed nothing, and may be sent again corrected. A body that streams is hashed
//! as it passes; that of a repeat is read to its end before it is answered, to see that it is the same.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use parking_lot::Mutex;

use super::call::{Call, Incoming, Outcome, Outgoing, Reply};
use super::error::Problem;
use super::payload::Digest;
use super::route::{Replay, Route};
use crate::error::Error;
use crate::kb::StoredResponse;

/// Marks an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Longest key, in characters.
pub const MAX_KEY: usize = 255;

type Turn = Arc<tokio::sync::Mutex<()>>;

/// Requests with a key that are being worked on.
#[derive(Default)]
pub struct InProgress(Mutex<HashMap<(String, String), Turn>>);

impl InProgress {
    fn turn(&self, caller: &str, key: &str) -> Turn {
        let mut all = self.0.lock();
        // Turns that nobody holds are over.
        all.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(all.entry((caller.to_owned(), key.to_owned())).or_default())
    }
}

/// The request's key, where its route heeds one.
///
/// # Errors
/// `invalid_query` when it is too long or not visible ASCII.
pub fn key(route: &Route, headers: &HeaderMap) -> Result<Option<String>, Problem> {
    if route.method != Method::POST || route.replay == Replay::Never {
        return Ok(None);
    }
    let Some(header) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let text = header.to_str().unwrap_or_default();
    if text.is_empty() || text.len() > MAX_KEY || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Error::query("Idempotency-Key", format!("must be 1 to {MAX_KEY} visible ASCII characters")).into());
    }
    Ok(Some(text.to_owned()))
}

/// Answers from what is kept, or does the work and keeps its answer.
///
/// Runs as a task of its own, so that a caller who hangs up in between cannot part the work from its record.
///
/// # Errors
/// `idempotency_conflict` when the key was used for another request; whatever the work itself fails with.
pub async fn once(route: Arc<Route>, key: String, call: Call) -> Outcome {
    let state = Arc::clone(&call.state);
    let caller = call.caller.clone();
    let now = call.now;
    let owner = caller.key.as_ref().map(|k| k.id.to_string()).unwrap_or_default();
    let turn = state.in_progress.turn(&owner, &key);
    let _mine = turn.lock().await;

    let digest = begun(call.head.method().as_str(), &call.head.uri().to_string());
    let known = {
        let (kb, caller, key) = (state.kb.clone(), caller.clone(), key.clone());
        state.writes.run(move || kb.remembers(&caller, &key, now)).await?
    };
    let mut call = call;
    match &mut call.body {
        Incoming::Whole(body) => drop(digest.lock().update(body)),
        Incoming::Stream(payload) => {
            payload.digested(Digest::clone(&digest));
            // Whether it is the same request shows at its end; of a new one the work reads it.
            while known && payload.next().await?.is_some() {}
        }
    }
    if known {
        let (kb, caller, key, fingerprint) = (state.kb.clone(), caller.clone(), key.clone(), fingerprint(&digest));
        if let Some(stored) = state.writes.run(move || kb.recall(&caller, &key, &fingerprint, now)).await? {
            return Ok(replay(stored));
        }
        return Err(Problem::internal("a kept answer is gone before its repeat was answered"));
    }
    let reply = (route.handler)(call).await?;
    let fingerprint = fingerprint(&digest);
    let mask = |text: &str| state.kb.mask_strictly(text);
    let Some(stored) = keep(&route, &reply, &mask) else {
        return Ok(reply);
    };
    let kb = state.kb.clone();
    let kept = state.writes.run(move || kb.remember(&caller, &key, &fingerprint, stored, now)).await;
    if let Err(problem) = kept {
        // The work is done and acknowledged; failing now would invite a repeat that does it twice.
        tracing::error!(code = problem.code.as_str(), cause = ?problem.cause, "an answer could not be kept for its Idempotency-Key");
    }
    Ok(reply)
}

/// What makes two requests the same, so far: method and path with query; the body follows.
fn begun(method: &str, uri: &str) -> Digest {
    let digest = Digest::default();
    digest.lock().update(format!("{method}\0{uri}\0").as_bytes());
    digest
}

fn fingerprint(digest: &Digest) -> String {
    digest.lock().finalize().to_hex().to_string()
}

/// Masks a text.
type Mask<'a> = &'a dyn Fn(&str) -> String;

fn keep(route: &Route, reply: &Reply, mask: Mask<'_>) -> Option<StoredResponse> {
    let Outgoing::Whole(body) = &reply.body else {
        return None;
    };
    if !reply.status.is_success() {
        return None;
    }
    let body = String::from_utf8(body.to_vec()).ok()?;
    let body = match route.replay {
        Replay::Without(field) => without(&body, field)?,
        Replay::Masked => masked(body, mask),
        Replay::Whole | Replay::Never => body,
    };
    let headers = reply.headers.iter();
    let headers = headers.filter_map(|(n, v)| Some((n.to_string(), v.to_str().ok()?.to_owned()))).collect();
    Some(StoredResponse { status: reply.status.as_u16(), headers, body })
}

/// The JSON object with that field set to null: a secret is never stored.
fn without(body: &str, field: &str) -> Option<String> {
    let mut value: serde_json::Value = serde_json::from_str(body).ok()?;
    *value.get_mut(field)? = serde_json::Value::Null;
    Some(value.to_string())
}

/// Fields that repeat what the caller asked, or quote what was wrong with it.
const ECHOES: [&str; 3] = ["interpreted_question", "corrected_query", "reason"];

/// The answer with personal data masked in its echoes: unmasked text is never written.
fn masked(body: String, mask: Mask<'_>) -> String {
    let echoes = ECHOES.iter().any(|name| body.contains(name));
    match serde_json::from_str::<serde_json::Value>(&body) {
        Ok(mut value) if echoes => {
            mask_echoes(&mut value, mask);
            value.to_string()
        }
        _ if echoes => mask(&body),
        _ => body,
    }
}

fn mask_echoes(value: &mut serde_json::Value, mask: Mask<'_>) {
    use serde_json::Value;
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| mask_echoes(item, mask)),
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(text) if ECHOES.contains(&name.as_str()) => *text = mask(text),
                    other => mask_echoes(other, mask),
                }
            }
        }
        _ => {}
    }
}

fn replay(stored: StoredResponse) -> Reply {
    let status = StatusCode::from_u16(stored.status).unwrap_or(StatusCode::OK);
    let mut reply = Reply::empty(status);
    reply.body = Outgoing::Whole(Bytes::from(stored.body));
    for (name, value) in &stored.headers {
        if let Ok(name) = HeaderName::try_from(name.as_str()) {
            reply = reply.with(name, value);
        }
    }
    reply.with(REPLAYED, "true")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    /// Keys are remembered for a day, over an update of the program too.
    #[test]
    fn a_request_keeps_its_fingerprint() {
        let digest = begun("POST", "/v1/search?x=1");
        digest.lock().update(br#"{"query":"a"}"#);
        let known = "09ee102622a94ebaaf953d8167211006dd71a901c988de8a812a218b65a335be";
        assert_eq!(fingerprint(&digest), known);
    }

    #[test]
    fn a_secret_is_not_kept() {
        assert_eq!(without(r#"{"id":"k_1","secret":"s"}"#, "secret").unwrap(), r#"{"id":"k_1","secret":null}"#);
    }

    #[test]
    fn personal_data_is_not_kept() {
        let mask = crate::model::mask::mask;
        let kept = masked(r#"{"results":[{"corrected_query":"call 13812345678"}],"hits":[]}"#.into(), &mask);
        assert!(!kept.contains("13812345678"), "{kept}");
        let streamed =
            masked("event: meta\ndata: {\"interpreted_question\":\"我的电话13812345678\"}\n\n".into(), &mask);
        assert!(!streamed.contains("13812345678"), "{streamed}");
    }

    #[test]
    fn twins_take_turns_and_leave_nothing_behind() {
        let all = InProgress::default();
        let (one, twin) = (all.turn("k", "x"), all.turn("k", "x"));
        assert!(Arc::ptr_eq(&one, &twin));
        assert!(!Arc::ptr_eq(&one, &all.turn("other", "x")));
        drop((one, twin));
        drop(all.turn("k", "y"));
        assert_eq!(all.0.lock().len(), 1);
    }
}
