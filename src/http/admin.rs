//! Spaces, keys and the audit log, over HTTP.
//!
//! Invariant: a key's secret stands in one answer only: the one that makes it.

use actix_web::http::{StatusCode, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::articles::{PageLimit, page_limit};
use super::body::Body;
use super::call::{Call, Outcome, Reply};
use super::fields::{Nothing, Whole};
use super::query::Query;
use crate::id::{KeyId, ModelName, SpaceId};
use crate::kb::{SpaceStats, VerifyReport};
use crate::model::account::{AuditEntry, KeyView, NewKey};
use crate::model::alert::AlertSettings;
use crate::model::page::Page;
use crate::model::space::{NumberForm, Privacy, Retention, Space, SpaceSettings};
use crate::model::text::{Label, Question};

impl Body for NewKey {}

/// A new key, with its secret.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CreatedKey {
    /// The key.
    #[serde(flatten)]
    key: KeyView,
    /// What to send as `Authorization: Bearer …`; shown this once (absent in a repeat of this answer).
    secret: Option<String>,
}

/// `GET /v1/keys`.
pub async fn list_keys(call: Call) -> Outcome {
    call.query::<Nothing>()?;
    let admin = call.kb().admin(&call.caller)?;
    let kb = call.kb().clone();
    let keys = call.state.searches.run(move || kb.list_keys(&admin)).await?;
    let views: Vec<KeyView> = keys.into_iter().map(KeyView::from).collect();
    Reply::ok(&Whole::of(views))
}

/// `POST /v1/keys`.
pub async fn create_key(call: Call) -> Outcome {
    call.query::<Nothing>()?;
    let admin = call.kb().admin(&call.caller)?;
    let key: NewKey = call.body()?;
    let (kb, now) = (call.kb().clone(), call.now);
    let (key, secret) = call.state.writes.run(move || kb.create_key(&admin, key, now)).await?;
    Reply::json(StatusCode::CREATED, &CreatedKey { key: key.into(), secret: Some(secret) })
}

/// `DELETE /v1/keys/{id}`.
pub async fn revoke_key(call: Call) -> Outcome {
    call.query::<Nothing>()?;
    let admin = call.kb().admin(&call.caller)?;
    let id: KeyId = call.part("id")?;
    let (kb, now) = (call.kb().clone(), call.now);
    let key = call.state.writes.run(move || kb.revoke_key(&admin, &id, now)).await?;
    Reply::ok(&KeyView::from(key))
}

/// `GET /v1/spaces`.
pub async fn list_spaces(call: Call) -> Outcome {
    call.query::<Nothing>()?;
    let admin = call.kb().admin(&call.caller)?;
    let kb = call.kb().clone();
    let spaces: Vec<Space> = call.state.searches.run(move || kb.list_spaces(&admin)).await?;
    Reply::ok(&Whole::of(spaces))
}

/// A new space.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewSpace")]
pub struct SpaceBody {
    /// Id.
    id: SpaceId,
    /// Name for people.
    name: Label,
    /// Settings.
    #[serde(default)]
    settings: SpaceSettings,
}

impl Body for SpaceBody {}

/// `POST /v1/spaces`.
pub async fn create_space(call: Call) -> Outcome {
    call.query::<Nothing>()?;
    let admin = call.kb().admin(&call.caller)?;
    let body: SpaceBody = call.body()?;
    let (kb, now) = (call.kb().clone(), call.now);
    let work = move || kb.create_space(&admin, body.id, body.name, body.settings, now);
    let space: Space = call.state.writes.run(work).await?;
    let place = format!("/v1/spaces/{}", space.id);
    Ok(Reply::json(StatusCode::CREATED, &space)?.with(header::LOCATION, &place))
}

/// `GET /v1/spaces/{id}`.
pub async fn get_space(call: Call) -> Outcome {
    call.query::<Nothing>()?;
    let admin = call.kb().admin(&call.caller)?;
    let id = call.part("id")?;
    let kb = call.kb().clone();
    let space: Space = call.state.searches.run(move || kb.get_space(&admin, &id)).await?;
    Reply::ok(&space)
}

/// Settings to change; what is not given stays.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SettingsChange {
    /// Confidence from which a query counts as matched, in [0, 1]; `null` for the engine's own.
    #[serde(deserialize_with = "given")]
    threshold: Option<Option<f64>>,
    /// Whether only approved versions may be published.
    require_review: Option<bool>,
    /// Whether who approves may not be who wrote.
    four_eyes: Option<bool>,
    /// Whether searches without a key may read the public articles.
    public_search: Option<bool>,
    /// Embedding model, by its name in `GET /v1/models`; `null` for the server's. The index is built anew with it
    /// while the old one serves.
    #[serde(deserialize_with = "given")]
    model: Option<Option<ModelName>>,
    /// Reranker, by its name; `null` for the server's, `none` for none.
    #[serde(deserialize_with = "given")]
    reranker: Option<Option<ModelName>>,
    /// Share of a gap's questions that must be answered for it to close, in (0, 1]; `null` for 0.8.
    #[serde(deserialize_with = "given")]
    gap_bar: Option<Option<f64>>,
    /// Short examples of what customers ask that is other business, in any language, at most 200: unanswered questions
    /// near to one get the cause `out_of_scope`. All of them; what was there before goes.
    out_of_scope: Option<Vec<Question>>,
    /// Which figures raise alerts, as a whole: what is not given in it is as by default.
    alerts: Option<AlertSettings>,
    /// How long what customers typed is kept.
    retention: RetentionChange,
    /// What is masked of it besides what always is.
    privacy: PrivacyChange,
}

