//! Does the house stand as its map says? Arrows point down, each stranger has one door, words are data.
//!
//! Invariant: a rule that is broken names the file, the line and the rule; a new floor or stranger is named here first.

#![expect(clippy::indexing_slicing, reason = "tests fail by panicking")]

#[path = "house/scan.rs"]
mod scan;

use std::fs;
use std::path::Path;
use std::process::Command;

use scan::{Kind, Source};

/// A floor, and the floors that it may import besides itself.
const ARROWS: [(&str, &[&str]); 12] = [
    ("id", &["error"]),
    ("error", &["id"]),
    ("model", &["id", "error"]),
    ("store", &["model", "id", "error"]),
    ("kb", &["store", "model", "id", "error", "zhiyin_index"]),
    ("evaluate", &["zhiyin_index"]),
    ("config", &["error", "model", "id", "kb"]),
    ("remote", &["kb", "model", "id", "error", "zhiyin_index"]),
    ("http", &["kb", "model", "id", "error", "config"]),
    ("app", &["remote", "http", "kb", "model", "id", "error", "config"]),
    ("cli", &["app", "evaluate", "http", "kb", "model", "id", "error", "config"]),
    ("main", &["cli", "app"]),
];

/// A stranger (a crate, or a module of `std`), and where it may be named.
const DOORS: [(&str, &[&str]); 30] = [
    ("tantivy", &["index/src/lexical/"]),
    ("hnsw_rs", &["index/src/dense/graph.rs"]),
    ("jieba_rs", &["index/src/analyzer.rs"]),
    ("pulp", &["index/src/dense/kernel.rs", "index/src/embed/bilingual.rs", "index/src/encoder/"]),
    ("tokenizers", &["index/src/encoder/tokens.rs"]),
    ("rust_stemmers", &["index/src/"]),
    ("unicode_normalization", &["index/src/normalize.rs", "index/src/script.rs"]),
    ("sled", &["src/store/"]),
    ("actix_web", &["src/http/"]),
    ("actix_http", &["src/http/"]),
    ("actix_rt", &["src/http/"]),
    ("tokio", &["src/http/"]),
    ("futures_util", &["src/http/"]),
    ("governor", &["src/http/rate.rs"]),
    ("prometheus_client", &["src/http/metrics.rs"]),
    ("ureq", &["src/cli/client.rs", "src/remote/"]),
    ("ring", &["src/remote/"]),
    ("base64", &["src/remote/"]),
    ("clap", &["src/cli/", "src/main.rs"]),
    ("indicatif", &["src/cli/"]),
    ("anyhow", &["src/cli/", "src/main.rs"]),
    ("toml", &["src/config.rs"]),
    ("csv", &["src/model/exchange/"]),
    ("serde_yaml_ng", &["src/model/exchange/"]),
    ("similar", &["src/model/diff.rs"]),
    ("tracing_subscriber", &["src/app.rs"]),
    ("zhiyin_index", &["src/kb/", "src/evaluate/", "src/remote/"]),
    ("zhiyin", &["src/main.rs", "src/cli/"]),
    ("std::env", &["src/config.rs"]),
    ("std::net", &["src/config.rs", "src/app.rs", "src/http/", "src/cli/", "src/remote/"]),
];

/// Where the time of day may be read; below, `now` is an argument.
const CLOCK_EDGES: [&str; 5] = ["src/http/", "src/kb/workers.rs", "src/app.rs", "src/cli/", "src/main.rs"];
const CLOCKS: [&str; 4] = ["Timestamp::now", "SystemTime::now", "Zoned::now", "UNIX_EPOCH::elapsed"];

/// Lines of a file.
const MAX_LINES: usize = 500;
/// Files that may be longer, each with its reason.
const LONGER: [(&str, &str); 0] = [];

/// Bytes of a file.
const MAX_BYTES: u64 = 20 * 1024 * 1024;

/// Literals in a row from which a list is data: any, and such as hold Chinese.
const MAX_LITERALS: usize = 40;
const MAX_CHINESE: usize = 8;

fn sources() -> Vec<Source> {
    let mut paths = Vec::new();
    for folder in ["src", "index/src"] {
        rust_files(&scan::root().join(folder), &mut paths);
    }
    paths.sort();
    paths.into_iter().map(|path| read(&path)).collect()
}

fn read(path: &Path) -> Source {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let relative = path.strip_prefix(scan::root()).unwrap_or(path);
    Source::new(relative.to_string_lossy().replace('\\', "/"), text)
}

