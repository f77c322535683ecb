//! Into which terms is a text taken apart, for the index and for a query alike?
//! Invariant: every term of a query on a text occurs among the terms of that text.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use aho_corasick::{AhoCorasick, MatchKind};
use jieba_rs::Jieba;
use rust_stemmers::{Algorithm, Stemmer};
use unicode_segmentation::UnicodeSegmentation;

use crate::normalize::{Folded, fold, folded};
use crate::script::{Runs, Script, is_cut};
pub use crate::terms::{QueryKind, QueryTerm, Token, TokenKind, UserWord};
use crate::words;

/// Takes text apart into words and character bigrams; cheap to clone and shared between threads.
#[derive(Clone)]
pub struct Analyzer {
    lexicon: Arc<Lexicon>,
}

/// A dictionary: words of Chinese characters in jieba, words that mix scripts (`5G套餐`) beside it.
struct Lexicon {
    jieba: Arc<Jieba>,
    mixed: Option<AhoCorasick>,
}

/// A token in folded offsets.
struct Raw {
    term: String,
    range: Range<usize>,
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Within,
    /// The last character of its run, or the only one.
    Tail,
    Lone,
}

/// Words and bigrams of a text in folded offsets, each by where they start, a whole before its parts.
struct Terms {
    folded: Folded,
    words: Vec<Raw>,
    grams: Vec<Raw>,
}

/// A query taken apart: its distinct terms, and where each of them stands.
pub(crate) struct Analysis {
    pub folded: Folded,
    pub terms: Vec<QueryTerm>,
    /// Place in `terms` and bytes of the folded text, words first, in order.
    pub places: Vec<(usize, Range<usize>)>,
}

static DICTIONARY: LazyLock<Arc<Jieba>> = LazyLock::new(|| Arc::new(Jieba::new()));

static DEFAULT: LazyLock<Arc<Lexicon>> =
    LazyLock::new(|| Arc::new(Lexicon { jieba: Arc::clone(&DICTIONARY), mixed: None }));

static STOP_WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let lists = [include_str!("../data/stop_zh.txt"), include_str!("../data/stop_en.txt")];
    lists
        .iter()
        .flat_map(|list| list.lines())
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|word| stem(word).into_owned())
        .collect()
});

impl Default for Analyzer {
    fn default() -> Self {
        Self::new()
    }
}

impl Analyzer {
    /// The analyzer with the default dictionary, which is loaded once per process.
    pub fn new() -> Self {
        Self { lexicon: Arc::clone(&DEFAULT) }
    }

    /// The default dictionary with `words` added; it costs its own copy only when there are any.
    pub fn with_words(words: &[UserWord]) -> Self {
        let mut chinese = Vec::new();
        let mut mixed = Vec::new();
        for word in words {
            let form = folded(&word.word).trim().to_owned();
            if form.is_empty() {
                continue;
            }
            if form.chars().all(|c| Script::of(c) == Script::Han) {
                chinese.push((form, word.frequency));
            } else {
                mixed.push(form);
            }
        }
        if chinese.is_empty() && mixed.is_empty() {
            return Self::new();
        }
        let mut jieba = Arc::clone(&DICTIONARY);
        if !chinese.is_empty() {
            let own = Arc::make_mut(&mut jieba);
            for (word, frequency) in &chinese {
                own.add_word(word, *frequency, None);
            }
        }
        Self { lexicon: Arc::new(Lexicon { jieba, mixed: match_longest(&mixed) }) }
    }

    /// The tokens of `text` for the index: words in order, then bigrams in order.
    pub fn analyze(&self, text: &str) -> Vec<Token> {
        let Terms { folded, words, grams } = self.terms(text);
        let mut tokens = Vec::with_capacity(words.len() + grams.len());
        let mut position = 0;
        let mut whole_end = 0;
        for raw in words {
            if raw.range.end > whole_end {
                position += u32::from(whole_end > 0);
                whole_end = raw.range.end;
            }
            tokens.push(token(raw, TokenKind::Word, position, &folded));
        }
        let mut position = 0;
        for raw in grams {
            let last = raw.place != Place::Within;
            tokens.push(token(raw, TokenKind::Gram, position, &folded));
            // Bigrams of two runs are no neighbours.
            position += if last { 2 } else { 1 };
        }
        tokens
    }

