//! Personal data and secrets out of what customers typed, before it is written anywhere.
//!
//! Invariant: masking a masked text changes nothing.
//!
//! A text is folded to its glyphs; each of the `PHASES` looks for pieces in it and puts tags in their place, which
//! nothing reads across. This is repeated until no phase finds anything: what is then left is what the masked text folds
//! to, so masking it again finds nothing. The word lists are files under `data/`.

mod address;
mod behind;
mod codes;
mod cued;
mod digits;
mod glyph;
pub mod labels;
mod mail;
mod name;
mod net;
mod numbers;
mod phones;
mod plate;
mod secret;
mod several;
mod street;
mod words;

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

pub use codes::{BadPattern, NumberPattern};
use glyph::{Found, Glyphs};

/// What kind of personal data a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A mobile number of the mainland or of Taiwan.
    Mobile,
    /// A landline with its area code, an international number, or what a cue says is a number to call.
    Phone,
    /// A number of an identity card, of whichever place.
    IdentityCard,
    /// A number of a passport or a permit to travel.
    Passport,
    /// A number of a bank or credit card, or of an account.
    BankCard,
    /// A unified social credit code, or another number of a taxpayer.
    CreditCode,
    /// A licence plate.
    Plate,
    /// An address of e-mail.
    Email,
    /// A postal address that leads to a house.
    Address,
    /// A number of an order, an invoice, a ticket.
    Order,
    /// A number of a parcel.
    Tracking,
    /// An address of the Internet protocol.
    Ip,
    /// A name of a person.
    Name,
    /// A password, a code, a key, a token.
    Secret,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 14] = [
        Kind::Mobile,
        Kind::Phone,
        Kind::IdentityCard,
        Kind::Passport,
        Kind::BankCard,
        Kind::CreditCode,
        Kind::Plate,
        Kind::Email,
        Kind::Address,
        Kind::Order,
        Kind::Tracking,
        Kind::Ip,
        Kind::Name,
        Kind::Secret,
    ];

    /// What stands in the text instead.
    pub fn tag(self) -> &'static str {
        match self {
            Kind::Mobile => "〔手机号〕",
            Kind::Phone => "〔电话〕",
            Kind::IdentityCard => "〔身份证〕",
            Kind::Passport => "〔护照〕",
            Kind::BankCard => "〔银行卡〕",
            Kind::CreditCode => "〔信用代码〕",
            Kind::Plate => "〔车牌〕",
            Kind::Email => "〔邮箱〕",
            Kind::Address => "〔地址〕",
            Kind::Order => "〔订单号〕",
            Kind::Tracking => "〔运单号〕",
            Kind::Ip => "〔IP〕",
            Kind::Name => "〔姓名〕",
            Kind::Secret => "〔密钥〕",
        }
    }

    /// Its name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Mobile => "mobile",
            Kind::Phone => "phone",
            Kind::IdentityCard => "identity_card",
            Kind::Passport => "passport",
            Kind::BankCard => "bank_card",
            Kind::CreditCode => "credit_code",
            Kind::Plate => "plate",
            Kind::Email => "email",
            Kind::Address => "address",
            Kind::Order => "order",
            Kind::Tracking => "tracking",
            Kind::Ip => "ip",
            Kind::Name => "name",
            Kind::Secret => "secret",
        }
    }

    /// Whether its form alone tells it, as that of names and addresses does not.
    pub fn is_structured(self) -> bool {
        !matches!(self, Kind::Name | Kind::Address)
    }

    /// The tag that a text begins with.
    fn tag_at(text: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| text.starts_with(kind.tag()))
    }
}

/// A piece of a text that is personal, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// What it is.
    pub kind: Kind,
    /// Where it begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

/// Which numbers of orders and parcels are masked; everything else always is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Numbers behind `订单号`, `tracking number` and the like.
    pub orders: bool,
    /// Numbers that are known by their form.
    pub patterns: Vec<NumberPattern>,
}

