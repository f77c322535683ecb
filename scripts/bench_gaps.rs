//! How long does the first page of the gap queue take over many gaps, coverage, the fewest gaps that cover most, and the
//! list of duplicates over many articles?
//!
//! Invariant: prints numbers and asserts none of them. Gaps are written into the store as rows, since counting and
//! grouping them is what `bench_intake` measures; articles go the way that editors' go.
//!
//! `cargo run --release --example bench_gaps -- <directory> [gaps] [articles]`: an empty directory is filled, a filled one
//! is read.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "it prints its numbers")]

mod measure;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use zhiyin::id::{GapId, SpaceId};
use zhiyin::kb::{Caller, GapQuery, Kb, KbSettings, Wish};
use zhiyin::model::account::Secret;
use zhiyin::model::analytics::Bucket;
use zhiyin::model::article::Content;
use zhiyin::model::gap::{CauseKind, Form, Gap, GapDay, GapStatus, Source};
use zhiyin::store::{Store, StoreSettings};

use measure::{Random, ms, rss, timed};

/// The server's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SECRET: &str = "secret-of-the-benchmark";
/// Whose sentences the articles are made of.
const SAMPLES: &str = include_str!("../kb-samples/articles.ndjson");
/// Gaps written in one batch.
const BATCH: u64 = 200;
/// Days over which a gap was asked.
const DAYS: i64 = 60;
const WORDS: [&str; 24] = [
    "发票",
    "退款",
    "快递",
    "会员",
    "优惠券",
    "积分",
    "密码",
    "账户",
    "地址",
    "保修",
    "电池",
    "屏幕",
    "充电器",
    "订单",
    "押金",
    "预约",
    "合同",
    "证书",
    "课程",
    "门票",
    "行李",
    "座位",
    "套餐",
    "流量",
];

impl Random {
    fn below(&mut self, below: u64) -> u64 {
        (self.share() * below as f64) as u64
    }

    fn words(&mut self, count: usize) -> String {
        (0..count).filter_map(|_| WORDS.get(self.below(WORDS.len() as u64) as usize)).copied().collect()
    }
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (dir, gaps, articles) = match args.as_slice() {
        [dir] => (dir, 20_000, 10_000),
        [dir, gaps] => (dir, gaps.parse()?, 10_000),
        [dir, gaps, articles] => (dir, gaps.parse()?, articles.parse()?),
        _ => bail!("usage: bench_gaps <directory> [gaps] [articles]"),
    };
    let now = Timestamp::now();
    let dir = Path::new(dir);
    if !dir.join("store").exists() {
        let (kb, caller) = open(dir, now)?;
        write_articles(&kb, &caller, articles, now)?;
        duplicates(&kb, &caller)?;
        kb.close();
        drop(kb);
        write_gaps(dir, gaps, articles.min(200), now)?;
        println!("Run again for the times of a start and of lists, without what writing leaves in memory.");
        return Ok(());
    }
    let began = Instant::now();
    let (kb, caller) = open(dir, now)?;
    println!("opened in {:.0} ms, RSS {:.0} MB", ms(began.elapsed()), rss()?);
    figures(&kb, &caller, gaps, now)?;
    println!("RSS {:.0} MB", rss()?);
    kb.close();
    Ok(())
}

fn open(dir: &Path, now: Timestamp) -> Result<(Kb, Caller)> {
    let settings = KbSettings {
        data_dir: dir.to_owned(),
        store_cache_bytes: 64 << 20,
        index_batch: 256,
        query_log_interval: Duration::from_millis(400),
        admin_secret: Some(Secret::new(SECRET.to_owned())),
    };
    let (kb, _) = Kb::open(settings, now)?;
    let caller = kb.caller(Some(SECRET), now)?;
    Ok((kb, caller))
}

