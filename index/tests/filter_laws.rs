//! Filters agree with a naive evaluator over the written form, whatever the tree and the documents.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use zhiyin_index::embed::HashEmbedder;
use zhiyin_index::{Attribute, Change, Condition, Document, Filter, Index, IndexSettings, LiveChange, Mode, Op, Query};

fn written(d: &Document) -> Value {
    let attributes: BTreeMap<&String, Value> = d
        .attributes
        .iter()
        .map(|(k, v)| {
            (
                k,
                match v {
                    Attribute::Number(n) => json!(n),
                    Attribute::Text(t) => json!(t),
                },
            )
        })
        .collect();
    json!({ "id": d.id, "category": d.category, "tags": d.tags, "audience": d.audience, "version": d.version, "attributes": attributes })
}

/// The values at a field, as a list: one rule for single and many.
fn at(document: &Value, field: &str) -> Vec<Value> {
    let value = match field.split_once('.') {
        Some(("attributes", name)) => &document["attributes"][name],
        _ => &document[field],
    };
    match value {
        Value::Null => vec![],
        Value::Array(all) => all.clone(),
        one => vec![one.clone()],
    }
}

fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

fn less(a: &Value, b: &Value) -> Option<bool> {
    match (a, b) {
        (Value::String(a), Value::String(b)) => Some(a < b),
        _ => Some(a.as_f64()? < b.as_f64()?),
    }
}

fn naive(filter: &Filter, document: &Value) -> bool {
    match filter {
        Filter::All { all } => all.iter().all(|f| naive(f, document)),
        Filter::Any { any } => any.iter().any(|f| naive(f, document)),
        Filter::Not { not } => !naive(not, document),
        Filter::Condition(c) => condition(c, &at(document, &c.field)),
    }
}

fn condition(c: &Condition, values: &[Value]) -> bool {
    let list = c.value.as_array().cloned().unwrap_or_default();
    let single = values.first();
    match c.op {
        Op::Eq => values.iter().any(|v| same(v, &c.value)),
        Op::Ne => !values.iter().any(|v| same(v, &c.value)),
        Op::In => values.iter().any(|v| list.iter().any(|w| same(v, w))),
        Op::NotIn => !values.iter().any(|v| list.iter().any(|w| same(v, w))),
        Op::Lt => single.and_then(|v| less(v, &c.value)).unwrap_or(false),
        Op::Gt => single.and_then(|v| less(&c.value, v)).unwrap_or(false),
        Op::Lte => single.and_then(|v| less(&c.value, v)).is_some_and(|greater| !greater),
        Op::Gte => single.and_then(|v| less(v, &c.value)).is_some_and(|less| !less),
        Op::Between => {
            let low = single.and_then(|v| less(v, list.first()?)).is_some_and(|below| !below);
            let high = single.and_then(|v| less(list.get(1)?, v)).is_some_and(|above| !above);
            low && high
        }
        Op::Under => {
            let path = c.value.as_str().unwrap_or_default();
            single.and_then(Value::as_str).is_some_and(|v| v == path || v.starts_with(&format!("{path}/")))
        }
        Op::Prefix => {
            values.iter().any(|v| v.as_str().is_some_and(|v| v.starts_with(c.value.as_str().unwrap_or("\0"))))
        }
        Op::Contains => match (single, c.value.as_str()) {
            (Some(Value::String(v)), Some(part)) if values.len() == 1 && c.field != "tags" => v.contains(part),
            _ => values.iter().any(|v| same(v, &c.value)),
        },
        Op::Exists => !values.is_empty(),
        Op::Missing => values.is_empty(),
    }
}

