//! What is a judged set? Passages, and queries of which somebody said what answers them.
//!
//! Invariant: plain values; every judgement of a set that was read names a passage of it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::{Deserialize, Serialize};
use zhiyin_index::{Change, Document, LiveChange};

use super::resample::Random;

/// Which lists of a search take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Words only.
    Keyword,
    /// Vectors only.
    Semantic,
    /// Both, fused.
    Hybrid,
    /// Both, fused, and the first hits ordered anew by a reranker.
    Rerank,
}

impl Mode {
    /// Every mode, in the order of reports.
    pub const ALL: [Mode; 4] = [Mode::Keyword, Mode::Semantic, Mode::Hybrid, Mode::Rerank];

    /// As it is written in commands and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Keyword => "keyword",
            Mode::Semantic => "semantic",
            Mode::Hybrid => "hybrid",
            Mode::Rerank => "rerank",
        }
    }

    /// The mode of that name.
    ///
    /// # Errors
    /// What names there are.
    pub fn named(name: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::as_str).join(", ");
        Self::ALL.into_iter().find(|m| m.as_str() == name).ok_or_else(|| format!("no mode '{name}': use {}", known()))
    }

    pub(super) fn of_engine(self) -> zhiyin_index::Mode {
        match self {
            Mode::Keyword => zhiyin_index::Mode::Keyword,
            Mode::Semantic => zhiyin_index::Mode::Semantic,
            Mode::Hybrid | Mode::Rerank => zhiyin_index::Mode::Hybrid,
        }
    }
}

/// What may be found: an article, or a passage of a set of passages.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Passage {
    /// Id within the set.
    pub id: String,
    /// Title; may be empty.
    pub title: String,
    /// Body, in Markdown; may be empty.
    pub text: String,
    /// Ways in which it is asked for.
    pub questions: Vec<String>,
    /// Questions like these that it does not answer.
    pub negative_questions: Vec<String>,
    /// Language tag; empty where nobody said.
    pub language: String,
    /// Who may see it.
    pub audience: String,
}

/// A query, and what answers it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judged {
    /// Id within the set.
    pub id: String,
    /// What is asked.
    pub text: String,
    /// Language tag; empty where nobody said.
    pub language: String,
    /// Grade by id of what answers it, above 0; empty where nothing does.
    pub relevant: BTreeMap<String, u32>,
    /// The passage it is about without being answered by it.
    pub about: Option<String>,
    /// A passage that is not looked for: the query itself, where it stands among what may be found.
    pub without: Option<String>,
    /// Who asks: sees what is public and what is for that audience. Sees everything where absent.
    pub audience: Option<String>,
}

/// Two texts, and whether they ask the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// One text.
    pub a: String,
    /// The other.
    pub b: String,
    /// Whether they ask the same.
    pub same: bool,
}

/// A judged set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Set {
    /// Its name in reports.
    pub name: String,
    /// What may be found.
    pub passages: Vec<Passage>,
    /// What is asked.
    pub queries: Vec<Judged>,
    /// Pairs to tell apart; most sets have none.
    pub pairs: Vec<Pair>,
    /// What whoever reads the figures should know.
    pub notes: Vec<String>,
}

impl Set {
    /// Only so many queries, spread evenly over the set.
    #[must_use]
    pub fn limited(mut self, most: usize) -> Self {
        self.queries = spread(self.queries, most);
        self.pairs = spread(self.pairs, most);
        self
    }

    /// Without half of its passages, chosen by the seed: queries that only those answered are answered by nothing
    /// now. The index is made without them, so statistics, too, know nothing of them.
    #[must_use]
    pub fn without_half(mut self, seed: u64) -> Self {
        let mut order: Vec<usize> = (0..self.passages.len()).collect();
        Random::new(seed).shuffle(&mut order);
        let gone: HashSet<usize> = order.into_iter().take(self.passages.len() / 2).collect();
        let mut number = 0;
        self.passages.retain(|_| {
            number += 1;
            !gone.contains(&(number - 1))
        });
        let left: BTreeSet<&str> = self.passages.iter().map(|p| p.id.as_str()).collect();
        for query in &mut self.queries {
            query.relevant.retain(|id, _| left.contains(id.as_str()));
        }
        self.notes.push(format!("half of the passages removed (seed {seed})"));
        self
    }

    /// Without the titles, the questions or both, as an ablation wants it.
    pub(super) fn stripped(mut self, titles: bool, questions: bool) -> Self {
        for passage in &mut self.passages {
            if titles {
                passage.title.clear();
            }
            if questions {
                passage.questions.clear();
                passage.negative_questions.clear();
            }
        }
        self.passages.retain(|p| !(p.title.is_empty() && p.text.is_empty() && p.questions.is_empty()));
        self
    }
}

fn spread<T>(all: Vec<T>, most: usize) -> Vec<T> {
    let total = all.len();
    if total <= most {
        return all;
    }
    let wanted: HashSet<usize> = (0..most).map(|n| n * total / most).collect();
    all.into_iter().enumerate().filter(|(n, _)| wanted.contains(n)).map(|(_, one)| one).collect()
}

impl Judged {
    /// Whether anything answers it.
    pub fn is_answerable(&self) -> bool {
        !self.relevant.is_empty()
    }
}

impl From<&Passage> for Change {
    fn from(passage: &Passage) -> Self {
        let detected = || zhiyin_index::language::detect(&format!("{}\n{}", passage.title, passage.text)).as_str();
        let language = if passage.language.is_empty() { detected().to_owned() } else { passage.language.clone() };
        let document = Document {
            id: passage.id.clone(),
            version: 1,
            title: passage.title.clone(),
            body: passage.text.clone(),
            questions: passage.questions.clone(),
            negative_questions: passage.negative_questions.clone(),
            category: None,
            tags: Vec::new(),
            audience: passage.audience.clone(),
            language,
            attributes: BTreeMap::new(),
            from: 0,
            until: None,
        };
        Change {
            id: passage.id.clone(),
            live: LiveChange::Set(Box::new(document)),
            add_history: Vec::new(),
            remove_history: Vec::new(),
        }
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn set(passages: usize) -> Set {
        let id = |n: usize| format!("p{n}");
        Set {
            passages: (0..passages).map(|n| Passage { id: id(n), ..Passage::default() }).collect(),
            queries: (0..passages)
                .map(|n| Judged { id: format!("q{n}"), relevant: [(id(n), 1)].into(), ..Judged::default() })
                .collect(),
            ..Set::default()
        }
    }

    #[test]
    fn half_of_the_passages_go_and_take_their_judgements_along() {
        let half = set(10).without_half(7);
        assert_eq!((half.passages.len(), half.queries.len()), (5, 10));
        let left: Vec<&str> = half.passages.iter().map(|p| p.id.as_str()).collect();
        for (n, query) in half.queries.iter().enumerate() {
            assert_eq!(query.is_answerable(), left.contains(&format!("p{n}").as_str()));
        }
        assert_eq!(set(10).without_half(7), half, "the same seed removes the same half");
        assert_ne!(set(10).without_half(8).passages, half.passages);
    }

    #[test]
    fn a_limit_takes_queries_from_everywhere() {
        let few = set(10).limited(3);
        let ids: Vec<&str> = few.queries.iter().map(|q| q.id.as_str()).collect();
        assert_eq!(ids, ["q0", "q3", "q6"]);
        assert_eq!(few.passages.len(), 10);
        assert_eq!(set(2).limited(3).queries[1].id, "q1");
    }
}
