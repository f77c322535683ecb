//! What synonyms and translations do to a search, and what they never do.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use zhiyin_index::embed::HashEmbedder;
use zhiyin_index::{
    Change, Combine, Document, Index, IndexSettings, Lexicon, LiveChange, Mode, Query, RankSettings, Results,
    SynonymRule, Synonyms,
};

fn set(id: &str, title: &str, body: &str) -> Change {
    let document = Document {
        id: id.into(),
        version: 1,
        title: title.into(),
        body: body.into(),
        questions: vec![],
        negative_questions: vec![],
        category: None,
        tags: vec![],
        audience: "public".into(),
        language: "zh".into(),
        attributes: BTreeMap::new(),
        from: 0,
        until: None,
    };
    Change { id: id.into(), live: LiveChange::Set(Box::new(document)), add_history: vec![], remove_history: vec![] }
}

fn open(dir: &Path, settings: IndexSettings) -> Index {
    Index::open(dir, settings, Arc::new(HashEmbedder::default())).unwrap().0
}

fn ids(results: &Results) -> Vec<&str> {
    results.hits.iter().map(|h| h.record.id.as_str()).collect()
}

fn rules(rules: &[SynonymRule]) -> Option<Arc<Synonyms>> {
    Some(Arc::new(Synonyms::new(rules)))
}

fn own(list: &[&str]) -> Vec<String> {
    list.iter().map(|s| (*s).to_owned()).collect()
}

fn ask(index: &Index, text: &str, synonyms: &Option<Arc<Synonyms>>) -> Results {
    let query = Query { mode: Mode::Keyword, synonyms: synonyms.clone(), explain: true, ..Query::new(text) };
    index.search(&query).unwrap()
}

fn shop(index: &Index) {
    index
        .apply(vec![
            set("returns", "退货政策", "签收后 15 天内可以无理由退货。"),
            set("rma", "Return merchandise authorization", "Ask for a number before you send anything back."),
            set("phone", "iPhone 保修", "苹果手机享受一年保修。"),
            set("invoice", "开具发票", "在订单详情页点击申请发票。"),
        ])
        .unwrap();
}

#[test]
fn synonyms_of_every_kind_apply_to_the_next_search() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(dir.path(), IndexSettings::default());
    shop(&index);
    let two_way = rules(&[SynonymRule::TwoWay(own(&["rma", "return merchandise authorization", "退货"]))]);
    assert!(ask(&index, "RMA", &None).hits.iter().all(|hit| hit.record.id != "returns"));
    let found = ask(&index, "RMA", &two_way);
    assert!(ids(&found).contains(&"returns") && ids(&found).contains(&"rma"), "{:?}", ids(&found));
    assert_eq!(ids(&ask(&index, "我要退貨", &two_way))[..2], ["returns", "rma"]);
    let one_way = rules(&[SynonymRule::OneWay(own(&["票据"]), own(&["发票"]))]);
    assert_eq!(ids(&ask(&index, "票据", &one_way)), ["invoice"]);
    let other_way = rules(&[SynonymRule::OneWay(own(&["退货"]), own(&["发票"]))]);
    assert_eq!(ids(&ask(&index, "发票", &other_way)), ["invoice"]);
    let replacement = rules(&[SynonymRule::Replacement(own(&["发票"]), "保修".into())]);
    assert_eq!(ids(&ask(&index, "发票", &replacement)), ["phone"]);
}

#[test]
fn cycles_do_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(dir.path(), IndexSettings::default());
    shop(&index);
    let cycle = rules(&[
        SynonymRule::OneWay(own(&["票据"]), own(&["发票"])),
        SynonymRule::OneWay(own(&["发票"]), own(&["票据"])),
        SynonymRule::Replacement(own(&["甲方"]), "乙方".into()),
        SynonymRule::Replacement(own(&["乙方"]), "甲方".into()),
    ]);
    assert_eq!(ids(&ask(&index, "票据", &cycle)), ["invoice"]);
    ask(&index, "甲方 乙方", &cycle);
}

