//! Which documents a caller wants or may see: a tree of conditions.
//!
//! Invariant: fails closed; an unknown field or an ill-typed value is an error, and nothing matches by default.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A tree of conditions over a document's fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "RawFilter", untagged)]
pub enum Filter {
    /// All of them hold; an empty list holds.
    All {
        /// The parts.
        all: Vec<Filter>,
    },
    /// At least one of them holds; an empty list does not hold.
    Any {
        /// The parts.
        any: Vec<Filter>,
    },
    /// It does not hold.
    Not {
        /// The part.
        not: Box<Filter>,
    },
    /// One condition.
    Condition(Condition),
}

/// A filter as written: exactly one of its shapes must be there.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawFilter {
    all: Option<Vec<Filter>>,
    any: Option<Vec<Filter>>,
    not: Option<Box<Filter>>,
    field: Option<String>,
    op: Option<Op>,
    #[serde(default)]
    value: serde_json::Value,
}

impl TryFrom<RawFilter> for Filter {
    type Error = String;

    fn try_from(raw: RawFilter) -> Result<Self, String> {
        match raw {
            RawFilter { all: Some(all), any: None, not: None, field: None, op: None, value } if value.is_null() => {
                Ok(Filter::All { all })
            }
            RawFilter { all: None, any: Some(any), not: None, field: None, op: None, value } if value.is_null() => {
                Ok(Filter::Any { any })
            }
            RawFilter { all: None, any: None, not: Some(not), field: None, op: None, value } if value.is_null() => {
                Ok(Filter::Not { not })
            }
            RawFilter { all: None, any: None, not: None, field: Some(field), op: Some(op), value } => {
                Ok(Filter::Condition(Condition { field, op, value }))
            }
            _ => Err("a filter is one of {all: [...]}, {any: [...]}, {not: ...} or {field, op, value}".to_owned()),
        }
    }
}

/// A condition on one field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// `id`, `title`, `category`, `tags`, `audience`, `language`, `version`, `published_at`, or `attributes.<name>`.
    pub field: String,
    /// How to compare.
    pub op: Op,
    /// With what; `null` or absent for `exists` and `missing`.
    #[serde(default)]
    pub value: serde_json::Value,
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Equal.
    Eq,
    /// Not equal, or absent.
    Ne,
    /// One of.
    In,
    /// None of, or absent.
    NotIn,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Between two values, both included.
    Between,
    /// A category at or below a path.
    Under,
    /// Begins with.
    Prefix,
    /// Contains the text, or the element.
    Contains,
    /// Is there.
    Exists,
    /// Is not there.
    Missing,
}

impl Filter {
    /// A condition.
    pub fn condition(field: &str, op: Op, value: serde_json::Value) -> Self {
        Filter::Condition(Condition { field: field.to_owned(), op, value })
    }

    /// Both hold.
    pub fn and(self, other: Filter) -> Self {
        Filter::All { all: vec![self, other] }
    }
}
