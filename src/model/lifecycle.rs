//! What may happen to an article, and what then is.
//!
//! Invariant: at most one version is live at any time; a version is never changed.

use jiff::{SignedDuration, Timestamp};

use crate::error::{Error, Result};
use crate::id::{ArticleId, SpaceId};
use crate::model::article::{Article, Content, Live, Publication, Review, ReviewState, Schedule, Version};
use crate::model::text::Note;

/// What somebody wants to do to an article.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Save a new version.
    Save {
        /// What is written.
        content: Box<Content>,
        /// Why.
        note: Option<Note>,
    },
    /// Hand the latest version in for review.
    Submit {
        /// With what words.
        note: Option<Note>,
    },
    /// Approve the version in review.
    Approve {
        /// With what words.
        note: Option<Note>,
    },
    /// Send the version in review back.
    Reject {
        /// With what words.
        note: Option<Note>,
    },
    /// Make a version live, now or later.
    Publish {
        /// Which; the latest unless given.
        version: Option<u32>,
        /// When; now unless given.
        at: Option<Timestamp>,
        /// Until when.
        until: Option<Timestamp>,
        /// Why.
        reason: Option<String>,
    },
    /// Take the live version (or the waiting publication) away.
    Unpublish {
        /// Why.
        reason: Option<String>,
    },
    /// Put the article away.
    Archive {
        /// Why.
        reason: Option<String>,
    },
    /// Bring an archived article back, as a draft.
    Restore {
        /// Why.
        reason: Option<String>,
    },
    /// Save a version equal to an earlier one and publish it.
    Rollback {
        /// The earlier version.
        to: u32,
        /// Why.
        reason: Option<String>,
    },
    /// Say that the live version is still true.
    Verify,
    /// Let time do what is due: begin a scheduled publication, end an expired one.
    Tick,
}

/// The rules of the space that bear on an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Only approved versions may be published.
    pub require_review: bool,
    /// Who approves may not be who wrote.
    pub four_eyes: bool,
}

/// What an action leads to; applied to the store as one batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The article afterwards.
    pub article: Article,
    /// A version to add.
    pub new_version: Option<Version>,
    /// Publications to write, by sequence number (1, 2, …): new ones and ones that were ended.
    pub publications: Vec<(u32, Publication)>,
    /// Whether what is live now, or was live once, changed, so that the index must follow.
    pub index_changed: bool,
}

impl Action {
    /// The name as callers see it.
    pub fn name(&self) -> &'static str {
        match self {
            Action::Save { .. } => "save",
            Action::Submit { .. } => "submit",
            Action::Approve { .. } => "approve",
            Action::Reject { .. } => "reject",
            Action::Publish { .. } => "publish",
            Action::Unpublish { .. } => "unpublish",
            Action::Archive { .. } => "archive",
            Action::Restore { .. } => "restore",
            Action::Rollback { .. } => "rollback",
            Action::Verify => "verify",
            Action::Tick => "tick",
        }
    }
}

/// What is on record about an article, as far as an action needs it.
pub struct Past<'a> {
    /// A version by its number.
    pub version: &'a dyn Fn(u32) -> Result<Option<Version>>,
    /// Every publication by its sequence number, ascending.
    pub publications: &'a [(u32, Publication)],
}

/// Makes an article with its version 1, a draft.
pub fn create(
    space: SpaceId,
    id: ArticleId,
    content: Content,
    note: Option<Note>,
    actor: &str,
    now: Timestamp,
) -> Outcome {
    let article = Article {
        space,
        id,
        created_at: now,
        updated_at: now,
        latest: 1,
        live: None,
        schedule: None,
        review: None,
        archived: false,
        publications: 0,
        verified_at: None,
        review_due_at: None,
    };
    let version = Version { number: 1, content, note, author: actor.to_owned(), created_at: now };
    Outcome { article, new_version: Some(version), publications: Vec::new(), index_changed: false }
}

/// The actions that the article's state allows, by name, in a fixed order.
pub fn allowed(article: &Article) -> Vec<&'static str> {
    if article.archived {
        return vec!["restore"];
    }
    let state = review_state(article);
    let in_review = state == Some(ReviewState::InReview);
    let latest_is_live = article.live.is_some_and(|live| live.version == article.latest);
    let all = [
        ("save", true),
        ("submit", !latest_is_live && matches!(state, None | Some(ReviewState::Rejected))),
        ("approve", in_review),
        ("reject", in_review),
        ("publish", true),
        ("unpublish", article.live.is_some() || article.schedule.is_some()),
        ("archive", true),
        ("rollback", true),
        ("verify", article.live.is_some()),
    ];
    all.into_iter().filter(|(_, yes)| *yes).map(|(name, _)| name).collect()
}

/// When the article next needs a [`Action::Tick`]; never, when nothing waits for a time.
pub fn next_tick(article: &Article) -> Option<Timestamp> {
    let end = article.live.and_then(|live| live.until);
    let begin = article.schedule.as_ref().map(|schedule| schedule.at);
    end.into_iter().chain(begin).min()
}

