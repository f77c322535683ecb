//! Of which pieces can an answer be made: sentences, list items, table rows?
//! Invariant: the ranges ascend, never overlap, and lie on character boundaries of the passage.

use std::ops::Range;

use crate::sentence::{sentences, strip_markers};

/// Characters up to which a list item is quoted whole.
const WHOLE_ITEM: usize = 160;

/// What a unit is in its passage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnitKind {
    Sentence,
    /// An item of a list, or a sentence of a long one.
    Item,
    /// A row of a table.
    Row,
}

/// A piece that may answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    pub range: Range<usize>,
    pub kind: UnitKind,
    /// The line that introduces its list, or the head of its table.
    pub lead: Option<Range<usize>>,
    /// All of its list, markers included.
    pub list: Option<Range<usize>>,
    /// Whether its list is numbered.
    pub ordered: bool,
    /// Which paragraph, list or table it stands in.
    pub block: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Blank,
    Heading,
    /// A row of a table; the first of several is the head.
    Row,
    Item {
        ordered: bool,
    },
    /// Text that goes on with what is above it.
    Text,
    Code,
}

/// The units of a passage; its headings are none, unless there is nothing else.
pub(crate) fn units(text: &str) -> Vec<Unit> {
    let found = sentences(text);
    let mut cutter = Cutter { text, out: Vec::new(), block: 0, list: None, head: None, last: Line::Blank };
    let mut fenced = false;
    let mut from = 0;
    let mut rest = found.iter().peekable();
    for line in text.split('\n') {
        let range = from..from + line.len();
        from = range.end + 1;
        let bare = line.trim_start();
        let fence = bare.starts_with("```") || bare.starts_with("~~~");
        fenced ^= fence;
        let kind = if fence || fenced { Line::Code } else { kind_of(line) };
        let mut own: Vec<Range<usize>> = Vec::new();
        while let Some(next) = rest.next_if(|sentence| sentence.start < range.end) {
            own.push(next.clone());
        }
        cutter.line(&range, kind, &own);
    }
    cutter.close_list();
    let mut out = cutter.out;
    if out.is_empty() {
        let bare = |range| Unit { range, kind: UnitKind::Sentence, lead: None, list: None, ordered: false, block: 0 };
        out.extend(found.into_iter().map(bare));
    }
    out
}

fn kind_of(line: &str) -> Line {
    let bare = line.trim_start();
    if bare.is_empty() {
        return Line::Blank;
    }
    if bare.starts_with('|') {
        return Line::Row;
    }
    let hashes = bare.trim_start_matches('#');
    if hashes.len() < bare.len() && bare.len() - hashes.len() <= 6 && hashes.starts_with([' ', '\t']) {
        return Line::Heading;
    }
    let unquoted = bare.trim_start_matches(['>', ' ']);
    let digits = unquoted.trim_start_matches(|c: char| c.is_ascii_digit());
    if digits.len() < unquoted.len() && digits.starts_with([')', '.']) && strip_markers(unquoted).0 > 0 {
        return Line::Item { ordered: true };
    }
    if ["- ", "* ", "+ "].iter().any(|marker| unquoted.starts_with(marker)) {
        return Line::Item { ordered: false };
    }
    Line::Text
}

struct Cutter<'a> {
    text: &'a str,
    out: Vec<Unit>,
    block: usize,
    /// The list that is open: its range so far, whether it is numbered, the unit that introduces it, its first unit.
    list: Option<OpenList>,
    head: Option<Range<usize>>,
    last: Line,
}

struct OpenList {
    range: Range<usize>,
    ordered: bool,
    lead: Option<Range<usize>>,
    first: usize,
}

