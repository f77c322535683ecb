//! Does the store keep what it acknowledged, in order and whole?
//!
//! Invariant: every check goes through the store's own door; what needs its bytes is in `src/store/tests.rs`.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

#[path = "durability_store/kill.rs"]
mod kill;
#[path = "durability_store/model.rs"]
mod model;

use std::path::Path;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use zhiyin::error::Error;
use zhiyin::id::{ArticleId, GapId, KeyId, QueryId, SpaceId};
use zhiyin::model::account::Key;
use zhiyin::model::article::{Article, Publication, Version};
use zhiyin::model::gap::{Form, Gap};
use zhiyin::model::query::{FeedbackRecord, QueryRecord};
use zhiyin::model::space::{DictionaryWord, Space};
use zhiyin::store::{AuditDraft, Idempotent, Store, StoreSettings};

const SETTINGS: StoreSettings = StoreSettings { cache_bytes: 16 << 20 };

fn open(dir: &Path) -> Store {
    Store::open(dir, &SETTINGS).unwrap().store
}

fn of<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn space(id: &str) -> SpaceId {
    id.parse().unwrap()
}

fn id(id: &str) -> ArticleId {
    id.parse().unwrap()
}

fn article(space: &str, id: &str) -> Article {
    of(json!({
        "space": space, "id": id, "created_at": at(1), "updated_at": at(2), "latest": 1, "live": null, "schedule": null,
        "review": null, "archived": false, "publications": 0, "verified_at": null, "review_due_at": null,
    }))
}

fn version(number: u32, body: &str) -> Version {
    let content = json!({"title": "如何退货", "body": body, "attributes": {"price": 1.5, "brand": "x"}});
    of(json!({"number": number, "content": content, "note": "why", "author": "ada", "created_at": at(3)}))
}

fn publication(version: u32) -> Publication {
    of(json!({"version": version, "from": at(4), "until": null, "by": "ada"}))
}

fn key(id: &str, hash: &str) -> Key {
    of(json!({
        "id": id, "name": "Ada", "hash": hash, "scopes": ["admin"], "spaces": [], "audiences": ["public"],
        "allowed_origins": [], "rate_limit": null, "expires_at": null, "created_at": at(1), "revoked_at": null,
    }))
}

fn query(id: &str, second: i64) -> QueryRecord {
    of(json!({
        "id": id, "space": "default", "at": at(second), "kind": "search", "query": "退货", "language": "zh",
        "channel": null, "conversation_id": null, "matched": true, "confidence": 0.75, "top": null, "gap_id": null,
        "degraded": false,
    }))
}

fn gap(id: &str) -> Gap {
    of(json!({
        "id": id, "space": "default", "label": "可以退货吗", "status": "open", "language": "zh",
        "first_seen": at(1), "last_seen": at(1), "examples": [], "nearest": [],
    }))
}

fn form(id: &str, gap: &str, text: &str) -> Form {
    of(json!({
        "id": id, "space": "default", "gap": gap, "group": null, "form": text, "wordings": [text], "language": "zh",
        "tally": { "queries": 2 }, "first_seen": at(1), "last_seen": at(1), "nearest": [], "why": null, "places": [],
    }))
}

fn idempotent(second: i64) -> Idempotent {
    Idempotent { fingerprint: "f".into(), status: 201, headers: vec![], body: "{}".into(), at: at(second) }
}

fn draft(space: Option<&str>, subject: &str) -> AuditDraft {
    AuditDraft {
        at: at(9),
        actor: "ada".into(),
        action: "article.save".into(),
        space: space.map(|id| id.parse().unwrap()),
        subject: subject.into(),
        detail: json!({"version": 1}),
    }
}

#[test]
fn articles_come_back_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (s, a) = (SpaceId::default_space(), id("faq-1"));
    let large = version(2, &"退换货政策".repeat(40_000));
    let mut batch = store.batch();
    batch.put_article(&article("default", "faq-1"));
    batch.put_version(&s, &a, &version(1, "short"));
    batch.put_version(&s, &a, &large);
    batch.put_version(&s, &a, &version(300, ""));
    batch.put_version(&s, &id("faq-10"), &version(1, "another"));
    batch.put_publication(&s, &a, 2, &publication(2));
    batch.put_publication(&s, &a, 1, &publication(1));
    store.sync(store.commit(batch).unwrap()).unwrap();
    store.close().unwrap();
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.get_article(&s, &a).unwrap(), Some(article("default", "faq-1")));
    assert_eq!(store.get_article(&s, &id("faq-2")).unwrap(), None);
    assert_eq!(store.get_version(&s, &a, 2).unwrap().as_ref(), Some(&large));
    assert_eq!(store.get_version(&s, &a, 3).unwrap(), None);
    assert_eq!(store.versions(&s, &a).unwrap(), vec![version(1, "short"), large, version(300, "")]);
    assert_eq!(store.publications(&s, &a).unwrap(), vec![(1, publication(1)), (2, publication(2))]);
    assert_eq!(store.versions(&space("other"), &a).unwrap(), vec![]);
}

