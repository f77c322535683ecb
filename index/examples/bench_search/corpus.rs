//! What is searched and what is asked: help-centre sections repeated with changes, and questions made of their words.
//!
//! Invariant: a pure function of the sections and the seed; no two passages of a corpus have the same text.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use serde_json::Value;
use zhiyin_index::analyzer::{Analyzer, TokenKind};
use zhiyin_index::chunk::{ChunkLimits, chunk};
use zhiyin_index::{Attribute, Document};

/// Sections that become one article.
const SECTIONS_AN_ARTICLE: usize = 4;
/// Words of a query.
const TOKENS: std::ops::RangeInclusive<usize> = 4..=25;

/// A small generator (SplitMix64), so that the corpus is the same everywhere.
pub struct Stream(pub u64);

impl Stream {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// A number in `0..n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// An article before it is repeated.
struct Article {
    title: String,
    category: String,
    language: String,
    /// Heading and body.
    sections: Vec<(String, String)>,
}

fn articles(dir: &Path) -> std::io::Result<Vec<Article>> {
    let mut files: Vec<_> = std::fs::read_dir(dir)?.filter_map(|e| Some(e.ok()?.path())).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "jsonl"));
    files.sort();
    let mut all: Vec<Article> = Vec::new();
    let mut last = (String::new(), String::new());
    for file in files {
        for line in std::fs::read_to_string(&file)?.lines() {
            let v: Value = serde_json::from_str(line)?;
            let text = |key: &str| v[key].as_str().unwrap_or_default().to_owned();
            let heading = v["headings"].as_array().and_then(|h| h.last()).and_then(Value::as_str).unwrap_or_default();
            let section = (heading.to_owned(), text("body"));
            let place = (text("path"), text("lang"));
            match all.last_mut() {
                Some(article) if place == last && article.sections.len() < SECTIONS_AN_ARTICLE => {
                    article.sections.push(section)
                }
                _ => {
                    let category = place.0.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
                    all.push(Article {
                        title: text("title"),
                        category,
                        language: place.1.clone(),
                        sections: vec![section],
                    });
                }
            }
            last = place;
        }
    }
    Ok(all)
}

/// A text in runs of Latin letters and digits, pairs of Chinese characters, and the rest.
fn runs(text: &str) -> Vec<(char, &str)> {
    let class = |c: char| match c {
        c if c.is_ascii_alphanumeric() => 'a',
        '\u{4e00}'..='\u{9fff}' => 'h',
        _ => ' ',
    };
    let mut all = Vec::new();
    let mut start = 0;
    let mut current: Option<(char, usize)> = None;
    for (at, c) in text.char_indices() {
        let here = class(c);
        match &mut current {
            Some((kind, length)) if *kind == here && !(here == 'h' && *length == 2) => *length += 1,
            _ => {
                if let Some((kind, _)) = current {
                    all.push((kind, &text[start..at]));
                }
                (start, current) = (at, Some((here, 1)));
            }
        }
    }
    if let Some((kind, _)) = current {
        all.push((kind, &text[start..]));
    }
    all
}

/// Words as often as they occur, so that swapping keeps their distribution.
struct Vocabulary {
    latin: Vec<String>,
    han: Vec<String>,
}

impl Vocabulary {
    fn of(articles: &[Article]) -> Self {
        let (mut latin, mut han) = (Vec::new(), Vec::new());
        for (_, body) in articles.iter().flat_map(|a| &a.sections) {
            for (kind, run) in runs(body) {
                match kind {
                    'a' => latin.push(run.to_owned()),
                    'h' => han.push(run.to_owned()),
                    _ => {}
                }
            }
        }
        Self { latin, han }
    }

    /// The text with about `percent` of its words swapped for others.
    fn change(&self, text: &str, percent: usize, s: &mut Stream) -> String {
        let mut out = String::with_capacity(text.len() + 16);
        for (kind, run) in runs(text) {
            let pool = match kind {
                'a' => &self.latin,
                'h' => &self.han,
                _ => {
                    out.push_str(run);
                    continue;
                }
            };
            let swap = !pool.is_empty() && s.below(100) < percent;
            out.push_str(if swap { &pool[s.below(pool.len())] } else { run });
        }
        out
    }
}

