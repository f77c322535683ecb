//! Many articles at once: read row by row, prepared and written in batches.
//!
//! Invariant: an article is written whole or not at all, a refused row stops nothing else, and a dry run reports what
//! the real one would.

use std::collections::HashMap;
use std::io::BufRead;

use jiff::Timestamp;
use serde_json::json;

use super::super::articles::draft::Draft;
use super::super::articles::{fill_language, fit, publish_latest, same_space};
use super::super::{Editor, Grant, Kb, Publisher};
use crate::error::{Error, FieldError, Kind, Result};
use crate::id::ArticleId;
use crate::model::article::{Article, Content, Live, Publication, ReviewState, Version};
use crate::model::content::to_millis;
use crate::model::exchange::{Format, History, ImportFailure, ImportReport, Incoming, ReadRow, Row, Rows};
use crate::model::lifecycle::{self, Action, Outcome, Rules};

/// Most rows of one batch.
const BATCH_ROWS: usize = 256;
/// Bytes of bodies from which a batch is full.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// An article that rows of this import touched, or may touch again.
#[derive(Clone)]
struct Known {
    draft: Draft,
    /// BLAKE3 of the latest version's content.
    print: blake3::Hash,
    /// Whether there is something to write.
    changed: bool,
}

/// How a row went.
enum Went {
    Created,
    Updated,
    Unchanged,
}

/// One import under way.
struct Import<'a> {
    grant: &'a Grant,
    publish: bool,
    dry_run: bool,
    rules: Rules,
    now: Timestamp,
    known: HashMap<ArticleId, Known>,
    report: ImportReport,
}

impl Kb {
    /// Reads rows from `body` as they come. A row gives an article as it should be: new, changed (a new version) or the
    /// same; with a publisher it is then published, unless its validity is over. A row may also be a whole history, for an article that is not there
    /// yet; it comes back as it was, and needs the publisher where it says what was or will be live or approved.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] when the body breaks off (rows before stay written); [`Error::Store`]. What is wrong
    /// with a row stands in the report.
    pub fn import(
        &self,
        editor: &Editor,
        publish: Option<&Publisher>,
        format: Format,
        dry_run: bool,
        body: &mut dyn BufRead,
        now: Timestamp,
    ) -> Result<ImportReport> {
        let grant = editor.grant();
        same_space(grant, publish)?;
        let rules = self.rules(&grant.space)?;
        let report = ImportReport { dry_run, ..ImportReport::default() };
        let (publish, now) = (publish.is_some(), to_millis(now));
        let mut import = Import { grant, publish, dry_run, rules, now, known: HashMap::new(), report };
        let mut batch = Vec::new();
        let mut bytes = 0;
        for row in Rows::new(format, body) {
            let row = match row {
                Ok(row) => row,
                Err(error) => {
                    self.import_batch(&mut import, batch)?;
                    let message =
                        format!("it broke off after {} rows, which stay imported: {error}", import.report.rows);
                    return Err(Error::field("body", message));
                }
            };
            bytes += weight(&row);
            batch.push(row);
            if batch.len() >= BATCH_ROWS || bytes >= BATCH_BYTES {
                self.import_batch(&mut import, std::mem::take(&mut batch))?;
                bytes = 0;
            }
        }
        self.import_batch(&mut import, batch)?;
        Ok(import.report)
    }

    fn import_batch(&self, import: &mut Import<'_>, rows: Vec<ReadRow>) -> Result<()> {
        let store = &self.inner.store;
        let lock = store.lock(&import.grant.space);
        for row in rows {
            let ReadRow { line, id, incoming } = row;
            import.report.rows += 1;
            let went = match incoming {
                Ok(Incoming::Row(row)) => self.import_row(import, *row),
                Ok(Incoming::History(history)) => self.import_history(import, *history),
                Err(errors) => Err(Error::InvalidRequest(errors)),
            };
            import.count(line, id, went)?;
        }
        if import.dry_run {
            import.known.values_mut().for_each(|known| known.draft.versions.clear());
            return Ok(());
        }
        let mut batch = store.batch();
        let mut index_changed = false;
        for (_, known) in import.known.drain().filter(|(_, known)| known.changed) {
            index_changed |= known.draft.index_changed;
            known.draft.put(&mut batch, &import.grant.actor, import.now);
        }
        if batch.is_empty() {
            return Ok(());
        }
        let ticket = store.commit(batch)?;
        drop(lock);
        store.sync(ticket)?;
        if index_changed {
            self.wake_indexer();
        }
        Ok(())
    }

