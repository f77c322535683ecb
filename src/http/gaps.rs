//! What could not be answered, over HTTP.
//!
//! Invariant: only who keeps gaps sees them.

use actix_web::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answers::Generate;
use super::articles::{PageLimit, page_limit};
use super::body::Body;
use super::call::{Call, Outcome, Reply};
use super::error::Problem;
use super::fields::{Between, InSpace};
use super::query::Query;
use crate::error::Code;
use crate::id::{ArticleId, GapId, SpaceId};
use crate::kb::{GapDraft, GapKeeper, GapQuery, Generation, NotGenerated, Worded, Written, says_something};
use crate::model::gap::{CauseKind, GapStatus, GapView};
use crate::model::page::Page;
use crate::model::text::{Category, Note, Title};

/// Order of a list of gaps.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// Those first whose answer is worth most.
    Impact,
}

/// Parameters of `GET /v1/gaps`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListParameters {
    /// The space; `default` unless given.
    space: Option<SpaceId>,
    /// Only in this state.
    status: Option<GapStatus>,
    /// Only for this cause.
    cause: Option<CauseKind>,
    /// Order; `impact`, the only one, unless given.
    #[expect(dead_code, reason = "checked at the door; there is one order")]
    sort: Option<Sort>,
    /// Items of the page; 20 unless given.
    limit: Option<PageLimit>,
    /// Where to read on: `next_cursor` of the page before.
    cursor: Option<String>,
}

impl Body for ListParameters {
    const QUERY: bool = true;
}
impl Query for ListParameters {}

/// `GET /v1/gaps`.
pub async fn list(call: Call) -> Outcome {
    let p: ListParameters = call.query()?;
    let keeper = call.kb().gap_keeper(&call.caller, &p.space.unwrap_or_else(SpaceId::default_space))?;
    let (kb, limit) = (call.kb().clone(), page_limit(p.limit));
    let (wanted, now) = (GapQuery { status: p.status, cause: p.cause }, call.now);
    let work = move || kb.list_gaps(&keeper, &wanted, limit, p.cursor.as_deref(), now);
    let page: Page<GapView> = call.state.searches.run(work).await?;
    Reply::ok(&page)
}

/// `GET /v1/gaps/{id}`.
pub async fn get(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let id = call.part("id")?;
    let keeper = call.kb().gap_keeper(&call.caller, &p.space.unwrap_or_else(SpaceId::default_space))?;
    let (kb, now) = (call.kb().clone(), call.now);
    let gap: GapView = call.state.searches.run(move || kb.get_gap(&keeper, &id, now)).await?;
    Reply::ok(&gap)
}

/// Why a gap is set aside.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DismissGap")]
pub struct DismissBody {
    /// The space; `default` unless given.
    #[serde(default)]
    space: Option<SpaceId>,
    /// Why.
    #[serde(default)]
    reason: Option<Note>,
    /// What the editor says of the cause, such as `out_of_scope`; questions like it that come later share it.
    #[serde(default)]
    cause: Option<CauseKind>,
}

impl Body for DismissBody {}

/// `POST /v1/gaps/{id}/dismiss`.
pub async fn dismiss(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let id = call.part("id")?;
    let body: DismissBody = call.body()?;
    let space = super::fields::space(body.space, p.space)?;
    let keeper = call.kb().gap_keeper(&call.caller, &space)?;
    let (kb, now) = (call.kb().clone(), call.now);
    let gap: GapView =
        call.state.writes.run(move || kb.dismiss_gap(&keeper, &id, body.reason, body.cause, now)).await?;
    Reply::ok(&gap)
}

/// A gap and the article that is to answer it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct GapArticle {
    /// The gap.
    gap: GapView,
    /// The article, at the version that was made, or at its newest where none was.
    article: Written,
    /// Whether a version was made: not where the article has all of the gap's questions already, or no room for more.
    saved: bool,
    /// How many of the gap's questions were left out: an article has 100 known questions at most.
    left_out: usize,
}

