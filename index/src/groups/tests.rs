//! Laws of groups.
