//! What is wrong with a filter tree, and where in it.
//!
//! Invariant: a tree that passes here is one the engine's own type accepts.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::error::FieldError;
use crate::kb::Filter;

/// Deepest nesting of `all`, `any` and `not`.
const MAX_DEPTH: usize = 16;

/// A filter tree as it came in a body.
#[derive(Debug, Clone)]
pub struct FilterTree(pub Filter);

impl<'de> Deserialize<'de> for FilterTree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let mut errors = Vec::new();
        look(&value, "", 0, &mut errors);
        match errors.first() {
            Some(first) => Err(serde::de::Error::custom(&first.message)),
            None => Filter::deserialize(value).map(FilterTree).map_err(serde::de::Error::custom),
        }
    }
}

impl JsonSchema for FilterTree {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Filter::schema_name()
    }
    fn schema_id() -> std::borrow::Cow<'static, str> {
        Filter::schema_id()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Filter::json_schema(generator)
    }
}

/// Names every fault in the field `filters` of a body.
pub fn closer_look(body: &Map<String, Value>, errors: &mut Vec<FieldError>) {
    if let Some(tree) = body.get("filters").filter(|tree| !tree.is_null()) {
        look(tree, "filters", 0, errors);
    }
}

fn look(tree: &Value, path: &str, depth: usize, errors: &mut Vec<FieldError>) {
    let Value::Object(node) = tree else {
        errors.push(FieldError::new(path, "must be an object: all, any, not, or a condition of field, op and value"));
        return;
    };
    if depth > MAX_DEPTH {
        errors.push(FieldError::new(path, format!("is nested deeper than {MAX_DEPTH}")));
        return;
    }
    let branch = ["all", "any", "not"].into_iter().find(|name| node.contains_key(*name));
    match branch {
        Some(name) if node.len() > 1 => {
            errors.push(FieldError::new(path, format!("has other fields beside '{name}'")));
        }
        Some("not") => look(node.get("not").unwrap_or(&Value::Null), &format!("{path}.not"), depth + 1, errors),
        Some(name) => match node.get(name) {
            Some(Value::Array(parts)) => {
                for (index, part) in parts.iter().enumerate() {
                    look(part, &format!("{path}.{name}[{index}]"), depth + 1, errors);
                }
            }
            _ => errors.push(FieldError::new(format!("{path}.{name}"), "must be a list of filters")),
        },
        None => look_at_condition(node, path, errors),
    }
}

fn look_at_condition(node: &Map<String, Value>, path: &str, errors: &mut Vec<FieldError>) {
    let before = errors.len();
    for name in node.keys().filter(|name| !matches!(name.as_str(), "field" | "op" | "value")) {
        errors.push(FieldError::new(format!("{path}.{name}"), "is not a part of a condition; field, op and value are"));
    }
    for name in ["field", "op"] {
        match node.get(name) {
            Some(Value::String(_)) => {}
            Some(_) => errors.push(FieldError::new(format!("{path}.{name}"), "must be a text")),
            None => errors.push(FieldError::new(format!("{path}.{name}"), "is required")),
        }
    }
    if errors.len() == before && Filter::deserialize(Value::Object(node.clone())).is_err() {
        // Field and value take anything here, so it is the operator.
        let op = node.get("op").and_then(Value::as_str).unwrap_or_default();
        let message = format!("'{op}' is not an operator; known are: {}", operators().join(", "));
        errors.push(FieldError::new(format!("{path}.op"), message));
    }
}

/// The operators, from the filter's own schema.
fn operators() -> Vec<String> {
    let schema = schemars::schema_for!(Filter).to_value();
    let mut found = Vec::new();
    for member in schema.pointer("/$defs/Op/oneOf").and_then(Value::as_array).into_iter().flatten() {
        found.extend(member.get("const").and_then(Value::as_str).map(str::to_owned));
        let names = member.get("enum").and_then(Value::as_array).into_iter().flatten();
        found.extend(names.filter_map(|name| name.as_str().map(str::to_owned)));
    }
    found
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_fault_has_its_place() {
        let tree = json!({ "all": [
            { "field": "category", "op": "under", "value": "a" },
            { "field": "tags", "op": "near", "value": 1 },
            { "any": [ { "field": 3, "op": "eq" }, { "op": "eq", "vlaue": 1 } ] },
            { "not": [] }, { "any": {} }, { "all": [], "any": [] },
        ]});
        let mut errors = Vec::new();
        look(&tree, "filters", 0, &mut errors);
        let all: Vec<String> = errors.iter().map(|e| format!("{}: {}", e.field, e.message)).collect();
        insta::assert_snapshot!(all.join("\n"), @r#"
        filters.all[1].op: 'near' is not an operator; known are: eq, ne, in, not_in, gt, gte, lt, lte, between, under, prefix, contains, exists, missing
        filters.all[2].any[0].field: must be a text
        filters.all[2].any[1].vlaue: is not a part of a condition; field, op and value are
        filters.all[2].any[1].field: is required
        filters.all[3].not: must be an object: all, any, not, or a condition of field, op and value
        filters.all[4].any: must be a list of filters
        filters.all[5]: has other fields beside 'all'
        "#);
    }

    #[test]
    fn a_good_tree_passes() {
        let tree = json!({ "not": { "any": [ { "field": "tags", "op": "exists" } ] } });
        let parsed: FilterTree = serde_json::from_value(tree).unwrap();
        assert!(matches!(parsed.0, Filter::Not { .. }));
    }
}
