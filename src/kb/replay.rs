//! Proof: which gaps have their own questions asked again, when, and what becomes of them?
//!
//! Invariant: a gap closes only when its proof reaches the space's bar with the version that is live, and a closed one whose
//! proof falls below it is open again; nothing is counted or filed by a replay.

use std::sync::atomic::Ordering;

use jiff::Timestamp;
use serde_json::json;

use super::search::{article_id, blind, round};
use super::{GapKeeper, Grant, Kb};
use crate::error::Result;
use crate::id::{ArticleId, SpaceId};
use crate::model::article::{Article, Audience};
use crate::model::gap::{Asked, Cause, Gap, GapChange, GapEvent, GapStatus, ReplayReport, Replayed, Verification};
use crate::model::golden::Replay;
use crate::model::search::SearchRequest;
use crate::model::text::QueryText;

mod verify;

/// Who replays when nobody asks.
const SYSTEM: &str = "system";

impl Kb {
    /// Asks the questions of every gap again that has an article, and every golden query, now.
    ///
    /// # Errors
    /// [`crate::error::Error::IndexUnavailable`] while the index is being rebuilt; [`crate::error::Error::Store`].
    pub fn replay_gaps(&self, keeper: &GapKeeper, now: Timestamp) -> Result<Replay> {
        let space = &keeper.grant().space;
        let gaps = self.replay_space(space, true, now)?;
        Ok(Replay { gaps, golden: self.replay_golden(space, &keeper.grant().actor, now)? })
    }

    /// Replays every space: all gaps with an article and all golden queries, or only the gaps whose article was published
    /// since.
    pub(crate) fn replay_everywhere(&self, all: bool, now: Timestamp) -> Result<()> {
        let spaces: Vec<SpaceId> = self.inner.shelves.read().keys().cloned().collect();
        for space in spaces {
            if self.shelf(&space)?.is_filled() {
                self.replay_space(&space, all, now)?;
                if all {
                    let golden = self.replay_golden(&space, SYSTEM, now)?;
                    if !golden.regressed.is_empty() {
                        tracing::warn!(%space, queries = golden.regressed.len(), "golden queries came out right and do no longer");
                    }
                }
            }
        }
        Ok(())
    }

    /// Has the worker look soon for gaps that are not proven as they stand now.
    pub(super) fn replay_soon(&self) {
        self.inner.unproven.fetch_add(1, Ordering::Release);
    }

    fn replay_space(&self, space: &SpaceId, all: bool, now: Timestamp) -> Result<ReplayReport> {
        let mut report = ReplayReport { replayed: 0, closed: Vec::new(), reopened: Vec::new() };
        let heads = self.inner.store.gap_heads(space)?;
        for head in heads.iter().filter(|head| head.article_id.is_some() && head.status != GapStatus::Dismissed) {
            let gap = self.inner.store.get_gap(space, &head.id)?;
            let Some(gap) = gap.filter(|gap| gap.status != GapStatus::Dismissed) else { continue };
            let Some(id) = gap.article_id.clone() else { continue };
            let article = self.inner.store.get_article(space, &id)?;
            let publication = article.as_ref().and_then(|article| article.live.map(|live| live.publication));
            // What was asked without an answer since, or came to it with another gap, is not proven yet.
            let same = |proof: &Verification| {
                let proven = matches!(gap.status, GapStatus::Closed | GapStatus::Reopened);
                let grown = proven && proof.askings.is_some_and(|n| n != gap.tally.queries);
                proof.publication == publication && !grown
            };
            let seen = gap.verification.as_ref().is_some_and(same);
            // What was never live has nothing to prove; what was proven is asked again on the nightly run.
            let ever = publication.is_some() || gap.status == GapStatus::Closed;
            if !ever || (seen && !all) || !self.is_indexed(space, &id, article.as_ref())? {
                continue;
            }
            let Some(mut verification) = self.verify(&gap, &id, article.as_ref(), now)? else { continue };
            report.replayed += 1;
            let status = match (verification.passed, gap.status) {
                (true, _) => GapStatus::Closed,
                (false, GapStatus::Closed | GapStatus::Reopened) => GapStatus::Reopened,
                (false, _) => GapStatus::Open,
            };
            if status == GapStatus::Closed && gap.status != GapStatus::Closed {
                // Counting what is asked after it begins anew.
                verification.closed_at = Some(now);
                verification.share_since = None;
                verification.questions.iter_mut().for_each(|asked| asked.since = 0);
            }
            if status != gap.status && status == GapStatus::Closed {
                report.closed.push(gap.id.clone());
            }
            if status != gap.status && status == GapStatus::Reopened {
                report.reopened.push(gap.id.clone());
            }
            self.prove(&gap, status, verification, now)?;
        }
        Ok(report)
    }

