//! The world beyond this machine: endpoints that embed or write, hubs that hold models, webhooks that are told of alerts.
//!
//! Invariant: every call out is bounded in time, and a failure is told, never hidden behind an empty result.

mod breaker;
mod chat;
mod door;
mod endpoint;
mod fetch;
mod hub;
mod webhook;

use std::collections::BTreeMap;
use std::sync::Arc;

use zhiyin_index::embed::{Embedder, WithinLanguages};

pub use endpoint::EndpointEmbedder;

use crate::id::ModelName;
use crate::kb::models::{
    Download, EndpointFacts, EndpointSettings, LanguageModelSettings, Letter, NoReply, Outside, Progress, Prompt, Reply,
};

/// The world as configured.
pub struct World {
    endpoints: BTreeMap<ModelName, EndpointSettings>,
    hub: String,
    post: webhook::Post,
    chat: Option<chat::Chat>,
}

impl World {
    /// With these endpoints, and the hub at that address; `private` says whether webhooks may lead to addresses that
    /// are not public, or go without TLS.
    pub fn new(endpoints: BTreeMap<ModelName, EndpointSettings>, hub: String, private: bool) -> Self {
        Self { endpoints, hub, post: webhook::Post::new(private), chat: None }
    }

    /// With a language model, where one is configured.
    #[must_use]
    pub fn with_language_model(mut self, settings: Option<LanguageModelSettings>) -> Self {
        self.chat = settings.map(chat::Chat::new);
        self
    }
}

impl Outside for World {
    fn endpoints(&self) -> Vec<EndpointFacts> {
        let facts = |(name, endpoint): (&ModelName, &EndpointSettings)| EndpointFacts {
            name: name.clone(),
            source: format!("{} at {}", endpoint.model, endpoint.url),
            dimension: endpoint.dimension,
        };
        self.endpoints.iter().map(facts).collect()
    }

    fn embedder(&self, name: &ModelName) -> Option<Arc<dyn Embedder>> {
        let settings = self.endpoints.get(name)?;
        let embedder = Arc::new(EndpointEmbedder::new(settings.clone()));
        Some(WithinLanguages::keep(embedder, settings.languages))
    }

    fn download(&self, download: &Download, progress: Progress<'_>) -> Result<String, String> {
        let hub = download.hub.as_deref().unwrap_or(&self.hub);
        hub::download(hub, download, progress)
    }

    fn may_post(&self, url: &str) -> Result<(), String> {
        self.post.may(url)
    }

    fn post(&self, letter: &Letter) -> Result<(), String> {
        self.post.send(letter)
    }

    fn language_model(&self) -> Option<&str> {
        self.chat.as_ref().map(chat::Chat::model)
    }

    fn reply(&self, prompt: &Prompt) -> Result<Reply, NoReply> {
        self.chat
            .as_ref()
            .map_or_else(|| Err(NoReply::Failed("no language model is configured".into())), |c| c.reply(prompt))
    }
}
