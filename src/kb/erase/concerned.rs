//! Which articles were made of what is erased? Texts of editors stay, so they are named: an editor changes them or not.
//!
//! Invariant: only articles of gaps that the erased questions stood under are looked at, and only what nobody else asked
//! in the same words counts.

use std::collections::{BTreeSet, HashSet};

use crate::error::Result;
use crate::id::{ArticleId, SpaceId};
use crate::kb::{Kb, gap_work};
use crate::model::article::Version;
use crate::model::erasure::{Concerned, Erasure};
use crate::model::gap::Form;

impl Kb {
    /// Notes the article of the form's gap where versions of it hold texts of erased questions, or quote the conversations.
    pub(super) fn note_concerned(
        &self,
        erasure: &mut Erasure,
        space: &SpaceId,
        form: &Form,
        texts: &BTreeSet<&str>,
        sessions: &HashSet<String>,
    ) -> Result<()> {
        let Some(article_id) = self.inner.store.get_gap(space, &form.gap)?.and_then(|gap| gap.article_id) else {
            return Ok(());
        };
        let Some(article) = self.inner.store.get_article(space, &article_id)? else { return Ok(()) };
        let marks: Vec<String> = sessions.iter().map(|session| gap_work::conversation(session)).collect();
        let found = self.inner.store.versions(space, &article_id)?;
        let found = found.iter().filter(|version| holds(version, texts, &marks)).map(|version| version.number);
        let live = article.live.map(|live| live.version);
        erasure.concern(space, &article_id, live, found);
        Ok(())
    }
}

fn holds(version: &Version, texts: &BTreeSet<&str>, marks: &[String]) -> bool {
    let content = &version.content;
    let questions = content.questions.iter().chain(&content.negative_questions).map(|question| question.as_str());
    questions.chain([content.title.as_str()]).any(|text| texts.contains(text))
        || marks.iter().any(|mark| content.body.as_str().contains(mark.as_str()))
}

impl Erasure {
    fn concern(&mut self, space: &SpaceId, id: &ArticleId, live: Option<u32>, versions: impl Iterator<Item = u32>) {
        let versions: BTreeSet<u32> = versions.collect();
        if versions.is_empty() {
            return;
        }
        match self.articles.iter_mut().find(|known| known.space == *space && known.article_id == *id) {
            Some(known) => known.versions.extend(versions),
            None => self.articles.push(Concerned { space: space.clone(), article_id: id.clone(), live, versions }),
        }
    }
}
