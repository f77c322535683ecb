//! How a question that was not answered is counted: in its form, its gap, and its gap's day.
//!
//! Invariant: whoever counts holds the lock of gaps from the first read to the commit, and writes all counts of a
//! question in the batch that writes its record: it counts exactly once.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::error::Result;
use crate::id::{GapId, SpaceId};
use crate::kb::{Kb, records};
use crate::model::gap::{CauseKind, Click, Form, Gap, GapDay, MAX_EXAMPLES, NearArticle, Proof, Source, Tally, Why};
use crate::model::interaction::day_of;
use crate::model::query::QueryRecord;
use crate::store::Batch;

/// Forms, gaps and their days while a batch of questions is counted; all of it belongs to one space.
#[derive(Default)]
pub(crate) struct GapCounts {
    forms: BTreeMap<GapId, Form>,
    gaps: BTreeMap<GapId, Gap>,
    days: BTreeMap<(GapId, Date), GapDay>,
}

/// What is known of a question besides its record.
#[derive(Default)]
pub(crate) struct Circumstances {
    /// Articles that stand nearest.
    pub nearest: Vec<NearArticle>,
    /// Who asked.
    pub source: Source,
    /// Where in a conversation: hash of the session, and the turn.
    pub place: Option<(String, u32)>,
    /// Turns of agents in that conversation.
    pub agent_turns: u64,
    /// Whether it ended in a hand-off, and in a low rating.
    pub handed_off: bool,
    /// See `handed_off`.
    pub low_rated: bool,
    /// What the conversation tells of the cause.
    pub why: Option<Why>,
}

impl GapCounts {
    /// Writes what was counted.
    pub fn put(&self, batch: &mut Batch, space: &SpaceId) {
        self.forms.values().for_each(|form| batch.put_form(form));
        self.gaps.values().for_each(|gap| batch.put_gap(gap));
        self.days.iter().for_each(|((gap, day), counts)| batch.put_gap_day(space, gap, *day, counts));
    }

    /// The forms that were counted.
    pub fn forms(&self) -> impl Iterator<Item = &GapId> {
        self.forms.keys()
    }
}

impl Kb {
    /// Counts a question in its gap, if it has one. The caller holds the lock of gaps.
    pub(crate) fn count_in_gap(&self, counts: &mut GapCounts, record: &QueryRecord, of: Circumstances) -> Result<()> {
        let Some(id) = &record.gap_id else { return Ok(()) };
        let talk = of.place.is_some();
        let tally = Tally {
            queries: 1,
            partial: u64::from(record.matched),
            confidence: record.confidence,
            in_talk: u64::from(talk),
            handed_off: u64::from(of.handed_off),
            low_rated: u64::from(of.low_rated),
            agent_turns: of.agent_turns,
        };
        self.counted_form(counts, record, id)?;
        let GapCounts { forms, gaps, days } = counts;
        let Some(form) = forms.get_mut(id) else { return Ok(()) };
        let Some(gap) = gaps.get_mut(&form.gap) else { return Ok(()) };
        let of_day = match days.entry((gap.id.clone(), day_of(record.at))) {
            Entry::Occupied(day) => day.into_mut(),
            Entry::Vacant(place) => {
                let known = self.inner.store.gap_day(&record.space, &gap.id, place.key().1)?;
                place.insert(known.unwrap_or_default())
            }
        };
        let grown = of_day.count(id, &of.source, record.at);
        form.tally.add(&tally);
        form.word(&record.query);
        form.first_seen = form.first_seen.min(record.at);
        form.last_seen = form.last_seen.max(record.at);
        form.nearest = of.nearest.clone();
        if let Some((session, turn)) = &of.place {
            form.asked_at(session, *turn);
        }
        gap.tally.add(&tally);
        gap.sessions += grown;
        gap.heat.add(grown, record.at);
        gap.first_seen = gap.first_seen.min(record.at);
        gap.last_seen = gap.last_seen.max(record.at);
        gap.nearest = of.nearest;
        if gap.examples.len() < MAX_EXAMPLES && !gap.examples.contains(&record.query) {
            gap.examples.push(record.query.clone());
        }
        if let Some(why) = of.why.filter(|why| why.outweighs(form.why.as_ref())) {
            gap.recount_cause(form, why);
        }
        let kind = if record.matched { Some(CauseKind::Partial) } else { form.why.as_ref().map(|why| why.kind) };
        if let Some(kind) = kind {
            *gap.causes.entry(kind).or_default() += 1;
            gap.weigh_causes(&[form]);
        }
        Ok(())
    }