/// For how many days texts are kept; 0 keeps them for ever, and what is not given stays.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionChange {
    /// Turns of conversations.
    turns_days: Option<u32>,
    /// Records of searches, answers and questions.
    queries_days: Option<u32>,
    /// Feedback.
    feedback_days: Option<u32>,
}

/// Which numbers are masked; what is not given stays.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PrivacyChange {
    /// Numbers of orders and parcels, known by what stands before them or by their form.
    orders: Option<bool>,
    /// Forms of the space's own numbers: `#` a digit, `?` a letter, `*` either, `{n}` or `{n,m}` how often.
    patterns: Option<Vec<NumberForm>>,
}

/// Tells `null` from a field that is not there.
fn given<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl SettingsChange {
    fn apply(self, settings: SpaceSettings) -> SpaceSettings {
        SpaceSettings {
            threshold: self.threshold.unwrap_or(settings.threshold),
            require_review: self.require_review.unwrap_or(settings.require_review),
            four_eyes: self.four_eyes.unwrap_or(settings.four_eyes),
            public_search: self.public_search.unwrap_or(settings.public_search),
            model: self.model.unwrap_or(settings.model),
            reranker: self.reranker.unwrap_or(settings.reranker),
            gap_bar: self.gap_bar.unwrap_or(settings.gap_bar),
            out_of_scope: self.out_of_scope.unwrap_or(settings.out_of_scope),
            retention: Retention {
                turns_days: self.retention.turns_days.unwrap_or(settings.retention.turns_days),
                queries_days: self.retention.queries_days.unwrap_or(settings.retention.queries_days),
                feedback_days: self.retention.feedback_days.unwrap_or(settings.retention.feedback_days),
            },
            privacy: Privacy {
                orders: self.privacy.orders.unwrap_or(settings.privacy.orders),
                patterns: self.privacy.patterns.unwrap_or(settings.privacy.patterns),
            },
            alerts: self.alerts.unwrap_or(settings.alerts),
        }
    }
}

/// What to change in a space; what is not given stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpaceChange {
    /// Name for people.
    #[serde(default)]
    name: Option<Label>,
    /// Settings.
    #[serde(default)]
    settings: Option<SettingsChange>,
}

impl Body for SpaceChange {}

/// `PATCH /v1/spaces/{id}`.
pub async fn update_space(call: Call) -> Outcome {
    call.query::<Nothing>()?;
    let admin = call.kb().admin(&call.caller)?;
    let id: SpaceId = call.part("id")?;
    let body: SpaceChange = call.body()?;
    let (kb, now) = (call.kb().clone(), call.now);
    let work = move || {
        let settings = match body.settings {
            Some(change) => Some(change.apply(kb.get_space(&admin, &id)?.settings)),
            None => None,
        };
        kb.update_space(&admin, &id, body.name, settings, now)
    };
    let space: Space = call.state.writes.run(work).await?;
    Reply::ok(&space)
}

/// `GET /v1/spaces/{id}/stats`.
pub async fn space_stats(call: Call) -> Outcome {
    call.query::<Nothing>()?;
    let admin = call.kb().admin(&call.caller)?;
    let id = call.part("id")?;
    let kb = call.kb().clone();
    let stats: SpaceStats = call.state.searches.run(move || kb.space_stats(&admin, &id)).await?;
    Reply::ok(&stats)
}

/// `POST /v1/spaces/{id}/verify`.
pub async fn verify_space(call: Call) -> Outcome {
    call.query::<Nothing>()?;
    let admin = call.kb().admin(&call.caller)?;
    let id = call.part("id")?;
    let kb = call.kb().clone();
    let report: VerifyReport = call.state.bulk.run(move || kb.verify_index(&admin, &id)).await?;
    Reply::ok(&report)
}

/// `POST /v1/spaces/{id}/reindex`.
pub async fn reindex_space(call: Call) -> Outcome {
    call.query::<Nothing>()?;
    let admin = call.kb().admin(&call.caller)?;
    let id = call.part("id")?;
    let (kb, now) = (call.kb().clone(), call.now);
    call.state.bulk.run(move || kb.reindex(&admin, &id, now)).await?;
    Ok(Reply::empty(StatusCode::ACCEPTED))
}

/// Parameters of `GET /v1/audit`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditParameters {
    /// Only of this space.
    space: Option<SpaceId>,
    /// Items of the page; 20 unless given.
    limit: Option<PageLimit>,
    /// Where to read on: `next_cursor` of the page before.
    cursor: Option<String>,
}

impl Body for AuditParameters {
    const QUERY: bool = true;
}
impl Query for AuditParameters {}

/// `GET /v1/audit`.
pub async fn audit(call: Call) -> Outcome {
    let p: AuditParameters = call.query()?;
    let admin = call.kb().admin(&call.caller)?;
    let (kb, limit) = (call.kb().clone(), page_limit(p.limit));
    let work = move || kb.audit(&admin, p.space.as_ref(), limit, p.cursor.as_deref());
    let page: Page<AuditEntry> = call.state.searches.run(work).await?;
    Reply::ok(&page)
}
