//! How an index is made and how it ranks.
//!
//! Invariant: whatever changes what is written to disk is part of the fingerprint, so that an index made
//! otherwise is rebuilt, never misread.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::analyzer::UserWord;
use crate::chunk::ChunkLimits;
use crate::dense::DenseSettings;
use crate::document::FIELD_COUNT;
use crate::embed::Embedder;
use crate::rewrite::lexicon::Lexicon;

/// Raised when the layout on disk or the analysis changes.
pub const FORMAT: u32 = 2;

/// How an index is made.
#[derive(Debug, Clone, Default)]
pub struct IndexSettings {
    /// The space's own words for segmentation.
    pub words: Vec<UserWord>,
    /// How long passages are.
    pub chunks: ChunkLimits,
    /// Dense retrieval.
    pub dense: DenseSettings,
    /// Ranking; may change without a rebuild.
    pub rank: RankSettings,
    /// Translations of words, used where the index holds both languages; may change without a rebuild.
    pub lexicon: Option<Arc<Lexicon>>,
}

impl IndexSettings {
    /// Names everything that decides what is on disk.
    pub(crate) fn fingerprint(&self, model: &str) -> String {
        let words = serde_json::to_vec(&self.words).unwrap_or_default();
        let chunks = (self.chunks.min, self.chunks.target, self.chunks.max);
        let hash = blake3::hash(format!("{FORMAT}|{model}|{chunks:?}|").as_bytes());
        let words = blake3::hash(&words);
        let mut hasher = blake3::Hasher::new();
        hasher.update(hash.as_bytes());
        hasher.update(words.as_bytes());
        hasher.finalize().to_hex().to_string()
    }
}

/// How two lists become one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Fusion {
    /// `w · bm25 / ideal · scale + (1 − w) · cosine + v · cosine of the nearest sentence` (Bruch, Gai and Ingber 2023, with the query's own ideal score
    /// as the normaliser).
    Convex {
        /// Weight of the words, in [0, 1].
        words: f32,
        /// What the words' share of the ideal is multiplied by.
        scale: f32,
        /// Weight of the nearest sentence.
        #[serde(default)]
        sentence: f32,
    },
    /// `w · bm25 / ideal + c · cosine + s · cosine of the nearest sentence + a · alignment + k · company`, where w = `words / (σ + floor) − less` falls with
    /// the spread σ of the query's best shares: where words tell passages apart little, small differences count. Of a
    /// known question, `rephrased · w` goes from its words to its cosine.
    Spread {
        /// Weight of the words where σ + `floor` is 1.
        words: f32,
        /// Keeps σ from 0.
        floor: f32,
        /// σ counts up to here.
        most: f32,
        /// Taken from the words' weight.
        less: f32,
        /// Weight of the passage's cosine.
        cosine: f32,
        /// Weight of the nearest sentence.
        sentence: f32,
        /// Weight of how near the words come to those of the best sentences.
        #[serde(default)]
        aligned: f32,
        /// Weight of the document's other known questions.
        #[serde(default)]
        company: f32,
        /// Share of the words' weight that counts the cosine of a known question instead, which says the same in other
        /// words.
        #[serde(default)]
        rephrased: f32,
    },
    /// `Σ w / (k + rank)` (Cormack, Clarke and Büttcher 2009).
    ReciprocalRank {
        /// Rank offset.
        k: f32,
        /// Weight of the words' list; the vectors' has `1 − words`.
        words: f32,
    },
}

/// How the ways to say one concept add up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Combine {
    /// The best one counts.
    #[default]
    Best,
    /// Their sum, up to what the strongest could give (probabilistic structured queries: Darwish and Oard 2003).
    Sum,
}

/// What the signs of one kind of evidence weigh, all of them in [0, 1], and what their sum is where nothing answers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// BM25 over the ideal one.
    #[serde(default)]
    pub share: f32,
    /// Cosine of the nearest sentence, or of the whole passage where nobody looked closer.
    #[serde(default)]
    pub sentence: f32,
    /// Share of the query's information that two sentences standing together hold, or the share where nobody read.
    #[serde(default)]
    pub window: f32,
    /// Share of the query's characters and words, and of those that follow each other, that two sentences standing
    /// together hold.
    #[serde(default)]
    pub wording: f32,
    /// How near the query's words come to those of the best two sentences.
    #[serde(default)]
    pub aligned: f32,
    /// Share of the query's information carried by terms that occur at all.
    #[serde(default)]
    pub known: f32,
    /// How far the first document is ahead of the second, up to one half.
    #[serde(default)]
    pub lead: f32,
    /// Cosine of the passage.
    #[serde(default)]
    pub cosine: f32,
    /// Largest cosine of any passage.
    #[serde(default)]
    pub nearest: f32,
    /// How far the document's next known questions are as near.
    #[serde(default)]
    pub company: f32,
    /// Median of the sum over questions that nothing answers.
    pub middle: f32,
    /// Their standard deviation.
    pub spread: f32,
    /// Median of the sum in the usual space over known questions whose own document is left out; a space where it is
    /// higher needs more evidence. Absent where that was found to say nothing.
    #[serde(default)]
    pub pretended: Option<f32>,
}

