//! Does knowledge survive the way out and back in, and does a bad row cost only itself?
//!
//! Invariant: every row of every body here is accounted for, read or refused.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::io::Cursor;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use zhiyin::model::article::{Publication, Version};
use zhiyin::model::exchange::{
    Format, History, HistoryVersion, Incoming, MAX_ROW, ReadRow, Row, Rows, read_markdown, read_ndjson_line,
    write_document, write_history, write_markdown,
};

fn rows(format: Format, body: &[u8]) -> Vec<ReadRow> {
    Rows::new(format, &mut Cursor::new(body)).map(Result::unwrap).collect()
}

fn row(read: &ReadRow) -> &Row {
    match read.incoming.as_ref().unwrap() {
        Incoming::Row(row) => row,
        Incoming::History(_) => panic!("a row was expected"),
    }
}

fn wrong_fields(line: &Value) -> Vec<String> {
    read_ndjson_line(&line.to_string()).unwrap_err().into_iter().map(|e| e.field).collect()
}

#[test]
fn every_wrong_field_of_a_row_is_named() {
    let line = json!({"id": "-", "title": "", "tags": ["a", ""], "attributes": {"a": [1], "b": 2}, "audience": "all",
        "review_every_days": 0, "valid_from": "soon", "colour": "red"});
    assert_eq!(wrong_fields(&line), ["id", "title", "tags[1]", "audience", "attributes.a", "valid_from", "colour"]);
    assert_eq!(wrong_fields(&json!({"title": "t", "review_every_days": 0})), ["review_every_days"]);
    assert_eq!(wrong_fields(&json!(["no object"])), ["row"]);
    let fine = read_ndjson_line(r#"{"title": "t", "tags": null, "language": null}"#).unwrap();
    assert!(matches!(fine, Incoming::Row(row) if row.id.is_none() && row.content.tags.is_empty()));
}

#[test]
fn a_history_must_be_one_that_could_have_happened() {
    let version = |n: u32| json!({"version": n, "author": "ann", "created_at": "2026-01-01T00:00:00Z", "title": "t"});
    let publication =
        |v: u32, from: &str, until: Value| json!({"version": v, "from": from, "until": until, "by": "ann"});
    let (one, two) = ("2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z");
    let history = |versions: Vec<Value>, publications: Vec<Value>| json!({"id": "a", "versions": versions, "publications": publications});
    assert_eq!(wrong_fields(&history(vec![], vec![])), ["versions"]);
    assert_eq!(wrong_fields(&history(vec![version(1), version(3)], vec![])), ["versions[1].version"]);
    assert_eq!(
        wrong_fields(&history(vec![version(1)], vec![publication(2, one, Value::Null)])),
        ["publications[0].version"]
    );
    assert_eq!(
        wrong_fields(&history(
            vec![version(1)],
            vec![publication(1, one, Value::Null), publication(1, two, Value::Null)]
        )),
        ["publications[1].from"]
    );
    assert_eq!(
        wrong_fields(&history(vec![version(1)], vec![publication(1, two, json!(one))])),
        ["publications[0].until"]
    );
    let mut extra = history(vec![version(1)], vec![]);
    extra["versions"][0]["colour"] = json!("red");
    extra["space"] = json!("default");
    assert_eq!(wrong_fields(&extra), ["versions[0].colour", "space"]);
    let mut archived = history(vec![version(1)], vec![publication(1, one, Value::Null)]);
    archived["archived"] = json!(true);
    assert_eq!(wrong_fields(&archived), ["archived"]);
}

#[test]
fn a_bad_row_costs_only_itself() {
    let mut body = b"\xef\xbb\xbf{\"title\": \"one\"}\r\n\r\n{\"title\": \"bad \xff\"}\n{\n".to_vec();
    body.extend(format!("{{\"title\": \"{}\"}}\n", "x".repeat(MAX_ROW)).into_bytes());
    body.extend(b"{\"id\": \"six\", \"colour\": 1, \"title\": \"t\"}\n{\"title\": \"last\"}");
    let read = rows(Format::Ndjson, &body);
    let lines: Vec<(u64, bool)> = read.iter().map(|r| (r.line, r.incoming.is_ok())).collect();
    assert_eq!(lines, [(1, true), (3, false), (4, false), (5, false), (6, false), (7, true)]);
    assert_eq!(read[4].id.as_deref(), Some("six"));
    assert_eq!(row(&read[5]).content.title.as_str(), "last");
}

#[test]
fn a_table_is_read_with_quotes_lists_and_attributes() {
    let body = "\u{feff}id,title,body,tags,review_every_days,attributes.colour,attributes.price\r\n\
        a,退货,\"第一行\r\n第二 \"\"行\"\"\",退货| 售后 ,30,red,12.5\r\n\
        \r\n\
        b,too,few\r\n\
        c,付款,,,soon,,\r\n\
        d,发票,,,,007,\r\n";
    let read = rows(Format::Csv, body.as_bytes());
    let lines: Vec<(u64, bool)> = read.iter().map(|r| (r.line, r.incoming.is_ok())).collect();
    assert_eq!(lines, [(2, true), (5, false), (6, false), (7, true)]);
    let content = serde_json::to_value(&row(&read[0]).content).unwrap();
    assert_eq!(content["body"], "第一行\n第二 \"行\"");
    assert_eq!(content["tags"], json!(["退货", "售后"]));
    assert_eq!(content["attributes"], json!({"colour": "red", "price": 12.5}));
    assert_eq!(read[2].incoming.as_ref().unwrap_err()[0].field, "review_every_days");
    let content = serde_json::to_value(&row(&read[3]).content).unwrap();
    assert_eq!(content["attributes"], json!({"colour": "007"}));
}

#[test]
fn a_table_with_a_header_that_cannot_be_used_is_refused_once() {
    for header in ["title,colour\na,b\n", "title,title\na,b\n"] {
        let read = rows(Format::Csv, header.as_bytes());
        assert_eq!((read.len(), read[0].line, read[0].incoming.is_err()), (1, 1, true));
    }
    let read = rows(Format::Csv, b"title,body\na,\"open\nb,c\n");
    assert_eq!(read.len(), 1);
    assert!(read[0].incoming.as_ref().unwrap_err()[0].message.contains("never closed"));
    let read = rows(Format::Csv, b"title\n\xff\nb\n");
    assert_eq!(read.iter().map(|r| r.incoming.is_ok()).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn many_markdown_documents_stand_in_one_body() {
    let body = "\n<!-- article: faq/退货.md -->\n---\nid: return\ntitle: 退货\n---\n\n七天。\n<!-- article: pay.md -->\n# Pay\ntext\n";
    let read = rows(Format::Markdown, body.as_bytes());
    let found: Vec<(u64, &str, &str, &str)> = read
        .iter()
        .map(|r| (r.line, r.id.as_deref().unwrap(), row(r).content.title.as_str(), row(r).content.body.as_str()))
        .collect();
    assert_eq!(found, [(2, "return", "退货", "七天。"), (9, "pay", "Pay", "# Pay\ntext")]);
    let single = rows(Format::Markdown, b"---\ntitle: one\n---\nbody\n");
    assert_eq!((single.len(), row(&single[0]).content.body.as_str()), (1, "body"));
    assert!(rows(Format::Markdown, b"\n\n").is_empty());
}

fn text(most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop_oneof![Just("退货"), Just("pay 1"), Just("\""), Just(": "), Just("\\"), Just("🙂"), Just("#")],
        1..most,
    )
    .prop_map(|parts| format!("x{}", parts.concat()))
}

fn body() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        text(3),
        Just(String::new()),
        Just("---".to_owned()),
        Just("<!-- article: x.md -->".to_owned()),
        Just("\\<!-- article: y -->".to_owned()),
        Just("| a | b |".to_owned())
    ];
    prop::collection::vec(line, 0..8).prop_map(|lines| lines.join("\n"))
}

