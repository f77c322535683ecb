//! What of a reply do the sources say? Sentence by sentence; the rest is removed, and so are references that lead nowhere.
//!
//! Invariant: each sentence that stays names at least one source, and those that it names support it together; an address
//! or a tag stays only where a source holds it, letter by letter.

use zhiyin_index::Index;
use zhiyin_index::answer::SUPPORTED;
use zhiyin_index::sentence::sentences;

use super::Brief;
use crate::kb::models::Reply;

/// Most digits of a reference.
const DIGITS: usize = 3;

/// What was left of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checked {
    pub text: String,
    /// Sources in the order in which the text names them.
    pub used: Vec<usize>,
    pub kept: u32,
    pub removed: u32,
    pub references_removed: u32,
}

/// A line of the reply: what stands before its sentences, and these.
struct Line<'a> {
    lead: &'a str,
    sentences: Vec<&'a str>,
}

/// Reads a reply and keeps what stands.
pub(super) fn check(index: &Index, reply: &Reply, brief: &Brief) -> Checked {
    let text = references_inside(&reply.text);
    let mut lines: Vec<Line<'_>> = text.lines().map(line).collect();
    let mut checked = Checked { text: String::new(), used: Vec::new(), kept: 0, removed: 0, references_removed: 0 };
    // What was cut off in the middle says something else than it was going to.
    if !reply.whole
        && let Some(last) = lines.iter_mut().rfind(|line| !line.sentences.is_empty())
    {
        last.sentences.pop();
        checked.removed += 1;
    }
    let (mut out, mut heading): (Vec<String>, Option<String>) = (Vec::new(), None);
    for Line { lead, sentences } in lines {
        if lead.trim_start().starts_with('#') {
            // A heading claims as a sentence does, and may say what is asked.
            let title = sentences.join(" ");
            let known: Vec<&str> = brief.sources.iter().chain(&brief.questions).map(String::as_str).collect();
            let stands = index.support(&title, &known) >= SUPPORTED && is_plain(&title, &known);
            checked.removed += u32::from(!stands && !title.is_empty());
            heading = stands.then(|| format!("{lead}{title}"));
            continue;
        }
        let kept: Vec<String> =
            sentences.iter().filter_map(|said| sentence(index, said, brief, &mut checked)).collect();
        if kept.is_empty() {
            out.push(String::new());
            continue;
        }
        if let Some(heading) = heading.take() {
            out.extend([String::new(), heading, String::new()]);
        }
        out.push(format!("{lead}{}", kept.join(" ")));
    }
    // Of several blank lines one is enough.
    out.dedup_by(|a, b| a.is_empty() && b.is_empty());
    checked.text = out.join("\n").trim().to_owned();
    checked
}

/// A sentence as it may stand, with its references; nothing where no source says it.
fn sentence(index: &Index, said: &str, brief: &Brief, checked: &mut Checked) -> Option<String> {
    let (bare, named) = without_references(said);
    let (known, nowhere): (Vec<usize>, Vec<usize>) =
        named.into_iter().partition(|number| (1..=brief.sources.len()).contains(number));
    checked.references_removed += nowhere.len() as u32;
    let all: Vec<&str> = brief.sources.iter().map(String::as_str).collect();
    let of = |places: &[usize]| places.iter().filter_map(|place| all.get(*place).copied()).collect::<Vec<_>>();
    let cited: Vec<usize> = known.iter().map(|number| number - 1).collect();
    let is_supported = |places: &[usize]| {
        let sources = of(places);
        !sources.is_empty() && is_plain(&bare, &sources) && index.support(&bare, &sources) >= SUPPORTED
    };
    let places = if is_supported(&cited) {
        // A source without which the sentence stands as well is none of it.
        let mut needed = cited.clone();
        for place in &cited {
            let rest: Vec<usize> = needed.iter().copied().filter(|other| other != place).collect();
            let alone = index.support(&bare, &of(std::slice::from_ref(place)));
            if alone < SUPPORTED && is_supported(&rest) {
                needed = rest;
            }
        }
        checked.references_removed += (cited.len() - needed.len()) as u32;
        needed
    } else {
        checked.references_removed += cited.len() as u32;
        match (0..all.len()).find(|place| is_supported(&[*place])) {
            Some(place) => vec![place],
            None => {
                checked.removed += 1;
                return None;
            }
        }
    };
    checked.kept += 1;
    let mut marks = String::new();
    for place in places {
        let number = checked.used.iter().position(|used| *used == place).unwrap_or_else(|| {
            checked.used.push(place);
            checked.used.len() - 1
        });
        marks.push_str(&format!("[{}]", number + 1));
    }
    Some(format!("{} {marks}", bare.trim()))
}

