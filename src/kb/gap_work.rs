//! From a gap to an article: a draft of its own, or its questions added to an article that is there.
//!
//! Invariant: nothing here publishes; what is made waits for an editor and for review.

use jiff::Timestamp;
use serde_json::json;

use super::gaps::GapDraft;
use super::writing::{Brief, NotGenerated, Prose, Worded};
use super::{Editor, GapKeeper, Grant, Kb, Written};
use crate::error::{Error, Result};
use crate::id::{ArticleId, GapId};
use crate::model::article::{AttributeValue, Audience, Content, MAX_ATTRIBUTE_TEXT, MAX_QUESTIONS};
use crate::model::gap::{
    CauseKind, Gap, GapStatus, GapView, NearArticle, Proof, SuggestedAction, Suggestion, Verification, Why,
};
use crate::model::interaction::{Session, day_of, replies};
use crate::model::text::{AttributeName, Body, Category, Note, Question, Title};

/// Agents' answers that a draft holds as they are, those that a language model may write from, and the fewest characters
/// of one.
const MAX_ANSWERS: usize = 3;
const MAX_SOURCES: usize = 8;
const MIN_ANSWER: usize = 6;
/// Likeness from which two answers say the same.
const SAME_ANSWER: f32 = 0.9;

/// What became of a gap's questions when it was linked to an article.
#[derive(Debug, Clone, Copy)]
pub struct Linked {
    /// Whether a version was made.
    pub saved: bool,
    /// Questions that the article had no room for.
    pub left_out: usize,
}

/// What an agent answered in a conversation.
struct Told {
    text: String,
    session: String,
    /// The agent's turn; the first of them where several follow each other.
    turn: u32,
    csat: Option<u8>,
    at: Timestamp,
}

/// Attribute of a version whose body a language model wrote: the model's name.
const GENERATED_BY: &str = "generated_by";

impl Told {
    /// Where it was said, for people.
    fn place(&self) -> String {
        let rated = self.csat.map_or(String::new(), |csat| format!(", rated {csat}/5"));
        format!("{}, turn {}, {}{rated}", conversation(&self.session), self.turn, day_of(self.at))
    }
}

/// How a draft names a conversation, by its session's hash.
pub(super) fn conversation(session: &str) -> String {
    format!("conversation {}", session.get(..12).unwrap_or(session))
}

/// Whether the customer was content with the conversation.
fn was_accepted(session: &Session) -> bool {
    let content = session.csat.map(|csat| u8::from(csat) >= 4);
    content.unwrap_or(session.resolved == Some(true))
}

/// Score from which the nearest article is taken to be the one that should answer.
pub(crate) const NEAR_ENOUGH: f64 = 0.35;

impl Kb {
    /// What a language model would write a gap's draft from: its questions and the agents' answers that were accepted.
    ///
    /// # Errors
    /// As [`Kb::draft_gap`] for what is there already: no model is asked for a draft that would be refused.
    pub fn brief_of(&self, keeper: &GapKeeper, id: &GapId, anyway: bool, now: Timestamp) -> Result<Brief> {
        let grant = keeper.grant();
        let gap = self.gap(grant, id)?;
        if !anyway {
            self.must_be_new(grant, &gap.examples, now)?;
        }
        let sources = self.accepted_answers(grant, &gap)?.into_iter().map(|told| told.text).collect();
        Ok(Brief { space: grant.space.clone(), questions: gap.examples, sources })
    }

