//! How well does search do on judged queries? Sets in, figures out: what `zhiyin eval` and `zhiyin calibrate` measure.
//!
//! Invariant: what is measured is the engine's public door (or a server's), on an index made for the purpose; nothing
//! is looked up beside it, and the same seed gives the same intervals.

pub mod ablate;
pub mod compare;
pub mod dump;
mod error;
mod formats;
pub mod metrics;
mod models;
pub mod named;
mod read;
pub mod report;
pub mod resample;
pub mod run;
mod set;
pub mod threshold;
pub mod trial;

pub use error::{BadLine, Error, Result};
pub use formats::{beir, squad};
pub use read::{passages_and_queries, queries};
pub use set::{Judged, Mode, Pair, Passage, Set};
