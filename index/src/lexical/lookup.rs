//! How common are the terms of a query, and where do their postings stand?
//!
//! Invariant: a term is looked up once per search, however often it is asked for.

use std::collections::HashMap;
use std::sync::Arc;

use tantivy::Term;
use tantivy::postings::TermInfo;

use super::failed;
use super::score::K1;
use super::statistics::Totals;
use super::view::LexicalView;
use crate::analyzer::{QueryKind, QueryTerm};
use crate::bitset::DocSet as DocumentSet;
use crate::document::{FIELD_COUNT, TEXT_FIELDS};
use crate::error::Result;
use crate::rewrite::vocabulary::Vocabulary;
use crate::settings::RankSettings;

/// Most grams that one character is completed to.
const MAX_EXPANSION: usize = 64;

/// The views that are searched, each narrowed to the documents that count (for the past).
pub(crate) type Views<'a> = Vec<(&'a LexicalView, Option<&'a DocumentSet>)>;

/// One term in one field, with its weight.
pub(super) struct Clause {
    pub field: usize,
    pub text: String,
    /// The most that it gives.
    pub weight: f32,
    pub frequency: u64,
    /// Its postings, by view and segment.
    pub places: Vec<Vec<Option<TermInfo>>>,
}

/// A term as the views have it.
pub(crate) struct Found {
    pub(super) clauses: Arc<[Clause]>,
    /// Passages that hold it, in the field where most do.
    pub frequency: u64,
    /// How rare it is; one that nobody wrote counts as the rarest.
    pub idf: f32,
    /// What its kind is weighed with: stop words and bigrams less.
    pub strength: f32,
}

/// Looks terms up.
pub(crate) struct Lookup<'a> {
    pub views: Views<'a>,
    pub totals: Totals,
    pub rank: &'a RankSettings,
    known: HashMap<(String, QueryKind), Arc<Found>>,
}

fn idf(frequency: u64, passages: u64) -> f32 {
    let (n, df) = (passages as f32, frequency as f32);
    ((n - df + 0.5) / (df + 0.5)).ln_1p()
}

impl<'a> Lookup<'a> {
    pub fn new(views: Views<'a>, totals: Totals, rank: &'a RankSettings) -> Self {
        Self { views, totals, rank, known: HashMap::new() }
    }

    /// A term in every field where its kind stands.
    pub fn find(&mut self, term: &QueryTerm) -> Result<Arc<Found>> {
        let key = (term.term.clone(), term.kind);
        if let Some(found) = self.known.get(&key) {
            return Ok(found.clone());
        }
        let found = Arc::new(self.look_up(term)?);
        self.known.insert(key, found.clone());
        Ok(found)
    }

    /// Whether any passage that counts holds the term.
    pub fn is_known(&mut self, term: &QueryTerm) -> Result<bool> {
        Ok(self.find(term)?.frequency > 0)
    }

    /// The words of everything that is searched.
    pub fn vocabularies(&self) -> Result<Vec<Arc<Vocabulary>>> {
        let all: Result<Vec<_>> = self.views.iter().map(|(view, _)| view.vocabularies()).collect();
        Ok(all?.concat())
    }

    fn look_up(&self, term: &QueryTerm) -> Result<Found> {
        let stop = if term.stop { self.rank.stop_weight } else { 1.0 };
        let gram = term.kind != QueryKind::Word;
        let texts = match term.kind {
            QueryKind::GramPrefix => expand(&self.views, &term.term)?,
            _ => vec![term.term.clone()],
        };
        let mut clauses = Vec::new();
        for text in texts {
            for (field, name) in TEXT_FIELDS.iter().enumerate() {
                if (*name == "grams") == gram {
                    clauses.extend(self.clause(field, &text, stop * self.rank.field_weight(field))?);
                }
            }
        }
        let frequency = clauses.iter().map(|c| c.frequency).max().unwrap_or(0);
        // An unseen term counts as the rarest: what nobody wrote about cannot be answered.
        let idf = idf(frequency, self.totals.passages.max(1));
        let strength = stop * if gram { self.rank.grams } else { 1.0 };
        Ok(Found { clauses: clauses.into(), frequency, idf, strength })
    }

    /// A term in a field, where any passage that counts has it.
    fn clause(&self, field: usize, text: &str, boost: f32) -> Result<Option<Clause>> {
        let mut frequency = 0;
        let mut places = Vec::with_capacity(self.views.len());
        for (view, accept) in &self.views {
            let Some(of_field) = view.fields.text.get(field) else { return Ok(None) };
            let term = Term::from_field_text(*of_field, text);
            let own = view.locate(field, &term)?;
            frequency += view.frequency(field, &term, &own, *accept)?;
            places.push(own);
        }
        let weight = boost * idf(frequency, self.totals.passages.max(1)) * (K1 + 1.0);
        Ok((frequency > 0).then(|| Clause { field, text: text.to_owned(), weight, frequency, places }))
    }
}

/// Grams that begin with a character, commonest first.
fn expand(views: &Views<'_>, prefix: &str) -> Result<Vec<String>> {
    let mut found: HashMap<String, u64> = HashMap::new();
    for (view, _) in views {
        for segment in &view.segments {
            let Some((inverted, _)) = segment.text(FIELD_COUNT - 1) else { continue };
            let mut end = prefix.as_bytes().to_vec();
            end.push(0xff);
            let mut stream = inverted.terms().range().ge(prefix.as_bytes()).lt(&end).into_stream().map_err(failed)?;
            while stream.advance() {
                if let Ok(text) = std::str::from_utf8(stream.key()) {
                    *found.entry(text.to_owned()).or_default() += u64::from(stream.value().doc_freq);
                }
            }
        }
    }
    let mut grams: Vec<(String, u64)> = found.into_iter().collect();
    grams.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    grams.truncate(MAX_EXPANSION);
    Ok(grams.into_iter().map(|(text, _)| text).collect())
}
