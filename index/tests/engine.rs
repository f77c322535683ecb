//! Stories of the engine: what is put in is found, what is taken out is not, and the past stays as it was.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use zhiyin_index::embed::{BilingualEmbedder, EmbedError, Embedder, HashEmbedder, Role};
use zhiyin_index::{
    Attribute, Change, Document, Error, Filter, Index, IndexSettings, LiveChange, Mode, Op, Opened, Query, Results,
};

fn document(id: &str, version: u32, title: &str, body: &str) -> Document {
    Document {
        id: id.into(),
        version,
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
    }
}

fn set(document: Document) -> Change {
    Change {
        id: document.id.clone(),
        live: LiveChange::Set(Box::new(document)),
        add_history: vec![],
        remove_history: vec![],
    }
}

fn remove(id: &str) -> Change {
    Change { id: id.into(), live: LiveChange::Remove, add_history: vec![], remove_history: vec![] }
}

fn open(dir: &Path) -> (Index, Opened) {
    Index::open(dir, IndexSettings::default(), Arc::new(HashEmbedder::default())).unwrap()
}

fn ids(results: &Results) -> Vec<String> {
    results.hits.iter().map(|h| h.record.id.clone()).collect()
}

fn shop(index: &Index) {
    let mut returns = document(
        "returns",
        1,
        "退货政策",
        "# 期限\n\n签收后 15 天内可以无理由退货。\n\n# 运费\n\n质量问题由我们承担运费,其他情况由您承担。",
    );
    returns.questions = vec!["买了几天可以退货".into(), "退货运费谁出".into()];
    returns.category = Some("售后/退货".into());
    returns.tags = vec!["退货".into(), "运费".into()];
    returns.attributes = BTreeMap::from([("days".into(), Attribute::Number(15.0))]);
    let mut invoice = document("invoice", 1, "开具发票", "在订单详情页点击「申请发票」,填写抬头和税号。");
    invoice.category = Some("订单/发票".into());
    invoice.attributes = BTreeMap::from([("product".into(), Attribute::Text("X200-Pro".into()))]);
    let mut limits = document("limits", 1, "退款审批额度", "客服最多可以直接批准 200 元的退款。");
    limits.audience = "agent".into();
    let mut english = document(
        "wifi",
        1,
        "Connect the hub to Wi-Fi",
        "Open the app, choose your network and enter the password. Firmware 4.3.1 or later is needed.",
    );
    english.language = "en".into();
    index.apply(vec![set(returns), set(invoice), set(limits), set(english)]).unwrap();
}

#[test]
fn a_question_finds_its_article_and_the_passage_that_answers() {
    let dir = tempfile::tempdir().unwrap();
    let (index, opened) = open(dir.path());
    assert_eq!(opened, Opened::New);
    shop(&index);
    let results = index.search(&Query::new("退货的运费由谁承担")).unwrap();
    let hit = &results.hits[0];
    assert_eq!(hit.record.id, "returns");
    assert_eq!(hit.passage.heading, ["运费"]);
    assert!(hit.passage.text.contains("质量问题由我们承担运费"), "{}", hit.passage.text);
    assert!(hit.passage.html.contains("<mark>"), "{}", hit.passage.html);
    let body = "# 期限\n\n签收后 15 天内可以无理由退货。\n\n# 运费\n\n质量问题由我们承担运费,其他情况由您承担。";
    let cut: String =
        body.chars().skip(hit.passage.start as usize).take((hit.passage.end - hit.passage.start) as usize).collect();
    assert_eq!(cut, hit.passage.text, "offsets point into the stored body");
}

#[test]
fn a_known_question_is_named_when_it_is_what_matched() {
    let dir = tempfile::tempdir().unwrap();
    let (index, _) = open(dir.path());
    shop(&index);
    let results = index.search(&Query::new("买了几天可以退货")).unwrap();
    assert_eq!(results.hits[0].matched_question.as_deref(), Some("买了几天可以退货"));
    assert!(results.confidence > 0.5, "{}", results.confidence);
}

