//! Which index files are in use, and which model made them?
//!
//! Invariant: an index is opened with the model that made it, or with none at all; never with another one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use zhiyin_index::Index;

use super::io;
use crate::error::Result;
use crate::id::ModelName;
use crate::kb::models::{Model, ModelRecord, Models};

/// Name of the file that says which generation of a space's index is in use.
const CURRENT: &str = "current";
/// What an index that has never been embedded is said to be made with.
const NEVER: &str = "none";

/// An index and the model that made it.
pub(crate) struct Generation {
    pub index: Arc<Index>,
    pub model: Arc<Model>,
}

/// The model that an index is opened with.
pub(super) struct Chosen {
    pub model: Arc<Model>,
    /// The model that it is to have.
    pub wanted: ModelName,
    /// Whether it must be built anew with that one.
    pub must_change: bool,
    /// Why the model that is wanted cannot be used.
    pub problem: Option<String>,
}

/// The number of the generation in use.
pub(super) fn current(dir: &Path) -> u64 {
    let text = std::fs::read_to_string(dir.join(CURRENT)).unwrap_or_default();
    text.trim().parse().unwrap_or(1)
}

/// Makes a generation the one in use, with one rename.
pub(super) fn point_to(dir: &Path, number: u64) -> Result<()> {
    let (pointer, draft) = (dir.join(CURRENT), dir.join("current.new"));
    std::fs::write(&draft, number.to_string()).map_err(|e| io(&draft, &e))?;
    std::fs::rename(&draft, &pointer).map_err(|e| io(&pointer, &e))
}

fn record_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number}.model.json"))
}

/// Notes the model of a generation.
pub(super) fn note(dir: &Path, number: u64, model: &Model) -> Result<()> {
    let path = record_path(dir, number);
    let text = serde_json::to_string(&model.record()).unwrap_or_default();
    std::fs::write(&path, text).map_err(|e| io(&path, &e))
}

fn noted(dir: &Path, number: u64) -> Option<ModelRecord> {
    let text = std::fs::read(record_path(dir, number)).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Removes every generation but one.
pub(super) fn remove_others(dir: &Path, keep: u64) -> std::io::Result<()> {
    let record = record_path(dir, keep);
    for entry in std::fs::read_dir(dir)?.flatten() {
        let path = entry.path();
        if path.is_dir() && entry.file_name() != keep.to_string().as_str() {
            std::fs::remove_dir_all(&path)?;
        } else if path != record && path.to_string_lossy().ends_with(".model.json") {
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Finds the model for the generation in use. Where nothing is asked for, an index keeps the model it has.
pub(super) fn choose(dir: &Path, number: u64, models: &Models, asked: Option<&ModelName>) -> Chosen {
    let noted = noted(dir, number);
    let kept = noted.as_ref().map(|record| record.name.clone());
    let wanted = asked.cloned().or(kept).unwrap_or_else(ModelName::bundled);
    // Before models could be chosen there was one only.
    let before = || ModelRecord { name: ModelName::hash(), id: "hash-v1-256".into(), dimension: 256 };
    let record = noted.or_else(|| dir.join(number.to_string()).exists().then(before));
    let loaded = models.load(&wanted);
    let (model, problem) = match (loaded, &record) {
        (Ok(model), None) => (model, None),
        (Ok(model), Some(record)) if model.embedder.id() == record.id => (model, None),
        (Ok(model), Some(record)) => {
            let reason = format!("the index is being built anew for model '{}'", model.name);
            (made_by(models, record).unwrap_or_else(|| Arc::new(Model::absent(record, reason))), None)
        }
        (Err(reason), record) => {
            let never = ModelRecord { name: wanted.clone(), id: NEVER.into(), dimension: 1 };
            let record = record.as_ref().unwrap_or(&never);
            let model = made_by(models, record).unwrap_or_else(|| Arc::new(Model::absent(record, reason.clone())));
            (model, Some(reason))
        }
    };
    let loaded = models.load(&wanted).ok();
    let must_change = loaded.is_some_and(|wanted| wanted.embedder.id() != model.embedder.id());
    Chosen { model, wanted, must_change, problem }
}

/// The model that made an index, where it can still be had.
fn made_by(models: &Models, record: &ModelRecord) -> Option<Arc<Model>> {
    models.load(&record.name).ok().filter(|model| model.embedder.id() == record.id)
}
