//! What is told of the models: all there are, each with what its files say.
//!
//! Invariant: looking loads nothing; a folder that cannot be used is listed with the reason.

use std::path::Path;

use super::Models;
use crate::error::{Error, Result};
use crate::id::{ModelName, SpaceId};
use crate::kb::{Admin, Kb};
use crate::model::models::{ModelKind, ModelState, ModelTask, ModelView};

impl Kb {
    /// Every model, by name; those that come with the program first.
    pub fn list_models(&self, _admin: &Admin) -> Vec<ModelView> {
        let models = &self.inner.models;
        let mut views = vec![
            view(ModelName::bundled(), ModelKind::Bundled, ModelState::Ready),
            view(ModelName::hash(), ModelKind::Hash, ModelState::Ready),
        ];
        for endpoint in models.settings.outside.endpoints() {
            let dimension = u32::try_from(endpoint.dimension).ok();
            let source = Some(endpoint.source);
            views.push(ModelView { dimension, source, ..view(endpoint.name, ModelKind::Endpoint, ModelState::Ready) });
        }
        views.extend(models.settings.folders.iter().map(|(name, folder)| folder_view(name.clone(), folder)));
        let entries = std::fs::read_dir(&models.folder).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.path().is_dir()) {
            let name = entry.file_name().into_string().ok().and_then(|name| ModelName::try_from(name).ok());
            if let Some(name) = name.filter(|name| views.iter().all(|view| view.name != *name)) {
                views.push(folder_view(name, &entry.path()));
            }
        }
        models.pulls.show(&mut views);
        if let Some(fixed) = views.split_at_mut_checked(2).map(|(_, rest)| rest) {
            fixed.sort_by(|a, b| a.name.cmp(&b.name));
        }
        self.mark_use(&mut views);
        views
    }

    /// A model.
    ///
    /// # Errors
    /// [`Error::ModelNotFound`].
    pub fn get_model(&self, admin: &Admin, name: &ModelName) -> Result<ModelView> {
        let found = self.list_models(admin).into_iter().find(|view| view.name == *name);
        found.ok_or_else(|| Error::ModelNotFound(name.clone()))
    }

    fn mark_use(&self, views: &mut [ModelView]) {
        let settings = &self.inner.models.settings;
        let default = settings.default.clone().unwrap_or_else(ModelName::bundled);
        let used: Vec<(SpaceId, ModelName)> = {
            let shelves = self.inner.shelves.read();
            let of = shelves.iter().flat_map(|(space, shelf)| {
                let made = shelf.model().name.clone();
                let scores = self.reranker_of(space);
                std::iter::once(made).chain(scores).map(|name| (space.clone(), name))
            });
            of.collect()
        };
        for view in views {
            let languages = self.inner.models.languages_of(&view.name);
            view.languages = languages.map(|languages| languages.tags().into_iter().map(str::to_owned).collect());
            view.default = view.name == default || settings.reranker.as_ref() == Some(&view.name);
            view.spaces = used.iter().filter(|(_, name)| *name == view.name).map(|(space, _)| space.clone()).collect();
        }
    }
}

impl Models {
    /// Whether the folder of that name is one that was pulled.
    pub(super) fn is_pulled(&self, name: &ModelName) -> bool {
        !self.settings.folders.contains_key(name) && self.folder.join(name.as_str()).is_dir()
    }
}

pub(super) fn view(name: ModelName, kind: ModelKind, state: ModelState) -> ModelView {
    ModelView {
        name,
        kind,
        task: ModelTask::Embed,
        state,
        problem: None,
        dimension: None,
        languages: None,
        source: None,
        bytes: None,
        total_bytes: None,
        default: false,
        spaces: Vec::new(),
    }
}

#[cfg(feature = "transformer")]
fn folder_view(name: ModelName, folder: &Path) -> ModelView {
    match zhiyin_index::embed::describe(folder) {
        Ok(about) => ModelView {
            task: if about.classifies { ModelTask::Rerank } else { ModelTask::Embed },
            dimension: u32::try_from(about.dimension).ok().filter(|_| !about.classifies),
            source: Some(about.source.unwrap_or_else(|| folder.display().to_string())),
            bytes: Some(about.bytes),
            ..view(name, ModelKind::Folder, ModelState::Ready)
        },
        Err(error) => ModelView {
            problem: Some(error.to_string()),
            source: Some(folder.display().to_string()),
            ..view(name, ModelKind::Folder, ModelState::Broken)
        },
    }
}

#[cfg(not(feature = "transformer"))]
fn folder_view(name: ModelName, folder: &Path) -> ModelView {
    ModelView {
        problem: Some(super::WITHOUT.to_owned()),
        source: Some(folder.display().to_string()),
        ..view(name, ModelKind::Folder, ModelState::Broken)
    }
}
