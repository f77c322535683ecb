//! What can be done with the knowledge: the use cases, one file a noun.
//!
//! Invariant: every method that needs a permission takes its proof, and only [`accounts`] makes proofs.

use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
pub use zhiyin_index::Filter;

use crate::error::Result;
use crate::id::{ArticleId, GapId, KeyId, QueryId, SpaceId};
use crate::model::account::{AuditEntry, Key, NewKey, Scope};
use crate::model::answer::{AnswerRequest, AnswerResponse};
use crate::model::article::{ArticleView, Audience, Content, Publication, Status};
use crate::model::diff::Diff;
use crate::model::exchange::{Format, ImportReport};
use crate::model::gap::{GapStatus, GapView};
use crate::model::lifecycle::Action;
use crate::model::page::Page;
use crate::model::search::{SearchRequest, SearchResponse, SimilarResponse, SuggestResponse};
use crate::model::space::{DictionaryWord, Space, SpaceSettings};
use crate::model::text::{Label, LongText, Note, QueryText};

/// How the use cases are set; made by `config.rs` and handed in.
#[derive(Debug, Clone)]
pub struct KbSettings {
    /// Where everything is kept.
    pub data_dir: std::path::PathBuf,
    /// Bytes of the store's page cache.
    pub store_cache_bytes: u64,
    /// Dirty articles taken into one index commit.
    pub index_batch: usize,
    /// Longest time a query record may wait for its sync.
    pub query_log_interval: std::time::Duration,
    /// Secret of the first admin key, where the operator sets it.
    pub admin_secret: Option<String>,
}

/// The handle of everything; cloning it is cheap.
#[derive(Clone)]
pub struct Kb {
    inner: Arc<()>,
}

/// Who calls: an authenticated key, or nobody.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The key; absent for a caller without one.
    pub key: Option<Key>,
}

/// What a proof holds: where, whose articles, who.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The space.
    pub space: SpaceId,
    /// Whose articles the caller may see.
    pub audiences: Vec<Audience>,
    /// Name of the key, for authorship and audit.
    pub actor: String,
}

macro_rules! proofs {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(Grant);

        impl $name {
            /// Where, whose articles, who.
            pub fn grant(&self) -> &Grant {
                &self.0
            }
        }
    )*};
}

proofs! {
    /// May search and ask (scope `search`, or a space open to the public).
    Reader;
    /// May read articles with their history (scope `articles:read`).
    Historian;
    /// May write versions (scope `articles:write`).
    Editor;
    /// May change what is live (scope `articles:publish`).
    Publisher;
    /// May read and work gaps (scope `gaps`).
    GapKeeper;
    /// May set a space's dictionary (scope `curate`).
    Curator;
}

/// May do everything everywhere (scope `admin`).
#[derive(Debug, Clone)]
pub struct Admin {
    actor: String,
}

/// How a write ends: the article now, shown at the version it concerns.
pub type Written = ArticleView;

/// Which version is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Wanted {
    /// The live one.
    Live,
    /// The newest one.
    Latest,
    /// This one.
    Number(u32),
    /// The one that was live then.
    AsOf(Timestamp),
}

/// Which articles a list shows, and how.
#[derive(Debug, Clone, Default)]
pub struct ArticleQuery {
    /// Only in this state.
    pub status: Option<Status>,
    /// Only in or under this category.
    pub category: Option<String>,
    /// Only with this tag.
    pub tag: Option<String>,
    /// Only of this owner.
    pub owner: Option<String>,
    /// Only in this language.
    pub language: Option<crate::model::article::Language>,
    /// Only due for review before.
    pub review_due_before: Option<Timestamp>,
    /// Only with these words in title or id (substring, folded).
    pub q: Option<String>,
    /// Order.
    pub sort: ArticleSort,
    /// Items of the page, 1 to `MAX_PAGE`.
    pub limit: usize,
    /// Where to read on.
    pub cursor: Option<String>,
}

/// Order of a list of articles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ArticleSort {
    /// By id.
    #[default]
    Id,
    /// Latest change first.
    UpdatedDesc,
    /// First created first.
    CreatedAsc,
    /// By title.
    Title,
    /// Review due first.
    ReviewDueAsc,
}

/// What a version's list entry shows.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct VersionSummary {
    /// 1, 2, 3 …
    pub version: u32,
    /// Title.
    pub title: String,
    /// Why.
    pub note: Option<Note>,
    /// Who.
    pub author: String,
    /// When.
    pub created_at: Timestamp,
    /// Whether it is live now.
    pub live: bool,
}

