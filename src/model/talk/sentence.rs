//! What of a text is the matter itself: sentences without greetings, fillers and courtesies.
//!
//! Invariant: what is left of a sentence stands in the text as the customer wrote it, in its order.

use super::phrases::{folded, phrases};

/// Longest sentence that is kept, in characters; of a longer one its end is.
const MAX_SENTENCE: usize = 300;

/// What is left of a sentence, and what was seen on the way.
#[derive(Debug, Clone, PartialEq)]
pub struct Sentence {
    /// As the customer wrote it.
    pub text: Vec<char>,
    /// As it is matched.
    pub folded: Vec<char>,
    /// Whether a question mark ended it.
    pub marked: bool,
    /// Whether something like "I wanted to ask" stood before it.
    pub led_in: bool,
}

/// The sentences of a text, and what was taken away.
#[derive(Debug, Default)]
pub struct Sentences {
    /// Those of which something is left.
    pub left: Vec<Sentence>,
    /// Whether a greeting was taken away.
    pub greeted: bool,
}

/// A piece between two marks.
struct Clause<'a> {
    text: &'a [char],
    folded: &'a [char],
    /// The mark behind it, as it was written.
    mark: Option<char>,
}

/// Takes a text apart.
pub fn sentences(text: &str) -> Sentences {
    let chars = without_brackets(&without_quotes(text));
    let fold = folded(&chars);
    let mut found = Sentences::default();
    let mut clauses = Vec::new();
    let mut begin = 0;
    for at in 0..=fold.len() {
        let mark = fold.get(at).copied();
        if mark.is_some() && !cuts(&fold, at) {
            continue;
        }
        if let (Some(text), Some(folded)) = (chars.get(begin..at), fold.get(begin..at)) {
            clauses.push(Clause { text, folded, mark: chars.get(at).copied() });
        }
        begin = at + 1;
        if mark.is_none_or(ends) {
            found.add(std::mem::take(&mut clauses));
        }
    }
    found
}

/// What a mail quotes of the one before it says nothing new.
fn without_quotes(text: &str) -> Vec<char> {
    let quotes = |line: &str| {
        let line = line.trim();
        (line.starts_with("On ") && line.ends_with("wrote:"))
            || line.starts_with("-----")
            || line.starts_with("发件人:")
    };
    let mut kept = Vec::with_capacity(text.len());
    for line in text.lines().take_while(|line| !quotes(line)).filter(|line| !line.starts_with('>')) {
        if !kept.is_empty() {
            kept.push('\n');
        }
        kept.extend(line.chars());
    }
    kept
}

/// Without `[smile]` and the like.
fn without_brackets(text: &[char]) -> Vec<char> {
    let mut kept = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(c) = text.get(at) {
        let rest = text.get(at + 1..).unwrap_or_default();
        let length = rest.iter().take(9).position(|c| *c == ']');
        match length.filter(|length| *c == '[' && rest.iter().take(*length).all(|c| c.is_alphabetic() || *c == ' ')) {
            Some(length) => at += length + 2,
            None => {
                kept.push(*c);
                at += 1;
            }
        }
    }
    kept
}

/// Whether a clause ends here. A full stop in `4.3.1` and a comma in `1,000` end none.
fn cuts(text: &[char], at: usize) -> bool {
    let next = at.checked_add(1).and_then(|next| text.get(next));
    match text.get(at) {
        Some('.' | ',' | ':' | '!' | ';') => next.is_none_or(|c| !c.is_ascii_alphanumeric() && *c != '/'),
        Some('?') => true,
        Some('，' | '、' | '。' | '…' | '～' | '~' | '\n' | '\r') => true,
        Some('-' | '—') => text.get(at.wrapping_sub(1)) == Some(&' ') && next == Some(&' '),
        _ => false,
    }
}

fn ends(mark: char) -> bool {
    matches!(mark, '.' | '。' | '!' | '?' | ';' | '…' | '\n' | '\r')
}

impl Sentences {
    fn add(&mut self, clauses: Vec<Clause<'_>>) {
        let marked = clauses.last().is_some_and(|clause| matches!(clause.mark, Some('?' | '？')));
        let mut sentence = Sentence { text: Vec::new(), folded: Vec::new(), marked, led_in: false };
        let mut before: Option<char> = None;
        for clause in clauses {
            let Some((text, folded)) = self.matter(&clause, &mut sentence) else { continue };
            if !sentence.text.is_empty() {
                let mark = before.filter(|mark| !mark.is_whitespace()).unwrap_or(',');
                sentence.text.push(mark);
                sentence.folded.push(mark);
                if mark.is_ascii() && folded.first().is_some_and(char::is_ascii) {
                    sentence.text.push(' ');
                    sentence.folded.push(' ');
                }
            }
            sentence.text.extend_from_slice(text);
            sentence.folded.extend_from_slice(folded);
            before = clause.mark;
        }
        let over = sentence.text.len().saturating_sub(MAX_SENTENCE);
        sentence.text.drain(..over);
        sentence.folded.drain(..over);
        if sentence.folded.iter().any(|c| c.is_alphanumeric()) {
            self.left.push(sentence);
        }
    }

    /// What is left of a clause; nothing where it only greets, fills or thanks.
    fn matter<'a>(&mut self, clause: &Clause<'a>, sentence: &mut Sentence) -> Option<(&'a [char], &'a [char])> {
        let known = phrases();
        let (mut from, mut to) = (0, clause.folded.len());
        loop {
            (from, to) = trimmed(clause.folded, from, to);
            let rest = clause.folded.get(from..to)?;
            if rest.is_empty() {
                return None;
            }
            if known.is("greetings", rest) {
                self.greeted = true;
                sentence.led_in |= known.is("lead_ins", rest);
                return None;
            }
            if known.is("fillers", rest) {
                return None;
            }
            // Openings belong before a sentence; in the middle of one they carry meaning.
            if sentence.text.is_empty() {
                if let Some(length) = known.opening("lead_ins", rest) {
                    sentence.led_in = true;
                    from += length;
                    continue;
                }
                if let Some(length) = known.opening("openings", rest) {
                    self.greeted |= known.opening("greetings", rest) == Some(length);
                    from += length;
                    continue;
                }
            }
            match known.ending("endings", rest) {
                Some(at) if at > 0 => to = from + at,
                _ => return Some((clause.text.get(from..to)?, rest)),
            }
        }
    }
}

fn trimmed(text: &[char], mut from: usize, mut to: usize) -> (usize, usize) {
    let matter = |c: Option<&char>| {
        c.is_some_and(|c| {
            c.is_alphanumeric() || matches!(c, '〔' | '〕' | '"' | '#' | '%' | '+' | ')' | '(' | '$' | '¥' | '￥')
        })
    };
    while from < to && !matter(text.get(from)) {
        from += 1;
    }
    while to > from && !matter(to.checked_sub(1).and_then(|last| text.get(last))) {
        to -= 1;
    }
    (from, to)
}
