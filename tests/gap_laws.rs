//! Does what was counted of questions stay whole, whatever the machine and editors do to the gaps they stand under?
//!
//! Invariant: a form stands under exactly one gap, sums of gaps are sums of their forms and of their days, and what an
//! editor said holds after every consolidation and a restart.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
#![expect(clippy::disallowed_methods, reason = "tests are an edge")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::json;
use zhiyin::id::{GapId, SpaceId};
use zhiyin::kb::{Caller, GapQuery, Kb, KbSettings, Wish};
use zhiyin::model::gap::{CauseKind, GapStatus, GapView};
use zhiyin::model::interaction::Conversations;

const QUESTIONS: [&str; 18] = [
    "发票抬头写错了怎么修改",
    "怎么修改发票抬头",
    "发票抬头可以改吗",
    "how do I change the title on my invoice",
    "can you replace my phone battery",
    "how much does a phone battery replacement cost",
    "手机电池可以更换吗",
    "可以到门店自提吗",
    "门店自提怎么操作",
    "is store pickup possible",
    "is there a student discount on laptops",
    "do students get a discount on laptops",
    "学生买电脑有优惠吗",
    "宠物可以带上飞机吗",
    "do you deliver to the moon",
    "怎么注销账户",
    "注销账户要多久",
    "delete my account for good",
];

/// When lists are asked for: what a gap is worth depends on it.
fn moment() -> Timestamp {
    "2026-10-06T12:00:00Z".parse().unwrap()
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }
}

struct Base {
    kb: Kb,
    caller: Caller,
    space: SpaceId,
}

impl Base {
    fn open(dir: &std::path::Path) -> Self {
        let settings = KbSettings {
            data_dir: dir.to_owned(),
            store_cache_bytes: 8 << 20,
            index_batch: 64,
            query_log_interval: Duration::from_millis(5),
            admin_secret: Some(zhiyin::model::account::Secret::new("the-secret-of-gap-laws".to_owned())),
        };
        let (kb, _) = Kb::open(settings, Timestamp::now()).unwrap();
        let caller = kb.caller(Some("the-secret-of-gap-laws"), Timestamp::now()).unwrap();
        Self { kb, caller, space: SpaceId::default_space() }
    }

    /// Hands in a conversation of one question, on one of a few days and by one of a few customers.
    fn ask(&self, number: usize, random: &mut Random) {
        let question = QUESTIONS[random.below(QUESTIONS.len())];
        let (day, customer) = (1 + random.below(5), random.below(12));
        let talk = json!({
            "session_id": format!("s-{number}"), "customer_id": format!("c-{customer}"), "handed_off": random.below(4) == 0,
            "turns": [{ "role": "customer", "text": question, "at": format!("2026-10-{day:02}T{:02}:{:02}:00Z", number / 60 % 24, number % 60) }],
        });
        let recorder = self.kb.recorder(&self.caller, &self.space).unwrap();
        let line = format!("{talk}\n");
        let report =
            self.kb.take_in(&recorder, false, &mut Conversations::new(&mut line.as_bytes()), Timestamp::now()).unwrap();
        assert_eq!((report.error_count, report.questions), (0, 1), "{report:?}");
    }

