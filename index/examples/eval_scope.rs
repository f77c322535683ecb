//! From which likeness to an example on is a question other business than a space's own?
//!
//! Invariant: prints a table and asserts nothing; the same data give the same table.
//!
//! `ZHIYIN_EVAL_DATA=… cargo run -p zhiyin-index --example eval_scope`: every tenth intent of CLINC150 is other business,
//! named by five of its training questions; what is told are the shares of its validation questions, of those of the other
//! intents (near neighbours of the same assistant) and of BANKING77's (a shop of its own) that lie so near to an example.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "it prints its table")]

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use zhiyin_index::embed::{BilingualEmbedder, Embedder, Role};

type Failure = Box<dyn std::error::Error>;

/// Every so many intents one is other business.
const EVERY: usize = 10;
/// Examples of each.
const EXAMPLES: usize = 5;

fn main() -> Result<(), Failure> {
    let Some(data) = std::env::var_os("ZHIYIN_EVAL_DATA") else {
        println!("ZHIYIN_EVAL_DATA is not set: nothing to measure on");
        return Ok(());
    };
    let data = Path::new(&data).join("eval");
    let clinc = rows(&data.join("clinc150.jsonl"))?;
    let banking = rows(&data.join("banking77_train.jsonl"))?;
    let model = BilingualEmbedder::bundled()?;
    let mut intents: BTreeMap<&str, (Vec<&str>, Vec<&str>)> = BTreeMap::new();
    for (text, intent, split) in &clinc {
        let (train, test) = intents.entry(intent.as_str()).or_default();
        match split.as_str() {
            // Of what no intent is of, nothing is an example.
            "train" => train.push(text),
            "val" => test.push(text),
            _ => {}
        }
    }
    intents.retain(|_, (train, _)| train.len() >= EXAMPLES);
    let (mut examples, mut other, mut near) = (Vec::new(), Vec::new(), Vec::new());
    for (number, (train, test)) in intents.values().enumerate() {
        if number % EVERY == 0 {
            examples.extend(train.iter().take(EXAMPLES).copied());
            other.extend(test.iter().copied());
        } else {
            near.extend(test.iter().copied());
        }
    }
    let own: Vec<&str> = banking.iter().map(|(text, ..)| text.as_str()).collect();
    let embed = |texts: &[&str]| model.embed(texts, Role::Query);
    let examples = embed(&examples)?;
    let nearest = |texts: &[&str]| -> Result<Vec<f32>, Failure> {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
        let best = |vector: &Vec<f32>| examples.iter().map(|example| dot(vector, example)).fold(0.0, f32::max);
        Ok(embed(texts)?.iter().map(best).collect())
    };
    let sides = [nearest(&other)?, nearest(&near)?, nearest(&own)?];
    println!("{} examples; {} | {} | {} questions", examples.len(), other.len(), near.len(), own.len());
    println!("from   other business   other intents   BANKING77");
    for from in (9..=18).map(|step| step as f32 * 0.05) {
        let shares: Vec<String> = sides
            .iter()
            .map(|side| {
                let reached = side.iter().filter(|cosine| **cosine >= from).count();
                format!("{:.4}", reached as f32 / side.len().max(1) as f32)
            })
            .collect();
        println!("{from:.2}   {}", shares.join("           "));
    }
    Ok(())
}

fn rows(path: &Path) -> Result<Vec<(String, String, String)>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|why| format!("{}: {why}", path.display()))?;
    let row = |line: &str| -> Result<(String, String, String), Failure> {
        let value: Value = serde_json::from_str(line)?;
        let field = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok((field("text"), field("intent"), field("split")))
    };
    text.lines().map(row).collect()
}
