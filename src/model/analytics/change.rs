//! Does something rise or fall, or is it chance?
//!
//! Invariant: what is compared are shares of all that was asked, so that a busy month alone makes nothing rise.

use schemars::JsonSchema;
use serde::Serialize;

/// Standard errors from which a difference of shares is no longer taken for chance: one case in a hundred.
const BEYOND_CHANCE: f64 = 2.576;

/// Where something goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Its share of what is asked grows.
    Rising,
    /// Its share shrinks.
    Falling,
    /// Neither, or it cannot be told from chance.
    Steady,
    /// Nothing at all was asked in the period before.
    Unknown,
}

/// By how many standard errors the share `now` of `all_now` differs from `before` of `all_before`, and what that says.
///
/// The test of two proportions with a pooled variance; with the few counts that a new question has it is cautious.
pub fn change(now: u64, all_now: u64, before: u64, all_before: u64) -> (f64, Direction) {
    if all_now == 0 || all_before == 0 {
        return (0.0, Direction::Unknown);
    }
    let (n, m) = (all_now as f64, all_before as f64);
    let pooled = (now + before) as f64 / (n + m);
    let error = (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)).max(0.0).sqrt();
    if error == 0.0 {
        return (0.0, Direction::Steady);
    }
    let z = (now as f64 / n - before as f64 / m) / error;
    let direction = match z {
        z if z >= BEYOND_CHANCE => Direction::Rising,
        z if z <= -BEYOND_CHANCE => Direction::Falling,
        _ => Direction::Steady,
    };
    (z, direction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_told_from_change() {
        assert_eq!(change(30, 1_000, 3, 1_000).1, Direction::Rising);
        assert_eq!(change(3, 1_000, 30, 1_000).1, Direction::Falling);
        assert_eq!(change(2, 1_000, 1, 1_000).1, Direction::Steady, "one more is chance");
        assert_eq!(change(60, 2_000, 30, 1_000).1, Direction::Steady, "all of it doubled");
        assert_eq!(change(5, 100, 0, 0).1, Direction::Unknown);
        assert_eq!(change(100, 100, 100, 100), (0.0, Direction::Steady));
    }
}
