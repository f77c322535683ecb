//! What was asked, kept for later: records of searches and answers, and gaps for what nothing answered.
//!
//! Invariant: text is masked before it leaves the caller's thread; nothing here ever waits on the disk in front of a
//! caller. A record is on disk within the interval of the settings, or lost with at most that much of the log.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use super::{Admin, Grant, Kb};
use crate::error::Result;
use crate::id::{GapId, SpaceId};
use crate::kb::gaps::{Circumstances, GapCounts};
use crate::model::gap::{NearArticle, Source};
use crate::model::mask::Masker;
use crate::model::query::QueryRecord;
use crate::model::search::Hit;
use crate::store::Store;

/// Records that may wait for the disk; more are counted and dropped, so that a slow disk cannot stop searches.
const WAITING: usize = 50_000;
/// Records written as one batch: with what is counted of them well below what the store may have unsynced.
const BATCH: usize = 250;

/// A record on its way to the store.
pub(crate) struct Waiting {
    record: QueryRecord,
    nearest: Vec<NearArticle>,
    source: Source,
    /// Pseudonym of the conversation, where it has one.
    session: Option<String>,
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
    zhiyin_index::normalize::form(query)
}

/// Under which name questions of this form are counted.
pub(crate) fn form_name(space: &SpaceId, form: &str) -> String {
    let hash = blake3::hash(format!("{space}\n{form}").as_bytes()).to_hex();
    hash.get(..24).unwrap_or_default().to_owned()
}

/// Under which name questions of a gap's form are counted: the two are the same hash.
pub(crate) fn name_of(form: &GapId) -> String {
    form.as_str().trim_start_matches("g_").to_owned()
}

/// The gap a question of this form belongs to: found without a look into the store.
pub(crate) fn gap_of(space: &SpaceId, form: &str) -> GapId {
    GapId::of(space, form)
}

/// Name of the store's state that holds the key of pseudonyms.
const SECRET: &str = "pseudonyms";

/// The key of the hashes that stand for sessions and customers; made at the first start, and never given out.
pub(crate) fn secret(store: &Store) -> Result<[u8; 32]> {
    let text = match store.state(SECRET)?.as_ref().and_then(|value| value.as_str()) {
        Some(text) => text.to_owned(),
        None => {
            let text = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
            let mut batch = store.batch();
            batch.put_state(SECRET, &serde_json::Value::from(text.clone()));
            let ticket = store.commit(batch)?;
            store.sync(ticket)?;
            text
        }
    };
    Ok(blake3::derive_key("zhiyin 2026-11-21 pseudonyms of sessions and customers", text.as_bytes()))
}

/// Name of the store's state that says that records were kept by session from the beginning.
const BY_SESSION: &str = "queries_by_session";

/// Whether every record that has a session is found by it: not where older programs wrote some.
pub(crate) fn is_complete(store: &Store, created: bool) -> Result<bool> {
    if created {
        let mut batch = store.batch();
        batch.put_state(BY_SESSION, &serde_json::Value::from(true));
        store.commit(batch)?;
    }
    Ok(store.state(BY_SESSION)?.is_some())
}

/// Who asked, by pseudonyms of customer, key and session, as far as they are known.
pub(crate) fn source_of<'a>(counted: impl IntoIterator<Item = &'a String>, through: Option<&str>) -> Source {
    let short = |text: &str| text.get(..16).and_then(|hex| u64::from_str_radix(hex, 16).ok());
    let counted = counted.into_iter().filter_map(|text| short(text)).collect();
    Source { counted, through: through.and_then(short) }
}

