//! How does a text become the numbers that an encoder reads? By the model's own `tokenizer.json`.
//!
//! Invariant: the only file that names the tokenizers crate; a sequence is never longer than asked for, and never padded.

use std::path::Path;

use tokenizers::{EncodeInput, Tokenizer, TruncationParams};

use super::ModelError;
use super::config::Shape;

/// The tokens of a text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Sequence {
    pub ids: Vec<u32>,
    pub types: Vec<u32>,
}

/// A model's tokenizer.
pub(crate) struct Tokens {
    tokenizer: Tokenizer,
    vocabulary: usize,
    types: usize,
}

impl Tokens {
    /// Reads `tokenizer.json`; texts are cut to `most` tokens, special ones included.
    pub fn read(folder: &Path, shape: &Shape, most: usize) -> Result<Self, ModelError> {
        let path = folder.join("tokenizer.json");
        if !path.is_file() {
            let hint = "is missing; a model's slow tokenizer (vocab.txt, sentencepiece.bpe.model) is not read";
            return Err(ModelError::new(&path, hint));
        }
        let wrong = |why: tokenizers::Error| ModelError::new(&path, format!("cannot be used: {why}"));
        let mut tokenizer = Tokenizer::from_file(&path).map_err(wrong)?;
        // The file may ask for padding to a fixed length, or cut shorter than the model reads.
        tokenizer.with_padding(None);
        let cut = TruncationParams { max_length: most, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(cut)).map_err(wrong)?;
        Ok(Self { tokenizer, vocabulary: shape.vocabulary, types: shape.types })
    }

    /// The tokens of a text.
    pub fn of(&self, text: &str) -> Result<Sequence, String> {
        self.encode(text.into())
    }

    /// The tokens of two texts together, as a cross-encoder reads them.
    pub fn of_pair(&self, first: &str, second: &str) -> Result<Sequence, String> {
        self.encode((first, second).into())
    }

    fn encode(&self, input: EncodeInput<'_>) -> Result<Sequence, String> {
        let encoding = self.tokenizer.encode_fast(input, true).map_err(|why| format!("the tokenizer failed: {why}"))?;
        let ids = encoding.get_ids().to_vec();
        if let Some(strange) = ids.iter().find(|id| **id as usize >= self.vocabulary) {
            return Err(format!("the tokenizer gives token {strange}, and the model knows {}", self.vocabulary));
        }
        let last = u32::try_from(self.types - 1).unwrap_or_default();
        let types = encoding.get_type_ids().iter().map(|kind| (*kind).min(last)).collect();
        Ok(Sequence { ids, types })
    }
}