    fn import_row(&self, import: &mut Import<'_>, row: Row) -> Result<Went> {
        let grant = import.grant;
        if let Some(space) = row.space.filter(|space| *space != grant.space) {
            return Err(Error::field(
                "space",
                format!("the row is for '{space}', and the import for '{}'", grant.space),
            ));
        }
        let content = fit(grant, row.content)?;
        let id = row.id.unwrap_or_else(|| ArticleId::fresh(import.now.as_millisecond()));
        let print = print(&content)?;
        // What is over cannot be live again; it is kept, and what is live of the article stays so.
        let over = content.valid_until.is_some_and(|end| end <= import.now);
        let (mut known, mut went) = match self.known(import, &id)? {
            None => {
                let detail = json!({ "version": 1, "note": row.note, "import": true });
                let made =
                    lifecycle::create(grant.space.clone(), id.clone(), content, row.note, &grant.actor, import.now);
                (Known { draft: Draft::made(made, detail), print, changed: true }, Went::Created)
            }
            Some(mut known) if known.print == print => {
                known.remember_latest(content, import);
                (known, Went::Unchanged)
            }
            Some(mut known) => {
                let action = Action::Save { content: Box::new(content), note: row.note };
                self.step(&mut known.draft, action, import.rules, &grant.actor, import.now)?;
                (Known { print, changed: true, ..known }, Went::Updated)
            }
        };
        if import.publish && !over && awaits_publication(&known.draft.article) {
            self.step(&mut known.draft, publish_latest(), import.rules, &grant.actor, import.now)?;
            known.changed = true;
            if matches!(went, Went::Unchanged) {
                went = Went::Updated;
            }
        }
        known.forget_stored();
        import.known.insert(id, known);
        Ok(went)
    }

    /// The article as earlier rows of this import left it, or as the store has it, where the caller may write to it.
    fn known(&self, import: &Import<'_>, id: &ArticleId) -> Result<Option<Known>> {
        if let Some(known) = import.known.get(id) {
            return Ok(Some(known.clone()));
        }
        let (store, space) = (&self.inner.store, &import.grant.space);
        if store.get_article(space, id)?.is_none() {
            return Ok(None);
        }
        let article = self.article_to_write(import.grant, id)?;
        let latest = store.get_version(space, id, article.latest)?;
        let latest = latest.ok_or_else(|| Error::Store(format!("version {} of '{id}' is missing", article.latest)))?;
        Ok(Some(Known { draft: Draft::of(article), print: print(&latest.content)?, changed: false }))
    }

    fn import_history(&self, import: &mut Import<'_>, mut history: History) -> Result<Went> {
        let id = history.id.clone();
        let taken = import.known.contains_key(&id) || self.inner.store.get_article(&import.grant.space, &id)?.is_some();
        if taken {
            return Err(Error::AlreadyExists { what: "article", id: id.to_string() });
        }
        if let Some(hidden) = history.versions.iter().find(|v| !import.grant.sees(v.content.audience)) {
            let audience = hidden.content.audience.as_str();
            return Err(Error::Forbidden(format!(
                "it does not reach the audience '{audience}' of version {}",
                hidden.version
            )));
        }
        let approved = history.review.as_ref().is_some_and(|r| r.state == ReviewState::Approved);
        if !import.publish && (approved || !history.publications.is_empty() || history.schedule.is_some()) {
            return Err(Error::Forbidden(
                "a history that says what was live, will be live or is approved needs publish=true".into(),
            ));
        }
        history.versions.iter_mut().for_each(|v| fill_language(&mut v.content));
        let article = restored(&history, import)?;
        let latest = history.versions.last().map(|v| print(&v.content)).transpose()?;
        let detail =
            json!({ "versions": history.versions.len(), "publications": history.publications.len(), "import": true });
        let outcome = Outcome {
            index_changed: !history.publications.is_empty(),
            article,
            new_version: None,
            publications: (1..).zip(history.publications).collect(),
        };
        let mut draft = Draft::made(outcome, detail);
        draft.versions = history.versions.into_iter().map(Version::from).collect();
        if let Some(print) = latest {
            import.known.insert(id, Known { draft, print, changed: true });
        }
        Ok(Went::Created)
    }
}

