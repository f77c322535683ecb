//! What the knowledge is made of: plain values and their laws.
//!
//! Invariant: no I/O and no clock; time comes in as an argument.

pub mod account;
pub mod alert;
pub mod analytics;
pub mod answer;
pub mod article;
pub mod classify;
pub mod content;
pub mod diff;
pub mod duplicate;
pub mod erasure;
pub mod exchange;
pub mod forecast;
pub mod gap;
pub mod golden;
pub mod interaction;
pub mod lifecycle;
pub mod mask;
pub mod models;
pub mod page;
pub mod pin;
pub mod preview;
pub mod query;
pub mod search;
pub mod space;
pub mod synonym;
pub mod talk;
pub mod task;
pub mod text;
