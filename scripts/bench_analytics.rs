//! How long does each call for figures take over many query records, and how much memory?
//!
//! Invariant: prints numbers and asserts none of them. The records go the way that live ones go; only searching is left
//! out.
//!
//! `cargo run --release --example bench_analytics -- <empty directory> [records] [articles]`

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "it prints its numbers")]

mod measure;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use zhiyin::id::{GapId, SpaceId};
use zhiyin::kb::{Kb, KbSettings, Wish};
use zhiyin::model::account::Secret;
use zhiyin::model::analytics::Bucket;
use zhiyin::model::article::Content;
use zhiyin::model::query::QueryRecord;

use measure::{Random, ms, rss, timed};

/// The server's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SECRET: &str = "secret-of-the-benchmark";
/// Days over which the records lie.
const DAYS: i64 = 90;
/// Different questions.
const FORMS: u64 = 200_000;
/// Those among them of which some are answered by nothing: gaps are grouped beside the benchmark.
const UNANSWERED_BELOW: u64 = 5_000;
/// Records written with one call.
const PIECE: u64 = 10_000;
/// The bar of an overview, in milliseconds.
const OVERVIEW_MS: f64 = 200.0;

impl Random {
    /// A number below, small ones far more often: as the ranks of questions are.
    fn rank(&mut self, below: u64) -> u64 {
        ((below as f64).powf(self.share()) - 1.0) as u64
    }
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (dir, records, articles) = match args.as_slice() {
        [dir] => (dir, 2_000_000, 2_000),
        [dir, records] => (dir, records.parse()?, 2_000),
        [dir, records, articles] => (dir, records.parse()?, articles.parse()?),
        _ => bail!("usage: bench_analytics <empty directory> [records] [articles]"),
    };
    let settings = KbSettings {
        data_dir: Path::new(dir).to_owned(),
        store_cache_bytes: 64 << 20,
        index_batch: 256,
        query_log_interval: Duration::from_millis(400),
        admin_secret: Some(Secret::new(SECRET.to_owned())),
    };
    let now = Timestamp::now();
    let (kb, _) = Kb::open(settings, now)?;
    let began = Instant::now();
    write_articles(&kb, articles, now)?;
    println!("{articles} articles        {:>9.1} s", began.elapsed().as_secs_f64());
    let began = Instant::now();
    write_records(&kb, records, articles, now)?;
    let took = began.elapsed().as_secs_f64();
    println!("{records} records {took:>12.1} s   {:.0}/s   RSS {:.0} MB", records as f64 / took, rss()?);
    figures(&kb, now)?;
    println!("RSS                 {:>9.0} MB", rss()?);
    let began = Instant::now();
    kb.close();
    println!("close               {:>9.1} ms", ms(began.elapsed()));
    println!("on disk             {:>9.0} MB", size(Path::new(dir))? as f64 / 1e6);
    Ok(())
}

fn write_articles(kb: &Kb, count: u64, now: Timestamp) -> Result<()> {
    let space = SpaceId::default_space();
    let caller = kb.caller(Some(SECRET), now)?;
    let (editor, publisher) = (kb.editor(&caller, &space)?, kb.publisher(&caller, &space)?);
    for number in 0..count {
        let content: Content = serde_json::from_value(json!({
            "title": format!("第 {number} 条: 退货与运费"), "body": format!("第 {number} 条规定, 签收后 15 天内可以退货。")
        }))?;
        let id = Some(format!("article-{number}").parse()?);
        kb.create_article(&editor, Some(&publisher), id, content, None, now)?;
    }
    Ok(())
}

fn write_records(kb: &Kb, count: u64, articles: u64, now: Timestamp) -> Result<()> {
    let admin = kb.admin(&kb.caller(Some(SECRET), now)?)?;
    let mut random = Random(7);
    let words = ["退货", "运费", "发票", "优惠券", "物流", "账号", "密码", "会员", "尺码", "颜色", "安装", "保修"];
    let mut number = 0;
    while number < count {
        let piece = (number..count.min(number + PIECE)).map(|number| {
            // In the order of time, as they come.
            let back = DAYS as f64 * 86_400.0 * (1.0 - number as f64 / count as f64);
            let at = now.checked_sub(SignedDuration::from_secs(back as i64))?;
            record(&mut random, number, articles, at, &words)
        });
        kb.write_history(&admin, piece.collect::<Result<Vec<QueryRecord>>>()?)?;
        number += PIECE;
        if number % 200_000 == 0 {
            println!("  {number} written, RSS {:.0} MB", rss()?);
        }
    }
    Ok(())
}

