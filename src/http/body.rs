//! What a JSON body means, and everything that is wrong with it at once.
//!
//! Invariant: a body that is refused names every wrong field; a good one is parsed in one pass.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::Segment;

use super::error::Problem;
use super::shape;
use crate::error::{Code, Error, FieldError};

/// A type that a body or the URL parameters are parsed into.
///
/// It should refuse unknown fields, so that the fast path and the careful one agree.
pub trait Body: DeserializeOwned + JsonSchema + 'static {
    /// Whether its faults are those of a query (`invalid_query`) rather than of a document.
    const QUERY: bool = false;

    /// Faults of fields whose own parser cannot say precisely where they are.
    fn closer_look(_body: &Map<String, Value>, _errors: &mut Vec<FieldError>) {}
}

/// Parses a body.
///
/// # Errors
/// `malformed_body` when it is not JSON; `invalid_request` or `invalid_query` with every wrong field.
pub fn parse<T: Body>(bytes: &[u8]) -> Result<T, Problem> {
    if let Ok(good) = serde_json::from_slice(bytes) {
        return Ok(good);
    }
    match serde_json::from_slice::<Value>(bytes) {
        Ok(value) => from_value(value),
        Err(why) => Err(Problem::new(Code::MalformedBody, format!("the body is not valid JSON: {why}"))),
    }
}

/// Parses a JSON value.
///
/// # Errors
/// `invalid_request` or `invalid_query` with every wrong field.
pub fn from_value<T: Body>(value: Value) -> Result<T, Problem> {
    let Value::Object(mut fields) = value else {
        return Err(refusal::<T>(vec![FieldError::new("body", "must be a JSON object")]));
    };
    let mut errors = shape_faults::<T>(&mut fields);
    T::closer_look(&fields, &mut errors);
    let parsed = parse_piece_by_piece(fields, &mut errors);
    match parsed {
        Some(good) if errors.is_empty() => Ok(good),
        _ => {
            if errors.is_empty() {
                errors.push(FieldError::new("body", "does not have the fields it should have"));
            }
            Err(refusal::<T>(errors))
        }
    }
}

fn refusal<T: Body>(errors: Vec<FieldError>) -> Problem {
    if T::QUERY { Error::InvalidQuery(errors).into() } else { Error::InvalidRequest(errors).into() }
}

/// Names unknown fields (and takes them out) and missing ones.
fn shape_faults<T: Body>(fields: &mut Map<String, Value>) -> Vec<FieldError> {
    let shape = shape::of::<T>();
    let mut errors = Vec::new();
    let unknown: Vec<String> = fields.keys().filter(|k| !shape.fields.contains_key(*k)).cloned().collect();
    for name in unknown {
        fields.remove(&name);
        let known: Vec<&str> = shape.fields.keys().map(String::as_str).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        errors.push(FieldError::new(name, format!("is not a known field; known are: {known}")));
    }
    for name in &shape.required {
        if !fields.contains_key(name) {
            errors.push(FieldError::new(name, "is required"));
        }
    }
    errors
}

/// Parses again and again, taking out whatever is wrong, until nothing more is.
fn parse_piece_by_piece<T: Body>(fields: Map<String, Value>, errors: &mut Vec<FieldError>) -> Option<T> {
    let mut rest = Value::Object(fields);
    let mut removed = Removed::default();
    // Each round takes out one value, so this ends; a body of wrong values only is cut off at this many.
    for _ in 0..MAX_ERRORS {
        let fault = match serde_path_to_error::deserialize::<_, T>(&rest) {
            Ok(good) => return Some(good),
            Err(fault) => fault,
        };
        let path: Vec<Step> = fault.path().iter().map(Step::from).collect();
        if !matches!(path.first(), Some(Step::Key(_))) {
            // Whatever remains is about the whole: a field that was named already is missing now.
            if errors.is_empty() {
                errors.push(FieldError::new("body", fault.inner().to_string()));
            }
            return None;
        }
        let name = removed.original(&path);
        if !errors.iter().any(|e| is_inside(&e.field, &name)) {
            errors.push(FieldError::new(name, fault.inner().to_string()));
        }
        take_out(&mut rest, &path, &mut removed);
    }
    None
}

/// Most faults reported for one body.
const MAX_ERRORS: usize = 100;

fn is_inside(field: &str, outer: &str) -> bool {
    field.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
    Unclear,
}

impl From<&Segment> for Step {
    fn from(segment: &Segment) -> Self {
        match segment {
            Segment::Seq { index } => Step::Index(*index),
            Segment::Map { key } => Step::Key(key.clone()),
            Segment::Enum { .. } | Segment::Unknown => Step::Unclear,
        }
    }
}

