//! Knowledge-base search and answers over versioned articles, in Chinese and English.

pub mod error;
pub mod id;
pub mod kb;
pub mod model;
pub mod store;
