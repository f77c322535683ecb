//! How a synchronous use case runs without stopping the event loop: the one bridge.
//!
//! Invariant: at most `permits` calls of a gate run at a time, and its permit lives as long as the call,
//! also when nobody waits for the answer any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::rt::{task, time};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::Problem;
use super::settings::GateSettings;

/// A bounded door in front of blocking work.
pub struct Gate {
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    settings: GateSettings,
    refused: Box<dyn Fn() + Send + Sync>,
}

impl Gate {
    /// A gate; `refused` is called whenever a caller is sent away.
    pub fn new(settings: GateSettings, refused: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(settings.permits)),
            waiting: AtomicUsize::new(0),
            settings,
            refused: Box::new(refused),
        }
    }

    /// Waits for a permit, runs the work on the blocking pool, gives its result.
    ///
    /// # Errors
    /// `busy` when the queue is full or the wait too long; `internal` when the work panicked.
    #[expect(clippy::disallowed_methods, reason = "the one bridge off the event loop")]
    pub async fn run<T, E>(&self, work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, Problem>
    where
        T: Send + 'static,
        E: Into<Problem> + Send + 'static,
    {
        let permit = self.permit().await?;
        let job = task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        match job.await {
            Ok(result) => result.map_err(Into::into),
            Err(failed) => Err(Problem::internal(format!("a use case panicked: {failed}"))),
        }
    }

    /// Waits for a permit, within the bounds of the queue and the wait.
    ///
    /// # Errors
    /// `busy`, with the seconds after which to try again.
    pub async fn permit(&self) -> Result<OwnedSemaphorePermit, Problem> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        let place = Place::take(&self.waiting, self.settings.queue).ok_or_else(|| self.refuse())?;
        let permit = time::timeout(self.settings.wait, Arc::clone(&self.permits).acquire_owned()).await;
        drop(place);
        match permit {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(self.refuse()),
        }
    }

    fn refuse(&self) -> Problem {
        (self.refused)();
        Problem::busy(self.settings.wait.as_secs().max(1))
    }
}

/// A place in the queue; given back when dropped, also by a caller who hangs up.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, queue: usize) -> Option<Self> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let place = Place(waiting);
        (before < queue).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::Code;

    fn gate(permits: usize, queue: usize) -> Gate {
        Gate::new(GateSettings { permits, queue, wait: Duration::from_millis(20) }, || {})
    }

    #[actix_web::test]
    async fn a_full_gate_says_busy_and_when_to_come_back() {
        let gate = gate(1, 0);
        let held = gate.permit().await.unwrap();
        let problem = gate.run(|| Ok::<_, Problem>(1)).await.unwrap_err();
        assert_eq!((problem.code, problem.retry_after_s), (Code::Busy, Some(1)));
        drop(held);
        assert_eq!(gate.run(|| Ok::<_, Problem>(1)).await, Ok(1));
    }

    #[actix_web::test]
    async fn who_waits_too_long_leaves_the_queue() {
        let gate = gate(1, 1);
        let held = gate.permit().await.unwrap();
        assert_eq!(gate.permit().await.unwrap_err().code, Code::Busy);
        assert_eq!(gate.waiting.load(Ordering::Relaxed), 0);
        drop(held);
    }

    #[actix_web::test]
    async fn a_panic_is_an_internal_error_and_frees_the_permit() {
        let gate = gate(1, 0);
        let problem = gate.run(|| -> Result<(), Problem> { panic!("boom") }).await.unwrap_err();
        assert_eq!(problem.code, Code::Internal);
        assert!(gate.permit().await.is_ok());
    }
}
