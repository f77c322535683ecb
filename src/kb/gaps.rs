//! What could not be answered: forms of questions, gathered under the article that they ask for.
//!
//! Invariant: a gap holds masked text only; a view names no article outside the keeper's audiences.

mod board;
mod causes;
mod counting;
mod edits;
mod moves;
mod queue;
mod scope;

use jiff::Timestamp;
use serde_json::json;

pub(crate) use self::board::Boards;
pub(crate) use self::counting::{Circumstances, GapCounts, Outcome};
pub(crate) use self::moves::Forget;
use super::{GapKeeper, Grant, Kb};
use crate::error::{Error, Result};
use crate::id::{ArticleId, GapId, SpaceId};
use crate::model::article::{Article, ReviewState};
use crate::model::gap::{
    CauseKind, Gap, GapChange, GapEvent, GapPoint, GapStatus, GapView, Proof, Why, WordingView, Worth,
};
use crate::model::text::{Category, Note, Title};
use crate::store::AuditDraft;

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

/// Forms that a view shows.
const SHOWN_FORMS: usize = 20;

impl Kb {
    /// A gap, by its id or by that of one of its forms.
    ///
    /// # Errors
    /// [`Error::GapNotFound`].
    pub fn get_gap(&self, keeper: &GapKeeper, id: &GapId, now: Timestamp) -> Result<GapView> {
        let gap = self.gap(keeper.grant(), id)?;
        self.view(keeper.grant(), gap, now)
    }

    /// Sets a gap aside; further questions of its forms are counted but do not open it again.
    ///
    /// # Errors
    /// [`Error::GapNotFound`].
    pub fn dismiss_gap(
        &self,
        keeper: &GapKeeper,
        id: &GapId,
        reason: Option<Note>,
        cause: Option<CauseKind>,
        now: Timestamp,
    ) -> Result<GapView> {
        let grant = keeper.grant();
        let said = cause.map(|kind| Why { kind, proof: Proof::Editor, article_id: None, at: now });
        let set = |gap: Gap| Some(Gap { status: GapStatus::Dismissed, why: said.or(gap.why), ..gap });
        let gap = self.change_gap(grant, id, "gap.dismiss", json!({ "reason": reason, "cause": cause }), now, set)?;
        self.view(grant, gap, now)
    }

