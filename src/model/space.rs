//! What a space is and how it is set.
//!
//! Invariant: every setting has a default, so that a stored space of an older program can be read.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{ModelName, SpaceId};
use crate::model::alert::AlertSettings;
use crate::model::mask::{self, BadPattern, Kind, NumberPattern};
use crate::model::text::{Handle, Label, Question};

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
    /// What customers ask that is other business: short examples, in any language. Unanswered questions near to one are
    /// out of scope.
    pub out_of_scope: Vec<Question>,
    /// Which figures raise alerts.
    pub alerts: AlertSettings,
    /// How long what customers typed is kept.
    pub retention: Retention,
    /// What is masked of it besides what always is.
    pub privacy: Privacy,
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
            out_of_scope: Vec::new(),
            alerts: AlertSettings::default(),
            retention: Retention::default(),
            privacy: Privacy::default(),
        }
    }
}

/// Most days that can be set.
pub const MAX_DAYS: u32 = 36_500;
/// Most examples of other business.
pub const MAX_OUT_OF_SCOPE: usize = 200;
/// Most forms of numbers of a space.
pub const MAX_FORMS: usize = 50;

/// For how many days texts are kept, by what they are; 0 keeps them for ever. Counts are kept in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Turns of conversations, from the conversation's last turn on.
    pub turns_days: u32,
    /// Records of searches, answers and questions.
    pub queries_days: u32,
    /// Feedback, from when it was said last.
    pub feedback_days: u32,
}

impl Default for Retention {
    /// Half a year of conversations; of what was asked a year and a month, so that a month can be compared with the same
    /// one of the year before.
    fn default() -> Self {
        Self { turns_days: 180, queries_days: 400, feedback_days: 400 }
    }
}

/// Which numbers are masked besides what always is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Privacy {
    /// Numbers behind `订单号`, `tracking number` and the like, and those that look like known carriers'.
    pub orders: bool,
    /// Forms of the space's own numbers, masked whatever stands before them: `#` a digit, `?` a letter, `*` either, `{n}`
    /// or `{n,m}` how often; such as `LM#{10}`.
    pub patterns: Vec<NumberForm>,
}

impl Default for Privacy {
    fn default() -> Self {
        Self { orders: true, patterns: Vec::new() }
    }
}

impl Privacy {
    /// The masker's settings.
    pub fn settings(&self) -> mask::Settings {
        let mut settings = if self.orders { mask::Settings::default() } else { mask::Settings::without_orders() };
        settings.patterns.extend(self.patterns.iter().filter_map(NumberForm::pattern));
        settings
    }
}

/// The form of a space's numbers, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct NumberForm(#[schemars(length(max = 100))] String);

impl NumberForm {
    fn pattern(&self) -> Option<NumberPattern> {
        NumberPattern::new(Kind::Order, &self.0).ok()
    }
}

impl TryFrom<String> for NumberForm {
    type Error = BadPattern;
    fn try_from(text: String) -> Result<Self, BadPattern> {
        NumberPattern::new(Kind::Order, &text).map(|_| Self(text))
    }
}

impl From<NumberForm> for String {
    fn from(form: NumberForm) -> String {
        form.0
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