    /// The distinct terms of a query, words first, in the order of their first occurrence.
    pub fn query_terms(&self, text: &str) -> Vec<QueryTerm> {
        self.analysis(text).terms
    }

    /// Whether the dictionary has the word, as it is folded.
    pub(crate) fn has_word(&self, word: &str) -> bool {
        self.lexicon.jieba.has_word(word)
    }

    /// The terms of a query and where they stand.
    pub(crate) fn analysis(&self, text: &str) -> Analysis {
        let Terms { folded, words, grams } = self.terms(text);
        let words = words.into_iter().map(|raw| (raw.term, QueryKind::Word, raw.range));
        let grams = grams.into_iter().filter_map(|raw| match raw.place {
            Place::Within => Some((raw.term, QueryKind::Gram, raw.range)),
            Place::Lone => Some((raw.term, QueryKind::GramPrefix, raw.range)),
            Place::Tail => None,
        });
        let mut terms: Vec<QueryTerm> = Vec::new();
        let mut places = Vec::new();
        let mut seen: HashMap<(String, QueryKind), usize> = HashMap::new();
        for (term, kind, range) in words.chain(grams) {
            let next = terms.len();
            let at = *seen.entry((term.clone(), kind)).or_insert(next);
            places.push((at, range));
            match terms.get_mut(at) {
                Some(known) => known.count += 1,
                None => terms.push(QueryTerm { stop: is_stop(&term, kind), term, kind, count: 1 }),
            }
        }
        Analysis { folded, terms, places }
    }

    fn terms(&self, text: &str) -> Terms {
        let mut terms = Terms { folded: fold(text), words: Vec::new(), grams: Vec::new() };
        let folded = std::mem::take(&mut terms.folded);
        for (script, range) in Runs::new(&folded.text) {
            match script {
                Script::Han => self.cut_chinese(&folded.text, &range, &mut terms.words),
                Script::Kana | Script::Hangul => cut_syllables(&folded.text, &range, &mut terms.words),
                _ => cut_words(text, &folded, range.clone(), &mut terms.words),
            }
            if script.has_grams() {
                cut_grams(&folded.text, range, &mut terms.grams);
            }
        }
        self.find_mixed(&folded.text, &mut terms.words);
        terms.words.sort_by(|a, b| order(a).cmp(&order(b)));
        terms.words.dedup_by(|a, b| a.range == b.range && a.term == b.term);
        terms.folded = folded;
        terms
    }

    fn cut_chinese(&self, text: &str, run: &Range<usize>, out: &mut Vec<Raw>) {
        let Some(run_text) = text.get(run.clone()) else {
            return;
        };
        for token in self.lexicon.jieba.cut_for_search(run_text, true) {
            out.push(Raw {
                term: token.word.to_owned(),
                range: run.start + token.byte_start..run.start + token.byte_end,
                place: Place::Within,
            });
        }
    }

    /// The words of the dictionary that mix scripts, where no word begins or ends inside another.
    fn find_mixed(&self, text: &str, out: &mut Vec<Raw>) {
        let Some(mixed) = &self.lexicon.mixed else {
            return;
        };
        for found in mixed.find_iter(text) {
            let range = found.range();
            if is_cut(text, range.start) || is_cut(text, range.end) {
                continue;
            }
            if let Some(word) = text.get(range.clone()) {
                out.push(Raw { term: stem(word).into_owned(), range, place: Place::Within });
            }
        }
    }
}

fn order(raw: &Raw) -> (usize, Reverse<usize>, &str) {
    (raw.range.start, Reverse(raw.range.end), &raw.term)
}

