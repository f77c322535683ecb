//! What customers ask in a conversation, and what is only courtesy, noise or a machine.
//!
//! Invariant: reading is pure and tells the same of the same turns; what it gives is made of the customer's own words.

mod choice;
mod phrases;
mod questions;
mod sentence;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::phrases::{folded, phrases};
use self::questions::Course;
pub use self::questions::{MAX_QUESTION, MAX_QUESTIONS};
use self::sentence::sentences;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Who asks.
    Customer,
    /// A person who answers.
    Agent,
    /// A program that answers.
    Bot,
    /// What the channel itself says.
    System,
}

/// Why a turn is counted and set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nothing was said.
    Empty,
    /// Only a greeting.
    Greeting,
    /// Only thanks, assent, a sound, a smile.
    Filler,
    /// A machine wrote it: an automatic reply, a notice, a card, a picture, an address.
    Machine,
    /// The customer says something and asks nothing.
    NotAQuestion,
}

/// What a text comes to by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cleaned {
    /// Something is said: this.
    Kept(String),
    /// Nothing is.
    SetAside(Reason),
}

/// A turn as it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said<'a> {
    /// Who.
    pub role: Role,
    /// What.
    pub text: &'a str,
}

/// What a turn comes to in its conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// The customer asks this, each question standing by itself.
    Asks(Vec<String>),
    /// An agent speaks.
    Answers,
    /// Counted and set aside.
    SetAside(Reason),
}

/// Cleans a text: greetings, courtesies and fillers are taken away; what is nothing but those is set aside.
///
/// ```
/// use zhiyin::model::talk::{Cleaned, Reason, Role, clean};
///
/// assert_eq!(clean("你好,我想问一下怎么退货", Role::Customer), Cleaned::Kept("怎么退货".into()));
/// assert_eq!(clean("hi there!", Role::Customer), Cleaned::SetAside(Reason::Greeting));
/// ```
pub fn clean(text: &str, role: Role) -> Cleaned {
    if text.trim().is_empty() {
        return Cleaned::SetAside(Reason::Empty);
    }
    if matches!(role, Role::Bot | Role::System) || is_machine(text) {
        return Cleaned::SetAside(Reason::Machine);
    }
    let found = sentences(text);
    let left: Vec<String> = found.left.iter().map(|s| s.text.iter().collect()).collect();
    match left.is_empty() {
        true if found.greeted => Cleaned::SetAside(Reason::Greeting),
        true => Cleaned::SetAside(Reason::Filler),
        false => Cleaned::Kept(left.join("\n")),
    }
}

/// Reads the turns of a conversation, in their order.
///
/// ```
/// use zhiyin::model::talk::{Reading, Role, Said, read};
///
/// let said = |text| Said { role: Role::Customer, text };
/// let asked = read(&[said("怎么退货"), said("那运费呢?")]);
/// assert_eq!(asked[1], Reading::Asks(vec!["怎么退货，运费呢？".into()]));
/// ```
pub fn read(turns: &[Said<'_>]) -> Vec<Reading> {
    let mut course = Course::default();
    turns.iter().map(|turn| reading(&mut course, turn)).collect()
}

fn reading(course: &mut Course, turn: &Said<'_>) -> Reading {
    if turn.text.trim().is_empty() {
        return Reading::SetAside(Reason::Empty);
    }
    if matches!(turn.role, Role::Bot | Role::System) || is_machine(turn.text) {
        return Reading::SetAside(Reason::Machine);
    }
    if turn.role == Role::Agent {
        // Whether an agent only greets matters to nobody; that the customer's talk was cut does.
        return match clean(turn.text, turn.role) {
            Cleaned::SetAside(reason) => Reading::SetAside(reason),
            Cleaned::Kept(_) => {
                course.answered();
                Reading::Answers
            }
        };
    }
    let found = sentences(turn.text);
    if found.left.is_empty() {
        return Reading::SetAside(if found.greeted { Reason::Greeting } else { Reason::Filler });
    }
    let questions = course.questions(&found.left);
    if questions.is_empty() { Reading::SetAside(Reason::NotAQuestion) } else { Reading::Asks(questions) }
}

/// Characters up to which a text with an insult asks nothing besides.
const ONLY_ABUSE: usize = 16;

/// Whether a text is chit-chat or an insult, and so nothing that knowledge could answer.
///
/// ```
/// use zhiyin::model::talk::is_idle;
///
/// assert!(is_idle("讲个笑话吧") && is_idle("Who are you?"));
/// assert!(!is_idle("退款他妈的怎么还没到账,订单都取消三天了") && !is_idle("怎么退货"));
/// ```
pub fn is_idle(text: &str) -> bool {
    let kept: Vec<char> = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '\'' | '’')).collect();
    let folded = folded(&kept);
    let start = folded.iter().position(|c| *c != ' ').unwrap_or(0);
    let end = folded.iter().rposition(|c| *c != ' ').map_or(0, |last| last + 1);
    let folded = folded.get(start..end).unwrap_or_default();
    let known = phrases();
    let most = |group| known.opening(group, folded).is_some_and(|length| length * 3 >= folded.len() * 2);
    most("chit_chat") || most("abuse") || (folded.len() <= ONLY_ABUSE && known.holds("abuse", folded))
}

/// Whether a program wrote it, whoever sent it.
fn is_machine(text: &str) -> bool {
    let text = text.trim();
    let chars: Vec<char> = text.chars().collect();
    let fold = folded(&chars);
    let known = phrases();
    if known.opening("machine_openings", &fold).is_some() || known.holds("machine", &fold) {
        return true;
    }
    let bracketed = [('[', ']'), ('【', '】'), ('<', '>'), ('(', ')')];
    for (open, close) in bracketed {
        let (Some(first), Some(last)) = (fold.first(), fold.last()) else { break };
        if (*first, *last) == (open, close) && fold.iter().filter(|c| **c == open).count() == 1 {
            let inner = fold.get(1..fold.len() - 1).unwrap_or_default();
            return known.is("media", inner) || known.opening("media", inner).is_some();
        }
    }
    let data = |open: char, close: char| fold.first() == Some(&open) && fold.last() == Some(&close);
    let address = |word: &str| word.contains("://") || word.starts_with("www.");
    (data('{', '}') || data('<', '>')) || text.split_whitespace().all(address) || is_card(text)
}

/// Three lines or more, each a name and a value: the card of an order.
fn is_card(text: &str) -> bool {
    let named = |line: &str| line.find([':', '：']).is_some_and(|at| (1..=24).contains(&at));
    text.lines().count() >= 3 && text.lines().all(|line| named(line.trim()))
}
