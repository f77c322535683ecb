//! A space's synonyms: what its words mean beside themselves.
//!
//! Invariant: a rule counts from the next search on; what is kept at hand changes after the store did, under the
//! space's lock.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;
use zhiyin_index::normalize::folded;
use zhiyin_index::{Query, SynonymRule as EngineRule, Synonyms};

use super::search::{article_id, round, visible};
use super::shelf::engine_error;
use super::{Curator, Grant, Kb};
use crate::error::{Error, FieldError, Result};
use crate::id::{SpaceId, SynonymId};
use crate::model::synonym::{
    Changed, Effect, MAX_SYNONYMS, Synonym, SynonymKind, SynonymPreview, SynonymRule, TopHit, Trial,
};
use crate::model::text::Phrase;
use crate::store::AuditDraft;

/// Records that are looked through for distinct queries, for each one wanted.
const RECORDS_PER_QUERY: usize = 20;
/// Change of a score below which nothing has changed.
const SAME: f64 = 0.001;

impl Kb {
    /// The synonyms of a space, oldest first.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn list_synonyms(&self, curator: &Curator) -> Result<Vec<Synonym>> {
        self.inner.store.synonyms(&curator.grant().space)
    }

    /// Adds a rule.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] for one that makes no sense or is one too many; [`Error::AlreadyExists`] for one that
    /// is there.
    pub fn add_synonym(&self, curator: &Curator, rule: SynonymRule, now: Timestamp) -> Result<Synonym> {
        let grant = curator.grant();
        check(std::slice::from_ref(&rule), |_| String::new())?;
        let _lock = self.inner.store.lock(&grant.space);
        let mut all = self.inner.store.synonyms(&grant.space)?;
        if let Some(known) = all.iter().find(|known| known.rule() == rule) {
            return Err(Error::AlreadyExists { what: "synonym", id: known.id.to_string() });
        }
        if all.len() >= MAX_SYNONYMS {
            return Err(Error::field("space", format!("it has {MAX_SYNONYMS} synonyms, and may have no more")));
        }
        let synonym = Synonym::of(rule, SynonymId::fresh(now.as_millisecond()), &grant.actor, now);
        let mut batch = self.inner.store.batch();
        batch.put_synonym(&grant.space, &synonym);
        batch.audit(draft(grant, "synonym.add", synonym.id.as_str(), json!({ "rule": synonym.rule() }), now));
        all.push(synonym.clone());
        self.write_synonyms(grant, batch, &all)?;
        Ok(synonym)
    }

    /// Takes a rule away.
    ///
    /// # Errors
    /// [`Error::SynonymNotFound`].
    pub fn remove_synonym(&self, curator: &Curator, id: &SynonymId, now: Timestamp) -> Result<Synonym> {
        let grant = curator.grant();
        let _lock = self.inner.store.lock(&grant.space);
        let mut all = self.inner.store.synonyms(&grant.space)?;
        let place = all.iter().position(|known| known.id == *id);
        let gone = place.map(|place| all.remove(place)).ok_or_else(|| Error::SynonymNotFound(id.clone()))?;
        let mut batch = self.inner.store.batch();
        batch.remove_synonym(&grant.space, id);
        batch.audit(draft(grant, "synonym.remove", id.as_str(), json!({ "rule": gone.rule() }), now));
        self.write_synonyms(grant, batch, &all)?;
        Ok(gone)
    }

    /// Replaces all rules; one that stays keeps its id.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] with everything that is wrong with any of them.
    pub fn set_synonyms(&self, curator: &Curator, rules: Vec<SynonymRule>, now: Timestamp) -> Result<Vec<Synonym>> {
        let grant = curator.grant();
        check(&rules, |i| format!("items[{i}]."))?;
        let _lock = self.inner.store.lock(&grant.space);
        let before = self.inner.store.synonyms(&grant.space)?;
        let wanted: HashSet<&SynonymRule> = rules.iter().collect();
        let kept: Vec<&Synonym> = before.iter().filter(|known| wanted.contains(&known.rule())).collect();
        let mut batch = self.inner.store.batch();
        for known in before.iter().filter(|known| !wanted.contains(&known.rule())) {
            batch.remove_synonym(&grant.space, &known.id);
        }
        let mut all: Vec<Synonym> = kept.into_iter().cloned().collect();
        let known: HashSet<SynonymRule> = all.iter().map(Synonym::rule).collect();
        for rule in rules.iter().filter(|rule| !known.contains(rule)) {
            let id = SynonymId::fresh(now.as_millisecond());
            let synonym = Synonym::of(rule.clone(), id, &grant.actor, now);
            batch.put_synonym(&grant.space, &synonym);
            all.push(synonym);
        }
        let detail = json!({ "rules": all.len(), "before": before.len() });
        batch.audit(draft(grant, "synonym.set", grant.space.as_str(), detail, now));
        self.write_synonyms(grant, batch, &all)?;
        Ok(all)
    }

    fn write_synonyms(&self, grant: &Grant, batch: crate::store::Batch, all: &[Synonym]) -> Result<()> {
        let ticket = self.inner.store.commit(batch)?;
        self.inner.store.sync(ticket)?;
        let ready = Arc::new(ready(all.iter().map(Synonym::rule)));
        self.inner.synonyms.write().insert(grant.space.clone(), ready);
        Ok(())
    }

    /// The synonyms of a space, ready to be applied; nothing where there are none.
    pub(crate) fn synonyms(&self, space: &SpaceId) -> Result<Option<Arc<Synonyms>>> {
        let known = self.inner.synonyms.read().get(space).cloned();
        let ready = match known {
            Some(ready) => ready,
            None => {
                let _lock = self.inner.store.lock(space);
                let all = self.inner.store.synonyms(space)?;
                let ready = Arc::new(ready(all.iter().map(Synonym::rule)));
                self.inner.synonyms.write().entry(space.clone()).or_insert(ready).clone()
            }
        };
        Ok((!ready.is_empty()).then_some(ready))
    }

    /// What a rule would do to queries, beside the rules that are there.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] for a rule that makes no sense; [`Error::IndexUnavailable`].
    pub fn preview_synonym(
        &self,
        curator: &Curator,
        rule: SynonymRule,
        trial: Trial,
        now: Timestamp,
    ) -> Result<SynonymPreview> {
        let grant = curator.grant();
        check(std::slice::from_ref(&rule), |_| String::new())?;
        let queries = match trial {
            Trial::Queries(queries) => queries.into_iter().map(String::from).collect(),
            Trial::Latest(most) => self.latest_queries(&grant.space, most, now)?,
        };
        let all = self.inner.store.synonyms(&grant.space)?;
        let before = Arc::new(ready(all.iter().map(Synonym::rule)));
        let after = Arc::new(ready(all.iter().map(Synonym::rule).chain([rule])));
        let mut preview = SynonymPreview { queries: queries.len() as u64, gained: 0, lost: 0, items: Vec::new() };
        for query in queries {
            let before = self.best(grant, &query, &before)?;
            let after = self.best(grant, &query, &after)?;
            let Some(effect) = effect(before.as_ref(), after.as_ref()) else { continue };
            preview.gained += u64::from(effect == Effect::Gained);
            preview.lost += u64::from(effect == Effect::Lost);
            preview.items.push(Changed { query, effect, before, after });
        }
        Ok(preview)
    }

    fn latest_queries(&self, space: &SpaceId, most: usize, now: Timestamp) -> Result<Vec<String>> {
        let mut seen = HashSet::new();
        let mut queries = Vec::new();
        // The end is not part of the range: what was asked in this very moment is.
        let until = now.checked_add(std::time::Duration::from_secs(1)).unwrap_or(now);
        let records = self.inner.store.queries(space, Timestamp::UNIX_EPOCH, until).rev();
        for record in records.take(most.saturating_mul(RECORDS_PER_QUERY)) {
            let record = record?;
            if queries.len() < most && seen.insert(folded(&record.query)) {
                queries.push(record.query);
            }
        }
        Ok(queries)
    }

    fn best(&self, grant: &Grant, query: &str, synonyms: &Arc<Synonyms>) -> Result<Option<TopHit>> {
        let query =
            Query { limit: 1, filter: visible(grant, None)?, synonyms: Some(synonyms.clone()), ..Query::new(query) };
        let results = self.shelf(&grant.space)?.ready()?.search(&query).map_err(engine_error)?;
        let threshold = self.threshold(grant)?;
        Ok(results.hits.first().map(|hit| TopHit {
            article_id: article_id(&hit.record),
            title: hit.record.title.clone(),
            score: round(hit.score),
            matched: f64::from(hit.score) >= threshold,
        }))
    }
}

