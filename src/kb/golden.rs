//! Golden queries: what must be found, kept and tried.
//!
//! Invariant: a run asks as the golden query's audience, never as more than the curator may see, and leaves no record.

use std::collections::HashSet;

use jiff::Timestamp;
use serde_json::json;
use zhiyin_index::Filter;

use super::golden_watch::Tried;
use super::records::form;
use super::search::{article_id, round};
use super::{Curator, Grant, Kb};
use crate::error::{Error, FieldError, Result};
use crate::id::{ArticleId, GoldenId, SpaceId};
use crate::model::article::Audience;
use crate::model::golden::{Golden, GoldenImport, GoldenResult, GoldenRun, MAX_GOLDEN, NewGolden};
use crate::model::search::SearchRequest;
use crate::store::AuditDraft;

/// Places among which an expected article is looked for.
const PLACES: u32 = 10;

impl Kb {
    pub(super) fn golden(&self, grant: &Grant, id: &GoldenId) -> Result<Golden> {
        self.inner.store.get_golden(&grant.space, id)?.ok_or_else(|| Error::GoldenNotFound(id.clone()))
    }

    /// Adds a golden query.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] where the space has one of that form; [`Error::InvalidRequest`] for articles that are
    /// not there, or too many golden queries.
    pub fn add_golden(&self, curator: &Curator, new: NewGolden, now: Timestamp) -> Result<Golden> {
        let grant = curator.grant();
        let errors = self.missing_articles(&grant.space, &new.articles, "")?;
        if !errors.is_empty() {
            return Err(Error::InvalidRequest(errors));
        }
        let lock = self.inner.store.lock(&grant.space);
        let golden = golden(grant, new, "query", now)?;
        if self.inner.store.get_golden(&grant.space, &golden.id)?.is_some() {
            return Err(Error::AlreadyExists { what: "golden query", id: golden.id.to_string() });
        }
        self.check_room(&grant.space, 1)?;
        self.write_golden(grant, std::slice::from_ref(&golden), "golden.add", now)?;
        drop(lock);
        Ok(golden)
    }

    /// Says something else about a golden query; its wording may change within its form.
    ///
    /// # Errors
    /// [`Error::GoldenNotFound`]; [`Error::InvalidRequest`] for a query of another form or articles that are not there.
    pub fn set_golden(&self, curator: &Curator, id: &GoldenId, new: NewGolden, now: Timestamp) -> Result<Golden> {
        let grant = curator.grant();
        let errors = self.missing_articles(&grant.space, &new.articles, "")?;
        if !errors.is_empty() {
            return Err(Error::InvalidRequest(errors));
        }
        let lock = self.inner.store.lock(&grant.space);
        self.golden(grant, id)?;
        let golden = golden(grant, new, "query", now)?;
        if golden.id != *id {
            return Err(Error::field("query", "it asks something else; remove this golden query and add another one"));
        }
        self.write_golden(grant, std::slice::from_ref(&golden), "golden.set", now)?;
        drop(lock);
        Ok(golden)
    }

    /// Takes a golden query away.
    ///
    /// # Errors
    /// [`Error::GoldenNotFound`].
    pub fn remove_golden(&self, curator: &Curator, id: &GoldenId, now: Timestamp) -> Result<()> {
        let grant = curator.grant();
        let store = &self.inner.store;
        let lock = store.lock(&grant.space);
        let golden = self.golden(grant, id)?;
        let mut batch = store.batch();
        batch.remove_golden(&grant.space, id);
        batch.audit(draft(grant, "golden.remove", id.to_string(), json!({ "query": golden.query }), now));
        let ticket = store.commit(batch)?;
        drop(lock);
        store.sync(ticket)
    }