fn rust_files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// What is in the repository, or would be with the next commit: paths from the root.
fn files() -> Vec<String> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(scan::root())
        .output();
    match listed {
        Ok(out) if out.status.success() => String::from_utf8_lossy(&out.stdout).lines().map(str::to_owned).collect(),
        // A source archive has no git; then what is there is what was shipped.
        _ => {
            let mut all = Vec::new();
            walk(&scan::root(), &mut all);
            all
        }
    }
}

fn walk(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() && name != "target" && name != ".git" && name != "data" {
            walk(&path, found);
        } else if path.is_file() {
            found.push(path.strip_prefix(scan::root()).unwrap_or(&path).to_string_lossy().into_owned());
        }
    }
}

fn stands(broken: Vec<String>) {
    assert!(broken.is_empty(), "{} broken:\n{}", broken.len(), broken.join("\n"));
}

fn is_in(path: &str, places: &[&str]) -> bool {
    places.iter().any(|place| if place.ends_with('/') { path.starts_with(place) } else { path == *place })
}

/// The floor of a file of the root package.
fn floor(path: &str) -> Option<&str> {
    path.strip_prefix("src/")?.split('/').next().map(|name| name.trim_end_matches(".rs"))
}

/// The floor that a path leads to.
fn leads_to(path: &[String]) -> Option<&str> {
    match path[0].as_str() {
        "zhiyin_index" => Some("zhiyin_index"),
        "crate" | "zhiyin" => path.get(1).map(String::as_str),
        _ => None,
    }
}

#[test]
fn arrows_point_down() {
    let mut broken = Vec::new();
    for source in sources() {
        let Some(from) = floor(&source.path).filter(|name| *name != "lib") else { continue };
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == from) else {
            broken.push(format!("{}:1: '{from}' is a floor that the table of arrows does not name", source.path));
            continue;
        };
        for (path, line) in source.paths() {
            let Some(to) = leads_to(&path) else { continue };
            if to != from && !allowed.contains(&to) {
                let named = path.join("::");
                broken.push(format!("{}:{line}: {named}: '{from}' may import {allowed:?}, not '{to}'", source.path));
            }
        }
    }
    stands(broken);
}

#[test]
fn the_engine_imports_nothing_of_the_house() {
    let mut broken = Vec::new();
    let never = ["zhiyin", "sled", "tokio", "actix_web", "jiff", "ureq"];
    for source in sources().iter().filter(|s| s.path.starts_with("index/")) {
        for (path, line) in source.paths() {
            if never.contains(&path[0].as_str()) {
                broken.push(format!("{}:{line}: {}: the engine stands alone", source.path, path.join("::")));
            }
        }
    }
    stands(broken);
}

#[test]
fn each_stranger_has_one_door() {
    let mut broken = Vec::new();
    for source in sources() {
        for (path, line) in source.paths() {
            let named = path.join("::");
            for (stranger, doors) in DOORS {
                let is_it =
                    named == stranger || named.strip_prefix(stranger).is_some_and(|rest| rest.starts_with("::"));
                if is_it && !is_in(&source.path, doors) {
                    broken.push(format!("{}:{line}: {named}: '{stranger}' is named only in {doors:?}", source.path));
                }
            }
        }
    }
    stands(broken);
}

#[test]
fn only_the_edge_reads_the_clock() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|s| !is_in(&s.path, &CLOCK_EDGES)) {
        for (path, line) in source.paths() {
            let named = path.join("::");
            if CLOCKS.iter().any(|clock| named.ends_with(clock)) {
                broken.push(format!("{}:{line}: {named}: `now` is an argument below the edge", source.path));
            }
        }
    }
    stands(broken);
}

#[test]
fn nothing_is_unsafe_unfinished_or_ignored() {
    let mut broken = Vec::new();
    let mut all = sources();
    for folder in ["tests", "index/tests", "examples", "index/examples", "index/benches", "benches"] {
        let mut paths = Vec::new();
        rust_files(&scan::root().join(folder), &mut paths);
        all.extend(paths.iter().map(|path| read(path)));
    }
    for source in &all {
        for pair in source.tokens.windows(2) {
            let Kind::Word(word) = &pair[0].kind else { continue };
            let called = pair[1].kind == Kind::Mark('!');
            let attribute = pair[1].kind == Kind::Mark(']') || pair[1].kind == Kind::Mark('=');
            let wrong = match word.as_str() {
                "unsafe" => true,
                "todo" | "unimplemented" | "dbg" => called,
                "ignore" => attribute,
                _ => false,
            };
            if wrong {
                broken.push(format!("{}:{}: '{word}' has no place here", source.path, pair[0].line));
            }
        }
    }
    stands(broken);
}

#[test]
fn every_file_opens_with_its_question() {
    let broken = sources()
        .into_iter()
        .filter(|s| !s.text.starts_with("//! "))
        .map(|s| format!("{}:1: a file opens with `//!`: the question it answers and one invariant", s.path));
    stands(broken.collect());
}

