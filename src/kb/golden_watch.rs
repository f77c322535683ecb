//! Golden queries watched: what came of each one last, and which change stands behind one that came out right and does
//! no longer.
//!
//! Invariant: only what was asked as the golden query's whole audience, of an index that held all that was written and
//! lacked nothing, is kept.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::golden::draft;
use super::{Curator, Grant, Kb};
use crate::error::Result;
use crate::id::{ArticleId, GoldenId, SpaceId};
use crate::model::article::Audience;
use crate::model::gap::Cause;
use crate::model::golden::{Golden, GoldenCause, GoldenLast, GoldenReplay, GoldenResult, GoldenStatus, GoldenView};
use crate::model::page::Page;

/// Results kept with one write.
const BATCH: usize = 500;
/// How long the index may take to catch up before a run that nobody waits for.
const CATCH_UP: Duration = Duration::from_secs(5);
/// What else than articles decides what a query finds, by the beginning of its name in the audit log.
const CURATION: [&str; 4] = ["synonym.", "pin.", "dictionary.", "space."];
/// Entries of the audit log that are looked through for them.
const LOOKED_BACK: usize = 1_000;

/// A result that may be kept.
pub(super) struct Tried {
    pub golden: Golden,
    pub result: GoldenResult,
    /// The version of what stood first.
    pub version: Option<u32>,
    /// Whether a part of the engine was missing.
    pub degraded: bool,
}

