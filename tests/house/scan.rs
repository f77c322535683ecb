//! Which paths does a Rust file name, and on which lines?
//!
//! Invariant: nothing inside a comment, a string or a character literal is ever taken for code.

use std::path::PathBuf;

/// A source file, read once.
pub struct Source {
    /// Where it is, from the root of the repository, with `/`.
    pub path: String,
    /// As written.
    pub text: String,
    /// What is left without comments, with every string literal emptied.
    pub tokens: Vec<Token>,
}

/// A word, a literal or a mark, and its line, from 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    pub kind: Kind,
    pub line: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// An identifier, a keyword or a number.
    Word(String),
    /// What a string literal says, escapes untouched.
    Text(String),
    /// `::`
    Path,
    /// Any other mark.
    Mark(char),
}

impl Source {
    pub fn new(path: String, text: String) -> Self {
        let tokens = tokens(&text);
        Self { path, text, tokens }
    }

    /// Every path named, with `self` and `super` resolved; a braced tree gives one for each leaf.
    /// A lone word is a path only behind `use`.
    pub fn paths(&self) -> Vec<(Vec<String>, usize)> {
        let mut found = Vec::new();
        let mut inside = Modules::new(&self.path);
        let mut at = 0;
        while at < self.tokens.len() {
            inside.see(&self.tokens, at);
            let begins = matches!(self.kind(at), Some(Kind::Word(_))) && !self.continues(at);
            if !begins {
                at += 1;
                continue;
            }
            let line = self.tokens[at].line;
            let used = at.checked_sub(1).is_some_and(|b| self.is_word(b, "use"));
            let mut leaves = Vec::new();
            at = self.tree(at, &[], &mut leaves);
            leaves.retain(|path| used || path.len() > 1);
            found.extend(leaves.into_iter().map(|path| (inside.resolve(path), line)));
        }
        found
    }

    fn kind(&self, at: usize) -> Option<&Kind> {
        self.tokens.get(at).map(|t| &t.kind)
    }

    fn is_word(&self, at: usize, wanted: &str) -> bool {
        matches!(self.kind(at), Some(Kind::Word(word)) if word == wanted)
    }

    /// Whether the word is the rest of a path or a method's name.
    fn continues(&self, at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|b| self.kind(b));
        match before {
            Some(Kind::Mark('.')) => true,
            // `::sled::open` begins at the root: a path of its own.
            Some(Kind::Path) => {
                matches!(at.checked_sub(2).and_then(|b| self.kind(b)), Some(Kind::Word(_) | Kind::Mark('>')))
            }
            _ => false,
        }
    }

    /// Reads a path from its word at `at`; gives the place behind it.
    fn tree(&self, at: usize, before: &[String], leaves: &mut Vec<Vec<String>>) -> usize {
        let mut path = before.to_vec();
        let mut at = at;
        loop {
            match self.kind(at) {
                Some(Kind::Word(word)) => path.push(word.trim_start_matches("r#").to_owned()),
                Some(Kind::Mark('*')) if !path.is_empty() => path.push("*".to_owned()),
                Some(Kind::Mark('{')) if !path.is_empty() => return self.group(at + 1, &path, leaves),
                _ => break,
            }
            at += 1;
            if self.kind(at) != Some(&Kind::Path) {
                break;
            }
            at += 1;
        }
        leaves.push(path);
        at
    }

    fn group(&self, mut at: usize, path: &[String], leaves: &mut Vec<Vec<String>>) -> usize {
        loop {
            match self.kind(at) {
                None => return at,
                Some(Kind::Mark('}')) => return at + 1,
                Some(Kind::Word(word)) if word == "as" => at += 2,
                Some(Kind::Word(_) | Kind::Mark('*')) => at = self.tree(at, path, leaves),
                Some(_) => at += 1,
            }
        }
    }

    /// The tokens that are not under `#[cfg(test)]`.
    pub fn without_tests(&self) -> Vec<&Token> {
        let mut kept = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            if self.is_test_attribute(at) {
                at = self.end_of_item(at);
            } else {
                kept.push(&self.tokens[at]);
                at += 1;
            }
        }
        kept
    }

    fn is_test_attribute(&self, at: usize) -> bool {
        let words = ["#", "[", "cfg", "(", "test", ")", "]"];
        words.iter().enumerate().all(|(i, wanted)| match self.kind(at + i) {
            Some(Kind::Word(word)) => word == wanted,
            Some(Kind::Mark(mark)) => *wanted == mark.to_string(),
            _ => false,
        })
    }

    /// Behind the `;` or the closing brace of the item whose attribute begins at `at`.
    fn end_of_item(&self, at: usize) -> usize {
        let mut depth = 0_usize;
        for place in at..self.tokens.len() {
            match self.kind(place) {
                Some(Kind::Mark('{' | '[' | '(')) => depth += 1,
                Some(Kind::Mark('}')) if depth == 1 => return place + 1,
                Some(Kind::Mark('}' | ']' | ')')) => depth = depth.saturating_sub(1),
                Some(Kind::Mark(';')) if depth == 0 => return place + 1,
                _ => {}
            }
        }
        self.tokens.len()
    }
}

