//! Personal data out of what customers typed, before it is written anywhere.
//!
//! Invariant: masking a masked text changes nothing.
//!
//! Two passes, each linear: addresses of e-mail around each `@`, then numbers. For the numbers the text is cut into
//! *blocks* (unbroken runs of digits); a rule looks at a few neighbouring blocks, their digits joined, and what
//! stands between them. A new rule is one [`Kind`], one function and one line of [`RULES`].

/// What kind of personal data a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A Chinese mobile number.
    Mobile,
    /// A landline with its area code, or an international number.
    Phone,
    /// A number of the Chinese resident identity card.
    IdentityCard,
    /// A number of a bank or credit card.
    BankCard,
    /// An address of e-mail.
    Email,
}

impl Kind {
    /// What stands in the text instead.
    pub fn tag(self) -> &'static str {
        match self {
            Kind::Mobile => "〔手机号〕",
            Kind::Phone => "〔电话〕",
            Kind::IdentityCard => "〔身份证〕",
            Kind::BankCard => "〔银行卡〕",
            Kind::Email => "〔邮箱〕",
        }
    }
}

/// Replaces personal data by what kind it was; everything else stays as it is.
pub fn mask(text: &str) -> String {
    let without_mail = replace(text, &find_mail(&fold(text)));
    let glyphs = fold(&without_mail);
    replace(&without_mail, &find_numbers(&glyphs))
}

/// A character: where it begins and ends in the text, and what it is without its width.
#[derive(Debug, Clone, Copy)]
struct Glyph {
    start: usize,
    end: usize,
    plain: char,
}

/// A piece to replace, in bytes.
#[derive(Debug, Clone, Copy)]
struct Found {
    start: usize,
    end: usize,
    kind: Kind,
}

fn fold(text: &str) -> Vec<Glyph> {
    let glyph = |(start, c): (usize, char)| Glyph { start, end: start + c.len_utf8(), plain: narrow(c) };
    text.char_indices().map(glyph).collect()
}

/// Full-width forms as their ASCII twins, and every dash and space as the plain one.
fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{3000}' => ' ',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        other => other,
    }
}

fn replace(text: &str, found: &[Found]) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut at = 0;
    for piece in found {
        masked.push_str(text.get(at..piece.start).unwrap_or_default());
        masked.push_str(piece.kind.tag());
        at = piece.end;
    }
    masked.push_str(text.get(at..).unwrap_or_default());
    masked
}

// --- e-mail -----------------------------------------------------------------------------------------------------

/// Longest local part (RFC 5321, 4.5.3.1.1) and domain (4.5.3.1.2) looked at, in characters.
const MAX_LOCAL: usize = 64;
const MAX_DOMAIN: usize = 255;

fn find_mail(glyphs: &[Glyph]) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for (at, _) in glyphs.iter().enumerate().filter(|(_, g)| g.plain == '@') {
        let (before, after) = glyphs.split_at(at);
        let is_local = |g: &&Glyph| g.plain.is_ascii_alphanumeric() || matches!(g.plain, '.' | '_' | '%' | '+' | '-');
        let local = before.iter().rev().take(MAX_LOCAL).take_while(is_local).last();
        let (Some(local), Some(end)) = (local, domain_end(after)) else { continue };
        let free = found.last().is_none_or(|last| last.end <= local.start);
        if free {
            found.push(Found { start: local.start, end, kind: Kind::Email });
        }
    }
    found
}

/// Where the domain after an `@` ends: behind the last label of two letters or more that has a label before it.
fn domain_end(after: &[Glyph]) -> Option<usize> {
    let mut end = None;
    let (mut labels, mut length, mut letters) = (0, 0, true);
    for glyph in after.iter().skip(1).take(MAX_DOMAIN) {
        match glyph.plain {
            '.' if length > 0 => {
                labels += 1;
                (length, letters) = (0, true);
            }
            c if c.is_ascii_alphanumeric() || c == '-' => {
                letters &= c.is_ascii_alphabetic();
                length += 1;
                if labels > 0 && letters && length >= 2 {
                    end = Some(glyph.end);
                }
            }
            _ => break,
        }
    }
    end
}