impl Kb {
    /// Golden queries and what came of them last, in the order of their text.
    ///
    /// # Errors
    /// [`crate::error::Error::InvalidQuery`] for a cursor that is none; [`crate::error::Error::Store`].
    pub fn list_golden(
        &self,
        curator: &Curator,
        status: Option<GoldenStatus>,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<GoldenView>> {
        let grant = curator.grant();
        let offset = super::golden::offset(cursor)?;
        let mut last: HashMap<GoldenId, GoldenLast> =
            self.inner.store.golden_last_of_space(&grant.space).collect::<Result<_>>()?;
        let all = self.all_golden(&grant.space)?.into_iter().map(|golden| (last.remove(&golden.id), golden));
        let wanted = all.filter(|(last, _)| status.is_none_or(|status| status == GoldenStatus::of(last.as_ref())));
        let mut page: Vec<(Option<GoldenLast>, Golden)> = wanted.skip(offset).take(limit + 1).collect();
        let more = page.len() > limit;
        page.truncate(limit);
        let items = page.into_iter().map(|(last, golden)| self.golden_view(grant, golden, last));
        Ok(Page { items: items.collect::<Result<_>>()?, next_cursor: more.then(|| (offset + limit).to_string()) })
    }

    /// A golden query and what came of it last.
    ///
    /// # Errors
    /// [`crate::error::Error::GoldenNotFound`].
    pub fn get_golden(&self, curator: &Curator, id: &GoldenId) -> Result<GoldenView> {
        let grant = curator.grant();
        let golden = self.golden(grant, id)?;
        let last = self.inner.store.golden_last(&grant.space, id)?;
        self.golden_view(grant, golden, last)
    }

    /// As the curator may see it: no article outside their audiences is named.
    pub(super) fn golden_view(&self, grant: &Grant, golden: Golden, last: Option<GoldenLast>) -> Result<GoldenView> {
        let status = GoldenStatus::of(last.as_ref());
        let last = match last {
            Some(mut last) => {
                last.first = self.if_seen(grant, last.first)?;
                if let Some(cause) = &mut last.cause {
                    cause.article_id = self.if_seen(grant, cause.article_id.take())?;
                }
                Some(last)
            }
            None => None,
        };
        Ok(GoldenView { golden, status, last })
    }

    /// The article, where its live version, or its latest one, is for the caller.
    fn if_seen(&self, grant: &Grant, id: Option<ArticleId>) -> Result<Option<ArticleId>> {
        let Some(id) = id else { return Ok(None) };
        let Some(article) = self.inner.store.get_article(&grant.space, &id)? else { return Ok(None) };
        let number = article.live.map_or(article.latest, |live| live.version);
        let version = self.inner.store.get_version(&grant.space, &id, number)?;
        Ok(version.is_some_and(|version| grant.sees(version.content.audience)).then_some(id))
    }

    /// Asks every golden query of a space and keeps what came of it.
    pub(super) fn replay_golden(&self, space: &SpaceId, actor: &str, now: Timestamp) -> Result<GoldenReplay> {
        let grant = Grant { space: space.clone(), audiences: Audience::ALL.to_vec(), actor: actor.to_owned() };
        if !self.is_current(space)? {
            self.wait_searchable(space, CATCH_UP)?;
        }
        let current = self.is_current(space)?;
        let tried = self.try_all(&grant, now)?;
        if current { self.keep_golden(&grant, tried, now) } else { Ok(GoldenReplay::unkept(tried.len())) }
    }

    /// Whether the index holds all that was written.
    pub(super) fn is_current(&self, space: &SpaceId) -> Result<bool> {
        Ok(self.inner.store.count_dirty(space)? == 0 && self.shelf(space)?.is_filled())
    }

    /// Keeps results; what came out right and does no longer goes to the audit log with the change behind it.
    pub(super) fn keep_golden(&self, grant: &Grant, tried: Vec<Tried>, now: Timestamp) -> Result<GoldenReplay> {
        let mut replay = GoldenReplay::default();
        let mut tried = tried.into_iter().peekable();
        while tried.peek().is_some() {
            let store = &self.inner.store;
            let lock = store.lock(&grant.space);
            let mut batch = store.batch();
            for Tried { golden, result, version, degraded } in tried.by_ref().take(BATCH) {
                let whole = Audience::ALL.into_iter().all(|a| a > golden.audience || grant.sees(a));
                // What an editor changed meanwhile was not asked.
                let same = store.get_golden(&grant.space, &golden.id)?.as_ref() == Some(&golden);
                if degraded || !whole || !same {
                    replay.skipped += 1;
                    continue;
                }
                replay.asked += 1;
                replay.passed += u64::from(result.passed);
                let before = store.golden_last(&grant.space, &golden.id)?;
                let was = GoldenStatus::of(before.as_ref());
                let status = was.then(result.passed);
                let mut last = GoldenLast {
                    at: now,
                    status,
                    since: before.as_ref().filter(|_| was == status).map_or(now, |before| before.since),
                    passed_at: if result.passed { Some(now) } else { before.as_ref().and_then(|b| b.passed_at) },
                    matched: result.matched,
                    confidence: result.confidence,
                    first: result.first,
                    version,
                    cause: None,
                };
                if status == GoldenStatus::Regressed {
                    last.cause = match before {
                        Some(before) if was == GoldenStatus::Regressed => before.cause,
                        Some(before) => self.golden_cause(&grant.space, &golden, &before, &last)?,
                        None => None,
                    };
                }
                if was != status && was != GoldenStatus::Untried && status != GoldenStatus::Failed {
                    let (action, list) = match status {
                        GoldenStatus::Regressed => ("golden.regress", &mut replay.regressed),
                        _ => ("golden.recover", &mut replay.recovered),
                    };
                    list.push(golden.id.clone());
                    let detail = json!({ "query": golden.query, "cause": last.cause });
                    batch.audit(draft(grant, action, golden.id.to_string(), detail, now));
                }
                batch.put_golden_last(&grant.space, &golden.id, &last);
            }
            let ticket = if batch.is_empty() { None } else { Some(store.commit(batch)?) };
            drop(lock);
            if let Some(ticket) = ticket {
                store.sync(ticket)?;
            }
        }
        Ok(replay)
    }

    /// The change since it came out right: of the article that answered, of the one that stands in its place, or, where
    /// no article changed, of what a curator set.
    fn golden_cause(
        &self,
        space: &SpaceId,
        golden: &Golden,
        before: &GoldenLast,
        last: &GoldenLast,
    ) -> Result<Option<GoldenCause>> {
        let answered = before.first.as_ref().filter(|_| !golden.articles.is_empty());
        if let Some(id) = answered {
            let article = self.inner.store.get_article(space, id)?;
            let live = article.as_ref().and_then(|article| article.live);
            if live.map(|live| live.version) != before.version {
                return Ok(self.change_of(space, id)?.map(GoldenCause::from));
            }
        }
        if let Some(id) = last.first.as_ref().filter(|first| Some(*first) != answered) {
            let live = self.inner.store.get_article(space, id)?.and_then(|article| article.live);
            if live.is_some_and(|live| live.from > before.at) {
                return Ok(self.change_of(space, id)?.map(GoldenCause::from));
            }
        }
        let entries = self.inner.store.audit(Some(space), None, LOOKED_BACK)?;
        let since = entries.into_iter().take_while(|entry| entry.at > before.at);
        let set = since.into_iter().find(|entry| CURATION.iter().any(|begin| entry.action.starts_with(begin)));
        Ok(set.map(|entry| GoldenCause {
            article_id: None,
            version: None,
            change: entry.action,
            by: Some(entry.actor),
            at: Some(entry.at),
        }))
    }
}

impl From<Cause> for GoldenCause {
    fn from(cause: Cause) -> Self {
        let Cause { article_id, change, version, by, at } = cause;
        Self { article_id: Some(article_id), change, version, by, at }
    }
}