fn write_articles(kb: &Kb, caller: &Caller, count: u64, now: Timestamp) -> Result<()> {
    let began = Instant::now();
    let space = SpaceId::default_space();
    let (editor, publisher) = (kb.editor(caller, &space)?, kb.publisher(caller, &space)?);
    let mut random = Random(3);
    let sentences = sentences()?;
    let mut last = String::new();
    for number in 0..count {
        // One in twenty says what the one before says.
        if !number.is_multiple_of(20) || last.is_empty() {
            let mut sentence =
                || sentences.get(random.below(sentences.len() as u64) as usize).map_or("", String::as_str);
            let paragraph = |heading: &str, text: &[&str]| format!("## {heading}\n\n{}", text.join(" "));
            let paragraphs = 1 + number % 5;
            let text =
                (0..paragraphs).map(|_| paragraph(sentence(), &[sentence(), sentence(), sentence(), sentence()]));
            last = text.collect::<Vec<_>>().join("\n\n");
        }
        let title = format!("{} {number}", random.words(3));
        let content: Content = serde_json::from_value(json!({ "title": title, "body": last }))?;
        kb.create_article(&editor, Some(&publisher), Some(format!("article-{number}").parse()?), content, None, now)?;
    }
    let admin = kb.admin(caller)?;
    while kb.verify_index(&admin, &space)?.pending > 0 {
        std::thread::sleep(Duration::from_millis(200));
    }
    let stats = serde_json::to_value(kb.space_stats(&admin, &space)?)?;
    println!("{count} articles indexed in {:.1} s: {stats}", began.elapsed().as_secs_f64());
    Ok(())
}

/// The sentences of the sample knowledge.
fn sentences() -> Result<Vec<String>> {
    let mut found = Vec::new();
    for line in SAMPLES.lines() {
        let article: Value = serde_json::from_str(line)?;
        let body = article.pointer("/body").or_else(|| article.pointer("/versions/0/body")).and_then(Value::as_str);
        let pieces = body.unwrap_or_default().split(['。', '.', '\n', '|']).map(str::trim);
        found.extend(pieces.filter(|piece| piece.chars().count() > 8).map(|piece| format!("{piece}。")));
    }
    Ok(found)
}

fn duplicates(kb: &Kb, caller: &Caller) -> Result<()> {
    let curator = kb.curator(caller, &SpaceId::default_space())?;
    let began = Instant::now();
    let pairs = kb.list_duplicates(&curator, None, None, 50)?;
    println!("duplicates          {:>9.1} ms   {} pairs shown", ms(began.elapsed()), pairs.len());
    Ok(())
}

fn write_gaps(dir: &Path, count: u64, articles: u64, now: Timestamp) -> Result<()> {
    let began = Instant::now();
    let store = Store::open(&dir.join("store"), &StoreSettings { cache_bytes: 64 << 20 })?.store;
    let mut random = Random(5);
    let mut batch = store.batch();
    for number in 0..count {
        put_gap(&mut batch, &mut random, number, articles, now)?;
        if (number + 1).is_multiple_of(BATCH) || number + 1 == count {
            store.sync(store.commit(std::mem::take(&mut batch))?)?;
        }
    }
    store.close()?;
    println!("{count} gaps written in {:.1} s", began.elapsed().as_secs_f64());
    Ok(())
}