    /// Keeps what came out, on the gap as it is now: it may have been counted on meanwhile.
    fn prove(&self, gap: &Gap, status: GapStatus, verification: Verification, now: Timestamp) -> Result<()> {
        let grant = Grant { space: gap.space.clone(), audiences: Audience::ALL.to_vec(), actor: SYSTEM.into() };
        let detail = json!({
            "share": verification.share, "status": status, "cause": verification.cause,
            "asked_since": verification.asked_since.len()
        });
        // An editor who acted meanwhile comes first.
        let same = |latest: &Gap| latest.status == gap.status && latest.article_id == gap.article_id;
        let set = |latest: Gap| {
            let mut proven = same(&latest).then_some(Gap { status, verification: Some(verification), ..latest })?;
            let change = match status {
                GapStatus::Closed => Some(GapChange::Closed),
                GapStatus::Reopened => Some(GapChange::Reopened),
                _ => None,
            };
            if let Some(change) = change.filter(|_| status != gap.status) {
                proven.note(GapEvent { at: now, change, gap: None, wordings: 0, by: "replay".to_owned() });
            }
            Some(proven)
        };
        self.change_gap(&grant, &gap.id, "gap.replay", detail, now, set).map(drop)
    }

    /// Whether the index already holds what is live of the article, and nothing else of it.
    fn is_indexed(&self, space: &SpaceId, id: &ArticleId, article: Option<&Article>) -> Result<bool> {
        let live = article.and_then(|article| article.live).map(|live| live.version);
        let known = self.shelf(space)?.ready()?.known(id.as_str()).live.map(|interval| interval.version);
        Ok(known == live)
    }

    /// Asks for the first hit; nothing where a part of the engine was missing.
    pub(crate) fn ask(
        &self,
        grant: &Grant,
        text: &QueryText,
        as_of: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Option<Asked>> {
        let request = SearchRequest { as_of, ..SearchRequest::first_of(text.clone()) };
        let found = self.find(grant, &request, now)?;
        let matched = f64::from(found.confidence) >= self.threshold(grant)?;
        let top = found.hits.first().map(|hit| article_id(&hit.record));
        Ok((!blind(&found)).then(|| Asked { matched, confidence: round(found.confidence), article_id: top }))
    }

    /// The change behind a regression: of the gap's own article, or of the one that now stands first instead.
    fn cause(
        &self,
        gap: &Gap,
        id: &ArticleId,
        article: Option<&Article>,
        questions: &[Replayed],
    ) -> Result<Option<Cause>> {
        let proven = gap.verification.as_ref();
        let live = article.and_then(|article| article.live);
        let Some(live) = live else { return self.change_of(&gap.space, id) };
        if proven.is_some_and(|proven| proven.publication != Some(live.publication)) {
            return self.change_of(&gap.space, id);
        }
        let since = proven.map_or(gap.first_seen, |proven| proven.at);
        for asked in questions.iter().filter(|q| !q.after.matched) {
            let Some(other) = asked.after.article_id.as_ref().filter(|other| *other != id) else { continue };
            let live = self.inner.store.get_article(&gap.space, other)?.and_then(|article| article.live);
            if live.is_some_and(|live| live.from > since) {
                return self.change_of(&gap.space, other);
            }
        }
        Ok(None)
    }

    /// What happened to an article last: by which publication its live version came, or how it went.
    pub(super) fn change_of(&self, space: &SpaceId, id: &ArticleId) -> Result<Option<Cause>> {
        let Some(article) = self.inner.store.get_article(space, id)? else { return Ok(Some(changed(id, "removed"))) };
        if let Some(live) = article.live {
            return self.published(space, id, live.publication);
        }
        let ended = self.inner.store.publications(space, id)?.pop().map(|(_, publication)| publication);
        let change = if article.archived { "archived" } else { "unpublished" };
        let (by, at) = ended.map_or((None, None), |p| (p.ended_by, p.until));
        Ok(Some(Cause { by, at, ..changed(id, change) }))
    }

    fn published(&self, space: &SpaceId, id: &ArticleId, sequence: u32) -> Result<Option<Cause>> {
        let all = self.inner.store.publications(space, id)?;
        let found = all.into_iter().find(|(number, _)| *number == sequence);
        Ok(found.map(|(_, publication)| Cause {
            version: Some(publication.version),
            by: Some(publication.by),
            at: Some(publication.from),
            ..changed(id, "published")
        }))
    }
}

fn changed(id: &ArticleId, change: &str) -> Cause {
    Cause { article_id: id.clone(), change: change.to_owned(), version: None, by: None, at: None }
}
