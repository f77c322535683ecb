//! Taking personal data away, over HTTP.
//!
//! Invariant: only an administrator of all spaces does it, and the name that was given is in no answer and no log.

use schemars::JsonSchema;
use serde::Deserialize;

use super::body::Body;
use super::call::{Call, Outcome, Reply};
use super::fields::Nothing;
use crate::id::SpaceId;
use crate::kb::Subject;
use crate::model::erasure::ErasureReport;
use crate::model::text::Handle;

/// Whose data are to go: a session's or a customer's, as they were named when handed in.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Erase")]
pub struct EraseBody {
    /// Only in this space; in all unless given.
    #[serde(default)]
    space: Option<SpaceId>,
    /// A conversation: the `session_id` of `/v1/interactions`, the `conversation_id` of searches and answers.
    #[serde(default)]
    session_id: Option<Handle>,
    /// A customer: every conversation that came with this `customer_id`.
    #[serde(default)]
    customer_id: Option<Handle>,
}

impl Body for EraseBody {}

/// `POST /v1/erase`.
pub async fn erase(call: Call) -> Outcome {
    call.query::<Nothing>()?;
    let admin = call.kb().admin(&call.caller)?;
    let body: EraseBody = call.body()?;
    let subject = Subject::of(body.session_id, body.customer_id)?;
    let (kb, now) = (call.kb().clone(), call.now);
    let work = move || kb.erase(&admin, &subject, body.space.as_ref(), now);
    let report: ErasureReport = call.state.bulk.run(work).await?;
    Reply::ok(&report)
}
