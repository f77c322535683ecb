//! What is counted while a batch of questions, conversations or feedback is written?
//!
//! Invariant: everything counted goes into the batch that writes what it counts, so that it counts exactly once; the
//! caller holds the space's lock from the first look into the store to the commit.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use zhiyin_index::{Index, Keyword};

use crate::error::Result;
use crate::id::{ArticleId, SpaceId};
use crate::kb::{Kb, records};
use crate::model::analytics::{ArticleDay, Asked, DayWords, FormCount, FormText, TopForms, besides};
use crate::model::interaction::{AnsweredBy, Csat, DayCounts, LOW_CSAT, Session, day_of};
use crate::model::mask;
use crate::model::query::{FeedbackRecord, QueryKind, QueryRecord};
use crate::model::task::{Complaint, Task};
use crate::store::{Batch, Store};

/// Counts on their way into a batch; all of one space.
pub(crate) struct Tally {
    store: Store,
    space: SpaceId,
    index: Option<Arc<Index>>,
    days: BTreeMap<Date, DayCounts>,
    forms: BTreeMap<(String, Date), FormCount>,
    /// What is known of forms, and whether that is to be written.
    texts: BTreeMap<String, (FormText, bool)>,
    /// Lists of the most asked forms, and whether they have changed.
    tops: BTreeMap<Date, (TopForms, bool)>,
    words: BTreeMap<(Date, u8), DayWords>,
    articles: BTreeMap<(Date, ArticleId), ArticleDay>,
    lately: BTreeMap<(Date, String), Vec<Asked>>,
    /// Review tasks; nothing where there is none, or none any more.
    tasks: BTreeMap<ArticleId, Option<Task>>,
}

/// The words of a question that count in the cloud.
pub(super) fn words_of(index: &Index, record: &QueryRecord) -> Vec<Keyword> {
    index.keywords(&mask::without_tags(&record.query))
}

/// What a table holds under a key, as this batch has it so far.
fn now<K: Ord, V: Default>(
    table: &mut BTreeMap<K, V>,
    key: K,
    read: impl FnOnce(&K) -> Result<Option<V>>,
) -> Result<&mut V> {
    Ok(match table.entry(key) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(place) => {
            let known = read(place.key())?.unwrap_or_default();
            place.insert(known)
        }
    })
}

impl Kb {
    /// An empty tally of a space.
    pub(crate) fn tally(&self, space: &SpaceId) -> Tally {
        Tally {
            store: self.inner.store.clone(),
            space: space.clone(),
            index: self.shelf(space).ok().map(|shelf| shelf.index()),
            days: BTreeMap::new(),
            forms: BTreeMap::new(),
            texts: BTreeMap::new(),
            tops: BTreeMap::new(),
            words: BTreeMap::new(),
            articles: BTreeMap::new(),
            lately: BTreeMap::new(),
            tasks: BTreeMap::new(),
        }
    }
}

impl Tally {
    /// The counts of a day.
    pub fn day(&mut self, day: Date) -> Result<&mut DayCounts> {
        let (store, space) = (&self.store, &self.space);
        now(&mut self.days, day, |day| store.day(space, *day))
    }

    /// How an article did on a day.
    pub fn article(&mut self, day: Date, article: &ArticleId) -> Result<&mut ArticleDay> {
        let (store, space) = (&self.store, &self.space);
        now(&mut self.articles, (day, article.clone()), |(day, article)| store.article_day(space, *day, article))
    }

