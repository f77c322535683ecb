//! What does the whole cost over HTTP? Import, search, publication beside searches, memory and restart, each with its bar.
//!
//! `ZHIYIN_EVAL_DATA=… cargo run --release --example bench_http -- [passages]` (default 100000). The corpus is that of
//! `bench_search`. The server runs in a process of its own on all cores; the load comes from this one, over
//! kept-open connections, on the same cores: what it costs is counted against the server.
//!
//! Invariant: prints figures and asserts none of them.
#![expect(
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a program that prints its figures"
)]
#![expect(clippy::disallowed_methods, reason = "a program of its own: it reads the environment and starts threads")]

mod client;
#[path = "../../index/examples/bench_search/corpus.rs"]
mod corpus;
mod server;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use client::Client;
use corpus::Corpus;
use serde_json::{Value, json};
use server::Server;
use zhiyin_index::embed::BilingualEmbedder;
use zhiyin_index::{Filter, Index, IndexSettings, Lexicon, Op, Query};

/// The server's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const QUERIES: usize = 1_000;
/// Connections that search at a time.
const CLIENTS: usize = 8;
/// Articles published while others search.
const PUBLICATIONS: usize = 200;
/// How long searches are counted.
const SECONDS: f64 = 10.0;
/// Runs of which the median counts.
const RUNS: usize = 3;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["serve", dir] => return server::serve(Path::new(dir)),
        ["engine", dir, queries] => return engine(Path::new(dir), Path::new(queries)),
        _ => {}
    }
    let Some(data) = std::env::var_os("ZHIYIN_EVAL_DATA").map(|d| PathBuf::from(d).join("kb")) else {
        println!("skipped: ZHIYIN_EVAL_DATA does not name a folder with kb/*.jsonl");
        return Ok(());
    };
    let passages = args.first().map_or(Ok(100_000), |p| p.parse())?;
    let temporary = tempfile::tempdir()?;
    let corpus = Corpus::new(&data, passages, QUERIES)?;
    println!("\n== {} articles, {} passages, over HTTP", corpus.documents.len(), corpus.passages);
    let server = Server::start(temporary.path())?;
    import(&server, &corpus)?;
    let documents = corpus.documents.len();
    let queries = corpus.queries;
    drop(corpus.documents);
    server.settle()?;
    println!("resident after import {:.0} MiB", server.resident_mib());
    server.stop()?;
    measure(temporary.path(), &queries, passages, documents)
}

fn measure(dir: &Path, queries: &[String], passages: usize, documents: usize) -> Result<()> {
    let bodies: Vec<Vec<u8>> =
        queries.iter().map(|q| serde_json::to_vec(&json!({ "query": q }))).collect::<Result<_, _>>()?;
    let mut ready: Vec<f64> = Vec::new();
    for _ in 0..RUNS {
        let start = Instant::now();
        let server = Server::start(dir)?;
        ready.push(start.elapsed().as_secs_f64());
        let stats = Client::new(server.address)?.call("GET", "/v1/spaces/default/stats", b"")?;
        ensure!(stats["documents"] == documents, "not everything is live after a restart: {stats}");
        server.stop()?;
    }
    let ready = median(&mut ready);
    // The engine opens a copy, so that both can be measured in turns: what else the machine does hits both alike.
    let copy = dir.join("copy");
    copy_folder(&index_folder(dir), &copy)?;
    std::fs::write(dir.join("queries.json"), serde_json::to_vec(queries)?)?;
    let server = Server::start(dir)?;
    search_for(server.address, &bodies, CLIENTS, 2.0)?;
    let (mut http, mut own) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        http.push(search_for(server.address, &bodies, CLIENTS, SECONDS)?);
        own.push(engine_alone(&copy, &dir.join("queries.json"))?);
    }
    let (http, own) = (median(&mut http), median(&mut own));
    let alone = latencies(server.address, &bodies)?;
    println!("one client: p50 {:.2} ms, p99 {:.2} ms a search", share(&alone, 0.5) * 1e3, share(&alone, 0.99) * 1e3);
    let resident = server.resident_mib();
    server.stop()?;
    println!(
        "searches a second: {http:.0} over HTTP ({CLIENTS} connections), {own:.0} by the engine's own calls (two threads)"
    );
    row(
        &format!("HTTP search / engine alone, {passages} passages"),
        "≥ 60 %",
        &format!("{:.0} % ({http:.0} / {own:.0} per s)", 100.0 * http / own),
        http >= 0.6 * own,
    );
    row(
        &format!("resident memory of the server, {passages} passages"),
        "≤ 700 MB",
        &format!("{:.0} MB", resident * 1.048_576),
        resident * 1.048_576 <= 700.0,
    );
    row(&format!("restart to ready, {passages} passages"), "≤ 3 s", &format!("{ready:.2} s"), ready <= 3.0);
    let server = Server::start(dir)?;
    publish(&server, &bodies, passages)?;
    server.stop()
}

