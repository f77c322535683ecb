//! Lists of articles: filtered, ordered, read page by page.
//!
//! Invariant: each article is judged and shown by its live version, or by its latest one where none is live; a list in
//! the order of ids reads no further than its page.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use jiff::Timestamp;
use zhiyin_index::normalize::folded;

use super::super::{ArticleQuery, ArticleSort, Grant, Historian, Kb};
use crate::error::{Error, Result};
use crate::id::ArticleId;
use crate::model::article::{Article, ArticleView, Audience, Version};
use crate::model::page::{MAX_PAGE, Page};

/// Where an article stands in a list: by what it is ordered, then by id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    key: Key,
    id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    None,
    Time(Timestamp),
    /// Latest first.
    Back(std::cmp::Reverse<Timestamp>),
    Text(String),
    /// Behind everything else.
    Last,
}

/// An article on the page, ordered by its place alone.
struct Entry {
    place: Place,
    article: Article,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place.cmp(&other.place)
    }
}

impl Kb {
    /// A page of the articles that the reader may see.
    ///
    /// # Errors
    /// [`Error::InvalidQuery`] for a cursor that this list did not give.
    pub fn list_articles(&self, historian: &Historian, query: &ArticleQuery) -> Result<Page<ArticleView>> {
        let grant = historian.grant();
        let limit = query.limit.clamp(1, MAX_PAGE);
        let after = query.cursor.as_deref().map(|text| parse_cursor(query.sort, text)).transpose()?;
        let entries = if query.sort == ArticleSort::Id {
            self.by_id(grant, query, after.as_ref(), limit + 1)?
        } else {
            self.by_key(grant, query, after.as_ref(), limit + 1)?
        };
        let more = entries.len() > limit;
        let mut items = Vec::with_capacity(limit.min(entries.len()));
        let mut last = None;
        for entry in entries.into_iter().take(limit) {
            items.push(self.view_of(&entry.article, judged(&entry.article))?);
            last = Some(entry.place);
        }
        Ok(Page { items, next_cursor: last.filter(|_| more).map(|place| cursor(query.sort, &place)) })
    }