/// Feedback to record.
#[derive(Debug, Clone, Default)]
pub struct NewFeedback {
    /// Whether it helped.
    pub helpful: Option<bool>,
    /// 1 to 5.
    pub csat: Option<u8>,
    /// 1 to 7.
    pub ces: Option<u8>,
    /// The article meant.
    pub article_id: Option<ArticleId>,
    /// In words; masked before it is kept.
    pub comment: Option<String>,
}

/// What the store and the index say about each other.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct VerifyReport {
    /// Space.
    pub space: SpaceId,
    /// Articles in the store.
    pub articles: u64,
    /// Articles that are live in the store.
    pub live: u64,
    /// Documents in the live index.
    pub indexed: u64,
    /// Articles still waiting for the index.
    pub pending: u64,
    /// What differs, one line a difference; empty when all is well.
    pub differences: Vec<String>,
}

/// Figures of a space for operators.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SpaceStats {
    /// Space.
    pub space: SpaceId,
    /// Articles in the store.
    pub articles: u64,
    /// Documents in the live index.
    pub documents: u64,
    /// Passages in the live index.
    pub passages: u64,
    /// Documents in the history index.
    pub history_documents: u64,
    /// Articles waiting for the index.
    pub pending: u64,
    /// Embedding model in use.
    pub model: String,
}

/// What was stored for an idempotency key.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct StoredResponse {
    /// Status code as the caller of the store understands it.
    pub status: u16,
    /// Headers to repeat.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: String,
}

#[expect(unused_variables, clippy::todo, missing_docs, reason = "the skeleton others compile against")]
impl Kb {
    /// Opens (or makes) the data directory, brings indexes up to date, starts the workers.
    /// Returns the secret of the first admin key when it made one.
    pub fn open(settings: KbSettings, now: Timestamp) -> Result<(Kb, Option<String>)> { todo!() }
    /// Stops the workers after their current batch, flushes and syncs everything.
    pub fn close(&self) { todo!() }

    // accounts.rs
    pub fn caller(&self, secret: Option<&str>, now: Timestamp) -> Result<Caller> { todo!() }
    pub fn reader(&self, caller: &Caller, space: &SpaceId) -> Result<Reader> { todo!() }
    pub fn historian(&self, caller: &Caller, space: &SpaceId) -> Result<Historian> { todo!() }
    pub fn editor(&self, caller: &Caller, space: &SpaceId) -> Result<Editor> { todo!() }
    pub fn publisher(&self, caller: &Caller, space: &SpaceId) -> Result<Publisher> { todo!() }
    pub fn gap_keeper(&self, caller: &Caller, space: &SpaceId) -> Result<GapKeeper> { todo!() }
    pub fn curator(&self, caller: &Caller, space: &SpaceId) -> Result<Curator> { todo!() }
    pub fn admin(&self, caller: &Caller) -> Result<Admin> { todo!() }
    /// For scopes without a space, such as `metrics`.
    pub fn allows(&self, caller: &Caller, scope: Scope) -> Result<()> { todo!() }
    pub fn create_key(&self, admin: &Admin, key: NewKey, now: Timestamp) -> Result<(Key, String)> { todo!() }
    pub fn list_keys(&self, admin: &Admin) -> Result<Vec<Key>> { todo!() }
    pub fn revoke_key(&self, admin: &Admin, id: &KeyId, now: Timestamp) -> Result<Key> { todo!() }
    pub fn audit(&self, admin: &Admin, space: Option<&SpaceId>, limit: usize, cursor: Option<&str>) -> Result<Page<AuditEntry>> { todo!() }
    /// Whether any valid key allows this web origin (for CORS).
    pub fn origin_allowed(&self, origin: &str, now: Timestamp) -> bool { todo!() }

    // spaces.rs
    pub fn create_space(&self, admin: &Admin, id: SpaceId, name: Label, settings: SpaceSettings, now: Timestamp) -> Result<Space> { todo!() }
    pub fn list_spaces(&self, admin: &Admin) -> Result<Vec<Space>> { todo!() }
    pub fn get_space(&self, admin: &Admin, id: &SpaceId) -> Result<Space> { todo!() }
    pub fn update_space(&self, admin: &Admin, id: &SpaceId, name: Option<Label>, settings: Option<SpaceSettings>, now: Timestamp) -> Result<Space> { todo!() }
    pub fn space_stats(&self, admin: &Admin, id: &SpaceId) -> Result<SpaceStats> { todo!() }
    pub fn verify_index(&self, admin: &Admin, id: &SpaceId) -> Result<VerifyReport> { todo!() }
    /// Throws the space's index away and builds it anew from the store, off the request path.
    pub fn reindex(&self, admin: &Admin, id: &SpaceId, now: Timestamp) -> Result<()> { todo!() }
    pub fn dictionary(&self, curator: &Curator) -> Result<Vec<DictionaryWord>> { todo!() }
    /// Replaces the space's own words; takes effect without a restart (re-analysis runs in the background).
    pub fn set_dictionary(&self, curator: &Curator, words: Vec<DictionaryWord>, now: Timestamp) -> Result<Vec<DictionaryWord>> { todo!() }

