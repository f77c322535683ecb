//! Which laws hold for every text, however odd? Checked on random mixtures of Chinese, English, emoji and Markdown.

#![expect(clippy::indexing_slicing, clippy::string_slice, reason = "tests fail by panicking")]

use std::collections::HashSet;
use std::ops::Range;

use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag};
use zhiyin_index::analyzer::{Analyzer, QueryKind, TokenKind, UserWord};
use zhiyin_index::chunk::{ChunkLimits, chunk, estimate_tokens};
use zhiyin_index::normalize::{fold, folded, strip_accents};
use zhiyin_index::sentence::sentences;
use zhiyin_index::snippet::{Highlighter, snippet};

const PIECES: &[&str] = &[
    "退货流程",
    "退貨與換貨",
    "的",
    "如何",
    "卡",
    "体",
    "體驗",
    "５Ｇ套餐",
    "知音云Pro",
    "X200-Pro",
    "4.3.1",
    "SF1234567",
    "userName",
    "wi-fi",
    "iPhone15",
    "C++",
    "a@b.example.com",
    "https://e.com/?q=1",
    "Customers’",
    "returned",
    "don't",
    "Café",
    "e\u{301}",
    "\u{301}",
    "\u{200b}",
    "\u{fe0f}",
    "\u{0}",
    "ﬁ",
    "ｶﾞ",
    "ガイド",
    "한국어",
    "각",
    "ᄀ",
    "ᅡ",
    "ᆨ",
    "Ǆ",
    "İ",
    "ẞ",
    "J\u{30c}",
    "薴",
    "😀",
    "👩‍💻",
    "…",
    "。",
    "，",
    "！",
    "？",
    ". ",
    "! ",
    "\n",
    "\n\n",
    "# ",
    "\n## ",
    "- ",
    "\n- ",
    "\n1. ",
    "> ",
    "| a | b |\n|---|---|\n",
    "\n| 1 | 2 |\n",
    "```",
    "\n```\n",
    "`",
    "**",
    "*",
    "_",
    "~~",
    "[",
    "](",
    ")",
    "![",
    "<b>",
    "&amp;",
    "<",
    "\"",
    "'",
    "\\",
    "\t",
    "\r\n",
    "    ",
    "---",
    "\n===\n",
    "[a]: /x\n",
    " ",
    " ",
    " ",
    "\u{3000}",
];

/// Random mixtures of the pieces above with characters of all of Unicode.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => prop::sample::select(PIECES).prop_map(str::to_owned),
        1 => "[a-zA-Z0-9]{1,8}",
        1 => "[\u{4e00}-\u{9fff}]{1,6}",
        1 => any::<char>().prop_map(String::from),
        1 => prop::char::range('\u{80}', '\u{33ff}').prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn on_boundaries(text: &str, range: &Range<usize>) -> bool {
    range.start <= range.end && text.get(range.clone()).is_some()
}

/// The bytes that lie in a top-level heading, by the parser.
fn headings(body: &str) -> Vec<Range<usize>> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut depth = 0;
    let mut out = Vec::new();
    for (event, range) in Parser::new_ext(body, options).into_offset_iter() {
        match event {
            Event::Start(tag) => {
                if depth == 0 && matches!(tag, Tag::Heading { .. }) {
                    out.push(range);
                }
                depth += 1;
            }
            Event::End(_) => depth -= 1,
            _ => {}
        }
    }
    out
}