// --- numbers ----------------------------------------------------------------------------------------------------

/// Most digits that any rule looks at.
const MAX_DIGITS: usize = 19;
/// Most characters between two blocks of one number, such as `) ` or ` - `.
const MAX_GAP: usize = 3;

/// An unbroken run of digits, by glyph.
#[derive(Debug, Clone, Copy)]
struct Block {
    from: usize,
    to: usize,
}

/// Neighbouring blocks as a rule sees them.
struct Candidate<'a> {
    /// The digits of all blocks.
    digits: &'a [u8],
    /// How many digits each block has.
    shape: &'a [usize],
    /// What stands between the blocks.
    gaps: &'a [String],
    /// What stands directly before: up to [`MAX_GAP`] characters.
    before: &'a str,
    /// The character directly after.
    after: Option<char>,
}

type Rule = fn(&Candidate<'_>) -> bool;

/// The rules, the surer ones first.
const RULES: [(Kind, Rule); 6] = [
    (Kind::IdentityCard, is_identity_card),
    (Kind::Mobile, is_mobile),
    (Kind::Phone, is_international),
    (Kind::Phone, is_landline),
    (Kind::BankCard, is_bank_card),
    (Kind::Phone, is_american),
];

fn find_numbers(glyphs: &[Glyph]) -> Vec<Found> {
    let blocks = blocks(glyphs);
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = blocks.get(at..).filter(|rest| !rest.is_empty()) {
        match find_at(glyphs, rest) {
            Some((piece, taken)) => {
                found.push(piece);
                at += taken;
            }
            None => at += 1,
        }
    }
    found
}

fn blocks(glyphs: &[Glyph]) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for (at, _) in glyphs.iter().enumerate().filter(|(_, g)| g.plain.is_ascii_digit()) {
        match blocks.last_mut().filter(|last| last.to == at) {
            Some(last) => last.to = at + 1,
            None => blocks.push(Block { from: at, to: at + 1 }),
        }
    }
    blocks
}

/// The longest number of any kind that begins with the first of these blocks, and how many blocks it takes.
fn find_at(glyphs: &[Glyph], blocks: &[Block]) -> Option<(Found, usize)> {
    let first = blocks.first()?;
    let head = glyphs.get(first.from.saturating_sub(MAX_GAP)..first.from)?;
    let before: String = head.iter().map(|g| g.plain).collect();
    let (mut digits, mut shape, mut gaps) = (Vec::new(), Vec::new(), Vec::new());
    let mut best = None;
    let mut last_end = first.from;
    for (taken, block) in blocks.iter().enumerate() {
        if taken > 0 {
            let gap: String = glyphs.get(last_end..block.from)?.iter().take(MAX_GAP + 1).map(|g| g.plain).collect();
            if !is_gap(&gap) {
                break;
            }
            gaps.push(gap);
        }
        if digits.len() + (block.to - block.from) > MAX_DIGITS {
            break;
        }
        digits.extend(glyphs.get(block.from..block.to)?.iter().filter_map(|g| u8::try_from(g.plain).ok()));
        shape.push(block.to - block.from);
        last_end = block.to;
        let after = glyphs.get(block.to).map(|g| g.plain);
        let candidate = Candidate { digits: &digits, shape: &shape, gaps: &gaps, before: &before, after };
        if let Some((kind, _)) = RULES.iter().find(|(_, fits)| fits(&candidate)) {
            best = Some((found(glyphs, first.from, block.to, *kind, &candidate)?, taken + 1));
        }
    }
    best
}

fn is_gap(gap: &str) -> bool {
    let length = gap.chars().count();
    (1..=MAX_GAP).contains(&length) && gap.chars().all(|c| matches!(c, ' ' | '-' | '.' | '(' | ')'))
}

