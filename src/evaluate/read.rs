//! Judged sets as JSON Lines: a file of passages (or articles) and a file of queries.
//!
//! Invariant: nothing is skipped in silence: a line that cannot be used is told, an empty one is none.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::{BadLine, Error, Result};
use super::set::{Judged, Passage, Set};

/// An id as sets write it.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Id {
    Text(String),
    Number(u64),
}

impl Id {
    pub(super) fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
        }
    }
}

/// A passage as written: flat, or as an article with its history.
#[derive(Debug, Deserialize)]
struct PassageLine {
    #[serde(alias = "_id")]
    id: Id,
    #[serde(flatten)]
    content: Content,
    #[serde(default)]
    versions: Vec<Content>,
    #[serde(default)]
    publications: Vec<Publication>,
    #[serde(default)]
    archived: bool,
}

#[derive(Debug, Default, Deserialize)]
struct Content {
    #[serde(default)]
    version: Option<u32>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default, alias = "body")]
    text: Option<String>,
    #[serde(default)]
    questions: Vec<String>,
    #[serde(default)]
    negative_questions: Vec<String>,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    audience: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Publication {
    version: u32,
    from: Timestamp,
    #[serde(default)]
    until: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
struct QueryLine {
    #[serde(default, alias = "_id")]
    id: Option<Id>,
    #[serde(alias = "text")]
    query: String,
    #[serde(default)]
    relevant: Vec<Id>,
    #[serde(default)]
    about: Option<String>,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    audience: Option<String>,
}

/// Every line of a file that is not empty, with its number.
pub(super) fn lines(path: &Path) -> Result<Vec<(usize, String)>> {
    let file = File::open(path).map_err(|why| Error::io(path, why))?;
    numbered(BufReader::new(file), path)
}

pub(super) fn numbered(reader: impl BufRead, path: &Path) -> Result<Vec<(usize, String)>> {
    let mut found = Vec::new();
    for (line, number) in reader.lines().zip(1..) {
        let line = line.map_err(|why| match why.kind() {
            std::io::ErrorKind::InvalidData => Error::Lines(vec![BadLine::new(path, number, "is not UTF-8")]),
            _ => Error::io(path, why),
        })?;
        let line = line.trim_start_matches('\u{feff}').trim();
        if !line.is_empty() {
            found.push((number, line.to_owned()));
        }
    }
    Ok(found)
}

/// Reads each line as JSON and makes something of it; all that fail are told together.
pub(super) fn each<T: DeserializeOwned, R>(
    path: &Path,
    lines: Vec<(usize, String)>,
    mut make: impl FnMut(usize, T) -> std::result::Result<Option<R>, String>,
) -> Result<Vec<R>> {
    let (mut made, mut bad) = (Vec::with_capacity(lines.len()), Vec::new());
    for (number, line) in lines {
        let read = serde_json::from_str(&line).map_err(|why| format!("is no such record: {why}"));
        match read.and_then(|value| make(number, value)) {
            Ok(one) => made.extend(one),
            Err(message) => bad.push(BadLine::new(path, number, message)),
        }
    }
    if bad.is_empty() { Ok(made) } else { Err(Error::Lines(bad)) }
}

/// A file of passages and a file of queries.
///
/// A passage is `{"id", "text", "title"?, "questions"?, "negative_questions"?, "language"?, "audience"?}` (`body` reads
/// as `text`); an article with `versions` stands for the version that is live at `now`, and for none where none is. A
/// query is `{"id"?, "query", "relevant": [id…], "language"?, "about"?, "audience"?}`; an empty `relevant` says that
/// nothing answers it.
///
/// # Errors
/// [`Error::Lines`] for lines that are no such records, repeat an id or name a passage that is not there.
pub fn passages_and_queries(name: &str, passages: &Path, queries: &Path, now: Timestamp) -> Result<Set> {
    let (known, found) = read_passages(passages, lines(passages)?, now)?;
    let queries = read_queries(queries, lines(queries)?, Some(&known))?;
    Ok(Set { name: name.to_owned(), passages: found, queries, ..Set::default() })
}

/// A file of queries alone, for a knowledge base that is elsewhere.
///
/// # Errors
/// As [`passages_and_queries`].
pub fn queries(path: &Path) -> Result<Vec<Judged>> {
    read_queries(path, lines(path)?, None)
}

pub(super) fn read_passages(
    path: &Path,
    lines: Vec<(usize, String)>,
    now: Timestamp,
) -> Result<(HashSet<String>, Vec<Passage>)> {
    let mut known = HashSet::new();
    let passages = each(path, lines, |_, line: PassageLine| {
        let passage = line.live(now);
        let id = passage.as_ref().map_or_else(|gone| gone.clone(), |p| p.id.clone());
        if id.is_empty() {
            return Err("its id is empty".into());
        }
        if !known.insert(id.clone()) {
            return Err(format!("the id '{id}' is there already"));
        }
        match passage {
            Ok(p) if p.title.is_empty() && p.text.is_empty() && p.questions.is_empty() => {
                Err(format!("'{id}' has no text, no title and no questions"))
            }
            passage => Ok(passage.ok()),
        }
    })?;
    Ok((known, passages))
}

pub(super) fn read_queries(
    path: &Path,
    lines: Vec<(usize, String)>,
    known: Option<&HashSet<String>>,
) -> Result<Vec<Judged>> {
    let mut ids = HashSet::new();
    each(path, lines, |number, line: QueryLine| {
        let id = line.id.map_or_else(|| format!("line-{number}"), Id::text);
        if !ids.insert(id.clone()) {
            return Err(format!("the id '{id}' is there already"));
        }
        if line.query.trim().is_empty() {
            return Err(format!("'{id}' asks nothing: 'query' is empty"));
        }
        let relevant: BTreeMap<String, u32> = line.relevant.into_iter().map(|id| (id.text(), 1)).collect();
        if let Some(missing) = known.and_then(|known| relevant.keys().find(|id| !known.contains(*id))) {
            return Err(format!("'{id}' names '{missing}' as relevant, and there is no such passage"));
        }
        Ok(Some(Judged {
            id,
            text: line.query,
            language: line.language.unwrap_or_default(),
            relevant,
            about: line.about,
            without: None,
            audience: line.audience,
        }))
    })
}

impl PassageLine {
    /// What is live of it; else its id alone.
    fn live(mut self, now: Timestamp) -> std::result::Result<Passage, String> {
        let id = self.id.text();
        let content = if self.versions.is_empty() {
            self.content
        } else if self.publications.is_empty() {
            self.versions.pop().unwrap_or_default()
        } else {
            let covers = |p: &&Publication| p.from <= now && p.until.is_none_or(|until| now < until);
            let live = self.publications.iter().rfind(covers).filter(|_| !self.archived);
            let Some(live) = live else { return Err(id) };
            let place = self.versions.iter().zip(1..).position(|(v, n)| v.version.unwrap_or(n) == live.version);
            let Some(place) = place else { return Err(id) };
            self.versions.swap_remove(place)
        };
        Ok(Passage {
            id,
            title: content.title.unwrap_or_default(),
            text: content.text.unwrap_or_default(),
            questions: content.questions,
            negative_questions: content.negative_questions,
            language: content.language.unwrap_or_default(),
            audience: content.audience.unwrap_or_else(|| "public".to_owned()),
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn numbered_lines(text: &str) -> Vec<(usize, String)> {
        numbered(text.as_bytes(), Path::new("f")).unwrap()
    }

    fn passages(text: &str) -> Result<(HashSet<String>, Vec<Passage>)> {
        read_passages(Path::new("p.jsonl"), numbered_lines(text), "2026-07-01T00:00:00Z".parse().unwrap())
    }

    #[test]
    fn passages_are_read_flat_or_as_articles() {
        let text = concat!(
            "\u{feff}{\"id\": \"a\", \"text\": \"one\"}\r\n\n",
            "{\"_id\": 7, \"body\": \"two\", \"title\": \"T\", \"questions\": [\"q\"], \"audience\": \"agent\", \"x\": 1}\n",
            "{\"id\": \"h\", \"versions\": [{\"version\": 1, \"title\": \"old\"}, {\"version\": 2, \"title\": \"new\"}],",
            " \"publications\": [{\"version\": 1, \"from\": \"2026-01-01T00:00:00Z\", \"until\": \"2026-09-01T00:00:00Z\"},",
            " {\"version\": 2, \"from\": \"2026-09-01T00:00:00Z\"}]}\n",
            "{\"id\": \"gone\", \"versions\": [{\"title\": \"x\"}], \"publications\": [{\"version\": 1,",
            " \"from\": \"2026-01-01T00:00:00Z\", \"until\": \"2026-02-01T00:00:00Z\"}]}\n",
        );
        let (known, found) = passages(text).unwrap();
        let told: Vec<(&str, &str, &str)> =
            found.iter().map(|p| (p.id.as_str(), p.title.as_str(), p.text.as_str())).collect();
        assert_eq!(told, [("a", "", "one"), ("7", "T", "two"), ("h", "old", "")]);
        assert_eq!((found[1].audience.as_str(), found[0].audience.as_str()), ("agent", "public"));
        assert!(known.contains("gone"), "what is not live may still be named");
    }

    #[test]
    fn every_bad_line_is_told_with_its_number() {
        let text = "{\"id\": \"a\", \"text\": \"one\"}\n{\"id\": \"a\", \"text\": \"two\"}\n\n{\"text\": 3}\n{\"id\": \"b\"}\nx";
        let told = passages(text).unwrap_err().to_string();
        assert!(told.starts_with("4 bad lines"), "{told}");
        for part in ["p.jsonl:2: the id 'a' is there already", "p.jsonl:4:", "p.jsonl:5: 'b' has no text", "p.jsonl:6:"]
        {
            assert!(told.contains(part), "{part} in {told}");
        }
    }

    #[test]
    fn queries_name_what_is_there() {
        let known: HashSet<String> = ["a".to_owned()].into();
        let text = "{\"query\": \"q\", \"relevant\": [\"a\"]}\n{\"id\": \"n\", \"text\": \"none\"}";
        let found = read_queries(Path::new("q.jsonl"), numbered_lines(text), Some(&known)).unwrap();
        assert_eq!((found[0].id.as_str(), found[0].is_answerable()), ("line-1", true));
        assert!(!found[1].is_answerable());
        for (bad, why) in [
            ("{\"query\": \"q\", \"relevant\": [\"b\"]}", "there is no such passage"),
            ("{\"query\": \" \"}", "asks nothing"),
            ("{\"relevant\": []}", "missing field `query`"),
            ("{\"id\":1,\"query\":\"x\"}\n{\"id\":1,\"query\":\"y\"}", "q.jsonl:2: the id '1' is there already"),
        ] {
            let told = read_queries(Path::new("q.jsonl"), numbered_lines(bad), Some(&known)).unwrap_err().to_string();
            assert!(told.contains(why), "{told}");
        }
    }
}