/// What is left of html made of text, references and balanced marks, or `None` when it is not that.
fn unmarked(html: &str) -> Option<String> {
    let mut out = String::new();
    for (at, piece) in html.split("<mark>").enumerate() {
        let rest = match (at, piece.split_once("</mark>")) {
            (0, None) => piece.to_owned(),
            (1.., Some((inner, after))) if !inner.is_empty() => inner.to_owned() + after,
            _ => return None,
        };
        out.push_str(&rest);
    }
    let mut bare = out.clone();
    for reference in ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;"] {
        bare = bare.replace(reference, "");
    }
    (!bare.contains(['<', '>', '&', '"', '\''])).then_some(out)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn folding_twice_changes_nothing(text in texts(), any in any::<String>()) {
        for text in [text, any] {
            let once = fold(&text).text;
            prop_assert_eq!(&fold(&once).text, &once);
            prop_assert_eq!(folded(&text), once);
        }
    }

    #[test]
    fn origins_are_boundaries_and_monotone(text in texts()) {
        let fold = fold(&text);
        let mut last = 0;
        for at in 0..=fold.text.len() + 2 {
            let origin = fold.origin(at..at + 1);
            prop_assert!(on_boundaries(&text, &origin), "{origin:?} of {text:?}");
            prop_assert!(origin.start >= last);
            last = origin.start;
        }
        prop_assert!(on_boundaries(&text, &fold.origin(0..fold.text.len())));
    }

    #[test]
    fn a_piece_of_the_folded_text_folds_from_its_origin(text in texts()) {
        let fold = fold(&text);
        for (at, c) in fold.text.char_indices() {
            let origin = fold.origin(at..at + c.len_utf8());
            prop_assert!(folded(&text[origin]).contains(c));
        }
    }

    #[test]
    fn tokens_stand_on_boundaries_in_order(text in texts()) {
        let tokens = Analyzer::new().analyze(&text);
        for kind in [TokenKind::Word, TokenKind::Gram] {
            let (mut start, mut position) = (0, 0);
            for token in tokens.iter().filter(|token| token.kind == kind) {
                prop_assert!(on_boundaries(&text, &(token.start..token.end)) && token.start < token.end);
                prop_assert!(token.start >= start && token.position >= position, "{token:?}");
                prop_assert!(!token.term.is_empty());
                (start, position) = (token.start, token.position);
            }
        }
    }

    #[test]
    fn query_terms_occur_in_the_text(text in texts()) {
        let words = ["5G套餐", "知音云Pro", "退货流程"].map(|word| UserWord { word: word.to_owned(), frequency: None });
        for analyzer in [Analyzer::new(), analyzer_with(&words)] {
            let tokens = analyzer.analyze(&text);
            let known: HashSet<(&str, TokenKind)> = tokens.iter().map(|token| (token.term.as_str(), token.kind)).collect();
            let mut seen = HashSet::new();
            for term in analyzer.query_terms(&text) {
                let kind = if term.kind == QueryKind::Word { TokenKind::Word } else { TokenKind::Gram };
                prop_assert!(known.contains(&(term.term.as_str(), kind)), "{term:?} of {text:?}");
                prop_assert!(term.count > 0 && seen.insert((term.term.clone(), term.kind)));
            }
        }
    }

    #[test]
    fn every_letter_is_findable(text in texts()) {
        let fold = fold(&text);
        let mut covered = vec![false; text.len()];
        for token in Analyzer::new().analyze(&text) {
            covered[token.start..token.end].fill(true);
        }
        for (at, c) in fold.text.char_indices() {
            if c.is_ascii_alphanumeric() || ('\u{4e00}'..='\u{9fff}').contains(&c) {
                let origin = fold.origin(at..at + c.len_utf8());
                // All but the s of a possessive, which no query asks for.
                let possessive = c == 's' && fold.text[..at].ends_with('\'');
                prop_assert!(possessive || covered[origin.start], "{c} of {text:?}");
            }
        }
    }

    #[test]
    fn chunks_cover_the_body_once(body in texts(), target in 1_usize..60, extra in 0_usize..60, min in 0_usize..40) {
        let limits = ChunkLimits { target, max: target + extra, min };
        let headings = headings(&body);
        let chunks = chunk(&body, &limits);
        let mut times = vec![0_u8; body.len()];
        let mut end = 0;
        for chunk in &chunks {
            prop_assert!(on_boundaries(&body, &chunk.bytes) && chunk.bytes.start >= end);
            end = chunk.bytes.end;
            prop_assert_eq!(body[..chunk.bytes.start].chars().count(), chunk.start);
            prop_assert_eq!(body[..chunk.bytes.end].chars().count(), chunk.end);
            prop_assert!(!body[chunk.bytes.clone()].trim().is_empty());
            prop_assert!(chunk.heading.iter().all(|heading| !heading.is_empty()));
            for time in &mut times[chunk.bytes.clone()] {
                *time += 1;
            }
        }
        for (at, c) in body.char_indices() {
            let within = headings.iter().any(|heading| heading.contains(&at));
            prop_assert!(c.is_whitespace() || times[at] == 1 || within, "{c:?} at {at} of {body:?}");
        }
    }

    #[test]
    fn long_chunks_stay_below_the_limit(text in "[\u{4e00}-\u{9fff}a-z。，. ]{200,600}") {
        let limits = ChunkLimits { target: 20, max: 30, min: 5 };
        for chunk in chunk(&text, &limits) {
            prop_assert!(estimate_tokens(&text[chunk.bytes]) <= limits.max + 1);
        }
    }

    #[test]
    fn sentences_are_apart_and_say_something(text in texts()) {
        let mut end = 0;
        for range in sentences(&text) {
            prop_assert!(on_boundaries(&text, &range) && range.start >= end && range.start < range.end);
            end = range.end;
            let sentence = &text[range];
            prop_assert_eq!(sentence.trim(), sentence);
            prop_assert!(sentence.chars().any(char::is_alphanumeric));
            prop_assert!(!sentence.contains('\n'));
        }
    }

    #[test]
    fn snippets_hold_only_marks(text in texts(), query in texts(), max in 0_usize..80) {
        let terms = Analyzer::new().query_terms(&query);
        let highlighter = Highlighter::new(&terms);
        let found = highlighter.snippet(&text, max);
        prop_assert_eq!(&found, &snippet(&text, &terms, max));
        prop_assert!(unmarked(&found.html).is_some(), "{}", found.html);
        prop_assert!(found.start <= found.end && found.end <= text.chars().count());
        prop_assert!(found.end - found.start <= max || found.end - found.start == text.chars().count());
        let mut end = 0;
        for range in highlighter.ranges(&text) {
            prop_assert!(on_boundaries(&text, &range) && range.start >= end && range.start < range.end);
            end = range.end;
        }
    }

    #[test]
    fn accents_are_stripped_once(text in texts()) {
        let once = strip_accents(&folded(&text)).into_owned();
        prop_assert_eq!(strip_accents(&once).into_owned(), once);
    }
}

/// One analyzer with these words for the whole run: its dictionary is a copy.
fn analyzer_with(words: &[UserWord]) -> Analyzer {
    static OWN: std::sync::OnceLock<Analyzer> = std::sync::OnceLock::new();
    OWN.get_or_init(|| Analyzer::with_words(words)).clone()
}
