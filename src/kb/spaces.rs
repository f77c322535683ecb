//! The spaces: making them, setting them, their own words.
//!
//! Invariant: what is kept at hand is what the store says; it changes after the store did.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::{Admin, Curator, Kb};
use crate::error::{Error, FieldError, Result};
use crate::id::SpaceId;
use crate::model::mask::{self, Masker};
use crate::model::space::{
    DictionaryWord, MAX_DAYS, MAX_DICTIONARY, MAX_FORMS, MAX_OUT_OF_SCOPE, Space, SpaceSettings,
};
use crate::model::text::Label;
use crate::store::AuditDraft;

impl Kb {
    /// Makes a space.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`]; [`Error::InvalidRequest`] for settings that make no sense.
    pub fn create_space(
        &self,
        admin: &Admin,
        id: SpaceId,
        name: Label,
        settings: SpaceSettings,
        now: Timestamp,
    ) -> Result<Space> {
        check(&settings)?;
        self.changed_model(&settings, None)?;
        self.try_reranker(settings.reranker.as_ref())?;
        let lock = self.inner.store.lock(&id);
        if self.inner.store.get_space(&id)?.is_some() {
            return Err(Error::AlreadyExists { what: "space", id: id.to_string() });
        }
        let space = Space { id: id.clone(), name, settings, created_at: now };
        self.write_space(&space, "space.create", admin.actor(), now)?;
        drop(lock);
        self.open_shelf(&id, true)?;
        Ok(space)
    }

    /// Every space, by id.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn list_spaces(&self, _admin: &Admin) -> Result<Vec<Space>> {
        self.inner.store.list_spaces()
    }

    /// A space.
    ///
    /// # Errors
    /// [`Error::SpaceNotFound`].
    pub fn get_space(&self, _admin: &Admin, id: &SpaceId) -> Result<Space> {
        self.inner.store.get_space(id)?.ok_or_else(|| Error::SpaceNotFound(id.clone()))
    }

    /// Changes name or settings; what is not given stays.
    ///
    /// # Errors
    /// [`Error::SpaceNotFound`]; [`Error::InvalidRequest`] for settings that make no sense.
    pub fn update_space(
        &self,
        admin: &Admin,
        id: &SpaceId,
        name: Option<Label>,
        settings: Option<SpaceSettings>,
        now: Timestamp,
    ) -> Result<Space> {
        let _lock = self.inner.store.lock(id);
        let mut space = self.get_space(admin, id)?;
        space.name = name.unwrap_or(space.name);
        let mut model = None;
        if let Some(settings) = settings {
            check(&settings)?;
            if settings.reranker != space.settings.reranker {
                self.try_reranker(settings.reranker.as_ref())?;
            }
            model = self.changed_model(&settings, Some(&space.settings))?;
            space.settings = settings;
        }
        self.write_space(&space, "space.update", admin.actor(), now)?;
        if let Some(model) = model
            && self.shelf(id)?.want(model)
        {
            self.rebuild_in_background(id)?;
        }
        Ok(space)
    }

    fn write_space(&self, space: &Space, action: &str, actor: &str, now: Timestamp) -> Result<()> {
        let store = &self.inner.store;
        let mut batch = store.batch();
        batch.put_space(space);
        batch.audit(AuditDraft {
            at: now,
            actor: actor.to_owned(),
            action: action.to_owned(),
            space: Some(space.id.clone()),
            subject: space.id.to_string(),
            detail: json!({ "name": space.name, "settings": space.settings }),
        });
        let ticket = store.commit(batch)?;
        store.sync(ticket)?;
        self.inner.spaces.write().insert(space.id.clone(), Arc::new(space.clone()));
        self.inner.maskers.write().remove(&space.id);
        Ok(())
    }

    /// What masks the texts of a space.
    pub(crate) fn masker(&self, id: &SpaceId) -> Arc<Masker> {
        if let Some(masker) = self.inner.maskers.read().get(id) {
            return masker.clone();
        }
        // Held while the settings are read, so that what they become meanwhile is not overwritten by what they were.
        let mut maskers = self.inner.maskers.write();
        let settings = self.space_settings(id).map(|settings| settings.privacy.settings()).unwrap_or_default();
        maskers.entry(id.clone()).or_insert_with(|| Arc::new(Masker::new(settings))).clone()
    }

    /// Masks a text of which it is not known whose it is: by what any space masks.
    pub fn mask_strictly(&self, text: &str) -> String {
        let privacy =
            self.inner.spaces.read().values().map(|space| space.settings.privacy.settings()).collect::<Vec<_>>();
        let mut strict = mask::Settings { orders: privacy.iter().any(|own| own.orders), patterns: Vec::new() };
        for pattern in privacy.into_iter().flat_map(|own| own.patterns) {
            if !strict.patterns.contains(&pattern) {
                strict.patterns.push(pattern);
            }
        }
        Masker::new(strict).mask(text)
    }

    /// The settings of a space.
    pub(crate) fn space_settings(&self, id: &SpaceId) -> Result<SpaceSettings> {
        let space = self.inner.spaces.read().get(id).cloned();
        space.map(|s| s.settings.clone()).ok_or_else(|| Error::SpaceNotFound(id.clone()))
    }

    /// Reads the spaces at start; makes the default one where there is none.
    pub(crate) fn load_spaces(&self, now: Timestamp) -> Result<()> {
        let spaces = self.inner.store.list_spaces()?;
        if spaces.is_empty() {
            let name = Label::try_from("Default".to_owned()).map_err(|e| Error::Config(e.to_string()))?;
            let space =
                Space { id: SpaceId::default_space(), name, settings: SpaceSettings::default(), created_at: now };
            return self.write_space(&space, "space.create", "system", now);
        }
        *self.inner.spaces.write() = spaces.into_iter().map(|s| (s.id.clone(), Arc::new(s))).collect();
        Ok(())
    }

    /// The space's own words.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn dictionary(&self, curator: &Curator) -> Result<Vec<DictionaryWord>> {
        self.inner.store.dictionary(&curator.grant().space)
    }

    /// Replaces the space's own words. The index is built anew with them in the background and then takes over;
    /// no restart is needed.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] for too many words or one that is there twice.
    pub fn set_dictionary(
        &self,
        curator: &Curator,
        words: Vec<DictionaryWord>,
        now: Timestamp,
    ) -> Result<Vec<DictionaryWord>> {
        let grant = curator.grant();
        let errors = check_words(&words);
        if !errors.is_empty() {
            return Err(Error::InvalidRequest(errors));
        }
        let store = &self.inner.store;
        let mut batch = store.batch();
        batch.put_dictionary(&grant.space, &words);
        batch.audit(AuditDraft {
            at: now,
            actor: grant.actor.clone(),
            action: "dictionary.set".into(),
            space: Some(grant.space.clone()),
            subject: grant.space.to_string(),
            detail: json!({ "words": words.len() }),
        });
        let ticket = store.commit(batch)?;
        store.sync(ticket)?;
        self.rebuild_in_background(&grant.space)?;
        Ok(words)
    }
}

