//! Which characters of a Markdown passage are marks for a renderer rather than words for a reader?
//! Invariant: the ranges ascend, never overlap, and lie on character boundaries.

use std::ops::Range;

use crate::sentence::strip_markers;

/// The longest link text and link target that are looked through, in bytes.
const LINK_TEXT: usize = 256;
const LINK_TARGET: usize = 1_024;

/// The byte ranges of `text` that only mark it up: heading and list marks, emphasis, backticks,
/// link targets, table bars and rules, code fences. Code itself is left alone.
pub(crate) fn hidden(text: &str) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    if !text.bytes().any(|byte| is_mark(byte) || matches!(byte, b'#' | b'>' | b'-' | b'+')) {
        return out;
    }
    let mut fenced = false;
    let mut start = 0;
    for line in text.split('\n') {
        let at = start;
        start += line.len() + 1;
        let bare = line.trim_start();
        if bare.starts_with("```") || bare.starts_with("~~~") {
            fenced = !fenced;
            out.push(at..at + line.len());
        } else if !fenced && is_rule(bare) {
            out.push(at..at + line.len());
        } else if !fenced {
            hide_in_line(at, line, &mut out);
        }
    }
    out.sort_unstable_by_key(|range| range.start);
    out
}

/// Bytes that may mark something in the middle of a line.
fn is_mark(byte: u8) -> bool {
    matches!(byte, b'*' | b'_' | b'`' | b'[' | b'|' | b'~')
}

/// Whether a line only draws: the rule below a table's head, a thematic break, an underline.
fn is_rule(line: &str) -> bool {
    line.len() >= 3
        && line.contains(['-', '=', '*'])
        && line.chars().all(|c| matches!(c, '|' | '-' | ':' | '=' | '*' | ' ' | '\t' | '\r'))
}

fn hide_in_line(at: usize, line: &str, out: &mut Vec<Range<usize>>) {
    let (marker, content) = strip_markers(line);
    if marker > 0 && !line.get(..marker).unwrap_or_default().trim().is_empty() {
        // Numbers of a list say something; other marks do not.
        let numbered = line.trim_start().starts_with(|c: char| c.is_ascii_digit());
        if !numbered {
            out.push(at..at + marker);
        }
    }
    if !content.bytes().any(is_mark) {
        return;
    }
    let row = content.starts_with('|');
    let base = at + marker;
    let mut previous = ' ';
    let mut skip_to = 0;
    let mut targets: Vec<Range<usize>> = Vec::new();
    let mut chars = content.char_indices().peekable();
    while let Some((index, c)) = chars.next() {
        if let Some(target) = targets.last().filter(|target| target.start == index) {
            skip_to = target.end;
        }
        if index < skip_to {
            previous = c;
            continue;
        }
        let here = base + index..base + index + c.len_utf8();
        match c {
            '|' if row => out.push(here),
            '`' => out.push(here),
            '*' | '_' | '~' => {
                let mut end = index + 1;
                while chars.next_if(|(_, next)| *next == c).is_some() {
                    end += 1;
                }
                let next = chars.peek().map_or(' ', |(_, next)| *next);
                if is_emphasis(c, end - index, previous, next) {
                    out.push(base + index..base + end);
                }
            }
            '[' | '!' => {
                let after = content.get(index..).unwrap_or_default();
                if let Some((opening, target)) = link(after) {
                    let target = index + target.start..index + target.end;
                    out.push(base + index..base + index + opening);
                    out.push(base + target.start..base + target.end);
                    skip_to = index + opening;
                    targets.push(target);
                }
            }
            _ => {}
        }
        previous = c;
    }
}

/// Whether a run of emphasis characters marks something, by what stands on both sides.
fn is_emphasis(mark: char, length: usize, before: char, after: char) -> bool {
    match mark {
        '~' => length == 2,
        '_' => before.is_alphanumeric() != after.is_alphanumeric(),
        _ if length > 1 => true,
        _ => {
            let product = before.is_numeric() && after.is_numeric();
            let lonely = before.is_whitespace() && after.is_whitespace();
            !product && !lonely
        }
    }
}

/// A link or an image at the beginning of `text`: how long its opening is, and where `](target)` stands.
fn link(text: &str) -> Option<(usize, Range<usize>)> {
    let opening = if text.starts_with("![") { 2 } else { 1 };
    let inner = text.get(opening..).filter(|_| text.starts_with(['[']) || opening == 2)?;
    let close = inner.bytes().take(LINK_TEXT).position(|byte| byte == b']')?;
    let target = inner.get(close..)?.strip_prefix("](")?;
    let end = target.bytes().take(LINK_TARGET).position(|byte| byte == b')')?;
    let start = opening + close;
    Some((opening, start..start + 2 + end + 1))
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mut out = String::new();
        let mut from = 0;
        for range in hidden(text) {
            out.push_str(&text[from..range.start]);
            from = range.end;
        }
        out + &text[from..]
    }

    #[test]
    fn marks_of_lines() {
        assert_eq!(shown("## 退货\n> - 一\n1. 二\n---\n三"), "退货\n一\n1. 二\n\n三");
        assert_eq!(shown("| a | b |\n|---|:-:|\n| c | d |"), " a  b \n\n c  d ");
        assert_eq!(shown("```rust\nlet *a = `b`;\n```\nx"), "\nlet *a = `b`;\n\nx");
    }

    #[test]
    fn marks_inside_lines() {
        assert_eq!(shown("**粗**体 *斜*体 `码` ~~删~~ _a_ __b__"), "粗体 斜体 码 删 a b");
        assert_eq!(shown("3*4 = 3 * 4, user_name, ~5"), "3*4 = 3 * 4, user_name, ~5");
        assert_eq!(shown("见[退货 `页`](https://e.com/_a_)和![图](a.png)。"), "见退货 页和图。");
        assert_eq!(shown("a[0] [b] ! [c](d"), "a[0] [b] ! [c](d");
        assert_eq!(shown("[a](b)[c](d)"), "ac");
    }

    #[test]
    fn plain_text_hides_nothing() {
        assert!(hidden("七天内可退货。Plain text.").is_empty());
    }
}
