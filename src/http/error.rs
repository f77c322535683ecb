//! What a caller is told when something fails: problem details (RFC 9457).
//!
//! Invariant: one match turns a code into a status; the cause of a 5xx is logged once and never sent.

use std::ops::{Deref, DerefMut};

use actix_web::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{Code, Duplicate, Error, FieldError, Kind};

/// A failure on its way to the caller; boxed, so that good results stay small.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem(Box<Facts>);

impl Deref for Problem {
    type Target = Facts;
    fn deref(&self) -> &Facts {
        &self.0
    }
}

impl DerefMut for Problem {
    fn deref_mut(&mut self) -> &mut Facts {
        &mut self.0
    }
}

/// What is known of a failure.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The public name of what happened.
    pub code: Code,
    /// What happened this time, for people.
    pub detail: String,
    /// Every wrong input field.
    pub errors: Vec<FieldError>,
    /// The version the article is at.
    pub current_version: Option<u32>,
    /// The actions the article's state allows.
    pub allowed: Vec<&'static str>,
    /// What is there already.
    pub duplicates: Vec<Duplicate>,
    /// Seconds after which trying again makes sense.
    pub retry_after_s: Option<u64>,
    /// Methods the path has, for the `Allow` header.
    pub allow: Option<String>,
    /// What the operator must know; logged, never sent.
    pub cause: Option<String>,
}

/// Problem details as sent (RFC 9457, section 3).
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub struct ProblemBody {
    /// Where the code is explained.
    #[serde(rename = "type")]
    kind: String,
    /// The same for every occurrence of the code.
    title: &'static str,
    /// The status code of the response.
    status: u16,
    /// What happened this time.
    detail: String,
    /// Stable name for programs.
    code: &'static str,
    /// Names the request in the server's log.
    request_id: String,
    /// Every wrong input field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// The version the article is at, on `version_conflict`.
    #[serde(skip_serializing_if = "Option::is_none")]
    current_version: Option<u32>,
    /// The actions allowed now, on `illegal_transition`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allowed: Vec<&'static str>,
    /// What is there already, on `duplicates_found`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    duplicates: Vec<Duplicate>,
    /// Seconds after which trying again makes sense.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u64>,
}

