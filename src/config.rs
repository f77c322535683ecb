//! How the program is set: file, environment and flags in, plain values out.
//!
//! Invariant: the only file that reads the environment; every value is checked once, here,
//! and every wrong one is named.

mod language_model;
mod models;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use toml::{Table, Value};

use crate::error::{Error, Result};
use crate::id::ModelName;
use crate::kb::models::{EndpointSettings, LanguageModelSettings};
use crate::model::account::Secret;

/// The documented defaults.
pub const DEFAULT_FILE: &str = include_str!("config.default.toml");
/// Environment variables of settings begin so.
const PREFIX: &str = "ZHIYIN_";
/// Settings without a default: what stands in their place is commented out in the file.
const OPTIONAL: [&str; 4] = ["metrics_listen", "admin_key", "model", "reranker"];
/// Fewest characters of an admin secret that an operator sets.
const MIN_SECRET: usize = 16;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// Settings as written, after file, environment and flags were laid over each other.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    data_dir: PathBuf,
    listen: SocketAddr,
    metrics_listen: Option<SocketAddr>,
    admin_key: Option<Secret>,
    log_format: LogFormat,
    log_filter: String,
    workers: usize,
    max_connections: usize,
    max_body_bytes: usize,
    max_import_bytes: u64,
    client_timeout_ms: u64,
    keep_alive_ms: u64,
    deadline_ms: u64,
    searchable_wait_ms: u64,
    shutdown_timeout_ms: u64,
    key_rate: u32,
    public_rate: u32,
    search_permits: usize,
    search_queue: usize,
    search_wait_ms: u64,
    write_permits: usize,
    write_queue: usize,
    write_wait_ms: u64,
    bulk_permits: usize,
    bulk_queue: usize,
    bulk_wait_ms: u64,
    store_cache_bytes: u64,
    index_batch: usize,
    query_log_interval_ms: u64,
    model: Option<ModelName>,
    model_threads: usize,
    model_queue: usize,
    model_hub: String,
    reranker: Option<ModelName>,
    rerank_top: usize,
    rerank_budget_ms: u64,
    webhook_private: bool,
    #[serde(default)]
    models: BTreeMap<ModelName, models::RawModel>,
    language_model: Option<language_model::RawLanguageModel>,
}

/// Size of a permit gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gate {
    /// Calls that run at a time.
    pub permits: usize,
    /// Calls that may wait.
    pub queue: usize,
    /// Longest wait.
    pub wait: Duration,
}

/// Settings as meant.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Address of the API.
    pub listen: SocketAddr,
    /// Address of the private `/metrics`.
    pub metrics_listen: Option<SocketAddr>,
    /// Secret of the first admin key.
    pub admin_key: Option<Secret>,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// What is logged.
    pub log_filter: String,
    /// Event-loop threads.
    pub workers: usize,
    /// Open connections per event-loop thread.
    pub max_connections: usize,
    /// Largest JSON body, in bytes.
    pub max_body: usize,
    /// Largest import, in bytes.
    pub max_import: u64,
    /// Longest wait for a piece of a request.
    pub client_timeout: Duration,
    /// How long an idle connection stays open.
    pub keep_alive: Duration,
    /// Longest time an ordinary request may take.
    pub deadline: Duration,
    /// Longest time `?wait=searchable` holds an answer.
    pub searchable_wait: Duration,
    /// Longest time a shutdown waits.
    pub shutdown_timeout: Duration,
    /// Requests a second of a key.
    pub key_rate: u32,
    /// Requests a second of an address without a key.
    pub public_rate: u32,
    /// In front of searches.
    pub search_gate: Gate,
    /// In front of writes.
    pub write_gate: Gate,
    /// In front of long work.
    pub bulk_gate: Gate,
    /// Bytes of the store's page cache.
    pub store_cache_bytes: u64,
    /// Changed articles taken into one index commit.
    pub index_batch: usize,
    /// Longest time a query record may wait for its sync.
    pub query_log_interval: Duration,
    /// Embedding model of spaces that set none.
    pub model: Option<ModelName>,
    /// Forwards of a model that run at a time; 0 means one per core.
    pub model_threads: usize,
    /// Texts that may wait for a model.
    pub model_queue: usize,
    /// Address of the hub that models are fetched from.
    pub model_hub: String,
    /// Reranker of spaces that set none.
    pub reranker: Option<ModelName>,
    /// Hits that are reranked.
    pub rerank_top: usize,
    /// Longest time for it.
    pub rerank_budget: Duration,
    /// Whether webhooks may lead to addresses that are not public, or go without TLS.
    pub webhook_private: bool,
    /// Models in folders, by name.
    pub model_folders: BTreeMap<ModelName, PathBuf>,
    /// Models behind endpoints, by name.
    pub model_endpoints: BTreeMap<ModelName, EndpointSettings>,
    /// The language model.
    pub language_model: Option<LanguageModelSettings>,
}

