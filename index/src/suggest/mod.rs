//! What somebody who types may be about to ask: titles and known questions that begin with it, contain it, or sound so.
//!
//! Invariant: an entry of a document that is gone is never offered, whatever the sorted list still holds.

use std::sync::Arc;

use crate::document::Record;
use crate::normalize::folded;
use crate::table::Table;

mod sound;

use sound::{Heard, Later};

/// Entries kept unsorted before the list is sorted anew.
const MAX_FRESH: usize = 1_024;
/// Entries that are put in order for each one wanted.
const KEPT: usize = 16;

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

/// Entries, and how they sound.
#[derive(Default)]
struct Entries {
    list: Vec<Entry>,
    sounds: Later,
}

/// Titles and questions in their matching form.
#[derive(Clone, Default)]
pub(crate) struct Suggestions {
    /// Sorted by form.
    sorted: Arc<Entries>,
    /// Those of one change each.
    fresh: Vec<Arc<Entries>>,
}

/// How an entry fits what was typed, the best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Begins,
    Contains,
    SoundBegins,
    SoundContains,
    InitialsBegin,
    InitialsContain,
}

fn entries(document: u32, record: &Record) -> impl Iterator<Item = Entry> {
    let texts = std::iter::once(&record.title).chain(&record.questions);
    texts.zip(0..).map(move |(text, part)| Entry { form: folded(text).into(), document, part })
}

impl Suggestions {
    pub fn of(table: &Table) -> Self {
        let mut list: Vec<Entry> = table.iter().flat_map(|(document, record)| entries(document, record)).collect();
        list.sort_unstable_by(|a, b| a.form.cmp(&b.form));
        Self { sorted: Arc::new(Entries { list, sounds: Later::default() }), fresh: Vec::new() }
    }

    /// With the documents just added to the table.
    pub fn with<'a>(&self, added: impl Iterator<Item = (u32, &'a Arc<Record>)>, table: &Table) -> Self {
        let mut next = self.clone();
        let list: Vec<Entry> = added.flat_map(|(document, record)| entries(document, record)).collect();
        if !list.is_empty() {
            next.fresh.push(Arc::new(Entries { list, sounds: Later::default() }));
        }
        let fresh: usize = next.fresh.iter().map(|entries| entries.list.len()).sum();
        if fresh > MAX_FRESH { Self::of(table) } else { next }
    }

    /// Hears every entry, so that nobody who types waits for it.
    pub fn prepare(&self) {
        self.sorted.sounds();
    }

    /// At most `limit` completions that pass: those that begin with the text first, then those that contain it, then
    /// those that sound so; short ones first.
    pub fn complete(&self, text: &str, limit: usize, table: &Table, passes: impl Fn(u32) -> bool) -> Vec<Suggestion> {
        let form = folded(text.trim());
        if form.is_empty() || limit == 0 {
            return Vec::new();
        }
        let shown = |entry: &Entry| table.get(entry.document).is_some() && passes(entry.document);
        let fresh = || self.fresh.iter().flat_map(|entries| &entries.list);
        let mut found: Vec<(Fit, &Entry)> = Vec::new();
        let start = self.sorted.list.partition_point(|e| *e.form < *form);
        let prefixed = self.sorted.list.iter().skip(start).take_while(|e| e.form.starts_with(&form));
        let prefixed = prefixed.chain(fresh().filter(|e| e.form.starts_with(&form)));
        found.extend(prefixed.filter(|e| shown(e)).map(|entry| (Fit::Begins, entry)));
        if found.len() < limit {
            let inside = self.sorted.list.iter().chain(fresh()).filter(|e| inside(&e.form, &form));
            found.extend(inside.filter(|e| shown(e)).map(|entry| (Fit::Contains, entry)));
        }
        let heard = if found.len() < limit { Heard::of(&form) } else { Heard::default() };
        if !heard.is_empty() {
            for entries in std::iter::once(&self.sorted).chain(&self.fresh) {
                entries.hear(&heard, |fit, entry| found.extend(shown(entry).then_some((fit, entry))));
            }
        }
        let order = |(fit, entry): &(Fit, &Entry)| (*fit, entry.part > 0, entry.form.len());
        let compare =
            |a: &(Fit, &Entry), b: &(Fit, &Entry)| order(a).cmp(&order(b)).then_with(|| a.1.form.cmp(&b.1.form));
        // An entry may fit in several ways, and a document may say a thing twice: more than the limit are ordered.
        let kept = limit * KEPT;
        if found.len() > kept {
            found.select_nth_unstable_by(kept, compare);
            found.truncate(kept);
        }
        found.sort_by(compare);
        let mut seen = std::collections::HashSet::new();
        found
            .into_iter()
            .filter(|(_, entry)| seen.insert((entry.document, &entry.form)))
            .filter_map(|(_, entry)| suggestion(entry, table))
            .take(limit)
            .collect()
    }
}

impl Entries {
    fn sounds(&self) -> &sound::Sounds {
        self.sounds.get(self.list.iter().map(|entry| entry.form.as_ref()))
    }

    fn hear<'a>(&'a self, heard: &Heard, mut with: impl FnMut(Fit, &'a Entry)) {
        self.sounds().find(heard, |number, initials, further| {
            let fit = match (initials, further) {
                (false, false) => Fit::SoundBegins,
                (false, true) => Fit::SoundContains,
                (true, false) => Fit::InitialsBegin,
                (true, true) => Fit::InitialsContain,
            };
            if let Some(entry) = self.list.get(number) {
                with(fit, entry);
            }
        });
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