fn check(settings: &SpaceSettings) -> Result<()> {
    if settings.threshold.is_some_and(|t| !(0.0..=1.0).contains(&t)) {
        return Err(Error::field("settings.threshold", "a threshold is a probability from 0 to 1"));
    }
    if settings.gap_bar.is_some_and(|bar| !(bar > 0.0 && bar <= 1.0)) {
        return Err(Error::field("settings.gap_bar", "it is a share above 0 and up to 1"));
    }
    let kept = settings.retention;
    let days = [("turns", kept.turns_days), ("queries", kept.queries_days), ("feedback", kept.feedback_days)];
    if let Some((what, _)) = days.into_iter().find(|(_, days)| *days > MAX_DAYS) {
        let message = format!("it is a number of days up to {MAX_DAYS}; 0 keeps for ever");
        return Err(Error::field(&format!("settings.retention.{what}_days"), message));
    }
    if settings.privacy.patterns.len() > MAX_FORMS {
        return Err(Error::field("settings.privacy.patterns", format!("at most {MAX_FORMS} are allowed")));
    }
    if settings.out_of_scope.len() > MAX_OUT_OF_SCOPE {
        return Err(Error::field("settings.out_of_scope", format!("at most {MAX_OUT_OF_SCOPE} are allowed")));
    }
    if let Some((field, why)) = settings.alerts.fault() {
        return Err(Error::field(field, why));
    }
    Ok(())
}

fn check_words(words: &[DictionaryWord]) -> Vec<FieldError> {
    if words.len() > MAX_DICTIONARY {
        let message = format!("there are {} words; at most {MAX_DICTIONARY} are allowed", words.len());
        return vec![FieldError::new("items", message)];
    }
    let mut seen = std::collections::HashSet::new();
    let twice = words.iter().enumerate().filter(|(_, w)| !seen.insert(w.word.as_str()));
    twice.map(|(i, w)| FieldError::new(format!("items[{i}].word"), format!("'{}' is there twice", w.word))).collect()
}
