//! What callers see: stories over real HTTP against a real server on a fresh folder.
//!
//! Invariant: a story talks to the server as a customer or an editor would; it never reaches inside.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]
#![allow(missing_docs, reason = "tests are not a library")]

mod access;
mod actors;
mod alerts;
mod analytics;
mod answers;
mod articles;
mod classify;
mod clicks;
mod closed_loop;
mod contract;
mod curation;
mod drafts;
mod duplicates;
mod erase;
mod errors;
mod exchange;
mod fake;
mod gaps;
mod golden;
mod interactions;
mod limits;
mod models;
mod negative;
mod pins;
mod preview;
mod proof;
mod repeats;
mod scope;
mod search;
mod server;
mod spaces;
mod synonyms;
mod talks;
mod tasks;