impl Default for Config {
    fn default() -> Self {
        let cores = cores();
        Self {
            data_dir: "data".into(),
            listen: ([127, 0, 0, 1], 7700).into(),
            metrics_listen: None,
            admin_key: None,
            log_format: LogFormat::Text,
            log_filter: "info".into(),
            workers: cores,
            max_connections: 10_000,
            max_body: 4 * 1024 * 1024,
            max_import: 2 * 1024 * 1024 * 1024,
            client_timeout: Duration::from_secs(30),
            keep_alive: Duration::from_secs(75),
            deadline: Duration::from_secs(30),
            searchable_wait: Duration::from_secs(10),
            shutdown_timeout: Duration::from_secs(30),
            key_rate: 5_000,
            public_rate: 20,
            search_gate: Gate { permits: cores * 2, queue: 1_024, wait: Duration::from_secs(2) },
            write_gate: Gate { permits: cores * 2, queue: 1_024, wait: Duration::from_secs(5) },
            bulk_gate: Gate { permits: cores.div_ceil(2), queue: 16, wait: Duration::from_secs(5) },
            store_cache_bytes: 64 * 1024 * 1024,
            index_batch: 256,
            query_log_interval: Duration::from_millis(400),
            model: None,
            model_threads: 0,
            model_queue: 64,
            model_hub: "https://huggingface.co".into(),
            reranker: None,
            rerank_top: 20,
            rerank_budget: Duration::from_millis(500),
            webhook_private: false,
            model_folders: BTreeMap::new(),
            model_endpoints: BTreeMap::new(),
            language_model: None,
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What the command line sets: names and values as in the file.
#[derive(Debug, Clone, Default)]
pub struct Flags(Table);

impl Flags {
    /// With this setting, where a value is given.
    #[must_use]
    pub fn with<T: ToString>(mut self, name: &str, value: Option<T>) -> Self {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), Value::String(value.to_string()));
        }
        self
    }
}

/// Settings, with words about what was passed over.
#[derive(Debug)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// Environment variables that look like settings and are none.
    pub warnings: Vec<String>,
}

impl Config {
    /// Lays the defaults, the file, the environment and the flags over each other.
    ///
    /// # Errors
    /// [`Error::Config`] naming the file or setting that is wrong.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn load(file: Option<&Path>, flags: Flags) -> Result<Loaded> {
        let file = match file {
            None => Table::new(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|why| Error::Config(format!("cannot read {}: {why}", path.display())))?;
                text.parse().map_err(|why| Error::Config(format!("{}: {why}", path.display())))?
            }
        };
        Self::lay_over(file, std::env::vars(), flags)
    }

    fn lay_over(file: Table, environment: impl Iterator<Item = (String, String)>, flags: Flags) -> Result<Loaded> {
        let mut table = defaults()?;
        table.extend(file);
        let environment: Vec<(String, String)> = environment.collect();
        let mut warnings = Vec::new();
        for (name, value) in &environment {
            let Some(setting) = name.strip_prefix(PREFIX).map(str::to_ascii_lowercase) else { continue };
            match typed(&table, &setting, value) {
                Some(value) => drop(table.insert(setting, value)),
                None if CLIENT_VARIABLES.contains(&setting.as_str()) => {}
                None => warnings.push(format!("{name} is not a setting; it is passed over")),
            }
        }
        for (setting, value) in flags.0 {
            let text = value.as_str().unwrap_or_default();
            let value = typed(&table, &setting, text).unwrap_or(value);
            table.insert(setting, value);
        }
        let raw: RawConfig = serde_path_to_error::deserialize(Value::Table(table))
            .map_err(|why| Error::Config(format!("{}: {}", why.path(), why.inner().message())))?;
        let variable = |name: &str| environment.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
        Ok(Loaded { config: raw.meant(&variable)?, warnings })
    }
}

