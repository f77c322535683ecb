//! What does a question ask for, and does a sentence show it? Cues of the language, kept as data.
//! Invariant: phrases are looked up in folded text; a Latin phrase matches whole words only.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use crate::normalize::folded;
use crate::script::Script;

const DATA: &str = include_str!("../../data/answer_cues.txt");

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asks {
    /// Why.
    Reason,
    /// How long.
    Duration,
    /// How much money.
    Money,
    /// When.
    Date,
    /// How many.
    Number,
    /// Who.
    Person,
    /// Where.
    Place,
    /// How to.
    Steps,
    /// Whether.
    YesNo,
    /// Anything else.
    Other,
}

/// In the order in which they are tried.
const KINDS: [(Asks, &str); 9] = [
    (Asks::Reason, "ask.reason"),
    (Asks::Duration, "ask.duration"),
    (Asks::Money, "ask.money"),
    (Asks::Date, "ask.date"),
    (Asks::Number, "ask.number"),
    (Asks::Person, "ask.person"),
    (Asks::Place, "ask.place"),
    (Asks::Steps, "ask.steps"),
    (Asks::YesNo, "ask.yes_no"),
];

/// Phrases by group.
struct Cues(HashMap<&'static str, Vec<&'static str>>);

static CUES: LazyLock<Cues> = LazyLock::new(|| {
    let mut groups: HashMap<&str, Vec<&str>> = HashMap::new();
    let mut group = "";
    for line in DATA.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(name) => group = name,
            None => groups.entry(group).or_default().push(line),
        }
    }
    // Longest first, so that what follows a number is read as far as it goes.
    groups.values_mut().for_each(|phrases| phrases.sort_by_key(|phrase| std::cmp::Reverse(phrase.len())));
    Cues(groups)
});

fn phrases(group: &str) -> &'static [&'static str] {
    CUES.0.get(group).map_or(&[], Vec::as_slice)
}

/// Whether a phrase of the group stands in the folded text.
pub(crate) fn holds(group: &str, text: &str) -> bool {
    phrases(group).iter().any(|phrase| find_phrase(text, phrase).is_some())
}

/// Whether the folded text is a phrase of the group.
pub(crate) fn is_phrase(group: &str, text: &str) -> bool {
    phrases(group).contains(&text)
}

/// The folded text with the phrases of the group blanked out.
pub(crate) fn blanked(group: &str, text: &str) -> String {
    let mut out = text.to_owned();
    for phrase in phrases(group) {
        while let Some(at) = find_phrase(&out, phrase) {
            out.replace_range(at..at + phrase.len(), &" ".repeat(phrase.len()));
        }
    }
    out
}

/// Whether the folded text opens with a phrase of the group.
pub(crate) fn opens(group: &str, text: &str) -> bool {
    let text = text.trim_start_matches(|c: char| !c.is_alphanumeric());
    phrases(group).iter().any(|phrase| text.starts_with(phrase) && ends_word(text, phrase.len()))
}

fn find_phrase(text: &str, phrase: &str) -> Option<usize> {
    let latin = |c: char| c.is_ascii_alphanumeric();
    let bounded = phrase.chars().next().is_some_and(latin);
    text.match_indices(phrase).map(|(at, _)| at).find(|at| {
        let before = text.get(..*at).and_then(|head| head.chars().next_back());
        !bounded || (!before.is_some_and(latin) && ends_word(text, at + phrase.len()))
    })
}

/// Whether no Latin word goes on there.
fn ends_word(text: &str, at: usize) -> bool {
    let last = text.get(..at).and_then(|head| head.chars().next_back());
    let next = text.get(at..).and_then(|rest| rest.chars().next());
    let latin = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    !(latin(last) && latin(next))
}

/// The text with the phrases by which it asks blanked out, byte for byte; as it is where folding moves offsets.
pub(crate) fn without_asking(text: &str) -> String {
    let mut out = text.to_owned();
    for phrase in KINDS.iter().flat_map(|(_, group)| phrases(group)) {
        loop {
            let lower = out.to_lowercase();
            let at = if lower.len() == out.len() { find_phrase(&lower, phrase) } else { None };
            let range = at.map_or(0..0, |at| at..at + phrase.len());
            if range.is_empty() || out.get(range.clone()).is_none() {
                break;
            }
            out.replace_range(range, &" ".repeat(phrase.len()));
        }
    }
    out
}