fn record(random: &mut Random, number: u64, articles: u64, at: Timestamp, words: &[&str]) -> Result<QueryRecord> {
    let form = random.rank(FORMS);
    let word = |n: u64| words.get((n % words.len() as u64) as usize).copied().unwrap_or_default();
    let query = format!("{}的{}怎么办理 variant {form}", word(form), word(form / 12));
    // One in five of those that are asked most is answered by nothing.
    let matched = form >= UNANSWERED_BELOW || !form.is_multiple_of(5);
    let space = SpaceId::default_space();
    let gap = (!matched).then(|| GapId::of(&space, &query));
    let article = random.rank(articles);
    let channel = ["app", "web", "phone"].get((number % 3) as usize);
    Ok(serde_json::from_value(json!({
        "id": format!("q_{number:032x}"), "space": space, "at": at, "kind": "answer", "query": query, "language": "zh",
        "channel": channel, "conversation_id": format!("c-{}", number / 3),
        "matched": matched, "confidence": if matched { 0.8 } else { 0.2 },
        "top": { "article_id": format!("article-{article}"), "version": 1, "score": 0.8 },
        "gap_id": gap, "degraded": false,
    }))?)
}

fn figures(kb: &Kb, now: Timestamp) -> Result<()> {
    let analyst = kb.analyst(&kb.caller(Some(SECRET), now)?, &SpaceId::default_space())?;
    let wish = |days: i64| -> Result<Wish> {
        let from = now.checked_sub(SignedDuration::from_hours(24 * (days - 1)))?;
        let from = from.to_zoned(jiff::tz::TimeZone::UTC).date();
        Ok(Wish { from: Some(from), to: None, bucket: Bucket::Month, limit: 20 })
    };
    println!("                       30 days     {DAYS} days");
    let both = |name: &str, call: &dyn Fn(Wish) -> Result<()>| -> Result<()> {
        let (month, all) = (timed(|| call(wish(30)?))?, timed(|| call(wish(DAYS)?))?);
        println!("{name:<18} {month:>9.1} ms {all:>9.1} ms");
        Ok(())
    };
    let overview = timed(|| kb.overview(&analyst, wish(30)?, now).map(drop).map_err(Into::into))?;
    let reached = if overview <= OVERVIEW_MS { "yes" } else { "no" };
    println!("| overview of 30 days | ≤ {OVERVIEW_MS:.0} ms | {overview:.1} ms | {reached} |");
    both("overview", &|wish| kb.overview(&analyst, wish, now).map(drop).map_err(Into::into))?;
    both("questions", &|wish| kb.hot_questions(&analyst, wish, now).map(drop).map_err(Into::into))?;
    both("topics", &|wish| kb.hot_topics(&analyst, wish, now).map(drop).map_err(Into::into))?;
    both("articles", &|wish| kb.article_figures(&analyst, wish, now).map(drop).map_err(Into::into))?;
    both("channels", &|wish| kb.channel_figures(&analyst, wish, now).map(drop).map_err(Into::into))?;
    both("coverage", &|wish| kb.coverage(&analyst, wish, now).map(drop).map_err(Into::into))?;
    both("forecast", &|wish| kb.forecast(&analyst, wish, now).map(drop).map_err(Into::into))?;
    both("alerts", &|wish| kb.list_alerts(&analyst, wish, None, None, now).map(drop).map_err(Into::into))?;
    let told = kb.forecast(&analyst, wish(DAYS)?, now)?;
    println!("forecast: {:?} {:?}", told.model, told.error);
    Ok(())
}

fn size(path: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let kind = entry.metadata()?;
        bytes += if kind.is_dir() { size(&entry.path())? } else { kind.len() };
    }
    Ok(bytes)
}
