//! Which numbers and lists are fit for their field: bounds in the type.
//!
//! Invariant: the bound is one constant, used by the check, the message and the published schema.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::body::Body;
use super::query::Query;
use crate::error::Error;
use crate::id::SpaceId;
use crate::model::interaction::day_of;

/// Characters of a date such as `2026-11-22`.
const LENGTH_OF_DATE: usize = 10;

/// A whole number from `MIN` to `MAX`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Between<const MIN: u32, const MAX: u32>(pub u32);

impl<'de, const MIN: u32, const MAX: u32> Deserialize<'de> for Between<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        match u32::try_from(number) {
            Ok(fit) if (MIN..=MAX).contains(&fit) => Ok(Self(fit)),
            _ => Err(D::Error::custom(format!("must be from {MIN} to {MAX}, not {number}"))),
        }
    }
}

impl<const MIN: u32, const MAX: u32> JsonSchema for Between<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Between{MIN}And{MAX}").into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

/// A day in UTC: a date, or a time (RFC 3339) of which the day in UTC counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day(pub Date);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // In a URL a bare `+` is read as a space: before an offset it can only have been a plus.
        let given = if text.contains(['T', 't']) { text.replace(' ', "+") } else { text.clone() };
        let date = || if given.len() == LENGTH_OF_DATE { given.parse::<Date>().ok() } else { None };
        let day = date().or_else(|| given.parse::<Timestamp>().ok().map(day_of));
        day.map(Day).ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            D::Error::custom(format!(
                "must be a day in UTC such as 2026-11-22, or a time with its offset such as 2026-11-22T08:00:00Z or \
                 2026-11-22T08:00:00+08:00 (RFC 3339), of which the day in UTC counts; not '{shown}'"
            ))
        })
    }
}

impl JsonSchema for Day {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Day".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "anyOf": [{ "format": "date" }, { "format": "date-time" }] })
    }
}

/// A list of at most `MAX` items.
#[derive(Debug, Clone, PartialEq)]
pub struct AtMost<T, const MAX: usize>(pub Vec<T>);

impl<T, const MAX: usize> Default for AtMost<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

struct Items<T, const MAX: usize>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for Items<T, MAX> {
    type Value = AtMost<T, MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MAX} items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            if list.len() == MAX {
                return Err(A::Error::custom(format!("at most {MAX} items are allowed")));
            }
            list.push(item);
        }
        Ok(AtMost(list))
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for AtMost<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Items(std::marker::PhantomData))
    }
}

impl<T: JsonSchema, const MAX: usize> JsonSchema for AtMost<T, MAX> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("AtMost{MAX}{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": generator.subschema_for::<T>(), "maxItems": MAX })
    }
}

/// What `?wait=` waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// Until a search finds what was written.
    Searchable,
}

/// Parameters of calls that concern a space.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InSpace {
    /// The space; `default` unless given.
    #[serde(default)]
    pub space: Option<SpaceId>,
}

impl Body for InSpace {
    const QUERY: bool = true;
}
impl Query for InSpace {}

/// Parameters of calls that take none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

impl Body for Nothing {
    const QUERY: bool = true;
}
impl Query for Nothing {}

/// A whole list: no more pages follow.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Whole<T> {
    /// The items.
    pub items: Vec<T>,
    /// Always absent: the list is whole.
    pub next_cursor: Option<String>,
}

impl<T> Whole<T> {
    /// The list of these.
    pub fn of(items: Vec<T>) -> Self {
        Self { items, next_cursor: None }
    }
}

/// The space meant, where a body and the URL may both name it.
///
/// # Errors
/// `invalid_request` when they disagree.
pub fn space(in_body: Option<SpaceId>, in_url: Option<SpaceId>) -> Result<SpaceId, Error> {
    match (in_body, in_url) {
        (Some(body), Some(url)) if body != url => {
            Err(Error::field("space", format!("is '{body}', but the URL says '{url}'")))
        }
        (Some(space), _) | (None, Some(space)) => Ok(space),
        (None, None) => Ok(SpaceId::default_space()),
    }
}
