//! What an article is: a stable id and a chain of versions, of which at most one is live.
//!
//! Invariant: a [`Version`] never changes after it was made; an [`Article`] only points at versions.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{ArticleId, SpaceId};
use crate::model::text::{AttributeName, Body, Category, Handle, Note, Question, Tag, Title};

/// Most questions (and, apart, negative questions) of a version.
pub const MAX_QUESTIONS: usize = 100;
/// Most tags of a version.
pub const MAX_TAGS: usize = 50;
/// Most attributes of a version.
pub const MAX_ATTRIBUTES: usize = 50;
/// Longest text value of an attribute, in characters.
pub const MAX_ATTRIBUTE_TEXT: usize = 200;
/// Longest review interval, in days.
pub const MAX_REVIEW_DAYS: u32 = 3_650;

/// Who may see an article: everyone, agents, or the company only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Customers on a portal, and everyone else.
    #[default]
    Public,
    /// Support agents.
    Agent,
    /// The company's own staff.
    Internal,
}

impl Audience {
    /// All audiences.
    pub const ALL: [Audience; 3] = [Audience::Public, Audience::Agent, Audience::Internal];

    /// The name as callers see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Audience::Public => "public",
            Audience::Agent => "agent",
            Audience::Internal => "internal",
        }
    }
}

/// The language of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// Chinese, simplified or traditional, also mixed with English.
    Zh,
    /// English.
    En,
    /// Undetermined or another one (ISO 639 `und`).
    Und,
}

impl Language {
    /// The name as callers see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Language::Zh => "zh",
            Language::En => "en",
            Language::Und => "und",
        }
    }
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum AttributeValue {
    /// A finite number.
    Number(f64),
    /// A text.
    Text(String),
}

/// What an editor writes: the content of a version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// Title.
    pub title: Title,
    /// Body, in Markdown.
    #[serde(default = "empty_body")]
    pub body: Body,
    /// Other ways customers ask it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<Question>,
    /// Questions that sound like it but are not answered by it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub negative_questions: Vec<Question>,
    /// Where it stands in the tree of subjects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// Tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// Who may see it.
    #[serde(default)]
    pub audience: Audience,
    /// Language; detected unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Strings and numbers by name, for filters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<AttributeName, AttributeValue>,
    /// Not live before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Timestamp>,
    /// Not live from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// Who keeps it right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Handle>,
    /// Days from a verification to the next review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_every_days: Option<u32>,
}

fn empty_body() -> Body {
    Body::try_from(String::new()).unwrap_or_else(|_| unreachable!("an empty body is allowed"))
}

/// One immutable version of an article.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// 1, 2, 3 …
    pub number: u32,
    /// What was written; `language` is filled in.
    pub content: Content,
    /// Why it was changed.
    pub note: Option<Note>,
    /// Who wrote it: the name of a key.
    pub author: String,
    /// When it was saved.
    pub created_at: Timestamp,
}

/// The live version and the time it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// The version.
    pub version: u32,
    /// Live since.
    pub from: Timestamp,
    /// Live until, where that is known: its validity ends.
    pub until: Option<Timestamp>,
    /// Sequence number of its publication.
    pub publication: u32,
}

/// A publication that waits for its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Schedule {
    /// The version to become live.
    pub version: u32,
    /// When.
    pub at: Timestamp,
    /// Until when, where that is known.
    pub until: Option<Timestamp>,
    /// Who scheduled it.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
}

/// Where a version stands in review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReviewState {
    /// Handed in, waits for an approver.
    InReview,
    /// May be published.
    Approved,
    /// Sent back.
    Rejected,
}

/// The latest word on a version in review.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Review {
    /// The version concerned.
    pub version: u32,
    /// Where it stands.
    pub state: ReviewState,
    /// Who said so.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// With what words.
    pub note: Option<Note>,
}

/// What an article is right now, seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Never published, and nothing else going on.
    Draft,
    /// Not live, its latest version waits for an approver.
    InReview,
    /// Not live, a publication waits for its time.
    Scheduled,
    /// A version is live.
    Published,
    /// Put away; history stays.
    Archived,
}

impl Status {
    /// The name as callers see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Draft => "draft",
            Status::InReview => "in_review",
            Status::Scheduled => "scheduled",
            Status::Published => "published",
            Status::Archived => "archived",
        }
    }
}

