//! A pin: what an editor wants to stand first, or never, or alone, when a query is asked.
//!
//! Invariant: whether a pin applies depends on the query's normalised form and the time alone.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::FieldError;
use crate::id::{ArticleId, PinId};
use crate::model::text::{Note, QueryText};

/// Most articles of a pin.
pub const MAX_PINNED: usize = 20;
/// Most pins of a space.
pub const MAX_PINS: usize = 2_000;

/// How a query must look for a pin to apply; both are compared in their normalised form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PinMatch {
    /// It is the pin's text.
    #[default]
    Exact,
    /// It begins with it.
    Prefix,
    /// It holds it.
    Contains,
}

/// What a pin does with its articles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PinAction {
    /// They stand before all others.
    First,
    /// They are not found.
    Never,
    /// They alone are found.
    Instead,
}

impl PinAction {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            PinAction::First => "first",
            PinAction::Never => "never",
            PinAction::Instead => "instead",
        }
    }
}

/// A pin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pin {
    /// Id.
    pub id: PinId,
    /// The text that queries are compared with.
    pub query: QueryText,
    /// How they are compared.
    #[serde(rename = "match")]
    pub matching: PinMatch,
    /// What is done.
    pub action: PinAction,
    /// With which articles, in this order.
    pub articles: Vec<ArticleId>,
    /// Whether the first of them answers for certain: then the query counts as matched with confidence 1.
    pub answers: bool,
    /// From when on; at once where absent.
    pub from: Option<Timestamp>,
    /// Until when, excluded; for good where absent.
    pub until: Option<Timestamp>,
    /// Why.
    pub note: Option<Note>,
    /// Who said so last.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What a pin says; the rest of it is who and when.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPin {
    /// The text that queries are compared with.
    pub query: QueryText,
    /// How.
    pub matching: PinMatch,
    /// What is done.
    pub action: PinAction,
    /// With which articles.
    pub articles: Vec<ArticleId>,
    /// Whether the first of them answers for certain.
    pub answers: bool,
    /// From when on.
    pub from: Option<Timestamp>,
    /// Until when, excluded.
    pub until: Option<Timestamp>,
    /// Why.
    pub note: Option<Note>,
}

impl Pin {
    /// Whether it is in force then.
    pub fn covers(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }
}

impl PinMatch {
    /// Whether a query of this form meets a pin of that form. An empty form meets nothing.
    pub fn holds(self, query: &str, pin: &str) -> bool {
        if pin.is_empty() {
            return false;
        }
        let mut whole = query.match_indices(pin).map(|(at, _)| at).filter(|at| between_words(query, *at, pin.len()));
        match self {
            PinMatch::Exact => query == pin,
            PinMatch::Prefix => whole.next() == Some(0),
            PinMatch::Contains => whole.next().is_some(),
        }
    }
}

/// Whether no word of letters is cut at either end; Chinese has no such ends.
fn between_words(text: &str, at: usize, length: usize) -> bool {
    let is_cut = |at: usize| {
        let before = text.get(..at).and_then(|head| head.chars().next_back());
        let after = text.get(at..).and_then(|tail| tail.chars().next());
        before.zip(after).is_some_and(|(a, b)| a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric())
    };
    !is_cut(at) && !is_cut(at + length)
}

impl NewPin {
    /// What is wrong with it, field by field; `form` is the normalised form of its text.
    pub fn faults(&self, form: &str) -> Vec<FieldError> {
        let mut faults = Vec::new();
        if form.is_empty() {
            faults.push(FieldError::new("query", "it holds no word"));
        }
        if self.articles.is_empty() {
            faults.push(FieldError::new("articles", "name at least one article"));
        }
        if self.answers && self.action == PinAction::Never {
            faults.push(FieldError::new("answers", "what is never found cannot answer"));
        }
        if let (Some(from), Some(until)) = (self.from, self.until)
            && until <= from
        {
            faults.push(FieldError::new("until", format!("it must be after from ({from})")));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_meet_what_they_say() {
        let held = |query: &str, pin: &str| {
            [PinMatch::Exact, PinMatch::Prefix, PinMatch::Contains].map(|matching| matching.holds(query, pin))
        };
        assert_eq!(held("refund", "refund"), [true, true, true]);
        assert_eq!(held("refund time", "refund"), [false, true, true]);
        assert_eq!(held("my refund", "refund"), [false, false, true]);
        assert_eq!(held("arts", "art"), [false, false, false], "a word is not cut");
        assert_eq!(held("smart art", "art"), [false, false, true]);
        assert_eq!(held("iphone退货", "退货"), [false, false, true]);
        assert_eq!(held("anything", ""), [false, false, false]);
        assert_eq!(held("退货要多久", "退货"), [false, true, true]);
    }
}
