//! One form of a question that was not answered, and what is counted of it: the atoms that gaps are made of.
//!
//! Invariant: what is counted of a gap is the sum of what is counted of its forms, wherever they have been moved.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::NearArticle;
use crate::id::{ArticleId, GapId, QueryId, SpaceId};
use crate::model::article::Language;

/// Most wordings kept of a form.
pub const MAX_WORDINGS: usize = 5;
/// Most places kept where it was asked in conversations.
pub const MAX_PLACES: usize = 20;
/// Most voices kept of those who opened an article.
pub const MAX_CLICKS: usize = 64;

/// Why a question was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CauseKind {
    /// Nothing near is known.
    Missing,
    /// An article answers it under other words.
    PresentNotFound,
    /// What answered it was replaced, has ended, or is overdue for review.
    Stale,
    /// An article answers it that the caller may not see.
    Hidden,
    /// Something was found, and did not help.
    Partial,
    /// Chit-chat, abuse, or another's business.
    OutOfScope,
}

/// What a cause rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// Searches: of what is live, of what was, of what others may see.
    Search,
    /// What the agent answered stands in an article.
    AgentReply,
    /// The customer opened an article or said that it helped.
    Click,
    /// An editor said so.
    Editor,
    /// A low rating or a hand-off.
    Rating,
    /// The words themselves.
    Words,
    /// What people named as other business: it lies near.
    Example,
}

impl Proof {
    /// What outweighs what: people before machines.
    fn rank(self) -> u8 {
        match self {
            Self::Search | Self::Words | Self::Example => 0,
            Self::Rating => 1,
            Self::AgentReply => 2,
            Self::Click => 3,
            Self::Editor => 4,
        }
    }
}

/// Why a form was not answered, and how that is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Why {
    /// The cause.
    pub kind: CauseKind,
    /// What it rests on.
    pub proof: Proof,
    /// The article concerned, where there is one.
    pub article_id: Option<ArticleId>,
    /// When it was found.
    pub at: Timestamp,
}

impl Why {
    /// Whether this may take the place of `known`: never what people said by what a machine found.
    pub fn outweighs(&self, known: Option<&Self>) -> bool {
        known.is_none_or(|known| self.proof.rank() >= known.proof.rank())
    }
}

/// What is counted of questions that were not answered, or not to the customer's satisfaction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// How often it was asked.
    pub queries: u64,
    /// Of these, how often something was found that did not help.
    pub partial: u64,
    /// The sum of the confidences.
    pub confidence: f64,
    /// How often it was asked in a conversation.
    pub in_talk: u64,
    /// Of these, in one that a person had to take over.
    pub handed_off: u64,
    /// How often it ended in a low rating.
    pub low_rated: u64,
    /// Turns of agents in those conversations.
    pub agent_turns: u64,
}

impl Tally {
    /// Adds another.
    pub fn add(&mut self, other: &Self) {
        self.queries += other.queries;
        self.partial += other.partial;
        self.confidence += other.confidence;
        self.in_talk += other.in_talk;
        self.handed_off += other.handed_off;
        self.low_rated += other.low_rated;
        self.agent_turns += other.agent_turns;
    }
}

/// A question's normalised form that was not answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Form {
    /// Names it; also names the gap that it founded.
    pub id: GapId,
    /// Space.
    pub space: SpaceId,
    /// The gap that it belongs to.
    pub gap: GapId,
    /// Its group among the forms of the space, where it is in one.
    pub group: Option<u64>,
    /// The normalised form itself.
    pub form: String,
    /// As it was worded, masked; the first is the first.
    pub wordings: Vec<String>,
    /// Language of the first wording.
    pub language: Language,
    /// What is counted.
    pub tally: Tally,
    /// When first.
    pub first_seen: Timestamp,
    /// When last.
    pub last_seen: Timestamp,
    /// Articles that stood nearest at the last time.
    pub nearest: Vec<NearArticle>,
    /// Why it was not answered, once it was looked into.
    pub why: Option<Why>,
    /// Where it was asked in conversations: hash of the session, and the turn; the latest.
    pub places: Vec<(String, u32)>,
    /// Who opened which article after asking it, or said that it helps; each has one voice, the latest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clicks: Vec<Click>,
}

/// One who showed which article answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Click {
    /// Hash of the session, or of the key where no session was named.
    pub by: String,
    /// The query.
    pub about: QueryId,
    /// The article.
    pub article_id: ArticleId,
}

impl Form {
    /// The question as first asked.
    pub fn question(&self) -> &str {
        self.wordings.first().map_or(&self.form, String::as_str)
    }

    /// What is counted of it by cause.
    pub fn causes(&self) -> BTreeMap<CauseKind, u64> {
        let mut causes = BTreeMap::new();
        let rest = self.tally.queries.saturating_sub(self.tally.partial);
        if self.tally.partial > 0 {
            causes.insert(CauseKind::Partial, self.tally.partial);
        }
        if let Some(why) = self.why.as_ref().filter(|_| rest > 0) {
            *causes.entry(why.kind).or_default() += rest;
        }
        causes
    }

    /// Notes how it was worded.
    pub fn word(&mut self, wording: &str) {
        if self.wordings.len() < MAX_WORDINGS && !self.wordings.iter().any(|known| known == wording) {
            self.wordings.push(wording.to_owned());
        }
    }

    /// Notes that somebody showed which article answers, or that what they showed by this query does not count.
    pub fn click(&mut self, about: &QueryId, click: Option<Click>) {
        let by = click.as_ref().map(|click| click.by.clone());
        self.clicks.retain(|known| known.about != *about && Some(&known.by) != by.as_ref());
        self.clicks.extend(click);
        let over = self.clicks.len().saturating_sub(MAX_CLICKS);
        self.clicks.drain(..over);
    }

    /// The article that most showed to answer; of equals the one that was shown last.
    pub fn clicked(&self) -> Option<&ArticleId> {
        let voices = |article: &ArticleId| self.clicks.iter().filter(|click| click.article_id == *article).count();
        self.clicks.iter().map(|click| &click.article_id).max_by_key(|article| voices(article))
    }

    /// Notes where it was asked.
    pub fn asked_at(&mut self, session: &str, turn: u32) {
        self.places.retain(|(known, at)| known != session || *at != turn);
        self.places.push((session.to_owned(), turn));
        let over = self.places.len().saturating_sub(MAX_PLACES);
        self.places.drain(..over);
    }
}

/// A form as callers see it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct WordingView {
    /// Names it, for splitting a gap.
    pub id: GapId,
    /// The question as first asked, masked.
    pub question: String,
    /// How often it was asked.
    pub queries: u64,
    /// Why it was not answered, once that is known.
    pub cause: Option<Why>,
}

/// What an editor said of the groups of a space; no machine undoes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "edit", rename_all = "snake_case")]
pub enum GroupEdit {
    /// These forms ask for one article.
    Merge {
        /// When.
        at: Timestamp,
        /// Who.
        by: String,
        /// The forms.
        forms: Vec<GapId>,
    },
    /// Some forms ask for another article than the rest.
    Split {
        /// When.
        at: Timestamp,
        /// Who.
        by: String,
        /// Those taken out.
        out: Vec<GapId>,
        /// Those left behind.
        rest: Vec<GapId>,
    },
}

impl GroupEdit {
    /// The forms that it is about.
    pub fn forms(&self) -> impl Iterator<Item = &GapId> {
        let (some, others): (&[GapId], &[GapId]) = match self {
            Self::Merge { forms, .. } => (forms, &[]),
            Self::Split { out, rest, .. } => (out, rest),
        };
        some.iter().chain(others)
    }
}
