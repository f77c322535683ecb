//! How well are intents told, and strangers? CLINC150 (train → val, strangers from its out-of-scope splits) and
//! BANKING77 (its train split, cross-validated): accuracy, calibration error, AUROC of "none of these", time.
//!
//! `ZHIYIN_EVAL_DATA=… cargo run --release -p zhiyin-index --features transformer --example eval_classify [--hashing]
//! [--model FOLDER] [--vectors FOLDER] [--folds N] [SET …]`
//!
//! `--model` is the folder of a transformer. `--vectors` keeps what the model gave: it reads `SET.f32` in that folder
//! (one vector of little-endian 32-bit floats for each line of the set), or writes it where it is missing.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a program that prints figures and stops at the first surprise"
)]

use std::path::Path;
use std::time::Instant;

use serde_json::Value;
use zhiyin_index::analyzer::Analyzer;
use zhiyin_index::classify::{Classified, Classifier, ClassifySettings, Example};
use zhiyin_index::embed::{BilingualEmbedder, Embedder, HashEmbedder, Role};

struct Labelled {
    example: Example,
    split: String,
    vector: Vec<f32>,
}

/// Probability and truth of each text tested.
#[derive(Default)]
struct Tally {
    /// Of texts that have a label: whether it was told, the probability given to what was told, without and with "none".
    told: Vec<(bool, f32, f32)>,
    /// Probability of "none", and whether it is true.
    none: Vec<(f32, bool)>,
    seconds: f64,
    classified: f64,
}

impl Tally {
    fn add(&mut self, label: Option<&str>, found: &Classified) {
        self.none.push((found.none, label.is_none()));
        if let Some(label) = label {
            let (best, share) = found.labels.first().map_or(("", 0.0), |(name, share)| (name.as_str(), *share));
            self.told.push((best == label, share / (1.0 - found.none).max(1e-6), share));
        }
    }

    /// Expected calibration error over 15 bins of equal width.
    fn ece(&self, with_none: bool) -> f32 {
        let mut bins = [(0.0_f32, 0.0_f32, 0.0_f32); 15];
        for (right, alone, joint) in &self.told {
            let share = if with_none { *joint } else { *alone };
            let bin = &mut bins[((share * 15.0) as usize).min(14)];
            *bin = (bin.0 + 1.0, bin.1 + share, bin.2 + f32::from(u8::from(*right)));
        }
        bins.iter().map(|(_, sure, right)| (sure - right).abs()).sum::<f32>() / self.told.len().max(1) as f32
    }

    fn auroc(&self) -> f64 {
        let mut ranked = self.none.clone();
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut rank, mut positives) = (0.0, 0.0);
        for (at, (_, stranger)) in ranked.iter().enumerate() {
            if *stranger {
                rank += (at + 1) as f64;
                positives += 1.0;
            }
        }
        let negatives = ranked.len() as f64 - positives;
        if positives * negatives > 0.0 {
            (rank - positives * (positives + 1.0) / 2.0) / (positives * negatives)
        } else {
            f64::NAN
        }
    }

    fn print(&self, name: &str) {
        let right = self.told.iter().filter(|(right, ..)| *right).count();
        println!(
            "{name:18} accuracy {:.4}  calibration error {:.3} (with none {:.3})  AUROC of none {:.4}  trained in {:.1} s  {:.0} µs a text",
            right as f64 / self.told.len().max(1) as f64,
            self.ece(false),
            self.ece(true),
            self.auroc(),
            self.seconds,
            self.classified * 1e6 / self.none.len().max(1) as f64
        );
    }
}

/// Texts that are embedded at once.
const BATCH: usize = 256;

/// The vectors of a set's texts: read from `kept` where they are, else made, and kept there.
fn made(texts: &[&str], kept: Option<&Path>, embedder: &dyn Embedder) -> Vec<Vec<f32>> {
    if let Some(bytes) = kept.and_then(|path| std::fs::read(path).ok()) {
        let values: Vec<f32> = bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        return values.chunks_exact(values.len() / texts.len()).map(<[f32]>::to_vec).collect();
    }
    // As passages, like the engine: examples and texts are of one kind.
    let vectors: Vec<Vec<f32>> =
        texts.chunks(BATCH).flat_map(|some| embedder.embed(some, Role::Passage).unwrap()).collect();
    if let Some(path) = kept {
        let bytes: Vec<u8> = vectors.iter().flatten().flat_map(|value| value.to_le_bytes()).collect();
        std::fs::write(path, bytes).unwrap();
    }
    vectors
}

