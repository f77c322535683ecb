//! Fetching models from a hub, and taking them away again.
//!
//! Invariant: a folder under a model's name is whole and readable: files are fetched elsewhere and renamed at the end.

use std::collections::BTreeMap;

use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::json;

use super::Download;
use super::view::view;
use crate::error::{Error, Result};
use crate::id::ModelName;
use crate::kb::{Admin, Kb};
use crate::model::models::{ModelKind, ModelState, ModelView, PullOrder};
use crate::store::AuditDraft;

/// Repositories by short name: data, a name and a repository a line.
const KNOWN: &str = include_str!("known.txt");

/// Names that are taken.
const TAKEN: [fn() -> ModelName; 2] = [ModelName::bundled, ModelName::hash];

#[derive(Debug, Clone)]
struct Pull {
    source: String,
    bytes: u64,
    total: u64,
    failure: Option<String>,
}

/// What is being fetched, and what could not be.
#[derive(Default)]
pub(super) struct Pulls(Mutex<BTreeMap<ModelName, Pull>>);

impl Pulls {
    /// Adds what is not there yet to a list of models.
    pub fn show(&self, views: &mut Vec<ModelView>) {
        for (name, pull) in &*self.0.lock() {
            if views.iter().any(|view| view.name == *name) {
                continue;
            }
            let state = if pull.failure.is_some() { ModelState::Broken } else { ModelState::Pulling };
            views.push(ModelView {
                problem: pull.failure.clone(),
                source: Some(pull.source.clone()),
                bytes: Some(pull.bytes),
                total_bytes: Some(pull.total).filter(|total| *total > 0),
                ..view(name.clone(), ModelKind::Folder, state)
            });
        }
    }

    /// False where it is being fetched already.
    fn begin(&self, name: &ModelName, source: &str) -> bool {
        let mut pulls = self.0.lock();
        if pulls.get(name).is_some_and(|pull| pull.failure.is_none()) {
            return false;
        }
        pulls.insert(name.clone(), Pull { source: source.to_owned(), bytes: 0, total: 0, failure: None });
        true
    }

    fn came(&self, name: &ModelName, bytes: u64, total: u64) {
        if let Some(pull) = self.0.lock().get_mut(name) {
            (pull.bytes, pull.total) = (bytes, total);
        }
    }

    fn end(&self, name: &ModelName, failure: Option<String>) {
        let mut pulls = self.0.lock();
        match failure {
            None => drop(pulls.remove(name)),
            failure => {
                if let Some(pull) = pulls.get_mut(name) {
                    pull.failure = failure;
                }
            }
        }
    }
}

/// The repository meant by a short name, or the text itself.
fn repository(source: &str) -> &str {
    let mut lines = KNOWN.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' '));
    lines.find(|(name, _)| *name == source).map_or(source, |(_, repository)| repository.trim())
}

fn is_repository(text: &str) -> bool {
    let part = |part: &str| part.parse::<ModelName>().is_ok() && !part.contains("..");
    let parts: Vec<&str> = text.split('/').collect();
    parts.len() == 2 && parts.into_iter().all(part)
}

impl Kb {
    /// Fetches a model from a hub in the background; `get_model` tells how far it is.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] for a repository, revision or name that is none, [`Error::AlreadyExists`].
    pub fn pull_model(&self, admin: &Admin, order: &PullOrder, now: Timestamp) -> Result<ModelView> {
        let (name, download) = self.plan(order)?;
        let models = &self.inner.models;
        if models.folder_of(&name).is_ok() || models.settings.outside.endpoints().iter().any(|e| e.name == name) {
            return Err(Error::AlreadyExists { what: "model", id: name.to_string() });
        }
        if !models.pulls.begin(&name, &download.repository) {
            return Err(Error::AlreadyExists { what: "download of model", id: name.to_string() });
        }
        let told = self.audit_model(
            admin,
            "model.pull",
            &name,
            json!({ "source": download.repository, "revision": download.revision }),
            now,
        );
        let started = told.and_then(|()| self.fetch_in_background(name.clone(), download));
        if let Err(error) = started {
            self.inner.models.pulls.end(&name, None);
            return Err(error);
        }
        let found = self.list_models(admin).into_iter().find(|view| view.name == name);
        found.ok_or(Error::ModelNotFound(name))
    }

