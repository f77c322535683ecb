//! Every path of the API, on one page.
//!
//! Invariant: this table registers the paths and describes them; there is no other list.

use actix_web::http::Method;

use super::alerts::{self, AlertParameters, WebhookBody};
use super::analytics::{self, AnalyticsParameters};
use super::answers::{self, AnswerBody, FeedbackBody};
use super::articles::{self, DiffParameters, ListParameters, ReadParameters};
use super::classify::{self, ClassifyBody, EXAMPLE_TYPES};
use super::edits::{self, ActionBody, CreateBody, PublishBody, RollbackBody, SaveBody, WriteParameters};
use super::exchange::{self, ExportParameters, IMPORT_TYPES, ImportParameters};
use super::fields::{InSpace, Whole};
use super::gaps::{self, DismissBody, DraftBody, DraftedGap, GapArticle, LinkBody, MergeBody, SplitBody};
use super::interactions::{self, INTERACTION_TYPES, InteractionParameters};
use super::route::{Access, Route};
use super::search::{
    self, BatchBody, BatchResponse, RelatedParameters, SearchBody, SearchParameters, SimilarBody, SuggestParameters,
};
use super::{
    admin, assets, curation, duplicates, erase, golden, health, metrics, models, pins, preview, synonyms, tasks,
};
use crate::kb::{SpaceStats, VerifyReport, VersionSummary};
use crate::model::account::{AuditEntry, KeyView, NewKey, Scope};
use crate::model::alert::{Alert, WebhookView};
use crate::model::analytics::{ArticleReport, ChannelReport, CoverageReport, QuestionReport, TopicReport};
use crate::model::answer::AnswerResponse;
use crate::model::article::{ArticleView, Publication};
use crate::model::classify::{ClassifierView, ClassifyResponse};
use crate::model::diff::Diff;
use crate::model::duplicate::DuplicatePair;
use crate::model::erasure::ErasureReport;
use crate::model::exchange::ImportReport;
use crate::model::forecast::ForecastReport;
use crate::model::gap::{ConsolidationReport, GapView, Pareto};
use crate::model::golden::{Golden, GoldenImport, GoldenRun, GoldenView, Replay};
use crate::model::interaction::{ConversationBatch, IntakeReport, Overview};
use crate::model::models::{ModelView, PullOrder};
use crate::model::page::Page;
use crate::model::pin::Pin;
use crate::model::preview::Preview;
use crate::model::search::{SearchResponse, SimilarResponse, SuggestResponse};
use crate::model::space::{DictionaryWord, Space};
use crate::model::synonym::{Synonym, SynonymPreview};
use crate::model::task::TaskView;

const OPEN: Access = Access::Open;
const SEARCH: Access = Access::Scope(Scope::Search);
const READ: Access = Access::Scope(Scope::ArticlesRead);
const WRITE: Access = Access::Scope(Scope::ArticlesWrite);
const PUBLISH: Access = Access::Scope(Scope::ArticlesPublish);
const GAPS: Access = Access::Scope(Scope::Gaps);
const CURATE: Access = Access::Scope(Scope::Curate);
const INTERACTIONS: Access = Access::Scope(Scope::Interactions);
const ANALYTICS: Access = Access::Scope(Scope::Analytics);
const METRICS: Access = Access::Scope(Scope::Metrics);
const ADMIN: Access = Access::Scope(Scope::Admin);

/// Every route.
pub fn all() -> Vec<Route> {
    [
        searching(),
        reading(),
        editing(),
        exchanging(),
        taking_in(),
        working_gaps(),
        curating(),
        administering(),
        watching(),
        showing(),
    ]
    .concat()
}

fn get<H, F>(path: &'static str, access: Access, summary: &'static str, handler: H) -> Route
where
    H: Fn(super::call::Call) -> F + Send + Sync + 'static,
    F: Future<Output = super::call::Outcome> + 'static,
{
    Route::new(Method::GET, path, access, summary, handler)
}