impl Kb {
    /// Masks a record, files it under a gap where nothing matched, and queues it. Gives the gap.
    pub(crate) fn keep_record(&self, grant: &Grant, mut record: QueryRecord, hits: &[Hit]) -> Option<GapId> {
        let session = record.conversation_id.as_ref().map(|id| self.pseudonym(&record.space, "session", id));
        let key = self.pseudonym(&record.space, "key", &grant.actor);
        // Many customers come through one key; only where nobody says who asks does the key stand for them.
        let source = source_of([session.as_ref().unwrap_or(&key)], Some(&key));
        record = masked(&self.masker(&record.space), record);
        record.session = session.clone();
        // A search that lacked a part of the engine proves nothing about the knowledge.
        if !record.matched && !record.degraded {
            let form = form(&record.query);
            if !form.is_empty() {
                record.gap_id = Some(gap_of(&record.space, &form));
            }
        }
        // A form that is known already stands under a gap that may have another name.
        let known = record.gap_id.as_ref().and_then(|id| self.inner.store.get_form(&record.space, id).ok().flatten());
        let gap = known.map(|form| form.gap).or_else(|| record.gap_id.clone());
        let nearest = if gap.is_some() { hits.iter().take(3).map(NearArticle::of).collect() } else { Vec::new() };
        let log = &self.inner.log;
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
            log.sender.try_send(Waiting { record, nearest, source, session })
        {
            log.dropped.fetch_add(1, Ordering::Relaxed);
        }
        gap
    }

    /// Writes records of queries that were answered elsewhere, counted as those of this server are: for moving in with a
    /// history, and for benchmarks. A record that is written twice counts twice.
    ///
    /// # Errors
    /// [`crate::error::Error::Store`].
    pub fn write_history(&self, _admin: &Admin, records: Vec<QueryRecord>) -> Result<()> {
        let waiting: Vec<Waiting> = records
            .into_iter()
            .map(|mut record| {
                let session = record.conversation_id.as_ref().map(|id| self.pseudonym(&record.space, "session", id));
                record = masked(&self.masker(&record.space), record);
                record.session = session.clone();
                Waiting { nearest: Vec::new(), source: source_of(&session, None), session, record }
            })
            .collect();
        let mut waiting = waiting.into_iter().peekable();
        while waiting.peek().is_some() {
            self.write_batch(waiting.by_ref().take(BATCH).collect())?;
        }
        Ok(())
    }

    /// The article that stood first for a record, as one near a gap.
    pub(crate) fn near_of(&self, record: &QueryRecord) -> Result<Vec<NearArticle>> {
        let Some(top) = &record.top else { return Ok(Vec::new()) };
        let version = self.inner.store.get_version(&record.space, &top.article_id, top.version)?;
        let near = |title| NearArticle { article_id: top.article_id.clone(), title, score: top.score };
        Ok(version.map(|version| near(version.content.title.to_string())).into_iter().collect())
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
        let mut spaces: BTreeMap<SpaceId, Vec<Waiting>> = BTreeMap::new();
        for waiting in waiting {
            spaces.entry(waiting.record.space.clone()).or_default().push(waiting);
        }
        let store = &self.inner.store;
        let mut last = None;
        for (space, waiting) in spaces {
            let _space_lock = store.lock(&space);
            let _gaps_lock = self.inner.gaps.lock();
            let mut batch = store.batch();
            let mut gaps = GapCounts::default();
            let mut tally = self.tally(&space);
            for Waiting { record, nearest, source, session } in waiting {
                tally.live(&record, session.as_deref())?;
                self.count_in_gap(&mut gaps, &record, Circumstances { nearest, source, ..Circumstances::default() })?;
                batch.put_query(&record);
            }
            gaps.put(&mut batch, &space);
            tally.put(&mut batch);
            last = Some(store.commit(batch)?);
            self.inner.boards.counted(&space, gaps.forms());
        }
        last.map_or(Ok(()), |ticket| store.sync(ticket))
    }
}

/// A record with everything personal out of it.
fn masked(masker: &Masker, record: QueryRecord) -> QueryRecord {
    QueryRecord {
        query: masker.mask(&record.query),
        channel: record.channel.map(|text| masker.mask(&text)),
        conversation_id: record.conversation_id.map(|text| masker.mask(&text)),
        ..record
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
