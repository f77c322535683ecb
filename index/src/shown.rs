//! Given documents as hits of a query, whether its lists hold them or not.
//!
//! Invariant: a document that does not pass the query's filter is not shown, whoever asks for it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::confidence::confidence;
use crate::document::passage_id;
use crate::error::Result;
use crate::filter::{Filter, Op};
use crate::fuse::Features;
use crate::index::{Index, View};
use crate::query::{Hit, Query};
use crate::rank::{Candidate, Ranked, best_per_document};
use crate::search::Gathered;
use crate::show::{explain, hit, shown_passage};
use crate::snippet::Highlighter;

impl Index {
    /// The live documents of these ids that pass the query's filter, in the order given, each as the hit it would be:
    /// its own features, confidence and best passage. One that shares nothing with the query shows its first passage.
    ///
    /// # Errors
    /// As [`Index::search`].
    pub fn hits_of(&self, ids: &[&str], query: &Query) -> Result<Vec<Hit>> {
        self.hits_in(&self.view.load_full(), ids, query)
    }

    pub(crate) fn hits_in(&self, view: &View, ids: &[&str], query: &Query) -> Result<Vec<Hit>> {
        let wanted = Filter::condition("id", Op::In, ids.iter().copied().map(Value::from).collect());
        let filter = match &query.filter {
            Some(filter) => wanted.and(filter.clone()),
            None => wanted,
        };
        let query = Query { filter: Some(filter), limit: ids.len(), offset: 0, as_of: None, ..query.clone() };
        let gathered = self.gathered(view, &query)?;
        let Gathered { parts, rewritten, vector, prepared, features, candidates, .. } = gathered;
        let mut ranked = best_per_document(candidates, &parts);
        // What neither list holds: every other accepted document, at its first passage.
        let held: BTreeSet<String> = ranked.iter().map(|r| r.record.id.clone()).collect();
        for (number, part) in parts.iter().enumerate() {
            let accepted = part.shelf.table.iter().filter(|(d, _)| part.accept.as_ref().is_none_or(|a| a.contains(*d)));
            for (document, record) in accepted.filter(|(_, record)| !held.contains(&record.id)) {
                let (passage, none) = (passage_id(document, 0), Features::default());
                let best = Candidate { part: number, passage, features: none, relevance: 0.0 };
                ranked.push(Ranked { best, chunk: None, record: record.clone() });
            }
        }
        let background = self.background.load();
        let (rank, highlighter) = (&self.settings.rank, Highlighter::new(&rewritten.terms()));
        let mut hits = Vec::with_capacity(ranked.len());
        for id in ids {
            let Some(ranked) = ranked.iter().find(|r| r.record.id == *id) else { continue };
            let Some(part) = parts.get(ranked.best.part) else { continue };
            let shown = shown_passage(ranked, part, prepared.as_ref(), vector.as_ref(), &features, rank)?;
            let mut found = hit(ranked, part, shown, &highlighter)?;
            found.score = confidence(&ranked.best.features, &features, rank, &background);
            if query.explain {
                found.explain = Some(explain(ranked, part, prepared.as_ref(), &features, rank, &background)?);
            }
            if view.instead.is_none() {
                self.show_answering(&query, &mut found, &highlighter)?;
            }
            hits.push(found);
        }
        Ok(hits)
    }
}
