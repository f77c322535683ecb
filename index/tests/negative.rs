//! Questions that an article does not answer: they speak against it, and no more than that.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use zhiyin_index::embed::{BilingualEmbedder, EmbedError, Embedder, Role};
use zhiyin_index::rerank::{Reranker, rerank};
use zhiyin_index::{Change, Document, Hit, Index, IndexSettings, Lexicon, LiveChange, Mode, Query, Results};

/// The bundled model, which can be sent away.
struct Model {
    inner: BilingualEmbedder,
    away: AtomicBool,
}

impl Embedder for Model {
    fn id(&self) -> &str {
        self.inner.id()
    }

    fn dimension(&self) -> usize {
        self.inner.dimension()
    }

    fn is_quick(&self) -> bool {
        self.inner.is_quick()
    }

    fn embed(&self, texts: &[&str], role: Role) -> Result<Vec<Vec<f32>>, EmbedError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(EmbedError::Unavailable("it is away".into()));
        }
        self.inner.embed(texts, role)
    }
}

fn model() -> Arc<Model> {
    Arc::new(Model { inner: BilingualEmbedder::bundled().unwrap(), away: AtomicBool::new(false) })
}

fn open(dir: &Path, model: Arc<Model>) -> Index {
    let settings = IndexSettings { lexicon: Some(Lexicon::bundled()), ..IndexSettings::default() };
    Index::open(dir, settings, model).unwrap().0
}

fn document(id: &str, title: &str, body: &str, questions: &[&str], negative: &[&str]) -> Document {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Document {
        id: id.into(),
        version: 1,
        title: title.into(),
        body: body.into(),
        questions: texts(questions),
        negative_questions: texts(negative),
        category: None,
        tags: vec![],
        audience: "public".into(),
        language: if title.is_ascii() { "en" } else { "zh" }.into(),
        attributes: Default::default(),
        from: 0,
        until: None,
    }
}

fn set(document: Document) -> Change {
    let (id, live) = (document.id.clone(), LiveChange::Set(Box::new(document)));
    Change { id, live, add_history: vec![], remove_history: vec![] }
}

const RETURNS: [&str; 2] = ["退货政策", "签收后 15 天内可以无理由退货。退货后,退款原路到账。"];
const TRANSFER: [&str; 2] =
    ["Bank transfer", "You can pay by bank transfer. Choose it at checkout and enter the number of your account."];

/// A shop: what its first two articles do not answer is given.
fn shop(index: &Index, zh: &[&str], en: &[&str]) {
    let documents = [
        document("returns", RETURNS[0], RETURNS[1], &["买了几天可以退货"], zh),
        document("transfer", TRANSFER[0], TRANSFER[1], &["How do I pay by bank transfer?"], en),
        document("invoice", "开具发票", "在订单详情页申请发票,填写抬头和税号。", &["怎么开发票"], &[]),
        document("hub", "Connect the hub", "Open the app and choose your wireless network.", &[], &[]),
        document("coupon", "优惠券", "每张订单只能用一张优惠券,过期不补。", &["优惠券怎么用"], &[]),
        document("screen", "Broken screen", "A broken screen is repaired at the service centre.", &[], &[]),
    ];
    index.apply(documents.into_iter().map(set).collect()).unwrap();
}

const ZH: &str = "退货后退款多久到账";
const EN: &str = "How long does a bank transfer take?";

/// The same shop twice: as it was, and with what its articles do not answer.
struct Shops {
    before: Index,
    after: Index,
    _dirs: [tempfile::TempDir; 2],
}

fn shops() -> Shops {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (before, after) = (open(dirs[0].path(), model()), open(dirs[1].path(), model()));
    shop(&before, &[], &[]);
    shop(&after, &["积分怎么兑换", ZH], &[EN]);
    Shops { before, after, _dirs: dirs }
}

fn asked(text: &str) -> Query {
    Query { explain: true, ..Query::new(text) }
}

fn place<'a>(results: &'a Results, id: &str) -> &'a Hit {
    results.hits.iter().find(|hit| hit.record.id == id).unwrap()
}

