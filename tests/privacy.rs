//! Does masking hide what is personal, and only that? Kind by kind, by law, and on the labelled samples.
//!
//! Invariant: masking twice is masking once, for every text.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::process::{Command, Stdio};

use proptest::prelude::*;
use zhiyin::model::mask::{Kind, Masker, NumberPattern, Settings, labels, mask, mask_spans};

const SAMPLES: &str = include_str!("../kb-samples/privacy.jsonl");

fn goes(cases: &[(&str, &str)]) {
    for (text, masked) in cases {
        assert_eq!(mask(text), *masked, "for {text}");
    }
}

fn stays(cases: &[&str]) {
    for text in cases {
        assert_eq!(mask(text), *text);
    }
}

#[test]
fn personal_data_goes() {
    goes(&[
        ("我的手机13812345678打不通", "我的手机〔手机号〕打不通"),
        ("+86 138-1234-5678", "〔手机号〕"),
        ("(+86)138 1234 5678。", "〔手机号〕。"),
        ("1 3 8 1 2 3 4 5 6 7 8", "〔手机号〕"),
        ("手机１３８１２３４５６７８", "手机〔手机号〕"),
        ("8613812345678", "〔手机号〕"),
        ("0086-13812345678", "〔手机号〕"),
        ("tel13812345678", "tel〔手机号〕"),
        ("座机010-62345678转我", "座机〔电话〕转我"),
        ("010-62345678转138 0013 8000", "〔电话〕转〔手机号〕"),
        ("(0755) 2345 6789", "〔电话〕"),
        ("021-58881234-8001", "〔电话〕"),
        ("02158881234", "〔电话〕"),
        ("call +1 (555) 123-4567 now", "call 〔电话〕 now"),
        ("+44 20 7946 0958", "〔电话〕"),
        ("212-555-0123", "〔电话〕"),
        ("身份证11010519491231002X", "身份证〔身份证〕"),
        ("110105 19491231 002x", "〔身份证〕"),
        ("440524188001010014", "〔身份证〕"),
        ("号码130503670401001", "号码〔身份证〕"),
        ("卡号6222 0213 0200 0000 124", "卡号〔银行卡〕"),
        ("卡号6222021302000000124.", "卡号〔银行卡〕."),
        ("卡号4111 1111 1111 1111", "卡号〔银行卡〕"),
        ("4111-1111-1111-1111", "〔银行卡〕"),
        ("378282246310005", "〔银行卡〕"),
        ("写信到 Li.Wei+shop@mail.example.com.cn。", "写信到 〔邮箱〕。"),
        ("ａ＠ｂ．ｃｏｍ", "〔邮箱〕"),
        ("13812345678@qq.com", "〔邮箱〕"),
        ("两个:13812345678,13912345678", "两个:〔手机号〕,〔手机号〕"),
        ("13812345678 13912345678", "〔手机号〕 〔手机号〕"),
        ("192.168.100.100", "〔IP〕"),
    ]);
}

#[test]
fn look_alikes_stay() {
    stays(&[
        "SF13812345678",
        "X200-Pro 和 X13912345678A",
        "价格 12999.00 元, 原价 15999",
        "2026-11-21 05:34:12",
        "版本 4.3.1 升级到 10.15.7",
        "固件版本 4.3.1.2",
        "400-800-1234",
        "12345678901",
        "1700000000000",
        "满 3000 减 300",
        "重 138.12345678 克",
        "a@b",
        "@客服",
        "4111 1111 1111 1112",
        "110105194912310021",
    ]);
}

#[test]
fn identifiers_are_no_phones_and_orders_are_configurable() {
    let (order, bare) = ("订单号 SF1381234567890 到哪了", "订单20250101123456789");
    let kept = Masker::new(Settings::without_orders());
    assert_eq!([kept.mask(order), kept.mask(bare)], [order, bare]);
    goes(&[
        (order, "订单号 〔订单号〕 到哪了"),
        (bare, "订单〔订单号〕"),
        ("SF1381234567890", "〔运单号〕"),
        ("查LM2612150333这单", "查〔订单号〕这单"),
    ]);
    let mut settings = Settings::default();
    settings.patterns.push(NumberPattern::new(Kind::Order, "LM#{10}").unwrap());
    let masker = Masker::new(settings);
    assert_eq!(masker.mask("见 lm2611040087。"), "见 〔订单号〕。");
    for text in ["LM26110400871", "LM261104008", "XLM2611040087", "LM2611040087-A"] {
        assert_eq!(masker.mask(text), text);
    }
    for bad in ["", "LM", "LM###", "LM#{", "LM#{x}", "{4}####", "#{9,4}", "#{1,99}####"] {
        assert!(NumberPattern::new(Kind::Order, bad).is_err(), "{bad}");
    }
}