/// Which module the scan is in: the file's own, and the ones written inside it.
struct Modules {
    file: Vec<String>,
    inner: Vec<(String, usize)>,
    depth: usize,
}

impl Modules {
    fn new(path: &str) -> Self {
        let inside = path.split_once("src/").map_or(path, |(_, inside)| inside);
        let names = inside.trim_end_matches(".rs").split('/').map(str::to_owned);
        let mut file: Vec<String> = names.collect();
        if matches!(file.last().map(String::as_str), Some("mod" | "lib" | "main")) {
            file.pop();
        }
        Self { file, inner: Vec::new(), depth: 0 }
    }

    fn see(&mut self, tokens: &[Token], at: usize) {
        match &tokens[at].kind {
            Kind::Mark('{') => {
                self.depth += 1;
                let word = |back: usize| match at.checked_sub(back).map(|b| &tokens[b].kind) {
                    Some(Kind::Word(word)) => word.as_str(),
                    _ => "",
                };
                if word(2) == "mod" {
                    self.inner.push((word(1).to_owned(), self.depth));
                }
            }
            Kind::Mark('}') => {
                self.inner.pop_if(|(_, depth)| *depth == self.depth);
                self.depth = self.depth.saturating_sub(1);
            }
            _ => {}
        }
    }

    fn resolve(&self, path: Vec<String>) -> Vec<String> {
        let first = path.first().map_or("", String::as_str);
        if !matches!(first, "self" | "super") {
            return path;
        }
        let mut here: Vec<String> = self.file.clone();
        here.extend(self.inner.iter().map(|(name, _)| name.clone()));
        let mut rest = path.as_slice();
        while let [step, more @ ..] = rest {
            match step.as_str() {
                "super" => drop(here.pop()),
                "self" => {}
                _ => break,
            }
            rest = more;
        }
        let mut whole = vec!["crate".to_owned()];
        whole.extend(here);
        whole.extend(rest.iter().cloned());
        whole
    }
}

/// Cuts a file into tokens.
pub fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(&c) = chars.get(at) {
        let next = chars.get(at + 1).copied();
        let start = line;
        let end = match (c, next) {
            ('/', Some('/')) => skip_line(&chars, at),
            ('/', Some('*')) => skip_block(&chars, at),
            ('"', _) => string(&chars, at, at, &mut out, start),
            ('r' | 'b' | 'c', _) if opens_string(&chars, at) => {
                let quote = (at..).find(|&i| chars[i] == '"').unwrap_or(at);
                string(&chars, at, quote, &mut out, start)
            }
            ('\'', _) => character(&chars, at),
            (':', Some(':')) => {
                out.push(Token { kind: Kind::Path, line });
                at + 2
            }
            _ if is_word(c) => {
                let end = (at..chars.len()).find(|&i| !is_word(chars[i])).unwrap_or(chars.len());
                out.push(Token { kind: Kind::Word(chars[at..end].iter().collect()), line });
                end
            }
            _ if c.is_whitespace() => at + 1,
            _ => {
                out.push(Token { kind: Kind::Mark(c), line });
                at + 1
            }
        };
        line += chars[at..end].iter().filter(|c| **c == '\n').count();
        at = end;
    }
    out
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn skip_line(chars: &[char], at: usize) -> usize {
    (at..chars.len()).find(|&i| chars[i] == '\n').unwrap_or(chars.len())
}

