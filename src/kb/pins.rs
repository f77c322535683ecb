//! Pins: what an editor wants first, never or alone when a query is asked.
//!
//! Invariant: a pin shows nobody what they may not see; it moves a confidence as evidence does, unless it says that it
//! answers. The past is searched without pins.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::RwLock;
use serde_json::{Value, json};
use zhiyin_index::{Filter, Hit, Op, Query, Results, Snapshot};

use super::golden::draft;
use super::records::form;
use super::shelf::engine_error;
use super::{Curator, Grant, Kb};
use crate::error::{Error, Result};
use crate::id::{PinId, SpaceId};
use crate::model::page::Page;
use crate::model::pin::{MAX_PINS, NewPin, Pin, PinAction, PinMatch};
use crate::model::text::QueryText;

/// What the odds of a pinned article are multiplied by: an editor who saw the whole query, or a part of it.
const ODDS_EXACT: f32 = 4.0;
const ODDS_PART: f32 = 2.0;

/// A pin with the form of its text.
pub(crate) struct Ready {
    form: String,
    pin: Pin,
}

/// The pins of each space at hand: what the store says.
#[derive(Default)]
pub(crate) struct PinBoard(RwLock<BTreeMap<SpaceId, Arc<Vec<Ready>>>>);

impl PinBoard {
    /// The pins of a space, read from the store when they were not asked for since they changed.
    fn of(&self, kb: &Kb, space: &SpaceId) -> Result<Arc<Vec<Ready>>> {
        if let Some(known) = self.0.read().get(space) {
            return Ok(known.clone());
        }
        // Read under the lock: what a writer takes away below is never put back by a slower reader.
        let mut board = self.0.write();
        let mut pins = Vec::new();
        for pin in kb.inner.store.pins(space) {
            let pin = pin?;
            pins.push(Ready { form: form(pin.query.as_str()), pin });
        }
        // What says most about the query comes first: the whole of it, then its beginning, then a part; longer texts first.
        pins.sort_by_key(|ready| {
            (place(ready.pin.matching), std::cmp::Reverse(ready.form.len()), ready.pin.id.clone())
        });
        let pins = Arc::new(pins);
        board.insert(space.clone(), pins.clone());
        Ok(pins)
    }

    fn forget(&self, space: &SpaceId) {
        self.0.write().remove(space);
    }
}

fn place(matching: PinMatch) -> u8 {
    match matching {
        PinMatch::Exact => 0,
        PinMatch::Prefix => 1,
        PinMatch::Contains => 2,
    }
}

/// What the pins that a query meets come to.
pub(crate) struct Pinned {
    pins: Arc<Vec<Ready>>,
    /// Articles that are not found.
    never: Vec<String>,
    /// Articles that stand first, each with the number of its pin: those of the pin that says most about the query lead.
    first: Vec<(String, usize)>,
    /// Whether those alone are found.
    alone: bool,
}

impl Kb {
    /// Pins, in the order in which they were made; only those that a query meets now, where one is given.
    ///
    /// # Errors
    /// [`Error::InvalidQuery`] for a cursor that is none; [`Error::Store`].
    pub fn list_pins(
        &self,
        curator: &Curator,
        query: Option<&QueryText>,
        limit: usize,
        cursor: Option<&str>,
        now: Timestamp,
    ) -> Result<Page<Pin>> {
        let offset: usize = match cursor {
            None => 0,
            Some(text) => text.parse().map_err(|_| Error::query("cursor", "it is not one that this list gave"))?,
        };
        let asked = query.map(|query| form(query.as_str()));
        let mut pins = Vec::new();
        for pin in self.inner.store.pins(&curator.grant().space) {
            let pin = pin?;
            let meets = |asked: &String| pin.covers(now) && pin.matching.holds(asked, &form(pin.query.as_str()));
            if asked.as_ref().is_none_or(meets) {
                pins.push(pin);
            }
        }
        let more = pins.len() > offset + limit;
        let items = pins.into_iter().skip(offset).take(limit).collect();
        Ok(Page { items, next_cursor: more.then(|| (offset + limit).to_string()) })
    }

    /// A pin.
    ///
    /// # Errors
    /// [`Error::PinNotFound`].
    pub fn get_pin(&self, curator: &Curator, id: &PinId) -> Result<Pin> {
        let found = self.inner.store.get_pin(&curator.grant().space, id)?;
        found.ok_or_else(|| Error::PinNotFound(id.clone()))
    }

