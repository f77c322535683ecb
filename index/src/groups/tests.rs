//! Laws of groups.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::embed::{Embedder, HashEmbedder, Role};

const TOPICS: [&[&str]; 5] = [
    &["refund", "money", "return", "purchase"],
    &["invoice", "receipt", "tax", "company"],
    &["password", "login", "reset", "locked"],
    &["物流", "快递", "包裹", "到货"],
    &["会员", "积分", "兑换", "等级"],
];

fn member(id: usize, text: &str) -> Member {
    let vector = HashEmbedder::default().embed(&[text], Role::Query).unwrap().remove(0);
    Member { id: format!("q{id:03}"), text: text.to_owned(), vector, weight: 1.0 }
}

/// Questions of five topics in turn, each of two or three of its topic's words.
fn members(count: usize) -> Vec<Member> {
    let of = |id: usize| {
        let words = TOPICS[id % 5];
        let at = id / 5;
        let (a, b, c) = (words[at % 4], words[(at + 1 + at / 4 % 3) % 4], words[(at / 2) % 4]);
        member(id, &format!("{a} {b} {c} {}", ["how", "please", "怎么", "why"][at % 4]))
    };
    (0..count).map(of).collect()
}

fn grouping() -> Grouping {
    Grouping::new(Analyzer::new(), HashEmbedder::default().dimension(), GroupSettings::default())
}

fn placed(members: impl IntoIterator<Item = Member>) -> Grouping {
    let mut grouping = grouping();
    for member in members {
        grouping.place(member);
    }
    grouping
}

fn partition(grouping: &Grouping) -> BTreeMap<String, Option<GroupId>> {
    let ids = grouping.by_id.keys();
    ids.map(|id| (id.clone(), grouping.group_of(id))).collect()
}

/// Of pairs that either puts together, the share that both do.
fn agreement(a: &Grouping, b: &Grouping) -> f64 {
    let pairs = |grouping: &Grouping| {
        let all: Vec<_> = partition(grouping).into_iter().collect();
        let mut pairs = BTreeSet::new();
        for (at, (one, group)) in all.iter().enumerate() {
            for (other, theirs) in all.iter().skip(at + 1) {
                if group.is_some() && group == theirs {
                    pairs.insert((one.clone(), other.clone()));
                }
            }
        }
        pairs
    };
    let (a, b) = (pairs(a), pairs(b));
    assert!(!a.is_empty() && !b.is_empty());
    a.intersection(&b).count() as f64 / a.union(&b).count() as f64
}

/// Every member is in exactly one group or waits, and the maps say the same.
fn stands(grouping: &Grouping) {
    let mut seen = BTreeSet::new();
    for group in grouping.groups() {
        assert!(grouping.members(group).next().is_some(), "{group:?} is empty");
        assert!(grouping.label(group).is_some());
        for id in grouping.members(group) {
            assert_eq!(grouping.group_of(id), Some(group));
            assert!(seen.insert(id.to_owned()), "{id} twice");
        }
    }
    for id in grouping.waiting() {
        assert_eq!(grouping.group_of(id), None);
        assert!(seen.insert(id.to_owned()), "{id} waits and does not");
    }
    assert_eq!(seen.len(), grouping.len());
}

/// The topic of a member: its number, counted round.
fn topic(id: &str) -> usize {
    id.trim_start_matches(|c: char| !c.is_ascii_digit()).parse::<usize>().unwrap() % TOPICS.len()
}

#[test]
fn topics_become_groups() {
    let mut grouping = placed(members(60));
    grouping.consolidate();
    stands(&grouping);
    for group in grouping.groups() {
        let topics: BTreeSet<usize> = grouping.members(group).map(topic).collect();
        assert_eq!(topics.len(), 1, "{:?}", grouping.members(group).collect::<Vec<_>>());
    }
    let grouped = 60 - grouping.waiting().count();
    assert!(grouped >= 50, "only {grouped} are in groups");
}

