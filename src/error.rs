//! What can go wrong, told so that whoever must act knows it: the caller, time, or the operator.
//!
//! Invariant: knows nothing of HTTP; `http/error.rs` turns a [`Code`] into a status in one match.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{ArticleId, ClassifierName, GapId, GoldenId, KeyId, ModelName, PinId, SpaceId, SynonymId};

/// One wrong input field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldError {
    /// Path of the field, such as `filters.all[0].value`.
    pub field: String,
    /// What is wrong with it, naming value and rule.
    pub message: String,
}

impl FieldError {
    /// A wrong field and what is wrong with it.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// An article that is there already.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Duplicate {
    /// Article.
    pub article_id: ArticleId,
    /// Its title.
    pub title: String,
    /// `answers` (it matches now), `asks_the_same` (one of its known questions does) or `drafted` (it is being written).
    pub reason: String,
    /// How sure that is, in [0, 1].
    pub score: f64,
}

/// Who must act for the operation to succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The caller: the input or the permission is wrong.
    Caller,
    /// Nobody: trying again later may succeed.
    Wait,
    /// The operator: disk, damaged files, a defect.
    Operator,
}

/// What happened, with the facts that explain it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fields of a request body are wrong; every wrong one is named.
    #[error("{}", list("the request has wrong fields", .0))]
    InvalidRequest(Vec<FieldError>),
    /// A search query, filter or URL parameter is wrong; every wrong one is named.
    #[error("{}", list("the query has wrong fields", .0))]
    InvalidQuery(Vec<FieldError>),
    /// A key is needed and none was given.
    #[error("this needs an API key: send 'Authorization: Bearer <key>'")]
    KeyMissing,
    /// The key given is unknown, revoked or expired.
    #[error("the API key is not valid: {0}")]
    KeyInvalid(&'static str),
    /// The key lacks a scope, a space or an origin.
    #[error("the API key does not allow this: {0}")]
    Forbidden(String),
    /// No such article for this caller.
    #[error("there is no article '{article}' in space '{space}'")]
    ArticleNotFound {
        /// The space searched.
        space: SpaceId,
        /// The id asked for.
        article: ArticleId,
    },
    /// The article has no such version, or none at that time.
    #[error("article '{article}' has no {wanted}")]
    VersionNotFound {
        /// The article.
        article: ArticleId,
        /// What was asked for, such as `version 7` or `live version`.
        wanted: String,
    },
    /// No such space for this caller.
    #[error("there is no space '{0}'")]
    SpaceNotFound(SpaceId),
    /// No such gap for this caller.
    #[error("there is no gap '{0}'")]
    GapNotFound(GapId),
    /// No such model.
    #[error("there is no model '{0}'")]
    ModelNotFound(ModelName),
    /// The model is used by the server or a space.
    #[error("model '{0}' is in use; let the spaces use another one first")]
    ModelInUse(ModelName),
    /// No such golden query.
    #[error("there is no golden query '{0}'")]
    GoldenNotFound(GoldenId),
    /// No such pin.
    #[error("there is no pin '{0}'")]
    PinNotFound(PinId),
    /// The space's alerts are sent nowhere.
    #[error("space '{0}' has no webhook")]
    WebhookNotFound(SpaceId),
    /// No such review task for this caller.
    #[error("there is no task for article '{0}'")]
    TaskNotFound(ArticleId),
    /// No such synonym rule.
    #[error("there is no synonym '{0}'")]
    SynonymNotFound(SynonymId),
    /// No such classifier.
    #[error("there is no classifier '{0}'")]
    ClassifierNotFound(ClassifierName),
    /// No such key.
    #[error("there is no API key '{0}'")]
    KeyNotFound(KeyId),
    /// Feedback named an answer or query that is not on record.
    #[error("there is no answer or query '{0}'")]
    QueryNotFound(String),
    /// The writer saw another version than the latest one.
    #[error("article '{article}' is at version {current}, not {expected}")]
    VersionConflict {
        /// The article.
        article: ArticleId,
        /// What the writer expected.
        expected: u32,
        /// The latest version.
        current: u32,
    },
    /// The write must say which version it is based on.
    #[error("say which version you change: send 'If-Match: \"<version>\"' or the field expected_version")]
    PreconditionRequired,
    /// The article's state does not allow the action.
    #[error("cannot {action} article '{article}' while it is {status}; allowed now: {}", .allowed.join(", "))]
    IllegalTransition {
        /// The article.
        article: ArticleId,
        /// The action asked for.
        action: &'static str,
        /// The state it is in.
        status: &'static str,
        /// The actions that are allowed.
        allowed: Vec<&'static str>,
    },
    /// The space wants an approval before publication.
    #[error("space '{space}' publishes only approved versions, and version {version} of '{article}' is not approved")]
    ReviewRequired {
        /// The space.
        space: SpaceId,
        /// The article.
        article: ArticleId,
        /// The version.
        version: u32,
    },
    /// The space wants two persons, and the approver is the author.
    #[error(
        "space '{space}' wants a second person: '{author}' wrote version {version} of '{article}' and cannot approve it"
    )]
    SelfApproval {
        /// The space.
        space: SpaceId,
        /// The article.
        article: ArticleId,
        /// The version.
        version: u32,
        /// Who wrote it.
        author: String,
    },
    /// Something with this id is there already.
    #[error("{what} '{id}' exists already")]
    AlreadyExists {
        /// `article`, `space` …
        what: &'static str,
        /// The id.
        id: String,
    },
    /// What is to be written is there already, or is being written.
    #[error("there is an article for this already: {}; say 'anyway' to write another one", titles(.0))]
    Duplicates(Vec<Duplicate>),
    /// The idempotency key was used for another request.
    #[error("the Idempotency-Key '{0}' was used for another request")]
    IdempotencyConflict(String),
    /// The key has used up its rate.
    #[error("too many requests for this key; try again in {retry_after_s} s")]
    RateLimited {
        /// Seconds to wait.
        retry_after_s: u64,
    },
    /// All search permits are taken.
    #[error("the server is busy; try again in {retry_after_s} s")]
    Busy {
        /// Seconds to wait.
        retry_after_s: u64,
    },
    /// The space's index is being rebuilt or cannot be read.
    #[error("the index of space '{space}' is not ready: {reason}")]
    IndexUnavailable {
        /// The space.
        space: SpaceId,
        /// Why.
        reason: String,
    },
    /// Another process has the data directory open.
    #[error("the data directory {path} is in use by another process; stop it, or talk to it with --server")]
    StoreLocked {
        /// The directory.
        path: String,
    },
    /// The data directory was written by a newer program.
    #[error("the data directory has format {found}, and this program knows up to {known}: use a newer zhiyin")]
    StoreTooNew {
        /// The format found.
        found: u32,
        /// The newest format known.
        known: u32,
    },
    /// The store failed; nothing of the operation was acknowledged.
    #[error("the store failed: {0}")]
    Store(String),
    /// The engine failed in a way that only an operator can mend.
    #[error("the index failed: {0}")]
    Index(String),
    /// A setting is wrong.
    #[error("configuration: {0}")]
    Config(String),
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

