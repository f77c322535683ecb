//! Under which bytes does a thing stand?
//!
//! Invariant: byte order is the order of scans, and no key of one thing is a prefix of a key of another.
//!
//! ```text
//! byte  table            after it                                value
//! m     meta             name                                    format, openings
//! s     space            space 00                                Space
//! w     dictionary       space 00                                [DictionaryWord]
//! y     synonym          space 00 synonym 00                     Synonym
//! l     classifier       space 00 name 00                        ClassifierView
//! E     examples         space 00 name 00                        [LabelledExample]
//! k     key              key 00                                  Key
//! h     key by hash      hash of the secret, raw                 KeyId
//! a     article          space 00 article 00                     Article
//! v     version          space 00 article 00 number:4            Version
//! p     publication      space 00 article 00 sequence:4          Publication
//! d     dirty            space 00 article 00                     mark
//! t     timer            time:16 space 00 article 00             null
//! u     audit            sequence:8                              AuditEntry
//! U     audit by space   space 00 sequence:8                     null
//! q     query            space 00 time:16 query 00               QueryRecord
//! i     query by id      query 00                                its place: (space, time)
//! C     query by session space 00 session 00 query 00           null
//! f     feedback         query 00                                FeedbackRecord
//! g     gap              space 00 gap 00                         Gap
//! F     form             space 00 form 00                        Form
//! r     form of gap      space 00 gap 00 form 00                 null
//! X     group edit       space 00 sequence:8                     GroupEdit
//! e     golden           space 00 golden 00                      Golden
//! J     golden result    space 00 golden 00                      GoldenLast
//! x     pin              space 00 pin 00                         Pin
//! I     idempotent       key as given, raw                       Idempotent
//! T     idempotent time  time:16 key as given, raw               null
//! S     session          space 00 session 00                     Session
//! o     turn             space 00 session 00 number:4            StoredTurn
//! P     pending          space 00 session 00 number:4            Pending
//! D     day              space 00 date 00                        DayCounts
//! b     gap by day       space 00 gap 00 date 00                 GapDay
//! z     erasure          erasure 00                              Erasure
//! B     form by day      space 00 form 00 date 00                FormCount
//! Q     question         space 00 form 00                        FormText
//! R     top forms        space 00 date 00                        TopForms
//! W     words            space 00 date 00 part:4                 DayWords
//! A     article by day   space 00 date 00 article 00             ArticleDay
//! L     lately asked     space 00 date 00 session 00             [Asked]
//! N     alert            space 00 alert 00                       Alert
//! O     alert by time    space 00 time:16 alert 00               null
//! Y     outbox           space 00 alert 00                       Waiting
//! H     webhook          space 00                                Webhook
//! K     task             space 00 article 00                     Task
//! n     state            name, raw                               any JSON
//! c     chunk            generation:8 number:4                   a piece of a large value
//! ```
//!
//! Ids hold no 00 and nothing below `-` (2D), so `a` sorts before `a-` and `a.b`, and a scan of `a 00` meets
//! neither. Numbers are big-endian; a time is nanoseconds since 1970 as i128 with the sign bit turned, so that
//! times before 1970 sort first. What is raw stands last.

use jiff::Timestamp;

use crate::error::{Error, Result};

/// A table: the first byte of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Meta,
    Space,
    Dictionary,
    Synonym,
    Classifier,
    Examples,
    Key,
    KeyByHash,
    Article,
    Version,
    Publication,
    Dirty,
    Timer,
    Audit,
    AuditBySpace,
    Query,
    QueryById,
    QueryBySession,
    Feedback,
    Gap,
    Form,
    GapForm,
    GroupEdit,
    Golden,
    GoldenLast,
    Pin,
    Idempotent,
    IdempotentTime,
    Session,
    Turn,
    Pending,
    Day,
    GapDay,
    Erasure,
    FormDay,
    Question,
    TopForms,
    Words,
    ArticleDay,
    Lately,
    Alert,
    AlertByTime,
    Outbox,
    Webhook,
    Task,
    State,
    Chunk,
}

#[derive(Debug, Clone, Copy)]
enum Shape {
    Id,
    U32,
    U64,
    Time,
    Raw,
}

/// A part of a key, read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Id(String),
    Number(u64),
    Time(Timestamp),
    Raw(Vec<u8>),
}

use Shape::{Id, Raw, Time, U32, U64};

