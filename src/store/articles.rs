//! What is stored of articles: heads, versions, publications, dirty marks and timers?
//!
//! Invariant: reads never wait for writers.

use jiff::Timestamp;

use super::Store;
use crate::error::Result;
use crate::id::{ArticleId, SpaceId};
use crate::model::article::{Article, Publication, Version};

impl Store {
    /// An article's head.
    pub fn get_article(&self, space: &SpaceId, article: &ArticleId) -> Result<Option<Article>> { todo!() }
    /// The heads of a space, ascending by id, after a given one.
    pub fn articles(&self, space: &SpaceId, after: Option<&ArticleId>) -> impl Iterator<Item = Result<Article>> + Send + use<> { std::iter::empty() }
    /// One version.
    pub fn get_version(&self, space: &SpaceId, article: &ArticleId, number: u32) -> Result<Option<Version>> { todo!() }
    /// All versions, ascending.
    pub fn versions(&self, space: &SpaceId, article: &ArticleId) -> Result<Vec<Version>> { todo!() }
    /// All publications with their sequence numbers, ascending.
    pub fn publications(&self, space: &SpaceId, article: &ArticleId) -> Result<Vec<(u32, Publication)>> { todo!() }
    /// Articles to be indexed, each with its mark, ascending by id.
    pub fn dirty(&self, space: &SpaceId, limit: usize) -> Result<Vec<(ArticleId, u64)>> { todo!() }
    /// How many articles are to be indexed.
    pub fn count_dirty(&self, space: &SpaceId) -> Result<u64> { todo!() }
    /// Takes marks away, each only if it is still the one given; needs no sync.
    pub fn clear_dirty(&self, space: &SpaceId, marks: &[(ArticleId, u64)]) -> Result<()> { todo!() }
    /// Timers up to `now`, earliest first.
    pub fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<(Timestamp, SpaceId, ArticleId)>> { todo!() }
    /// When the earliest timer goes off.
    pub fn next_due(&self) -> Result<Option<Timestamp>> { todo!() }
}