fn content() -> impl Strategy<Value = Value> {
    (
        text(4),
        body(),
        prop::collection::hash_set(text(2), 0..3),
        prop::option::of(any::<f64>().prop_filter("finite", |n| n.is_finite())),
        prop::option::of(1_u32..3_650),
        prop::option::of(0_i64..4_000_000_000_000),
    )
        .prop_map(|(title, body, tags, price, days, from)| {
            let mut content =
                json!({"title": title, "body": body, "tags": tags, "audience": "agent", "language": "zh"});
            if let Some(price) = price {
                content["attributes"] = json!({"price": price, "colour": "red"});
            }
            if let Some(days) = days {
                content["review_every_days"] = json!(days);
            }
            if let Some(from) = from {
                content["valid_from"] = json!(Timestamp::from_millisecond(from).unwrap());
            }
            content
        })
}

fn version(number: u32, content: Value) -> Version {
    let created_at = Timestamp::from_millisecond(1_700_000_000_123 + i64::from(number)).unwrap();
    let note = number.is_multiple_of(2).then(|| "why".parse().unwrap());
    Version { number, content: serde_json::from_value(content).unwrap(), note, author: "ann".into(), created_at }
}

fn history() -> impl Strategy<Value = History> {
    (prop::collection::vec(content(), 1..5), prop::collection::vec((0_i64..50, 0_i64..50), 0..5), any::<bool>())
        .prop_map(|(contents, spans, open)| {
            let versions: Vec<HistoryVersion> =
                contents.into_iter().zip(1..).map(|(c, n)| version(n, c).into()).collect();
            let (mut at, mut publications) = (1_800_000_000_000, Vec::new());
            for (pause, length) in spans {
                let from = at + pause;
                at = from + length;
                let time = |ms| Timestamp::from_millisecond(ms).unwrap();
                publications.push(Publication {
                    version: 1,
                    from: time(from),
                    until: Some(time(at)),
                    by: "ann".into(),
                    reason: None,
                    ended_by: None,
                });
            }
            if let Some(last) = publications.last_mut().filter(|_| open) {
                last.until = None;
            }
            History {
                id: "a".parse().unwrap(),
                versions,
                publications,
                archived: false,
                verified_at: None,
                review_due_at: None,
                schedule: None,
                review: None,
            }
        })
}

