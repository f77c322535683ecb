//! How long does a forward of a transformer take? Prints milliseconds for 16 tokens, 200 tokens and 32 × 200.
//!
//! `MODEL=<folder> cargo run --release -p zhiyin-index --features transformer --example bench_model`
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a program that prints figures and stops at the first surprise"
)]

use std::path::Path;
use std::time::Instant;

use zhiyin_index::embed::{Embedder, Role, Threads, TransformerEmbedder};

fn main() {
    let folder = std::env::var("MODEL").expect("MODEL names a folder");
    for permits in [1, Threads::default().permits] {
        let started = Instant::now();
        let embedder = TransformerEmbedder::load(Path::new(&folder), Threads { permits, queue: 64 }).unwrap();
        println!("{permits} threads, loaded in {:.0} ms", started.elapsed().as_secs_f64() * 1e3);
        // Two special tokens come on top; "a" is one token in every vocabulary.
        for (what, tokens, texts, rounds) in
            [("16 tokens", 16, 1, 50), ("200 tokens", 200, 1, 20), ("32 x 200 tokens", 200, 32, 3)]
        {
            let text = "a ".repeat(tokens - 2);
            let texts = vec![text.as_str(); texts];
            embedder.embed(&texts, Role::Passage).unwrap();
            let mut times: Vec<f64> = (0..rounds)
                .map(|_| {
                    let started = Instant::now();
                    embedder.embed(&texts, Role::Passage).unwrap();
                    started.elapsed().as_secs_f64() * 1e3
                })
                .collect();
            times.sort_by(f64::total_cmp);
            println!("  {what:16} median {:8.2} ms  best {:8.2} ms", times[times.len() / 2], times[0]);
        }
    }
}
