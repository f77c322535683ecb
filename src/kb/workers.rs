//! What goes on beside the requests: time, the index, the query log, the vectors' graph.
//!
//! Invariant: every worker can be killed at any moment; what it had not finished is found again in the store.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Kb;
use super::interactions::Passed;
use super::records::Waiting;
use super::shelf::Shelf;
use crate::error::{Error, Result};
use crate::id::SpaceId;

/// Longest time until a due publication or expiry is noticed.
const TICK: Duration = Duration::from_millis(200);
/// Time between two looks at the vectors' graphs.
const MAINTENANCE: Duration = Duration::from_secs(2);
/// Time between two replays of all gaps that have an article.
const NIGHT: Duration = Duration::from_secs(24 * 3600);
/// Time between two removals of old idempotency rows.
const SWEEP: Duration = Duration::from_secs(600);
/// Time between two looks for what raises an alert.
const ALERTS: Duration = Duration::from_secs(5);
/// A wait after a failure, so that a broken disk does not fill the log.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

impl Kb {
    /// Starts the workers; they end when [`Kb::close`] says so.
    pub(crate) fn start_workers(&self, records: Receiver<Waiting>) -> Result<Vec<JoinHandle<()>>> {
        let interval = self.inner.settings.query_log_interval;
        let indexing = self.clone();
        let graphs = self.clone();
        let vectors = self.clone();
        let log = self.clone();
        let replays = self.clone();
        let questions = self.clone();
        let alerts = self.clone();
        let letters = self.clone();
        let groups = self.clone();
        Ok(vec![
            spawn("index", again("index", move || indexing.index_until_stopped()))?,
            spawn("graph", again("graph", move || graphs.maintain_until_stopped()))?,
            spawn("vectors", again("vectors", move || vectors.embed_until_stopped()))?,
            spawn("replay", again("replay", move || replays.replay_until_stopped()))?,
            spawn("groups", again("groups", move || groups.group_until_stopped()))?,
            spawn("questions", again("questions", move || questions.search_until_stopped()))?,
            spawn("alerts", again("alerts", move || alerts.raise_until_stopped()))?,
            spawn("letters", again("letters", move || letters.deliver_until_stopped()))?,
            spawn("query-log", again("query-log", move || log.write_records(&records, interval)))?,
        ])
    }

    /// Tells the index worker that something is dirty.
    pub(crate) fn wake_indexer(&self) {
        let mut woken = self.inner.wake.0.lock();
        *woken = true;
        self.inner.wake.1.notify_one();
    }

    pub(crate) fn stopping(&self) -> bool {
        self.inner.stop.load(Ordering::Acquire)
    }

    #[expect(clippy::disallowed_methods, reason = "a worker is an edge: it tells the time to what it calls")]
    fn index_until_stopped(&self) {
        let mut swept = Instant::now();
        while !self.stopping() {
            let result = self.tick(Timestamp::now()).and_then(|_| self.sync_indexes());
            if let Err(error) = result {
                tracing::error!(%error, "the index could not follow the store; it is tried again");
                std::thread::sleep(AFTER_FAILURE);
            }
            if swept.elapsed() > SWEEP {
                swept = Instant::now();
                if let Err(error) = self.forget_lately(Timestamp::now()) {
                    tracing::warn!(%error, "what sessions asked long ago could not be removed");
                }
                if let Err(error) = self.forget_idempotent(Timestamp::now()) {
                    tracing::warn!(%error, "old idempotency rows could not be removed");
                }
            }
            let mut woken = self.inner.wake.0.lock();
            if !*woken {
                self.inner.wake.1.wait_for(&mut woken, TICK);
            }
            *woken = false;
        }
    }

    /// Asks gaps' questions again: soon after their article was published, and all of them once a day.
    #[expect(clippy::disallowed_methods, reason = "a worker is an edge: it tells the time to what it calls")]
    fn replay_until_stopped(&self) {
        let (mut night, mut seen) = (Instant::now(), 0);
        while !self.stopping() {
            let indexed = self.inner.indexed.load(Ordering::Acquire);
            let due = night.elapsed() > NIGHT;
            if due || indexed != seen {
                match self.replay_everywhere(due, Timestamp::now()) {
                    Ok(()) => seen = indexed,
                    Err(error) => tracing::warn!(%error, "gaps could not be replayed; it is tried again"),
                }
                if due {
                    night = Instant::now();
                }
            }
            std::thread::sleep(TICK);
        }
    }

    /// Groups what was asked and not answered, and finds why; looks at all of it once a day.
    #[expect(clippy::disallowed_methods, reason = "a worker is an edge: it tells the time to what it calls")]
    fn group_until_stopped(&self) {
        let mut night = Instant::now();
        while !self.stopping() {
            match self.group_news(Timestamp::now()) {
                Ok(true) => {}
                Ok(false) => std::thread::sleep(TICK),
                Err(error) => {
                    tracing::warn!(%error, "gaps could not be grouped; it is tried again");
                    std::thread::sleep(AFTER_FAILURE);
                }
            }
            if night.elapsed() > NIGHT {
                night = Instant::now();
                if let Err(error) = self.consolidate_everywhere(Timestamp::now()) {
                    tracing::warn!(%error, "gaps could not be consolidated");
                }
            }
        }
    }

    /// Brings every index up to the store, once. Tests call it to drain what is dirty.
    ///
    /// # Errors
    /// [`Error::Index`] and [`Error::Store`].
    pub fn sync_indexes(&self) -> Result<()> {
        let shelves: Vec<Arc<Shelf>> = self.inner.shelves.read().values().cloned().collect();
        let most = self.inner.settings.index_batch;
        for shelf in shelves {
            shelf.pass_begins();
            loop {
                let applied = shelf.catch_up(&self.inner.store, most)?;
                self.inner.indexed.fetch_add(applied as u64, Ordering::Release);
                if applied < most {
                    break;
                }
                if self.stopping() {
                    return Ok(());
                }
            }
            shelf.pass_ends();
        }
        Ok(())
    }