proptest! {
    #[test]
    fn a_history_written_and_read_is_the_same_byte_for_byte(history in history()) {
        let line = write_history(&history).unwrap();
        prop_assert!(!line.contains('\n'));
        let Ok(Incoming::History(read)) = read_ndjson_line(&line) else { panic!("not read back: {line}") };
        prop_assert_eq!(write_history(&read).unwrap(), line);
        prop_assert_eq!(*read, history);
    }

    #[test]
    fn a_markdown_document_written_and_read_is_the_same(content in content()) {
        let version = version(1, content);
        let text = write_markdown(&"a".parse().unwrap(), &version).unwrap();
        let Ok(Incoming::Row(read)) = read_markdown(&text, None) else { panic!("not read back: {text}") };
        prop_assert_eq!(read.content, version.content);
    }

    #[test]
    fn many_markdown_documents_written_and_read_are_the_same(contents in prop::collection::vec(content(), 1..4)) {
        let versions: Vec<Version> = contents.into_iter().map(|c| version(2, c)).collect();
        let body: String = versions.iter().map(|v| write_document(&"a".parse().unwrap(), v).unwrap()).collect();
        let read = rows(Format::Markdown, body.as_bytes());
        prop_assert_eq!(read.len(), versions.len());
        for (read, version) in read.iter().zip(&versions) {
            prop_assert_eq!(&row(read).content, &version.content);
            prop_assert_eq!(&row(read).note, &version.note);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[\"a,\n\r|{}:-]{0,80}") {
        for format in [Format::Ndjson, Format::Markdown, Format::Csv] {
            for body in [bytes.as_slice(), text.as_bytes()] {
                let read = rows(format, body);
                prop_assert!(read.windows(2).all(|pair| pair[0].line < pair[1].line));
            }
        }
    }
}
