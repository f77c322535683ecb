//! Judged sets that have a name: the samples that come with the program, and public ones under a data folder.
//!
//! Invariant: a name means the same set everywhere, so that figures can be compared.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;

use super::error::{Error, Result};
use super::read::{each, lines, numbered, passages_and_queries, read_passages, read_queries};
use super::set::{Judged, Pair, Passage, Set};

/// The names, and what each set is.
pub const NAMES: [(&str, &str); 11] = [
    ("samples", "the sample shop: articles in Chinese and English, 60 of 289 queries unanswerable"),
    ("cmrc", "CMRC 2018 dev: Chinese passages and questions"),
    ("drcd", "DRCD dev: the same in traditional Chinese"),
    ("xquad_zh", "XQuAD, Chinese"),
    ("xquad_en", "XQuAD, English"),
    ("xquad_zh:xquad_en", "Chinese questions put to English passages"),
    ("xquad_en:xquad_zh", "English questions put to Chinese passages"),
    ("squad2", "SQuAD 2.0 dev: half unanswerable, though about a passage that is there"),
    ("webank", "bank customers' questions as known questions; and pairs that ask the same or not"),
    ("clinc", "CLINC150: intents as articles, their examples as known questions; out-of-scope queries unanswerable"),
    ("banking", "BANKING77 train: every fifth example asks for the intent of the others"),
];

/// Sets whose files have longer names.
const FILES: [(&str, &str); 3] = [("cmrc", "cmrc2018_dev"), ("drcd", "drcd_dev"), ("squad2", "squad2_dev")];

const ARTICLES: &str = include_str!("../../kb-samples/articles.ndjson");
const QUERIES: &str = include_str!("../../kb-samples/queries.ndjson");

/// Which sets run when none is asked for: all that the data at hand has.
pub fn default_names(data: Option<&Path>) -> Vec<&'static str> {
    let all = NAMES.map(|(name, _)| name);
    all.into_iter().filter(|name| *name == "samples" || data.is_some()).collect()
}

/// The set of that name; all but `samples` need the data folder.
///
/// Passages of public sets come without the titles that their files give them, as their published figures do, unless
/// `titles` is set. `a:b` puts the queries of `a` to the passages of `b`, which stand in the same order.
///
/// # Errors
/// [`Error::Usage`] for a name that is none, and what reading a set gives.
pub fn load(name: &str, data: Option<&Path>, titles: bool, now: Timestamp) -> Result<Set> {
    if name == "samples" {
        return samples(now);
    }
    let Some(data) = data else {
        return Err(Error::Usage(format!("the set '{name}' needs the data folder: name it with --data")));
    };
    let nested = data.join("eval");
    let folder = if nested.is_dir() { nested } else { data.to_owned() };
    let mut set = match name {
        "webank" => webank(&folder.join("webank_pairs.jsonl"))?,
        "clinc" => clinc(&folder.join("clinc150.jsonl"))?,
        "banking" => banking(&folder.join("banking77_train.jsonl"))?,
        _ => match name.split_once(':') {
            Some((queries, passages)) => across(&folder, queries, passages, now)?,
            None => {
                let (passages, queries) = files(&folder, name, name)?;
                passages_and_queries(name, &passages, &queries, now)?
            }
        },
    };
    name.clone_into(&mut set.name);
    if !titles && !matches!(name, "clinc" | "banking") {
        set.passages.iter_mut().for_each(|p| p.title.clear());
    }
    Ok(set)
}

fn files(folder: &Path, passages: &str, queries: &str) -> Result<(PathBuf, PathBuf)> {
    let stem =
        |name: &str| FILES.iter().find(|(short, _)| *short == name).map_or(name.to_owned(), |(_, l)| (*l).into());
    let (passages, queries) = (stem(passages), stem(queries));
    let paths = (folder.join(format!("{passages}.passages.jsonl")), folder.join(format!("{queries}.queries.jsonl")));
    for path in [&paths.0, &paths.1] {
        if !path.exists() {
            let known = NAMES.map(|(name, _)| name).join(", ");
            let message = format!("there is no {}; sets with a name: {known}", path.display());
            return Err(Error::Usage(message));
        }
    }
    Ok(paths)
}