/// The status a code is sent with.
pub fn status(code: Code) -> StatusCode {
    match code {
        Code::MalformedBody => StatusCode::BAD_REQUEST,
        Code::KeyMissing | Code::KeyInvalid => StatusCode::UNAUTHORIZED,
        Code::Forbidden | Code::SelfApproval => StatusCode::FORBIDDEN,
        Code::RouteNotFound
        | Code::ArticleNotFound
        | Code::VersionNotFound
        | Code::SpaceNotFound
        | Code::ModelNotFound
        | Code::GapNotFound
        | Code::GoldenNotFound
        | Code::PinNotFound
        | Code::WebhookNotFound
        | Code::TaskNotFound
        | Code::SynonymNotFound
        | Code::ClassifierNotFound
        | Code::KeyNotFound
        | Code::QueryNotFound => StatusCode::NOT_FOUND,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::VersionConflict
        | Code::IllegalTransition
        | Code::ReviewRequired
        | Code::AlreadyExists
        | Code::ModelInUse
        | Code::Duplicates
        | Code::IdempotencyConflict => StatusCode::CONFLICT,
        Code::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::InvalidRequest | Code::InvalidQuery => StatusCode::UNPROCESSABLE_ENTITY,
        Code::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
        Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Code::Busy | Code::IndexUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Timeout => StatusCode::GATEWAY_TIMEOUT,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl Problem {
    /// A failure with nothing but a code and a detail.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(Facts {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            current_version: None,
            allowed: Vec::new(),
            duplicates: Vec::new(),
            retry_after_s: None,
            allow: None,
            cause: None,
        }))
    }

    /// A failure that only the operator can mend; `cause` goes to the log.
    pub fn internal(cause: impl Into<String>) -> Self {
        let mut problem = Self::new(Code::Internal, "the server failed; its log has the cause under this request id");
        problem.cause = Some(cause.into());
        problem
    }

    /// All permits are taken and the queue is full.
    pub fn busy(retry_after_s: u64) -> Self {
        Error::Busy { retry_after_s }.into()
    }

    /// The status it is sent with.
    pub fn status(&self) -> StatusCode {
        status(self.code)
    }

    /// The body as sent.
    pub fn body(&self, request_id: &str) -> ProblemBody {
        ProblemBody {
            kind: format!("/docs#{}", self.code.as_str()),
            title: self.code.title(),
            status: self.status().as_u16(),
            detail: self.detail.clone(),
            code: self.code.as_str(),
            request_id: request_id.to_owned(),
            errors: self.errors.clone(),
            current_version: self.current_version,
            allowed: self.allowed.clone(),
            duplicates: self.duplicates.clone(),
            retry_after_s: self.retry_after_s,
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let code = error.code();
        if code.kind() == Kind::Operator {
            return Problem::internal(error.to_string());
        }
        let mut problem = Problem::new(code, error.to_string());
        match error {
            Error::InvalidRequest(errors) | Error::InvalidQuery(errors) => problem.errors = errors,
            Error::VersionConflict { current, .. } => problem.current_version = Some(current),
            Error::IllegalTransition { allowed, .. } => problem.allowed = allowed,
            Error::Duplicates(duplicates) => problem.duplicates = duplicates,
            Error::RateLimited { retry_after_s } | Error::Busy { retry_after_s } => {
                problem.retry_after_s = Some(retry_after_s);
            }
            Error::IndexUnavailable { .. } => problem.retry_after_s = Some(1),
            _ => {}
        }
        problem
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_status() {
        let table: Vec<String> =
            Code::ALL.iter().map(|c| format!("{} {} ({:?})", status(*c).as_u16(), c.as_str(), c.kind())).collect();
        insta::assert_snapshot!(table.join("\n"), @r#"
        400 malformed_body (Caller)
        422 invalid_request (Caller)
        422 invalid_query (Caller)
        401 key_missing (Caller)
        401 key_invalid (Caller)
        403 forbidden (Caller)
        404 route_not_found (Caller)
        405 method_not_allowed (Caller)
        404 article_not_found (Caller)
        404 version_not_found (Caller)
        404 space_not_found (Caller)
        404 gap_not_found (Caller)
        404 model_not_found (Caller)
        409 model_in_use (Caller)
        404 golden_not_found (Caller)
        404 pin_not_found (Caller)
        404 webhook_not_found (Caller)
        404 task_not_found (Caller)
        404 synonym_not_found (Caller)
        404 classifier_not_found (Caller)
        404 key_not_found (Caller)
        404 query_not_found (Caller)
        409 version_conflict (Caller)
        409 illegal_transition (Caller)
        409 review_required (Caller)
        403 self_approval (Caller)
        409 already_exists (Caller)
        409 duplicates_found (Caller)
        409 idempotency_conflict (Caller)
        428 precondition_required (Caller)
        413 payload_too_large (Caller)
        415 unsupported_media_type (Caller)
        429 rate_limited (Wait)
        503 busy (Wait)
        504 timeout (Wait)
        503 index_unavailable (Wait)
        500 internal (Operator)
        "#);
    }

    #[test]
    fn a_conflict_tells_the_current_version() {
        let error = Error::VersionConflict { article: "a".parse().unwrap(), expected: 2, current: 3 };
        let body = serde_json::to_value(Problem::from(error).body("r-1")).unwrap();
        insta::assert_json_snapshot!(body, @r#"
        {
          "type": "/docs#version_conflict",
          "title": "The article has changed",
          "status": 409,
          "detail": "article 'a' is at version 3, not 2",
          "code": "version_conflict",
          "request_id": "r-1",
          "current_version": 3
        }
        "#);
    }

    #[test]
    fn an_index_that_is_being_built_asks_to_come_back() {
        let error = Error::IndexUnavailable { space: "default".parse().unwrap(), reason: "it is being rebuilt".into() };
        let problem = Problem::from(error);
        assert_eq!((problem.status().as_u16(), problem.retry_after_s), (503, Some(1)));
        let reply = super::super::call::Reply::problem(&problem, "r-3");
        assert!(reply.headers.iter().any(|(name, value)| name == "retry-after" && value == "1"));
    }

    #[test]
    fn an_operators_failure_keeps_its_cause_to_itself() {
        let problem = Problem::from(Error::Store("disk /dev/sda1 is full".into()));
        let sent = serde_json::to_string(&problem.body("r-2")).unwrap();
        assert!(!sent.contains("sda1"), "{sent}");
        assert!(problem.cause.as_deref().unwrap().contains("sda1"));
    }
}