#[test]
fn accounts_and_state_come_back_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let s: Space = of(json!({"id": "default", "name": "Shop", "created_at": at(1)}));
    let words: Vec<DictionaryWord> = of(json!([{"word": "知音"}, {"word": "退换货", "frequency": 7}]));
    let mut batch = store.batch();
    batch.put_space(&s);
    batch.put_dictionary(&s.id, &words);
    batch.put_key(&key("k_1", "aa"));
    batch.put_key(&key("k_2", "bb"));
    batch.put_state("model", &json!({"name": "static"}));
    store.commit(batch).unwrap();
    assert_eq!(store.get_space(&s.id).unwrap(), Some(s.clone()));
    assert_eq!(store.list_spaces().unwrap(), vec![s.clone()]);
    assert_eq!(store.dictionary(&s.id).unwrap(), words);
    assert_eq!(store.dictionary(&space("other")).unwrap(), vec![]);
    assert_eq!(store.state("model").unwrap(), Some(json!({"name": "static"})));
    assert_eq!(store.state("mode").unwrap(), None);
    let k1: KeyId = "k_1".parse().unwrap();
    assert_eq!(store.get_key(&k1).unwrap(), Some(key("k_1", "aa")));
    assert_eq!(store.key_by_hash("bb").unwrap(), Some(key("k_2", "bb")));
    let mut batch = store.batch();
    batch.put_key(&key("k_1", "cc"));
    store.commit(batch).unwrap();
    assert_eq!(store.key_by_hash("aa").unwrap(), None, "a hash that was replaced opens nothing");
    assert_eq!(store.list_keys().unwrap(), vec![key("k_1", "cc"), key("k_2", "bb")]);
}

#[test]
fn queries_and_gaps_come_back_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let s = SpaceId::default_space();
    let feedback: FeedbackRecord = of(json!({
        "about": "q_2", "space": "default", "at": at(5), "helpful": true, "csat": 5, "ces": null, "article_id": null,
        "comment": null,
    }));
    let mut batch = store.batch();
    for (name, second) in [("q_3", -7), ("q_1", 10), ("q_2", 10), ("a_1", 20)] {
        batch.put_query(&query(name, second));
    }
    batch.put_feedback(&feedback);
    batch.put_gap(&gap("g_1"));
    batch.put_gap(&gap("g_2"));
    batch.put_form(&form("g_1", "g_1", "可以退货吗"));
    batch.put_form(&form("g_9", "g_1", &"long ".repeat(2_000)));
    store.commit(batch).unwrap();
    let ids = |from, until| -> Vec<String> {
        store.queries(&s, at(from), at(until)).map(|record| record.unwrap().id.to_string()).collect()
    };
    assert_eq!(ids(-100, 100), ["q_3", "q_1", "q_2", "a_1"]);
    assert_eq!(ids(10, 20), ["q_1", "q_2"]);
    assert!(ids(20, 10).is_empty());
    let q2: QueryId = "q_2".parse().unwrap();
    assert_eq!(store.get_query(&q2).unwrap(), Some(query("q_2", 10)));
    assert_eq!(store.get_feedback(&q2).unwrap(), Some(feedback));
    let g2: GapId = "g_2".parse().unwrap();
    assert_eq!(store.get_gap(&s, &g2).unwrap().map(|gap| gap.id), Some(g2.clone()));
    let forms = store.forms_of(&s, &"g_1".parse().unwrap()).unwrap();
    assert_eq!(forms.iter().map(|form| form.id.as_str()).collect::<Vec<_>>(), ["g_1", "g_9"]);
    assert_eq!((forms[1].form.len(), forms[1].tally.queries), (10_000, 2));
    // A form that leaves stands under its new gap only.
    let mut batch = store.batch();
    batch.take_form(&s, &"g_1".parse().unwrap(), &"g_9".parse().unwrap());
    batch.put_form(&Form { gap: g2.clone(), ..forms[1].clone() });
    store.commit(batch).unwrap();
    assert_eq!(store.form_ids(&s, &"g_1".parse().unwrap()).unwrap().len(), 1);
    assert_eq!(store.form_ids(&s, &g2).unwrap().len(), 1);
    assert_eq!(store.gaps(&s).count(), 2);
}

