//! Does dense retrieval keep its laws? Snapshots, removal, filters, the graph and its file, against a naive model.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use zhiyin_index::bitset::DocSet;
use zhiyin_index::dense::{Code, Dense, DenseHit, DenseSettings, DenseSnapshot};

const DIMENSION: usize = 24;

/// Small thresholds, and the graph wherever there is one.
fn eager() -> DenseSettings {
    DenseSettings {
        graph_from: 60,
        tail: 10,
        links: 8,
        build_breadth: 48,
        search_breadth: 64,
        placed: 300,
        growth: 1.0,
        walk_cost: Some(0),
        ..DenseSettings::default()
    }
}

/// A repeatable stream of numbers.
struct Stream(u64);

impl Stream {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    fn vector(&mut self) -> Vec<f32> {
        (0..DIMENSION).map(|_| self.unit()).collect()
    }
}

fn passage(document: u64, ordinal: u64) -> u64 {
    document << 16 | ordinal
}

fn document(passage: u64) -> u32 {
    (passage >> 16) as u32
}

/// `documents` documents of three passages each.
fn filled(documents: u64, settings: DenseSettings) -> (Dense, BTreeMap<u64, Code>) {
    let mut stream = Stream(documents);
    let all = (0..documents).flat_map(|d| (0..3).map(move |o| passage(d, o)));
    let model: BTreeMap<u64, Code> = all.map(|p| (p, Code::quantize(&stream.vector()))).collect();
    let dense = Dense::new(DIMENSION, settings);
    dense.insert(model.clone());
    (dense, model)
}

/// The k best by floating-point arithmetic over the dequantised codes, one a document.
fn naive(model: &BTreeMap<u64, Code>, query: &[f32], k: usize, accept: Option<&DocSet>) -> Vec<DenseHit> {
    let query = Code::quantize(query).dequantize();
    let length = |v: &[f32]| v.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
    let mut best: BTreeMap<u32, DenseHit> = BTreeMap::new();
    for (passage, code) in
        model.iter().filter(|(p, c)| !c.is_zero() && accept.is_none_or(|a| a.contains(document(**p))))
    {
        let row = code.dequantize();
        let dot: f64 = query.iter().zip(&row).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
        let hit = DenseHit { passage: *passage, cosine: (dot / (length(&query) * length(&row))) as f32 };
        let known = best.entry(document(*passage)).or_insert(hit);
        if hit.cosine > known.cosine {
            *known = hit;
        }
    }
    let mut hits: Vec<DenseHit> = best.into_values().collect();
    hits.sort_by(|a, b| b.cosine.total_cmp(&a.cosine).then(a.passage.cmp(&b.passage)));
    hits.truncate(k);
    hits
}

fn assert_same(found: &[DenseHit], wanted: &[DenseHit]) {
    assert_eq!(found.len(), wanted.len());
    for (f, w) in found.iter().zip(wanted) {
        assert!((f.cosine - w.cosine).abs() < 1e-5, "{f:?} {w:?}");
    }
    let documents: BTreeSet<u32> = found.iter().map(|h| document(h.passage)).collect();
    assert_eq!(documents.len(), found.len(), "one hit a document");
}

fn find(snapshot: &DenseSnapshot, query: &[f32], k: usize, accept: Option<&DocSet>) -> Vec<DenseHit> {
    snapshot.search(&snapshot.prepare(query), k, accept)
}

#[test]
fn the_exact_scan_agrees_with_floating_point() {
    let (dense, model) = filled(900, DenseSettings::default());
    let snapshot = dense.snapshot();
    let mut stream = Stream(7);
    let few: DocSet = (0..40).collect();
    let many: DocSet = (0..900).filter(|d| d % 3 != 0).collect();
    for k in [1, 10, 200, 2_000] {
        let query = stream.vector();
        for accept in [None, Some(&few), Some(&many)] {
            let found = snapshot.search_exact(&snapshot.prepare(&query), k, accept);
            assert_same(&found, &naive(&model, &query, k, accept));
            for hit in &found {
                assert_eq!(snapshot.cosine(&snapshot.prepare(&query), hit.passage), Some(hit.cosine));
            }
        }
    }
}

#[test]
fn ties_go_to_the_lower_passage() {
    let dense = Dense::new(2, DenseSettings::default());
    let code = Code::quantize(&[0.6, 0.8]);
    dense.insert((0..600u64).rev().map(|p| (p << 15, code.clone())));
    let snapshot = dense.snapshot();
    let hits = find(&snapshot, &[0.6, 0.8], 4, None);
    let passages: Vec<u64> = hits.iter().map(|h| h.passage).collect();
    assert_eq!(passages, [passage(0, 0), passage(1, 0), passage(2, 0), passage(3, 0)]);
}

