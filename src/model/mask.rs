//! Personal data out of what customers typed, before it is written anywhere.
//!
//! Invariant: masking a masked text changes nothing.