    fn searched(&self) {
        let analyst = self.kb.analyst(&self.caller, &self.space).unwrap();
        let (from, to) = ("2026-10-01".parse().unwrap(), "2026-10-31".parse().unwrap());
        let wish = Wish { from: Some(from), to: Some(to), ..Wish::default() };
        let until = Instant::now() + Duration::from_secs(60);
        while self.kb.overview(&analyst, wish, Timestamp::now()).unwrap().pending > 0 {
            assert!(Instant::now() < until, "questions still wait");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn gaps(&self) -> Vec<GapView> {
        let keeper = self.kb.gap_keeper(&self.caller, &self.space).unwrap();
        self.kb.list_gaps(&keeper, &GapQuery::default(), 1_000, None, moment()).unwrap().items
    }

    /// Checks that what is kept in memory of gaps says what their rows say: order, pages, filters and sums.
    fn in_order(&self, when: &str) {
        // Beside the test, a worker looks into why each form was not answered.
        let until = Instant::now() + Duration::from_secs(60);
        let gaps = loop {
            let gaps = self.gaps();
            if gaps.iter().flat_map(|gap| &gap.wordings).all(|form| form.cause.is_some()) {
                break gaps;
            }
            assert!(Instant::now() < until, "{when}: causes are still to come: {gaps:#?}");
            std::thread::sleep(Duration::from_millis(20));
        };
        let mut ordered: Vec<&GapView> = gaps.iter().collect();
        ordered.sort_by(|a, b| {
            let by_counts = (b.sessions, b.queries).cmp(&(a.sessions, a.queries));
            b.impact.total_cmp(&a.impact).then(by_counts).then(b.last_seen.cmp(&a.last_seen)).then(a.id.cmp(&b.id))
        });
        let ids = |gaps: &[&GapView]| gaps.iter().map(|gap| gap.id.clone()).collect::<Vec<GapId>>();
        assert_eq!(gaps.iter().map(|gap| gap.id.clone()).collect::<Vec<_>>(), ids(&ordered), "{when}: in order");
        let keeper = self.kb.gap_keeper(&self.caller, &self.space).unwrap();
        let list = |wanted: GapQuery| {
            let (mut found, mut cursor): (Vec<GapId>, Option<String>) = (Vec::new(), None);
            loop {
                let page = self.kb.list_gaps(&keeper, &wanted, 3, cursor.as_deref(), moment()).unwrap();
                found.extend(page.items.into_iter().map(|gap| gap.id));
                cursor = page.next_cursor;
                if cursor.is_none() {
                    return found;
                }
            }
        };
        assert_eq!(list(GapQuery::default()), ids(&ordered), "{when}: page by page");
        for cause in [CauseKind::Missing, CauseKind::Partial, CauseKind::OutOfScope] {
            let of_cause = ordered.iter().filter(|gap| gap.cause.as_ref().is_some_and(|why| why.kind == cause));
            let of_cause: Vec<&GapView> = of_cause.copied().collect();
            assert_eq!(list(GapQuery { status: None, cause: Some(cause) }), ids(&of_cause), "{when}: {cause:?}");
        }
        assert_eq!(list(GapQuery { status: Some(GapStatus::Open), cause: None }), ids(&ordered), "{when}: open");
        assert_eq!(list(GapQuery { status: Some(GapStatus::AwaitingReview), cause: None }), [], "{when}");
        let pareto = self.kb.pareto(&keeper, 1.0, moment()).unwrap();
        let waiting = |gap: &&&GapView| gap.cause.as_ref().is_none_or(|why| why.kind != CauseKind::OutOfScope);
        assert_eq!(pareto.gaps, ordered.iter().filter(waiting).count() as u64, "{when}");
        let analyst = self.kb.analyst(&self.caller, &self.space).unwrap();
        let open = self.kb.coverage(&analyst, Wish::default(), moment()).unwrap().gaps;
        let sums = (gaps.len(), gaps.iter().map(|gap| gap.queries).sum(), gaps.iter().map(|gap| gap.sessions).sum());
        assert_eq!((open.open as usize, open.queries, open.sessions), sums, "{when}: coverage");
    }

    /// Checks the sums; gives the gap of each form.
    fn whole(&self, asked: u64, when: &str) -> BTreeMap<GapId, GapId> {
        let gaps = self.gaps();
        let mut of: BTreeMap<GapId, GapId> = BTreeMap::new();
        for gap in &gaps {
            for wording in &gap.wordings {
                assert_eq!(
                    of.insert(wording.id.clone(), gap.id.clone()),
                    None,
                    "{when}: a form stands twice: {gap:#?}"
                );
            }
            let (forms, days) =
                (gap.wordings.iter().map(|w| w.queries).sum::<u64>(), gap.trend.iter().map(|d| d.queries).sum::<u64>());
            assert_eq!(
                (forms, days, gap.wordings.len() as u64),
                (gap.queries, gap.queries, gap.forms),
                "{when}: {gap:#?}"
            );
            let sessions = gap.trend.iter().map(|day| day.sessions).sum::<u64>();
            assert_eq!(sessions, gap.sessions, "{when}: {gap:#?}");
            // Twelve customers at most, each once a day.
            assert!(gap.trend.iter().all(|day| day.sessions <= 12), "{when}: {gap:#?}");
            assert!(
                gap.causes.values().sum::<u64>() <= gap.queries && (0.0..=1.0).contains(&gap.impact),
                "{when}: {gap:#?}"
            );
            assert!(gap.worth.handed_off.is_some_and(|share| (0.0..=1.0).contains(&share)), "{when}: {gap:#?}");
        }
        assert_eq!(gaps.iter().map(|gap| gap.queries).sum::<u64>(), asked, "{when}: nothing lost, nothing twice");
        of
    }
}

#[test]
fn counts_stay_whole_under_merges_splits_consolidations_and_restarts() {
    for seed in 1..=3 {
        let dir = tempfile::tempdir().unwrap();
        let mut base = Base::open(dir.path());
        let mut random = Random(seed);
        let mut asked = 0;
        // Pairs of forms that an editor said are one, and are two; the latest word counts.
        let mut one: Vec<(GapId, GapId)> = Vec::new();
        let mut two: Vec<(GapId, GapId)> = Vec::new();
        for round in 0..6 {
            for _ in 0..25 {
                base.ask(asked as usize, &mut random);
                asked += 1;
            }
            base.searched();
            let of = base.whole(asked, "after questions");
            let keeper = base.kb.gap_keeper(&base.caller, &base.space).unwrap();
            match random.below(3) {
                0 => {
                    let ids: Vec<GapId> = of.values().cloned().collect();
                    let (a, b) = (&ids[random.below(ids.len())], &ids[random.below(ids.len())]);
                    if a != b {
                        base.kb.merge_gaps(&keeper, a, std::slice::from_ref(b), Timestamp::now()).unwrap();
                        let both: Vec<&GapId> =
                            of.iter().filter(|(_, gap)| *gap == a || *gap == b).map(|(form, _)| form).collect();
                        two.retain(|(x, y)| !(both.contains(&x) && both.contains(&y)));
                        one.push((both[0].clone(), both[both.len() - 1].clone()));
                    }
                }
                1 => {
                    let gaps = base.gaps();
                    if let Some(gap) = gaps.iter().find(|gap| gap.forms > 1) {
                        let out = gap.wordings[0].id.clone();
                        base.kb.split_gap(&keeper, &gap.id, std::slice::from_ref(&out), Timestamp::now()).unwrap();
                        one.retain(|(x, y)| *x != out && *y != out);
                        two.push((out, gap.wordings[1].id.clone()));
                    }
                }
                _ => {}
            }
            base.whole(asked, "after an edit");
            let report = base.kb.consolidate_gaps(&keeper, Timestamp::now()).unwrap();
            let mut of = base.whole(asked, "after a consolidation");
            base.in_order("after a consolidation");
            assert_eq!((report.forms as usize, report.gaps as usize), (of.len(), base.gaps().len()), "{report:?}");
            if round % 2 == 1 {
                base.kb.close();
                drop(base);
                base = Base::open(dir.path());
                let keeper = base.kb.gap_keeper(&base.caller, &base.space).unwrap();
                base.kb.consolidate_gaps(&keeper, Timestamp::now()).unwrap();
                of = base.whole(asked, "after a restart");
                base.in_order("after a restart");
            }
            for (a, b) in &one {
                assert_eq!(of[a], of[b], "seed {seed}, round {round}: what was merged stays together");
            }
            for (a, b) in &two {
                assert_ne!(of[a], of[b], "seed {seed}, round {round}: what was split stays apart");
            }
        }
        base.kb.close();
    }
}
