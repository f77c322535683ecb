//! What all requests share.
//!
//! Invariant: made once at the start; what changes in it is a counter or guards itself.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;

use super::blocking::Gate;
use super::idempotency::InProgress;
use super::metrics::Metrics;
use super::openapi;
use super::rate::Rates;
use super::route::Route;
use super::routes;
use super::settings::HttpSettings;
use crate::kb::Kb;

/// What all requests share.
pub struct State {
    /// The use cases.
    pub kb: Kb,
    /// Settings.
    pub settings: HttpSettings,
    /// In front of searches and reads.
    pub searches: Gate,
    /// In front of writes.
    pub writes: Gate,
    /// In front of imports, exports and other long work.
    pub bulk: Gate,
    /// In front of callers who wait for their write to be searchable: they hold a thread and do nothing.
    pub waits: Gate,
    /// In front of the language model: who waits for it holds a thread and no other permit.
    pub language_model: Gate,
    /// Allowances.
    pub rates: Rates,
    /// Requests with an idempotency key that are being worked on.
    pub in_progress: InProgress,
    /// Figures.
    pub metrics: Metrics,
    /// Every route.
    pub routes: Vec<Arc<Route>>,
    /// The contract, as sent.
    pub openapi: Bytes,
}

/// Callers that may wait for searchability at a time.
const MAX_WAITS: usize = 128;
/// Callers that may wait for the language model to have time for them, and how long.
const MAX_WRITERS: usize = 16;
const WRITER_WAIT: Duration = Duration::from_secs(2);

impl State {
    /// The shared state over these use cases.
    pub fn new(kb: Kb, settings: HttpSettings) -> Self {
        let metrics = Metrics::default();
        let gate = |name: &'static str, size| Gate::new(size, metrics.refusals(name));
        let waits = super::GateSettings { permits: MAX_WAITS, ..settings.write_gate };
        let permits = settings.language_model_permits;
        let language_model = super::GateSettings { permits, queue: MAX_WRITERS, wait: WRITER_WAIT };
        let routes: Vec<Arc<Route>> = routes::all().into_iter().map(Arc::new).collect();
        let contract = openapi::document(&routes, &settings);
        Self {
            searches: gate("search", settings.search_gate),
            writes: gate("write", settings.write_gate),
            bulk: gate("bulk", settings.bulk_gate),
            waits: gate("wait", waits),
            language_model: gate("language_model", language_model),
            rates: Rates::new(settings.key_rate, settings.public_rate),
            in_progress: InProgress::default(),
            openapi: Bytes::from(contract.to_string()),
            metrics,
            routes,
            kb,
            settings,
        }
    }
}