#[test]
fn disguised_digits_go() {
    for number in [
        "一三八零零一三八零零零",
        "幺三八〇〇幺三八〇〇〇",
        "壹叁捌零零壹叁捌零零零",
        "13八0013八000",
        "①③⑧⓪⓪①③⑧⓪⓪⓪",
        "¹³⁸⁰⁰¹³⁸⁰⁰⁰",
        "𝟏𝟑𝟖𝟎𝟎𝟏𝟑𝟖𝟎𝟎𝟎",
        "1️⃣3️⃣8️⃣0️⃣0️⃣1️⃣3️⃣8️⃣0️⃣0️⃣0️⃣",
        "1\u{200b}3\u{200b}8\u{200b}0013\u{feff}8000",
        "138\n0013\n8000",
        "1*3*8*0*0*1*3*8*0*0*0",
        "138，0013，8000",
        "l38OO138OOO",
        "1 3 8 - 0 0 1 3 - 8 0 0 0",
    ] {
        assert_eq!(mask(number), "〔手机号〕", "for {number:?}");
    }
    stays(&["一二三四五六七八九十", "一三五能送吗", "第一三四步", "lol ooo Ill", "13八折"]);
}

#[test]
fn whatever_stands_between_the_digits_of_one_number_goes_with_it() {
    for number in [
        "138 0013,8000",
        "138-0013，8000",
        "138.0013-8000",
        "138(0013)8000",
        "138 0 013 8 000",
        "138杠0013杠8000",
        "㈠㈢㈧零零一三八零零零",
        "13 80 01 38 000",
        "138,00138000",
    ] {
        assert_eq!(mask(number), "〔手机号〕", "for {number:?}");
    }
    for number in ["86 10 6234 5678", "05718888 6666", "0571/88886666", "0571.8888.6666", "0086 28 8555 1234"] {
        assert_eq!(mask(number), "〔电话〕", "for {number:?}");
    }
    goes(&[
        ("我的电话138-0013，8000", "我的电话〔手机号〕"),
        ("电话 13,800138:000", "电话 〔手机号〕"),
        ("电话13800138000, 12楼", "电话〔手机号〕, 12楼"),
        ("4111 1111，1111-1111", "〔银行卡〕"),
        ("京 A 1 2 3 4 5,京A一二三四五", "〔车牌〕,〔车牌〕"),
        ("护照 E 1234 5678,护照号是一二三四五六七八", "护照 〔护照〕,护照号是〔护照〕"),
        ("SF 1234 5678 90123", "〔运单号〕"),
        ("快递单号 七七三一二三四五六七八九零", "快递单号 〔运单号〕"),
        ("192。168。1。1 一九二点一六八点一点一", "〔IP〕 〔IP〕"),
        ("世纪大道1 0 0号,地址:朝阳区\n建国路\n88号", "〔地址〕,地址:〔地址〕"),
    ]);
}

#[test]
fn lists_sums_days_and_versions_are_no_numbers_of_anybody() {
    stays(&[
        "138, 0013, 8000 三个型号",
        "100, 150, 2000, 3000 哪个容量大",
        "1399.00 - 899.00",
        "13,800,138,000元",
        "13/5/2026 1430",
        "1.5.0 (2020-07-17)",
        "1 3 5 7 9 11 13 15",
        "138.0.7204.158",
        "1.3.6.1.5.5.7.48.1.2",
        "1440/1080/720",
        "尺寸 13 20 15 80 100",
        "手机 6.7 5000 120 参数",
        "护照 2026.11.22-2036.11.21",
        "第1。2。3。4条",
        "8点9点10点11点",
        "版本 13.8.0.0 和 13.8.0.1",
        "1234567890123456789012",
    ]);
}

#[test]
fn addresses_of_mail_go_however_they_are_spaced() {
    for address in [
        "zhangsan @example.com",
        "zhang.san @ example . com",
        "z h a n g s a n @ q q . c o m",
        "张三@qq.com",
        "zhangsan at qq.com",
        "jane dot doe at example dot co dot uk",
        "zhangsan@qq,com",
        "zhangsan(a)qq.com",
    ] {
        assert_eq!(mask(address), "〔邮箱〕", "for {address}");
    }
    stays(&[
        "关注我@lumo.cn",
        "thanks team @lumo.com",
        "look at lumo.com",
        "npm i @types/node",
        "look @ this. Net gain",
    ]);
}

