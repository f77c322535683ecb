//! Is what a gap asks for answered? Each of its wordings is put as a customer would put it, and what is told is looked at.
//!
//! Invariant: answered means that `POST /v1/answer` would not say `unanswered`, out of an article that says something; a
//! gap's own wordings among the known questions of its article are the editor's word, and are told apart from its text.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use zhiyin_index::{Index, Interval, Query, Snapshot};

use super::SYSTEM;
use crate::error::Result;
use crate::id::ArticleId;
use crate::kb::answers::Said;
use crate::kb::gap_work::says_something;
use crate::kb::search::{article_id, blind, round, visible};
use crate::kb::shelf::{document, engine_error};
use crate::kb::{Grant, Kb, records};
use crate::model::answer::AnswerStatus;
use crate::model::article::{Article, Audience, Version};
use crate::model::gap::{
    Asked, Form, Gap, GapStatus, MAX_ASKED, MAX_ASKED_BYTES, MAX_QUOTED, NotProven, Replayed, RestsOn, Verification,
};
use crate::model::interaction::day_of;
use crate::model::space::GAP_BAR;
use crate::model::text::QueryText;

/// Characters of an answer that are kept with the proof.
const QUOTED: usize = 120;

/// As whom is asked, of what, and when.
struct Asking<'a> {
    grant: Grant,
    gap: &'a Gap,
    /// The article, and its version that is live.
    id: &'a ArticleId,
    version: Option<Version>,
    /// The gap's own wordings, by their forms.
    own: BTreeSet<String>,
    now: Timestamp,
}

impl Kb {
    /// Asks each question as the knowledge is, and as it was just before the publication. Nothing where a part of the
    /// engine was missing, or the process is being stopped: that proves nothing.
    pub(super) fn verify(
        &self,
        gap: &Gap,
        id: &ArticleId,
        article: Option<&Article>,
        now: Timestamp,
    ) -> Result<Option<Verification>> {
        let store = &self.inner.store;
        let live = article.and_then(|article| article.live);
        let version = match live {
            Some(live) => store.get_version(&gap.space, id, live.version)?,
            None => None,
        };
        let audience = version.as_ref().map(|version| version.content.audience);
        let widest = audience.unwrap_or(Audience::Public);
        let audiences = Audience::ALL.into_iter().filter(|a| *a <= widest).collect();
        let grant = Grant { space: gap.space.clone(), audiences, actor: SYSTEM.into() };
        let just_before = live.and_then(|live| live.from.checked_sub(Duration::from_millis(1)).ok());
        let ids = store.forms_by_asking(&gap.space, &gap.id)?;
        let own = ids.iter().take(MAX_ASKED).filter_map(|id| store.get_form(&gap.space, id).transpose());
        let forms = fitting(own.collect::<Result<Vec<Form>>>()?);
        let own = forms.iter().map(|form| form.form.clone()).collect();
        let asking = Asking { grant, gap, id, version, own, now };
        let proven = gap.verification.as_ref();
        let known = proven.map(Verification::by_question).unwrap_or_default();
        let index = self.shelf(&gap.space)?.ready()?;
        let bare = asking.without_own_wordings(&index)?;
        let mut questions = Vec::with_capacity(forms.len());
        for form in &forms {
            // What was not asked in full proves nothing.
            if self.stopping() {
                return Ok(None);
            }
            let question = form.question();
            let Ok(text) = QueryText::try_from(question.to_owned()) else { continue };
            let kept = known.get(question).copied();
            let said = self.would_say(&asking.grant, &text, None, now)?;
            // What was before the proof stays what it was, whatever is published later.
            let before = match kept {
                Some(kept) => kept.before.clone(),
                None => {
                    let said = self.would_say(&asking.grant, &text, just_before, now)?;
                    if blind(&said.results) {
                        return Ok(None);
                    }
                    asked(&said)
                }
            };
            if blind(&said.results) {
                return Ok(None);
            }
            questions.push(self.replayed(&asking, form, kept, before, &said, bare.as_ref())?);
        }
        if questions.is_empty() {
            return Ok(None);
        }
        questions.iter_mut().skip(MAX_QUOTED).for_each(Replayed::unquote);
        let closed_at = closed_at(gap);
        let mut verification = Verification {
            at: now,
            article_id: id.clone(),
            version: live.map(|live| live.version),
            publication: live.map(|live| live.publication),
            audience,
            share: 0.0,
            share_of_wordings: 0.0,
            share_of_askings: 0.0,
            share_since: None,
            bar: self.space_settings(&gap.space)?.gap_bar.unwrap_or(GAP_BAR),
            passed: false,
            closed_at,
            wordings: ids.len() as u64,
            asked: questions.len() as u64,
            askings: Some(gap.tally.queries),
            by_known_question: 0,
            questions,
            cause: None,
            asked_since: Vec::new(),
        };
        verification.sum_up(self.answered_since(gap, &forms, closed_at, now)?);
        verification.cause = match gap.status {
            _ if verification.passed => None,
            // New questions say themselves what is wrong; nothing that was answered was lost.
            GapStatus::Closed if verification.share >= verification.bar && live.is_some() => None,
            GapStatus::Closed => self.cause(gap, id, article, &verification.questions)?,
            // What opened it again stays named until it is closed.
            GapStatus::Reopened => proven.and_then(|proven| proven.cause.clone()),
            _ => None,
        };
        Ok(Some(verification))
    }

