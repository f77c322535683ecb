//! How texts from a server look in a terminal: widths, marks, times.
//!
//! Invariant: nothing that a server sends can steer the terminal: control characters never pass.

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

/// Columns that the text takes; East Asian characters take two.
pub fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// With spaces up to that many columns.
pub fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}

/// Without control characters other than line breaks and tabs.
pub fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

/// As one line, without control characters.
pub fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    clean(&words.join(" "))
}

/// A snippet of HTML as one line of text, its marks between `on` and `off`.
pub fn marked(html: &str, (on, off): (&str, &str)) -> String {
    let line = one_line(html);
    // The ampersand is last: what it escapes must not be read as another entity.
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#x27;", "'"), ("&amp;", "&")];
    let line = line.replace("<mark>", on).replace("</mark>", off);
    entities.iter().fold(line, |line, (entity, plain)| line.replace(entity, plain))
}

static NOTHING: Value = Value::Null;

/// The value at a path of fields, such as `passage/html`; null where there is none.
pub fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    value.pointer(&format!("/{path}")).unwrap_or(&NOTHING)
}

/// The text of a JSON value; nothing for what is absent.
pub fn of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(of).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// A time to the minute.
pub fn time(value: &Value) -> String {
    let time = of(value);
    match time.get(..16) {
        Some(minute) if time.contains('T') => minute.replace('T', " "),
        _ => time,
    }
}

/// A probability in percent.
pub fn percent(value: &Value) -> String {
    value.as_f64().map_or_else(String::new, |share| format!("{:.0} %", share * 100.0))
}

/// What is there, with dots between.
pub fn joined(parts: &[String]) -> String {
    let there: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    there.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_east_asian_characters_twice() {
        assert_eq!((width("退货"), width("ab")), (4, 2));
        assert_eq!(pad("退货", 6), "退货  ");
        assert_eq!(pad("long enough", 3), "long enough");
    }

    #[test]
    fn a_snippet_shows_its_marks_and_its_own_signs() {
        assert_eq!(marked("a &lt;b&gt;\n<mark>退</mark>货 &amp;lt;", ("[", "]")), "a <b> [退]货 &lt;");
    }

    #[test]
    fn no_text_steers_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\u{7}\n"), "a[2Jb\n");
        assert_eq!(marked("\u{1b}]0;x", ("", "")), "]0;x");
    }

    #[test]
    fn values_read_as_text() {
        assert_eq!(of(&serde_json::json!(["a", 1, null])), "a, 1, ");
        assert_eq!(time(&serde_json::json!("2026-01-05T09:00:00Z")), "2026-01-05 09:00");
        assert_eq!(percent(&serde_json::json!(0.934)), "93 %");
    }
}
