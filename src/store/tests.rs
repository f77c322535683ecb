//! What the store promises and only somebody who sees its bytes can check.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use serde_json::json;

use super::keys::Table;
use super::open::meta;
use super::*;

const SETTINGS: StoreSettings = StoreSettings { cache_bytes: 8 << 20 };

fn open(dir: &std::path::Path) -> Store {
    Store::open(dir, &SETTINGS).unwrap().store
}

fn draft(subject: &str) -> AuditDraft {
    AuditDraft {
        at: jiff::Timestamp::UNIX_EPOCH,
        actor: "ada".into(),
        action: "article.publish".into(),
        space: Some(SpaceId::default_space()),
        subject: subject.into(),
        detail: json!({"version": 2, "a": [1, {"z": 1, "b": null}]}),
    }
}

fn row(store: &Store, key: &[u8]) -> Vec<u8> {
    store.inner.tree.get(key).unwrap().unwrap().to_vec()
}

#[test]
fn a_newer_format_is_refused_and_an_older_one_lifted() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.inner.tree.insert(meta("format"), b"\x019").unwrap();
    drop(store);
    match Store::open(dir.path(), &SETTINGS) {
        Err(Error::StoreTooNew { found: 9, known: 1 }) => {}
        other => panic!("{:?}", other.err()),
    }
    let db = sled::Config::default().path(dir.path()).segment_size(2 << 20).open();
    let db = db.unwrap();
    db.insert(meta("format"), b"\x010").unwrap();
    drop(db);
    let store = open(dir.path());
    assert_eq!(row(&store, &meta("format")), b"\x011");
}

#[test]
fn rows_without_a_format_are_not_taken_for_a_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.inner.tree.remove(meta("format")).unwrap();
    drop(store);
    let error = Store::open(dir.path(), &SETTINGS).err().unwrap();
    assert!(error.to_string().contains("no format"), "{error}");
}

#[test]
fn a_damaged_row_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let space = SpaceId::default_space();
    let article: crate::id::ArticleId = "faq-1".parse().unwrap();
    let key = Table::Version.key().id("default").id("faq-1").u32(3).bytes();
    for bytes in [&b""[..], b"\x01{\"number\"", b"\x00{}", b"\x07{}", b"\xff\x00\x01", b"\x01\xff\xfe"] {
        store.inner.tree.insert(&key, bytes).unwrap();
        for error in
            [store.get_version(&space, &article, 3).unwrap_err(), store.versions(&space, &article).unwrap_err()]
        {
            assert!(error.to_string().contains("version default/faq-1/3"), "{error}");
        }
    }
}

#[test]
fn a_large_value_leaves_no_chunks_behind_and_a_lost_chunk_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let chunks = || store.inner.tree.scan_prefix(b"c").count();
    for length in [600_000, 40_000, 100, 16_382, 16_381, 300_000] {
        let value = json!("x".repeat(length));
        let mut batch = store.batch();
        batch.put_state("large", &json!("y".repeat(length * 2)));
        batch.put_state("large", &value);
        store.commit(batch).unwrap();
        assert_eq!(store.state("large").unwrap(), Some(value));
        let expected = if length + 3 > codec::MAX_ROW { (length + 3).div_ceil(codec::MAX_ROW) } else { 0 };
        assert_eq!(chunks(), expected, "{length}");
    }
    let (lost, _) = store.inner.tree.scan_prefix(b"c").next().unwrap().unwrap();
    store.inner.tree.remove(lost).unwrap();
    let error = store.state("large").unwrap_err().to_string();
    assert!(error.contains("state large") && error.contains("chunk"), "{error}");
    assert_eq!(std::fs::read_dir(dir.path().join("blobs")).unwrap().count(), 0);
}

#[test]
fn leaves_full_of_the_longest_rows_make_no_unsynced_files() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let value = json!("x".repeat(codec::MAX_ROW - 3));
    for round in 0..3 {
        let mut batch = store.batch();
        for number in 0..100 {
            batch.put_state(&format!("{}-{:03}", "n".repeat(128), number * 7 % 100 + round), &value);
        }
        store.commit(batch).unwrap();
    }
    store.close().unwrap();
    assert_eq!(std::fs::read_dir(dir.path().join("blobs")).unwrap().count(), 0);
}

#[test]
fn the_chain_shows_a_changed_entry() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for subject in ["a", "b", "c", "d"] {
        let mut batch = store.batch();
        batch.audit(draft(subject));
        store.commit(batch).unwrap();
    }
    drop(store);
    let store = open(dir.path());
    let mut batch = store.batch();
    batch.audit(draft("e"));
    batch.audit(draft("f"));
    store.commit(batch).unwrap();
    assert_eq!(store.verify_audit().unwrap(), None);
    let key = Table::Audit.key().u64(3).bytes();
    let whole = row(&store, &key);
    let changed = String::from_utf8(whole.clone()).unwrap().replace("\"c\"", "\"x\"");
    store.inner.tree.insert(&key, changed.as_bytes()).unwrap();
    assert_eq!(store.verify_audit().unwrap(), Some(3));
    store.inner.tree.remove(&key).unwrap();
    assert_eq!(store.verify_audit().unwrap(), Some(3));
    store.inner.tree.insert(&key, whole).unwrap();
    assert_eq!(store.verify_audit().unwrap(), None);
}

#[test]
fn after_a_stop_nothing_is_confirmed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut batch = store.batch();
    batch.put_state("before", &json!(1));
    let synced = store.commit(batch).unwrap();
    store.sync(synced).unwrap();
    let mut batch = store.batch();
    batch.put_state("unsynced", &json!(1));
    let open_ticket = store.commit(batch).unwrap();
    store.inner.durability.stop("syncing the log failed: restart".into());
    store.sync(synced).unwrap();
    let told = |error: Error| assert!(error.to_string().contains("restart"), "{error}");
    told(store.sync(open_ticket).unwrap_err());
    told(store.commit(store.batch()).unwrap_err());
    told(store.vectors_put("m", &[]).unwrap_err());
    told(store.close().unwrap_err());
    assert!(!dir.path().join("clean").exists());
}

#[test]
fn vectors_of_models_that_are_used_no_more_are_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let hashes = [[1; 32], [2; 32]];
    for model in ["old", "new"] {
        store.vectors_put(model, &hashes.map(|hash| (hash, vec![7, 7]))).unwrap();
    }
    assert_eq!(store.vectors_keep(&["new".into()]).unwrap(), 2);
    assert_eq!(store.vectors_get("old", &hashes).unwrap(), [None, None]);
    assert_eq!(store.vectors_get("new", &hashes).unwrap(), [Some(vec![7, 7]), Some(vec![7, 7])]);
}