fn samples(now: Timestamp) -> Result<Set> {
    let (articles, queries) = (Path::new("articles.ndjson"), Path::new("queries.ndjson"));
    let (known, passages) = read_passages(articles, numbered(ARTICLES.as_bytes(), articles)?, now)?;
    let queries = read_queries(queries, numbered(QUERIES.as_bytes(), queries)?, Some(&known))?;
    Ok(Set { name: "samples".into(), passages, queries, ..Set::default() })
}

/// Queries in one language, passages in another: the n-th passage of one file is the n-th of the other.
fn across(folder: &Path, asked: &str, found: &str, now: Timestamp) -> Result<Set> {
    let (own_passages, own_queries) = files(folder, asked, asked)?;
    let own = passages_and_queries(asked, &own_passages, &own_queries, now)?;
    let (other_passages, other_queries) = files(folder, found, found)?;
    let other = passages_and_queries(found, &other_passages, &other_queries, now)?;
    if own.passages.len() != other.passages.len() {
        let message = format!("'{asked}' and '{found}' are not parallel: they differ in their number of passages");
        return Err(Error::Usage(message));
    }
    let same: HashMap<&str, &str> =
        own.passages.iter().zip(&other.passages).map(|(a, b)| (a.id.as_str(), b.id.as_str())).collect();
    let queries = own.queries.iter().map(|query| {
        let relevant =
            query.relevant.iter().filter_map(|(id, grade)| Some(((*same.get(id.as_str())?).to_owned(), *grade)));
        Judged { relevant: relevant.collect(), ..query.clone() }
    });
    let queries = queries.collect();
    Ok(Set { passages: other.passages, queries, ..Set::default() })
}

/// A known question as an article of its own.
fn known_question(id: String, questions: Vec<String>, language: &str) -> Passage {
    Passage { id, questions, language: language.into(), audience: "public".into(), ..Passage::default() }
}

#[derive(Debug, Deserialize)]
struct PairLine {
    a: String,
    b: String,
    same: bool,
}

/// Second questions of the pairs are the known ones; the first ones of pairs that ask the same are the queries. Asking
/// the same works both ways, and a query that is a known question itself is not looked for.
fn webank(path: &Path) -> Result<Set> {
    let pairs = each(path, lines(path)?, |_, line: PairLine| Ok(Some(Pair { a: line.a, b: line.b, same: line.same })))?;
    let mut ids: HashMap<&str, String> = HashMap::new();
    let mut passages = Vec::new();
    for pair in &pairs {
        let next = format!("b{}", passages.len());
        if let std::collections::hash_map::Entry::Vacant(free) = ids.entry(&pair.b) {
            passages.push(known_question(next.clone(), vec![pair.b.clone()], "zh"));
            free.insert(next);
        }
    }
    let mut asked: BTreeMap<&str, BTreeMap<String, u32>> = BTreeMap::new();
    for pair in pairs.iter().filter(|pair| pair.same) {
        if let Some(id) = ids.get(pair.b.as_str()) {
            asked.entry(&pair.a).or_default().insert(id.clone(), 1);
        }
    }
    for pair in pairs.iter().filter(|pair| pair.same) {
        if let (Some(relevant), Some(id)) = (asked.get_mut(pair.b.as_str()), ids.get(pair.a.as_str())) {
            relevant.insert(id.clone(), 1);
        }
    }
    let queries = asked.into_iter().enumerate().map(|(n, (text, relevant))| Judged {
        id: format!("a{n}"),
        text: text.to_owned(),
        language: "zh".into(),
        without: ids.get(text).cloned(),
        relevant,
        ..Judged::default()
    });
    let queries = queries.collect();
    let notes = vec!["many equals are not labelled: figures are for comparing only".to_owned()];
    Ok(Set { passages, queries, pairs, notes, ..Set::default() })
}

#[derive(Debug, Deserialize)]
struct Example {
    text: String,
    intent: String,
    #[serde(default)]
    split: String,
}

