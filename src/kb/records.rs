//! What was asked, kept for later: records of searches and answers, and gaps for what nothing answered.
//!
//! Invariant: text is masked before it leaves the caller's thread; nothing here ever waits on the disk in front of a
//! caller. A record is on disk within the interval of the settings, or lost with at most that much of the log.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use super::Kb;
use crate::error::Result;
use crate::id::{GapId, SpaceId};
use crate::model::gap::NearArticle;
use crate::model::mask::mask;
use crate::model::query::QueryRecord;
use crate::model::search::Hit;

/// Records that may wait for the disk; more are counted and dropped, so that a slow disk cannot stop searches.
const WAITING: usize = 50_000;
/// Records written as one batch.
const BATCH: usize = 2_000;

/// A record on its way to the store.
pub(crate) struct Waiting {
    record: QueryRecord,
    nearest: Vec<NearArticle>,
}

/// The near end of the query log.
pub(crate) struct QueryLog {
    sender: SyncSender<Waiting>,
    dropped: AtomicU64,
}

impl QueryLog {
    pub fn new() -> (Self, Receiver<Waiting>) {
        let (sender, receiver) = sync_channel(WAITING);
        (Self { sender, dropped: AtomicU64::new(0) }, receiver)
    }

    /// Records that were dropped because too many waited.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// The form that gathers the wordings of a question: folded, words and digits only.
pub(crate) fn form(query: &str) -> String {
    let folded = zhiyin_index::normalize::folded(query);
    let words: Vec<&str> = folded.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
    words.join(" ")
}

/// The gap a question of this form belongs to: found without a look into the store.
pub(crate) fn gap_of(space: &SpaceId, form: &str) -> GapId {
    GapId::of(space, form)
}

impl Kb {
    /// Masks a record, files it under a gap where nothing matched, and queues it. Gives the gap.
    pub(crate) fn keep_record(&self, mut record: QueryRecord, hits: &[Hit]) -> Option<GapId> {
        record.query = mask(&record.query);
        record.channel = record.channel.map(|text| mask(&text));
        record.conversation_id = record.conversation_id.map(|text| mask(&text));
        // A search that lacked a part of the engine proves nothing about the knowledge.
        if !record.matched && !record.degraded {
            let form = form(&record.query);
            if !form.is_empty() {
                record.gap_id = Some(gap_of(&record.space, &form));
            }
        }
        let gap = record.gap_id.clone();
        let near =
            |hit: &Hit| NearArticle { article_id: hit.article_id.clone(), title: hit.title.clone(), score: hit.score };
        let nearest = if gap.is_some() { hits.iter().take(3).map(near).collect() } else { Vec::new() };
        let log = &self.inner.log;
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
            log.sender.try_send(Waiting { record, nearest })
        {
            log.dropped.fetch_add(1, Ordering::Relaxed);
        }
        gap
    }

    /// Writes what waits, batch by batch, until the senders are gone or the server stops.
    pub(crate) fn write_records(&self, receiver: &Receiver<Waiting>, interval: Duration) {
        loop {
            let stopping = self.stopping();
            let (batch, open) = gather(receiver, if stopping { Duration::ZERO } else { interval });
            if !batch.is_empty() {
                if let Err(error) = self.write_batch(batch) {
                    tracing::error!(%error, "query records were lost");
                }
            } else if stopping || !open {
                return;
            }
        }
    }

    fn write_batch(&self, waiting: Vec<Waiting>) -> Result<()> {
        let store = &self.inner.store;
        let mut batch = store.batch();
        let mut gaps = std::collections::BTreeMap::new();
        for Waiting { record, nearest } in waiting {
            if let Some(id) = &record.gap_id {
                self.count_in_gap(&mut gaps, id, &record, nearest)?;
            }
            batch.put_query(&record);
        }
        for gap in gaps.values() {
            batch.put_gap(gap);
        }
        let ticket = store.commit(batch)?;
        store.sync(ticket)
    }
}

/// Records that arrive within the interval, at most a batch; and whether more may come.
fn gather(receiver: &Receiver<Waiting>, interval: Duration) -> (Vec<Waiting>, bool) {
    let until = Instant::now() + interval;
    let mut batch = Vec::new();
    while batch.len() < BATCH {
        match receiver.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(waiting) => batch.push(waiting),
            Err(RecvTimeoutError::Timeout) => return (batch, true),
            Err(RecvTimeoutError::Disconnected) => return (batch, false),
        }
    }
    (batch, true)
}
