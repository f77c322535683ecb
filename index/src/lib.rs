//! Hybrid retrieval over versioned documents: text in, ranked passages with scores out.
//!
//! A document is cut into passages along its Markdown; each passage stands in an inverted index (BM25 over title,
//! questions, headings, body and Chinese character bigrams) and in a vector index. A search asks both, fuses the two
//! lists, and gives one hit per document, with the probability that it answers.
//!
//! Invariant: the index is derived. Nothing here is the only copy of anything, and the engine cannot tell an editor
//! from a customer: who may see what comes in as a [`Filter`].
//!
//! ```
//! use std::collections::BTreeMap;
//! use std::sync::Arc;
//! use zhiyin_index::embed::HashEmbedder;
//! use zhiyin_index::{Change, Document, Index, IndexSettings, LiveChange, Query};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let dir = tempfile::tempdir()?;
//! let (index, _) = Index::open(dir.path(), IndexSettings::default(), Arc::new(HashEmbedder::default()))?;
//! let document = Document {
//!     id: "return-policy".into(),
//!     version: 1,
//!     title: "退货政策".into(),
//!     body: "签收后 15 天内可以无理由退货。".into(),
//!     questions: vec!["买了几天可以退货".into()],
//!     negative_questions: vec!["退款多久到账".into()],
//!     category: None,
//!     tags: vec![],
//!     audience: "public".into(),
//!     language: "zh".into(),
//!     attributes: BTreeMap::new(),
//!     from: 0,
//!     until: None,
//! };
//! index.apply(vec![Change {
//!     id: "return-policy".into(),
//!     live: LiveChange::Set(Box::new(document)),
//!     add_history: vec![],
//!     remove_history: vec![],
//! }])?;
//! let results = index.search(&Query::new("几天内能退货?"))?;
//! assert_eq!(results.hits[0].record.id, "return-policy");
//! # Ok(())
//! # }
//! ```

mod alike;
pub mod analyzer;
pub mod answer;
mod background;
pub mod bitset;
mod blocks;
mod candidates;
pub mod chunk;
pub mod classify;
mod closer;
mod company;
mod confidence;
mod correction;
mod count;
pub mod dense;
mod document;
pub mod embed;
#[cfg(feature = "transformer")]
mod encoder;
mod error;
mod evaluate;
mod filter;
mod fuse;
pub mod groups;
mod index;
mod keywords;
pub mod language;
mod lexical;
mod markdown;
mod negative;
pub mod normalize;
mod parts;
mod pinyin;
mod prepare;
mod query;
mod rank;
pub mod rerank;
mod rewrite;
mod same;
pub mod script;
mod search;
pub mod sentence;
mod settings;
mod shelf;
mod show;
mod shown;
mod snapshot;
pub mod snippet;
mod suggest;
mod table;
mod terms;
mod tokens;
mod window;
mod wording;
mod words;

pub use alike::Pair;
pub use candidates::{CandidatePassage, Candidates, PassageDetail};
pub use document::{Attribute, Change, Document, Interval, Known, LiveChange, Record};
pub use error::{Error, Kind, Result};
pub use filter::{Condition, Filter, Op};
pub use fuse::{Features, QueryFeatures};
pub use index::{Index, Opened, Stats, Vectors};
pub use keywords::Keyword;
pub use negative::Against;
pub use query::{Hit, MAX_TOTAL, Mode, Passage, Query, Results};
pub use rewrite::{
    Source,
    lexicon::Lexicon,
    synonyms::{SynonymRule, Synonyms},
};
pub use settings::{
    Combine, ConfidenceSettings, Evidence, FORMAT, Fusion, IndexSettings, NegativeSettings, RankSettings,
};
pub use snapshot::Snapshot;
pub use suggest::Suggestion;
