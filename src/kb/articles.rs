//! The articles: writing versions, and everything that changes what is live.
//!
//! Invariant: under the space's lock an article is loaded, changed by the lifecycle and written as one batch; the lock
//! is given back before the disk is waited for, and the caller hears nothing before the disk has it.

pub(in crate::kb) mod draft;
mod list;
mod read;

use jiff::Timestamp;
use serde_json::{Value, json};

use self::draft::Draft;
use super::search::detect;
use super::{Editor, Grant, Kb, Publisher, Written};
use crate::error::{Error, Result};
use crate::id::{ArticleId, SpaceId};
use crate::model::article::{Article, Content};
use crate::model::content::{check_content, tidy, to_millis};
use crate::model::lifecycle::{self, Action, Past, Rules, next_tick};
use crate::model::text::Note;

/// Due articles taken at a time.
const DUE: usize = 256;
/// Who acts when time does.
const SYSTEM: &str = "system";

impl Kb {
    /// Makes an article with its version 1, a draft; with a publisher it is published at once.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`]; [`Error::InvalidRequest`] naming every wrong field; [`Error::Forbidden`] for an audience
    /// that the writer is not of; what publishing may fail with.
    pub fn create_article(
        &self,
        editor: &Editor,
        publisher: Option<&Publisher>,
        id: Option<ArticleId>,
        content: Content,
        note: Option<Note>,
        now: Timestamp,
    ) -> Result<Written> {
        let (grant, now) = (editor.grant(), to_millis(now));
        same_space(grant, publisher)?;
        let content = fit(grant, content)?;
        let rules = self.rules(&grant.space)?;
        let id = id.unwrap_or_else(|| ArticleId::fresh(now.as_millisecond()));
        let lock = self.inner.store.lock(&grant.space);
        if self.inner.store.get_article(&grant.space, &id)?.is_some() {
            return Err(Error::AlreadyExists { what: "article", id: id.to_string() });
        }
        let outcome = lifecycle::create(grant.space.clone(), id, content, note.clone(), &grant.actor, now);
        let mut draft = Draft::made(outcome, json!({ "version": 1, "note": note }));
        if publisher.is_some() {
            self.step(&mut draft, publish_latest(), rules, &grant.actor, now)?;
        }
        self.write(grant, draft, lock, 1, now)
    }

    /// Saves a new version.
    ///
    /// # Errors
    /// [`Error::ArticleNotFound`]; [`Error::PreconditionRequired`] without `expected`, [`Error::VersionConflict`] when
    /// it is not the latest version; [`Error::IllegalTransition`]; [`Error::InvalidRequest`]; [`Error::Forbidden`].
    pub fn save_article(
        &self,
        editor: &Editor,
        id: &ArticleId,
        expected: Option<u32>,
        content: Content,
        note: Option<Note>,
        now: Timestamp,
    ) -> Result<Written> {
        let grant = editor.grant();
        let expected = Some(expected.ok_or(Error::PreconditionRequired)?);
        let content = Box::new(fit(grant, content)?);
        self.act(grant, id, expected, Action::Save { content, note }, now)
    }

    /// Hands the latest version in for review.
    ///
    /// # Errors
    /// [`Error::ArticleNotFound`], [`Error::VersionConflict`], [`Error::IllegalTransition`].
    pub fn submit_article(
        &self,
        editor: &Editor,
        id: &ArticleId,
        expected: Option<u32>,
        note: Option<Note>,
        now: Timestamp,
    ) -> Result<Written> {
        self.act(editor.grant(), id, expected, Action::Submit { note }, now)
    }

    /// Does what only a publisher may: everything but saving and submitting.
    ///
    /// # Errors
    /// [`Error::ArticleNotFound`], [`Error::VersionNotFound`], [`Error::VersionConflict`], and what
    /// [`lifecycle::apply`] fails with; [`Error::Forbidden`] for an editor's actions.
    pub fn act_on_article(
        &self,
        publisher: &Publisher,
        id: &ArticleId,
        expected: Option<u32>,
        action: Action,
        now: Timestamp,
    ) -> Result<Written> {
        if matches!(action, Action::Save { .. } | Action::Submit { .. } | Action::Tick) {
            return Err(Error::Forbidden(format!("to {} is not a publisher's action", action.name())));
        }
        self.act(publisher.grant(), id, expected, action, now)
    }

