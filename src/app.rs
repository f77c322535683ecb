//! How the parts become a running program: the composition root.
//!
//! Invariant: the door closes before the use cases do, so nothing accepted is cut off.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::sync::Arc;

use jiff::Timestamp;
use tracing_subscriber::EnvFilter;

use crate::config::{Config, Gate, LogFormat};
use crate::error::{Error, Result};
use crate::http::{self, GateSettings, HttpSettings};
use crate::kb::{Kb, KbSettings, ModelSettings};
use crate::remote::World;

/// A running program.
pub struct App {
    /// Where the API is.
    pub address: SocketAddr,
    /// Where the private `/metrics` is.
    pub metrics_address: Option<SocketAddr>,
    /// Secret of the first admin key, when this start made one.
    pub admin_secret: Option<String>,
    kb: Kb,
    server: http::Server,
}

impl App {
    /// Opens the data directory and then the door.
    ///
    /// # Errors
    /// What keeps the store from opening or the address from being listened on.
    #[expect(clippy::disallowed_methods, reason = "the edge tells the time at start")]
    pub fn start(config: &Config) -> Result<App> {
        let (kb, admin_secret) = Kb::open_with(kb_settings(config), model_settings(config), Timestamp::now())?;
        let server = match http::start(kb.clone(), http_settings(config)) {
            Ok(server) => server,
            Err(why) => {
                kb.close();
                return Err(why);
            }
        };
        Ok(App { address: server.address, metrics_address: server.metrics_address, admin_secret, kb, server })
    }

    /// The use cases, for whoever runs beside the door.
    pub fn kb(&self) -> &Kb {
        &self.kb
    }

    /// Finishes what was accepted, then closes the store.
    ///
    /// # Errors
    /// When the server had ended badly; the store is closed all the same.
    pub fn stop(self) -> Result<()> {
        let stopped = self.server.stop();
        self.kb.close();
        stopped
    }
}

/// Starts logging to the standard error output; a second call changes nothing.
///
/// # Errors
/// [`Error::Config`] when the filter cannot be read.
pub fn log(config: &Config) -> Result<()> {
    let filter = EnvFilter::try_new(&config.log_filter)
        .map_err(|why| Error::Config(format!("log_filter '{}': {why}", config.log_filter)))?;
    let colours = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    // Fails only when a subscriber is set already, as in tests.
    let _ = match config.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    Ok(())
}

fn kb_settings(config: &Config) -> KbSettings {
    KbSettings {
        data_dir: config.data_dir.clone(),
        store_cache_bytes: config.store_cache_bytes,
        index_batch: config.index_batch,
        query_log_interval: config.query_log_interval,
        admin_secret: config.admin_key.clone(),
    }
}

fn model_settings(config: &Config) -> ModelSettings {
    ModelSettings {
        default: config.model.clone(),
        folders: config.model_folders.clone(),
        threads: config.model_threads,
        queue: config.model_queue,
        reranker: config.reranker.clone(),
        rerank_top: config.rerank_top,
        rerank_budget: config.rerank_budget,
        outside: Arc::new(
            World::new(config.model_endpoints.clone(), config.model_hub.clone(), config.webhook_private)
                .with_language_model(config.language_model.clone()),
        ),
    }
}

fn http_settings(config: &Config) -> HttpSettings {
    HttpSettings {
        listen: config.listen,
        metrics_listen: config.metrics_listen,
        workers: config.workers,
        max_connections: config.max_connections,
        max_body: config.max_body,
        max_import: config.max_import,
        client_timeout: config.client_timeout,
        keep_alive: config.keep_alive,
        deadline: config.deadline,
        searchable_wait: config.searchable_wait,
        shutdown_timeout: config.shutdown_timeout,
        key_rate: config.key_rate,
        public_rate: config.public_rate,
        search_gate: gate(config.search_gate),
        write_gate: gate(config.write_gate),
        bulk_gate: gate(config.bulk_gate),
        language_model_permits: config.language_model.as_ref().map_or(0, |model| model.parallel),
    }
}

fn gate(gate: Gate) -> GateSettings {
    GateSettings { permits: gate.permits, queue: gate.queue, wait: gate.wait }
}
