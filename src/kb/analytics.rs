//! Figures of what came in.
//!
//! Invariant: read from what was counted when it came; no figure needs a look at all records, and none names an article
//! outside the reader's audiences.

mod articles;
mod coverage;
mod forecast;
mod forget;
mod questions;
mod tally;

use jiff::Timestamp;
use jiff::civil::Date;

use super::{Analyst, Grant, Kb};
use crate::error::Result;
use crate::id::{ArticleId, SpaceId};
use crate::model::analytics::{Bucket, MAX_DAYS, Period};
use crate::model::article::{Article, Audience, Version};
use crate::model::interaction::{Overview, day_of};

pub(crate) use tally::Tally;

/// Sessions that are forgotten with one write.
const FORGOTTEN: usize = 500;

/// Which days are asked for, cut into which pieces, and how long lists may be.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wish {
    /// First day; 29 days before the last one unless given.
    pub from: Option<Date>,
    /// Last day; today unless given.
    pub to: Option<Date>,
    /// Pieces.
    pub bucket: Bucket,
    /// Most items of a list.
    pub limit: usize,
}

impl Wish {
    pub(super) fn period(&self, now: Timestamp, most: i32) -> Result<Period> {
        Period::meant(self.from, self.to, day_of(now), most)
    }
}

impl Kb {
    /// What came in from one day to another, both included; the last 30 days unless said otherwise.
    ///
    /// # Errors
    /// [`crate::error::Error::InvalidQuery`] for a range that is none; [`crate::error::Error::Store`].
    pub fn overview(&self, analyst: &Analyst, wish: Wish, now: Timestamp) -> Result<Overview> {
        let Period { from, to } = wish.period(now, MAX_DAYS)?;
        let space = &analyst.grant().space;
        let days = self.inner.store.days(space, from, to)?;
        Ok(Overview::of(space.clone(), from, to, &days, wish.bucket))
    }

    /// Forgets what live sessions asked before yesterday: nothing is asked again after a day.
    pub(super) fn forget_lately(&self, now: Timestamp) -> Result<()> {
        let before = day_of(now).yesterday().unwrap_or(Date::MIN);
        let spaces: Vec<SpaceId> = self.inner.spaces.read().keys().cloned().collect();
        for space in spaces {
            while self.inner.store.forget_lately(&space, before, FORGOTTEN)? == FORGOTTEN {}
        }
        Ok(())
    }

    /// The live version of an article, where there is one and the caller may see it.
    pub(super) fn live_version(&self, grant: &Grant, article: &Article) -> Result<Option<Version>> {
        let Some(live) = article.live else { return Ok(None) };
        let version = self.inner.store.get_version(&article.space, &article.id, live.version)?;
        Ok(version.filter(|version| grant.sees(version.content.audience)))
    }

    /// Whether an article is live and the caller may see it.
    pub(super) fn sees_live(&self, grant: &Grant, id: &ArticleId) -> Result<bool> {
        match self.inner.store.get_article(&grant.space, id)? {
            Some(article) => Ok(self.live_version(grant, &article)?.is_some()),
            None => Ok(false),
        }
    }
}

fn sees_all(grant: &Grant) -> bool {
    Audience::ALL.iter().all(|audience| grant.sees(*audience))
}
