//! Is this asked again? The same session, the same words or nearly, within a day.
//!
//! Invariant: only hashes of words are kept of what was asked, and no more than [`MAX_ASKED`] questions.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Questions of a session that are remembered.
const MAX_ASKED: usize = 12;
/// Terms of a question that are remembered.
const MAX_TERMS: usize = 24;
/// Share of the terms of two questions that they must have in common.
const NEAR: f64 = 0.5;
/// Seconds for which a question is remembered.
const WINDOW: i64 = 24 * 3600;

/// A question that was asked, as far as it is needed to tell whether it comes again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// When, in seconds since 1970.
    #[serde(rename = "t")]
    pub at: i64,
    /// Hash of its form.
    #[serde(rename = "f")]
    form: u32,
    /// Hashes of its terms, ascending.
    #[serde(rename = "w")]
    terms: Vec<u32>,
}

fn short(text: &str) -> u32 {
    let hash = blake3::hash(text.as_bytes());
    hash.as_bytes().first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

impl Asked {
    /// A question of this form, with these content terms.
    pub fn of<'a>(at: Timestamp, form: &str, terms: impl Iterator<Item = &'a str>) -> Self {
        let mut terms: Vec<u32> = terms.map(short).collect();
        terms.sort_unstable();
        terms.dedup();
        terms.truncate(MAX_TERMS);
        Self { at: at.as_second(), form: short(form), terms }
    }

    /// Whether this is the same question as another, or nearly.
    fn is_near(&self, other: &Self) -> bool {
        if self.form == other.form {
            return true;
        }
        let common = self.terms.iter().filter(|term| other.terms.binary_search(term).is_ok()).count();
        let all = self.terms.len() + other.terms.len() - common;
        all > 0 && common as f64 / all as f64 >= NEAR
    }

    /// Whether this is a question of that form, asked within a day of that moment.
    pub fn is_of(&self, at: Timestamp, form: &str) -> bool {
        (self.at - at.as_second()).abs() <= WINDOW && self.form == short(form)
    }

    /// Puts it beside what the session asked before; says whether it was asked again.
    pub fn remember(self, before: &mut Vec<Asked>) -> bool {
        let again = before.iter().any(|other| (self.at - other.at).abs() <= WINDOW && self.is_near(other));
        before.push(self);
        if before.len() > MAX_ASKED {
            before.remove(0);
        }
        again
    }
}

/// What a question asks besides one that it is joined to, so that it stands by itself (`how do I return it, how long does
/// it take?`): what stands behind the longest beginning that `leans_on` knows; all of it where it knows none.
pub fn besides(text: &str, leans_on: impl Fn(&str) -> bool) -> &str {
    let marks = text.match_indices([',', '，']).map(|(at, mark)| (at, at + mark.len()));
    let known = marks.rev().find(|(end, _)| text.get(..*end).is_some_and(&leans_on));
    let rest = known.and_then(|(_, begin)| text.get(begin..)).map(str::trim);
    rest.filter(|rest| !rest.is_empty()).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(second: i64, text: &str) -> Asked {
        let at = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
        Asked::of(at, text, text.split(' '))
    }

    #[test]
    fn near_questions_of_one_day_are_asked_again() {
        let mut before = Vec::new();
        assert!(!asked(0, "return shoes").remember(&mut before));
        assert!(asked(60, "return my shoes").remember(&mut before), "two of three words");
        assert!(!asked(70, "pay by card").remember(&mut before));
        assert!(!asked(80, "return").remember(&mut Vec::new()), "another session");
        assert!(!asked(100_000, "return shoes").remember(&mut before), "a day later");
        let leans = |text: &str| text == "return shoes, by post";
        assert_eq!(besides("return shoes, by post, how long", leans), "how long");
        assert_eq!(besides("return shoes, how long", leans), "return shoes, how long");
        assert_eq!(besides("支持刻字吗，那要多久呢", |text| text == "支持刻字吗"), "那要多久呢");
        for n in 0..40 {
            asked(n, &format!("word{n}")).remember(&mut before);
        }
        assert_eq!(before.len(), MAX_ASKED);
    }
}
