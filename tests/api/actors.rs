//! Who takes part in the stories: a server of one's own, and actors with keys of their own.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Request;
use zhiyin::app::App;
use zhiyin::config::Config;
use zhiyin::model::account::Secret;

const ADMIN: &str = "admin-secret-of-the-tests";

/// A server on a folder of its own, stopped when dropped.
pub struct TestApp {
    app: Option<App>,
    pub base: String,
    /// Secrets of the keys made so far, by what was asked for.
    secrets: Mutex<HashMap<String, String>>,
    config: Config,
    folder: tempfile::TempDir,
}

impl TestApp {
    pub fn start() -> Self {
        Self::start_with(|_| {})
    }

    pub fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config {
            data_dir: folder.path().join("data"),
            listen: ([127, 0, 0, 1], 0).into(),
            admin_key: Some(Secret::new(ADMIN.to_owned())),
            workers: 1,
            public_rate: 1_000,
            ..Config::default()
        };
        change(&mut config);
        let app = App::start(&config).unwrap();
        let base = format!("http://{}", app.address);
        Actor::new(&base, None).until_ready();
        Self { app: Some(app), base, secrets: Mutex::default(), config, folder }
    }

    /// The same server on the same folder, stopped and started again.
    pub fn restart(mut self) -> Self {
        self.app.take().unwrap().stop().unwrap();
        let app = App::start(&self.config).unwrap();
        self.base = format!("http://{}", app.address);
        self.app = Some(app);
        Actor::new(&self.base, None).until_ready();
        self
    }

    pub fn app(&self) -> &App {
        self.app.as_ref().unwrap()
    }

    /// Where the server keeps everything.
    pub fn folder(&self) -> std::path::PathBuf {
        self.folder.path().to_owned()
    }

    /// Somebody without a key.
    pub fn nobody(&self) -> Actor {
        Actor::new(&self.base, None)
    }

    /// Whoever runs the server.
    pub fn admin(&self) -> Actor {
        Actor::new(&self.base, Some(ADMIN))
    }

    /// Somebody with a key of these scopes, for every space and audience.
    pub fn with_scopes(&self, name: &str, scopes: &[&str]) -> Actor {
        self.with_key(json!({ "name": name, "scopes": scopes, "audiences": ["public", "agent", "internal"] }))
    }

    /// Somebody with such a key.
    pub fn with_key(&self, key: Value) -> Actor {
        // A name is given to one key at a time: whoever is called twice is the same.
        let mut secrets = self.secrets.lock().unwrap();
        let secret = secrets.entry(key.to_string()).or_insert_with(|| {
            let made = self.admin().post("/v1/keys", key);
            assert_eq!(made.status, 201, "{}", made.body);
            made.json()["secret"].as_str().unwrap().to_owned()
        });
        Actor::new(&self.base, Some(secret))
    }

    /// Who writes articles.
    pub fn editor(&self) -> Actor {
        self.with_scopes("editor", &["articles:read", "articles:write"])
    }

    /// Who publishes them.
    pub fn publisher(&self) -> Actor {
        self.with_scopes("publisher", &["articles:read", "articles:write", "articles:publish", "search"])
    }

    /// A customer's app.
    pub fn customer(&self) -> Actor {
        self.with_key(json!({ "name": "customer", "scopes": ["search"] }))
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if let Some(app) = self.app.take() {
            app.stop().unwrap();
        }
    }
}

/// Somebody who calls the server.
#[derive(Clone)]
pub struct Actor {
    base: String,
    secret: Option<String>,
    agent: Agent,
    headers: Vec<(String, String)>,
}

