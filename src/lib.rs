//! Knowledge-base search and answers over versioned articles, in Chinese and English.

pub mod id;
pub mod error;
pub mod model;
pub mod store;
pub mod kb;