    fn act(
        &self,
        grant: &Grant,
        id: &ArticleId,
        expected: Option<u32>,
        action: Action,
        now: Timestamp,
    ) -> Result<Written> {
        let now = to_millis(now);
        let rules = self.rules(&grant.space)?;
        let lock = self.inner.store.lock(&grant.space);
        let article = self.article_to_write(grant, id)?;
        if let Some(expected) = expected.filter(|e| *e != article.latest) {
            return Err(Error::VersionConflict { article: id.clone(), expected, current: article.latest });
        }
        self.check_named_version(grant, id, &action)?;
        let mut draft = Draft::of(article);
        let shown = shown(&draft.article, &action);
        self.step(&mut draft, action, rules, &grant.actor, now)?;
        let shown = shown.unwrap_or(draft.article.latest);
        self.write(grant, draft, lock, shown, now)
    }

    /// An article that the caller may write to: one whose latest and live versions they may see.
    pub(in crate::kb) fn article_to_write(&self, grant: &Grant, id: &ArticleId) -> Result<Article> {
        let not_found = || Error::ArticleNotFound { space: grant.space.clone(), article: id.clone() };
        let article = self.inner.store.get_article(&grant.space, id)?.ok_or_else(not_found)?;
        let live = article.live.map(|live| live.version).filter(|live| *live != article.latest);
        for number in [Some(article.latest), live].into_iter().flatten() {
            if !self.may_see(grant, id, number)? {
                return Err(not_found());
            }
        }
        Ok(article)
    }

    /// A version that an action names must be one that the caller may see.
    fn check_named_version(&self, grant: &Grant, id: &ArticleId, action: &Action) -> Result<()> {
        let named = match action {
            Action::Publish { version, .. } => *version,
            Action::Rollback { to, .. } => Some(*to),
            _ => None,
        };
        match named {
            Some(number) if !self.may_see(grant, id, number)? => {
                Err(Error::VersionNotFound { article: id.clone(), wanted: format!("version {number}") })
            }
            _ => Ok(()),
        }
    }

    /// Whether there is such a version and the caller may see it.
    fn may_see(&self, grant: &Grant, id: &ArticleId, number: u32) -> Result<bool> {
        let version = self.inner.store.get_version(&grant.space, id, number)?;
        Ok(version.is_some_and(|v| grant.sees(v.content.audience)))
    }

    /// Takes a draft one action further; on an error the draft is as it was.
    pub(in crate::kb) fn step(
        &self,
        draft: &mut Draft,
        action: Action,
        rules: Rules,
        actor: &str,
        now: Timestamp,
    ) -> Result<()> {
        let (space, id) = (&draft.article.space, &draft.article.id);
        let store = &self.inner.store;
        let stored = if draft.before.is_some() { store.publications(space, id)? } else { Vec::new() };
        let publications = draft.publications_with(stored);
        let version = |number: u32| match draft.version(number) {
            Some(version) => Ok(Some(version.clone())),
            None => store.get_version(space, id, number),
        };
        let past = Past { version: &version, publications: &publications };
        let detail = detail(&draft.article, &action);
        let name = format!("article.{}", action.name());
        let outcome = lifecycle::apply(&draft.article, &past, action, rules, actor, now)?;
        draft.take(outcome, name, detail);
        Ok(())
    }

    pub(in crate::kb) fn rules(&self, space: &SpaceId) -> Result<Rules> {
        let settings = self.space_settings(space)?;
        Ok(Rules { require_review: settings.require_review, four_eyes: settings.four_eyes })
    }

    /// Writes a draft, waits for the disk, and shows the article at a version.
    fn write(
        &self,
        grant: &Grant,
        draft: Draft,
        lock: crate::store::SpaceLock,
        shown: u32,
        now: Timestamp,
    ) -> Result<Written> {
        let store = &self.inner.store;
        let article = draft.article.clone();
        let index_changed = draft.index_changed;
        let mut batch = store.batch();
        draft.put(&mut batch, &grant.actor, now);
        let ticket = store.commit(batch)?;
        let view = self.view_of(&article, shown);
        drop(lock);
        store.sync(ticket)?;
        if index_changed {
            self.wake_indexer();
        }
        view
    }

