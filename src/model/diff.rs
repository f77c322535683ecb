//! What changed between two versions: by line and, within lines, by word.
//!
//! Invariant: the unchanged and removed pieces together are the old text, the unchanged and added ones the new.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::model::article::{Content, Version};

/// How two versions differ.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Diff {
    /// The older version.
    pub from: u32,
    /// The newer version.
    pub to: u32,
    /// Fields other than the body that differ, with their values as JSON.
    pub fields: Vec<FieldChange>,
    /// The body, line by line.
    pub body: Vec<LineChange>,
}

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FieldChange {
    /// Name of the field.
    pub field: String,
    /// Value in the older version.
    pub from: serde_json::Value,
    /// Value in the newer version.
    pub to: serde_json::Value,
}

/// What happened to a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// In both.
    Same,
    /// Only in the older.
    Removed,
    /// Only in the newer.
    Added,
}

/// A line of the body.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LineChange {
    /// What happened to the line.
    pub change: Change,
    /// The line, without its end.
    pub text: String,
    /// Its pieces by word, where it was changed rather than removed or added whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<WordChange>,
}

/// A piece of a changed line.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct WordChange {
    /// What happened to it.
    pub change: Change,
    /// The piece.
    pub text: String,
}

/// Most lines (of both sides, after what they share at both ends) that are compared one by one; beyond, the whole
/// stretch counts as replaced, for the comparison's cost grows with the square.
const MAX_LINES: usize = 4_000;
/// Most characters of a pair of lines that are compared word by word.
const MAX_PAIR: usize = 2_000;

/// Compares two versions: every field but the body by value, the body by line and word.
pub fn diff(from: &Version, to: &Version) -> Diff {
    Diff {
        from: from.number,
        to: to.number,
        fields: field_changes(&from.content, &to.content),
        body: line_changes(from.content.body.as_str(), to.content.body.as_str()),
    }
}

fn field_changes(from: &Content, to: &Content) -> Vec<FieldChange> {
    let (from, to) = (fields(from), fields(to));
    let names = from.keys().chain(to.keys().filter(|name| !from.contains_key(*name)));
    let value = |side: &Map<String, Value>, name: &str| side.get(name).cloned().unwrap_or(Value::Null);
    names
        .filter(|name| name.as_str() != "body")
        .map(|name| FieldChange { field: name.clone(), from: value(&from, name), to: value(&to, name) })
        .filter(|change| change.from != change.to)
        .collect()
}