fn token(raw: Raw, kind: TokenKind, position: u32, folded: &Folded) -> Token {
    let Range { start, end } = folded.origin(raw.range);
    Token { term: raw.term, kind, position, start, end }
}

fn match_longest(words: &[String]) -> Option<AhoCorasick> {
    if words.is_empty() {
        return None;
    }
    let built = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(words);
    built.inspect_err(|error| tracing::warn!(%error, "user words that mix scripts are left out")).ok()
}

fn is_stop(term: &str, kind: QueryKind) -> bool {
    if STOP_WORDS.contains(term) {
        return true;
    }
    let mut buffer = [0; 4];
    kind == QueryKind::Gram && term.chars().all(|c| STOP_WORDS.contains(c.encode_utf8(&mut buffer) as &str))
}

/// The Snowball stem of an English word of three letters or more; anything else as it is.
///
/// Porter, "Snowball: a language for stemming algorithms", the English (Porter 2) stemmer.
pub(crate) fn stem(word: &str) -> Cow<'_, str> {
    if word.len() <= 2 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Cow::Borrowed(word);
    }
    Stemmer::create(Algorithm::English).stem(word)
}

fn cut_words(original: &str, folded: &Folded, run: Range<usize>, out: &mut Vec<Raw>) {
    let text = folded.text.get(run.clone()).unwrap_or_default();
    let spelling = |range: Range<usize>| {
        let length = range.len();
        let origin = folded.origin(run.start + range.start..run.start + range.end);
        original.get(origin).filter(|spelling| spelling.len() == length)
    };
    words::words(text, spelling, |form| {
        out.push(Raw {
            term: match stem(&form.text) {
                Cow::Borrowed(same) if same.len() == form.text.len() => form.text,
                stemmed => stemmed.into_owned(),
            },
            range: run.start + form.range.start..run.start + form.range.end,
            place: Place::Within,
        });
    });
}

/// Kana and Hangul: segments between Unicode word boundaries (Unicode Standard Annex 29).
fn cut_syllables(text: &str, run: &Range<usize>, out: &mut Vec<Raw>) {
    let run_text = text.get(run.clone()).unwrap_or_default();
    for (at, word) in run_text.unicode_word_indices() {
        let start = run.start + at;
        out.push(Raw { term: word.to_owned(), range: start..start + word.len(), place: Place::Within });
    }
}