/// Whether a text leads nowhere that the sources do not: no address, picture or tag that none of them holds.
fn is_plain(text: &str, sources: &[&str]) -> bool {
    let held = |piece: &str| sources.iter().any(|source| source.contains(piece));
    let ends = |c: char| c.is_whitespace() || "<>()[]\"'，。；、）》".contains(c);
    let targets = ["://", "www.", "mailto:", "javascript:", "data:"].iter().all(|sign| {
        text.match_indices(sign).all(|(at, _)| {
            let from = text.get(..at).map_or(0, |head| head.rfind(ends).map_or(0, |end| end + char_length(head, end)));
            let rest = text.get(from..).unwrap_or_default();
            held(rest.split(ends).next().unwrap_or_default().trim_end_matches([',', '.', ':', '!', '?']))
        })
    });
    let links = text.match_indices("](").all(|(at, _)| {
        let target = text.get(at + 2..).and_then(|rest| rest.split(')').next()).unwrap_or_default();
        held(target.trim())
    });
    let tags = text.match_indices('<').all(|(at, _)| {
        let tag = text.get(at..).unwrap_or_default();
        let opens = tag.chars().nth(1).is_some_and(|c| c.is_ascii_alphabetic() || "/!?".contains(c));
        !opens || held(tag.split_inclusive('>').next().unwrap_or_default())
    });
    targets && links && tags
}

fn char_length(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
}

fn line(text: &str) -> Line<'_> {
    let found = sentences(text);
    let lead = found.first().and_then(|first| text.get(..first.start)).unwrap_or_default();
    let mut from = lead.len();
    let mut sentences = Vec::with_capacity(found.len());
    for range in found {
        sentences.extend(text.get(from..range.end).map(str::trim));
        from = range.end;
    }
    Line { lead, sentences }
}

/// The text with references before the stop that they stand behind, so that they stay with their sentence.
fn references_inside(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        let stop = "。！？；.!?;".contains(c);
        let gap = after.trim_start_matches([' ', '\u{a0}']);
        let mut marks = gap;
        while let Some((_, behind)) = reference(marks) {
            marks = behind.trim_start_matches([' ', '\u{a0}']);
        }
        if stop && marks.len() < gap.len() {
            out.push_str(gap.get(..gap.len() - marks.len()).unwrap_or_default().trim_end());
            out.push(c);
            if c.is_ascii() && !marks.starts_with('\n') {
                out.push(' ');
            }
            rest = marks;
        } else {
            out.push(c);
            rest = after;
        }
    }
    out
}

/// A text without its references, and the numbers of these.
fn without_references(text: &str) -> (String, Vec<usize>) {
    let (mut bare, mut numbers) = (String::with_capacity(text.len()), Vec::new());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some((named, behind)) = reference(rest) {
            numbers.extend(named.into_iter().filter(|number| !numbers.contains(number)).collect::<Vec<_>>());
            bare.truncate(bare.trim_end().len());
            rest = behind;
        } else {
            bare.push(c);
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
    }
    (bare, numbers)
}

