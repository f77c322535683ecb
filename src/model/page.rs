//! How long lists are read: a limit and an opaque cursor.
//!
//! Invariant: a cursor means nothing outside the list that gave it.

use schemars::JsonSchema;
use serde::Serialize;

/// Most items of one page.
pub const MAX_PAGE: usize = 1_000;
/// Items of a page when the caller says nothing.
pub const DEFAULT_PAGE: usize = 20;

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Give it back as `cursor` to read on; absent at the end.
    pub next_cursor: Option<String>,
}
