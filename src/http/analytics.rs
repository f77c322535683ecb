//! Figures, over HTTP.
//!
//! Invariant: only who may read figures sees them.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;

use super::body::Body;
use super::call::{Call, Outcome, Reply};
use super::query::Query;
use crate::id::SpaceId;
use crate::model::interaction::Overview;

/// Parameters of `GET /v1/analytics/overview`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OverviewParameters {
    /// The space; `default` unless given.
    space: Option<SpaceId>,
    /// First day, in UTC; 29 days before the last one unless given.
    from: Option<Date>,
    /// Last day, in UTC; today unless given.
    to: Option<Date>,
}

impl Body for OverviewParameters {
    const QUERY: bool = true;
}
impl Query for OverviewParameters {}

/// `GET /v1/analytics/overview`.
pub async fn overview(call: Call) -> Outcome {
    let p: OverviewParameters = call.query()?;
    let analyst = call.kb().analyst(&call.caller, &p.space.unwrap_or_else(SpaceId::default_space))?;
    let (kb, now) = (call.kb().clone(), call.now);
    let overview: Overview = call.state.searches.run(move || kb.overview(&analyst, p.from, p.to, now)).await?;
    Reply::ok(&overview)
}
