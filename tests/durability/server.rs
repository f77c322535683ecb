//! How is the real program started, asked and killed?
//!
//! Invariant: a child never outlives its value, and nothing waits without an end.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

/// The admin key of every child.
pub const ADMIN_KEY: &str = "durability-admin-key";
/// Longest time from a start to an address, and from there to being ready.
const READY_WITHIN: Duration = Duration::from_secs(120);
/// Longest time until the index holds what the store says: a disk that is busy with something else may hold a sync up.
const INDEXED_WITHIN: Duration = Duration::from_secs(180);

/// A running child.
pub struct Server {
    child: Child,
    address: String,
    log: PathBuf,
}

/// A data directory, and the log of everything that ran in it.
pub struct Place {
    folder: tempfile::TempDir,
    settings: Vec<(String, String)>,
}

impl Place {
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// With these environment variables for every child.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { folder: tempfile::tempdir().expect("a temporary folder"), settings }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What every child has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Starts the program; it may not be listening yet.
    pub fn spawn(&self) -> Child {
        let log = open_log(&self.log_file());
        Command::new(env!("CARGO_BIN_EXE_zhiyin"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(self.data())
            .env_clear()
            .env("ZHIYIN_ADMIN_KEY", ADMIN_KEY)
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the program starts")
    }

    /// Starts the program and waits until it says that it is ready.
    pub fn start(&self) -> Server {
        let mut child = self.spawn();
        let (tell, told) = mpsc::channel();
        let out = child.stdout.take().expect("a standard output");
        std::thread::spawn(move || {
            let mut lines = BufReader::new(out).lines();
            let address = lines.find_map(|line| Some(line.ok()?.split_once("http://")?.1.trim().to_owned()));
            let _ = tell.send(address);
            // Read on, so that the child never waits for us.
            lines.for_each(drop);
        });
        let address = told.recv_timeout(READY_WITHIN).ok().flatten();
        let Some(address) = address else {
            let _ = child.kill();
            panic!("the program said no address:\n{}", self.log());
        };
        let server = Server { child, address, log: self.log_file() };
        let client = server.client();
        let ready = within(READY_WITHIN, || matches!(client.get("/readyz"), Ok((200, _))));
        assert!(ready, "not ready within {READY_WITHIN:?}:\n{}", self.log());
        server
    }
}

fn open_log(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).expect("a log file")
}

/// Asks again and again; false when time has run out.
fn within(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + limit;
    while !done() {
        if Instant::now() > until {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

impl Server {
    pub fn client(&self) -> Client {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(120)))
            .build();
        Client { agent: config.into(), base: format!("http://{}", self.address) }
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    pub fn kill(mut self) {
        self.child.kill().expect("the child is killed");
        self.child.wait().expect("the child is gone");
    }

    /// SIGTERM, and waits for the end.
    pub fn stop(mut self) {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(asked.is_ok_and(|s| s.success()), "the child is asked to stop");
        let ended = self.child.wait().expect("the child has ended");
        assert!(ended.success(), "the child ended badly: {ended}");
    }

    /// Waits until the index has followed; what then differs is in the report.
    pub fn report(&self) -> Value {
        let mut report = Value::Null;
        let followed = within(INDEXED_WITHIN, || {
            report = self.client().must("POST", "/v1/spaces/default/verify", None);
            report["pending"] == 0
        });
        assert!(followed, "the index did not follow the store: {report}\n{}", self.last_words());
        report
    }

    /// The end of what this child and those before it logged.
    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// Waits until the index has followed; then no difference may be left.
    pub fn verify(&self) -> Value {
        let report = self.report();
        assert_eq!(report["differences"], serde_json::json!([]), "{report}");
        report
    }

    /// Waits until no new index is being built.
    pub fn built(&self) {
        let stats = || self.client().must("GET", "/v1/spaces/default/stats", None);
        let built = within(INDEXED_WITHIN, || stats()["rebuilding"] == false);
        assert!(built, "a new index is not finished: {}", stats());
    }

    /// Has the index built anew, and waits until nothing differs.
    pub fn reindex(&self) {
        self.client().must("POST", "/v1/spaces/default/reindex", None);
        let mended = within(INDEXED_WITHIN, || self.report()["differences"] == serde_json::json!([]));
        assert!(mended, "a new index differs from the store: {}", self.report());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What speaks to a child, as its administrator.
pub struct Client {
    agent: ureq::Agent,
    base: String,
}

impl Client {
    /// Asks; an error says that no whole answer came.
    pub fn send(&self, method: &str, path: &str, body: Option<&str>) -> Result<(u16, Value), ureq::Error> {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {ADMIN_KEY}"))
            .header(
                "content-type",
                if path.starts_with("/v1/import") { "application/x-ndjson" } else { "application/json" },
            );
        let mut response = match body {
            Some(body) => self.agent.run(request.body(body.to_owned())?)?,
            None => self.agent.run(request.body(())?)?,
        };
        let text = response.body_mut().read_to_string()?;
        let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok((response.status().as_u16(), value))
    }

    pub fn get(&self, path: &str) -> Result<(u16, Value), ureq::Error> {
        self.send("GET", path, None)
    }

    /// Asks a server that nobody kills.
    pub fn must(&self, method: &str, path: &str, body: Option<&str>) -> Value {
        let (status, value) = self.send(method, path, body).unwrap_or_else(|e| panic!("{method} {path}: {e}"));
        assert!((200..300).contains(&status), "{method} {path}: {status} {value}");
        value
    }

    /// The articles that a search by keyword finds, with their versions.
    pub fn found(&self, query: &str) -> Vec<(String, u64)> {
        let body = serde_json::json!({ "query": query, "mode": "keyword", "limit": 10, "log": false });
        let answer = self.must("POST", "/v1/search", Some(&body.to_string()));
        // What was found under another word does not count: a word that is gone may be taken for a slip.
        if !answer["corrected_query"].is_null() {
            return Vec::new();
        }
        let hits = answer["hits"].as_array().cloned().unwrap_or_default();
        hits.iter()
            .map(|h| (h["article_id"].as_str().unwrap_or("?").to_owned(), h["version"].as_u64().unwrap_or(0)))
            .collect()
    }
}