    /// Counts a question whose answer is known: in its hour, its form, its words and the article that stood first.
    pub fn query(&mut self, record: &QueryRecord) -> Result<()> {
        let day = day_of(record.at);
        let hour = u8::try_from(record.at.to_zoned(TimeZone::UTC).hour()).unwrap_or_default();
        let matched = u64::from(record.matched);
        let counts = self.day(day)?.hours.entry(hour).or_default();
        counts.queries += 1;
        counts.matched += matched;
        self.form(record, day)?;
        self.mention(record, day)?;
        if let Some(top) = &record.top {
            let article = self.article(day, &top.article_id)?;
            article.shown += 1;
            article.answered += matched;
            article.handed_off += u64::from(record.blames_article());
            if record.blames_article() {
                let about = (&top.article_id, top.version);
                self.complain(about, Complaint::HandedOff, record.at, Some(&record.query), None)?;
            }
        }
        Ok(())
    }

    /// Counts a live query; `session` is the pseudonym of its conversation, where it has one.
    pub fn live(&mut self, record: &QueryRecord, session: Option<&str>) -> Result<()> {
        let matched = u64::from(record.matched);
        let answers = u64::from(record.kind == QueryKind::Answer);
        let handoffs = u64::from(!record.handoff.is_empty());
        let again = match session {
            Some(session) => Some(self.asks_again(record, session)?),
            None => None,
        };
        let counts = self.day(day_of(record.at))?;
        let asked_again = u64::from(again == Some(true));
        counts.in_sessions += u64::from(again.is_some());
        counts.asked_again += asked_again;
        let channel = counts.channel(record.channel.as_deref());
        channel.in_sessions += u64::from(again.is_some());
        channel.asked_again += asked_again;
        let live = channel.live;
        channel.live = live.with(matched, answers, handoffs);
        counts.live = counts.live.with(matched, answers, handoffs);
        self.query(record)
    }

    /// Counts a question of a conversation beside those that its session asked before.
    pub fn of_session(&mut self, record: &QueryRecord, session: &mut Session) -> Result<()> {
        let asked_again = u64::from(self.asked(record, &session.asked).remember(&mut session.asked));
        let day = day_of(record.at);
        let counts = self.day(day)?;
        counts.in_sessions += 1;
        counts.asked_again += asked_again;
        session.in_channel(counts, day, |channel| {
            channel.in_sessions += 1;
            channel.asked_again += asked_again;
        });
        self.query(record)
    }

    /// Counts (or takes back) that a person took over a conversation which an article had answered.
    pub fn handed_off(
        &mut self,
        day: Date,
        answered: &AnsweredBy,
        at: Timestamp,
        back: bool,
        question: Option<&str>,
    ) -> Result<()> {
        let count = &mut self.article(day, &answered.article)?.handed_off;
        *count = if back { count.saturating_sub(1) } else { *count + 1 };
        let about = (&answered.article, answered.version);
        match back {
            true => self.take_back(about, Complaint::HandedOff),
            false => self.complain(about, Complaint::HandedOff, at, question, None),
        }
    }

    /// Counts how a conversation was rated that an article answered, in the place of what was counted before.
    pub fn rated(
        &mut self,
        day: Date,
        answered: &mut AnsweredBy,
        at: Timestamp,
        is: Option<Csat>,
        question: Option<&str>,
    ) -> Result<()> {
        let was = std::mem::replace(&mut answered.rated, is);
        if was == is {
            return Ok(());
        }
        let article = self.article(day, &answered.article)?;
        was.into_iter().for_each(|csat| article.rate_csat(u8::from(csat), true));
        is.into_iter().for_each(|csat| article.rate_csat(u8::from(csat), false));
        let low = |csat: Option<Csat>| csat.is_some_and(|csat| u8::from(csat) <= LOW_CSAT);
        let about = (&answered.article, answered.version);
        match (low(was), low(is)) {
            (false, true) => self.complain(about, Complaint::LowRating, at, question, None),
            (true, false) => self.take_back(about, Complaint::LowRating),
            _ => Ok(()),
        }
    }

