//! Text preparation of the index: which forms of a text are matched, cut and shown.
//! Invariant: everything here is a pure function of its input.

pub mod analyzer;
mod blocks;
pub mod chunk;
pub mod language;
mod markdown;
pub mod normalize;
pub mod script;
pub mod sentence;
pub mod snippet;
mod terms;
mod tokens;
mod window;
mod words;
