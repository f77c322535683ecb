//! What kind of encoder is in a folder? Read from its `config.json`.
//!
//! Invariant: what this program cannot compute exactly is refused by file and key, never approximated.

use std::path::Path;

use serde_json::Value;

use super::ModelError;
use super::function::Activation;

/// Largest value of a size in a config: guards against files that would ask for all the memory there is.
const MAX_SIZE: u64 = 4_000_000;

/// Which way positions are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// From 0.
    Bert,
    /// From the padding id + 1.
    Roberta,
}

/// The shape of an encoder.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub family: Family,
    pub hidden: usize,
    pub layers: usize,
    pub heads: usize,
    pub intermediate: usize,
    pub vocabulary: usize,
    pub positions: usize,
    pub types: usize,
    pub padding: u32,
    pub epsilon: f32,
    pub activation: Activation,
    /// Number of labels, where the model classifies.
    pub labels: Option<usize>,
    /// What the model was called by who made it.
    pub name: Option<String>,
}

/// Reads a JSON file.
pub(crate) fn read_json(path: &Path) -> Result<Value, ModelError> {
    let text = std::fs::read(path).map_err(|why| match why.kind() {
        std::io::ErrorKind::NotFound => ModelError::new(path, "is missing"),
        _ => ModelError::new(path, format!("cannot be read: {why}")),
    })?;
    serde_json::from_slice(&text).map_err(|why| ModelError::new(path, format!("is no JSON: {why}")))
}

/// Reads a JSON file that need not be there.
pub(crate) fn read_optional(path: &Path) -> Result<Option<Value>, ModelError> {
    if path.exists() { read_json(path).map(Some) } else { Ok(None) }
}

impl Shape {
    /// Reads `config.json` of a folder.
    pub fn read(folder: &Path) -> Result<Self, ModelError> {
        let path = folder.join("config.json");
        let config = read_json(&path)?;
        let wrong = |why: String| ModelError::new(&path, why);
        let size = |key: &str| -> Result<usize, ModelError> {
            let value = config.get(key).ok_or_else(|| wrong(format!("key '{key}' is missing")))?;
            let fit = value.as_u64().filter(|n| (1..=MAX_SIZE).contains(n)).and_then(|n| usize::try_from(n).ok());
            fit.ok_or_else(|| wrong(format!("key '{key}' is {value}, not a size from 1 to {MAX_SIZE}")))
        };
        let text = |key: &str| config.get(key).and_then(Value::as_str);
        let kind = text("model_type").ok_or_else(|| wrong("key 'model_type' is missing".into()))?;
        let family = match kind {
            "bert" => Family::Bert,
            "xlm-roberta" | "roberta" | "camembert" => Family::Roberta,
            other => {
                let known = "bert, xlm-roberta, roberta and camembert";
                return Err(wrong(format!("key 'model_type' is '{other}'; known are {known}")));
            }
        };
        if let Some(other) = text("position_embedding_type").filter(|kind| *kind != "absolute") {
            return Err(wrong(format!("key 'position_embedding_type' is '{other}'; only 'absolute' is known")));
        }
        let activation = match text("hidden_act").unwrap_or("gelu") {
            "gelu" => Activation::Gelu,
            "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Activation::GeluTanh,
            "relu" => Activation::Relu,
            "silu" | "swish" => Activation::Silu,
            other => {
                return Err(wrong(format!("key 'hidden_act' is '{other}'; known are gelu, gelu_new, relu and silu")));
            }
        };
        let epsilon = config.get("layer_norm_eps").map_or(Some(1e-12), Value::as_f64);
        let epsilon = epsilon.ok_or_else(|| wrong("key 'layer_norm_eps' is no number".into()))? as f32;
        let shape = Self {
            family,
            hidden: size("hidden_size")?,
            layers: size("num_hidden_layers")?,
            heads: size("num_attention_heads")?,
            intermediate: size("intermediate_size")?,
            vocabulary: size("vocab_size")?,
            positions: size("max_position_embeddings")?,
            types: if config.get("type_vocab_size").is_some() { size("type_vocab_size")? } else { 2 },
            padding: config
                .get("pad_token_id")
                .and_then(Value::as_u64)
                .and_then(|n| u32::try_from(n).ok())
                .unwrap_or(if family == Family::Roberta { 1 } else { 0 }),
            epsilon,
            activation,
            labels: labels(&config),
            name: text("_name_or_path").map(str::to_owned),
        };
        if !shape.hidden.is_multiple_of(shape.heads) {
            let message =
                format!("'hidden_size' {} is no multiple of 'num_attention_heads' {}", shape.hidden, shape.heads);
            return Err(wrong(message));
        }
        if shape.capacity() < 8 {
            return Err(wrong(format!("'max_position_embeddings' {} leaves no room for a text", shape.positions)));
        }
        Ok(shape)
    }

    /// The position of the first token.
    pub fn first_position(&self) -> usize {
        if self.family == Family::Roberta { self.padding as usize + 1 } else { 0 }
    }

    /// Most tokens of a text.
    pub fn capacity(&self) -> usize {
        self.positions.saturating_sub(self.first_position())
    }

    /// Multiplications and additions a token costs, its attention left out.
    pub fn work(&self) -> usize {
        2 * self.layers * (4 * self.hidden * self.hidden + 2 * self.hidden * self.intermediate)
    }
}

fn labels(config: &Value) -> Option<usize> {
    let number = config.get("num_labels").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
    number.or_else(|| config.get("id2label").and_then(Value::as_object).map(serde_json::Map::len))
}
