//! What is counted besides the day's sums: how often each question was asked, by which words, and how articles did.
//!
//! Invariant: each row is small (well below what the store cuts into pieces) whatever comes, and the list of a day's
//! most asked questions holds exactly those, since it is made from counts that are exact.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{ArticleId, GapId};
use crate::model::article::Language;
use crate::model::query::FeedbackRecord;

/// Questions that the list of a day holds.
pub const MAX_TOP: usize = 128;
/// Into how many rows the words of a day are parted, so that a question rewrites a few small ones.
const SHARDS: u8 = 8;
/// Words that are counted in one of them.
const MAX_WORDS: usize = 50;
/// Bytes of a word that is counted; longer ones are strings of a machine.
const MAX_WORD: usize = 48;

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// How often a question of one form was asked on one day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FormCount {
    /// How often.
    #[serde(rename = "q")]
    pub queries: u64,
    /// How often something answered.
    #[serde(rename = "m", skip_serializing_if = "is_zero")]
    pub matched: u64,
}

/// What is known of a form, whenever it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormText {
    /// The question as first asked, masked.
    pub text: String,
    /// Its language.
    pub language: Language,
    /// The article that answered it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub article: Option<ArticleId>,
    /// The gap it was filed under last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<GapId>,
}

/// The most asked forms of a day, by their names, with how often they were asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopForms(pub BTreeMap<String, u64>);

impl TopForms {
    /// Tells how often a form was asked so far on the day. As counts only grow, a form that is not on the list was
    /// never asked more often than any that is.
    ///
    /// Says whether the list has changed.
    pub fn tell(&mut self, form: &str, queries: u64) -> bool {
        if let Some(known) = self.0.get_mut(form) {
            *known = queries;
            return true;
        }
        if self.0.len() >= MAX_TOP {
            let least = self.0.iter().min_by_key(|(_, count)| **count).map(|(form, count)| (form.clone(), *count));
            match least {
                Some((least, count)) if count < queries => drop(self.0.remove(&least)),
                _ => return false,
            }
        }
        self.0.insert(form.to_owned(), queries);
        true
    }

    /// The most often that a form was asked which is not on the list.
    pub fn floor(&self) -> u64 {
        if self.0.len() < MAX_TOP { 0 } else { self.0.values().copied().min().unwrap_or_default() }
    }
}

/// How many questions of a day held a word.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WordCount {
    /// So many, and no fewer than `count - over`.
    #[serde(rename = "n")]
    pub count: u64,
    /// By how much it may be too high.
    #[serde(rename = "e", default, skip_serializing_if = "is_zero")]
    pub over: u64,
    /// As it was written, where that is not its name here.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
}

/// A part of the words of a day's questions: the most frequent ones of it. A word is always in the same part.
///
/// The counters are those of Metwally, Agrawal and El Abbadi, Efficient computation of frequent and top-k elements in data
/// streams (2005): a word with more than one in [`MAX_WORDS`] of a part's mentions is always there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DayWords {
    /// Mentions of words, all together.
    pub mentions: u64,
    /// By matching form.
    pub words: BTreeMap<String, WordCount>,
}

impl DayWords {
    /// The part that a word belongs to.
    pub fn part(term: &str) -> u8 {
        blake3::hash(term.as_bytes()).as_bytes().first().copied().unwrap_or_default() % SHARDS
    }

    /// Counts a question that holds a word.
    pub fn count(&mut self, term: &str, written: &str) {
        if term.len() > MAX_WORD || written.len() > MAX_WORD {
            return;
        }
        self.mentions += 1;
        if let Some(known) = self.words.get_mut(term) {
            known.count += 1;
            return;
        }
        let mut over = 0;
        if self.words.len() >= MAX_WORDS {
            let least = self.words.iter().min_by_key(|(_, word)| word.count);
            let least = least.map(|(term, word)| (term.clone(), word.count));
            if let Some((least, count)) = least {
                self.words.remove(&least);
                over = count;
            }
        }
        let written = (written != term).then(|| written.to_owned());
        self.words.insert(term.to_owned(), WordCount { count: over + 1, over, written });
    }

    /// Takes back that a question held a word; says whether it is gone, as no other is sure to have held it.
    pub fn take_back(&mut self, term: &str) -> bool {
        let Some(known) = self.words.get_mut(term) else { return false };
        known.count = known.count.saturating_sub(1);
        let gone = known.count <= known.over;
        if gone {
            self.words.remove(term);
        }
        self.mentions = self.mentions.saturating_sub(1);
        gone
    }
}

