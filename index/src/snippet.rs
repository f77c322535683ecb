//! Which window of a passage shows best why it was found?
//! Invariant: the html holds no markup but `<mark>` and `</mark>`, in pairs.

use std::collections::HashMap;
use std::ops::Range;

use crate::analyzer::{QueryKind, QueryTerm, stem};
use crate::markdown::hidden;
use crate::normalize::{fold, strip_accents};
use crate::rewrite::units::Beginnings;
use crate::script::{Script, is_cut};
use crate::window::{scalars, window};

/// A window of a text with the matches in it marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snippet {
    /// Escaped text with `<mark>` around matches and `…` where it is cut, without Markdown marks.
    pub html: String,
    /// The first Unicode scalar of the window in the text.
    pub start: usize,
    /// The Unicode scalar after the last one.
    pub end: usize,
}

/// Marks the terms of one query; built once, used for each hit.
#[derive(Clone)]
pub struct Highlighter {
    /// Terms found by their characters, by the first of these.
    literals: Vec<Literal>,
    /// One bit for each first character, by its last six bits: most characters of a text are passed over by it.
    firsts: u64,
    /// Stems of English words.
    stems: HashMap<String, usize>,
    beginnings: Beginnings,
}

#[derive(Clone)]
struct Literal {
    first: char,
    text: String,
    term: usize,
    /// Whether it is a bigram or a single character rather than a word.
    gram: bool,
}

/// A match in a text, in bytes, and which term it is of.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub range: Range<usize>,
    pub term: usize,
}

/// Marks `terms` in the densest window of `text` of at most `max_chars` Unicode scalars.
pub fn snippet(text: &str, terms: &[QueryTerm], max_chars: usize) -> Snippet {
    Highlighter::new(terms).snippet(text, max_chars)
}

impl Highlighter {
    /// Prepares to mark `terms`; function words only when there is nothing else.
    pub fn new(terms: &[QueryTerm]) -> Self {
        let all_stop = terms.iter().all(|term| term.stop);
        let mut made =
            Self { literals: Vec::new(), firsts: 0, stems: HashMap::new(), beginnings: Beginnings::default() };
        for (at, term) in terms.iter().enumerate() {
            if term.stop && !all_stop {
                continue;
            }
            let alphabetic =
                term.term.chars().all(|c| matches!(Script::of(c), Script::Letter | Script::Mark) && !c.is_numeric());
            if term.kind == QueryKind::Word && alphabetic {
                made.beginnings.add(&term.term);
                made.stems.insert(term.term.clone(), at);
            } else if let Some(first) = term.term.chars().next() {
                made.firsts |= bit(first);
                made.literals.push(Literal {
                    first,
                    text: term.term.clone(),
                    term: at,
                    gram: term.kind != QueryKind::Word,
                });
            }
        }
        made.literals.sort_by_key(|literal| literal.first);
        made
    }

    /// The byte ranges of `text` to mark: ascending, apart from each other.
    pub fn ranges(&self, text: &str) -> Vec<Range<usize>> {
        merge(self.matches(text).into_iter().map(|found| found.range))
    }

    /// The densest window of `text` of at most `max_chars` Unicode scalars, with its matches marked.
    pub fn snippet(&self, text: &str, max_chars: usize) -> Snippet {
        let hidden = hidden(text);
        let mut found = self.matches(text);
        found.retain(|found| !is_within(&found.range, &hidden));
        let window = window(text, &found, max_chars);
        let marks = merge(found.into_iter().map(|found| found.range));
        let start = scalars(text, 0..window.start);
        Snippet { html: render(text, &window, &marks, &hidden), start, end: start + scalars(text, window) }
    }

    /// All matches that are to be marked, by where they start.
    fn matches(&self, text: &str) -> Vec<Found> {
        let folded = fold(text);
        let mut words = self.find_stems(&folded.text);
        let mut grams = Vec::new();
        for (at, c) in folded.text.char_indices() {
            if self.firsts & bit(c) == 0 {
                continue;
            }
            let rest = folded.text.get(at..).unwrap_or_default();
            let from = self.literals.partition_point(|literal| literal.first < c);
            let same = self.literals.iter().skip(from).take_while(|literal| literal.first == c);
            for literal in same.filter(|literal| rest.starts_with(&literal.text)) {
                let found = Found { range: at..at + literal.text.len(), term: literal.term };
                if literal.gram {
                    grams.push(found);
                } else if !inside_word(&folded.text, &found.range) {
                    words.push(found);
                }
            }
        }
        let spots = merge(words.iter().map(|found| found.range.clone()));
        grams.retain(|gram| stands_alone_or_joins(&gram.range, &spots));
        words.extend(grams);
        for found in &mut words {
            found.range = folded.origin(found.range.clone());
        }
        words.sort_by_key(|found| (found.range.start, found.range.end));
        words
    }

