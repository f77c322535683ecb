//! Searching over HTTP: search, batch, suggest, similar, related.
//!
//! Invariant: a handler takes a proof, calls one use case, shapes the answer.

use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::body::{self, Body};
use super::call::{Call, Outcome, Reply};
use super::error::{Problem, ProblemBody};
use super::fields::{AtMost, Between, InSpace};
use super::filters::{self, FilterTree};
use super::query::Query;
use crate::error::{Error, FieldError};
use crate::id::SpaceId;
use crate::kb::Filter;
use crate::model::search::{
    MAX_BATCH, MAX_FACETS, MAX_LIMIT, MAX_OFFSET, Mode, SearchRequest, SearchResponse, SimilarResponse, SuggestResponse,
};
use crate::model::text::{Handle, LongText, QueryText};

/// Hits when the caller says nothing.
const DEFAULT_LIMIT: u32 = 10;

type Limit = Between<1, MAX_LIMIT>;
type Offset = Between<0, MAX_OFFSET>;

/// A search.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SearchRequest")]
pub struct SearchBody {
    /// What is asked.
    query: QueryText,
    /// The space; `default` unless given.
    #[serde(default)]
    space: Option<SpaceId>,
    /// Hits wanted; 10 unless given.
    #[serde(default)]
    limit: Option<Limit>,
    /// Hits to pass over.
    #[serde(default)]
    offset: Option<Offset>,
    /// Which lists take part; `hybrid` unless given.
    #[serde(default)]
    mode: Option<Mode>,
    /// Only documents for which this holds.
    #[serde(default)]
    filters: Option<FilterTree>,
    /// Search what was live at that moment.
    #[serde(default)]
    as_of: Option<Timestamp>,
    /// Fields to count matching articles by.
    #[serde(default)]
    facets: Option<AtMost<String, MAX_FACETS>>,
    /// Say, per hit, why it stands there.
    #[serde(default)]
    explain: Option<bool>,
    /// Where the query comes from.
    #[serde(default)]
    channel: Option<Handle>,
    /// Conversation it belongs to.
    #[serde(default)]
    conversation_id: Option<Handle>,
    /// Whether to keep a record of it; `true` unless given.
    #[serde(default)]
    log: Option<bool>,
    /// Whether the space's reranker, where it has one, orders the best hits anew; `true` unless given.
    #[serde(default)]
    rerank: Option<bool>,
}

impl Body for SearchBody {
    const QUERY: bool = true;
    fn closer_look(body: &Map<String, Value>, errors: &mut Vec<FieldError>) {
        filters::closer_look(body, errors);
    }
}

impl SearchBody {
    fn parts(self, in_url: Option<SpaceId>) -> Result<(SpaceId, SearchRequest<Filter>), Error> {
        let space = super::fields::space(self.space, in_url)?;
        let request = SearchRequest {
            query: self.query,
            limit: self.limit.map_or(DEFAULT_LIMIT, |l| l.0),
            offset: self.offset.map_or(0, |o| o.0),
            mode: self.mode.unwrap_or_default(),
            filters: self.filters.map(|tree| tree.0),
            as_of: self.as_of,
            facets: self.facets.unwrap_or_default().0,
            explain: self.explain.unwrap_or(false),
            channel: self.channel,
            conversation_id: self.conversation_id,
            log: self.log.unwrap_or(true),
            rerank: self.rerank.unwrap_or(true),
        };
        Ok((space, request))
    }
}

async fn run(call: &Call, body: SearchBody, in_url: Option<SpaceId>) -> Outcome {
    let (space, request) = body.parts(in_url)?;
    let reader = call.kb().reader(&call.caller, &space)?;
    let (kb, now) = (call.kb().clone(), call.now);
    let response = call.state.searches.run(move || kb.search(&reader, &request, now)).await?;
    call.state.metrics.query("search", response.matched, !response.degraded.is_empty());
    Reply::ok(&response)
}

/// `POST /v1/search`.
pub async fn search(call: Call) -> Outcome {
    let in_url = call.query::<InSpace>()?.space;
    run(&call, call.body()?, in_url).await
}

/// Parameters of `GET /v1/search`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchParameters {
    /// What is asked.
    q: QueryText,
    /// The space; `default` unless given.
    space: Option<SpaceId>,
    /// Hits wanted; 10 unless given.
    limit: Option<Limit>,
    /// Hits to pass over.
    offset: Option<Offset>,
    /// Which lists take part; `hybrid` unless given.
    mode: Option<Mode>,
    /// Search what was live at that moment.
    as_of: Option<Timestamp>,
    /// Fields to count matching articles by, with commas between them.
    facets: Option<AtMost<String, MAX_FACETS>>,
    /// Say, per hit, why it stands there.
    explain: Option<bool>,
    /// Where the query comes from.
    channel: Option<Handle>,
    /// Conversation it belongs to.
    conversation_id: Option<Handle>,
    /// Whether to keep a record of it; `true` unless given.
    log: Option<bool>,
    /// Whether the space's reranker, where it has one, orders the best hits anew; `true` unless given.
    rerank: Option<bool>,
}

impl Body for SearchParameters {
    const QUERY: bool = true;
}
impl Query for SearchParameters {}

