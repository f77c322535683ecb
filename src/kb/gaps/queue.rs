//! Which gaps come first? The pages of the queue, and the fewest gaps that cover most of what is asked.
//!
//! Invariant: the order is that of the gaps' heads at one moment, and only the gaps that are shown are read. A gap's
//! impact fades and its trend turns with time, so that no order can be kept: it is made anew for each page, out of memory.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;

use jiff::Timestamp;

use super::GapQuery;
use crate::error::{Error, Result};
use crate::kb::{GapKeeper, Kb};
use crate::model::gap::{CauseKind, GapHead, GapStatus, GapView, MAX_QUOTED, Pareto, ParetoStep, rounded};
use crate::model::page::Page;

/// A gap in the queue; the greatest is the first.
struct Ranked {
    impact: f64,
    head: Arc<GapHead>,
}

impl Ranked {
    fn of(head: Arc<GapHead>, now: Timestamp) -> Self {
        Self { impact: head.impact(now), head }
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        let rest = |head: &GapHead| (head.sessions, head.tally.queries, head.last_seen);
        let by_worth = self.impact.total_cmp(&other.impact).then_with(|| rest(&self.head).cmp(&rest(&other.head)));
        by_worth.then_with(|| other.head.id.cmp(&self.head.id))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}

impl Kb {
    /// Gaps, those first whose answer is worth most.
    ///
    /// # Errors
    /// [`Error::InvalidQuery`] for a cursor that is none; [`Error::Store`].
    pub fn list_gaps(
        &self,
        keeper: &GapKeeper,
        wanted: &GapQuery,
        limit: usize,
        cursor: Option<&str>,
        now: Timestamp,
    ) -> Result<Page<GapView>> {
        let (grant, store) = (keeper.grant(), &self.inner.store);
        let offset: usize = match cursor {
            None => 0,
            Some(text) => text.parse().map_err(|_| Error::query("cursor", "it is not one that this list gave"))?,
        };
        let heads = store.gap_heads(&grant.space)?.into_iter().filter(|head| may_be(wanted, head));
        let mut queue: BinaryHeap<Ranked> = heads.map(|head| Ranked::of(head, now)).collect();
        let (mut place, mut items) = (0, Vec::new());
        while let Some(Ranked { head, .. }) = queue.pop() {
            if let Some(status) = wanted.status
                && status != self.standing(&grant.space, head.status, head.article_id.as_ref())?
            {
                continue;
            }
            if place >= offset.saturating_add(limit) {
                return Ok(Page { items, next_cursor: Some(place.to_string()) });
            }
            if place >= offset {
                // One that has ended meanwhile has no place any more.
                let Some(gap) = store.get_gap(&grant.space, &head.id)? else { continue };
                let mut view = self.view(grant, gap, now)?;
                if let Some(proof) = &mut view.verification {
                    proof.questions.truncate(MAX_QUOTED);
                }
                items.push(view);
            }
            place += 1;
        }
        Ok(Page { items, next_cursor: None })
    }

    /// The fewest gaps that cover a share of what is asked and not answered.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn pareto(&self, keeper: &GapKeeper, share: f64, now: Timestamp) -> Result<Pareto> {
        let (space, store) = (&keeper.grant().space, &self.inner.store);
        let heads = store.gap_heads(space)?.into_iter();
        let waiting = heads.filter(|head| head.waits() && head.cause() != Some(CauseKind::OutOfScope));
        let mut waiting: Vec<(f64, Arc<GapHead>)> = waiting.map(|head| (head.heat.demand(now), head)).collect();
        waiting.sort_by(|(a, one), (b, other)| b.total_cmp(a).then_with(|| one.id.cmp(&other.id)));
        let all: f64 = waiting.iter().map(|(demand, _)| demand).sum();
        let (mut covered, mut steps) = (0.0, Vec::new());
        for (demand, gap) in &waiting {
            if covered >= share * all || *demand <= 0.0 {
                break;
            }
            let Some(label) = store.gap_label(space, &gap.id)? else { continue };
            covered += demand;
            steps.push(ParetoStep {
                id: gap.id.clone(),
                label,
                status: self.standing(space, gap.status, gap.article_id.as_ref())?,
                askings: rounded(*demand),
                covered: rounded(covered / all),
            });
        }
        Ok(Pareto {
            share,
            gaps: waiting.len() as u64,
            askings: rounded(all),
            needed: steps.len() as u64,
            covered: if all > 0.0 { rounded(covered / all) } else { 0.0 },
            steps,
        })
    }
}

/// Whether a gap may be wanted, as far as its head tells: one whose article waits for review says that it is drafted.
fn may_be(wanted: &GapQuery, head: &GapHead) -> bool {
    let drafted = wanted.status == Some(GapStatus::AwaitingReview) && head.status == GapStatus::Drafting;
    wanted.cause.is_none_or(|cause| head.cause() == Some(cause))
        && wanted.status.is_none_or(|status| head.status == status || drafted)
}
