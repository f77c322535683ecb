//! Everything a reader may see, ascending by id: whole histories, or the version that counts now.
//!
//! Invariant: an article of which one version is not for the reader is left out whole, for half a history is none.

use std::io::Write;

use super::super::{Grant, Historian, Kb};
use crate::error::{Error, Result};
use crate::id::ArticleId;
use crate::model::exchange::{Format, History, HistoryVersion, write_document, write_history};

impl Kb {
    /// Writes every article that the historian may see: as NDJSON with all versions and publications, as Markdown the
    /// live version or the latest one. Gives how many there were.
    ///
    /// # Errors
    /// [`Error::InvalidQuery`] for a format without an export; [`Error::Store`], also when `out` cannot be written to.
    pub fn export(&self, historian: &Historian, format: Format, out: &mut dyn Write) -> Result<u64> {
        if format == Format::Csv {
            return Err(Error::query("format", "export writes 'ndjson' or 'markdown'"));
        }
        let grant = historian.grant();
        let mut count = 0;
        for article in self.inner.store.articles(&grant.space, None) {
            let id = article?.id;
            let text = match format {
                Format::Markdown => self.document(grant, &id)?,
                _ => self.history(grant, &id)?,
            };
            if let Some(text) = text {
                out.write_all(text.as_bytes()).map_err(|e| failed(&e))?;
                count += 1;
            }
        }
        out.flush().map_err(|e| failed(&e))?;
        Ok(count)
    }

    /// One line of NDJSON. Read under the space's lock, so that head, versions and publications belong together.
    fn history(&self, grant: &Grant, id: &ArticleId) -> Result<Option<String>> {
        let store = &self.inner.store;
        let lock = store.lock(&grant.space);
        let Some(article) = store.get_article(&grant.space, id)? else { return Ok(None) };
        let versions = store.versions(&grant.space, id)?;
        let publications = store.publications(&grant.space, id)?;
        drop(lock);
        if !versions.iter().all(|v| grant.sees(v.content.audience)) {
            return Ok(None);
        }
        let history = History {
            id: article.id,
            versions: versions.into_iter().map(HistoryVersion::from).collect(),
            publications: publications.into_iter().map(|(_, p)| p).collect(),
            archived: article.archived,
            verified_at: article.verified_at,
            review_due_at: article.review_due_at,
            schedule: article.schedule,
            review: article.review,
        };
        let line =
            write_history(&history).map_err(|e| Error::Store(format!("article '{id}' cannot be written: {e}")))?;
        Ok(Some(line + "\n"))
    }

    fn document(&self, grant: &Grant, id: &ArticleId) -> Result<Option<String>> {
        let store = &self.inner.store;
        let Some(article) = store.get_article(&grant.space, id)? else { return Ok(None) };
        let number = article.live.map_or(article.latest, |live| live.version);
        let version = store.get_version(&grant.space, id, number)?;
        let Some(version) = version.filter(|v| grant.sees(v.content.audience)) else { return Ok(None) };
        let text = write_document(id, &version);
        text.map(Some).map_err(|e| Error::Store(format!("article '{id}' cannot be written: {e}")))
    }
}

fn failed(error: &std::io::Error) -> Error {
    Error::Store(format!("the export could not be written: {error}"))
}