    /// Adds golden queries, and replaces what is said about those that are there. All of them or none.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] naming every item that names an article which is not there, or comes twice.
    pub fn import_golden(&self, curator: &Curator, new: Vec<NewGolden>, now: Timestamp) -> Result<GoldenImport> {
        let grant = curator.grant();
        let mut errors = Vec::new();
        let mut seen = HashSet::new();
        let mut wanted = Vec::with_capacity(new.len());
        for (i, one) in new.into_iter().enumerate() {
            errors.extend(self.missing_articles(&grant.space, &one.articles, &format!("items[{i}]."))?);
            match golden(grant, one, &format!("items[{i}].query"), now) {
                Ok(golden) if !seen.insert(golden.id.clone()) => {
                    errors.push(FieldError::new(format!("items[{i}].query"), "it is there twice"));
                }
                Ok(golden) => wanted.push(golden),
                Err(Error::InvalidRequest(own)) => errors.extend(own),
                Err(other) => return Err(other),
            }
        }
        if !errors.is_empty() {
            return Err(Error::InvalidRequest(errors));
        }
        let lock = self.inner.store.lock(&grant.space);
        let mut report = GoldenImport::default();
        let mut changed = Vec::new();
        for golden in wanted {
            match self.inner.store.get_golden(&grant.space, &golden.id)? {
                None => report.added += 1,
                Some(old) if says_the_same(&old, &golden) => {
                    report.unchanged += 1;
                    continue;
                }
                Some(_) => report.changed += 1,
            }
            changed.push(golden);
        }
        self.check_room(&grant.space, report.added)?;
        if !changed.is_empty() {
            self.write_golden(grant, &changed, "golden.import", now)?;
        }
        drop(lock);
        Ok(report)
    }

    /// Asks every golden query of the space, and keeps what came of those that the curator may ask as their audience.
    ///
    /// # Errors
    /// [`Error::IndexUnavailable`] while the space's index is being filled.
    pub fn run_golden(&self, curator: &Curator, now: Timestamp) -> Result<GoldenRun> {
        let grant = curator.grant();
        let current = self.is_current(&grant.space)?;
        let tried = self.try_all(grant, now)?;
        let mut items: Vec<GoldenResult> = tried.iter().map(|tried| tried.result.clone()).collect();
        if current {
            self.keep_golden(grant, tried, now)?;
        }
        items.sort_by_key(|item| item.passed);
        let expecting: Vec<&GoldenResult> = items.iter().filter(|item| !item.expected.is_empty()).collect();
        let sum: f64 = expecting.iter().filter_map(|item| Some(1.0 / f64::from(item.rank?))).sum();
        let mrr = (!expecting.is_empty()).then(|| sum / expecting.len() as f64);
        let passed = items.iter().filter(|item| item.passed).count();
        Ok(GoldenRun { queries: items.len(), passed, mrr, threshold: self.threshold(grant)?, items })
    }

    /// Asks every golden query of the grant's space, in the order of their text.
    pub(super) fn try_all(&self, grant: &Grant, now: Timestamp) -> Result<Vec<Tried>> {
        let threshold = self.threshold(grant)?;
        let all = self.all_golden(&grant.space)?.into_iter();
        all.map(|golden| self.try_golden(grant, golden, threshold, now)).collect()
    }

    fn try_golden(&self, grant: &Grant, golden: Golden, threshold: f64, now: Timestamp) -> Result<Tried> {
        let seen = |audience: &Audience| *audience == Audience::Public || *audience <= golden.audience;
        let audiences = grant.audiences.iter().copied().filter(seen).collect();
        let asker = Grant { audiences, ..grant.clone() };
        let found = self.find(&asker, &request(&golden), now)?;
        let ids: Vec<ArticleId> = found.hits.iter().map(|hit| article_id(&hit.record)).collect();
        let place = ids.iter().position(|id| golden.articles.contains(id));
        let matched = f64::from(found.confidence) >= threshold;
        let passed = if golden.articles.is_empty() { !matched } else { matched && place == Some(0) };
        let version = found.hits.first().map(|hit| hit.record.version);
        let result = GoldenResult {
            id: golden.id.clone(),
            query: golden.query.clone(),
            expected: golden.articles.clone(),
            passed,
            rank: place.and_then(|place| u32::try_from(place + 1).ok()),
            first: ids.into_iter().next(),
            confidence: round(found.confidence),
            matched,
        };
        Ok(Tried { golden, result, version, degraded: !found.degraded.is_empty() })
    }

