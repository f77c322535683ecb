//! What speaks against an article: low ratings and hand-offs, gathered into one task for its editors.
//!
//! Invariant: one task an article, about one version of it; a complaint counts once, and one that is taken back no longer.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::interaction::LOW_CSAT;
use super::query::FeedbackRecord;
use crate::id::{ArticleId, SpaceId};
use crate::model::article::Article;
use crate::model::text::Note;

/// Questions, and comments, that are kept with a task.
const MAX_EXAMPLES: usize = 5;

/// What was complained of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Complaint {
    /// A satisfaction of 1 or 2.
    LowRating,
    /// It was said not to help.
    NotHelpful,
    /// A person took over although the article answered.
    HandedOff,
}

impl Complaint {
    /// What feedback complains of.
    pub fn of(said: &FeedbackRecord) -> Vec<Complaint> {
        let low = said.csat.is_some_and(|csat| csat <= LOW_CSAT).then_some(Complaint::LowRating);
        let not = (said.helpful == Some(false)).then_some(Complaint::NotHelpful);
        low.into_iter().chain(not).collect()
    }
}

/// Who closed a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Closed {
    /// Name of the key.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// With what words.
    pub note: Option<Note>,
}

/// What speaks against a version of an article.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Article.
    pub article: ArticleId,
    /// The version that answered.
    pub version: u32,
    /// Ratings of 1 or 2.
    pub low_ratings: u64,
    /// Times it was said not to help.
    pub not_helpful: u64,
    /// Times a person took over.
    pub handed_off: u64,
    /// The first complaint.
    pub first_at: Timestamp,
    /// The latest one.
    pub last_at: Timestamp,
    /// Questions that it answered badly, masked.
    pub questions: Vec<String>,
    /// What people wrote, masked.
    pub comments: Vec<String>,
    /// Who closed it, where an editor did.
    pub closed: Option<Closed>,
}

impl Task {
    fn new(article: &ArticleId, version: u32, at: Timestamp) -> Self {
        Self {
            article: article.clone(),
            version,
            low_ratings: 0,
            not_helpful: 0,
            handed_off: 0,
            first_at: at,
            last_at: at,
            questions: Vec::new(),
            comments: Vec::new(),
            closed: None,
        }
    }

    /// Complaints, all together.
    pub fn complaints(&self) -> u64 {
        self.low_ratings + self.not_helpful + self.handed_off
    }

    fn count(&mut self, complaint: Complaint) -> &mut u64 {
        match complaint {
            Complaint::LowRating => &mut self.low_ratings,
            Complaint::NotHelpful => &mut self.not_helpful,
            Complaint::HandedOff => &mut self.handed_off,
        }
    }

    /// The task with one more complaint about a version. One about a newer version, or after an editor closed it, begins
    /// anew; one about an older version is past.
    pub fn with(known: Option<Task>, article: &ArticleId, version: u32, complaint: Complaint, at: Timestamp) -> Task {
        let mut task = match known {
            Some(task) if task.version > version => return task,
            Some(task) if task.version == version && task.closed.is_none() => task,
            _ => Task::new(article, version, at),
        };
        *task.count(complaint) += 1;
        task.first_at = task.first_at.min(at);
        task.last_at = task.last_at.max(at);
        task
    }

    /// The task without a complaint that was taken back; nothing where none is left.
    pub fn without(mut self, version: u32, complaint: Complaint) -> Option<Task> {
        if self.version == version {
            let count = self.count(complaint);
            *count = count.saturating_sub(1);
        }
        (self.complaints() > 0 || self.closed.is_some()).then_some(self)
    }

    /// Keeps a question that was answered badly, and what was written about it.
    pub fn illustrate(&mut self, question: Option<&str>, comment: Option<&str>) {
        let keep = |list: &mut Vec<String>, text: Option<&str>| {
            if let Some(text) = text.filter(|text| !text.is_empty() && !list.iter().any(|known| known == text)) {
                list.push(text.to_owned());
                if list.len() > MAX_EXAMPLES {
                    list.remove(0);
                }
            }
        };
        keep(&mut self.questions, question);
        keep(&mut self.comments, comment);
    }

