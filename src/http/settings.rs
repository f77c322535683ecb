//! How the HTTP door is set.
//!
//! Invariant: plain values, already checked; nothing here is read from a file or the environment.

use std::net::SocketAddr;
use std::time::Duration;

/// Size of a permit gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateSettings {
    /// Calls that run at a time.
    pub permits: usize,
    /// Calls that may wait for a permit.
    pub queue: usize,
    /// Longest wait for a permit.
    pub wait: Duration,
}

/// How the HTTP door is set; made by `app.rs` from the configuration.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Address of the API.
    pub listen: SocketAddr,
    /// Address of a private listener that serves `/metrics` without a key.
    pub metrics_listen: Option<SocketAddr>,
    /// Event-loop threads.
    pub workers: usize,
    /// Open connections per worker.
    pub max_connections: usize,
    /// Largest JSON body, in bytes, after decompression.
    pub max_body: usize,
    /// Largest import body, in bytes, after decompression.
    pub max_import: u64,
    /// Longest time for a request's head, and between two pieces of its body.
    pub client_timeout: Duration,
    /// How long an idle connection stays open.
    pub keep_alive: Duration,
    /// Longest time a handler may take.
    pub deadline: Duration,
    /// Longest time `?wait=searchable` holds an answer.
    pub searchable_wait: Duration,
    /// Longest time a shutdown waits for accepted requests.
    pub shutdown_timeout: Duration,
    /// Requests a second of a key that sets none of its own.
    pub key_rate: u32,
    /// Requests a second of a peer without a key.
    pub public_rate: u32,
    /// In front of searches and reads.
    pub search_gate: GateSettings,
    /// In front of writes.
    pub write_gate: GateSettings,
    /// In front of imports, exports and other long work.
    pub bulk_gate: GateSettings,
    /// Requests to the language model at a time.
    pub language_model_permits: usize,
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Settings for tests.
    pub fn small() -> HttpSettings {
        let gate = GateSettings { permits: 2, queue: 8, wait: Duration::from_millis(200) };
        HttpSettings {
            listen: ([127, 0, 0, 1], 0).into(),
            metrics_listen: None,
            workers: 1,
            max_connections: 100,
            max_body: 64 * 1024,
            max_import: 1024 * 1024,
            client_timeout: Duration::from_secs(5),
            keep_alive: Duration::from_secs(5),
            deadline: Duration::from_secs(5),
            searchable_wait: Duration::from_secs(5),
            shutdown_timeout: Duration::from_secs(5),
            key_rate: 1_000,
            public_rate: 100,
            search_gate: gate,
            write_gate: gate,
            bulk_gate: gate,
            language_model_permits: 0,
        }
    }
}
