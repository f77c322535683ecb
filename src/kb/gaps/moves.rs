//! How forms change their gaps: when the machine groups them anew, or an editor says so.
//!
//! Invariant: what was counted of a form goes with it, day by day, and gaps without forms end; a gap that somebody works
//! on neither ends nor loses a form unless an editor wants it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::error::Result;
use crate::id::{GapId, SpaceId};
use crate::kb::Kb;
use crate::model::gap::{Form, Gap, GapChange, GapDay, GapEvent, GapStatus, Heat};
use crate::store::{AuditDraft, Batch};

/// Forms moved in one batch: with their days well below what the store may have unsynced.
const BATCH: usize = 64;

/// A form and where it is to stand.
#[derive(Debug, Clone)]
pub(super) struct Move {
    pub form: GapId,
    pub to: GapId,
    pub group: Option<u64>,
}

/// What a gap is to be called.
#[derive(Debug, Clone)]
pub(super) struct Called {
    /// The form whose question is the clearest.
    pub form: GapId,
    pub keywords: Vec<String>,
    /// The closed gap of the same group, where there is one.
    pub related: Option<GapId>,
}

/// What is to be forgotten of forms.
pub(crate) struct Forget<'a> {
    /// Forms without the wordings that go.
    pub kept: Vec<Form>,
    /// Forms that nobody else asked.
    pub gone: Vec<Form>,
    /// What goes.
    pub texts: &'a BTreeSet<&'a str>,
    /// Hashes of who asked, and of whoever is to stand for them.
    pub sources: &'a [(u64, u64)],
    /// Now.
    pub now: Timestamp,
}

/// Gaps and days as they are while forms are moved.
#[derive(Default)]
struct Moving {
    gaps: BTreeMap<GapId, Gap>,
    forms: BTreeMap<GapId, Form>,
    left: Vec<(GapId, GapId)>,
    gone: BTreeSet<GapId>,
    days: BTreeMap<GapId, BTreeMap<Date, GapDay>>,
    /// Who moves, and when, where the gaps are to say so.
    by: Option<(String, Timestamp)>,
}

impl Kb {
    /// Moves forms for the machine, some at a time; gives how many did change their gap. Gaps say that it was done by
    /// `by`, where somebody is named: that a new wording finds its place is no history.
    pub(super) fn move_forms(
        &self,
        space: &SpaceId,
        moves: &[Move],
        called: &BTreeMap<GapId, Called>,
        by: Option<&str>,
        now: Timestamp,
    ) -> Result<usize> {
        let mut moved = 0;
        let mut by_target: Vec<&Move> = moves.iter().collect();
        by_target.sort_by(|a, b| a.to.cmp(&b.to));
        for some in by_target.chunks(BATCH) {
            let lock = self.inner.store.lock(space);
            let counting = self.inner.gaps.lock();
            let mut moving = Moving { by: by.map(|by| (by.to_owned(), now)), ..Moving::default() };
            // What was decided before an editor spoke does not undo what the editor did.
            let spoken_of = self.inner.boards.spoken_of(space);
            for one in some.iter().filter(|one| !spoken_of.contains(&one.form)) {
                moved += usize::from(self.move_form(space, &mut moving, one, false, now)?);
            }
            let mut batch = self.inner.store.batch();
            self.write_moves(space, moving, called, &mut batch)?;
            let ticket = self.inner.store.commit(batch)?;
            drop(counting);
            drop(lock);
            self.inner.store.sync(ticket)?;
        }
        Ok(moved)
    }

    /// Moves forms as an editor wants it, all in one batch with the entry in the audit log. The caller holds both locks.
    pub(super) fn move_forms_by_hand(
        &self,
        space: &SpaceId,
        moves: &[Move],
        batch: &mut Batch,
        audit: AuditDraft,
        now: Timestamp,
    ) -> Result<()> {
        let mut moving = Moving { by: Some((audit.actor.clone(), now)), ..Moving::default() };
        for one in moves {
            self.move_form(space, &mut moving, one, true, now)?;
        }
        // What was worked on in a gap that ends goes on in the one that takes its forms.
        for one in moves {
            let ended: Option<Gap> = moving
                .left
                .iter()
                .find(|(form, _)| *form == one.form)
                .and_then(|(_, from)| moving.gaps.get(from))
                .cloned();
            let (Some(ended), Some(into)) = (ended, moving.gaps.get_mut(&one.to)) else { continue };
            // What only lost some of its forms keeps its article: an editor parted them because they ask for another.
            let moved = |form: &GapId| moving.forms.get(form).is_some_and(|form| form.gap != ended.id);
            if !self.inner.store.form_ids(space, &ended.id)?.iter().all(moved) {
                continue;
            }
            if into.article_id.is_none() && ended.article_id.is_some() && into.id != ended.id {
                into.article_id = ended.article_id;
                into.verification = None;
                // What is published already waits for nobody: the next proof says whether it answers both.
                into.status = if ended.status == GapStatus::Drafting { GapStatus::Drafting } else { GapStatus::Open };
            }
        }
        self.write_moves(space, moving, &BTreeMap::new(), batch)?;
        batch.audit(audit);
        Ok(())
    }

