//! Pins over HTTP.
//!
//! Invariant: a pin is replaced whole, so that what was sent is what is in force.

use actix_web::http::StatusCode;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::articles::{PageLimit, page_limit};
use super::body::Body;
use super::call::{Call, Outcome, Reply};
use super::fields::{AtMost, InSpace};
use super::query::Query;
use crate::error::Error;
use crate::id::{ArticleId, SpaceId};
use crate::model::page::Page;
use crate::model::pin::{MAX_PINNED, NewPin, Pin, PinAction, PinMatch};
use crate::model::text::{Note, QueryText};

/// Parameters of `GET /v1/pins`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListParameters {
    /// The space; `default` unless given.
    space: Option<SpaceId>,
    /// Only pins that this query meets now.
    q: Option<QueryText>,
    /// Items of the page; 20 unless given.
    limit: Option<PageLimit>,
    /// Where to read on: `next_cursor` of the page before.
    cursor: Option<String>,
}

impl Body for ListParameters {
    const QUERY: bool = true;
}
impl Query for ListParameters {}

/// `GET /v1/pins`.
pub async fn list(call: Call) -> Outcome {
    let p: ListParameters = call.query()?;
    let curator = call.kb().curator(&call.caller, &p.space.unwrap_or_else(SpaceId::default_space))?;
    let (kb, limit, now) = (call.kb().clone(), page_limit(p.limit), call.now);
    let work = move || kb.list_pins(&curator, p.q.as_ref(), limit, p.cursor.as_deref(), now);
    let page: Page<Pin> = call.state.searches.run(work).await?;
    Reply::ok(&page)
}

/// `GET /v1/pins/{id}`.
pub async fn get(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let id = call.part("id")?;
    let curator = call.kb().curator(&call.caller, &p.space.unwrap_or_else(SpaceId::default_space))?;
    let kb = call.kb().clone();
    let pin: Pin = call.state.searches.run(move || kb.get_pin(&curator, &id)).await?;
    Reply::ok(&pin)
}

/// What an editor wants when a query is asked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewPin")]
pub struct PinBody {
    /// The space; `default` unless given.
    #[serde(default)]
    space: Option<SpaceId>,
    /// The text that queries are compared with, both in their normalised form (case, width, script and punctuation
    /// do not count).
    query: QueryText,
    /// How a query must look; `exact` unless given.
    #[serde(default, rename = "match")]
    matching: Option<PinMatch>,
    /// What is done with the articles.
    action: PinAction,
    /// The articles, in their order.
    articles: AtMost<ArticleId, MAX_PINNED>,
    /// Whether the first of them answers for certain: then the query counts as matched with confidence 1.
    #[serde(default)]
    answers: Option<bool>,
    /// From when on; at once unless given.
    #[serde(default)]
    from: Option<Timestamp>,
    /// Until when, excluded; for good unless given.
    #[serde(default)]
    until: Option<Timestamp>,
    /// Why.
    #[serde(default)]
    note: Option<Note>,
}

impl Body for PinBody {}

impl PinBody {
    fn parts(self, in_url: Option<SpaceId>) -> Result<(SpaceId, NewPin), Error> {
        let space = super::fields::space(self.space, in_url)?;
        let pin = NewPin {
            query: self.query,
            matching: self.matching.unwrap_or_default(),
            action: self.action,
            articles: self.articles.0,
            answers: self.answers.unwrap_or(false),
            from: self.from,
            until: self.until,
            note: self.note,
        };
        Ok((space, pin))
    }
}

/// `POST /v1/pins`.
pub async fn add(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let (space, new) = call.body::<PinBody>()?.parts(p.space)?;
    let curator = call.kb().curator(&call.caller, &space)?;
    let (kb, now) = (call.kb().clone(), call.now);
    let pin: Pin = call.state.writes.run(move || kb.add_pin(&curator, new, now)).await?;
    Reply::json(StatusCode::CREATED, &pin)
}

/// `PUT /v1/pins/{id}`.
pub async fn set(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let id = call.part("id")?;
    let (space, new) = call.body::<PinBody>()?.parts(p.space)?;
    let curator = call.kb().curator(&call.caller, &space)?;
    let (kb, now) = (call.kb().clone(), call.now);
    let pin: Pin = call.state.writes.run(move || kb.set_pin(&curator, &id, new, now)).await?;
    Reply::ok(&pin)
}

/// `DELETE /v1/pins/{id}`.
pub async fn remove(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let id = call.part("id")?;
    let curator = call.kb().curator(&call.caller, &p.space.unwrap_or_else(SpaceId::default_space))?;
    let (kb, now) = (call.kb().clone(), call.now);
    call.state.writes.run(move || kb.remove_pin(&curator, &id, now)).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}