#[test]
fn one_hit_per_document_and_totals_count_documents() {
    let dir = tempfile::tempdir().unwrap();
    let (index, _) = open(dir.path());
    shop(&index);
    let results = index.search(&Query { mode: Mode::Keyword, ..Query::new("退货 运费 退款") }).unwrap();
    let mut found = ids(&results);
    found.sort();
    assert_eq!(found, ["limits", "returns"]);
    assert_eq!(results.total, 2);
}

#[test]
fn a_single_character_is_findable() {
    let dir = tempfile::tempdir().unwrap();
    let (index, _) = open(dir.path());
    shop(&index);
    for one in ["税", "抬", "情"] {
        let results = index.search(&Query { mode: Mode::Keyword, ..Query::new(one) }).unwrap();
        assert!(!results.hits.is_empty(), "{one}");
    }
}

#[test]
fn identifiers_traditional_forms_and_full_width_find_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let (index, _) = open(dir.path());
    shop(&index);
    for (query, id) in [("4.3.1", "wifi"), ("４．３．１", "wifi"), ("WIFI", "wifi"), ("開具發票", "invoice")] {
        let results = index.search(&Query { mode: Mode::Keyword, ..Query::new(query) }).unwrap();
        assert_eq!(ids(&results).first().map(String::as_str), Some(id), "{query}");
    }
}

#[test]
fn filters_hold_in_every_list_total_and_facet() {
    let dir = tempfile::tempdir().unwrap();
    let (index, _) = open(dir.path());
    shop(&index);
    let public = Filter::condition("audience", Op::In, json!(["public"]));
    for mode in [Mode::Hybrid, Mode::Keyword, Mode::Semantic] {
        let query = Query {
            mode,
            filter: Some(public.clone()),
            facets: vec!["audience".into(), "category".into()],
            ..Query::new("退款审批额度 退货")
        };
        let results = index.search(&query).unwrap();
        assert!(!ids(&results).contains(&"limits".to_owned()), "{mode:?}");
        assert!(!results.facets["audience"].contains_key("agent"), "{mode:?}");
        assert!(results.total <= 3, "{mode:?}");
    }
    let nothing = Query { filter: Some(Filter::Any { any: vec![] }), ..Query::new("退货") };
    let results = index.search(&nothing).unwrap();
    assert!(results.hits.is_empty() && results.total == 0);
}

#[test]
fn a_filter_that_makes_no_sense_is_an_error_with_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let (index, _) = open(dir.path());
    let wrong = [
        (Filter::condition("colour", Op::Eq, json!("red")), "filters.field"),
        (Filter::condition("version", Op::Eq, json!("one")), "filters.value"),
        (Filter::condition("title", Op::Gt, json!("a")), "filters.op"),
        (Filter::condition("tags", Op::In, json!("退货")), "filters.value"),
        (Filter::condition("tags", Op::Exists, json!(1)), "filters.value"),
        (Filter::All { all: vec![Filter::condition("tags", Op::Under, json!("a"))] }, "filters.all[0].op"),
    ];
    for (filter, expected) in wrong {
        let error = index.search(&Query { filter: Some(filter), ..Query::new("x") }).unwrap_err();
        let Error::Filter { path, .. } = error else { panic!("{error}") };
        assert_eq!(path, expected);
    }
}

#[test]
fn what_is_removed_leaves_no_trace() {
    let dir = tempfile::tempdir().unwrap();
    let (index, _) = open(dir.path());
    shop(&index);
    index.apply(vec![remove("returns")]).unwrap();
    for mode in [Mode::Hybrid, Mode::Keyword, Mode::Semantic] {
        let results = index.search(&Query { mode, ..Query::new("退货运费谁出") }).unwrap();
        assert!(!ids(&results).contains(&"returns".to_owned()), "{mode:?}");
    }
    assert!(index.suggest("退货政", 5, None).unwrap().is_empty());
    assert_eq!(index.stats().documents, 3);
}

#[test]
fn a_new_version_takes_the_place_of_the_old_one() {
    let dir = tempfile::tempdir().unwrap();
    let (index, _) = open(dir.path());
    shop(&index);
    let before = index.stats().documents;
    index.apply(vec![set(document("returns", 2, "退货政策", "签收后 30 天内可以退货。"))]).unwrap();
    let results = index.search(&Query::new("几天内可以退货")).unwrap();
    assert_eq!(results.hits[0].record.version, 2);
    assert!(results.hits[0].passage.text.contains("30 天"));
    assert_eq!(index.stats().documents, before);
}