impl Actor {
    pub fn new(base: &str, secret: Option<&str>) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(60)));
        Self {
            base: base.to_owned(),
            secret: secret.map(str::to_owned),
            agent: config.build().into(),
            headers: Vec::new(),
        }
    }

    /// The same actor, who also sends this header.
    pub fn and(&self, name: &str, value: &str) -> Self {
        let mut other = self.clone();
        other.headers.push((name.to_owned(), value.to_owned()));
        other
    }

    /// Waits as whoever sends traffic to a server does: until it says that it is ready.
    pub fn until_ready(&self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let ready = self.get("/readyz");
            if ready.status == 200 {
                return;
            }
            assert!(Instant::now() < deadline, "not ready: {}", ready.body);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn get(&self, path: &str) -> Response {
        self.send("GET", path, None)
    }

    pub fn post(&self, path: &str, body: Value) -> Response {
        self.send("POST", path, Some(("application/json", body.to_string())))
    }

    pub fn put(&self, path: &str, body: Value) -> Response {
        self.send("PUT", path, Some(("application/json", body.to_string())))
    }

    pub fn patch(&self, path: &str, body: Value) -> Response {
        self.send("PATCH", path, Some(("application/json", body.to_string())))
    }

    pub fn delete(&self, path: &str) -> Response {
        self.send("DELETE", path, None)
    }

    pub fn post_raw(&self, path: &str, content_type: &str, body: &str) -> Response {
        self.send("POST", path, Some((content_type, body.to_owned())))
    }

    pub fn send(&self, method: &str, path: &str, body: Option<(&str, String)>) -> Response {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(secret) = &self.secret {
            request = request.header("Authorization", format!("Bearer {secret}"));
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let response = match body {
            None => self.agent.run(request.body(()).unwrap()),
            Some((content_type, text)) => {
                self.agent.run(request.header("Content-Type", content_type).body(text).unwrap())
            }
        };
        let mut response = response.unwrap();
        let headers = response.headers().iter();
        let headers = headers.map(|(n, v)| (n.to_string(), v.to_str().unwrap().to_owned())).collect();
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(64 << 20).read_to_string().unwrap();
        Response { status, headers, body }
    }

    /// A published article, found by searches when this returns.
    pub fn publish_article(&self, id: &str, title: &str, body: &str) -> Response {
        let article = json!({ "id": id, "title": title, "body": body, "publish": true });
        let made = self.post("/v1/articles?wait=searchable", article);
        assert_eq!((made.status, made.header("x-searchable")), (201, Some("true")), "{}", made.body);
        made
    }
}

/// What the server answered.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|why| panic!("{why}: {}", self.body))
    }

    /// The body, which must come with this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// The code of a problem, which must come as problem details with this status and its request id.
    #[track_caller]
    pub fn problem(&self, status: u16) -> String {
        let body = self.expect(status);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(body["status"], status);
        assert_eq!(body["request_id"].as_str(), self.header("x-request-id"));
        body["code"].as_str().unwrap().to_owned()
    }

    /// Status and body for a snapshot, without what differs from run to run.
    pub fn story(&self) -> String {
        let mut body = self.json();
        redact(&mut body);
        format!("{}\n{}", self.status, serde_json::to_string_pretty(&body).unwrap())
    }
}

fn redact(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::Object(fields) => {
            for (name, field) in fields {
                match (name.as_str(), &*field) {
                    (_, Value::Null) => {}
                    ("request_id" | "secret" | "hash" | "took_ms" | "score" | "confidence", _) => *field = mark(name),
                    ("query_id" | "answer_id" | "gap_id", _) => *field = mark("id"),
                    (_, Value::String(text)) if is_time(text) => *field = mark("time"),
                    (_, Value::String(text)) if is_made(text) => *field = mark("id"),
                    _ => redact(field),
                }
            }
        }
        _ => {}
    }
}

fn mark(what: &str) -> Value {
    Value::String(format!("[{what}]"))
}

fn is_time(text: &str) -> bool {
    text.len() >= 20 && text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok()
}

/// Ids that the server makes: 32 hex digits, after a prefix or without one.
fn is_made(text: &str) -> bool {
    let bare = text.split_once('_').map_or(text, |(_, rest)| rest);
    bare.len() == 32 && bare.bytes().all(|b| b.is_ascii_hexdigit())
}

/// What is found within so many seconds.
pub fn found_within<T>(seconds: u64, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "not within {seconds} seconds: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Waits until it is so, at most so many seconds.
pub fn eventually(seconds: u64, what: &str, check: impl Fn() -> bool) {
    found_within(seconds, what, || check().then_some(()));
}
