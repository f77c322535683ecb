//! The rows of an import body, one by one as they come, in any of the formats.
//!
//! Invariant: never more than one row is in memory, and a row that cannot be read costs only itself.

use std::io::{self, BufRead};

use super::table::Table;
use super::{Format, Incoming, MAX_ROW, markdown, read_object};
use crate::error::FieldError;

/// A row as it was read: where it stands, what it calls itself, and what it asks for or why not.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadRow {
    /// Line in the body where the row begins, from 1.
    pub line: u64,
    /// The article id, where it could be read.
    pub id: Option<String>,
    /// What it asks for.
    pub incoming: Result<Incoming, Vec<FieldError>>,
}

impl ReadRow {
    pub(super) fn refused(line: u64, message: impl Into<String>) -> Self {
        Self { line, id: None, incoming: Err(vec![FieldError::new("row", message)]) }
    }
}

/// Reads an import body row by row.
///
/// A byte order mark, CRLF and blank lines are skipped; a row over [`MAX_ROW`] is refused without being kept.
/// Ends after the first I/O error, and after a CSV header that cannot be used.
pub struct Rows<'a> {
    lines: Lines<'a>,
    format: Format,
    table: Option<Table>,
    next_document: Option<Document>,
    ended: bool,
}

/// A record of a table as bytes, with the line where it begins; or why it is refused.
type Record = Result<(u64, Vec<u8>), ReadRow>;

/// A Markdown document about to be read.
struct Document {
    line: u64,
    path: Option<String>,
}

impl<'a> Rows<'a> {
    /// Reads `body` as rows of this format.
    pub fn new(format: Format, body: &'a mut dyn BufRead) -> Self {
        let next_document = Some(Document { line: 1, path: None });
        Self { lines: Lines::new(body), format, table: None, next_document, ended: false }
    }

    fn ndjson(&mut self) -> io::Result<Option<ReadRow>> {
        let mut row = Vec::new();
        loop {
            row.clear();
            let Some(whole) = self.lines.next(&mut row, MAX_ROW, &mut |_| {})? else { return Ok(None) };
            let line = self.lines.number;
            if !whole {
                return Ok(Some(ReadRow::refused(line, too_long())));
            }
            if !row.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some(ndjson_row(line, &row)));
            }
        }
    }

    fn csv(&mut self) -> io::Result<Option<ReadRow>> {
        if self.table.is_none() {
            let Some(header) = self.record()? else { return Ok(None) };
            match header.and_then(|(line, bytes)| Table::new(line, &bytes)) {
                Ok(table) => self.table = Some(table),
                Err(refused) => {
                    self.ended = true;
                    return Ok(Some(refused));
                }
            }
        }
        let record = self.record()?;
        let row = |table: &Table| {
            record.map(|record| record.map_or_else(|refused| refused, |(line, bytes)| table.row(line, &bytes)))
        };
        Ok(self.table.as_ref().and_then(row))
    }

    /// The next record of a table, which may span lines inside quotes.
    fn record(&mut self) -> io::Result<Option<Record>> {
        let mut bytes = Vec::new();
        let mut quotes = Quotes::CellStart;
        let mut whole = true;
        let mut begin = None;
        while let Some(fits) = self.lines.next(&mut bytes, MAX_ROW, &mut |byte| quotes = quotes.after(byte))? {
            let line = *begin.get_or_insert(self.lines.number);
            whole &= fits;
            if quotes == Quotes::Inside {
                whole &= bytes.len() < MAX_ROW;
                if whole {
                    bytes.push(b'\n');
                }
                continue;
            }
            if !whole {
                return Ok(Some(Err(ReadRow::refused(line, too_long()))));
            }
            if !bytes.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some(Ok((line, bytes))));
            }
            (bytes, quotes, begin) = (Vec::new(), Quotes::CellStart, None);
        }
        Ok(begin.map(|line| Err(ReadRow::refused(line, "a quoted cell that begins in this row is never closed"))))
    }

    fn markdown(&mut self) -> io::Result<Option<ReadRow>> {
        let Some(document) = self.next_document.take() else { return Ok(None) };
        let mut text = Vec::new();
        let mut whole = true;
        let mut line = Vec::new();
        loop {
            line.clear();
            let Some(fits) = self.lines.next(&mut line, MAX_ROW, &mut |_| {})? else { break };
            let words = std::str::from_utf8(&line).ok();
            if let Some(path) = words.and_then(markdown::separator) {
                self.next_document = Some(Document { line: self.lines.number, path: Some(path.to_owned()) });
                break;
            }
            whole &= fits && text.len() + line.len() < MAX_ROW;
            if whole {
                text.extend_from_slice(words.map_or(line.as_slice(), |w| markdown::unescape_line(w).as_bytes()));
                text.push(b'\n');
            }
        }
        let blank = whole && text.iter().all(u8::is_ascii_whitespace) && document.path.is_none();
        if blank {
            return self.markdown_after_blank();
        }
        Ok(Some(if whole { document_row(document, text) } else { ReadRow::refused(document.line, too_long()) }))
    }

    /// Only what stands before the first separator can be blank and nameless, so this goes one deep.
    fn markdown_after_blank(&mut self) -> io::Result<Option<ReadRow>> {
        if self.next_document.is_some() { self.markdown() } else { Ok(None) }
    }
}

