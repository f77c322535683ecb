//! x
pub mod bitset;
pub mod dense;
pub mod embed;