    /// Every golden query of a space, in the order of their text.
    pub(crate) fn all_golden(&self, space: &SpaceId) -> Result<Vec<Golden>> {
        let mut all = self.inner.store.golden(space).collect::<Result<Vec<Golden>>>()?;
        all.sort_by(|a, b| a.query.cmp(&b.query).then(a.id.cmp(&b.id)));
        Ok(all)
    }

    /// Articles that are named and not there, each as a wrong field.
    pub(crate) fn missing_articles(&self, space: &SpaceId, ids: &[ArticleId], at: &str) -> Result<Vec<FieldError>> {
        let mut errors = Vec::new();
        for (i, id) in ids.iter().enumerate() {
            if self.inner.store.get_article(space, id)?.is_none() {
                let field = format!("{at}articles[{i}]");
                errors.push(FieldError::new(field, format!("there is no article '{id}' in space '{space}'")));
            }
        }
        Ok(errors)
    }

    fn check_room(&self, space: &SpaceId, more: usize) -> Result<()> {
        let there = self.inner.store.golden(space).count();
        if there + more <= MAX_GOLDEN {
            return Ok(());
        }
        let message = format!("the space has {there} golden queries; at most {MAX_GOLDEN} are allowed");
        Err(Error::field("query", message))
    }

    fn write_golden(&self, grant: &Grant, golden: &[Golden], action: &str, now: Timestamp) -> Result<()> {
        let store = &self.inner.store;
        let mut batch = store.batch();
        for one in golden {
            batch.put_golden(&grant.space, one);
            // What came of it before was measured by other words.
            batch.remove_golden_last(&grant.space, &one.id);
        }
        let (subject, detail) = match golden {
            [one] => (one.id.to_string(), json!({ "query": one.query, "articles": one.articles })),
            many => (grant.space.to_string(), json!({ "queries": many.len() })),
        };
        batch.audit(draft(grant, action, subject, detail, now));
        let ticket = store.commit(batch)?;
        store.sync(ticket)
    }
}

/// Where a page begins.
pub(super) fn offset(cursor: Option<&str>) -> Result<usize> {
    let text = cursor.unwrap_or("0");
    text.parse().map_err(|_| Error::query("cursor", "it is not one that this list gave"))
}

fn golden(grant: &Grant, new: NewGolden, field: &str, now: Timestamp) -> Result<Golden> {
    let form = form(new.query.as_str());
    if form.is_empty() {
        return Err(Error::field(field, "it holds no word"));
    }
    Ok(Golden {
        id: GoldenId::of(&grant.space, &form),
        query: new.query,
        articles: new.articles,
        audience: new.audience,
        note: new.note,
        by: grant.actor.clone(),
        at: now,
    })
}

fn says_the_same(old: &Golden, new: &Golden) -> bool {
    (&old.query, &old.articles, old.audience, &old.note) == (&new.query, &new.articles, new.audience, &new.note)
}

fn request(golden: &Golden) -> SearchRequest<Filter> {
    SearchRequest { limit: PLACES, rerank: true, ..SearchRequest::first_of(golden.query.clone()) }
}

/// An entry of the audit log about something a curator did.
pub(crate) fn draft(
    grant: &Grant,
    action: &str,
    subject: String,
    detail: serde_json::Value,
    now: Timestamp,
) -> AuditDraft {
    AuditDraft {
        at: now,
        actor: grant.actor.clone(),
        action: action.to_owned(),
        space: Some(grant.space.clone()),
        subject,
        detail,
    }
}
