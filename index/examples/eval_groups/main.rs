//! How well are questions grouped, all at once and one by one? Intents of CLINC150 and BANKING77, Chinese pairs of the same
//! meaning, and English and Chinese translations, as if nothing answered them; and how long does it take?
//!
//! `ZHIYIN_EVAL_DATA=… cargo run --release -p zhiyin-index --example eval_groups [--seeds 0,1,2] [--write FOLDER] [--show N]
//! [--settings '{…}'] [--scale 10000,50000,100000] [SET …]`
//!
//! `batch`: all questions, one consolidation. `online`: one by one, a consolidation after every tenth of them, the last
//! tenth only placed; `settled`: after one more. A member that waits counts as a cluster of its own. `--write` leaves
//! samples and vectors for `scripts/groups_reference.py`, which measures k-means and HDBSCAN on the same.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a program that prints figures and stops at the first surprise"
)]

mod measure;
mod scale;
mod sets;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use measure::{Measures, measure};
use sets::{SETS, Sample, intents, sample};
use zhiyin_index::analyzer::Analyzer;
use zhiyin_index::embed::{BilingualEmbedder, Embedder, Role};
use zhiyin_index::groups::{GroupSettings, Grouping, Member};

struct Options {
    seeds: Vec<u64>,
    sets: Vec<String>,
    write: Option<String>,
    show: usize,
    scale: Vec<usize>,
    settings: GroupSettings,
}

fn options() -> Options {
    let mut options = Options {
        seeds: vec![0, 1, 2],
        sets: Vec::new(),
        write: None,
        show: 0,
        scale: Vec::new(),
        settings: GroupSettings::default(),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap();
        match argument.as_str() {
            "--seeds" => options.seeds = value().split(',').map(|n| n.parse().unwrap()).collect(),
            "--scale" => options.scale = value().split(',').map(|n| n.parse().unwrap()).collect(),
            "--write" => options.write = Some(value()),
            "--show" => options.show = value().parse().unwrap(),
            "--settings" => options.settings = serde_json::from_str(&value()).unwrap(),
            _ => options.sets.push(argument),
        }
    }
    options
}

fn embed(embedder: &dyn Embedder, texts: &[String]) -> Vec<Vec<f32>> {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    texts.chunks(64).flat_map(|some| embedder.embed(some, Role::Query).unwrap()).collect()
}

fn members(sample: &Sample, vectors: &[Vec<f32>]) -> Vec<Member> {
    let rows = sample.texts.iter().zip(vectors).enumerate();
    rows.map(|(at, (text, vector))| Member {
        id: format!("{at:06}"),
        text: text.clone(),
        vector: vector.clone(),
        weight: 1.0,
    })
    .collect()
}

/// The cluster of each member; one that waits is alone.
fn clusters(grouping: &Grouping, count: usize) -> Vec<usize> {
    let of = |at: usize| grouping.group_of(&format!("{at:06}")).map_or(usize::MAX - at, |group| group.0 as usize);
    (0..count).map(of).collect()
}

struct Run {
    measures: Measures,
    groups: usize,
    waiting: usize,
}

fn look(grouping: &Grouping, truth: &[usize]) -> Run {
    Run {
        measures: measure(truth, &clusters(grouping, truth.len())),
        groups: grouping.groups().count(),
        waiting: grouping.waiting().count(),
    }
}

fn batch(sample: &Sample, vectors: &[Vec<f32>], settings: &GroupSettings) -> (Run, Grouping) {
    let dimension = vectors[0].len();
    let mut grouping = Grouping::new(Analyzer::new(), dimension, settings.clone());
    members(sample, vectors).into_iter().for_each(|member| grouping.wait(member));
    grouping.consolidate();
    (look(&grouping, &sample.truth), grouping)
}