fn put_gap(
    batch: &mut zhiyin::store::Batch,
    random: &mut Random,
    number: u64,
    articles: u64,
    now: Timestamp,
) -> Result<()> {
    let space = SpaceId::default_space();
    let question = format!("{}怎么办理 {number}", random.words(4));
    let id = GapId::of(&space, &question);
    let first = now.checked_sub(SignedDuration::from_hours(24 * (5 + random.below(DAYS as u64) as i64)))?;
    let mut gap = Gap::new(id.clone(), space.clone(), first);
    gap.label.clone_from(&question);
    gap.keywords = (0..8).map(|_| random.words(1)).collect();
    gap.examples = (0..8).map(|wording| format!("{question} {}", random.words(2 + wording))).collect();
    gap.forms = 2;
    let near = |n: u64| json!({ "article_id": format!("article-{}", n % articles.max(1)), "title": "退货与运费", "score": 0.3 });
    gap.nearest = serde_json::from_value(Value::from((0..3).map(|n| near(number + n)).collect::<Vec<_>>()))?;
    // As the ranks of questions are: few are asked often.
    let asked = 1 + (2_000.0 / (1.0 + random.share() * 4_000.0)) as u64;
    gap.tally = serde_json::from_value(json!({
        "queries": asked, "confidence": 0.2 * asked as f64, "in_talk": asked / 2, "handed_off": asked / 5, "agent_turns": asked
    }))?;
    let mut days: std::collections::BTreeMap<Date, GapDay> = Default::default();
    for n in 0..asked.min(40) {
        let back = SignedDuration::from_secs((random.share() * now.duration_since(first).as_secs_f64()) as i64);
        let at = now.checked_sub(back)?;
        let source = Source { counted: vec![number * 1_000 + n], through: None };
        let grown = days.entry(at.to_zoned(jiff::tz::TimeZone::UTC).date()).or_default().count(&id, &source, at);
        gap.sessions += grown;
        gap.heat.add(grown, at);
        gap.last_seen = gap.last_seen.max(at);
    }
    let kind = if number.is_multiple_of(3) { "present_not_found" } else { "missing" };
    gap.why =
        Some(serde_json::from_value(json!({ "kind": kind, "proof": "search", "article_id": null, "at": first }))?);
    let article = format!("article-{}", number % articles.max(1));
    match number % 20 {
        0 | 1 => {
            gap.status = GapStatus::Closed;
            let asked = |matched: bool| json!({ "matched": matched, "confidence": 0.5, "article_id": article });
            let questions: Vec<Value> = gap
                .examples
                .iter()
                .map(|text| json!({ "question": text, "before": asked(false), "after": asked(true) }))
                .collect();
            gap.verification = Some(serde_json::from_value(json!({
                "at": now, "article_id": article, "version": 1, "publication": 0, "share": 1.0, "bar": 0.8, "passed": true, "questions": questions
            }))?);
            gap.article_id = Some(article.parse()?);
        }
        2 => gap.status = GapStatus::Dismissed,
        3 => (gap.status, gap.article_id) = (GapStatus::Drafting, Some(article.parse()?)),
        _ => {}
    }
    for (number, form_id) in [id.clone(), GapId::of(&space, &format!("{question} 请问"))].into_iter().enumerate() {
        let form: Form = serde_json::from_value(json!({
            "id": form_id, "space": space, "gap": id, "group": number, "form": question, "wordings": gap.examples.get(number..number + 3),
            "language": "zh", "tally": gap.tally, "first_seen": first, "last_seen": gap.last_seen, "nearest": gap.nearest, "why": gap.why, "places": []
        }))?;
        batch.put_form(&form);
    }
    days.iter().for_each(|(day, counts)| batch.put_gap_day(&space, &id, *day, counts));
    batch.put_gap(&gap);
    Ok(())
}

fn figures(kb: &Kb, caller: &Caller, gaps: u64, now: Timestamp) -> Result<()> {
    let space = SpaceId::default_space();
    let (keeper, analyst) = (kb.gap_keeper(caller, &space)?, kb.analyst(caller, &space)?);
    let page =
        |name: &str, status: Option<GapStatus>, cause: Option<CauseKind>, cursor: Option<String>| -> Result<()> {
            let mut shown = 0;
            let took = timed(|| {
                shown = kb.list_gaps(&keeper, &GapQuery { status, cause }, 20, cursor.as_deref(), now)?.items.len();
                Ok(())
            })?;
            println!("{name:<26} {took:>9.1} ms   {shown} shown");
            Ok(())
        };
    page("first page, by impact", None, None, None)?;
    page("open", Some(GapStatus::Open), None, None)?;
    page("drafting", Some(GapStatus::Drafting), None, None)?;
    page("awaiting review", Some(GapStatus::AwaitingReview), None, None)?;
    page("cause present_not_found", None, Some(CauseKind::PresentNotFound), None)?;
    page("page in the middle", None, None, Some((gaps / 2).to_string()))?;
    let from = now.checked_sub(SignedDuration::from_hours(24 * 89))?.to_zoned(jiff::tz::TimeZone::UTC).date();
    let wish = Wish { from: Some(from), to: None, bucket: Bucket::Month, limit: 20 };
    println!(
        "{:<26} {:>9.1} ms",
        "coverage of 90 days",
        timed(|| kb.coverage(&analyst, wish, now).map(drop).map_err(Into::into))?
    );
    let mut needed = 0;
    for share in [0.2, 0.8] {
        let took = timed(|| {
            needed = kb.pareto(&keeper, share, now)?.needed;
            Ok(())
        })?;
        println!("{:<26} {took:>9.1} ms   {needed} gaps", format!("pareto of {share}"));
    }
    Ok(())
}
