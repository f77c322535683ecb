//! Changing articles over HTTP: new versions, review, publication.
//!
//! Invariant: a new version and a rollback name the version they are based on; other actions heed it when it is named.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::articles;
use super::body::Body;
use super::call::{Call, Outcome};
use super::fields::{AtMost, Between, Wait};
use super::query::Query;
use crate::error::Error;
use crate::id::{ArticleId, SpaceId};
use crate::kb::{Kb, Written};
use crate::model::article::{AttributeValue, Audience, Content, Language, MAX_QUESTIONS, MAX_REVIEW_DAYS, MAX_TAGS};
use crate::model::lifecycle::Action;
use crate::model::text::{AttributeName, Body as Markdown, Category, Handle, Note, Question, Tag, Title};

/// Whether the write could be found by a search when the answer was sent; only with `?wait=searchable`.
const SEARCHABLE: HeaderName = HeaderName::from_static("x-searchable");

macro_rules! article_body {
    ($(#[$doc:meta])* $name:ident as $title:literal { $($(#[$fdoc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        #[schemars(rename = $title)]
        pub struct $name {
            $($(#[$fdoc])* #[serde(default)] $field: Option<$type>,)*
            /// The space; `default` unless given.
            #[serde(default)]
            space: Option<SpaceId>,
            /// Title.
            title: Title,
            /// Body, in Markdown.
            #[serde(default)]
            body: Option<Markdown>,
            /// Other ways customers ask it.
            #[serde(default)]
            questions: AtMost<Question, MAX_QUESTIONS>,
            /// Questions that sound like it but are not answered by it.
            #[serde(default)]
            negative_questions: AtMost<Question, MAX_QUESTIONS>,
            /// Where it stands in the tree of subjects.
            #[serde(default)]
            category: Option<Category>,
            /// Tags.
            #[serde(default)]
            tags: AtMost<Tag, MAX_TAGS>,
            /// Who may see it; `public` unless given.
            #[serde(default)]
            audience: Audience,
            /// Language; detected unless given.
            #[serde(default)]
            language: Option<Language>,
            /// Strings and numbers by name, for filters.
            #[serde(default)]
            attributes: BTreeMap<AttributeName, AttributeValue>,
            /// Not live before.
            #[serde(default)]
            valid_from: Option<Timestamp>,
            /// Not live from then on.
            #[serde(default)]
            valid_until: Option<Timestamp>,
            /// Who keeps it right.
            #[serde(default)]
            owner: Option<Handle>,
            /// Days from a verification to the next review.
            #[serde(default)]
            review_every_days: Option<Between<1, MAX_REVIEW_DAYS>>,
            /// Why it is written.
            #[serde(default)]
            note: Option<Note>,
        }

        impl Body for $name {}

        impl $name {
            fn content(self) -> Result<Content, Error> {
                let body = self.body.map_or_else(|| Markdown::try_from(String::new()), Ok);
                Ok(Content {
                    title: self.title,
                    body: body.map_err(|why| Error::field("body", why.to_string()))?,
                    questions: self.questions.0,
                    negative_questions: self.negative_questions.0,
                    category: self.category,
                    tags: self.tags.0,
                    audience: self.audience,
                    language: self.language,
                    attributes: self.attributes,
                    valid_from: self.valid_from,
                    valid_until: self.valid_until,
                    owner: self.owner,
                    review_every_days: self.review_every_days.map(|days| days.0),
                })
            }
        }
    };
}

article_body!(
    /// A new article.
    CreateBody as "CreateArticle" {
        /// Id; made by the server unless given.
        id: ArticleId,
        /// Publish it at once; needs `articles:publish`.
        publish: bool,
    }
);
article_body!(
    /// A new version of an article.
    SaveBody as "SaveArticle" {
        /// The version it is based on, unless `If-Match` says so.
        expected_version: u32,
    }
);

/// Parameters of calls that change an article.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteParameters {
    /// The space; `default` unless given.
    space: Option<SpaceId>,
    /// Hold the answer until a search finds the change.
    wait: Option<Wait>,
}

impl Body for WriteParameters {
    const QUERY: bool = true;
}
impl Query for WriteParameters {}

/// Runs the write behind the gate and, where asked, holds the answer until the change can be found.
async fn write(
    call: &Call,
    wait: Option<Wait>,
    status: StatusCode,
    work: impl FnOnce(&Kb) -> Result<Written, Error> + Send + 'static,
) -> Outcome {
    let kb = call.kb().clone();
    let written = call.state.writes.run(move || work(&kb)).await?;
    let mut reply = articles::reply(status, &written)?;
    if status == StatusCode::CREATED {
        reply = reply.with(header::LOCATION, &format!("/v1/articles/{}", written.id));
    }
    if wait.is_none() {
        return Ok(reply);
    }
    let searchable = until_searchable(call, written.space).await;
    Ok(reply.with(SEARCHABLE, if searchable { "true" } else { "false" }))
}

/// Waits until what is written in the space can be found. The write is done whatever comes of it, so a
/// failure is not an error of the call: the header says `false`.
pub async fn until_searchable(call: &Call, space: SpaceId) -> bool {
    let (kb, limit) = (call.kb().clone(), call.state.settings.searchable_wait);
    let waited = call.state.waits.run(move || kb.wait_searchable(&space, limit)).await;
    waited.unwrap_or_else(|problem| {
        tracing::warn!(code = problem.code.as_str(), cause = ?problem.cause, "could not wait for the index");
        false
    })
}

/// `POST /v1/articles`.
pub async fn create(call: Call) -> Outcome {
    let p: WriteParameters = call.query()?;
    let mut body: CreateBody = call.body()?;
    let space = super::fields::space(body.space.take(), p.space)?;
    let editor = call.kb().editor(&call.caller, &space)?;
    let publisher = match body.publish {
        Some(true) => Some(call.kb().publisher(&call.caller, &space)?),
        _ => None,
    };
    let (id, note, now) = (body.id.take(), body.note.take(), call.now);
    let content = body.content()?;
    write(&call, p.wait, StatusCode::CREATED, move |kb| {
        kb.create_article(&editor, publisher.as_ref(), id, content, note, now)
    })
    .await
}

/// `PUT /v1/articles/{id}`.
pub async fn save(call: Call) -> Outcome {
    let p: WriteParameters = call.query()?;
    let id: ArticleId = call.part("id")?;
    let mut body: SaveBody = call.body()?;
    let space = super::fields::space(body.space.take(), p.space)?;
    let editor = call.kb().editor(&call.caller, &space)?;
    let expected = call.must_expect(body.expected_version)?;
    let (note, now) = (body.note.take(), call.now);
    let content = body.content()?;
    write(&call, p.wait, StatusCode::OK, move |kb| kb.save_article(&editor, &id, expected, content, note, now)).await
}

/// The body of an action that needs nothing but, perhaps, a word about it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ArticleAction")]
pub struct ActionBody {
    /// The space; `default` unless given.
    #[serde(default)]
    space: Option<SpaceId>,
    /// The version the caller has seen, unless `If-Match` says so.
    #[serde(default)]
    expected_version: Option<u32>,
    /// Why.
    #[serde(default)]
    note: Option<Note>,
}

impl Body for ActionBody {}

/// `POST /v1/articles/{id}/submit`.
pub async fn submit(call: Call) -> Outcome {
    let p: WriteParameters = call.query()?;
    let id: ArticleId = call.part("id")?;
    let body: ActionBody = call.body()?;
    let space = super::fields::space(body.space, p.space)?;
    let editor = call.kb().editor(&call.caller, &space)?;
    let (expected, now) = (call.expected(body.expected_version)?, call.now);
    write(&call, p.wait, StatusCode::OK, move |kb| kb.submit_article(&editor, &id, expected, body.note, now)).await
}

async fn act(call: Call, action: impl FnOnce(Option<Note>) -> Action) -> Outcome {
    let body: ActionBody = call.body()?;
    let expected = call.expected(body.expected_version)?;
    perform(call, body.space, expected, action(body.note)).await
}

async fn perform(call: Call, in_body: Option<SpaceId>, expected: Option<u32>, action: Action) -> Outcome {
    let p: WriteParameters = call.query()?;
    let id: ArticleId = call.part("id")?;
    let space = super::fields::space(in_body, p.space)?;
    let publisher = call.kb().publisher(&call.caller, &space)?;
    let now = call.now;
    write(&call, p.wait, StatusCode::OK, move |kb| kb.act_on_article(&publisher, &id, expected, action, now)).await
}

fn reason(note: Option<Note>) -> Option<String> {
    note.map(String::from)
}

/// `POST /v1/articles/{id}/approve`.
pub async fn approve(call: Call) -> Outcome {
    act(call, |note| Action::Approve { note }).await
}

/// `POST /v1/articles/{id}/reject`.
pub async fn reject(call: Call) -> Outcome {
    act(call, |note| Action::Reject { note }).await
}

/// `POST /v1/articles/{id}/unpublish`.
pub async fn unpublish(call: Call) -> Outcome {
    act(call, |note| Action::Unpublish { reason: reason(note) }).await
}

/// `POST /v1/articles/{id}/archive`.
pub async fn archive(call: Call) -> Outcome {
    act(call, |note| Action::Archive { reason: reason(note) }).await
}

/// `POST /v1/articles/{id}/restore`.
pub async fn restore(call: Call) -> Outcome {
    act(call, |note| Action::Restore { reason: reason(note) }).await
}

/// `POST /v1/articles/{id}/verify`.
pub async fn verify(call: Call) -> Outcome {
    act(call, |_| Action::Verify).await
}

/// Which version to publish, from when, until when.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PublishArticle")]
pub struct PublishBody {
    /// The space; `default` unless given.
    #[serde(default)]
    space: Option<SpaceId>,
    /// The version the caller has seen, unless `If-Match` says so.
    #[serde(default)]
    expected_version: Option<u32>,
    /// The version to publish; the latest unless given.
    #[serde(default)]
    version: Option<u32>,
    /// When; now unless given.
    #[serde(default)]
    at: Option<Timestamp>,
    /// Until when; without end unless given.
    #[serde(default)]
    until: Option<Timestamp>,
    /// Why.
    #[serde(default)]
    note: Option<Note>,
}

impl Body for PublishBody {}

/// `POST /v1/articles/{id}/publish`.
pub async fn publish(call: Call) -> Outcome {
    let body: PublishBody = call.body()?;
    let expected = call.expected(body.expected_version)?;
    let action = Action::Publish { version: body.version, at: body.at, until: body.until, reason: reason(body.note) };
    perform(call, body.space, expected, action).await
}

/// The version to go back to.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RollbackArticle")]
pub struct RollbackBody {
    /// The space; `default` unless given.
    #[serde(default)]
    space: Option<SpaceId>,
    /// The latest version, unless `If-Match` says so.
    #[serde(default)]
    expected_version: Option<u32>,
    /// The version to go back to.
    to: u32,
    /// Why.
    #[serde(default)]
    note: Option<Note>,
}

impl Body for RollbackBody {}

/// `POST /v1/articles/{id}/rollback`.
pub async fn rollback(call: Call) -> Outcome {
    let body: RollbackBody = call.body()?;
    let expected = call.must_expect(body.expected_version)?;
    perform(call, body.space, expected, Action::Rollback { to: body.to, reason: reason(body.note) }).await
}
