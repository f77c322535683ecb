//! Where do the sentences of a passage stand, so that an answer can quote them?
//! Invariant: the ranges ascend, never overlap, and hold a letter or digit each.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use crate::script::Script;

static ABBREVIATIONS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    include_str!("../data/abbreviations.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
});

/// The byte ranges of the sentences of `text`, a piece of Markdown.
///
/// A line ends a sentence, and so do `。！？；…` and `. ! ?`, except in abbreviations, numbers and
/// addresses. List markers, quote marks and the outer bars of table rows stay outside; rows that
/// only draw (table rules, code fences) are left out, lines of code and table rows are kept whole.
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut fenced = false;
    for line in text.split('\n') {
        let line_start = start;
        start += line.len() + 1;
        let bare = line.trim_start();
        if bare.starts_with("```") || bare.starts_with("~~~") {
            fenced = !fenced;
            continue;
        }
        let (offset, content) = if fenced { (0, line) } else { strip_markers(line) };
        let at = line_start + offset;
        if fenced || content.starts_with('|') {
            let bars = |c: char| c == '|' || c.is_whitespace();
            let lead = content.len() - content.trim_start_matches(bars).len();
            let row = content.trim_matches(bars);
            push(text, at + lead..at + lead + row.len(), &mut out);
        } else {
            split_line(text, at, content, &mut out);
        }
    }
    out
}

/// Adds a range without the white space around it, when it says something.
fn push(text: &str, range: Range<usize>, out: &mut Vec<Range<usize>>) {
    let Some(piece) = text.get(range.clone()) else {
        return;
    };
    if !piece.chars().any(char::is_alphanumeric) {
        return;
    }
    let lead = piece.len() - piece.trim_start().len();
    out.push(range.start + lead..range.start + lead + piece.trim().len());
}

/// The line without quote marks, heading marks, list markers and task boxes, and how many bytes those take.
pub(crate) fn strip_markers(line: &str) -> (usize, &str) {
    let mut rest = line.trim_start();
    loop {
        let next = strip_marker(rest).trim_start();
        if next.len() == rest.len() {
            return (line.len() - rest.len(), rest);
        }
        rest = next;
    }
}

fn strip_marker(line: &str) -> &str {
    if let Some(rest) = line.strip_prefix('>') {
        return rest;
    }
    let hashes = line.trim_start_matches('#');
    if (1..=6).contains(&(line.len() - hashes.len())) && hashes.starts_with([' ', '\t']) {
        return hashes;
    }
    for marker in ["- ", "* ", "+ ", "[ ] ", "[x] ", "[X] "] {
        if let Some(rest) = line.strip_prefix(marker) {
            return rest;
        }
    }
    let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    if (1..=9).contains(&(line.len() - number.len()))
        && let Some(rest) = number.strip_prefix(['.', ')'])
        && rest.starts_with([' ', '\t'])
    {
        return rest;
    }
    line
}

fn split_line(text: &str, at: usize, line: &str, out: &mut Vec<Range<usize>>) {
    let mut from = 0;
    let mut previous = ' ';
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        let rest = chars.as_str();
        let ends = match c {
            '。' | '！' | '？' | '；' | '…' | '｡' => true,
            '.' | '!' | '?' => {
                let before = line.get(from..line.len() - rest.len() - 1).unwrap_or_default();
                ends_western(before, c, previous, rest)
            }
            _ => false,
        };
        previous = c;
        if !ends {
            continue;
        }
        // What closes goes with what it closes: more stops, quotes, brackets.
        let rest = rest.trim_start_matches(is_closing);
        chars = rest.chars();
        let end = line.len() - rest.len();
        push(text, at + from..at + end, out);
        from = end;
    }
    push(text, at + from..at + line.len(), out);
}

fn is_closing(c: char) -> bool {
    matches!(
        c,
        '。' | '！'
            | '？'
            | '…'
            | '.'
            | '!'
            | '?'
            | '”'
            | '’'
            | '」'
            | '』'
            | '）'
            | ')'
            | '】'
            | '》'
            | ']'
            | '"'
            | '\''
            | '*'
            | '_'
    )
}

/// Whether a Western stop between `before`, its sentence so far, and `after` ends that sentence.
fn ends_western(before: &str, stop: char, previous: char, after: &str) -> bool {
    // Bounded, since this is asked at each of a thousand dots.
    let closing = after.chars().take(16).take_while(|c| is_closing(*c));
    let closing: usize = closing.map(char::len_utf8).sum();
    let rest = after.get(closing..).unwrap_or_default();
    let Some(next) = rest.chars().next() else {
        return true;
    };
    if Script::of(next) == Script::Han {
        return stop != '.' || !previous.is_ascii_digit();
    }
    // Between the letters of an address, a number or a name nothing ends.
    if !next.is_whitespace() {
        return false;
    }
    if stop != '.' || rest.len() != after.len() {
        return true;
    }
    let word = last_word(before);
    let follows = rest.trim_start().chars().next();
    !is_abbreviation(word, follows)
}

