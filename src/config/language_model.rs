//! The language model that an operator names in the configuration.
//!
//! Invariant: its key is taken from the environment variable that the file names, and is never written in the file.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::models::{is_address, key};
use crate::error::{Error, Result};
use crate::kb::models::LanguageModelSettings;

/// Longest time for a reply that may be set, in milliseconds.
const MAX_TIMEOUT_MS: u64 = 120_000;
/// Most tokens of a reply that may be set.
const MAX_TOKENS: u32 = 32_768;
/// Most requests at a time that may be set.
const MAX_PARALLEL: usize = 64;
/// Fields of a request that are ours.
const OURS: [&str; 4] = ["model", "messages", "stream", "max_tokens"];

/// A language model as written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLanguageModel {
    url: Option<String>,
    model: Option<String>,
    key_env: Option<String>,
    timeout_ms: Option<u64>,
    max_tokens: Option<u32>,
    parallel: Option<usize>,
    #[serde(default)]
    parameters: Map<String, Value>,
}

/// Checks it; every wrong setting is named.
pub(super) fn meant(raw: RawLanguageModel, variable: &dyn Fn(&str) -> Option<String>) -> Result<LanguageModelSettings> {
    let mut wrong = Vec::new();
    let mut fault = |what: String| wrong.push(format!("language_model: {what}"));
    let url = raw.url.unwrap_or_default();
    if !is_address(&url) {
        fault(format!("url '{url}' is no address such as https://api.openai.com/v1"));
    }
    let model = raw.model.unwrap_or_default();
    if model.trim().is_empty() {
        fault("model is needed: the model's name at the endpoint".into());
    }
    let key = key(raw.key_env.as_deref(), variable).unwrap_or_else(|what| {
        fault(what);
        None
    });
    let timeout_ms = raw.timeout_ms.unwrap_or(20_000);
    if !(1..=MAX_TIMEOUT_MS).contains(&timeout_ms) {
        fault(format!("timeout_ms must be from 1 to {MAX_TIMEOUT_MS}, not {timeout_ms}"));
    }
    let max_tokens = raw.max_tokens.unwrap_or(1_024);
    if !(1..=MAX_TOKENS).contains(&max_tokens) {
        fault(format!("max_tokens must be from 1 to {MAX_TOKENS}, not {max_tokens}"));
    }
    let parallel = raw.parallel.unwrap_or(4);
    if !(1..=MAX_PARALLEL).contains(&parallel) {
        fault(format!("parallel must be from 1 to {MAX_PARALLEL}, not {parallel}"));
    }
    for name in OURS.iter().filter(|name| raw.parameters.contains_key(**name)) {
        fault(format!("parameters.{name} is set by the program itself"));
    }
    if !wrong.is_empty() {
        return Err(Error::Config(wrong.join("; ")));
    }
    Ok(LanguageModelSettings {
        url: url.trim_end_matches('/').to_owned(),
        model,
        key,
        timeout: Duration::from_millis(timeout_ms),
        max_tokens,
        parallel,
        parameters: raw.parameters,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
mod tests {
    use crate::config::{Config, Flags};

    fn load(file: &str) -> crate::error::Result<Config> {
        let environment = [("CHAT_KEY", "sk-very-secret")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        Ok(Config::lay_over(file.parse().unwrap(), environment.into_iter(), Flags::default())?.config)
    }

    #[test]
    fn it_has_its_key_from_the_environment_and_prints_none() {
        assert_eq!(load("").unwrap().language_model, None);
        let file = "[language_model]\nurl = 'http://a/v1/'\nmodel = 'm'\nkey_env = 'CHAT_KEY'\nparameters = { temperature = 0 }";
        let config = load(file).unwrap();
        assert!(!format!("{config:?}").contains("sk-very-secret"));
        let chat = config.language_model.unwrap();
        assert_eq!((chat.url.as_str(), chat.key.as_ref().unwrap().expose()), ("http://a/v1", "sk-very-secret"));
        assert_eq!((chat.timeout.as_millis(), chat.max_tokens, chat.parallel), (20_000, 1_024, 4));
        assert_eq!(chat.parameters["temperature"], 0);
    }

    #[test]
    fn all_that_is_wrong_is_named() {
        let error = |file: &str| load(file).unwrap_err().to_string();
        assert_eq!(
            error(
                "[language_model]\nurl = 'a'\nkey_env = 'NOT_SET'\ntimeout_ms = 0\nmax_tokens = 0\nparallel = 0\nparameters = { stream = true }"
            ),
            "configuration: language_model: url 'a' is no address such as https://api.openai.com/v1; \
             language_model: model is needed: the model's name at the endpoint; \
             language_model: key_env names NOT_SET, which is not set in the environment; \
             language_model: timeout_ms must be from 1 to 120000, not 0; \
             language_model: max_tokens must be from 1 to 32768, not 0; \
             language_model: parallel must be from 1 to 64, not 0; \
             language_model: parameters.stream is set by the program itself"
        );
        assert!(error("[language_model]\nkey = 'sk'").contains("language_model.key: unknown field `key`"));
    }
}