#[test]
fn queries_and_passages_without_direction_match_nothing() {
    let dense = Dense::new(2, DenseSettings::default());
    dense.insert([(passage(1, 0), Code::quantize(&[0.0, 0.0])), (passage(2, 0), Code::quantize(&[0.0, -1.0]))]);
    dense.insert([(passage(3, 0), Code::quantize(&[1.0, 0.0, 0.0]))]);
    let snapshot = dense.snapshot();
    assert_eq!(snapshot.len(), 2, "a vector of another dimension is not taken in");
    assert_eq!(find(&snapshot, &[0.0, 1.0], 5, None), [DenseHit { passage: passage(2, 0), cosine: -1.0 }]);
    assert!(find(&snapshot, &[0.0, 0.0], 5, None).is_empty());
    assert!(find(&snapshot, &[1.0], 5, None).is_empty());
    assert!(find(&snapshot, &[0.0, 1.0], 0, None).is_empty());
    assert_eq!(snapshot.cosine(&snapshot.prepare(&[0.0, 1.0]), passage(9, 0)), None);
}

#[test]
fn a_removed_passage_is_gone_and_an_old_snapshot_still_has_it() {
    let (dense, model) = filled(100, eager());
    dense.maintain().unwrap();
    let before = dense.snapshot();
    let query = model[&passage(5, 1)].dequantize();
    let answer = find(&before, &query, 5, None);
    assert_eq!(answer[0].passage, passage(5, 1));
    dense.remove(&[passage(5, 0), passage(5, 1), passage(5, 2), passage(777, 0)]);
    assert!(find(&dense.snapshot(), &query, 300, None).iter().all(|h| document(h.passage) != 5));
    dense.insert([(passage(5, 1), Code::quantize(&query))]);
    assert_eq!(find(&dense.snapshot(), &query, 5, None)[0].passage, passage(5, 1));
    dense.remove(&model.keys().copied().collect::<Vec<_>>());
    dense.maintain().unwrap();
    assert!(dense.snapshot().is_empty() && find(&dense.snapshot(), &query, 5, None).is_empty());
    assert_eq!(find(&before, &query, 5, None), answer);
}

#[test]
fn the_graph_finds_nearly_all_and_never_what_is_refused() {
    let (dense, mut model) = filled(1_500, eager());
    assert_eq!(dense.maintain().unwrap().built, 4_500);
    let gone: Vec<u64> = (0..1_500).filter(|d| d % 5 == 0).flat_map(|d| (0..3).map(move |o| passage(d, o))).collect();
    dense.remove(&gone);
    model.retain(|p, _| !gone.contains(p));
    let snapshot = dense.snapshot();
    let mut stream = Stream(3);
    let (mut met, mut wanted) = (0, 0);
    for round in 0..60u32 {
        let accept: DocSet = (0..1_500).filter(|d| d % 4 == round % 4).collect();
        let accept = (round % 2 == 0).then_some(&accept);
        assert!(snapshot.uses_graph(accept.map(DocSet::count)));
        let query = stream.vector();
        let found = find(&snapshot, &query, 10, accept);
        assert_eq!(found.len(), 10);
        assert!(
            found
                .iter()
                .all(|h| model.contains_key(&h.passage) && accept.is_none_or(|a| a.contains(document(h.passage))))
        );
        let exact: BTreeSet<u64> = naive(&model, &query, 10, accept).iter().map(|h| h.passage).collect();
        met += found.iter().filter(|h| exact.contains(&h.passage)).count();
        wanted += exact.len();
    }
    assert!(met * 100 >= wanted * 90, "recall {met} of {wanted}");
}

#[test]
fn many_equal_vectors_stay_within_reach() {
    let dense = Dense::new(DIMENSION, eager());
    let mut stream = Stream(11);
    let (one, other) = (stream.vector(), stream.vector());
    dense.insert((0..400u64).map(|d| (passage(d, 0), Code::quantize(if d < 200 { &one } else { &other }))));
    dense.maintain().unwrap();
    let snapshot = dense.snapshot();
    assert_eq!(document(find(&snapshot, &one, 1, None)[0].passage) / 200, 0);
    assert_eq!(document(find(&snapshot, &other, 1, None)[0].passage) / 200, 1);
    assert!(find(&snapshot, &other, 150, None).iter().all(|h| document(h.passage) >= 200));
}

