//! What is stored of articles: heads, versions, publications, dirty marks and timers?
//!
//! Invariant: a dirty mark goes only when it is still the mark that was indexed.

use jiff::Timestamp;

use super::keys::{Part, Table, parts};
use super::{Store, id_of};
use crate::error::{Error, Result};
use crate::id::{ArticleId, SpaceId};
use crate::model::article::{Article, Publication, Version};

impl Store {
    /// An article's head.
    ///
    /// # Errors
    /// `Store` when it cannot be read; so for every read below.
    pub fn get_article(&self, space: &SpaceId, article: &ArticleId) -> Result<Option<Article>> {
        self.read(Table::Article, &Table::Article.key().id(space.as_str()).id(article.as_str()).bytes())
    }

    /// The heads of a space, ascending by id, after a given one.
    pub fn articles(
        &self,
        space: &SpaceId,
        after: Option<&ArticleId>,
    ) -> impl Iterator<Item = Result<Article>> + Send + use<> {
        let prefix = Table::Article.key().id(space.as_str());
        let from = match after {
            Some(after) => prefix.clone().id(after.as_str()).end(),
            None => prefix.clone().bytes(),
        };
        self.scan(Table::Article, from, prefix.end()).map(|row| row.map(|(_, article)| article))
    }

    /// One version.
    ///
    /// # Errors
    /// `Store`.
    pub fn get_version(&self, space: &SpaceId, article: &ArticleId, number: u32) -> Result<Option<Version>> {
        self.read(Table::Version, &Table::Version.key().id(space.as_str()).id(article.as_str()).u32(number).bytes())
    }

    /// All versions, ascending.
    ///
    /// # Errors
    /// `Store`.
    pub fn versions(&self, space: &SpaceId, article: &ArticleId) -> Result<Vec<Version>> {
        let prefix = Table::Version.key().id(space.as_str()).id(article.as_str());
        let rows = self.scan(Table::Version, prefix.clone().bytes(), prefix.end());
        rows.map(|row| row.map(|(_, version)| version)).collect()
    }

    /// All publications with their sequence numbers, ascending.
    ///
    /// # Errors
    /// `Store`.
    pub fn publications(&self, space: &SpaceId, article: &ArticleId) -> Result<Vec<(u32, Publication)>> {
        let prefix = Table::Publication.key().id(space.as_str()).id(article.as_str());
        let mut found = Vec::new();
        for row in self.scan(Table::Publication, prefix.clone().bytes(), prefix.end()) {
            let (key, publication) = row?;
            if let [_, _, Part::Number(sequence)] = parts(&key)?.as_slice() {
                let sequence = u32::try_from(*sequence).map_err(|e| Error::Store(e.to_string()))?;
                found.push((sequence, publication));
            }
        }
        Ok(found)
    }

    /// Articles to be indexed, each with its mark, ascending by id.
    ///
    /// # Errors
    /// `Store`.
    pub fn dirty(&self, space: &SpaceId, limit: usize) -> Result<Vec<(ArticleId, u64)>> {
        let prefix = Table::Dirty.key().id(space.as_str());
        let mut found = Vec::new();
        for row in self.scan::<u64>(Table::Dirty, prefix.clone().bytes(), prefix.end()).take(limit) {
            let (key, mark) = row?;
            if let [_, Part::Id(article)] = parts(&key)?.as_slice() {
                found.push((id_of(article)?, mark));
            }
        }
        Ok(found)
    }

    /// How many articles are to be indexed.
    ///
    /// # Errors
    /// `Store`.
    pub fn count_dirty(&self, space: &SpaceId) -> Result<u64> {
        let prefix = Table::Dirty.key().id(space.as_str());
        let mut count = 0;
        for row in self.scan::<u64>(Table::Dirty, prefix.clone().bytes(), prefix.end()) {
            row?;
            count += 1;
        }
        Ok(count)
    }

    /// Takes marks away, each only if it is still the one given.
    ///
    /// Needs no sync: a mark that comes back after a crash has its article indexed once more.
    ///
    /// # Errors
    /// `Store`.
    pub fn clear_dirty(&self, space: &SpaceId, marks: &[(ArticleId, u64)]) -> Result<()> {
        self.make_room()?;
        let mut writer = self.inner.writer.lock();
        let mut batch = self.batch();
        for (article, mark) in marks {
            let key = Table::Dirty.key().id(space.as_str()).id(article.as_str()).bytes();
            if self.read::<u64>(Table::Dirty, &key)? == Some(*mark) {
                batch.remove(key);
            }
        }
        if !batch.is_empty() {
            self.write(&mut writer, batch)?;
        }
        Ok(())
    }

    /// Timers up to and including `now`, earliest first.
    ///
    /// # Errors
    /// `Store`.
    pub fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<(Timestamp, SpaceId, ArticleId)>> {
        let rows = self.scan::<()>(Table::Timer, Table::Timer.key().bytes(), Table::Timer.key().time(now).end());
        let mut found = Vec::new();
        for row in rows.take(limit) {
            let (key, ()) = row?;
            if let [Part::Time(at), Part::Id(space), Part::Id(article)] = parts(&key)?.as_slice() {
                found.push((*at, id_of(space)?, id_of(article)?));
            }
        }
        Ok(found)
    }

    /// When the earliest timer goes off.
    ///
    /// # Errors
    /// `Store`.
    pub fn next_due(&self) -> Result<Option<Timestamp>> {
        let mut rows = self.scan::<()>(Table::Timer, Table::Timer.key().bytes(), Table::Timer.key().end());
        let Some((key, ())) = rows.next().transpose()? else {
            return Ok(None);
        };
        match parts(&key)?.first() {
            Some(Part::Time(at)) => Ok(Some(*at)),
            _ => Ok(None),
        }
    }
}