/// Applies an action, after letting time do what was due before it.
///
/// `now` never runs backwards for one article: an action counts as done no earlier than the last change.
/// Publishing at a moment that has passed publishes now. A waiting schedule survives a publication of another
/// version; one of the same version is dropped, for it has nothing left to do. Where the space requires review, a version may be
/// published (or rolled back to) when it is the approved one or when it was live before.
///
/// # Errors
/// `IllegalTransition` with the allowed actions; `VersionNotFound`; `ReviewRequired`; `SelfApproval`; `InvalidRequest` for
/// times that leave nothing to publish; whatever `past` fails with.
pub fn apply(
    article: &Article,
    past: &Past<'_>,
    action: Action,
    rules: Rules,
    actor: &str,
    now: Timestamp,
) -> Result<Outcome> {
    let mut change = Change::new(article, past, rules, actor);
    change.settle(now)?;
    if matches!(action, Action::Tick) {
        return Ok(change.finish(article));
    }
    change.now = now.max(change.article.updated_at);
    change.require(action.name())?;
    change.act(action)?;
    change.article.updated_at = change.now;
    Ok(change.finish(article))
}

fn review_state(article: &Article) -> Option<ReviewState> {
    article.review.as_ref().filter(|r| r.version == article.latest).map(|r| r.state)
}

fn review_due(content: &Content, from: Timestamp) -> Option<Timestamp> {
    let days = i64::from(content.review_every_days?);
    from.checked_add(SignedDuration::from_hours(days.saturating_mul(24))).ok()
}

/// An article on its way from one state to the next.
struct Change<'a> {
    article: Article,
    past: &'a Past<'a>,
    rules: Rules,
    actor: &'a str,
    now: Timestamp,
    new_version: Option<Version>,
    written: Vec<(u32, Publication)>,
}

/// A publication to begin.
struct Begin {
    version: u32,
    from: Timestamp,
    until: Option<Timestamp>,
    by: String,
    reason: Option<String>,
}

impl<'a> Change<'a> {
    fn new(article: &Article, past: &'a Past<'a>, rules: Rules, actor: &'a str) -> Self {
        let now = article.updated_at;
        Self { article: article.clone(), past, rules, actor, now, new_version: None, written: Vec::new() }
    }

    fn finish(self, before: &Article) -> Outcome {
        let index_changed = self.article.live != before.live || !self.written.is_empty();
        Outcome { article: self.article, new_version: self.new_version, publications: self.written, index_changed }
    }

    fn require(&self, action: &'static str) -> Result<()> {
        let allowed = allowed(&self.article);
        if allowed.contains(&action) {
            return Ok(());
        }
        Err(Error::IllegalTransition {
            article: self.article.id.clone(),
            action,
            status: self.article.status().as_str(),
            allowed,
        })
    }

    fn act(&mut self, action: Action) -> Result<()> {
        match action {
            Action::Save { content, note } => self.save(*content, note),
            Action::Submit { note } => self.set_review(ReviewState::InReview, note),
            Action::Approve { note } => {
                self.check_second_person()?;
                self.set_review(ReviewState::Approved, note);
            }
            Action::Reject { note } => self.set_review(ReviewState::Rejected, note),
            Action::Publish { version, at, until, reason } => {
                let version = version.unwrap_or(self.article.latest);
                self.check_cleared(version)?;
                self.publish(version, at, until, reason)?;
            }
            Action::Unpublish { .. } => self.take_down()?,
            Action::Archive { .. } => {
                self.take_down()?;
                self.article.review = None;
                self.article.archived = true;
            }
            Action::Restore { .. } => self.article.archived = false,
            Action::Rollback { to, reason } => self.rollback(to, reason)?,
            Action::Verify => self.verify()?,
            Action::Tick => {}
        }
        Ok(())
    }

    /// Begins and ends what was due up to `now`, each at its own time and in the order of time.
    fn settle(&mut self, now: Timestamp) -> Result<()> {
        while let Some(at) = next_tick(&self.article).filter(|at| *at <= now) {
            let ends = self.article.live.is_some_and(|live| live.until == Some(at));
            if ends {
                self.article.live = None;
                self.article.review_due_at = None;
            } else if let Some(s) = self.article.schedule.take() {
                self.begin(Begin { version: s.version, from: s.at, until: s.until, by: s.by, reason: s.reason })?;
            }
            self.article.updated_at = self.article.updated_at.max(at);
        }
        Ok(())
    }

    fn save(&mut self, content: Content, note: Option<Note>) {
        self.article.latest = self.article.latest.saturating_add(1);
        self.article.review = None;
        self.new_version = Some(Version {
            number: self.article.latest,
            content,
            note,
            author: self.actor.to_owned(),
            created_at: self.now,
        });
    }

