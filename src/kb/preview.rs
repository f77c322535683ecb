//! Before publication: the recent and the golden queries are asked of the knowledge as it is and as it would be.
//!
//! Invariant: nothing is published, recorded or seen by anybody else; no article outside the editor's audiences is named.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use zhiyin_index::{Filter, Interval, Snapshot};

use super::records::form;
use super::search::{article_id, round, took};
use super::shelf::{document, engine_error};
use super::{Editor, Grant, Kb};
use crate::error::{Error, Result};
use crate::id::{ArticleId, SpaceId};
use crate::model::article::{Audience, Version};
use crate::model::golden::Golden;
use crate::model::preview::{MAX_PREVIEWED, Preview, PreviewAnswer, PreviewGolden, PreviewItem, PreviewOrder};
use crate::model::search::SearchRequest;
use crate::model::text::QueryText;

/// Records that are looked through for recent queries, the latest first.
const RECORDS: usize = 20_000;

/// A form of what was asked lately.
struct Recent {
    times: u64,
    /// Place of its latest record, the latest of all being 0.
    place: usize,
    /// Its latest wording.
    text: QueryText,
}

/// A query that is to be asked.
struct Asked {
    text: QueryText,
    times: u64,
    golden: Option<Golden>,
}

impl Kb {
    /// What publishing a version would change for the golden queries and for what customers asked lately. A golden query
    /// is asked as its audience sees, any other one as the widest audience that the version, or the live one, is for;
    /// without the space's reranker, which orders what is found but does not find.
    ///
    /// # Errors
    /// [`Error::ArticleNotFound`], [`Error::VersionNotFound`]; [`Error::IndexUnavailable`] while the index is being
    /// filled; [`Error::Index`] where a version cannot be indexed.
    pub fn preview_article(
        &self,
        editor: &Editor,
        id: &ArticleId,
        order: PreviewOrder,
        now: Timestamp,
    ) -> Result<Preview> {
        let started = Instant::now();
        let grant = editor.grant();
        let head = self.article_to_write(grant, id)?;
        let number = order.version.unwrap_or(head.latest);
        let version = self.seen_version(grant, id, number)?;
        let live = head.live.map(|live| live.version);
        let widest = match live {
            Some(live) => self.seen_version(grant, id, live)?.content.audience.min(version.content.audience),
            None => version.content.audience,
        };
        let (asked, left_out, partial) = self.to_ask(grant, order, now)?;
        let shelf = self.shelf(&grant.space)?;
        let index = shelf.ready()?;
        let before = index.now();
        let interval = Interval { version: number, from: now.as_millisecond(), until: None };
        let after = before.with(id.as_str(), Some(document(id, &version, interval))).map_err(engine_error)?;
        let mut preview = Preview {
            article_id: id.clone(),
            version: number,
            live_version: live,
            threshold: self.threshold(grant)?,
            queries: 0,
            golden: 0,
            left_out,
            partial,
            golden_broken: 0,
            golden_mended: 0,
            unchanged: 0,
            gained: Vec::new(),
            lost: Vec::new(),
            reordered: Vec::new(),
            degraded: Vec::new(),
            took_ms: 0.0,
        };
        for asked in asked {
            let audience = asked.golden.as_ref().map_or(widest, |golden| golden.audience);
            let seen = |a: &Audience| *a <= audience;
            let audiences = grant.audiences.iter().copied().filter(seen).collect();
            let asker = Grant { audiences, ..grant.clone() };
            let before = self.foretell(&before, &asker, &asked.text, &mut preview, now)?;
            let after = self.foretell(&after, &asker, &asked.text, &mut preview, now)?;
            let golden = asked.golden.map(|golden| PreviewGolden {
                passes: passes(&golden, &before),
                would_pass: passes(&golden, &after),
                id: golden.id,
            });
            preview.take(PreviewItem { query: asked.text.to_string(), asked: asked.times, golden, before, after });
        }
        preview.sort();
        preview.took_ms = took(started);
        Ok(preview)
    }