impl Cutter<'_> {
    fn line(&mut self, range: &Range<usize>, kind: Line, own: &[Range<usize>]) {
        match kind {
            Line::Blank => {}
            Line::Heading => {
                self.close_list();
                self.block += 1;
            }
            Line::Row => self.row(own),
            Line::Item { ordered } => self.item(range, ordered, own),
            // A line under an item, without a blank one between or drawn in, belongs to the item.
            Line::Text if self.continues(range) => self.push_item(range, own),
            Line::Text | Line::Code => {
                self.close_list();
                if !matches!(self.last, Line::Text | Line::Code) {
                    self.block += 1;
                }
                self.plain(own);
            }
        }
        if kind != Line::Row && kind != Line::Blank {
            self.head = None;
        }
        self.last = kind;
    }

    fn continues(&self, range: &Range<usize>) -> bool {
        let indented = self.text.get(range.clone()).is_some_and(|line| line.starts_with([' ', '\t']));
        self.list.is_some() && (indented || self.last != Line::Blank)
    }

    fn plain(&mut self, own: &[Range<usize>]) {
        let block = self.block;
        self.out.extend(own.iter().map(|range| Unit {
            range: range.clone(),
            kind: UnitKind::Sentence,
            lead: None,
            list: None,
            ordered: false,
            block,
        }));
    }

    fn row(&mut self, own: &[Range<usize>]) {
        self.close_list();
        if self.last != Line::Row {
            self.block += 1;
        }
        for range in own {
            // The head names the columns; what answers stands below it.
            if self.head.is_none() && is_head(self.text, range.end) {
                self.head = Some(range.clone());
                continue;
            }
            self.out.push(Unit {
                range: range.clone(),
                kind: UnitKind::Row,
                lead: self.head.clone(),
                list: None,
                ordered: false,
                block: self.block,
            });
        }
    }

    fn item(&mut self, range: &Range<usize>, ordered: bool, own: &[Range<usize>]) {
        if self.list.is_none() {
            self.block += 1;
            let indent = self.text.get(range.clone()).map_or(0, |line| line.len() - line.trim_start().len());
            let lead = self.out.last().map(|unit| unit.range.clone()).filter(|lead| introduces(self.text, lead));
            self.list = Some(OpenList {
                range: range.start + indent..range.start + indent,
                ordered,
                lead,
                first: self.out.len(),
            });
        }
        self.push_item(range, own);
    }

    fn push_item(&mut self, line: &Range<usize>, own: &[Range<usize>]) {
        let Some(list) = &mut self.list else { return };
        list.range.end = own.last().map_or(list.range.end, |last| last.end.max(list.range.end)).min(line.end);
        let (Some(first), Some(last)) = (own.first(), own.last()) else { return };
        let whole = first.start..last.end;
        let short = self.text.get(whole.clone()).is_some_and(|text| text.chars().count() <= WHOLE_ITEM);
        let pieces = if short { vec![whole] } else { own.to_vec() };
        let (lead, ordered, block) = (list.lead.clone(), list.ordered, self.block);
        self.out.extend(pieces.into_iter().map(|range| Unit {
            range,
            kind: UnitKind::Item,
            lead: lead.clone(),
            list: None,
            ordered,
            block,
        }));
    }

    fn close_list(&mut self) {
        let Some(list) = self.list.take() else { return };
        for unit in self.out.iter_mut().skip(list.first) {
            unit.list = Some(list.range.clone());
        }
    }
}

/// Whether a sentence announces what stands below it.
pub(crate) fn introduces(text: &str, sentence: &Range<usize>) -> bool {
    text.get(sentence.clone()).is_some_and(|s| s.trim_end_matches(['*', '_', ' ']).ends_with([':', '：']))
}

/// Whether the line that ends there is the head of a table: the line below it is a rule such as `|---|---|`.
fn is_head(text: &str, end: usize) -> bool {
    let below = text.get(end..).and_then(|rest| rest.split_once('\n')).map(|(_, below)| below);
    let rule = below.and_then(|below| below.lines().next()).unwrap_or_default().trim();
    rule.contains("--") && rule.chars().all(|c| matches!(c, '|' | '-' | ':' | ' ' | '\t'))
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, clippy::string_slice, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<(UnitKind, &str)> {
        units(text).into_iter().map(|unit| (unit.kind, &text[unit.range])).collect()
    }

    #[test]
    fn rows_know_their_head_and_items_their_lead() {
        let text = "## 运费\n\n| 原因 | 谁出 |\n| --- | --- |\n| 质量问题 | 我们 |\n| 其他 | 您 |\n\n需要准备:\n\n- 发票\n- 包装。完好\n\n谢谢。";
        use UnitKind::{Item, Row, Sentence};
        assert_eq!(
            shown(text),
            [
                (Row, "质量问题 | 我们"),
                (Row, "其他 | 您"),
                (Sentence, "需要准备:"),
                (Item, "发票"),
                (Item, "包装。完好"),
                (Sentence, "谢谢。"),
            ]
        );
        let found = units(text);
        assert_eq!(&text[found[1].lead.clone().unwrap_or_default()], "原因 | 谁出");
        assert_eq!(&text[found[3].lead.clone().unwrap_or_default()], "需要准备:");
        assert_eq!(&text[found[4].list.clone().unwrap_or_default()], "- 发票\n- 包装。完好");
    }

    #[test]
    fn numbered_lists_hold_what_is_below_their_items() {
        let text = "1. Open the app.\n   It asks for a code.\n2. Enter it.\n\nDone.";
        let found = units(text);
        assert!(found[0].ordered && found[1].list == found[2].list);
        assert_eq!(
            &text[found[0].list.clone().unwrap_or_default()],
            "1. Open the app.\n   It asks for a code.\n2. Enter it."
        );
        assert_eq!(found[3].list, None);
    }

    #[test]
    fn a_heading_is_a_unit_only_when_alone() {
        assert_eq!(shown("# 退货"), [(UnitKind::Sentence, "退货")]);
        assert_eq!(shown("# 退货\n\n七天内。"), [(UnitKind::Sentence, "七天内。")]);
    }
}
