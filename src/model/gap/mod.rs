//! What could not be answered: a group of questions that asks for an article.
//!
//! Invariant: holds masked text only, and no article outside the reader's audience is named in a view.

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod day;
mod form;
mod head;
mod history;
mod proof;
mod worth;

use std::collections::BTreeMap;

pub use self::day::{BURST, GapDay, KEY_BURST, Source};
pub use self::form::{CauseKind, Click, Form, GroupEdit, MAX_PLACES, MAX_WORDINGS, Proof, Tally, Why, WordingView};
pub use self::head::{GapHead, HeadWhy};
pub use self::history::{GapChange, GapEvent, MAX_HISTORY};
pub use self::proof::{
    Asked, Cause, MAX_ASKED, MAX_ASKED_BYTES, MAX_QUOTED, NotProven, Replayed, RestsOn, Verification,
};
pub(crate) use self::worth::rounded;
pub use self::worth::{Heat, Worth};
use crate::id::{ArticleId, GapId, SpaceId};
use crate::model::article::Language;
use crate::model::search::Hit;

/// Most example questions kept with a gap.
pub const MAX_EXAMPLES: usize = 20;

/// Where a gap stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GapStatus {
    /// Nobody has worked on it, or what was published does not answer enough of its questions.
    Open,
    /// An article is being written for it.
    Drafting,
    /// That article waits for review.
    AwaitingReview,
    /// An article was published, and its own questions, asked again, are answered.
    Closed,
    /// It was closed, and its questions are no longer answered.
    Reopened,
    /// Set aside by an editor.
    Dismissed,
}

/// What an editor might do about a gap.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Suggestion {
    /// `new_article`, or `link` where an article stands near enough to be meant.
    pub action: SuggestedAction,
    /// The article to link, for `link`.
    pub article_id: Option<ArticleId>,
    /// Title of a new article.
    pub title: String,
    /// Category, that of the nearest article.
    pub category: Option<String>,
    /// Questions it should answer.
    pub questions: Vec<String>,
}

/// What may be done about a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuggestedAction {
    /// Write an article.
    NewArticle,
    /// Add the questions to an article that is there.
    Link,
}

/// What came of asking gaps' questions again.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ReplayReport {
    /// Gaps whose questions were asked.
    pub replayed: u64,
    /// Gaps that were closed by it.
    pub closed: Vec<GapId>,
    /// Gaps that were opened again by it.
    pub reopened: Vec<GapId>,
}

/// The fewest gaps that cover a share of what is asked and not answered.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Pareto {
    /// The share that was asked for, in (0, 1].
    pub share: f64,
    /// Gaps that wait for an answer.
    pub gaps: u64,
    /// Distinct sources that asked for them, each fading by half in 14 days.
    pub askings: f64,
    /// How many gaps are needed.
    pub needed: u64,
    /// The share that those cover.
    pub covered: f64,
    /// Those gaps, the most asked first.
    pub steps: Vec<ParetoStep>,
}

/// A gap of such a list.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ParetoStep {
    /// Id.
    pub id: GapId,
    /// The clearest question.
    pub label: String,
    /// Where it stands.
    pub status: GapStatus,
    /// Distinct sources that asked for it, fading.
    pub askings: f64,
    /// The share that is covered by it and those before it.
    pub covered: f64,
}

/// What came of looking at all forms of a space at once.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ConsolidationReport {
    /// Forms of questions.
    pub forms: u64,
    /// Gaps they stand under now.
    pub gaps: u64,
    /// Forms that changed their gap.
    pub moved: u64,
    /// Gaps that ended in others.
    pub ended: u64,
    /// Gaps that were parted from others.
    pub founded: u64,
    /// Time it took, in milliseconds.
    pub took_ms: u64,
}

