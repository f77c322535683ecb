//! How fast is the store on this disk, and what does it cost?
//!
//! Invariant: prints numbers and asserts none of them. Each phase runs in a process of its own, so that memory and
//! opening are those of that phase.
//!
//! `cargo run --release --example bench_store -- <empty directory> [articles]`

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "it prints its numbers")]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use serde_json::json;
use zhiyin::id::{ArticleId, SpaceId};
use zhiyin::model::article::{Article, Version};
use zhiyin::store::{AuditDraft, Batch, Store, StoreSettings};

const COMMITS: usize = 400;
const BATCH: usize = 256;
const VERSIONS: u32 = 3;
const CACHE: u64 = 64 << 20;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["phase", phase, dir, count] => run_phase(phase, Path::new(dir), count.parse()?),
        [dir] => run_all(dir, "30000"),
        [dir, count] => run_all(dir, count),
        _ => bail!("usage: bench_store <empty directory> [articles]"),
    }
}

fn run_all(dir: &str, count: &str) -> Result<()> {
    for phase in ["commits-1", "commits-8", "import", "open", "read", "open", "die", "open", "die-importing", "open"] {
        let program = std::env::current_exe()?;
        // The phases that die end by a signal; their word is what they printed.
        Command::new(program).args(["phase", phase, dir, count]).status()?;
    }
    let size: u64 = walk(Path::new(dir))?;
    println!("on disk            {:>8.1} MB", size as f64 / 1e6);
    Ok(())
}

fn run_phase(phase: &str, dir: &Path, count: usize) -> Result<()> {
    let began = Instant::now();
    let store = Store::open(dir, &StoreSettings { cache_bytes: CACHE })?.store;
    let opened = began.elapsed();
    match phase {
        "commits-1" => commits(&store, 1)?,
        "commits-8" => commits(&store, 8)?,
        "import" => import(&store, count)?,
        "read" => read(&store)?,
        "open" => println!("open               {:>8.1} ms   RSS {:.0} MB", ms(opened), rss()?),
        "die" => {
            commits(&store, 1)?;
            std::process::abort();
        }
        "die-importing" => {
            import(&store, count / 3)?;
            std::process::abort();
        }
        other => bail!("no phase '{other}'"),
    }
    let began = Instant::now();
    store.close()?;
    drop(store);
    println!("  {phase}: close {:.0} ms", ms(began.elapsed()));
    Ok(())
}

/// What an editor's save writes.
fn save(batch: &mut Batch, number: usize, version: u32) -> Result<()> {
    let space = SpaceId::default_space();
    let id: ArticleId = format!("article-{number:06}").parse()?;
    let at = Timestamp::now();
    let words = "退货需要在七天之内 return within seven days ";
    let body: String = words.chars().cycle().skip(number % 40).take(1_950).collect();
    let content = json!({"title": format!("Article {number}"), "body": body, "tags": ["a", "b"]});
    let version: Version = serde_json::from_value(json!({
        "number": version, "content": content, "note": null, "author": "bench", "created_at": at,
    }))?;
    let article: Article = serde_json::from_value(json!({
        "space": space, "id": id, "created_at": at, "updated_at": at, "latest": version.number, "live": null,
        "schedule": null, "review": null, "archived": false, "publications": 0, "verified_at": null,
        "review_due_at": null,
    }))?;
    batch.put_article(&article);
    batch.put_version(&article.space, &article.id, &version);
    batch.mark_dirty(&article.space, &article.id);
    batch.audit(AuditDraft {
        at: article.updated_at,
        actor: "bench".into(),
        action: "article.save".into(),
        space: Some(article.space.clone()),
        subject: article.id.to_string(),
        detail: json!({"version": version.number}),
    });
    Ok(())
}

fn commits(store: &Store, threads: usize) -> Result<()> {
    let before = store.syncs();
    let began = Instant::now();
    let mut times: Vec<Duration> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(move || one_writer(store, thread))).collect();
        let times: Vec<_> = running.into_iter().filter_map(|thread| thread.join().ok()).collect();
        times.into_iter().collect::<Result<Vec<_>>>().map(|lists| lists.concat())
    })?;
    let took = began.elapsed();
    times.sort_unstable();
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().map_or(0.0, ms);
    println!(
        "commit + sync, {threads} threads: {:>6.0}/s   median {:.2} ms   p99 {:.2} ms   fdatasyncs per commit {:.2}",
        times.len() as f64 / took.as_secs_f64(),
        at(0.5),
        at(0.99),
        (store.syncs() - before) as f64 / times.len() as f64,
    );
    Ok(())
}

fn one_writer(store: &Store, thread: usize) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    for number in 0..COMMITS {
        let mut batch = store.batch();
        save(&mut batch, 900_000 + thread * COMMITS + number, 1)?;
        let began = Instant::now();
        store.sync(store.commit(batch)?)?;
        times.push(began.elapsed());
    }
    Ok(times)
}

fn import(store: &Store, count: usize) -> Result<()> {
    let began = Instant::now();
    let before = written()?;
    for version in 1..=VERSIONS {
        let numbers: Vec<usize> = (0..count).collect();
        for chunk in numbers.chunks(BATCH) {
            let mut batch = store.batch();
            for number in chunk {
                save(&mut batch, *number, version)?;
            }
            store.sync(store.commit(batch)?)?;
        }
    }
    let took = began.elapsed().as_secs_f64();
    let rows = count as f64 * f64::from(VERSIONS);
    println!(
        "import             {:>8.0} articles/s   {:.1} KB to disk per article   RSS {:.0} MB",
        rows / took,
        (written()? - before) as f64 / rows / 1e3,
        rss()?,
    );
    Ok(())
}

fn read(store: &Store) -> Result<()> {
    let began = Instant::now();
    let mut count = 0;
    for article in store.articles(&SpaceId::default_space(), None) {
        let article = article?;
        store.get_version(&article.space, &article.id, article.latest)?.context("a version is missing")?;
        count += 1;
    }
    let took = began.elapsed().as_secs_f64();
    println!("read all           {:>8.0} articles/s   RSS {:.0} MB", f64::from(count) / took, rss()?);
    Ok(())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Resident memory in MB (proc(5), `VmRSS`).
fn rss() -> Result<f64> {
    Ok(field("/proc/self/status", "VmRSS:")? as f64 / 1e3)
}

/// Bytes this process has sent to the disk (proc(5), `write_bytes`).
fn written() -> Result<u64> {
    field("/proc/self/io", "write_bytes:")
}

fn field(path: &str, name: &str) -> Result<u64> {
    let text = std::fs::read_to_string(path)?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)).context("no such field")?;
    Ok(line.split_whitespace().next().context("no value")?.parse()?)
}

fn walk(dir: &Path) -> Result<u64> {
    let mut size = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        size += if meta.is_dir() { walk(&entry.path())? } else { meta.len() };
    }
    Ok(size)
}