#[test]
fn names_and_addresses_go_with_their_cue() {
    goes(&[
        ("我叫李明,想退货", "我叫〔姓名〕,想退货"),
        ("王先生和欧阳女士", "〔姓名〕先生和〔姓名〕女士"),
        ("my name is john smith and I wait", "my name is 〔姓名〕 and I wait"),
        ("Mr. O'Brien called", "Mr. 〔姓名〕 called"),
        ("寄到广东省深圳市南山区科技园南路12号3栋2单元501室", "寄到〔地址〕"),
        ("朝阳区建国路88号能送吗", "〔地址〕能送吗"),
        ("1600 Amphitheatre Pkwy, Mountain View, CA 94043.", "〔地址〕."),
        ("PO Box 12 is mine", "〔地址〕 is mine"),
        ("王小明,13800138000,朝阳区建国路88号", "〔姓名〕,〔手机号〕,〔地址〕"),
        ("张三丰先生和李四光老师", "〔姓名〕先生和〔姓名〕老师"),
        ("我叫阿依古丽·买买提,想退货", "我叫〔姓名〕,想退货"),
        ("我叫 李 明", "我叫 〔姓名〕"),
        ("I'm jane doe, i'm li ming", "I'm 〔姓名〕, i'm 〔姓名〕"),
    ]);
    stays(&[
        "我叫了外卖",
        "本人同意",
        "王者荣耀",
        "黄山路线图",
        "不知道12号能不能到",
        "北京能送吗",
        "my name is not on the list",
        "I'm happy",
        "I'm really sorry",
        "I'm still waiting",
        "i am from london",
        "三天先生效吗",
        "位于二楼医生办公室",
        "我叫 你 们 客服",
        "Apple Street",
        "order 2 lamps",
    ]);
}

#[test]
fn secrets_go_and_talk_about_them_stays() {
    goes(&[
        ("密码是abc12345", "密码是〔密钥〕"),
        ("验证码 123456", "验证码 〔密钥〕"),
        ("482913是我的验证码", "〔密钥〕是我的验证码"),
        ("zy_0123456789abcdef0123456789abcdef", "〔密钥〕"),
        ("Authorization: Bearer abcdef0123456789", "Authorization: Bearer 〔密钥〕"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\nok", "〔密钥〕\nok"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEvQ", "〔密钥〕"),
        ("密码改成了abc123", "密码改成了〔密钥〕"),
        ("access_token:abc.def.ghi", "access_token:〔密钥〕"),
        ("口令 abc", "口令 〔密钥〕"),
        ("pwd: abc", "pwd: 〔密钥〕"),
        ("取件码 12-3-4567", "取件码 〔密钥〕"),
        ("口令是芝麻开门", "口令是〔密钥〕"),
        ("the password is correct horse battery staple", "the password is 〔密钥〕"),
        ("hunter2 is my password", "〔密钥〕 is my password"),
    ]);
    stays(&[
        "忘记密码了",
        "password reset",
        "密码至少8位",
        "token limit 4096",
        "验证码60秒才来",
        "pin 51 of the board",
        "the password is correct",
        "password is case sensitive letters only",
        "密码 app 里怎么改",
        "验证码 60-120 秒",
        "验证码 2026-11-22 发的",
        "口令是错的",
        "token:api.example.com",
    ]);
}

#[test]
fn a_tag_separates() {
    stays(&["138〔手机号〕00138000", "我叫〔姓名〕", "〔手机号〕〔邮箱〕先生"]);
    assert_eq!(mask("〔手机〔手机号〕13800138000"), "〔手机〔手机号〕〔手机号〕");
}

#[test]
fn spans_are_where_the_tags_stand() {
    let text = "我叫李明,电话138 1234 5678";
    let pieces: Vec<(Kind, &str)> =
        mask_spans(text).iter().map(|span| (span.kind, text.get(span.start..span.end).unwrap())).collect();
    assert_eq!(pieces, [(Kind::Name, "李明"), (Kind::Mobile, "138 1234 5678")]);
}

