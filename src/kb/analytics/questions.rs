//! What is asked most: whole questions and words, and how that changes.
//!
//! Invariant: a day's list holds exactly its most asked questions; the counts of whoever stands on one are read for
//! every day, and the report says so where somebody who stands on none might belong to it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;

use super::Wish;
use crate::error::Result;
use crate::id::SpaceId;
use crate::kb::{Analyst, Grant, Kb};
use crate::model::analytics::{
    Bucket, Direction, FormCount, HotQuestion, Period, QuestionReport, QuestionTrend, TopForms, TopicReport, change,
    four_decimals, topics,
};
use crate::model::interaction::DayCounts;

/// Most days of a period, before which as many are looked at again.
const MAX_DAYS: i32 = 366;
/// Questions that are counted through for each one that is wanted, and at least.
const LOOKED_AT: usize = 4;
const LEAST_LOOKED_AT: usize = 200;

/// A question that stands on the list of a day.
struct Candidate {
    form: String,
    now: FormCount,
    before: FormCount,
    days: Vec<(Date, u64)>,
}

impl Kb {
    /// The questions that are asked most, and those that are asked more or less than before.
    ///
    /// # Errors
    /// [`crate::error::Error::InvalidQuery`] for a range that is none or too long; [`crate::error::Error::Store`].
    pub fn hot_questions(&self, analyst: &Analyst, wish: Wish, now: Timestamp) -> Result<QuestionReport> {
        let (grant, period) = (analyst.grant(), wish.period(now, MAX_DAYS)?);
        let (store, space) = (&self.inner.store, &grant.space);
        let before = period.before();
        let most = (wish.limit * LOOKED_AT).max(LEAST_LOOKED_AT);
        let lists = store.top_forms_between(space, period.from, period.to)?;
        let (listed, unlisted) = most_listed(&lists, most);
        let older = store.top_forms_between(space, before.from, before.to)?;
        let forms: BTreeSet<String> = listed.into_iter().chain(most_listed(&older, most).0).collect();
        let candidates =
            forms.into_iter().map(|form| self.count_form(space, form, period)).collect::<Result<Vec<Candidate>>>()?;
        let all = (self.demand(space, period)?, self.demand(space, before)?);
        let mut items: Vec<&Candidate> = candidates.iter().filter(|c| c.now.queries > 0).collect();
        items.sort_by(|a, b| b.now.queries.cmp(&a.now.queries).then_with(|| a.form.cmp(&b.form)));
        items.truncate(wish.limit);
        let least = items.last().filter(|_| items.len() == wish.limit).map_or(1, |last| last.now.queries);
        let moved = |direction: Direction| {
            let z = |c: &Candidate| change(c.now.queries, all.0, c.before.queries, all.1);
            let mut moved: Vec<(f64, &Candidate)> =
                candidates.iter().map(|c| (z(c), c)).filter(|(z, _)| z.1 == direction).map(|(z, c)| (z.0, c)).collect();
            moved.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()).then_with(|| a.1.form.cmp(&b.1.form)));
            moved.into_iter().take(wish.limit).map(|(_, c)| c).collect::<Vec<_>>()
        };
        let shown = |list: Vec<&Candidate>| {
            let shown = list.into_iter().filter_map(|c| self.shown(grant, c, all, wish.bucket).transpose());
            shown.collect::<Result<Vec<HotQuestion>>>()
        };
        Ok(QuestionReport {
            space: space.clone(),
            from: period.from,
            to: period.to,
            queries: all.0,
            before: all.1,
            rising: shown(moved(Direction::Rising))?,
            falling: shown(moved(Direction::Falling))?,
            approximate: unlisted > least,
            items: shown(items)?,
        })
    }

    /// The words of what is asked, for a cloud, and those that are used more or less than before.
    ///
    /// # Errors
    /// As [`Kb::hot_questions`].
    pub fn hot_topics(&self, analyst: &Analyst, wish: Wish, now: Timestamp) -> Result<TopicReport> {
        let (space, period) = (&analyst.grant().space, wish.period(now, MAX_DAYS)?);
        let before = period.before();
        let words = self.inner.store.words_between(space, period.from, period.to)?;
        let older = self.inner.store.words_between(space, before.from, before.to)?;
        let (words, rising, falling) = topics(&words, &older, wish.limit);
        Ok(TopicReport { space: space.clone(), from: period.from, to: period.to, words, rising, falling })
    }

    fn demand(&self, space: &SpaceId, period: Period) -> Result<u64> {
        let days = self.inner.store.days(space, period.from, period.to)?;
        Ok(days.iter().map(|(_, day): &(Date, DayCounts)| day.demand()).sum())
    }

    fn count_form(&self, space: &SpaceId, form: String, period: Period) -> Result<Candidate> {
        let (mut now, mut before, mut days) = (FormCount::default(), FormCount::default(), Vec::new());
        for (day, count) in self.inner.store.form_days(space, &form, period.before().from, period.to)? {
            let sum = if period.holds(day) { &mut now } else { &mut before };
            sum.queries += count.queries;
            sum.matched += count.matched;
            if period.holds(day) {
                days.push((day, count.queries));
            }
        }
        Ok(Candidate { form, now, before, days })
    }

    /// A question as callers see it; nothing where its text is gone.
    fn shown(&self, grant: &Grant, asked: &Candidate, all: (u64, u64), bucket: Bucket) -> Result<Option<HotQuestion>> {
        let Some(known) = self.inner.store.question(&grant.space, &asked.form)? else { return Ok(None) };
        let article = match known.article {
            Some(article) if self.sees_live(grant, &article)? => Some(article),
            _ => None,
        };
        // What was filed under a form stands now under the gap that the form belongs to.
        let gap = match &known.gap {
            Some(form) => self.inner.store.get_form(&grant.space, form)?.map(|form| form.gap).or(known.gap.clone()),
            None => None,
        };
        let mut trend: BTreeMap<Date, u64> = BTreeMap::new();
        for (day, queries) in &asked.days {
            *trend.entry(bucket.start(*day)).or_default() += queries;
        }
        let (z, direction) = change(asked.now.queries, all.0, asked.before.queries, all.1);
        Ok(Some(HotQuestion {
            question: known.text,
            language: Some(known.language),
            queries: asked.now.queries,
            answered: asked.now.matched,
            answered_share: crate::model::analytics::share(asked.now.matched, asked.now.queries),
            before: asked.before.queries,
            change: four_decimals(z),
            direction,
            trend: trend.into_iter().map(|(from, queries)| QuestionTrend { from, queries }).collect(),
            article_id: article,
            gap_id: gap,
        }))
    }
}

