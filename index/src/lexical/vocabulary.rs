//! What words does a segment hold? Its term dictionaries, read once when somebody first misspells.
//!
//! Invariant: a segment never changes, so neither does its vocabulary; only new segments are read.

use std::collections::HashMap;
use std::sync::Arc;

use super::failed;
use super::view::{LexicalView, Segment};
use crate::document::TEXT_FIELDS;
use crate::error::Result;
use crate::rewrite::vocabulary::Vocabulary;

/// What a passage counts that names a word in its title or is a question with it.
const NAMED: u32 = 10;

impl Segment {
    fn read_vocabulary(&self) -> Result<Vocabulary> {
        let mut words: HashMap<String, u32> = HashMap::new();
        for (field, name) in TEXT_FIELDS.iter().enumerate().filter(|(_, name)| **name != "grams") {
            let Some((inverted, _)) = self.text(field) else { continue };
            let each = if matches!(*name, "title" | "questions") { NAMED } else { 1 };
            let mut stream = inverted.terms().stream().map_err(failed)?;
            while stream.advance() {
                let weight = stream.value().doc_freq.saturating_mul(each);
                let Ok(text) = std::str::from_utf8(stream.key()) else { continue };
                match words.get_mut(text) {
                    Some(sum) => *sum = sum.saturating_add(weight),
                    None => drop(words.insert(text.to_owned(), weight)),
                }
            }
        }
        Ok(Vocabulary::of(words.into_iter()))
    }

    fn vocabulary(&self) -> Result<Arc<Vocabulary>> {
        let mut own = self.vocabulary.lock();
        if let Some(read) = own.as_ref() {
            return Ok(read.clone());
        }
        let read = Arc::new(self.read_vocabulary()?);
        *own = Some(read.clone());
        Ok(read)
    }
}

impl LexicalView {
    /// Bytes of the vocabularies that were made.
    pub fn vocabulary_bytes(&self) -> u64 {
        let own = self.segments.iter().filter_map(|segment| segment.vocabulary.lock().as_ref().map(|v| v.bytes()));
        own.sum::<usize>() as u64
    }

    /// The vocabularies of its segments.
    pub fn vocabularies(&self) -> Result<Vec<Arc<Vocabulary>>> {
        self.segments.iter().map(|segment| segment.vocabulary()).collect()
    }
}