#[test]
fn what_an_article_does_not_answer_is_not_answered_by_it() {
    let shops = shops();
    for (question, id) in [(ZH, "returns"), (EN, "transfer")] {
        let (before, after) = (shops.before.search(&asked(question)), shops.after.search(&asked(question)));
        let (before, after) = (before.unwrap(), after.unwrap());
        assert_eq!(before.hits[0].record.id, id);
        assert!(before.confidence > 0.5, "{question}: {}", before.confidence);
        assert!(after.confidence < 0.3, "{question}: {} of {}", after.confidence, before.confidence);
        assert!(place(&after, id).relevance < 0.51 * place(&before, id).relevance, "{question}");
        let why = &place(&after, id).explain.as_ref().unwrap()["negative_question"]["against"];
        assert_eq!((&why["exact"], &why["weight"]), (&true.into(), &1.0.into()), "{why}");
        assert_eq!(why["number"], if id == "returns" { 1 } else { 0 });
        assert_eq!(before.total, after.total, "it is still found");
    }
}

#[test]
fn spelling_does_not_matter_to_sameness() {
    let shops = shops();
    for question in ["退貨後退款多久到賬?", "how LONG does a bank-transfer take"] {
        let found = shops.after.search(&asked(question)).unwrap();
        let against: Vec<f32> = found.hits.iter().map(|hit| hit.against).filter(|against| *against > 0.5).collect();
        assert_eq!(against, [1.0], "{question}");
    }
}

#[test]
fn another_wording_of_it_counts_less_and_counts() {
    let shops = shops();
    for (question, id) in [("退货以后多久能收到退款", "returns"), ("how long will my bank transfer take", "transfer")]
    {
        let (before, after) = (shops.before.search(&asked(question)), shops.after.search(&asked(question)));
        let (before, after) = (before.unwrap(), after.unwrap());
        let against = place(&after, id).against;
        assert!(0.1 < against && against < 1.0, "{question}: {against}");
        assert!(place(&after, id).score < 0.7 * place(&before, id).score, "{question}");
        assert!(place(&after, id).relevance < place(&before, id).relevance, "{question}");
    }
}

#[test]
fn what_it_does_answer_is_left_as_it_was() {
    let shops = shops();
    let asked_for =
        ["买了几天可以退货", "几天之内可以无理由退货", "how to pay by bank transfer", "怎么开发票", "broken screen"];
    for question in asked_for {
        for mode in [Mode::Hybrid, Mode::Keyword, Mode::Semantic] {
            let query = Query { mode, ..asked(question) };
            let of = |index: &Index| -> (f32, Vec<(String, f32, f32)>) {
                let found = index.search(&query).unwrap();
                let hits = found.hits.iter().map(|hit| (hit.record.id.clone(), hit.score, hit.relevance));
                (found.confidence, hits.collect())
            };
            let (before, after) = (of(&shops.before), of(&shops.after));
            assert_eq!(before.1[0], after.1[0], "{question}, {mode:?}");
            assert_eq!(before.0, after.0, "{question}, {mode:?}");
        }
    }
}

#[test]
fn where_nothing_leads_that_has_some_nothing_is_said() {
    let shops = shops();
    let found = shops.after.search(&asked("怎么开发票")).unwrap();
    assert!(found.hits[0].explain.as_ref().unwrap().get("negative_question").is_none());
    let found = shops.before.search(&asked(ZH)).unwrap();
    assert!(found.hits.iter().all(|hit| hit.explain.as_ref().unwrap().get("negative_question").is_none()));
}

#[test]
fn each_list_alone_hears_it_too() {
    let shops = shops();
    for mode in [Mode::Keyword, Mode::Semantic] {
        for question in [ZH, EN] {
            let query = Query { mode, ..asked(question) };
            let (before, after) = (shops.before.search(&query).unwrap(), shops.after.search(&query).unwrap());
            let id = before.hits[0].record.id.as_str();
            assert!(place(&after, id).score < 0.5 * before.hits[0].score, "{question}, {mode:?}");
        }
    }
}

