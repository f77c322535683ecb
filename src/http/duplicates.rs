//! Articles that say the same, over HTTP.
//!
//! Invariant: only who curates a space sees its pairs, and only of articles they may see.

use schemars::JsonSchema;
use serde::Deserialize;

use super::body::Body;
use super::call::{Call, Outcome, Reply};
use super::fields::{Between, Whole};
use super::query::Query;
use crate::id::SpaceId;
use crate::model::duplicate::{DuplicateKind, DuplicatePair, MAX_PAIRS};

/// Pairs of a list unless said otherwise.
const DEFAULT_PAIRS: usize = 50;

/// Parameters of `GET /v1/duplicates`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DuplicateParameters {
    /// The space; `default` unless given.
    space: Option<SpaceId>,
    /// Copies in one language, or translations; `copy` unless given.
    kind: Option<DuplicateKind>,
    /// Least likeness, in percent; what was measured for the kind unless given.
    percent: Option<Between<0, 100>>,
    /// Most pairs; 50 unless given.
    limit: Option<Between<1, MAX_PAIRS>>,
}

impl Body for DuplicateParameters {
    const QUERY: bool = true;
}
impl Query for DuplicateParameters {}

/// `GET /v1/duplicates`.
pub async fn list(call: Call) -> Outcome {
    let p: DuplicateParameters = call.query()?;
    let curator = call.kb().curator(&call.caller, &p.space.unwrap_or_else(SpaceId::default_space))?;
    let (kb, most) = (call.kb().clone(), p.limit.map_or(DEFAULT_PAIRS, |limit| limit.0 as usize));
    let from = p.percent.map(|percent| f64::from(percent.0) / 100.0);
    let work = move || kb.list_duplicates(&curator, p.kind, from, most);
    let pairs: Vec<DuplicatePair> = call.state.bulk.run(work).await?;
    Reply::ok(&Whole::of(pairs))
}
