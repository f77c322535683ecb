//! Which top-level blocks is a Markdown body made of?
//! Invariant: the blocks ascend, do not overlap, and only white space lies between them.

use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag};

/// A top-level block of the body.
pub(crate) struct Block {
    pub range: Range<usize>,
    pub kind: BlockKind,
}

pub(crate) enum BlockKind {
    Heading {
        level: HeadingLevel,
        text: String,
    },
    /// Where a list has its items, a table its rows.
    Rows(Vec<usize>),
    Code,
    Text,
}

/// The top-level blocks of a body, in order; what the parser reports no block for (link definitions) is text.
pub(crate) fn blocks(body: &str) -> Vec<Block> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut out: Vec<Block> = Vec::new();
    let mut end = 0;
    let mut depth = 0_usize;
    let mut open: Option<Block> = None;
    for (event, range) in Parser::new_ext(body, options).into_offset_iter() {
        match event {
            Event::Start(tag) => {
                match (&mut open, depth, &tag) {
                    (_, 0, _) => {
                        fill(body, end..range.start, &mut out);
                        open = Some(Block { range: range.start.max(end)..range.end, kind: kind_of(&tag) });
                    }
                    (Some(block), 1, Tag::Item | Tag::TableRow) => {
                        if let BlockKind::Rows(rows) = &mut block.kind {
                            rows.push(range.start);
                        }
                    }
                    _ => {}
                }
                depth += 1;
            }
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                if depth == 0
                    && let Some(block) = open.take()
                {
                    end = end.max(block.range.end);
                    out.push(block);
                }
            }
            Event::Text(text) | Event::Code(text) => heading_text(&mut open, &text),
            Event::SoftBreak | Event::HardBreak => heading_text(&mut open, " "),
            _ if depth == 0 => {
                fill(body, end..range.end, &mut out);
                end = end.max(range.end);
            }
            _ => {}
        }
    }
    fill(body, end..body.len(), &mut out);
    out
}

fn kind_of(tag: &Tag<'_>) -> BlockKind {
    match tag {
        Tag::Heading { level, .. } => BlockKind::Heading { level: *level, text: String::new() },
        Tag::List(_) | Tag::Table(_) => BlockKind::Rows(Vec::new()),
        Tag::CodeBlock(_) | Tag::HtmlBlock => BlockKind::Code,
        _ => BlockKind::Text,
    }
}

fn heading_text(open: &mut Option<Block>, piece: &str) {
    if let Some(Block { kind: BlockKind::Heading { text, .. }, .. }) = open {
        text.push_str(piece);
    }
}

/// Adds what lies between two blocks as a block of text, unless it is white space.
fn fill(body: &str, gap: Range<usize>, out: &mut Vec<Block>) {
    if body.get(gap.clone()).is_some_and(|text| !text.trim().is_empty()) {
        out.push(Block { range: gap, kind: BlockKind::Text });
    }
}
