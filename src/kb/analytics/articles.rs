//! How useful is each article, which are never found, which are out of date?
//!
//! Invariant: only live articles that the reader may see are counted or named.

use jiff::{SignedDuration, Timestamp};

use super::{Wish, sees_all};
use crate::error::Result;
use crate::kb::{Analyst, Grant, Kb};
use crate::model::analytics::{
    ArticleDay, ArticleFigures, ArticleReport, MAX_DAYS, NeverHit, StaleArticle, StaleReason, at_least, share,
};
use crate::model::article::Article;
use crate::model::interaction::day_of;

/// How long before its end an article counts as expiring soon.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

impl Kb {
    /// How the live articles did.
    ///
    /// # Errors
    /// [`crate::error::Error::InvalidQuery`] for a range that is none; [`crate::error::Error::Store`].
    pub fn article_figures(&self, analyst: &Analyst, wish: Wish, now: Timestamp) -> Result<ArticleReport> {
        let (grant, period) = (analyst.grant(), wish.period(now, MAX_DAYS)?);
        let sums = self.inner.store.article_sums(&grant.space, period.from, period.to)?;
        let everything = sees_all(grant);
        let (mut live, mut hit, mut never, mut stale) = (0, Vec::new(), Vec::new(), Vec::new());
        for article in self.inner.store.articles(&grant.space, None) {
            let article = article?;
            let Some(since) = article.live.map(|live| live.from) else { continue };
            if !everything && self.live_version(grant, &article)?.is_none() {
                continue;
            }
            live += 1;
            let figures = sums.get(&article.id).copied().unwrap_or_default();
            if let Some((reason, at)) = staleness(&article, now) {
                stale.push((figures.shown, reason, at, article.clone()));
            }
            if figures != ArticleDay::default() {
                hit.push((figures, article));
            } else if day_of(since) <= period.to {
                never.push((since, article));
            }
        }
        let (never_hit_count, stale_count) = (never.len() as u64, stale.len() as u64);
        hit.sort_by(|a, b| b.0.shown.cmp(&a.0.shown).then_with(|| a.1.id.cmp(&b.1.id)));
        never.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.id.cmp(&b.1.id)));
        stale.sort_by(|a, b| b.0.cmp(&a.0).then(a.2.cmp(&b.2)).then_with(|| a.3.id.cmp(&b.3.id)));
        let mut report = ArticleReport {
            space: grant.space.clone(),
            from: period.from,
            to: period.to,
            live,
            items: Vec::new(),
            never_hit_count,
            never_hit: Vec::new(),
            stale_count,
            stale: Vec::new(),
        };
        for (figures, article) in hit.into_iter().take(wish.limit) {
            let title = self.title(grant, &article)?;
            report.items.push(of_article(article, title, figures));
        }
        for (live_since, article) in never.into_iter().take(wish.limit) {
            let title = self.title(grant, &article)?;
            report.never_hit.push(NeverHit { article_id: article.id, title, live_since });
        }
        for (shown, reason, at, article) in stale.into_iter().take(wish.limit) {
            let title = self.title(grant, &article)?;
            report.stale.push(StaleArticle { article_id: article.id, title, reason, at, shown });
        }
        Ok(report)
    }

    fn title(&self, grant: &Grant, article: &Article) -> Result<String> {
        Ok(self.live_version(grant, article)?.map(|version| version.content.title.to_string()).unwrap_or_default())
    }
}

/// Why a live article should be looked at, and since or until when.
fn staleness(article: &Article, now: Timestamp) -> Option<(StaleReason, Timestamp)> {
    if let Some(due) = article.review_due_at.filter(|due| *due <= now) {
        return Some((StaleReason::ReviewOverdue, due));
    }
    let soon = now.checked_add(SOON).ok()?;
    let until = article.live.and_then(|live| live.until).filter(|until| *until <= soon)?;
    Some((StaleReason::ExpiresSoon, until))
}

fn of_article(article: Article, title: String, figures: ArticleDay) -> ArticleFigures {
    let said = figures.helpful + figures.unhelpful;
    ArticleFigures {
        article_id: article.id,
        title,
        shown: figures.shown,
        answered: figures.answered,
        helpful: figures.helpful,
        unhelpful: figures.unhelpful,
        usefulness: share(figures.helpful, said),
        usefulness_at_least: at_least(figures.helpful, said),
        csat: share(figures.csat_sum, figures.csat_count),
        handed_off: figures.handed_off,
        clicked: figures.clicked,
    }
}