/// A gap, the draft that was made of it, and where the draft's body comes from.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DraftedGap {
    /// The gap.
    gap: GapView,
    /// The article, at the version that was made.
    article: Written,
    /// Whether a language model wrote the body, and what of its reply was removed.
    generation: Generation,
    /// Whether the body says nothing yet: published so, it answers and proves nothing.
    needs_text: bool,
}

/// What an editor wants of the draft.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DraftGap")]
pub struct DraftBody {
    /// The space; `default` unless given.
    #[serde(default)]
    space: Option<SpaceId>,
    /// Title; the gap's label unless given.
    #[serde(default)]
    title: Option<Title>,
    /// Category; that of the nearest article unless given.
    #[serde(default)]
    category: Option<Category>,
    /// Id of the article; made unless given.
    #[serde(default)]
    article_id: Option<ArticleId>,
    /// Make it although an article answers already, or is being written; otherwise these are named and nothing is made.
    #[serde(default)]
    anyway: bool,
    /// Whether a language model may write the body out of the answers that customers accepted; `auto` unless given.
    #[serde(default)]
    generate: Option<Generate>,
}

impl Body for DraftBody {}

/// `POST /v1/gaps/{id}/draft`.
pub async fn draft(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let id = call.part("id")?;
    let body: DraftBody = call.body()?;
    let space = super::fields::space(body.space, p.space)?;
    let keeper = call.kb().gap_keeper(&call.caller, &space)?;
    let editor = call.kb().editor(&call.caller, &space)?;
    let DraftBody { title, category, article_id, anyway, generate, .. } = body;
    let worded = written(&call, &keeper, &id, anyway, generate).await?;
    let (kb, now) = (call.kb().clone(), call.now);
    let wanted = GapDraft { title, category, article_id, anyway };
    let work = move || kb.draft_gap(&keeper, &editor, &id, wanted, worded, now);
    let (gap, article, worded) = call.state.writes.run(work).await?;
    Reply::json(
        StatusCode::CREATED,
        &DraftedGap { needs_text: !says_something(article.body.as_str()), gap, article, generation: worded.told() },
    )
}

/// What a language model writes for the draft. While it is asked, no permit to read or write is held.
async fn written(
    call: &Call,
    keeper: &GapKeeper,
    id: &GapId,
    anyway: bool,
    generate: Option<Generate>,
) -> Result<Worded, Problem> {
    if generate == Some(Generate::Never) {
        return Ok(Worded::not(NotGenerated::NotWanted));
    }
    if !call.kb().has_language_model() {
        return Ok(Worded::not(NotGenerated::NotConfigured));
    }
    let (kb, now, keeper, id) = (call.kb().clone(), call.now, keeper.clone(), id.clone());
    let brief = call.state.searches.run(move || kb.brief_of(&keeper, &id, anyway, now)).await?;
    let kb = call.kb().clone();
    match call.state.language_model.run(move || kb.generate(&brief)).await {
        Err(problem) if problem.code == Code::Busy => Ok(Worded::not(NotGenerated::Busy)),
        worded => worded,
    }
}

/// Which article is to answer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "LinkGap")]
pub struct LinkBody {
    /// The space; `default` unless given.
    #[serde(default)]
    space: Option<SpaceId>,
    /// The article.
    article_id: ArticleId,
}

impl Body for LinkBody {}

/// `POST /v1/gaps/{id}/link`.
pub async fn link(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let id = call.part("id")?;
    let body: LinkBody = call.body()?;
    let space = super::fields::space(body.space, p.space)?;
    let keeper = call.kb().gap_keeper(&call.caller, &space)?;
    let editor = call.kb().editor(&call.caller, &space)?;
    let (kb, now) = (call.kb().clone(), call.now);
    let work = move || kb.link_gap(&keeper, &editor, &id, &body.article_id, now);
    let (gap, article, linked) = call.state.writes.run(work).await?;
    Reply::ok(&GapArticle { gap, article, saved: linked.saved, left_out: linked.left_out })
}