    /// Makes a pin; searches heed it from now on.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] naming every wrong field.
    pub fn add_pin(&self, curator: &Curator, new: NewPin, now: Timestamp) -> Result<Pin> {
        let lock = self.inner.store.lock(&curator.grant().space);
        let there = self.inner.store.pins(&curator.grant().space).count();
        if there >= MAX_PINS {
            return Err(Error::field("query", format!("the space has {there} pins; at most {MAX_PINS} are allowed")));
        }
        let pin = self.write_pin(curator, PinId::fresh(now.as_millisecond()), new, "pin.add", now);
        drop(lock);
        pin
    }

    /// Replaces what a pin says.
    ///
    /// # Errors
    /// [`Error::PinNotFound`]; [`Error::InvalidRequest`] naming every wrong field.
    pub fn set_pin(&self, curator: &Curator, id: &PinId, new: NewPin, now: Timestamp) -> Result<Pin> {
        let lock = self.inner.store.lock(&curator.grant().space);
        self.get_pin(curator, id)?;
        let pin = self.write_pin(curator, id.clone(), new, "pin.set", now);
        drop(lock);
        pin
    }

    /// Takes a pin away.
    ///
    /// # Errors
    /// [`Error::PinNotFound`].
    pub fn remove_pin(&self, curator: &Curator, id: &PinId, now: Timestamp) -> Result<()> {
        let grant = curator.grant();
        let store = &self.inner.store;
        let lock = store.lock(&grant.space);
        let pin = self.get_pin(curator, id)?;
        let mut batch = store.batch();
        batch.remove_pin(&grant.space, id);
        batch.audit(draft(grant, "pin.remove", id.to_string(), said(&pin), now));
        let ticket = store.commit(batch)?;
        self.inner.pins.forget(&grant.space);
        drop(lock);
        store.sync(ticket)
    }

    fn write_pin(&self, curator: &Curator, id: PinId, new: NewPin, action: &str, now: Timestamp) -> Result<Pin> {
        let grant = curator.grant();
        let mut errors = self.missing_articles(&grant.space, &new.articles, "")?;
        errors.extend(new.faults(&form(new.query.as_str())));
        if !errors.is_empty() {
            return Err(Error::InvalidRequest(errors));
        }
        let pin = Pin {
            id,
            query: new.query,
            matching: new.matching,
            action: new.action,
            articles: new.articles,
            answers: new.answers,
            from: new.from,
            until: new.until,
            note: new.note,
            by: grant.actor.clone(),
            at: now,
        };
        let store = &self.inner.store;
        let mut batch = store.batch();
        batch.put_pin(&grant.space, &pin);
        batch.audit(draft(grant, action, pin.id.to_string(), said(&pin), now));
        let ticket = store.commit(batch)?;
        self.inner.pins.forget(&grant.space);
        store.sync(ticket)?;
        Ok(pin)
    }

    /// What the space's pins want of this query; nothing where it meets none.
    pub(crate) fn pinned(&self, grant: &Grant, query: &str, now: Timestamp) -> Result<Option<Pinned>> {
        let pins = self.inner.pins.of(self, &grant.space)?;
        if pins.is_empty() {
            return Ok(None);
        }
        let asked = form(query);
        let meets = |ready: &&Ready| ready.pin.covers(now) && ready.pin.matching.holds(&asked, &ready.form);
        if !pins.iter().any(|ready| meets(&ready)) {
            return Ok(None);
        }
        let met: Vec<(usize, &Ready)> = pins.iter().enumerate().filter(|(_, ready)| meets(ready)).collect();
        let of = |action: PinAction| met.iter().filter(move |(_, ready)| ready.pin.action == action);
        let never = of(PinAction::Never).flat_map(|(_, r)| r.pin.articles.iter().map(ToString::to_string)).collect();
        let alone = of(PinAction::Instead).next().is_some();
        let mut pinned = Pinned { pins: pins.clone(), never, first: Vec::new(), alone };
        for (number, ready) in &met {
            if ready.pin.action == PinAction::Never {
                continue;
            }
            for article in ready.pin.articles.iter().map(ToString::to_string) {
                let there = pinned.never.contains(&article) || pinned.first.iter().any(|(id, _)| *id == article);
                if !there {
                    pinned.first.push((article, *number));
                }
            }
            // Pins that say less about the query do not add to what shall stand alone.
            if ready.pin.action == PinAction::Instead {
                break;
            }
        }
        Ok(Some(pinned))
    }
}

