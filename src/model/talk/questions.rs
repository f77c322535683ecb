//! What does a customer ask in the course of a talk?
//!
//! Invariant: a question that leans on what was said before it is given with it, so that it stands by itself.

use std::ops::RangeInclusive;

use super::choice::offers_a_choice;
use super::phrases::phrases;
use super::sentence::Sentence;

/// Most questions of one turn.
pub const MAX_QUESTIONS: usize = 3;
/// Most characters of a question.
pub const MAX_QUESTION: usize = 400;
/// Words (or Chinese characters) up to which a question may lean on another.
const SHORT: usize = 8;
/// The same, where it begins and ends like one that does.
const NEARLY_SHORT: usize = 14;
/// Words from which a question that only begins with `那` stands by itself.
const STANDS: usize = 5;
/// Longest statement that a question is joined to.
const LONG: usize = 40;
/// Words (or Chinese characters) of a topic.
const TOPIC: RangeInclusive<usize> = 2..=10;
/// From so many digits on a text names a thing of the customer's, an order or a parcel.
const NUMBER: usize = 4;

/// What was said before, as far as later questions may lean on it.
#[derive(Debug, Default)]
pub struct Course {
    /// The last question that stood by itself.
    question: Option<Vec<char>>,
    /// What the customer said last without asking.
    statement: Option<Vec<char>>,
    /// Whether anything was said of a matter: what comes later may be an answer.
    begun: bool,
}

/// A question of a turn under way.
struct Found {
    text: Vec<char>,
    /// Whether it asks in so many words, and does not only tell of a problem.
    asks: bool,
}

impl Course {
    /// An agent has spoken: what the customer had begun to say is answered.
    pub fn answered(&mut self) {
        self.statement = None;
        self.begun = true;
    }

    /// The questions of the customer's next turn.
    pub fn questions(&mut self, sentences: &[Sentence]) -> Vec<String> {
        let mut found: Vec<Found> = Vec::new();
        for sentence in sentences {
            self.take(sentence, &mut found);
        }
        let first = !std::mem::replace(&mut self.begun, true);
        if let ([only], true, true) = (sentences, first, found.is_empty())
            && is_topic(&only.folded)
        {
            // Named, not asked: what is asked next may still lean on it.
            self.question = Some(only.text.clone());
            found.push(Found { text: only.text.clone(), asks: false });
        }
        // A long mail tells much and asks little: what it asks counts first.
        if found.len() > MAX_QUESTIONS && found.iter().any(|f| f.asks) {
            found.retain(|f| f.asks);
        }
        found.truncate(MAX_QUESTIONS);
        found.into_iter().map(|f| f.text.into_iter().take(MAX_QUESTION).collect()).collect()
    }

    fn take(&mut self, sentence: &Sentence, found: &mut Vec<Found>) {
        let known = phrases();
        let text = &sentence.folded;
        let units = units(text);
        if known.is("bare", text) {
            if let Some(statement) = self.statement.take() {
                self.standing(joined(&statement, &sentence.text), true, found);
            }
            return;
        }
        let asks = sentence.marked || sentence.led_in || asks(text);
        if let Some(rest) = leaning(text, units, asks) {
            let tail = sentence.text.get(rest..).unwrap_or(&sentence.text);
            if let Some(question) = &self.question {
                found.push(Found { text: closed(joined(question, tail), sentence), asks: true });
                return;
            }
            if asks && let Some(statement) = self.take_statement(found) {
                return self.standing(closed(joined(&statement, &sentence.text), sentence), true, found);
            }
        }
        let needs = units <= SHORT && known.opening("subjectless", text).is_some();
        if asks {
            let statement = if needs { self.take_statement(found) } else { None };
            let whole = statement.map_or_else(|| sentence.text.clone(), |before| joined(&before, &sentence.text));
            return self.standing(closed(whole, sentence), true, found);
        }
        if known.holds("problems", &without(text, "problems_not")) || known.opening("requests", text).is_some() {
            self.standing(sentence.text.clone(), false, found);
        }
        if sentence.text.len() <= LONG {
            self.statement = Some(sentence.text.clone());
        }
    }

