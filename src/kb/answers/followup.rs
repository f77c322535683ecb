//! Does a question go on with the one before it, and what is then meant?
//!
//! Invariant: a question that stands for itself, or has nothing before it, is read as it was asked.

use zhiyin_index::Index;
use zhiyin_index::normalize::folded;

use super::cues::Cues;

/// Content words up to which a question may lean on the one before it.
const FEW: usize = 3;
/// Content words up to which it does when only its opening says so; Latin openings are common words.
const FEW_AFTER_OPENING: usize = 2;
/// Words taken over from the question before.
const TOPIC: usize = 4;

const DATA: &str = include_str!("followup.txt");

/// Whether the customer asks again what was asked before.
pub fn repeats(index: &Index, question: &str, history: &[&str]) -> bool {
    let form = super::super::records::form(question);
    let mut words = index.content_words(question);
    words.sort_unstable();
    history.iter().any(|earlier| {
        let mut before = index.content_words(earlier);
        before.sort_unstable();
        super::super::records::form(earlier) == form || (words.len() > 1 && words == before)
    })
}

/// The question with the topic of the last one that stood for itself, where it leans on it.
pub fn interpreted(index: &Index, question: &str, history: &[&str]) -> Option<String> {
    let cues = Cues::of(DATA);
    let opening = opening(&cues, index, question)?;
    let stands = |earlier: &&&str| self::opening(&cues, index, earlier).is_none();
    let before = history.iter().rev().find(stands).or(history.last())?;
    let own = folded(question);
    let mut topic = index.content_words(before);
    topic.retain(|word| !own.contains(&folded(word)));
    // Single characters say little beside words.
    if topic.iter().any(|word| word.chars().count() > 1) {
        topic.retain(|word| word.chars().count() > 1);
    }
    if topic.is_empty() {
        return None;
    }
    topic.truncate(TOPIC);
    let rest = question.get(opening..).unwrap_or(question).trim_start_matches(|c: char| !c.is_alphanumeric());
    let rest = if rest.is_empty() { question } else { rest };
    let chinese = rest.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
    Some(if chinese { format!("{}的{rest}", topic.join(" ")) } else { format!("{}: {rest}", topic.join(" ")) })
}

/// Where the question begins after its opening, if it is one that leans on another.
fn opening(cues: &Cues<'_>, index: &Index, question: &str) -> Option<usize> {
    let words = index.content_words(question).len();
    let text = folded(question);
    let same = text.len() == question.len();
    if words <= FEW_AFTER_OPENING
        && let Some(length) = cues.opening("opens", &text)
    {
        return Some(if same { length } else { 0 });
    }
    let few = words <= FEW && (cues.ends("ends", &text) || cues.holds("refers", &text));
    few.then_some(0)
}
