//! How do token states become a text's vector? Pooling, prefixes and limits, read from the files beside the weights.
//!
//! Invariant: a step that a model wants and this program does not know is refused, never left out.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Languages;
use crate::encoder::config::{read_json, read_optional};
use crate::encoder::{ModelError, Shape};

/// Overrides beside a model's own files.
pub(crate) const OVERRIDES: &str = "zhiyin.json";

/// Which states stand for the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The first token's.
    Cls,
    /// The mean of all.
    Mean,
    /// The largest value of each dimension.
    Max,
}

/// How texts become vectors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recipe {
    /// Which states stand for the text.
    pub pooling: Pooling,
    /// Stands before what people ask.
    pub query_prefix: String,
    /// Stands before what the knowledge holds.
    pub passage_prefix: String,
    /// Most tokens of a text, special ones included.
    pub max_tokens: usize,
    /// Whether texts are put in lower case first.
    pub lower_case: bool,
}

/// What `zhiyin.json` may say; all of it is optional.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Overrides {
    /// Where the folder came from, such as `BAAI/bge-small-zh-v1.5`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The revision fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Which states stand for the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pooling: Option<Pooling>,
    /// Stands before what people ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_prefix: Option<String>,
    /// Stands before what the knowledge holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passage_prefix: Option<String>,
    /// Most tokens of a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<usize>,
    /// Languages that it reads; looked for when it is loaded unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub languages: Option<Languages>,
}

impl Overrides {
    /// Reads `zhiyin.json` of a folder, where there is one.
    ///
    /// # Errors
    /// [`ModelError`] naming the key that is unknown or of the wrong type.
    pub fn read(folder: &Path) -> Result<Self, ModelError> {
        let path = folder.join(OVERRIDES);
        let Some(value) = read_optional(&path)? else { return Ok(Self::default()) };
        serde_json::from_value(value).map_err(|why| ModelError::new(&path, why.to_string()))
    }
}

/// A published family whose files do not say what its texts begin with.
#[derive(Debug, Deserialize)]
struct Family {
    contains: Vec<String>,
    without: Vec<String>,
    query: String,
    passage: String,
}

const FAMILIES: &str = include_str!("../../data/model_families.json");

impl Recipe {
    /// Reads what the folder says: `zhiyin.json` over `config_sentence_transformers.json` and
    /// `sentence_bert_config.json` over what is known of the family.
    pub(crate) fn read(folder: &Path, shape: &Shape) -> Result<Self, ModelError> {
        let own = Overrides::read(folder)?;
        let sentence = folder.join("sentence_bert_config.json");
        let sentence_config = read_optional(&sentence)?;
        let limit = match sentence_config.as_ref().and_then(|c| c.get("max_seq_length")) {
            None | Some(Value::Null) => None,
            Some(value) => {
                let fit = value.as_u64().and_then(|n| usize::try_from(n).ok()).filter(|n| *n >= 8);
                let wrong =
                    || ModelError::new(&sentence, format!("key 'max_seq_length' is {value}, not a number from 8"));
                Some(fit.ok_or_else(wrong)?)
            }
        };
        let limit = own.max_tokens.or(limit).unwrap_or(512).min(shape.capacity());
        if limit < 8 {
            return Err(ModelError::new(&folder.join(OVERRIDES), "key 'max_tokens' must be at least 8"));
        }
        let (query, passage) = match prompts(folder)? {
            Some(prompts) => prompts,
            None => family(folder, shape, own.source.as_deref()),
        };
        let lower = sentence_config.as_ref().and_then(|c| c.get("do_lower_case")).and_then(Value::as_bool);
        Ok(Self {
            pooling: match own.pooling {
                Some(pooling) => pooling,
                None => pooling(folder, shape)?,
            },
            query_prefix: own.query_prefix.unwrap_or(query),
            passage_prefix: own.passage_prefix.unwrap_or(passage),
            max_tokens: limit,
            lower_case: lower.unwrap_or(false),
        })
    }
}

