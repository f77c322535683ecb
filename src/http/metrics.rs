//! How busy the server is, in Prometheus' text format (OpenMetrics).
//!
//! Invariant: labels come from fixed sets (route templates, status codes, gate names), never from what a caller sent.

use std::sync::atomic::AtomicI64;

use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::call::{Call, Outcome, Reply};
use super::error::Problem;
use super::state::State;
use crate::kb::Retained;

/// Media type of the OpenMetrics text format.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the latency histogram, in seconds.
const BUCKETS: [f64; 13] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    method: &'static str,
    route: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GateLabels {
    gate: &'static str,
}

/// The figures.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    latency: Family<RouteLabels, Histogram, fn() -> Histogram>,
    queries: Family<OutcomeLabels, Counter>,
    refusals: Family<GateLabels, Counter>,
    removed: Family<KindLabels, Counter>,
    in_flight: Gauge<i64, AtomicI64>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("zhiyin");
        let requests = Family::default();
        let latency: Family<_, _, fn() -> Histogram> = Family::new_with_constructor(|| Histogram::new(BUCKETS));
        let queries = Family::default();
        let refusals = Family::default();
        let removed = Family::default();
        let in_flight = Gauge::default();
        registry.register("http_requests", "Requests answered, by route and status", requests.clone());
        registry.register("http_request_seconds", "Time to the answer, by route", latency.clone());
        registry.register("queries", "Searches and answers, by what came of them", queries.clone());
        registry.register("busy_refusals", "Calls sent away because a gate was full", refusals.clone());
        registry.register("retention_removed", "Rows removed because their time was over, by kind", removed.clone());
        registry.register("http_requests_in_flight", "Requests being worked on", in_flight.clone());
        Self { registry, requests, latency, queries, refusals, removed, in_flight }
    }
}

/// Counts a request as in flight while it lives.
pub struct InFlight(Gauge<i64, AtomicI64>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    /// Counts a request as in flight until the value is dropped.
    pub fn enter(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// Counts an answered request.
    pub fn answered(&self, method: &'static str, route: &'static str, status: StatusCode, seconds: f64) {
        self.requests.get_or_create(&RequestLabels { method, route, status: status.as_u16() }).inc();
        self.latency.get_or_create(&RouteLabels { method, route }).observe(seconds);
    }

    /// Counts a query by what came of it.
    pub fn query(&self, kind: &'static str, matched: bool, degraded: bool) {
        let outcome = match (matched, degraded) {
            (_, true) => "degraded",
            (true, false) => "matched",
            (false, false) => "unmatched",
        };
        self.queries.get_or_create(&OutcomeLabels { kind, outcome }).inc();
    }

    /// A counter of those whom that gate sends away.
    pub fn refusals(&self, gate: &'static str) -> impl Fn() + Send + Sync + 'static {
        let counter = self.refusals.get_or_create_owned(&GateLabels { gate });
        move || {
            counter.inc();
        }
    }

    /// Takes over what was removed since the start.
    fn retained(&self, now: Retained) {
        for (kind, count) in [("turns", now.turns), ("queries", now.queries), ("feedback", now.feedback)] {
            let counter = self.removed.get_or_create_owned(&KindLabels { kind });
            counter.inc_by(count.saturating_sub(counter.get()));
        }
    }

    fn text(&self) -> Result<String, Problem> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry).map_err(|why| Problem::internal(format!("metrics: {why}")))?;
        Ok(text)
    }
}

/// The figures, as sent.
///
/// # Errors
/// `internal` when they cannot be written.
pub fn reply(state: &State) -> Outcome {
    state.metrics.retained(state.kb.retained());
    Ok(Reply::bytes(StatusCode::OK, CONTENT_TYPE, Bytes::from(state.metrics.text()?)))
}

/// `GET /metrics`.
pub async fn metrics(call: Call) -> Outcome {
    reply(&call.state)
}
