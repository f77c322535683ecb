//! Judged sets in other people's formats: BEIR folders and SQuAD files.
//!
//! Invariant: what these formats say is kept as it is; what they allow and a set does not is told in a note.
//! BEIR: Thakur et al. 2021. SQuAD: Rajpurkar et al. 2016, 2018.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::error::{BadLine, Error, Result};
use super::read::{Id, each, lines};
use super::set::{Judged, Passage, Set};

#[derive(Debug, Deserialize)]
struct BeirLine {
    #[serde(rename = "_id", alias = "id")]
    id: Id,
    #[serde(default)]
    title: String,
    #[serde(default)]
    text: String,
}

/// Judgements of a query: grade by passage.
type Judgements = HashMap<String, BTreeMap<String, u32>>;

/// A BEIR folder: `corpus.jsonl`, `queries.jsonl` and the judgements of one split under `qrels/`.
///
/// Without a split, `test` is taken, or the only one there is. Only queries with a judgement above 0 are asked.
///
/// # Errors
/// [`Error::Lines`] for lines that are no such records, [`Error::Usage`] where no split can be chosen.
pub fn beir(folder: &Path, split: Option<&str>) -> Result<Set> {
    let corpus = folder.join("corpus.jsonl");
    let passages = each(&corpus, lines(&corpus)?, |_, line: BeirLine| {
        let audience = "public".to_owned();
        let passage =
            Passage { id: line.id.text(), title: line.title, text: line.text, audience, ..Passage::default() };
        Ok(Some(passage).filter(|p| !(p.title.is_empty() && p.text.is_empty())))
    })?;
    let asked = folder.join("queries.jsonl");
    let texts = each(&asked, lines(&asked)?, |_, line: BeirLine| Ok(Some((line.id.text(), line.text))))?;
    let known: HashMap<&str, ()> = passages.iter().map(|p| (p.id.as_str(), ())).collect();
    let mut judgements = qrels(&qrels_file(folder, split)?)?;
    let mut missing = 0;
    for relevant in judgements.values_mut() {
        let before = relevant.len();
        relevant.retain(|id, _| known.contains_key(id.as_str()));
        missing += before - relevant.len();
    }
    let queries = texts.into_iter().filter_map(|(id, text)| {
        let relevant = judgements.remove(&id).filter(|r| !r.is_empty())?;
        Some(Judged { id, text, relevant, ..Judged::default() })
    });
    let queries: Vec<Judged> = queries.collect();
    if queries.is_empty() {
        return Err(Error::Usage(format!("{}: no query has a judgement above 0", folder.display())));
    }
    let note = (missing > 0).then(|| format!("{missing} judgements name passages that the corpus does not hold"));
    let name = folder.file_name().map_or_else(|| "beir".to_owned(), |name| name.to_string_lossy().into_owned());
    Ok(Set { name, passages, queries, pairs: Vec::new(), notes: note.into_iter().collect() })
}

fn qrels_file(folder: &Path, split: Option<&str>) -> Result<PathBuf> {
    let qrels = folder.join("qrels");
    if let Some(split) = split {
        return Ok(qrels.join(format!("{split}.tsv")));
    }
    let test = qrels.join("test.tsv");
    if test.exists() {
        return Ok(test);
    }
    let entries = fs::read_dir(&qrels).map_err(|why| Error::io(&qrels, why))?;
    let files = entries.flatten().map(|entry| entry.path()).filter(|p| p.extension().is_some_and(|e| e == "tsv"));
    let mut files: Vec<PathBuf> = files.collect();
    match (files.pop(), files.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => Err(Error::Usage(format!("{}: there is no .tsv with judgements", qrels.display()))),
        (Some(_), false) => Err(Error::Usage(format!("{}: name a split, there are several", qrels.display()))),
    }
}

fn qrels(path: &Path) -> Result<Judgements> {
    let mut found = Judgements::new();
    let mut bad = Vec::new();
    for (number, line) in lines(path)? {
        let cells: Vec<&str> = line.split('\t').map(str::trim).collect();
        // With a header or without; in three columns, or in the four of TREC.
        let (query, passage, grade) = match cells.as_slice() {
            [query, passage, grade] | [query, _, passage, grade] => (*query, *passage, *grade),
            _ => {
                bad.push(BadLine::new(path, number, "is not 'query, passage, score', separated by tabs"));
                continue;
            }
        };
        match grade.parse::<i64>() {
            Ok(grade) if grade > 0 => {
                let grade = u32::try_from(grade).unwrap_or(u32::MAX);
                found.entry(query.to_owned()).or_default().insert(passage.to_owned(), grade);
            }
            Ok(_) => {}
            Err(_) if number == 1 => {}
            Err(_) => bad.push(BadLine::new(path, number, format!("the score '{grade}' is no whole number"))),
        }
    }
    if bad.is_empty() { Ok(found) } else { Err(Error::Lines(bad)) }
}