/// A question as far as cues tell.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub asks: Asks,
    /// Whether a whole list is asked for.
    pub list: bool,
    /// Numbers and names that the question itself holds: they are no answer to it.
    given: HashSet<String>,
}

impl Wanted {
    pub fn of(question: &str) -> Self {
        let text = folded(question);
        let kind = KINDS.iter().find(|(_, group)| holds(group, &text)).map(|(kind, _)| *kind);
        let whether = opens("ask.whether", &text);
        let asks = match kind {
            // "Can I …, and how long": what is asked for decides; else a verb in front asks whether.
            Some(kind) if kind != Asks::Person => kind,
            _ if whether => Asks::YesNo,
            Some(kind) => kind,
            None => Asks::Other,
        };
        let given = numbers(&text).into_iter().map(|number| number.text.to_owned()).chain(names(question)).collect();
        Self { asks, list: holds("ask.list", &text), given }
    }

    /// How much a sentence looks like what is asked for, in [0, 1]; 0 where nothing in particular is.
    pub fn sign(&self, sentence: &str) -> f32 {
        let text = folded(sentence);
        let text = text.as_str();
        let fresh = || numbers(text).into_iter().filter(|number| !self.given.contains(number.text));
        let units = |group: &str| fresh().any(|number| unit_after(&number, group));
        let found = match self.asks {
            Asks::Duration => units("sign.duration"),
            Asks::Money => {
                let signed = |number: &Number<'_>| number.before.is_some_and(|c| matches!(c, '$' | '¥' | '€' | '£'));
                units("sign.money") || fresh().any(|n| signed(&n)) || holds("sign.money_word", text)
            }
            Asks::Date => {
                let year = |n: &Number<'_>| n.text.len() == 4 && n.text.starts_with(['1', '2']);
                units("sign.date") || fresh().any(|n| year(&n)) || holds("sign.time_word", text)
            }
            Asks::Number => fresh().next().is_some(),
            Asks::Person => names(sentence).any(|name| !self.given.contains(&name)) || holds("sign.person", text),
            Asks::Place => names(sentence).any(|name| !self.given.contains(&name)) || holds("sign.place", text),
            Asks::Reason => holds("sign.reason", text),
            Asks::Steps => holds("sign.steps", text),
            Asks::YesNo => holds("sign.decides", text),
            Asks::Other => false,
        };
        f32::from(u8::from(found))
    }
}

/// A number in a text, as digits or as Chinese numerals.
struct Number<'a> {
    text: &'a str,
    before: Option<char>,
    after: &'a str,
}

fn is_numeral(c: char) -> bool {
    c.is_ascii_digit() || "〇零一二三四五六七八九十百千万亿两半".contains(c)
}

fn numbers(text: &str) -> Vec<Number<'_>> {
    let mut out = Vec::new();
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find(is_numeral)) {
        let start = from + at;
        let rest = text.get(start..).unwrap_or_default();
        let inside = |c: char| is_numeral(c) || matches!(c, '.' | ',');
        let length = rest.find(|c: char| !inside(c)).unwrap_or(rest.len());
        let found = rest.get(..length).unwrap_or_default().trim_end_matches(['.', ',']);
        let after = rest.get(found.len()..).unwrap_or_default();
        let before = text.get(..start).and_then(|head| head.trim_end().chars().next_back());
        // A Chinese numeral within a word counts nothing: only one that measures does.
        let counts = found.starts_with(|c: char| c.is_ascii_digit()) || found.chars().count() > 1 || measured(after);
        if counts {
            out.push(Number { text: found, before, after });
        }
        from = start + length.max(1);
    }
    out
}

fn measured(after: &str) -> bool {
    let number = |group| unit_at(after, group);
    number("sign.duration")
        || number("sign.money")
        || number("sign.date")
        || after.starts_with(|c| "个次种名位件人家条部".contains(c))
}

