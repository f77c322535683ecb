//! Does the scan find what adding everything up finds? Lists long enough to be narrowed, in made-up segments.
//!
//! Invariant: what is compared with is made without the scan: every list gives every passage its score.
#![expect(clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::best::Best;
use super::cursor::Cursor;
use super::postings::{Posting, Postings};
use super::score::{Matching, Scan, Units, scan};
use super::windows::Windows;
use crate::document::passage_id;
use crate::settings::Combine;

const PASSAGES: u32 = 30_000;

/// What a list is made from.
type Made = (u32, u32, f32);

/// A list that one passage in `every` stands in, with scores up to `most`, few of them high.
fn list((seed, every, most): Made) -> Postings {
    let noise = |doc: u32, salt: u32| {
        let mut x = doc.wrapping_mul(0x9e37_79b9) ^ seed.wrapping_mul(0x85eb_ca6b) ^ salt;
        for _ in 0..3 {
            x = (x ^ (x >> 15)).wrapping_mul(0x2c1b_3c6d);
        }
        x ^ (x >> 16)
    };
    let docs = (0..PASSAGES).filter(|doc| noise(*doc, 1) % every == 0);
    let score = |doc| most * (0.1 + 0.9 * ((noise(doc, 2) % 1_000) as f32 / 999.0).powi(3));
    Postings::new(docs.map(|doc| Posting { doc, score: score(doc) }).collect())
}

fn a_list() -> impl Strategy<Value = Made> {
    (any::<u32>(), 1u32..40, 0.1f32..4.0)
}

type Readings = Vec<Vec<Postings>>;

/// What every passage scores.
fn plainly(plain: &[Postings], concepts: &[Readings], scale: f32) -> BTreeMap<u32, f32> {
    let sum = |lists: &[Postings], scale: f32| {
        let mut sums: BTreeMap<u32, f32> = BTreeMap::new();
        for posting in lists.iter().flat_map(|list| &list.all) {
            *sums.entry(posting.doc).or_default() += posting.score * scale;
        }
        sums
    };
    let mut all = sum(plain, 1.0);
    for readings in concepts {
        let mut best: BTreeMap<u32, f32> = BTreeMap::new();
        for (doc, score) in readings.iter().flat_map(|lists| sum(lists, scale)) {
            let own = best.entry(doc).or_default();
            *own = own.max(score);
        }
        best.into_iter().for_each(|(doc, score)| *all.entry(doc).or_default() += score);
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nothing_that_scores_more_is_left_out(
        plain in prop::collection::vec(a_list(), 0..5),
        concepts in prop::collection::vec(prop::collection::vec(prop::collection::vec(a_list(), 1..3), 1..4), 0..4),
        scale in 0.3f32..1.0,
        k in 1usize..40,
        left in 0usize..2_000,
        wanted in prop::collection::btree_set(0..PASSAGES, 0..20),
    ) {
        let plain: Vec<Postings> = plain.into_iter().map(list).collect();
        let lists = |reading: Vec<Made>| reading.into_iter().map(list).collect();
        let concepts: Vec<Readings> =
            concepts.into_iter().map(|readings: Vec<Vec<Made>>| readings.into_iter().map(lists).collect()).collect();
        let expected = plainly(&plain, &concepts, scale);
        let mut units = Units::new(Combine::Best);
        plain.iter().for_each(|list| units.clause(Cursor::short(list, 1.0)));
        for readings in &concepts {
            let cursors = readings.iter().map(|lists| lists.iter().map(|list| Cursor::short(list, scale)));
            units.concept(cursors, f32::MAX);
        }
        let passages: Vec<u64> = (0..PASSAGES).map(|document| passage_id(document, 0)).collect();
        let wanted: Vec<u32> = wanted.into_iter().collect();
        let segment = Scan { ordinal: 0, passages: &passages, is_alive: &|_| true, accept: None, wanted: &wanted };
        let (mut best, mut completed) = (Best::new(k), Vec::new());
        let mut matching = Matching { left, ..Matching::default() };
        let done = scan(&segment, &mut units, &mut Windows::new(true), &mut best, &mut completed, &mut matching);
        prop_assert!(done.is_ok());
        let mut scores: Vec<f32> = expected.values().copied().collect();
        scores.sort_by(|a, b| b.total_cmp(a));
        scores.truncate(k);
        let found = best.finish();
        prop_assert_eq!(found.len(), scores.len());
        for (hit, score) in found.iter().zip(scores) {
            prop_assert!((hit.score - score).abs() < 1e-4, "{} is not {score}", hit.score);
            prop_assert!((hit.score - expected[&hit.address.doc_id]).abs() < 1e-4);
        }
        let asked: Vec<u32> = wanted.into_iter().filter(|doc| expected.contains_key(doc)).collect();
        prop_assert_eq!(completed.iter().map(|(passage, _)| (passage >> 16) as u32).collect::<Vec<_>>(), asked);
        for (passage, score) in completed {
            prop_assert!((score - expected[&((passage >> 16) as u32)]).abs() < 1e-4);
        }
        prop_assert_eq!(matching.left, left.saturating_sub(expected.len()));
    }
}
