//! Reading an article: one of its versions, its history, what changed between two.
//!
//! Invariant: a version outside the reader's audiences is not there, and an article of which no version is there is not found.

use super::super::{Historian, Kb, VersionSummary, Wanted};
use crate::error::{Error, Result};
use crate::id::ArticleId;
use crate::kb::Grant;
use crate::model::article::{Article, ArticleView, Publication, Version};
use crate::model::diff::{self, Diff};

impl Kb {
    /// An article at the version that is wanted.
    ///
    /// # Errors
    /// [`Error::ArticleNotFound`] where there is none or the reader may not see that version; [`Error::VersionNotFound`].
    pub fn get_article(&self, historian: &Historian, id: &ArticleId, wanted: Wanted) -> Result<ArticleView> {
        let grant = historian.grant();
        let article = self.head(grant, id)?;
        let publications = self.inner.store.publications(&grant.space, id)?;
        let (number, published_at) = match wanted {
            Wanted::Live => (article.live.map(|live| live.version), article.live.map(|live| live.from)),
            Wanted::Latest => (Some(article.latest), last_published(&publications, article.latest)),
            Wanted::Number(number) => (Some(number), last_published(&publications, number)),
            Wanted::AsOf(at) => {
                let then = publications.iter().map(|(_, p)| p).find(|p| p.covers(at));
                (then.map(|p| p.version), then.map(|p| p.from))
            }
        };
        let version = match number {
            Some(number) => self.inner.store.get_version(&grant.space, id, number)?,
            None => None,
        };
        match version {
            Some(version) if grant.sees(version.content.audience) => {
                Ok(ArticleView::of(&article, &version, published_at))
            }
            Some(_) => Err(not_found(grant, id)),
            None => {
                // Only who sees something of the article learns that it is the version that is missing.
                self.visible_versions(grant, id)?;
                Err(Error::VersionNotFound { article: id.clone(), wanted: words(wanted) })
            }
        }
    }

    /// The versions that the reader may see, oldest first.
    ///
    /// # Errors
    /// [`Error::ArticleNotFound`].
    pub fn list_versions(&self, historian: &Historian, id: &ArticleId) -> Result<Vec<VersionSummary>> {
        let article = self.head(historian.grant(), id)?;
        let versions = self.visible_versions(historian.grant(), id)?;
        let live = article.live.map(|live| live.version);
        let summary = |v: Version| VersionSummary {
            live: live == Some(v.number),
            version: v.number,
            title: v.content.title.into(),
            note: v.note,
            author: v.author,
            created_at: v.created_at,
        };
        Ok(versions.into_iter().map(summary).collect())
    }

    /// When which version was live, oldest first, of the versions that the reader may see.
    ///
    /// # Errors
    /// [`Error::ArticleNotFound`].
    pub fn list_publications(&self, historian: &Historian, id: &ArticleId) -> Result<Vec<Publication>> {
        let grant = historian.grant();
        self.head(grant, id)?;
        let visible: Vec<u32> = self.visible_versions(grant, id)?.into_iter().map(|v| v.number).collect();
        let publications = self.inner.store.publications(&grant.space, id)?;
        Ok(publications.into_iter().map(|(_, p)| p).filter(|p| visible.contains(&p.version)).collect())
    }

    /// What changed between two versions.
    ///
    /// # Errors
    /// [`Error::ArticleNotFound`], [`Error::VersionNotFound`].
    pub fn diff_article(&self, historian: &Historian, id: &ArticleId, from: u32, to: u32) -> Result<Diff> {
        self.head(historian.grant(), id)?;
        let versions = self.visible_versions(historian.grant(), id)?;
        let find = |number: u32| {
            let found = versions.iter().find(|v| v.number == number);
            found.ok_or_else(|| Error::VersionNotFound { article: id.clone(), wanted: format!("version {number}") })
        };
        Ok(diff::diff(find(from)?, find(to)?))
    }

    fn head(&self, grant: &Grant, id: &ArticleId) -> Result<Article> {
        self.inner.store.get_article(&grant.space, id)?.ok_or_else(|| not_found(grant, id))
    }

    /// At least one version, or the article is not found.
    fn visible_versions(&self, grant: &Grant, id: &ArticleId) -> Result<Vec<Version>> {
        let mut versions = self.inner.store.versions(&grant.space, id)?;
        versions.retain(|v| grant.sees(v.content.audience));
        if versions.is_empty() { Err(not_found(grant, id)) } else { Ok(versions) }
    }

    /// An article at a version, for somebody who is known to see it.
    pub(in crate::kb) fn view_of(&self, article: &Article, number: u32) -> Result<ArticleView> {
        let store = &self.inner.store;
        let version = store.get_version(&article.space, &article.id, number)?;
        let version =
            version.ok_or_else(|| Error::Store(format!("version {number} of '{}' is missing", article.id)))?;
        let publications = store.publications(&article.space, &article.id)?;
        Ok(ArticleView::of(article, &version, last_published(&publications, number)))
    }
}

fn not_found(grant: &Grant, id: &ArticleId) -> Error {
    Error::ArticleNotFound { space: grant.space.clone(), article: id.clone() }
}

/// When a version was published last.
fn last_published(publications: &[(u32, Publication)], number: u32) -> Option<jiff::Timestamp> {
    publications.iter().rev().find(|(_, p)| p.version == number).map(|(_, p)| p.from)
}

fn words(wanted: Wanted) -> String {
    match wanted {
        Wanted::Live => "live version".to_owned(),
        Wanted::Latest => "version".to_owned(),
        Wanted::Number(number) => format!("version {number}"),
        Wanted::AsOf(at) => format!("version that was live at {at}"),
    }
}