/// How an article did on a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ArticleDay {
    /// Queries for which it stood first.
    #[serde(rename = "s", skip_serializing_if = "is_zero")]
    pub shown: u64,
    /// Those of them that it answered.
    #[serde(rename = "a", skip_serializing_if = "is_zero")]
    pub answered: u64,
    /// Times it was said to help.
    #[serde(rename = "h", skip_serializing_if = "is_zero")]
    pub helpful: u64,
    /// Times it was said not to.
    #[serde(rename = "u", skip_serializing_if = "is_zero")]
    pub unhelpful: u64,
    /// Ratings of satisfaction.
    #[serde(rename = "c", skip_serializing_if = "is_zero")]
    pub csat_count: u64,
    /// Their sum.
    #[serde(rename = "t", skip_serializing_if = "is_zero")]
    pub csat_sum: u64,
    /// Times a person took over although it answered.
    #[serde(rename = "p", skip_serializing_if = "is_zero")]
    pub handed_off: u64,
    /// Queries out of which it was opened.
    #[serde(rename = "k", skip_serializing_if = "is_zero")]
    pub clicked: u64,
}

impl ArticleDay {
    /// Counts (or takes back) what was said of an answer or a search for which it stood first.
    pub fn rate(&mut self, said: &FeedbackRecord, back: bool) {
        let add = |count: &mut u64, amount: u64| {
            *count = if back { count.saturating_sub(amount) } else { *count + amount };
        };
        add(&mut self.helpful, u64::from(said.helpful == Some(true)));
        add(&mut self.unhelpful, u64::from(said.helpful == Some(false)));
        add(&mut self.csat_count, u64::from(said.csat.is_some()));
        add(&mut self.csat_sum, u64::from(said.csat.unwrap_or_default()));
    }

    /// Counts (or takes back) the satisfaction with a conversation whose questions it answered.
    pub fn rate_csat(&mut self, csat: u8, back: bool) {
        let add = |count: &mut u64, amount: u64| {
            *count = if back { count.saturating_sub(amount) } else { *count + amount };
        };
        add(&mut self.csat_count, 1);
        add(&mut self.csat_sum, u64::from(csat));
    }

    /// Adds another day.
    pub fn add(&mut self, other: &Self) {
        self.shown += other.shown;
        self.answered += other.answered;
        self.helpful += other.helpful;
        self.unhelpful += other.unhelpful;
        self.csat_count += other.csat_count;
        self.csat_sum += other.csat_sum;
        self.handed_off += other.handed_off;
        self.clicked += other.clicked;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_a_day_holds_exactly_the_most_asked() {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        let mut top = TopForms::default();
        // Every form is asked as often as its number says, in an order that makes early ones fall out and come back.
        for round in 0..400_u64 {
            for form in (0..400_u64).filter(|form| *form > round) {
                let count = counts.entry(format!("{form:03}")).or_default();
                *count += 1;
                top.tell(&format!("{form:03}"), *count);
            }
        }
        let listed: Vec<(&String, &u64)> = top.0.iter().collect();
        let most: Vec<(&String, &u64)> = counts.iter().rev().take(MAX_TOP).collect();
        assert_eq!(listed, most.into_iter().rev().collect::<Vec<_>>());
        assert_eq!(top.floor(), 400 - MAX_TOP as u64);
    }

    #[test]
    fn frequent_words_are_kept_and_never_undercounted() {
        let mut day = DayWords::default();
        for n in 0..20_000_u64 {
            day.count("often", "often");
            day.count(&format!("rare{n}"), "rare");
        }
        assert_eq!((day.words.len(), day.mentions), (MAX_WORDS, 40_000));
        let often = day.words.get("often").cloned().unwrap_or_default();
        assert!(often.count >= 20_000 && often.count - often.over <= 20_000, "{often:?}");
        assert!(day.words.values().all(|word| word.over <= 40_000 / MAX_WORDS as u64));
    }

    #[test]
    fn rows_are_small() {
        let mut words = DayWords::default();
        (0..5_000).for_each(|n| words.count(&format!("compatibl{n}"), &format!("compatibility{n}")));
        let mut top = TopForms::default();
        for n in 0..5_000_u64 {
            top.tell(&format!("{n:024}"), 1_000_000 + n);
        }
        let bytes = |value: serde_json::Result<String>| value.map_or(usize::MAX, |text| text.len());
        let (words, top) = (bytes(serde_json::to_string(&words)), bytes(serde_json::to_string(&top)));
        assert!(top < 8_000 && words < 4_000, "{words} {top}");
    }

    #[test]
    fn a_word_goes_when_nobody_else_is_sure_to_have_used_it() {
        let mut day = DayWords::default();
        ["refund", "refund", "bicycle"].into_iter().for_each(|word| day.count(word, word));
        assert!(!day.take_back("refund") && day.words.contains_key("refund"));
        assert!(day.take_back("bicycle") && !day.words.contains_key("bicycle"));
        assert!(!day.take_back("bicycle"), "what is not there goes once");
        assert_eq!((day.mentions, day.words.len()), (1, 1));
    }
}
