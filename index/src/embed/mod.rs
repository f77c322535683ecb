//! How does a text become a vector? The trait every embedder fulfils, and the one that needs no file.
//!
//! Invariant: a vector is either of length 1 or all zeros (a text without content), and always of `dimension()` values.

mod bilingual;
mod hash;
#[cfg(feature = "transformer")]
mod recipe;
#[cfg(feature = "transformer")]
mod transformer;

#[cfg(feature = "transformer")]
pub use crate::encoder::{ModelError, Threads};
pub use bilingual::BilingualEmbedder;
pub use hash::HashEmbedder;
#[cfg(feature = "transformer")]
pub use recipe::{Overrides, Pooling, Recipe};
#[cfg(feature = "transformer")]
pub use transformer::{Description, TransformerEmbedder, describe};

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

    /// Whether some dozen sentences can be embedded while a search waits, in well under a millisecond.
    fn is_quick(&self) -> bool {
        false
    }

    /// Whether words are read in their context, as transformers do: the vectors' list then says more beside the words'
    /// than one of a model that only knows which words there are.
    fn reads_context(&self) -> bool {
        false
    }

    /// One L2-normalised vector per text, in order; all zeros for a text without content.
    ///
    /// # Errors
    /// [`EmbedError::Unavailable`] when waiting may help, [`EmbedError::Rejected`] when it will not.
    fn embed(&self, texts: &[&str], role: Role) -> Result<Vec<Vec<f32>>, EmbedError>;
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
