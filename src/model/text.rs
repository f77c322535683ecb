//! Which texts are fit for their field: newtypes parsed at the door.
//!
//! Invariant: one constant a limit, used by the check, the message and the published schema.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Why a text does not fit its field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidText(pub String);

fn check(text: &str, what: &str, min: usize, max: usize) -> Result<(), InvalidText> {
    let length = text.chars().count();
    if length < min || (min > 0 && text.trim().is_empty()) {
        return Err(InvalidText(format!("{what} must not be empty")));
    }
    if length > max {
        return Err(InvalidText(format!("{what} has {length} characters; at most {max} are allowed")));
    }
    if text.contains('\0') {
        return Err(InvalidText(format!("{what} must not contain the character U+0000")));
    }
    Ok(())
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $what:literal, $min:literal ..= $max:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Most characters (Unicode scalars) allowed.
            pub const MAX: usize = $max;

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidText;
            fn try_from(text: String) -> Result<Self, InvalidText> {
                check(&text, $what, $min, $max)?;
                Ok(Self(text))
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidText;
            fn from_str(text: &str) -> Result<Self, InvalidText> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> String {
                text.0
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
                json_schema!({ "type": "string", "minLength": $min, "maxLength": $max })
            }
        }
    };
}

text!(
    /// Title of an article.
    Title, "a title", 1..=200
);
text!(
    /// Body of an article: Markdown.
    Body, "a body", 0..=200_000
);
text!(
    /// A way in which customers ask for an article (or do not, when negative).
    Question, "a question", 1..=300
);
text!(
    /// A tag.
    Tag, "a tag", 1..=64
);
text!(
    /// Name of an attribute.
    AttributeName, "an attribute name", 1..=64
);
text!(
    /// A word, or a few, of a synonym rule.
    Phrase, "a phrase", 1..=100
);
text!(
    /// Why something was done.
    Note, "a note", 0..=2_000
);
text!(
    /// Name of a person, key or space for people to read.
    Label, "a name", 1..=120
);
text!(
    /// What somebody asks.
    QueryText, "a query", 1..=1_000
);
text!(
    /// A longer text to compare with the knowledge, such as a ticket or a post.
    LongText, "a text", 1..=20_000
);
text!(
    /// What is said in one turn of a conversation.
    TurnText, "a turn", 0..=20_000
);
text!(
    /// A conversation, channel or segment as the caller names it.
    Handle, "a name", 1..=128
);

/// A category: a path of names separated by `/`, such as `售后/退货`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Category(String);

impl Category {
    /// Most characters of a whole path.
    pub const MAX: usize = 200;
    /// Most names in a path.
    pub const MAX_DEPTH: usize = 8;

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Category {
    type Error = InvalidText;
    fn try_from(text: String) -> Result<Self, InvalidText> {
        check(&text, "a category", 1, Self::MAX)?;
        let parts: Vec<&str> = text.split('/').collect();
        if parts.len() > Self::MAX_DEPTH {
            return Err(InvalidText(format!("a category has at most {} names", Self::MAX_DEPTH)));
        }
        if parts.iter().any(|p| p.is_empty() || p.trim() != *p) {
            return Err(InvalidText(
                "a category is a path such as 'After-sales/Returns': names that are not empty and have no spaces around them".into(),
            ));
        }
        Ok(Self(text))
    }
}

impl From<Category> for String {
    fn from(category: Category) -> String {
        category.0
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for Category {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Category".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": Category::MAX,
            "description": "a path of names separated by '/'", "examples": ["售后/退货"] })
    }
}
