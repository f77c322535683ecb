//! Who calls, and what they may do.
//!
//! Invariant: a secret is never stored and never printed; only its hash is kept.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{KeyId, SpaceId};
use crate::model::article::Audience;
use crate::model::text::Label;

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Scope {
    /// Search, suggest, similar, related, answer, feedback.
    #[serde(rename = "search")]
    Search,
    /// Read articles with their history, and export.
    #[serde(rename = "articles:read")]
    ArticlesRead,
    /// Write versions, submit them for review, import drafts.
    #[serde(rename = "articles:write")]
    ArticlesWrite,
    /// Approve, reject, publish and whatever else changes what is live.
    #[serde(rename = "articles:publish")]
    ArticlesPublish,
    /// Read and work the gaps.
    #[serde(rename = "gaps")]
    Gaps,
    /// Dictionary, synonyms, pins, golden queries.
    #[serde(rename = "curate")]
    Curate,
    /// Hand in conversations.
    #[serde(rename = "interactions")]
    Interactions,
    /// Read figures.
    #[serde(rename = "analytics")]
    Analytics,
    /// Read `/metrics`.
    #[serde(rename = "metrics")]
    Metrics,
    /// Everything, spaces, keys and audit included.
    #[serde(rename = "admin")]
    Admin,
}

impl Scope {
    /// The name as callers see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Search => "search",
            Scope::ArticlesRead => "articles:read",
            Scope::ArticlesWrite => "articles:write",
            Scope::ArticlesPublish => "articles:publish",
            Scope::Gaps => "gaps",
            Scope::Curate => "curate",
            Scope::Interactions => "interactions",
            Scope::Analytics => "analytics",
            Scope::Metrics => "metrics",
            Scope::Admin => "admin",
        }
    }
}

/// Most requests a second that a key may be given.
pub const MAX_RATE: u32 = 100_000;

/// An API key as it is kept: without its secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Key {
    /// Id.
    pub id: KeyId,
    /// Name for people; stands as author and actor.
    pub name: Label,
    /// BLAKE3 of the secret, in hex.
    pub hash: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Where; empty means every space.
    pub spaces: Vec<SpaceId>,
    /// Whose articles it may see.
    pub audiences: Vec<Audience>,
    /// Web origins that may use it from a browser; empty means none.
    pub allowed_origins: Vec<String>,
    /// Requests a second; absent means the server's default.
    pub rate_limit: Option<u32>,
    /// Not valid from then on.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
}

/// A key to be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// Name for people; stands as author and actor.
    pub name: Label,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Where; empty means every space.
    #[serde(default)]
    pub spaces: Vec<SpaceId>,
    /// Whose articles it may see; `public` unless given.
    #[serde(default = "public_only")]
    pub audiences: Vec<Audience>,
    /// Web origins that may use it from a browser.
    #[serde(default)]
    pub allowed_origins: Vec<String>,
    /// Requests a second.
    #[serde(default)]
    pub rate_limit: Option<u32>,
    /// Not valid from then on.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

fn public_only() -> Vec<Audience> {
    vec![Audience::Public]
}

/// A key as callers see it; `secret` only in the answer that makes it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct KeyView {
    /// Id.
    pub id: KeyId,
    /// Name.
    pub name: Label,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Where; empty means every space.
    pub spaces: Vec<SpaceId>,
    /// Whose articles it may see.
    pub audiences: Vec<Audience>,
    /// Web origins that may use it from a browser.
    pub allowed_origins: Vec<String>,
    /// Requests a second.
    pub rate_limit: Option<u32>,
    /// Not valid from then on.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
}

impl From<Key> for KeyView {
    fn from(key: Key) -> Self {
        Self {
            id: key.id,
            name: key.name,
            scopes: key.scopes,
            spaces: key.spaces,
            audiences: key.audiences,
            allowed_origins: key.allowed_origins,
            rate_limit: key.rate_limit,
            expires_at: key.expires_at,
            created_at: key.created_at,
            revoked_at: key.revoked_at,
        }
    }
}

/// One entry of the audit log: who did what to which thing, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditEntry {
    /// Position in the log, from 1.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// Who: the name of a key, or `system`.
    pub actor: String,
    /// What was done, such as `article.publish`.
    pub action: String,
    /// The space, where there is one.
    pub space: Option<SpaceId>,
    /// The thing it was done to, such as an article id.
    pub subject: String,
    /// More about it: versions, reasons.
    pub detail: serde_json::Value,
    /// BLAKE3 over the previous entry's hash and this entry, in hex: a changed or removed entry shows.
    pub hash: String,
}

/// A text that must not be printed: its `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text from being printed.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}
