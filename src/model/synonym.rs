//! What a space calls the same thing: its synonym rules.
//!
//! Invariant: a rule that is stored has the phrases that its kind needs, and no others.

use std::collections::HashSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::FieldError;
use crate::id::{ArticleId, SynonymId};
use crate::model::text::{Phrase, QueryText};

/// Most rules of a space.
pub const MAX_SYNONYMS: usize = 10_000;
/// Most phrases of one field of a rule.
pub const MAX_PHRASES: usize = 50;
/// Most queries that a rule is tried on at once.
pub const MAX_PREVIEW: usize = 500;

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SynonymKind {
    /// Each of `terms` means each of the others.
    TwoWay,
    /// Who asks for one of `from` may mean one of `to`; not the other way.
    OneWay,
    /// What is asked as one of `from` is searched as the one phrase of `to`, and no longer as itself.
    Replacement,
}

/// A rule, without its id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SynonymRule {
    /// What it does.
    pub kind: SynonymKind,
    /// Of a two-way rule: the phrases that mean the same, in any language.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<Phrase>,
    /// Of the other kinds: what is asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<Phrase>,
    /// Of the other kinds: what is meant; one phrase for a replacement.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<Phrase>,
}

/// A rule of a space.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Synonym {
    /// Id.
    pub id: SynonymId,
    /// What it does.
    pub kind: SynonymKind,
    /// Of a two-way rule: the phrases that mean the same.
    #[serde(default)]
    pub terms: Vec<Phrase>,
    /// Of the other kinds: what is asked.
    #[serde(default)]
    pub from: Vec<Phrase>,
    /// Of the other kinds: what is meant.
    #[serde(default)]
    pub to: Vec<Phrase>,
    /// Who added it.
    pub author: String,
    /// When.
    pub created_at: Timestamp,
}

impl Synonym {
    /// The rule, without what names it.
    pub fn rule(&self) -> SynonymRule {
        SynonymRule { kind: self.kind, terms: self.terms.clone(), from: self.from.clone(), to: self.to.clone() }
    }

    /// A rule with its name.
    pub fn of(rule: SynonymRule, id: SynonymId, author: &str, created_at: Timestamp) -> Self {
        let SynonymRule { kind, terms, from, to } = rule;
        Self { id, kind, terms, from, to, author: author.to_owned(), created_at }
    }
}

impl SynonymRule {
    /// Everything that is wrong with it; `path` stands before the names of its fields. `form` gives the form in which
    /// phrases are compared.
    pub fn faults(&self, path: &str, form: impl Fn(&str) -> String) -> Vec<FieldError> {
        let mut faults = Vec::new();
        let fields = [("terms", &self.terms), ("from", &self.from), ("to", &self.to)];
        for (name, phrases) in fields {
            let (least, most) = self.bounds(name);
            let at = format!("{path}{name}");
            match (phrases.len(), most) {
                (n, 0) if n > 0 => faults.push(FieldError::new(at, "a rule of this kind does not have it")),
                (n, _) if n < least => faults.push(FieldError::new(at, format!("needs {least} phrases, not {n}"))),
                (n, _) if n > most => faults.push(FieldError::new(at, format!("has {n} phrases; at most {most}"))),
                _ => {}
            }
        }
        let mut seen: HashSet<String> = HashSet::new();
        for (name, phrases) in fields {
            for (i, phrase) in phrases.iter().enumerate() {
                let form = form(phrase.as_str());
                let at = format!("{path}{name}[{i}]");
                if !form.chars().any(char::is_alphanumeric) {
                    faults.push(FieldError::new(at, format!("'{phrase}' has no letter or digit")));
                } else if !seen.insert(form) {
                    faults.push(FieldError::new(at, format!("'{phrase}' is there twice")));
                }
            }
        }
        faults
    }

    /// Fewest and most phrases of a field.
    fn bounds(&self, field: &str) -> (usize, usize) {
        match (self.kind, field) {
            (SynonymKind::TwoWay, "terms") => (2, MAX_PHRASES),
            (SynonymKind::TwoWay, _) | (_, "terms") => (0, 0),
            (SynonymKind::Replacement, "to") => (1, 1),
            _ => (1, MAX_PHRASES),
        }
    }
}

/// Which queries a rule is tried on.
#[derive(Debug, Clone, PartialEq)]
pub enum Trial {
    /// These.
    Queries(Vec<QueryText>),
    /// The latest distinct ones that were asked, at most so many.
    Latest(usize),
}

/// The best article of a search.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TopHit {
    /// The article.
    pub article_id: ArticleId,
    /// Its title.
    pub title: String,
    /// Probability that it answers.
    pub score: f64,
    /// Whether that is enough to count as matched.
    pub matched: bool,
}

/// What a rule does to a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It matches now.
    Gained,
    /// It no longer matches.
    Lost,
    /// Another article comes first.
    Reordered,
    /// The same article comes first, with another score.
    Rescored,
}

/// A query that a rule changes.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Changed {
    /// The query; personal data in logged ones is masked.
    pub query: String,
    /// What changes.
    pub effect: Effect,
    /// The best article without the rule.
    pub before: Option<TopHit>,
    /// The best article with it.
    pub after: Option<TopHit>,
}

/// What a rule would do.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SynonymPreview {
    /// Queries tried.
    pub queries: u64,
    /// Those that would match and do not now.
    pub gained: u64,
    /// Those that match now and would not.
    pub lost: u64,
    /// Those that would change in any way.
    pub items: Vec<Changed>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(kind: SynonymKind, terms: &[&str], from: &[&str], to: &[&str]) -> Vec<String> {
        let own = |list: &[&str]| list.iter().filter_map(|s| s.parse().ok()).collect();
        let rule = SynonymRule { kind, terms: own(terms), from: own(from), to: own(to) };
        rule.faults("", str::to_lowercase).into_iter().map(|e| format!("{}: {}", e.field, e.message)).collect()
    }

    #[test]
    fn each_kind_has_its_fields() {
        assert_eq!(rule(SynonymKind::TwoWay, &["a", "b"], &[], &[]), Vec::<String>::new());
        assert_eq!(rule(SynonymKind::OneWay, &[], &["a"], &["b", "c"]), Vec::<String>::new());
        assert_eq!(
            rule(SynonymKind::TwoWay, &["a"], &[], &["b"]),
            ["terms: needs 2 phrases, not 1", "to: a rule of this kind does not have it"]
        );
        assert_eq!(rule(SynonymKind::Replacement, &[], &["a"], &["b", "c"]), ["to: has 2 phrases; at most 1"]);
        assert_eq!(
            rule(SynonymKind::OneWay, &[], &["A", "!"], &["a"]),
            ["from[1]: '!' has no letter or digit", "to[0]: 'a' is there twice"]
        );
    }
}