fn post<H, F>(path: &'static str, access: Access, summary: &'static str, handler: H) -> Route
where
    H: Fn(super::call::Call) -> F + Send + Sync + 'static,
    F: Future<Output = super::call::Outcome> + 'static,
{
    Route::new(Method::POST, path, access, summary, handler)
}

fn put<H, F>(path: &'static str, access: Access, summary: &'static str, handler: H) -> Route
where
    H: Fn(super::call::Call) -> F + Send + Sync + 'static,
    F: Future<Output = super::call::Outcome> + 'static,
{
    Route::new(Method::PUT, path, access, summary, handler)
}

#[rustfmt::skip]
fn searching() -> Vec<Route> {
    vec![
        post("/v1/search", SEARCH, "Search the live articles", search::search)
            .query::<InSpace>().body::<SearchBody>().gives::<SearchResponse>(200).replay_masked(),
        get("/v1/search", SEARCH, "Search, for simple callers", search::search_by_url)
            .query::<SearchParameters>().gives::<SearchResponse>(200),
        post("/v1/search/batch", SEARCH, "Several searches at once", search::batch)
            .query::<InSpace>().body::<BatchBody>().gives::<BatchResponse>(200).replay_masked(),
        get("/v1/suggest", SEARCH, "Complete titles and known questions while typing", search::suggest)
            .query::<SuggestParameters>().gives::<SuggestResponse>(200),
        post("/v1/similar", SEARCH, "Articles near a longer text", search::similar)
            .query::<InSpace>().body::<SimilarBody>().gives::<SimilarResponse>(200),
        get("/v1/articles/{id}/related", SEARCH, "Articles near an article", search::related)
            .query::<RelatedParameters>().gives::<SimilarResponse>(200),
        post("/v1/answer", SEARCH, "Answer a question, with its sources", answers::answer)
            .query::<InSpace>().body::<AnswerBody>().gives::<AnswerResponse>(200).sends(200, answers::EVENT_STREAM).replay_masked(),
        post("/v1/classify", SEARCH, "Say which label texts have, or that they have none", classify::classify)
            .query::<InSpace>().body::<ClassifyBody>().gives::<ClassifyResponse>(200).without_deadline(),
        post("/v1/feedback", SEARCH, "Say whether an answer or a search helped", answers::feedback)
            .query::<InSpace>().body::<FeedbackBody>().sends(202, ""),
    ]
}

#[rustfmt::skip]
fn reading() -> Vec<Route> {
    vec![
        get("/v1/articles", READ, "List articles", articles::list)
            .query::<ListParameters>().gives::<Page<ArticleView>>(200),
        get("/v1/articles/{id}", READ, "Read an article", articles::get)
            .query::<ReadParameters>().gives::<ArticleView>(200),
        get("/v1/articles/{id}/versions", READ, "List an article's versions", articles::versions)
            .query::<InSpace>().gives::<Whole<VersionSummary>>(200),
        get("/v1/articles/{id}/versions/{n}", READ, "Read a version", articles::version)
            .query::<InSpace>().gives::<ArticleView>(200),
        get("/v1/articles/{id}/diff", READ, "Compare two versions by line and by word", articles::diff)
            .query::<DiffParameters>().gives::<Diff>(200),
        get("/v1/articles/{id}/publications", READ, "When which version was live, by whom and why", articles::publications)
            .query::<InSpace>().gives::<Whole<Publication>>(200),
    ]
}

