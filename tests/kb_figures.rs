//! Do the figures say what a recount of all records says?
//!
//! Invariant: whatever the records are, counts are exact, lists hold the most asked, and a figure that may be off says so.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use zhiyin::id::SpaceId;
use zhiyin::kb::{Kb, KbSettings, Wish};
use zhiyin::model::account::Secret;
use zhiyin::model::analytics::Bucket;
use zhiyin::model::article::Content;
use zhiyin::model::query::QueryRecord;

const SECRET: &str = "secret-of-these-tests";
const RECORDS: u64 = 4_000;
const DAYS: u64 = 20;
const ARTICLES: u64 = 7;

/// Numbers without a pattern, the same at every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// A number below the bound, small ones far more often.
    fn rank(&mut self, bound: u64) -> u64 {
        let first = self.below(bound);
        let second = self.below(first + 1);
        self.below(second + 1)
    }
}

fn first_day() -> Date {
    date(2026, 3, 1)
}

fn record(random: &mut Random, number: u64) -> QueryRecord {
    let day = first_day().checked_add(i64::try_from(random.below(DAYS)).unwrap().days()).unwrap();
    let at = format!("{day}T{:02}:30:00Z", random.below(24));
    let form = random.rank(300);
    let channel = ["app", "web"].get(usize::try_from(random.below(3)).unwrap());
    let record = json!({
        "id": format!("q_{number}"), "space": "default", "at": at, "kind": "answer", "language": "zh",
        "query": format!("退货{form}号怎么办"), "channel": channel, "conversation_id": null, "matched": !form.is_multiple_of(3),
        "confidence": 0.5, "gap_id": null, "degraded": false,
        "top": { "article_id": format!("a{}", random.rank(ARTICLES)), "version": 1, "score": 0.5 },
    });
    serde_json::from_value(record).unwrap()
}

fn open(folder: &std::path::Path, now: Timestamp) -> Kb {
    let settings = KbSettings {
        data_dir: folder.to_owned(),
        store_cache_bytes: 8 << 20,
        index_batch: 64,
        query_log_interval: Duration::from_millis(50),
        admin_secret: Some(Secret::new(SECRET.to_owned())),
    };
    Kb::open(settings, now).unwrap().0
}

/// Counts by key, the most first.
fn counted<K: Ord>(keys: impl Iterator<Item = K>) -> Vec<(K, u64)> {
    let mut counts: BTreeMap<K, u64> = BTreeMap::new();
    keys.for_each(|key| *counts.entry(key).or_default() += 1);
    let mut counts: Vec<(K, u64)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

#[test]
fn figures_are_those_of_a_recount() {
    let folder = tempfile::tempdir().unwrap();
    let now: Timestamp = "2026-03-20T23:59:00Z".parse().unwrap();
    let kb = open(folder.path(), now);
    let space = SpaceId::default_space();
    let caller = kb.caller(Some(SECRET), now).unwrap();
    let (editor, publisher) = (kb.editor(&caller, &space).unwrap(), kb.publisher(&caller, &space).unwrap());
    for number in 0..ARTICLES {
        let content: Content = serde_json::from_value(json!({ "title": format!("Article {number}") })).unwrap();
        let id = Some(format!("a{number}").parse().unwrap());
        kb.create_article(&editor, Some(&publisher), id, content, None, now).unwrap();
    }
    let mut random = Random(11);
    let records: Vec<QueryRecord> = (0..RECORDS).map(|number| record(&mut random, number)).collect();
    for piece in records.chunks(700) {
        kb.write_history(&kb.admin(&caller).unwrap(), piece.to_vec()).unwrap();
    }
    let analyst = kb.analyst(&caller, &space).unwrap();
    let wish = Wish { from: Some(first_day()), to: None, bucket: Bucket::Week, limit: 40 };

    let report = kb.hot_questions(&analyst, wish, now).unwrap();
    let recount = counted(records.iter().map(|record| record.query.as_str()));
    let most: Vec<u64> = recount.iter().take(40).map(|(_, count)| *count).collect();
    assert_eq!(report.items.iter().map(|item| item.queries).collect::<Vec<_>>(), most);
    assert!(!report.approximate && report.queries == RECORDS);
    let recount: BTreeMap<&str, u64> = recount.into_iter().collect();
    for item in &report.items {
        assert_eq!(recount.get(item.question.as_str()), Some(&item.queries), "{item:?}");
        assert_eq!(item.trend.iter().map(|piece| piece.queries).sum::<u64>(), item.queries);
        let answered = records.iter().filter(|record| record.query == item.question && record.matched).count();
        assert_eq!(item.answered, answered as u64);
    }

    let articles = kb.article_figures(&analyst, wish, now).unwrap();
    let shown: Vec<(String, u64)> = articles.items.iter().map(|a| (a.article_id.to_string(), a.shown)).collect();
    let top = |record: &QueryRecord| record.top.as_ref().unwrap().article_id.to_string();
    assert_eq!(shown, counted(records.iter().map(top)));
    let answered: u64 = articles.items.iter().map(|article| article.answered).sum();
    let matched = records.iter().filter(|record| record.matched).count() as u64;
    let coverage = kb.coverage(&analyst, wish, now).unwrap();
    let overview = kb.overview(&analyst, wish, now).unwrap();
    assert_eq!([answered, coverage.total.answered, overview.live.matched], [matched; 3]);
    assert_eq!(coverage.points.iter().map(|point| point.demand).sum::<u64>(), RECORDS);
    assert_eq!(overview.days.iter().map(|piece| piece.live.queries).sum::<u64>(), RECORDS);

    let channels = kb.channel_figures(&analyst, wish, now).unwrap();
    let named: Vec<(String, u64)> = channels.items.iter().map(|c| (c.channel.clone(), c.queries)).collect();
    assert_eq!(named, counted(records.iter().map(|r| r.channel.clone().unwrap_or_else(|| "none".into()))));

    let topics = kb.hot_topics(&analyst, wish, now).unwrap();
    let word = topics.words.iter().find(|word| word.word == "退货").unwrap();
    assert_eq!((word.count, word.approximate), (RECORDS, false), "a word of every question");

    // Nothing depends on what is kept in memory.
    let before = serde_json::to_value((&report, &articles, &channels, &topics)).unwrap();
    kb.close();
    drop(kb);
    let kb = open(folder.path(), now);
    let analyst = kb.analyst(&kb.caller(Some(SECRET), now).unwrap(), &space).unwrap();
    let after = (
        kb.hot_questions(&analyst, wish, now).unwrap(),
        kb.article_figures(&analyst, wish, now).unwrap(),
        kb.channel_figures(&analyst, wish, now).unwrap(),
        kb.hot_topics(&analyst, wish, now).unwrap(),
    );
    let after: Value = serde_json::to_value(after).unwrap();
    assert_eq!(after, before);
    kb.close();
}