    /// What was stated last; a problem that was taken for a question of its own is one no longer.
    fn take_statement(&mut self, found: &mut Vec<Found>) -> Option<Vec<char>> {
        let statement = self.statement.take()?;
        if found.last().is_some_and(|last| !last.asks && last.text == statement) {
            found.pop();
        }
        Some(statement)
    }

    fn standing(&mut self, text: Vec<char>, asks: bool, found: &mut Vec<Found>) {
        let open = text.len() - usize::from(text.last().is_some_and(|c| matches!(c, '?' | '？')));
        self.question = Some(text.iter().take(open).copied().collect());
        self.statement = None;
        found.push(Found { text, asks });
    }
}

/// Whether the words themselves ask.
fn asks(text: &[char]) -> bool {
    let known = phrases();
    if known.opening("asks_at_start", text).is_some() || known.ending("asks_at_end", text).is_some() {
        return known.find("asks_not", text).is_none_or(|(at, length)| at + length < text.len());
    }
    let text = without(text, "asks_not");
    known.holds("asks", &text) || offers_a_choice(&text)
}

/// A text with spaces in place of the phrases of a group.
fn without(text: &[char], group: &str) -> Vec<char> {
    let mut text = text.to_vec();
    while let Some((at, length)) = phrases().find(group, &text) {
        text.iter_mut().skip(at).take(length).for_each(|c| *c = ' ');
    }
    text
}

/// Whether a text only names a matter, as one types it into a search field: `运费标准`, `phone battery replacement`. A
/// sentence about somebody or of something that happened does not, nor does a number of the customer's own.
fn is_topic(text: &[char]) -> bool {
    let (digits, latin) = (text.iter().filter(|c| c.is_numeric()).count(), |c: &char| c.is_alphanumeric() || *c == ' ');
    let plain = text.iter().all(|c| latin(c) || matches!(c, '-' | '/' | '&' | '\'' | '+'));
    plain && digits < NUMBER && TOPIC.contains(&units(text)) && !phrases().holds("no_topic", text)
}

/// Where the question itself begins, if it is one that leans on another.
fn leaning(text: &[char], units: usize, asks: bool) -> Option<usize> {
    let known = phrases();
    let opens = known.opening("leans", text);
    let dropped = known.opening("leans_dropped", text).unwrap_or(0);
    let dropped = dropped + text.iter().skip(dropped).take_while(|c| !c.is_alphanumeric()).count();
    let at_end = known.ending("leans_at_end", text).is_some();
    if opens.is_some() && at_end && units <= NEARLY_SHORT {
        return Some(dropped);
    }
    if let Some(length) = opens {
        let latin = text.first().is_some_and(char::is_ascii);
        // `那` and the like are said before anything; what follows must be too little to stand.
        let little = if dropped > 0 && !latin { units.saturating_sub(length) < STANDS } else { units <= SHORT };
        if little {
            return Some(dropped);
        }
    }
    if at_end && units <= SHORT {
        return Some(dropped);
    }
    (asks && units <= SHORT && known.holds("refers", text)).then_some(0)
}

/// Words, a Chinese character counting as one.
fn units(text: &[char]) -> usize {
    let mut count = 0;
    let mut in_word = false;
    for c in text {
        let latin = c.is_alphanumeric() && !matches!(c, '\u{3040}'..='\u{9fff}');
        count += usize::from(c.is_alphanumeric() && (!latin || !in_word));
        in_word = latin || (in_word && *c == '\'');
    }
    count
}

fn joined(before: &[char], after: &[char]) -> Vec<char> {
    let chinese = before.last().is_some_and(|c| !c.is_ascii()) || after.first().is_some_and(|c| !c.is_ascii());
    let between: &[char] = if chinese { &['，'] } else { &[',', ' '] };
    [before, between, after].concat()
}

/// With its question mark.
fn closed(mut text: Vec<char>, sentence: &Sentence) -> Vec<char> {
    if sentence.marked {
        text.push(if text.iter().any(|c| matches!(c, '\u{4e00}'..='\u{9fff}')) { '？' } else { '?' });
    }
    text
}
