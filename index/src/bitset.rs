//! Which documents (or rows) are in a set? A plain bitset over `u32`.
//!
//! Invariant: every bit above the largest member is zero or absent, and absent means "not in the set",
//! so sets of different capacity combine without looking at their capacities.

/// A set of document numbers, one bit each.
#[derive(Clone, Debug, Default)]
pub struct DocSet {
    words: Vec<u64>,
}

/// Splits a member into the word it lives in and its bit in that word.
fn place(member: u32) -> (usize, u64) {
    ((member >> 6) as usize, 1 << (member & 63))
}

impl DocSet {
    /// An empty set.
    #[must_use]
    pub const fn new() -> Self {
        Self { words: Vec::new() }
    }

    /// An empty set that holds the members `0..capacity` without growing.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { words: vec![0; capacity.div_ceil(64)] }
    }

    /// The set of all members `0..limit`.
    #[must_use]
    pub fn full(limit: u32) -> Self {
        let mut set = Self::new();
        set.not(limit);
        set
    }

    /// Adds a member; says whether it is new.
    pub fn insert(&mut self, member: u32) -> bool {
        let (word, bit) = place(member);
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words.get_mut(word).is_some_and(|w| {
            let new = *w & bit == 0;
            *w |= bit;
            new
        })
    }

    /// Takes a member out; says whether it was there.
    pub fn remove(&mut self, member: u32) -> bool {
        let (word, bit) = place(member);
        self.words.get_mut(word).is_some_and(|w| {
            let was = *w & bit != 0;
            *w &= !bit;
            was
        })
    }

    /// Whether the member is in the set.
    #[inline]
    #[must_use]
    pub fn contains(&self, member: u32) -> bool {
        let (word, bit) = place(member);
        self.words.get(word).is_some_and(|w| w & bit != 0)
    }

    /// How many members the set has.
    #[must_use]
    pub fn count(&self) -> usize {
        self.words.iter().map(|w| w.count_ones() as usize).sum()
    }

    /// Whether the set has no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|w| *w == 0)
    }

    /// The members, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().zip(0u32..).flat_map(|(&word, index)| Bits(word).map(move |bit| (index << 6) | bit))
    }

    /// Keeps only the members that `other` has too.
    pub fn and(&mut self, other: &Self) {
        self.words.truncate(other.words.len());
        for (mine, theirs) in self.words.iter_mut().zip(&other.words) {
            *mine &= theirs;
        }
    }

    /// Adds every member of `other`.
    pub fn or(&mut self, other: &Self) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (mine, theirs) in self.words.iter_mut().zip(&other.words) {
            *mine |= theirs;
        }
    }

    /// Takes out every member of `other`.
    pub fn and_not(&mut self, other: &Self) {
        for (mine, theirs) in self.words.iter_mut().zip(&other.words) {
            *mine &= !theirs;
        }
    }

    /// Turns the set into its complement within `0..limit`.
    pub fn not(&mut self, limit: u32) {
        let words = (limit as usize).div_ceil(64);
        self.words.resize(words, 0);
        for word in &mut self.words {
            *word = !*word;
        }
        let spare = limit & 63;
        if spare != 0
            && let Some(last) = self.words.last_mut()
        {
            *last &= (1 << spare) - 1;
        }
    }

    /// The bytes the set keeps in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.words.len() * size_of::<u64>()
    }
}

impl PartialEq for DocSet {
    fn eq(&self, other: &Self) -> bool {
        let longest = self.words.len().max(other.words.len());
        (0..longest).all(|i| self.words.get(i).unwrap_or(&0) == other.words.get(i).unwrap_or(&0))
    }
}

impl Eq for DocSet {}

impl Extend<u32> for DocSet {
    fn extend<I: IntoIterator<Item = u32>>(&mut self, members: I) {
        for member in members {
            self.insert(member);
        }
    }
}

impl FromIterator<u32> for DocSet {
    fn from_iter<I: IntoIterator<Item = u32>>(members: I) -> Self {
        let mut set = Self::new();
        set.extend(members);
        set
    }
}

/// The positions of the set bits of one word, ascending.
struct Bits(u64);

impl Iterator for Bits {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros();
        self.0 &= self.0 - 1;
        Some(bit)
    }
}

#[cfg(test)]
mod tests {
    use super::DocSet;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn both(members: &BTreeSet<u32>) -> DocSet {
        members.iter().copied().collect()
    }

    proptest! {
        #[test]
        fn agrees_with_a_plain_set(a in prop::collection::btree_set(0u32..400, 0..60), b in prop::collection::btree_set(0u32..300, 0..60)) {
            let mut set = both(&a);
            prop_assert_eq!(set.iter().collect::<BTreeSet<_>>(), a.clone());
            prop_assert_eq!(set.count(), a.len());
            set.and(&both(&b));
            prop_assert_eq!(&set, &both(&(&a & &b)));
            set = both(&a);
            set.or(&both(&b));
            prop_assert_eq!(&set, &both(&(&a | &b)));
            set = both(&a);
            set.and_not(&both(&b));
            prop_assert_eq!(&set, &both(&(&a - &b)));
            set = both(&a);
            set.not(350);
            prop_assert_eq!(&set, &both(&(0..350).filter(|m| !a.contains(m)).collect()));
        }
    }

    #[test]
    fn insert_and_remove_say_what_changed() {
        let mut set = DocSet::with_capacity(10);
        assert!(set.insert(70));
        assert!(!set.insert(70));
        assert!(set.contains(70) && !set.contains(6) && !set.contains(9_000));
        assert!(set.remove(70));
        assert!(!set.remove(70) && !set.remove(9_000));
        assert!(set.is_empty());
        assert_eq!(DocSet::full(65).count(), 65);
    }
}
