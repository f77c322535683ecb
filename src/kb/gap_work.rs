//! From a gap to an article: a draft of its own, or its questions added to an article that is there.
//!
//! Invariant: nothing here publishes; what is made waits for an editor and for review.

use jiff::Timestamp;
use serde_json::json;

use super::gaps::GapDraft;
use super::{Editor, GapKeeper, Grant, Kb, Written};
use crate::error::{Error, Result};
use crate::id::{ArticleId, GapId};
use crate::model::article::{Audience, Content, MAX_QUESTIONS};
use crate::model::gap::{CauseKind, Gap, GapStatus, GapView, NearArticle, Proof, SuggestedAction, Suggestion, Why};
use crate::model::interaction::{Session, day_of};
use crate::model::talk::Role;
use crate::model::text::{Body, Category, Note, Question, Title};

/// Agents' answers that a draft holds, and the fewest characters of one.
const MAX_ANSWERS: usize = 3;
const MIN_ANSWER: usize = 6;
/// Likeness from which two answers say the same.
const SAME_ANSWER: f32 = 0.9;

/// What an agent answered in a conversation.
struct Told {
    text: String,
    session: String,
    turn: u32,
    csat: Option<u8>,
    at: Timestamp,
}

/// Whether the customer was content with the conversation.
fn was_accepted(session: &Session) -> bool {
    let content = session.csat.map(|csat| u8::from(csat) >= 4);
    content.unwrap_or(session.resolved == Some(true))
}

/// Score from which the nearest article is taken to be the one that should answer.
pub(crate) const NEAR_ENOUGH: f64 = 0.35;

impl Kb {
    /// Makes a draft article of a gap: its label as title, its questions, the nearest article's category, and links to
    /// the articles that stand near.
    ///
    /// # Errors
    /// [`Error::GapNotFound`]; what making an article fails with.
    pub fn draft_gap(
        &self,
        keeper: &GapKeeper,
        editor: &Editor,
        id: &GapId,
        wanted: GapDraft,
        now: Timestamp,
    ) -> Result<(GapView, Written)> {
        let grant = keeper.grant();
        let view = self.view(grant, self.gap(grant, id)?, now)?;
        let title = match wanted.title {
            Some(title) => title,
            None => Title::try_from(cut(&view.label, 200)).map_err(|why| Error::field("title", why.to_string()))?,
        };
        let category = match wanted.category {
            Some(category) => Some(category),
            None => self.category_of(grant, &view.nearest)?,
        };
        let told = self.accepted_answers(grant, id)?;
        let body = [told, links(&view.nearest)].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
        let content = Content {
            title,
            body: Body::try_from(body.join("\n\n")).map_err(|why| Error::field("body", why.to_string()))?,
            questions: questions(&view.examples),
            negative_questions: Vec::new(),
            category,
            tags: Vec::new(),
            audience: Audience::Public,
            language: None,
            attributes: Default::default(),
            valid_from: None,
            valid_until: None,
            owner: None,
            review_every_days: None,
        };
        let note = Note::try_from(format!("from gap {id}")).ok();
        let written = self.create_article(editor, None, wanted.article_id, content, note, now)?;
        let gap = self.attach(grant, id, &written.id, None, now)?;
        Ok((self.view(grant, gap, now)?, written))
    }

    /// Adds a gap's questions to an article, as a new draft version of it.
    ///
    /// # Errors
    /// [`Error::GapNotFound`], [`Error::ArticleNotFound`]; what saving a version fails with.
    pub fn link_gap(
        &self,
        keeper: &GapKeeper,
        editor: &Editor,
        id: &GapId,
        article: &ArticleId,
        now: Timestamp,
    ) -> Result<(GapView, Written)> {
        let grant = keeper.grant();
        let gap = self.gap(grant, id)?;
        let head = self.article_to_write(editor.grant(), article)?;
        let version = self.inner.store.get_version(&grant.space, article, head.latest)?;
        let not_found = || Error::ArticleNotFound { space: grant.space.clone(), article: article.clone() };
        let mut content = version.ok_or_else(not_found)?.content;
        let known = content.questions.clone();
        content.questions.extend(questions(&gap.examples).into_iter().filter(|question| !known.contains(question)));
        content.questions.truncate(MAX_QUESTIONS);
        let note = Note::try_from(format!("questions of gap {id}")).ok();
        let written = self.save_article(editor, article, Some(head.latest), content, note, now)?;
        // That an editor links it says that it was there.
        let live = head.live.is_some();
        let why =
            Why { kind: CauseKind::PresentNotFound, proof: Proof::Editor, article_id: Some(article.clone()), at: now };
        let gap = self.attach(grant, id, article, live.then_some(why), now)?;
        Ok((self.view(grant, gap, now)?, written))
    }

