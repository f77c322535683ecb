//! How times become figures: medians over repeated runs, percentiles over queries, rows of a table.
//!
//! Invariant: figures are printed, never asserted.

use std::hint::black_box;
use std::time::Instant;

/// Times of many queries, each the median of a few runs, in microseconds, ascending.
pub struct Times {
    times: Vec<f64>,
    /// The same of the first time that each query was asked.
    first: Vec<f64>,
    /// Mean time that the processor spent on one, where the system tells.
    processor: f64,
}

impl Times {
    /// Runs each query once, which is told apart, then `runs` times in turns.
    pub fn of<R>(queries: usize, runs: usize, mut ask: impl FnMut(usize) -> R) -> Self {
        let mut times = vec![Vec::with_capacity(runs); queries];
        let mut time = |at: usize| {
            let start = Instant::now();
            let found = black_box(ask(at));
            let time = start.elapsed().as_secs_f64() * 1e6;
            drop(found);
            time
        };
        let mut first: Vec<f64> = (0..queries).map(&mut time).collect();
        first.sort_by(f64::total_cmp);
        let before = processor();
        for _ in 0..runs {
            for (at, own) in times.iter_mut().enumerate() {
                own.push(time(at));
            }
        }
        let processor = (processor() - before) / (queries * runs).max(1) as f64;
        let mut medians: Vec<f64> = times
            .into_iter()
            .map(|mut own| {
                own.sort_by(f64::total_cmp);
                own[own.len() / 2]
            })
            .collect();
        medians.sort_by(f64::total_cmp);
        Self { times: medians, first, processor }
    }

    pub fn at(&self, share: f64) -> f64 {
        at(&self.times, share)
    }

    pub fn mean(&self) -> f64 {
        mean(&self.times)
    }

    /// What each query took when it was asked for the first time, and what the processor spent on it later.
    pub fn first_line(&self, name: &str) {
        println!(
            "{name:<44} p50 {:>7.0} µs  p95 {:>7.0}  p99 {:>7.0}  mean {:>7.0}; later {:.0} µs of the processor each",
            at(&self.first, 0.5),
            at(&self.first, 0.95),
            at(&self.first, 0.99),
            mean(&self.first),
            self.processor,
        );
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

fn at(ascending: &[f64], share: f64) -> f64 {
    let place = (ascending.len() as f64 * share) as usize;
    ascending.get(place.min(ascending.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

fn mean(times: &[f64]) -> f64 {
    times.iter().sum::<f64>() / times.len().max(1) as f64
}

/// Microseconds that the processor spent on this thread, to a few milliseconds.
fn processor() -> f64 {
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    spent.split_whitespace().next().and_then(|nanoseconds| nanoseconds.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1e3
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