    /// Counts what was said of a query, in the place of what was said before.
    pub fn feedback(
        &mut self,
        record: &QueryRecord,
        before: Option<&FeedbackRecord>,
        said: &FeedbackRecord,
    ) -> Result<()> {
        let day = day_of(record.at);
        let counts = &mut self.day(day)?.feedback;
        before.iter().for_each(|before| counts.count(before, true));
        counts.count(said, false);
        let (mut gone, mut new) = (Vec::new(), Vec::new());
        for (said, back) in before.iter().map(|before| (*before, true)).chain([(said, false)]) {
            let Some((article, version)) = self.concerned(record, said)? else { continue };
            self.article(day, &article)?.rate(said, back);
            let complaints = Complaint::of(said).into_iter().map(|complaint| (article.clone(), version, complaint));
            if back { gone.extend(complaints) } else { new.extend(complaints) }
        }
        let opened = |said: &FeedbackRecord| said.clicked.as_ref().map(|clicked| clicked.article_id.clone());
        if let Some(article) = before.and_then(opened) {
            let count = &mut self.article(day, &article)?.clicked;
            *count = count.saturating_sub(1);
        }
        if let Some(article) = opened(said) {
            self.article(day, &article)?.clicked += 1;
        }
        for (article, version, complaint) in gone.iter().filter(|complaint| !new.contains(complaint)) {
            self.take_back((article, *version), *complaint)?;
        }
        for (article, version, complaint) in new.iter().filter(|complaint| !gone.contains(complaint)) {
            let (question, comment) = (Some(record.query.as_str()), said.comment.as_deref());
            self.complain((article, *version), *complaint, said.at, question, comment)?;
        }
        Ok(())
    }

    /// The article that feedback is about, and its version; nothing where there is no such article.
    fn concerned(&self, record: &QueryRecord, said: &FeedbackRecord) -> Result<Option<(ArticleId, u32)>> {
        match record.concerned(said.article_id.as_ref()) {
            Some((article, Some(version))) => Ok(Some((article, version))),
            Some((article, None)) => {
                let known = self.store.get_article(&self.space, &article)?;
                Ok(known.and_then(|known| known.live).map(|live| (article, live.version)))
            }
            None => Ok(None),
        }
    }

    /// Counts a complaint about a version of an article in its review task.
    fn complain(
        &mut self,
        (article, version): (&ArticleId, u32),
        complaint: Complaint,
        at: Timestamp,
        question: Option<&str>,
        comment: Option<&str>,
    ) -> Result<()> {
        let task = self.task(article)?;
        let mut complained = Task::with(task.take(), article, version, complaint, at);
        if complained.version == version {
            complained.illustrate(question, comment);
        }
        *task = Some(complained);
        Ok(())
    }

    fn take_back(&mut self, (article, version): (&ArticleId, u32), complaint: Complaint) -> Result<()> {
        let task = self.task(article)?;
        *task = task.take().and_then(|task| task.without(version, complaint));
        Ok(())
    }