fn import(server: &Server, corpus: &Corpus) -> Result<()> {
    let mut body = String::new();
    for d in &corpus.documents {
        let row = json!({ "id": d.id, "title": d.title, "body": d.body, "category": d.category, "tags": d.tags, "audience": d.audience, "language": d.language });
        body.push_str(&row.to_string());
        body.push('\n');
    }
    let count = corpus.documents.len() as f64;
    let mut client = Client::new(server.address)?;
    let start = Instant::now();
    let (status, answer) = client.send("POST", "/v1/import?publish=true", "application/x-ndjson", body.as_bytes())?;
    let acknowledged = start.elapsed().as_secs_f64();
    let report: Value = serde_json::from_slice(&answer)?;
    ensure!(status == 200, "the import was refused: {report}");
    println!("{}", summary(&report));
    while client.call("GET", "/v1/spaces/default/stats", b"")?["pending"] != 0 {
        std::thread::sleep(Duration::from_millis(20));
    }
    let searchable = start.elapsed().as_secs_f64();
    println!(
        "import of {count} articles, {:.1} MiB: acknowledged after {acknowledged:.1} s, all searchable after {searchable:.1} s ({:.0} articles/s, embedding included)",
        body.len() as f64 / 1_048_576.0,
        count / searchable,
    );
    let rate = count / acknowledged;
    row("import over HTTP, acknowledged", "≥ 1,000 articles/s", &format!("{rate:.0} articles/s"), rate >= 1_000.0);
    Ok(())
}

fn summary(report: &Value) -> String {
    let mut report = report.clone();
    if let Some(object) = report.as_object_mut() {
        object.retain(|_, value| !value.is_array());
    }
    report.to_string()
}

/// Searches over `clients` connections for some seconds; gives searches a second.
fn search_for(address: SocketAddr, bodies: &[Vec<u8>], clients: usize, seconds: f64) -> Result<f64> {
    let done = AtomicUsize::new(0);
    let start = Instant::now();
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..clients)
            .map(|n| {
                let done = &done;
                scope.spawn(move || -> Result<()> {
                    let mut client = Client::new(address)?;
                    for body in bodies.iter().cycle().skip(n * bodies.len() / clients) {
                        if start.elapsed().as_secs_f64() > seconds {
                            break;
                        }
                        let (status, answer) = client.send("POST", "/v1/search", "application/json", body)?;
                        ensure!(status == 200, "{status} {}", String::from_utf8_lossy(&answer));
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(())
                })
            })
            .collect();
        running.into_iter().try_for_each(|thread| thread.join().ok().context("a client panicked")?)
    })?;
    Ok(done.into_inner() as f64 / start.elapsed().as_secs_f64())
}

