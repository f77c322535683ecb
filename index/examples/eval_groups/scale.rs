//! How long does a consolidation take, and a placement, as members grow?

use std::path::Path;
use std::time::Instant;

use crate::embed;
use crate::sets::{Random, parallel};
use zhiyin_index::analyzer::Analyzer;
use zhiyin_index::embed::Embedder;
use zhiyin_index::groups::{GroupSettings, Grouping, Member};

/// Questions placed for the measure of one.
const PLACED: usize = 300;

/// Bytes of this process that are in memory.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

pub fn run(root: &Path, embedder: &dyn Embedder, counts: &[usize], settings: &GroupSettings) {
    let Some(rows) = parallel(root) else {
        println!("skipped: the folder has no train/parallel.jsonl.gz");
        return;
    };
    let both = rows.iter().flat_map(|row| [row["en"].as_str().unwrap(), row["zh"].as_str().unwrap()]);
    let mut texts: Vec<String> =
        both.filter(|text| (4..120).contains(&text.chars().count())).map(str::to_owned).collect();
    texts.sort();
    texts.dedup();
    Random(1).shuffle(&mut texts);
    for count in counts {
        let some = &texts[..count + PLACED];
        let bytes: usize = some.iter().map(String::len).sum();
        let mut members: Vec<Member> = embed(embedder, some)
            .into_iter()
            .zip(some)
            .enumerate()
            .map(|(at, (vector, text))| Member { id: format!("{at:06}"), text: text.clone(), vector, weight: 1.0 })
            .collect();
        let late = members.split_off(*count);
        let before = resident();
        let mut grouping = Grouping::new(Analyzer::new(), embedder.dimension(), settings.clone());
        let start = Instant::now();
        members.into_iter().for_each(|member| grouping.wait(member));
        let loaded = start.elapsed().as_secs_f64();
        let start = Instant::now();
        grouping.consolidate();
        let first = start.elapsed().as_secs_f64();
        let start = Instant::now();
        grouping.consolidate();
        let second = start.elapsed().as_secs_f64();
        let grown = resident().saturating_sub(before);
        let mut times: Vec<f64> = Vec::new();
        for member in late {
            let start = Instant::now();
            grouping.place(member);
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        println!(
            "{count:7} members: loaded in {loaded:.1} s, consolidated in {first:.1} s, again in {second:.1} s; a question placed in {:.2} ms (median), {:.2} ms (99 %); {} groups, {} wait; {:.0} bytes a member (text {:.0})",
            times[PLACED / 2],
            times[PLACED * 99 / 100],
            grouping.groups().count(),
            grouping.waiting().count(),
            grown as f64 / *count as f64,
            bytes as f64 / (count + PLACED) as f64
        );
    }
}
