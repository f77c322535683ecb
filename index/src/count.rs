//! How many documents match, and how they fall by facet.
//!
//! Invariant: counts what passes the filter and nothing else.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::bitset::DocSet;
use crate::document::{Attribute, Record, document_of};
use crate::error::{Error, Result};
use crate::parts::Part;
use crate::query::{MAX_TOTAL, Mode, Query, Results};
use crate::rank::Ranked;

/// Refuses facets that name no field.
pub(crate) fn check_facets(facets: &[String]) -> Result<()> {
    for (i, field) in facets.iter().enumerate() {
        let known = ["category", "tags", "audience", "language"].contains(&field.as_str());
        if !known && field.strip_prefix("attributes.").is_none_or(str::is_empty) {
            return Err(Error::Query {
                field: format!("facets[{i}]"),
                message: format!(
                    "cannot count by '{field}': use category, tags, audience, language or attributes.<name>"
                ),
            });
        }
    }
    Ok(())
}

/// Gives each value that a record has for a field.
fn each_value<'a>(field: &str, record: &'a Record, mut with: impl FnMut(Cow<'a, str>)) {
    match field {
        "category" => record.category.iter().for_each(|v| with(v.into())),
        "tags" => record.tags.iter().for_each(|v| with(v.into())),
        "audience" => with((&record.audience).into()),
        "language" => with((&record.language).into()),
        _ => match field.strip_prefix("attributes.").and_then(|name| record.attributes.get(name)) {
            Some(Attribute::Text(text)) => with(text.into()),
            Some(Attribute::Number(n)) => with(n.to_string().into()),
            None => {}
        },
    }
}

/// Totals and facets, from what matched by words, shelf by shelf, and the hits.
pub(crate) fn count(
    query: &Query,
    parts: &[Part<'_>],
    matching: Vec<DocSet>,
    ranked: &[Ranked],
    results: &mut Results,
) {
    let mut counted = 0;
    for (number, (part, mut matching)) in parts.iter().zip(matching).enumerate() {
        if query.mode != Mode::Keyword {
            let hits = ranked.iter().filter(|r| r.best.part == number).take(query.offset + query.limit);
            matching.extend(hits.map(|hit| document_of(hit.best.passage)));
        }
        counted += matching.count();
        for field in &query.facets {
            // Values are compared as they stand and copied once each: there are many documents and few values.
            let mut values: HashMap<Cow<'_, str>, u64> = HashMap::new();
            for record in matching.iter().filter_map(|d| part.shelf.table.get(d)) {
                each_value(field, record, |value| *values.entry(value).or_default() += 1);
            }
            let counts = results.facets.entry(field.clone()).or_default();
            for (value, n) in values {
                *counts.entry(value.into_owned()).or_default() += n;
            }
        }
    }
    results.total = counted.min(MAX_TOTAL);
}
