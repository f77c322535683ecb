//! The kinds one by one, what only looks like them, and the laws.

use proptest::prelude::*;

use super::mask;

#[test]
fn personal_data_goes() {
    let cases = [
        ("我的手机13812345678打不通", "我的手机〔手机号〕打不通"),
        ("+86 138-1234-5678", "〔手机号〕"),
        ("(+86)138 1234 5678。", "〔手机号〕。"),
        ("1 3 8 1 2 3 4 5 6 7 8", "〔手机号〕"),
        ("手机１３８１２３４５６７８", "手机〔手机号〕"),
        ("8613812345678", "〔手机号〕"),
        ("0086-13812345678", "〔手机号〕"),
        ("tel13812345678", "tel〔手机号〕"),
        ("座机010-62345678转我", "座机〔电话〕转我"),
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
    ];
    for (text, masked) in cases {
        assert_eq!(mask(text), masked, "for {text}");
    }
}

#[test]
fn look_alikes_stay() {
    let cases = [
        "订单号 SF1381234567890 到哪了",
        "SF13812345678",
        "订单20250101123456789",
        "X200-Pro 和 X13912345678A",
        "价格 12999.00 元, 原价 15999",
        "2026-11-21 05:34:12",
        "版本 4.3.1 升级到 10.15.7",
        "192.168.100.100",
        "400-800-1234",
        "12345678901",
        "1700000000000",
        "满 3000 减 300",
        "重 138.12345678 克",
        "a@b",
        "@客服",
        "4111 1111 1111 1112",
        "110105194912310021",
    ];
    for text in cases {
        assert_eq!(mask(text), text);
    }
}

proptest! {
    #[test]
    fn masking_twice_changes_nothing(text in "[0-9０-９1358 +()@a.cX_\\-退〔]{0,60}") {
        let once = mask(&text);
        prop_assert_eq!(mask(&once), once);
    }

    #[test]
    fn digits_between_other_characters_never_panic(text in any::<String>()) {
        prop_assert!(mask(&text).len() <= text.len() * 6);
    }

    #[test]
    fn a_mobile_number_never_stays(area in 13_u32..=19, rest in 0_u32..=999_999_999, before in "[退货 ,:(a-z]{0,3}", after in "[退货 ,.)a-z]{0,3}") {
        let number = format!("{area}{rest:09}");
        let masked = mask(&format!("{before}{number}{after}"));
        prop_assert!(!masked.contains(&number));
    }
}

#[test]
fn long_texts_take_linear_time() {
    let text = "1 3-".repeat(50_000) + &"a.".repeat(50_000) + &"@".repeat(50_000);
    assert_eq!(mask(&mask(&text)), mask(&text));
}
