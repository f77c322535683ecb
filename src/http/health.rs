//! Whether the server lives and is ready, for those who watch it.
//!
//! Invariant: both answer without a key and without a permit, however busy the server is.

use actix_web::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::call::{Call, Outcome, Reply};

/// How the server is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Health {
    /// `ok`, or `not_ready`.
    status: &'static str,
    /// Version of the program.
    version: &'static str,
    /// What is not ready yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<String>,
    /// What is ready but does without something, such as its embedding model.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    degraded: Vec<String>,
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// `GET /healthz`.
pub async fn alive(_: Call) -> Outcome {
    Reply::ok(&Health { status: "ok", version: VERSION, missing: Vec::new(), degraded: Vec::new() })
}

/// `GET /readyz`.
pub async fn ready(call: Call) -> Outcome {
    let missing = call.kb().not_ready();
    let degraded = call.kb().degraded();
    if missing.is_empty() {
        return Reply::ok(&Health { status: "ok", version: VERSION, missing, degraded });
    }
    Reply::json(StatusCode::SERVICE_UNAVAILABLE, &Health { status: "not_ready", version: VERSION, missing, degraded })
}
