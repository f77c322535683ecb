//! What is kept at hand of every gap: enough to order, filter and sum up gaps without reading their texts.
//!
//! Invariant: a head says what the gap's row says, and can be read from that row alone.

use jiff::Timestamp;
use serde::Deserialize;

use super::{CauseKind, Gap, GapStatus, Heat, Proof, Tally, Worth};
use crate::id::{ArticleId, GapId};

/// A gap without its texts. Its fields are named as those of [`Gap`], so that it is read from the same row.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct GapHead {
    /// Id.
    pub id: GapId,
    /// Where it stands, as far as the gap itself knows.
    pub status: GapStatus,
    /// What is counted of its forms.
    #[serde(default)]
    pub tally: Tally,
    /// By how many it was asked.
    #[serde(default)]
    pub sessions: u64,
    /// The same, fading.
    #[serde(default)]
    pub heat: Heat,
    /// When first.
    pub first_seen: Timestamp,
    /// When last.
    pub last_seen: Timestamp,
    /// Why it was not answered.
    #[serde(default)]
    pub why: Option<HeadWhy>,
    /// The article that is to answer it.
    #[serde(default)]
    pub article_id: Option<ArticleId>,
}

/// Why a gap was not answered, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct HeadWhy {
    /// The cause.
    pub kind: CauseKind,
    /// What it rests on.
    pub proof: Proof,
}

impl GapHead {
    /// The head of a gap.
    pub fn of(gap: &Gap) -> Self {
        Self {
            id: gap.id.clone(),
            status: gap.status,
            tally: gap.tally,
            sessions: gap.sessions,
            heat: gap.heat,
            first_seen: gap.first_seen,
            last_seen: gap.last_seen,
            why: gap.why.as_ref().map(|why| HeadWhy { kind: why.kind, proof: why.proof }),
            article_id: gap.article_id.clone(),
        }
    }

    /// The cause, where it is known.
    pub fn cause(&self) -> Option<CauseKind> {
        self.why.map(|why| why.kind)
    }

    /// Whether it waits for an answer.
    pub fn waits(&self) -> bool {
        !matches!(self.status, GapStatus::Closed | GapStatus::Dismissed)
    }

    /// As [`Gap::is_worked_on`].
    pub fn is_worked_on(&self) -> bool {
        self.status != GapStatus::Open || self.article_id.is_some()
    }

    /// What answering it is worth at a moment; lists go by this.
    pub fn impact(&self, now: Timestamp) -> f64 {
        Worth::of(&self.tally, &self.heat, now).impact(self.cause())
    }
}