#[rustfmt::skip]
fn editing() -> Vec<Route> {
    let action = |path, access, summary, handler: fn(super::call::Call) -> futures_util::future::LocalBoxFuture<'static, super::call::Outcome>| {
        post(path, access, summary, handler).query::<WriteParameters>().body::<ActionBody>().gives::<ArticleView>(200).if_match()
    };
    vec![
        post("/v1/articles", WRITE, "Make an article, as a draft or published at once", edits::create)
            .query::<WriteParameters>().body::<CreateBody>().gives::<ArticleView>(201),
        put("/v1/articles/{id}", WRITE, "Save a new version (needs If-Match or expected_version)", edits::save)
            .query::<WriteParameters>().body::<SaveBody>().gives::<ArticleView>(200).if_match(),
        action("/v1/articles/{id}/submit", WRITE, "Hand the latest version in for review", |c| Box::pin(edits::submit(c))),
        action("/v1/articles/{id}/approve", PUBLISH, "Approve the version in review", |c| Box::pin(edits::approve(c))),
        action("/v1/articles/{id}/reject", PUBLISH, "Send the version in review back", |c| Box::pin(edits::reject(c))),
        post("/v1/articles/{id}/publish", PUBLISH, "Make a version live, now or later", edits::publish)
            .query::<WriteParameters>().body::<PublishBody>().gives::<ArticleView>(200).if_match(),
        action("/v1/articles/{id}/unpublish", PUBLISH, "Take the live version out of search", |c| Box::pin(edits::unpublish(c))),
        action("/v1/articles/{id}/archive", PUBLISH, "Put the article away; its history stays", |c| Box::pin(edits::archive(c))),
        action("/v1/articles/{id}/restore", PUBLISH, "Bring an archived article back, as a draft", |c| Box::pin(edits::restore(c))),
        post("/v1/articles/{id}/rollback", PUBLISH, "Publish a new version equal to an earlier one (needs If-Match or expected_version)", edits::rollback)
            .query::<WriteParameters>().body::<RollbackBody>().gives::<ArticleView>(200).if_match(),
        post("/v1/articles/{id}/preview", WRITE, "Show what publishing a version would change for recent and golden queries", preview::preview)
            .query::<InSpace>().body::<preview::PreviewBody>().gives::<Preview>(200).not_kept().without_deadline(),
        action("/v1/articles/{id}/verify", PUBLISH, "Say that the live version is still true", |c| Box::pin(edits::verify(c))),
    ]
}

#[rustfmt::skip]
fn exchanging() -> Vec<Route> {
    vec![
        post("/v1/import", WRITE, "Import articles; Idempotency-Key is not heeded: importing the same again changes nothing", exchange::import)
            .query::<ImportParameters>().streams_in(IMPORT_TYPES).gives::<ImportReport>(200),
        get("/v1/export", READ, "Export everything, versions included", exchange::export)
            .query::<ExportParameters>().sends(200, "application/x-ndjson").without_deadline(),
    ]
}

#[rustfmt::skip]
fn taking_in() -> Vec<Route> {
    vec![
        post("/v1/interactions", INTERACTIONS, "Hand in conversations; handing the same in again changes nothing", interactions::take_in)
            .query::<InteractionParameters>().body::<ConversationBatch>().streams_in(INTERACTION_TYPES).gives::<IntakeReport>(200).replay_masked(),
        get("/v1/analytics/overview", ANALYTICS, "What came in, and how much of it the knowledge answers", analytics::overview)
            .query::<AnalyticsParameters>().gives::<Overview>(200),
        get("/v1/analytics/questions", ANALYTICS, "What is asked most, and what is asked more or less than before", analytics::questions)
            .query::<AnalyticsParameters>().gives::<QuestionReport>(200),
        get("/v1/analytics/topics", ANALYTICS, "The words of what is asked, weighed for a cloud", analytics::topics)
            .query::<AnalyticsParameters>().gives::<TopicReport>(200),
        get("/v1/analytics/articles", ANALYTICS, "How useful articles are, and which are never hit or stale", analytics::articles)
            .query::<AnalyticsParameters>().gives::<ArticleReport>(200),
        get("/v1/analytics/channels", ANALYTICS, "What came in through each channel, hand-offs and repeated questions", analytics::channels)
            .query::<AnalyticsParameters>().gives::<ChannelReport>(200),
        get("/v1/analytics/coverage", ANALYTICS, "The share of demand that is answered, the gain from closed gaps, open gaps", analytics::coverage)
            .query::<AnalyticsParameters>().gives::<CoverageReport>(200),
        get("/v1/analytics/forecast", ANALYTICS, "The volume of the next 48 hours, with the error that such forecasts had lately", analytics::forecast)
            .query::<AnalyticsParameters>().gives::<ForecastReport>(200),
        get("/v1/analytics/alerts", ANALYTICS, "Alerts that the space's rules raised, and how far their delivery is", alerts::list)
            .query::<AlertParameters>().gives::<Page<Alert>>(200),
    ]
}

