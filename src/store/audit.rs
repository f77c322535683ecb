//! Who did what, and can that be trusted?
//!
//! Invariant: `hash` of an entry = BLAKE3(hash of the entry before it, in hex ‖ the entry without `hash` as canonical
//! JSON), the first one after the empty text; sequence numbers have no hole.
//!
//! Canonical JSON: no spaces, the fields in the order of [`Body`], object keys in `detail` sorted by bytes.
//! The chain shows a changed, inserted or missing entry; entries cut off at the end show only to whoever kept a hash.

use serde::Serialize;
use serde_json::Value;

use super::codec::encode;
use super::keys::{Part, Table, parts};
use super::{AuditDraft, Store};
use crate::error::{Error, Result};
use crate::id::SpaceId;
use crate::model::account::AuditEntry;

/// The end of the audit log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Chain {
    sequence: u64,
    hash: String,
}

#[derive(Serialize)]
struct Body<'a> {
    sequence: u64,
    at: jiff::Timestamp,
    actor: &'a str,
    action: &'a str,
    space: Option<&'a SpaceId>,
    subject: &'a str,
    detail: Value,
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut pairs: Vec<_> = map.iter().collect();
            pairs.sort_by_key(|(name, _)| *name);
            Value::Object(pairs.into_iter().map(|(name, value)| (name.clone(), sorted(value))).collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

fn hash(previous: &str, entry: &AuditEntry) -> Result<String> {
    let body = Body {
        sequence: entry.sequence,
        at: entry.at,
        actor: &entry.actor,
        action: &entry.action,
        space: entry.space.as_ref(),
        subject: &entry.subject,
        detail: sorted(&entry.detail),
    };
    let json = serde_json::to_vec(&body).map_err(|e| Error::Store(format!("an audit entry cannot be written: {e}")))?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(previous.as_bytes());
    hasher.update(&json);
    Ok(hasher.finalize().to_hex().to_string())
}

impl Chain {
    /// Gives the draft its place; the rows to be written.
    pub(super) fn append(&mut self, draft: AuditDraft) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let mut entry = AuditEntry {
            sequence: self.sequence + 1,
            at: draft.at,
            actor: draft.actor,
            action: draft.action,
            space: draft.space,
            subject: draft.subject,
            detail: draft.detail,
            hash: String::new(),
        };
        entry.hash = hash(&self.hash, &entry)?;
        let mut rows = vec![(Table::Audit.key().u64(entry.sequence).bytes(), encode(Table::Audit, &entry)?)];
        if let Some(space) = &entry.space {
            let by_space = Table::AuditBySpace.key().id(space.as_str()).u64(entry.sequence).bytes();
            rows.push((by_space, encode(Table::AuditBySpace, &())?));
        }
        *self = Chain { sequence: entry.sequence, hash: entry.hash };
        Ok(rows)
    }
}

impl Store {
    /// Audit entries below the sequence number `before`, newest first; of one space or of all.
    ///
    /// # Errors
    /// `Store` when a row cannot be read.
    pub fn audit(&self, space: Option<&SpaceId>, before: Option<u64>, limit: usize) -> Result<Vec<AuditEntry>> {
        let before = before.unwrap_or(u64::MAX);
        let Some(space) = space else {
            let rows = self.audit_rows(before).rev().take(limit);
            return rows.map(|row| row.map(|(_, entry)| entry)).collect();
        };
        let table = Table::AuditBySpace;
        let from = table.key().id(space.as_str()).bytes();
        let rows = self.scan::<()>(table, from, table.key().id(space.as_str()).u64(before).bytes());
        let mut entries = Vec::new();
        for row in rows.rev().take(limit) {
            let (key, ()) = row?;
            if let [_, Part::Number(sequence)] = parts(&key)?.as_slice() {
                let place = Table::Audit.key().u64(*sequence).bytes();
                entries.extend(self.read::<AuditEntry>(Table::Audit, &place)?);
            }
        }
        Ok(entries)
    }

    fn audit_rows(&self, before: u64) -> super::rows::Scan<AuditEntry> {
        self.scan(Table::Audit, Table::Audit.key().bytes(), Table::Audit.key().u64(before).bytes())
    }

    /// The first sequence number at which the hash chain is broken; `None` when it is whole.
    ///
    /// # Errors
    /// `Store` when the log cannot be read; an entry that cannot be decoded counts as broken.
    pub fn verify_audit(&self) -> Result<Option<u64>> {
        let end = self.inner.writer.lock().chain.clone();
        let mut chain = Chain::default();
        for sequence in 1..=end.sequence {
            let place = Table::Audit.key().u64(sequence).bytes();
            let Ok(Some(entry)) = self.read::<AuditEntry>(Table::Audit, &place) else {
                return Ok(Some(sequence));
            };
            if entry.sequence != sequence || entry.hash != hash(&chain.hash, &entry)? {
                return Ok(Some(sequence));
            }
            chain = Chain { sequence, hash: entry.hash };
        }
        Ok(None)
    }

    /// The end of the audit log as it is stored.
    pub(super) fn read_chain(&self) -> Result<Chain> {
        let last = self.audit_rows(u64::MAX).next_back().transpose()?;
        Ok(last.map_or_else(Chain::default, |(_, entry)| Chain { sequence: entry.sequence, hash: entry.hash }))
    }
}
