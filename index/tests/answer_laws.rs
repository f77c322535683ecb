//! Are quotes what they say they are, whatever the Markdown; and do they answer?

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use zhiyin_index::answer::{AnswerSettings, Span};
use zhiyin_index::embed::HashEmbedder;
use zhiyin_index::{Change, Document, Index, IndexSettings, LiveChange, Query};

fn document(id: &str, title: &str, body: &str, questions: &[&str]) -> Document {
    Document {
        id: id.into(),
        version: 1,
        title: title.into(),
        body: body.into(),
        questions: questions.iter().map(|q| (*q).to_owned()).collect(),
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

fn index(documents: Vec<Document>) -> (tempfile::TempDir, Index) {
    let dir = tempfile::tempdir().unwrap();
    let (index, _) = Index::open(dir.path(), IndexSettings::default(), Arc::new(HashEmbedder::default())).unwrap();
    let set = |d: Document| Change {
        id: d.id.clone(),
        live: LiveChange::Set(Box::new(d)),
        add_history: vec![],
        remove_history: vec![],
    };
    index.apply(documents.into_iter().map(set).collect()).unwrap();
    (dir, index)
}

fn spans(index: &Index, question: &str) -> Vec<Span> {
    let query = Query { limit: 3, ..Query::new(question) };
    let hits = index.search(&query).unwrap().hits;
    index.answer(&query, &hits, &AnswerSettings::default()).unwrap()
}

const RETURNS: &str = "# 退货政策\n\n在商城购买的商品,自签收次日起 **15 天内**可以申请无理由退货。质量问题同样在 15 天内可退。\n\n\
## 退货条件\n\n- 主机、配件、赠品和包装盒齐全,外观无划痕。\n- 手机**已激活**的可以退,收取实付金额 5% 的折旧费;未激活的不收。\n\
- 耳机出于卫生原因,**拆封后**不支持无理由退货;有质量问题不受此限。\n\n## 运费\n\n| 原因 | 运费由谁承担 |\n| --- | --- |\n\
| 质量问题、发错货 | 商城承担,上门取件免费 |\n| 无理由退货 | 顾客承担,上门取件 12 元 |\n\n## 退货步骤\n\n1. 打开 App「我的订单」,选择原因。\n\
2. 审核一般在 4 小时内完成,通过后得到退货单号。\n3. 快递员上门取件。\n";

const GIFTS: &str = "# Gift cards\n\nGift cards are valid for three years. However, cards bought in a sale expire after one year. \
They can be used in every shop.\n\n## Refunds\n\nA card cannot be refunded unless it was never used. Refunds take five days.\n\n\
## How to redeem\n\nDo this:\n\n1. Open the wallet.\n2. Enter the code.\n3. Press redeem.\n";

fn shop() -> (tempfile::TempDir, Index) {
    index(vec![
        document("returns", "退货政策", RETURNS, &["买了几天可以退货", "拆封激活了还能退吗", "退货运费谁出"]),
        document("gifts", "Gift cards", GIFTS, &[]),
        document("hours", "营业时间", "每天 9 点到 21 点营业,春节期间除外。客服电话随时可以打。", &[]),
    ])
}

#[test]
fn what_is_asked_for_is_quoted() {
    let (_dir, index) = shop();
    let cases = [
        // A known question by which the article is found decides beside the words.
        ("买了几天可以退货", "15 天内", 120),
        ("质量问题的退货运费谁承担", "质量问题、发错货 | 商城承担", 100),
        ("激活的手机可以退吗", "收取实付金额 5% 的折旧费;未激活的不收", 80),
        ("耳机拆封后能退货吗", "有质量问题不受此限", 80),
        ("怎么申请退货,步骤是什么", "3. 快递员上门取件。", 200),
        ("春节营业吗", "春节期间除外", 60),
        ("how long are gift cards valid", "three years. However, cards bought in a sale expire after one year.", 160),
        ("can I get a refund for a gift card", "cannot be refunded unless it was never used", 160),
        ("how to redeem a gift card", "1. Open the wallet.\n2. Enter the code.\n3. Press redeem.", 200),
    ];
    let mut wrong = Vec::new();
    for (question, wanted, most) in cases {
        let found = spans(&index, question);
        let text: Vec<&str> = found.iter().map(|span| span.text.as_str()).collect();
        let text = text.join("\n");
        let length = text.chars().count();
        if !text.contains(wanted) || length > most {
            wrong.push(format!("{question}: {length} characters: {text}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_row_brings_the_head_of_its_table() {
    let (_dir, index) = shop();
    let found = spans(&index, "质量问题的退货运费谁承担");
    let row = found.iter().find(|span| span.row).unwrap();
    assert_eq!(row.label.as_deref(), Some("原因 | 运费由谁承担"));
}

#[test]
fn a_hit_found_by_a_known_question_shows_what_answers_it() {
    let (_dir, index) = shop();
    let hits = index.search(&Query::new("买了几天可以退货")).unwrap().hits;
    assert_eq!(hits[0].matched_question.as_deref(), Some("买了几天可以退货"));
    assert!(hits[0].passage.text.contains("15 天内"), "{}", hits[0].passage.text);
}

#[test]
fn meaning_words_are_left_of_a_question() {
    let (_dir, index) = shop();
    assert_eq!(index.content_words("请问手机退货的运费是多少钱?"), ["手机", "退货", "运费"]);
    assert_eq!(index.content_words("how long can I return a phone"), ["return", "phone"]);
    assert!(index.content_words("为什么").is_empty());
}

fn piece() -> impl Strategy<Value = String> {
    let plain = prop::sample::select(vec![
        "退货需要十五天。",
        "It takes five days. ",
        "但耳机除外。",
        "This is free! ",
        "怎么办?",
        "😀货",
        "e.g. x. ",
        "\u{3000}",
        "a\u{301}b; ",
    ]);
    let mark = prop::sample::select(vec![
        "\n",
        "\n\n",
        "- ",
        "1. ",
        "2) ",
        "   ",
        "# ",
        "## ",
        "| a | b |\n",
        "|---|---|\n",
        "> ",
        "```\n",
        "**",
        "`",
        "[x](y)",
        "\\",
        "\r\n",
        "[ ] ",
        ":\n\n",
    ]);
    prop::collection::vec(prop_oneof![plain, mark], 1..40).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn spans_are_pieces_of_the_body(bodies in prop::collection::vec(piece(), 1..3), asked in 0_usize..4) {
        let documents = bodies.iter().enumerate().map(|(at, body)| document(&format!("d{at}"), "退货 days", body, &["几天"]));
        let (_dir, index) = index(documents.collect());
        let question = ["几天可以退货", "怎么退货的步骤", "is it free", "what are the days"][asked];
        let query = Query { limit: 3, ..Query::new(question) };
        let hits = index.search(&query).unwrap().hits;
        let found = index.answer(&query, &hits, &AnswerSettings::default()).unwrap();
        let mut taken: Vec<(usize, u32, u32)> = Vec::new();
        for span in &found {
            let at: usize = hits[span.hit].record.id[1..].parse().unwrap();
            let body: Vec<char> = bodies[at].chars().collect();
            let piece: String = body[span.start as usize..span.end as usize].iter().collect();
            prop_assert_eq!(&piece, &span.text);
            prop_assert!(!span.text.trim().is_empty());
            prop_assert!(span.label.as_ref().is_none_or(|label| bodies[at].contains(label.as_str())));
            let clash = taken.iter().any(|(hit, start, end)| *hit == span.hit && span.start < *end && *start < span.end);
            prop_assert!(!clash, "spans overlap");
            taken.push((span.hit, span.start, span.end));
        }
    }
}