    /// What agents answered to a gap's questions where the customer was content, best first, each with where it was said.
    fn accepted_answers(&self, grant: &Grant, id: &GapId) -> Result<String> {
        let (store, space) = (&self.inner.store, &grant.space);
        let gap = self.gap(grant, id)?;
        let mut told: Vec<Told> = Vec::new();
        for form in store.forms_of(space, &gap.id)? {
            for (name, turn) in form.places.iter().rev() {
                let Some(session) = store.session(space, name)?.filter(was_accepted) else { continue };
                let turns = store.turns(space, name)?;
                let said = turns.iter().filter(|(number, _)| number > turn).map(|(_, said)| said);
                // Until the customer asks on; what only greets was set aside when it came.
                let answer = said.take_while(|said| said.role != Role::Customer || said.set_aside.is_some());
                let answer = answer.filter(|said| said.role == Role::Agent && said.set_aside.is_none());
                let text = answer.map(|said| said.text.trim()).collect::<Vec<_>>().join("\n");
                if text.chars().count() >= MIN_ANSWER && !told.iter().any(|known| known.text == text) {
                    let csat = session.csat.map(u8::from);
                    told.push(Told { text, session: name.clone(), turn: *turn, csat, at: session.last_at });
                }
            }
        }
        let texts: Vec<&str> = told.iter().map(|told| told.text.as_str()).collect();
        let index = self.shelf(space)?.index();
        let likeness = index.likeness(&gap.label, &texts);
        let mut ranked: Vec<(f32, Told)> = likeness.into_iter().zip(told).collect();
        // Content customers first, then what is nearest to the question, then the latest.
        ranked
            .sort_by(|(a, one), (b, other)| other.csat.cmp(&one.csat).then(b.total_cmp(a)).then(other.at.cmp(&one.at)));
        let mut kept: Vec<Told> = Vec::new();
        for (_, told) in ranked {
            let alike = index.likeness(&told.text, &kept.iter().map(|known| known.text.as_str()).collect::<Vec<_>>());
            if kept.len() < MAX_ANSWERS && alike.iter().all(|likeness| *likeness < SAME_ANSWER) {
                kept.push(told);
            }
        }
        // For its writer to look at and take out, as the links below it.
        let quoted = kept.iter().map(|told| {
            let rated = told.csat.map_or(String::new(), |csat| format!(", rated {csat}/5"));
            let (day, session) = (day_of(told.at), told.session.get(..12).unwrap_or(&told.session));
            format!("{}\n\n> conversation {session}, turn {}, {day}{rated}", told.text, told.turn)
        });
        Ok(quoted.collect::<Vec<_>>().join("\n\n"))
    }

    fn attach(&self, grant: &Grant, id: &GapId, article: &ArticleId, why: Option<Why>, now: Timestamp) -> Result<Gap> {
        let action = if why.is_some() { "gap.link" } else { "gap.draft" };
        let set = |gap: Gap| {
            let why = why.or(gap.why);
            Some(Gap { article_id: Some(article.clone()), status: GapStatus::Drafting, why, ..gap })
        };
        self.change_gap(grant, id, action, json!({ "article_id": article }), now, set)
    }

    /// What might be done about a gap, as its nearest articles stand.
    pub(super) fn suggestion(&self, grant: &Grant, gap: &Gap, nearest: &[NearArticle]) -> Result<Suggestion> {
        let near = nearest.first().filter(|near| near.score >= NEAR_ENOUGH);
        Ok(Suggestion {
            action: if near.is_some() { SuggestedAction::Link } else { SuggestedAction::NewArticle },
            article_id: near.map(|near| near.article_id.clone()),
            title: gap.label.clone(),
            category: self.category_of(grant, nearest)?.map(|category| category.to_string()),
            questions: gap.examples.clone(),
        })
    }

    fn category_of(&self, grant: &Grant, nearest: &[NearArticle]) -> Result<Option<Category>> {
        for near in nearest {
            let article = self.inner.store.get_article(&grant.space, &near.article_id)?;
            let Some(live) = article.and_then(|article| article.live) else { continue };
            let version = self.inner.store.get_version(&grant.space, &near.article_id, live.version)?;
            if let Some(category) = version.and_then(|version| version.content.category) {
                return Ok(Some(category));
            }
        }
        Ok(None)
    }
}

/// Examples that are fit to be an article's questions, each once.
fn questions(examples: &[String]) -> Vec<Question> {
    let fit = examples.iter().filter_map(|text| Question::try_from(cut(text, 300)).ok());
    let mut kept: Vec<Question> = Vec::new();
    for question in fit.take(MAX_QUESTIONS) {
        if !kept.contains(&question) {
            kept.push(question);
        }
    }
    kept
}

/// The body of a draft: what stands near, for its writer to look at and take out.
fn links(nearest: &[NearArticle]) -> String {
    let lines = nearest.iter().map(|near| format!("- {} (`{}`)", near.title, near.article_id));
    lines.collect::<Vec<_>>().join("\n")
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect::<String>().trim().to_owned()
}