#[test]
fn ids_are_stable_and_changes_tell_all() {
    let mut grouping = placed(members(60));
    grouping.consolidate();
    let before = partition(&grouping);
    assert_eq!(grouping.consolidate(), []);
    assert_eq!(partition(&grouping), before);
    for late in members(90).into_iter().skip(60) {
        grouping.place(late);
    }
    let placed = partition(&grouping);
    let changes = grouping.consolidate();
    // Every difference has a change that names it.
    for (id, now) in partition(&grouping) {
        let was = placed[&id];
        let told = was == now
            || changes.iter().any(|change| match change {
                GroupChange::Founded { group } => was.is_none() && now == Some(*group),
                GroupChange::Merged { into, from } | GroupChange::Split { from, into } => {
                    was == Some(*from) && now == Some(*into)
                }
                GroupChange::Dissolved { group } => was == Some(*group) && now.is_none(),
                GroupChange::Moved { member, from, to } => *member == id && *from == was && *to == now,
            });
        assert!(told, "{id}: {was:?} to {now:?} is not in {changes:?}");
    }
    let kept = before.iter().filter(|(id, group)| group.is_some() && grouping.group_of(id) == **group).count();
    let grouped = before.values().filter(|group| group.is_some()).count();
    assert!(kept * 10 >= grouped * 8, "{kept} of {grouped} stayed");
}

#[test]
fn an_editors_merge_lasts() {
    let mut grouping = placed(members(60));
    grouping.consolidate();
    let (a, b) = (grouping.group_of("q000").unwrap(), grouping.group_of("q003").unwrap());
    assert_ne!(a, b);
    assert_eq!(grouping.merge(a, b), Some(GroupChange::Merged { into: a, from: b }));
    assert_eq!(grouping.merge(a, b), None);
    assert_eq!(grouping.resolve(b), Some(a));
    let merged: Vec<String> = grouping.members(a).map(str::to_owned).collect();
    for late in members(120).into_iter().skip(60) {
        grouping.place(late);
    }
    grouping.consolidate();
    stands(&grouping);
    assert_eq!(grouping.resolve(b), Some(a));
    for id in merged {
        assert_eq!(grouping.group_of(&id), Some(a), "{id}");
    }
}

#[test]
fn an_editors_split_lasts() {
    let mut grouping = placed(members(60));
    grouping.consolidate();
    let group = grouping.groups().max_by_key(|group| grouping.members(*group).count()).unwrap();
    let all: Vec<String> = grouping.members(group).map(str::to_owned).collect();
    let (out, rest) = all.split_at(all.len() / 2);
    let chosen: Vec<&str> = out.iter().map(String::as_str).collect();
    let new = grouping.split(group, &chosen).unwrap();
    assert_ne!(new, group);
    assert_eq!(grouping.split(new, &chosen), None, "nothing would be left behind");
    for late in members(120).into_iter().skip(60) {
        grouping.place(late);
    }
    for _ in 0..2 {
        grouping.consolidate();
        stands(&grouping);
        for id in out {
            assert_eq!(grouping.group_of(id), Some(new), "{id} left what an editor made");
        }
        assert!(rest.iter().all(|id| grouping.group_of(id) != Some(new)), "what was parted has met");
    }
    // Only an editor joins them again.
    if let Some(old) = rest.iter().find_map(|id| grouping.group_of(id)) {
        let joined: Vec<String> = grouping.members(old).map(str::to_owned).collect();
        grouping.merge(new, old).unwrap();
        grouping.consolidate();
        assert!(joined.iter().all(|id| grouping.group_of(id) == grouping.group_of(&out[0])));
    }
}

#[test]
fn one_member_split_off_stays_a_group() {
    let mut grouping = placed(members(40));
    grouping.consolidate();
    let group = grouping.group_of("q000").unwrap();
    let alone = grouping.split(group, &["q000"]).unwrap();
    grouping.consolidate();
    assert_eq!(grouping.group_of("q000"), Some(alone));
    assert!(!grouping.members(group).any(|id| id == "q000"));
}