/// The forms with the highest sums over the lists, at most so many; and how often another one may have been asked.
fn most_listed(lists: &[(Date, TopForms)], most: usize) -> (Vec<String>, u64) {
    let mut sums: BTreeMap<&String, u64> = BTreeMap::new();
    for (form, count) in lists.iter().flat_map(|(_, list)| &list.0) {
        *sums.entry(form).or_default() += count;
    }
    let floor: u64 = lists.iter().map(|(_, list)| list.floor()).sum();
    let mut sums: Vec<(&String, u64)> = sums.into_iter().collect();
    sums.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let next = sums.get(most).map_or(0, |(_, sum)| *sum);
    (sums.into_iter().take(most).map(|(form, _)| form.clone()).collect(), next + floor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(day: i8, counts: &[(&str, u64)]) -> (Date, TopForms) {
        let mut top = TopForms::default();
        for (form, count) in counts {
            top.tell(form, *count);
        }
        (jiff::civil::date(2026, 11, 1).with().day(day).build().unwrap_or_default(), top)
    }

    #[test]
    fn what_may_be_missing_is_bounded() {
        let lists = [list(1, &[("a", 5), ("b", 3)]), list(2, &[("b", 4), ("c", 1)])];
        assert_eq!(most_listed(&lists, 10), (vec!["b".into(), "a".into(), "c".into()], 0));
        assert_eq!(most_listed(&lists, 2), (vec!["b".into(), "a".into()], 1), "the next one has 1");
        let full: Vec<(String, u64)> = (0..crate::model::analytics::MAX_TOP).map(|n| (format!("{n}"), 7)).collect();
        let full: Vec<(&str, u64)> = full.iter().map(|(form, count)| (form.as_str(), *count)).collect();
        assert_eq!(
            most_listed(&[list(3, &full)], 1_000).1,
            7,
            "who is not on a full list may have as many as its last"
        );
    }
}
