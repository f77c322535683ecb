//! How long does it take to say what a publication would change, for 1,000 recent queries on the sample knowledge?
//!
//! `cargo run --release --example bench_preview`. The server runs inside this process; the queries are the samples' judged
//! ones in four wordings, asked once each before.
//!
//! Invariant: prints figures and asserts none of them.
#![expect(clippy::print_stdout, reason = "a program that prints its figures")]

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use ureq::Agent;
use zhiyin::app::App;
use zhiyin::config::Config;
use zhiyin::model::account::Secret;

/// The server's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SECRET: &str = "secret-of-the-bench-of-previews";
const ARTICLES: &str = include_str!("../kb-samples/articles.ndjson");
const QUERIES: &str = include_str!("../kb-samples/queries.ndjson");
/// Other ways to begin a question; each makes another form of it.
const WORDINGS: [&str; 4] = ["", "请问 ", "hello, ", "再问一下 "];
const WANTED: usize = 1_000;
/// Runs of which the median counts.
const RUNS: usize = 5;

fn main() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let config = Config {
        data_dir: dir.path().join("data"),
        listen: ([127, 0, 0, 1], 0).into(),
        admin_key: Some(Secret::new(SECRET.to_owned())),
        key_rate: 1_000_000,
        ..Config::default()
    };
    let app = App::start(&config)?;
    let client = Client { agent: Agent::new_with_defaults(), base: format!("http://{}", app.address) };
    let measured = measure(&client);
    app.stop()?;
    measured
}

fn measure(client: &Client) -> Result<()> {
    client.send("/v1/import?publish=true&wait=searchable", "application/x-ndjson", ARTICLES)?;
    let judged: Vec<Value> = QUERIES.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let texts = judged.iter().filter_map(|query| query.get("query")?.as_str());
    let queries: Vec<String> = WORDINGS
        .iter()
        .flat_map(|begin| texts.clone().map(move |text| format!("{begin}{text}")))
        .take(WANTED)
        .collect();
    for query in &queries {
        client.post("/v1/search", &json!({ "query": query }))?;
    }
    let article = client.get("/v1/articles/return-policy-zh")?;
    let latest = article.get("latest_version").cloned().context("no version")?;
    let draft =
        json!({ "title": "退货", "body": "签收后 30 天内可以退货。运费由我们承担。", "expected_version": latest });
    client.put("/v1/articles/return-policy-zh", &draft)?;
    std::thread::sleep(Duration::from_secs(1));
    let mut times = Vec::new();
    let mut last = Value::Null;
    for _ in 0..RUNS {
        let begun = Instant::now();
        last = client.post("/v1/articles/return-policy-zh/preview", &json!({}))?;
        times.push(begun.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    let median = times.get(RUNS / 2).copied().unwrap_or_default();
    let count = |list: &str| last.get(list).and_then(Value::as_array).map_or(0, Vec::len);
    let asked = last.get("queries").and_then(Value::as_u64).unwrap_or_default();
    println!("{asked} queries: {} gained, {} lost, {} reordered", count("gained"), count("lost"), count("reordered"));
    let reached = if median <= 2.0 { "yes" } else { "no" };
    println!("| preview of {asked} queries on the sample knowledge | ≤ 2 s | {median:.2} s | {reached} |");
    Ok(())
}

struct Client {
    agent: Agent,
    base: String,
}

impl Client {
    fn get(&self, path: &str) -> Result<Value> {
        let answer = self.agent.get(format!("{}{path}", self.base)).header("Authorization", &bearer()).call()?;
        Ok(answer.into_body().read_json()?)
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.send(path, "application/json", &body.to_string())
    }

    fn put(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self.agent.put(format!("{}{path}", self.base)).header("Authorization", &bearer());
        let answer = request.header("Content-Type", "application/json").send(body.to_string())?;
        Ok(answer.into_body().read_json()?)
    }

    fn send(&self, path: &str, content_type: &str, body: &str) -> Result<Value> {
        let request = self.agent.post(format!("{}{path}", self.base)).header("Authorization", &bearer());
        let answer = request.header("Content-Type", content_type).send(body)?;
        ensure!(answer.status().is_success(), "{path} answered {}", answer.status());
        Ok(answer.into_body().read_json()?)
    }
}

fn bearer() -> String {
    format!("Bearer {SECRET}")
}