    fn set_review(&mut self, state: ReviewState, note: Option<Note>) {
        let version = self.article.latest;
        self.article.review = Some(Review { version, state, by: self.actor.to_owned(), at: self.now, note });
    }

    fn check_second_person(&self) -> Result<()> {
        if !self.rules.four_eyes {
            return Ok(());
        }
        let version = self.version(self.article.latest)?;
        if version.author != self.actor {
            return Ok(());
        }
        Err(Error::SelfApproval {
            space: self.article.space.clone(),
            article: self.article.id.clone(),
            version: version.number,
            author: version.author,
        })
    }

    /// Whether the space's review rule lets this version go live.
    fn check_cleared(&self, version: u32) -> Result<()> {
        self.version(version)?;
        let approved =
            self.article.review.as_ref().is_some_and(|r| r.version == version && r.state == ReviewState::Approved);
        let was_live = self.past.publications.iter().chain(&self.written).any(|(_, p)| p.version == version);
        if !self.rules.require_review || approved || was_live {
            return Ok(());
        }
        Err(Error::ReviewRequired { space: self.article.space.clone(), article: self.article.id.clone(), version })
    }

    fn publish(
        &mut self,
        version: u32,
        at: Option<Timestamp>,
        until: Option<Timestamp>,
        reason: Option<String>,
    ) -> Result<()> {
        let content = self.version(version)?.content;
        if let Some(end) = content.valid_until.filter(|end| *end <= self.now) {
            return Err(Error::field(
                "version",
                format!(
                    "version {version} was valid until {end}, which has passed; save a version with another valid_until"
                ),
            ));
        }
        let from = at.unwrap_or(self.now).max(self.now).max(content.valid_from.unwrap_or(self.now));
        let end = until.into_iter().chain(content.valid_until).min();
        if let Some(end) = end.filter(|end| *end <= from) {
            return Err(Error::field(
                "until",
                format!("version {version} would be live from {from} until {end}: the end must be after the start"),
            ));
        }
        let by = self.actor.to_owned();
        if from > self.now {
            self.article.schedule = Some(Schedule { version, at: from, until: end, by, reason });
            return Ok(());
        }
        self.article.schedule.take_if(|s| s.version == version);
        self.begin(Begin { version, from, until: end, by, reason })
    }

    fn begin(&mut self, begin: Begin) -> Result<()> {
        self.end_live(begin.from, &begin.by.clone())?;
        let content = self.version(begin.version)?.content;
        let publication = self.article.publications.saturating_add(1);
        self.article.publications = publication;
        self.article.live = Some(Live { version: begin.version, from: begin.from, until: begin.until, publication });
        self.article.review_due_at = review_due(&content, begin.from);
        let Begin { version, from, until, by, reason } = begin;
        self.write(publication, Publication { version, from, until, by, reason, ended_by: None });
        Ok(())
    }

    /// Ends the live publication at a time, by whom.
    fn end_live(&mut self, at: Timestamp, by: &str) -> Result<()> {
        let Some(live) = self.article.live.take() else { return Ok(()) };
        self.article.review_due_at = None;
        let mut publication = self.publication(live.publication)?;
        publication.until = Some(at.max(publication.from));
        publication.ended_by = Some(by.to_owned());
        self.write(live.publication, publication);
        Ok(())
    }

    fn take_down(&mut self) -> Result<()> {
        self.article.schedule = None;
        self.end_live(self.now, self.actor)
    }

    fn rollback(&mut self, to: u32, reason: Option<String>) -> Result<()> {
        self.check_cleared(to)?;
        let content = self.version(to)?.content;
        let words = reason.clone().unwrap_or_else(|| format!("rollback to version {to}"));
        let note = Note::try_from(words).map_err(|e| Error::field("reason", e.to_string()))?;
        self.save(content, Some(note));
        self.publish(self.article.latest, None, None, reason)
    }

    fn verify(&mut self) -> Result<()> {
        let Some(live) = self.article.live else { return Ok(()) };
        let content = self.version(live.version)?.content;
        self.article.verified_at = Some(self.now);
        self.article.review_due_at = review_due(&content, self.now);
        Ok(())
    }

    fn version(&self, number: u32) -> Result<Version> {
        if let Some(new) = self.new_version.as_ref().filter(|v| v.number == number) {
            return Ok(new.clone());
        }
        (self.past.version)(number)?.ok_or_else(|| Error::VersionNotFound {
            article: self.article.id.clone(),
            wanted: format!("version {number}"),
        })
    }

    fn publication(&self, sequence: u32) -> Result<Publication> {
        let known = self.written.iter().chain(self.past.publications).find(|(s, _)| *s == sequence);
        known.map(|(_, p)| p.clone()).ok_or_else(|| {
            Error::Store(format!("article '{}' has no publication {sequence}, though it is live", self.article.id))
        })
    }

    fn write(&mut self, sequence: u32, publication: Publication) {
        self.written.retain(|(s, _)| *s != sequence);
        self.written.push((sequence, publication));
    }
}
