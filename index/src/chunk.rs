//! Into which passages is a Markdown body cut?
//! Invariant: every character of the body that is not white space lies in exactly one passage or in a heading.

use std::ops::Range;

use pulldown_cmark::HeadingLevel;

use crate::blocks::{Block, BlockKind, blocks};
use crate::script::Script;
use crate::sentence::sentences;
use crate::tokens::Meter;
pub use crate::tokens::estimate_tokens;

/// A passage of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The texts of the headings it stands under, outermost first, without markup.
    pub heading: Vec<String>,
    /// Its bytes in the body; the text is the body there, verbatim.
    pub bytes: Range<usize>,
    /// Its first Unicode scalar in the body.
    pub start: usize,
    /// The Unicode scalar after its last one.
    pub end: usize,
}

/// How long passages are, in estimated tokens (see [`estimate_tokens`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkLimits {
    /// Neighbouring blocks are packed up to this.
    pub target: usize,
    /// A block up to this is kept whole.
    pub max: usize,
    /// A passage below this joins its neighbour under the same heading, where that stays within `max`.
    pub min: usize,
}

impl Default for ChunkLimits {
    fn default() -> Self {
        Self { target: 180, max: 300, min: 40 }
    }
}

/// Cuts `body` into passages along its Markdown structure.
///
/// Headings become paths and are no passage themselves, except those with nothing below them, whose
/// passage is the heading line. Blocks are kept whole up to `limits.max`; longer ones are cut between
/// items or rows, then lines, then sentences, then characters. Linear in the length of the body.
pub fn chunk(body: &str, limits: &ChunkLimits) -> Vec<Chunk> {
    let limits =
        ChunkLimits { target: limits.target.clamp(1, limits.max.max(1)), max: limits.max.max(1), min: limits.min };
    let blocks = blocks(body);
    let mut packer = Packer { body, limits, path: Vec::new(), open: None, section: 0, found: Vec::new() };
    for (at, block) in blocks.iter().enumerate() {
        match &block.kind {
            BlockKind::Heading { level, text } => {
                let next = blocks.get(at + 1).map(|next| &next.kind);
                packer.heading(block, *level, text, next);
            }
            kind => packer.block(&block.range, kind),
        }
    }
    packer.close();
    with_scalars(body, packer.found)
}

/// Packs blocks into passages, one section (the text under one heading) after the other.
struct Packer<'a> {
    body: &'a str,
    limits: ChunkLimits,
    path: Vec<(HeadingLevel, String)>,
    open: Option<(Range<usize>, usize)>,
    /// How many passages there were when the section began.
    section: usize,
    found: Vec<(Vec<String>, Range<usize>)>,
}

