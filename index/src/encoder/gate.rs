//! How many forwards run at once? As many as there are permits; questions go before passages, and a full queue is told.
//!
//! Invariant: never more passes are out than permits; one that is dropped is given back, also by a panic.

use parking_lot::{Condvar, Mutex};

/// What a pass is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// Somebody waits for it.
    Now,
    /// The index can wait.
    Later,
}

#[derive(Default)]
struct State {
    running: usize,
    urgent: usize,
    patient: usize,
}

/// Permits, and who waits for one.
pub(crate) struct Gate {
    permits: usize,
    queue: usize,
    state: Mutex<State>,
    freed: Condvar,
}

/// The right to run a forward.
pub(crate) struct Pass<'a>(&'a Gate);

impl Gate {
    pub fn new(permits: usize, queue: usize) -> Self {
        Self { permits: permits.max(1), queue, state: Mutex::default(), freed: Condvar::new() }
    }

    pub fn permits(&self) -> usize {
        self.permits
    }

    /// Waits for a pass; none where the queue is full.
    pub fn enter(&self, urgency: Urgency) -> Option<Pass<'_>> {
        let mut state = self.state.lock();
        let must_wait =
            |state: &State| state.running >= self.permits || (urgency == Urgency::Later && state.urgent > 0);
        if must_wait(&state) {
            if state.urgent + state.patient >= self.queue {
                return None;
            }
            *waiting(&mut state, urgency) += 1;
            loop {
                self.freed.wait(&mut state);
                // Who waits urgently is not in its own way.
                if !must_wait(&state) {
                    break;
                }
            }
            *waiting(&mut state, urgency) -= 1;
        }
        state.running += 1;
        Some(Pass(self))
    }
}

fn waiting(state: &mut State, urgency: Urgency) -> &mut usize {
    match urgency {
        Urgency::Now => &mut state.urgent,
        Urgency::Later => &mut state.patient,
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.0.state.lock().running -= 1;
        self.0.freed.notify_all();
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn never_more_run_than_there_are_permits() {
        let gate = Gate::new(2, 100);
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for n in 0..12 {
                let (gate, now, most) = (&gate, &now, &most);
                scope.spawn(move || {
                    let urgency = if n % 2 == 0 { Urgency::Now } else { Urgency::Later };
                    let _pass = gate.enter(urgency).unwrap();
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(2));
                    now.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        assert_eq!((now.load(Ordering::SeqCst), most.load(Ordering::SeqCst)), (0, 2));
    }

    #[test]
    fn a_full_queue_is_told_at_once() {
        let gate = Gate::new(1, 0);
        let held = gate.enter(Urgency::Later);
        assert!(held.is_some());
        assert!(gate.enter(Urgency::Now).is_none());
        drop(held);
        assert!(gate.enter(Urgency::Now).is_some());
    }
}