fn titles(duplicates: &[Duplicate]) -> String {
    let all: Vec<String> = duplicates.iter().map(|d| format!("'{}' ({})", d.title, d.article_id)).collect();
    all.join(", ")
}

fn list(head: &str, errors: &[FieldError]) -> String {
    let all: Vec<String> = errors.iter().map(|e| format!("{}: {}", e.field, e.message)).collect();
    format!("{head}: {}", all.join("; "))
}

macro_rules! codes {
    ($($name:ident $text:literal $kind:ident $title:literal;)*) => {
        /// The public, stable name of what went wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $title] $name,)*
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The code as callers see it.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// A short title, the same for every occurrence.
            pub fn title(self) -> &'static str {
                match self { $(Code::$name => $title,)* }
            }

            /// Who must act.
            pub fn kind(self) -> Kind {
                match self { $(Code::$name => Kind::$kind,)* }
            }
        }
    };
}

codes! {
    MalformedBody "malformed_body" Caller "The body cannot be read";
    InvalidRequest "invalid_request" Caller "Fields of the request are wrong";
    InvalidQuery "invalid_query" Caller "The query is wrong";
    KeyMissing "key_missing" Caller "An API key is needed";
    KeyInvalid "key_invalid" Caller "The API key is not valid";
    Forbidden "forbidden" Caller "The key does not allow this";
    RouteNotFound "route_not_found" Caller "There is no such path";
    MethodNotAllowed "method_not_allowed" Caller "The path has no such method";
    ArticleNotFound "article_not_found" Caller "There is no such article";
    VersionNotFound "version_not_found" Caller "There is no such version";
    SpaceNotFound "space_not_found" Caller "There is no such space";
    GapNotFound "gap_not_found" Caller "There is no such gap";
    ModelNotFound "model_not_found" Caller "There is no such model";
    ModelInUse "model_in_use" Caller "The model is in use";
    GoldenNotFound "golden_not_found" Caller "There is no such golden query";
    PinNotFound "pin_not_found" Caller "There is no such pin";
    WebhookNotFound "webhook_not_found" Caller "The space has no webhook";
    TaskNotFound "task_not_found" Caller "There is no such task";
    SynonymNotFound "synonym_not_found" Caller "There is no such synonym";
    ClassifierNotFound "classifier_not_found" Caller "There is no such classifier";
    KeyNotFound "key_not_found" Caller "There is no such key";
    QueryNotFound "query_not_found" Caller "There is no such answer or query";
    VersionConflict "version_conflict" Caller "The article has changed";
    IllegalTransition "illegal_transition" Caller "The article's state does not allow this";
    ReviewRequired "review_required" Caller "An approval is needed first";
    SelfApproval "self_approval" Caller "A second person must approve";
    AlreadyExists "already_exists" Caller "It exists already";
    Duplicates "duplicates_found" Caller "There is an article for this already";
    IdempotencyConflict "idempotency_conflict" Caller "The idempotency key belongs to another request";
    PreconditionRequired "precondition_required" Caller "The version must be named";
    PayloadTooLarge "payload_too_large" Caller "The body is too large";
    UnsupportedMediaType "unsupported_media_type" Caller "The body's type is not supported";
    RateLimited "rate_limited" Wait "Too many requests";
    Busy "busy" Wait "The server is busy";
    Timeout "timeout" Wait "It took too long";
    IndexUnavailable "index_unavailable" Wait "The index is not ready";
    Internal "internal" Operator "Something failed inside";
}

