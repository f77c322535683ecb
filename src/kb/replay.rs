//! Proof: which gaps have their own questions asked again, when, and what becomes of them?
//!
//! Invariant: a gap closes only when its proof reaches the space's bar with the version that is live, and a closed one whose
//! proof falls below it is open again; nothing is counted or filed by a replay.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::search::{article_id, blind, round};
use super::{GapKeeper, Grant, Kb};
use crate::error::{Error, Result};
use crate::id::{ArticleId, SpaceId};
use crate::model::article::{Article, Audience};
use crate::model::gap::{Asked, Cause, Gap, GapChange, GapEvent, GapStatus, ReplayReport, Replayed, Verification};
use crate::model::golden::Replay;
use crate::model::search::SearchRequest;
use crate::model::text::QueryText;

mod verify;

/// Who replays when nobody asks.
const SYSTEM: &str = "system";

/// How long a gap that is only asked on rests between two proofs: a busy one would be asked again with every change of the
/// index.
const GROWN_REST: SignedDuration = SignedDuration::from_hours(1);

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
            if self.stopping() {
                break;
            }
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
            if self.stopping() {
                break;
            }
            let gap = self.inner.store.get_gap(space, &head.id)?;
            let Some(gap) = gap.filter(|gap| gap.status != GapStatus::Dismissed) else { continue };
            let Some(id) = gap.article_id.clone() else { continue };
            let article = self.inner.store.get_article(space, &id)?;
            let publication = article.as_ref().and_then(|article| article.live.map(|live| live.publication));
            // What was asked without an answer since, or came to it with another gap, is not proven yet.
            let same = |proof: &Verification| proof.publication == publication && !is_grown(&gap, proof, now);
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

    /// Keeps what came out, on the gap as it is now: it may have been counted on meanwhile. Nothing where it has ended.
    fn prove(&self, gap: &Gap, status: GapStatus, verification: Verification, now: Timestamp) -> Result<()> {
        let grant = Grant { space: gap.space.clone(), audiences: Audience::ALL.to_vec(), actor: SYSTEM.into() };
        let detail = json!({
            "share": verification.share, "status": status, "cause": verification.cause,
            "asked_since": verification.asked_since.len()
        });
        // An editor who acted meanwhile comes first; one that ended is found under the gap that took its forms.
        let same =
            |latest: &Gap| latest.id == gap.id && latest.status == gap.status && latest.article_id == gap.article_id;
        let mut unread = None;
        let set = |latest: Gap| {
            let mut verification = Some(verification).filter(|_| same(&latest))?;
            // What was erased, or parted from it, while its questions were asked is not written back.
            match self.no_longer_said(&latest, &verification) {
                Ok(gone) => verification.forget(|question| gone.contains(question)),
                Err(why) => {
                    unread = Some(why);
                    return None;
                }
            }
            let verification = Some(verification).filter(|proof| !proof.questions.is_empty());
            let mut proven = Gap { status, verification: Some(verification?), ..latest };
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
        match self.change_gap(&grant, &gap.id, "gap.replay", detail, now, set) {
            Err(Error::GapNotFound(_)) => Ok(()),
            written => unread.map_or(written.map(drop), Err),
        }
    }

    /// The questions of a proof that no form of the gap holds as a wording. The caller holds both locks.
    fn no_longer_said(&self, gap: &Gap, proof: &Verification) -> Result<BTreeSet<String>> {
        let store = &self.inner.store;
        let mut gone: BTreeSet<String> = proof.questions.iter().map(|asked| asked.question.clone()).collect();
        for id in store.forms_by_asking(&gap.space, &gap.id)? {
            if gone.is_empty() {
                break;
            }
            if let Some(form) = store.get_form(&gap.space, &id)? {
                gone.remove(form.question());
                gone.retain(|question| !form.wordings.contains(question));
            }
        }
        Ok(gone)
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

/// Whether a proof no longer speaks for all that a gap holds: something came to it or left it, or it was asked since, and
/// not within the hour.
fn is_grown(gap: &Gap, proof: &Verification, now: Timestamp) -> bool {
    let proven = matches!(gap.status, GapStatus::Closed | GapStatus::Reopened);
    let moved = |event: &GapEvent| {
        use GapChange::{Founded, Gave, Merged, Took};
        event.at >= proof.at && matches!(event.change, Merged | Took | Gave | Founded)
    };
    let due = now.duration_since(proof.at) >= GROWN_REST || gap.history.iter().any(moved);
    proven && due && proof.askings.is_some_and(|n| n != gap.tally.queries)
}

fn changed(id: &ArticleId, change: &str) -> Cause {
    Cause { article_id: id.clone(), change: change.to_owned(), version: None, by: None, at: None }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::id::GapId;
    use crate::kb::KbSettings;
    use crate::model::article::Language;
    use crate::model::gap::Form;

    fn opened(dir: &std::path::Path, now: Timestamp) -> Kb {
        Kb::open(KbSettings::small(dir), now).unwrap().0
    }

    fn gap(id: &GapId, now: Timestamp) -> Gap {
        let article_id = Some("a".to_owned().try_into().unwrap());
        Gap { article_id, ..Gap::new(id.clone(), SpaceId::default_space(), now) }
    }

    fn form(id: &GapId, gap: &GapId, wording: &str, now: Timestamp) -> Form {
        Form {
            id: id.clone(),
            space: SpaceId::default_space(),
            gap: gap.clone(),
            group: None,
            form: wording.to_owned(),
            wordings: vec![wording.to_owned()],
            language: Language::En,
            tally: Default::default(),
            first_seen: now,
            last_seen: now,
            nearest: Vec::new(),
            why: None,
            places: Vec::new(),
            clicks: Vec::new(),
        }
    }

    fn proof(questions: &[&str], at: Timestamp) -> Verification {
        let asked = json!({ "matched": false, "confidence": 0.1, "article_id": null });
        let all: Vec<_> = questions.iter().map(|q| json!({ "question": q, "before": asked, "after": asked })).collect();
        let proof = json!({ "at": at, "article_id": "a", "version": 1, "publication": 1, "share": 0.0, "bar": 0.8,
            "passed": false, "questions": all, "asked_since": questions });
        serde_json::from_value(proof).unwrap()
    }

    #[test]
    fn a_running_replay_writes_nothing_of_what_was_erased_or_ended_meanwhile() {
        let dir = tempfile::tempdir().unwrap();
        let now: Timestamp = "2090-01-01T00:00:00Z".parse().unwrap();
        let space = SpaceId::default_space();
        let kb = opened(dir.path(), now);
        let id = |text: &str| GapId::of(&space, text);
        let one = gap(&id("one"), now);
        let mut batch = kb.inner.store.batch();
        batch.put_form(&form(&one.id, &one.id, "what stays", now));
        batch.put_form(&form(&id("two"), &one.id, "what came to it", now));
        batch.put_gap(&one);
        kb.inner.store.commit(batch).unwrap();
        let kept = || kb.inner.store.get_gap(&space, &one.id).unwrap().unwrap().verification;

        // Its gap has ended in the first, or is gone with its forms.
        kb.prove(&gap(&id("two"), now), GapStatus::Open, proof(&["what came to it"], now), now).unwrap();
        kb.prove(&gap(&id("three"), now), GapStatus::Open, proof(&["what is gone"], now), now).unwrap();
        assert!(kept().is_none(), "{:?}", kept());
        kb.prove(&one, GapStatus::Open, proof(&["what was erased"], now), now).unwrap();
        assert!(kept().is_none(), "nothing of it is said any more: {:?}", kept());
        kb.prove(&one, GapStatus::Open, proof(&["what stays", "what was erased"], now), now).unwrap();
        let kept = kept().unwrap();
        let questions: Vec<&str> = kept.questions.iter().map(|asked| asked.question.as_str()).collect();
        assert_eq!((questions, kept.asked_since), (vec!["what stays"], vec!["what stays".to_owned()]));
        kb.close();
    }

    #[test]
    fn what_is_only_asked_on_is_proven_again_once_an_hour_and_what_was_merged_at_once() {
        let now: Timestamp = "2090-01-01T00:00:00Z".parse().unwrap();
        let after = |minutes| now + SignedDuration::from_mins(minutes);
        let mut gap = Gap { status: GapStatus::Closed, ..gap(&GapId::of(&SpaceId::default_space(), "one"), now) };
        let proof = Verification { askings: Some(0), ..proof(&["one"], now) };
        assert!(!is_grown(&gap, &proof, after(61)));
        gap.tally.queries = 1;
        assert!(!is_grown(&gap, &proof, after(59)) && is_grown(&gap, &proof, after(61)));
        gap.note(GapEvent { at: after(1), change: GapChange::Merged, gap: None, wordings: 1, by: "ada".to_owned() });
        assert!(is_grown(&gap, &proof, after(2)));
        let later = Verification { at: after(2), ..proof };
        assert!(!is_grown(&gap, &later, after(3)), "it is proven with what came to it");
        gap.status = GapStatus::Open;
        assert!(!is_grown(&gap, &later, after(90)), "what is open was never proven");
    }

    #[test]
    fn fewer_wordings_are_asked_where_they_are_long() {
        let now: Timestamp = "2090-01-01T00:00:00Z".parse().unwrap();
        let id = GapId::of(&SpaceId::default_space(), "one");
        let fit = |bytes| verify::fitting(vec![form(&id, &id, &"q".repeat(bytes), now); 100]).len();
        assert_eq!((fit(60), fit(120), fit(600), fit(20_000)), (100, 100, 20, 1));
    }

    #[test]
    fn a_replay_ends_with_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let now: Timestamp = "2090-01-01T00:00:00Z".parse().unwrap();
        let kb = opened(dir.path(), now);
        let space = SpaceId::default_space();
        kb.inner.stop.store(true, Ordering::Release);
        let closed = Gap { status: GapStatus::Closed, ..gap(&GapId::of(&space, "one"), now) };
        let mut batch = kb.inner.store.batch();
        batch.put_form(&form(&closed.id, &closed.id, "one", now));
        batch.put_gap(&closed);
        kb.inner.store.commit(batch).unwrap();
        let id = closed.article_id.clone().unwrap();
        assert!(kb.verify(&closed, &id, None, now).unwrap().is_none());
        assert_eq!(kb.replay_space(&space, true, now).unwrap().replayed, 0);
        kb.inner.stop.store(false, Ordering::Release);
        assert_eq!(kb.replay_space(&space, true, now).unwrap().replayed, 1);
        kb.close();
    }
}