impl Pinned {
    /// How many of the first hits are there because they are pinned.
    pub(crate) fn leading(&self, results: &Results) -> usize {
        let is_pinned = |hit: &&Hit| self.first.iter().any(|(id, _)| id.as_str() == hit.record.id);
        results.hits.iter().take_while(is_pinned).count()
    }

    /// Searches as the pins want it. Pinned articles that the query's filter does not let through are not there;
    /// where that leaves a pin nothing to show alone, the others are shown as ever.
    ///
    /// # Errors
    /// As [`Snapshot::search`].
    pub(crate) fn search(&self, index: &Snapshot<'_>, mut query: Query) -> Result<Results> {
        if !self.never.is_empty() {
            let never = Filter::Not { not: Box::new(among(&self.never)) };
            query.filter = Some(with(query.filter.take(), never));
        }
        let ids: Vec<&str> = self.first.iter().map(|(id, _)| id.as_str()).collect();
        let mut pinned = match ids.is_empty() {
            true => Vec::new(),
            false => index.hits_of(&ids, &query).map_err(engine_error)?,
        };
        let shown: Vec<String> = pinned.iter().map(|hit| hit.record.id.clone()).collect();
        let (offset, limit) = (query.offset, query.limit);
        query.offset = 0;
        query.limit = offset + limit + pinned.len();
        if self.alone && !shown.is_empty() {
            query.filter = Some(with(query.filter.take(), among(&shown)));
        }
        let mut results = index.search(&query).map_err(engine_error)?;
        let others: Vec<Hit> = results.hits.drain(..).filter(|hit| !shown.contains(&hit.record.id)).collect();
        self.weigh(&mut pinned, others.first(), query.explain);
        results.total = results.total.max(pinned.len() + others.len()).min(zhiyin_index::MAX_TOTAL);
        results.hits = pinned;
        results.hits.extend(others);
        results.confidence = results.hits.first().map_or(0.0, |hit| hit.score);
        results.hits = results.hits.into_iter().skip(offset).take(limit).collect();
        Ok(results)
    }

    /// Gives pinned hits their score: what they have by themselves, raised by the editor's word. Who puts an article
    /// before another one says that it answers at least as well.
    fn weigh(&self, pinned: &mut [Hit], next: Option<&Hit>, explain: bool) {
        let (mut score, mut relevance) = next.map_or((0.0, 0.0), |hit| (hit.score, hit.relevance));
        for hit in pinned.iter_mut().rev() {
            let number = self.first.iter().find(|(id, _)| *id == hit.record.id).map(|(_, number)| *number);
            let Some(Ready { pin, .. }) = number.and_then(|number| self.pins.get(number)) else { continue };
            let odds = if pin.matching == PinMatch::Exact { ODDS_EXACT } else { ODDS_PART };
            let answers = pin.answers && pin.articles.first().is_some_and(|first| first.as_str() == hit.record.id);
            let own = if answers { 1.0 } else { raised(hit.score, odds) };
            score = own.max(score);
            relevance = hit.relevance.max(relevance);
            (hit.score, hit.relevance) = (score, relevance);
            if let (true, Some(why)) = (explain, hit.explain.as_mut().and_then(Value::as_object_mut)) {
                why.insert("pin".into(), said(pin));
            }
        }
    }
}

/// A probability whose odds are so many times what they were.
fn raised(probability: f32, odds: f32) -> f32 {
    odds * probability / (1.0 + (odds - 1.0) * probability)
}

fn among(ids: &[String]) -> Filter {
    Filter::condition("id", Op::In, Value::from(ids))
}

fn with(filter: Option<Filter>, more: Filter) -> Filter {
    match filter {
        Some(filter) => filter.and(more),
        None => more,
    }
}

fn said(pin: &Pin) -> Value {
    json!({ "id": pin.id, "query": pin.query, "match": pin.matching, "action": pin.action, "articles": pin.articles,
        "answers": pin.answers, "from": pin.from, "until": pin.until })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_moves_a_probability_and_never_past_its_ends() {
        assert_eq!((raised(0.0, 4.0), raised(1.0, 4.0)), (0.0, 1.0));
        // Odds of 1 to 4 become 1 to 1.
        assert!((raised(0.2, 4.0) - 0.5).abs() < 1e-6);
        assert!(raised(0.6, 2.0) > 0.6);
    }
}