    /// English words whose stem is one of the query's.
    fn find_stems(&self, text: &str) -> Vec<Found> {
        let mut out = Vec::new();
        if self.stems.is_empty() {
            return out;
        }
        let mut from = None;
        for (at, c) in text.char_indices().chain(std::iter::once((text.len(), ' '))) {
            let letter = if c.is_ascii() {
                c.is_ascii_lowercase()
            } else {
                !c.is_numeric() && matches!(Script::of(c), Script::Letter | Script::Mark)
            };
            if letter {
                from.get_or_insert(at);
            } else if let Some(start) = from.take()
                && let Some(word) = text.get(start..at)
                && let Some(term) = self.term_of(word)
            {
                out.push(Found { range: start..at, term });
            }
        }
        out
    }

    fn term_of(&self, word: &str) -> Option<usize> {
        let plain = strip_accents(word);
        let may = self.beginnings.may_have(&plain);
        may.then(|| self.stems.get(stem(&plain).as_ref()).copied()).flatten()
    }
}

fn bit(c: char) -> u64 {
    1 << (u32::from(c) % 64)
}

/// Whether a literal match begins or ends inside a longer word or number; between letters and digits is no inside.
fn inside_word(text: &str, range: &Range<usize>) -> bool {
    let same_kind = |at: usize| {
        let (before, after) = text.split_at_checked(at).unwrap_or_default();
        let before = before.chars().next_back().is_some_and(char::is_numeric);
        let after = after.chars().next().is_some_and(char::is_numeric);
        before == after
    };
    [range.start, range.end].iter().any(|at| is_cut(text, *at) && same_kind(*at))
}

/// A bigram is marked where no word was found, or where it fills the gap between two words.
fn stands_alone_or_joins(gram: &Range<usize>, spots: &[Range<usize>]) -> bool {
    let next = spots.partition_point(|spot| spot.end < gram.start);
    let mut near = spots.iter().skip(next).take_while(|spot| spot.start <= gram.end);
    let overlaps = |spot: &Range<usize>| spot.start < gram.end && gram.start < spot.end;
    match (near.next(), near.next()) {
        (Some(_), Some(_)) => true,
        (Some(spot), None) => !overlaps(spot),
        (None, _) => true,
    }
}

fn is_within(range: &Range<usize>, ascending: &[Range<usize>]) -> bool {
    let at = ascending.partition_point(|outer| outer.end < range.end);
    ascending.get(at).is_some_and(|outer| outer.start <= range.start)
}

/// Joins ranges that touch or overlap; the input is sorted here.
fn merge(ranges: impl Iterator<Item = Range<usize>>) -> Vec<Range<usize>> {
    let mut sorted: Vec<Range<usize>> = ranges.filter(|range| range.start < range.end).collect();
    sorted.sort_unstable_by_key(|range| (range.start, range.end));
    let mut out: Vec<Range<usize>> = Vec::with_capacity(sorted.len());
    for range in sorted {
        match out.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => out.push(range),
        }
    }
    out
}

/// Writes the window as html: escaped, white space collapsed, without what is hidden, matches marked.
fn render(text: &str, window: &Range<usize>, marks: &[Range<usize>], hidden: &[Range<usize>]) -> String {
    let mut html = String::with_capacity(window.len() + 64);
    let shows = |range: Range<usize>| text.get(range).is_some_and(|text| !text.trim().is_empty());
    if shows(0..window.start) {
        html.push('…');
    }
    let mut marks = marks.iter().skip_while(|mark| mark.end <= window.start).peekable();
    let mut hidden = hidden.iter().skip_while(|noise| noise.end <= window.start).peekable();
    let mut open = false;
    let mut space = true;
    for (at, c) in text.get(window.clone()).unwrap_or_default().char_indices() {
        let at = window.start + at;
        while hidden.next_if(|noise| noise.end <= at).is_some() {}
        while marks.next_if(|mark| mark.end <= at).is_some() {}
        let inside = marks.peek().is_some_and(|mark| mark.start <= at);
        if open && !inside {
            html.push_str("</mark>");
            open = false;
        }
        let noise = hidden.peek().is_some_and(|noise| noise.start <= at);
        // Bars stand between cells: without them the cells would run together.
        if c.is_whitespace() || noise && c == '|' {
            if !space {
                html.push(' ');
            }
            space = true;
            continue;
        }
        if noise || c.is_control() {
            continue;
        }
        space = false;
        if inside && !open {
            html.push_str("<mark>");
            open = true;
        }
        escape(c, &mut html);
    }
    if open {
        html.push_str("</mark>");
    }
    html.truncate(html.trim_end().len());
    if shows(window.end..text.len()) {
        html.push('…');
    }
    html
}