    /// Searches the questions of conversations that were handed in.
    #[expect(clippy::disallowed_methods, reason = "a worker is an edge: it tells the time to what it calls")]
    fn search_until_stopped(&self) {
        let mut passed = Passed::default();
        while !self.stopping() {
            match self.search_pending(&mut passed, Timestamp::now()) {
                Ok(true) => {}
                Ok(false) => std::thread::sleep(TICK),
                Err(error) => {
                    tracing::error!(%error, "questions of conversations could not be counted; it is tried again");
                    std::thread::sleep(AFTER_FAILURE);
                }
            }
        }
    }

    /// Looks for what raises an alert.
    #[expect(clippy::disallowed_methods, reason = "a worker is an edge: it tells the time to what it calls")]
    fn raise_until_stopped(&self) {
        while !self.stopping() {
            if let Err(error) = self.raise_alerts(Timestamp::now()) {
                tracing::warn!(%error, "alerts could not be looked for; it is tried again");
            }
            let until = Instant::now() + ALERTS;
            while !self.stopping() && Instant::now() < until {
                std::thread::sleep(TICK);
            }
        }
    }

    /// Sends alerts to those who are to be told.
    #[expect(clippy::disallowed_methods, reason = "a worker is an edge: it tells the time to what it calls")]
    fn deliver_until_stopped(&self) {
        while !self.stopping() {
            match self.deliver_alerts(Timestamp::now()) {
                Ok(true) => {}
                Ok(false) => std::thread::sleep(TICK),
                Err(error) => {
                    tracing::warn!(%error, "alerts could not be delivered; it is tried again");
                    std::thread::sleep(AFTER_FAILURE);
                }
            }
        }
    }

    fn maintain_until_stopped(&self) {
        while !self.stopping() {
            let shelves: Vec<Arc<Shelf>> = self.inner.shelves.read().values().cloned().collect();
            for shelf in shelves {
                match shelf.index().maintain() {
                    Ok(Some(done)) => tracing::info!(done, "the vectors' graph was maintained"),
                    Ok(None) => {}
                    Err(error) => tracing::warn!(%error, "the vectors' graph could not be maintained"),
                }
            }
            let until = Instant::now() + MAINTENANCE;
            while !self.stopping() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }

    /// Gives passages their vectors that were indexed without.
    fn embed_until_stopped(&self) {
        while !self.stopping() {
            let shelves: Vec<Arc<Shelf>> = self.inner.shelves.read().values().cloned().collect();
            let mut busy = false;
            for shelf in shelves {
                match shelf.embed_some(&self.inner.store, &self.inner.stop) {
                    Ok(more) => busy |= more,
                    Err(error) => {
                        tracing::warn!(%error, "passages could not be given their vectors; it is tried again")
                    }
                }
            }
            if !busy {
                std::thread::sleep(TICK / 2);
            }
        }
    }

    /// Starts a worker that ends by itself; a shutdown waits for it.
    pub(crate) fn start_worker(&self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<()> {
        let thread = spawn(name, work)?;
        let mut workers = self.inner.workers.lock();
        workers.retain(|worker| !worker.is_finished());
        workers.push(thread);
        Ok(())
    }

    /// Builds a space's index anew, beside the one that serves, with the model it is to have then.
    pub(crate) fn rebuild_in_background(&self, space: &SpaceId) -> Result<()> {
        let shelf = self.shelf(space)?;
        // Two at once would build in the same folder: the one that runs begins again.
        if !shelf.wants_rebuild() {
            return Ok(());
        }
        let (kb, space, claimed) = (self.clone(), space.clone(), Arc::clone(&shelf));
        let spawned = self.start_worker("rebuild", move || {
            loop {
                let inner = &kb.inner;
                let started = Instant::now();
                let asked = kb.asked_model(&space);
                let built = shelf.rebuild(&inner.store, &inner.models, asked, inner.settings.index_batch, &inner.stop);
                let elapsed_ms = started.elapsed().as_millis() as u64;
                match built {
                    Ok(true) => {
                        tracing::info!(%space, model = %shelf.model().name, elapsed_ms, "the index was rebuilt");
                        kb.forget_vectors();
                    }
                    Ok(false) => {}
                    Err(error) => {
                        tracing::error!(%space, %error, "the index could not be rebuilt; the old one serves on")
                    }
                }
                if !shelf.rebuilt() || kb.stopping() {
                    return;
                }
            }
        });
        spawned.inspect_err(|_| {
            claimed.rebuilt();
        })
    }
}

/// A worker that begins again after a panic: one bad article must not end indexing for all of them.
fn again(name: &'static str, work: impl Fn() + Send + 'static) -> impl FnOnce() + Send + 'static {
    move || {
        while catch_unwind(AssertUnwindSafe(&work)).is_err() {
            tracing::error!(worker = name, "a worker panicked; it begins again");
            std::thread::sleep(AFTER_FAILURE);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that starts worker threads")]
fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(|e| Error::Index(format!("a worker thread could not be started: {e}")))
}

#[cfg(test)]
#[expect(clippy::panic, reason = "what is tested is a panic")]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn a_worker_that_panics_begins_again() {
        let begun = Arc::new(AtomicUsize::new(0));
        let seen = begun.clone();
        again("test", move || {
            if seen.fetch_add(1, Ordering::Relaxed) == 0 {
                panic!("the first time");
            }
        })();
        assert_eq!(begun.load(Ordering::Relaxed), 2);
    }
}
