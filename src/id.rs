//! Which thing is meant: identifiers as types, so that one cannot stand where another belongs.
//!
//! Invariant: a value of these types is well-formed; nothing below the door checks it again.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Longest article or space id, in characters.
pub const MAX_ID: usize = 64;

/// Why a text is not an id of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidId(pub String);

fn check_name(text: &str, what: &str) -> Result<(), InvalidId> {
    let mut chars = text.chars();
    let first = chars.next().is_some_and(|c| c.is_ascii_alphanumeric());
    let rest = chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if first && rest && text.len() <= MAX_ID {
        return Ok(());
    }
    Err(InvalidId(format!(
        "{what} must be 1 to {MAX_ID} letters, digits, '.', '_' or '-', and begin with a letter or digit"
    )))
}

macro_rules! name_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                check_name(&text, $what)?;
                Ok(Self(text))
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
                    "maxLength": MAX_ID,
                })
            }
        }
    };
}

name_id!(
    /// Names an article within its space, chosen by the client or made by the server.
    ArticleId, "an article id"
);
name_id!(
    /// Names a space: an isolated knowledge base.
    SpaceId, "a space id"
);
name_id!(
    /// Names an API key; not secret.
    KeyId, "a key id"
);
name_id!(
    /// Names a record of a search, an answer or a question in a conversation: `q_…`, `a_…`, `i_…`; sortable by time.
    QueryId, "a query or answer id"
);
name_id!(
    /// Names a classifier within its space.
    ClassifierName, "a classifier's name"
);
name_id!(
    /// Names a gap: `g_…`.
    GapId, "a gap id"
);

name_id!(
    /// Names an alert: `al_…`.
    AlertId, "an alert id"
);
name_id!(
    /// Names a golden query: `gq_…`.
    GoldenId, "a golden query id"
);
name_id!(
    /// Names a pin: `pin_…`.
    PinId, "a pin id"
);
name_id!(
    /// Names an embedding model or a reranker, such as `bundled` or a folder under the data directory's `models`.
    ModelName, "a model's name"
);

impl ModelName {
    /// The model that comes with the program.
    pub fn bundled() -> Self {
        Self("bundled".to_owned())
    }

    /// Signed feature hashing: no model at all.
    pub fn hash() -> Self {
        Self("hash".to_owned())
    }
}

name_id!(
    /// Names a synonym rule: `s_…`; sortable by time.
    SynonymId, "a synonym id"
);

impl SpaceId {
    /// The space that every server begins with.
    pub fn default_space() -> Self {
        Self("default".to_owned())
    }
}

/// A fresh id, sortable by time: the prefix and a UUID version 7 (RFC 9562) without hyphens.
///
/// `unix_ms` is the caller's clock; the rest is random.
pub fn fresh(prefix: &str, unix_ms: i64) -> String {
    let ms = u64::try_from(unix_ms).unwrap_or(0);
    let time = uuid::Timestamp::from_unix_time(ms / 1000, ((ms % 1000) * 1_000_000) as u32, 0, 0);
    format!("{prefix}{}", uuid::Uuid::new_v7(time).simple())
}

impl ArticleId {
    /// A fresh article id, sortable by time.
    pub fn fresh(unix_ms: i64) -> Self {
        Self(fresh("", unix_ms))
    }
}

impl QueryId {
    /// A fresh id of a search (`q_…`).
    pub fn for_search(unix_ms: i64) -> Self {
        Self(fresh("q_", unix_ms))
    }

    /// A fresh id of an answer (`a_…`).
    pub fn for_answer(unix_ms: i64) -> Self {
        Self(fresh("a_", unix_ms))
    }

    /// The id of a question found in a conversation (`i_…`): the same question always has the same one.
    pub fn for_interaction(unix_ms: i64, session: &str, turn: u32, place: usize) -> Self {
        let hash = blake3::hash(format!("{session}\n{turn}\n{place}").as_bytes()).to_hex();
        Self(format!("i_{:012x}{}", unix_ms.max(0), hash.get(..20).unwrap_or_default()))
    }
}

impl GapId {
    /// The gap of a question's normalised form in a space: the same form always gives the same gap.
    pub fn of(space: &SpaceId, form: &str) -> Self {
        let hash = blake3::hash(format!("{space}\n{form}").as_bytes()).to_hex();
        Self(format!("g_{}", hash.get(..24).unwrap_or_default()))
    }
}

impl AlertId {
    /// The alert of a rule, a subject and a window in a space: the same ones always have the same id.
    pub fn of(space: &SpaceId, rule: &str, subject: &str, window: &str) -> Self {
        let hash = blake3::hash(format!("alert\n{space}\n{rule}\n{subject}\n{window}").as_bytes()).to_hex();
        Self(format!("al_{}", hash.get(..32).unwrap_or_default()))
    }
}

impl GoldenId {
    /// The golden query of a normalised form in a space: the same form always gives the same one.
    pub fn of(space: &SpaceId, form: &str) -> Self {
        let hash = blake3::hash(format!("golden\n{space}\n{form}").as_bytes()).to_hex();
        Self(format!("gq_{}", hash.get(..24).unwrap_or_default()))
    }
}

impl PinId {
    /// A fresh pin id (`pin_…`).
    pub fn fresh(unix_ms: i64) -> Self {
        Self(fresh("pin_", unix_ms))
    }
}

impl SynonymId {
    /// A fresh id of a synonym rule (`s_…`).
    pub fn fresh(unix_ms: i64) -> Self {
        Self(fresh("s_", unix_ms))
    }
}

impl KeyId {
    /// A fresh key id (`k_…`).
    pub fn fresh(unix_ms: i64) -> Self {
        Self(fresh("k_", unix_ms))
    }
}
