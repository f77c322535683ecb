//! Conversations in, over HTTP.
//!
//! Invariant: a body of lines is never held in memory whole, and what is wrong in it is told by line and turn.

use std::io::BufRead;

use actix_web::http::header::CONTENT_TYPE;
use schemars::JsonSchema;
use serde::Deserialize;

use super::body::{self, Body};
use super::call::{Call, Outcome, Reply};
use super::error::Problem;
use super::exchange::{fed, streamed};
use super::query::Query;
use crate::error::Code;
use crate::id::SpaceId;
use crate::model::interaction::{ConversationBatch, Conversations, read_conversation};

/// Media types that conversations may have.
pub const INTERACTION_TYPES: &[&str] = &["application/x-ndjson", "application/json"];

/// Parameters of `POST /v1/interactions`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InteractionParameters {
    /// The space; `default` unless given.
    space: Option<SpaceId>,
    /// Check everything, write nothing.
    dry_run: Option<bool>,
}

impl Body for InteractionParameters {
    const QUERY: bool = true;
}
impl Query for InteractionParameters {}

impl Body for ConversationBatch {}

/// `POST /v1/interactions`.
pub async fn take_in(mut call: Call) -> Outcome {
    let p: InteractionParameters = call.query()?;
    let space = p.space.unwrap_or_else(SpaceId::default_space);
    let recorder = call.kb().recorder(&call.caller, &space)?;
    let lines = is_ndjson(&call)?;
    let (kb, now, dry_run) = (call.kb().clone(), call.now, p.dry_run.unwrap_or(false));
    let mut payload = streamed(&mut call)?;
    if lines {
        let work = move |body: &mut dyn BufRead| kb.take_in(&recorder, dry_run, &mut Conversations::new(body), now);
        return Reply::ok(&fed(&call, payload, work).await?);
    }
    let most = call.state.settings.max_body;
    let mut bytes = Vec::new();
    while let Some(piece) = payload.next().await? {
        if bytes.len() + piece.len() > most {
            let detail =
                format!("a JSON body may have at most {most} bytes; send lines (application/x-ndjson) instead");
            return Err(Problem::new(Code::PayloadTooLarge, detail));
        }
        bytes.extend_from_slice(&piece);
    }
    let batch: ConversationBatch = body::parse(&bytes)?;
    let work = move || {
        let mut read = (1..).zip(batch.conversations).map(|(place, value)| Ok(read_conversation(place, value)));
        kb.take_in(&recorder, dry_run, &mut read, now)
    };
    Reply::ok(&call.state.bulk.run(work).await?)
}

fn is_ndjson(call: &Call) -> Result<bool, Problem> {
    let Some(header) = call.head.headers().get(CONTENT_TYPE) else { return Ok(true) };
    let text = header.to_str().unwrap_or("?").to_ascii_lowercase();
    match text.split(';').next().unwrap_or_default().trim() {
        "application/json" => Ok(false),
        "application/x-ndjson" | "application/jsonl" | "application/octet-stream" => Ok(true),
        other => {
            let detail = format!("conversations are {}; not '{other}'", INTERACTION_TYPES.join(" or "));
            Err(Problem::new(Code::UnsupportedMediaType, detail))
        }
    }
}