/// Forms of a question that ask for one article.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// Id: that of the form that founded it, or one made when it was parted from another.
    pub id: GapId,
    /// Space.
    pub space: SpaceId,
    /// The clearest question, masked.
    pub label: String,
    /// Words that tell it from others.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// Where it stands.
    pub status: GapStatus,
    /// Language of the label.
    pub language: Language,
    /// How many forms it has.
    #[serde(default)]
    pub forms: u64,
    /// What is counted of them.
    #[serde(default)]
    pub tally: Tally,
    /// By how many it was asked, each counted once a day.
    #[serde(default)]
    pub sessions: u64,
    /// The same, fading.
    #[serde(default)]
    pub heat: Heat,
    /// When first.
    pub first_seen: Timestamp,
    /// When last.
    pub last_seen: Timestamp,
    /// Different wordings, masked.
    pub examples: Vec<String>,
    /// Articles that stood nearest at the last time.
    pub nearest: Vec<NearArticle>,
    /// Askings by cause, as far as it is known.
    #[serde(default)]
    pub causes: BTreeMap<CauseKind, u64>,
    /// What an editor says of the cause, or what weighs most of what was found.
    #[serde(default)]
    pub why: Option<Why>,
    /// The article that is to answer it.
    #[serde(default)]
    pub article_id: Option<ArticleId>,
    /// What came of asking its questions again.
    pub verification: Option<Verification>,
    /// The closed gap beside which it was asked: its questions are of that group, and what was published does not answer
    /// them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub related: Option<GapId>,
    /// How it came to hold the questions that it holds, and when it was closed and opened; the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<GapEvent>,
}

impl Gap {
    /// A gap that holds nothing yet.
    pub fn new(id: GapId, space: SpaceId, at: Timestamp) -> Self {
        Self {
            id,
            space,
            label: String::new(),
            keywords: Vec::new(),
            status: GapStatus::Open,
            language: Language::Und,
            forms: 0,
            tally: Tally::default(),
            sessions: 0,
            heat: Heat::default(),
            first_seen: at,
            last_seen: at,
            examples: Vec::new(),
            nearest: Vec::new(),
            causes: BTreeMap::new(),
            why: None,
            article_id: None,
            verification: None,
            related: None,
            history: Vec::new(),
        }
    }

    /// Whether an editor or an article has to do with it: then the machine neither ends it nor takes forms out of it.
    pub fn is_worked_on(&self) -> bool {
        self.status != GapStatus::Open || self.article_id.is_some()
    }

    /// Notes in its history what happened.
    pub fn note(&mut self, event: GapEvent) {
        history::note(&mut self.history, event);
    }

    /// Takes its sums from its forms, those most asked first, and its label and examples where they give them.
    pub fn sum_up(&mut self, forms: &[Form]) {
        (self.tally, self.causes) = Default::default();
        (self.forms, self.examples) = (forms.len() as u64, Vec::new());
        let mut ordered: Vec<&Form> = forms.iter().collect();
        ordered.sort_by(|a, b| b.tally.queries.cmp(&a.tally.queries).then(a.first_seen.cmp(&b.first_seen)));
        for form in &ordered {
            self.tally.add(&form.tally);
            form.causes().into_iter().for_each(|(kind, count)| *self.causes.entry(kind).or_default() += count);
        }
        // Each form's first wording before any form's second.
        for place in 0..MAX_WORDINGS {
            let wordings = ordered.iter().filter_map(|form| form.wordings.get(place));
            for wording in wordings {
                if self.examples.len() < MAX_EXAMPLES && !self.examples.contains(wording) {
                    self.examples.push(wording.clone());
                }
            }
        }
        self.first_seen = forms.iter().map(|form| form.first_seen).min().unwrap_or(self.first_seen);
        self.last_seen = forms.iter().map(|form| form.last_seen).max().unwrap_or(self.last_seen);
        if let Some(latest) = forms.iter().max_by_key(|form| form.last_seen) {
            self.nearest = latest.nearest.clone();
        }
        if !ordered.iter().any(|form| form.wordings.contains(&self.label))
            && let Some(first) = ordered.first()
        {
            self.label = first.question().to_owned();
            self.language = first.language;
        }
        self.weigh_causes(&ordered);
    }