impl Error {
    /// The public name of what happened.
    pub fn code(&self) -> Code {
        match self {
            Error::InvalidRequest(_) => Code::InvalidRequest,
            Error::InvalidQuery(_) => Code::InvalidQuery,
            Error::KeyMissing => Code::KeyMissing,
            Error::KeyInvalid(_) => Code::KeyInvalid,
            Error::Forbidden(_) => Code::Forbidden,
            Error::ArticleNotFound { .. } => Code::ArticleNotFound,
            Error::VersionNotFound { .. } => Code::VersionNotFound,
            Error::SpaceNotFound(_) => Code::SpaceNotFound,
            Error::GapNotFound(_) => Code::GapNotFound,
            Error::ModelNotFound(_) => Code::ModelNotFound,
            Error::ModelInUse(_) => Code::ModelInUse,
            Error::GoldenNotFound(_) => Code::GoldenNotFound,
            Error::PinNotFound(_) => Code::PinNotFound,
            Error::WebhookNotFound(_) => Code::WebhookNotFound,
            Error::TaskNotFound(_) => Code::TaskNotFound,
            Error::SynonymNotFound(_) => Code::SynonymNotFound,
            Error::ClassifierNotFound(_) => Code::ClassifierNotFound,
            Error::KeyNotFound(_) => Code::KeyNotFound,
            Error::QueryNotFound(_) => Code::QueryNotFound,
            Error::VersionConflict { .. } => Code::VersionConflict,
            Error::PreconditionRequired => Code::PreconditionRequired,
            Error::IllegalTransition { .. } => Code::IllegalTransition,
            Error::ReviewRequired { .. } => Code::ReviewRequired,
            Error::SelfApproval { .. } => Code::SelfApproval,
            Error::AlreadyExists { .. } => Code::AlreadyExists,
            Error::Duplicates(_) => Code::Duplicates,
            Error::IdempotencyConflict(_) => Code::IdempotencyConflict,
            Error::RateLimited { .. } => Code::RateLimited,
            Error::Busy { .. } => Code::Busy,
            Error::IndexUnavailable { .. } => Code::IndexUnavailable,
            Error::StoreLocked { .. }
            | Error::StoreTooNew { .. }
            | Error::Store(_)
            | Error::Index(_)
            | Error::Config(_) => Code::Internal,
        }
    }

    /// One wrong field of a request body.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Error::InvalidRequest(vec![FieldError::new(field, message)])
    }

    /// One wrong field of a search query, filter or URL.
    pub fn query(field: &str, message: impl Into<String>) -> Self {
        Error::InvalidQuery(vec![FieldError::new(field, message)])
    }
}
