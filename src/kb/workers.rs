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
/// Time between two looks at whether that is due.
const AFTER_NIGHT: Duration = Duration::from_secs(60);
/// Name of the store's state that holds when everything was asked again last.
const LAST_NIGHT: &str = "replayed";
/// Time between two looks for what was kept long enough.
const TIDYING: Duration = Duration::from_secs(3600);
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
        let tidying = self.clone();
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
            spawn("tidy", again("tidy", move || tidying.tidy_until_stopped()))?,
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

    /// Asks gaps' questions again: soon after their article was published, or they took other questions; and all of them, with the golden queries, once
    /// a day, whenever the process was started.
    #[expect(clippy::disallowed_methods, reason = "a worker is an edge: it tells the time to what it calls")]
    fn replay_until_stopped(&self) {
        let (mut seen, mut rested) = ((0, 0), None::<Instant>);
        while !self.stopping() {
            let (now, indexed) = (Timestamp::now(), self.inner.indexed.load(Ordering::Acquire));
            let indexed = (indexed, self.inner.unproven.load(Ordering::Acquire));
            let rests = rested.is_some_and(|since| since.elapsed() < AFTER_NIGHT);
            let due = !rests && self.is_night_due(now).unwrap_or(false);
            if due || indexed != seen {
                // A night that the end of the process cut off is not over.
                let over = || if due && !self.stopping() { self.night_is_over(now) } else { Ok(()) };
                match self.replay_everywhere(due, now).and_then(|()| over()) {
                    Ok(()) => seen = indexed,
                    Err(error) => tracing::warn!(%error, "gaps could not be replayed; it is tried again"),
                }
            }
            if due || rested.is_none() {
                rested = Some(Instant::now());
            }
            std::thread::sleep(TICK);
        }
    }

    /// Whether a day has passed since everything was asked again; counting begins with the first look.
    fn is_night_due(&self, now: Timestamp) -> Result<bool> {
        let last = self.inner.store.state(LAST_NIGHT)?;
        let last = last.as_ref().and_then(|at| at.as_str()).and_then(|at| at.parse::<Timestamp>().ok());
        match last {
            // While an index is being filled, nothing can be asked.
            Some(last) => Ok(now.duration_since(last).unsigned_abs() >= NIGHT && self.not_ready().is_empty()),
            None => self.night_is_over(now).map(|()| false),
        }
    }

    fn night_is_over(&self, now: Timestamp) -> Result<()> {
        let mut batch = self.inner.store.batch();
        batch.put_state(LAST_NIGHT, &serde_json::Value::from(now.to_string()));
        self.inner.store.commit(batch).map(drop)
    }

    /// Groups what was asked and not answered, and finds why; looks at all of it once a day.
    #[expect(clippy::disallowed_methods, reason = "a worker is an edge: it tells the time to what it calls")]
    fn group_until_stopped(&self) {
        let mut night = Instant::now();
        if let Err(error) = self.remember_news() {
            tracing::warn!(%error, "what was asked before the last stop could not be looked for; the nightly look finds it");
        }
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

    /// Finishes what a stop cut off, and removes what was kept long enough.
    #[expect(clippy::disallowed_methods, reason = "a worker is an edge: it tells the time to what it calls")]
    fn tidy_until_stopped(&self) {
        let (mut finished, mut tidied) = (false, None::<Instant>);
        while !self.stopping() {
            let now = Timestamp::now();
            if !finished {
                match self.finish_erasures(now) {
                    Ok(_) => finished = true,
                    Err(error) => tracing::error!(%error, "an erasure could not be finished; it is tried again"),
                }
            }
            if tidied.is_none_or(|since| since.elapsed() > TIDYING) {
                tidied = Some(Instant::now());
                if let Err(error) = self.retain(now) {
                    tracing::warn!(%error, "what was kept long enough could not be removed; it is tried again");
                }
            }
            std::thread::sleep(TICK);
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
#[expect(clippy::panic, clippy::expect_used, reason = "tests fail by panicking, and one tests a panic")]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn a_night_is_due_a_day_after_the_last_one_whenever_the_process_was_started() {
        let dir = tempfile::tempdir().expect("a folder");
        let settings = crate::kb::KbSettings {
            data_dir: dir.path().to_owned(),
            store_cache_bytes: 1 << 20,
            index_batch: 10,
            query_log_interval: Duration::from_millis(50),
            admin_secret: None,
        };
        let opened: Timestamp = "2026-05-01T08:00:00Z".parse().expect("a time");
        let open = || Kb::open(settings.clone(), opened).expect("it opens").0;
        let kb = open();
        // The worker of a new directory takes its own now for the last night, once; what follows is reckoned from there, so
        // that it sees no night of its own.
        let begun = Instant::now();
        let last = || kb.inner.store.state(LAST_NIGHT).expect("it is read");
        while last().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(30), "the worker did not begin");
            std::thread::sleep(Duration::from_millis(10));
        }
        let start: Timestamp = last().and_then(|at| at.as_str()?.parse().ok()).expect("a time");
        let after = |hours| start + jiff::SignedDuration::from_hours(hours);
        assert!(!kb.is_night_due(after(23)).expect("it is read"));
        kb.close();
        drop(kb);
        let kb = open();
        assert!(kb.is_night_due(after(24)).expect("it is read"));
        kb.night_is_over(after(24)).expect("it is kept");
        assert!(!kb.is_night_due(after(47)).expect("it is read"));
        kb.close();
    }

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