impl Packer<'_> {
    fn heading(&mut self, block: &Block, level: HeadingLevel, text: &str, next: Option<&BlockKind>) {
        self.close();
        while self.path.last().is_some_and(|(outer, _)| *outer >= level) {
            self.path.pop();
        }
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let bare = match next {
            Some(BlockKind::Heading { level: below, .. }) => *below <= level,
            Some(_) => false,
            None => true,
        };
        if text.is_empty() {
            return;
        }
        if bare {
            self.emit(block.range.clone());
        }
        self.path.push((level, text));
        self.section = self.found.len();
    }

    fn block(&mut self, range: &Range<usize>, kind: &BlockKind) {
        let tokens = self.tokens(range);
        if tokens <= self.limits.max {
            self.add(range.clone(), tokens);
            return;
        }
        for piece in self.split(range, kind) {
            let tokens = self.tokens(&piece);
            self.add(piece, tokens);
        }
    }

    /// Adds a piece to the open passage where it fits, or opens the next.
    fn add(&mut self, range: Range<usize>, tokens: usize) {
        if let Some((open, sum)) = &mut self.open {
            let both = *sum + tokens;
            let introduces = self.body.get(open.clone()).is_some_and(|text| text.trim_end().ends_with([':', '：']));
            let limit = if *sum < self.limits.min || introduces { self.limits.max } else { self.limits.target };
            if both <= limit {
                open.end = range.end;
                *sum = both;
                return;
            }
        }
        self.flush();
        self.open = Some((range, tokens));
    }

    /// Ends the section: a short last passage joins the one before it.
    fn close(&mut self) {
        if let Some((range, tokens)) = &self.open
            && *tokens < self.limits.min
            && self.found.len() > self.section
            && let Some((_, last)) = self.found.last()
        {
            let joined = last.start..range.end;
            if self.tokens(&joined) <= self.limits.max {
                self.open = None;
                if let Some((_, last)) = self.found.last_mut() {
                    *last = joined;
                }
            }
        }
        self.flush();
        self.section = self.found.len();
    }

    fn flush(&mut self) {
        if let Some((range, _)) = self.open.take() {
            self.emit(range);
        }
    }

    fn emit(&mut self, range: Range<usize>) {
        let heading = self.path.iter().map(|(_, text)| text.clone()).collect();
        self.found.push((heading, range));
    }

    fn tokens(&self, range: &Range<usize>) -> usize {
        estimate_tokens(self.body.get(range.clone()).unwrap_or_default())
    }

    /// Cuts a block that is too long: at its own joints, and what is still too long at finer ones.
    fn split(&self, range: &Range<usize>, kind: &BlockKind) -> Vec<Range<usize>> {
        let mut pieces = match kind {
            BlockKind::Rows(rows) => cut_at(range, rows.iter().copied()),
            _ => vec![range.clone()],
        };
        type Joints = fn(&str) -> Vec<usize>;
        let finer: &[Joints] = match kind {
            BlockKind::Text | BlockKind::Heading { .. } => &[sentence_starts],
            BlockKind::Rows(_) => &[line_starts, sentence_starts],
            BlockKind::Code => &[line_starts],
        };
        for joints in finer {
            pieces = self.refine(pieces, |_, text| joints(text));
        }
        self.refine(pieces, |limits, text| character_cuts(text, limits.target))
    }

    fn refine(&self, pieces: Vec<Range<usize>>, joints: impl Fn(ChunkLimits, &str) -> Vec<usize>) -> Vec<Range<usize>> {
        let mut out = Vec::with_capacity(pieces.len());
        for piece in pieces {
            if self.tokens(&piece) <= self.limits.max {
                out.push(piece);
                continue;
            }
            let text = self.body.get(piece.clone()).unwrap_or_default();
            let cuts = joints(self.limits, text).into_iter().map(|at| piece.start + at);
            out.extend(cut_at(&piece, cuts));
        }
        out
    }
}

/// Cuts a range at ascending offsets; together the pieces are the range.
fn cut_at(range: &Range<usize>, cuts: impl Iterator<Item = usize>) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut from = range.start;
    for cut in cuts {
        if cut > from && cut < range.end {
            out.push(from..cut);
            from = cut;
        }
    }
    out.push(from..range.end);
    out
}

fn line_starts(text: &str) -> Vec<usize> {
    text.match_indices('\n').map(|(at, _)| at + 1).collect()
}

fn sentence_starts(text: &str) -> Vec<usize> {
    sentences(text).into_iter().map(|range| range.start).collect()
}

/// Cuts every `tokens` estimated tokens, after white space or Chinese where there is some in the last quarter.
fn character_cuts(text: &str, tokens: usize) -> Vec<usize> {
    let mut cuts = Vec::new();
    let mut meter = Meter::default();
    let mut gap = None;
    for (at, c) in text.char_indices() {
        if meter.tokens() >= tokens {
            cuts.push(gap.take().unwrap_or(at));
            meter = Meter::default();
        }
        meter.add(c);
        let late = meter.tokens() * 4 >= tokens * 3;
        if late && (c.is_whitespace() || Script::of(c) == Script::Han) {
            gap = Some(at + c.len_utf8());
        }
    }
    cuts
}

