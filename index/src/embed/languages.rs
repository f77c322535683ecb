//! Which languages does a model read, and what becomes of texts in one that it does not?
//!
//! Invariant: a text that the model cannot read has no vector, whoever it is for: it is found by its words alone.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{EmbedError, Embedder, Role, dot};
use crate::language::{Language, detect};

/// Pairs of texts that say the same in other words.
const READINGS: &str = include_str!("../../data/readings.tsv");

/// Share of the pairs that a model must find together to read their language.
const READ: f32 = 0.5;

/// Which of the two languages a model reads; texts in any other are always given to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<&'static str>")]
pub struct Languages {
    zh: bool,
    en: bool,
}

impl Languages {
    /// Both.
    pub const ALL: Self = Self { zh: true, en: true };

    /// Whether texts in a language are read.
    pub fn reads(self, language: Language) -> bool {
        match language {
            Language::Zh => self.zh,
            Language::En => self.en,
            Language::Other => true,
        }
    }

    /// The tags of those that are read, ascending.
    pub fn tags(self) -> Vec<&'static str> {
        let all = [(self.en, Language::En), (self.zh, Language::Zh)];
        all.into_iter().filter(|(reads, _)| *reads).map(|(_, language)| language.as_str()).collect()
    }

    /// Looks how many of the pairs that say the same a model finds among the others. One that finds most pairs of one
    /// language and less than half of the other's reads the first only; where it finds neither it is taken at its word.
    ///
    /// # Errors
    /// As [`Embedder::embed`].
    pub fn measured(model: &dyn Embedder) -> Result<Self, EmbedError> {
        let found = |language: Language| found(model, &pairs(language));
        let (zh, en) = (found(Language::Zh)? >= READ, found(Language::En)? >= READ);
        Ok(if zh || en { Self { zh, en } } else { Self::ALL })
    }
}

impl TryFrom<Vec<String>> for Languages {
    type Error = String;

    fn try_from(tags: Vec<String>) -> Result<Self, String> {
        if let Some(other) = tags.iter().find(|tag| !Self::ALL.tags().contains(&tag.as_str())) {
            return Err(format!("'{other}' is no language that is told apart: known are en and zh"));
        }
        let has = |language: Language| tags.iter().any(|tag| tag == language.as_str());
        let languages = Self { zh: has(Language::Zh), en: has(Language::En) };
        if tags.is_empty() { Err("a model reads one language at least: en, zh or both".into()) } else { Ok(languages) }
    }
}

impl From<Languages> for Vec<&'static str> {
    fn from(languages: Languages) -> Self {
        languages.tags()
    }
}

fn pairs(language: Language) -> Vec<(&'static str, &'static str)> {
    let rows = READINGS.lines().filter_map(|line| line.split_once('\t')).filter(|(tag, _)| *tag == language.as_str());
    rows.filter_map(|(_, pair)| pair.split_once('\t')).collect()
}

/// The share of texts, of both sides, whose other wording is nearer than all the others'.
fn found(model: &dyn Embedder, pairs: &[(&str, &str)]) -> Result<f32, EmbedError> {
    let (asked, said): (Vec<&str>, Vec<&str>) = pairs.iter().copied().unzip();
    let (asked, said) = (model.embed(&asked, Role::Query)?, model.embed(&said, Role::Passage)?);
    let firsts = |from: &[Vec<f32>], to: &[Vec<f32>]| {
        let first = |(i, text): &(usize, &Vec<f32>)| {
            let own = to.get(*i).map_or(0.0, |other| dot(text, other));
            to.iter().enumerate().all(|(j, other)| j == *i || dot(text, other) < own)
        };
        from.iter().enumerate().filter(first).count()
    };
    Ok((firsts(&asked, &said) + firsts(&said, &asked)) as f32 / (2 * pairs.len()).max(1) as f32)
}

/// A model that is given only what it reads.
pub struct WithinLanguages {
    inner: Arc<dyn Embedder>,
    languages: Languages,
    id: String,
}