#[test]
fn maintenance_follows_growth_and_decay() {
    let (dense, _) = filled(10, eager());
    assert!(dense.maintain().unwrap().is_idle(), "too few for a graph");
    let mut stream = Stream(1);
    let mut add =
        |from: u64, to: u64| dense.insert((from..to).map(|d| (passage(d, 0), Code::quantize(&stream.vector()))));
    add(10, 80);
    assert_eq!(dense.maintain().unwrap().built, 100);
    assert!(dense.maintain().unwrap().is_idle());
    add(80, 85);
    assert!(dense.maintain().unwrap().is_idle(), "the tail is scanned");
    add(85, 95);
    assert_eq!(dense.maintain().unwrap().linked, 15);
    assert_eq!(dense.stats().in_graph, 115);
    add(95, 190);
    assert_eq!(dense.maintain().unwrap().built, 210, "doubled since the build");
    dense.remove(&(10..95).map(|d| passage(d, 0)).collect::<Vec<_>>());
    let done = dense.maintain().unwrap();
    assert_eq!((done.reclaimed, done.built), (85, 125));
    let stats = dense.stats();
    assert_eq!((stats.rows, stats.live, stats.tombstones, stats.in_graph), (125, 125, 0, 125));
    assert!(stats.bytes > 125 * DIMENSION);
}

fn reloaded(model: &BTreeMap<u64, Code>, dir: &Path) -> (Dense, bool) {
    let dense = Dense::new(DIMENSION, eager());
    // In another order than before: row numbers are not part of what is saved.
    dense.insert(model.iter().rev().map(|(p, c)| (*p, c.clone())));
    let loaded = dense.load_graph(dir).unwrap();
    (dense, loaded)
}

#[test]
fn a_saved_graph_answers_as_before() {
    let dir = tempfile::tempdir().unwrap();
    let (dense, model) = filled(500, eager());
    dense.maintain().unwrap();
    dense.save(dir.path()).unwrap();
    let (again, loaded) = reloaded(&model, dir.path());
    assert!(loaded);
    assert_eq!(again.stats().in_graph, 1_500);
    assert!(again.maintain().unwrap().is_idle(), "nothing to rebuild");
    let mut stream = Stream(5);
    let same = (0..50).filter(|_| {
        let query = stream.vector();
        find(&dense.snapshot(), &query, 10, None) == find(&again.snapshot(), &query, 10, None)
    });
    assert_eq!(same.count(), 50);
}

#[test]
fn a_saved_graph_serves_a_shelf_that_changed_a_little() {
    let dir = tempfile::tempdir().unwrap();
    let (dense, mut model) = filled(500, eager());
    dense.maintain().unwrap();
    dense.save(dir.path()).unwrap();
    let mut stream = Stream(9);
    for d in 0..40 {
        model.remove(&passage(d, 0));
        model.insert(passage(d, 1), Code::quantize(&stream.vector()));
        model.insert(passage(1_000 + d, 0), Code::quantize(&stream.vector()));
    }
    let (again, loaded) = reloaded(&model, dir.path());
    assert!(loaded);
    let snapshot = again.snapshot();
    let mut met = 0;
    for _ in 0..50 {
        let query = stream.vector();
        let found = find(&snapshot, &query, 10, None);
        assert!(found.iter().all(|h| model.contains_key(&h.passage)));
        let exact = naive(&model, &query, 10, None);
        met += found.iter().filter(|h| exact.iter().any(|e| e.passage == h.passage)).count();
    }
    assert!(met >= 450, "recall {met} of 500");
}

#[test]
fn a_graph_that_does_not_fit_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (dense, model) = filled(300, eager());
    let (_, loaded) = reloaded(&model, dir.path());
    assert!(!loaded, "there is none");
    dense.maintain().unwrap();
    dense.save(dir.path()).unwrap();
    let mut stream = Stream(2);
    let others: BTreeMap<u64, Code> = model.keys().map(|p| (*p, Code::quantize(&stream.vector()))).collect();
    let (again, loaded) = reloaded(&others, dir.path());
    assert!(!loaded, "the same passages, other vectors");
    assert_eq!(again.maintain().unwrap().built, 900);
    dense.remove(&model.keys().copied().collect::<Vec<_>>());
    dense.maintain().unwrap();
    dense.save(dir.path()).unwrap();
    assert!(!reloaded(&model, dir.path()).1, "saving a shelf without a graph leaves none behind");
}

