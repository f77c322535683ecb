//! How does a text become a vector? The trait every embedder fulfils, and the one that needs no file.
//!
//! Invariant: a vector is either of length 1 or all zeros (a text without content), and always of `dimension()` values.

mod bilingual;
mod hash;
mod languages;
#[cfg(feature = "transformer")]
mod recipe;
#[cfg(feature = "transformer")]
mod transformer;

#[cfg(feature = "transformer")]
pub use crate::encoder::{ModelError, Threads};
pub use bilingual::BilingualEmbedder;
pub use hash::HashEmbedder;
pub use languages::{Languages, WithinLanguages};
#[cfg(feature = "transformer")]
pub use recipe::{Overrides, Pooling, Recipe};
#[cfg(feature = "transformer")]
pub use transformer::{Description, TransformerEmbedder, describe, open};

/// What the text is for; some models embed questions and passages differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// What a person asks.
    Query,
    /// What the knowledge base holds.
    Passage,
}

/// Why no vector came back, by who must act.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmbedError {
    /// The embedder cannot answer now; the same call may succeed later.
    #[error("the embedder is unavailable: {0}")]
    Unavailable(String),
    /// The embedder refuses this input or this configuration; repeating the call does not help.
    #[error("the embedder refused the request: {0}")]
    Rejected(String),
}

/// Turns texts into unit vectors.
pub trait Embedder: Send + Sync {
    /// Names the model and everything that changes its vectors; vectors of different ids never meet in one index.
    fn id(&self) -> &str;

    /// The number of values of each vector.
    fn dimension(&self) -> usize;

    /// The embedder that this one stands before, and whose answers it gives where it has none of its own.
    fn wrapped(&self) -> Option<&dyn Embedder> {
        None
    }

    /// Whether some dozen sentences can be embedded while a search waits, in well under a millisecond.
    fn is_quick(&self) -> bool {
        self.wrapped().is_some_and(|inner| inner.is_quick())
    }

    /// Whether words are read in their context, as transformers do: the vectors' list then says more beside the words'
    /// than one of a model that only knows which words there are.
    fn reads_context(&self) -> bool {
        self.wrapped().is_some_and(|inner| inner.reads_context())
    }

    /// The languages whose texts it reads; those of another have no vector.
    fn languages(&self) -> Languages {
        self.wrapped().map_or(Languages::ALL, |inner| inner.languages())
    }

    /// One L2-normalised vector per text, in order; all zeros for a text without content, or that it
    /// does not read.
    ///
    /// # Errors
    /// [`EmbedError::Unavailable`] when waiting may help, [`EmbedError::Rejected`] when it will not.
    fn embed(&self, texts: &[&str], role: Role) -> Result<Vec<Vec<f32>>, EmbedError>;

    /// How near some words come to each of the texts; none where the embedder has no vectors of words that can be
    /// compared while a search waits.
    fn align(&self, words: &[&str], texts: &[&str]) -> Option<Vec<Alignment>> {
        self.wrapped()?.align(words, texts)
    }
}

/// How words and a text find each other: each takes the nearest of the other side (late interaction, by words).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Alignment {
    /// Cosine of each word to the nearest word of the text, in [0, 1].
    pub words: Vec<f32>,
    /// Mean over the words of the text of the cosine to the nearest of those that were given, in [0, 1].
    pub back: f32,
}

/// Brings a vector to length 1; one of zeros stays as it is.
pub(crate) fn normalise(vector: &mut [f32]) {
    let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    if length > 0.0 {
        for value in vector {
            *value /= length;
        }
    }
}

/// The product of two vectors, added up in sixteen lanes.
#[inline(always)]
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (mut lanes, (a, a_rest), (b, b_rest)) = ([0.0_f32; 16], a.as_chunks::<16>(), b.as_chunks::<16>());
    for (a, b) in a.iter().zip(b) {
        lanes.iter_mut().zip(a).zip(b).for_each(|((lane, x), y)| *lane += x * y);
    }
    lanes.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum::<f32>()
}