    /// Writes forms that lost wordings, and takes others out of their gaps with all that was counted of them; gaps
    /// without forms end. Strangers take the place of sources. Says how many gaps ended. The caller holds both locks.
    pub(crate) fn forget_forms(&self, batch: &mut Batch, space: &SpaceId, forget: Forget<'_>) -> Result<u64> {
        let Forget { kept, gone, texts, sources, now } = forget;
        let mut moving = Moving::default();
        for form in gone.iter().chain(&kept) {
            self.gap_of_move(space, &mut moving, &form.gap, now)?;
        }
        for form in &gone {
            if let Some(days) = moving.days.get_mut(&form.gap) {
                days.values_mut().for_each(|day| drop(day.part(std::slice::from_ref(&form.id))));
            }
            batch.remove_form(form);
            moving.gone.insert(form.id.clone());
        }
        for day in moving.days.values_mut().flat_map(BTreeMap::values_mut) {
            sources.iter().for_each(|(source, stranger)| day.forget(*source, *stranger));
        }
        let mut ended = 0;
        for (id, gap) in &mut moving.gaps {
            ended += u64::from(self.inner.store.form_ids(space, id)?.iter().all(|form| moving.gone.contains(form)));
            // Its words were taken from all of its questions; they come back with the next consolidation.
            if !texts.is_empty() {
                gap.keywords.clear();
            }
            if let Some(proof) = &mut gap.verification {
                proof.forget(|question| texts.contains(question));
            }
        }
        moving.forms = kept.into_iter().map(|form| (form.id.clone(), form)).collect();
        self.write_moves(space, moving, &BTreeMap::new(), batch)?;
        Ok(ended)
    }

    fn move_form(
        &self,
        space: &SpaceId,
        moving: &mut Moving,
        one: &Move,
        by_hand: bool,
        now: Timestamp,
    ) -> Result<bool> {
        let store = &self.inner.store;
        let known = match moving.forms.get(&one.form) {
            Some(form) => Some(form.clone()),
            None => store.get_form(space, &one.form)?,
        };
        let Some(mut form) = known else { return Ok(false) };
        let from = form.gap.clone();
        self.gap_of_move(space, moving, &from, now)?;
        let stays = from == one.to || (!by_hand && moving.gaps.get(&from).is_some_and(Gap::is_worked_on));
        if stays {
            if form.group != one.group {
                form.group = one.group;
                moving.forms.insert(form.id.clone(), form);
            }
            return Ok(false);
        }
        self.gap_of_move(space, moving, &one.to, now)?;
        let mut parted: Vec<(Date, GapDay)> = Vec::new();
        if let Some(days) = moving.days.get_mut(&from) {
            for (day, counts) in days.iter_mut() {
                let own = counts.part(std::slice::from_ref(&form.id));
                if own.queries > 0 {
                    parted.push((*day, own));
                }
            }
        }
        let into = moving.days.entry(one.to.clone()).or_default();
        for (day, counts) in parted {
            into.entry(day).or_default().merge(counts);
        }
        (form.gap, form.group) = (one.to.clone(), one.group);
        moving.left.push((form.id.clone(), from));
        moving.forms.insert(form.id.clone(), form);
        Ok(true)
    }

    /// Has a gap and its days among those that are being changed, an empty one where there is none.
    fn gap_of_move(&self, space: &SpaceId, moving: &mut Moving, id: &GapId, now: Timestamp) -> Result<()> {
        if moving.gaps.contains_key(id) {
            return Ok(());
        }
        let gap = self.inner.store.get_gap(space, id)?;
        let days = self.inner.store.gap_days(space, id, usize::MAX)?;
        moving.gaps.insert(id.clone(), gap.unwrap_or_else(|| Gap::new(id.clone(), space.clone(), now)));
        moving.days.insert(id.clone(), days.into_iter().collect());
        Ok(())
    }