#[test]
fn a_damaged_file_is_refused_and_nothing_breaks() {
    let dir = tempfile::tempdir().unwrap();
    let (dense, model) = filled(100, eager());
    dense.maintain().unwrap();
    dense.save(dir.path()).unwrap();
    let file = std::fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read(&file).unwrap();
    assert!(reloaded(&model, dir.path()).1);
    for at in (0..whole.len()).step_by(whole.len() / 97) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x40;
        std::fs::write(&file, &damaged).unwrap();
        assert!(!reloaded(&model, dir.path()).1, "byte {at} flipped");
        std::fs::write(&file, &whole[..at]).unwrap();
        assert!(!reloaded(&model, dir.path()).1, "cut at {at}");
    }
}

#[test]
fn readers_and_writers_go_on_while_the_graph_is_built() {
    let (dense, model) = filled(400, eager());
    let query = model[&passage(7, 2)].dequantize();
    std::thread::scope(|scope| {
        let building = scope.spawn(|| (0..6).map(|_| dense.maintain().unwrap().built).sum::<usize>());
        let mut stream = Stream(4);
        for d in 0..300u64 {
            dense.insert([(passage(2_000 + d, 0), Code::quantize(&stream.vector()))]);
            dense.remove(&[passage(100 + d, 0), passage(100 + d, 1), passage(100 + d, 2)]);
            assert_eq!(find(&dense.snapshot(), &query, 1, None)[0].passage, passage(7, 2));
        }
        assert!(building.join().unwrap() > 0);
    });
    dense.maintain().unwrap();
    let snapshot = dense.snapshot();
    assert_eq!(snapshot.len(), 600);
    let found = snapshot.search_exact(&snapshot.prepare(&query), 1_000, None);
    let documents: BTreeSet<u32> = found.iter().map(|h| document(h.passage)).collect();
    assert_eq!(documents, (0..100).chain(2_000..2_300).collect());
}

#[derive(Clone, Debug)]
enum Step {
    Insert(Vec<(u64, u64)>),
    Remove(Vec<(u64, u64)>),
    Maintain,
    Reload,
}

fn step() -> impl Strategy<Value = Step> {
    let keys = prop::collection::vec((0u64..60, 0u64..4), 1..40);
    prop_oneof![
        4 => keys.clone().prop_map(Step::Insert),
        2 => keys.prop_map(Step::Remove),
        2 => Just(Step::Maintain),
        1 => Just(Step::Reload),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_sequence_agrees_with_the_naive_model(steps in prop::collection::vec(step(), 1..30), seed in any::<u64>()) {
        let dir = tempfile::tempdir().unwrap();
        let mut stream = Stream(seed);
        let mut model: BTreeMap<u64, Code> = BTreeMap::new();
        let mut dense = Dense::new(DIMENSION, eager());
        for step in steps {
            match step {
                Step::Insert(keys) => {
                    let rows: Vec<_> = keys.iter().map(|(d, o)| (passage(*d, *o), Code::quantize(&stream.vector()))).collect();
                    model.extend(rows.clone());
                    dense.insert(rows);
                }
                Step::Remove(keys) => {
                    let gone: Vec<u64> = keys.iter().map(|(d, o)| passage(*d, *o)).collect();
                    model.retain(|p, _| !gone.contains(p));
                    dense.remove(&gone);
                }
                Step::Maintain => { dense.maintain().unwrap(); }
                Step::Reload => {
                    dense.save(dir.path()).unwrap();
                    (dense, _) = reloaded(&model, dir.path());
                }
            }
            let snapshot = dense.snapshot();
            prop_assert_eq!(snapshot.len(), model.len());
            let query = stream.vector();
            let accept: DocSet = (0..60).filter(|_| stream.next().is_multiple_of(2)).collect();
            for accept in [None, Some(&accept)] {
                let wanted = naive(&model, &query, 5, accept);
                let prepared = snapshot.prepare(&query);
                assert_same(&snapshot.search_exact(&prepared, 5, accept), &wanted);
                let found = snapshot.search(&prepared, 5, accept);
                prop_assert_eq!(found.len(), wanted.len());
                let nothing = snapshot.prepare(&vec![0.0; query.len()]);
                for floor in [-1.0, 0.2, 0.6] {
                    let all = snapshot.search_all(&[nothing.clone(), prepared.clone()], 5, floor, accept);
                    let near: Vec<DenseHit> = found.iter().filter(|hit| hit.cosine >= floor).copied().collect();
                    prop_assert_eq!(all, [Vec::new(), near]);
                }
                for hit in &found {
                    prop_assert!(model.contains_key(&hit.passage) && accept.is_none_or(|a| a.contains(document(hit.passage))));
                    prop_assert_eq!(snapshot.cosine(&prepared, hit.passage), Some(hit.cosine));
                }
            }
        }
    }
}
