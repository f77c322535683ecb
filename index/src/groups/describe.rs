//! What is a group about? Its clearest real question, and the words that tell it from the other groups.
//!
//! Invariant: a label is the text of a member, and keywords are spelled as members spell them.

use std::collections::{BTreeMap, BTreeSet};

use super::space::{Space, centred};
use super::state::{GroupingState, Kept};
use crate::analyzer::{Analyzer, QueryKind, TokenKind};
use crate::embed::normalise;
use crate::script::is_number;
use crate::terms::Token;

/// What an e-fold of askers, and of length beside the usual, count against the cosine.
const ASKED: f32 = 0.05;
const LENGTH: f32 = 0.12;
/// Words of a question below which it is a fragment, whatever its group's usual length.
const FRAGMENT: usize = 4;

/// The member whose question stands best for all: near the middle, asked often, of ordinary length.
pub(super) fn label<'a>(analyzer: &Analyzer, state: &'a GroupingState, rows: &[u32]) -> Option<&'a Kept> {
    let members: Vec<&Kept> = rows.iter().filter_map(|row| state.members.get(*row as usize)).collect();
    let vectors: Vec<Vec<f32>> = members.iter().map(|kept| centred(kept, &state.means)).collect();
    let mut middle = vec![0.0_f32; state.dimension];
    for (kept, vector) in members.iter().zip(&vectors) {
        let share = asked(kept);
        middle.iter_mut().zip(vector).for_each(|(sum, value)| *sum += share * value);
    }
    normalise(&mut middle);
    let lengths: Vec<usize> = members.iter().map(|kept| words(analyzer, &kept.text)).collect();
    let mut sorted = lengths.clone();
    sorted.sort_unstable();
    let usual = sorted.get(sorted.len() / 2).copied().unwrap_or(0).max(FRAGMENT) as f32;
    let scored = members.into_iter().zip(&vectors).zip(lengths).map(|((kept, vector), length)| {
        let cosine: f32 = vector.iter().zip(&middle).map(|(a, b)| a * b).sum();
        let odd = ((length as f32 + 1.0) / (usual + 1.0)).ln().abs();
        (cosine + ASKED * asked(kept).ln() - LENGTH * odd, kept)
    });
    scored.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.id.cmp(&a.1.id))).map(|(_, kept)| kept)
}

fn asked(kept: &Kept) -> f32 {
    1.0 + kept.weight.max(0.0).ln_1p()
}

fn words(analyzer: &Analyzer, text: &str) -> usize {
    let last = analyzer.analyze(text).into_iter().rfind(|token| token.kind == TokenKind::Word);
    last.map_or(0, |token| token.position as usize + 1)
}

/// Words by class-based TF-IDF, best first: the share of the group's words × ln(1 + words of a group on average ÷ how
/// often all groups have the word).
///
/// Grootendorst, "BERTopic: Neural topic modeling with a class-based TF-IDF procedure" (2022).
pub(super) fn keywords(
    analyzer: &Analyzer,
    space: &Space,
    state: &GroupingState,
    rows: &[u32],
    groups: usize,
    count: usize,
) -> Vec<(String, f32)> {
    // Term → how often, and its spellings.
    let mut terms: BTreeMap<String, (f32, BTreeMap<String, usize>)> = BTreeMap::new();
    let mut all = 0.0;
    let members: Vec<(&Kept, Vec<Token>)> = rows
        .iter()
        .filter_map(|row| state.members.get(*row as usize))
        .map(|kept| (kept, analyzer.analyze(&kept.text)))
        .collect();
    // What only ever stands inside a longer word (`发价` in `批发价`) is no word of theirs.
    let whole: BTreeSet<String> = members.iter().flat_map(|(_, tokens)| whole(tokens)).collect();
    for (kept, tokens) in members {
        let known = analyzer.query_terms(&kept.text).into_iter();
        let content: Vec<String> = known
            .filter(|term| term.kind == QueryKind::Word && !term.stop && tells(&term.term))
            .map(|term| term.term)
            .collect();
        for token in tokens {
            if token.kind != TokenKind::Word || !content.contains(&token.term) || !whole.contains(&token.term) {
                continue;
            }
            let spelling = kept.text.get(token.start..token.end).unwrap_or(&token.term).to_lowercase();
            let entry = terms.entry(token.term).or_default();
            entry.0 += kept.weight.max(0.0);
            all += kept.weight.max(0.0);
            *entry.1.entry(spelling).or_default() += 1;
        }
    }
    let mut scored: Vec<(String, f32)> = Vec::new();
    for (term, (times, spellings)) in terms {
        let (members, words) = space.frequency(&term);
        let usual = words as f32 / groups.max(1) as f32;
        let score = times / f32::max(all, 1.0) * (usual / members.max(1) as f32).ln_1p();
        let spelling = spellings.into_iter().max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(&a.0)));
        scored.push((spelling.map_or(term, |(spelling, _)| spelling), score));
    }
    scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut best: Vec<(String, f32)> = Vec::new();
    for (word, score) in scored {
        if best.len() == count {
            break;
        }
        // A part of a word that is there already says nothing more.
        if !best.iter().any(|(other, _)| other.contains(&word) || word.contains(other.as_str())) {
            best.push((word, score));
        }
    }
    best
}

/// The words of a text that are part of no other; a whole word comes before its parts.
fn whole(tokens: &[Token]) -> impl Iterator<Item = String> {
    let mut end = 0;
    let words = tokens.iter().filter(|token| token.kind == TokenKind::Word);
    let first = words.filter(move |token| {
        let new = token.end > end;
        end = end.max(token.end);
        new
    });
    first.map(|token| token.term.clone())
}

/// Whether a word can tell: no single character, no bare number.
fn tells(term: &str) -> bool {
    term.chars().nth(1).is_some() && !is_number(term)
}