    /// Makes a draft article of a gap: its label as title, its questions, the nearest article's category, links to the
    /// articles that stand near, and as its body what was written from the accepted answers, or these themselves. Gives
    /// what became of what was written, too.
    ///
    /// # Errors
    /// [`Error::GapNotFound`]; [`Error::Duplicates`] where something answers already and it is not wanted anyway; what
    /// making an article fails with.
    pub fn draft_gap(
        &self,
        keeper: &GapKeeper,
        editor: &Editor,
        id: &GapId,
        wanted: GapDraft,
        worded: Worded,
        now: Timestamp,
    ) -> Result<(GapView, Written, Worded)> {
        let grant = keeper.grant();
        let gap = self.gap(grant, id)?;
        if !wanted.anyway {
            self.must_be_new(grant, &gap.examples, now)?;
        }
        let told = self.accepted_answers(grant, &gap)?;
        let asked = self.wordings(&gap)?;
        let view = self.view(grant, gap, now)?;
        let title = match wanted.title {
            Some(title) => title,
            None => Title::try_from(cut(&view.label, 200)).map_err(|why| Error::field("title", why.to_string()))?,
        };
        let category = match wanted.category {
            Some(category) => Some(category),
            None => self.category_of(grant, &view.nearest)?,
        };
        let worded = still_said(worded, &told);
        let said = match &worded.prose {
            Ok(prose) => written(prose, &told),
            Err(_) => quoted(&told),
        };
        let body = [said, links(&view.nearest)].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
        let mut content = Content {
            title,
            body: Body::try_from(body.join("\n\n")).map_err(|why| Error::field("body", why.to_string()))?,
            questions: questions(&asked),
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
        let mut note = format!("from gap {id}");
        if let Ok(prose) = &worded.prose {
            note.push_str(&format!("; body written by the language model {}, to be checked by a person", prose.model));
            let model = AttributeValue::Text(cut(&prose.model, MAX_ATTRIBUTE_TEXT));
            content.attributes.extend(AttributeName::try_from(GENERATED_BY.to_owned()).ok().map(|name| (name, model)));
        }
        let note = Note::try_from(cut(&note, Note::MAX)).ok();
        let made = self.create_article(editor, None, wanted.article_id, content, note, now)?;
        let gap = self.attach(grant, id, &made.id, GapStatus::Drafting, None, now)?;
        Ok((self.view(grant, gap, now)?, made, worded))
    }

    /// A gap's questions, the most asked first: one of each of its forms, as far as an article takes them.
    fn wordings(&self, gap: &Gap) -> Result<Vec<String>> {
        let mut asked = gap.examples.clone();
        for id in self.inner.store.forms_by_asking(&gap.space, &gap.id)?.iter().take(MAX_QUESTIONS) {
            if let Some(form) = self.inner.store.get_form(&gap.space, id)?
                && !asked.iter().any(|known| known == form.question())
            {
                asked.push(form.question().to_owned());
            }
        }
        Ok(asked)
    }

    fn must_be_new(&self, grant: &Grant, questions: &[String], now: Timestamp) -> Result<()> {
        let there = self.answered_by(grant, questions, now)?;
        if there.is_empty() { Ok(()) } else { Err(Error::Duplicates(there)) }
    }

    /// Adds a gap's questions to an article, as a new draft version of it, and says whether it did, and how many of them the
    /// article had no room for: one that has them all stays as it is, and where that work goes on already nothing changes.
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
    ) -> Result<(GapView, Written, Linked)> {
        let grant = keeper.grant();
        let gap = self.gap(grant, id)?;
        let head = self.article_to_write(editor.grant(), article)?;
        let version = self.inner.store.get_version(&grant.space, article, head.latest)?;
        let not_found = || Error::ArticleNotFound { space: grant.space.clone(), article: article.clone() };
        let mut content = version.ok_or_else(not_found)?.content;
        let mut new = questions(&self.wordings(&gap)?);
        new.retain(|question| !content.questions.contains(question));
        let all = new.len();
        new.truncate(MAX_QUESTIONS.saturating_sub(content.questions.len()));
        let saved = !new.is_empty();
        let linked = Linked { saved, left_out: all.saturating_sub(new.len()) };
        // What was set aside or fell open again is taken up anew.
        let goes_on = !matches!(gap.status, GapStatus::Dismissed | GapStatus::Reopened);
        if !saved && goes_on && gap.article_id.as_ref() == Some(article) {
            return Ok((self.view(grant, gap, now)?, self.view_of(&head, head.latest)?, linked));
        }
        let written = if saved {
            content.questions.extend(new);
            let note = Note::try_from(format!("questions of gap {id}")).ok();
            self.save_article(editor, article, Some(head.latest), content, note, now)?
        } else {
            self.view_of(&head, head.latest)?
        };
        // That an editor links it says that it was there.
        let live = head.live.is_some();
        let why =
            Why { kind: CauseKind::PresentNotFound, proof: Proof::Editor, article_id: Some(article.clone()), at: now };
        // What is live as it stands waits for its proof, not for a writer.
        let done = !saved && head.live.is_some_and(|live| live.version == head.latest);
        let status = if done { GapStatus::Open } else { GapStatus::Drafting };
        let gap = self.attach(grant, id, article, status, live.then_some(why), now)?;
        if done {
            self.replay_soon();
        }
        Ok((self.view(grant, gap, now)?, written, linked))
    }