    /// What came of one wording.
    fn replayed(
        &self,
        asking: &Asking<'_>,
        form: &Form,
        kept: Option<&Replayed>,
        before: Asked,
        said: &Said,
        bare: Option<&Snapshot<'_>>,
    ) -> Result<Replayed> {
        let mut after = asked(said);
        let says = asking.version.as_ref().is_none_or(|version| says_something(version.content.body.as_str()));
        let own = after.article_id.as_ref() == Some(asking.id);
        let not_proven = match said.status {
            // Asked back, the customer chooses between articles that answer.
            _ if said.matched && own && !says => Some(NotProven::NoText),
            AnswerStatus::Answered | AnswerStatus::Clarify => None,
            AnswerStatus::Unanswered if said.matched => Some(NotProven::NoText),
            AnswerStatus::Unanswered => Some(NotProven::NotFound),
        };
        after.matched = not_proven.is_none();
        let rests_on = if after.matched { Some(self.rests_on(asking, said, bare)?) } else { None };
        let quote = said.citations.first().filter(|_| after.matched);
        let quoted = quote.map(|citation| citation.article_id.clone());
        let quote = quote.map(|citation| citation.quote.chars().take(QUOTED).collect());
        // Counted on from replay to replay while it is closed, and while it is open again.
        let grown = kept.and_then(|kept| Some((kept.since, form.tally.queries.saturating_sub(kept.askings?))));
        let since = grown.filter(|_| closed_at(asking.gap).is_some()).map_or(0, |(since, more)| since + more);
        let askings = Some(form.tally.queries);
        Ok(Replayed {
            question: form.question().to_owned(),
            askings,
            since,
            before,
            after,
            rests_on,
            not_proven,
            quote,
            quoted,
        })
    }

    /// On what it rests that a question is answered.
    fn rests_on(&self, asking: &Asking<'_>, said: &Said, bare: Option<&Snapshot<'_>>) -> Result<RestsOn> {
        let Some(best) = said.results.hits.first() else { return Ok(RestsOn::Text) };
        let known = best.matched_question.as_deref().map(records::form);
        if known.is_none_or(|known| !asking.own.contains(&known)) {
            return Ok(RestsOn::Text);
        }
        let Some(bare) = bare.filter(|_| best.record.id == asking.id.as_str()) else {
            return Ok(RestsOn::KnownQuestion);
        };
        let filter = visible(&asking.grant, None)?;
        let synonyms = self.synonyms(&asking.grant.space)?;
        let query = Query { filter, synonyms, ..Query::new(&said.question) };
        let hits = bare.hits_of(&[asking.id.as_str()], &query).map_err(engine_error)?;
        let threshold = self.threshold(&asking.grant)?;
        let sure = hits.first().is_some_and(|hit| f64::from(hit.score) >= threshold);
        Ok(if sure { RestsOn::Text } else { RestsOn::KnownQuestion })
    }

    /// How often a gap's wordings were answered since it was closed.
    fn answered_since(&self, gap: &Gap, forms: &[Form], closed: Option<Timestamp>, now: Timestamp) -> Result<u64> {
        let Some(closed) = closed else { return Ok(0) };
        let mut answered = 0;
        for form in forms {
            let days =
                self.inner.store.form_days(&gap.space, &records::name_of(&form.id), day_of(closed), day_of(now))?;
            answered += days.iter().map(|(_, count)| count.matched).sum::<u64>();
        }
        Ok(answered)
    }
}

impl Asking<'_> {
    /// The index as it would be without the gap's own wordings among the known questions of the article; nothing where
    /// none is there.
    fn without_own_wordings<'i>(&self, index: &'i Arc<Index>) -> Result<Option<Snapshot<'i>>> {
        let Some(version) = &self.version else { return Ok(None) };
        let mut other = version.clone();
        let copied = |question: &str| self.own.contains(&records::form(question));
        other.content.questions.retain(|question| !copied(question.as_str()));
        if other.content.questions.len() == version.content.questions.len() {
            return Ok(None);
        }
        let interval = Interval { version: version.number, from: self.now.as_millisecond(), until: None };
        let document = document(self.id, &other, interval);
        index.now().with(self.id.as_str(), Some(document)).map(Some).map_err(engine_error)
    }
}

/// The first of these whose questions a proof has room for, one at least.
pub(super) fn fitting(mut forms: Vec<Form>) -> Vec<Form> {
    let mut bytes = 0;
    let room = |form: &&Form| {
        bytes += form.question().len();
        bytes <= MAX_ASKED_BYTES
    };
    let fit = forms.iter().take_while(room).count().max(1);
    forms.truncate(fit);
    forms
}

/// What somebody is told.
fn asked(said: &Said) -> Asked {
    Asked {
        matched: said.status != AnswerStatus::Unanswered,
        confidence: round(said.results.confidence),
        article_id: said.results.hits.first().map(|hit| article_id(&hit.record)),
    }
}

/// Since when a gap is closed, or was before it was opened again.
fn closed_at(gap: &Gap) -> Option<Timestamp> {
    let proof = gap.verification.as_ref()?;
    match gap.status {
        // Older programs did not write it down: it was closed when it was proven.
        GapStatus::Closed => proof.closed_at.or(Some(proof.at)),
        GapStatus::Reopened => proof.closed_at,
        _ => None,
    }
}
