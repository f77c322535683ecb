//! Knowledge in and out, in bulk.
//!
//! Invariant: what `export` wrote as NDJSON, `import` into an empty space brings back to the same bytes.

mod export;
mod import;
