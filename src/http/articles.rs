//! Reading articles over HTTP, and what reading and writing share.
//!
//! Invariant: an answer about an article carries its latest version as `ETag`.

use actix_web::http::{StatusCode, header};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::body::Body;
use super::call::{Call, Outcome, Reply};
use super::fields::{Between, InSpace, Whole};
use super::query::Query;
use crate::error::Error;
use crate::id::{ArticleId, SpaceId};
use crate::kb::{ArticleQuery, ArticleSort, Historian, VersionSummary, Wanted};
use crate::model::article::{ArticleView, Language, Publication, Status};
use crate::model::diff::Diff;
use crate::model::page::{DEFAULT_PAGE, MAX_PAGE, Page};

/// Items of a page; the bound is that of the use cases.
pub type PageLimit = Between<1, { MAX_PAGE as u32 }>;

/// The items wanted.
pub fn page_limit(limit: Option<PageLimit>) -> usize {
    limit.map_or(DEFAULT_PAGE, |l| l.0 as usize)
}

/// An article, with its latest version as `ETag`.
pub fn reply(status: StatusCode, article: &ArticleView) -> Outcome {
    Ok(Reply::json(status, article)?.with(header::ETAG, &format!("\"{}\"", article.latest_version)))
}

fn historian(call: &Call, space: Option<SpaceId>) -> Result<Historian, Error> {
    call.kb().historian(&call.caller, &space.unwrap_or_else(SpaceId::default_space))
}

/// Order of a list of articles.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub enum Sort {
    /// By id.
    #[serde(rename = "id")]
    Id,
    /// Latest change first.
    #[serde(rename = "-updated_at")]
    UpdatedDesc,
    /// First created first.
    #[serde(rename = "created_at")]
    CreatedAsc,
    /// By title.
    #[serde(rename = "title")]
    Title,
    /// Review due first.
    #[serde(rename = "review_due_at")]
    ReviewDueAsc,
}

impl From<Sort> for ArticleSort {
    fn from(sort: Sort) -> Self {
        match sort {
            Sort::Id => ArticleSort::Id,
            Sort::UpdatedDesc => ArticleSort::UpdatedDesc,
            Sort::CreatedAsc => ArticleSort::CreatedAsc,
            Sort::Title => ArticleSort::Title,
            Sort::ReviewDueAsc => ArticleSort::ReviewDueAsc,
        }
    }
}

/// Parameters of `GET /v1/articles`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListParameters {
    /// The space; `default` unless given.
    space: Option<SpaceId>,
    /// Only in this state.
    status: Option<Status>,
    /// Only in or under this category.
    category: Option<String>,
    /// Only with this tag.
    tag: Option<String>,
    /// Only of this owner.
    owner: Option<String>,
    /// Only in this language.
    language: Option<Language>,
    /// Only due for review before.
    review_due_before: Option<Timestamp>,
    /// Only with these words in title or id.
    q: Option<String>,
    /// Order; by `id` unless given.
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

/// `GET /v1/articles`.
pub async fn list(call: Call) -> Outcome {
    let p: ListParameters = call.query()?;
    let historian = historian(&call, p.space)?;
    let query = ArticleQuery {
        status: p.status,
        category: p.category,
        tag: p.tag,
        owner: p.owner,
        language: p.language,
        review_due_before: p.review_due_before,
        q: p.q,
        sort: p.sort.map(ArticleSort::from).unwrap_or_default(),
        limit: page_limit(p.limit),
        cursor: p.cursor,
    };
    let kb = call.kb().clone();
    let page: Page<ArticleView> = call.state.searches.run(move || kb.list_articles(&historian, &query)).await?;
    Reply::ok(&page)
}

/// Parameters of `GET /v1/articles/{id}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadParameters {
    /// The space; `default` unless given.
    space: Option<SpaceId>,
    /// `latest`, or a version's number; the live version unless given.
    version: Option<String>,
    /// The version that was live at that moment.
    as_of: Option<Timestamp>,
}

impl Body for ReadParameters {
    const QUERY: bool = true;
}
impl Query for ReadParameters {}

impl ReadParameters {
    fn wanted(&self) -> Result<Wanted, Error> {
        match (self.version.as_deref(), self.as_of) {
            (Some(_), Some(_)) => Err(Error::query("as_of", "must not be given beside version")),
            (None, Some(at)) => Ok(Wanted::AsOf(at)),
            (None, None) => Ok(Wanted::Live),
            (Some("latest"), None) => Ok(Wanted::Latest),
            (Some(number), None) => number.parse().map(Wanted::Number).map_err(|_| {
                Error::query("version", format!("must be 'latest' or a version's number, not '{number}'"))
            }),
        }
    }
}

async fn read(call: &Call, historian: Historian, wanted: Wanted) -> Outcome {
    let id: ArticleId = call.part("id")?;
    let kb = call.kb().clone();
    let article = call.state.searches.run(move || kb.get_article(&historian, &id, wanted)).await?;
    reply(StatusCode::OK, &article)
}

/// `GET /v1/articles/{id}`.
pub async fn get(call: Call) -> Outcome {
    let p: ReadParameters = call.query()?;
    let wanted = p.wanted()?;
    read(&call, historian(&call, p.space)?, wanted).await
}

/// `GET /v1/articles/{id}/versions/{n}`.
pub async fn version(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let number = call.part("n")?;
    read(&call, historian(&call, p.space)?, Wanted::Number(number)).await
}

/// `GET /v1/articles/{id}/versions`.
pub async fn versions(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let id = call.part("id")?;
    let historian = historian(&call, p.space)?;
    let kb = call.kb().clone();
    let versions: Vec<VersionSummary> = call.state.searches.run(move || kb.list_versions(&historian, &id)).await?;
    Reply::ok(&Whole::of(versions))
}

/// `GET /v1/articles/{id}/publications`.
pub async fn publications(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let id = call.part("id")?;
    let historian = historian(&call, p.space)?;
    let kb = call.kb().clone();
    let all: Vec<Publication> = call.state.searches.run(move || kb.list_publications(&historian, &id)).await?;
    Reply::ok(&Whole::of(all))
}

/// Parameters of `GET /v1/articles/{id}/diff`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiffParameters {
    /// The space; `default` unless given.
    space: Option<SpaceId>,
    /// The one version.
    from: u32,
    /// The other version.
    to: u32,
}

impl Body for DiffParameters {
    const QUERY: bool = true;
}
impl Query for DiffParameters {}

/// `GET /v1/articles/{id}/diff`.
pub async fn diff(call: Call) -> Outcome {
    let p: DiffParameters = call.query()?;
    let id = call.part("id")?;
    let historian = historian(&call, p.space)?;
    let kb = call.kb().clone();
    let diff: Diff = call.state.searches.run(move || kb.diff_article(&historian, &id, p.from, p.to)).await?;
    Reply::ok(&diff)
}
