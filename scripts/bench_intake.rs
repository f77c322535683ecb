//! How fast are conversations taken in, and how long does it take to group what they ask?
//!
//! Invariant: prints numbers and asserts none of them; everything goes through the use cases, as over HTTP, without a
//! socket.
//!
//! `cargo run --release --example bench_intake -- [turns] [forms]`

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "it prints its numbers, and ends by panicking"
)]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::Result;
use jiff::Timestamp;
use zhiyin::id::SpaceId;
use zhiyin::kb::{Kb, KbSettings, Wish};
use zhiyin::model::account::Secret;
use zhiyin::model::interaction::Conversations;

/// The server's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SECRET: &str = "the-admin-secret-of-this-benchmark";
/// Turns of a conversation.
const TURNS: usize = 5;
/// Conversations handed in at once.
const BODY: usize = 2_000;

const THINGS: [(&str, &str); 24] = [
    ("发票", "invoice"),
    ("退款", "refund"),
    ("快递", "parcel"),
    ("会员", "membership"),
    ("优惠券", "voucher"),
    ("积分", "loyalty points"),
    ("密码", "password"),
    ("账户", "account"),
    ("地址", "address"),
    ("保修", "warranty"),
    ("电池", "battery"),
    ("屏幕", "screen"),
    ("充电器", "charger"),
    ("订单", "order"),
    ("押金", "deposit"),
    ("预约", "appointment"),
    ("合同", "contract"),
    ("证书", "certificate"),
    ("课程", "course"),
    ("门票", "ticket"),
    ("行李", "luggage"),
    ("座位", "seat"),
    ("套餐", "plan"),
    ("流量", "data allowance"),
];
const ASKS: [(&str, &str); 12] = [
    ("怎么申请", "how do I apply for a"),
    ("怎么取消", "how do I cancel my"),
    ("多久能到", "how long until I get my"),
    ("可以转让吗", "can I pass on my"),
    ("丢了怎么办", "what if I lose my"),
    ("在哪里查", "where can I look up my"),
    ("能改吗", "can I change my"),
    ("收费吗", "is there a fee for a"),
    ("过期了怎么办", "what if it expires, my"),
    ("坏了谁负责", "who pays for a broken"),
    ("怎么打印", "how do I print my"),
    ("能寄到国外吗", "do you send abroad my"),
];
const PLACES: [(&str, &str); 20] = [
    ("在北京", "in Beijing"),
    ("在上海", "in Shanghai"),
    ("周末", "at the weekend"),
    ("国庆", "over the holidays"),
    ("用手机", "by phone"),
    ("在网页上", "on the web"),
    ("公司名义", "for a company"),
    ("学生", "as a student"),
    ("第二次", "for the second time"),
    ("在国外", "from abroad"),
    ("晚上", "at night"),
    ("门店", "in a store"),
    ("给父母", "for my parents"),
    ("没有身份证", "without an ID"),
    ("分期", "in instalments"),
    ("春节", "at New Year"),
    ("在机场", "at the airport"),
    ("在火车站", "at the station"),
    ("旧版本", "of the old version"),
    ("企业版", "of the business plan"),
];