    /// Opens a gap again that was set aside or closed.
    ///
    /// # Errors
    /// [`Error::GapNotFound`].
    pub fn reopen_gap(&self, keeper: &GapKeeper, id: &GapId, now: Timestamp) -> Result<GapView> {
        let grant = keeper.grant();
        let again = |gap: Gap| {
            let closed = gap.status == GapStatus::Closed;
            let mut gap = Gap { status: if closed { GapStatus::Reopened } else { GapStatus::Open }, ..gap };
            let by = grant.actor.clone();
            gap.note(GapEvent { at: now, change: GapChange::Reopened, gap: None, wordings: 0, by });
            Some(gap)
        };
        let gap = self.change_gap(grant, id, "gap.reopen", json!({}), now, again)?;
        self.view(grant, gap, now)
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
    fn standing(&self, space: &SpaceId, status: GapStatus, article: Option<&ArticleId>) -> Result<GapStatus> {
        let Some(id) = article.filter(|_| status == GapStatus::Drafting) else { return Ok(status) };
        let article = self.inner.store.get_article(space, id)?;
        let Some(article) = article else { return Ok(status) };
        let live = article.live.map(|live| live.version);
        // What is live waits for nobody, however it came to be.
        let review = article.review.filter(|review| review.version == article.latest && Some(review.version) != live);
        let waits = review.is_some_and(|review| review.state == ReviewState::InReview);
        Ok(if waits { GapStatus::AwaitingReview } else { status })
    }

    /// A gap by its id, or by that of a form that stands under it.
    pub(crate) fn gap(&self, grant: &Grant, id: &GapId) -> Result<Gap> {
        let store = &self.inner.store;
        let named = match store.get_gap(&grant.space, id)? {
            Some(gap) => Some(gap),
            None => match store.get_form(&grant.space, id)? {
                Some(form) => store.get_gap(&grant.space, &form.gap)?,
                None => None,
            },
        };
        named.ok_or_else(|| Error::GapNotFound(id.clone()))
    }

    pub(crate) fn view(&self, grant: &Grant, gap: Gap, now: Timestamp) -> Result<GapView> {
        let store = &self.inner.store;
        let (mut gap, mut nearest) = (gap, Vec::new());
        for near in std::mem::take(&mut gap.nearest) {
            let article = store.get_article(&grant.space, &near.article_id)?;
            if article.is_some_and(|a| self.may_see_live(grant, &a)) {
                nearest.push(near);
            }
        }
        let status = self.standing(&gap.space, gap.status, gap.article_id.as_ref())?;
        let waits = matches!(status, GapStatus::Open | GapStatus::Reopened);
        let suggested = if waits { Some(self.suggestion(grant, &gap, &nearest)?) } else { None };
        let mut trend = store.gap_days(&grant.space, &gap.id, TREND_DAYS)?;
        trend.reverse();
        let trend = trend.iter().map(|(day, counts)| GapPoint::of(*day, counts)).collect();
        let worth = Worth::of(&gap.tally, &gap.heat, now);
        let named = |why: &Why| Why {
            article_id: why.article_id.clone().filter(|id| self.may_see_latest(grant, id)),
            ..why.clone()
        };
        // What an article says is for those who may read it, as long as it is live.
        if let Some(proof) = &mut gap.verification {
            let hidden = proof.audience.is_some_and(|audience| !grant.sees(audience));
            for asked in proof.questions.iter_mut().filter(|asked| asked.quote.is_some()) {
                let of = asked.quoted.as_ref().or(asked.after.article_id.as_ref());
                if hidden || !of.is_some_and(|id| self.sees_live(grant, id).unwrap_or(false)) {
                    asked.unquote();
                }
            }
        }
        let forms = store.forms_by_asking(&grant.space, &gap.id)?;
        let mut wordings = Vec::new();
        for id in forms.iter().take(SHOWN_FORMS) {
            let Some(form) = store.get_form(&grant.space, id)? else { continue };
            wordings.push(WordingView {
                question: form.question().to_owned(),
                queries: form.tally.queries,
                cause: form.why.as_ref().map(named),
                id: form.id,
            });
        }
        Ok(GapView {
            suggested,
            impact: worth.impact(gap.why.as_ref().map(|why| why.kind)),
            worth,
            cause: gap.why.as_ref().map(named),
            causes: gap.causes,
            keywords: gap.keywords,
            forms: forms.len() as u64,
            wordings,
            article_id: gap.article_id,
            verification: gap.verification,
            related: gap.related,
            history: gap.history,
            id: gap.id,
            label: gap.label,
            status,
            language: gap.language,
            queries: gap.tally.queries,
            sessions: gap.sessions,
            first_seen: gap.first_seen,
            last_seen: gap.last_seen,
            trend,
            examples: gap.examples,
            nearest,
        })
    }

    /// Whether the newest version of an article is for the caller, live or not.
    fn may_see_latest(&self, grant: &Grant, id: &ArticleId) -> bool {
        let article = self.inner.store.get_article(&grant.space, id).ok().flatten();
        let version = article.and_then(|a| self.inner.store.get_version(&a.space, id, a.latest).ok().flatten());
        version.is_some_and(|version| grant.sees(version.content.audience))
    }

    /// Whether the live version of an article is for the caller; not where it cannot be told.
    fn may_see_live(&self, grant: &Grant, article: &Article) -> bool {
        let version = article.live.map(|live| live.version);
        let version = version.and_then(|n| self.inner.store.get_version(&article.space, &article.id, n).ok().flatten());
        version.is_some_and(|v| grant.sees(v.content.audience))
    }
}

/// Which gaps a list shows.
#[derive(Debug, Clone, Copy, Default)]
pub struct GapQuery {
    /// Only in this state.
    pub status: Option<GapStatus>,
    /// Only for this cause.
    pub cause: Option<CauseKind>,
}