    /// Changes what is counted of a conversation's questions, when it is later said how it ended.
    pub(crate) fn recount_outcome(&self, counts: &mut GapCounts, record: &QueryRecord, by: Outcome) -> Result<()> {
        let Some(id) = &record.gap_id else { return Ok(()) };
        self.counted_form(counts, record, id)?;
        let GapCounts { forms, gaps, .. } = counts;
        let Some(form) = forms.get_mut(id) else { return Ok(()) };
        by.apply(&mut form.tally);
        if let Some(gap) = gaps.get_mut(&form.gap) {
            by.apply(&mut gap.tally);
        }
        Ok(())
    }

    /// Counts what people showed to be the cause that nothing answered a question, unless more is known of it. The caller
    /// holds the lock of gaps.
    pub(crate) fn count_cause(&self, counts: &mut GapCounts, record: &QueryRecord, why: &Why) -> Result<()> {
        let Some(id) = record.gap_id.as_ref().filter(|_| !record.matched) else { return Ok(()) };
        self.counted_form(counts, record, id)?;
        let GapCounts { forms, gaps, .. } = counts;
        let Some(form) = forms.get_mut(id).filter(|form| why.outweighs(form.why.as_ref())) else { return Ok(()) };
        if let Some(gap) = gaps.get_mut(&form.gap) {
            gap.recount_cause(form, why.clone());
        }
        Ok(())
    }

    /// Counts which article the customer showed to answer a question that matched nothing, or that it does not count any
    /// more: what most showed is the cause. The caller holds the lock of gaps.
    pub(crate) fn count_click(
        &self,
        counts: &mut GapCounts,
        record: &QueryRecord,
        click: Option<Click>,
        now: Timestamp,
    ) -> Result<()> {
        let Some(id) = record.gap_id.as_ref().filter(|_| !record.matched) else { return Ok(()) };
        if self.inner.store.get_form(&record.space, id)?.is_none() {
            return Ok(());
        }
        self.counted_form(counts, record, id)?;
        let GapCounts { forms, gaps, .. } = counts;
        let Some(form) = forms.get_mut(id) else { return Ok(()) };
        let Some(gap) = gaps.get_mut(&form.gap) else { return Ok(()) };
        form.click(&record.id, click);
        let why = form.clicked().map(|article| Why {
            kind: CauseKind::PresentNotFound,
            proof: Proof::Click,
            article_id: Some(article.clone()),
            at: now,
        });
        match why {
            Some(why) if why.outweighs(form.why.as_ref()) => gap.recount_cause(form, why),
            // Nobody shows it any more: it is looked into anew.
            None if form.why.as_ref().is_some_and(|why| why.proof == Proof::Click) => gap.recount_cause(form, None),
            _ => {}
        }
        Ok(())
    }

    /// Has the form and its gap among the counts, new ones where there are none.
    fn counted_form(&self, counts: &mut GapCounts, record: &QueryRecord, id: &GapId) -> Result<()> {
        let store = &self.inner.store;
        let form = match counts.forms.entry(id.clone()) {
            Entry::Occupied(form) => form.into_mut(),
            Entry::Vacant(place) => {
                let known = store.get_form(&record.space, id)?;
                place.insert(known.unwrap_or_else(|| new_form(id, record)))
            }
        };
        if let Entry::Vacant(place) = counts.gaps.entry(form.gap.clone()) {
            let known = store.get_gap(&record.space, &form.gap)?;
            place.insert(known.unwrap_or_else(|| Gap {
                label: record.query.clone(),
                language: record.language,
                forms: 1,
                ..Gap::new(form.gap.clone(), record.space.clone(), record.at)
            }));
        }
        Ok(())
    }
}

/// How the end of a conversation changes: one more, one less, or as before.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Outcome {
    pub handed_off: i64,
    pub low_rated: i64,
    /// Turns of agents that came since.
    pub agent_turns: i64,
}

impl Outcome {
    fn apply(self, tally: &mut Tally) {
        tally.handed_off = tally.handed_off.saturating_add_signed(self.handed_off);
        tally.low_rated = tally.low_rated.saturating_add_signed(self.low_rated);
        tally.agent_turns = tally.agent_turns.saturating_add_signed(self.agent_turns);
    }
}

fn new_form(id: &GapId, record: &QueryRecord) -> Form {
    Form {
        id: id.clone(),
        space: record.space.clone(),
        gap: id.clone(),
        group: None,
        form: records::form(&record.query),
        wordings: Vec::new(),
        language: record.language,
        tally: Tally::default(),
        first_seen: record.at,
        last_seen: record.at,
        nearest: Vec::new(),
        why: None,
        places: Vec::new(),
        clicks: Vec::new(),
    }
}
