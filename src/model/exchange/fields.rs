//! How an object from outside is taken apart key by key, so that every wrong field is named at once.
//!
//! Invariant: no key is ignored: what nobody took is reported by [`Fields::finish`].

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::FieldError;
use crate::model::article::{AttributeValue, Content};
use crate::model::content::{check_content, tidy};

/// An object being taken apart, and what was wrong so far.
pub(super) struct Fields {
    keys: Map<String, Value>,
    prefix: String,
    errors: Vec<FieldError>,
}

impl Fields {
    /// `prefix` stands before field names in errors, such as `versions[2].`.
    pub(super) fn new(keys: Map<String, Value>, prefix: impl Into<String>) -> Self {
        Self { keys, prefix: prefix.into(), errors: Vec::new() }
    }

    /// A field that may be missing; `null` counts as missing.
    pub(super) fn take<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let value = self.take_raw(name)?;
        match serde_path_to_error::deserialize(value) {
            Ok(value) => Some(value),
            Err(error) => {
                let at = error.path().to_string();
                let path = match at.as_str() {
                    "." => name.to_owned(),
                    index if index.starts_with('[') => format!("{name}{index}"),
                    inner => format!("{name}.{inner}"),
                };
                self.wrong(&path, error.into_inner().to_string());
                None
            }
        }
    }

    /// A field that must be there.
    pub(super) fn need<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        if self.keys.get(name).is_none_or(Value::is_null) {
            self.keys.remove(name);
            self.wrong(name, "is missing");
            return None;
        }
        self.take(name)
    }

    /// A field that is a list; missing means empty.
    pub(super) fn list(&mut self, name: &str) -> Vec<Value> {
        match self.take_raw(name) {
            None => Vec::new(),
            Some(Value::Array(items)) => items,
            Some(_) => {
                self.wrong(name, "must be a list");
                Vec::new()
            }
        }
    }

    fn take_raw(&mut self, name: &str) -> Option<Value> {
        self.keys.remove(name).filter(|value| !value.is_null())
    }

    /// Notes that a field is wrong.
    pub(super) fn wrong(&mut self, name: &str, message: impl Into<String>) {
        self.errors.push(FieldError::new(format!("{}{name}", self.prefix), message));
    }

    /// Takes over what was wrong elsewhere.
    pub(super) fn absorb(&mut self, errors: Vec<FieldError>) {
        self.errors.extend(errors);
    }

    /// The fields of a version's content; absent when one of them is wrong.
    pub(super) fn content(&mut self) -> Option<Content> {
        let before = self.errors.len();
        let title = self.need("title");
        let body = self.take("body").or_else(|| String::new().try_into().ok());
        let (questions, negative_questions) = (self.take("questions"), self.take("negative_questions"));
        let (category, tags) = (self.take("category"), self.take("tags"));
        let (audience, language) = (self.take("audience"), self.take("language"));
        let attributes = self.attributes();
        let (valid_from, valid_until) = (self.take("valid_from"), self.take("valid_until"));
        let (owner, review_every_days) = (self.take("owner"), self.take("review_every_days"));
        let content = tidy(Content {
            title: title?,
            body: body?,
            questions: questions.unwrap_or_default(),
            negative_questions: negative_questions.unwrap_or_default(),
            category,
            tags: tags.unwrap_or_default(),
            audience: audience.unwrap_or_default(),
            language,
            attributes,
            valid_from,
            valid_until,
            owner,
            review_every_days,
        });
        for error in check_content(&content) {
            self.wrong(&error.field, error.message);
        }
        (self.errors.len() == before).then_some(content)
    }

    fn attributes(&mut self) -> std::collections::BTreeMap<crate::model::text::AttributeName, AttributeValue> {
        let found = match self.take_raw("attributes") {
            None => Map::new(),
            Some(Value::Object(found)) => found,
            Some(_) => {
                self.wrong("attributes", "must be an object of texts and numbers by name");
                Map::new()
            }
        };
        let mut attributes = std::collections::BTreeMap::new();
        for (name, value) in found {
            let path = format!("attributes.{name}");
            let value = match value {
                Value::String(text) => AttributeValue::Text(text),
                Value::Number(number) => AttributeValue::Number(number.as_f64().unwrap_or(f64::NAN)),
                _ => {
                    self.wrong(&path, "must be a text or a number");
                    continue;
                }
            };
            match name.try_into() {
                Ok(name) => drop(attributes.insert(name, value)),
                Err(error) => self.wrong(&path, format!("{error}")),
            }
        }
        attributes
    }

    /// Everything that was wrong, unknown fields included.
    pub(super) fn finish(mut self) -> Vec<FieldError> {
        let unknown: Vec<String> = self.keys.keys().cloned().collect();
        for name in unknown {
            self.wrong(&name, "there is no such field");
        }
        self.errors
    }
}