    /// Where it stands, as its article is now.
    pub fn standing(&self, article: Option<&Article>) -> (TaskStatus, Option<TaskEnd>) {
        let live = article.and_then(|article| article.live).map(|live| live.version);
        match (&self.closed, live) {
            (Some(_), _) => (TaskStatus::Closed, Some(TaskEnd::ByEditor)),
            (None, Some(live)) if live > self.version => (TaskStatus::Closed, Some(TaskEnd::NewerVersion)),
            (None, None) => (TaskStatus::Closed, Some(TaskEnd::NotLive)),
            (None, Some(_)) => (TaskStatus::Open, None),
        }
    }
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// Somebody should look at the article.
    Open,
    /// Nobody need.
    Closed,
}

/// Why a task is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskEnd {
    /// An editor closed it.
    ByEditor,
    /// A newer version than the one complained of is live.
    NewerVersion,
    /// No version is live.
    NotLive,
}

/// A review task as callers see it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TaskView {
    /// The article; it names the task.
    pub article_id: ArticleId,
    /// Space.
    pub space: SpaceId,
    /// Title of the version complained of.
    pub title: String,
    /// That version.
    pub version: u32,
    /// Where it stands.
    pub status: TaskStatus,
    /// Why it is closed, where it is.
    pub end: Option<TaskEnd>,
    /// Ratings of 1 or 2.
    pub low_ratings: u64,
    /// Times it was said not to help.
    pub not_helpful: u64,
    /// Times a person took over although the article answered.
    pub handed_off: u64,
    /// The first complaint.
    pub first_at: Timestamp,
    /// The latest one.
    pub last_at: Timestamp,
    /// The latest questions that it answered badly.
    pub questions: Vec<String>,
    /// The latest of what people wrote.
    pub comments: Vec<String>,
    /// Who closed it, where an editor did.
    pub closed: Option<Closed>,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_about_one_version_and_counts_once() {
        let (article, at): (ArticleId, _) = ("a".parse().unwrap(), Timestamp::UNIX_EPOCH);
        let with = |known, version, complaint| Task::with(known, &article, version, complaint, at);
        let task = with(None, 2, Complaint::LowRating);
        let task = with(Some(task), 2, Complaint::HandedOff);
        assert_eq!((task.version, task.complaints()), (2, 2));
        let task = with(Some(task), 1, Complaint::NotHelpful);
        assert_eq!((task.version, task.complaints()), (2, 2), "an older version is past");
        let newer = with(Some(task.clone()), 3, Complaint::NotHelpful);
        assert_eq!((newer.version, newer.complaints()), (3, 1));
        let left = task.clone().without(2, Complaint::LowRating).unwrap();
        assert_eq!(left.without(2, Complaint::HandedOff), None, "what was all taken back is gone");
        let closed = Closed { by: "ada".into(), at, note: None };
        let again = with(Some(Task { closed: Some(closed), ..task }), 2, Complaint::LowRating);
        assert_eq!((again.complaints(), again.closed), (1, None), "what comes after closing begins anew");
    }

    #[test]
    fn the_latest_examples_are_kept() {
        let mut task = Task::new(&"a".parse().unwrap(), 1, Timestamp::UNIX_EPOCH);
        (0..9).for_each(|n| task.illustrate(Some(&format!("q{}", n / 2)), Some("bad")));
        (5..9).for_each(|n| task.illustrate(Some(&format!("q{n}")), None));
        assert_eq!(
            (task.questions, task.comments),
            (["q4", "q5", "q6", "q7", "q8"].map(str::to_owned).to_vec(), vec!["bad".to_owned()])
        );
    }
}
