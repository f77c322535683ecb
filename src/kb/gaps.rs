//! What could not be answered: one gap per normalised form of a question.
//!
//! Invariant: a gap holds masked text only; a view names no article outside the keeper's audiences.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::json;

use super::{GapKeeper, Grant, Kb, records};
use crate::error::{Error, Result};
use crate::id::{ArticleId, GapId, SpaceId};
use crate::model::article::{Article, ReviewState};
use crate::model::gap::{Gap, GapDay, GapPoint, GapStatus, GapView, MAX_EXAMPLES, NearArticle, Source};
use crate::model::interaction::day_of;
use crate::model::page::Page;
use crate::model::query::QueryRecord;
use crate::model::text::{Category, Note, Title};
use crate::store::{AuditDraft, Batch};

/// What an editor wants of a draft that is made of a gap.
#[derive(Debug, Clone, Default)]
pub struct GapDraft {
    /// Title; the gap's label unless given.
    pub title: Option<Title>,
    /// Category; that of the nearest article unless given.
    pub category: Option<Category>,
    /// Id; made unless given.
    pub article_id: Option<ArticleId>,
    /// Whether to make it although something answers already.
    pub anyway: bool,
}

/// Days that a view shows.
const TREND_DAYS: usize = 30;

/// Gaps and their days while a batch of questions is counted.
#[derive(Default)]
pub(crate) struct GapCounts {
    gaps: BTreeMap<GapId, Gap>,
    days: BTreeMap<(GapId, Date), GapDay>,
}

impl GapCounts {
    /// Writes what was counted; all of it belongs to one space.
    pub fn put(&self, batch: &mut Batch, space: &SpaceId) {
        self.gaps.values().for_each(|gap| batch.put_gap(gap));
        self.days.iter().for_each(|((gap, day), counts)| batch.put_gap_day(space, gap, *day, counts));
    }
}

/// By what gaps are ordered: one session, customer or key counts once a day, however often it asks.
fn impact(gap: &Gap) -> (u64, u64) {
    (gap.sessions, gap.queries)
}

