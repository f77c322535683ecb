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
use crate::id::{GapId, SpaceId};
use crate::model::article::Article;
use crate::model::gap::{Gap, GapDay, GapPoint, GapStatus, GapView, MAX_EXAMPLES, NearArticle, Source};
use crate::model::interaction::day_of;
use crate::model::page::Page;
use crate::model::query::QueryRecord;
use crate::model::text::Note;
use crate::store::{AuditDraft, Batch};

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
            let gap = gap?;
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
        let store = &self.inner.store;
        let lock = store.lock(&grant.space);
        let gaps_lock = self.inner.gaps.lock();
        let gap = Gap { status: GapStatus::Dismissed, ..self.gap(grant, id)? };
        let mut batch = store.batch();
        batch.put_gap(&gap);
        batch.audit(AuditDraft {
            at: now,
            actor: grant.actor.clone(),
            action: "gap.dismiss".into(),
            space: Some(grant.space.clone()),
            subject: id.to_string(),
            detail: json!({ "reason": reason }),
        });
        let ticket = store.commit(batch)?;
        drop(gaps_lock);
        drop(lock);
        store.sync(ticket)?;
        self.view(grant, gap)
    }

    fn gap(&self, grant: &Grant, id: &GapId) -> Result<Gap> {
        self.inner.store.get_gap(&grant.space, id)?.ok_or_else(|| Error::GapNotFound(id.clone()))
    }

    fn view(&self, grant: &Grant, gap: Gap) -> Result<GapView> {
        let mut nearest = Vec::new();
        for near in gap.nearest {
            let article = self.inner.store.get_article(&grant.space, &near.article_id)?;
            if article.is_some_and(|a| self.may_see_live(grant, &a)) {
                nearest.push(near);
            }
        }
        let mut trend = self.inner.store.gap_days(&grant.space, &gap.id, TREND_DAYS)?;
        trend.reverse();
        let trend = trend.iter().map(|(day, counts)| GapPoint::of(*day, counts)).collect();
        Ok(GapView {
            id: gap.id,
            label: gap.label,
            status: gap.status,
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
    }
}