impl Known {
    /// Lets the publishing of a version that is the same as this row's find it, also in a dry run that has dropped it.
    fn remember_latest(&mut self, content: Content, import: &Import<'_>) {
        let number = self.draft.article.latest;
        let in_store = self.draft.before.as_ref().is_some_and(|before| before.latest >= number);
        if !in_store && self.draft.version(number).is_none() {
            let author = import.grant.actor.clone();
            self.draft.versions.push(Version { number, content, note: None, author, created_at: import.now });
        }
    }

    /// A draft holds only versions that are new.
    fn forget_stored(&mut self) {
        let stored = self.draft.before.as_ref().map_or(0, |before| before.latest);
        self.draft.versions.retain(|version| version.number > stored);
    }
}

impl Import<'_> {
    /// Counts how a row went; only what an operator must mend ends the import.
    fn count(&mut self, line: u64, id: Option<String>, went: Result<Went>) -> Result<()> {
        match went {
            Ok(Went::Created) => self.report.created += 1,
            Ok(Went::Updated) => self.report.updated += 1,
            Ok(Went::Unchanged) => self.report.unchanged += 1,
            Err(error) if error.code().kind() == Kind::Operator => return Err(error),
            Err(error) => {
                self.report.failed += 1;
                if self.report.failures.len() < ImportReport::MAX_FAILURES {
                    self.report.failures.push(ImportFailure { line, id, reason: reason(&error) });
                }
            }
        }
        Ok(())
    }
}

fn reason(error: &Error) -> String {
    match error {
        Error::InvalidRequest(errors) => {
            let all: Vec<String> =
                errors.iter().map(|FieldError { field, message }| format!("{field}: {message}")).collect();
            all.join("; ")
        }
        other => other.to_string(),
    }
}

fn weight(row: &ReadRow) -> usize {
    match &row.incoming {
        Ok(Incoming::Row(row)) => row.content.body.as_str().len(),
        Ok(Incoming::History(history)) => history.versions.iter().map(|v| v.content.body.as_str().len()).sum(),
        Err(_) => 0,
    }
}

fn print(content: &Content) -> Result<blake3::Hash> {
    let bytes = serde_json::to_vec(content).map_err(|e| Error::Store(format!("content cannot be written: {e}")))?;
    Ok(blake3::hash(&bytes))
}

/// Whether the latest version is neither live nor about to be.
fn awaits_publication(article: &Article) -> bool {
    let live = article.live.is_some_and(|live| live.version == article.latest);
    let scheduled = article.schedule.as_ref().is_some_and(|s| s.version == article.latest);
    !article.archived && !live && !scheduled
}

/// The article's head as its history says.
fn restored(history: &History, import: &Import<'_>) -> Result<Article> {
    let now = import.now;
    let last = history.publications.last();
    if let Some(early) = last.filter(|p| p.from > now) {
        return Err(Error::field(
            "publications",
            format!("the last one begins at {}, which is still to come", early.from),
        ));
    }
    let open = last.filter(|p| p.covers(now));
    if history.archived && open.is_some() {
        return Err(Error::field("archived", "an archived article cannot be live"));
    }
    let count = u32::try_from(history.publications.len()).map_err(|e| Error::field("publications", e.to_string()))?;
    let latest = u32::try_from(history.versions.len()).map_err(|e| Error::field("versions", e.to_string()))?;
    let live = |p: &Publication| Live { version: p.version, from: p.from, until: p.until, publication: count };
    Ok(Article {
        space: import.grant.space.clone(),
        id: history.id.clone(),
        created_at: history.versions.first().map_or(now, |v| v.created_at),
        updated_at: now,
        latest,
        live: open.map(live),
        schedule: history.schedule.clone(),
        review: history.review.clone(),
        archived: history.archived,
        publications: count,
        verified_at: history.verified_at,
        review_due_at: history.review_due_at,
    })
}