    /// Writes what came of moves: forms, the sums of their gaps, days; gaps without forms are removed.
    fn write_moves(
        &self,
        space: &SpaceId,
        mut moving: Moving,
        called: &BTreeMap<GapId, Called>,
        batch: &mut Batch,
    ) -> Result<()> {
        let store = &self.inner.store;
        for (form, from) in &moving.left {
            batch.take_form(space, from, form);
        }
        // After the removals: a form may have come back to where it was.
        moving.forms.values().for_each(|form| batch.put_form(form));
        let mut held: BTreeMap<GapId, BTreeSet<GapId>> = BTreeMap::new();
        for id in moving.gaps.keys() {
            let mut ids: BTreeSet<GapId> = store.form_ids(space, id)?.into_iter().collect();
            ids.retain(|id| !moving.gone.contains(id));
            for form in moving.forms.values() {
                if form.gap == *id {
                    ids.insert(form.id.clone());
                } else {
                    ids.remove(&form.id);
                }
            }
            held.insert(id.clone(), ids);
        }
        self.note_moves(space, &mut moving, &held)?;
        for (id, mut gap) in std::mem::take(&mut moving.gaps) {
            let ids = held.remove(&id).unwrap_or_default();
            let days = moving.days.remove(&id).unwrap_or_default();
            if ids.is_empty() {
                batch.remove_gap(space, &id);
                days.keys().for_each(|day| batch.remove_gap_day(space, &id, *day));
                continue;
            }
            let mut forms: Vec<Form> = Vec::with_capacity(ids.len());
            for form in ids {
                match moving.forms.get(&form) {
                    Some(form) => forms.push(form.clone()),
                    None => forms.extend(store.get_form(space, &form)?),
                }
            }
            gap.sum_up(&forms);
            // A proof keeps no words that went with their forms: who erases them later looks where the forms are.
            if let Some(proof) = &mut gap.verification {
                let said =
                    forms.iter().flat_map(|form| form.wordings.iter().map(String::as_str).chain([form.question()]));
                let said: BTreeSet<&str> = said.collect();
                proof.forget(|question| !said.contains(question));
            }
            (gap.sessions, gap.heat) = (0, Heat::default());
            for (day, counts) in &days {
                if counts.queries == 0 {
                    batch.remove_gap_day(space, &id, *day);
                    continue;
                }
                gap.sessions += counts.sessions;
                gap.heat.add(counts.sessions, noon(*day).min(gap.last_seen));
                batch.put_gap_day(space, &id, *day, counts);
            }
            if let Some(called) = called.get(&id).filter(|_| !gap.is_worked_on()) {
                gap.keywords.clone_from(&called.keywords);
                if called.related.is_some() {
                    gap.related.clone_from(&called.related);
                }
                if let Some(form) = forms.iter().find(|form| form.id == called.form) {
                    gap.label = form.question().to_owned();
                    gap.language = form.language;
                }
            }
            batch.put_gap(&gap);
        }
        Ok(())
    }
}

impl Kb {
    /// Has the gaps say which of them took wordings of which, and which ended in which.
    fn note_moves(&self, space: &SpaceId, moving: &mut Moving, held: &BTreeMap<GapId, BTreeSet<GapId>>) -> Result<()> {
        let Some((by, at)) = moving.by.clone() else { return Ok(()) };
        let mut between: BTreeMap<(GapId, GapId), u64> = BTreeMap::new();
        for (form, from) in &moving.left {
            if let Some(to) = moving.forms.get(form).map(|form| &form.gap).filter(|to| *to != from) {
                *between.entry((from.clone(), to.clone())).or_default() += 1;
            }
        }
        for ((from, to), wordings) in between {
            let ended = held.get(&from).is_none_or(BTreeSet::is_empty);
            let change = match ended {
                true => GapChange::Merged,
                false if self.inner.store.get_gap(space, &to)?.is_none() => GapChange::Founded,
                false => GapChange::Took,
            };
            let event = |change, gap: &GapId| GapEvent { at, change, gap: Some(gap.clone()), wordings, by: by.clone() };
            if let Some(gap) = moving.gaps.get_mut(&to) {
                gap.note(event(change, &from));
            }
            if let Some(gap) = moving.gaps.get_mut(&from).filter(|_| !ended) {
                gap.note(event(GapChange::Gave, &to));
            }
        }
        Ok(())
    }
}

fn noon(day: Date) -> Timestamp {
    day.at(12, 0, 0, 0).to_zoned(TimeZone::UTC).map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp())
}
