//! An article as a Markdown file: YAML front matter between `---` lines, then the body.
//!
//! Invariant: a document that was written reads back to the same content, whatever its body holds.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Incoming, read_row};
use crate::error::FieldError;
use crate::id::ArticleId;
use crate::model::article::{Content, Version};
use crate::model::text::Note;

const FENCE: &str = "---";

/// The front matter, in the order in which it is written.
#[derive(Serialize)]
struct FrontMatter<'a> {
    id: &'a ArticleId,
    #[serde(flatten)]
    content: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a Note>,
}

/// Reads one document. Without front matter the title is the first heading of level 1.
///
/// `default_id` stands in where the front matter names no id; it is how a file's name becomes the article's.
///
/// # Errors
/// Every wrong field of the front matter.
pub fn read_markdown(text: &str, default_id: Option<&str>) -> Result<Incoming, Vec<FieldError>> {
    read(text, default_id).1
}

/// Like [`read_markdown`], and with the id as it was written, for a report.
pub(super) fn read(text: &str, default_id: Option<&str>) -> (Option<String>, Result<Incoming, Vec<FieldError>>) {
    let default = || default_id.map(str::to_owned);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let (front, body) = match split(&text) {
        Ok(parts) => parts,
        Err(message) => return (default(), Err(vec![FieldError::new("front_matter", message)])),
    };
    let mut keys = match front.map(parse).transpose() {
        Ok(keys) => keys.unwrap_or_default(),
        Err(message) => return (default(), Err(vec![FieldError::new("front_matter", message)])),
    };
    if keys.contains_key("body") || keys.contains_key("versions") {
        let message = "the front matter has neither body nor versions: the body stands below it";
        return (default(), Err(vec![FieldError::new("front_matter", message)]));
    }
    if let Some(id) = default().filter(|_| !keys.contains_key("id")) {
        keys.insert("id".to_owned(), Value::String(id));
    }
    if let Some(title) = first_heading(body).filter(|_| !keys.contains_key("title")) {
        keys.insert("title".to_owned(), Value::String(title.to_owned()));
    }
    keys.insert("body".to_owned(), Value::String(body.to_owned()));
    let id = keys.get("id").and_then(Value::as_str).map(str::to_owned);
    (id, read_row(keys))
}

/// The front matter, where there is one, and the body.
fn split(text: &str) -> Result<(Option<&str>, &str), &'static str> {
    let body = |text| Ok::<_, &str>(strip_end(text));
    let Some(rest) = text.strip_prefix(FENCE).and_then(|rest| rest.trim_start_matches(' ').strip_prefix('\n')) else {
        return Ok((None, body(text)?));
    };
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim_end() == FENCE {
            let (front, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
            let after = after.get(line.len()..).unwrap_or_default();
            return Ok((Some(front), strip_end(after.strip_prefix('\n').unwrap_or(after))));
        }
        at += line.len();
    }
    Err("begins with '---' but no later line '---' ends it")
}

fn strip_end(text: &str) -> &str {
    text.strip_suffix('\n').unwrap_or(text)
}

fn parse(front: &str) -> Result<Map<String, Value>, String> {
    if front.trim().is_empty() {
        return Ok(Map::new());
    }
    serde_yaml_ng::from_str(front).map_err(|error| format!("is not a YAML mapping: {error}"))
}

fn first_heading(body: &str) -> Option<&str> {
    let heading = body.lines().find_map(|line| line.strip_prefix("# "))?;
    Some(heading.trim().trim_end_matches('#').trim_end()).filter(|title| !title.is_empty())
}

/// Writes a version as one document, as [`read_markdown`] reads it.
///
/// # Errors
/// When the front matter cannot be written as YAML.
pub fn write_markdown(id: &ArticleId, version: &Version) -> Result<String, serde_yaml_ng::Error> {
    let front = FrontMatter { id, content: without_body(&version.content), note: version.note.as_ref() };
    Ok(format!("{FENCE}\n{}{FENCE}\n\n{}\n", serde_yaml_ng::to_string(&front)?, version.content.body))
}

fn without_body(content: &Content) -> Map<String, Value> {
    match serde_json::to_value(content) {
        Ok(Value::Object(mut keys)) => {
            keys.remove("body");
            keys
        }
        _ => Map::new(),
    }
}

/// Writes a version as one document of many: the line with its path, then the document.
///
/// # Errors
/// When the front matter cannot be written as YAML.
pub fn write_document(id: &ArticleId, version: &Version) -> Result<String, serde_yaml_ng::Error> {
    let mut text = format!("<!-- article: {id}.md -->\n");
    for line in write_markdown(id, version)?.split_inclusive('\n') {
        text.push_str(&escape_line(line));
    }
    Ok(text)
}

/// The path in a line `<!-- article: PATH -->` that separates documents.
pub fn separator(line: &str) -> Option<&str> {
    line.trim_end().strip_prefix("<!-- article:")?.strip_suffix("-->").map(str::trim)
}

/// A line of a document as it stands among many: with a backslash where it would separate documents.
pub fn escape_line(line: &str) -> String {
    if separator(unescape_all(line)).is_some() { format!("\\{line}") } else { line.to_owned() }
}

/// A line of a document of many, without the backslash that kept it from being a separator.
pub fn unescape_line(line: &str) -> &str {
    match line.strip_prefix('\\') {
        Some(rest) if separator(unescape_all(rest)).is_some() => rest,
        _ => line,
    }
}

fn unescape_all(line: &str) -> &str {
    line.trim_start_matches('\\')
}

/// The id that a file's path stands for: its name without the ending.
pub(super) fn id_of_path(path: &str) -> &str {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    name.strip_suffix(".md").or_else(|| name.strip_suffix(".markdown")).unwrap_or(name)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn row(text: &str, id: Option<&str>) -> super::super::Row {
        match read_markdown(text, id).unwrap() {
            Incoming::Row(row) => *row,
            Incoming::History(_) => unreachable!("Markdown has no histories"),
        }
    }

    #[test]
    fn front_matter_and_body_are_read_with_any_line_end() {
        let text = "\u{feff}---\r\ntitle: 退货政策\r\ntags: [退货, 售后]\r\nvalid_from: 2026-01-01T00:00:00Z\r\n---\r\n\r\n# 期限\r\n七天。\r\n";
        let row = row(text, Some("return-policy"));
        assert_eq!(row.id.unwrap().as_str(), "return-policy");
        assert_eq!(row.content.title.as_str(), "退货政策");
        assert_eq!(row.content.tags.len(), 2);
        assert_eq!(row.content.body.as_str(), "# 期限\n七天。");
    }

    #[test]
    fn a_plain_file_takes_its_title_from_the_first_heading() {
        let row = row("intro\n# How to pay #\nBy card.\n", None);
        assert_eq!((row.content.title.as_str(), row.id), ("How to pay", None));
    }

    #[test]
    fn wrong_front_matter_is_named() {
        let fields = |text: &str| -> Vec<String> {
            read_markdown(text, None).unwrap_err().into_iter().map(|e| e.field).collect()
        };
        assert_eq!(fields("---\ntitle: a\n"), ["front_matter"]);
        assert_eq!(fields("---\n- a\n---\n"), ["front_matter"]);
        assert_eq!(fields("---\ncolour: red\naudience: nobody\n---\n"), ["title", "audience", "colour"]);
    }

    #[test]
    fn ids_come_from_paths() {
        assert_eq!(id_of_path("faq/return-policy.md"), "return-policy");
        assert_eq!(id_of_path("a\\b.markdown"), "b");
    }
}
