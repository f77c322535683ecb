//! Do random batches leave what a map would hold?
//!
//! Invariant: after every batch each table reads the same as the model, also over a restart.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};
use zhiyin::id::SpaceId;
use zhiyin::store::Store;

use super::{at, id, open};

#[derive(Debug, Clone)]
enum Op {
    State(u8, u32),
    Dirty(u8),
    Timer(u8, Option<i64>),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (0..6u8, prop_oneof![0..200u32, 16_000..17_000u32, 30_000..90_000u32]).prop_map(|(n, size)| Op::State(n, size)),
        (0..6u8).prop_map(Op::Dirty),
        (0..6u8, proptest::option::of(-50..50i64)).prop_map(|(n, second)| Op::Timer(n, second)),
    ]
}

#[derive(Debug, Default)]
struct Model {
    states: BTreeMap<u8, Value>,
    dirty: BTreeSet<u8>,
    timers: BTreeMap<u8, i64>,
}

fn apply(store: &Store, model: &mut Model, ops: &[Op]) {
    let s = SpaceId::default_space();
    let name = |n: &u8| id(&format!("n{n}"));
    let mut batch = store.batch();
    for op in ops {
        match op {
            Op::State(n, size) => {
                let value = json!("v".repeat(*size as usize));
                batch.put_state(&format!("n{n}"), &value);
                model.states.insert(*n, value);
            }
            Op::Dirty(n) => {
                batch.mark_dirty(&s, &name(n));
                model.dirty.insert(*n);
            }
            Op::Timer(n, second) => {
                let old = model.timers.get(n).map(|second| at(*second));
                batch.set_timer(&s, &name(n), old, second.map(at));
                match second {
                    Some(second) => model.timers.insert(*n, *second),
                    None => model.timers.remove(n),
                };
            }
        }
    }
    store.commit(batch).unwrap();
}

fn same(store: &Store, model: &Model) {
    let s = SpaceId::default_space();
    for n in 0..6u8 {
        assert_eq!(store.state(&format!("n{n}")).unwrap().as_ref(), model.states.get(&n));
    }
    let dirty: Vec<String> = store.dirty(&s, 100).unwrap().into_iter().map(|(id, _)| id.to_string()).collect();
    assert_eq!(dirty, model.dirty.iter().map(|n| format!("n{n}")).collect::<Vec<_>>());
    let timer = |(n, second): (&u8, &i64)| (at(*second), s.clone(), id(&format!("n{n}")));
    let mut timers: Vec<_> = model.timers.iter().map(timer).collect();
    timers.sort();
    assert_eq!(store.due(at(1_000), 100).unwrap(), timers);
    assert_eq!(store.next_due().unwrap(), timers.first().map(|(at, ..)| *at));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_batches_agree_with_a_map(batches in proptest::collection::vec(proptest::collection::vec(op(), 1..8), 1..12)) {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path());
        let mut model = Model::default();
        for (number, ops) in batches.iter().enumerate() {
            apply(&store, &mut model, ops);
            if number % 4 == 3 {
                let seen = store.dirty(&SpaceId::default_space(), 2).unwrap();
                store.clear_dirty(&SpaceId::default_space(), &seen).unwrap();
                seen.iter().for_each(|_| { model.dirty.pop_first(); });
            }
            if number == 5 {
                drop(store);
                store = open(dir.path());
            }
            same(&store, &model);
        }
    }
}
