//! Laws of the words' list: leaving out what cannot reach it changes nothing.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use zhiyin_index::embed::HashEmbedder;
use zhiyin_index::{Change, Document, Filter, Index, IndexSettings, LiveChange, Mode, Op, Query, Results};

/// More passages than are scored together, in few segments, with words from everywhere to nearly nowhere.
const DOCUMENTS: u32 = 9_000;
const WORDS: [&str; 12] =
    ["order", "refund", "battery", "invoice", "firmware", "warranty", "退货", "发票", "物流", "固件", "会员", "网关"];

fn mixed(n: u32) -> u32 {
    let x = n.wrapping_mul(0x9e37_79b1);
    (x ^ (x >> 15)).wrapping_mul(0x85eb_ca6b)
}

/// The word with number `w` stands in about one of `w + 1` documents, once to four times.
fn document(n: u32) -> Document {
    let mut body = String::from("the shop");
    for (w, word) in (0u32..).zip(WORDS) {
        let roll = mixed(n * 31 + w);
        if roll.is_multiple_of(w + 1) {
            body.push_str(&format!(" {word}").repeat((roll >> 8) as usize % 4 + 1));
        }
    }
    Document {
        id: format!("d{n}"),
        version: 1,
        title: WORDS[mixed(n + 7) as usize % WORDS.len()].to_owned(),
        body,
        questions: vec![],
        negative_questions: vec![],
        category: None,
        tags: vec![],
        audience: if mixed(n + 99).is_multiple_of(10) { "agent" } else { "public" }.into(),
        language: "zh".into(),
        attributes: BTreeMap::new(),
        from: 0,
        until: None,
    }
}

fn change(id: String, live: LiveChange) -> Change {
    Change { id, live, add_history: vec![], remove_history: vec![] }
}

fn scores(results: &Results) -> Vec<f32> {
    results.hits.iter().map(|h| h.relevance).collect()
}

#[test]
fn the_list_is_the_same_whether_or_not_everything_is_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let (index, _) = Index::open(dir.path(), IndexSettings::default(), Arc::new(HashEmbedder::default())).unwrap();
    for part in (0..DOCUMENTS).collect::<Vec<_>>().chunks(3_000) {
        let set = |n: &u32| change(format!("d{n}"), LiveChange::Set(Box::new(document(*n))));
        index.apply(part.iter().map(set).collect()).unwrap();
    }
    let gone = (0..DOCUMENTS).step_by(17).map(|n| change(format!("d{n}"), LiveChange::Remove));
    index.apply(gone.collect()).unwrap();
    let public = Filter::condition("audience", Op::Eq, json!("public"));
    for at in 0..WORDS.len() {
        let text = [WORDS[at], "the", WORDS[(at * 5 + 3) % 12], WORDS[(at * 7 + 1) % 12]].join(" ");
        for filter in [None, Some(public.clone())] {
            let some = Query { mode: Mode::Keyword, limit: 40, filter, ..Query::new(&text) };
            // A facet has every match counted, so nothing is left out.
            let all = Query { facets: vec!["audience".into()], ..some.clone() };
            let (some, all) = (index.search(&some).unwrap(), index.search(&all).unwrap());
            assert_eq!(scores(&some), scores(&all), "{text}");
            assert_eq!(some.total, all.total, "{text}");
            assert_eq!(some.hits.len(), 40, "{text}");
            let counted: u64 = all.facets["audience"].values().sum();
            assert_eq!(all.total as u64, counted.min(1_000), "{text}");
        }
    }
}
