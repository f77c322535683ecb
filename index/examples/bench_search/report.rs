//! How times become figures: medians over repeated runs, percentiles over queries, rows of a table.
//!
//! Invariant: figures are printed, never asserted.

use std::hint::black_box;
use std::time::Instant;

/// Times of many queries, each the median of a few runs, in microseconds, ascending.
pub struct Times(Vec<f64>);

impl Times {
    /// Runs each query once to warm up, then `runs` times in turns.
    pub fn of<R>(queries: usize, runs: usize, mut ask: impl FnMut(usize) -> R) -> Self {
        let mut times = vec![Vec::with_capacity(runs); queries];
        (0..queries).for_each(|at| drop(black_box(ask(at))));
        for _ in 0..runs {
            for (at, own) in times.iter_mut().enumerate() {
                let start = Instant::now();
                let found = black_box(ask(at));
                own.push(start.elapsed().as_secs_f64() * 1e6);
                drop(found);
            }
        }
        let mut medians: Vec<f64> = times
            .into_iter()
            .map(|mut own| {
                own.sort_by(f64::total_cmp);
                own[own.len() / 2]
            })
            .collect();
        medians.sort_by(f64::total_cmp);
        Self(medians)
    }

    pub fn at(&self, share: f64) -> f64 {
        let place = (self.0.len() as f64 * share) as usize;
        self.0.get(place.min(self.0.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
    }

    pub fn mean(&self) -> f64 {
        self.0.iter().sum::<f64>() / self.0.len().max(1) as f64
    }

    pub fn line(&self, name: &str) {
        println!(
            "{name:<44} p50 {:>7.0} µs  p95 {:>7.0}  p99 {:>7.0}  mean {:>7.0}  {:>7.0} queries/s",
            self.at(0.5),
            self.at(0.95),
            self.at(0.99),
            self.mean(),
            1e6 / self.mean()
        );
    }
}

/// A row of the table that `scripts/bench` collects.
pub fn row(what: &str, bar: &str, measured: &str, reached: bool) {
    println!("| {what} | {bar} | {measured} | {} |", if reached { "yes" } else { "no" });
}

/// A figure of `/proc/self/status` in MiB.
pub fn status_mib(key: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with(key));
    line.and_then(|l| l.split_whitespace().nth(1)?.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}