fn fields(content: &Content) -> Map<String, Value> {
    match serde_json::to_value(content) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

fn line_changes(from: &str, to: &str) -> Vec<LineChange> {
    let old: Vec<&str> = from.split('\n').collect();
    let new: Vec<&str> = to.split('\n').collect();
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (same, old) = old.split_at(head);
    let (_, new) = new.split_at(head);
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let (old, rest) = old.split_at(old.len() - tail);
    let (new, _) = new.split_at(new.len() - tail);

    let mut lines: Vec<LineChange> = same.iter().map(|line| whole(Change::Same, line)).collect();
    if old.len() + new.len() > MAX_LINES {
        lines.extend(old.iter().map(|line| whole(Change::Removed, line)));
        lines.extend(new.iter().map(|line| whole(Change::Added, line)));
    } else {
        push_middle(&mut lines, old, new);
    }
    lines.extend(rest.iter().map(|line| whole(Change::Same, line)));
    lines
}

fn push_middle(lines: &mut Vec<LineChange>, old: &[&str], new: &[&str]) {
    for op in similar::capture_diff_slices(similar::Algorithm::Myers, old, new) {
        let removed = old.get(op.old_range()).unwrap_or_default();
        let added = new.get(op.new_range()).unwrap_or_default();
        match op.tag() {
            similar::DiffTag::Equal => lines.extend(removed.iter().map(|line| whole(Change::Same, line))),
            _ => push_replaced(lines, removed, added),
        }
    }
}

/// The k-th removed line and the k-th added one are taken as the same line, changed.
fn push_replaced(lines: &mut Vec<LineChange>, removed: &[&str], added: &[&str]) {
    let mut gone: Vec<LineChange> = removed.iter().map(|line| whole(Change::Removed, line)).collect();
    let mut come: Vec<LineChange> = added.iter().map(|line| whole(Change::Added, line)).collect();
    for (old, new) in gone.iter_mut().zip(&mut come) {
        if old.text.len() + new.text.len() <= MAX_PAIR * 3 {
            (old.words, new.words) = word_changes(&old.text, &new.text);
        }
    }
    lines.append(&mut gone);
    lines.append(&mut come);
}

/// The pieces of a removed line (same, removed) and of the added one (same, added); none where they share no word.
fn word_changes(old: &str, new: &str) -> (Vec<WordChange>, Vec<WordChange>) {
    let none = (Vec::new(), Vec::new());
    if old.chars().count() + new.chars().count() > MAX_PAIR {
        return none;
    }
    let compared = similar::TextDiff::from_unicode_words(old, new);
    let (mut before, mut after) = (Vec::new(), Vec::new());
    let mut shares_word = false;
    for piece in compared.iter_all_changes() {
        let text = piece.value();
        match piece.tag() {
            similar::ChangeTag::Equal => {
                shares_word |= text.chars().any(char::is_alphanumeric);
                push_word(&mut before, Change::Same, text);
                push_word(&mut after, Change::Same, text);
            }
            similar::ChangeTag::Delete => push_word(&mut before, Change::Removed, text),
            similar::ChangeTag::Insert => push_word(&mut after, Change::Added, text),
        }
    }
    if shares_word { (before, after) } else { none }
}

fn push_word(words: &mut Vec<WordChange>, change: Change, text: &str) {
    match words.last_mut().filter(|last| last.change == change) {
        Some(last) => last.text.push_str(text),
        None => words.push(WordChange { change, text: text.to_owned() }),
    }
}

fn whole(change: Change, line: &str) -> LineChange {
    LineChange { change, text: line.to_owned(), words: Vec::new() }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(number: u32, json: serde_json::Value) -> Version {
        let content = serde_json::from_value(json).unwrap();
        Version { number, content, note: None, author: "a".into(), created_at: jiff::Timestamp::UNIX_EPOCH }
    }

    fn side(lines: &[LineChange], gone: Change) -> String {
        let kept: Vec<&str> = lines.iter().filter(|l| l.change != gone).map(|l| l.text.as_str()).collect();
        kept.join("\n")
    }

    #[test]
    fn a_changed_line_shows_its_words_and_a_changed_field_its_values() {
        let old =
            version(1, serde_json::json!({"title": "退货", "body": "七天内可退。\n运费自理。", "tags": ["退货"]}));
        let new = version(
            2,
            serde_json::json!({"title": "退货政策", "body": "十五天内可退。\n运费自理。\n", "tags": ["退货"]}),
        );
        let found = diff(&old, &new);
        let fields: Vec<&str> = found.fields.iter().map(|f| f.field.as_str()).collect();
        assert_eq!(fields, ["title"]);
        let changes: Vec<Change> = found.body.iter().map(|l| l.change).collect();
        assert_eq!(changes, [Change::Removed, Change::Added, Change::Same, Change::Added]);
        let words: Vec<(Change, &str)> =
            found.body.iter().flat_map(|l| &l.words).map(|w| (w.change, w.text.as_str())).collect();
        assert_eq!(
            words,
            [
                (Change::Removed, "七"),
                (Change::Same, "天内可退。"),
                (Change::Added, "十五"),
                (Change::Same, "天内可退。")
            ]
        );
    }

    #[test]
    fn bodies_too_long_to_compare_are_shown_as_replaced() {
        let many = |mark: &str| (0..MAX_LINES).map(|n| format!("{mark}{n}")).collect::<Vec<_>>().join("\n");
        let lines = line_changes(&many("a"), &many("b"));
        assert_eq!(side(&lines, Change::Added), many("a"));
        assert_eq!(side(&lines, Change::Removed), many("b"));
    }

    proptest! {
        #[test]
        fn same_and_removed_are_the_old_text_and_same_and_added_the_new(old in "[ab 退货。\n]{0,40}", new in "[ab 退货。\n]{0,40}") {
            let lines = line_changes(&old, &new);
            prop_assert_eq!(side(&lines, Change::Added), old);
            prop_assert_eq!(side(&lines, Change::Removed), new);
            for line in lines.iter().filter(|l| !l.words.is_empty()) {
                let text: String = line.words.iter().map(|w| w.text.as_str()).collect();
                prop_assert_eq!(&text, &line.text);
                prop_assert!(line.words.iter().all(|w| w.change == Change::Same || w.change == line.change));
            }
        }
    }
}