#[test]
fn scans_are_ordered_and_do_not_mix_ids() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let names = ["a", "a-", "a-1", "a.b", "a0", "aB", "aa", "A", "B", "a_b", "0", "z"];
    let mut batch = store.batch();
    for s in ["s", "s-", "s.t", "S", "s0"] {
        for name in names {
            batch.put_article(&article(s, name));
            batch.put_version(&space(s), &id(name), &version(1, &format!("{s} {name}")));
        }
    }
    store.commit(batch).unwrap();
    let mut sorted: Vec<ArticleId> = names.map(id).to_vec();
    sorted.sort();
    let heads = |after: Option<&ArticleId>| -> Vec<ArticleId> {
        let found = store.articles(&space("s"), after).map(|head| head.unwrap());
        found.inspect(|head| assert_eq!(head.space.as_str(), "s")).map(|head| head.id).collect()
    };
    assert_eq!(heads(None), sorted);
    for (place, after) in sorted.iter().enumerate() {
        assert_eq!(heads(Some(after)), sorted[place + 1..]);
        let bodies = store.versions(&space("s"), after).unwrap();
        assert_eq!(bodies, vec![version(1, &format!("s {after}"))]);
    }
}

#[test]
fn a_mark_goes_only_if_it_is_the_one_indexed() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let s = SpaceId::default_space();
    let mut last = 0;
    for _ in 0..3 {
        let mut batch = store.batch();
        batch.mark_dirty(&s, &id("a"));
        batch.mark_dirty(&s, &id("b"));
        batch.mark_dirty(&space("other"), &id("a"));
        store.commit(batch).unwrap();
        let seen = store.dirty(&s, 10).unwrap();
        assert_eq!(seen.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert!(seen.iter().all(|(_, mark)| *mark > last), "marks grow, also over restarts");
        last = seen.iter().map(|(_, mark)| *mark).max().unwrap();
        assert_eq!(store.dirty(&s, 1).unwrap().len(), 1);
        let mut batch = store.batch();
        batch.mark_dirty(&s, &id("b"));
        store.commit(batch).unwrap();
        store.clear_dirty(&s, &seen).unwrap();
        let left = store.dirty(&s, 10).unwrap();
        assert_eq!(left.len(), 1, "what changed while it was indexed stays");
        assert!(left[0].0 == id("b") && left[0].1 > last);
        assert_eq!(store.count_dirty(&s).unwrap(), 1);
        assert_eq!(store.count_dirty(&space("other")).unwrap(), 1);
        store.clear_dirty(&s, &left).unwrap();
        assert_eq!(store.count_dirty(&s).unwrap(), 0);
        last = left[0].1;
        drop(store);
        store = open(dir.path());
    }
}

#[test]
fn timers_come_in_order_and_move() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let s = SpaceId::default_space();
    assert_eq!(store.next_due().unwrap(), None);
    let mut batch = store.batch();
    batch.set_timer(&s, &id("late"), None, Some(at(300)));
    batch.set_timer(&s, &id("early"), None, Some(at(-5)));
    batch.set_timer(&s, &id("moved"), None, Some(at(100)));
    store.commit(batch).unwrap();
    let mut batch = store.batch();
    batch.set_timer(&s, &id("moved"), Some(at(100)), Some(at(200)));
    batch.set_timer(&s, &id("same"), Some(at(50)), Some(at(50)));
    store.commit(batch).unwrap();
    assert_eq!(store.next_due().unwrap(), Some(at(-5)));
    let due = |now| store.due(now, 10).unwrap().into_iter().map(|(_, _, id)| id.to_string()).collect::<Vec<_>>();
    assert_eq!(due(at(200)), ["early", "same", "moved"]);
    assert_eq!(due(at(199)), ["early", "same"]);
    assert_eq!(store.due(at(1_000), 1).unwrap().len(), 1);
    let mut batch = store.batch();
    batch.set_timer(&s, &id("early"), Some(at(-5)), None);
    store.commit(batch).unwrap();
    assert_eq!(store.next_due().unwrap(), Some(at(50)));
}

