//! Shall an endpoint that has failed be asked again? Not for a while, then once, then as before.
//!
//! Invariant: while it is open nothing is sent; while it is half open, one request at a time.
//!
//! Source: Nygard, "Release It!" (2007), the circuit breaker.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Failures in a row after which nothing is sent for a while.
const FAILURES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct State {
    failures: u32,
    open_until: Option<Instant>,
    pause: Duration,
    trying: bool,
}

/// Remembers how an endpoint did.
#[derive(Debug)]
pub(super) struct Breaker(Mutex<State>);

impl Breaker {
    pub fn new() -> Self {
        Self(Mutex::new(State { failures: 0, open_until: None, pause: FIRST_PAUSE, trying: false }))
    }

    /// Whether a request may be sent now; else how long to wait.
    pub fn ask(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.0.lock();
        let Some(until) = state.open_until else { return Ok(()) };
        if now < until {
            return Err(until - now);
        }
        if state.trying {
            return Err(FIRST_PAUSE);
        }
        state.trying = true;
        Ok(())
    }

    pub fn succeeded(&self) {
        *self.0.lock() = State { failures: 0, open_until: None, pause: FIRST_PAUSE, trying: false };
    }

    /// `wait` is what the endpoint asked for itself.
    pub fn failed(&self, now: Instant, wait: Option<Duration>) {
        let mut state = self.0.lock();
        state.failures += 1;
        let half_open = state.trying;
        state.trying = false;
        if half_open || state.failures >= FAILURES {
            let pause = state.pause.max(wait.unwrap_or_default()).min(LONGEST_PAUSE);
            state.open_until = Some(now + pause);
            state.pause = (state.pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The endpoint answered, and refused this input: it works.
    pub fn refused(&self) {
        self.succeeded();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_tries_once_and_closes() {
        let (breaker, start) = (Breaker::new(), Instant::now());
        for _ in 0..FAILURES {
            assert_eq!(breaker.ask(start), Ok(()));
            breaker.failed(start, None);
        }
        assert_eq!(breaker.ask(start), Err(FIRST_PAUSE));
        let later = start + FIRST_PAUSE;
        assert_eq!(breaker.ask(later), Ok(()), "half open: one may try");
        assert!(breaker.ask(later).is_err(), "and no other");
        breaker.failed(later, None);
        assert_eq!(breaker.ask(later), Err(FIRST_PAUSE * 2), "a failed try waits twice as long");
        let last = later + FIRST_PAUSE * 2;
        assert_eq!(breaker.ask(last), Ok(()));
        breaker.succeeded();
        assert_eq!((breaker.ask(last), breaker.ask(last)), (Ok(()), Ok(())));
    }

    #[test]
    fn what_the_endpoint_asks_for_is_heeded_within_bounds() {
        let (breaker, start) = (Breaker::new(), Instant::now());
        for _ in 0..FAILURES {
            breaker.failed(start, Some(Duration::from_secs(30)));
        }
        assert_eq!(breaker.ask(start), Err(Duration::from_secs(30)));
        assert!(breaker.ask(start + Duration::from_secs(30)).is_ok());
        breaker.failed(start, Some(Duration::from_secs(99_999)));
        assert_eq!(breaker.ask(start), Err(LONGEST_PAUSE));
    }
}
