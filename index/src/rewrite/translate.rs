//! What are the words of a query called in the other language, where passages are written in it?
//!
//! Invariant: a lexicon is only asked where the index holds passages of the other language.

use super::lexicon::Lexicon;
use super::{Alternative, MAX_ALTERNATIVES, Source, Span, is_one_word};
use crate::analyzer::{Analysis, Analyzer, QueryKind, QueryTerm};
use crate::error::Result;
use crate::lexical::Lookup;
use crate::script::Script;

/// Words without which hardly a text of the language is written.
const SIGNS: [(Script, &[&str]); 2] =
    [(Script::Letter, &["the", "to", "you", "is"]), (Script::Han, &["的", "是", "在"])];
/// A language is held where one passage in so many shows a sign of it.
const HELD: u64 = 1_000;

/// Adds the translations of each word.
pub(super) fn spans(
    lexicon: &Lexicon,
    analyzer: &Analyzer,
    asked: &Analysis,
    lookup: &mut Lookup<'_>,
    spans: &mut Vec<Span>,
) -> Result<()> {
    let [english, chinese] = [holds(0, lookup)?, holds(1, lookup)?];
    for (place, range) in &asked.places {
        let Some(term) = asked.terms.get(*place).filter(|t| t.kind == QueryKind::Word && !t.stop) else { continue };
        let han = term.term.chars().next().is_some_and(|c| Script::of(c) == Script::Han);
        if !(if han { english } else { chinese }) {
            continue;
        }
        let alternatives = lookup.translations(&term.term, || translations(lexicon, analyzer, &term.term, han));
        if alternatives.is_empty() {
            continue;
        }
        let alternatives = alternatives.iter().cloned();
        match spans.iter_mut().find(|span| span.range == *range && is_one_word(asked, range)) {
            Some(span) => span.alternatives.extend(alternatives),
            None => spans.push(Span { range: range.clone(), alternatives: alternatives.collect() }),
        }
    }
    Ok(())
}

fn translations(lexicon: &Lexicon, analyzer: &Analyzer, word: &str, han: bool) -> Vec<Alternative> {
    let of = |(text, weight): (&str, f32)| Alternative {
        text: text.to_owned(),
        // English stands in the lexicon as it stands in the index.
        terms: if han { vec![stemmed(text)] } else { analyzer.query_terms(text) },
        weight,
        source: Source::Translation,
        place: None,
    };
    lexicon.translations(word).take(MAX_ALTERNATIVES).map(of).collect()
}

fn stemmed(word: &str) -> QueryTerm {
    QueryTerm { term: word.to_owned(), kind: QueryKind::Word, count: 1, stop: false }
}

fn holds(sign: usize, lookup: &mut Lookup<'_>) -> Result<bool> {
    let least = (lookup.totals.passages / HELD).max(1);
    for word in SIGNS.get(sign).map(|(_, words)| *words).unwrap_or_default() {
        let term = QueryTerm { term: (*word).to_owned(), kind: QueryKind::Word, count: 1, stop: true };
        if lookup.find(&term)?.frequency >= least {
            return Ok(true);
        }
    }
    Ok(false)
}
