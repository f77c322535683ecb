//! The world beyond this machine: endpoints that embed, hubs that hold models.
//!
//! Invariant: every call out is bounded in time, and a failure is told, never hidden behind an empty result.

mod breaker;
mod endpoint;
mod fetch;
mod hub;

use std::collections::BTreeMap;
use std::sync::Arc;

use zhiyin_index::embed::Embedder;

pub use endpoint::EndpointEmbedder;

use crate::id::ModelName;
use crate::kb::models::{Download, EndpointFacts, EndpointSettings, Outside, Progress};

/// The world as configured.
pub struct World {
    endpoints: BTreeMap<ModelName, EndpointSettings>,
    hub: String,
}

impl World {
    /// With these endpoints, and the hub at that address.
    pub fn new(endpoints: BTreeMap<ModelName, EndpointSettings>, hub: String) -> Self {
        Self { endpoints, hub }
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
        Some(Arc::new(EndpointEmbedder::new(settings.clone())))
    }

    fn download(&self, download: &Download, progress: Progress<'_>) -> Result<String, String> {
        let hub = download.hub.as_deref().unwrap_or(&self.hub);
        hub::download(hub, download, progress)
    }
}