/// The head of an article: what changes, while versions do not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Article {
    /// The space it belongs to.
    pub space: SpaceId,
    /// Its id.
    pub id: ArticleId,
    /// When version 1 was saved.
    pub created_at: Timestamp,
    /// When anything about it last changed.
    pub updated_at: Timestamp,
    /// The newest version.
    pub latest: u32,
    /// The live version.
    pub live: Option<Live>,
    /// What waits for its time.
    pub schedule: Option<Schedule>,
    /// The latest word of review.
    pub review: Option<Review>,
    /// Put away.
    pub archived: bool,
    /// How many publications there have been.
    pub publications: u32,
    /// When it was last found to be still true.
    pub verified_at: Option<Timestamp>,
    /// When it should be looked at again.
    pub review_due_at: Option<Timestamp>,
}

impl Article {
    /// What it is right now.
    pub fn status(&self) -> Status {
        if self.archived {
            return Status::Archived;
        }
        if self.live.is_some() {
            return Status::Published;
        }
        if self.schedule.is_some() {
            return Status::Scheduled;
        }
        let reviewed = self.review.as_ref().filter(|r| r.version == self.latest);
        match reviewed.map(|r| r.state) {
            Some(ReviewState::InReview) => Status::InReview,
            _ => Status::Draft,
        }
    }

    /// Whether a newer version than the live one exists.
    pub fn has_draft(&self) -> bool {
        self.live.is_some_and(|live| live.version < self.latest)
    }
}

/// Which version was live, from when to when, who did it and why.
///
/// Live at `t` when `from ≤ t` and, where there is an `until`, `t < until`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    /// The version that was live.
    pub version: u32,
    /// From.
    pub from: Timestamp,
    /// Until; absent while nothing ends it.
    pub until: Option<Timestamp>,
    /// Who published it.
    pub by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who ended it, where somebody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
}

impl Publication {
    /// Whether the version was live at that moment.
    pub fn covers(&self, at: Timestamp) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }
}

/// An article as callers read it: the fields of one version and the article's state.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ArticleView {
    /// Id.
    pub id: ArticleId,
    /// Space.
    pub space: SpaceId,
    /// State of the article.
    pub status: Status,
    /// The version shown.
    pub version: u32,
    /// The version that is live, if any.
    pub live_version: Option<u32>,
    /// The newest version.
    pub latest_version: u32,
    /// Whether a newer version than the live one exists.
    pub has_draft: bool,
    /// Title.
    pub title: Title,
    /// Body, in Markdown.
    pub body: Body,
    /// Other ways customers ask it.
    pub questions: Vec<Question>,
    /// Questions that sound like it but are not answered by it.
    pub negative_questions: Vec<Question>,
    /// Category.
    pub category: Option<Category>,
    /// Tags.
    pub tags: Vec<Tag>,
    /// Audience.
    pub audience: Audience,
    /// Language.
    pub language: Language,
    /// Attributes.
    pub attributes: BTreeMap<AttributeName, AttributeValue>,
    /// Not live before.
    pub valid_from: Option<Timestamp>,
    /// Not live from then on.
    pub valid_until: Option<Timestamp>,
    /// Owner.
    pub owner: Option<Handle>,
    /// Days from a verification to the next review.
    pub review_every_days: Option<u32>,
    /// When it should be looked at again.
    pub review_due_at: Option<Timestamp>,
    /// Why this version was made.
    pub note: Option<Note>,
    /// Who wrote this version.
    pub author: String,
    /// When this version was saved.
    pub created_at: Timestamp,
    /// Since when this version is live (or was, on its last publication).
    pub published_at: Option<Timestamp>,
}

impl ArticleView {
    /// Shows a version of an article.
    pub fn of(article: &Article, version: &Version, published_at: Option<Timestamp>) -> Self {
        let c = version.content.clone();
        Self {
            id: article.id.clone(),
            space: article.space.clone(),
            status: article.status(),
            version: version.number,
            live_version: article.live.map(|l| l.version),
            latest_version: article.latest,
            has_draft: article.has_draft(),
            title: c.title,
            body: c.body,
            questions: c.questions,
            negative_questions: c.negative_questions,
            category: c.category,
            tags: c.tags,
            audience: c.audience,
            language: c.language.unwrap_or(Language::Und),
            attributes: c.attributes,
            valid_from: c.valid_from,
            valid_until: c.valid_until,
            owner: c.owner,
            review_every_days: c.review_every_days,
            review_due_at: article.review_due_at,
            note: version.note.clone(),
            author: version.author.clone(),
            created_at: version.created_at,
            published_at,
        }
    }
}
