//! Why was a question not answered? Looked into behind the request: by searching what is live, what was, and what others
//! may see.
//!
//! Invariant: what people showed is never overruled by a search; where a part of the engine is missing nothing is found.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::scope::Scope;
use crate::error::{Error, Result};
use crate::id::{GapId, SpaceId};
use crate::kb::gap_work::NEAR_ENOUGH;
use crate::kb::{Grant, Kb};
use crate::model::article::Audience;
use crate::model::gap::{Asked, CauseKind, Form, Proof, Why};
use crate::model::talk::{self, Cleaned, Role};
use crate::model::text::QueryText;

/// Moments of the past at which is searched: just before what was live then ended.
const MOMENTS: usize = 6;
/// Endings that are nearer to each other are looked at together.
const APART_MS: i64 = 1_000;

/// Who looks where nobody asks.
const SYSTEM: &str = "system";

impl Kb {
    /// Looks into why these forms were not answered, and writes it down.
    pub(super) fn examine<'a>(
        &self,
        space: &SpaceId,
        forms: impl Iterator<Item = &'a GapId>,
        now: Timestamp,
    ) -> Result<()> {
        let mut moments: Option<(Vec<Timestamp>, Scope)> = None;
        for id in forms {
            if self.stopping() {
                return Ok(());
            }
            let Some(form) = self.inner.store.get_form(space, id)? else { continue };
            let people = form
                .why
                .as_ref()
                .is_some_and(|why| !matches!(why.proof, Proof::Search | Proof::Words | Proof::Example));
            let fresh = form
                .why
                .as_ref()
                .is_some_and(|why| why.at >= form.last_seen && why.at.as_second() + 3600 > now.as_second());
            if people || fresh || form.tally.partial >= form.tally.queries {
                continue;
            }
            let (moments, scope) = match &moments {
                Some(known) => known,
                None => moments.insert((self.endings(space)?, self.scope(space)?)),
            };
            if let Some(why) = self.why_not(&form, moments, scope, now)? {
                self.note_cause(space, id, why)?;
            }
        }
        Ok(())
    }

    /// Writes the cause of a form, and weighs its gap's anew.
    fn note_cause(&self, space: &SpaceId, id: &GapId, why: Why) -> Result<()> {
        let store = &self.inner.store;
        let _lock = store.lock(space);
        let _counting = self.inner.gaps.lock();
        let Some(mut form) = store.get_form(space, id)?.filter(|form| why.outweighs(form.why.as_ref())) else {
            return Ok(());
        };
        let Some(mut gap) = store.get_gap(space, &form.gap)? else { return Ok(()) };
        gap.recount_cause(&mut form, why);
        let mut batch = store.batch();
        batch.put_form(&form);
        batch.put_gap(&gap);
        store.commit(batch).map(drop)
    }

    /// The cause of a form as searches tell it; nothing where they cannot.
    fn why_not(&self, form: &Form, moments: &[Timestamp], scope: &Scope, now: Timestamp) -> Result<Option<Why>> {
        let why = |kind, proof, article_id| Some(Why { kind, proof, article_id, at: now });
        let question = form.question();
        if matches!(talk::clean(question, Role::Customer), Cleaned::SetAside(_)) || talk::is_idle(question) {
            return Ok(why(CauseKind::OutOfScope, Proof::Words, None));
        }
        let Ok(text) = QueryText::try_from(question.to_owned()) else { return Ok(None) };
        let public = self.look(&form.space, vec![Audience::Public], &text, None, now)?;
        let all = self.look(&form.space, Audience::ALL.to_vec(), &text, None, now)?;
        let (Some(public), Some(all)) = (public, all) else { return Ok(None) };
        // What was published since says nothing of how it was.
        if public.matched {
            return Ok(if form.why.is_none() { why(CauseKind::Missing, Proof::Search, None) } else { None });
        }
        if let (true, Some(article)) = (all.matched, all.article_id) {
            return Ok(why(CauseKind::Hidden, Proof::Search, Some(article)));
        }
        if scope.excludes(question)? {
            return Ok(why(CauseKind::OutOfScope, Proof::Example, None));
        }
        if let Some(article) = public.article_id.as_ref().filter(|_| public.confidence >= NEAR_ENOUGH) {
            let head = self.inner.store.get_article(&form.space, article)?;
            if head.and_then(|head| head.review_due_at).is_some_and(|due| due < now) {
                return Ok(why(CauseKind::Stale, Proof::Search, Some(article.clone())));
            }
        }
        for at in moments {
            let Some(then) = self.look(&form.space, vec![Audience::Public], &text, Some(*at), now)? else {
                return Ok(None);
            };
            if let (true, Some(article)) = (then.matched, then.article_id) {
                return Ok(why(CauseKind::Stale, Proof::Search, Some(article)));
            }
        }
        Ok(why(CauseKind::Missing, Proof::Search, None))
    }

    /// Searches as somebody who may see these audiences; nothing where a part of the engine is missing.
    fn look(
        &self,
        space: &SpaceId,
        audiences: Vec<Audience>,
        text: &QueryText,
        as_of: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Option<Asked>> {
        let grant = Grant { space: space.clone(), audiences, actor: SYSTEM.to_owned() };
        match self.ask(&grant, text, as_of, now) {
            Err(Error::IndexUnavailable { .. }) => Ok(None),
            asked => asked,
        }
    }

    /// Whether an article repeats a text, what an agent answered, say; nothing where a part of the engine is missing.
    pub(crate) fn told_by(&self, space: &SpaceId, text: &str, now: Timestamp) -> Result<Option<Asked>> {
        let cut: String = text.chars().take(QueryText::MAX).collect();
        let nothing = Asked { matched: false, confidence: 0.0, article_id: None };
        let Ok(text) = QueryText::try_from(cut) else { return Ok(Some(nothing)) };
        self.look(space, vec![Audience::Public], &text, None, now)
    }

    /// Just before the latest endings of what was live in a space.
    fn endings(&self, space: &SpaceId) -> Result<Vec<Timestamp>> {
        let Ok(index) = self.shelf(space)?.ready() else { return Ok(Vec::new()) };
        let live: BTreeMap<String, u32> =
            index.live().into_iter().map(|(id, interval)| (id, interval.version)).collect();
        let past = index.past().into_iter().filter(|(id, interval)| live.get(id) != Some(&interval.version));
        let mut ends: Vec<i64> = past.filter_map(|(_, interval)| interval.until).collect();
        ends.sort_unstable_by(|a, b| b.cmp(a));
        let mut kept: Vec<i64> = Vec::new();
        for end in ends {
            if kept.last().is_none_or(|last| last - end > APART_MS) {
                kept.push(end);
            }
            if kept.len() == MOMENTS {
                break;
            }
        }
        Ok(kept.into_iter().filter_map(|end| Timestamp::from_millisecond(end - 1).ok()).collect())
    }
}