#[test]
fn the_audit_log_is_read_by_space_and_newest_first() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for (s, subject) in [(Some("s"), "1"), (Some("s-"), "2"), (None, "3"), (Some("s"), "4")] {
        let mut batch = store.batch();
        batch.audit(draft(s, subject));
        batch.audit(draft(s, &format!("{subject}b")));
        store.commit(batch).unwrap();
    }
    let read = |s: Option<&str>, before, limit| -> Vec<u64> {
        let s = s.map(space);
        store.audit(s.as_ref(), before, limit).unwrap().into_iter().map(|entry| entry.sequence).collect()
    };
    assert_eq!(read(None, None, 100), [8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(read(None, Some(4), 2), [3, 2]);
    assert_eq!(read(Some("s"), None, 100), [8, 7, 2, 1]);
    assert_eq!(read(Some("s"), Some(7), 1), [2]);
    assert_eq!(store.verify_audit().unwrap(), None);
}

#[test]
fn old_answers_are_swept_and_renewed_ones_stay() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut batch = store.batch();
    for number in 0..600 {
        batch.put_idempotent(&format!("key/{number}"), &idempotent(number));
    }
    store.commit(batch).unwrap();
    let mut batch = store.batch();
    batch.put_idempotent("key/3", &idempotent(900));
    store.commit(batch).unwrap();
    assert_eq!(store.get_idempotent("key/3").unwrap(), Some(idempotent(900)));
    assert_eq!(store.sweep_idempotent(at(500)).unwrap(), 499);
    assert_eq!(store.sweep_idempotent(at(500)).unwrap(), 0);
    assert_eq!(store.get_idempotent("key/3").unwrap(), Some(idempotent(900)));
    assert_eq!(store.get_idempotent("key/499").unwrap(), None);
    assert_eq!(store.get_idempotent("key/500").unwrap(), Some(idempotent(500)));
}

#[test]
fn vectors_are_kept_apart_by_model() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.vectors_put("m/1", &[([1; 32], vec![1, 2]), ([2; 32], vec![0; 4_096]), ([3; 32], vec![0; 1 << 20])]).unwrap();
    let found = store.vectors_get("m/1", &[[2; 32], [9; 32], [1; 32], [3; 32]]).unwrap();
    assert_eq!(found, vec![Some(vec![0; 4_096]), None, Some(vec![1, 2]), None]);
    assert_eq!(store.vectors_get("m/2", &[[1; 32]]).unwrap(), vec![None]);
}

#[test]
fn one_store_has_one_owner() {
    let dir = tempfile::tempdir().unwrap();
    let first = Store::open(dir.path(), &SETTINGS).unwrap();
    assert!(first.created && first.clean);
    assert!(matches!(Store::open(dir.path(), &SETTINGS), Err(Error::StoreLocked { .. })));
    drop(first);
    let unclean = Store::open(dir.path(), &SETTINGS).unwrap();
    assert!(!unclean.created && !unclean.clean);
    unclean.store.close().unwrap();
    let batch = unclean.store.batch();
    assert!(unclean.store.commit(batch).unwrap_err().to_string().contains("closed"));
    assert!(unclean.store.list_keys().unwrap().is_empty(), "reads go on until the last handle is gone");
    drop(unclean);
    assert!(Store::open(dir.path(), &SETTINGS).unwrap().clean);
}

#[test]
fn a_space_has_one_writer_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let s = SpaceId::default_space();
    let other = store.lock(&space("other"));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let _held = store.lock(&s);
                    let count = store.state("count").unwrap().and_then(|v| v.as_u64()).unwrap_or(0);
                    let mut batch = store.batch();
                    batch.put_state("count", &json!(count + 1));
                    store.commit(batch).unwrap();
                }
            });
        }
    });
    drop(other);
    assert_eq!(store.state("count").unwrap(), Some(json!(200)));
}

#[test]
fn writers_share_their_syncs() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let before = store.syncs();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let store = &store;
            scope.spawn(move || {
                for number in 0..50 {
                    let mut batch = store.batch();
                    batch.put_state(&format!("{thread}-{number}"), &json!(number));
                    batch.audit(draft(None, "x"));
                    let ticket = store.commit(batch).unwrap();
                    store.sync(ticket).unwrap();
                    // A ticket that is covered needs no sync of its own.
                    store.sync(ticket).unwrap();
                }
            });
        }
    });
    let made = store.syncs() - before;
    assert!((50..400).contains(&made), "{made} syncs for 400 commits of 8 writers");
    assert_eq!(store.audit(None, None, 1).unwrap()[0].sequence, 400);
    assert_eq!(store.verify_audit().unwrap(), None);
}

#[test]
fn readers_see_large_values_whole_while_they_are_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let value = |round: usize| json!(format!("{round}").repeat(20_000 + round * 1_000));
    let write = |round: usize| {
        let mut batch = store.batch();
        batch.put_state("large", &value(round % 10));
        store.commit(batch).unwrap();
    };
    write(0);
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| (1..150).for_each(write));
        while !writing.is_finished() {
            let seen = store.state("large").unwrap().unwrap();
            let round = seen.as_str().and_then(|text| text.chars().next()).and_then(|c| c.to_digit(10)).unwrap();
            assert!(seen == value(round as usize));
        }
    });
}