/// The prompts of `config_sentence_transformers.json`, where it names any.
fn prompts(folder: &Path) -> Result<Option<(String, String)>, ModelError> {
    let path = folder.join("config_sentence_transformers.json");
    let Some(config) = read_optional(&path)? else { return Ok(None) };
    let Some(named) = config.get("prompts").and_then(Value::as_object).filter(|p| !p.is_empty()) else {
        return Ok(None);
    };
    let otherwise = config.get("default_prompt_name").and_then(Value::as_str);
    let find = |names: &[&str]| -> String {
        let mut names = names.iter().copied().chain(otherwise);
        names.find_map(|name| named.get(name).and_then(Value::as_str)).unwrap_or_default().to_owned()
    };
    let found = (find(&["query"]), find(&["passage", "document", "corpus"]));
    // Published files carry empty prompts where the family has some.
    Ok((found != (String::new(), String::new())).then_some(found))
}

fn family(folder: &Path, shape: &Shape, source: Option<&str>) -> (String, String) {
    let folder = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let names = [source.map(str::to_owned), shape.name.clone(), folder].map(|n| n.unwrap_or_default().to_lowercase());
    // The file is part of the program and read by a test.
    let families: Vec<Family> = serde_json::from_str(FAMILIES).unwrap_or_default();
    let is = |family: &&Family| {
        names.iter().any(|name| {
            family.contains.iter().any(|part| name.contains(part.as_str()))
                && !family.without.iter().any(|part| name.contains(part.as_str()))
        })
    };
    families.iter().find(is).map(|family| (family.query.clone(), family.passage.clone())).unwrap_or_default()
}

/// Follows `modules.json` to the pooling; the mean where there is neither, as sentence-transformers does.
fn pooling(folder: &Path, shape: &Shape) -> Result<Pooling, ModelError> {
    let modules = folder.join("modules.json");
    let mut place = folder.join("1_Pooling");
    if let Some(list) = read_optional(&modules)? {
        let list = list.as_array().ok_or_else(|| ModelError::new(&modules, "is no list of modules"))?;
        for module in list {
            let kind = module.get("type").and_then(Value::as_str).unwrap_or_default();
            let path = module.get("path").and_then(Value::as_str).unwrap_or_default();
            match kind.rsplit('.').next().unwrap_or_default() {
                "Transformer" | "Normalize" => {}
                "Pooling" if !path.contains("..") => place = folder.join(path),
                _ => {
                    let message = format!("module '{path}' of type '{kind}' is not known");
                    return Err(ModelError::new(&modules, message));
                }
            }
        }
    }
    let path = place.join("config.json");
    if !path.exists() {
        return Ok(Pooling::Mean);
    }
    let config = read_json(&path)?;
    if let Some(wide) = config.get("word_embedding_dimension").and_then(Value::as_u64)
        && wide != shape.hidden as u64
    {
        let message =
            format!("key 'word_embedding_dimension' is {wide}; 'hidden_size' of config.json is {}", shape.hidden);
        return Err(ModelError::new(&path, message));
    }
    if let Some(name) = config.get("pooling_mode").and_then(Value::as_str) {
        let known = serde_json::from_value(Value::from(name));
        return known.map_err(|_| {
            ModelError::new(&path, format!("key 'pooling_mode' is '{name}'; known are cls, mean and max"))
        });
    }
    let mut on: Vec<&str> = config
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, value)| name.starts_with("pooling_mode_") && value.as_bool() == Some(true))
        .map(|(name, _)| name.as_str())
        .collect();
    on.sort_unstable();
    match on.as_slice() {
        ["pooling_mode_cls_token"] => Ok(Pooling::Cls),
        ["pooling_mode_mean_tokens"] | [] => Ok(Pooling::Mean),
        ["pooling_mode_max_tokens"] => Ok(Pooling::Max),
        other => Err(ModelError::new(&path, format!("key '{}' is not known alone or together", other.join("' and '")))),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_families_can_be_read() {
        let families: Vec<Family> = serde_json::from_str::<Vec<Value>>(FAMILIES)
            .unwrap()
            .into_iter()
            .map(|mut family| {
                family.as_object_mut().unwrap().remove("name");
                serde_json::from_value(family).unwrap()
            })
            .collect();
        assert!(families.iter().all(|f| !f.contains.is_empty() && !f.query.is_empty()));
    }
}
