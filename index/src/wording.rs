//! How much of a question's wording do two sentences hold? Its characters and words, and which of them follow each other.
//!
//! Invariant: needs no dictionary and no index beyond the rarity of the query's terms: a word that the dictionary cuts
//! otherwise in question and passage is still found by its characters, and one that only occurs in other company counts half.

use std::collections::HashMap;

use crate::normalize::folded;
use crate::rewrite::units::{Beginnings, each, units};

/// What a unit says that no term of the query holds.
const UNWEIGHED: f32 = 0.5;

/// The wording of a query.
pub(crate) struct Wording {
    /// Place of each unit.
    places: HashMap<Box<str>, usize>,
    /// Place of each pair of units that follow each other.
    pairs: HashMap<(usize, usize), usize>,
    /// What each unit says, where a term told.
    weights: Vec<Option<f32>>,
    beginnings: Beginnings,
}

impl Wording {
    /// Of a folded query.
    pub fn new(text: &str) -> Self {
        let mut places: HashMap<Box<str>, usize> = HashMap::new();
        let (mut pairs, mut before) = (HashMap::new(), None);
        for (unit, _) in units(text) {
            let next = places.len();
            let place = *places.entry(unit).or_insert(next);
            if let Some(before) = before {
                let next = pairs.len();
                pairs.entry((before, place)).or_insert(next);
            }
            before = Some(place);
        }
        let weights = vec![None; places.len()];
        let mut beginnings = Beginnings::default();
        places.keys().for_each(|unit| beginnings.add(unit));
        Self { places, pairs, weights, beginnings }
    }

    /// Tells what a term of the query says: each of its units says no more than that.
    pub fn weigh(&mut self, term: &str, information: f32) {
        // A word's term is its unit.
        if let Some(place) = self.places.get(term) {
            return self.lower(*place, information);
        }
        for (unit, _) in units(term) {
            if let Some(place) = self.places.get(&unit) {
                self.lower(*place, information);
            }
        }
    }

    fn lower(&mut self, place: usize, information: f32) {
        if let Some(weight) = self.weights.get_mut(place) {
            *weight = Some(weight.map_or(information, |known| known.min(information)));
        }
    }

    fn weight(&self, place: usize) -> f32 {
        self.weights.get(place).copied().flatten().unwrap_or(UNWEIGHED)
    }

    /// The largest share that one of the sentences holds, or two that stand together; none for a query without words.
    pub fn held(&self, sentences: &[&str]) -> Option<f32> {
        let units: Vec<f32> = (0..self.weights.len()).map(|place| self.weight(place)).collect();
        let mut pairs = vec![0.0; self.pairs.len()];
        for ((a, b), at) in &self.pairs {
            pairs.get_mut(*at).into_iter().for_each(|pair| *pair = self.weight(*a) + self.weight(*b));
        }
        let all: f32 = units.iter().sum();
        if all <= 0.0 {
            return None;
        }
        let of_pairs: f32 = pairs.iter().sum();
        let said: Vec<(Vec<bool>, Vec<bool>)> = sentences.iter().map(|text| self.said(text)).collect();
        let mut best: f32 = 0.0;
        for (place, first) in said.iter().enumerate() {
            let second = said.get(place + 1).unwrap_or(first);
            let alone = either(&units, &first.0, &second.0) / all;
            let together = if of_pairs > 0.0 { either(&pairs, &first.1, &second.1) / of_pairs } else { alone };
            best = best.max((alone + together) / 2.0);
        }
        Some(best.min(1.0))
    }

    /// Which units and which pairs a sentence says.
    fn said(&self, text: &str) -> (Vec<bool>, Vec<bool>) {
        let (mut alone, mut together) = (vec![false; self.weights.len()], vec![false; self.pairs.len()]);
        let mut before = None;
        each(
            &folded(text),
            |word| self.beginnings.may_have(word),
            |unit, _| {
                let place = unit.and_then(|unit| self.places.get(unit).copied());
                if let Some(said) = place.and_then(|place| alone.get_mut(place)) {
                    *said = true;
                }
                let pair = before.zip(place).and_then(|pair| self.pairs.get(&pair));
                if let Some(said) = pair.and_then(|pair| together.get_mut(*pair)) {
                    *said = true;
                }
                before = place;
            },
        );
        (alone, together)
    }
}

/// What those say that one of the two holds.
fn either(weights: &[f32], first: &[bool], second: &[bool]) -> f32 {
    weights.iter().zip(first.iter().zip(second)).filter(|(_, (a, b))| **a || **b).map(|(weight, _)| weight).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(query: &str, sentences: &[&str]) -> f32 {
        Wording::new(&folded(query)).held(sentences).unwrap_or(-1.0)
    }

    #[test]
    fn the_same_words_in_order_hold_all_and_in_another_order_less() {
        assert_eq!(held("退货运费谁出", &["退货运费谁出？"]), 1.0);
        let turned = held("退货运费谁出", &["谁出运费退货"]);
        assert!(turned > 0.5 && turned < 1.0, "{turned}");
        assert_eq!(held("return the phone", &["Return the phones!"]), 1.0);
        assert_eq!(held("return the phone", &["苹果"]), 0.0);
        assert_eq!(held("???", &["苹果"]), -1.0);
    }

    #[test]
    fn two_sentences_that_stand_together_count_as_one() {
        let apart = held("red apples green pears", &["red apples", "and so on", "green pears"]);
        let together = held("red apples green pears", &["and so on", "red apples", "green pears"]);
        assert!(together > apart, "{together} > {apart}");
    }

    #[test]
    fn what_is_rare_counts_more() {
        let mut wording = Wording::new("the zebra");
        wording.weigh("the", 0.1);
        wording.weigh("zebra", 5.0);
        let of = |text: &str| wording.held(&[text]).unwrap_or(-1.0);
        assert!(of("zebra") > of("the"));
        // A character is worth what the commonest term says that holds it.
        let mut wording = Wording::new("退货");
        wording.weigh("退货", 3.0);
        wording.weigh("货", 1.0);
        assert_eq!(wording.weight(1), 1.0);
    }
}
