//! How a body is read: within its limit, unpacked, and never waited for without end.
//!
//! Invariant: nothing beyond the limit is kept in memory, whatever the compression ratio.

use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Decompress;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use actix_web::rt::time;
use actix_web::web::{self, Bytes, BytesMut};
use futures_util::StreamExt;
use parking_lot::Mutex;

use super::error::Problem;
use crate::error::Code;

/// The hash of what was read of a body.
pub type Digest = Arc<Mutex<blake3::Hasher>>;

/// A body still to be read.
pub struct Payload {
    stream: Decompress<actix_web::dev::Payload>,
    limit: u64,
    read: u64,
    patience: Duration,
    digest: Option<Digest>,
}

impl Payload {
    /// A body of at most `limit` bytes when unpacked, whose pieces come within `patience` of each other.
    ///
    /// # Errors
    /// `payload_too_large` when the head already says so; `unsupported_media_type` for an unknown encoding.
    pub fn new(raw: web::Payload, headers: &HeaderMap, limit: u64, patience: Duration) -> Result<Self, Problem> {
        let encoding = headers.get(CONTENT_ENCODING).map(|h| h.to_str().unwrap_or("?").trim().to_ascii_lowercase());
        if let Some(encoding) = encoding.filter(|e| !matches!(e.as_str(), "identity" | "gzip" | "deflate")) {
            let detail = format!("bodies may be sent plain, gzip or deflate, not '{encoding}'");
            return Err(Problem::new(Code::UnsupportedMediaType, detail));
        }
        let length = headers.get(CONTENT_LENGTH).and_then(|h| h.to_str().ok()).and_then(|t| t.parse::<u64>().ok());
        if length.is_some_and(|length| length > limit) {
            return Err(too_large(limit));
        }
        let stream = Decompress::from_headers(raw.into_inner(), headers);
        Ok(Self { stream, limit, read: 0, patience, digest: None })
    }

    /// Has what is read from now on hashed behind what is given.
    pub fn digested(&mut self, digest: Digest) {
        self.digest = Some(digest);
    }

    /// The next piece; none at the end.
    ///
    /// # Errors
    /// `payload_too_large`, `timeout`, or `malformed_body` when the connection or the compression breaks.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        let Ok(piece) = time::timeout(self.patience, self.stream.next()).await else {
            let detail = format!("no more of the body came within {} s", self.patience.as_secs());
            return Err(Problem::new(Code::Timeout, detail));
        };
        let piece = match piece {
            None => return Ok(None),
            Some(Ok(piece)) => piece,
            Some(Err(why)) => return Err(Problem::new(Code::MalformedBody, format!("the body broke off: {why}"))),
        };
        self.read += piece.len() as u64;
        if self.read > self.limit {
            return Err(too_large(self.limit));
        }
        if let Some(digest) = &self.digest {
            digest.lock().update(&piece);
        }
        Ok(Some(piece))
    }

    /// Everything, in one piece.
    ///
    /// # Errors
    /// As [`Payload::next`].
    pub async fn whole(mut self) -> Result<Bytes, Problem> {
        let Some(first) = self.next().await? else {
            return Ok(Bytes::new());
        };
        let Some(second) = self.next().await? else {
            return Ok(first);
        };
        let mut all = BytesMut::from(first.as_ref());
        all.extend_from_slice(&second);
        while let Some(piece) = self.next().await? {
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }
}

fn too_large(limit: u64) -> Problem {
    Problem::new(Code::PayloadTooLarge, format!("the body may have at most {limit} bytes"))
}

/// Whether the body calls itself JSON in UTF-8, or says nothing.
///
/// # Errors
/// `unsupported_media_type`.
pub fn must_be_json(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(header) = headers.get(CONTENT_TYPE) else {
        return Ok(());
    };
    let text = header.to_str().unwrap_or("?").to_ascii_lowercase();
    let mut parts = text.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let json = essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"));
    let charset = parts.find_map(|p| p.strip_prefix("charset=")).map(|c| c.trim_matches('"').to_owned());
    if json && charset.as_deref().is_none_or(|c| c == "utf-8" || c == "utf8") {
        return Ok(());
    }
    let detail = format!("send 'Content-Type: application/json' in UTF-8, not '{}'", header.to_str().unwrap_or("?"));
    Err(Problem::new(Code::UnsupportedMediaType, detail))
}