fn skip_block(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

/// Whether a string with a prefix (`r"`, `br#"`, `b"` …) begins here.
fn opens_string(chars: &[char], at: usize) -> bool {
    let mut rest = chars[at..].iter().skip_while(|c| matches!(c, 'r' | 'b' | 'c'));
    let prefix = chars[at..].iter().take_while(|c| matches!(c, 'r' | 'b' | 'c')).count();
    if prefix > 2 {
        return false;
    }
    let raw = chars[at..at + prefix].contains(&'r');
    rest.find(|c| !raw || **c != '#') == Some(&'"')
}

fn string(chars: &[char], at: usize, quote: usize, out: &mut Vec<Token>, line: usize) -> usize {
    let raw = chars[at..quote].contains(&'r');
    let hashes = chars[at..quote].iter().filter(|c| **c == '#').count();
    let mut end = quote + 1;
    while end < chars.len() {
        if chars[end] == '\\' && !raw {
            end += 2;
            continue;
        }
        let closes = chars[end] == '"' && chars[end + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
        if closes {
            break;
        }
        end += 1;
    }
    let text = chars[quote + 1..end.min(chars.len())].iter().collect();
    out.push(Token { kind: Kind::Text(text), line });
    (end + 1 + hashes).min(chars.len())
}

/// A character literal is skipped; of a lifetime only the mark is.
fn character(chars: &[char], at: usize) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), _) => (at + 3..chars.len()).find(|&i| chars[i] == '\'').map_or(chars.len(), |i| i + 1),
        (Some(_), Some('\'')) => at + 3,
        _ => at + 1,
    }
}

/// The root of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[cfg(test)]
mod tests {
    use super::{Kind, Source, tokens};

    fn paths(path: &str, text: &str) -> Vec<String> {
        let source = Source::new(path.to_owned(), text.to_owned());
        source.paths().into_iter().map(|(p, line)| format!("{line} {}", p.join("::"))).collect()
    }

    #[test]
    fn nested_trees_give_every_leaf() {
        let text = "use crate::{model::{gap::*, text as t}, store::Store};\nuse {sled::Db, std::env};";
        let all = paths("src/kb/gaps.rs", text);
        assert_eq!(
            all,
            ["1 crate::model::gap::*", "1 crate::model::text", "1 crate::store::Store", "2 sled::Db", "2 std::env"]
        );
    }

    #[test]
    fn relative_paths_are_resolved_where_they_stand() {
        let text = "use super::x;\nuse self::y;\nmod tests { use super::*; fn f() { super::super::store::g() } }\nuse super::z;";
        let all = paths("src/kb/gaps.rs", text);
        assert_eq!(
            all,
            [
                "1 crate::kb::x",
                "2 crate::kb::gaps::y",
                "3 crate::kb::gaps::*",
                "3 crate::kb::store::g",
                "4 crate::kb::z"
            ]
        );
        assert_eq!(paths("src/kb/mod.rs", "use super::store::Store;"), ["1 crate::store::Store"]);
    }

    #[test]
    fn inline_paths_and_turbofish_are_seen() {
        let all = paths("src/a.rs", "fn f(x: ::sled::Db) { std::env::var::<A>(\"X\").ok(); x.y::<tantivy::Term>() }");
        assert_eq!(all, ["1 sled::Db", "1 std::env::var", "1 tantivy::Term"]);
    }

    #[test]
    fn comments_strings_and_lifetimes_are_no_code() {
        let text = "// sled::a\n/* x /* sled::b */ sled::c */\nlet s = \"sled::d \\\" sled::e\";\nlet r = r#\"sled::f \" \"#; let c = '\"'; \
                    fn g<'a>(b: &'a str) -> char { '\\'' } br\"sled::g\"; real::path";
        assert_eq!(paths("src/a.rs", text), ["4 real::path"]);
    }

    #[test]
    fn tests_can_be_left_out() {
        let source =
            Source::new("src/a.rs".into(), "fn a() {}\n#[cfg(test)]\nmod tests { fn b() { c[0] } }\nfn d() {}".into());
        let words: Vec<&str> = source
            .without_tests()
            .iter()
            .filter_map(|t| if let Kind::Word(word) = &t.kind { Some(word.as_str()) } else { None })
            .collect();
        assert_eq!(words, ["fn", "a", "fn", "d"]);
    }

    #[test]
    fn lines_are_counted_through_long_literals() {
        let all = tokens("\"a\nb\"\n\nword");
        assert_eq!(all.last().map(|t| t.line), Some(4));
    }
}
