//! Where do the scores of a window of passages add up?
//!
//! Invariant: a slot that nothing was added to is never given, and what was taken out is empty again.

/// Passages scored together: their sums fit the first-level cache.
pub(super) const WINDOW: u32 = 4_096;
/// The sums of one window, and those of a concept and of one reading of it on their way there.
pub(super) struct Windows {
    pub sums: Vec<f32>,
    pub concept: Sums,
    pub reading: Sums,
    /// Empty sums, for concepts that need their own.
    pub spare: Vec<Sums>,
}

impl Windows {
    /// Room for concepts is made only where there are any.
    pub fn new(concepts: bool) -> Self {
        let more = || Sums::new(if concepts { WINDOW as usize } else { 0 });
        Self { sums: vec![UNTOUCHED; WINDOW as usize], concept: more(), reading: more(), spare: Vec::new() }
    }
}

/// The sum of a passage that nothing was added to: whatever is added makes another zero of it, or more.
pub(super) const UNTOUCHED: f32 = -0.0;

pub(super) fn is_touched(sum: f32) -> bool {
    sum.to_bits() != UNTOUCHED.to_bits()
}

/// Sums of few passages of a window, with a bit for each that has one.
pub(super) struct Sums {
    pub scores: Vec<f32>,
    touched: Vec<u64>,
}

impl Sums {
    pub fn new(size: usize) -> Self {
        Self { scores: vec![0.0; size], touched: vec![0; size / 64] }
    }

    #[inline]
    pub fn change(&mut self, slot: u32, with: impl Fn(f32) -> f32) {
        let slot = slot as usize;
        if let (Some(sum), Some(word)) = (self.scores.get_mut(slot), self.touched.get_mut(slot >> 6)) {
            *sum = with(*sum);
            *word |= 1 << (slot & 63);
        }
    }

    /// Gives every touched slot with its sum, in order.
    pub fn each(&self, mut with: impl FnMut(u32, f32)) {
        for (word, base) in self.touched.iter().zip((0u32..).step_by(64)) {
            for slot in slots(*word, base) {
                with(slot, self.scores.get(slot as usize).copied().unwrap_or(0.0));
            }
        }
    }

    /// The same, and clears them.
    pub fn take(&mut self, mut with: impl FnMut(u32, f32)) {
        for (word, base) in self.touched.iter_mut().zip((0u32..).step_by(64)) {
            for slot in slots(std::mem::take(word), base) {
                let sum = self.scores.get_mut(slot as usize).map(std::mem::take);
                with(slot, sum.unwrap_or(0.0));
            }
        }
    }
}

/// The slots whose bits are set.
pub(super) fn slots(mut word: u64, base: u32) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let slot = (word != 0).then(|| base + word.trailing_zeros());
        word &= word.wrapping_sub(1);
        slot
    })
}
