//! Knowledge-base search and answers over versioned articles, in Chinese and English.
//!
//! Floors, from the ground: [`id`] and [`error`], [`model`] (plain values and laws), [`store`] (the truth, on disk),
//! [`kb`] (the use cases), [`http`] (the doors), [`app`] (putting it together). [`evaluate`] measures the engine, beside them.

pub mod app;
pub mod config;
pub mod error;
pub mod evaluate;
pub mod http;
pub mod id;
pub mod kb;
pub mod model;
pub mod remote;
pub mod store;
