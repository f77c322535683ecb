//! Who did what: reading the audit log.
//!
//! Invariant: entries are only ever added, each chained to the one before by its hash.

use super::{Admin, Kb};
use crate::error::{Error, Result};
use crate::id::SpaceId;
use crate::model::account::AuditEntry;
use crate::model::page::Page;

impl Kb {
    /// Entries, newest first.
    ///
    /// # Errors
    /// [`Error::InvalidQuery`] for a cursor that is none.
    pub fn audit(
        &self,
        _admin: &Admin,
        space: Option<&SpaceId>,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<AuditEntry>> {
        let before: Option<u64> = match cursor {
            None => None,
            Some(text) => Some(text.parse().map_err(|_| Error::query("cursor", "it is not one that this list gave"))?),
        };
        let mut items = self.inner.store.audit(space, before, limit + 1)?;
        let more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = if more { items.last().map(|e| e.sequence.to_string()) } else { None };
        Ok(Page { items, next_cursor })
    }
}