/// `POST /v1/gaps/{id}/reopen`.
pub async fn reopen(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let id = call.part("id")?;
    let keeper = call.kb().gap_keeper(&call.caller, &p.space.unwrap_or_else(SpaceId::default_space))?;
    let (kb, now) = (call.kb().clone(), call.now);
    let gap: GapView = call.state.writes.run(move || kb.reopen_gap(&keeper, &id, now)).await?;
    Reply::ok(&gap)
}

/// `POST /v1/gaps/replay`.
pub async fn replay(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let keeper = call.kb().gap_keeper(&call.caller, &p.space.unwrap_or_else(SpaceId::default_space))?;
    let (kb, now) = (call.kb().clone(), call.now);
    let report = call.state.bulk.run(move || kb.replay_gaps(&keeper, now)).await?;
    Reply::ok(&report)
}

/// Gaps that ask for one article.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MergeGaps")]
pub struct MergeBody {
    /// The space; `default` unless given.
    #[serde(default)]
    space: Option<SpaceId>,
    /// The gaps that end in the one of the path; at most 100.
    gaps: Vec<GapId>,
}

impl Body for MergeBody {}

/// `POST /v1/gaps/{id}/merge`.
pub async fn merge(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let id = call.part("id")?;
    let body: MergeBody = call.body()?;
    let space = super::fields::space(body.space, p.space)?;
    let keeper = call.kb().gap_keeper(&call.caller, &space)?;
    let (kb, now) = (call.kb().clone(), call.now);
    let gap: GapView = call.state.writes.run(move || kb.merge_gaps(&keeper, &id, &body.gaps, now)).await?;
    Reply::ok(&gap)
}

/// Wordings that ask for another article than the rest of their gap.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SplitGap")]
pub struct SplitBody {
    /// The space; `default` unless given.
    #[serde(default)]
    space: Option<SpaceId>,
    /// Ids of the wordings, as the gap shows them; at most 100.
    wordings: Vec<GapId>,
}

impl Body for SplitBody {}

/// `POST /v1/gaps/{id}/split`.
pub async fn split(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let id = call.part("id")?;
    let body: SplitBody = call.body()?;
    let space = super::fields::space(body.space, p.space)?;
    let keeper = call.kb().gap_keeper(&call.caller, &space)?;
    let (kb, now) = (call.kb().clone(), call.now);
    let gap: GapView = call.state.writes.run(move || kb.split_gap(&keeper, &id, &body.wordings, now)).await?;
    Reply::json(StatusCode::CREATED, &gap)
}

/// `POST /v1/gaps/consolidate`.
pub async fn consolidate(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let keeper = call.kb().gap_keeper(&call.caller, &p.space.unwrap_or_else(SpaceId::default_space))?;
    let (kb, now) = (call.kb().clone(), call.now);
    let report = call.state.bulk.run(move || kb.consolidate_gaps(&keeper, now)).await?;
    Reply::ok(&report)
}

/// Parameters of `GET /v1/gaps/pareto`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ParetoParameters {
    /// The space; `default` unless given.
    space: Option<SpaceId>,
    /// The share to be covered, in percent; 80 unless given.
    percent: Option<Between<1, 100>>,
}

impl Body for ParetoParameters {
    const QUERY: bool = true;
}
impl Query for ParetoParameters {}

/// `GET /v1/gaps/pareto`.
pub async fn pareto(call: Call) -> Outcome {
    let p: ParetoParameters = call.query()?;
    let keeper = call.kb().gap_keeper(&call.caller, &p.space.unwrap_or_else(SpaceId::default_space))?;
    let (kb, now) = (call.kb().clone(), call.now);
    let share = p.percent.map_or(0.8, |percent| f64::from(percent.0) / 100.0);
    let found = call.state.searches.run(move || kb.pareto(&keeper, share, now)).await?;
    Reply::ok(&found)
}
