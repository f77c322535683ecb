//! Whether what an editor wrote can be kept, beyond what the types of its fields already say.
//!
//! Invariant: tidying tidy content changes nothing, and content without findings stays so when it is read again.

use std::collections::HashSet;
use std::hash::Hash;

use jiff::Timestamp;

use crate::error::FieldError;
use crate::model::article::{
    AttributeValue, Content, MAX_ATTRIBUTE_TEXT, MAX_ATTRIBUTES, MAX_QUESTIONS, MAX_REVIEW_DAYS, MAX_TAGS,
};

/// The same moment to the millisecond, as everything is kept.
pub fn to_millis(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

/// Removes what says nothing: repeated tags and questions (the first stays) and fractions of a millisecond.
pub fn tidy(mut content: Content) -> Content {
    keep_first(&mut content.questions);
    keep_first(&mut content.negative_questions);
    keep_first(&mut content.tags);
    content.valid_from = content.valid_from.map(to_millis);
    content.valid_until = content.valid_until.map(to_millis);
    content
}

fn keep_first<T: Clone + Eq + Hash>(items: &mut Vec<T>) {
    let mut seen = HashSet::new();
    items.retain(|item| seen.insert(item.clone()));
}

/// Every field that breaks a limit, with what is wrong; empty when the content can be kept.
pub fn check_content(content: &Content) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let counts = [
        ("questions", content.questions.len(), MAX_QUESTIONS),
        ("negative_questions", content.negative_questions.len(), MAX_QUESTIONS),
        ("tags", content.tags.len(), MAX_TAGS),
        ("attributes", content.attributes.len(), MAX_ATTRIBUTES),
    ];
    for (field, count, most) in counts {
        if count > most {
            errors.push(FieldError::new(field, format!("has {count} items; at most {most} are allowed")));
        }
    }
    for (name, value) in &content.attributes {
        if let Some(message) = attribute_fault(value) {
            errors.push(FieldError::new(format!("attributes.{name}"), message));
        }
    }
    if let (Some(from), Some(until)) = (content.valid_from, content.valid_until)
        && until <= from
    {
        errors.push(FieldError::new("valid_until", format!("{until} must be after valid_from, {from}")));
    }
    if let Some(days) = content.review_every_days
        && !(1..=MAX_REVIEW_DAYS).contains(&days)
    {
        errors.push(FieldError::new("review_every_days", format!("is {days}; it must be 1 to {MAX_REVIEW_DAYS}")));
    }
    errors
}

fn attribute_fault(value: &AttributeValue) -> Option<String> {
    match value {
        AttributeValue::Number(number) if !number.is_finite() => Some("must be a finite number".to_owned()),
        AttributeValue::Number(_) => None,
        AttributeValue::Text(text) if text.contains('\0') => Some("must not contain the character U+0000".to_owned()),
        AttributeValue::Text(text) => {
            let length = text.chars().count();
            (length > MAX_ATTRIBUTE_TEXT)
                .then(|| format!("has {length} characters; at most {MAX_ATTRIBUTE_TEXT} are allowed"))
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn content(json: serde_json::Value) -> Content {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn repeated_tags_and_questions_go_and_order_stays() {
        let tidied = tidy(content(serde_json::json!({
            "title": "t", "tags": ["b", "a", "b"], "questions": ["q2", "q1", "q2"],
            "valid_from": "2026-01-01T00:00:00.0005Z"
        })));
        let expected = content(serde_json::json!({
            "title": "t", "tags": ["b", "a"], "questions": ["q2", "q1"], "valid_from": "2026-01-01T00:00:00Z"
        }));
        assert_eq!(tidied, expected);
    }

    #[test]
    fn every_wrong_field_is_named() {
        let long = "长".repeat(MAX_ATTRIBUTE_TEXT + 1);
        let tags: Vec<String> = (0..=MAX_TAGS).map(|n| n.to_string()).collect();
        let errors = check_content(&content(serde_json::json!({
            "title": "t", "tags": tags, "attributes": {"a": long, "b": 1.5},
            "valid_from": "2026-01-02T00:00:00Z", "valid_until": "2026-01-02T00:00:00Z", "review_every_days": 0
        })));
        let fields: Vec<&str> = errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(fields, ["tags", "attributes.a", "valid_until", "review_every_days"]);
        assert!(check_content(&content(serde_json::json!({"title": "t"}))).is_empty());
    }
}