    fn plan(&self, order: &PullOrder) -> Result<(ModelName, Download)> {
        let repository = repository(order.source.trim());
        if !is_repository(repository) {
            let message =
                format!("'{repository}' is no repository such as BAAI/bge-small-zh-v1.5, nor a known short name");
            return Err(Error::field("source", message));
        }
        let revision = order.revision.clone().unwrap_or_else(|| "main".into());
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
        if revision.is_empty() || revision.contains("..") || !revision.chars().all(plain) {
            return Err(Error::field("revision", format!("'{revision}' is no branch, tag or commit")));
        }
        if let Some(mirror) =
            order.mirror.as_deref().filter(|m| !m.starts_with("https://") && !m.starts_with("http://"))
        {
            return Err(Error::field("mirror", format!("'{mirror}' is no address such as https://huggingface.co")));
        }
        let own = match repository.split_once('/').map(|(_, name)| name.to_owned().try_into()) {
            Some(Ok(name)) => name,
            _ => return Err(Error::field("source", format!("'{repository}' names no repository"))),
        };
        let name: ModelName = order.name.clone().unwrap_or(own);
        if TAKEN.iter().any(|taken| taken() == name) || name.as_str() == "none" {
            return Err(Error::field("name", format!("'{name}' is taken by the program itself")));
        }
        let folder = self.inner.models.folder.join(format!(".{name}.pull"));
        Ok((name, Download { repository: repository.to_owned(), revision, hub: order.mirror.clone(), folder }))
    }

    fn fetch_in_background(&self, name: ModelName, download: Download) -> Result<()> {
        let kb = self.clone();
        self.start_worker("pull", move || {
            let models = &kb.inner.models;
            let progress = |bytes, total| {
                models.pulls.came(&name, bytes, total);
                !kb.stopping()
            };
            let fetched = models.settings.outside.download(&download, &progress);
            let settled = fetched.and_then(|commit| kb.settle(&name, &download, &commit));
            match &settled {
                Ok(()) => tracing::info!(model = %name, source = download.repository, "the model was fetched"),
                Err(why) => {
                    tracing::warn!(model = %name, source = download.repository, why, "the model could not be fetched")
                }
            }
            models.pulls.end(&name, settled.err());
        })
    }

    /// Notes where the files came from, looks whether they can be read, and gives them their name.
    fn settle(&self, name: &ModelName, download: &Download, commit: &str) -> std::result::Result<(), String> {
        let note = json!({ "source": download.repository, "revision": commit });
        let told = |why: std::io::Error| format!("{}: {why}", download.folder.display());
        std::fs::write(download.folder.join("zhiyin.json"), note.to_string()).map_err(told)?;
        #[cfg(feature = "transformer")]
        zhiyin_index::embed::describe(&download.folder).map_err(|error| error.to_string())?;
        std::fs::rename(&download.folder, self.inner.models.folder.join(name.as_str())).map_err(told)?;
        self.inner.models.forget(name);
        Ok(())
    }

    /// Removes a model that was fetched.
    ///
    /// # Errors
    /// [`Error::ModelNotFound`] for one that was not fetched, [`Error::ModelInUse`].
    pub fn remove_model(&self, admin: &Admin, name: &ModelName, now: Timestamp) -> Result<()> {
        let models = &self.inner.models;
        if !models.is_pulled(name) {
            return Err(Error::ModelNotFound(name.clone()));
        }
        let wanted = self.inner.spaces.read().iter().any(|(_, space)| {
            [&space.settings.model, &space.settings.reranker].into_iter().any(|used| used.as_ref() == Some(name))
        });
        let view = self.get_model(admin, name)?;
        if wanted || view.default || !view.spaces.is_empty() {
            return Err(Error::ModelInUse(name.clone()));
        }
        self.audit_model(admin, "model.remove", name, serde_json::Value::Null, now)?;
        let folder = models.folder.join(name.as_str());
        std::fs::remove_dir_all(&folder).map_err(|why| Error::Index(format!("{}: {why}", folder.display())))?;
        models.forget(name);
        Ok(())
    }

    fn audit_model(
        &self,
        admin: &Admin,
        action: &str,
        name: &ModelName,
        detail: serde_json::Value,
        now: Timestamp,
    ) -> Result<()> {
        let store = &self.inner.store;
        let mut batch = store.batch();
        batch.audit(AuditDraft {
            at: now,
            actor: admin.actor().to_owned(),
            action: action.into(),
            space: None,
            subject: name.to_string(),
            detail,
        });
        let ticket = store.commit(batch)?;
        store.sync(ticket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_lead_to_repositories() {
        assert_eq!(repository("bge-small-zh"), "BAAI/bge-small-zh-v1.5");
        assert_eq!(repository("a/b"), "a/b");
        let known: Vec<&str> = KNOWN.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(
            known.iter().all(|line| line.split_once(' ').is_some_and(|(_, to)| is_repository(to.trim()))),
            "{known:?}"
        );
        for wrong in ["", "a", "a/b/c", "../b", "a/..", "a/b..c/", "a/b?x", "/a", "a//b"] {
            assert!(!is_repository(wrong), "{wrong}");
        }
    }
}