/// The reference with which a text begins (`[1]`, `[1, 2]`, `[^1]`, `【1】`), and what stands behind it.
fn reference(text: &str) -> Option<(Vec<usize>, &str)> {
    let (inside, close) = match text.chars().next()? {
        '[' => (text.get(1..)?, ']'),
        '【' => (text.get('【'.len_utf8()..)?, '】'),
        _ => return None,
    };
    let (numbers, behind) = inside.split_once(close)?;
    // A link: its text is no reference.
    if behind.starts_with('(') {
        return None;
    }
    let number = |part: &str| {
        let digits = part.trim().trim_start_matches('^');
        let fits = !digits.is_empty() && digits.len() <= DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
        fits.then(|| digits.parse().ok()).flatten()
    };
    let numbers: Option<Vec<usize>> = numbers.split([',', '，', '、']).map(number).collect();
    Some((numbers?, behind))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::sync::Arc;

    use zhiyin_index::IndexSettings;
    use zhiyin_index::embed::HashEmbedder;

    use super::*;
    use crate::id::SpaceId;

    fn checked(reply: &str, whole: bool, sources: &[&str], questions: &[&str]) -> Checked {
        let folder = tempfile::tempdir().unwrap();
        let (index, _) =
            Index::open(folder.path(), IndexSettings::default(), Arc::new(HashEmbedder::default())).unwrap();
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let brief = Brief { space: SpaceId::default_space(), questions: owned(questions), sources: owned(sources) };
        check(&index, &Reply { text: reply.into(), whole }, &brief)
    }

    const INVOICE: &str = "开具电子发票后,请在订单详情页点击更换抬头,三个工作日内可以修改一次。";
    const CARD: &str = "Students get ten percent off laptops with a valid student card, once a year.";

    #[test]
    fn what_no_source_says_is_removed_and_counted() {
        let reply = "发票抬头在3个工作日内可以修改一次。[1]修改需要支付五元手续费。[1]\n\n- 在订单详情页点击更换抬头 [7]\n- 我们会寄出纸质发票。[2]";
        let found = checked(reply, true, &[INVOICE], &[]);
        assert_eq!(found.text, "发票抬头在3个工作日内可以修改一次。 [1]\n\n- 在订单详情页点击更换抬头 [1]");
        assert_eq!((found.kept, found.removed, found.references_removed), (2, 2, 3), "{found:?}");
    }

    #[test]
    fn references_lead_to_what_says_it_in_the_order_of_the_text() {
        let reply = "Students get ten percent off laptops. [2] That is once a year [1].";
        let found = checked(reply, true, &[INVOICE, CARD], &[]);
        assert_eq!(found.text, "Students get ten percent off laptops. [1] That is once a year. [1]");
        assert_eq!((found.used.as_slice(), found.references_removed), ([1].as_slice(), 1));
    }

    #[test]
    fn a_heading_is_kept_over_what_is_kept_only() {
        let reply =
            "## 修改发票抬头\n\n请在订单详情页点击更换抬头。\n\n## 手续费全免\n\n修改免费。\n\n## 发票抬头怎么修改\n";
        let found = checked(reply, true, &[INVOICE], &["发票抬头怎么修改"]);
        assert_eq!(found.text, "## 修改发票抬头\n\n请在订单详情页点击更换抬头。 [1]");
        assert_eq!((found.kept, found.removed), (1, 2));
    }

    #[test]
    fn addresses_and_tags_of_its_own_go() {
        for reply in [
            "Students get ten percent off laptops at https://evil.example/x [1].",
            "[Students get ten percent off laptops](//evil.example) [1].",
            "![Students get ten percent off laptops](x.png)",
            "Students get <img src=x> ten percent off laptops. [1]",
        ] {
            let found = checked(reply, true, &[CARD], &[]);
            assert_eq!((found.text.as_str(), found.kept, found.removed), ("", 0, 1), "{reply}: {found:?}");
        }
        let source = "See https://shop.example/help, students get ten percent off laptops.";
        let found =
            checked("Students get ten percent off laptops, see https://shop.example/help.", true, &[source], &[]);
        assert_eq!(found.kept, 1, "{found:?}");
    }

    #[test]
    fn what_was_cut_off_is_not_kept() {
        let found = checked("Once a year. Students get ten percent off lap", false, &[CARD], &[]);
        assert_eq!((found.text.as_str(), found.removed), ("Once a year. [1]", 1));
    }

    #[test]
    fn references_are_read_in_their_forms() {
        assert_eq!(without_references("a [1][2], b【3】 [^4] [5, 6]"), ("a, b".into(), vec![1, 2, 3, 4, 5, 6]));
        assert_eq!(without_references("[1](x) [a] [1234]"), ("[1](x) [a] [1234]".into(), vec![]));
        assert_eq!(references_inside("a。[1]b. [2] c!"), "a[1]。b[2]. c!");
    }
}
