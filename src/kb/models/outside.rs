//! What the use cases need of the world beyond this machine: endpoints that embed or write, hubs, webhooks.
//!
//! Invariant: implemented in `remote` and handed in, so that no use case speaks HTTP.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use zhiyin_index::embed::Embedder;

use super::Languages;
use crate::id::ModelName;
use crate::model::account::Secret;

/// How an OpenAI-compatible endpoint is set; made by `config.rs`.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointSettings {
    /// Address without `/embeddings`, such as `https://api.openai.com/v1`.
    pub url: String,
    /// The model's name there.
    pub model: String,
    /// Values of a vector.
    pub dimension: usize,
    /// Key to send.
    pub key: Option<Secret>,
    /// Longest time for one request.
    pub timeout: Duration,
    /// Texts of one request.
    pub batch: usize,
    /// Stands before what people ask.
    pub query_prefix: String,
    /// Stands before what the knowledge holds.
    pub passage_prefix: String,
    /// What it reads of Chinese and English.
    pub languages: Languages,
}

/// An endpoint of the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointFacts {
    /// Name.
    pub name: ModelName,
    /// Address and the model's name there, for people.
    pub source: String,
    /// Values of a vector.
    pub dimension: usize,
}

/// How the language model is set; made by `config.rs`.
#[derive(Debug, Clone, PartialEq)]
pub struct LanguageModelSettings {
    /// Address without `/chat/completions`, such as `https://api.openai.com/v1`.
    pub url: String,
    /// The model's name there.
    pub model: String,
    /// Key to send.
    pub key: Option<Secret>,
    /// Longest time for a reply, a second try included.
    pub timeout: Duration,
    /// Most tokens of a reply.
    pub max_tokens: u32,
    /// Requests at a time.
    pub parallel: usize,
    /// Sent with each request as they are, such as `temperature`.
    pub parameters: Map<String, Value>,
}

/// What a language model is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// What it is to do.
    pub system: String,
    /// With what.
    pub user: String,
}

/// What a language model said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The text; not empty.
    pub text: String,
    /// Whether it came to its end; otherwise the most tokens were reached.
    pub whole: bool,
}

/// Why a language model said nothing; in words for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoReply {
    /// It took too long.
    Slow(String),
    /// It cannot be reached, refuses, or answers with something else than a reply.
    Failed(String),
}

/// What is to be fetched, and whither.
#[derive(Debug, Clone, PartialEq)]
pub struct Download {
    /// `organisation/repository`.
    pub repository: String,
    /// Branch, tag or commit.
    pub revision: String,
    /// Address of the hub; the configured one unless given.
    pub hub: Option<String>,
    /// Folder to fill; what is there already of an earlier try is gone on with.
    pub folder: PathBuf,
}

/// What is told to somebody's webhook.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// Where.
    pub url: String,
    /// What it is signed with.
    pub secret: Secret,
    /// Names it: a receiver that has it already drops it.
    pub id: String,
    /// When it is sent, in seconds since 1970.
    pub second: i64,
    /// JSON.
    pub body: String,
}

/// Called with the bytes fetched and the bytes in all; false stops the download.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) -> bool + Sync);

/// The world beyond this machine.
pub trait Outside: Send + Sync {
    /// The configured endpoints.
    fn endpoints(&self) -> Vec<EndpointFacts>;

    /// An endpoint's embedder; nothing is sent before the first text.
    fn embedder(&self, name: &ModelName) -> Option<Arc<dyn Embedder>>;

    /// Fetches a model's files; gives the commit they are of.
    ///
    /// # Errors
    /// Why it could not be fetched, for people.
    fn download(&self, download: &Download, progress: Progress<'_>) -> Result<String, String>;

    /// Whether letters may be sent to an address.
    ///
    /// # Errors
    /// Why not, for people.
    fn may_post(&self, url: &str) -> Result<(), String>;

    /// Sends a letter, and waits a few seconds at most for its receiver to say that it has it.
    ///
    /// # Errors
    /// Why it may not have arrived, for people.
    fn post(&self, letter: &Letter) -> Result<(), String>;

    /// The name of the language model, where one is configured.
    fn language_model(&self) -> Option<&str>;

    /// Asks the language model, and waits for it as long as its settings say.
    ///
    /// # Errors
    /// [`NoReply`].
    fn reply(&self, prompt: &Prompt) -> Result<Reply, NoReply>;
}

/// No world at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nowhere;

impl Outside for Nowhere {
    fn endpoints(&self) -> Vec<EndpointFacts> {
        Vec::new()
    }

    fn embedder(&self, _name: &ModelName) -> Option<Arc<dyn Embedder>> {
        None
    }

    fn download(&self, _download: &Download, _progress: Progress<'_>) -> Result<String, String> {
        Err("this process reaches no hub".into())
    }

    fn may_post(&self, _url: &str) -> Result<(), String> {
        Err("this process sends nothing".into())
    }

    fn post(&self, _letter: &Letter) -> Result<(), String> {
        Err("this process sends nothing".into())
    }

    fn language_model(&self) -> Option<&str> {
        None
    }

    fn reply(&self, _prompt: &Prompt) -> Result<Reply, NoReply> {
        Err(NoReply::Failed("this process asks no language model".into()))
    }
}