/// Trims the ranges and counts where they stand in Unicode scalars, in one pass over the body.
fn with_scalars(body: &str, found: Vec<(Vec<String>, Range<usize>)>) -> Vec<Chunk> {
    let mut out = Vec::with_capacity(found.len());
    let (mut at, mut scalars) = (0, 0);
    let mut count_to = |to: usize| {
        scalars += body.get(at..to).map_or(0, |text| text.chars().count());
        at = to;
        scalars
    };
    for (heading, range) in found {
        let text = body.get(range.clone()).unwrap_or_default();
        let start = range.start + (text.len() - text.trim_start().len());
        let end = start + text.trim().len();
        if start == end {
            continue;
        }
        out.push(Chunk { heading, bytes: start..end, start: count_to(start), end: count_to(end) });
    }
    out
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, clippy::string_slice, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn cut<'a>(body: &'a str, limits: &ChunkLimits) -> Vec<(String, &'a str)> {
        let chunks = chunk(body, limits).into_iter();
        chunks.map(|chunk| (chunk.heading.join("/"), &body[chunk.bytes])).collect()
    }

    fn small() -> ChunkLimits {
        ChunkLimits { target: 10, max: 14, min: 4 }
    }

    #[test]
    fn headings_give_the_path() {
        let body = "intro\n\n# A *b* `c`\n\ntext\n\n## B\n\nmore\n\n# C\nlast";
        assert_eq!(
            cut(body, &ChunkLimits::default()),
            [
                (String::new(), "intro"),
                ("A b c".to_owned(), "text"),
                ("A b c/B".to_owned(), "more"),
                ("C".to_owned(), "last"),
            ]
        );
    }

    #[test]
    fn a_bare_heading_is_its_own_passage() {
        let body = "# A\n## B\n## C\ntext\n# D";
        assert_eq!(
            cut(body, &ChunkLimits::default()),
            [("A".to_owned(), "## B"), ("A/C".to_owned(), "text"), (String::new(), "# D"),]
        );
    }

    #[test]
    fn neighbours_are_packed_up_to_the_target() {
        let body = "one two three four\n\nfive six seven\n\neight nine ten eleven";
        let found = cut(body, &small());
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0].1, "one two three four\n\nfive six seven");
        assert_eq!(found[1].1, "eight nine ten eleven");
    }

    #[test]
    fn a_short_rest_joins_what_is_before_it() {
        let body = "one two three four five six seven eight nine\n\nten eleven";
        assert_eq!(cut(body, &small()), [(String::new(), body)]);
    }

    #[test]
    fn lists_are_cut_between_items() {
        let body = "- one two three four five six\n- a b c d e f\n  - g h\n- x y z";
        let found = cut(body, &small());
        let texts: Vec<&str> = found.iter().map(|(_, text)| *text).collect();
        assert_eq!(texts, ["- one two three four five six", "- a b c d e f\n  - g h", "- x y z"]);
    }

    #[test]
    fn tables_are_cut_between_rows_and_kept_where_they_fit() {
        let body = "| a | b |\n|---|---|\n| one | two three |\n| four five | six seven |\n| x | y |";
        assert_eq!(cut(body, &ChunkLimits::default()), [(String::new(), body)]);
        let found = cut(body, &small());
        assert!(found.len() > 1 && found[0].1.starts_with("| a | b |\n|---|---|"), "{found:?}");
        assert!(found.iter().all(|(_, text)| text.starts_with('|') && text.ends_with('|')));
    }

    #[test]
    fn code_is_kept_together_and_cut_at_lines() {
        let body = "```\nlet a = 1;\n\nlet b = 2;\n```";
        assert_eq!(cut(body, &ChunkLimits::default()), [(String::new(), body)]);
        let long = format!("```\n{}```", "alpha beta gamma delta\n".repeat(12));
        let found = cut(&long, &small());
        assert!(found.len() > 3 && found[1].1.lines().all(|line| line == "alpha beta gamma delta"), "{found:?}");
    }

    #[test]
    fn long_text_is_cut_at_sentences_then_characters() {
        let body = "七天内可以无理由退货退款。超过七天请联系客服处理。谢谢您。";
        let found = cut(body, &small());
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0].1, "七天内可以无理由退货退款。");
        let body = "啊".repeat(100);
        let found = cut(&body, &small());
        assert!(found.len() >= 5 && found.iter().all(|(_, text)| estimate_tokens(text) <= 14), "{found:?}");
        let body = "x".repeat(500);
        assert!(cut(&body, &small()).iter().all(|(_, text)| estimate_tokens(text) <= 14));
    }

    #[test]
    fn an_introduction_stays_with_its_list() {
        let body = "one two three four five:\n\n- six seven eight\n- nine ten eleven";
        assert_eq!(cut(body, &ChunkLimits { max: 20, ..small() }), [(String::new(), body)]);
    }

    #[test]
    fn definitions_without_a_block_are_kept() {
        let body = "see [a]\n\n[a]: https://example.com/x\n";
        let found = cut(body, &ChunkLimits::default());
        assert_eq!(found, [(String::new(), body.trim())]);
    }

    #[test]
    fn offsets_are_scalars() {
        let body = "# 退\n\n货物😀。\n\n# 二\n\n流程";
        let chunks = chunk(body, &ChunkLimits::default());
        let scalars: Vec<char> = body.chars().collect();
        for chunk in &chunks {
            let text: String = scalars[chunk.start..chunk.end].iter().collect();
            assert_eq!(text, body[chunk.bytes.clone()]);
        }
        assert_eq!(chunks.len(), 2);
    }

    #[test]
    fn nothing_gives_nothing() {
        assert!(chunk("", &ChunkLimits::default()).is_empty());
        assert!(chunk(" \n\t\u{3000}\n", &ChunkLimits::default()).is_empty());
    }
}
