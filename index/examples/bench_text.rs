//! How fast is text prepared? Prints rates for folding, analysis, passages, sentences and snippets.
//!
//! `cargo run --release -p zhiyin-index --example bench_text`

#![expect(clippy::print_stdout, reason = "a benchmark prints its numbers")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use zhiyin_index::Lexicon;
use zhiyin_index::analyzer::{Analyzer, UserWord};

use zhiyin_index::chunk::{ChunkLimits, chunk};
use zhiyin_index::embed::{BilingualEmbedder, Embedder, Role};
use zhiyin_index::normalize::{fold, folded};
use zhiyin_index::sentence::sentences;
use zhiyin_index::snippet::Highlighter;

const ZH: &str = "如果您对收到的商品不满意，可以在签收后七天内申请无理由退货。请保持商品及包装完好，登录“我的订单”页面，\
选择需要退货的订单，点击“申请售后”，按照页面提示填写退货原因并上传照片。客服会在二十四小时内审核，审核通过后请将商品寄回指定仓库，\
退款将在收到商品后三个工作日内原路返回到您的支付账户。使用优惠券的订单，优惠券不予退还。";
const EN: &str = "If you are not satisfied with the product you received, you can request a return within seven days of delivery. \
Keep the product and its packaging intact, open My Orders, choose the order that you want to return, tap Request Return, and follow \
the instructions to state the reason and upload photos. Our agents review requests within 24 hours; once approved, ship the X200-Pro \
back to the warehouse, and the refund reaches your account within three business days (see https://help.example.com/returns). ";

/// Repeats `work` for about half a second; the time of one call.
fn time<T>(mut work: impl FnMut() -> T) -> Duration {
    black_box(work());
    let start = Instant::now();
    let mut rounds = 0_u32;
    while start.elapsed() < Duration::from_millis(500) {
        black_box(work());
        rounds += 1;
    }
    start.elapsed() / rounds
}

fn rate<T>(name: &str, bytes: usize, work: impl FnMut() -> T) {
    let each = time(work).as_secs_f64();
    println!("{name:<28} {:>9.1} MB/s {:>11.2} µs", bytes as f64 / each / 1e6, each * 1e6);
}

/// The bundled model and lexicon: how fast they are read, and what a query's and a passage's vector cost.
fn embedding() {
    let start = Instant::now();
    let embedder = BilingualEmbedder::bundled();
    println!("bundled model                 loaded in {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    let Ok(embedder) = embedder else { return };
    let start = Instant::now();
    let lexicon = Lexicon::bundled();
    println!(
        "lexicon                       loaded in {:.1} ms, {} words",
        start.elapsed().as_secs_f64() * 1e3,
        lexicon.len()
    );
    let english = |words: usize| EN.split(' ').cycle().take(words).collect::<Vec<_>>().join(" ");
    // A Chinese word has one and a half characters.
    let chinese = |words: usize| ZH.chars().cycle().take(words * 3 / 2).collect::<String>();
    let texts = [
        ("16 words", english(16)),
        ("16 words", chinese(16)),
        ("200 words", english(200)),
        ("200 words", chinese(200)),
    ];
    for ((words, text), language) in texts.iter().zip(["en", "zh"].into_iter().cycle()) {
        rate(&format!("embed {language}, {words}"), text.len(), || embedder.embed(&[text], Role::Query));
    }
}

fn main() {
    let start = Instant::now();
    let analyzer = Analyzer::new();
    println!("default dictionary            loaded in {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
    let start = Instant::now();
    let words = [
        UserWord { word: "知音云".to_owned(), frequency: None },
        UserWord { word: "5G套餐".to_owned(), frequency: None },
    ];
    let own = Analyzer::with_words(&words);
    println!("own dictionary                copied in {:.0} ms", start.elapsed().as_secs_f64() * 1e3);

    embedding();

    let (zh, en) = (ZH.repeat(60), EN.repeat(60));
    rate("fold zh", zh.len(), || fold(&zh));
    rate("folded zh", zh.len(), || folded(&zh));
    rate("fold en", en.len(), || fold(&en));
    rate("folded en", en.len(), || folded(&en));
    rate("fold zh, one passage", ZH.len(), || fold(ZH));
    rate("analyze zh", zh.len(), || analyzer.analyze(&zh));
    rate("analyze zh, own words", zh.len(), || own.analyze(&zh));
    rate("analyze en", en.len(), || analyzer.analyze(&en));
    let queries = ["退货之后多久可以收到退款", "how do I return an order", "X200-Pro 怎么连接 wi-fi"];
    for query in queries {
        rate(&format!("query_terms {} bytes", query.len()), query.len(), || analyzer.query_terms(query));
    }
    let body =
        format!("# 退货\n\n{ZH}\n\n## Returns\n\n{EN}\n\n- 一\n- 二\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n").repeat(20);
    rate("chunk", body.len(), || chunk(&body, &ChunkLimits::default()));
    rate("sentences", body.len(), || sentences(&body));
    for (query, text) in [(queries[0], ZH), (queries[1], EN), (queries[2], ZH)] {
        let highlighter = Highlighter::new(&analyzer.query_terms(query));
        rate(&format!("snippet {} bytes", text.len()), text.len(), || highlighter.snippet(text, 120));
    }
    let terms = analyzer.query_terms(queries[0]);
    rate("highlighter", queries[0].len(), || Highlighter::new(&terms));
}