    /// Lets time do what is due: begins scheduled publications and ends expired ones, each as of its own moment.
    /// Gives how many articles changed. An article that cannot be changed is reported and left.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn tick(&self, now: Timestamp) -> Result<usize> {
        let now = to_millis(now);
        let mut changed = 0;
        let mut last = None;
        loop {
            let due = self.inner.store.due(now, DUE)?;
            let before = changed;
            for (at, space, id) in &due {
                match self.tick_one(*at, space, id, now) {
                    Ok(ticket) => {
                        last = Some(ticket);
                        changed += 1;
                    }
                    Err(error) => tracing::error!(%space, article = %id, %error, "what was due could not be done"),
                }
            }
            if due.len() < DUE || changed == before {
                break;
            }
        }
        match last {
            Some(ticket) => self.inner.store.sync(ticket).map(|()| changed),
            None => Ok(changed),
        }
    }

    fn tick_one(&self, at: Timestamp, space: &SpaceId, id: &ArticleId, now: Timestamp) -> Result<crate::store::Ticket> {
        let store = &self.inner.store;
        let _lock = store.lock(space);
        let mut batch = store.batch();
        let Some(article) = store.get_article(space, id)? else {
            batch.set_timer(space, id, Some(at), None);
            return store.commit(batch);
        };
        let before = article.clone();
        let mut draft = Draft::of(article);
        let free = Rules { require_review: false, four_eyes: false };
        self.step(&mut draft, Action::Tick, free, SYSTEM, now)?;
        // The timer that went off goes in any case, also one that the article no longer has.
        batch.set_timer(space, id, Some(at), None);
        if draft.article != before {
            draft.put(&mut batch, SYSTEM, now);
        } else {
            batch.set_timer(space, id, None, next_tick(&before));
        }
        store.commit(batch)
    }
}

/// Content that can be kept: tidy, within its limits, for an audience of the writer, with its language.
pub(in crate::kb) fn fit(grant: &Grant, content: Content) -> Result<Content> {
    let mut content = tidy(content);
    let errors = check_content(&content);
    if !errors.is_empty() {
        return Err(Error::InvalidRequest(errors));
    }
    if !grant.sees(content.audience) {
        return Err(Error::Forbidden(format!("it does not reach the audience '{}'", content.audience.as_str())));
    }
    fill_language(&mut content);
    Ok(content)
}

/// Sets the language where the writer left it open.
pub(in crate::kb) fn fill_language(content: &mut Content) {
    if content.language.is_none() {
        content.language = Some(detect(&format!("{}\n{}", content.title, content.body)));
    }
}

pub(in crate::kb) fn same_space(grant: &Grant, publisher: Option<&Publisher>) -> Result<()> {
    if publisher.is_none_or(|p| p.grant().space == grant.space) {
        return Ok(());
    }
    Err(Error::Forbidden(format!("to publish in the space '{}' it needs a proof for that space", grant.space)))
}

/// Publishes what was just written, now.
pub(in crate::kb) fn publish_latest() -> Action {
    Action::Publish { version: None, at: None, until: None, reason: None }
}

/// The version that an action concerns; the latest one afterwards, where it says none.
fn shown(article: &Article, action: &Action) -> Option<u32> {
    match action {
        Action::Publish { version, .. } => *version,
        Action::Unpublish { .. } | Action::Archive { .. } | Action::Verify => article.live.map(|live| live.version),
        _ => None,
    }
}

/// What the audit log keeps of an action.
fn detail(article: &Article, action: &Action) -> Value {
    let latest = article.latest;
    match action {
        Action::Save { note, .. } => json!({ "version": latest.saturating_add(1), "note": note }),
        Action::Submit { note } | Action::Approve { note } | Action::Reject { note } => {
            json!({ "version": latest, "note": note })
        }
        Action::Publish { version, at, until, reason } => {
            json!({ "version": version.unwrap_or(latest), "at": at, "until": until, "reason": reason })
        }
        Action::Unpublish { reason } | Action::Archive { reason } | Action::Restore { reason } => {
            json!({ "live": article.live.map(|live| live.version), "reason": reason })
        }
        Action::Rollback { to, reason } => json!({ "to": to, "version": latest.saturating_add(1), "reason": reason }),
        Action::Verify => json!({ "version": article.live.map(|live| live.version) }),
        Action::Tick => {
            let begins = article.schedule.as_ref().map(|schedule| schedule.version);
            json!({ "live": article.live.map(|live| live.version), "scheduled": begins })
        }
    }
}
