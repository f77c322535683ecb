//! What a handler is given and what it gives back.
//!
//! Invariant: a handler sees a caller already authenticated and a body already read (or a stream it asked for).

use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderName, HeaderValue, IF_MATCH};
use actix_web::http::{StatusCode, header};
use actix_web::web::Bytes;
use futures_util::Stream;
use jiff::Timestamp;
use serde::Serialize;

use super::body::{self, Body};
use super::error::Problem;
use super::payload::Payload;
use super::query::{self, Query};
use super::state::State;
use crate::error::{Code, Error};
use crate::kb::{Caller, Kb};

/// A request that has passed the door.
pub struct Call {
    /// What all requests share.
    pub state: Arc<State>,
    /// Who calls.
    pub caller: Caller,
    /// When it came.
    pub now: Timestamp,
    /// Names it in the log.
    pub request_id: Arc<str>,
    /// Its head.
    pub head: HttpRequest,
    /// Its body.
    pub body: Incoming,
}

/// The body of a request.
pub enum Incoming {
    /// Read to its end.
    Whole(Bytes),
    /// To be read by the handler.
    Stream(Payload),
}

/// What a handler ends with.
pub type Outcome = Result<Reply, Problem>;

impl Call {
    /// The use cases.
    pub fn kb(&self) -> &Kb {
        &self.state.kb
    }

    /// The body, parsed; an empty one counts as `{}`.
    ///
    /// # Errors
    /// `malformed_body`, or every wrong field at once.
    pub fn body<T: Body>(&self) -> Result<T, Problem> {
        match &self.body {
            Incoming::Whole(bytes) if bytes.is_empty() => body::parse(b"{}"),
            Incoming::Whole(bytes) => body::parse(bytes),
            Incoming::Stream(_) => Err(Problem::internal("a streamed body was parsed as JSON")),
        }
    }

    /// The URL parameters, parsed.
    ///
    /// # Errors
    /// `invalid_query` with every wrong or unknown parameter.
    pub fn query<T: Query>(&self) -> Result<T, Problem> {
        query::parse(self.head.query_string())
    }

    /// A part of the path.
    ///
    /// # Errors
    /// `invalid_query` when it is not what it should be.
    pub fn part<T: FromStr<Err: std::fmt::Display>>(&self, name: &'static str) -> Result<T, Problem> {
        let raw = self.head.match_info().get(name).unwrap_or_default();
        let text = query::decode(raw).map_err(|why| Error::query(name, why))?;
        text.parse().map_err(|why: T::Err| Error::query(name, why.to_string()).into())
    }

    /// The version the writer has seen: from `If-Match` or the field `expected_version`.
    ///
    /// # Errors
    /// `invalid_query` when `If-Match` is no version, `invalid_request` when the two disagree.
    pub fn expected(&self, field: Option<u32>) -> Result<Option<u32>, Problem> {
        let Some(header) = self.head.headers().get(IF_MATCH) else {
            return Ok(field);
        };
        let header = parse_if_match(header)?;
        match field {
            Some(field) if field != header => {
                Err(Error::field("expected_version", format!("is {field}, but If-Match says {header}")).into())
            }
            _ => Ok(Some(header)),
        }
    }

    /// Like [`Call::expected`], for writes that must name it.
    ///
    /// # Errors
    /// `precondition_required` when neither is given.
    pub fn must_expect(&self, field: Option<u32>) -> Result<Option<u32>, Problem> {
        match self.expected(field)? {
            None => Err(Error::PreconditionRequired.into()),
            some => Ok(some),
        }
    }
}

fn parse_if_match(header: &HeaderValue) -> Result<u32, Problem> {
    let text = header.to_str().unwrap_or_default().trim();
    let bare = text.strip_prefix("W/").unwrap_or(text);
    let version = bare.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(bare);
    version.parse().map_err(|_| Error::query("If-Match", "must be one version in quotes, such as \"4\"").into())
}

/// The answer of a handler.
pub struct Reply {
    /// Status.
    pub status: StatusCode,
    /// Headers beside those every response has.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Body.
    pub body: Outgoing,
}

/// A body that is made while it is sent.
pub type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, std::io::Error>> + Send>>;

/// The body of a response.
pub enum Outgoing {
    /// Whole.
    Whole(Bytes),
    /// In pieces, as they come.
    Stream(Pieces),
}

impl Reply {
    /// A JSON answer.
    ///
    /// # Errors
    /// `internal` when the value cannot be written as JSON.
    pub fn json<T: Serialize>(status: StatusCode, value: &T) -> Outcome {
        let bytes = serde_json::to_vec(value).map_err(|why| Problem::internal(format!("response: {why}")))?;
        Ok(Self::bytes(status, "application/json", bytes.into()))
    }

    /// A JSON answer with status 200.
    ///
    /// # Errors
    /// `internal` when the value cannot be written as JSON.
    pub fn ok<T: Serialize>(value: &T) -> Outcome {
        Self::json(StatusCode::OK, value)
    }

    /// A whole body of that type.
    pub fn bytes(status: StatusCode, content_type: &'static str, bytes: Bytes) -> Self {
        let headers = vec![(header::CONTENT_TYPE, HeaderValue::from_static(content_type))];
        Self { status, headers, body: Outgoing::Whole(bytes) }
    }

    /// A body in pieces.
    pub fn stream(content_type: &'static str, pieces: Pieces) -> Self {
        let headers = vec![(header::CONTENT_TYPE, HeaderValue::from_static(content_type))];
        Self { status: StatusCode::OK, headers, body: Outgoing::Stream(pieces) }
    }

    /// No body.
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: Outgoing::Whole(Bytes::new()) }
    }

    /// With one more header; a value that no header can hold is left out.
    pub fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// A problem, as its response.
    pub fn problem(problem: &Problem, request_id: &str) -> Self {
        let bytes = serde_json::to_vec(&problem.body(request_id)).unwrap_or_default();
        let mut reply = Self::bytes(problem.status(), "application/problem+json", bytes.into());
        if let Some(seconds) = problem.retry_after_s {
            reply = reply.with(header::RETRY_AFTER, &seconds.to_string());
        }
        if let Some(methods) = &problem.allow {
            reply = reply.with(header::ALLOW, methods);
        }
        if matches!(problem.code, Code::KeyMissing | Code::KeyInvalid) {
            reply = reply.with(header::WWW_AUTHENTICATE, "Bearer");
        }
        reply
    }
}
