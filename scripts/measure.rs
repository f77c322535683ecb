//! What do the benchmarks of the store's figures share? Numbers without a pattern, the median of a call, memory.
//!
//! Invariant: the same seed gives the same numbers at every run.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Calls of which the median is given.
const CALLS: usize = 11;

/// Numbers without a pattern.
pub struct Random(pub u64);

impl Random {
    /// A number in [0, 1).
    pub fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The median time of a call, in milliseconds.
pub fn timed(mut call: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let began = Instant::now();
        call()?;
        times.push(ms(began.elapsed()));
    }
    times.sort_by(f64::total_cmp);
    times.get(CALLS / 2).copied().context("no call was timed")
}

/// A time in milliseconds.
pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Memory of this process, in MB.
pub fn rss() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes / 1e3)
}
