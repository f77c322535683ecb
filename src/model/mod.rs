//! What the knowledge is made of: plain values and their laws.
//!
//! Invariant: no I/O and no clock; time comes in as an argument.

pub mod text;
pub mod article;
pub mod content;
pub mod lifecycle;
pub mod diff;
pub mod space;
pub mod account;
pub mod search;
pub mod answer;
pub mod query;
pub mod mask;
pub mod gap;
pub mod exchange;
pub mod page;
