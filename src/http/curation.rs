//! A space's own words, over HTTP.
//!
//! Invariant: a dictionary is replaced whole, so that what was sent is what is in force.

use schemars::JsonSchema;
use serde::Deserialize;

use super::body::Body;
use super::call::{Call, Outcome, Reply};
use super::fields::{AtMost, InSpace, Whole};
use crate::id::SpaceId;
use crate::model::space::{DictionaryWord, MAX_DICTIONARY};

/// `GET /v1/dictionary`.
pub async fn get(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let curator = call.kb().curator(&call.caller, &p.space.unwrap_or_else(SpaceId::default_space))?;
    let kb = call.kb().clone();
    let words: Vec<DictionaryWord> = call.state.searches.run(move || kb.dictionary(&curator)).await?;
    Reply::ok(&Whole::of(words))
}

/// A dictionary.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Dictionary")]
pub struct DictionaryBody {
    /// The space; `default` unless given.
    #[serde(default)]
    space: Option<SpaceId>,
    /// Every word.
    items: AtMost<DictionaryWord, MAX_DICTIONARY>,
}

impl Body for DictionaryBody {}

/// `PUT /v1/dictionary`.
pub async fn put(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let body: DictionaryBody = call.body()?;
    let space = super::fields::space(body.space, p.space)?;
    let curator = call.kb().curator(&call.caller, &space)?;
    let (kb, now) = (call.kb().clone(), call.now);
    let words: Vec<DictionaryWord> =
        call.state.writes.run(move || kb.set_dictionary(&curator, body.items.0, now)).await?;
    Reply::ok(&Whole::of(words))
}
