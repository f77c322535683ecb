//! How common are the terms of a query, and where do their postings stand?
//!
//! Invariant: a term is looked up once per search, however often it is asked for.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::cursor::{K1, norms};
use super::failed;
use super::found::{Clause, FieldNorms, Found, List, VIEWS, lists};
use super::known::{Basis, Known};
use super::statistics::Totals;
use super::view::{InField, LexicalView};
use crate::analyzer::{QueryKind, QueryTerm};
use crate::bitset::DocSet as DocumentSet;
use crate::document::FIELD_COUNT;
use crate::error::Result;
use crate::rewrite::Alternative;
use crate::rewrite::vocabulary::Vocabulary;
use crate::settings::RankSettings;

/// Most grams that one character is completed to.
const MAX_EXPANSION: usize = 64;

/// The views that are searched, each narrowed to the documents that count (for the past).
pub(crate) type Views<'a> = Vec<(&'a LexicalView, Option<&'a DocumentSet>)>;

/// Looks terms up.
pub(crate) struct Lookup<'a> {
    pub views: Views<'a>,
    pub totals: Totals,
    pub rank: &'a RankSettings,
    pub(super) norms: Arc<FieldNorms>,
    basis: Basis,
    /// What remembers terms from search to search.
    memory: Option<&'a Mutex<Known>>,
    /// Where nothing may remember them, since only some of its documents count.
    known: HashMap<(String, QueryKind, bool), Arc<Found>>,
}

fn idf(frequency: u64, passages: u64) -> f32 {
    let (n, df) = (passages as f32, frequency as f32);
    ((n - df + 0.5) / (df + 0.5)).ln_1p()
}

impl<'a> Lookup<'a> {
    /// `memory` must belong to these views and to these of their documents; a view that is searched as a whole has its own.
    pub fn new(views: Views<'a>, totals: Totals, rank: &'a RankSettings, memory: Option<&'a Mutex<Known>>) -> Self {
        let norms = Arc::new(std::array::from_fn(|field| norms(totals.mean_length(field))));
        let basis = Basis::of(&totals, rank);
        let memory = memory.or(match views.as_slice() {
            [(view, None)] => Some(&view.known),
            _ => None,
        });
        Self { views, totals, rank, norms, basis, memory, known: HashMap::new() }
    }

    /// A term in every field where its kind stands.
    pub fn find(&mut self, term: &QueryTerm) -> Result<Arc<Found>> {
        if let Some(memory) = self.memory {
            if let Some(found) = memory.lock().get(&self.basis, term) {
                return Ok(found);
            }
            let found = Arc::new(self.look_up(term)?);
            memory.lock().insert(&self.basis, term, &found);
            return Ok(found);
        }
        let key = (term.term.clone(), term.kind, term.stop);
        if let Some(found) = self.known.get(&key) {
            return Ok(found.clone());
        }
        let found = Arc::new(self.look_up(term)?);
        self.known.insert(key, found.clone());
        Ok(found)
    }

    /// Translations of a word, made where they are not remembered.
    pub fn translations(&self, word: &str, make: impl FnOnce() -> Vec<Alternative>) -> Arc<[Alternative]> {
        let Some(memory) = self.memory else { return make().into() };
        if let Some(known) = memory.lock().translations.get(word, |_| 1) {
            return known;
        }
        let made: Arc<[Alternative]> = make().into();
        memory.lock().translations.insert(word.into(), made.clone(), 1);
        made
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
        let mut clauses = Vec::new();
        let mut frequency = 0;
        let mut add = |text: &str| -> Result<()> {
            frequency = frequency.max(self.clauses(text, gram, stop, &mut clauses)?);
            Ok(())
        };
        match term.kind {
            QueryKind::GramPrefix => expand(&self.views, &term.term)?.iter().try_for_each(|text| add(text))?,
            _ => add(&term.term)?,
        }
        // An unseen term counts as the rarest: what nobody wrote about cannot be answered.
        let idf = idf(frequency, self.totals.passages.max(1));
        let strength = stop * if gram { self.rank.grams } else { 1.0 };
        let mut found = Found { clauses, lists: Default::default(), frequency, idf, strength };
        if frequency > 0 {
            for (number, (own, (view, _))) in found.lists.iter_mut().zip(&self.views).enumerate() {
                let of = |(ordinal, segment): (usize, &Arc<_>)| -> Result<Vec<List>> {
                    lists(&found.clauses, (number, ordinal), segment, &self.norms)
                };
                *own = view.segments.iter().enumerate().map(of).collect::<Result<_>>()?;
            }
        }
        Ok(found)
    }

    /// A text in every field where any passage that counts has it; in how many it stands where most do.
    fn clauses(&self, text: &str, gram: bool, boost: f32, clauses: &mut Vec<Clause>) -> Result<u64> {
        let mut held: [Vec<InField>; VIEWS] = Default::default();
        for (own, (view, accept)) in held.iter_mut().zip(&self.views) {
            *own = view.held(text, gram, *accept)?;
        }
        if held.iter().all(Vec::is_empty) {
            return Ok(0);
        }
        let (text, mut most): (Arc<str>, u64) = (text.into(), 0);
        for field in 0..FIELD_COUNT {
            let places = held.each_mut().map(|held| {
                let place = held.iter().position(|own| own.field == field);
                place.map(|place| held.swap_remove(place))
            });
            let frequency: u64 = places.iter().flatten().map(|own| own.frequency).sum();
            if frequency > 0 {
                let rarity = idf(frequency, self.totals.passages.max(1));
                let weight = boost * self.rank.field_weight(field) * rarity * (K1 + 1.0);
                clauses.push(Clause { field, text: text.clone(), weight, places });
                most = most.max(frequency);
            }
        }
        Ok(most)
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