/// Bigrams of a run, and its last character alone.
fn cut_grams(text: &str, run: Range<usize>, out: &mut Vec<Raw>) {
    let run_text = text.get(run.clone()).unwrap_or_default();
    let mut chars = run_text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let start = run.start + at;
        let (end, place) = match chars.peek() {
            Some((next, second)) => (run.start + next + second.len_utf8(), Place::Within),
            None if at == 0 => (start + c.len_utf8(), Place::Lone),
            None => (start + c.len_utf8(), Place::Tail),
        };
        out.push(Raw { term: text.get(start..end).unwrap_or_default().to_owned(), range: start..end, place });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        terms(&Analyzer::new(), text, TokenKind::Word)
    }

    fn grams(text: &str) -> Vec<String> {
        terms(&Analyzer::new(), text, TokenKind::Gram)
    }

    fn terms(analyzer: &Analyzer, text: &str, kind: TokenKind) -> Vec<String> {
        let tokens = analyzer.analyze(text).into_iter();
        tokens.filter(|token| token.kind == kind).map(|token| token.term).collect()
    }

    fn query(text: &str, kind: QueryKind) -> Vec<String> {
        let terms = Analyzer::new().query_terms(text).into_iter();
        terms.filter(|term| term.kind == kind).map(|term| term.term).collect()
    }

    #[test]
    fn chinese_words_and_their_parts() {
        assert_eq!(words("北京大学"), ["北京大学", "北京", "大学"]);
        assert_eq!(words("退貨流程"), words("退货流程"));
        assert_eq!(words("退货，流程。"), ["退货", "流程"]);
    }

    #[test]
    fn bigrams_and_the_last_character() {
        assert_eq!(grams("退货流程"), ["退货", "货流", "流程", "程"]);
        assert_eq!(grams("退货, 卡"), ["退货", "货", "卡"]);
        assert_eq!(query("退货流程", QueryKind::Gram), ["退货", "货流", "流程"]);
        assert_eq!(query("退货流程", QueryKind::GramPrefix), Vec::<String>::new());
        assert_eq!(query("卡", QueryKind::GramPrefix), ["卡"]);
        assert_eq!(query("卡", QueryKind::Gram), Vec::<String>::new());
    }

    #[test]
    fn scripts_are_split() {
        assert_eq!(words("退货API流程"), ["退货", "api", "流程"]);
        assert_eq!(words("5G手机"), ["5g", "手机"]);
        assert_eq!(words("iPhone15"), ["iphone15", "iphon", "15"]);
        assert_eq!(words("ガイド한국어"), ["ガイド", "한국어"]);
        assert_eq!(grams("한국어"), ["한국", "국어", "어"]);
    }

    #[test]
    fn english_is_stemmed() {
        assert_eq!(words("Returning the customers' orders"), ["return", "the", "custom", "order"]);
        assert_eq!(words("Café is us"), ["cafe", "is", "us"]);
        assert_eq!(words("returned"), words("returns"));
        assert_eq!(words("the customer’s"), ["the", "custom"]);
    }

    #[test]
    fn parts_share_a_position_and_map_to_the_original() {
        let text = "买Ｘ２００-Pro，退貨";
        let tokens = Analyzer::new().analyze(text);
        let found: Vec<_> = tokens
            .iter()
            .filter(|token| token.kind == TokenKind::Word)
            .map(|token| (token.term.as_str(), token.position, text.get(token.start..token.end)))
            .collect();
        assert_eq!(
            found,
            [
                ("买", 0, Some("买")),
                ("x200-pro", 1, Some("Ｘ２００-Pro")),
                ("x200", 1, Some("Ｘ２００")),
                ("pro", 1, Some("Pro")),
                ("退货", 2, Some("退貨")),
            ]
        );
    }

    #[test]
    fn user_words_of_any_script() {
        let own = |word: &str| UserWord { word: word.to_owned(), frequency: None };
        let text = "我要订购5g套餐和知音云Pro，用魔镜台灯";
        let analyzer = Analyzer::with_words(&[own("５Ｇ套餐"), own("知音云Pro"), own("魔鏡台燈"), own("  ")]);
        let found = terms(&analyzer, text, TokenKind::Word);
        for word in ["5g套餐", "5g", "套餐", "知音云pro", "魔镜台灯"] {
            assert!(found.iter().any(|term| term == word), "{word} in {found:?}");
        }
        assert!(!words(text).iter().any(|term| term == "魔镜台灯" || term == "5g套餐"));
        // Not inside another word.
        assert!(!terms(&analyzer, "15G套餐", TokenKind::Word).iter().any(|term| term == "5g套餐"));
    }

    #[test]
    fn stop_words_are_marked_not_dropped() {
        let terms = Analyzer::new().query_terms("如何 does the 退货");
        let stops: Vec<&str> = terms.iter().filter(|term| term.stop).map(|term| term.term.as_str()).collect();
        assert!(stops.contains(&"如何") && stops.contains(&"doe") && stops.contains(&"the"), "{stops:?}");
        assert!(terms.iter().any(|term| term.term == "退货" && !term.stop));
    }

    #[test]
    fn repeated_terms_are_counted() {
        let terms = Analyzer::new().query_terms("order orders ORDER");
        let found: Vec<_> = terms.iter().map(|term| (term.term.as_str(), term.count)).collect();
        assert_eq!(found, [("order", 3)]);
    }

    #[test]
    fn nothing_comes_from_nothing() {
        for text in ["", " ，。!? \u{200b}😀", "……"] {
            assert!(Analyzer::new().analyze(text).is_empty(), "{text}");
        }
    }
}