const TABLES: &[(Table, u8, &str, &[Shape])] = &[
    (Table::Meta, b'm', "meta", &[Raw]),
    (Table::Space, b's', "space", &[Id]),
    (Table::Dictionary, b'w', "dictionary", &[Id]),
    (Table::Synonym, b'y', "synonym", &[Id, Id]),
    (Table::Classifier, b'l', "classifier", &[Id, Id]),
    (Table::Examples, b'E', "examples", &[Id, Id]),
    (Table::Key, b'k', "key", &[Id]),
    (Table::KeyByHash, b'h', "key by hash", &[Raw]),
    (Table::Article, b'a', "article", &[Id, Id]),
    (Table::Version, b'v', "version", &[Id, Id, U32]),
    (Table::Publication, b'p', "publication", &[Id, Id, U32]),
    (Table::Dirty, b'd', "dirty mark", &[Id, Id]),
    (Table::Timer, b't', "timer", &[Time, Id, Id]),
    (Table::Audit, b'u', "audit entry", &[U64]),
    (Table::AuditBySpace, b'U', "audit by space", &[Id, U64]),
    (Table::Query, b'q', "query", &[Id, Time, Id]),
    (Table::QueryById, b'i', "query by id", &[Id]),
    (Table::QueryBySession, b'C', "query by session", &[Id, Id, Id]),
    (Table::Feedback, b'f', "feedback", &[Id]),
    (Table::Gap, b'g', "gap", &[Id, Id]),
    (Table::Form, b'F', "form", &[Id, Id]),
    (Table::GapForm, b'r', "form of a gap", &[Id, Id, Id]),
    (Table::GroupEdit, b'X', "group edit", &[Id, U64]),
    (Table::Golden, b'e', "golden query", &[Id, Id]),
    (Table::GoldenLast, b'J', "golden result", &[Id, Id]),
    (Table::Pin, b'x', "pin", &[Id, Id]),
    (Table::Idempotent, b'I', "idempotency key", &[Raw]),
    (Table::IdempotentTime, b'T', "idempotency time", &[Time, Raw]),
    (Table::Session, b'S', "session", &[Id, Id]),
    (Table::Turn, b'o', "turn", &[Id, Id, U32]),
    (Table::Pending, b'P', "pending question", &[Id, Id, U32]),
    (Table::Day, b'D', "day", &[Id, Id]),
    (Table::GapDay, b'b', "gap by day", &[Id, Id, Id]),
    (Table::Erasure, b'z', "erasure", &[Id]),
    (Table::FormDay, b'B', "form by day", &[Id, Id, Id]),
    (Table::Question, b'Q', "question", &[Id, Id]),
    (Table::TopForms, b'R', "top forms", &[Id, Id]),
    (Table::Words, b'W', "words", &[Id, Id, U32]),
    (Table::ArticleDay, b'A', "article by day", &[Id, Id, Id]),
    (Table::Lately, b'L', "lately asked", &[Id, Id, Id]),
    (Table::Alert, b'N', "alert", &[Id, Id]),
    (Table::AlertByTime, b'O', "alert by time", &[Id, Time, Id]),
    (Table::Outbox, b'Y', "alert to be delivered", &[Id, Id]),
    (Table::Webhook, b'H', "webhook", &[Id]),
    (Table::Task, b'K', "task", &[Id, Id]),
    (Table::State, b'n', "state", &[Raw]),
    (Table::Chunk, b'c', "chunk", &[U64, U32]),
];

const SIGN: u128 = 1 << 127;

impl Table {
    fn row(self) -> (u8, &'static str, &'static [Shape]) {
        let found = TABLES.iter().find(|(table, ..)| *table == self);
        found.map_or((0, "unknown table", &[]), |(_, byte, name, shape)| (*byte, *name, *shape))
    }

    fn of(key: &[u8]) -> Option<Table> {
        let first = key.first()?;
        TABLES.iter().find(|(_, byte, ..)| byte == first).map(|(table, ..)| *table)
    }

    /// Begins a key of this table.
    pub(super) fn key(self) -> KeyBuilder {
        KeyBuilder(vec![self.row().0])
    }
}

/// A key, or the beginning of one, under construction.
#[derive(Debug, Clone)]
pub(super) struct KeyBuilder(Vec<u8>);

impl KeyBuilder {
    pub(super) fn id(mut self, id: &str) -> Self {
        self.0.extend_from_slice(id.as_bytes());
        self.0.push(0);
        self
    }

    pub(super) fn u32(mut self, number: u32) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    pub(super) fn u64(mut self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    pub(super) fn time(mut self, at: Timestamp) -> Self {
        let turned = (at.as_nanosecond() as u128) ^ SIGN;
        self.0.extend_from_slice(&turned.to_be_bytes());
        self
    }

    pub(super) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        self.0
    }