/// Takes along what belongs to the number besides its digits: a `+` or bracket before it, the final `X` of a card.
fn found(glyphs: &[Glyph], from: usize, to: usize, kind: Kind, candidate: &Candidate<'_>) -> Option<Found> {
    let belongs = |c: char| match kind {
        Kind::Mobile | Kind::Phone => matches!(c, '+' | '('),
        _ => false,
    };
    let lead = candidate.before.chars().rev().take_while(|c| belongs(*c)).count();
    let tail = usize::from(kind == Kind::IdentityCard && candidate.digits.len() == 17);
    let start = glyphs.get(from - lead)?.start;
    let end = glyphs.get((to + tail).checked_sub(1)?)?.end;
    Some(Found { start, end, kind })
}

impl Candidate<'_> {
    /// Whether the digits are part of an identifier such as `SF13812345678` or `ORD_138…`.
    fn in_identifier(&self) -> bool {
        let marks = |c: char| c.is_ascii_uppercase() || c == '_';
        self.before.chars().next_back().is_some_and(marks) || self.after.is_some_and(marks)
    }

    fn after_plus(&self) -> bool {
        self.before.trim_end_matches('(').ends_with('+')
    }

    fn gaps_are(&self, allowed: &[&str]) -> bool {
        self.gaps.iter().all(|gap| allowed.contains(&gap.as_str()))
    }

    /// The digits as one number of `N` decimal places, beginning at a place.
    fn number(&self, from: usize, places: usize) -> Option<u32> {
        let digits = self.digits.get(from..from + places)?;
        Some(digits.iter().fold(0, |sum, d| sum * 10 + u32::from(d - b'0')))
    }
}

/// `138 1234 5678`, `+86-138…`, `(0086)138…`, also one digit at a time.
fn is_mobile(c: &Candidate<'_>) -> bool {
    let (number, shape) = match (c.digits, c.shape) {
        ([b'0', b'0', b'8', b'6', number @ ..], [4, shape @ ..]) => (number, shape),
        ([b'8', b'6', number @ ..], [2, shape @ ..]) => (number, shape),
        ([b'0', b'0', b'8', b'6', number @ ..], [15]) => (number, [11].as_slice()),
        ([b'8', b'6', number @ ..], [13]) => (number, [11].as_slice()),
        all => all,
    };
    let spelled_out = shape.len() == 11;
    let grouped = shape.iter().all(|digits| *digits >= 3);
    matches!(number, [b'1', b'3'..=b'9', ..])
        && number.len() == 11
        && (spelled_out || grouped)
        && (c.gaps_are(&[" ", "-", ") ", ")", " - ", ")-"]) || (c.gaps_are(&["."]) && matches!(c.shape, [3, 4, 4])))
        && !c.in_identifier()
}

/// `+1 (555) 123-4567`: a plus and 8 to 15 digits (ITU-T E.164).
fn is_international(c: &Candidate<'_>) -> bool {
    let begins = c.before.trim_end_matches('(').strip_suffix('+');
    let alone = begins.is_some_and(|b| !b.ends_with(|p: char| p.is_ascii_alphanumeric()));
    alone
        && (8..=15).contains(&c.digits.len())
        && !c.digits.starts_with(b"0")
        && c.gaps_are(&[" ", "-", ".", " (", ") ", ")", "(", ")-"])
        && !c.in_identifier()
}

/// `010-12345678`, `(0755) 1234 5678`, `021 5888 1234-8001`: a Chinese area code, then 7 or 8 digits, then perhaps an extension.
fn is_landline(c: &Candidate<'_>) -> bool {
    let area = match c.digits {
        [b'0', b'1', b'0', ..] | [b'0', b'2', ..] => 3,
        [b'0', b'3'..=b'9', ..] => 4,
        _ => return false,
    };
    let plain = c.gaps_are(&["-", " ", ")", ") ", " - ", ")-"]);
    let Some(local) = c.digits.get(area..).filter(|_| plain && !c.in_identifier()) else { return false };
    if !matches!(local.first(), Some(b'2'..=b'8')) {
        return false;
    }
    let fits = |digits: usize| digits == 8 || (digits == 7 && area == 4);
    match c.shape {
        [all] => fits(all - area),
        [a, rest @ ..] if *a == area => match rest {
            [whole] => fits(*whole),
            [3 | 4, 4] => true,
            [whole, 1..=6] => fits(*whole),
            [3 | 4, 4, 1..=6] => true,
            _ => false,
        },
        [all, 1..=6] => fits(all.saturating_sub(area)),
        _ => false,
    }
}

