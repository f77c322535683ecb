//! Which model makes the vectors of a trial, and which one orders its hits anew?
//!
//! Invariant: a name leads to one model or to the reason why there is none.

use std::path::Path;
use std::sync::Arc;

use zhiyin_index::embed::{BilingualEmbedder, Embedder, HashEmbedder};
use zhiyin_index::rerank::Reranker;

use super::error::{Error, Result};

/// The model of that name: `bundled` (also where none is named), `hash`, or a folder in the Hugging Face layout.
///
/// # Errors
/// [`Error::Usage`] saying why there is none.
pub fn embedder(name: Option<&str>) -> Result<Arc<dyn Embedder>> {
    match name {
        None | Some("bundled" | "bilingual") => {
            let bundled = BilingualEmbedder::bundled();
            Ok(Arc::new(bundled.map_err(|why| Error::Usage(format!("the bundled model: {why}")))?))
        }
        Some("hash") => Ok(Arc::new(HashEmbedder::default())),
        Some(folder) if Path::new(folder).is_dir() => transformer(Path::new(folder)),
        Some(other) => {
            Err(Error::Usage(format!("there is no model '{other}': use bundled, hash, or a folder that holds one")))
        }
    }
}

#[cfg(feature = "transformer")]
fn transformer(folder: &Path) -> Result<Arc<dyn Embedder>> {
    use zhiyin_index::embed::{Threads, open};
    open(folder, Threads::default()).map_err(|why| Error::Usage(why.to_string()))
}

/// The reranker in that folder.
///
/// # Errors
/// [`Error::Usage`] saying why there is none.
#[cfg(feature = "transformer")]
pub fn reranker(folder: &Path) -> Result<Arc<dyn Reranker>> {
    use zhiyin_index::embed::Threads;
    use zhiyin_index::rerank::CrossEncoder;
    let loaded = CrossEncoder::load(folder, Threads::default());
    loaded.map(|model| Arc::new(model) as Arc<dyn Reranker>).map_err(|why| Error::Usage(why.to_string()))
}

#[cfg(not(feature = "transformer"))]
const WITHOUT: &str = "this program was built without the feature 'transformer', which computes models from folders";

#[cfg(not(feature = "transformer"))]
fn transformer(_folder: &Path) -> Result<Arc<dyn Embedder>> {
    Err(Error::Usage(WITHOUT.to_owned()))
}

/// The reranker in that folder.
///
/// # Errors
/// [`Error::Usage`] always: the program was built without what computes one.
#[cfg(not(feature = "transformer"))]
pub fn reranker(_folder: &Path) -> Result<Arc<dyn Reranker>> {
    Err(Error::Usage(WITHOUT.to_owned()))
}