impl Iterator for Rows<'_> {
    type Item = io::Result<ReadRow>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let row = match self.format {
            Format::Ndjson => self.ndjson(),
            Format::Markdown => self.markdown(),
            Format::Csv => self.csv(),
        };
        self.ended |= !matches!(row, Ok(Some(_)));
        row.transpose()
    }
}

fn too_long() -> String {
    format!("is longer than {MAX_ROW} bytes")
}

fn ndjson_row(line: u64, bytes: &[u8]) -> ReadRow {
    match serde_json::from_slice(bytes) {
        Ok(serde_json::Value::Object(keys)) => {
            let id = keys.get("id").and_then(|id| id.as_str()).map(str::to_owned);
            ReadRow { line, id, incoming: read_object(keys) }
        }
        Ok(_) => ReadRow::refused(line, "must be a JSON object"),
        Err(error) => ReadRow::refused(line, format!("is not JSON: {error}")),
    }
}

fn document_row(document: Document, text: Vec<u8>) -> ReadRow {
    let default_id = document.path.as_deref().map(markdown::id_of_path);
    match String::from_utf8(text) {
        Ok(text) => {
            let (id, incoming) = markdown::read(&text, default_id);
            ReadRow { line: document.line, id, incoming }
        }
        Err(_) => ReadRow { id: default_id.map(str::to_owned), ..ReadRow::refused(document.line, "is not UTF-8") },
    }
}

/// Where the reading of a record of a table stands (RFC 4180).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quotes {
    CellStart,
    Plain,
    Inside,
    /// After a quote inside a quoted cell: its end, or the first half of a doubled one.
    Perhaps,
}

impl Quotes {
    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Quotes::Inside, b'"') => Quotes::Perhaps,
            (Quotes::Inside, _) | (Quotes::CellStart | Quotes::Perhaps, b'"') => Quotes::Inside,
            (_, b',') => Quotes::CellStart,
            _ => Quotes::Plain,
        }
    }
}

/// The lines of a body, of which too long ones are read but not kept.
pub(in crate::model) struct Lines<'a> {
    body: &'a mut dyn BufRead,
    /// The line read last, from 1.
    pub(in crate::model) number: u64,
}

impl<'a> Lines<'a> {
    /// The lines of this body.
    pub(in crate::model) fn new(body: &'a mut dyn BufRead) -> Self {
        Self { body, number: 0 }
    }

    /// Appends the next line, without its end, while the buffer stays within `most` bytes; says whether all of it fitted.
    /// `seen` gets every byte of it, kept or not. Nothing at the end of the body.
    pub(in crate::model) fn next(
        &mut self,
        buffer: &mut Vec<u8>,
        most: usize,
        seen: &mut dyn FnMut(u8),
    ) -> io::Result<Option<bool>> {
        let mut whole = true;
        let mut begun = false;
        loop {
            let chunk = match self.body.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() && !begun {
                return Ok(None);
            }
            let ends = chunk.is_empty();
            let line = chunk.iter().position(|byte| *byte == b'\n');
            let piece = line.and_then(|at| chunk.get(..at)).unwrap_or(chunk);
            piece.iter().for_each(|byte| seen(*byte));
            let room = most.saturating_sub(buffer.len());
            whole &= piece.len() <= room;
            buffer.extend_from_slice(piece.get(..room).unwrap_or(piece));
            let used = piece.len() + usize::from(line.is_some());
            self.body.consume(used);
            if !begun {
                begun = true;
                self.number += 1;
            }
            if ends || line.is_some() {
                break;
            }
        }
        if buffer.last() == Some(&b'\r') {
            buffer.pop();
        }
        if self.number == 1 && buffer.starts_with(b"\xef\xbb\xbf") {
            buffer.drain(..3);
        }
        Ok(Some(whole))
    }
}
