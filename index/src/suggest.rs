//! What somebody who types may be about to ask: titles and known questions that begin with it or contain it.
//!
//! Invariant: an entry of a document that is gone is never offered, whatever the sorted list still holds.

use std::sync::Arc;

use crate::document::Record;
use crate::normalize::folded;
use crate::table::Table;

/// Entries kept unsorted before the list is sorted anew.
const MAX_FRESH: usize = 1_024;

/// A completion.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion {
    /// The title or question.
    pub text: String,
    /// Id of the document it leads to.
    pub id: String,
    /// Title of that document.
    pub title: String,
    /// Whether `text` is a known question rather than the title.
    pub question: bool,
}

struct Entry {
    form: Box<str>,
    document: u32,
    /// 0 is the title, 1 the first question …
    part: u32,
}

/// Titles and questions in their matching form.
#[derive(Clone, Default)]
pub(crate) struct Suggestions {
    sorted: Arc<Vec<Entry>>,
    fresh: Vec<Arc<Entry>>,
}

fn entries(document: u32, record: &Record) -> impl Iterator<Item = Entry> {
    let texts = std::iter::once(&record.title).chain(&record.questions);
    texts.zip(0..).map(move |(text, part)| Entry { form: folded(text).into(), document, part })
}

impl Suggestions {
    pub fn of(table: &Table) -> Self {
        let mut sorted: Vec<Entry> = table.iter().flat_map(|(document, record)| entries(document, record)).collect();
        sorted.sort_unstable_by(|a, b| a.form.cmp(&b.form));
        Self { sorted: Arc::new(sorted), fresh: Vec::new() }
    }

    /// With the documents just added to the table.
    pub fn with<'a>(&self, added: impl Iterator<Item = (u32, &'a Arc<Record>)>, table: &Table) -> Self {
        let mut next = self.clone();
        next.fresh.extend(added.flat_map(|(document, record)| entries(document, record)).map(Arc::new));
        if next.fresh.len() > MAX_FRESH { Self::of(table) } else { next }
    }

    /// At most `limit` completions that pass, those that begin with the text first, then short ones first.
    pub fn complete(&self, text: &str, limit: usize, table: &Table, passes: impl Fn(u32) -> bool) -> Vec<Suggestion> {
        let form = folded(text.trim());
        if form.is_empty() || limit == 0 {
            return Vec::new();
        }
        let mut found: Vec<(bool, usize, &Entry)> = Vec::new();
        let start = self.sorted.partition_point(|e| *e.form < *form);
        let prefixed = self.sorted.iter().skip(start).take_while(|e| e.form.starts_with(&form));
        for entry in prefixed.chain(self.fresh.iter().map(AsRef::as_ref).filter(|e| e.form.starts_with(&form))) {
            if table.get(entry.document).is_some() && passes(entry.document) {
                found.push((false, entry.form.len(), entry));
            }
        }
        if found.len() < limit {
            for entry in self.sorted.iter().chain(self.fresh.iter().map(AsRef::as_ref)) {
                if inside(&entry.form, &form) && table.get(entry.document).is_some() && passes(entry.document) {
                    found.push((true, entry.form.len(), entry));
                }
            }
        }
        found.sort_by(|a, b| (a.0, a.2.part > 0, a.1, &a.2.form).cmp(&(b.0, b.2.part > 0, b.1, &b.2.form)));
        let mut seen = std::collections::HashSet::new();
        found
            .into_iter()
            .filter(|(_, _, entry)| seen.insert((entry.document, &entry.form)))
            .filter_map(|(_, _, entry)| suggestion(entry, table))
            .take(limit)
            .collect()
    }
}

/// Whether `part` stands within `form`, not at its beginning: at the start of a word, or anywhere in Chinese.
fn inside(form: &str, part: &str) -> bool {
    form.match_indices(part).any(|(at, _)| {
        let before = form.get(..at).and_then(|head| head.chars().next_back());
        let first = part.chars().next();
        at > 0
            && match (before, first) {
                (Some(b), Some(f)) => !(b.is_ascii_alphanumeric() && f.is_ascii_alphanumeric()),
                _ => false,
            }
    })
}

fn suggestion(entry: &Entry, table: &Table) -> Option<Suggestion> {
    let record = table.get(entry.document)?;
    let text = match entry.part {
        0 => &record.title,
        n => record.questions.get(n as usize - 1)?,
    };
    Some(Suggestion {
        text: text.clone(),
        id: record.id.clone(),
        title: record.title.clone(),
        question: entry.part > 0,
    })
}