/// What rules look for, in pieces, so that they meet in ways nobody thought of.
const FRAGMENTS: [&str; 64] = [
    "〔手机号〕",
    "〔",
    "〕",
    "\u{200b}",
    "138",
    "一三八",
    "00138000",
    "@",
    "a@b.co",
    "先生",
    "我叫",
    "我是",
    "王",
    "李明",
    "号",
    "路",
    "小区",
    "12",
    "3栋",
    "密码是",
    "password: ",
    "abc123",
    "-",
    "+86",
    "(",
    ")",
    " ",
    "\n",
    ":",
    "订单号",
    "SF",
    "1.2.3.4",
    "::",
    "eyJ",
    "://",
    "Mr. ",
    "my name is ",
    " Street",
    "地址:",
    "北京",
    "区",
    "-----BEGIN PRIVATE KEY-----",
    "\u{ffff}",
    "\u{fffe}",
    "\0",
    "O",
    "X",
    "京A12345",
    "京 A 1",
    "，",
    "。",
    ".",
    "点",
    "杠",
    "13800138000",
    "110105194912310021",
    "是我的",
    " is my number",
    "护照",
    "SF 1234",
    "·买买提",
    " @ q q . c o m",
    "三丰",
    "口令 abc",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn masking_twice_changes_nothing(text in "[0-9０-９1358 +()@a.cX_\\-退〔]{0,60}") {
        let once = mask(&text);
        prop_assert_eq!(mask(&once), once);
    }

    #[test]
    fn any_text_is_masked_once_and_for_all(text in any::<String>()) {
        let once = mask(&text);
        prop_assert!(once.len() <= text.len() * 6);
        prop_assert_eq!(mask(&once), once);
    }

    #[test]
    fn hostile_pieces_are_masked_once_and_for_all(pieces in prop::collection::vec(prop::sample::select(&FRAGMENTS[..]), 0..24)) {
        let text = pieces.concat();
        let mut at = 0;
        for span in mask_spans(&text) {
            prop_assert!(span.start >= at && span.end > span.start);
            prop_assert!(text.get(span.start..span.end).is_some());
            at = span.end;
        }
        let once = mask(&text);
        prop_assert_eq!(mask(&once), once);
    }

    #[test]
    fn a_mobile_number_never_stays(area in 13_u32..=19, rest in 0_u32..=999_999_999, before in "[退货 ,:(a-z]{0,3}", after in "[退货 ,.)a-z]{0,3}") {
        let number = format!("{area}{rest:09}");
        let masked = mask(&format!("{before}{number}{after}"));
        prop_assert!(!masked.contains(&number));
    }
}

#[test]
fn long_texts_of_repeats_are_masked_to_their_end() {
    let parts = [
        "1 3-",
        "a.",
        "@",
        "一",
        "王",
        "路1",
        "我是李",
        "password ",
        "〔",
        "地址:北京",
        "eyJ.",
        "12 A ",
        "::1",
        "Mr. A ",
        "138 ",
        "1,",
        "1 3。",
        "京A 1 ",
        "SF 1 ",
        "a @ b . ",
        "1是我的",
        "口令 a b ",
        "13800138000138",
    ];
    let text: String = parts.iter().map(|part| part.repeat(3_000)).collect();
    assert_eq!(mask(&mask(&text)), mask(&text));
}

#[test]
fn the_labelled_samples_are_masked_well_enough() {
    let rows = labels::read(SAMPLES).unwrap();
    let report = labels::measure(&Masker::default(), &rows);
    assert!(rows.len() >= 600 && report.negatives * 10 >= rows.len() * 4, "{} rows", rows.len());
    let structured = report.kinds.iter().zip(Kind::ALL).filter(|(_, kind)| kind.is_structured());
    for (figures, _) in structured {
        assert!(figures.labels >= 10 && figures.found == figures.labels, "{figures:?}: {:?}", report.misses);
    }
    for figures in &report.kinds {
        assert!(figures.recall() >= 0.97 && figures.precision() >= 0.95, "{figures:?}: {:?}", report.misses);
    }
}

#[test]
fn labels_that_are_not_in_their_text_are_refused() {
    let row = |spans: &str| format!(r#"{{"id":"a","language":"en","text":"1 2","spans":{spans}}}"#);
    assert!(labels::read(&row("[]")).is_ok());
    let wrong = labels::read(&row(r#"[{"kind":"phone","text":"2"},{"kind":"phone","text":"1"}]"#));
    assert_eq!(wrong.unwrap_err().to_string(), "line 1: '1' is not in the text, or not in this order");
    assert!(labels::read(&row(r#"[{"kind":"shoe","text":"1"}]"#)).is_err());
}

fn privacy(arguments: &[&str]) -> (i32, String) {
    let program = env!("CARGO_BIN_EXE_zhiyin");
    let output = Command::new(program).arg("privacy").args(arguments).stdin(Stdio::null()).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_command_prints_the_table_and_masks_a_text() {
    let (code, table) = privacy(&[]);
    assert_eq!(code, 0);
    for kind in Kind::ALL {
        assert!(table.lines().any(|line| line.starts_with(kind.name())), "{table}");
    }
    let (_, masked) = privacy(&["--text", "我叫李明,LM2611040087", "--pattern", "LM#{10}"]);
    assert_eq!(masked, "我叫〔姓名〕,〔订单号〕\n");
    let (_, json) = privacy(&["--text", "a@b.co", "--json"]);
    assert_eq!(json, "{\"masked\":\"〔邮箱〕\",\"spans\":[{\"kind\":\"email\",\"start\":0,\"end\":6}]}\n");
    let (_, whole) = privacy(&["--json"]);
    let whole: serde_json::Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(whole.pointer("/structured/recall").and_then(serde_json::Value::as_f64), Some(1.0));
    assert_eq!(privacy(&["--text", "x", "--pattern", "LM"]).0, 2);
}