#[derive(Debug, Deserialize)]
struct Squad {
    data: Vec<SquadArticle>,
}

#[derive(Debug, Deserialize)]
struct SquadArticle {
    #[serde(default)]
    title: String,
    paragraphs: Vec<Paragraph>,
}

#[derive(Debug, Deserialize)]
struct Paragraph {
    context: String,
    qas: Vec<Question>,
}

#[derive(Debug, Deserialize)]
struct Question {
    id: Id,
    question: String,
    #[serde(default)]
    is_impossible: bool,
}

/// A SQuAD file, version 1 or 2: its paragraphs are the passages; an impossible question is answered by none of them.
///
/// # Errors
/// [`Error::Lines`] with the place where the file is no SQuAD.
pub fn squad(path: &Path) -> Result<Set> {
    let text = fs::read_to_string(path).map_err(|why| Error::io(path, why))?;
    let squad: Squad = serde_json::from_str(&text)
        .map_err(|why| Error::Lines(vec![BadLine::new(path, why.line(), format!("is no SQuAD file: {why}"))]))?;
    let name = path.file_stem().map_or_else(|| "squad".to_owned(), |name| name.to_string_lossy().into_owned());
    let mut set = Set { name, ..Set::default() };
    for article in squad.data {
        for paragraph in article.paragraphs {
            let id = format!("p{}", set.passages.len());
            for question in paragraph.qas {
                let relevant = if question.is_impossible { BTreeMap::new() } else { [(id.clone(), 1)].into() };
                set.queries.push(Judged {
                    id: question.id.text(),
                    text: question.question,
                    relevant,
                    about: Some(id.clone()),
                    ..Judged::default()
                });
            }
            let title = article.title.replace('_', " ");
            let audience = "public".to_owned();
            set.passages.push(Passage { id, title, text: paragraph.context, audience, ..Passage::default() });
        }
    }
    Ok(set)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        dir
    }

    const CORPUS: (&str, &str) = (
        "corpus.jsonl",
        "{\"_id\": \"d1\", \"title\": \"T\", \"text\": \"one\"}\n{\"_id\": \"d2\", \"text\": \"two\"}\n",
    );
    const QUERIES: (&str, &str) =
        ("queries.jsonl", "{\"_id\": \"q1\", \"text\": \"a\"}\n{\"_id\": \"q2\", \"text\": \"b\"}\n");

    #[test]
    fn a_beir_folder_is_read_with_its_grades() {
        let qrels = "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\nq1\td9\t1\nq2\td2\t0\n";
        let dir = folder(&[CORPUS, QUERIES, ("qrels/dev.tsv", qrels)]);
        let set = beir(dir.path(), None).unwrap();
        assert_eq!(set.passages.len(), 2);
        assert_eq!(set.queries.len(), 1, "a query without a relevant passage is not asked");
        assert_eq!(set.queries[0].relevant, BTreeMap::from([("d1".to_owned(), 2)]));
        assert_eq!(set.notes.len(), 1, "{:?}", set.notes);
    }

    #[test]
    fn a_broken_beir_folder_says_where() {
        let dir = folder(&[CORPUS, QUERIES, ("qrels/test.tsv", "q1\td1\t1\nq1 d2 1\nq2\td2\tmuch\n")]);
        let told = beir(dir.path(), None).unwrap_err().to_string();
        assert!(told.contains("test.tsv:2:") && told.contains("test.tsv:3: the score 'much'"), "{told}");
        let dir = folder(&[CORPUS, QUERIES, ("qrels/a.tsv", ""), ("qrels/b.tsv", "")]);
        assert!(beir(dir.path(), None).unwrap_err().to_string().contains("name a split"));
        assert!(beir(Path::new("no-such-folder"), None).unwrap_err().to_string().contains("corpus.jsonl"));
    }

    #[test]
    fn impossible_questions_are_answered_by_nothing() {
        let text = r#"{"version": "v2.0", "data": [{"title": "Lumo_Book", "paragraphs": [{"context": "It weighs 1 kg.",
            "qas": [{"id": "a", "question": "How heavy?", "answers": [{"text": "1 kg", "answer_start": 10}], "is_impossible": false},
                    {"id": "b", "question": "How red?", "answers": [], "is_impossible": true}]}]}]}"#;
        let dir = folder(&[("s.json", text), ("bad.json", "{\n\"data\": 3}")]);
        let set = squad(&dir.path().join("s.json")).unwrap();
        assert_eq!((set.name.as_str(), set.passages[0].title.as_str()), ("s", "Lumo Book"));
        let answerable: Vec<bool> = set.queries.iter().map(Judged::is_answerable).collect();
        assert_eq!(answerable, [true, false]);
        let told = squad(&dir.path().join("bad.json")).unwrap_err().to_string();
        assert!(told.contains("bad.json:2: is no SQuAD file"), "{told}");
    }
}