#[test]
fn the_same_calls_give_the_same_result() {
    let run = |threads| {
        let settings = GroupSettings { threads, ..GroupSettings::default() };
        let mut grouping = Grouping::new(Analyzer::new(), HashEmbedder::default().dimension(), settings);
        let mut told = Vec::new();
        for (at, member) in members(80).into_iter().enumerate() {
            told.push(format!("{:?}", grouping.place(member)));
            if at % 30 == 29 {
                told.push(format!("{:?}", grouping.consolidate()));
            }
        }
        (told, partition(&grouping))
    };
    let first = run(2);
    assert_eq!(first, run(2));
    assert_eq!(first, run(5));
}

#[test]
fn order_of_arrival_matters_little() {
    let mut forwards = placed(members(100));
    let mut backwards = placed(members(100).into_iter().rev());
    let mut waited = grouping();
    members(100).into_iter().for_each(|member| waited.wait(member));
    for grouping in [&mut forwards, &mut backwards, &mut waited] {
        grouping.consolidate();
    }
    assert_eq!(agreement(&forwards, &waited), 1.0, "the first consolidation knows no order");
    assert_eq!(agreement(&forwards, &backwards), 1.0);
    for order in [&mut forwards, &mut backwards] {
        for late in members(140).into_iter().skip(100) {
            order.place(late);
        }
    }
    let mut turned = placed(members(140).into_iter().rev());
    for grouping in [&mut forwards, &mut turned] {
        grouping.consolidate();
    }
    let agreed = agreement(&forwards, &turned);
    assert!(agreed > 0.8, "{agreed}");
}

#[test]
fn a_stored_state_goes_on_as_if_nothing_had_been() {
    let mut grouping = placed(members(70));
    grouping.consolidate();
    grouping.merge(GroupId(1), GroupId(2));
    let text = serde_json::to_string(grouping.state()).unwrap();
    let state: GroupingState = serde_json::from_str(&text).unwrap();
    assert_eq!(&state, grouping.state());
    let bytes = postcard::to_stdvec(grouping.state()).unwrap();
    assert_eq!(&postcard::from_bytes::<GroupingState>(&bytes).unwrap(), grouping.state());
    let mut restored = Grouping::restore(Analyzer::new(), state);
    for late in members(100).into_iter().skip(70) {
        assert_eq!(restored.place(late.clone()), grouping.place(late));
    }
    assert_eq!(restored.consolidate(), grouping.consolidate());
    assert_eq!(partition(&restored), partition(&grouping));
}

#[test]
fn a_question_that_comes_again_weighs_more_and_one_taken_out_is_gone() {
    let mut grouping = placed(members(60));
    grouping.consolidate();
    let group = grouping.group_of("q000").unwrap();
    let (weight, count) = (grouping.weight(group), grouping.len());
    assert_eq!(grouping.place(members(1).remove(0)), Placed::Joined(group));
    assert_eq!((grouping.weight(group), grouping.len()), (weight + 1.0, count));
    assert!(grouping.remove("q000") && !grouping.remove("q000"));
    stands(&grouping);
    assert_eq!((grouping.group_of("q000"), grouping.len()), (None, count - 1));
    grouping.consolidate();
    stands(&grouping);
    assert_eq!(grouping.len(), count - 1);
}

