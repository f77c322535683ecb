//! What is stored of classifiers: what they are, and the examples they are trained on?
//!
//! Invariant: a classifier and its examples are written and removed together.

use super::Store;
use super::batch::Batch;
use super::keys::Table;
use crate::error::Result;
use crate::id::{ClassifierName, SpaceId};
use crate::model::classify::{ClassifierView, LabelledExample};

impl Store {
    /// A classifier.
    ///
    /// # Errors
    /// `Store` when it cannot be read; so for every read below.
    pub fn get_classifier(&self, space: &SpaceId, name: &ClassifierName) -> Result<Option<ClassifierView>> {
        self.read(Table::Classifier, &Table::Classifier.key().id(space.as_str()).id(name.as_str()).bytes())
    }

    /// The examples of a classifier; none where there is no such classifier.
    ///
    /// # Errors
    /// `Store`.
    pub fn classifier_examples(&self, space: &SpaceId, name: &ClassifierName) -> Result<Vec<LabelledExample>> {
        let key = Table::Examples.key().id(space.as_str()).id(name.as_str()).bytes();
        Ok(self.read(Table::Examples, &key)?.unwrap_or_default())
    }

    /// The classifiers of a space, ascending by name.
    ///
    /// # Errors
    /// `Store`.
    pub fn list_classifiers(&self, space: &SpaceId) -> Result<Vec<ClassifierView>> {
        let prefix = Table::Classifier.key().id(space.as_str());
        let rows = self.scan(Table::Classifier, prefix.clone().bytes(), prefix.end());
        rows.map(|row| row.map(|(_, classifier)| classifier)).collect()
    }
}

impl Batch {
    /// Writes a classifier with its examples.
    pub fn put_classifier(&mut self, space: &SpaceId, classifier: &ClassifierView, examples: &[LabelledExample]) {
        let key = |table: Table| table.key().id(space.as_str()).id(classifier.name.as_str()).bytes();
        self.put(Table::Classifier, key(Table::Classifier), classifier);
        self.put(Table::Examples, key(Table::Examples), examples);
    }

    /// Removes a classifier with its examples.
    pub fn remove_classifier(&mut self, space: &SpaceId, name: &ClassifierName) {
        for table in [Table::Classifier, Table::Examples] {
            self.remove(table.key().id(space.as_str()).id(name.as_str()).bytes());
        }
    }
}
