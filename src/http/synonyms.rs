//! A space's synonyms, over HTTP.
//!
//! Invariant: a rule that is answered with 201 counts in every search that begins after it.

use actix_web::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;

use super::body::Body;
use super::call::{Call, Outcome, Reply};
use super::fields::{AtMost, Between, InSpace, Whole, space};
use crate::error::Error;
use crate::id::{SpaceId, SynonymId};
use crate::model::synonym::{
    MAX_PHRASES, MAX_PREVIEW, MAX_SYNONYMS, Synonym, SynonymKind, SynonymPreview, SynonymRule, Trial,
};
use crate::model::text::{Phrase, QueryText};

/// Queries that a rule is tried on unless said otherwise.
const DEFAULT_PREVIEW: u32 = 100;

/// `GET /v1/synonyms`.
pub async fn list(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let curator = call.kb().curator(&call.caller, &p.space.unwrap_or_else(SpaceId::default_space))?;
    let kb = call.kb().clone();
    let synonyms: Vec<Synonym> = call.state.searches.run(move || kb.list_synonyms(&curator)).await?;
    Reply::ok(&Whole::of(synonyms))
}

/// A new rule.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewSynonym")]
pub struct SynonymBody {
    /// The space; `default` unless given.
    #[serde(default)]
    space: Option<SpaceId>,
    /// What it does.
    kind: SynonymKind,
    /// Of a two-way rule: the phrases that mean the same, in any language.
    #[serde(default)]
    terms: AtMost<Phrase, MAX_PHRASES>,
    /// Of the other kinds: what is asked.
    #[serde(default)]
    from: AtMost<Phrase, MAX_PHRASES>,
    /// Of the other kinds: what is meant; one phrase for a replacement.
    #[serde(default)]
    to: AtMost<Phrase, MAX_PHRASES>,
}

impl Body for SynonymBody {}

/// `POST /v1/synonyms`.
pub async fn add(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let body: SynonymBody = call.body()?;
    let curator = call.kb().curator(&call.caller, &space(body.space, p.space)?)?;
    let rule = SynonymRule { kind: body.kind, terms: body.terms.0, from: body.from.0, to: body.to.0 };
    let (kb, now) = (call.kb().clone(), call.now);
    let synonym: Synonym = call.state.writes.run(move || kb.add_synonym(&curator, rule, now)).await?;
    Reply::json(StatusCode::CREATED, &synonym)
}

/// All rules of a space.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Synonyms")]
pub struct SynonymsBody {
    /// The space; `default` unless given.
    #[serde(default)]
    space: Option<SpaceId>,
    /// Every rule.
    items: AtMost<SynonymRule, MAX_SYNONYMS>,
}

impl Body for SynonymsBody {}

/// `PUT /v1/synonyms`.
pub async fn put(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let body: SynonymsBody = call.body()?;
    let curator = call.kb().curator(&call.caller, &space(body.space, p.space)?)?;
    let (kb, now) = (call.kb().clone(), call.now);
    let work = move || kb.set_synonyms(&curator, body.items.0, now);
    let synonyms: Vec<Synonym> = call.state.writes.run(work).await?;
    Reply::ok(&Whole::of(synonyms))
}

/// `DELETE /v1/synonyms/{id}`.
pub async fn remove(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let id: SynonymId = call.part("id")?;
    let curator = call.kb().curator(&call.caller, &p.space.unwrap_or_else(SpaceId::default_space))?;
    let (kb, now) = (call.kb().clone(), call.now);
    let synonym: Synonym = call.state.writes.run(move || kb.remove_synonym(&curator, &id, now)).await?;
    Reply::ok(&synonym)
}

/// A rule to be tried.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TrySynonym")]
pub struct PreviewBody {
    /// The space; `default` unless given.
    #[serde(default)]
    space: Option<SpaceId>,
    /// The rule; nothing is stored.
    rule: SynonymRule,
    /// The queries to try it on; the latest logged ones unless given.
    #[serde(default)]
    queries: Option<AtMost<QueryText, MAX_PREVIEW>>,
    /// How many of the latest distinct logged queries; 100 unless given.
    #[serde(default)]
    last: Option<Between<1, { MAX_PREVIEW as u32 }>>,
}

impl Body for PreviewBody {}

/// `POST /v1/synonyms/preview`.
pub async fn preview(call: Call) -> Outcome {
    let p: InSpace = call.query()?;
    let body: PreviewBody = call.body()?;
    let trial = match (body.queries, body.last) {
        (Some(_), Some(_)) => return Err(Error::field("last", "give queries or last, not both").into()),
        (Some(queries), None) => Trial::Queries(queries.0),
        (None, last) => Trial::Latest(last.map_or(DEFAULT_PREVIEW, |n| n.0) as usize),
    };
    let curator = call.kb().curator(&call.caller, &space(body.space, p.space)?)?;
    let (kb, now) = (call.kb().clone(), call.now);
    let work = move || kb.preview_synonym(&curator, body.rule, trial, now);
    let preview: SynonymPreview = call.state.searches.run(work).await?;
    Reply::ok(&preview)
}
