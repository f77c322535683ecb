//! Figures, over HTTP.
//!
//! Invariant: only who may read figures sees them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::body::Body;
use super::call::{Call, Outcome, Reply};
use super::fields::{Between, Day};
use super::query::Query;
use crate::error::Error;
use crate::id::SpaceId;
use crate::kb::{Analyst, Kb, Wish};
use crate::model::analytics::Bucket;

/// Items of a list unless said otherwise.
const USUAL_ITEMS: u32 = 20;

/// Parameters of the calls under `/v1/analytics`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnalyticsParameters {
    /// The space; `default` unless given.
    space: Option<SpaceId>,
    /// First day, in UTC, or a time (RFC 3339) of that day; 29 days before the last one unless given.
    from: Option<Day>,
    /// Last day, in UTC, or a time of it; the whole day counts; today unless given.
    to: Option<Day>,
    /// Into which pieces the days are put together; `day` unless given, and `month` for coverage.
    bucket: Option<Bucket>,
    /// Items of each list; 20 unless given.
    limit: Option<Between<1, 500>>,
}

impl Body for AnalyticsParameters {
    const QUERY: bool = true;
}
impl Query for AnalyticsParameters {}

/// Asks for figures and answers with them.
async fn figures<T: Serialize + Send + 'static>(
    call: Call,
    bucket: Bucket,
    read: impl FnOnce(&Kb, &Analyst, Wish, jiff::Timestamp) -> Result<T, Error> + Send + 'static,
) -> Outcome {
    let p: AnalyticsParameters = call.query()?;
    let analyst = call.kb().analyst(&call.caller, &p.space.unwrap_or_else(SpaceId::default_space))?;
    let limit = p.limit.map_or(USUAL_ITEMS, |limit| limit.0) as usize;
    let wish =
        Wish { from: p.from.map(|day| day.0), to: p.to.map(|day| day.0), bucket: p.bucket.unwrap_or(bucket), limit };
    let (kb, now) = (call.kb().clone(), call.now);
    let figures = call.state.searches.run(move || read(&kb, &analyst, wish, now)).await?;
    Reply::ok(&figures)
}

/// `GET /v1/analytics/overview`.
pub async fn overview(call: Call) -> Outcome {
    figures(call, Bucket::Day, Kb::overview).await
}

/// `GET /v1/analytics/questions`.
pub async fn questions(call: Call) -> Outcome {
    figures(call, Bucket::Day, Kb::hot_questions).await
}

/// `GET /v1/analytics/topics`.
pub async fn topics(call: Call) -> Outcome {
    figures(call, Bucket::Day, Kb::hot_topics).await
}

/// `GET /v1/analytics/articles`.
pub async fn articles(call: Call) -> Outcome {
    figures(call, Bucket::Day, Kb::article_figures).await
}

/// `GET /v1/analytics/channels`.
pub async fn channels(call: Call) -> Outcome {
    figures(call, Bucket::Day, Kb::channel_figures).await
}

/// `GET /v1/analytics/forecast`.
pub async fn forecast(call: Call) -> Outcome {
    figures(call, Bucket::Day, Kb::forecast).await
}

/// `GET /v1/analytics/coverage`.
pub async fn coverage(call: Call) -> Outcome {
    figures(call, Bucket::Month, Kb::coverage).await
}
