//! What a search looked at, and given documents as hits: both are made as the search itself makes them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use zhiyin_index::embed::HashEmbedder;
use zhiyin_index::{Change, Document, Filter, Index, IndexSettings, LiveChange, Mode, Op, Query};

const TEXTS: [(&str, &str, &str); 5] = [
    ("returns", "退货政策", "# 期限\n\n签收后 15 天内可以无理由退货。\n\n# 运费\n\n退货运费由您承担。"),
    ("shipping", "运费标准", "标准配送 12 元,满 199 元包邮。"),
    ("refund", "Refund timing", "Refunds reach the card within five days."),
    ("cloud", "Cloud plans", "Plus costs 15 yuan a month."),
    ("secret", "退货限额", "客服可以同意 500 元以内的退货。"),
];

fn index() -> (tempfile::TempDir, Index) {
    let folder = tempfile::tempdir().unwrap();
    let embedder = Arc::new(HashEmbedder::default());
    let (index, _) = Index::open(&folder.path().join("i"), IndexSettings::default(), embedder).unwrap();
    let changes = TEXTS.iter().map(|(id, title, body)| {
        let document = Document {
            id: (*id).into(),
            version: 1,
            title: (*title).into(),
            body: (*body).into(),
            questions: if *id == "returns" { vec!["买了几天可以退".into()] } else { vec![] },
            negative_questions: vec![],
            category: None,
            tags: vec![],
            audience: if *id == "secret" { "agent".into() } else { "public".into() },
            language: "zh".into(),
            attributes: BTreeMap::new(),
            from: 0,
            until: None,
        };
        let live = LiveChange::Set(Box::new(document));
        Change { id: (*id).into(), live, add_history: vec![], remove_history: vec![] }
    });
    index.apply(changes.collect()).unwrap();
    (folder, index)
}

#[test]
fn candidates_stand_in_the_order_of_the_search_with_its_confidence() {
    let (_folder, index) = index();
    for (text, mode) in [("退货运费", Mode::Hybrid), ("退货运费", Mode::Keyword), ("几天可以退", Mode::Semantic)]
    {
        let query = Query { mode, explain: true, ..Query::new(text) };
        let (results, candidates) = (index.search(&query).unwrap(), index.candidates(&query).unwrap());
        let hits: Vec<&str> = results.hits.iter().map(|hit| hit.record.id.as_str()).collect();
        assert_eq!(candidates.documents(), hits, "{text} {mode:?}");
        let best = &candidates.passages[0];
        assert_eq!((best.relevance, best.confidence), (results.hits[0].relevance, results.confidence));
        let detail = best.detail.as_ref().unwrap();
        assert!(detail.chars > 0 && (0.0..=1.0).contains(&detail.covered), "{detail:?}");
        if let (Mode::Keyword, Some(bm25)) = (mode, best.features.bm25) {
            let sum: f32 = detail.fields.values().sum();
            assert!((sum - bm25).abs() < 0.01, "the fields make up the whole: {sum} {bm25}");
            assert!(detail.matched > 0);
        }
    }
}

#[test]
fn given_documents_are_hits_as_the_search_would_show_them() {
    let (_folder, index) = index();
    let query = Query { explain: true, ..Query::new("退货运费") };
    let results = index.search(&query).unwrap();
    let hits = index.hits_of(&["cloud", "returns", "nowhere"], &query).unwrap();
    let ids: Vec<&str> = hits.iter().map(|hit| hit.record.id.as_str()).collect();
    assert_eq!(ids, ["cloud", "returns"], "in the order given, without what is not there");
    let own = results.hits.iter().find(|hit| hit.record.id == "returns").unwrap();
    assert_eq!((hits[1].relevance, &hits[1].passage), (own.relevance, &own.passage));
    assert!(hits[1].explain.is_some());
}

#[test]
fn a_document_that_shares_nothing_with_the_query_shows_its_first_passage() {
    let (_folder, index) = index();
    let query = Query { mode: Mode::Keyword, ..Query::new("zebra") };
    assert!(index.search(&query).unwrap().hits.is_empty());
    let hits = index.hits_of(&["refund"], &query).unwrap();
    assert_eq!(hits[0].passage.text, "Refunds reach the card within five days.");
    assert!(hits[0].score < 0.1, "{}", hits[0].score);
}

#[test]
fn the_filter_holds_for_given_documents() {
    let (_folder, index) = index();
    let filter = Some(Filter::condition("audience", Op::In, json!(["public"])));
    let query = Query { filter, ..Query::new("退货") };
    let hits = index.hits_of(&["secret", "returns"], &query).unwrap();
    let ids: Vec<&str> = hits.iter().map(|hit| hit.record.id.as_str()).collect();
    assert_eq!(ids, ["returns"]);
}
