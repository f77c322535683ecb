//! What does a space call the same thing?
//!
//! Invariant: a rule is applied once: what it brings in is not looked up in the rules again, so cycles do no harm.

use std::collections::HashMap;

use super::units::units;
use super::{Alternative, Source, Span};
use crate::analyzer::{Analysis, Analyzer};
use crate::normalize::fold;

/// What a synonym weighs against the word that was asked.
const WEIGHT: f32 = 0.9;

/// A rule of a space about what its words mean; phrases may be of several words and of any script.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SynonymRule {
    /// Each of these means each of the others.
    TwoWay(Vec<String>),
    /// Who asks for any of the first may mean any of the second, not the other way.
    OneWay(Vec<String>, Vec<String>),
    /// The query is searched as if the second stood where one of the first does.
    Replacement(Vec<String>, String),
}

#[derive(Debug, Default)]
struct Target {
    /// The units after the first one.
    rest: Vec<Box<str>>,
    others: Vec<String>,
    replaced_by: Option<String>,
}

/// The rules of a space, ready to be applied to queries.
#[derive(Debug, Default)]
pub struct Synonyms {
    /// By first unit, longest phrase first.
    phrases: HashMap<Box<str>, Vec<Target>>,
}

impl Synonyms {
    /// Makes rules ready; a phrase without a letter is left out.
    pub fn new(rules: &[SynonymRule]) -> Self {
        let mut all = Self::default();
        for rule in rules {
            match rule {
                SynonymRule::TwoWay(group) => {
                    for from in group {
                        let others = group.iter().filter(|to| *to != from).cloned();
                        all.with(from, |target| target.others.extend(others));
                    }
                }
                SynonymRule::OneWay(from, to) => {
                    for from in from {
                        all.with(from, |target| target.others.extend(to.iter().filter(|to| *to != from).cloned()));
                    }
                }
                SynonymRule::Replacement(from, to) => {
                    for from in from {
                        all.with(from, |target| target.replaced_by = Some(to.clone()));
                    }
                }
            }
        }
        for targets in all.phrases.values_mut() {
            targets.sort_by_key(|target| std::cmp::Reverse(target.rest.len()));
        }
        all
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.phrases.is_empty()
    }

    fn with(&mut self, phrase: &str, change: impl FnOnce(&mut Target)) {
        let mut units = units(&fold(phrase).text).into_iter().map(|(unit, _)| unit);
        let Some(first) = units.next() else { return };
        let rest: Vec<Box<str>> = units.collect();
        let targets = self.phrases.entry(first).or_default();
        let place = targets.iter().position(|target| target.rest == rest).unwrap_or(targets.len());
        if place == targets.len() {
            targets.push(Target { rest, ..Target::default() });
        }
        if let Some(target) = targets.get_mut(place) {
            change(target);
        }
    }

    /// The query with what is to be replaced replaced.
    pub(crate) fn replace(&self, analyzer: &Analyzer, text: &str) -> String {
        if !self.phrases.values().flatten().any(|target| target.replaced_by.is_some()) {
            return text.to_owned();
        }
        let asked = analyzer.analysis(text);
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for (range, target) in self.matches(&asked, |target| target.replaced_by.is_some()) {
            let Some(other) = &target.replaced_by else { continue };
            let origin = asked.folded.origin(range);
            out.push_str(text.get(from..origin.start).unwrap_or_default());
            out.push_str(other);
            from = origin.end;
        }
        out.push_str(text.get(from..).unwrap_or_default());
        out
    }

    /// The phrases of the query that have synonyms.
    pub(crate) fn spans(&self, analyzer: &Analyzer, asked: &Analysis) -> Vec<Span> {
        let found = self.matches(asked, |target| !target.others.is_empty()).into_iter();
        found.map(|(range, target)| Span { range, alternatives: alternatives(analyzer, &target.others) }).collect()
    }

    /// The longest phrases from left to right, where they begin and end as words of the query do.
    fn matches(&self, asked: &Analysis, wanted: fn(&Target) -> bool) -> Vec<(std::ops::Range<usize>, &Target)> {
        let units = units(&asked.folded.text);
        let starts = |at: usize| asked.places.iter().any(|(_, range)| range.start == at);
        let ends = |at: usize| asked.places.iter().any(|(_, range)| range.end == at);
        let mut found = Vec::new();
        let mut next = 0;
        while let Some((first, place)) = units.get(next) {
            let rest = units.get(next + 1..).unwrap_or_default();
            let fits = |target: &&Target| {
                let end = match target.rest.len() {
                    0 => Some(place.end),
                    n => rest.get(n - 1).map(|(_, range)| range.end),
                };
                let same = target.rest.iter().zip(rest).all(|(a, (b, _))| a == b);
                wanted(target) && same && end.is_some_and(ends) && starts(place.start)
            };
            let target = self.phrases.get(first).and_then(|targets| targets.iter().find(fits));
            let Some(target) = target else {
                next += 1;
                continue;
            };
            next += 1 + target.rest.len();
            let end = units.get(next - 1).map_or(place.end, |(_, range)| range.end);
            found.push((place.start..end, target));
        }
        found
    }
}

fn alternatives(analyzer: &Analyzer, others: &[String]) -> Vec<Alternative> {
    let of = |text: &String| Alternative {
        text: text.clone(),
        terms: analyzer.query_terms(text),
        weight: WEIGHT,
        source: Source::Synonym,
        place: None,
    };
    others.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Synonyms {
        let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        Synonyms::new(&[
            SynonymRule::TwoWay(own(&["退货", "send back", "RMA"])),
            SynonymRule::OneWay(own(&["手机"]), own(&["iPhone"])),
            SynonymRule::Replacement(own(&["老款音箱", "旧音箱"]), "X100".into()),
        ])
    }

    fn spans(text: &str) -> Vec<(String, Vec<String>)> {
        let analyzer = Analyzer::new();
        let asked = analyzer.analysis(text);
        let found = rules().spans(&analyzer, &asked).into_iter();
        let text = &asked.folded.text;
        found
            .map(|s| {
                let others = s.alternatives.into_iter().map(|a| a.text).collect();
                (text.get(s.range).unwrap_or_default().to_owned(), others)
            })
            .collect()
    }

    #[test]
    fn phrases_are_found_by_their_terms() {
        let of = |text: &str| spans(text).into_iter().map(|(at, _)| at).collect::<Vec<_>>();
        assert_eq!(of("怎么退貨"), ["退货"]);
        assert_eq!(of("how to Sending Back an order"), ["sending back"]);
        assert_eq!(of("send it back"), Vec::<String>::new());
        assert_eq!(of("ＲＭＡ"), ["rma"]);
        assert_eq!(of("手机"), ["手机"]);
        assert_eq!(of("iphone"), Vec::<String>::new());
    }

    #[test]
    fn a_group_gives_the_others() {
        assert_eq!(spans("rma"), [("rma".to_owned(), vec!["退货".to_owned(), "send back".to_owned()])]);
    }

    #[test]
    fn a_replacement_takes_the_place() {
        let analyzer = Analyzer::new();
        assert_eq!(rules().replace(&analyzer, "我的 老款音箱 坏了"), "我的 X100 坏了");
        assert_eq!(rules().replace(&analyzer, "音箱坏了"), "音箱坏了");
    }
}