/// The same changes made twice, as after a crash between commit and acknowledgement.
#[test]
fn applying_again_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (index, _) = open(dir.path());
    shop(&index);
    let first = index.search(&Query::new("退货运费")).unwrap();
    shop(&index);
    let second = index.search(&Query::new("退货运费")).unwrap();
    assert_eq!(ids(&first), ids(&second));
    assert_eq!(first.hits[0].relevance, second.hits[0].relevance, "statistics leave out what was deleted");
    assert_eq!(index.stats().documents, 4);
}

/// A search of the past gives what a search at that moment gave: documents, order and scores.
#[test]
fn the_past_is_searched_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (index, _) = open(dir.path());
    let queries = ["几天内可以退货", "运费多少", "发票", "保修", "会员"];
    let at = |document: Document, from: i64| Document { from, ..document };
    let past = |document: Document, from: i64, until: i64| Document { from, until: Some(until), ..document };
    let v1 = document("returns", 1, "退货政策", "签收后 7 天内可以退货,运费自理。");
    let v2 = document("returns", 2, "退货政策", "签收后 15 天内可以退货,运费 12 元。");
    let fee = document("fee", 1, "运费", "订单满 99 元免运费。");
    let vip = document("vip", 1, "会员", "会员免运费,保修延长一年。");
    let mut snapshots: Vec<(i64, Vec<Results>)> = Vec::new();
    let mut remember = |index: &Index, now: i64| {
        let all = queries.iter().map(|q| index.search(&Query::new(q)).unwrap()).collect();
        snapshots.push((now, all));
    };
    index.apply(vec![set(at(v1.clone(), 100)), set(at(fee.clone(), 100))]).unwrap();
    remember(&index, 150);
    // At 200 version 2 takes over and a new article appears.
    index
        .apply(vec![
            Change { add_history: vec![past(v1.clone(), 100, 200)], ..set(at(v2.clone(), 200)) },
            set(at(vip.clone(), 200)),
        ])
        .unwrap();
    remember(&index, 250);
    // At 300 one article leaves.
    index.apply(vec![Change { add_history: vec![past(fee.clone(), 100, 300)], ..remove("fee") }]).unwrap();
    remember(&index, 350);
    for (moment, expected) in &snapshots {
        for (query, expected) in queries.iter().zip(expected) {
            let found = index.search(&Query { as_of: Some(*moment), ..Query::new(query) }).unwrap();
            let shape = |r: &Results| -> Vec<(String, u32, f32, String)> {
                r.hits
                    .iter()
                    .map(|h| (h.record.id.clone(), h.record.version, h.relevance, h.passage.text.clone()))
                    .collect()
            };
            assert_eq!(shape(&found), shape(expected), "{query} at {moment}");
            assert_eq!(found.confidence, expected.confidence, "{query} at {moment}");
            assert_eq!(found.total, expected.total, "{query} at {moment}");
        }
    }
    assert!(index.search(&Query { as_of: Some(50), ..Query::new("退货") }).unwrap().hits.is_empty());
}

#[test]
fn a_restart_finds_everything_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let before = {
        let (index, _) = open(dir.path());
        shop(&index);
        index.apply(vec![remove("invoice")]).unwrap();
        index.search(&Query::new("退货运费")).unwrap()
    };
    let (index, opened) = open(dir.path());
    assert_eq!(opened, Opened::Ready);
    let after = index.search(&Query::new("退货运费")).unwrap();
    assert_eq!(ids(&before), ids(&after));
    assert_eq!(before.hits[0].relevance, after.hits[0].relevance);
    assert_eq!(index.stats().vectors, index.stats().passages, "vectors come from the index, not from the model");
    index.apply(vec![set(document("new", 1, "新品", "新品发布"))]).unwrap();
    assert_eq!(index.stats().documents, 4);
}