/// Variables that the commands talking to a server read; not settings of one.
const CLIENT_VARIABLES: [&str; 4] = ["server", "key", "config", "space"];

fn defaults() -> Result<Table> {
    DEFAULT_FILE.parse().map_err(|why| Error::Config(format!("the defaults: {why}")))
}

/// A text as the type its setting has; none when there is no such setting.
fn typed(table: &Table, setting: &str, text: &str) -> Option<Value> {
    match table.get(setting) {
        Some(Value::Boolean(_)) => Some(text.parse().map_or_else(|_| Value::String(text.to_owned()), Value::Boolean)),
        Some(Value::Integer(_)) => Some(text.parse().map_or_else(|_| Value::String(text.to_owned()), Value::Integer)),
        Some(_) => Some(Value::String(text.to_owned())),
        None => OPTIONAL.contains(&setting).then(|| Value::String(text.to_owned())),
    }
}

impl RawConfig {
    fn meant(self, variable: &dyn Fn(&str) -> Option<String>) -> Result<Config> {
        self.check()?;
        let (model_folders, model_endpoints) = models::meant(self.models, variable)?;
        let language_model = self.language_model.map(|raw| language_model::meant(raw, variable)).transpose()?;
        let cores = cores();
        let gate = |permits: usize, otherwise: usize, queue, wait_ms| Gate {
            permits: if permits == 0 { otherwise } else { permits },
            queue,
            wait: Duration::from_millis(wait_ms),
        };
        Ok(Config {
            search_gate: gate(self.search_permits, cores * 2, self.search_queue, self.search_wait_ms),
            write_gate: gate(self.write_permits, cores * 2, self.write_queue, self.write_wait_ms),
            bulk_gate: gate(self.bulk_permits, cores.div_ceil(2), self.bulk_queue, self.bulk_wait_ms),
            data_dir: self.data_dir,
            listen: self.listen,
            metrics_listen: self.metrics_listen,
            admin_key: self.admin_key,
            log_format: self.log_format,
            log_filter: self.log_filter,
            workers: if self.workers == 0 { cores } else { self.workers },
            max_connections: self.max_connections,
            max_body: self.max_body_bytes,
            max_import: self.max_import_bytes,
            client_timeout: Duration::from_millis(self.client_timeout_ms),
            keep_alive: Duration::from_millis(self.keep_alive_ms),
            deadline: Duration::from_millis(self.deadline_ms),
            searchable_wait: Duration::from_millis(self.searchable_wait_ms),
            shutdown_timeout: Duration::from_millis(self.shutdown_timeout_ms),
            key_rate: self.key_rate,
            public_rate: self.public_rate,
            store_cache_bytes: self.store_cache_bytes,
            index_batch: self.index_batch,
            query_log_interval: Duration::from_millis(self.query_log_interval_ms),
            model: self.model,
            model_threads: self.model_threads,
            model_queue: self.model_queue,
            model_hub: self.model_hub,
            reranker: self.reranker,
            rerank_top: self.rerank_top,
            rerank_budget: Duration::from_millis(self.rerank_budget_ms),
            webhook_private: self.webhook_private,
            model_folders,
            model_endpoints,
            language_model,
        })
    }

