//! What figures and review tasks hold of texts, and how it goes: with an erasure, or when its time is over.
//!
//! Invariant: texts go and numbers stay; the text of a question that somebody asks again comes back with it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;

use crate::error::Result;
use crate::id::{ArticleId, SpaceId};
use crate::kb::{Kb, records};
use crate::model::analytics::DayWords;
use crate::model::interaction::day_of;
use crate::model::query::{FeedbackRecord, QueryRecord};
use crate::model::task::Task;
use crate::store::Batch;

use super::tally::words_of;

/// Texts that are looked at with one lock.
const BATCH: usize = 500;

impl Kb {
    /// Takes away what figures and tasks hold of records that go, and of what their sessions asked lately; gives how many
    /// texts and how many words that were. The caller holds the space's lock.
    pub(crate) fn erase_from_figures<'a>(
        &self,
        batch: &mut Batch,
        space: &SpaceId,
        records: &[QueryRecord],
        sessions: impl Iterator<Item = &'a String> + Clone,
    ) -> Result<(u64, u64)> {
        let store = &self.inner.store;
        let mut erased = 0;
        let mut forms: BTreeSet<String> = BTreeSet::new();
        let mut tasks: BTreeMap<ArticleId, Task> = BTreeMap::new();
        for record in records {
            let form = records::form_name(space, &records::form(&record.query));
            let held = store.question(space, &form)?.is_some_and(|known| known.text == record.query);
            if held && forms.insert(form.clone()) {
                batch.remove_question(space, &form);
                erased += 1;
            }
            let feedback = store.get_feedback(&record.id)?;
            erased += self.erase_from_tasks(&mut tasks, space, record, feedback.as_ref())?;
            for session in sessions.clone() {
                batch.remove_lately(space, day_of(record.at), session);
            }
        }
        tasks.values().for_each(|task| batch.put_task(space, task));
        Ok((erased, self.erase_from_words(batch, space, records)?))
    }

    /// Takes back that these questions mentioned words; says how many words nobody else mentioned that day.
    fn erase_from_words(&self, batch: &mut Batch, space: &SpaceId, records: &[QueryRecord]) -> Result<u64> {
        let store = &self.inner.store;
        let Some(index) = self.shelf(space).ok().map(|shelf| shelf.index()) else { return Ok(0) };
        let mut words: BTreeMap<(Date, u8), DayWords> = BTreeMap::new();
        let mut gone = 0;
        for record in records {
            let day = day_of(record.at);
            for keyword in words_of(&index, record) {
                let place = (day, DayWords::part(&keyword.term));
                if let Entry::Vacant(empty) = words.entry(place) {
                    empty.insert(store.words(space, day, place.1)?.unwrap_or_default());
                }
                gone += words.get_mut(&place).map_or(0, |words| u64::from(words.take_back(&keyword.term)));
            }
        }
        words.iter().for_each(|((day, part), words)| batch.put_words(space, *day, *part, words));
        Ok(gone)
    }

    fn erase_from_tasks(
        &self,
        tasks: &mut BTreeMap<ArticleId, Task>,
        space: &SpaceId,
        record: &QueryRecord,
        feedback: Option<&FeedbackRecord>,
    ) -> Result<u64> {
        let top = record.top.as_ref().map(|top| &top.article_id);
        let named = feedback.and_then(|said| said.article_id.as_ref());
        let mut erased = 0;
        for article in top.into_iter().chain(named) {
            if !tasks.contains_key(article) {
                tasks.extend(self.inner.store.task(space, article)?.map(|task| (article.clone(), task)));
            }
            let Some(task) = tasks.get_mut(article) else { continue };
            let before = task.questions.len() + task.comments.len();
            task.questions.retain(|text| *text != record.query);
            let comment = feedback.and_then(|said| said.comment.as_ref());
            task.comments.retain(|text| Some(text) != comment);
            erased += (before - task.questions.len() - task.comments.len()) as u64;
        }
        Ok(erased)
    }

    /// Takes away texts of questions that nobody asked since then, and those of tasks without a complaint since then.
    pub(crate) fn forget_texts(&self, space: &SpaceId, before: Timestamp) -> Result<()> {
        let store = &self.inner.store;
        let since = day_of(before);
        let mut after: Option<String> = None;
        while !self.stopping() {
            let names = store.question_names(space, after.as_deref(), BATCH)?;
            let Some(last) = names.last() else { break };
            after = Some(last.clone());
            let _lock = store.lock(space);
            let mut batch = store.batch();
            for form in &names {
                if store.form_days(space, form, since, Date::MAX)?.is_empty() {
                    batch.remove_question(space, form);
                }
            }
            if !batch.is_empty() {
                store.commit(batch)?;
            }
        }
        let _lock = store.lock(space);
        let mut batch = store.batch();
        for task in store.tasks(space)? {
            let holds = !task.questions.is_empty() || !task.comments.is_empty();
            if holds && task.last_at < before {
                batch.put_task(space, &Task { questions: Vec::new(), comments: Vec::new(), ..task });
            }
        }
        if batch.is_empty() { Ok(()) } else { store.commit(batch).map(drop) }
    }
}