#[test]
fn many_ways_to_say_one_thing_do_not_outweigh_two_things() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(dir.path(), IndexSettings::default());
    let mut changes = vec![
        set("one", "a", "refund repay reimburse chargeback cashback moneyback"),
        set("two", "b", "refund voucher"),
    ];
    changes.extend((0..30).map(|n| set(&format!("n{n}"), "c", "lamp table chair window")));
    index.apply(changes).unwrap();
    let group =
        rules(&[SynonymRule::TwoWay(own(&["refund", "repay", "reimburse", "chargeback", "cashback", "moneyback"]))]);
    for text in ["refund voucher", "reimburse voucher"] {
        assert_eq!(ids(&ask(&index, text, &group))[0], "two", "{text}");
    }
}

#[test]
fn an_alternative_scores_less_than_the_word_itself() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(dir.path(), IndexSettings::default());
    index.apply(vec![set("a", "x", "couch in the room"), set("b", "x", "sofa in the room")]).unwrap();
    let group = rules(&[SynonymRule::TwoWay(own(&["couch", "sofa"]))]);
    let found = ask(&index, "sofa", &group);
    assert_eq!(ids(&found), ["b", "a"]);
    assert!(found.hits[1].relevance < found.hits[0].relevance);
    let alone = ask(&index, "sofa", &None);
    assert_eq!(found.hits[0].relevance, alone.hits[0].relevance, "a synonym takes nothing from the word itself");
    // Another document that says the same makes the first one less sure, never surer.
    assert!(found.confidence <= alone.confidence);
}

#[test]
fn the_lexicon_is_asked_where_both_languages_are_held() {
    let dir = tempfile::tempdir().unwrap();
    let lexicon = Lexicon::of(&[("退货", "return", 0.6), ("退货", "chair", 0.1), ("author", "发票", 0.2)]);
    let settings = IndexSettings { lexicon: Some(Arc::new(lexicon)), ..IndexSettings::default() };
    let index = open(dir.path(), settings);
    index
        .apply(vec![
            set("en", "Returning things", "You send the thing back."),
            set("chair", "Chair", "This is the chair."),
            set("zh", "开具发票", "在订单详情页点击你的发票。"),
        ])
        .unwrap();
    let found = ask(&index, "怎么退货", &None);
    assert_eq!(ids(&found), ["en", "chair"]);
    let rewrites = &found.hits[0].explain.as_ref().unwrap()["query"]["rewrites"];
    assert_eq!(rewrites[0]["source"], "translation", "{rewrites}");
}

/// A passage's score is what the scan summed, and also what its parts sum up to, whatever was left out on the way.
#[test]
fn leaving_out_changes_nothing() {
    const WORDS: [&str; 12] =
        ["lamp", "table", "chair", "window", "door", "roof", "wall", "floor", "stair", "garden", "fence", "gate"];
    for combine in [Combine::Best, Combine::Sum] {
        let dir = tempfile::tempdir().unwrap();
        let rank = RankSettings { alternatives: combine, ..RankSettings::default() };
        let index = open(dir.path(), IndexSettings { rank, ..IndexSettings::default() });
        let body = |n: usize| {
            let words = (0..6).map(|i| WORDS[(n / (i + 1) + n * i * i + i) % WORDS.len()]);
            words.collect::<Vec<_>>().join(" ")
        };
        for batch in 0..3 {
            let changes = (0..2_500).map(|n| batch * 2_500 + n).map(|n| set(&format!("d{n}"), "", &body(n)));
            index.apply(changes.collect()).unwrap();
        }
        let group = rules(&[
            SynonymRule::TwoWay(own(&["lamp", "table chair", "gate"])),
            SynonymRule::OneWay(own(&["door"]), own(&["fence", "unheard"])),
        ]);
        for text in ["lamp window door", "gate", "unheard door roof gate"] {
            let found = ask(&index, text, &group);
            assert!(found.hits.len() == 10);
            for hit in &found.hits {
                let words = &hit.explain.as_ref().unwrap()["words"];
                let parts: f64 = words["parts"].as_array().unwrap().iter().map(|p| p["score"].as_f64().unwrap()).sum();
                let bm25 = words["bm25"].as_f64().unwrap();
                assert!((parts - bm25).abs() < 0.01, "{text} {}: {parts} is not {bm25}", hit.record.id);
            }
            // All of them, none left out: the first ten are the same.
            let all = index
                .search(&Query {
                    mode: Mode::Keyword,
                    synonyms: group.clone(),
                    facets: vec!["category".into()],
                    ..Query::new(text)
                })
                .unwrap();
            assert_eq!(ids(&all), ids(&found), "{text}");
        }
    }
}
