//! How the use cases are reached over HTTP: the only folder that names actix or a status code.
//!
//! Invariant: every request passes `door.rs`; every path stands in `routes.rs`.

mod admin;
mod alerts;
mod analytics;
mod answers;
mod articles;
mod assets;
mod auth;
mod blocking;
mod body;
mod call;
mod classify;
mod cors;
mod curation;
mod door;
mod duplicates;
mod edits;
mod erase;
mod error;
mod exchange;
mod fields;
mod filters;
mod gaps;
mod golden;
mod health;
mod idempotency;
mod interactions;
mod metrics;
mod models;
mod openapi;
mod payload;
mod pins;
mod preview;
mod query;
mod rate;
mod route;
mod routes;
mod search;
mod server;
mod settings;
mod shape;
mod state;
mod synonyms;
mod tasks;

pub use server::{Server, start, until_asked_to_stop};
pub use settings::{GateSettings, HttpSettings};