impl Settings {
    /// Numbers of orders and parcels stay.
    pub fn without_orders() -> Self {
        Self { orders: false, patterns: Vec::new() }
    }
}

impl Default for Settings {
    /// Numbers behind a cue, and those of known carriers.
    fn default() -> Self {
        let lines = include_str!("data/carriers.txt").lines().filter(|line| !line.starts_with("# "));
        let patterns = lines.filter_map(|line| NumberPattern::new(Kind::Tracking, line).ok()).collect();
        Self { orders: true, patterns }
    }
}

type Phase = fn(&Glyphs, &Settings) -> Vec<Found>;

/// What is looked for, in this order: the surer and the more dangerous first.
const PHASES: [Phase; 10] = [
    |text, _| secret::secrets(text),
    |text, _| mail::mail(text),
    cued::cued,
    behind::behind,
    codes::codes,
    |text, _| numbers::figures(text),
    |text, _| numbers::spoken(text),
    |text, _| address::addresses(text),
    |text, _| street::streets(text),
    |text, _| name::names(text),
];

/// How often the phases are repeated. Two rounds are usual; a text that needs more than these was made to.
const MAX_ROUNDS: usize = 16;

/// Replaces personal data by what kind it was.
///
/// ```
/// use zhiyin::model::mask::{Masker, Settings};
///
/// let masker = Masker::default();
/// assert_eq!(masker.mask("我叫李明,电话一三八 1234 5678"), "我叫〔姓名〕,电话〔手机号〕");
/// assert_eq!(masker.mask("order no. LM2611040087"), "order no. 〔订单号〕");
/// let masker = Masker::new(Settings::without_orders());
/// assert_eq!(masker.mask("order no. LM2611040087"), "order no. LM2611040087");
/// ```
#[derive(Debug, Default)]
pub struct Masker {
    settings: Settings,
}

impl Masker {
    /// With these settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// The text with tags instead of personal data; everything else stays as it is.
    pub fn mask(&self, text: &str) -> String {
        let mut masked = String::with_capacity(text.len());
        let mut at = 0;
        for span in self.spans(text) {
            masked.push_str(text.get(at..span.start).unwrap_or_default());
            masked.push_str(span.kind.tag());
            at = span.end;
        }
        masked.push_str(text.get(at..).unwrap_or_default());
        masked
    }

    /// What is personal in a text, in order and apart.
    pub fn spans(&self, text: &str) -> Vec<Span> {
        let mut glyphs = Glyphs::fold(text);
        for _ in 0..MAX_ROUNDS {
            let mut changed = false;
            for phase in PHASES {
                let found = phase(&glyphs, &self.settings);
                if !found.is_empty() {
                    glyphs.replace(&found);
                    changed = true;
                }
            }
            if !changed {
                return glyphs.found().map(|(kind, start, end)| Span { kind, start, end }).collect();
            }
        }
        vec![Span { kind: Kind::Secret, start: 0, end: text.len() }]
    }
}

static DEFAULT: LazyLock<Masker> = LazyLock::new(Masker::default);

/// Replaces personal data by what kind it was, with the default settings.
pub fn mask(text: &str) -> String {
    DEFAULT.mask(text)
}

/// What is personal in a text, with the default settings.
pub fn mask_spans(text: &str) -> Vec<Span> {
    DEFAULT.spans(text)
}

/// A masked text without what stands in the place of personal data: all texts that held the same kind share it, and it tells
/// none of them apart.
///
/// ```
/// use zhiyin::model::mask::{mask, without_tags};
///
/// assert_eq!(without_tags(&mask("电话13812345678收不到短信")), "电话 收不到短信");
/// ```
pub fn without_tags(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        match c {
            '〔' => inside = true,
            '〕' if inside => {
                inside = false;
                kept.push(' ');
            }
            c if !inside => kept.push(c),
            _ => {}
        }
    }
    kept
}