#[cfg(feature = "transformer")]
fn transformer(folder: &str) -> Box<dyn Embedder> {
    use zhiyin_index::embed::{Threads, TransformerEmbedder};
    Box::new(TransformerEmbedder::load(Path::new(folder), Threads::default()).unwrap())
}

#[cfg(not(feature = "transformer"))]
fn transformer(folder: &str) -> Box<dyn Embedder> {
    panic!("{folder}: models from folders need --features transformer")
}

fn load(root: &Path, set: &str, vectors: Option<&str>, embedder: &dyn Embedder) -> Vec<Labelled> {
    let text = std::fs::read_to_string(root.join(format!("eval/{set}.jsonl"))).unwrap();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let texts: Vec<&str> = rows.iter().map(|row| row["text"].as_str().unwrap()).collect();
    let kept = vectors.map(|folder| Path::new(folder).join(format!("{set}.f32")));
    let made = made(&texts, kept.as_deref(), embedder);
    let labelled = rows.iter().zip(made).map(|(row, vector)| Labelled {
        example: Example {
            text: row["text"].as_str().unwrap().to_owned(),
            label: row["intent"].as_str().unwrap_or("oos").to_owned(),
        },
        split: row["split"].as_str().unwrap_or("train").to_owned(),
        vector,
    });
    labelled.collect()
}

fn run(
    train: &[&Labelled],
    test: &[&Labelled],
    strangers: &[&Labelled],
    settings: &ClassifySettings,
    tally: &mut Tally,
) {
    let started = Instant::now();
    let examples: Vec<Example> = train.iter().map(|one| one.example.clone()).collect();
    let vectors = train.iter().map(|one| one.vector.clone()).collect();
    let classifier = Classifier::train(&Analyzer::new(), &examples, vectors, settings);
    tally.seconds += started.elapsed().as_secs_f64();
    let started = Instant::now();
    for one in test {
        tally.add(Some(&one.example.label), &classifier.classify(&one.example.text, &one.vector, 3));
    }
    for one in strangers {
        tally.add(None, &classifier.classify(&one.example.text, &one.vector, 3));
    }
    tally.classified += started.elapsed().as_secs_f64();
}

fn main() {
    let root = std::env::var("ZHIYIN_EVAL_DATA").unwrap();
    let settings = match std::env::var("CLASSIFY") {
        Ok(text) => serde_json::from_str(&text).unwrap(),
        Err(_) => ClassifySettings::default(),
    };
    let (mut sets, mut vectors, mut hashing, mut folds) = (Vec::new(), None, false, 4);
    let mut model = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--hashing" => hashing = true,
            "--model" => model = arguments.next(),
            "--vectors" => vectors = arguments.next(),
            "--folds" => folds = arguments.next().unwrap().parse().unwrap(),
            _ => sets.push(argument),
        }
    }
    if sets.is_empty() {
        sets = vec!["clinc150".to_owned(), "banking77_train".to_owned()];
    }
    let embedder: Box<dyn Embedder> = match &model {
        Some(folder) => transformer(folder),
        None if hashing => Box::new(HashEmbedder::default()),
        None => Box::new(BilingualEmbedder::bundled().unwrap()),
    };
    println!("vectors: {}", embedder.id());
    for set in &sets {
        let all = load(Path::new(&root), set, vectors.as_deref(), embedder.as_ref());
        let of = |split: &str| -> Vec<&Labelled> { all.iter().filter(|one| one.split == split).collect() };
        let mut tally = Tally::default();
        if all.iter().any(|one| one.split == "val") {
            let strangers = [of("oos_train"), of("oos_val")].concat();
            run(&of("train"), &of("val"), &strangers, &settings, &mut tally);
        } else {
            // Every fourth example of a label is tested, in turn; the order in the file is kept.
            let mut counts = std::collections::HashMap::new();
            let fold: Vec<usize> = all
                .iter()
                .map(|one| {
                    let count: &mut usize = counts.entry(one.example.label.as_str()).or_default();
                    *count += 1;
                    *count % folds
                })
                .collect();
            for held in 0..folds {
                let part = |test: bool| -> Vec<&Labelled> {
                    all.iter().zip(&fold).filter(|(_, fold)| (**fold == held) == test).map(|(one, _)| one).collect()
                };
                run(&part(false), &part(true), &[], &settings, &mut tally);
            }
            tally.seconds /= folds as f64;
        }
        tally.print(set);
    }
}