/// Everything that is indexed and asked.
pub struct Corpus {
    pub documents: Vec<Document>,
    pub queries: Vec<String>,
    pub passages: usize,
}

impl Corpus {
    /// At least `passages` passages of the sections in `dir`, and `queries` questions.
    pub fn new(dir: &Path, passages: usize, queries: usize) -> std::io::Result<Self> {
        let articles = articles(dir)?;
        let vocabulary = Vocabulary::of(&articles);
        let mut s = Stream(2_026);
        let mut seen: HashSet<blake3::Hash> = HashSet::new();
        let mut documents: Vec<Document> = Vec::new();
        let mut count = 0;
        'rounds: for round in 0.. {
            let before = documents.len();
            for article in &articles {
                let percent = if round == 0 { 0 } else { 15 };
                let unseen = |d: &Document| passages_of(d).iter().all(|p| !seen.contains(p));
                let mut tries =
                    (0..4).map(|n| document(article, &vocabulary, percent + 15 * n, documents.len(), &mut s));
                let Some(document) = tries.find(unseen) else { continue };
                let hashes = passages_of(&document);
                count += hashes.len();
                seen.extend(hashes);
                documents.push(document);
                if count >= passages {
                    break 'rounds;
                }
            }
            assert!(documents.len() > before, "the sections give no more passages");
        }
        let queries = questions(&documents, queries, &mut s);
        Ok(Self { documents, queries, passages: count })
    }
}

fn passages_of(document: &Document) -> Vec<blake3::Hash> {
    let chunks = chunk(&document.body, &ChunkLimits::default());
    chunks.iter().map(|c| blake3::hash(document.body[c.bytes.clone()].as_bytes())).collect()
}

fn document(article: &Article, vocabulary: &Vocabulary, percent: usize, number: usize, s: &mut Stream) -> Document {
    let mut body = String::new();
    for (heading, text) in &article.sections {
        if !heading.is_empty() {
            body.push_str(&format!("## {}\n\n", vocabulary.change(heading, percent, s)));
        }
        body.push_str(&vocabulary.change(text, percent, s));
        body.push_str("\n\n");
    }
    let title = vocabulary.change(&article.title, percent, s);
    Document {
        id: format!("article-{number:06}"),
        version: 1,
        questions: vec![],
        negative_questions: vec![],
        category: Some(article.category.clone()).filter(|c| !c.is_empty()),
        tags: vec![format!("tag-{}", number % 40)],
        audience: if number % 20 == 7 { "agent" } else { "public" }.to_owned(),
        language: article.language.clone(),
        // One document in a hundred has each share.
        attributes: BTreeMap::from([("share".to_owned(), Attribute::Number((number * 37 % 100) as f64))]),
        from: 0,
        until: None,
        title,
        body,
    }
}

/// Titles with a heading, and sentences, cut to a few words; Chinese and English in turn.
fn questions(documents: &[Document], count: usize, s: &mut Stream) -> Vec<String> {
    let analyzer = Analyzer::new();
    let mut all = Vec::with_capacity(count);
    while all.len() < count {
        let document = &documents[s.below(documents.len())];
        if document.language != if all.len() % 2 == 0 { "zh" } else { "en" } {
            continue;
        }
        let headings: Vec<&str> = document.body.lines().filter_map(|l| l.strip_prefix("## ")).collect();
        let sentences: Vec<&str> =
            document.body.split(['\n', '。', '?', '?', '.']).filter(|l| !l.starts_with("## ")).collect();
        let text = match s.below(4) {
            0 => document.title.clone(),
            1 if !headings.is_empty() => format!("{} {}", document.title, headings[s.below(headings.len())]),
            2 => sentences.first().map_or(String::new(), |l| (*l).to_owned()),
            _ => sentences[s.below(sentences.len())].to_owned(),
        };
        let most = TOKENS.start() + s.below(TOKENS.end() - TOKENS.start() + 1);
        let words: Vec<usize> =
            analyzer.analyze(&text).iter().filter(|t| t.kind == TokenKind::Word).map(|t| t.end).collect();
        if words.len() < *TOKENS.start() {
            continue;
        }
        let end = words.iter().take(most).max().copied().unwrap_or(text.len());
        all.push(text[..end].trim().to_owned());
    }
    all
}