#[rustfmt::skip]
fn working_gaps() -> Vec<Route> {
    vec![
        get("/v1/tasks", WRITE, "List articles that got low ratings or hand-offs, for review", tasks::list)
            .query::<tasks::ListParameters>().gives::<Page<TaskView>>(200),
        post("/v1/tasks/{id}/close", WRITE, "Close the review task of an article", tasks::close)
            .query::<InSpace>().body::<tasks::CloseBody>().gives::<TaskView>(200),
        get("/v1/gaps", GAPS, "List what could not be answered", gaps::list)
            .query::<gaps::ListParameters>().gives::<Page<GapView>>(200),
        post("/v1/gaps/replay", GAPS, "Ask the questions of gaps that have an article, and the golden queries, again, now", gaps::replay)
            .query::<InSpace>().gives::<Replay>(200).without_deadline(),
        post("/v1/gaps/consolidate", GAPS, "Group what could not be answered anew, now", gaps::consolidate)
            .query::<InSpace>().gives::<ConsolidationReport>(200),
        get("/v1/gaps/pareto", GAPS, "The fewest gaps that cover a share of what is not answered", gaps::pareto)
            .query::<gaps::ParetoParameters>().gives::<Pareto>(200),
        get("/v1/gaps/{id}", GAPS, "Read a gap", gaps::get).query::<InSpace>().gives::<GapView>(200),
        post("/v1/gaps/{id}/dismiss", GAPS, "Set a gap aside", gaps::dismiss)
            .query::<InSpace>().body::<DismissBody>().gives::<GapView>(200),
        post("/v1/gaps/{id}/draft", GAPS, "Make a draft article of a gap (also needs articles:write)", gaps::draft)
            .query::<InSpace>().body::<DraftBody>().gives::<DraftedGap>(201).without_deadline(),
        post("/v1/gaps/{id}/link", GAPS, "Add a gap's questions to an article, as a draft version (also needs articles:write)", gaps::link)
            .query::<InSpace>().body::<LinkBody>().gives::<GapArticle>(200),
        post("/v1/gaps/{id}/merge", GAPS, "Make one gap of several", gaps::merge)
            .query::<InSpace>().body::<MergeBody>().gives::<GapView>(200),
        post("/v1/gaps/{id}/split", GAPS, "Take wordings out of a gap, as a gap of their own", gaps::split)
            .query::<InSpace>().body::<SplitBody>().gives::<GapView>(201),
        post("/v1/gaps/{id}/reopen", GAPS, "Open a gap again", gaps::reopen)
            .query::<InSpace>().gives::<GapView>(200),
        get("/v1/dictionary", CURATE, "Read the space's own words", curation::get)
            .query::<InSpace>().gives::<Whole<DictionaryWord>>(200),
        put("/v1/dictionary", CURATE, "Replace the space's own words", curation::put)
            .query::<InSpace>().body::<curation::DictionaryBody>().gives::<Whole<DictionaryWord>>(200),
        get("/v1/classifiers", CURATE, "List the space's classifiers", classify::list)
            .query::<InSpace>().gives::<Whole<ClassifierView>>(200),
        get("/v1/classifiers/{name}", CURATE, "Read a classifier: its labels and how many examples they have", classify::get)
            .query::<InSpace>().gives::<ClassifierView>(200),
        put("/v1/classifiers/{name}", CURATE, "Make a classifier of labelled examples, or replace its examples", classify::put)
            .query::<InSpace>().streams_in(EXAMPLE_TYPES).gives::<ClassifierView>(200),
        Route::new(Method::DELETE, "/v1/classifiers/{name}", CURATE, "Remove a classifier", classify::delete)
            .query::<InSpace>().gives::<ClassifierView>(200),
    ]
}