#[test]
fn files_are_short() {
    let mut broken = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        let longer = LONGER.iter().any(|(path, _)| *path == source.path);
        match (lines > MAX_LINES, longer) {
            (true, false) => broken.push(format!("{}:{lines}: a file has at most {MAX_LINES} lines", source.path)),
            (false, true) => broken.push(format!("{}:{lines}: is short now; take it off the list", source.path)),
            _ => {}
        }
    }
    stands(broken);
}

#[test]
fn words_are_data() {
    let mut broken = Vec::new();
    for source in sources() {
        let (mut run, mut chinese, mut line) = (0, 0, 0);
        for token in source.without_tests() {
            match &token.kind {
                Kind::Text(text) => {
                    line = if run == 0 { token.line } else { line };
                    run += 1;
                    chinese += usize::from(text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)));
                }
                Kind::Mark(',' | '|' | '&' | '(' | ')') => {}
                _ => (run, chinese) = (0, 0),
            }
            if run == MAX_LITERALS + 1 || chinese == MAX_CHINESE + 1 {
                broken.push(format!("{}:{line}: a word list is a file under data/, not Rust", source.path));
                (run, chinese) = (0, 0);
            }
        }
    }
    broken.dedup();
    stands(broken);
}

#[test]
fn names_are_the_fields_own() {
    let mut broken = Vec::new();
    let empty = ["Manager", "Helper", "Util", "Utils", "Service", "Wrapper", "Common"];
    for source in sources() {
        for pair in source.tokens.windows(2) {
            let (Kind::Word(kind), Kind::Word(name)) = (&pair[0].kind, &pair[1].kind) else { continue };
            let file = kind == "mod" && empty.iter().any(|e| name.eq_ignore_ascii_case(e));
            let kind_of_type = matches!(kind.as_str(), "struct" | "enum" | "trait" | "type");
            if file || (kind_of_type && empty.iter().any(|e| name.ends_with(e))) {
                broken.push(format!("{}:{}: '{name}' says nothing; use the field's term", source.path, pair[0].line));
            }
        }
    }
    stands(broken);
}

#[test]
fn no_file_is_large() {
    let size = |path: &String| fs::metadata(scan::root().join(path)).map_or(0, |m| m.len());
    let broken = files().into_iter().filter(|path| size(path) > MAX_BYTES);
    stands(broken.map(|path| format!("{path}:1: a file has at most {MAX_BYTES} bytes")).collect());
}

#[test]
fn nothing_names_a_machine() {
    // Cut in two, so that this file does not name them either.
    let machine = [("/ho", "me/"), ("/ro", "ot/"), ("/wo", "rk/"), ("/tmp", "/wt"), ("/Us", "ers/"), ("C:\\", "Users")];
    let registry = [("rs", "proxy."), ("sparse", "+http"), ("replace", "-with"), ("mirrors", "."), ("index", "-url")];
    let never: Vec<String> = machine.iter().chain(&registry).map(|(a, b)| format!("{a}{b}")).collect();
    let mut broken = Vec::new();
    for path in files() {
        // What is not text names nothing.
        let Ok(text) = fs::read_to_string(scan::root().join(&path)) else { continue };
        for (at, line) in text.lines().enumerate() {
            if let Some(found) = never.iter().find(|n| line.contains(n.as_str())) {
                broken.push(format!("{path}:{}: '{found}': committed files name no machine and no registry", at + 1));
            }
        }
    }
    stands(broken);
}

#[test]
fn dependencies_come_from_the_public_registry() {
    let lock = fs::read_to_string(scan::root().join("Cargo.lock")).unwrap_or_default();
    let broken = lock
        .lines()
        .enumerate()
        .filter(|(_, line)| line.starts_with("source = ") && !line.starts_with("source = \"registry+"));
    stands(broken.map(|(at, line)| format!("Cargo.lock:{}: {line}: not from crates.io", at + 1)).collect());
    assert!(lock.contains("name = \"zhiyin\""), "Cargo.lock is committed");
}

/// A table entry that nothing matches is a rule that has died without a word.
#[test]
fn every_floor_and_door_exists() {
    let sources = sources();
    assert!(sources.len() > 50, "only {} files found", sources.len());
    let mut broken = Vec::new();
    let planned: [&str; 0] = [];
    for (stranger, doors) in DOORS {
        for door in doors.iter().filter(|door| !planned.contains(door)) {
            if !sources.iter().any(|s| is_in(&s.path, &[door])) {
                broken.push(format!("tests/house.rs:1: the door '{door}' of '{stranger}' is not there"));
            }
        }
    }
    stands(broken);
}
