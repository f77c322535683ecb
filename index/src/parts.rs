//! Which documents a search may look at: the live shelf, or both shelves as they were at a moment.
//!
//! Invariant: a document that does not pass is in no part, so no list, total or facet can hold it.

use std::sync::Arc;

use crate::bitset::DocSet;
use crate::document::Record;
use crate::evaluate::Check;
use crate::filter::Filter;
use crate::index::View;
use crate::lexical::{Lookup, Totals, Views};
use crate::query::Query;
use crate::settings::RankSettings;
use crate::shelf::ShelfView;

/// One shelf within a search.
pub(crate) struct Part<'a> {
    pub shelf: &'a ShelfView,
    /// Documents that count for statistics; all where absent.
    pub time: Option<DocSet>,
    /// Documents that may be hits; all where absent.
    pub accept: Option<Arc<DocSet>>,
}

/// The live documents that pass, remembered for the next search with the same filter.
pub(crate) fn accepted(view: &View, filter: &Filter, check: &Check) -> Arc<DocSet> {
    let key = serde_json::to_string(filter).unwrap_or_default();
    if let Some(set) = view.filters.lock().get(&key) {
        return set.clone();
    }
    let set = Arc::new(passing(view.live.as_ref(), |record| check.passes(record)));
    view.remember(key, set.clone());
    set
}

pub(crate) fn passing(shelf: &ShelfView, passes: impl Fn(&Record) -> bool) -> DocSet {
    let mut set = DocSet::with_capacity(shelf.table.bound() as usize);
    for (document, record) in shelf.table.iter() {
        if passes(record) {
            set.insert(document);
        }
    }
    set
}

pub(crate) fn parts<'a>(view: &'a View, query: &Query, check: Option<&Check>) -> Vec<Part<'a>> {
    let wanted = |record: &Record| {
        check.is_none_or(|c| c.passes(record)) && query.without.as_ref().is_none_or(|id| *id != record.id)
    };
    let Some(at) = query.as_of else {
        let accept = match (&query.filter, check, &query.without) {
            (None, _, None) => None,
            (Some(filter), Some(check), None) => Some(accepted(view, filter, check)),
            _ => Some(Arc::new(passing(&view.live, wanted))),
        };
        // A filter that everything passes costs nothing.
        let accept = accept.filter(|a| a.count() as u64 != view.live.table.documents);
        return match &view.instead {
            None => vec![Part { shelf: &view.live, time: None, accept }],
            Some(instead) => instead.parts(&view.live, accept.as_deref(), wanted),
        };
    };
    [&view.live, &view.history]
        .into_iter()
        .map(|shelf| Part {
            shelf,
            time: Some(passing(shelf, |record| record.covers(at))),
            accept: Some(Arc::new(passing(shelf, |record| record.covers(at) && wanted(record)))),
        })
        .collect()
}

/// What looks terms up, with statistics over exactly what counts.
pub(crate) fn lookup<'a>(view: &'a View, query: &Query, parts: &'a [Part<'_>], rank: &'a RankSettings) -> Lookup<'a> {
    let views: Views<'a> = parts.iter().map(|part| (&part.shelf.lexical, part.time.as_ref())).collect();
    if let Some(instead) = view.instead.as_ref().filter(|_| query.as_of.is_none()) {
        return Lookup::new(views, instead.totals.clone(), rank, Some(&instead.memory));
    }
    let mut totals = Totals::default();
    for part in parts {
        let table = &part.shelf.table;
        match &part.time {
            None => totals.add(table.passages, &table.lengths, &table.present),
            Some(time) => {
                for record in time.iter().filter_map(|d| table.get(d)) {
                    let lengths = record.lengths.map(u64::from);
                    totals.add(u64::from(record.passages), &lengths, &record.present.map(u64::from));
                }
            }
        }
    }
    Lookup::new(views, totals, rank, None)
}