/// Intents as articles with their examples as known questions.
fn intents<'a>(examples: impl Iterator<Item = &'a Example>) -> Vec<Passage> {
    let mut by_intent: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for example in examples.filter(|e| seen.insert((e.intent.as_str(), e.text.as_str()))) {
        by_intent.entry(&example.intent).or_default().push(example.text.clone());
    }
    let article = |(intent, questions): (&str, Vec<String>)| Passage {
        title: intent.replace('_', " "),
        ..known_question(intent.to_owned(), questions, "en")
    };
    by_intent.into_iter().map(article).collect()
}

fn asked<'a>(examples: impl Iterator<Item = &'a Example>) -> Vec<Judged> {
    let query = |(n, example): (usize, &Example)| Judged {
        id: format!("q{n}"),
        text: example.text.clone(),
        language: "en".into(),
        relevant: if example.split.starts_with("oos") { BTreeMap::new() } else { [(example.intent.clone(), 1)].into() },
        ..Judged::default()
    };
    examples.enumerate().map(query).collect()
}

fn clinc(path: &Path) -> Result<Set> {
    let examples: Vec<Example> = each(path, lines(path)?, |_, line: Example| Ok(Some(line)))?;
    let passages = intents(examples.iter().filter(|e| e.split == "train"));
    let queries = asked(examples.iter().filter(|e| e.split != "train"));
    Ok(Set { passages, queries, ..Set::default() })
}

fn banking(path: &Path) -> Result<Set> {
    let examples: Vec<Example> = each(path, lines(path)?, |_, line: Example| Ok(Some(line)))?;
    let fold = |fold: bool| examples.iter().zip(0..).filter(move |(_, n)| (n % 5 == 0) == fold).map(|(e, _)| e);
    Ok(Set { passages: intents(fold(false)), queries: asked(fold(true)), ..Set::default() })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-20T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn the_samples_are_always_there() {
        let set = load("samples", None, false, now()).unwrap();
        assert_eq!((set.queries.len(), set.queries.iter().filter(|q| !q.is_answerable()).count()), (289, 60));
        assert!(set.passages.iter().all(|p| p.id != "promo-618-2026-zh"), "what has ended is not found");
        assert!(set.passages.iter().any(|p| p.audience == "agent"));
        assert_eq!(default_names(None), ["samples"]);
    }

    #[test]
    fn a_name_that_is_none_is_told() {
        let told = load("cmrc", None, false, now()).unwrap_err().to_string();
        assert!(told.contains("--data"), "{told}");
        let dir = tempfile::tempdir().unwrap();
        let told = load("nothing", Some(dir.path()), false, now()).unwrap_err().to_string();
        assert!(told.contains("nothing.passages.jsonl") && told.contains("xquad_zh"), "{told}");
    }

    #[test]
    fn intents_and_pairs_become_known_questions() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write(
            "clinc150.jsonl",
            "{\"text\": \"send money\", \"intent\": \"bank_transfer\", \"split\": \"train\"}\n\
             {\"text\": \"wire cash\", \"intent\": \"bank_transfer\", \"split\": \"val\"}\n\
             {\"text\": \"who am i\", \"intent\": \"oos\", \"split\": \"oos_val\"}\n",
        );
        let set = load("clinc", Some(dir.path()), false, now()).unwrap();
        let titles: Vec<&str> = set.passages.iter().map(|p| p.title.as_str()).collect();
        let answerable: Vec<bool> = set.queries.iter().map(Judged::is_answerable).collect();
        assert_eq!((titles, answerable), (vec!["bank transfer"], vec![true, false]));
        write(
            "webank_pairs.jsonl",
            "{\"a\": \"x\", \"b\": \"y\", \"same\": true}\n{\"a\": \"x\", \"b\": \"z\", \"same\": true}\n\
             {\"a\": \"w\", \"b\": \"y\", \"same\": false}\n",
        );
        let set = load("webank", Some(dir.path()), false, now()).unwrap();
        assert_eq!((set.passages.len(), set.queries.len(), set.pairs.len()), (2, 1, 3));
        assert!(set.queries.iter().all(|q| q.relevant.len() == 2));
    }
}
