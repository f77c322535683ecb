//! Embedding models and rerankers, over HTTP.
//!
//! Invariant: which model a space uses is a setting of the space; these routes fetch, list and remove.

use actix_web::http::{StatusCode, header};

use super::body::Body;
use super::call::{Call, Outcome, Reply};
use super::fields::{Nothing, Whole};
use crate::id::ModelName;
use crate::model::models::{ModelView, PullOrder};

impl Body for PullOrder {}

/// `GET /v1/models`.
pub async fn list(call: Call) -> Outcome {
    call.query::<Nothing>()?;
    let admin = call.kb().admin(&call.caller)?;
    let kb = call.kb().clone();
    let work = move || Ok::<_, crate::error::Error>(kb.list_models(&admin));
    let models: Vec<ModelView> = call.state.searches.run(work).await?;
    Reply::ok(&Whole::of(models))
}

/// `POST /v1/models`.
pub async fn pull(call: Call) -> Outcome {
    call.query::<Nothing>()?;
    let admin = call.kb().admin(&call.caller)?;
    let order: PullOrder = call.body()?;
    let (kb, now) = (call.kb().clone(), call.now);
    let view: ModelView = call.state.writes.run(move || kb.pull_model(&admin, &order, now)).await?;
    let place = format!("/v1/models/{}", view.name);
    Ok(Reply::json(StatusCode::ACCEPTED, &view)?.with(header::LOCATION, &place))
}

/// `GET /v1/models/{name}`.
pub async fn get(call: Call) -> Outcome {
    call.query::<Nothing>()?;
    let admin = call.kb().admin(&call.caller)?;
    let name: ModelName = call.part("id")?;
    let kb = call.kb().clone();
    let view: ModelView = call.state.searches.run(move || kb.get_model(&admin, &name)).await?;
    Reply::ok(&view)
}

/// `DELETE /v1/models/{name}`.
pub async fn remove(call: Call) -> Outcome {
    call.query::<Nothing>()?;
    let admin = call.kb().admin(&call.caller)?;
    let name: ModelName = call.part("id")?;
    let (kb, now) = (call.kb().clone(), call.now);
    call.state.writes.run(move || kb.remove_model(&admin, &name, now)).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}
