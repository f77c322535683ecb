//! How does a value become bytes, and how are bytes of an older program read?
//!
//! Invariant: the first byte says the format, and damaged bytes are an error that names the row, never a panic.
//!
//! A row is one format byte and JSON. A table's format is 1 plus the number of its steps; a row of an older format
//! goes through the missing steps each time it is read, and is in the new format once it is written again.
//! Large values are cut into chunks, because the log would put them into files that nobody syncs (see `sync.rs`):
//! the row then is [`BIG`], generation:8, chunks:4, length:8, and the chunks stand under that generation.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::keys::{Table, describe};
use crate::error::{Error, Result};

/// The format of the whole store: its tables and their keys.
pub(super) const STORE_FORMAT: u32 = 1;
/// First byte of a row whose value stands in chunks.
pub(super) const BIG: u8 = 0xff;
/// Longest value of a row, in bytes.
pub(super) const MAX_ROW: usize = 16 * 1024;

/// Brings the JSON of one format of a table to the next one.
pub(super) type Step = fn(Value) -> std::result::Result<Value, String>;

/// The steps of a table, from format 1 upwards. None so far: every table is in its first format.
fn steps(_table: Table) -> &'static [Step] {
    &[]
}

/// Encodes a value of a table in its newest format.
///
/// # Errors
/// `Store` when the value cannot be JSON.
pub(super) fn encode<T: Serialize + ?Sized>(table: Table, value: &T) -> Result<Vec<u8>> {
    let mut bytes = vec![newest(steps(table))];
    serde_json::to_writer(&mut bytes, value)
        .map_err(|e| Error::Store(format!("a {table:?} cannot be written: {e}")))?;
    Ok(bytes)
}

/// Decodes the value of the row `key`.
///
/// # Errors
/// `Store`, naming the row, when the bytes are damaged or of a newer format.
pub(super) fn decode<T: DeserializeOwned>(table: Table, key: &[u8], bytes: &[u8]) -> Result<T> {
    decode_through(steps(table), bytes).map_err(|why| damaged(key, &why))
}

/// The error of a damaged row.
pub(super) fn damaged(key: &[u8], why: &str) -> Error {
    Error::Store(format!("the row '{}' is damaged: {why}", describe(key)))
}

fn newest(steps: &[Step]) -> u8 {
    u8::try_from(steps.len()).map_or(u8::MAX - 1, |count| count.saturating_add(1))
}

fn decode_through<T: DeserializeOwned>(steps: &[Step], bytes: &[u8]) -> std::result::Result<T, String> {
    let Some((format, json)) = bytes.split_first() else {
        return Err("it is empty".into());
    };
    if *format == newest(steps) {
        return serde_json::from_slice(json).map_err(|e| e.to_string());
    }
    let done = format.checked_sub(1).ok_or("it has no format")?;
    let missing = steps.get(usize::from(done)..).ok_or_else(|| format!("it has the unknown format {format}"))?;
    let mut value: Value = serde_json::from_slice(json).map_err(|e| e.to_string())?;
    for step in missing {
        value = step(value)?;
    }
    serde_json::from_value(value).map_err(|e| e.to_string())
}

/// Where the pieces of a large value stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pieces {
    /// Names this writing of the value; never used twice.
    pub(super) generation: u64,
    /// How many.
    pub(super) count: u32,
    /// Bytes of the whole value.
    pub(super) length: u64,
}

impl Pieces {
    /// The row that stands for the value.
    pub(super) fn row(self) -> Vec<u8> {
        let mut row = vec![BIG];
        row.extend_from_slice(&self.generation.to_be_bytes());
        row.extend_from_slice(&self.count.to_be_bytes());
        row.extend_from_slice(&self.length.to_be_bytes());
        row
    }

    /// Reads such a row; `None` when the row is not one.
    pub(super) fn read(row: &[u8]) -> Option<Pieces> {
        let (first, rest) = row.split_first()?;
        let (generation, rest) = rest.split_first_chunk::<8>()?;
        let (count, rest) = rest.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<8>()?;
        (*first == BIG && rest.is_empty()).then_some(Pieces {
            generation: u64::from_be_bytes(*generation),
            count: u32::from_be_bytes(*count),
            length: u64::from_be_bytes(*length),
        })
    }

    /// The keys of the pieces, in order.
    pub(super) fn keys(self) -> impl Iterator<Item = Vec<u8>> {
        (0..self.count).map(move |number| Table::Chunk.key().u64(self.generation).u32(number).bytes())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Third {
        name: String,
        tags: Vec<String>,
    }

    fn rename(mut value: Value) -> std::result::Result<Value, String> {
        let map = value.as_object_mut().ok_or("not an object")?;
        let name = map.remove("title").ok_or("no title")?;
        map.insert("name".into(), name);
        Ok(value)
    }

    fn add_tags(mut value: Value) -> std::result::Result<Value, String> {
        value.as_object_mut().ok_or("not an object")?.insert("tags".into(), json!([]));
        Ok(value)
    }

    const STEPS: &[Step] = &[rename, add_tags];

    fn row(format: u8, value: &Value) -> Vec<u8> {
        let mut bytes = vec![format];
        bytes.extend(serde_json::to_vec(value).unwrap());
        bytes
    }

    #[test]
    fn older_rows_go_through_the_steps_they_lack() {
        let wanted = Third { name: "x".into(), tags: vec![] };
        for bytes in
            [row(1, &json!({"title": "x"})), row(2, &json!({"name": "x"})), row(3, &json!({"name": "x", "tags": []}))]
        {
            assert_eq!(decode_through::<Third>(STEPS, &bytes).unwrap(), wanted);
        }
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let why = |bytes: &[u8]| decode_through::<Third>(STEPS, bytes).unwrap_err();
        assert_eq!(why(&[]), "it is empty");
        assert_eq!(why(&row(0, &json!({}))), "it has no format");
        assert_eq!(why(&row(9, &json!({}))), "it has the unknown format 9");
        assert_eq!(why(&row(1, &json!({}))), "no title");
        assert!(why(&[3, b'{']).contains("EOF"));
    }

    #[test]
    fn pieces_are_read_back() {
        let pieces = Pieces { generation: 7, count: 3, length: 40_000 };
        assert_eq!(Pieces::read(&pieces.row()), Some(pieces));
        assert_eq!(Pieces::read(b"\x01{}"), None);
        assert_eq!(pieces.keys().count(), 3);
    }
}
