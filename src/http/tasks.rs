//! Review tasks, over HTTP.
//!
//! Invariant: only who may write articles sees what speaks against them.

use schemars::JsonSchema;
use serde::Deserialize;

use super::articles::{PageLimit, page_limit};
use super::body::Body;
use super::call::{Call, Outcome, Reply};
use super::fields::InSpace;
use super::query::Query;
use crate::id::SpaceId;
use crate::model::page::Page;
use crate::model::task::{TaskStatus, TaskView};
use crate::model::text::Note;

/// Parameters of `GET /v1/tasks`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListParameters {
    /// The space; `default` unless given.
    space: Option<SpaceId>,
    /// Only in this state.
    status: Option<TaskStatus>,
    /// Items of the page; 20 unless given.
    limit: Option<PageLimit>,
    /// Where to read on: `next_cursor` of the page before.
    cursor: Option<String>,
}

impl Body for ListParameters {
    const QUERY: bool = true;
}
impl Query for ListParameters {}

/// `GET /v1/tasks`.
pub async fn list(call: Call) -> Outcome {
    let p: ListParameters = call.query()?;
    let editor = call.kb().editor(&call.caller, &p.space.unwrap_or_else(SpaceId::default_space))?;
    let (kb, limit) = (call.kb().clone(), page_limit(p.limit));
    let work = move || kb.list_tasks(&editor, p.status, limit, p.cursor.as_deref());
    let page: Page<TaskView> = call.state.searches.run(work).await?;
    Reply::ok(&page)
}

/// Why a task is closed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CloseTask")]
pub struct CloseBody {
    /// The space; `default` unless given.
    #[serde(default)]
    space: Option<SpaceId>,
    /// Why.
    #[serde(default)]
    note: Option<Note>,
}

impl Body for CloseBody {}

/// `POST /v1/tasks/{id}/close`.
pub async fn close(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let id = call.part("id")?;
    let body: CloseBody = call.body()?;
    let space = super::fields::space(body.space, p.space)?;
    let editor = call.kb().editor(&call.caller, &space)?;
    let (kb, now) = (call.kb().clone(), call.now);
    let task: TaskView = call.state.writes.run(move || kb.close_task(&editor, &id, body.note, now)).await?;
    Reply::ok(&task)
}
