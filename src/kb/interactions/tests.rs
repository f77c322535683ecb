//! What is kept, marked and counted of conversations when they come in pieces, late, or from older programs?
//!
//! Invariant: where a test looks at what waits, no worker runs any more.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;
use crate::kb::KbSettings;
use crate::model::interaction::read_conversation;
use crate::model::query::QueryRecord;

const START: &str = "2090-01-08T00:00:00Z";

struct Desk {
    kb: Kb,
    secret: String,
    space: SpaceId,
    _dir: tempfile::TempDir,
}

impl Desk {
    fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (kb, secret) = Kb::open(KbSettings::small(dir.path()), START.parse().unwrap()).unwrap();
        Self { kb, secret: secret.unwrap(), space: SpaceId::default_space(), _dir: dir }
    }

    fn hand_in(&self, talk: Value) -> IntakeReport {
        let now = START.parse().unwrap();
        let recorder = self.kb.recorder(&self.kb.caller(Some(&self.secret), now).unwrap(), &self.space).unwrap();
        self.kb.take_in(&recorder, false, &mut std::iter::once(Ok(read_conversation(1, talk))), now).unwrap()
    }

    /// Waits until all is searched; from then on nothing is.
    fn stop(&self) {
        let begun = Instant::now();
        while self.waits() > 0 {
            assert!(begun.elapsed() < Duration::from_secs(10), "the questions are not searched");
            std::thread::sleep(Duration::from_millis(20));
        }
        self.kb.inner.stop.store(true, Ordering::Release);
    }

    fn waits(&self) -> usize {
        self.kb.inner.store.pending_after(&self.space, None, 100).unwrap().len()
    }

    fn records(&self) -> Vec<QueryRecord> {
        self.kb.inner.store.queries(&self.space, Timestamp::MIN, Timestamp::MAX).collect::<Result<_>>().unwrap()
    }
}

fn turn(role: &str, text: &str, at: &str) -> Value {
    json!({ "role": role, "text": text, "at": format!("2090-01-01T{at}Z") })
}

#[test]
fn a_late_reply_is_looked_at_only_where_nothing_was_found() {
    let desk = Desk::open();
    let asked = |session: &str, text: &str| {
        desk.hand_in(json!({ "session_id": session, "turns": [turn("customer", text, "08:00:00")] }))
    };
    asked("found", "can I rent a bicycle");
    asked("missed", "do llamas fly");
    desk.stop();
    let found = desk.records().into_iter().find(|record| record.query.contains("bicycle")).unwrap();
    let mut batch = desk.kb.inner.store.batch();
    batch.put_query(&QueryRecord { matched: true, gap_id: None, ..found });
    desk.kb.inner.store.commit(batch).unwrap();

    let reply = |session: &str| {
        desk.hand_in(json!({ "session_id": session, "turns": [turn("agent", "Only in June and July.", "09:00:00")] }))
    };
    reply("found");
    assert_eq!(desk.waits(), 0, "it was found: a reply tells no cause");
    reply("missed");
    assert_eq!(desk.waits(), 1);
    desk.kb.close();
}
