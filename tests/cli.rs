//! Does the program do what its help says? The built binary, run for real against a data directory.
//!
//! Invariant: every command here starts its own process, so nothing but the data directory connects them.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/kb-samples");

/// How a command ended.
struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ended {
    fn expect(self, code: i32) -> String {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self.stdout
    }

    fn json(self) -> Value {
        serde_json::from_str(&self.expect(0)).unwrap()
    }
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zhiyin"));
    let settings = std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("ZHIYIN_"));
    for name in settings {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

fn run(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A data directory and the commands on it.
struct Directory {
    dir: TempDir,
}

impl Directory {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn with_samples() -> Self {
        let directory = Self::new();
        let report = directory.zhiyin([&sample("articles.ndjson"), "--publish"], &["import"]).expect(0);
        assert_eq!(report, "85 rows: 85 created, 0 updated, 0 unchanged, 0 failed\n");
        directory
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// Runs `words` and then `more`, on this directory.
    fn zhiyin<S: AsRef<OsStr>>(&self, more: impl IntoIterator<Item = S>, words: &[&str]) -> Ended {
        run(program().args(words).args(more).arg("--data-dir").arg(self.data()))
    }

    fn say(&self, words: &[&str]) -> Ended {
        self.zhiyin([] as [&str; 0], words)
    }
}

fn sample(name: &str) -> String {
    format!("{SAMPLES}/{name}")
}

fn write(path: &Path, text: &str) -> String {
    std::fs::write(path, text).unwrap();
    path.display().to_string()
}

#[test]
fn samples_are_imported_searched_answered_and_verified() {
    let shop = Directory::with_samples();
    let stats = shop.say(&["space", "stats", "default", "--json"]).json();
    assert_eq!((&stats["articles"], &stats["pending"]), (&85.into(), &0.into()));

    let found = shop.say(&["search", "手机激活了还能退吗", "--limit", "3", "--json"]).json();
    assert_eq!(found["hits"][0]["article_id"], "return-policy-zh");
    let shown = shop.say(&["search", "return", "shipping", "--limit", "2", "--facet", "category"]).expect(0);
    assert!(shown.contains("1. ") && shown.contains("return-policy-en") && !shown.contains("<mark>"), "{shown}");
    assert!(!shown.contains('\u{1b}'), "no colours where there is no terminal: {shown}");

    let then = shop.say(&["search", "买了几天可以退货", "--as-of", "2026-03-01T00:00:00Z", "--json"]).json();
    assert_eq!((&then["hits"][0]["article_id"], &then["hits"][0]["version"]), (&"return-policy-zh".into(), &1.into()));
    let filter = r#"{"field":"language","op":"eq","value":"en"}"#;
    let filtered = shop.say(&["search", "退货", "--filter", filter, "--json"]).json();
    assert!(filtered["hits"].as_array().unwrap().iter().all(|hit| hit["language"] == "en"), "{filtered}");

    let answer = shop.say(&["answer", "who pays for return shipping"]).expect(0);
    assert!(answer.contains("[1] Return policy"), "{answer}");
    let answer = shop.say(&["answer", "退货运费谁出", "--json"]).json();
    assert_eq!(answer["status"], "answered");
    let titles = shop.say(&["suggest", "退货", "--json"]).json();
    assert!(!titles["suggestions"].as_array().unwrap().is_empty());

    assert!(shop.say(&["verify"]).expect(0).contains("85 articles"));
    let again = shop.say(&["reindex", "--json"]).json();
    assert_eq!(again["rebuilding"], false);
    assert!(shop.say(&["verify"]).expect(0).contains("holds what the store says"));
}

#[test]
fn a_dry_run_writes_nothing_and_bad_rows_are_told_by_line() {
    let shop = Directory::new();
    let rows = concat!(
        "{\"id\":\"a\",\"title\":\"A\"}\n",
        "{\"id\":\"b\",\"titel\":\"B\"}\n",
        "\n",
        "not json\n",
        "{\"id\":\"c\",\"title\":\"C\",\"audience\":\"nobody\"}\n",
    );
    let file = write(&shop.path("rows.ndjson"), rows);
    for (option, tried) in [("--dry-run", " (dry run: nothing was written)"), ("--publish", "")] {
        let report = shop.zhiyin([file.as_str(), option], &["import"]).expect(4);
        let lines: Vec<&str> = report.lines().collect();
        assert!(lines[0].starts_with("line 2 (b): ") && lines[0].contains("titel"), "{report}");
        assert!(lines[1].starts_with("line 4: "), "{report}");
        assert!(lines[2].starts_with("line 5 (c): audience"), "{report}");
        assert_eq!(lines[3], format!("4 rows: 1 created, 0 updated, 0 unchanged, 3 failed{tried}"));
    }
    let listed = shop.say(&["article", "list", "--json"]).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let report = shop.zhiyin([file.as_str(), "--json"], &["import"]);
    let told: Value = serde_json::from_str(&report.expect(4)).unwrap();
    assert_eq!((&told["unchanged"], &told["failed"]), (&1.into(), &3.into()));
    let no_name = write(&shop.path("rows.txt"), rows);
    shop.zhiyin([no_name], &["import"]).expect(2);
}

#[test]
fn an_export_into_an_empty_directory_gives_the_same_bytes() {
    let (first, second) = (Directory::with_samples(), Directory::new());
    let out = first.path("out.ndjson").display().to_string();
    first.zhiyin(["--output", &out], &["export"]).expect(0);
    let exported = std::fs::read_to_string(&out).unwrap();
    assert_eq!(exported.lines().count(), 85);
    second.zhiyin([out.as_str(), "--publish"], &["import"]).expect(0);
    assert_eq!(second.say(&["export"]).expect(0), exported);
    assert!(second.say(&["verify"]).expect(0).contains("85 articles"));
}

#[test]
fn folders_of_markdown_go_in_and_come_out() {
    let shop = Directory::new();
    let report = shop.zhiyin([sample("markdown"), "--publish".into()], &["import"]).expect(0);
    assert_eq!(report, "6 rows: 6 created, 0 updated, 0 unchanged, 0 failed\n");
    let folder = format!("{}/", shop.path("pages").display());
    shop.zhiyin(["--output", &folder], &["export"]).expect(0);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 6);
    let again = shop.zhiyin([folder.as_str(), "--publish"], &["import"]).expect(0);
    assert_eq!(again, "6 rows: 0 created, 0 updated, 6 unchanged, 0 failed\n");
    write(&shop.path("pages/broken.md"), "---\ntitle: x\naudience: nobody\n---\ntext\n");
    let report = shop.zhiyin([folder.as_str()], &["import"]).expect(4);
    assert!(report.starts_with("broken.md:"), "{report}");
    let report = shop.zhiyin([sample("faq.csv")], &["import"]).expect(0);
    assert_eq!(report, "12 rows: 12 created, 0 updated, 0 unchanged, 0 failed\n");
}

#[test]
fn an_article_lives_its_life() {
    let shop = Directory::new();
    let article = |words: &[&str]| shop.say(&[&["article"], words].concat());
    let made = article(&[
        "create",
        "--id",
        "a",
        "--title",
        "退货政策",
        "--body",
        "七天内可退。",
        "--tag",
        "退货",
        "--attribute",
        "days:=7",
    ]);
    assert_eq!(made.expect(0), "a v1 · draft · no version is live\n");
    assert_eq!(article(&["publish", "a"]).expect(0), "a v1 · published · version 1 is live\n");
    let saved = article(&["save", "a", "--body", "十五天内可退。", "--note", "longer", "--publish"]);
    assert_eq!(saved.expect(0), "a v2 · published · version 2 is live\n");
    let read = article(&["get", "a", "--json"]).json();
    assert_eq!(
        (&read["tags"][0], &read["attributes"]["days"], &read["version"]),
        (&"退货".into(), &7.0.into(), &2.into())
    );
    assert_eq!(article(&["get", "a", "--version", "1", "--body"]).expect(0), "七天内可退。\n");
    let diff = article(&["diff", "a", "1", "2"]).expect(0);
    assert!(diff.contains("- 七天内可退。") && diff.contains("+ 十五天内可退。"), "{diff}");
    assert_eq!(article(&["versions", "a"]).expect(0).lines().count(), 3);

    let stale = article(&["save", "a", "--title", "x", "--expected-version", "1"]);
    assert!(stale.stderr.contains("code version_conflict"), "{}", stale.stderr);
    stale.expect(1);
    assert_eq!(article(&["rollback", "a", "--to", "1"]).expect(0), "a v3 · published · version 3 is live\n");
    assert_eq!(article(&["verify", "a"]).expect(0), "a v3 · published · version 3 is live\n");
    article(&["unpublish", "a", "--note", "wrong"]).expect(0);
    article(&["archive", "a"]).expect(0);
    article(&["restore", "a"]).expect(0);
    article(&["submit", "a"]).expect(0);
    article(&["reject", "a", "--note", "not yet"]).expect(0);
    let list = article(&["publications", "a", "--json"]).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 3);
    let refused = article(&["publish", "b"]);
    assert!(refused.stderr.contains("code article_not_found"), "{}", refused.stderr);
    refused.expect(1);
    let wrong = article(&["create", "--title", "", "--audience", "nobody"]);
    assert!(wrong.stderr.contains("\n  title: ") && wrong.stderr.contains("\n  audience: "), "{}", wrong.stderr);
    wrong.expect(1);
    let problem: Value = serde_json::from_str(&article(&["get", "b", "--json"]).expect(1)).unwrap();
    assert_eq!(problem["code"], "article_not_found");
}

#[test]
fn synonyms_are_added_tried_and_removed() {
    let shop = Directory::with_samples();
    let synonym = |words: &[&str]| shop.say(&[&["synonym"], words].concat());
    let tried = synonym(&["preview", "万能卡", "优惠券", "--query", "万能卡怎么用", "--json"]).json();
    assert_eq!(tried["items"][0]["after"]["article_id"], "coupons-points-zh", "{tried}");
    assert_eq!(synonym(&["list", "--json"]).json()["items"].as_array().unwrap().len(), 0);
    let added = synonym(&["add", "万能卡", "优惠券", "--json"]).json();
    assert_eq!(added["kind"], "two_way");
    let found = shop.say(&["search", "万能卡", "--json"]).json();
    assert_eq!(found["hits"][0]["article_id"], "coupons-points-zh", "{found}");
    synonym(&["add", "--from", "专票", "--to", "增值税专用发票"]).expect(0);
    let replaced = synonym(&["add", "--from", "旧名", "--to", "新名", "--replace", "--json"]).json();
    assert_eq!(replaced["kind"], "replacement");
    let imported = synonym(&["import", &sample("synonyms.ndjson")]).expect(0);
    assert!(imported.contains("8 rules read; the space has 10 now") || imported.contains("7 rules read"), "{imported}");
    assert!(synonym(&["list"]).expect(0).contains("专票 → 增值税专用发票"));
    let gone = synonym(&["remove", replaced["id"].as_str().unwrap()]).expect(0);
    assert!(gone.contains("旧名 → 新名"), "{gone}");
    synonym(&["add"]).expect(2);
    synonym(&["add", "一个"]).expect(1);
}

#[test]
fn keys_spaces_and_gaps_are_kept() {
    let shop = Directory::new();
    let made = shop.say(&["key", "create", "portal", "--scope", "search", "--json"]);
    assert!(made.stderr.contains("Its admin key (shown this once): zy_"), "{}", made.stderr);
    let key = made.json();
    assert!(key["secret"].as_str().unwrap().starts_with("zy_"));
    let id = key["id"].as_str().unwrap();
    assert!(shop.say(&["key", "revoke", id]).expect(0).starts_with(id));
    let keys = shop.say(&["key", "list", "--json"]).json();
    let names: Vec<&str> = keys["items"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["admin", "portal"], "the commands' own keys stay in their processes");
    assert!(keys["items"][1]["revoked_at"].is_string());
    assert!(shop.say(&["key", "list"]).expect(0).contains("revoked"));

    shop.say(&["space", "create", "shop", "商城", "--public-search", "true"]).expect(0);
    let set = shop.say(&["space", "set", "shop", "--threshold", "0.5", "--json"]).json();
    assert_eq!((&set["settings"]["threshold"], &set["settings"]["public_search"]), (&0.5.into(), &true.into()));
    assert!(shop.say(&["space", "list"]).expect(0).contains("商城"));
    shop.say(&["space", "get", "nowhere"]).expect(1);

    let unanswered = shop.say(&["answer", "火星上能用吗", "--space", "shop", "--json"]).json();
    let gap = unanswered["gap_id"].as_str().unwrap();
    let listed = shop.say(&["gaps", "list", "--space", "shop"]).expect(0);
    assert!(listed.contains("火星上能用吗"), "{listed}");
    let dismissed = shop.say(&["gaps", "dismiss", gap, "--space", "shop", "--reason", "no", "--json"]).json();
    assert_eq!(dismissed["status"], "dismissed");
    assert!(shop.say(&["gaps", "get", gap, "--space", "shop"]).expect(0).contains("dismissed"));
}

#[test]
fn wrong_usage_and_unreachable_servers_have_their_exit_codes() {
    assert_eq!(run(program().arg("nonsense")).code, 2);
    assert_eq!(run(program().args(["search", "x", "--server", "a", "--data-dir", "b"])).code, 2);
    assert_eq!(run(program().args(["search", "x", "--filter", "{"])).code, 2);
    let nowhere = run(program().args(["search", "x", "--server", "http://127.0.0.1:9"]));
    assert!(nowhere.stderr.contains("cannot reach http://127.0.0.1:9"), "{}", nowhere.stderr);
    nowhere.expect(3);
    let empty = Directory::new();
    empty.say(&["search", "x"]).expect(2);
    assert!(!empty.data().exists(), "a search makes no data directory");
    for command in ["serve", "demo", "search", "article", "import", "key", "space"] {
        assert!(run(program().args([command, "--help"])).expect(0).contains("zhiyin "), "{command}");
    }
}

#[test]
fn a_reader_who_goes_away_ends_the_command_quietly() {
    let shop = Directory::with_samples();
    let mut child = program()
        .args(["export", "--data-dir"])
        .arg(shop.data())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap()), (Some(0), String::new()));
}