#[test]
fn a_damaged_index_is_thrown_away_and_says_so() {
    for damage in ["meta.json", ".store", ".fast"] {
        let dir = tempfile::tempdir().unwrap();
        {
            let (index, _) = open(dir.path());
            shop(&index);
        }
        let live = dir.path().join("live");
        for entry in std::fs::read_dir(&live).unwrap() {
            let path = entry.unwrap().path();
            if path.to_string_lossy().ends_with(damage) {
                std::fs::write(path, b"{ this is not what was written").unwrap();
            }
        }
        let (index, opened) = open(dir.path());
        assert!(matches!(opened, Opened::Discarded(_)), "{damage}: {opened:?}");
        assert_eq!(index.stats().documents, 0);
        shop(&index);
        assert_eq!(index.search(&Query::new("退货")).unwrap().hits[0].record.id, "returns", "{damage}");
    }
}

#[test]
fn another_model_or_dictionary_means_a_rebuild() {
    let dir = tempfile::tempdir().unwrap();
    {
        let (index, _) = open(dir.path());
        shop(&index);
    }
    let other = Arc::new(HashEmbedder::new(7, 128));
    let (index, opened) = Index::open(dir.path(), IndexSettings::default(), other).unwrap();
    assert!(matches!(opened, Opened::Discarded(_)));
    assert_eq!(index.stats().documents, 0);
}

#[test]
fn suggestions_begin_with_or_contain_what_is_typed() {
    let dir = tempfile::tempdir().unwrap();
    let (index, _) = open(dir.path());
    shop(&index);
    let texts =
        |typed: &str| -> Vec<String> { index.suggest(typed, 5, None).unwrap().into_iter().map(|s| s.text).collect() };
    assert_eq!(texts("退货"), ["退货政策", "退货运费谁出", "买了几天可以退货"]);
    assert_eq!(texts("the h"), ["Connect the hub to Wi-Fi"]);
    assert_eq!(texts("onnect"), Vec::<String>::new(), "not inside a word");
    let public = Filter::condition("audience", Op::In, json!(["public"]));
    assert!(index.suggest("退款", 5, Some(&public)).unwrap().is_empty());
}

#[test]
fn questions_that_ask_the_same_are_told_by_words_and_their_neighbours() {
    let dir = tempfile::tempdir().unwrap();
    let embedder = Arc::new(BilingualEmbedder::bundled().unwrap());
    let (index, _) = Index::open(dir.path(), IndexSettings::default(), embedder).unwrap();
    shop(&index);
    let asked = "忘记登录密码怎么办";
    let others = [asked, "登录密码忘了怎么找回", "登录手机号怎么换", "How do I descale the kettle?", ""];
    let same = index.sameness(asked, &others);
    assert!((same[0] - 1.0).abs() < 1e-4, "{same:?}");
    assert!(same[1] > same[2] && same[2] > same[3] && same[3] >= same[4], "{same:?}");
    assert!(same.iter().all(|s| (0.0..=1.0).contains(s)), "{same:?}");
    for (other, same) in others.iter().zip(&same) {
        let back = index.sameness(other, &[asked])[0];
        assert!((back - same).abs() < 1e-4, "{other}: {same} and {back}");
    }
    // An embedder without vectors of words goes by the cosine alone.
    let other = tempfile::tempdir().unwrap();
    let (plain, _) = open(other.path());
    let cosine = plain.likeness("退货", &["退货政策"])[0];
    assert!(cosine > 0.1 && (plain.sameness("退货", &["退货政策"])[0] - cosine * cosine).abs() < 1e-6);
}

