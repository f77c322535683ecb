//! An article as a row of a table: a header that names the fields, lists within a cell separated by `|`.
//!
//! Invariant: a column that is no field of an article is an error, so nothing is dropped in silence.

use serde_json::{Map, Number, Value};

use super::read_row;
use super::rows::ReadRow;

/// Fields whose cell is a list.
const LISTS: [&str; 3] = ["questions", "negative_questions", "tags"];
/// Fields whose cell is one value.
const TEXTS: [&str; 10] =
    ["id", "space", "title", "body", "category", "audience", "language", "valid_from", "valid_until", "owner"];
/// Attributes have a column each: `attributes.colour`.
const ATTRIBUTE: &str = "attributes.";

/// What a column holds.
enum Column {
    Text(&'static str),
    List(&'static str),
    Days,
    Note,
    Attribute(String),
}

/// The columns of a table, by its header.
pub(super) struct Table {
    columns: Vec<Column>,
}

impl Table {
    /// Reads the header.
    pub(super) fn new(line: u64, header: &[u8]) -> Result<Self, ReadRow> {
        let cells = cells(line, header)?;
        let mut columns = Vec::new();
        for (index, cell) in cells.iter().enumerate() {
            let name = cell.trim();
            if cells.iter().take(index).any(|earlier| earlier.trim() == name) {
                return Err(ReadRow::refused(line, format!("the header names the column '{name}' twice")));
            }
            columns.push(column(name).ok_or_else(|| ReadRow::refused(line, unknown(name)))?);
        }
        Ok(Self { columns })
    }

    /// Reads a row below the header.
    pub(super) fn row(&self, line: u64, record: &[u8]) -> ReadRow {
        let cells = match cells(line, record) {
            Ok(cells) => cells,
            Err(refused) => return refused,
        };
        if cells.len() != self.columns.len() {
            let message = format!("has {} cells, and the header has {}", cells.len(), self.columns.len());
            return ReadRow::refused(line, message);
        }
        let mut keys = Map::new();
        let mut attributes = Map::new();
        for (column, cell) in self.columns.iter().zip(cells).filter(|(_, cell)| !cell.trim().is_empty()) {
            match column {
                Column::Text(name) => drop(keys.insert((*name).to_owned(), Value::String(cell))),
                Column::Note => drop(keys.insert("note".to_owned(), Value::String(cell))),
                Column::List(name) => drop(keys.insert((*name).to_owned(), list(&cell))),
                Column::Days => drop(keys.insert("review_every_days".to_owned(), whole_number(&cell))),
                Column::Attribute(name) => drop(attributes.insert(name.clone(), attribute(cell))),
            }
        }
        if !attributes.is_empty() {
            keys.insert("attributes".to_owned(), Value::Object(attributes));
        }
        let id = keys.get("id").and_then(Value::as_str).map(str::to_owned);
        ReadRow { line, id, incoming: read_row(keys) }
    }
}

fn column(name: &str) -> Option<Column> {
    if let Some(list) = LISTS.iter().find(|list| **list == name) {
        return Some(Column::List(list));
    }
    if let Some(text) = TEXTS.iter().find(|text| **text == name) {
        return Some(Column::Text(text));
    }
    match name {
        "note" => Some(Column::Note),
        "review_every_days" => Some(Column::Days),
        _ => name.strip_prefix(ATTRIBUTE).filter(|n| !n.is_empty()).map(|n| Column::Attribute(n.to_owned())),
    }
}

fn unknown(name: &str) -> String {
    let known: Vec<&str> =
        TEXTS.into_iter().chain(LISTS).chain(["review_every_days", "note", "attributes.NAME"]).collect();
    format!("the header has the column '{name}', which is no field; the fields are {}", known.join(", "))
}

fn cells(line: u64, record: &[u8]) -> Result<Vec<String>, ReadRow> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(record);
    match reader.records().next() {
        Some(Ok(cells)) => Ok(cells.iter().map(str::to_owned).collect()),
        Some(Err(error)) if matches!(error.kind(), csv::ErrorKind::Utf8 { .. }) => {
            Err(ReadRow::refused(line, "is not UTF-8"))
        }
        Some(Err(error)) => Err(ReadRow::refused(line, format!("is not CSV: {error}"))),
        None => Err(ReadRow::refused(line, "has no cells")),
    }
}

fn list(cell: &str) -> Value {
    let items = cell.split('|').map(str::trim).filter(|item| !item.is_empty());
    Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
}

fn whole_number(cell: &str) -> Value {
    cell.trim().parse::<u64>().map_or_else(|_| Value::String(cell.to_owned()), |n| Value::Number(n.into()))
}

/// A number where the cell is one in its shortest form, so that `007` and `1.0` stay texts.
fn attribute(cell: String) -> Value {
    let number = cell.parse::<f64>().ok().filter(|n| n.to_string() == cell).and_then(Number::from_f64);
    number.map_or(Value::String(cell), Value::Number)
}