    /// Takes the cause that most of its askings have; what an editor said stays.
    pub fn weigh_causes(&mut self, forms: &[&Form]) {
        if self.why.as_ref().is_some_and(|why| why.proof == Proof::Editor) {
            return;
        }
        // Of equals the one that stands first: what is missing before what is there and was not found.
        let most = self.causes.iter().filter(|(_, count)| **count > 0);
        let Some((kind, _)) = most.max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0))) else {
            self.why = None;
            return;
        };
        let kind = *kind;
        let told = forms.iter().filter_map(|form| form.why.as_ref()).find(|why| why.kind == kind);
        if told.is_none() && self.why.as_ref().is_some_and(|why| why.kind == kind) {
            return;
        }
        let rated = || Why {
            kind,
            proof: Proof::Rating,
            article_id: self.nearest.first().map(|near| near.article_id.clone()),
            at: self.last_seen,
        };
        self.why = Some(told.cloned().unwrap_or_else(rated));
    }

    /// Gives one of its forms another cause, or none, and its askings with it.
    pub fn recount_cause(&mut self, form: &mut Form, why: impl Into<Option<Why>>) {
        for (kind, count) in form.causes() {
            if let Some(known) = self.causes.get_mut(&kind) {
                *known = known.saturating_sub(count);
            }
        }
        form.why = why.into();
        for (kind, count) in form.causes() {
            *self.causes.entry(kind).or_default() += count;
        }
        self.causes.retain(|_, count| *count > 0);
        self.weigh_causes(&[form]);
    }
}

/// An article near a gap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NearArticle {
    /// Article.
    pub article_id: ArticleId,
    /// Its title.
    pub title: String,
    /// Score in [0, 1].
    pub score: f64,
}

impl NearArticle {
    /// The article of a hit.
    pub fn of(hit: &Hit) -> Self {
        Self { article_id: hit.article_id.clone(), title: hit.title.clone(), score: hit.score }
    }
}

/// A gap as callers see it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct GapView {
    /// Id.
    pub id: GapId,
    /// The clearest question.
    pub label: String,
    /// Where it stands.
    pub status: GapStatus,
    /// Language.
    pub language: Language,
    /// How often it was asked.
    pub queries: u64,
    /// By how many, each session, customer or key counted once a day.
    pub sessions: u64,
    /// What answering it is worth, in [0, 1]; lists go by this.
    pub impact: f64,
    /// What the impact is made of.
    pub worth: Worth,
    /// Why it was not answered, once that is known.
    pub cause: Option<Why>,
    /// Askings by cause, as far as it is known.
    pub causes: BTreeMap<CauseKind, u64>,
    /// Words that tell it from others, those that tell most first.
    pub keywords: Vec<String>,
    /// When first.
    pub first_seen: Timestamp,
    /// When last.
    pub last_seen: Timestamp,
    /// The latest days on which it was asked, the earliest first.
    pub trend: Vec<GapPoint>,
    /// Different wordings.
    pub examples: Vec<String>,
    /// How many forms of the question it has.
    pub forms: u64,
    /// The forms most asked.
    pub wordings: Vec<WordingView>,
    /// Articles that stand nearest, of those the reader may see.
    pub nearest: Vec<NearArticle>,
    /// What might be done; absent once something is.
    pub suggested: Option<Suggestion>,
    /// The article that is to answer it.
    pub article_id: Option<ArticleId>,
    /// What came of asking its questions again.
    pub verification: Option<Verification>,
    /// The closed gap beside which it was asked, where there is one: new questions that what was published does not answer
    /// stand under a gap of their own.
    pub related: Option<GapId>,
    /// Merges and splits, by whom, and when it was closed and opened again; the newest first, 50 at most.
    pub history: Vec<GapEvent>,
}

/// A day of a gap as callers see it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct GapPoint {
    /// The day, in UTC.
    pub day: Date,
    /// How often it was asked.
    pub queries: u64,
    /// By how many, each counted once.
    pub sessions: u64,
    /// Whether `sessions` is an estimate.
    pub approximate: bool,
    /// Whether one source asked faster than people do; what was too fast is in `queries` only.
    pub burst: bool,
}

impl GapPoint {
    /// What callers see of a day.
    pub fn of(day: Date, counts: &GapDay) -> Self {
        let GapDay { queries, sessions, burst, halved, .. } = *counts;
        Self { day, queries, sessions, approximate: halved > 0, burst }
    }
}