#[test]
fn what_was_admitted_again_stands_where_it_stood_and_what_editors_said_holds() {
    let mut before = placed(members(60));
    before.consolidate();
    let mut after = grouping();
    for member in members(60) {
        let group = before.group_of(&member.id);
        after.admit(member, group);
    }
    after.settle(before.resolution());
    stands(&after);
    assert_eq!(partition(&after), partition(&before));
    assert_eq!(after.resolution(), before.resolution());
    // Topics come in turn: 0 and 1 are of two topics, 0 and 5 of one.
    let (one, other) = (["q000", "q001"], ["q005", "q010"]);
    let tied = after.tie(&one).unwrap();
    let parted = after.part(&["q000"], &other).unwrap();
    assert!(after.group_of("q001") == Some(tied) && after.group_of("q000") == Some(parted));
    assert_eq!((after.tie(&["q000"]), after.part(&["none"], &other)), (None, None));
    for _ in 0..2 {
        after.consolidate();
        stands(&after);
        assert!(other.iter().all(|id| after.group_of(id) != after.group_of("q000")), "apart, as was said");
    }
    let mut again = placed(members(60));
    let both = again.tie(&one).unwrap();
    again.consolidate();
    assert_eq!(again.group_of("q000"), again.group_of("q001"), "together, as was said: {both:?}");
    assert!(again.weigh("q000", 9.0) && !again.weigh("none", 9.0));
    again.put("q000", None);
    assert_eq!(again.group_of("q000"), None);
}

#[test]
fn labels_are_real_questions_and_keywords_tell() {
    let texts = [
        "how do I get a refund for my order",
        "refund",
        "refund for an order please how long does it take when I paid with the card of my husband last summer",
        "get a refund for an order",
        "how do I get my refund",
    ];
    let others = members(60).into_iter().filter(|member| !member.text.contains("refund"));
    let mut grouping = grouping();
    others.for_each(|member| grouping.wait(member));
    texts.iter().enumerate().for_each(|(at, text)| grouping.wait(member(900 + at, text)));
    grouping.consolidate();
    let group = grouping.group_of("q900").unwrap();
    for id in ["q901", "q902", "q903", "q904"] {
        if let Some(other) = grouping.group_of(id).filter(|other| *other != group) {
            grouping.merge(group, other).unwrap();
        }
    }
    let (_, label) = grouping.label(group).unwrap();
    assert!(label.contains("refund") && label.split(' ').count() > 3 && label.len() < 60, "{label}");
    let words = grouping.keywords(group, 3);
    assert!(words.iter().any(|(word, _)| word == "refund"), "{words:?}");
    assert!(words.iter().all(|(word, score)| *score > 0.0 && word != "how" && word != "my"), "{words:?}");
}

#[test]
fn keywords_are_whole_words_and_no_numbers() {
    let texts = ["你们的批发价是多少", "有没有批发价", "我的号码七七八九能拿批发价吗"];
    let mut grouping = grouping();
    members(60).into_iter().for_each(|member| grouping.wait(member));
    texts.iter().enumerate().for_each(|(at, text)| grouping.wait(member(900 + at, text)));
    let ids = ["q900", "q901", "q902"];
    grouping.tie(&ids).unwrap();
    grouping.consolidate();
    let group = grouping.group_of("q900").unwrap();
    let words: Vec<String> = grouping.keywords(group, 8).into_iter().map(|(word, _)| word).collect();
    assert!(words.iter().any(|word| word == "批发价"), "{words:?}");
    assert!(words.iter().all(|word| word != "发价" && word != "七七" && word != "八九"), "{words:?}");
}

#[derive(Debug, Clone)]
enum Step {
    Place(usize),
    Remove(usize),
    Consolidate,
    Merge(usize, usize),
    Split(usize, usize),
}

