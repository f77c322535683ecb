//! What a publication would change, over HTTP.
//!
//! Invariant: only who may write the article tries it, and trying it changes nothing.

use schemars::JsonSchema;
use serde::Deserialize;

use super::body::Body;
use super::call::{Call, Outcome, Reply};
use super::fields::{Between, InSpace};
use crate::id::SpaceId;
use crate::model::preview::{MAX_PREVIEW_DAYS, MAX_PREVIEWED, PREVIEW_DAYS, Preview, PreviewOrder};

/// What is to be tried.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PreviewArticle")]
pub struct PreviewBody {
    /// The space; `default` unless given.
    #[serde(default)]
    space: Option<SpaceId>,
    /// The version; the latest unless given.
    #[serde(default)]
    version: Option<u32>,
    /// Days of queries that are looked at; 30 unless given.
    #[serde(default)]
    days: Option<Between<1, MAX_PREVIEW_DAYS>>,
    /// Most recent queries, the most asked first; 1,000 unless given. Golden queries come on top.
    #[serde(default)]
    limit: Option<Between<0, { MAX_PREVIEWED as u32 }>>,
}

impl Body for PreviewBody {}

/// `POST /v1/articles/{id}/preview`.
pub async fn preview(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let id = call.part("id")?;
    let body: PreviewBody = call.body()?;
    let space = super::fields::space(body.space, p.space)?;
    let editor = call.kb().editor(&call.caller, &space)?;
    let order = PreviewOrder {
        version: body.version,
        days: body.days.map_or(PREVIEW_DAYS, |days| days.0),
        most: body.limit.map_or(MAX_PREVIEWED, |limit| limit.0 as usize),
    };
    let (kb, now) = (call.kb().clone(), call.now);
    let preview: Preview = call.state.bulk.run(move || kb.preview_article(&editor, &id, order, now)).await?;
    Reply::ok(&preview)
}
