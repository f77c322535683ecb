//! Proof that a gap's questions are answered: each asked again, what came of it, and on what that rests.
//!
//! Invariant: passed only where the share of the wordings, that of the askings, and that of what was asked since the gap
//! was closed all reach the bar.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::ArticleId;
use crate::model::article::Audience;

/// Most wordings of a gap that are asked again, the most asked. The proof lies in the gap's row, which every question that
/// is counted writes again.
pub const MAX_ASKED: usize = 100;

/// Most bytes that they may have together: fewer are asked where they are long.
pub const MAX_ASKED_BYTES: usize = 12_000;

/// Of these, the first that keep the beginning of their answer: those that lists show.
pub const MAX_QUOTED: usize = 20;

/// A question asked again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Asked {
    /// Whether it is answered.
    pub matched: bool,
    /// Probability that the best hit answers.
    pub confidence: f64,
    /// The best hit's article.
    pub article_id: Option<ArticleId>,
}

/// On what it rests that a question is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RestsOn {
    /// What the article says: its title, its text, or known questions that are not the gap's own wordings.
    Text,
    /// That the wording is a known question of the article: the editor's word that its text answers.
    KnownQuestion,
}

/// Why a question does not count as answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotProven {
    /// Nothing reaches the threshold.
    NotFound,
    /// An article is found that says nothing: it has no text, or only a draft's links to other articles.
    NoText,
}

/// A question before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Replayed {
    /// The question, masked.
    pub question: String,
    /// How often it went without an answer, all in all; absent in what older programs wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub askings: Option<u64>,
    /// Of these, how often since the gap was closed.
    #[serde(default)]
    pub since: u64,
    /// As the knowledge stood just before the publication.
    pub before: Asked,
    /// As it stands with it.
    pub after: Asked,
    /// On what it rests that it is answered now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rests_on: Option<RestsOn>,
    /// Why it is not answered now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_proven: Option<NotProven>,
    /// The beginning of what is answered now; kept for the 20 most asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// The article that is quoted; absent in what older programs wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quoted: Option<ArticleId>,
}

impl Replayed {
    /// Takes the beginning of the answer out.
    pub(crate) fn unquote(&mut self) {
        (self.quote, self.quoted) = (None, None);
    }
}

/// The change that stands behind a result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// The article that changed.
    pub article_id: ArticleId,
    /// What happened: `published`, `unpublished`, `archived` or `removed`.
    pub change: String,
    /// The version that is live now, where one is.
    pub version: Option<u32>,
    /// Who did it.
    pub by: Option<String>,
    /// When.
    pub at: Option<Timestamp>,
}

/// Proof that a gap's questions are answered, or are not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verification {
    /// When the questions were asked again.
    pub at: Timestamp,
    /// The article that was to answer them.
    pub article_id: ArticleId,
    /// Its version that was live.
    pub version: Option<u32>,
    /// Sequence number of that version's publication.
    pub publication: Option<u32>,
    /// As whom was asked: the article's audience; absent in what older programs wrote, and where no version is live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<Audience>,
    /// Share that is answered, in [0, 1]: the lower of that of the wordings and that of the askings.
    pub share: f64,
    /// Share of the wordings, each counted once.
    #[serde(default)]
    pub share_of_wordings: f64,
    /// Share of the askings: wordings weigh as often as they went without an answer before the gap was closed.
    #[serde(default)]
    pub share_of_askings: f64,
    /// Of what was asked in its wordings since the gap was closed, the share that was answered or would be now; absent
    /// where it was never closed, or nothing was asked since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_since: Option<f64>,
    /// The share that is needed.
    pub bar: f64,
    /// Whether it is reached.
    pub passed: bool,
    /// Since when the gap is, or was, closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// Wordings that the gap has.
    #[serde(default)]
    pub wordings: u64,
    /// How many of them were asked again: the 100 most asked, fewer where they are long.
    #[serde(default)]
    pub asked: u64,
    /// How often all its wordings went without an answer; absent in what older programs wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub askings: Option<u64>,
    /// Wordings that are answered only because they are known questions of the article: the editor's word, no proof by its
    /// text.
    #[serde(default)]
    pub by_known_question: u64,
    /// Question by question, the most asked first; lists of gaps show the first 20.
    pub questions: Vec<Replayed>,
    /// What made answered questions unanswered, where that can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Where too much was asked without an answer since the gap was closed: these questions, the most asked first, 5 at
    /// most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked_since: Vec<String>,
}

/// Questions that are named as those which opened a gap again.
const MAX_NAMED: usize = 5;

impl Verification {
    /// What comes of asking a gap's questions again. `answered_since`: how often its wordings were answered since it was
    /// closed.
    pub(crate) fn sum_up(&mut self, answered_since: u64) {
        // What is answered is counted no more: since it was closed only the unanswered would grow, and `share_since` has those.
        let weight = |asked: &&Replayed| asked.askings.unwrap_or_default().saturating_sub(asked.since).max(1);
        let wordings = self.questions.len() as f64;
        let askings: u64 = self.questions.iter().map(|q| weight(&q)).sum();
        let proven = || self.questions.iter().filter(|asked| asked.not_proven.is_none() && asked.after.matched);
        self.share_of_wordings = proven().count() as f64 / wordings.max(1.0);
        self.share_of_askings = proven().map(|q| weight(&q)).sum::<u64>() as f64 / askings.max(1) as f64;
        self.share = self.share_of_wordings.min(self.share_of_askings);
        self.by_known_question = proven().filter(|q| q.rests_on == Some(RestsOn::KnownQuestion)).count() as u64;
        let (would, open): (Vec<&Replayed>, Vec<&Replayed>) =
            self.questions.iter().filter(|asked| asked.since > 0).partition(|asked| asked.after.matched);
        let count = |of: &[&Replayed]| of.iter().map(|asked| asked.since).sum::<u64>();
        let answered = answered_since + count(&would);
        let all = answered + count(&open);
        self.share_since = (all > 0 && self.closed_at.is_some()).then(|| answered as f64 / all as f64);
        let enough = self.share_since.is_none_or(|share| share >= self.bar);
        self.asked_since =
            if enough { Vec::new() } else { open.iter().take(MAX_NAMED).map(|q| q.question.clone()).collect() };
        self.passed = self.publication.is_some() && self.share >= self.bar && enough;
    }