/// One in dense surroundings is near to all; the one in sparse surroundings that is a little less near says more.
#[test]
fn what_is_near_to_all_counts_less() {
    let mut grouping = placed(members(3));
    grouping.state.centred = 3;
    for (kept, crowd) in grouping.state.members.iter_mut().zip([0.4, 0.7, 0.1]) {
        kept.crowd = crowd;
    }
    grouping.state.crowd = 0.4;
    let found = || vec![state::Near { row: 1, similarity: 0.60 }, state::Near { row: 2, similarity: 0.55 }];
    let mut near = found();
    space::rank(&mut near, 0.4, &grouping.state);
    assert_eq!(near.iter().map(|near| near.row).collect::<Vec<_>>(), [2, 1]);
    // Half of the mean excess of both: (0.0 + 0.3) / 2 / 2 off, (0.0 − 0.3) / 2 / 2 on.
    assert!((near[0].similarity - 0.625).abs() < 1e-6 && (near[1].similarity - 0.525).abs() < 1e-6);
    grouping.state.settings.crowd = 0.0;
    let mut near = found();
    space::rank(&mut near, 0.4, &grouping.state);
    assert_eq!(near.iter().map(|near| near.row).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn surroundings_are_measured_by_the_nearest() {
    let grouping = placed(members(40));
    let state = &grouping.state;
    assert!(state.members.iter().all(|kept| kept.crowd > 0.0 && kept.crowd < 1.0));
    let mean = state.members.iter().map(|kept| kept.crowd).sum::<f32>() / 40.0;
    // The mean is of when it was last taken, at 32.
    assert!((state.crowd - mean).abs() < 0.1, "{} beside {mean}", state.crowd);
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => (0..80_usize).prop_map(Step::Place),
        2 => (0..80_usize).prop_map(Step::Remove),
        1 => Just(Step::Consolidate),
        1 => (0..8_usize, 0..8_usize).prop_map(|(a, b)| Step::Merge(a, b)),
        1 => (0..8_usize, 1..4_usize).prop_map(|(group, every)| Step::Split(group, every)),
    ];
    prop::collection::vec(step, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_member_is_in_one_group_or_waits(steps in steps()) {
        let pool = members(80);
        let mut grouping = grouping();
        let mut inside: BTreeSet<String> = BTreeSet::new();
        for step in steps {
            let groups: Vec<GroupId> = grouping.groups().collect();
            match step {
                Step::Place(at) => {
                    inside.insert(pool[at].id.clone());
                    let placed = grouping.place(pool[at].clone());
                    let group = grouping.group_of(&pool[at].id);
                    let told = match placed {
                        Placed::Joined(to) | Placed::Founded(to) => Some(to),
                        Placed::Waits => None,
                    };
                    prop_assert_eq!(told, group);
                }
                Step::Remove(at) => prop_assert_eq!(grouping.remove(&pool[at].id), inside.remove(&pool[at].id)),
                Step::Consolidate => drop(grouping.consolidate()),
                Step::Merge(a, b) => {
                    if let (Some(a), Some(b)) = (groups.get(a), groups.get(b)) {
                        prop_assert_eq!(grouping.merge(*a, *b).is_some(), a != b);
                    }
                }
                Step::Split(at, every) => {
                    if let Some(group) = groups.get(at) {
                        let all: Vec<String> = grouping.members(*group).map(str::to_owned).collect();
                        let some: Vec<&str> = all.iter().step_by(every).map(String::as_str).collect();
                        prop_assert_eq!(grouping.split(*group, &some).is_some(), some.len() < all.len());
                    }
                }
            }
            stands(&grouping);
        }
        // No consolidation undoes what the steps before it left of an editor's decisions.
        let mut bonds: BTreeMap<u32, GroupId> = BTreeMap::new();
        grouping.consolidate();
        stands(&grouping);
        prop_assert_eq!(grouping.len(), inside.len());
        let mut sides: BTreeMap<(GroupId, u32), bool> = BTreeMap::new();
        for kept in &grouping.state.members {
            if let (Some(bond), Some(group)) = (kept.bond, kept.group) {
                prop_assert_eq!(*bonds.entry(bond).or_insert(group), group);
            }
            for side in &kept.sides {
                if let Some(group) = kept.group {
                    prop_assert_eq!(*sides.entry((group, side.split)).or_insert(side.out), side.out);
                }
            }
        }
    }
}