    /// The smallest key above every key that begins with this.
    pub(super) fn end(mut self) -> Vec<u8> {
        while let Some(last) = self.0.pop() {
            if last < u8::MAX {
                self.0.push(last + 1);
                break;
            }
        }
        self.0
    }
}

/// Takes a key apart.
///
/// # Errors
/// `Store` when it does not have its table's layout.
pub(super) fn parts(key: &[u8]) -> Result<Vec<Part>> {
    let shapes = Table::of(key).map(|table| table.row().2);
    let read = shapes.and_then(|shapes| read_parts(key.get(1..)?, shapes));
    read.ok_or_else(|| Error::Store(format!("a key is damaged: {}", key.escape_ascii())))
}

fn read_parts(mut rest: &[u8], shapes: &[Shape]) -> Option<Vec<Part>> {
    let mut out = Vec::with_capacity(shapes.len());
    for shape in shapes {
        let (part, tail) = read_part(rest, *shape)?;
        out.push(part);
        rest = tail;
    }
    rest.is_empty().then_some(out)
}

fn read_part(rest: &[u8], shape: Shape) -> Option<(Part, &[u8])> {
    match shape {
        Shape::Id => {
            let end = rest.iter().position(|byte| *byte == 0)?;
            let (id, tail) = rest.split_at_checked(end)?;
            Some((Part::Id(std::str::from_utf8(id).ok()?.to_owned()), tail.get(1..)?))
        }
        Shape::U32 => {
            let (bytes, tail) = rest.split_first_chunk::<4>()?;
            Some((Part::Number(u32::from_be_bytes(*bytes).into()), tail))
        }
        Shape::U64 => {
            let (bytes, tail) = rest.split_first_chunk::<8>()?;
            Some((Part::Number(u64::from_be_bytes(*bytes)), tail))
        }
        Shape::Time => {
            let (bytes, tail) = rest.split_first_chunk::<16>()?;
            let turned = (u128::from_be_bytes(*bytes) ^ SIGN) as i128;
            Some((Part::Time(Timestamp::from_nanosecond(turned).ok()?), tail))
        }
        Shape::Raw => Some((Part::Raw(rest.to_vec()), &[])),
    }
}

/// Names a row for people: its table and ids.
pub(super) fn describe(key: &[u8]) -> String {
    let name = Table::of(key).map_or("unknown table", |table| table.row().1);
    let Ok(parts) = parts(key) else {
        return format!("{name} {}", key.escape_ascii());
    };
    let shown: Vec<String> = parts.iter().map(show).collect();
    format!("{name} {}", shown.join("/"))
}

fn show(part: &Part) -> String {
    match part {
        Part::Id(id) => id.clone(),
        Part::Number(number) => number.to_string(),
        Part::Time(at) => at.to_string(),
        Part::Raw(bytes) => bytes.escape_ascii().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_has_its_own_byte_and_row() {
        for (table, byte, ..) in TABLES {
            assert_eq!(TABLES.iter().filter(|(_, other, ..)| other == byte).count(), 1);
            assert_eq!(table.row().0, *byte);
        }
        assert_eq!(TABLES.len(), Table::Chunk as usize + 1);
    }

    #[test]
    fn a_key_is_read_back_and_told() {
        let at = Timestamp::UNIX_EPOCH;
        let key = Table::Timer.key().time(at).id("s").id("a.b").bytes();
        assert_eq!(parts(&key).ok(), Some(vec![Part::Time(at), Part::Id("s".into()), Part::Id("a.b".into())]));
        assert_eq!(describe(&Table::Version.key().id("s").id("a").u32(7).bytes()), "version s/a/7");
        assert!(parts(b"v\xff").is_err());
        assert!(parts(b"").is_err());
    }

    #[test]
    fn times_sort_across_the_epoch() {
        let key = |second| Timestamp::from_second(second).map(|at| Table::Timer.key().time(at).bytes()).ok();
        assert!(key(-10_000_000_000) < key(-1));
        assert!(key(-1) < key(0));
        assert!(key(0) < key(1));
    }

    #[test]
    fn the_end_of_a_prefix_is_above_all_that_begin_with_it() {
        assert_eq!(KeyBuilder(vec![b'a', 0]).end(), vec![b'a', 1]);
        assert_eq!(KeyBuilder(vec![b'a', 0xff, 0xff]).end(), vec![b'b']);
    }
}
