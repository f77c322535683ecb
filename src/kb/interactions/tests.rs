//! What is kept, marked and counted of conversations when they come in pieces, late, or from older programs?
//!
//! Invariant: where a test looks at what waits, no worker runs any more.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;
use crate::id::ArticleId;
use crate::kb::KbSettings;
use crate::model::interaction::{AnsweredBy, read_conversation};
use crate::model::query::QueryRecord;
use crate::model::task::{Complaint, Task};

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

    /// The only session.
    fn session(&self) -> (String, Session) {
        self.kb.inner.store.sessions(&self.space, None).next().unwrap().unwrap()
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

#[test]
fn turns_without_a_time_stay_where_their_list_has_them() {
    let desk = Desk::open();
    let said = |role: &str, text: &str| json!({ "role": role, "text": text });
    let talk = json!({ "session_id": "s", "turns": [
        said("bot", "Here I am for you."), turn("customer", "can I rent a bicycle", "08:00:00"),
        said("agent", "Only in June and July."), turn("customer", "do llamas fly", "08:01:00"),
    ] });
    for expected in [(4, 0), (0, 4)] {
        let report = desk.hand_in(talk.clone());
        assert_eq!((report.turns.accepted, report.turns.unchanged), expected);
    }
    let turns = desk.kb.inner.store.turns(&desk.space, &desk.session().0).unwrap();
    let course = in_course(turns.iter().map(|(number, turn)| (*number, turn)));
    let told: Vec<String> = course.iter().map(|(_, turn)| format!("{:?} {}", turn.role, turn.at)).collect();
    assert_eq!(
        told,
        [
            "Bot 2090-01-01T08:00:00Z",
            "Customer 2090-01-01T08:00:00Z",
            "Agent 2090-01-01T08:00:00Z",
            "Customer 2090-01-01T08:01:00Z"
        ]
    );
    desk.hand_in(json!({ "session_id": "s", "turns": [said("agent", "They do not.")] }));
    assert_eq!(desk.session().1.last_at, START.parse().unwrap(), "where none has a time, it is said now");
    desk.kb.close();
}

#[test]
fn a_list_that_begins_otherwise_counts_once() {
    let desk = Desk::open();
    let post = |session: &str, texts: &[&str]| {
        let turns: Vec<Value> = texts.iter().map(|text| json!({ "role": "customer", "text": text })).collect();
        let report = desk.hand_in(json!({ "session_id": session, "turns": turns }));
        (report.turns.accepted, report.turns.unchanged)
    };
    let (bicycle, llamas, moon, tea) = ("can I rent a bicycle", "do llamas fly", "who owns the moon", "is there tea");
    assert_eq!(post("late", &[moon, tea]), (2, 0));
    assert_eq!(post("late", &[bicycle, llamas, moon, tea]), (2, 2), "what was before comes later");
    assert_eq!(post("masked", &["call me Ann", bicycle, llamas, tea]), (4, 0));
    assert_eq!(post("masked", &["call me [name]", bicycle, llamas, moon, tea]), (2, 3), "one is masked otherwise");
    assert_eq!(post("masked", &["can I rent a llama", llamas]), (2, 0), "something new, and something asked again");
    desk.kb.close();
}

#[test]
fn what_older_programs_counted_is_taken_back_where_they_counted_it() {
    let desk = Desk::open();
    let turns = [turn("customer", "can I rent a bicycle", "08:00:00")];
    desk.hand_in(json!({ "session_id": "s", "csat": 2, "turns": turns }));
    desk.stop();
    // As an older program kept it: nothing moves, and no satisfaction is counted for an article.
    let (id, session) = desk.session();
    let (article, store) = (ArticleId::try_from("bicycles".to_owned()).unwrap(), &desk.kb.inner.store);
    let answered: AnsweredBy = serde_json::from_value(json!({ "article": article, "version": 1 })).unwrap();
    let old = Session { unplaced: BTreeMap::new(), answered_by: vec![answered], ..session.clone() };
    let mut batch = store.batch();
    batch.put_session(&desk.space, &id, &old);
    // Somebody else complained of the article.
    batch.put_task(&desk.space, &Task::with(None, &article, 1, Complaint::LowRating, session.first_at));
    store.commit(batch).unwrap();

    desk.hand_in(json!({ "session_id": "s", "channel": "web", "csat": 4 }));
    let counts = store.day(&desk.space, session.day).unwrap().unwrap();
    let rated = |channel: &str| counts.channels.get(channel).map(|counts| (counts.csat_count, counts.csat_sum));
    assert_eq!((rated("none"), rated("web")), (Some((0, 0)), Some((1, 4))), "{:?}", counts.channels);
    let rated = || store.article_day(&desk.space, session.day, &article).unwrap().map(|a| (a.csat_count, a.csat_sum));
    let complaints = || store.task(&desk.space, &article).unwrap().map(|task| task.complaints());
    assert_eq!((rated(), complaints()), (Some((1, 4)), Some(1)));
    desk.hand_in(json!({ "session_id": "s", "csat": 1 }));
    assert_eq!((rated(), complaints()), (Some((1, 1)), Some(2)));
    desk.hand_in(json!({ "session_id": "s", "csat": 5 }));
    assert_eq!((rated(), complaints()), (Some((1, 5)), Some(1)), "what was counted goes, and no more");
    desk.kb.close();
}