fn documents() -> impl Strategy<Value = Vec<Document>> {
    let one = (
        prop::option::of(prop::sample::select(vec!["a", "a/b", "a/bc", "b"])),
        prop::collection::vec(prop::sample::select(vec!["x", "y", "z"]), 0..3),
        prop::sample::select(vec!["public", "agent", "internal"]),
        1_u32..4,
        prop::option::of(0_i32..5),
        prop::option::of(prop::sample::select(vec!["red", "green"])),
    );
    prop::collection::vec(one, 1..12).prop_map(|rows| {
        rows.into_iter()
            .enumerate()
            .map(|(i, (category, mut tags, audience, version, size, colour))| {
                tags.dedup();
                let mut attributes = BTreeMap::new();
                if let Some(size) = size {
                    attributes.insert("size".to_owned(), Attribute::Number(f64::from(size)));
                }
                if let Some(colour) = colour {
                    attributes.insert("colour".to_owned(), Attribute::Text(colour.to_owned()));
                }
                Document {
                    id: format!("d{i}"),
                    version,
                    title: "保修 warranty".into(),
                    body: "保修一年".into(),
                    questions: vec![],
                    negative_questions: vec![],
                    category: category.map(str::to_owned),
                    tags: tags.into_iter().map(str::to_owned).collect(),
                    audience: audience.to_owned(),
                    language: "zh".into(),
                    attributes,
                    from: 0,
                    until: None,
                }
            })
            .collect()
    })
}

fn leaf() -> impl Strategy<Value = Filter> {
    let text = prop::sample::select(vec!["a", "a/b", "x", "y", "public", "agent", "red", "d1"]);
    let field = prop::sample::select(vec!["category", "tags", "audience", "id", "attributes.colour"]);
    let textual = (
        field,
        prop::sample::select(vec![
            Op::Eq,
            Op::Ne,
            Op::In,
            Op::NotIn,
            Op::Prefix,
            Op::Contains,
            Op::Exists,
            Op::Missing,
        ]),
        text,
    )
        .prop_map(|(field, op, text)| {
            let value = match op {
                Op::In | Op::NotIn => json!([text, "z"]),
                Op::Exists | Op::Missing => Value::Null,
                _ => json!(text),
            };
            Filter::condition(field, op, value)
        });
    let numeric = (
        prop::sample::select(vec!["version", "attributes.size"]),
        prop::sample::select(vec![Op::Eq, Op::Ne, Op::Lt, Op::Lte, Op::Gt, Op::Gte, Op::Between]),
        0_i32..5,
        0_i32..3,
    )
        .prop_map(|(field, op, n, more)| {
            let value = if op == Op::Between { json!([n, n + more]) } else { json!(n) };
            Filter::condition(field, op, value)
        });
    let under =
        prop::sample::select(vec!["a", "a/b", "b"]).prop_map(|p| Filter::condition("category", Op::Under, json!(p)));
    prop_oneof![textual, numeric, under]
}

fn filters() -> impl Strategy<Value = Filter> {
    leaf().prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|all| Filter::All { all }),
            prop::collection::vec(inner.clone(), 0..3).prop_map(|any| Filter::Any { any }),
            inner.prop_map(|not| Filter::Not { not: Box::new(not) }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_list_agrees_with_the_naive_evaluator(documents in documents(), filters in prop::collection::vec(filters(), 20)) {
        let dir = tempfile::tempdir().unwrap();
        let (index, _) = Index::open(dir.path(), IndexSettings::default(), Arc::new(HashEmbedder::default())).unwrap();
        let change = |d: &Document| Change { id: d.id.clone(), live: LiveChange::Set(Box::new(d.clone())), add_history: vec![], remove_history: vec![] };
        index.apply(documents.iter().map(change).collect()).unwrap();
        for filter in filters {
            let expected: Vec<&str> =
                documents.iter().filter(|d| naive(&filter, &written(d))).map(|d| d.id.as_str()).collect();
            let again: Filter = serde_json::from_value(serde_json::to_value(&filter).unwrap()).unwrap();
            prop_assert_eq!(&again, &filter);
            for mode in [Mode::Keyword, Mode::Semantic, Mode::Hybrid] {
                let query = Query { mode, limit: 50, filter: Some(filter.clone()), ..Query::new("保修 warranty") };
                let results = index.search(&query).unwrap();
                let mut found: Vec<&str> = results.hits.iter().map(|h| h.record.id.as_str()).collect();
                found.sort_unstable();
                let mut wanted = expected.clone();
                wanted.sort_unstable();
                prop_assert_eq!(found, wanted, "{:?} {}", mode, serde_json::to_string(&filter).unwrap());
                prop_assert_eq!(results.total, expected.len());
            }
        }
    }
}