#[rustfmt::skip]
fn curating() -> Vec<Route> {
    vec![
        get("/v1/golden", CURATE, "List the golden queries and how they stand", golden::list)
            .query::<golden::ListParameters>().gives::<Page<GoldenView>>(200),
        post("/v1/golden", CURATE, "Say what must come of a query", golden::add)
            .query::<InSpace>().body::<golden::GoldenBody>().gives::<Golden>(201),
        post("/v1/golden/import", CURATE, "Add or replace many golden queries, all of them or none", golden::import)
            .query::<InSpace>().body::<golden::ImportBody>().gives::<GoldenImport>(200),
        post("/v1/golden/run", CURATE, "Ask every golden query and say which come out as expected", golden::run)
            .query::<InSpace>().gives::<GoldenRun>(200).without_deadline(),
        get("/v1/golden/{id}", CURATE, "Read a golden query", golden::get).query::<InSpace>().gives::<GoldenView>(200),
        put("/v1/golden/{id}", CURATE, "Replace what is said about a golden query", golden::set)
            .query::<InSpace>().body::<golden::GoldenBody>().gives::<Golden>(200),
        Route::new(Method::DELETE, "/v1/golden/{id}", CURATE, "Take a golden query away", golden::remove)
            .query::<InSpace>().sends(204, ""),
        get("/v1/duplicates", CURATE, "List pairs of live articles that say the same", duplicates::list)
            .query::<duplicates::DuplicateParameters>().gives::<Whole<DuplicatePair>>(200).without_deadline(),
        get("/v1/pins", CURATE, "List the pins", pins::list).query::<pins::ListParameters>().gives::<Page<Pin>>(200),
        post("/v1/pins", CURATE, "Pin articles to a query: first, never or instead of all others", pins::add)
            .query::<InSpace>().body::<pins::PinBody>().gives::<Pin>(201),
        get("/v1/pins/{id}", CURATE, "Read a pin", pins::get).query::<InSpace>().gives::<Pin>(200),
        put("/v1/pins/{id}", CURATE, "Replace a pin", pins::set)
            .query::<InSpace>().body::<pins::PinBody>().gives::<Pin>(200),
        Route::new(Method::DELETE, "/v1/pins/{id}", CURATE, "Take a pin away", pins::remove)
            .query::<InSpace>().sends(204, ""),
        get("/v1/synonyms", CURATE, "List the space's synonyms", synonyms::list)
            .query::<InSpace>().gives::<Whole<Synonym>>(200),
        post("/v1/synonyms", CURATE, "Add a synonym; it counts from the next search on", synonyms::add)
            .query::<InSpace>().body::<synonyms::SynonymBody>().gives::<Synonym>(201),
        put("/v1/synonyms", CURATE, "Replace the space's synonyms", synonyms::put)
            .query::<InSpace>().body::<synonyms::SynonymsBody>().gives::<Whole<Synonym>>(200),
        post("/v1/synonyms/preview", CURATE, "Show what a synonym would change, on given or logged queries", synonyms::preview)
            .query::<InSpace>().body::<synonyms::PreviewBody>().gives::<SynonymPreview>(200).not_kept(),
        Route::new(Method::DELETE, "/v1/synonyms/{id}", CURATE, "Take a synonym away", synonyms::remove)
            .query::<InSpace>().gives::<Synonym>(200),
    ]
}

