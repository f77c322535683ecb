//! What is known of a path: enough to serve it and to describe it.
//!
//! Invariant: a route that is served is described, since both read the same value.

use std::future::Future;
use std::sync::Arc;

use actix_web::http::Method;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::body::Body;
use super::call::{Call, Outcome};
use super::query::Query;
use crate::model::account::Scope;

/// Who may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody; no key is looked at.
    Open,
    /// Who has the scope; for `search`, also everybody where the space is open to the public.
    Scope(Scope),
}

/// How the body is taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intake {
    /// There is none to speak of.
    Nothing,
    /// JSON, read whole.
    Json,
    /// By the handler, piece by piece.
    Stream,
}

/// What is kept of an answer for a repeat with the same `Idempotency-Key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// All of it.
    Whole,
    /// All but the value of that field.
    Without(&'static str),
    /// All, with personal data masked in what repeats the caller's words.
    Masked,
    /// Nothing: the header is not heeded.
    Never,
}

/// Makes a schema within a document.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// What a route answers with when all goes well.
#[derive(Clone, Copy)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Media type; empty for no body.
    pub content_type: &'static str,
    /// Schema of a JSON body.
    pub schema: Option<SchemaOf>,
}

/// What serves a request.
pub type Handler = Arc<dyn Fn(Call) -> LocalBoxFuture<'static, Outcome> + Send + Sync>;

/// A path with a method.
#[derive(Clone)]
pub struct Route {
    /// Method.
    pub method: Method,
    /// Path, with `{names}` for its parts.
    pub path: &'static str,
    /// Who may come in.
    pub access: Access,
    /// What it does, in a line.
    pub summary: &'static str,
    /// How the body is taken in.
    pub intake: Intake,
    /// Schema of the JSON body.
    pub body: Option<SchemaOf>,
    /// Schema of the URL parameters.
    pub query: Option<SchemaOf>,
    /// Media types a streamed body may have.
    pub accepts: &'static [&'static str],
    /// Answers when all goes well.
    pub answers: Vec<Answer>,
    /// Whether `If-Match` is heeded.
    pub if_match: bool,
    /// What is kept for a repeat.
    pub replay: Replay,
    /// Whether the handler's time is limited.
    pub deadline: bool,
    /// What serves it.
    pub handler: Handler,
}

impl Route {
    /// A route without body, parameters or described answer.
    pub fn new<H, F>(method: Method, path: &'static str, access: Access, summary: &'static str, handler: H) -> Self
    where
        H: Fn(Call) -> F + Send + Sync + 'static,
        F: Future<Output = Outcome> + 'static,
    {
        Self {
            method,
            path,
            access,
            summary,
            intake: Intake::Nothing,
            body: None,
            query: None,
            accepts: &[],
            answers: Vec::new(),
            if_match: false,
            replay: Replay::Whole,
            deadline: true,
            handler: Arc::new(move |call| handler(call).boxed_local()),
        }
    }

    /// Takes a JSON body.
    pub fn body<T: Body>(mut self) -> Self {
        self.intake = Intake::Json;
        self.body = Some(|generator| generator.subschema_for::<T>());
        self
    }

    /// Takes URL parameters.
    pub fn query<T: Query>(mut self) -> Self {
        self.query = Some(<T as JsonSchema>::json_schema);
        self
    }

    /// Takes a body of one of these types, of any length, and as much time as it needs.
    pub fn streams_in(mut self, accepts: &'static [&'static str]) -> Self {
        self.intake = Intake::Stream;
        self.accepts = accepts;
        self.deadline = false;
        self
    }

    /// Answers with JSON.
    pub fn gives<T: JsonSchema>(mut self, status: u16) -> Self {
        let schema: SchemaOf = |generator| generator.subschema_for::<T>();
        self.answers.push(Answer { status, content_type: "application/json", schema: Some(schema) });
        self
    }

    /// Answers with something other than JSON.
    pub fn sends(mut self, status: u16, content_type: &'static str) -> Self {
        self.answers.push(Answer { status, content_type, schema: None });
        self
    }

    /// Heeds `If-Match`.
    pub fn if_match(mut self) -> Self {
        self.if_match = true;
        self
    }

    /// Keeps the answer for a repeat, but for that field.
    pub fn replay_without(mut self, field: &'static str) -> Self {
        self.replay = Replay::Without(field);
        self
    }

    /// Keeps the answer for a repeat, with personal data masked in what repeats the caller's words.
    pub fn replay_masked(mut self) -> Self {
        self.replay = Replay::Masked;
        self
    }

    /// Keeps no answer for a repeat: the call changes nothing, and its answer repeats what customers asked.
    pub fn not_kept(mut self) -> Self {
        self.replay = Replay::Never;
        self
    }

    /// Takes as much time as it needs.
    pub fn without_deadline(mut self) -> Self {
        self.deadline = false;
        self
    }
}