/// Placed and settled, and how many members the last consolidation put elsewhere.
fn online(sample: &Sample, vectors: &[Vec<f32>], settings: &GroupSettings) -> (Run, Run, f64) {
    let mut grouping = Grouping::new(Analyzer::new(), vectors[0].len(), settings.clone());
    let count = sample.texts.len();
    for (at, member) in members(sample, vectors).into_iter().enumerate() {
        grouping.place(member);
        if (at + 1) % (count / 10) == 0 && at < count * 9 / 10 {
            grouping.consolidate();
        }
    }
    let placed = look(&grouping, &sample.truth);
    let before = clusters(&grouping, count);
    grouping.consolidate();
    let moved = before.iter().zip(clusters(&grouping, count)).filter(|(a, b)| **a != *b).count();
    (placed, look(&grouping, &sample.truth), moved as f64 / count as f64)
}

fn row(name: &str, how: &str, run: &Run) {
    let m = &run.measures;
    println!(
        "{name:32} {how:8} {:4} groups {:5} wait  V {:.3}  hom {:.3}  com {:.3}  purity {:.3} @k {:.3}  pairs P {:.3} R {:.3} F1 {:.3}",
        run.groups,
        run.waiting,
        m.v,
        m.homogeneity,
        m.completeness,
        m.purity,
        m.purity_at_k,
        m.precision,
        m.recall,
        m.f1
    );
}

fn write(folder: &Path, sample: &Sample, vectors: &[Vec<f32>]) {
    std::fs::create_dir_all(folder).unwrap();
    let rows = sample.texts.iter().zip(&sample.truth);
    let lines: Vec<String> =
        rows.map(|(text, truth)| serde_json::json!({ "text": text, "truth": truth }).to_string()).collect();
    std::fs::write(folder.join(format!("{}.jsonl", sample.name)), lines.join("\n") + "\n").unwrap();
    let bytes: Vec<u8> = vectors.iter().flatten().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(folder.join(format!("{}.f32", sample.name)), bytes).unwrap();
}

fn show(grouping: &Grouping, count: usize) {
    let mut groups: Vec<_> = grouping.groups().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(grouping.members(*group).count()));
    for group in groups.into_iter().take(count) {
        let words: Vec<String> = grouping.keywords(group, 5).into_iter().map(|(word, _)| word).collect();
        let label = grouping.label(group).map_or("", |(_, text)| text);
        println!("    {:4} × {label}   [{}]", grouping.members(group).count(), words.join(", "));
    }
}

fn main() {
    let Ok(root) = std::env::var("ZHIYIN_EVAL_DATA") else {
        println!("skipped: ZHIYIN_EVAL_DATA names no folder of evaluation data");
        return;
    };
    let (root, options) = (Path::new(&root), options());
    let embedder = BilingualEmbedder::bundled().unwrap();
    if !options.scale.is_empty() {
        scale::run(root, &embedder, &options.scale, &options.settings);
        return;
    }
    let mut known: HashMap<&str, Option<sets::Intents>> = HashMap::new();
    let mut sums: BTreeMap<&str, (f64, f64, f64, f64)> = BTreeMap::new();
    let mut moved = Vec::new();
    for set in SETS {
        if !options.sets.is_empty() && !options.sets.iter().any(|name| name == set.0) {
            continue;
        }
        let Some(intents) = known.entry(set.0).or_insert_with(|| intents(root, set.0)) else {
            println!("skipped: {} is not in the folder", set.0);
            continue;
        };
        for seed in &options.seeds {
            let sample = sample(intents, set, *seed);
            let vectors = embed(&embedder, &sample.texts);
            if let Some(folder) = &options.write {
                write(Path::new(folder), &sample, &vectors);
            }
            let (whole, grouping) = batch(&sample, &vectors, &options.settings);
            let (placed, settled, churn) = online(&sample, &vectors, &options.settings);
            moved.push(churn);
            for (how, run) in [("batch", &whole), ("online", &placed), ("settled", &settled)] {
                row(&sample.name, how, run);
                let sum = sums.entry(how).or_default();
                *sum = (sum.0 + 1.0, sum.1 + run.measures.v, sum.2 + run.measures.f1, sum.3 + run.measures.purity);
            }
            show(&grouping, options.show);
        }
    }
    for (how, (count, v, f1, purity)) in sums {
        println!("mean {how:8} V {:.4}  purity {:.4}  F1 {:.4}", v / count, purity / count, f1 / count);
    }
    println!(
        "moved by the last consolidation: {:.3} of members",
        moved.iter().sum::<f64>() / moved.len().max(1) as f64
    );
}
