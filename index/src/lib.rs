//! Hybrid retrieval.
mod filter; pub use filter::{Condition, Filter, Op};