/// Which elements were taken out of which list, so that positions are told as the caller wrote them.
#[derive(Default)]
struct Removed(BTreeMap<String, Vec<usize>>);

impl Removed {
    fn original(&self, path: &[Step]) -> String {
        let mut text = String::new();
        for step in path {
            match step {
                Step::Key(key) if text.is_empty() => text.push_str(key),
                Step::Key(key) => text.push_str(&format!(".{key}")),
                Step::Index(index) => {
                    let place = self.place(&text, *index);
                    text.push_str(&format!("[{place}]"));
                }
                Step::Unclear => break,
            }
        }
        text
    }

    fn place(&self, list: &str, index: usize) -> usize {
        let mut place = index;
        for gone in self.0.get(list).into_iter().flatten() {
            if *gone <= place {
                place += 1;
            }
        }
        place
    }

    fn note(&mut self, list: String, index: usize) {
        let place = self.place(&list, index);
        let gone = self.0.entry(list).or_default();
        gone.push(place);
        gone.sort_unstable();
    }
}

/// Takes the smallest optional piece around the fault out: the element of the innermost list, else the innermost field.
fn take_out(root: &mut Value, path: &[Step], removed: &mut Removed) {
    let clear: Vec<Step> = path.iter().take_while(|s| **s != Step::Unclear).cloned().collect();
    let in_list = clear.iter().rposition(|s| matches!(s, Step::Index(_)));
    let last = in_list.unwrap_or(0);
    let (Some(parents), Some(step)) = (clear.get(..last), clear.get(last)) else { return };
    let list = removed.original(parents);
    let mut at = root;
    for parent in parents {
        let next = match parent {
            Step::Key(key) => at.get_mut(key),
            Step::Index(index) => at.get_mut(index),
            Step::Unclear => None,
        };
        match next {
            Some(next) => at = next,
            None => return,
        }
    }
    match (step, at) {
        (Step::Key(key), Value::Object(map)) => {
            map.remove(key);
        }
        (Step::Index(index), Value::Array(items)) if *index < items.len() => {
            items.remove(*index);
            removed.note(list, *index);
        }
        _ => {}
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::model::space::DictionaryWord;
    use crate::model::text::{Question, Title};

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        title: Title,
        count: u32,
        #[serde(default)]
        questions: Vec<Question>,
        #[serde(default)]
        words: Vec<DictionaryWord>,
    }

    impl Body for Sample {}

    fn faults(value: Value) -> Vec<String> {
        let problem = from_value::<Sample>(value).expect_err("refused");
        problem.errors.iter().map(|e| format!("{}: {}", e.field, e.message)).collect()
    }

    #[test]
    fn a_good_body_is_parsed() {
        let good: Sample = parse(br#"{"title": "t", "count": 1}"#).unwrap();
        assert_eq!((good.title.as_str(), good.count), ("t", 1));
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let all = faults(json!({
            "title": "", "count": "three", "questions": ["", "ok", 7], "words": [{"frequency": 1}, {"word": "x", "y": 2}],
            "colour": "red", "size": 1,
        }));
        insta::assert_snapshot!(all.join("\n"), @r#"
        colour: is not a known field; known are: count, questions, title, words
        size: is not a known field; known are: count, questions, title, words
        title: a title must not be empty
        words[0]: missing field `word`
        words[1].y: unknown field `y`, expected `word` or `frequency`
        count: invalid type: string "three", expected u32
        questions[0]: a question must not be empty
        questions[2]: invalid type: integer `7`, expected a string
        "#);
    }

    #[test]
    fn missing_fields_are_named_together_with_wrong_ones() {
        let all = faults(json!({ "count": -1 }));
        insta::assert_snapshot!(all.join("\n"), @r#"
        title: is required
        count: invalid value: integer `-1`, expected u32
        "#);
    }

    #[test]
    fn a_wrong_required_field_is_not_also_called_missing() {
        assert_eq!(faults(json!({ "title": "", "count": 1 })).len(), 1);
    }

    #[test]
    fn a_syntax_error_tells_the_place() {
        let problem = parse::<Sample>(b"{\"title\": \"t\",\n \"count\": }").unwrap_err();
        assert_eq!(problem.code, Code::MalformedBody);
        assert!(problem.detail.contains("line 2 column"), "{}", problem.detail);
        let problem = parse::<Sample>(b"{\"title\": \"\xff\xfe\"}").unwrap_err();
        assert_eq!(problem.code, Code::MalformedBody);
    }

    #[test]
    fn only_an_object_is_a_body() {
        assert_eq!(faults(json!([1])), ["body: must be a JSON object"]);
    }
}
