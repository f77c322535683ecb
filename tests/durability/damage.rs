//! Does a start mend an index that is missing or damaged, and say so?
//!
//! Invariant: the store is the truth: nothing under `index/` is needed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::server::{Place, Server};
use crate::writer::content;

const ARTICLES: usize = 40;

fn filled(place: &Place) -> Server {
    let server = place.start();
    let mut rows = String::new();
    for number in 0..ARTICLES {
        let mut row = content(&word(number));
        row["id"] = serde_json::json!(format!("a-{number}"));
        rows.push_str(&format!("{row}\n"));
    }
    let report = server.client().must("POST", "/v1/import?publish=true", Some(&rows));
    assert_eq!(report["created"], ARTICLES, "{report}");
    server.verify();
    server
}

fn word(number: usize) -> String {
    let letter = |n: usize| char::from(b'a' + u8::try_from(n % 26).unwrap_or(0));
    format!("zq{}{}x", letter(number / 26), letter(number))
}

/// Starts on what is left, and checks that everything is found again.
fn is_whole(place: &Place, said_before: usize, what: &str) {
    let server = place.start();
    let report = server.verify();
    assert_eq!(report["live"], ARTICLES, "{what}: {report}");
    assert_eq!(report["indexed"], ARTICLES, "{what}: {report}");
    let client = server.client();
    for number in [0, ARTICLES / 2, ARTICLES - 1] {
        assert_eq!(client.found(&word(number)), [(format!("a-{number}"), 1)], "{what}");
    }
    server.stop();
    assert!(rebuilds(place) > said_before, "{what}: the server says that it rebuilds:\n{}", place.log());
}

fn rebuilds(place: &Place) -> usize {
    place.log().matches("the index is rebuilt from the store").count()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[test]
fn a_missing_index_is_rebuilt() {
    let place = Place::new();
    filled(&place).stop();
    let index = place.data().join("index");
    assert!(!files(&index).is_empty());
    let before = rebuilds(&place);
    std::fs::remove_dir_all(&index).expect("the index is removed");
    is_whole(&place, before, "removed after a clean stop");

    place.start().kill();
    let before = rebuilds(&place);
    std::fs::remove_dir_all(&index).expect("the index is removed");
    is_whole(&place, before, "removed after a kill");
}

#[test]
fn a_damaged_index_is_rebuilt() {
    let place = Place::new();
    filled(&place).stop();
    let index = place.data().join("index");
    type Damage = fn(&[u8]) -> Vec<u8>;
    let damages: [(&str, Damage); 3] = [
        ("every file emptied", |_| Vec::new()),
        ("every file cut in half", |bytes| bytes[..bytes.len() / 2].to_vec()),
        ("every file overwritten", |bytes| bytes.iter().map(|b| b ^ 0x5a).collect()),
    ];
    for (what, damage) in damages {
        let before = rebuilds(&place);
        for file in files(&index) {
            let bytes = std::fs::read(&file).expect("an index file");
            std::fs::write(&file, damage(&bytes)).expect("a damaged file");
        }
        is_whole(&place, before, what);
    }
}

/// One file of each kind, from the root of the index.
fn kinds(index: &Path) -> BTreeMap<String, PathBuf> {
    let inside = files(index).into_iter().filter_map(|file| file.strip_prefix(index).ok().map(Path::to_owned));
    inside.map(|path| (kind(&path), path)).collect()
}

#[test]
fn a_single_lost_file_is_mended_at_the_start() {
    let place = Place::new();
    filled(&place).stop();
    let index = place.data().join("index");
    for (kind, path) in kinds(&index) {
        if std::fs::remove_file(index.join(&path)).is_err() {
            // Another loss had the whole index made anew, under other names.
            continue;
        }
        let server = place.start();
        let report = server.verify();
        assert_eq!(report["indexed"], ARTICLES, "without {kind}: {report}");
        assert_eq!(server.client().found(&word(7)), [("a-7".to_owned(), 1)], "without {kind}");
        server.stop();
    }
}

/// A start reads what it needs and mends what it cannot read; the rest is found when asked for, never kept quiet.
#[test]
fn a_flipped_byte_is_mended_or_named() {
    let place = Place::new();
    filled(&place).kill();
    let index = place.data().join("index");
    for kind in kinds(&index).into_keys() {
        let Some(path) = kinds(&index).remove(&kind) else { continue };
        let mut bytes = std::fs::read(index.join(&path)).expect("an index file");
        let middle = bytes.len() / 2;
        let Some(byte) = bytes.get_mut(middle) else { continue };
        *byte ^= 0x10;
        std::fs::write(index.join(&path), bytes).expect("a damaged file");
        let before = rebuilds(&place);
        let server = place.start();
        let report = server.report();
        let differences = report["differences"].as_array().cloned().unwrap_or_default();
        println!("flipped {kind}: {} differences", differences.len());
        if differences.is_empty() {
            assert!(rebuilds(&place) > before, "{kind}: a flipped byte went unnoticed:\n{}", place.log());
        } else {
            let named = differences.iter().any(|d| d.as_str().is_some_and(|d| d.contains("wrong checksum")));
            assert!(named, "{kind}: {report}");
            server.reindex();
        }
        assert_eq!(server.client().found(&word(7)), [("a-7".to_owned(), 1)], "{kind} flipped");
        // What is to be replaced by an index that is being built anew need not be noticed.
        server.built();
        server.kill();
    }
}

/// A file's name without what differs from index to index.
fn kind(path: &Path) -> String {
    let name = path.extension().or(path.file_name()).unwrap_or_default().to_string_lossy().into_owned();
    let place = path.iter().rev().nth(1).unwrap_or_default().to_string_lossy().into_owned();
    format!("{place}/{name}")
}
