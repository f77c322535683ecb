//! Knowledge-base search and answers over versioned articles, in Chinese and English.

pub mod app;
pub mod config;
pub mod error;
pub mod http;
pub mod id;
pub mod kb;
pub mod model;
pub mod store;
