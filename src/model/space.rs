//! What a space is and how it is set.
//!
//! Invariant: every setting has a default, so that a stored space of an older program can be read.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{ModelName, SpaceId};
use crate::model::alert::AlertSettings;
use crate::model::text::{Handle, Label};

/// Most words of a space's own dictionary.
pub const MAX_DICTIONARY: usize = 50_000;

/// Share of a gap's questions that must be answered for it to close, where a space sets none.
pub const GAP_BAR: f64 = 0.8;

/// An isolated knowledge base.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Space {
    /// Id.
    pub id: SpaceId,
    /// Name for people.
    pub name: Label,
    /// Settings.
    #[serde(default)]
    pub settings: SpaceSettings,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What may differ from space to space.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SpaceSettings {
    /// Confidence from which a query counts as matched, in [0, 1]; absent means the engine's own.
    pub threshold: Option<f64>,
    /// Whether only approved versions may be published.
    pub require_review: bool,
    /// Whether who approves may not be who wrote.
    pub four_eyes: bool,
    /// Whether searches without a key may read the public articles.
    pub public_search: bool,
    /// Embedding model; absent means the server's.
    pub model: Option<ModelName>,
    /// Reranker; absent means the server's, `none` means none.
    pub reranker: Option<ModelName>,
    /// Share of a gap's questions that must be answered for it to close, in (0, 1]; absent means [`GAP_BAR`].
    pub gap_bar: Option<f64>,
    /// Which figures raise alerts.
    pub alerts: AlertSettings,
}

impl Default for SpaceSettings {
    fn default() -> Self {
        Self {
            threshold: None,
            require_review: false,
            four_eyes: true,
            public_search: false,
            model: None,
            reranker: None,
            gap_bar: None,
            alerts: AlertSettings::default(),
        }
    }
}

/// A word of a space's own dictionary, for segmentation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DictionaryWord {
    /// The word.
    pub word: Handle,
    /// How common it is; absent means common enough to stand as one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency: Option<u32>,
}