impl Kb {
    /// Gaps, those first that most sessions asked for, then most asked, then latest.
    ///
    /// # Errors
    /// [`Error::InvalidQuery`] for a cursor that is none; [`Error::Store`].
    pub fn list_gaps(
        &self,
        keeper: &GapKeeper,
        status: Option<GapStatus>,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<GapView>> {
        let grant = keeper.grant();
        let offset: usize = match cursor {
            None => 0,
            Some(text) => text.parse().map_err(|_| Error::query("cursor", "it is not one that this list gave"))?,
        };
        let mut gaps: Vec<Gap> = Vec::new();
        for gap in self.inner.store.gaps(&grant.space) {
            let mut gap = gap?;
            gap.status = self.standing(&gap)?;
            if status.is_none_or(|s| s == gap.status) {
                gaps.push(gap);
            }
        }
        gaps.sort_by(|a, b| impact(b).cmp(&impact(a)).then(b.last_seen.cmp(&a.last_seen)).then(a.id.cmp(&b.id)));
        let more = gaps.len() > offset + limit;
        let page = gaps.into_iter().skip(offset).take(limit);
        let items = page.map(|gap| self.view(grant, gap)).collect::<Result<Vec<GapView>>>()?;
        Ok(Page { items, next_cursor: more.then(|| (offset + limit).to_string()) })
    }

    /// A gap.
    ///
    /// # Errors
    /// [`Error::GapNotFound`].
    pub fn get_gap(&self, keeper: &GapKeeper, id: &GapId) -> Result<GapView> {
        let gap = self.gap(keeper.grant(), id)?;
        self.view(keeper.grant(), gap)
    }

    /// Sets a gap aside; further questions of its form are counted but do not open it again.
    ///
    /// # Errors
    /// [`Error::GapNotFound`].
    pub fn dismiss_gap(&self, keeper: &GapKeeper, id: &GapId, reason: Option<Note>, now: Timestamp) -> Result<GapView> {
        let grant = keeper.grant();
        let set = |gap: Gap| Some(Gap { status: GapStatus::Dismissed, ..gap });
        let gap = self.change_gap(grant, id, "gap.dismiss", json!({ "reason": reason }), now, set)?;
        self.view(grant, gap)
    }

    /// Opens a gap again that was set aside or closed.
    ///
    /// # Errors
    /// [`Error::GapNotFound`].
    pub fn reopen_gap(&self, keeper: &GapKeeper, id: &GapId, now: Timestamp) -> Result<GapView> {
        let grant = keeper.grant();
        let again = |gap: Gap| {
            let closed = gap.status == GapStatus::Closed;
            Some(Gap { status: if closed { GapStatus::Reopened } else { GapStatus::Open }, ..gap })
        };
        let gap = self.change_gap(grant, id, "gap.reopen", json!({}), now, again)?;
        self.view(grant, gap)
    }

    /// Changes a gap as it is now, with an entry in the audit log; nothing is written where `change` gives nothing.
    pub(crate) fn change_gap(
        &self,
        grant: &Grant,
        id: &GapId,
        action: &str,
        detail: serde_json::Value,
        now: Timestamp,
        change: impl FnOnce(Gap) -> Option<Gap>,
    ) -> Result<Gap> {
        let store = &self.inner.store;
        let lock = store.lock(&grant.space);
        let counting = self.inner.gaps.lock();
        let gap = self.gap(grant, id)?;
        let Some(gap) = change(gap.clone()) else { return Ok(gap) };
        let mut batch = store.batch();
        batch.put_gap(&gap);
        batch.audit(AuditDraft {
            at: now,
            actor: grant.actor.clone(),
            action: action.into(),
            space: Some(grant.space.clone()),
            subject: gap.id.to_string(),
            detail,
        });
        let ticket = store.commit(batch)?;
        drop(counting);
        drop(lock);
        store.sync(ticket)?;
        Ok(gap)
    }

    /// Where a gap stands: one that is being written for follows its article through review.
    fn standing(&self, gap: &Gap) -> Result<GapStatus> {
        let Some(id) = gap.article_id.as_ref().filter(|_| gap.status == GapStatus::Drafting) else {
            return Ok(gap.status);
        };
        let article = self.inner.store.get_article(&gap.space, id)?;
        let reviewed = article.and_then(|article| article.review).map(|review| review.state);
        Ok(if reviewed == Some(ReviewState::InReview) { GapStatus::AwaitingReview } else { gap.status })
    }

    pub(crate) fn gap(&self, grant: &Grant, id: &GapId) -> Result<Gap> {
        self.inner.store.get_gap(&grant.space, id)?.ok_or_else(|| Error::GapNotFound(id.clone()))
    }

    pub(crate) fn view(&self, grant: &Grant, gap: Gap) -> Result<GapView> {
        let (mut gap, mut nearest) = (gap, Vec::new());
        for near in std::mem::take(&mut gap.nearest) {
            let article = self.inner.store.get_article(&grant.space, &near.article_id)?;
            if article.is_some_and(|a| self.may_see_live(grant, &a)) {
                nearest.push(near);
            }
        }
        let status = self.standing(&gap)?;
        let waits = matches!(status, GapStatus::Open | GapStatus::Reopened);
        let suggested = if waits { Some(self.suggestion(grant, &gap, &nearest)?) } else { None };
        let mut trend = self.inner.store.gap_days(&grant.space, &gap.id, TREND_DAYS)?;
        trend.reverse();
        let trend = trend.iter().map(|(day, counts)| GapPoint::of(*day, counts)).collect();
        Ok(GapView {
            suggested,
            article_id: gap.article_id,
            verification: gap.verification,
            id: gap.id,
            label: gap.label,
            status,
            language: gap.language,
            queries: gap.queries,
            sessions: gap.sessions,
            first_seen: gap.first_seen,
            last_seen: gap.last_seen,
            trend,
            examples: gap.examples,
            nearest,
        })
    }

    /// Whether the live version of an article is for the caller; not where it cannot be told.
    fn may_see_live(&self, grant: &Grant, article: &Article) -> bool {
        let version = article.live.map(|live| live.version);
        let version = version.and_then(|n| self.inner.store.get_version(&article.space, &article.id, n).ok().flatten());
        version.is_some_and(|v| grant.sees(v.content.audience))
    }

    /// Counts a question in its gap, if it has one. The caller holds the lock of gaps.
    pub(crate) fn count_in_gap(
        &self,
        counts: &mut GapCounts,
        record: &QueryRecord,
        nearest: Vec<NearArticle>,
        source: &Source,
    ) -> Result<()> {
        let Some(id) = &record.gap_id else { return Ok(()) };
        let store = &self.inner.store;
        let gap = match counts.gaps.entry(id.clone()) {
            Entry::Occupied(gap) => gap.into_mut(),
            Entry::Vacant(place) => {
                let known = store.get_gap(&record.space, id)?;
                place.insert(known.unwrap_or_else(|| new_gap(id, record)))
            }
        };
        let of_day = match counts.days.entry((id.clone(), day_of(record.at))) {
            Entry::Occupied(day) => day.into_mut(),
            Entry::Vacant(place) => {
                let known = store.gap_day(&record.space, id, place.key().1)?;
                place.insert(known.unwrap_or_default())
            }
        };
        gap.queries += 1;
        gap.sessions += of_day.count(source, record.at);
        gap.first_seen = gap.first_seen.min(record.at);
        gap.last_seen = gap.last_seen.max(record.at);
        gap.nearest = nearest;
        if gap.examples.len() < MAX_EXAMPLES && !gap.examples.contains(&record.query) {
            gap.examples.push(record.query.clone());
        }
        Ok(())
    }
}

fn new_gap(id: &GapId, record: &QueryRecord) -> Gap {
    Gap {
        id: id.clone(),
        space: record.space.clone(),
        form: records::form(&record.query),
        label: record.query.clone(),
        status: GapStatus::Open,
        language: record.language,
        queries: 0,
        sessions: 0,
        first_seen: record.at,
        last_seen: record.at,
        examples: Vec::new(),
        nearest: Vec::new(),
        article_id: None,
        verification: None,
    }
}