    /// Takes questions out that are not said any more; what was counted of them stays in the sums.
    pub(crate) fn forget(&mut self, gone: impl Fn(&str) -> bool) {
        self.questions.retain(|asked| !gone(&asked.question));
        self.asked_since.retain(|question| !gone(question));
    }

    /// What older proof says of each question, by its words.
    pub(crate) fn by_question(&self) -> BTreeMap<&str, &Replayed> {
        self.questions.iter().map(|asked| (asked.question.as_str(), asked)).collect()
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn proof(questions: &[(u64, u64, bool)], closed: bool) -> Verification {
        let asked = |matched| Asked { matched, confidence: 0.5, article_id: None };
        let replayed = |(number, (askings, since, matched)): (usize, &(u64, u64, bool))| Replayed {
            question: format!("question {number}"),
            askings: Some(*askings),
            since: *since,
            before: asked(false),
            after: asked(*matched),
            rests_on: None,
            not_proven: (!matched).then_some(NotProven::NotFound),
            quote: None,
            quoted: None,
        };
        Verification {
            at: Timestamp::UNIX_EPOCH,
            article_id: "a".to_owned().try_into().expect("an id"),
            version: Some(1),
            publication: Some(1),
            audience: None,
            share: 0.0,
            share_of_wordings: 0.0,
            share_of_askings: 0.0,
            share_since: None,
            bar: 0.8,
            passed: false,
            closed_at: closed.then_some(Timestamp::UNIX_EPOCH),
            wordings: questions.len() as u64,
            asked: questions.len() as u64,
            askings: None,
            by_known_question: 0,
            questions: questions.iter().enumerate().map(replayed).collect(),
            cause: None,
            asked_since: Vec::new(),
        }
    }

    fn summed(questions: &[(u64, u64, bool)], closed: bool, answered: u64) -> Verification {
        let mut proof = proof(questions, closed);
        proof.sum_up(answered);
        proof
    }

    #[test]
    fn wordings_weigh_as_often_as_they_are_asked_and_none_hides_another() {
        let many = summed(&[(1, 0, true), (1, 0, true), (1, 0, true), (1, 0, true), (16, 0, false)], false, 0);
        assert_eq!((many.share_of_wordings, many.share_of_askings, many.share, many.passed), (0.8, 0.2, 0.2, false));
        let none = summed(&[(2, 0, false)], false, 0);
        assert!(
            none.share == 0.0 && none.share.is_sign_positive() && none.share_of_askings.is_sign_positive(),
            "{none:?}"
        );
        let one = summed(&[(96, 0, true), (1, 0, false), (1, 0, false)], false, 0);
        assert!(!one.passed && one.share < 0.4 && one.share_of_askings > 0.9, "{one:?}");
        assert!(summed(&[(4, 0, true), (4, 0, true), (3, 0, true), (4, 0, true), (2, 0, false)], false, 0).passed);
    }

    #[test]
    fn what_is_asked_without_an_answer_since_it_was_closed_opens_it_again() {
        let tail = [(20, 0, true), (20, 0, true), (20, 0, true), (20, 0, true), (6, 3, false)];
        assert!(summed(&tail, true, 30).passed, "three in thirty-three are below what the bar lets pass");
        let open = summed(&tail, true, 5);
        assert!(!open.passed && open.share >= open.bar, "{open:?}");
        assert_eq!(open.asked_since, ["question 4"]);
        assert!(summed(&tail, false, 0).passed, "what was never closed has no such time");
        let mended = summed(&[(20, 0, true), (6, 3, true)], true, 0);
        assert!(mended.passed && mended.share_since == Some(1.0), "{mended:?}");
    }

    #[test]
    fn a_proof_of_many_wordings_stays_small_beside_what_the_store_writes_at_once() {
        let mut proof = proof(&[(12, 3, true); MAX_ASKED], true);
        for (number, asked) in proof.questions.iter_mut().enumerate() {
            asked.question = format!("{number}{}", "问".repeat(MAX_ASKED_BYTES / MAX_ASKED / 3));
            asked.after.article_id = Some(proof.article_id.clone());
            asked.rests_on = Some(RestsOn::KnownQuestion);
            asked.quote = (number < MAX_QUOTED).then(|| "答".repeat(120));
        }
        let bytes = serde_json::to_vec(&proof).expect("it is written").len();
        assert!(bytes < 45_000, "{bytes}");
    }

    #[test]
    fn what_older_programs_wrote_is_read() {
        let old = r#"{"at":"2026-01-01T00:00:00Z","article_id":"a","version":1,"publication":1,"share":1.0,"bar":0.8,
            "passed":true,"questions":[{"question":"q","before":{"matched":false,"confidence":0.1,"article_id":null},
            "after":{"matched":true,"confidence":0.9,"article_id":"a"}}]}"#;
        let read: Verification = serde_json::from_str(old).expect("it is read");
        assert_eq!((read.askings, read.closed_at, read.questions.len()), (None, None, 1));
    }
}