fn last_word(before: &str) -> &str {
    before.rsplit(|c: char| c.is_whitespace() || "([\"'“‘（，。：".contains(c)).next().unwrap_or_default()
}

/// Whether the stop after `word` belongs to it, given the first character after the space.
fn is_abbreviation(word: &str, follows: Option<char>) -> bool {
    if word.is_empty() || word.len() > 12 {
        return false;
    }
    let lower = word.to_ascii_lowercase();
    // These may well end a sentence: then a capital follows.
    if matches!(lower.as_str(), "etc" | "a.m" | "p.m") {
        return !follows.is_some_and(char::is_uppercase);
    }
    let initials = word.split('.').all(|part| part.len() == 1 && part.bytes().all(|byte| byte.is_ascii_alphabetic()));
    if initials && (word.len() > 1 || word.bytes().all(|byte| byte.is_ascii_uppercase() && byte != b'I')) {
        return true;
    }
    ABBREVIATIONS.contains(lower.as_str())
        || follows.is_some_and(char::is_numeric) && ABBREVIATIONS.contains(format!("{lower}+").as_str())
}

/// Where in `text`, the end of something longer, the first new sentence begins, if one does.
pub(crate) fn first_start(text: &str) -> Option<usize> {
    let stop = |c: char| matches!(c, '。' | '！' | '？' | '；' | '…' | '\n');
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map_or('x', |(_, next)| *next);
        let western = matches!(c, '.' | '!' | '?') && next.is_whitespace();
        if !western && !stop(c) {
            continue;
        }
        let from = at + c.len_utf8();
        let rest = text.get(from..)?;
        let begin = rest.trim_start_matches(|c: char| is_closing(c) || c.is_whitespace());
        return (!begin.is_empty()).then(|| text.len() - begin.len());
    }
    None
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<&str> {
        sentences(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn chinese_stops() {
        assert_eq!(
            split("七天内可退货。超过七天呢？不行！要保留包装；否则拒收……谢谢"),
            ["七天内可退货。", "超过七天呢？", "不行！", "要保留包装；", "否则拒收……", "谢谢"]
        );
        assert_eq!(split("他说：“好。”然后走了。"), ["他说：“好。”", "然后走了。"]);
        assert_eq!(split("真的吗?是的!价格3.5元"), ["真的吗?", "是的!", "价格3.5元"]);
    }

    #[test]
    fn english_stops() {
        assert_eq!(
            split("Open the app. Tap Return! Why? Because."),
            ["Open the app.", "Tap Return!", "Why?", "Because."]
        );
        assert_eq!(
            split("Use a card, e.g. Visa. Mr. Li lives in the U.S. since 2020. It costs 3.5 dollars. Done"),
            ["Use a card, e.g. Visa.", "Mr. Li lives in the U.S. since 2020.", "It costs 3.5 dollars.", "Done"]
        );
        assert_eq!(
            split("Cables, plugs, etc. are free. Open at 9 a.m. Ask us."),
            ["Cables, plugs, etc. are free.", "Open at 9 a.m.", "Ask us."]
        );
        assert_eq!(split("He said \"stop.\" Then left."), ["He said \"stop.\"", "Then left."]);
        assert_eq!(split("The answer is no. See No. 5."), ["The answer is no.", "See No. 5."]);
        assert_eq!(split("So do I. You too."), ["So do I.", "You too."]);
    }

    #[test]
    fn addresses_are_kept() {
        assert_eq!(
            split("See https://a.example.com/x?y=1!z for v4.3.1. Thanks"),
            ["See https://a.example.com/x?y=1!z for v4.3.1.", "Thanks"]
        );
    }

    #[test]
    fn markdown_lines() {
        let text = "# 退货\n\n- 打开应用。点退货\n* [x] done\n1. First\n2) Second\n> 引用一句\n---\n第一行\n第二行";
        assert_eq!(
            split(text),
            ["退货", "打开应用。", "点退货", "done", "First", "Second", "引用一句", "第一行", "第二行"]
        );
    }

    #[test]
    fn tables_and_code() {
        let text = "| 型号 | 价格。含税 |\n|---|:--|\n| X200 | 99. Yes |\n```sh\nrun a. b\n\nstop\n```\nend";
        assert_eq!(split(text), ["型号 | 价格。含税", "X200 | 99. Yes", "run a. b", "stop", "end"]);
    }

    #[test]
    fn nothing_to_say() {
        assert!(split("").is_empty());
        assert!(split(" \n。。。\n---\n|--|").is_empty());
    }
}
