//! Vectors that need not be made again: a cache by content and model in front of an embedder.
//!
//! Invariant: a cached vector is the one the model gives, in the index's own coding: using the cache or not makes no
//! difference to any result.

use std::sync::Arc;

use zhiyin_index::dense::Code;
use zhiyin_index::embed::{EmbedError, Embedder, Role};

use crate::store::Store;

/// An embedder whose passages are remembered in the store.
pub(crate) struct CachedEmbedder {
    inner: Arc<dyn Embedder>,
    store: Store,
}

impl CachedEmbedder {
    pub fn new(inner: Arc<dyn Embedder>, store: Store) -> Self {
        Self { inner, store }
    }
}

impl Embedder for CachedEmbedder {
    fn id(&self) -> &str {
        self.inner.id()
    }

    fn dimension(&self) -> usize {
        self.inner.dimension()
    }

    fn wrapped(&self) -> Option<&dyn Embedder> {
        Some(&*self.inner)
    }

    fn embed(&self, texts: &[&str], role: Role) -> Result<Vec<Vec<f32>>, EmbedError> {
        if role == Role::Query {
            return self.inner.embed(texts, role);
        }
        let hashes: Vec<[u8; 32]> = texts.iter().map(|text| *blake3::hash(text.as_bytes()).as_bytes()).collect();
        let model = self.inner.id();
        let known = self.store.vectors_get(model, &hashes).unwrap_or_else(|error| {
            tracing::warn!(%error, "cached vectors could not be read");
            vec![None; texts.len()]
        });
        let known: Vec<Option<Vec<f32>>> =
            known.iter().map(|bytes| bytes.as_deref().and_then(|b| decode(b, self.dimension()))).collect();
        let missing: Vec<&str> =
            texts.iter().zip(&known).filter(|(_, known)| known.is_none()).map(|(text, _)| *text).collect();
        let made = if missing.is_empty() { Vec::new() } else { self.inner.embed(&missing, role)? };
        let mut made = made.into_iter();
        let mut fresh = Vec::new();
        let mut vectors = Vec::with_capacity(texts.len());
        for (known, hash) in known.into_iter().zip(hashes) {
            match known {
                Some(vector) => vectors.push(vector),
                None => {
                    let Some(vector) = made.next() else {
                        return Err(EmbedError::Unavailable("the model gave too few vectors".into()));
                    };
                    let code = Code::quantize(&vector);
                    fresh.push((hash, encode(&code)));
                    vectors.push(code.dequantize());
                }
            }
        }
        if let Err(error) = self.store.vectors_put(model, &fresh) {
            tracing::warn!(%error, "vectors could not be cached");
        }
        Ok(vectors)
    }
}

/// Scale (4 bytes, little-endian) and one byte a value.
fn encode(code: &Code) -> Vec<u8> {
    let mut bytes = code.scale.to_le_bytes().to_vec();
    bytes.extend(code.values.iter().map(|v| v.to_le_bytes()[0]));
    bytes
}

fn decode(bytes: &[u8], dimension: usize) -> Option<Vec<f32>> {
    let (scale, values) = bytes.split_first_chunk::<4>()?;
    let values: Box<[i8]> = values.iter().map(|b| i8::from_le_bytes([*b])).collect();
    let code = Code { scale: f32::from_le_bytes(*scale), values };
    (code.values.len() == dimension).then(|| code.dequantize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_survives_the_cache() {
        let code = Code::quantize(&[0.6, -0.8, 0.0, 0.1]);
        let back = decode(&encode(&code), 4);
        assert_eq!(back, Some(code.dequantize()));
        assert_eq!(decode(&encode(&code), 5), None, "another dimension is another model");
    }
}
