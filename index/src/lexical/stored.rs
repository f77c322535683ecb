//! How is a passage read that is stored beside its postings?
//!
//! Invariant: the short way gives what the whole way gives, without the vector: tantivy reads a value byte by byte.

use serde::Deserialize;
use tantivy::TantivyDocument;
use tantivy::schema::Value;

use super::{Fields, failed};
use crate::document::{Negative, Record, StoredPassage};
use crate::error::Result;

/// A stored passage as far as it is shown: what stands before its vector, in the order of [`StoredPassage`].
#[derive(Deserialize)]
struct Shown {
    record: Option<Record>,
    negatives: Vec<Negative>,
    question: Option<u32>,
    heading: Vec<String>,
    text: String,
    start: u32,
    end: u32,
}

/// A stored document as a passage.
pub(super) fn decode(document: &TantivyDocument, fields: &Fields) -> Result<StoredPassage> {
    let bytes = document.get_first(fields.stored).and_then(|v| v.as_bytes());
    let bytes = bytes.ok_or_else(|| failed("a passage was not stored"))?;
    postcard::from_bytes(bytes).map_err(failed)
}

/// A passage without its vector.
pub(super) fn shown(bytes: &[u8]) -> Result<StoredPassage> {
    let (Shown { record, negatives, question, heading, text, start, end }, _) =
        postcard::take_from_bytes(bytes).map_err(failed)?;
    Ok(StoredPassage { record, negatives, question, heading, text, start, end, code: None })
}

/// The one value of a document as tantivy writes it: how many values (1), the field (4 bytes), its type (1 byte), its
/// length (seven bits a byte, the last one marked), the value. Nothing where it is written otherwise.
pub(super) fn stored_bytes(document: &[u8]) -> Option<&[u8]> {
    let (head, mut rest) = document.split_at_checked(6)?;
    let (mut length, mut shift) = (0_usize, 0);
    loop {
        let (byte, after) = rest.split_first()?;
        rest = after;
        length |= usize::from(byte & 0x7f).checked_shl(shift)?;
        shift += 7;
        if byte & 0x80 != 0 {
            break;
        }
    }
    (head.first() == Some(&0x81) && rest.len() == length).then_some(rest)
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests fail by panicking")]
mod tests {
    use tantivy::Index;

    use super::*;
    use crate::dense::Code;

    #[test]
    fn the_short_way_gives_the_same() {
        let (schema, fields) = super::super::schema();
        let index = Index::create_in_ram(schema);
        let mut writer = index.writer_with_num_threads(1, 15_000_000).expect("a writer");
        let code = Code { scale: 0.5, values: vec![1; 256].into() };
        let passage = |length: usize| StoredPassage {
            record: None,
            negatives: vec![Negative { text: "怎么换货".to_owned(), code: Some(code.clone()) }; length % 3],
            question: (length == 0).then_some(7),
            heading: vec!["退货".to_owned()],
            text: "期".repeat(length),
            start: 3,
            end: 9,
            code: Some(code.clone()),
        };
        for length in [0, 40, 30_000] {
            let mut doc = TantivyDocument::new();
            doc.add_bytes(fields.stored, &postcard::to_stdvec(&passage(length)).expect("it is written"));
            writer.add_document(doc).expect("it is added");
        }
        writer.commit().expect("it is committed");
        let searcher = index.reader().expect("a reader").searcher();
        let store = searcher.segment_reader(0).get_store_reader(1).expect("a store");
        for (doc, length) in [0, 40, 30_000].into_iter().enumerate() {
            let whole = decode(&store.get(doc as u32).expect("it is stored"), &fields).expect("it is read");
            assert_eq!(whole, passage(length));
            let bytes = store.get_document_bytes(doc as u32).expect("it is stored");
            let short = shown(stored_bytes(&bytes).expect("tantivy's way of writing")).expect("it is read");
            assert_eq!(short, StoredPassage { code: None, ..whole });
        }
    }
}