    fn by_id(&self, grant: &Grant, query: &ArticleQuery, after: Option<&Place>, most: usize) -> Result<Vec<Entry>> {
        let after = after.map(|place| ArticleId::try_from(place.id.clone())).transpose();
        let after = after.map_err(|_| wrong_cursor())?;
        let filter = Filter::new(grant, query);
        let mut found = Vec::new();
        for article in self.inner.store.articles(&grant.space, after.as_ref()) {
            if let Some(entry) = self.judge(article?, &filter)? {
                found.push(entry);
                if found.len() == most {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// Reads every article, but keeps no more than the page.
    fn by_key(&self, grant: &Grant, query: &ArticleQuery, after: Option<&Place>, most: usize) -> Result<Vec<Entry>> {
        let filter = Filter::new(grant, query);
        let mut page: BinaryHeap<Entry> = BinaryHeap::with_capacity(most + 1);
        for article in self.inner.store.articles(&grant.space, None) {
            let Some(entry) = self.judge(article?, &filter)? else { continue };
            if after.is_none_or(|after| entry.place > *after) {
                page.push(entry);
            }
            if page.len() > most {
                page.pop();
            }
        }
        Ok(page.into_sorted_vec())
    }

    /// The article's entry, where the filter lets it through. The version is read only where something depends on it.
    fn judge(&self, article: Article, filter: &Filter<'_>) -> Result<Option<Entry>> {
        if !filter.passes_head(&article) {
            return Ok(None);
        }
        let version = match filter.needs_version {
            true => self.inner.store.get_version(&article.space, &article.id, judged(&article))?,
            false => None,
        };
        let passes = !filter.needs_version || version.as_ref().is_some_and(|v| filter.passes(&article, v));
        let place = Place { key: key(filter.query.sort, &article, version.as_ref()), id: article.id.to_string() };
        Ok(passes.then_some(Entry { place, article }))
    }
}

/// The version by which lists judge an article and at which they show it.
fn judged(article: &Article) -> u32 {
    article.live.map_or(article.latest, |live| live.version)
}

struct Filter<'a> {
    grant: &'a Grant,
    query: &'a ArticleQuery,
    words: Option<String>,
    needs_version: bool,
}

impl<'a> Filter<'a> {
    fn new(grant: &'a Grant, query: &'a ArticleQuery) -> Self {
        let sees_all = Audience::ALL.iter().all(|audience| grant.sees(*audience));
        let by_content = query.category.is_some()
            || query.tag.is_some()
            || query.owner.is_some()
            || query.language.is_some()
            || query.q.is_some()
            || query.sort == ArticleSort::Title;
        let words = query.q.as_deref().map(folded);
        Self { grant, query, words, needs_version: !sees_all || by_content }
    }

    fn passes_head(&self, article: &Article) -> bool {
        let query = self.query;
        query.status.is_none_or(|status| article.status() == status)
            && query.review_due_before.is_none_or(|before| article.review_due_at.is_some_and(|due| due < before))
    }

    fn passes(&self, article: &Article, version: &Version) -> bool {
        let (query, content) = (self.query, &version.content);
        let category = content.category.as_ref().map(|c| c.as_str());
        let has_words = |words: &String| {
            folded(content.title.as_str()).contains(words.as_str())
                || folded(article.id.as_str()).contains(words.as_str())
        };
        self.grant.sees(content.audience)
            && query.category.as_deref().is_none_or(|wanted| category.is_some_and(|c| is_under(c, wanted)))
            && query.tag.as_deref().is_none_or(|tag| content.tags.iter().any(|t| t.as_str() == tag))
            && query.owner.as_deref().is_none_or(|owner| content.owner.as_ref().is_some_and(|o| o.as_str() == owner))
            && query.language.is_none_or(|language| content.language == Some(language))
            && self.words.as_ref().is_none_or(has_words)
    }
}

/// Whether a category is another one or below it.
fn is_under(category: &str, wanted: &str) -> bool {
    category.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn key(sort: ArticleSort, article: &Article, version: Option<&Version>) -> Key {
    match sort {
        ArticleSort::Id => Key::None,
        ArticleSort::UpdatedDesc => Key::Back(std::cmp::Reverse(article.updated_at)),
        ArticleSort::CreatedAsc => Key::Time(article.created_at),
        ArticleSort::Title => version.map_or(Key::Last, |v| Key::Text(v.content.title.to_string())),
        ArticleSort::ReviewDueAsc => article.review_due_at.map_or(Key::Last, Key::Time),
    }
}

/// The letter of an order, the key, the id: in hexadecimal, so that nobody takes it for more than a cursor.
fn cursor(sort: ArticleSort, place: &Place) -> String {
    let key = match &place.key {
        Key::None | Key::Last => String::new(),
        Key::Time(at) | Key::Back(std::cmp::Reverse(at)) => at.to_string(),
        Key::Text(text) => text.clone(),
    };
    let plain = format!("{}{}\n{key}", letter(sort), place.id);
    plain.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn parse_cursor(sort: ArticleSort, text: &str) -> Result<Place> {
    read_cursor(sort, text).ok_or_else(wrong_cursor)
}

fn read_cursor(sort: ArticleSort, text: &str) -> Option<Place> {
    let pairs = text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    let plain = String::from_utf8(pairs.collect::<Option<Vec<u8>>>()?).ok()?;
    let (id, key) = plain.strip_prefix(letter(sort))?.split_once('\n')?;
    let time = || key.parse::<Timestamp>().ok();
    let key = match sort {
        ArticleSort::Id => Key::None,
        ArticleSort::UpdatedDesc => Key::Back(std::cmp::Reverse(time()?)),
        ArticleSort::CreatedAsc => Key::Time(time()?),
        ArticleSort::Title => Key::Text(key.to_owned()),
        ArticleSort::ReviewDueAsc if key.is_empty() => Key::Last,
        ArticleSort::ReviewDueAsc => Key::Time(time()?),
    };
    Some(Place { key, id: id.to_owned() })
}

fn letter(sort: ArticleSort) -> char {
    match sort {
        ArticleSort::Id => 'i',
        ArticleSort::UpdatedDesc => 'u',
        ArticleSort::CreatedAsc => 'c',
        ArticleSort::Title => 't',
        ArticleSort::ReviewDueAsc => 'r',
    }
}

fn wrong_cursor() -> Error {
    Error::query("cursor", "it is not one that this list gave")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_place_and_no_other_list_takes_it() {
        let place = Place { key: Key::Text("退货\n".into()), id: "a.b".into() };
        let text = cursor(ArticleSort::Title, &place);
        assert_eq!(parse_cursor(ArticleSort::Title, &text).unwrap(), place);
        for (sort, text) in [(ArticleSort::Id, text.as_str()), (ArticleSort::Title, "zz"), (ArticleSort::Title, "7")] {
            assert!(matches!(parse_cursor(sort, text), Err(Error::InvalidQuery(_))));
        }
        let undue = Place { key: Key::Last, id: "b".into() };
        assert_eq!(parse_cursor(ArticleSort::ReviewDueAsc, &cursor(ArticleSort::ReviewDueAsc, &undue)).unwrap(), undue);
    }

    #[test]
    fn a_category_holds_what_is_below_it() {
        assert!(is_under("售后/退货", "售后") && is_under("售后", "售后"));
        assert!(!is_under("售后服务", "售后") && !is_under("售", "售后"));
    }
}
