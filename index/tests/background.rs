//! Does a space learn what its own missing answers look like?
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::path::Path;
use std::sync::Arc;

use zhiyin_index::embed::BilingualEmbedder;
use zhiyin_index::{Change, Document, Index, IndexSettings, LiveChange, Query};

fn open(dir: &Path) -> Index {
    let embedder = Arc::new(BilingualEmbedder::bundled().unwrap());
    Index::open(&dir.join("index"), IndexSettings::default(), embedder).unwrap().0
}

fn document(id: &str, question: &str, body: &str) -> Change {
    let document = Document {
        id: id.into(),
        version: 1,
        title: String::new(),
        body: body.into(),
        questions: vec![question.into()],
        negative_questions: vec![],
        category: None,
        tags: vec![],
        audience: "public".into(),
        language: "en".into(),
        attributes: Default::default(),
        from: 0,
        until: None,
    };
    Change { id: id.into(), live: LiveChange::Set(Box::new(document)), add_history: vec![], remove_history: vec![] }
}

const SUBJECTS: [&str; 12] = [
    "fee", "limit", "delay", "refund", "card", "rate", "receipt", "error", "address", "currency", "schedule", "history",
];

/// Twelve articles about one thing: each one's question is near the others'.
fn alike(index: &Index) {
    let change = |s: &&str| {
        document(
            &format!("t-{s}"),
            &format!("what about the {s} of my bank transfer"),
            &format!("The {s} of a bank transfer is shown in the app."),
        )
    };
    index.apply(SUBJECTS.iter().map(change).collect()).unwrap();
    index.maintain().unwrap();
}

/// Twelve articles about twelve things.
fn apart(index: &Index) {
    let questions = [
        "how do I water orchids",
        "where is the north gate",
        "when does the library close",
        "which shoes fit hiking",
        "who repairs violins",
        "why is my soup bitter",
        "can goats eat paper",
        "how long do batteries last",
        "what time is high tide",
        "how to fold a paper crane",
        "is the museum free on monday",
        "how to tune a radio",
    ];
    let change = |(n, q): (usize, &&str)| document(&format!("a-{n}"), q, &format!("It is told here: {q}, at length."));
    index.apply(questions.iter().enumerate().map(change).collect()).unwrap();
    index.maintain().unwrap();
}

#[test]
fn the_same_likeness_is_worth_less_where_all_questions_are_alike() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (alike_index, apart_index) = (open(one.path()), open(other.path()));
    alike(&alike_index);
    apart(&apart_index);
    let probe = document("probe", "how do I change the password of my account", "In the settings.");
    for index in [&alike_index, &apart_index] {
        index.apply(vec![probe.clone()]).unwrap();
    }
    let query = Query::new("change account password");
    let (alike, apart) = (alike_index.search(&query).unwrap(), apart_index.search(&query).unwrap());
    assert_eq!((alike.hits[0].record.id.as_str(), apart.hits[0].record.id.as_str()), ("probe", "probe"));
    assert!(alike.confidence < apart.confidence, "{} < {}", alike.confidence, apart.confidence);
}

#[test]
fn what_was_measured_is_kept_and_comes_out_the_same_again() {
    let dir = tempfile::tempdir().unwrap();
    let kept = dir.path().join("index/background.json");
    let before = {
        let index = open(dir.path());
        alike(&index);
        index.search(&Query::new("transfer card fee")).unwrap().confidence
    };
    let written = std::fs::read(&kept).unwrap();
    {
        let index = open(dir.path());
        assert_eq!(index.search(&Query::new("transfer card fee")).unwrap().confidence, before, "after a restart");
    }
    std::fs::remove_file(&kept).unwrap();
    let index = open(dir.path());
    index.maintain().unwrap();
    assert_eq!(std::fs::read(&kept).unwrap(), written, "the same documents, the same measure");
    std::fs::write(&kept, b"{").unwrap();
    drop(index);
    let index = open(dir.path());
    index.maintain().unwrap();
    assert_eq!(std::fs::read(&kept).unwrap(), written, "a broken file is measured anew");
}

#[test]
fn an_index_that_somebody_has_open_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(dir.path());
    alike(&index);
    let embedder = Arc::new(BilingualEmbedder::bundled().unwrap());
    let second = Index::open(&dir.path().join("index"), IndexSettings::default(), embedder);
    assert!(matches!(second.map(|_| ()), Err(zhiyin_index::Error::Locked(_))));
    assert_eq!(index.search(&Query::new("what about the fee")).unwrap().hits[0].record.id, "t-fee");
    drop(index);
    assert_eq!(open(dir.path()).stats().documents, 12, "nothing was thrown away");
}
