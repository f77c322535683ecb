//! Golden queries over HTTP.
//!
//! Invariant: only who curates a space sees or sets what its queries must find.

use schemars::JsonSchema;
use serde::Deserialize;

use actix_web::http::StatusCode;

use super::articles::{PageLimit, page_limit};
use super::body::Body;
use super::call::{Call, Outcome, Reply};
use super::fields::{AtMost, InSpace};
use super::query::Query;
use crate::id::{ArticleId, SpaceId};
use crate::model::article::Audience;
use crate::model::golden::{
    Golden, GoldenImport, GoldenRun, GoldenStatus, GoldenView, MAX_EXPECTED, MAX_GOLDEN_IMPORT, NewGolden,
};
use crate::model::page::Page;
use crate::model::text::{Note, QueryText};

/// Parameters of `GET /v1/golden`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListParameters {
    /// The space; `default` unless given.
    space: Option<SpaceId>,
    /// Only those that stand so.
    status: Option<GoldenStatus>,
    /// Items of the page; 20 unless given.
    limit: Option<PageLimit>,
    /// Where to read on: `next_cursor` of the page before.
    cursor: Option<String>,
}

impl Body for ListParameters {
    const QUERY: bool = true;
}
impl Query for ListParameters {}

/// `GET /v1/golden`.
pub async fn list(call: Call) -> Outcome {
    let p: ListParameters = call.query()?;
    let curator = call.kb().curator(&call.caller, &p.space.unwrap_or_else(SpaceId::default_space))?;
    let (kb, limit) = (call.kb().clone(), page_limit(p.limit));
    let work = move || kb.list_golden(&curator, p.status, limit, p.cursor.as_deref());
    let page: Page<GoldenView> = call.state.searches.run(work).await?;
    Reply::ok(&page)
}

/// `GET /v1/golden/{id}`.
pub async fn get(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let id = call.part("id")?;
    let curator = call.kb().curator(&call.caller, &p.space.unwrap_or_else(SpaceId::default_space))?;
    let kb = call.kb().clone();
    let golden: GoldenView = call.state.searches.run(move || kb.get_golden(&curator, &id)).await?;
    Reply::ok(&golden)
}

/// What must come of a query.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewGolden")]
pub struct GoldenBody {
    /// The space; `default` unless given.
    #[serde(default)]
    space: Option<SpaceId>,
    /// What is asked.
    query: QueryText,
    /// Articles of which one must stand first; an empty list says that the query must stay unmatched.
    articles: AtMost<ArticleId, MAX_EXPECTED>,
    /// For whom it is asked; `public` unless given.
    #[serde(default)]
    audience: Option<Audience>,
    /// Why it is here.
    #[serde(default)]
    note: Option<Note>,
}

impl Body for GoldenBody {}

impl GoldenBody {
    fn parts(self, in_url: Option<SpaceId>) -> Result<(SpaceId, NewGolden), crate::error::Error> {
        let space = super::fields::space(self.space, in_url)?;
        let audience = self.audience.unwrap_or(Audience::Public);
        Ok((space, NewGolden { query: self.query, articles: self.articles.0, audience, note: self.note }))
    }
}

/// `POST /v1/golden`.
pub async fn add(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let (space, new) = call.body::<GoldenBody>()?.parts(p.space)?;
    let curator = call.kb().curator(&call.caller, &space)?;
    let (kb, now) = (call.kb().clone(), call.now);
    let golden: Golden = call.state.writes.run(move || kb.add_golden(&curator, new, now)).await?;
    Reply::json(StatusCode::CREATED, &golden)
}

/// `PUT /v1/golden/{id}`.
pub async fn set(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let id = call.part("id")?;
    let (space, new) = call.body::<GoldenBody>()?.parts(p.space)?;
    let curator = call.kb().curator(&call.caller, &space)?;
    let (kb, now) = (call.kb().clone(), call.now);
    let golden: Golden = call.state.writes.run(move || kb.set_golden(&curator, &id, new, now)).await?;
    Reply::ok(&golden)
}

/// `DELETE /v1/golden/{id}`.
pub async fn remove(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let id = call.part("id")?;
    let curator = call.kb().curator(&call.caller, &p.space.unwrap_or_else(SpaceId::default_space))?;
    let (kb, now) = (call.kb().clone(), call.now);
    call.state.writes.run(move || kb.remove_golden(&curator, &id, now)).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// One golden query of an import.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GoldenItem {
    /// What is asked.
    query: QueryText,
    /// Articles of which one must stand first; an empty list says that the query must stay unmatched.
    articles: AtMost<ArticleId, MAX_EXPECTED>,
    /// For whom it is asked; `public` unless given.
    #[serde(default)]
    audience: Option<Audience>,
    /// Why it is here.
    #[serde(default)]
    note: Option<Note>,
}

/// Golden queries to add, or to replace where they are there.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "GoldenQueries")]
pub struct ImportBody {
    /// The space; `default` unless given.
    #[serde(default)]
    space: Option<SpaceId>,
    /// The golden queries.
    items: AtMost<GoldenItem, MAX_GOLDEN_IMPORT>,
}

impl Body for ImportBody {}

/// `POST /v1/golden/import`.
pub async fn import(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let body: ImportBody = call.body()?;
    let space = super::fields::space(body.space, p.space)?;
    let curator = call.kb().curator(&call.caller, &space)?;
    let new = body.items.0.into_iter().map(|item| NewGolden {
        query: item.query,
        articles: item.articles.0,
        audience: item.audience.unwrap_or(Audience::Public),
        note: item.note,
    });
    let new: Vec<NewGolden> = new.collect();
    let (kb, now) = (call.kb().clone(), call.now);
    let report: GoldenImport = call.state.writes.run(move || kb.import_golden(&curator, new, now)).await?;
    Reply::ok(&report)
}

/// `POST /v1/golden/run`.
pub async fn run(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let curator = call.kb().curator(&call.caller, &p.space.unwrap_or_else(SpaceId::default_space))?;
    let (kb, now) = (call.kb().clone(), call.now);
    let report: GoldenRun = call.state.bulk.run(move || kb.run_golden(&curator, now)).await?;
    Reply::ok(&report)
}
