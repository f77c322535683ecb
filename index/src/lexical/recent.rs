//! What was asked for lately? A bounded memory of two generations.
//!
//! Invariant: it never weighs more than twice its limit, and what was asked for since the last change of generation is
//! still there.

use std::collections::HashMap;

/// Values by text; what is not asked for again goes.
pub(super) struct Recent<V> {
    young: HashMap<Box<str>, V>,
    old: HashMap<Box<str>, V>,
    weight: usize,
    limit: usize,
}

impl<V: Clone> Recent<V> {
    /// Remembers what weighs `limit` in all, and as much of what was there before.
    pub fn new(limit: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), weight: 0, limit }
    }

    /// The value of a text; `weigh` says what it weighs.
    pub fn get(&mut self, text: &str, weigh: impl Fn(&V) -> usize) -> Option<V> {
        if let Some(value) = self.young.get(text) {
            return Some(value.clone());
        }
        let (text, value) = self.old.remove_entry(text)?;
        let weight = weigh(&value);
        self.insert(text, value.clone(), weight);
        Some(value)
    }

    pub fn insert(&mut self, text: Box<str>, value: V, weight: usize) {
        if self.weight + weight > self.limit {
            self.old = std::mem::take(&mut self.young);
            self.weight = 0;
        }
        self.weight += weight;
        self.young.insert(text, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let mut recent = Recent::new(4);
        for n in 0..100 {
            recent.insert(n.to_string().into(), n, 1);
            assert_eq!(recent.get("0", |_| 1), Some(0));
            assert!(recent.young.len() + recent.old.len() <= 8);
        }
        assert_eq!(recent.get("99", |_| 1), Some(99));
        assert_eq!(recent.get("50", |_| 1), None);
    }
}
