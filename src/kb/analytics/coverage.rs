//! How much of what is asked is answered, by channel and by month, and what closing gaps has gained?
//!
//! Invariant: a question counts as gained only in a wording that went unanswered under a gap which is closed now, and
//! only from the day on which the article that closed it was published.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use super::Wish;
use crate::error::Result;
use crate::id::SpaceId;
use crate::kb::{Analyst, Kb, records};
use crate::model::analytics::{
    ChannelFigures, ChannelReport, CoveragePoint, CoverageReport, MAX_DAYS, OpenGaps, Period, four_decimals, share,
};
use crate::model::gap::{CauseKind, GapHead, GapStatus};
use crate::model::interaction::{ChannelCounts, DayCounts, day_of};

const SECONDS_OF_A_DAY: f64 = 86_400.0;

impl Kb {
    /// What came in through each channel, how it was answered and how often a person had to take over.
    ///
    /// # Errors
    /// [`crate::error::Error::InvalidQuery`] for a range that is none; [`crate::error::Error::Store`].
    pub fn channel_figures(&self, analyst: &Analyst, wish: Wish, now: Timestamp) -> Result<ChannelReport> {
        let Period { from, to } = wish.period(now, MAX_DAYS)?;
        let space = &analyst.grant().space;
        let mut sum = DayCounts::default();
        self.inner.store.days(space, from, to)?.iter().for_each(|(_, day)| sum.add(day));
        let mut items: Vec<ChannelFigures> =
            sum.channels.into_iter().map(|(name, counts)| of_channel(name, &counts)).collect();
        items.sort_by(|a, b| b.queries.cmp(&a.queries).then_with(|| a.channel.cmp(&b.channel)));
        Ok(ChannelReport { space: space.clone(), from, to, items })
    }

    /// The share of what is asked that is answered, what closed gaps have gained, and what is still open.
    ///
    /// # Errors
    /// As [`Kb::channel_figures`].
    pub fn coverage(&self, analyst: &Analyst, wish: Wish, now: Timestamp) -> Result<CoverageReport> {
        let period = wish.period(now, MAX_DAYS)?;
        let space = &analyst.grant().space;
        let gaps = self.inner.store.gap_heads(space)?;
        let gained = self.gained(space, &gaps, period)?;
        let mut points: BTreeMap<Date, [u64; 3]> = BTreeMap::new();
        for (day, counts) in self.inner.store.days(space, period.from, period.to)? {
            let [demand, answered, gain] = points.entry(wish.bucket.start(day)).or_default();
            *demand += counts.demand();
            *answered += counts.answered();
            *gain += gained.get(&day).copied().unwrap_or_default();
        }
        points.retain(|_, [demand, ..]| *demand > 0);
        let total = points.values().fold([0; 3], |[a, b, c], [x, y, z]| [a + x, b + y, c + z]);
        Ok(CoverageReport {
            space: space.clone(),
            from: period.from,
            to: period.to,
            total: point(period.from, total),
            points: points.into_iter().map(|(from, counts)| point(from, counts)).collect(),
            gaps: open_gaps(&gaps, now),
        })
    }

    /// Questions by day that a gap would have taken which is closed now.
    fn gained(&self, space: &SpaceId, gaps: &[Arc<GapHead>], period: Period) -> Result<BTreeMap<Date, u64>> {
        let store = &self.inner.store;
        // By form: the day from which on it counts, and the day on which its gap was first seen.
        let mut since: BTreeMap<String, (Date, Date)> = BTreeMap::new();
        for gap in gaps.iter().filter(|gap| gap.status == GapStatus::Closed) {
            let Some(article) = &gap.article_id else { continue };
            let publications = store.publications(space, article)?;
            let Some((_, first)) = publications.iter().find(|(_, publication)| publication.from > gap.first_seen)
            else {
                continue;
            };
            for form in store.form_ids(space, &gap.id)? {
                since.insert(records::name_of(&form), (day_of(first.from), day_of(gap.first_seen)));
            }
        }
        let mut gained: BTreeMap<Date, u64> = BTreeMap::new();
        for (form, (since, seen)) in since.into_iter().filter(|(_, (since, _))| *since <= period.to) {
            // What was found before too, and did not help, was answered then as it is now: it gains nothing here.
            let before = store.form_days(space, &form, seen, since)?;
            if before.iter().all(|(_, count)| count.matched == count.queries) {
                continue;
            }
            for (day, count) in store.form_days(space, &form, since.max(period.from), period.to)? {
                *gained.entry(day).or_default() += count.matched;
            }
        }
        Ok(gained)
    }
}

fn point(from: Date, [demand, answered, gained]: [u64; 3]) -> CoveragePoint {
    CoveragePoint { from, demand, answered, coverage: share(answered, demand), gained, gain: share(gained, demand) }
}

fn of_channel(channel: String, counts: &ChannelCounts) -> ChannelFigures {
    let queries = counts.matched + counts.unmatched + counts.live.queries;
    let answered = counts.matched + counts.live.matched;
    let handoffs = counts.handed_off + counts.live.handoffs;
    ChannelFigures {
        channel,
        queries,
        answered,
        answer_rate: share(answered, queries),
        conversations: counts.conversations,
        handed_off: counts.handed_off,
        live_answers: counts.live.answers,
        handoff_recommended: counts.live.handoffs,
        handoff_rate: share(handoffs, counts.conversations + counts.live.answers),
        asked_again: counts.asked_again,
        reask_rate: share(counts.asked_again, counts.in_sessions),
        csat: share(counts.csat_sum, counts.csat_count),
    }
}

/// Why a gap is open, in a word.
fn cause(gap: &GapHead) -> &'static str {
    match gap.cause() {
        None => "unknown",
        Some(CauseKind::Missing) => "missing",
        Some(CauseKind::PresentNotFound) => "present_not_found",
        Some(CauseKind::Stale) => "stale",
        Some(CauseKind::Hidden) => "hidden",
        Some(CauseKind::Partial) => "partial",
        Some(CauseKind::OutOfScope) => "out_of_scope",
    }
}

fn open_gaps(gaps: &[Arc<GapHead>], now: Timestamp) -> OpenGaps {
    let count = |status: GapStatus| gaps.iter().filter(|gap| gap.status == status).count() as u64;
    let mut open = OpenGaps {
        open: 0,
        closed: count(GapStatus::Closed),
        dismissed: count(GapStatus::Dismissed),
        queries: 0,
        sessions: 0,
        ages: Default::default(),
        median_age_days: None,
        oldest_days: None,
        causes: BTreeMap::new(),
    };
    let mut ages = Vec::new();
    for gap in gaps.iter().filter(|gap| gap.waits()) {
        let days = (now.duration_since(gap.first_seen).as_secs_f64() / SECONDS_OF_A_DAY).max(0.0);
        *match days {
            d if d < 1.0 => &mut open.ages.day,
            d if d < 7.0 => &mut open.ages.week,
            d if d < 30.0 => &mut open.ages.month,
            d if d < 90.0 => &mut open.ages.quarter,
            _ => &mut open.ages.older,
        } += 1;
        ages.push(days);
        open.open += 1;
        open.queries += gap.tally.queries;
        open.sessions += gap.sessions;
        *open.causes.entry(cause(gap).to_owned()).or_default() += 1;
    }
    ages.sort_by(f64::total_cmp);
    open.median_age_days = ages.get(ages.len() / 2).copied().map(four_decimals);
    open.oldest_days = ages.last().copied().map(four_decimals);
    open
}