#[rustfmt::skip]
fn administering() -> Vec<Route> {
    vec![
        get("/v1/spaces", ADMIN, "List spaces", admin::list_spaces).gives::<Whole<Space>>(200),
        post("/v1/spaces", ADMIN, "Make a space", admin::create_space).body::<admin::SpaceBody>().gives::<Space>(201),
        get("/v1/spaces/{id}", ADMIN, "Read a space", admin::get_space).gives::<Space>(200),
        Route::new(Method::PATCH, "/v1/spaces/{id}", ADMIN, "Change a space's name or settings", admin::update_space)
            .body::<admin::SpaceChange>().gives::<Space>(200),
        get("/v1/spaces/{id}/stats", ADMIN, "Figures of a space", admin::space_stats).gives::<SpaceStats>(200),
        post("/v1/spaces/{id}/verify", ADMIN, "Check the store against the index", admin::verify_space)
            .gives::<VerifyReport>(200).without_deadline(),
        post("/v1/spaces/{id}/reindex", ADMIN, "Build the space's index anew", admin::reindex_space)
            .sends(202, "").without_deadline(),
        get("/v1/spaces/{id}/webhook", ADMIN, "Where a space's alerts are sent", alerts::get_webhook).gives::<WebhookView>(200),
        put("/v1/spaces/{id}/webhook", ADMIN, "Send a space's alerts somewhere; the secret they are signed with is shown once", alerts::set_webhook)
            .body::<WebhookBody>().gives::<WebhookView>(200),
        Route::new(Method::DELETE, "/v1/spaces/{id}/webhook", ADMIN, "Send a space's alerts nowhere", alerts::remove_webhook).sends(204, ""),
        get("/v1/keys", ADMIN, "List API keys", admin::list_keys).gives::<Whole<KeyView>>(200),
        post("/v1/keys", ADMIN, "Make an API key; its secret is shown once", admin::create_key)
            .body::<NewKey>().gives::<admin::CreatedKey>(201).replay_without("secret"),
        Route::new(Method::DELETE, "/v1/keys/{id}", ADMIN, "Take an API key back", admin::revoke_key).gives::<KeyView>(200),
        get("/v1/models", ADMIN, "List embedding models and rerankers", models::list).gives::<Whole<ModelView>>(200),
        post("/v1/models", ADMIN, "Fetch a model from a hub, in the background", models::pull)
            .body::<PullOrder>().gives::<ModelView>(202),
        get("/v1/models/{id}", ADMIN, "Read a model, and how far fetching it is", models::get).gives::<ModelView>(200),
        Route::new(Method::DELETE, "/v1/models/{id}", ADMIN, "Remove a model that was fetched", models::remove).sends(204, ""),
        post("/v1/erase", ADMIN, "Take away everything that is held of a session or a customer", erase::erase)
            .body::<erase::EraseBody>().gives::<ErasureReport>(200).without_deadline(),
        get("/v1/audit", ADMIN, "Read the audit log", admin::audit)
            .query::<admin::AuditParameters>().gives::<Page<AuditEntry>>(200),
    ]
}

#[rustfmt::skip]
fn watching() -> Vec<Route> {
    vec![
        get("/healthz", OPEN, "Whether the server lives", health::alive).gives::<health::Health>(200),
        get("/readyz", OPEN, "Whether the server is ready, and what is missing", health::ready)
            .gives::<health::Health>(200).gives::<health::Health>(503),
        get("/metrics", METRICS, "Figures for Prometheus", metrics::metrics).sends(200, metrics::CONTENT_TYPE),
    ]
}

#[rustfmt::skip]
fn showing() -> Vec<Route> {
    vec![
        get("/openapi.json", OPEN, "This contract", assets::openapi).sends(200, "application/json"),
        get("/docs", OPEN, "This contract, to read", assets::docs).sends(200, "text/html"),
        get("/", OPEN, "A page to ask questions", assets::first_page).sends(200, "text/html"),
        get("/web/page.js", OPEN, "Script of the page", assets::page_script).sends(200, "text/javascript"),
        get("/web/labels.js", OPEN, "Labels of the page", assets::labels_script).sends(200, "text/javascript"),
        get("/web/docs.js", OPEN, "Script of the contract's page", assets::docs_script).sends(200, "text/javascript"),
        get("/web/page.css", OPEN, "Style of the pages", assets::style).sends(200, "text/css"),
    ]
}
