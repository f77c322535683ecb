//! Samples of questions whose groups are known.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Questions in the order they arrive, and which belong together.
pub struct Sample {
    pub name: String,
    pub texts: Vec<String>,
    pub truth: Vec<usize>,
}

/// How many questions an intent gets.
#[derive(Clone, Copy)]
pub enum Sizes {
    Each(usize),
    /// Largest ÷ rank, at least 2: demand as it is.
    Zipf(usize),
    /// As many as there are, up to so many.
    All(usize),
}

/// Source, number of intents, sizes.
pub const SETS: [(&str, usize, Sizes); 14] = [
    ("clinc150", 100, Sizes::Each(5)),
    ("clinc150", 40, Sizes::Each(30)),
    ("clinc150", 150, Sizes::Each(15)),
    ("clinc150", 10, Sizes::Each(60)),
    ("clinc150", 100, Sizes::Zipf(150)),
    ("banking77_train", 77, Sizes::Each(8)),
    ("banking77_train", 40, Sizes::Each(30)),
    ("banking77_train", 77, Sizes::Each(40)),
    ("banking77_train", 10, Sizes::Each(60)),
    ("banking77_train", 60, Sizes::Zipf(150)),
    ("webank_pairs", 100, Sizes::Each(5)),
    ("webank_pairs", 20, Sizes::Each(22)),
    ("webank_pairs", 300, Sizes::All(60)),
    ("tatoeba", 500, Sizes::Each(2)),
];

/// A small generator of numbers that look random (Steele et al., SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % end.max(1) as u64) as usize
    }

    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, self.below(at + 1));
        }
    }
}

/// Distinct questions by intent.
pub type Intents = BTreeMap<String, Vec<String>>;

pub fn intents(root: &Path, source: &str) -> Option<Intents> {
    let mut by: Intents = match source {
        "tatoeba" => translations(root)?,
        "webank_pairs" => joined_pairs(root)?,
        _ => {
            let mut by = Intents::new();
            for row in lines(&std::fs::read_to_string(root.join(format!("eval/{source}.jsonl"))).ok()?) {
                let intent = row["intent"].as_str().unwrap();
                if intent != "oos" {
                    by.entry(intent.to_owned()).or_default().push(row["text"].as_str().unwrap().to_owned());
                }
            }
            by
        }
    };
    for texts in by.values_mut() {
        texts.sort();
        texts.dedup();
    }
    by.retain(|_, texts| texts.len() > 1);
    Some(by)
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Questions joined by `same` pairs, also over several.
fn joined_pairs(root: &Path) -> Option<Intents> {
    let rows = lines(&std::fs::read_to_string(root.join("eval/webank_pairs.jsonl")).ok()?);
    let mut parent: BTreeMap<String, String> = BTreeMap::new();
    fn top(parent: &mut BTreeMap<String, String>, text: &str) -> String {
        let mut now = text.to_owned();
        while let Some(next) = parent.get(&now).filter(|next| **next != now) {
            now = next.clone();
        }
        parent.insert(text.to_owned(), now.clone());
        now
    }
    for row in &rows {
        let (a, b) = (row["a"].as_str().unwrap().trim(), row["b"].as_str().unwrap().trim());
        let (a, b) = (top(&mut parent, a), top(&mut parent, b));
        if row["same"].as_bool().unwrap() {
            parent.insert(a, b);
        }
    }
    let texts: Vec<String> = parent.keys().cloned().collect();
    let mut by = Intents::new();
    for text in texts {
        by.entry(top(&mut parent, &text)).or_default().push(text);
    }
    Some(by)
}

/// Rows of the gzipped file of parallel sentences.
pub fn parallel(root: &Path) -> Option<Vec<Value>> {
    let out = Command::new("gzip").arg("-dc").arg(root.join("train/parallel.jsonl.gz")).output().ok()?;
    out.status.success().then(|| lines(&String::from_utf8(out.stdout).unwrap()))
}

/// An English and a Chinese sentence each, of four words and characters or more.
fn translations(root: &Path) -> Option<Intents> {
    let mut by = Intents::new();
    for row in parallel(root)? {
        let (en, zh) = (row["en"].as_str().unwrap(), row["zh"].as_str().unwrap());
        if row["source"] == "tatoeba" && en.split(' ').count() >= 4 && zh.chars().count() >= 4 {
            by.entry(en.to_owned()).or_insert_with(|| vec![en.to_owned(), zh.to_owned()]);
        }
    }
    Some(by)
}

pub fn sample(intents: &Intents, (source, count, sizes): (&str, usize, Sizes), seed: u64) -> Sample {
    let mut random = Random(seed.wrapping_mul(7919).wrapping_add(count as u64));
    let enough = |texts: &Vec<String>| match sizes {
        Sizes::Each(size) if source == "webank_pairs" => texts.len() >= size,
        _ => true,
    };
    let mut chosen: Vec<&Vec<String>> = intents.values().filter(|texts| enough(texts)).collect();
    random.shuffle(&mut chosen);
    chosen.truncate(count);
    let mut rows: Vec<(String, usize)> = Vec::new();
    for (rank, texts) in chosen.iter().enumerate() {
        let mut texts = (*texts).clone();
        random.shuffle(&mut texts);
        texts.truncate(match sizes {
            Sizes::Each(size) | Sizes::All(size) => size,
            Sizes::Zipf(largest) => (largest / (rank + 1)).max(2),
        });
        rows.extend(texts.into_iter().map(|text| (text, rank)));
    }
    random.shuffle(&mut rows);
    let kind = match sizes {
        Sizes::Each(size) => size.to_string(),
        Sizes::Zipf(_) => "zipf".to_owned(),
        Sizes::All(_) => "all".to_owned(),
    };
    let (texts, truth) = rows.into_iter().unzip();
    Sample { name: format!("{source}_{}x{kind}_s{seed}", chosen.len()), texts, truth }
}