/// `GET /v1/search`.
pub async fn search_by_url(call: Call) -> Outcome {
    let p: SearchParameters = call.query()?;
    let body = SearchBody {
        query: p.q,
        space: p.space,
        limit: p.limit,
        offset: p.offset,
        mode: p.mode,
        filters: None,
        as_of: p.as_of,
        facets: p.facets,
        explain: p.explain,
        channel: p.channel,
        conversation_id: p.conversation_id,
        log: p.log,
        rerank: p.rerank,
    };
    run(&call, body, None).await
}

/// Several searches at once.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchBody {
    /// Bodies as of `POST /v1/search`.
    #[schemars(with = "AtMost<SearchBody, MAX_BATCH>")]
    searches: AtMost<Value, MAX_BATCH>,
}

impl Body for BatchBody {
    const QUERY: bool = true;
}

/// The answer or the problem of one search of a batch.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum BatchResult {
    /// It was answered.
    Answer(Box<SearchResponse>),
    /// It was refused or failed.
    Problem(Box<ProblemBody>),
}

/// The answers, in the order of the searches.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BatchResponse {
    results: Vec<BatchResult>,
}

/// `POST /v1/search/batch`: each search counts against the key's rate.
pub async fn batch(call: Call) -> Outcome {
    let in_url = call.query::<InSpace>()?.space;
    let searches = call.body::<BatchBody>()?.searches.0;
    if let Some(key) = call.caller.key.as_ref().filter(|_| searches.len() > 1) {
        let more = u32::try_from(searches.len() - 1).unwrap_or(u32::MAX);
        call.state.rates.take(key, more)?;
    }
    let (kb, now, caller, id) = (call.kb().clone(), call.now, call.caller.clone(), Arc::clone(&call.request_id));
    let one = move |search: Value| -> Result<SearchResponse, Problem> {
        let (space, request) = body::from_value::<SearchBody>(search)?.parts(in_url.clone())?;
        let reader = kb.reader(&caller, &space)?;
        Ok(kb.search(&reader, &request, now)?)
    };
    let all = move || -> Result<Vec<BatchResult>, Problem> {
        let answered = searches.into_iter().map(|search| match one(search) {
            Ok(response) => BatchResult::Answer(Box::new(response)),
            Err(problem) => {
                if let Some(cause) = &problem.cause {
                    tracing::error!(request_id = &*id, cause, "a search of a batch failed");
                }
                BatchResult::Problem(Box::new(problem.body(&id)))
            }
        });
        Ok(answered.collect())
    };
    let results = call.state.searches.run(all).await?;
    for result in &results {
        if let BatchResult::Answer(response) = result {
            call.state.metrics.query("search", response.matched, !response.degraded.is_empty());
        }
    }
    Reply::ok(&BatchResponse { results })
}

/// Parameters of `GET /v1/suggest`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuggestParameters {
    /// What has been typed so far.
    q: QueryText,
    /// The space; `default` unless given.
    space: Option<SpaceId>,
    /// Completions wanted; 10 unless given.
    limit: Option<Limit>,
}

impl Body for SuggestParameters {
    const QUERY: bool = true;
}
impl Query for SuggestParameters {}

/// `GET /v1/suggest`.
pub async fn suggest(call: Call) -> Outcome {
    let p: SuggestParameters = call.query()?;
    let space = p.space.unwrap_or_else(SpaceId::default_space);
    let reader = call.kb().reader(&call.caller, &space)?;
    let limit = p.limit.map_or(DEFAULT_LIMIT, |l| l.0);
    let kb = call.kb().clone();
    let response: SuggestResponse = call.state.searches.run(move || kb.suggest(&reader, &p.q, limit)).await?;
    Reply::ok(&response)
}

/// A text to compare with the knowledge.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SimilarRequest")]
pub struct SimilarBody {
    /// The text, such as a ticket or a post.
    text: LongText,
    /// The space; `default` unless given.
    #[serde(default)]
    space: Option<SpaceId>,
    /// Hits wanted; 10 unless given.
    #[serde(default)]
    limit: Option<Limit>,
}

impl Body for SimilarBody {
    const QUERY: bool = true;
}

/// `POST /v1/similar`.
pub async fn similar(call: Call) -> Outcome {
    let in_url = call.query::<InSpace>()?.space;
    let body: SimilarBody = call.body()?;
    let space = super::fields::space(body.space, in_url)?;
    let reader = call.kb().reader(&call.caller, &space)?;
    let limit = body.limit.map_or(DEFAULT_LIMIT, |l| l.0);
    let kb = call.kb().clone();
    let response: SimilarResponse = call.state.searches.run(move || kb.similar(&reader, &body.text, limit)).await?;
    Reply::ok(&response)
}

/// Parameters of `GET /v1/articles/{id}/related`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RelatedParameters {
    /// The space; `default` unless given.
    space: Option<SpaceId>,
    /// Hits wanted; 10 unless given.
    limit: Option<Limit>,
}

impl Body for RelatedParameters {
    const QUERY: bool = true;
}
impl Query for RelatedParameters {}

/// `GET /v1/articles/{id}/related`.
pub async fn related(call: Call) -> Outcome {
    let p: RelatedParameters = call.query()?;
    let id = call.part("id")?;
    let space = p.space.unwrap_or_else(SpaceId::default_space);
    let reader = call.kb().reader(&call.caller, &space)?;
    let limit = p.limit.map_or(DEFAULT_LIMIT, |l| l.0);
    let kb = call.kb().clone();
    let response: SimilarResponse = call.state.searches.run(move || kb.related(&reader, &id, limit)).await?;
    Reply::ok(&response)
}
