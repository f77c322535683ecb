//! What happens to every request, in order: id, caller, allowance, body, idempotency, handler, answer, log line.
//!
//! Invariant: every response carries `X-Request-Id`, and every failure is problem details;
//! neither a query's text nor a secret is logged.

use std::sync::Arc;
use std::time::Instant;

use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::rt::{self, time};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use jiff::Timestamp;

use super::call::{Call, Incoming, Outcome, Outgoing, Reply};
use super::error::Problem;
use super::payload::{self, Payload};
use super::route::{Intake, Route};
use super::state::State;
use super::{auth, cors, idempotency};
use crate::error::Code;
use crate::kb::Caller;
use crate::model::content::to_millis;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest request id taken from a caller, in characters.
const MAX_REQUEST_ID: usize = 128;

/// A request that is being answered.
struct Visit {
    state: Arc<State>,
    head: HttpRequest,
    request_id: Arc<str>,
    now: Timestamp,
    started: Instant,
    method: &'static str,
    route: &'static str,
}

/// Serves a request to a known path and method.
pub async fn enter(state: Arc<State>, route: Arc<Route>, head: HttpRequest, raw: web::Payload) -> HttpResponse {
    let visit = Visit::begin(state, head, method_name(&route.method), route.path);
    let _in_flight = visit.state.metrics.enter();
    match auth::caller(&visit.state, &visit.head, route.access, visit.now) {
        Err(refused) => visit.end(Err(refused), None),
        Ok(caller) => {
            let cors = cors::headers(&visit.head, Some(&caller));
            let key = caller.key.as_ref().map(|key| key.id.to_string());
            let outcome = serve(&visit, route, caller, raw).await;
            visit.end_with(outcome, key.as_deref(), cors)
        }
    }
}

/// Answers a request to an unknown path, or with a method the path does not have (`allow` tells those it has).
pub async fn refuse(state: Arc<State>, head: HttpRequest, allow: Option<String>) -> HttpResponse {
    let visit = Visit::begin(state, head, "other", "(none)");
    if cors::is_preflight(&visit.head) {
        let outcome = cors::preflight(&visit.state, &visit.head, visit.now);
        return visit.end(outcome, None);
    }
    let (method, path) = (visit.head.method().as_str(), visit.head.path());
    let problem = match allow {
        None => Problem::new(Code::RouteNotFound, format!("there is no path {path}; /docs lists those there are")),
        Some(allow) => {
            let detail = format!("{path} has no method {method}; it has {allow}");
            let mut problem = Problem::new(Code::MethodNotAllowed, detail);
            problem.allow = Some(allow);
            problem
        }
    };
    visit.end(Err(problem), None)
}

#[expect(clippy::disallowed_methods, reason = "a repeat must find the answer although its first caller hung up")]
async fn serve(visit: &Visit, route: Arc<Route>, caller: Caller, raw: web::Payload) -> Outcome {
    let body = take_in(visit, &route, raw).await?;
    let key = idempotency::key(&route, visit.head.headers())?;
    let call = Call {
        state: Arc::clone(&visit.state),
        caller,
        now: visit.now,
        request_id: Arc::clone(&visit.request_id),
        head: visit.head.clone(),
        body,
    };
    let deadline = route.deadline.then_some(visit.state.settings.deadline);
    let work = async {
        match key {
            None => (route.handler)(call).await,
            Some(key) => match rt::spawn(idempotency::once(Arc::clone(&route), key, call)).await {
                Ok(outcome) => outcome,
                Err(failed) => Err(Problem::internal(format!("a request's task failed: {failed}"))),
            },
        }
    };
    let Some(deadline) = deadline else {
        return work.await;
    };
    time::timeout(deadline, work).await.unwrap_or_else(|_| {
        let detail = format!("no answer within {} ms; a write may still take place", deadline.as_millis());
        Err(Problem::new(Code::Timeout, detail))
    })
}

async fn take_in(visit: &Visit, route: &Route, raw: web::Payload) -> Result<Incoming, Problem> {
    let settings = &visit.state.settings;
    let headers = visit.head.headers();
    let limit = match route.intake {
        Intake::Stream => settings.max_import,
        Intake::Json | Intake::Nothing => settings.max_body as u64,
    };
    let payload = Payload::new(raw, headers, limit, settings.client_timeout)?;
    if route.intake == Intake::Stream {
        return Ok(Incoming::Stream(payload));
    }
    let bytes = payload.whole().await?;
    if route.intake == Intake::Json && !bytes.is_empty() {
        payload::must_be_json(headers)?;
    }
    Ok(Incoming::Whole(bytes))
}

impl Visit {
    #[expect(clippy::disallowed_methods, reason = "the edge tells the time to everything below")]
    fn begin(state: Arc<State>, head: HttpRequest, method: &'static str, route: &'static str) -> Self {
        let given = head.headers().get(REQUEST_ID).and_then(|h| h.to_str().ok());
        let given =
            given.filter(|id| (1..=MAX_REQUEST_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()));
        let request_id = given.map_or_else(|| uuid::Uuid::now_v7().to_string().into(), Arc::from);
        Self { state, head, request_id, now: to_millis(Timestamp::now()), started: Instant::now(), method, route }
    }

    fn end(self, outcome: Outcome, key: Option<&str>) -> HttpResponse {
        self.end_with(outcome, key, Vec::new())
    }

    fn end_with(self, outcome: Outcome, key: Option<&str>, cors: Vec<(HeaderName, String)>) -> HttpResponse {
        let code = outcome.as_ref().err().map(|problem| problem.code.as_str());
        let cause = outcome.as_ref().err().and_then(|problem| problem.cause.clone());
        let reply = outcome.unwrap_or_else(|problem| Reply::problem(&problem, &self.request_id));
        self.log(reply.status, key, code, cause);
        let mut response = respond(reply);
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::from_str(&self.request_id) {
            headers.insert(REQUEST_ID, id);
        }
        for (name, value) in cors {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.append(name, value);
            }
        }
        response
    }

    fn log(&self, status: StatusCode, key: Option<&str>, code: Option<&str>, cause: Option<String>) {
        let elapsed = self.started.elapsed();
        self.state.metrics.answered(self.method, self.route, status, elapsed.as_secs_f64());
        let elapsed_ms = elapsed.as_micros() as f64 / 1000.0;
        let (method, route, status, request_id) = (self.method, self.route, status.as_u16(), &*self.request_id);
        match cause {
            Some(cause) => tracing::error!(method, route, status, elapsed_ms, request_id, key, code, cause, "request"),
            None => tracing::info!(method, route, status, elapsed_ms, request_id, key, code, "request"),
        }
    }
}

/// The response, with the headers that every one has.
fn respond(reply: Reply) -> HttpResponse {
    let mut builder = HttpResponseBuilder::new(reply.status);
    builder.insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    builder.insert_header((header::REFERRER_POLICY, "no-referrer"));
    builder.insert_header((header::X_FRAME_OPTIONS, "DENY"));
    builder.insert_header((header::CACHE_CONTROL, "no-store"));
    for (name, value) in reply.headers {
        builder.insert_header((name, value));
    }
    match reply.body {
        Outgoing::Whole(bytes) => builder.body(bytes),
        Outgoing::Stream(pieces) => builder.streaming(pieces),
    }
}

/// The response to a request that did not pass the door: one to the private listener.
pub fn plain(outcome: Outcome) -> HttpResponse {
    respond(outcome.unwrap_or_else(|problem| Reply::problem(&problem, "private")))
}

fn method_name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        _ => "other",
    }
}