fn latencies(address: SocketAddr, bodies: &[Vec<u8>]) -> Result<Vec<f64>> {
    let mut client = Client::new(address)?;
    let mut times = Vec::with_capacity(bodies.len());
    for body in bodies {
        let start = Instant::now();
        client.send("POST", "/v1/search", "application/json", body)?;
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

/// Where the server keeps the index of the default space.
fn index_folder(dir: &Path) -> PathBuf {
    let space = dir.join("data/index/default");
    let current = std::fs::read_to_string(space.join("current")).unwrap_or_else(|_| "1".into());
    space.join(current.trim())
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn engine_alone(index: &Path, queries: &Path) -> Result<f64> {
    let output = Command::new(std::env::current_exe()?).arg("engine").arg(index).arg(queries).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// Searches an index by direct calls from two threads, with the filter that the server would set.
fn engine(dir: &Path, queries: &Path) -> Result<()> {
    let settings = IndexSettings { lexicon: Some(Lexicon::bundled()), ..IndexSettings::default() };
    let (index, _) = Index::open(dir, settings, Arc::new(BilingualEmbedder::bundled()?))?;
    ensure!(index.stats().documents > 0, "the engine opened another index");
    let queries: Vec<String> = serde_json::from_slice(&std::fs::read(queries)?)?;
    let filter = Filter::condition("audience", Op::In, json!(["public", "agent", "internal"]));
    let asked: Vec<Query> = queries.iter().map(|q| Query { filter: Some(filter.clone()), ..Query::new(q) }).collect();
    // The first time warms up.
    by_threads(&index, &asked, 2.0);
    println!("{}", by_threads(&index, &asked, SECONDS));
    Ok(())
}

fn by_threads(index: &Index, asked: &[Query], seconds: f64) -> f64 {
    let done = AtomicUsize::new(0);
    let start = Instant::now();
    std::thread::scope(|scope| {
        for half in 0..2 {
            let done = &done;
            scope.spawn(move || {
                for query in asked.iter().cycle().skip(half * asked.len() / 2) {
                    if start.elapsed().as_secs_f64() > seconds || index.search(query).is_err() {
                        break;
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    done.into_inner() as f64 / start.elapsed().as_secs_f64()
}

/// Publishes articles one after another, alone and while others search, and looks until each is found.
fn publish(server: &Server, bodies: &[Vec<u8>], passages: usize) -> Result<()> {
    let quiet = publications(server.address, "alone")?;
    let stop = AtomicBool::new(false);
    let searched = AtomicUsize::new(0);
    let busy = std::thread::scope(|scope| -> Result<_> {
        let running: Vec<_> = (0..CLIENTS)
            .map(|n| {
                let (stop, searched) = (&stop, &searched);
                scope.spawn(move || -> Result<()> {
                    let mut client = Client::new(server.address)?;
                    for body in bodies.iter().cycle().skip(n * bodies.len() / CLIENTS) {
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                        client.send("POST", "/v1/search", "application/json", body)?;
                        searched.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(())
                })
            })
            .collect();
        let start = Instant::now();
        let busy = publications(server.address, "busy");
        let rate = searched.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64();
        stop.store(true, Ordering::Relaxed);
        running.into_iter().try_for_each(|thread| thread.join().ok().context("a client panicked")?)?;
        println!("while publishing, {CLIENTS} clients made {rate:.0} searches/s");
        busy
    })?;
    for (name, (acknowledged, found)) in [("alone", &quiet), ("8 clients search", &busy)] {
        println!(
            "publish, {name}: acknowledged p50 {:.1} ms p99 {:.1} ms; found p50 {:.0} ms p99 {:.0} ms",
            share(acknowledged, 0.5) * 1e3,
            share(acknowledged, 0.99) * 1e3,
            share(found, 0.5) * 1e3,
            share(found, 0.99) * 1e3,
        );
    }
    let acknowledged = share(&quiet.0, 0.5);
    row(
        &format!("acknowledged publish, median, {passages} passages"),
        "≤ 20 ms",
        &format!("{:.1} ms ({:.1} ms beside 8 searching clients)", acknowledged * 1e3, share(&busy.0, 0.5) * 1e3),
        acknowledged <= 0.02,
    );
    let found = share(&busy.1, 0.99);
    row(
        &format!("publish → searchable, p99, beside 8 searching clients, {passages} passages"),
        "≤ 1 s",
        &format!("{found:.2} s (p50 {:.2} s)", share(&busy.1, 0.5)),
        found <= 1.0,
    );
    Ok(())
}

/// Seconds until each publication was acknowledged, and until a search found it; ascending.
fn publications(address: SocketAddr, name: &str) -> Result<(Vec<f64>, Vec<f64>)> {
    let mut client = Client::new(address)?;
    let (mut acknowledged, mut found) = (Vec::new(), Vec::new());
    for n in 0..PUBLICATIONS {
        let (id, word) = (format!("new-{name}-{n}"), format!("zq{name}{n}"));
        let article = json!({ "id": id, "title": format!("News {word}"), "body": format!("What {word} means for your order."), "publish": true });
        let start = Instant::now();
        client.call("POST", "/v1/articles", &serde_json::to_vec(&article)?)?;
        acknowledged.push(start.elapsed().as_secs_f64());
        while !client.finds(&word, &id)? {
            ensure!(start.elapsed().as_secs() < 60, "{id} is not found after a minute");
            std::thread::sleep(Duration::from_millis(2));
        }
        found.push(start.elapsed().as_secs_f64());
    }
    acknowledged.sort_by(f64::total_cmp);
    found.sort_by(f64::total_cmp);
    Ok((acknowledged, found))
}

fn share(sorted: &[f64], share: f64) -> f64 {
    let place = (sorted.len() as f64 * share) as usize;
    sorted.get(place.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    share(values, 0.5)
}

/// A row of the table that `scripts/bench` collects.
fn row(what: &str, bar: &str, measured: &str, reached: bool) {
    println!("| {what} | {bar} | {measured} | {} |", if reached { "yes" } else { "no" });
}