    fn check(&self) -> Result<()> {
        let positive = [
            ("max_connections", self.max_connections as u64),
            ("max_body_bytes", self.max_body_bytes as u64),
            ("max_import_bytes", self.max_import_bytes),
            ("client_timeout_ms", self.client_timeout_ms),
            ("deadline_ms", self.deadline_ms),
            ("key_rate", self.key_rate.into()),
            ("public_rate", self.public_rate.into()),
            ("index_batch", self.index_batch as u64),
            ("query_log_interval_ms", self.query_log_interval_ms),
            ("model_queue", self.model_queue as u64),
            ("rerank_top", self.rerank_top as u64),
            ("rerank_budget_ms", self.rerank_budget_ms),
        ];
        let mut wrong: Vec<String> =
            positive.iter().filter(|(_, value)| *value == 0).map(|(name, _)| format!("{name} must not be 0")).collect();
        if self.query_log_interval_ms > 1_000 {
            wrong.push("query_log_interval_ms must be at most 1000: no more of the query log may be lost".into());
        }
        if self.admin_key.as_ref().is_some_and(|key| key.expose().len() < MIN_SECRET) {
            wrong.push(format!("admin_key must have at least {MIN_SECRET} characters"));
        }
        if !models::is_address(&self.model_hub) {
            wrong.push(format!("model_hub '{}' is no address such as https://huggingface.co", self.model_hub));
        }
        if self.rerank_top > 100 {
            wrong.push("rerank_top must be at most 100".into());
        }
        if wrong.is_empty() { Ok(()) } else { Err(Error::Config(wrong.join("; "))) }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn load(file: &str, environment: &[(&str, &str)], flags: Flags) -> Result<Loaded> {
        let environment = environment.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        Config::lay_over(file.parse().unwrap(), environment, flags)
    }

    #[test]
    fn the_documented_defaults_are_the_defaults() {
        assert_eq!(load(DEFAULT_FILE, &[], Flags::default()).unwrap().config, Config::default());
        assert_eq!(load("", &[], Flags::default()).unwrap().config, Config::default());
    }

    #[test]
    fn a_flag_beats_the_environment_beats_the_file() {
        let file = "data_dir = 'a'\nkey_rate = 1\nworkers = 7";
        let environment =
            [("ZHIYIN_DATA_DIR", "b"), ("ZHIYIN_KEY_RATE", "2"), ("ZHIYIN_ADMIN_KEY", "1234567890123456")];
        let config = load(file, &environment, Flags::default().with("data_dir", Some("c"))).unwrap().config;
        assert_eq!((config.data_dir, config.key_rate, config.workers), ("c".into(), 2, 7));
        assert_eq!(config.admin_key.unwrap().expose(), "1234567890123456");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |file: &str, environment: &[(&str, &str)]| {
            load(file, environment, Flags::default()).unwrap_err().to_string()
        };
        insta::assert_snapshot!(error("colour = 1", &[]), @"configuration: colour: unknown field `colour`, expected one of `data_dir`, `listen`, `metrics_listen`, `admin_key`, `log_format`, `log_filter`, `workers`, `max_connections`, `max_body_bytes`, `max_import_bytes`, `client_timeout_ms`, `keep_alive_ms`, `deadline_ms`, `searchable_wait_ms`, `shutdown_timeout_ms`, `key_rate`, `public_rate`, `search_permits`, `search_queue`, `search_wait_ms`, `write_permits`, `write_queue`, `write_wait_ms`, `bulk_permits`, `bulk_queue`, `bulk_wait_ms`, `store_cache_bytes`, `index_batch`, `query_log_interval_ms`, `model`, `model_threads`, `model_queue`, `model_hub`, `reranker`, `rerank_top`, `rerank_budget_ms`, `webhook_private`, `models`, `language_model`");
        insta::assert_snapshot!(error("listen = 'here'", &[]), @"configuration: listen: invalid socket address syntax");
        insta::assert_snapshot!(error("", &[("ZHIYIN_KEY_RATE", "many")]), @r#"configuration: key_rate: invalid type: string "many", expected u32"#);
        insta::assert_snapshot!(error("key_rate = 0\nadmin_key = 'short'", &[]), @"configuration: key_rate must not be 0; admin_key must have at least 16 characters");
    }

    #[test]
    fn a_misspelt_variable_is_pointed_out() {
        let loaded =
            load("", &[("ZHIYIN_LISTNE", "x"), ("ZHIYIN_SERVER", "y"), ("OTHER", "z")], Flags::default()).unwrap();
        assert_eq!(loaded.warnings, ["ZHIYIN_LISTNE is not a setting; it is passed over"]);
    }

    #[test]
    fn a_secret_is_not_printed() {
        let printed = format!("{:?}", Secret::new("s3cret-s3cret-s3cret".to_owned()));
        assert!(!printed.contains("s3cret"), "{printed}");
    }
}