#[test]
fn one_that_says_both_contradicts_itself_and_nothing_follows() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(dir.path(), model());
    let question = "买了几天可以退货";
    let own = |negative: &[&str]| set(document("returns", RETURNS[0], RETURNS[1], &[question], negative));
    index.apply(vec![own(&[])]).unwrap();
    let before = index.search(&asked(question)).unwrap();
    index.apply(vec![own(&["买了几天可以退货?"])]).unwrap();
    let after = index.search(&asked(question)).unwrap();
    assert_eq!((before.confidence, after.hits[0].against), (after.confidence, 0.0));
}

#[test]
fn another_article_that_answers_it_comes_first() {
    let shops = shops();
    let other = document("refunds", "退款到账时间", "退款在审核后 3 天内原路到账。", &[], &[]);
    shops.after.apply(vec![set(other)]).unwrap();
    let found = shops.after.search(&asked(ZH)).unwrap();
    assert_eq!(found.hits[0].record.id, "refunds");
    assert!(found.hits[0].score >= place(&found, "returns").score);
}

#[test]
fn they_are_kept_and_the_past_had_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(dir.path(), model());
    shop(&index, &[ZH], &[]);
    let before = index.search(&asked(ZH)).unwrap();
    drop(index);
    let index = open(dir.path(), model());
    let again = index.search(&asked(ZH)).unwrap();
    let scores = |found: &Results| found.hits.iter().map(|hit| (hit.score, hit.relevance)).collect::<Vec<_>>();
    assert_eq!(scores(&before), scores(&again));
    // From 100 on it answers.
    let past = Document {
        until: Some(100),
        ..document("returns", RETURNS[0], RETURNS[1], &["买了几天可以退货"], &[ZH])
    };
    let now =
        Document {
            version: 2, from: 100, ..document("returns", RETURNS[0], RETURNS[1], &["买了几天可以退货"], &[])
        };
    let live = LiveChange::Set(Box::new(now));
    index.apply(vec![Change { id: "returns".into(), live, add_history: vec![past], remove_history: vec![] }]).unwrap();
    let at = |at: i64| index.search(&Query { as_of: Some(at), ..asked(ZH) }).unwrap();
    assert_eq!(scores(&at(50)), scores(&before), "as it was then");
    assert_eq!((place(&at(100), "returns").against, place(&at(50), "returns").against), (0.0, 1.0));
    assert_eq!(index.search(&asked(ZH)).unwrap().confidence, at(100).confidence);
}

#[test]
fn one_without_its_vector_waits_for_it_and_counts_by_its_words() {
    let dir = tempfile::tempdir().unwrap();
    let model = model();
    let index = open(dir.path(), model.clone());
    shop(&index, &[], &[]);
    assert_eq!(index.waiting(9), Vec::<String>::new());
    model.away.store(true, Ordering::SeqCst);
    let own = || set(document("returns", RETURNS[0], RETURNS[1], &[], &[ZH]));
    index.apply(vec![own()]).unwrap();
    assert_eq!(index.waiting(9), ["returns"]);
    let found = index.search(&asked(ZH)).unwrap();
    assert_eq!((place(&found, "returns").against, found.degraded.as_slice()), (1.0, ["semantic"].as_slice()));
    model.away.store(false, Ordering::SeqCst);
    index.apply(vec![own()]).unwrap();
    assert_eq!(index.waiting(9), Vec::<String>::new());
    assert_eq!(place(&index.search(&asked(ZH)).unwrap(), "returns").against, 1.0);
}

/// Thinks that every passage answers, the longest one best.
struct Eager;

impl Reranker for Eager {
    fn id(&self) -> &str {
        "eager"
    }

    fn score(&self, _: &str, passages: &[&str]) -> Result<Vec<f32>, EmbedError> {
        Ok(passages.iter().map(|passage| (passage.chars().count() as f32 / 400.0).min(1.0)).collect())
    }
}

#[test]
fn a_reranker_does_not_bring_back_what_speaks_against_a_hit() {
    let shops = shops();
    let place_of = |index: &Index| {
        let mut results = index.search(&asked(EN)).unwrap();
        rerank(&mut results, EN, &Eager, 0..10, &|| false);
        results.hits.iter().position(|hit| hit.record.id == "transfer").unwrap()
    };
    let (before, after) = (place_of(&shops.before), place_of(&shops.after));
    assert_eq!(before, 0);
    assert!(after > before);
}
