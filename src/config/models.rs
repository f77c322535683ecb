//! Models that an operator names in the configuration: folders, and endpoints with their keys.
//!
//! Invariant: a key is taken from the environment variable that the file names, and is never written in the file.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::id::ModelName;
use crate::kb::models::{EndpointSettings, Languages};
use crate::model::account::Secret;

/// Largest dimension of an endpoint's vectors: a vector of one byte a value must fit into a row of the store.
const MAX_DIMENSION: usize = 8_192;

/// A model as written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawModel {
    folder: Option<PathBuf>,
    url: Option<String>,
    model: Option<String>,
    dimension: Option<usize>,
    key_env: Option<String>,
    timeout_ms: Option<u64>,
    batch: Option<usize>,
    query_prefix: Option<String>,
    passage_prefix: Option<String>,
    languages: Option<Languages>,
}

type Meant = (BTreeMap<ModelName, PathBuf>, BTreeMap<ModelName, EndpointSettings>);

pub(super) fn is_address(text: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
}

/// Checks every model.
pub(super) fn meant(raw: BTreeMap<ModelName, RawModel>, variable: &dyn Fn(&str) -> Option<String>) -> Result<Meant> {
    let (mut folders, mut endpoints) = (BTreeMap::new(), BTreeMap::new());
    let mut wrong = Vec::new();
    for (name, model) in raw {
        let mut fault = |what: String| wrong.push(format!("models.{name}: {what}"));
        if name == ModelName::bundled() || name == ModelName::hash() || name.as_str() == "none" {
            fault("the name is taken by the program itself".into());
        }
        match (&model.folder, &model.url) {
            (Some(folder), None) => drop(folders.insert(name.clone(), folder.clone())),
            (None, Some(_)) => match endpoint(model, variable) {
                Ok(endpoint) => drop(endpoints.insert(name.clone(), endpoint)),
                Err(what) => fault(what),
            },
            _ => fault("one of folder and url is needed, and not both".into()),
        }
    }
    if wrong.is_empty() { Ok((folders, endpoints)) } else { Err(Error::Config(wrong.join("; "))) }
}

/// The key that stands in the variable of that name.
pub(super) fn key(
    name: Option<&str>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> std::result::Result<Option<Secret>, String> {
    let Some(name) = name else { return Ok(None) };
    let key = variable(name).filter(|key| !key.is_empty());
    Ok(Some(Secret::new(key.ok_or_else(|| format!("key_env names {name}, which is not set in the environment"))?)))
}

fn endpoint(raw: RawModel, variable: &dyn Fn(&str) -> Option<String>) -> std::result::Result<EndpointSettings, String> {
    let url = raw.url.unwrap_or_default();
    if !is_address(&url) {
        return Err(format!("url '{url}' is no address such as https://api.openai.com/v1"));
    }
    let dimension = raw.dimension.ok_or("dimension is needed: the number of values of a vector")?;
    if !(1..=MAX_DIMENSION).contains(&dimension) {
        return Err(format!("dimension must be from 1 to {MAX_DIMENSION}, not {dimension}"));
    }
    let key = key(raw.key_env.as_deref(), variable)?;
    let batch = raw.batch.unwrap_or(32);
    if !(1..=2_048).contains(&batch) {
        return Err(format!("batch must be from 1 to 2048, not {batch}"));
    }
    let timeout_ms = raw.timeout_ms.unwrap_or(10_000);
    if timeout_ms == 0 {
        return Err("timeout_ms must not be 0".into());
    }
    Ok(EndpointSettings {
        url: url.trim_end_matches('/').to_owned(),
        model: raw.model.ok_or("model is needed: the model's name at the endpoint")?,
        dimension,
        key,
        timeout: Duration::from_millis(timeout_ms),
        batch,
        query_prefix: raw.query_prefix.unwrap_or_default(),
        passage_prefix: raw.passage_prefix.unwrap_or_default(),
        languages: raw.languages.unwrap_or(Languages::ALL),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use crate::config::{Config, Flags};

    fn load(file: &str) -> crate::error::Result<Config> {
        let environment = [("SHOP_KEY", "sk-very-secret")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        Ok(Config::lay_over(file.parse().unwrap(), environment.into_iter(), Flags::default())?.config)
    }

    #[test]
    fn an_endpoint_has_its_key_from_the_environment_and_prints_none() {
        let file = "[models.shop]\nurl = 'http://a/v1/'\nmodel = 'm'\ndimension = 3\nkey_env = 'SHOP_KEY'\n[models.own]\nfolder = 'f'";
        let config = load(file).unwrap();
        let shop = config.model_endpoints.values().next().unwrap();
        assert_eq!((shop.url.as_str(), shop.key.as_ref().unwrap().expose()), ("http://a/v1", "sk-very-secret"));
        assert!(!format!("{config:?}").contains("sk-very-secret"));
        assert_eq!(config.model_folders.len(), 1);
    }

    #[test]
    fn what_is_wrong_with_a_model_is_named() {
        let error = |file: &str| load(file).unwrap_err().to_string();
        assert_eq!(error("[models.a]"), "configuration: models.a: one of folder and url is needed, and not both");
        assert_eq!(
            error("[models.hash]\nfolder = 'x'"),
            "configuration: models.hash: the name is taken by the program itself"
        );
        let wrong = "[models.a]\nurl = 'http://a'\nmodel = 'm'\n[models.b]\nurl = 'b'\n[models.c]\nurl = 'http://c'\ndimension = 2\nkey_env = 'NOT_SET'";
        assert_eq!(
            error(wrong),
            "configuration: models.a: dimension is needed: the number of values of a vector; models.b: url 'b' is no address such as https://api.openai.com/v1; models.c: key_env names NOT_SET, which is not set in the environment"
        );
        assert!(error("[models.a]\ncolour = 1").contains("unknown field `colour`"));
    }
}