    /// What agents answered to a gap's questions where the customer was content, best first.
    fn accepted_answers(&self, grant: &Grant, gap: &Gap) -> Result<Vec<Told>> {
        let (store, space) = (&self.inner.store, &grant.space);
        let mut told: Vec<Told> = Vec::new();
        for form in store.forms_of(space, &gap.id)? {
            for (name, turn) in form.places.iter().rev() {
                let Some(session) = store.session(space, name)?.filter(was_accepted) else { continue };
                let turns = store.turns(space, name)?;
                let answer = replies(&turns, *turn);
                let Some((first, at)) = answer.first().map(|(number, said)| (*number, said.at)) else { continue };
                let text = answer.iter().map(|(_, said)| said.text.trim()).collect::<Vec<_>>().join("\n");
                if text.chars().count() >= MIN_ANSWER && !told.iter().any(|known| known.text == text) {
                    let csat = session.csat.map(u8::from);
                    told.push(Told { text, session: name.clone(), turn: first, csat, at });
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
            if kept.len() < MAX_SOURCES && alike.iter().all(|likeness| *likeness < SAME_ANSWER) {
                kept.push(told);
            }
        }
        Ok(kept)
    }

    fn attach(
        &self,
        grant: &Grant,
        id: &GapId,
        article: &ArticleId,
        status: GapStatus,
        why: Option<Why>,
        now: Timestamp,
    ) -> Result<Gap> {
        let action = if why.is_some() { "gap.link" } else { "gap.draft" };
        let set = |gap: Gap| {
            let why = why.or(gap.why);
            // What was proven of another article says nothing of this one; what only waits for its proof is asked anew.
            let known = |proof: &Verification| proof.article_id == *article && status != GapStatus::Open;
            let proven = gap.verification.filter(known);
            Some(Gap { article_id: Some(article.clone()), status, why, verification: proven, ..gap })
        };
        self.change_gap(grant, id, action, json!({ "article_id": article }), now, set)
    }

    /// What might be done about a gap, as its nearest articles stand.
    pub(super) fn suggestion(&self, grant: &Grant, gap: &Gap, nearest: &[NearArticle]) -> Result<Suggestion> {
        // What people showed to answer it goes before what stands near.
        let proven = gap.why.as_ref().filter(|why| why.kind == CauseKind::PresentNotFound);
        let article = match proven.and_then(|why| why.article_id.as_ref()) {
            Some(article) if self.sees_live(grant, article)? => Some(article.clone()),
            _ => self.article_beside(grant, gap)?.or_else(|| near(nearest)),
        };
        Ok(Suggestion {
            action: if article.is_some() { SuggestedAction::Link } else { SuggestedAction::NewArticle },
            article_id: article,
            title: gap.label.clone(),
            category: self.category_of(grant, nearest)?.map(|category| category.to_string()),
            questions: gap.examples.clone(),
        })
    }

    /// The article of the closed gap beside which this one was asked, where the keeper may see it.
    fn article_beside(&self, grant: &Grant, gap: &Gap) -> Result<Option<ArticleId>> {
        let Some(related) = &gap.related else { return Ok(None) };
        let known = self.inner.store.get_gap(&gap.space, related)?.filter(|known| known.status == GapStatus::Closed);
        match known.and_then(|known| known.article_id) {
            Some(article) if self.sees_live(grant, &article)? => Ok(Some(article)),
            _ => Ok(None),
        }
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

/// The nearest article, where it is near enough to be the one that should answer.
fn near(nearest: &[NearArticle]) -> Option<ArticleId> {
    nearest.first().filter(|near| near.score >= NEAR_ENOUGH).map(|near| near.article_id.clone())
}

/// What was written, unless an answer that it rests on is gone or changed: erased, say, while the model was asked.
fn still_said(worded: Worded, told: &[Told]) -> Worded {
    let gone = |prose: &Prose| prose.sources.iter().any(|source| !told.iter().any(|told| told.text == *source));
    if worded.prose.as_ref().is_ok_and(gone) {
        return Worded { prose: Err(NotGenerated::SourcesChanged), ..worded };
    }
    worded
}

/// The best answers as they were given, each with where it was said, for the writer to look at and take out.
fn quoted(told: &[Told]) -> String {
    let quoted = told.iter().take(MAX_ANSWERS).map(|told| format!("{}\n\n> {}", told.text, told.place()));
    quoted.collect::<Vec<_>>().join("\n\n")
}

/// What was written, and below it where the answers were given that it names.
fn written(prose: &Prose, told: &[Told]) -> String {
    let of = |source: &String| told.iter().find(|told| told.text == *source).map(Told::place).unwrap_or_default();
    let places = prose.sources.iter().enumerate().map(|(at, source)| format!("> [{}] {}", at + 1, of(source)));
    format!("{}\n\n{}", prose.text, places.collect::<Vec<_>>().join("\n>\n"))
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

/// Whether a body says something of its own: more than headings, and what a draft notes for its writer.
pub fn says_something(body: &str) -> bool {
    let noted = |line: &str| line.starts_with("- ") && line.ends_with("`)") && line.contains(" (`");
    let told = |line: &str| line.starts_with("> conversation ");
    body.lines().map(str::trim).any(|line| !line.is_empty() && !line.starts_with('#') && !noted(line) && !told(line))
}

/// The body of a draft: what stands near, for its writer to look at and take out.
fn links(nearest: &[NearArticle]) -> String {
    let lines = nearest.iter().map(|near| format!("- {} (`{}`)", near.title, near.article_id));
    lines.collect::<Vec<_>>().join("\n")
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect::<String>().trim().to_owned()
}