/// `(212) 555-0123`, `212-555-0123`: the North American plan, without the Chinese hotlines 400 and 800.
fn is_american(c: &Candidate<'_>) -> bool {
    let hotline = matches!(c.digits, [b'4' | b'8', b'0', b'0', ..]);
    matches!(c.shape, [3, 3, 4])
        && matches!(c.digits, [b'2'..=b'9', _, _, b'2'..=b'9', ..])
        && !hotline
        && c.gaps_are(&["-", ".", ") ", ")", ")-"])
        && !c.in_identifier()
}

/// 18 places with their check digit (GB 11643-1999), or the older 15; a known province and a possible birthday.
fn is_identity_card(c: &Candidate<'_>) -> bool {
    let known_shape = matches!(c.shape, [15 | 17 | 18] | [6, 8, 3 | 4]);
    let glued = c.after.is_some_and(|next| next.is_ascii_alphanumeric());
    if !known_shape || !c.gaps_are(&[" ", "-"]) || !is_province(c) {
        return false;
    }
    match c.digits.len() {
        15 => !c.in_identifier() && is_day(c, 8),
        18 => !glued && is_day(c, 10) && check_digit(c.digits) == c.digits.last().map(|d| char::from(*d)),
        17 => {
            c.after.is_some_and(|x| x.eq_ignore_ascii_case(&'x')) && is_day(c, 10) && check_digit(c.digits) == Some('X')
        }
        _ => false,
    }
}

fn is_province(c: &Candidate<'_>) -> bool {
    matches!(c.number(0, 2), Some(11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83 | 91))
}

fn is_day(c: &Candidate<'_>, month_at: usize) -> bool {
    let century = month_at == 8 || matches!(c.number(6, 2), Some(18..=20));
    century && matches!(c.number(month_at, 2), Some(1..=12)) && matches!(c.number(month_at + 2, 2), Some(1..=31))
}

/// The 18th place that the first 17 ask for (ISO 7064, MOD 11-2).
fn check_digit(digits: &[u8]) -> Option<char> {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(d, weight)| u32::from(d - b'0') * weight).sum();
    "10X98765432".chars().nth((sum % 11) as usize)
}

/// 13 to 19 digits, whole or in groups, that a card scheme begins with and whose Luhn sum is right (ISO/IEC 7812-1).
fn is_bank_card(c: &Candidate<'_>) -> bool {
    let issuer = matches!(c.digits, [b'3'..=b'6', ..] | [b'9', b'5', b'5', b'8', ..])
        || (c.digits.len() == 16 && matches!(c.number(0, 4), Some(2221..=2720)));
    let grouped = c.shape.len() == 1 || matches!(c.shape, [4, .., 1..=4]) || matches!(c.shape, [4, 6, 5] | [6, 13]);
    issuer
        && grouped
        && (13..=19).contains(&c.digits.len())
        && c.gaps_are(&[" ", "-"])
        && !c.after_plus()
        && !c.in_identifier()
        && luhn(c.digits)
}

fn luhn(digits: &[u8]) -> bool {
    let value = |(place, digit): (usize, &u8)| {
        let digit = u32::from(digit - b'0');
        let doubled = if place % 2 == 1 { digit * 2 } else { digit };
        if doubled > 9 { doubled - 9 } else { doubled }
    };
    digits.iter().rev().enumerate().map(value).sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
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
}