fn effect(before: Option<&TopHit>, after: Option<&TopHit>) -> Option<Effect> {
    let matched = |hit: Option<&TopHit>| hit.is_some_and(|hit| hit.matched);
    let same = before.map(|hit| &hit.article_id) == after.map(|hit| &hit.article_id);
    let score = |hit: Option<&TopHit>| hit.map_or(0.0, |hit| hit.score);
    match (matched(before), matched(after)) {
        (false, true) => Some(Effect::Gained),
        (true, false) => Some(Effect::Lost),
        _ if !same => Some(Effect::Reordered),
        _ if (score(before) - score(after)).abs() >= SAME => Some(Effect::Rescored),
        _ => None,
    }
}

fn draft(grant: &Grant, action: &str, subject: &str, detail: serde_json::Value, now: Timestamp) -> AuditDraft {
    AuditDraft {
        at: now,
        actor: grant.actor.clone(),
        action: action.to_owned(),
        space: Some(grant.space.clone()),
        subject: subject.to_owned(),
        detail,
    }
}

fn check(rules: &[SynonymRule], path: impl Fn(usize) -> String) -> Result<()> {
    let mut faults: Vec<FieldError> = Vec::new();
    let mut seen = HashSet::new();
    for (i, rule) in rules.iter().enumerate() {
        faults.extend(rule.faults(&path(i), folded));
        if !seen.insert(rule) {
            faults.push(FieldError::new(path(i).trim_end_matches('.'), "the same rule is there twice"));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::InvalidRequest(faults)) }
}

fn ready(rules: impl Iterator<Item = SynonymRule>) -> Synonyms {
    let own = |phrases: Vec<Phrase>| -> Vec<String> { phrases.into_iter().map(String::from).collect() };
    let rules: Vec<EngineRule> = rules
        .map(|rule| match rule.kind {
            SynonymKind::TwoWay => EngineRule::TwoWay(own(rule.terms)),
            SynonymKind::OneWay => EngineRule::OneWay(own(rule.from), own(rule.to)),
            SynonymKind::Replacement => EngineRule::Replacement(own(rule.from), own(rule.to).concat()),
        })
        .collect();
    Synonyms::new(&rules)
}
