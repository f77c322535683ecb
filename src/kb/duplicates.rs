//! What is there already: articles that say the same, and what answers a gap before a draft is made of it.
//!
//! Invariant: no article outside the caller's audiences is in a pair or among what is there.

use jiff::Timestamp;
use zhiyin_index::Filter;

use super::records::form;
use super::search::{article_id, language, round, visible};
use super::shelf::engine_error;
use super::{Curator, Grant, Kb};
use crate::error::{Duplicate, Result};
use crate::model::article::Version;
use crate::model::duplicate::{DuplicateKind, DuplicatePair, PairedArticle, SAME_QUESTION};
use crate::model::search::SearchRequest;
use crate::model::text::QueryText;

/// Hits of each question that are looked at.
const LOOKED_AT: u32 = 3;
/// Texts of drafts that a question is compared with by meaning; by form it is compared with all.
const COMPARED: usize = 500;
/// Most of what is there that is told.
const TOLD: usize = 5;

impl Kb {
    /// Pairs of live articles that say the same, the most alike first.
    ///
    /// # Errors
    /// [`crate::error::Error::IndexUnavailable`] while the space's index is being filled.
    pub fn list_duplicates(
        &self,
        curator: &Curator,
        kind: Option<DuplicateKind>,
        from: Option<f64>,
        most: usize,
    ) -> Result<Vec<DuplicatePair>> {
        let grant = curator.grant();
        let kind = kind.unwrap_or(DuplicateKind::Copy);
        let from = from.unwrap_or_else(|| kind.bar());
        let filter = visible(grant, None)?;
        let index = self.shelf(&grant.space)?.ready()?;
        let pairs = index.pairs(from as f32, filter.as_ref(), usize::MAX).map_err(engine_error)?;
        let of_kind =
            |pair: &zhiyin_index::Pair| (pair.one.language == pair.other.language) == (kind == DuplicateKind::Copy);
        let paired = |record: &zhiyin_index::Record| PairedArticle {
            article_id: article_id(record),
            version: record.version,
            title: record.title.clone(),
            language: language(record),
            category: record.category.clone(),
        };
        let pairs = pairs.into_iter().filter(of_kind).take(most);
        Ok(pairs
            .map(|pair| DuplicatePair {
                kind,
                likeness: round(pair.likeness),
                one: paired(&pair.one),
                other: paired(&pair.other),
            })
            .collect())
    }

    /// What answers these questions already, or is being written to: live articles that match one of them or have a
    /// known question that asks the same, and drafts with such a title or question. The surest first.
    pub(super) fn answered_by(&self, grant: &Grant, questions: &[String], now: Timestamp) -> Result<Vec<Duplicate>> {
        let index = self.shelf(&grant.space)?.ready()?;
        let threshold = self.threshold(grant)?;
        let mut found: Vec<Duplicate> = Vec::new();
        let mut take = |new: Duplicate| match found.iter_mut().find(|known| known.article_id == new.article_id) {
            Some(known) if known.score >= new.score => {}
            Some(known) => *known = new,
            None => found.push(new),
        };
        for question in questions {
            let Ok(text) = QueryText::try_from(question.clone()) else { continue };
            let request = SearchRequest::<Filter> { limit: LOOKED_AT, ..SearchRequest::first_of(text) };
            for hit in self.find(grant, &request, now)?.hits {
                let known: Vec<&str> = hit.record.questions.iter().map(String::as_str).collect();
                let alike = index.sameness(question, &known).into_iter().fold(0.0, f32::max);
                let (reason, score) = if f64::from(hit.score) >= threshold {
                    ("answers", hit.score)
                } else if f64::from(alike) >= SAME_QUESTION {
                    ("asks_the_same", alike)
                } else {
                    continue;
                };
                let (article_id, title) = (article_id(&hit.record), hit.record.title.clone());
                take(Duplicate { article_id, title, reason: reason.to_owned(), score: round(score) });
            }
        }
        let mut left = COMPARED;
        for article in self.inner.store.articles(&grant.space, None) {
            let article = article?;
            if article.archived || article.live.is_some_and(|live| live.version == article.latest) {
                continue;
            }
            let version = self.inner.store.get_version(&grant.space, &article.id, article.latest)?;
            let Some(version) = version.filter(|version| grant.sees(version.content.audience)) else { continue };
            let texts = asked_by(&version);
            let forms: Vec<String> = texts.iter().map(|text| form(text)).collect();
            let mut score: f32 = 0.0;
            for question in questions {
                if forms.contains(&form(question)) {
                    score = 1.0;
                } else if score < 1.0 && left >= texts.len() {
                    score = index.sameness(question, &texts).into_iter().fold(score, f32::max);
                }
            }
            left = left.saturating_sub(texts.len());
            if f64::from(score) >= SAME_QUESTION {
                let title = version.content.title.to_string();
                take(Duplicate {
                    article_id: article.id,
                    title,
                    reason: "drafted".to_owned(),
                    score: round(score.min(1.0)),
                });
            }
        }
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.article_id.cmp(&b.article_id)));
        found.truncate(TOLD);
        Ok(found)
    }
}

/// What a version is asked for by.
fn asked_by(version: &Version) -> Vec<&str> {
    let content = &version.content;
    std::iter::once(content.title.as_str()).chain(content.questions.iter().map(|question| question.as_str())).collect()
}