/// A logistic model of the probability that a passage answers: `1 / (1 + exp(offset − slope · (sum − middle) / spread))`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfidenceSettings {
    /// How fast confidence grows with the distance.
    pub slope: f32,
    /// What must be outweighed.
    pub offset: f32,
    /// A passage in the query's language.
    pub passage: Evidence,
    /// A passage in the other language.
    pub translated: Evidence,
    /// A known question.
    pub question: Evidence,
}

/// What it weighs that a query is nearer to a negative question of a document than to what it answers with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NegativeSettings {
    /// Most that a question which is only like it counts, in [0, 1]; one of the same form counts 1.
    pub like: f32,
    /// Share of its relevance that the document loses where it counts 1, in [0, 1].
    pub relevance: f32,
    /// What is taken from its evidence where it counts 1, in standard deviations of questions that nothing answers.
    pub confidence: f32,
}

impl NegativeSettings {
    /// They weigh nothing.
    pub(crate) const NONE: Self = Self { like: 0.0, relevance: 0.0, confidence: 0.0 };
}

/// What weighs otherwise where the model reads words in their context ([`Embedder::reads_context`]).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContextualSettings {
    /// How the lists become one.
    pub fusion: Fusion,
    /// A known question.
    pub question: Evidence,
}

/// How passages are ranked: data, not code; the defaults are `index/data/rank.json`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RankSettings {
    /// Weight of words in titles.
    pub title: f32,
    /// Weight of words in questions.
    pub questions: f32,
    /// Weight of words in headings.
    pub headings: f32,
    /// Weight of words in bodies.
    pub body: f32,
    /// Weight of Chinese character bigrams.
    pub grams: f32,
    /// What a stop word's weight is multiplied by.
    pub stop_weight: f32,
    /// How synonyms, corrections and translations of one word add up.
    #[serde(default)]
    pub alternatives: Combine,
    /// How the lists become one.
    pub fusion: Fusion,
    /// Fewest documents taken from each list.
    pub candidates: u32,
    /// How sure a search is.
    pub confidence: ConfidenceSettings,
    /// What negative questions weigh.
    pub negative: NegativeSettings,
    /// What weighs otherwise with a transformer's vectors; absent where that is settled.
    #[serde(default)]
    pub contextual: Option<ContextualSettings>,
    /// Confidence from which a query counts as matched.
    pub threshold: f32,
}

impl RankSettings {
    /// The weights for the vectors of that model.
    #[must_use]
    pub fn of(mut self, model: &dyn Embedder) -> Self {
        if let Some(contextual) = self.contextual.take().filter(|_| model.reads_context()) {
            self.fusion = contextual.fusion;
            self.confidence.question = contextual.question;
        }
        self
    }

    pub(crate) fn field_weight(&self, field: usize) -> f32 {
        let weights: [f32; FIELD_COUNT] = [self.title, self.questions, self.headings, self.body, self.grams];
        weights.get(field).copied().unwrap_or(1.0)
    }
}

impl Default for RankSettings {
    fn default() -> Self {
        const DATA: &str = include_str!("../data/rank.json");
        // The file is part of the program and read by a test; a broken one must not get this far.
        serde_json::from_str(DATA).unwrap_or(FALLBACK)
    }
}

const WORDS: Evidence = Evidence {
    share: 4.0,
    sentence: 4.0,
    window: 0.0,
    wording: 0.0,
    aligned: 0.0,
    known: 0.0,
    lead: 0.0,
    cosine: 0.0,
    nearest: 0.0,
    company: 0.0,
    middle: 3.0,
    spread: 1.0,
    pretended: None,
};

/// Equal weights: what is left if the data file cannot be read.
const FALLBACK: RankSettings = RankSettings {
    title: 1.0,
    questions: 1.0,
    headings: 1.0,
    body: 1.0,
    grams: 1.0,
    stop_weight: 1.0,
    alternatives: Combine::Best,
    fusion: Fusion::Convex { words: 0.7, scale: 2.0, sentence: 0.3 },
    candidates: 30,
    confidence: ConfidenceSettings { slope: 1.7, offset: 2.4, passage: WORDS, translated: WORDS, question: WORDS },
    negative: NegativeSettings { like: 0.8, relevance: 0.5, confidence: 4.0 },
    contextual: None,
    threshold: 0.5,
};