#[test]
fn an_explanation_adds_up() {
    let dir = tempfile::tempdir().unwrap();
    let (index, _) = open(dir.path());
    shop(&index);
    let results = index.search(&Query { explain: true, ..Query::new("退货运费") }).unwrap();
    let explain = results.hits[0].explain.clone().unwrap();
    let parts = explain["words"]["parts"].as_array().unwrap();
    let sum: f64 = parts.iter().map(|p| p["score"].as_f64().unwrap()).sum();
    let bm25 = explain["words"]["bm25"].as_f64().unwrap();
    assert!((sum - bm25).abs() < 1e-3, "{sum} is not {bm25}: {explain:#}");
    assert!(parts.len() >= 2);
    // What the leader was looked at for, and what its confidence is made of.
    let closer = &explain["closer"];
    for sign in ["window", "wording", "lead"] {
        assert!(closer[sign].as_f64().is_some_and(|value| value >= 0.0), "{sign}: {closer}");
    }
    let sure = &explain["confidence"];
    let weights = &sure["weights"][sure["kind"].as_str().unwrap()];
    let of = |name: &str| weights[name].as_f64().unwrap();
    let above = (sure["evidence"].as_f64().unwrap() - of("middle")) / of("spread");
    let (offset, slope) = (sure["weights"]["offset"].as_f64().unwrap(), sure["weights"]["slope"].as_f64().unwrap());
    let value = 1.0 / (1.0 + (offset - slope * above).exp());
    assert!((value - sure["value"].as_f64().unwrap()).abs() < 1e-3, "{value}: {sure:#}");
}

struct Broken;

impl Embedder for Broken {
    fn id(&self) -> &str {
        "broken"
    }
    fn dimension(&self) -> usize {
        8
    }
    fn embed(&self, _: &[&str], _: Role) -> Result<Vec<Vec<f32>>, EmbedError> {
        Err(EmbedError::Unavailable("no answer".into()))
    }
}

#[test]
fn a_search_goes_on_without_vectors_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let (index, _) = Index::open(dir.path(), IndexSettings::default(), Arc::new(Broken)).unwrap();
    shop(&index);
    let results = index.search(&Query::new("退货运费")).unwrap();
    assert_eq!(results.degraded, ["semantic"]);
    assert_eq!(results.hits[0].record.id, "returns");
    let semantic = index.search(&Query { mode: Mode::Semantic, ..Query::new("退货") });
    assert!(matches!(semantic, Err(Error::Embedding(_))));
}

#[test]
fn equals_are_as_sure_each_time() {
    let dir = tempfile::tempdir().unwrap();
    let (index, _) = open(dir.path());
    let body = "The parcel stands outside.\n\nIt often rains.\n\nEach locker is green.\n\nA code is sent.";
    let same = |number: u32| set(document(&format!("d{number:02}"), 1, "Lockers", body));
    index.apply((0..30).map(same).collect()).unwrap();
    for mode in [Mode::Keyword, Mode::Hybrid] {
        let mut query = Query::new("code of the parcel locker");
        query.mode = mode;
        let first = index.search(&query).unwrap();
        assert_eq!(first.hits[0].record.id, "d00", "equals come by id");
        for _ in 0..20 {
            let again = index.search(&query).unwrap();
            assert_eq!(
                (again.confidence.to_bits(), ids(&again)),
                (first.confidence.to_bits(), ids(&first)),
                "{mode:?}"
            );
        }
    }
}

#[test]
fn pages_follow_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let (index, _) = open(dir.path());
    let many = (0..40).map(|n| set(document(&format!("a{n:02}"), 1, "保修", &format!("保修 {n} 年"))));
    index.apply(many.collect()).unwrap();
    let all = ids(&index.search(&Query { limit: 40, ..Query::new("保修") }).unwrap());
    assert_eq!(all.len(), 40);
    let mut pages = Vec::new();
    for offset in [0, 15, 30] {
        pages.extend(ids(&index.search(&Query { limit: 15, offset, ..Query::new("保修") }).unwrap()));
    }
    assert_eq!(pages, all);
}

#[test]
fn garbage_is_no_reason_to_fail() {
    let dir = tempfile::tempdir().unwrap();
    let (index, _) = open(dir.path());
    shop(&index);
    for text in ["", "   ", "!!!???", "🙂🙃", "\u{200b}", "的", "a", &"退货".repeat(500), "<mark>", "%00", "\"'`"]
    {
        for mode in [Mode::Hybrid, Mode::Keyword, Mode::Semantic] {
            index.search(&Query { mode, explain: true, facets: vec!["tags".into()], ..Query::new(text) }).unwrap();
        }
        index.suggest(text, 3, None).unwrap();
    }
}
