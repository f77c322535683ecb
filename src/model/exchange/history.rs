//! A whole history as one line: read with every law checked, written with a fixed order of keys.
//!
//! Invariant: a history that was read is one that the lifecycle could have made: versions 1 to n, publications in order.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::fields::Fields;
use super::{History, HistoryVersion};
use crate::error::FieldError;
use crate::model::article::{Publication, Review, Schedule, Version};
use crate::model::content::to_millis;

impl From<Version> for HistoryVersion {
    fn from(v: Version) -> Self {
        Self { version: v.number, author: v.author, created_at: v.created_at, note: v.note, content: v.content }
    }
}

impl From<HistoryVersion> for Version {
    fn from(v: HistoryVersion) -> Self {
        Self { number: v.version, author: v.author, created_at: v.created_at, note: v.note, content: v.content }
    }
}

/// One line of NDJSON, without its end; the same history always gives the same bytes.
///
/// # Errors
/// Only when a number in it is not finite, which reading never lets through.
pub fn write_history(history: &History) -> Result<String, serde_json::Error> {
    serde_json::to_string(history)
}

pub(super) fn read(keys: Map<String, Value>) -> Result<History, Vec<FieldError>> {
    let mut fields = Fields::new(keys, "");
    let id = fields.need("id");
    let versions = versions(&mut fields);
    let publications: Vec<Publication> = fields.take("publications").unwrap_or_default();
    let archived = fields.take("archived").unwrap_or_default();
    let verified_at = fields.take("verified_at").map(to_millis);
    let review_due_at = fields.take("review_due_at").map(to_millis);
    let schedule = fields.take::<Schedule>("schedule").map(schedule_to_millis);
    let review = fields.take::<Review>("review").map(|r| Review { at: to_millis(r.at), ..r });
    let publications: Vec<Publication> = publications.into_iter().map(publication_to_millis).collect();
    let errors = fields.finish();
    let Some(id) = id.filter(|_| errors.is_empty()) else { return Err(errors) };
    let history = History { id, versions, publications, archived, verified_at, review_due_at, schedule, review };
    let faults = faults(&history);
    if faults.is_empty() { Ok(history) } else { Err(faults) }
}

fn schedule_to_millis(s: Schedule) -> Schedule {
    Schedule { at: to_millis(s.at), until: s.until.map(to_millis), ..s }
}

fn publication_to_millis(p: Publication) -> Publication {
    Publication { from: to_millis(p.from), until: p.until.map(to_millis), ..p }
}

fn versions(fields: &mut Fields) -> Vec<HistoryVersion> {
    let mut versions = Vec::new();
    for (index, value) in fields.list("versions").into_iter().enumerate() {
        let at = format!("versions[{index}]");
        let Value::Object(keys) = value else {
            fields.wrong(&at, "must be an object");
            continue;
        };
        let mut inner = Fields::new(keys, format!("{at}."));
        let (version, author) = (inner.need("version"), inner.need("author"));
        let (created_at, note) = (inner.need::<Timestamp>("created_at"), inner.take("note"));
        let content = inner.content();
        fields.absorb(inner.finish());
        if let (Some(version), Some(author), Some(created_at), Some(content)) = (version, author, created_at, content) {
            versions.push(HistoryVersion { version, author, created_at: to_millis(created_at), note, content });
        }
    }
    versions
}

fn faults(history: &History) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let mut wrong = |field: String, message: String| faults.push(FieldError::new(field, message));
    if history.versions.is_empty() {
        wrong("versions".into(), "must have at least one version".into());
    }
    for (index, (version, wanted)) in history.versions.iter().zip(1_u32..).enumerate() {
        if version.version != wanted {
            wrong(
                format!("versions[{index}].version"),
                format!("is {}; it must be {wanted}: 1, 2, 3 … without a hole", version.version),
            );
        }
    }
    let known = |version: u32| (1..=history.versions.len()).contains(&(version as usize));
    let mut before: Option<&Publication> = None;
    for (index, publication) in history.publications.iter().enumerate() {
        let at = |name: &str| format!("publications[{index}].{name}");
        if !known(publication.version) {
            wrong(at("version"), format!("there is no version {}", publication.version));
        }
        if let Some(until) = publication.until.filter(|until| *until < publication.from) {
            wrong(at("until"), format!("{until} is before from, {}", publication.from));
        }
        if let Some(before) = before
            && before.until.is_none_or(|until| until > publication.from)
        {
            wrong(at("from"), "begins while the publication before it has not ended".into());
        }
        before = Some(publication);
    }
    if let Some(schedule) = &history.schedule {
        if !known(schedule.version) {
            wrong("schedule.version".into(), format!("there is no version {}", schedule.version));
        }
        if schedule.until.is_some_and(|until| until <= schedule.at) {
            wrong("schedule.until".into(), "must be after at".into());
        }
        if before.is_some_and(|last| last.from > schedule.at) {
            wrong("schedule.at".into(), "is before the last publication".into());
        }
        if history.archived {
            wrong("schedule".into(), "an archived article cannot wait for a publication".into());
        }
    }
    if history.archived && before.is_some_and(|last| last.until.is_none()) {
        wrong("archived".into(), "an archived article cannot have a publication without an end".into());
    }
    if let Some(review) = history.review.as_ref().filter(|r| !known(r.version)) {
        wrong("review.version".into(), format!("there is no version {}", review.version));
    }
    faults
}
