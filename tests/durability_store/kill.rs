//! Is everything acknowledged still there after SIGKILL, and no batch by half?
//!
//! Invariant: the child says a number only after its sync returned.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use zhiyin::id::SpaceId;
use zhiyin::store::Store;

use super::{SETTINGS, article, draft, id, open, version};

const CHILD: &str = "ZHIYIN_TEST_STORE_CHILD";
const WRITERS: u64 = 3;
const ROUNDS: u64 = 24;

/// Writes batches for ever and says `ack <writer> <number>` for each after its sync.
fn write_until_killed(dir: &Path) {
    let store = open(dir);
    let s = SpaceId::default_space();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (store, s) = (&store, &s);
            scope.spawn(move || {
                for number in last(store, writer) + 1.. {
                    let a = id(&format!("a-{writer}-{number}"));
                    let mut batch = store.batch();
                    batch.put_article(&article("default", a.as_str()));
                    batch.put_version(s, &a, &version(1, &body(number)));
                    batch.mark_dirty(s, &a);
                    batch.audit(draft(Some("default"), a.as_str()));
                    batch.put_state(&format!("last-{writer}"), &json!(number));
                    store.sync(store.commit(batch).unwrap()).unwrap();
                    writeln!(std::io::stdout().lock(), "ack {writer} {number}").unwrap();
                    if number % 8 == 0 {
                        store.clear_dirty(s, &store.dirty(s, 20).unwrap()).unwrap();
                        store.vectors_put("m", &[([number as u8; 32], vec![7; 2_048])]).unwrap();
                    }
                }
            });
        }
    });
}

fn body(number: u64) -> String {
    let length = if number % 11 == 5 { 60_000 } else { 40 * (number % 50) };
    "答".repeat(length as usize)
}

fn last(store: &Store, writer: u64) -> u64 {
    store.state(&format!("last-{writer}")).unwrap().and_then(|value| value.as_u64()).unwrap_or(0)
}

/// Lets a child write for a while, kills it, and gives the last acknowledged number of each writer.
fn killed_child(dir: &Path, life: Duration) -> BTreeMap<u64, u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::what_was_acknowledged_survives_a_kill", "--nocapture"])
        .env(CHILD, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let reading = std::thread::spawn(move || {
        let mut acknowledged = BTreeMap::new();
        let mut line = String::new();
        while lines.read_line(&mut line).unwrap() > 0 {
            // Only a whole line is an acknowledgement.
            if let Some(words) = line.strip_suffix('\n').and_then(|line| line.strip_prefix("ack ")) {
                let (writer, number) = words.split_once(' ').unwrap();
                acknowledged.insert(writer.parse().unwrap(), number.parse().unwrap());
            }
            line.clear();
        }
        acknowledged
    });
    std::thread::sleep(life);
    child.kill().unwrap();
    child.wait().unwrap();
    reading.join().unwrap()
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    if let Some(dir) = std::env::var_os(CHILD) {
        return write_until_killed(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    let s = SpaceId::default_space();
    let began = Instant::now();
    let mut total = 0;
    for round in 0..ROUNDS {
        let spread = u64::from(Instant::now().duration_since(began).subsec_nanos()) % 200;
        let acknowledged = killed_child(dir.path(), Duration::from_millis(20 + spread));
        let opened = Store::open(dir.path(), &SETTINGS).unwrap();
        assert!(!opened.clean || opened.created);
        let store = opened.store;
        let mut written = 0;
        for writer in 0..WRITERS {
            let last = last(&store, writer);
            let promised = acknowledged.get(&writer).copied().unwrap_or(0);
            assert!(last >= promised, "round {round}: an acknowledged write is lost");
            for number in 1..=last {
                let a = id(&format!("a-{writer}-{number}"));
                assert!(store.get_article(&s, &a).unwrap().is_some(), "round {round}: half a batch");
                let kept = store.get_version(&s, &a, 1).unwrap().unwrap();
                assert!(number + 40 < last || kept == version(1, &body(number)), "round {round}: another value");
            }
            let next = id(&format!("a-{writer}-{}", last + 1));
            assert_eq!(store.get_article(&s, &next).unwrap(), None, "round {round}: half a batch");
            assert_eq!(store.get_version(&s, &next, 1).unwrap(), None, "round {round}: half a batch");
            written += last;
        }
        assert_eq!(store.articles(&s, None).count() as u64, written);
        assert_eq!(store.audit(None, None, 1).unwrap().first().map_or(0, |entry| entry.sequence), written);
        assert_eq!(store.verify_audit().unwrap(), None);
        total = written;
    }
    assert!(total > ROUNDS, "the children hardly wrote: {total}");
}
