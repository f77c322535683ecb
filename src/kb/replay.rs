//! Proof: does the knowledge now answer what it did not? A gap's own questions are asked again.
//!
//! Invariant: a gap closes only when the share of its questions that are answered reaches the space's bar with the version
//! that is live, and a closed one whose share falls below it is open again; nothing is counted or filed by a replay.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::search::{article_id, blind, round};
use super::{GapKeeper, Grant, Kb};
use crate::error::Result;
use crate::id::{ArticleId, SpaceId};
use crate::model::article::{Article, Audience};
use crate::model::gap::{Asked, Cause, Gap, GapStatus, ReplayReport, Replayed, Verification};
use crate::model::golden::Replay;
use crate::model::search::SearchRequest;
use crate::model::space::GAP_BAR;
use crate::model::text::QueryText;

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

    fn replay_space(&self, space: &SpaceId, all: bool, now: Timestamp) -> Result<ReplayReport> {
        let mut report = ReplayReport { replayed: 0, closed: Vec::new(), reopened: Vec::new() };
        let heads = self.inner.store.gap_heads(space)?;
        for head in heads.iter().filter(|head| head.article_id.is_some() && head.status != GapStatus::Dismissed) {
            let gap = self.inner.store.get_gap(space, &head.id)?;
            let Some(gap) = gap.filter(|gap| gap.status != GapStatus::Dismissed) else { continue };
            let Some(id) = gap.article_id.clone() else { continue };
            let article = self.inner.store.get_article(space, &id)?;
            let publication = article.as_ref().and_then(|article| article.live.map(|live| live.publication));
            let seen = gap.verification.as_ref().is_some_and(|v| v.publication == publication);
            // What was never live has nothing to prove; what was proven is asked again on the nightly run.
            let ever = publication.is_some() || gap.status == GapStatus::Closed;
            if !ever || (seen && !all) || !self.is_indexed(space, &id, article.as_ref())? {
                continue;
            }
            let Some(verification) = self.verify(&gap, &id, article.as_ref(), now)? else { continue };
            report.replayed += 1;
            let status = match (verification.passed, gap.status) {
                (true, _) => GapStatus::Closed,
                (false, GapStatus::Closed | GapStatus::Reopened) => GapStatus::Reopened,
                (false, _) => GapStatus::Open,
            };
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
        let detail = json!({ "share": verification.share, "status": status, "cause": verification.cause });
        // An editor who acted meanwhile comes first.
        let same = |latest: &Gap| latest.status == gap.status && latest.article_id == gap.article_id;
        let set = |latest| same(&latest).then_some(Gap { status, verification: Some(verification), ..latest });
        self.change_gap(&grant, &gap.id, "gap.replay", detail, now, set).map(drop)
    }

    /// Whether the index already holds what is live of the article, and nothing else of it.
    fn is_indexed(&self, space: &SpaceId, id: &ArticleId, article: Option<&Article>) -> Result<bool> {
        let live = article.and_then(|article| article.live).map(|live| live.version);
        let known = self.shelf(space)?.ready()?.known(id.as_str()).live.map(|interval| interval.version);
        Ok(known == live)
    }

    /// Asks each question as the knowledge is, and as it was just before the publication. Nothing where a part of the
    /// engine was missing: that proves nothing.
    fn verify(
        &self,
        gap: &Gap,
        id: &ArticleId,
        article: Option<&Article>,
        now: Timestamp,
    ) -> Result<Option<Verification>> {
        let live = article.and_then(|article| article.live);
        let version = match live {
            Some(live) => self.inner.store.get_version(&gap.space, id, live.version)?,
            None => None,
        };
        let audience = version.map_or(Audience::Public, |version| version.content.audience);
        let audiences = Audience::ALL.into_iter().filter(|a| *a <= audience).collect();
        let grant = Grant { space: gap.space.clone(), audiences, actor: SYSTEM.into() };
        let before = live.and_then(|live| live.from.checked_sub(Duration::from_millis(1)).ok());
        let proven = gap.verification.as_ref();
        let mut questions = Vec::with_capacity(gap.examples.len());
        for question in &gap.examples {
            let Ok(text) = QueryText::try_from(question.clone()) else { continue };
            let Some(after) = self.ask(&grant, &text, None, now)? else { return Ok(None) };
            // What was before the proof stays what it was, whatever is published later.
            let kept = proven.and_then(|v| v.questions.iter().find(|q| q.question == *question));
            let before = match (kept, before) {
                (Some(kept), _) => Some(kept.before.clone()),
                (None, at) => self.ask(&grant, &text, at, now)?,
            };
            let Some(before) = before else { return Ok(None) };
            questions.push(Replayed { question: question.clone(), before, after });
        }
        if questions.is_empty() {
            return Ok(None);
        }
        let bar = self.space_settings(&gap.space)?.gap_bar.unwrap_or(GAP_BAR);
        let share = questions.iter().filter(|q| q.after.matched).count() as f64 / questions.len() as f64;
        let passed = live.is_some() && share >= bar;
        let cause = match gap.status {
            _ if passed => None,
            GapStatus::Closed => self.cause(gap, id, article, &questions)?,
            // What opened it again stays named until it is closed.
            GapStatus::Reopened => proven.and_then(|proven| proven.cause.clone()),
            _ => None,
        };
        Ok(Some(Verification {
            at: now,
            article_id: id.clone(),
            version: live.map(|live| live.version),
            publication: live.map(|live| live.publication),
            share,
            bar,
            passed,
            questions,
            cause,
        }))
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