fn escape(c: char, html: &mut String) {
    match c {
        '&' => html.push_str("&amp;"),
        '<' => html.push_str("&lt;"),
        '>' => html.push_str("&gt;"),
        '"' => html.push_str("&quot;"),
        '\'' => html.push_str("&#39;"),
        other => html.push(other),
    }
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::analyzer::Analyzer;

    fn html(query: &str, text: &str) -> String {
        snippet(text, &Analyzer::new().query_terms(query), 200).html
    }

    fn marked<'a>(query: &str, text: &'a str) -> Vec<&'a str> {
        let highlighter = Highlighter::new(&Analyzer::new().query_terms(query));
        highlighter.ranges(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn words_of_both_languages_are_marked() {
        assert_eq!(html("退货", "七天内可以退貨。"), "七天内可以<mark>退貨</mark>。");
        assert_eq!(html("returns", "We RETURNED it, turn"), "We <mark>RETURNED</mark> it, turn");
        assert_eq!(html("cafe", "Le Café’s"), "Le <mark>Café</mark>’s");
        assert_eq!(html("dying", "die"), "<mark>die</mark>");
    }

    #[test]
    fn identifiers_are_marked_whole_or_in_part() {
        assert_eq!(marked("X200-Pro", "x200-pro, X200, the Pro, ax200"), ["x200-pro", "X200", "Pro"]);
        assert_eq!(marked("iphone", "iPhone15 iPhones"), ["iPhone", "iPhones"]);
        assert_eq!(marked("4.3.1", "v4.3.1 14.3.1"), ["4.3.1", "3", "1"]);
        assert_eq!(marked("c++", "C++ c"), ["C++", "c"]);
    }

    #[test]
    fn words_go_before_bigrams() {
        // 货流 overlaps 退货 but joins nothing: not marked beyond the word.
        assert_eq!(marked("退货流程", "退货流量"), ["退货"]);
        assert_eq!(marked("退货流程", "退货流程"), ["退货流程"]);
        let gram = |term: &str| QueryTerm { term: term.to_owned(), kind: QueryKind::Gram, count: 1, stop: false };
        let ranges = Highlighter::new(&[gram("魔镜"), gram("镜灯")]).ranges("开魔镜，魔镜灯");
        assert_eq!(ranges, [3..9, 12..21]);
        assert_eq!(marked("卡", "银行卡"), ["卡"]);
    }

    #[test]
    fn function_words_only_when_alone() {
        assert_eq!(marked("how to return", "how to return"), ["return"]);
        assert_eq!(marked("how to", "how to return"), ["how", "to"]);
    }

    #[test]
    fn markdown_goes_and_html_is_escaped() {
        assert_eq!(
            html("退货", "## **退货** <b>\n- 见[退货页](https://e.com/退货) & \"x\"\n| a|b |\n|--|--|"),
            "<mark>退货</mark> &lt;b&gt; 见<mark>退货</mark>页 &amp; &quot;x&quot; a b"
        );
    }

    #[test]
    fn the_window_is_where_the_terms_are() {
        let text = format!(
            "{}我想退货。请按退货流程提交申请，客服会处理。{}",
            "前面的话很多。".repeat(40),
            "后面的话。".repeat(40)
        );
        let found = snippet(&text, &Analyzer::new().query_terms("退货流程申请"), 40);
        assert!(found.html.starts_with('…') && found.html.ends_with('…'), "{}", found.html);
        assert!(found.html.contains("<mark>退货流程</mark>提交<mark>申请</mark>"), "{}", found.html);
        assert!(found.end - found.start <= 40);
        let scalars: String = text.chars().skip(found.start).take(found.end - found.start).collect();
        assert!(scalars.contains("退货流程提交申请"), "{scalars}");
        assert!(scalars.starts_with("前面") || scalars.starts_with("我想"), "{scalars}");
    }

    #[test]
    fn windows_do_not_cut_words() {
        let text =
            "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda return order mu nu xi omicron".to_owned();
        let found = snippet(&text, &Analyzer::new().query_terms("return order"), 30);
        let inner = found.html.replace("<mark>", "").replace("</mark>", "").replace('…', " ");
        for word in inner.split_whitespace() {
            assert!(text.split(' ').any(|whole| whole == word), "{word} in {inner}");
        }
        assert!(inner.contains("return order"), "{inner}");
    }

    #[test]
    fn without_matches_the_beginning() {
        let found = snippet("one two three", &[], 7);
        assert_eq!(found, Snippet { html: "one two…".to_owned(), start: 0, end: 7 });
        assert_eq!(snippet("", &[], 7).html, "");
        assert_eq!(snippet("abc", &Analyzer::new().query_terms("abc"), 0).html, "…");
    }
}
