//! What may happen to an article, and what then is.
//!
//! Invariant: at most one version is live at any time; a version is never changed.

use jiff::Timestamp;

use crate::model::article::{Article, Content, Publication, Version};
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
    /// Whether what is live or will be live changed, so that the index must follow.
    pub index_changed: bool,
}
