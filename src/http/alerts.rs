//! Alerts, and where they are sent, over HTTP.
//!
//! Invariant: a webhook's secret stands in one answer only: the one that sets it.

use actix_web::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;

use super::articles::{PageLimit, page_limit};
use super::body::Body;
use super::call::{Call, Outcome, Reply};
use super::fields::{Day, Nothing};
use super::query::Query;
use crate::id::SpaceId;
use crate::kb::Wish;
use crate::model::alert::{Alert, AlertRule, WebhookView};
use crate::model::analytics::Bucket;
use crate::model::page::Page;

/// Parameters of `GET /v1/analytics/alerts`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertParameters {
    /// The space; `default` unless given.
    space: Option<SpaceId>,
    /// First day on which they were raised, in UTC, or a time (RFC 3339) of that day; 29 days before the last one unless given.
    from: Option<Day>,
    /// Last day, in UTC, or a time of it; the whole day counts; today unless given.
    to: Option<Day>,
    /// As for other figures; alerts are listed one by one, whatever it says.
    bucket: Option<Bucket>,
    /// Only of this rule.
    rule: Option<AlertRule>,
    /// Items of the page; 20 unless given.
    limit: Option<PageLimit>,
    /// Where to read on: `next_cursor` of the page before.
    cursor: Option<String>,
}

impl Body for AlertParameters {
    const QUERY: bool = true;
}
impl Query for AlertParameters {}

/// `GET /v1/analytics/alerts`.
pub async fn list(call: Call) -> Outcome {
    let p: AlertParameters = call.query()?;
    let analyst = call.kb().analyst(&call.caller, &p.space.unwrap_or_else(SpaceId::default_space))?;
    let wish = Wish {
        from: p.from.map(|day| day.0),
        to: p.to.map(|day| day.0),
        bucket: p.bucket.unwrap_or_default(),
        limit: page_limit(p.limit),
    };
    let (kb, now) = (call.kb().clone(), call.now);
    let work = move || kb.list_alerts(&analyst, wish, p.rule, p.cursor.as_deref(), now);
    let page: Page<Alert> = call.state.searches.run(work).await?;
    Reply::ok(&page)
}

/// Where alerts are to be sent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SetWebhook")]
pub struct WebhookBody {
    /// An address with `https://`; it must be public unless the server allows others.
    url: String,
}

impl Body for WebhookBody {}

/// `PUT /v1/spaces/{id}/webhook`.
pub async fn set_webhook(call: Call) -> Outcome {
    call.query::<Nothing>()?;
    let admin = call.kb().admin(&call.caller)?;
    let id: SpaceId = call.part("id")?;
    let body: WebhookBody = call.body()?;
    let (kb, now) = (call.kb().clone(), call.now);
    let webhook: WebhookView = call.state.writes.run(move || kb.set_webhook(&admin, &id, body.url, now)).await?;
    Reply::ok(&webhook)
}

/// `GET /v1/spaces/{id}/webhook`.
pub async fn get_webhook(call: Call) -> Outcome {
    call.query::<Nothing>()?;
    let admin = call.kb().admin(&call.caller)?;
    let id: SpaceId = call.part("id")?;
    let kb = call.kb().clone();
    let webhook: WebhookView = call.state.searches.run(move || kb.webhook(&admin, &id)).await?;
    Reply::ok(&webhook)
}

/// `DELETE /v1/spaces/{id}/webhook`.
pub async fn remove_webhook(call: Call) -> Outcome {
    call.query::<Nothing>()?;
    let admin = call.kb().admin(&call.caller)?;
    let id: SpaceId = call.part("id")?;
    let (kb, now) = (call.kb().clone(), call.now);
    call.state.writes.run(move || kb.remove_webhook(&admin, &id, now)).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}