impl WithinLanguages {
    /// Keeps from a model what it does not read; one that reads both is given back as it is.
    pub fn keep(inner: Arc<dyn Embedder>, languages: Languages) -> Arc<dyn Embedder> {
        if languages == Languages::ALL {
            return inner;
        }
        let id = format!("{}+{}", inner.id(), languages.tags().join("+"));
        Arc::new(Self { inner, languages, id })
    }
}

impl Embedder for WithinLanguages {
    fn id(&self) -> &str {
        &self.id
    }

    fn dimension(&self) -> usize {
        self.inner.dimension()
    }

    fn wrapped(&self) -> Option<&dyn Embedder> {
        Some(&*self.inner)
    }

    fn languages(&self) -> Languages {
        self.languages
    }

    fn embed(&self, texts: &[&str], role: Role) -> Result<Vec<Vec<f32>>, EmbedError> {
        let mut vectors = vec![vec![0.0; self.dimension()]; texts.len()];
        let read: Vec<usize> =
            (0..texts.len()).filter(|i| texts.get(*i).is_some_and(|text| self.languages.reads(detect(text)))).collect();
        if read.is_empty() {
            return Ok(vectors);
        }
        let own: Vec<&str> = read.iter().filter_map(|i| texts.get(*i).copied()).collect();
        for (i, vector) in read.into_iter().zip(self.inner.embed(&own, role)?) {
            if let Some(place) = vectors.get_mut(i) {
                *place = vector;
            }
        }
        Ok(vectors)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::embed::{BilingualEmbedder, HashEmbedder};

    /// The bundled model, which has not learned Chinese.
    struct English(BilingualEmbedder);

    impl Embedder for English {
        fn id(&self) -> &str {
            "english"
        }

        fn dimension(&self) -> usize {
            self.0.dimension()
        }

        fn embed(&self, texts: &[&str], role: Role) -> Result<Vec<Vec<f32>>, EmbedError> {
            let seen: Vec<&str> =
                texts.iter().map(|t| if detect(t) == Language::Zh { "what is it" } else { t }).collect();
            self.0.embed(&seen, role)
        }
    }

    #[test]
    fn what_a_model_reads_is_measured_and_what_it_does_not_read_has_no_vector() {
        assert!([Language::Zh, Language::En].iter().all(|language| pairs(*language).len() == 20));
        let bundled = BilingualEmbedder::bundled().unwrap();
        assert_eq!(Languages::measured(&bundled).unwrap(), Languages::ALL);
        assert_eq!(Languages::measured(&HashEmbedder::default()).unwrap(), Languages::ALL, "neither is found");
        let english: Arc<dyn Embedder> = Arc::new(English(bundled));
        let languages = Languages::measured(&*english).unwrap();
        assert_eq!(languages.tags(), ["en"]);
        let kept = WithinLanguages::keep(english.clone(), languages);
        let texts = ["how do I return it", "怎么退货", "iPhone 15 怎么退货", "123"];
        let vectors = kept.embed(&texts, Role::Query).unwrap();
        let none: Vec<bool> = vectors.iter().map(|vector| vector.iter().all(|value| *value == 0.0)).collect();
        assert_eq!(none[..3], [false, true, true]);
        assert_eq!(vectors[0], english.embed(&texts[..1], Role::Query).unwrap()[0]);
        assert_eq!((kept.id(), kept.languages()), ("english+en", languages));
        assert_eq!(WithinLanguages::keep(english, Languages::ALL).id(), "english");
    }

    #[test]
    fn languages_are_written_as_tags() {
        let read = |text: &str| serde_json::from_str::<Languages>(text);
        assert_eq!(serde_json::to_string(&read(r#"["zh","en"]"#).unwrap()).unwrap(), r#"["en","zh"]"#);
        assert!(read("[]").unwrap_err().to_string().contains("at least"));
        assert!(read(r#"["fr"]"#).unwrap_err().to_string().contains("'fr'"));
    }
}
