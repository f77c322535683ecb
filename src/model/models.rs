//! What is told of the embedding models and rerankers, and what may be asked of them.
//!
//! Invariant: plain values; a secret of an endpoint is in none of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{ModelName, SpaceId};

/// Where a model comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// It is part of the program.
    Bundled,
    /// Signed feature hashing, part of the program.
    Hash,
    /// A folder in the Hugging Face layout, computed here.
    Folder,
    /// An OpenAI-compatible endpoint.
    Endpoint,
}

/// What a model does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModelTask {
    /// Texts become vectors.
    Embed,
    /// Pairs of query and passage are scored.
    Rerank,
}

/// How a model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModelState {
    /// It can be used.
    Ready,
    /// It is being fetched.
    Pulling,
    /// It cannot be used: `problem` says why.
    Broken,
}

/// A model as callers see it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ModelView {
    /// Name to use it by.
    pub name: ModelName,
    /// Where it comes from.
    pub kind: ModelKind,
    /// What it does.
    pub task: ModelTask,
    /// How it is.
    pub state: ModelState,
    /// Why it cannot be used, or why fetching it failed.
    pub problem: Option<String>,
    /// Values of a vector.
    pub dimension: Option<u32>,
    /// Which of `en` and `zh` it reads, once it is loaded; texts in the other are searched by words alone.
    pub languages: Option<Vec<String>>,
    /// Where it was published, its folder, or the endpoint's address.
    pub source: Option<String>,
    /// Bytes of its weights, or fetched so far.
    pub bytes: Option<u64>,
    /// Bytes to fetch in all, while it is being fetched.
    pub total_bytes: Option<u64>,
    /// Whether spaces use it that set none of their own.
    pub default: bool,
    /// Spaces whose index was made with it, or that score with it.
    pub spaces: Vec<SpaceId>,
}

/// A model to fetch from a hub.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ModelPull")]
pub struct PullOrder {
    /// The repository, such as `BAAI/bge-small-zh-v1.5`, or one of the short names of `GET /v1/models`.
    pub source: String,
    /// Name to use it by; the repository's own name unless given.
    #[serde(default)]
    pub name: Option<ModelName>,
    /// Branch, tag or commit; `main` unless given.
    #[serde(default)]
    pub revision: Option<String>,
    /// Address of the hub; the server's setting `model_hub` unless given.
    #[serde(default)]
    pub mirror: Option<String>,
}