    // articles.rs
    pub fn create_article(&self, editor: &Editor, publisher: Option<&Publisher>, id: Option<ArticleId>, content: Content, note: Option<Note>, now: Timestamp) -> Result<Written> { todo!() }
    pub fn save_article(&self, editor: &Editor, id: &ArticleId, expected: Option<u32>, content: Content, note: Option<Note>, now: Timestamp) -> Result<Written> { todo!() }
    /// Submit: needs only an editor.
    pub fn submit_article(&self, editor: &Editor, id: &ArticleId, expected: Option<u32>, note: Option<Note>, now: Timestamp) -> Result<Written> { todo!() }
    /// Any other action (approve, reject, publish, unpublish, archive, restore, rollback, verify).
    pub fn act_on_article(&self, publisher: &Publisher, id: &ArticleId, expected: Option<u32>, action: Action, now: Timestamp) -> Result<Written> { todo!() }
    /// Blocks until what is committed for the space is searchable, at most for `limit`.
    pub fn wait_searchable(&self, space: &SpaceId, limit: std::time::Duration) -> Result<bool> { todo!() }
    pub fn get_article(&self, historian: &Historian, id: &ArticleId, wanted: Wanted) -> Result<ArticleView> { todo!() }
    pub fn list_articles(&self, historian: &Historian, query: &ArticleQuery) -> Result<Page<ArticleView>> { todo!() }
    pub fn list_versions(&self, historian: &Historian, id: &ArticleId) -> Result<Vec<VersionSummary>> { todo!() }
    pub fn list_publications(&self, historian: &Historian, id: &ArticleId) -> Result<Vec<Publication>> { todo!() }
    pub fn diff_article(&self, historian: &Historian, id: &ArticleId, from: u32, to: u32) -> Result<Diff> { todo!() }

    // exchange.rs
    /// Reads rows from `body` as they come; each article is written whole or not at all. `publish` needs the proof.
    /// `progress` is called after each batch.
    pub fn import(&self, editor: &Editor, publish: Option<&Publisher>, format: Format, dry_run: bool, body: &mut dyn std::io::BufRead, now: Timestamp) -> Result<ImportReport> { todo!() }
    /// Writes everything the historian may see, versions included.
    pub fn export(&self, historian: &Historian, format: Format, out: &mut dyn std::io::Write) -> Result<u64> { todo!() }

    // search.rs
    pub fn search(&self, reader: &Reader, request: &SearchRequest<Filter>, now: Timestamp) -> Result<SearchResponse> { todo!() }
    pub fn suggest(&self, reader: &Reader, prefix: &QueryText, limit: u32) -> Result<SuggestResponse> { todo!() }
    pub fn similar(&self, reader: &Reader, text: &LongText, limit: u32) -> Result<SimilarResponse> { todo!() }
    pub fn related(&self, reader: &Reader, id: &ArticleId, limit: u32) -> Result<SimilarResponse> { todo!() }

    // answers.rs
    pub fn answer(&self, reader: &Reader, request: &AnswerRequest<Filter>, now: Timestamp) -> Result<AnswerResponse> { todo!() }

    // feedback.rs
    pub fn record_feedback(&self, reader: &Reader, about: &QueryId, feedback: NewFeedback, now: Timestamp) -> Result<()> { todo!() }

    // gaps.rs
    pub fn list_gaps(&self, keeper: &GapKeeper, status: Option<GapStatus>, limit: usize, cursor: Option<&str>) -> Result<Page<GapView>> { todo!() }
    pub fn get_gap(&self, keeper: &GapKeeper, id: &GapId) -> Result<GapView> { todo!() }
    pub fn dismiss_gap(&self, keeper: &GapKeeper, id: &GapId, reason: Option<Note>, now: Timestamp) -> Result<GapView> { todo!() }

    // idempotency.rs
    /// The answer stored for this key of this caller within 24 h; a conflict when the request differs.
    pub fn recall(&self, caller: &Caller, idempotency_key: &str, fingerprint: &str, now: Timestamp) -> Result<Option<StoredResponse>> { todo!() }
    /// Stores the answer, synced.
    pub fn remember(&self, caller: &Caller, idempotency_key: &str, fingerprint: &str, response: StoredResponse, now: Timestamp) -> Result<()> { todo!() }

    // health
    /// Names of what is not ready yet; empty when everything is.
    pub fn not_ready(&self) -> Vec<String> { todo!() }
}