fn main() -> Result<()> {
    let args: Vec<usize> = std::env::args().skip(1).map(|arg| arg.parse()).collect::<Result<_, _>>()?;
    let turns = args.first().copied().unwrap_or(200_000);
    let most_forms = args.get(1).copied().unwrap_or(5_000);
    let folder = tempfile::tempdir()?;
    let settings = KbSettings {
        data_dir: folder.path().to_owned(),
        store_cache_bytes: 256 << 20,
        index_batch: 512,
        query_log_interval: Duration::from_millis(500),
        admin_secret: Some(Secret::new(SECRET.to_owned())),
    };
    let (kb, _) = Kb::open(settings, Timestamp::now())?;
    let caller = kb.caller(Some(SECRET), Timestamp::now())?;
    let space = SpaceId::default_space();
    let recorder = kb.recorder(&caller, &space)?;
    let conversations = turns / TURNS;
    let (mut spent, mut bytes) = (Duration::ZERO, 0);
    for from in (0..conversations).step_by(BODY) {
        let body = body(from, BODY.min(conversations - from), most_forms);
        bytes += body.len();
        let began = Instant::now();
        let report = kb.take_in(&recorder, false, &mut Conversations::new(&mut body.as_bytes()), Timestamp::now())?;
        spent += began.elapsed();
        assert_eq!(report.error_count, 0, "{report:?}");
    }
    let rate = turns as f64 / spent.as_secs_f64();
    println!(
        "taken in: {turns} turns, {:.1} MB in {:.1} s: {rate:.0} turns/s, searching behind it",
        bytes as f64 / 1e6,
        spent.as_secs_f64()
    );
    println!(
        "| conversations taken in, two cores | ≥ 10,000 turns/s | {rate:.0} turns/s | {} |",
        if rate >= 1e4 { "yes" } else { "no" }
    );
    println!("resident {:.0} MB", rss()?);
    let analyst = kb.analyst(&caller, &space)?;
    let began = Instant::now();
    loop {
        let overview = kb.overview(&analyst, Wish::default(), Timestamp::now())?;
        if overview.pending == 0 {
            break;
        }
        if began.elapsed() > Duration::from_secs(600) {
            println!("after 600 s {} questions still wait to be searched", overview.pending);
            break;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    println!("searched after {:.1} s more", began.elapsed().as_secs_f64());
    let keeper = kb.gap_keeper(&caller, &space)?;
    for pass in ["first", "second"] {
        let report = kb.consolidate_gaps(&keeper, Timestamp::now())?;
        println!(
            "{pass} consolidation: {} forms under {} gaps, {} moved, {:.1} s",
            report.forms,
            report.gaps,
            report.moved,
            report.took_ms as f64 / 1e3
        );
    }
    let times = |name: &str, work: &dyn Fn() -> Result<()>| -> Result<()> {
        let mut each: Vec<f64> = Vec::new();
        for _ in 0..20 {
            let began = Instant::now();
            work()?;
            each.push(began.elapsed().as_secs_f64() * 1e3);
        }
        each.sort_by(f64::total_cmp);
        println!("{name:28} median {:.1} ms, slowest {:.1} ms", each[each.len() / 2], each[each.len() - 1]);
        Ok(())
    };
    times("overview", &|| Ok(kb.overview(&analyst, Wish::default(), Timestamp::now()).map(drop)?))?;
    times("first page of gaps", &|| {
        Ok(kb.list_gaps(&keeper, &Default::default(), 20, None, Timestamp::now()).map(drop)?)
    })?;
    times("pareto", &|| Ok(kb.pareto(&keeper, 0.8, Timestamp::now()).map(drop)?))?;
    println!("resident {:.0} MB", rss()?);
    kb.close();
    Ok(())
}

/// Conversations as lines; their questions are of at most so many forms.
fn body(from: usize, count: usize, forms: usize) -> String {
    let mut body = String::new();
    for number in from..from + count {
        // Spread, so that few are asked often and many seldom.
        let form = (number.wrapping_mul(2_654_435_761) >> 7) % forms.max(1);
        let form = form * form / forms.max(1);
        let (thing, ask, place) =
            (form % THINGS.len(), (form / THINGS.len()) % ASKS.len(), form / THINGS.len() / ASKS.len());
        let where_to = PLACES[place % PLACES.len()];
        let round = place / PLACES.len();
        let chinese = form.is_multiple_of(2);
        let asked = if chinese {
            format!(
                "{}{}{}{}",
                where_to.0,
                THINGS[thing].0,
                ASKS[ask].0,
                if round > 0 { format!("型号{round}") } else { String::new() }
            )
        } else {
            format!(
                "{} {} {}{}",
                ASKS[ask].1,
                THINGS[thing].1,
                where_to.1,
                if round > 0 { format!(" model {round}") } else { String::new() }
            )
        };
        let (hello, thanks) = if chinese { ("您好", "好的谢谢") } else { ("hello", "ok thanks") };
        let (minute, second) = (number / 60 % 1_440, number % 60);
        let at = |turn: usize| {
            format!("2026-11-{:02}T{:02}:{:02}:{second:02}.{turn}Z", 1 + number % 20, minute / 60, minute % 60)
        };
        let _ = writeln!(
            body,
            r#"{{"session_id":"s-{number}","channel":"web","customer_id":"c-{}","resolved":{},"turns":[{{"role":"customer","text":"{hello}","at":"{}"}},{{"role":"customer","text":"{asked}","at":"{}"}},{{"role":"agent","text":"请稍等,我的电话是 138{:08},您也可以写信给 a{number}@example.com","at":"{}"}},{{"role":"agent","text":"已经为您登记,三个工作日内处理","at":"{}"}},{{"role":"customer","text":"{thanks}","at":"{}"}}]}}"#,
            number / 3,
            number.is_multiple_of(4),
            at(1),
            at(2),
            number % 100_000_000,
            at(3),
            at(4),
            at(5),
        );
    }
    body
}

fn rss() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    let kb: f64 = line.split_whitespace().nth(1).unwrap_or("0").parse()?;
    Ok(kb / 1024.0)
}
