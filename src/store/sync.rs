//! When is a write on the disk?
//!
//! Invariant: a failed sync is never tried again.

/// A place in the order of commits; see [`crate::store::Store::sync`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(super) u64);