    fn seen_version(&self, grant: &Grant, id: &ArticleId, number: u32) -> Result<Version> {
        let version = self.inner.store.get_version(&grant.space, id, number)?;
        let version = version.filter(|version| grant.sees(version.content.audience));
        version.ok_or_else(|| Error::VersionNotFound { article: id.clone(), wanted: format!("version {number}") })
    }

    /// Golden queries that the editor may judge, and what was asked lately, each form once; how many were left out; and
    /// whether there were more records than are looked through.
    fn to_ask(&self, grant: &Grant, order: PreviewOrder, now: Timestamp) -> Result<(Vec<Asked>, u64, bool)> {
        let (mut recent, partial) = self.recent_queries(&grant.space, order.days, now)?;
        let mut all = Vec::new();
        let golden = self.all_golden(&grant.space)?;
        // Asked as fewer than its audience, a golden query would say something else.
        let judged: Vec<Golden> = golden.into_iter().filter(|golden| grant.sees(golden.audience)).collect();
        let mut left_out = judged.len().saturating_sub(MAX_PREVIEWED) as u64;
        for golden in judged.into_iter().take(MAX_PREVIEWED) {
            let times = recent.remove(&form(golden.query.as_str())).map_or(0, |known| known.times);
            all.push(Asked { text: golden.query.clone(), times, golden: Some(golden) });
        }
        let mut rest: Vec<Recent> = recent.into_values().collect();
        rest.sort_by(|a, b| b.times.cmp(&a.times).then(a.place.cmp(&b.place)));
        let most = order.most.min(MAX_PREVIEWED);
        left_out += rest.len().saturating_sub(most) as u64;
        let rest = rest.into_iter().take(most);
        all.extend(rest.map(|Recent { times, text, .. }| Asked { text, times, golden: None }));
        Ok((all, left_out, partial))
    }

    /// What was asked in the last days, by form; and whether there were more records than are looked through.
    fn recent_queries(&self, space: &SpaceId, days: u32, now: Timestamp) -> Result<(HashMap<String, Recent>, bool)> {
        let span = Duration::from_secs(u64::from(days) * 24 * 3600);
        let from = now.checked_sub(span).unwrap_or(Timestamp::UNIX_EPOCH);
        let until = now.checked_add(Duration::from_secs(1)).unwrap_or(now);
        let mut recent: HashMap<String, Recent> = HashMap::new();
        let mut records = self.inner.store.queries(space, from, until).rev();
        for (place, record) in records.by_ref().take(RECORDS).enumerate() {
            let record = record?;
            let form = form(&record.query);
            let Ok(text) = QueryText::try_from(record.query) else { continue };
            if !form.is_empty() {
                recent.entry(form).or_insert(Recent { times: 0, place, text }).times += 1;
            }
        }
        let more = records.next().transpose()?.is_some();
        Ok((recent, more))
    }

    fn foretell(
        &self,
        index: &Snapshot<'_>,
        grant: &Grant,
        text: &QueryText,
        preview: &mut Preview,
        now: Timestamp,
    ) -> Result<PreviewAnswer> {
        let found = self.find_in(index, grant, &SearchRequest::<Filter>::first_of(text.clone()), now)?;
        for part in found.degraded {
            if !preview.degraded.iter().any(|known| known == part) {
                preview.degraded.push(part.to_owned());
            }
        }
        Ok(PreviewAnswer {
            matched: f64::from(found.confidence) >= preview.threshold,
            confidence: round(found.confidence),
            article_id: found.hits.first().map(|hit| article_id(&hit.record)),
        })
    }
}

/// Whether a golden query comes out as expected.
fn passes(golden: &Golden, answer: &PreviewAnswer) -> bool {
    if golden.articles.is_empty() {
        return !answer.matched;
    }
    answer.matched && answer.article_id.as_ref().is_some_and(|first| golden.articles.contains(first))
}
