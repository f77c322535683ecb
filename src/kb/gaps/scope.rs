//! Is a question other business than the space's own? By how near it lies to what people named as such.
//!
//! Invariant: only people name other business: the space's settings, and gaps that an editor said to be out of scope.

use std::sync::Arc;

use zhiyin_index::embed::{Embedder, Role};

use crate::error::{Error, Result};
use crate::id::{ModelName, SpaceId};
use crate::kb::Kb;
use crate::model::gap::{CauseKind, HeadWhy, Proof};
use crate::model::mask::without_tags;

/// Cosine to an example from which a question is other business: with 75 examples of 15 intents of CLINC150 it finds 0.30
/// of their other questions, and takes 0.007 of those of the other 135 intents and 0.006 of BANKING77's for other
/// business; at 0.65 it would be 0.40, 0.019 and 0.018. What is taken wrongly is missed, so it must seldom be wrong, and
/// an example more is soon given. Measured by `index/examples/eval_scope.rs`.
const NEAR: f32 = 0.7;
/// Most examples that are taken from gaps.
const MAX_FROM_GAPS: usize = 2_000;

/// What is other business in a space.
pub(super) struct Scope {
    embedder: Arc<dyn Embedder>,
    examples: Vec<Vec<f32>>,
}

impl Kb {
    /// What people named as other business in a space, ready to be compared with.
    pub(super) fn scope(&self, space: &SpaceId) -> Result<Scope> {
        let mut examples: Vec<String> =
            self.space_settings(space)?.out_of_scope.iter().map(|example| example.as_str().to_owned()).collect();
        let own = examples.len();
        let said = |why: HeadWhy| why.kind == CauseKind::OutOfScope && why.proof == Proof::Editor;
        for gap in self.inner.store.gap_heads(space)?.iter().filter(|gap| gap.why.is_some_and(said)) {
            examples.extend(self.inner.store.get_gap(space, &gap.id)?.map(|gap| gap.examples).unwrap_or_default());
            if examples.len() >= own + MAX_FROM_GAPS {
                break;
            }
        }
        // The model by which gaps are grouped, whatever the space searches with.
        let model = self.inner.models.load(&ModelName::bundled()).map_err(Error::Index)?;
        let embedder = model.embedder.clone();
        let texts: Vec<String> = examples.iter().map(|text| without_tags(text)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).filter(|text| !text.trim().is_empty()).collect();
        let examples = vectors(embedder.as_ref(), &texts)?;
        Ok(Scope { embedder, examples })
    }
}

impl Scope {
    /// Whether a question is other business.
    pub fn excludes(&self, question: &str) -> Result<bool> {
        if self.examples.is_empty() {
            return Ok(false);
        }
        let asked = vectors(self.embedder.as_ref(), &[without_tags(question).as_str()])?;
        let near = |example: &Vec<f32>| {
            asked.iter().any(|asked| asked.iter().zip(example).map(|(a, b)| a * b).sum::<f32>() >= NEAR)
        };
        Ok(self.examples.iter().any(near))
    }
}

fn vectors(embedder: &dyn Embedder, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
    embedder.embed(texts, Role::Query).map_err(|why| Error::Index(format!("an example's vector: {why}")))
}