fn unit_after(number: &Number<'_>, group: &str) -> bool {
    unit_at(number.after, group)
}

fn unit_at(after: &str, group: &str) -> bool {
    let after = after.trim_start_matches([' ', '-', '*', '+', '多', '个', '余', '几']);
    phrases(group).iter().any(|unit| after.starts_with(unit) && ends_word(after, unit.len()))
}

/// Words with a capital that do not open the sentence, and foreign names in Chinese text, folded.
fn names(sentence: &str) -> impl Iterator<Item = String> + '_ {
    let words = sentence.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"' | ',' | '“' | '”'));
    let capitals = words.filter(|word| !word.is_empty()).skip(1).filter(|word| {
        let mut chars = word.chars();
        chars.next().is_some_and(char::is_uppercase) && chars.next().is_some_and(char::is_lowercase)
    });
    let dotted = sentence.split(|c: char| Script::of(c) != Script::Han && c != '·' && c != '・');
    let dotted = dotted.filter(|run| run.contains(['·', '・']));
    capitals.chain(dotted).map(|word| folded(word.trim_matches(|c: char| !c.is_alphanumeric())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_say_what_they_ask_for() {
        let cases = [
            ("买了几天可以退货", Asks::Duration),
            ("退款多久到账", Asks::Duration),
            ("运费多少钱", Asks::Money),
            ("退货的运费谁出", Asks::Person),
            ("发票在哪里下载", Asks::Place),
            ("怎么申请退货", Asks::Steps),
            ("为什么被限流", Asks::Reason),
            ("拆封激活了还能退吗", Asks::YesNo),
            ("how long is the warranty", Asks::Duration),
            ("How do I reset my password?", Asks::Steps),
            ("who pays the return shipping", Asks::Person),
            ("Can I return an opened phone?", Asks::YesNo),
            ("Is there anybody who can help me?", Asks::YesNo),
            ("How many points did they score?", Asks::Number),
            ("return policy", Asks::Other),
        ];
        for (question, asks) in cases {
            assert_eq!(Wanted::of(question).asks, asks, "{question}");
        }
    }

    #[test]
    fn signs_are_seen_and_the_questions_own_numbers_are_none() {
        let cases = [
            ("买了几天可以退货", "自签收次日起 **15 天内**可以退货。", 1.0),
            ("买了几天可以退货", "退货需要包装完好。", 0.0),
            ("多久到账", "三个工作日内到账。", 1.0),
            ("how much does it cost", "A pick-up costs ¥12.", 1.0),
            ("how much does it cost", "Pick-up is free.", 1.0),
            ("when did it open", "It opened in 1998.", 1.0),
            ("who won in 1998 and how many points", "They won in 1998.", 0.0),
            ("who wrote it", "It was written by Ann Lee.", 1.0),
            ("为什么失败", "由于网络中断。", 1.0),
            ("what is it", "It costs 5 dollars.", 0.0),
        ];
        for (question, sentence, sign) in cases {
            assert!((Wanted::of(question).sign(sentence) - sign).abs() < 1e-6, "{question}: {sentence}");
        }
    }

    #[test]
    fn phrases_are_whole_words_where_words_are_spaced() {
        assert!(opens("opens.condition", "but not this"));
        assert!(!opens("opens.condition", "butter is not this"));
        assert!(opens("opens.condition", "但是不行"));
        assert!(holds("holds.condition", "预售商品除外"));
        assert!(!holds("sign.reason", "the sincere one"));
    }

    #[test]
    fn every_group_that_is_named_is_there() {
        let named = ["ask.whether", "ask.list", "sign.time_word", "sign.money_word", "opens.anaphora"];
        let more = ["opens.condition", "opens.consequence", "opens.premise", "holds.condition", "holds.steps"];
        let kinds = KINDS.iter().map(|(_, group)| *group);
        for group in named.into_iter().chain(more).chain(kinds) {
            assert!(!phrases(group).is_empty(), "{group}");
        }
    }
}
