//! How do quotes become the words of an answer?
//!
//! Invariant: every quote stands in the answer, with its number; what is put before a quote is a label out of the same
//! body, never a word of our own.

use zhiyin_index::answer::Span;

use super::super::markdown::to_html;
use super::super::search::detect;
use crate::model::answer::{AnswerText, Citation};

/// The quotes with their numbers, rows of a table read out with the names of their columns.
pub fn wording(citations: &[Citation], spans: &[&Span]) -> Option<AnswerText> {
    let first = citations.first()?;
    let parts: Vec<String> = citations
        .iter()
        .zip(spans)
        .map(|(citation, span)| {
            let text = readable(span);
            // A mark after the last item of a list would belong to the item alone.
            let gap = if is_list(&text) { "\n\n" } else { " " };
            format!("{text}{gap}[{}]", citation.index)
        })
        .collect();
    let text = parts.join("\n\n");
    Some(AnswerText { html: to_html(&text), language: detect(&first.quote), generated: false, text })
}

fn is_list(text: &str) -> bool {
    text.lines().count() > 1
        && text.lines().last().is_some_and(|line| {
            line.trim_start().starts_with(['-', '*', '+', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
        })
}

fn readable(span: &Span) -> String {
    let quote = span.text.trim();
    match &span.label {
        Some(head) if span.row => row(head, quote),
        // An item of one word says nothing without the line that introduces it.
        Some(lead) => format!("{} {quote}", lead.trim()),
        None => quote.to_owned(),
    }
}

/// `a | b` under `x | y` is `x: a · y: b`; a column without a name keeps its value alone.
fn row(head: &str, quote: &str) -> String {
    let cells = |line: &str| -> Vec<String> { line.split('|').map(|cell| cell.trim().to_owned()).collect() };
    let (names, values) = (cells(head), cells(quote));
    let mut names = names.into_iter();
    let named = values.into_iter().map(|value| match names.next().filter(|name| !name.is_empty()) {
        Some(name) => format!("{name}: {value}"),
        None => value,
    });
    named.filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_with_the_names_of_their_columns() {
        assert_eq!(row("原因 | 运费由谁承担", "质量问题 | 我们承担"), "原因: 质量问题 · 运费由谁承担: 我们承担");
        assert_eq!(row("a |  | c", "1 | 2 | 3 | 4"), "a: 1 · 2 · c: 3 · 4");
    }
}