#[cfg(unix)]
#[test]
fn the_demo_serves_its_samples_and_stops_when_asked() {
    let mut child = program()
        .args(["demo", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let first = lines.next().unwrap();
    let page = first.split_whitespace().last().unwrap().to_owned();
    let key = lines.next().unwrap();
    let key = key.strip_prefix("Admin key: ").expect("the admin key");
    let open = run(program().args(["answer", "退货运费谁出", "--json", "--server", &page])).json();
    assert_eq!(open["status"], "answered");
    run(program().args(["verify", "--server", &page])).expect(1);
    let verified = run(program().args(["verify", "--server", &page]).env("ZHIYIN_KEY", key)).expect(0);
    assert!(verified.contains("85 articles"), "{verified}");
    let mut import = program();
    import.args(["import", "-", "--server", &page, "--key", key]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut import = import.spawn().unwrap();
    import.stdin.take().unwrap().write_all(b"{\"id\":\"new\",\"title\":\"New\"}\n").unwrap();
    let report = String::from_utf8(import.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(report, "1 rows: 1 created, 0 updated, 0 unchanged, 0 failed\n");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_space_is_given_another_model_and_its_own_back() {
    let shop = Directory::new();
    let article = write(
        &shop.path("a.ndjson"),
        "{\"id\":\"a\",\"title\":\"Reset password\",\"body\":\"How to reset the password.\"}\n",
    );
    shop.zhiyin([&article, "--publish"], &["import"]).expect(0);
    let models = shop.data().join("models");
    let tiny = Path::new(env!("CARGO_MANIFEST_DIR")).join("index/tests/data/models/tiny-bert");
    std::fs::create_dir_all(models.join("tiny/1_Pooling")).unwrap();
    for file in ["config.json", "tokenizer.json", "model.safetensors", "modules.json", "1_Pooling/config.json"] {
        std::fs::copy(tiny.join(file), models.join("tiny").join(file)).unwrap();
    }
    let listed = shop.say(&["model", "list"]).expect(0);
    assert!(listed.contains("bundled *") && listed.contains("tiny") && listed.contains("24"), "{listed}");
    assert_eq!(shop.say(&["model", "use", "tiny"]).expect(0), "Space default uses tiny now.\n");
    let stats = shop.say(&["space", "stats", "default", "--json"]).json();
    assert_eq!(
        (&stats["model"], &stats["without_vectors"], &stats["model_problem"]),
        (&"tiny".into(), &0.into(), &Value::Null)
    );
    let found = shop.say(&["search", "password", "--mode", "semantic", "--json"]).json();
    assert_eq!(found["hits"][0]["article_id"], "a");
    let refused = shop.say(&["model", "use", "nobody"]);
    assert!(refused.code == 1 && refused.stderr.contains("there is no model 'nobody'"), "{}", refused.stderr);
    assert_eq!(shop.say(&["model", "remove", "tiny"]).code, 1, "it is in use");
    assert_eq!(shop.say(&["model", "use", "default"]).expect(0), "Space default uses bundled now.\n");
    assert_eq!(shop.say(&["model", "remove", "tiny"]).expect(0), "tiny is gone.\n");
    // Nothing listens there.
    let refused = shop.say(&["model", "pull", "a/b", "--mirror", "http://127.0.0.1:9"]);
    assert!(refused.code == 1 && refused.stderr.contains("b could not be fetched"), "{}", refused.stderr);
    assert_eq!(shop.say(&["model", "pull", "../x"]).code, 1);
}

#[test]
fn golden_queries_are_tried_and_set_the_threshold() {
    let directory = Directory::with_samples();
    let judged = sample("queries.ndjson");
    let imported = directory.zhiyin([&judged], &["golden", "import"]).expect(0);
    assert_eq!(imported, "Golden queries: 289 added, 0 changed, 0 unchanged.\n");
    let added = directory.say(&["golden", "add", "do", "you", "sell", "zebras", "--unanswerable"]).expect(0);
    assert_eq!(added, "Golden queries: 1 added, 0 changed, 0 unchanged.\n");
    let tried = directory.say(&["golden", "run"]);
    assert!(tried.stderr.contains("of 290 golden queries failed"), "{}", tried.stderr);
    assert!(tried.expect(4).contains("as expected, MRR@10 0."));

    let few = directory.path("few.ndjson");
    std::fs::write(&few, "{\"query\": \"运费多少钱\", \"relevant\": [\"shipping-fees-zh\"]}\n").unwrap();
    let refused = directory.zhiyin([&few], &["calibrate", "--apply", "--queries"]).expect(4);
    assert!(refused.contains("50 labelled queries are needed, there are 1"), "{refused}");
    let before = directory.say(&["space", "get", "default", "--json"]).json();
    assert!(before["settings"]["threshold"].is_null());

    let found = directory.say(&["calibrate", "--target", "0.6", "--json"]).json();
    let verdict = &found["calibration"]["verdict"];
    assert_eq!((&verdict["verdict"], found["calibration"]["queries"].as_u64()), (&Value::from("chosen"), Some(290)));
    assert!(verdict["precision"].as_f64() >= Some(0.6), "{verdict}");
    let applied = directory.say(&["calibrate", "--target", "0.6", "--apply"]).expect(0);
    assert!(applied.contains("THRESHOLD") && applied.contains("95 % interval"), "{applied}");
    let after = directory.say(&["space", "get", "default", "--json"]).json();
    assert_eq!(after["settings"]["threshold"], verdict["threshold"]);

    // The harness asks the same space; its golden queries are those of the run.
    let measured = directory.say(&["eval", "--golden", "--mode", "hybrid", "--limit", "40", "--json"]).json();
    assert_eq!(
        (&measured["sets"][0]["queries"], &measured["sets"][0]["set"]),
        (&40.into(), &"space default, golden".into())
    );
    assert_eq!(directory.say(&["eval", "--golden", "--ablate"]).code, 2);
}

#[test]
fn pins_are_made_listed_and_taken_away() {
    let directory = Directory::with_samples();
    let first = |query: &str| directory.say(&["search", query, "--json"]).json()["hits"][0]["article_id"].clone();
    assert_eq!(first("运费多少钱"), "shipping-fees-zh");
    let made = directory.say(&["pin", "add", "运费多少钱？", "--first", "price-protection-zh", "--json"]).json();
    assert_eq!(first("运费多少钱"), "price-protection-zh");
    assert!(directory.say(&["pin", "list", "--query", "运费多少钱"]).expect(0).contains("price-protection-zh"));
    let id = made["id"].as_str().unwrap();
    assert_eq!(directory.say(&["pin", "remove", id]).expect(0), format!("Removed {id}.\n"));
    assert_eq!(first("运费多少钱"), "shipping-fees-zh");
    assert_eq!(directory.say(&["pin", "add", "x"]).code, 2, "an action is needed");
    let unknown = directory.say(&["pin", "add", "x", "--never", "nowhere"]);
    assert!(unknown.stderr.contains("there is no article 'nowhere'"), "{}", unknown.stderr);
}

#[test]
fn conversations_are_handed_in_and_summed_up() {
    let directory = Directory::with_samples();
    let talks = write(
        &directory.path("talks.ndjson"),
        concat!(
            r#"{"session_id":"s-1","channel":"app","turns":[{"role":"customer","text":"你好"},{"role":"customer","text":"运费多少钱"}]}"#,
            "\n",
            r#"{"session_id":"s-2","channel":"web","csat":9}"#,
            "\n",
        ),
    );
    let tried = directory.zhiyin([&talks], &["interactions", "import", "--dry-run"]).expect(4);
    assert!(tried.contains("2 accepted, 0 unchanged, 1 rejected; 1 questions (dry run"), "{tried}");
    let done = directory.zhiyin([&talks], &["interactions", "import"]).expect(4);
    assert!(done.contains("line 2: csat: it is 1 to 5, not 9") && done.contains("1 greeting"), "{done}");
    let again = directory.zhiyin([&talks], &["interactions", "import"]).expect(4);
    assert!(again.contains("0 accepted, 2 unchanged"), "{again}");
    let summed = directory.say(&["analytics", "overview"]).expect(0);
    assert!(summed.contains("1 conversations, 2 turns") && summed.contains("CHANNEL"), "{summed}");
    let json = directory.say(&["analytics", "overview", "--json"]).json();
    assert_eq!(json["questions"], 1);
}

#[test]
fn a_change_is_foretold_copies_are_shown_and_a_customer_is_forgotten() {
    let shop = Directory::with_samples();
    shop.say(&["golden", "add", "买了几天可以退货", "--article", "return-policy-zh"]).expect(0);
    assert!(shop.say(&["gaps", "replay"]).expect(0).contains("1 golden queries asked, 1 as expected"));
    let passed = shop.say(&["golden", "list", "--status", "passed"]).expect(0);
    assert!(passed.contains("买了几天可以退货"), "{passed}");
    let other = ["--title", "说明", "--body", "本页正在改写。", "--question", "本页何时改完"];
    shop.zhiyin(other, &["article", "save", "return-policy-zh"]).expect(0);
    let foretold = shop.say(&["article", "preview", "return-policy-zh"]).expect(4);
    assert!(foretold.contains("in place of version 3") && foretold.contains("breaks"), "{foretold}");

    let pairs = shop.say(&["duplicates", "--kind", "translation"]).expect(0);
    assert!(pairs.contains("return-policy-en") || pairs.contains("shipping-fees-en"), "{pairs}");
    let talk = r#"{"session_id":"s-1","customer_id":"ada","turns":[{"role":"customer","text":"运费多少钱"}]}"#;
    let talk = write(&shop.path("talk.ndjson"), &format!("{talk}\n"));
    shop.zhiyin([&talk], &["interactions", "import"]).expect(0);
    assert!(shop.say(&["erase", "--customer", "ada"]).stderr.contains("say --yes"));
    let gone = shop.say(&["erase", "--customer", "ada", "--yes", "--json"]).json();
    assert_eq!((&gone["erased"]["sessions"], &gone["erased"]["turns"]), (&1.into(), &1.into()), "{gone}");
    shop.say(&["space", "set", "default", "--keep-turns", "30", "--mask", "LM#{10}"]).expect(0);
    let settings = shop.say(&["space", "get", "default", "--json"]).json()["settings"].clone();
    assert_eq!(
        (&settings["retention"]["turns_days"], &settings["retention"]["queries_days"]),
        (&30.into(), &400.into())
    );
    assert_eq!(settings["privacy"]["patterns"][0], "LM#{10}");
    assert!(shop.say(&["space", "set", "default", "--mask", "LM"]).expect(1).is_empty());
}

#[test]
fn figures_tasks_and_webhooks_are_seen_from_a_terminal() {
    let directory = Directory::with_samples();
    let talk =
        r#"{"session_id":"s","channel":"app","handed_off":true,"turns":[{"role":"customer","text":"运费多少钱"}]}"#;
    let talks = write(&directory.path("talks.ndjson"), talk);
    directory.zhiyin([&talks], &["interactions", "import"]).expect(0);
    let searched = |_| directory.say(&["analytics", "overview", "--json"]).json()["pending"] == 0;
    assert!((0..20).any(searched), "the question is searched while a command runs");
    let questions = directory.say(&["analytics", "questions"]).expect(0);
    assert!(questions.contains("运费多少钱") && questions.contains("ANSWERED"), "{questions}");
    assert!(directory.say(&["analytics", "topics"]).expect(0).contains("运费"));
    let articles = directory.say(&["analytics", "articles", "--limit", "3"]).expect(0);
    assert!(articles.contains("live articles;") && articles.contains("never hit:"), "{articles}");
    let channels = directory.say(&["analytics", "channels"]).expect(0);
    assert!(channels.contains("app") && channels.contains("100 %"), "{channels}");
    let coverage = directory.say(&["analytics", "coverage", "--bucket", "month"]).expect(0);
    assert!(coverage.contains("COVERAGE") && coverage.contains("gaps are open"), "{coverage}");
    let forecast = directory.say(&["analytics", "forecast"]).expect(0);
    assert!(forecast.contains("No forecast: there are 0 days of history; a forecast needs 21"), "{forecast}");
    assert!(directory.say(&["analytics", "alerts"]).expect(0).contains("RULE"));

    let tasks = directory.say(&["tasks", "list", "--status", "open", "--json"]).json();
    assert_eq!(tasks["items"][0]["handed_off"], 1, "{tasks}");
    let article = tasks["items"][0]["article_id"].as_str().unwrap().to_owned();
    let closed = directory.zhiyin([article.as_str(), "--note", "looked at"], &["tasks", "close"]).expect(0);
    assert_eq!(closed, format!("{article}: closed\n"));
    assert!(directory.say(&["tasks", "list"]).expect(0).contains("closed"));

    let rules = r#"{"answer_rate_below": 0.5}"#;
    let set = directory.say(&["space", "set", "default", "--alerts", rules, "--json"]).json();
    assert_eq!(set["settings"]["alerts"]["answer_rate_below"], 0.5);
    assert_ne!(directory.say(&["space", "set", "default", "--alerts", "no json"]).code, 0);
    let made = directory.say(&["space", "webhook", "default", "--url", "https://hooks.example/x", "--json"]).json();
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"), "{made}");
    let shown = directory.say(&["space", "webhook", "default"]).expect(0);
    assert!(shown.contains("https://hooks.example/x") && !shown.contains("whsec_"), "{shown}");
    directory.say(&["space", "webhook", "default", "--remove"]).expect(0);
    let gone = directory.say(&["space", "webhook", "default"]);
    assert!(gone.code != 0 && gone.stderr.contains("has no webhook"), "{}", gone.stderr);
    let local = directory.say(&["space", "webhook", "default", "--url", "https://127.0.0.1/x"]);
    assert!(local.code != 0 && local.stderr.contains("not public"), "{}", local.stderr);
}