    fn task(&mut self, article: &ArticleId) -> Result<&mut Option<Task>> {
        Ok(match self.tasks.entry(article.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let known = self.store.task(&self.space, article)?;
                place.insert(known)
            }
        })
    }

    /// Puts everything into a batch; the tally is empty then.
    pub fn put(&mut self, batch: &mut Batch) {
        let space = &self.space;
        for (day, counts) in std::mem::take(&mut self.days) {
            batch.put_day(space, day, &counts);
        }
        for ((form, day), count) in std::mem::take(&mut self.forms) {
            batch.put_form_day(space, &form, day, &count);
        }
        for (form, (text, _)) in std::mem::take(&mut self.texts).into_iter().filter(|(_, (_, changed))| *changed) {
            batch.put_question(space, &form, &text);
        }
        for (day, (top, _)) in std::mem::take(&mut self.tops).into_iter().filter(|(_, (_, changed))| *changed) {
            batch.put_top_forms(space, day, &top);
        }
        for ((day, part), words) in std::mem::take(&mut self.words) {
            batch.put_words(space, day, part, &words);
        }
        for ((day, article), counts) in std::mem::take(&mut self.articles) {
            batch.put_article_day(space, day, &article, &counts);
        }
        for ((day, session), asked) in std::mem::take(&mut self.lately) {
            batch.put_lately(space, day, &session, &asked);
        }
        for (article, task) in std::mem::take(&mut self.tasks) {
            match task {
                Some(task) => batch.put_task(space, &task),
                None => batch.remove_task(space, &article),
            }
        }
    }

    fn form(&mut self, record: &QueryRecord, day: Date) -> Result<()> {
        let form = records::form(&record.query);
        if form.is_empty() {
            return Ok(());
        }
        let name = records::form_name(&self.space, &form);
        let (store, space) = (&self.store, &self.space);
        let count = now(&mut self.forms, (name.clone(), day), |(form, day)| store.form_day(space, form, *day))?;
        count.queries += 1;
        count.matched += u64::from(record.matched);
        let queries = count.queries;
        let (top, changed) = now(&mut self.tops, day, |day| Ok(store.top_forms(space, *day)?.map(|top| (top, false))))?;
        *changed |= top.tell(&name, queries);
        let fresh = || FormText { text: record.query.clone(), language: record.language, article: None, gap: None };
        let (text, changed) = match self.texts.entry(name) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let known = store.question(space, place.key())?;
                let new = known.is_none();
                place.insert((known.unwrap_or_else(fresh), new))
            }
        };
        let answered_by = record.top.as_ref().filter(|_| record.matched).map(|top| &top.article_id);
        let gap = record.gap_id.as_ref();
        if answered_by.is_some_and(|article| text.article.as_ref() != Some(article)) {
            (text.article, *changed) = (answered_by.cloned(), true);
        }
        if gap.is_some_and(|gap| text.gap.as_ref() != Some(gap)) {
            (text.gap, *changed) = (gap.cloned(), true);
        }
        Ok(())
    }

    fn mention(&mut self, record: &QueryRecord, day: Date) -> Result<()> {
        let Some(index) = self.index.clone() else { return Ok(()) };
        let (store, space) = (&self.store, &self.space);
        for keyword in words_of(&index, record) {
            let place = (day, DayWords::part(&keyword.term));
            let words = now(&mut self.words, place, |(day, part)| store.words(space, *day, *part))?;
            words.count(&keyword.term, &keyword.written);
        }
        Ok(())
    }

    /// What a query asks; of one that leans on a question that was asked before, what it asks besides.
    fn asked(&self, record: &QueryRecord, before: &[Asked]) -> Asked {
        let leans_on = |text: &str| before.iter().any(|asked| asked.is_of(record.at, &records::form(text)));
        let text = besides(&record.query, leans_on);
        let terms = self.index.as_ref().map(|index| index.terms(text)).unwrap_or_default();
        let terms = terms.iter().filter(|term| !term.stop).map(|term| term.term.as_str());
        Asked::of(record.at, &records::form(text), terms)
    }

    /// Whether a live session asks what it asked today or yesterday.
    fn asks_again(&mut self, record: &QueryRecord, session: &str) -> Result<bool> {
        let (today, store, space) = (day_of(record.at), &self.store, &self.space);
        let yesterday = today.yesterday().ok();
        let mut before = Vec::new();
        if let Some(day) = yesterday {
            before = match self.lately.get(&(day, session.to_owned())) {
                Some(known) => known.clone(),
                None => store.lately(space, day, session)?.unwrap_or_default(),
            };
        }
        let known = self.lately.get(&(today, session.to_owned())).cloned();
        let known = known.map_or_else(|| store.lately(space, today, session), |known| Ok(Some(known)))?;
        let asked = self.asked(record, &[before.as_slice(), &known.unwrap_or_default()].concat());
        let of_today =
            now(&mut self.lately, (today, session.to_owned()), |(day, session)| store.lately(space, *day, session))?;
        let yesterdays = asked.clone().remember(&mut before);
        Ok(asked.remember(of_today) || yesterdays)
    }
}
