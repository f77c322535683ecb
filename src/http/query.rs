//! What the parameters of a URL mean.
//!
//! Invariant: an unknown, repeated or unreadable parameter is an error, and all of them are named at once.

use serde_json::{Map, Value};

use super::body::{self, Body};
use super::error::Problem;
use super::shape::{self, Plain};
use crate::error::{Code, Error, FieldError};

/// A type that URL parameters are parsed into; its fields are read from its schema.
pub trait Query: Body {}

/// Parses the part of a URL after the `?`.
///
/// # Errors
/// `invalid_query` with every wrong parameter.
pub fn parse<T: Query>(text: &str) -> Result<T, Problem> {
    let shape = shape::of::<T>();
    let mut fields = Map::new();
    let mut errors = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = match (decode_form(name), decode_form(value)) {
            (Ok(name), Ok(value)) => (name, value),
            (name, _) => {
                let name = name.unwrap_or_else(|_| name_for_people(pair));
                errors.push(FieldError::new(name, "is not percent-encoded UTF-8"));
                continue;
            }
        };
        if fields.contains_key(&name) {
            errors.push(FieldError::new(name, "is given twice"));
            continue;
        }
        let plain = shape.fields.get(&name).copied().unwrap_or(Plain::Text);
        fields.insert(name, to_json(value, plain));
    }
    match body::from_value(Value::Object(fields)) {
        Ok(good) if errors.is_empty() => Ok(good),
        Ok(_) => Err(Error::InvalidQuery(errors).into()),
        Err(mut problem) => {
            // A parameter that could not be decoded was left out above, and is not missing.
            problem.errors.retain(|e| !errors.iter().any(|known| known.field == e.field));
            errors.append(&mut problem.errors);
            let mut whole: Problem = Error::InvalidQuery(errors).into();
            whole.code = Code::InvalidQuery;
            Err(whole)
        }
    }
}

fn name_for_people(pair: &str) -> String {
    pair.chars().take(40).collect()
}

/// A parameter as the JSON value its field expects; what does not fit stays text, and the field's parser says so.
fn to_json(text: String, plain: Plain) -> Value {
    match plain {
        Plain::Integer => text.parse::<i64>().map_or(Value::String(text), Value::from),
        Plain::Boolean => match text.as_str() {
            "true" | "1" => Value::Bool(true),
            "false" | "0" => Value::Bool(false),
            _ => Value::String(text),
        },
        Plain::List => text.split(',').filter(|part| !part.is_empty()).map(Value::from).collect(),
        Plain::Text => Value::String(text),
    }
}

fn decode_form(text: &str) -> Result<String, &'static str> {
    if text.contains('+') { decode(&text.replace('+', " ")) } else { decode(text) }
}

/// Undoes percent-encoding (RFC 3986, section 2.1).
///
/// # Errors
/// What is wrong: a `%` without two hex digits, or bytes that are not UTF-8.
pub fn decode(text: &str) -> Result<String, &'static str> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let (Some(high), Some(low)) = (bytes.next().and_then(hex), bytes.next().and_then(hex)) else {
            return Err("has a '%' without two hex digits after it");
        };
        decoded.push(high * 16 + low);
    }
    String::from_utf8(decoded).map_err(|_| "is not UTF-8")
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
mod tests {
    use schemars::JsonSchema;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        q: String,
        limit: Option<u32>,
        explain: Option<bool>,
        facets: Option<Vec<String>>,
    }

    impl Body for Sample {
        const QUERY: bool = true;
    }
    impl Query for Sample {}

    #[test]
    fn parameters_become_what_their_fields_are() {
        let got: Sample = parse("q=%E9%80%80%E8%B4%A7+faq&limit=3&explain=true&facets=category,tags").unwrap();
        let facets = Some(vec!["category".to_owned(), "tags".to_owned()]);
        assert_eq!(got, Sample { q: "退货 faq".into(), limit: Some(3), explain: Some(true), facets });
    }

    #[test]
    fn every_wrong_parameter_is_named() {
        let problem = parse::<Sample>("q=a&q=b&limit=many&explain=maybe&colour=1&x=%ff&y=%g1").expect_err("refused");
        assert_eq!(problem.code, Code::InvalidQuery);
        let all: Vec<String> = problem.errors.iter().map(|e| format!("{}: {}", e.field, e.message)).collect();
        insta::assert_snapshot!(all.join("\n"), @r#"
        q: is given twice
        x: is not percent-encoded UTF-8
        y: is not percent-encoded UTF-8
        colour: is not a known field; known are: explain, facets, limit, q
        limit: invalid type: string "many", expected u32
        explain: invalid type: string "maybe", expected a boolean
        "#);
    }

    #[test]
    fn what_is_required_must_be_there() {
        let problem = parse::<Sample>("").expect_err("refused");
        assert_eq!(problem.errors, [FieldError::new("q", "is required")]);
    }
}
