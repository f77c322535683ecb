//! Does the lifecycle keep its laws under any sequence of actions?
//!
//! Invariant: the model here is a plain list of intervals that knows nothing of the code it judges.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use zhiyin::error::{Error, Result};
use zhiyin::id::{ArticleId, SpaceId};
use zhiyin::model::article::{Article, Content, Publication, ReviewState, Status, Version};
use zhiyin::model::lifecycle::{Action, Outcome, Past, Rules, allowed, apply, create, next_tick};

const FREE: Rules = Rules { require_review: false, four_eyes: false };
const STRICT: Rules = Rules { require_review: true, four_eyes: true };

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn content(title: &str, from: Option<i64>, until: Option<i64>) -> Content {
    let mut content: Content = serde_json::from_value(serde_json::json!({"title": title})).unwrap();
    content.valid_from = from.map(at);
    content.valid_until = until.map(at);
    content
}

/// What a store would keep of one article.
#[derive(Clone)]
struct World {
    article: Article,
    versions: Vec<Version>,
    publications: BTreeMap<u32, Publication>,
}

impl World {
    fn new(content: Content) -> Self {
        let outcome = create(SpaceId::default_space(), "a".parse::<ArticleId>().unwrap(), content, None, "ann", at(0));
        let version = outcome.new_version.unwrap();
        Self { article: outcome.article, versions: vec![version], publications: BTreeMap::new() }
    }

    fn try_act(&self, action: Action, rules: Rules, actor: &str, now: Timestamp) -> Result<Outcome> {
        let rows: Vec<(u32, Publication)> = self.publications.clone().into_iter().collect();
        let version = |n: u32| Ok(self.versions.iter().find(|v| v.number == n).cloned());
        apply(&self.article, &Past { version: &version, publications: &rows }, action, rules, actor, now)
    }

    fn take(&mut self, outcome: Outcome) {
        if let Some(version) = outcome.new_version {
            assert!(self.versions.iter().all(|v| v.number != version.number), "a version was overwritten");
            self.versions.push(version);
        }
        self.publications.extend(outcome.publications);
        self.article = outcome.article;
    }

    fn act(&mut self, action: Action, now: Timestamp) -> Result<()> {
        self.act_as(action, FREE, "ann", now)
    }

    fn act_as(&mut self, action: Action, rules: Rules, actor: &str, now: Timestamp) -> Result<()> {
        let outcome = self.try_act(action, rules, actor, now)?;
        self.take(outcome);
        Ok(())
    }

    fn live_at(&self, moment: Timestamp) -> Vec<u32> {
        self.publications.values().filter(|p| p.covers(moment)).map(|p| p.version).collect()
    }
}

fn publish(version: Option<u32>, from: Option<i64>, until: Option<i64>) -> Action {
    Action::Publish { version, at: from.map(at), until: until.map(at), reason: None }
}

fn save(title: &str) -> Action {
    Action::Save { content: Box::new(content(title, None, None)), note: None }
}

#[test]
fn a_schedule_begins_at_its_own_time_and_the_live_version_stays_until_then() {
    let mut world = World::new(content("one", None, None));
    world.act(publish(None, None, None), at(10)).unwrap();
    world.act(save("two"), at(20)).unwrap();
    world.act(publish(Some(2), Some(100), Some(200)), at(30)).unwrap();
    assert_eq!((world.article.status(), world.article.live.unwrap().version), (Status::Published, 1));
    assert_eq!(next_tick(&world.article), Some(at(100)));
    world.act(Action::Tick, at(99)).unwrap();
    assert_eq!(world.article.live.unwrap().version, 1);
    world.act(Action::Tick, at(500)).unwrap();
    assert_eq!((world.article.live, next_tick(&world.article)), (None, None));
    let log: Vec<_> = world.publications.values().map(|p| (p.version, p.from, p.until)).collect();
    assert_eq!(log, [(1, at(10), Some(at(100))), (2, at(100), Some(at(200)))]);
}

#[test]
fn a_tick_with_nothing_due_changes_nothing() {
    let mut world = World::new(content("one", None, None));
    world.act(publish(None, Some(50), None), at(10)).unwrap();
    let outcome = world.try_act(Action::Tick, FREE, "system", at(49)).unwrap();
    assert_eq!(outcome.article, world.article);
    assert!(outcome.publications.is_empty() && outcome.new_version.is_none() && !outcome.index_changed);
}

#[test]
fn a_validity_window_bounds_a_publication() {
    let mut world = World::new(content("one", Some(40), Some(80)));
    world.act(publish(None, None, Some(90)), at(10)).unwrap();
    assert_eq!(world.article.status(), Status::Scheduled);
    world.act(Action::Tick, at(41)).unwrap();
    let live = world.article.live.unwrap();
    assert_eq!((live.from, live.until), (at(40), Some(at(80))));
    let fields = |error: Error| match error {
        Error::InvalidRequest(fields) => fields[0].field.clone(),
        other => other.to_string(),
    };
    assert_eq!(fields(world.act(publish(None, None, None), at(81)).unwrap_err()), "version");
    assert_eq!(fields(world.act(publish(None, Some(70), Some(60)), at(50)).unwrap_err()), "until");
}

#[test]
fn review_needs_a_second_person_and_ends_with_a_new_version() {
    let mut world = World::new(content("one", None, None));
    let go = |world: &mut World, action, actor: &str, s| world.act_as(action, STRICT, actor, at(s));
    assert!(matches!(go(&mut world, publish(None, None, None), "bob", 1), Err(Error::ReviewRequired { .. })));
    assert!(matches!(go(&mut world, Action::Approve { note: None }, "bob", 1), Err(Error::IllegalTransition { .. })));
    go(&mut world, Action::Submit { note: None }, "ann", 2).unwrap();
    assert_eq!(world.article.status(), Status::InReview);
    assert!(matches!(go(&mut world, Action::Approve { note: None }, "ann", 3), Err(Error::SelfApproval { .. })));
    go(&mut world, Action::Reject { note: None }, "bob", 4).unwrap();
    go(&mut world, Action::Submit { note: None }, "ann", 5).unwrap();
    go(&mut world, Action::Approve { note: None }, "bob", 6).unwrap();
    go(&mut world, publish(None, None, None), "ann", 7).unwrap();
    go(&mut world, save("two"), "ann", 8).unwrap();
    assert!(world.article.review.is_none() && world.article.has_draft());
    assert!(matches!(
        go(&mut world, publish(None, None, None), "bob", 9),
        Err(Error::ReviewRequired { version: 2, .. })
    ));
    go(&mut world, Action::Rollback { to: 1, reason: None }, "bob", 10).unwrap();
    assert_eq!(world.article.live.unwrap().version, 3);
    assert_eq!(world.versions[2].content, world.versions[0].content);
    assert_eq!(world.versions[2].note.as_ref().unwrap().as_str(), "rollback to version 1");
    assert!(matches!(
        go(&mut world, Action::Rollback { to: 2, reason: None }, "bob", 11),
        Err(Error::ReviewRequired { version: 2, .. })
    ));
}

#[test]
fn archiving_ends_everything_and_restoring_gives_a_draft() {
    let mut world = World::new(content("one", None, None));
    world.act(publish(None, None, None), at(10)).unwrap();
    world.act(publish(None, Some(90), None), at(11)).unwrap();
    world.act(Action::Archive { reason: None }, at(20)).unwrap();
    assert_eq!((world.article.status(), next_tick(&world.article)), (Status::Archived, None));
    assert_eq!(world.publications[&1].until, Some(at(20)));
    assert_eq!(world.publications[&1].ended_by.as_deref(), Some("ann"));
    let refused = world.act(save("two"), at(21)).unwrap_err();
    assert!(refused.to_string().contains("allowed now: restore"), "{refused}");
    world.act(Action::Restore { reason: None }, at(22)).unwrap();
    assert_eq!(world.article.status(), Status::Draft);
}

#[test]
fn verifying_sets_the_next_review_by_the_live_version() {
    let mut body = content("one", None, None);
    body.review_every_days = Some(30);
    let mut world = World::new(body);
    assert!(matches!(world.act(Action::Verify, at(1)), Err(Error::IllegalTransition { .. })));
    world.act(publish(None, None, None), at(10)).unwrap();
    let days = SignedDuration::from_hours(30 * 24);
    assert_eq!(world.article.review_due_at, Some(at(10) + days));
    world.act(Action::Verify, at(99)).unwrap();
    assert_eq!((world.article.verified_at, world.article.review_due_at), (Some(at(99)), Some(at(99) + days)));
}

#[test]
fn unknown_versions_are_not_found() {
    let mut world = World::new(content("one", None, None));
    for action in [publish(Some(7), None, None), Action::Rollback { to: 7, reason: None }] {
        assert!(matches!(world.act(action, at(1)), Err(Error::VersionNotFound { .. })));
    }
}

/// The judge: intervals, and what waits.
#[derive(Default)]
struct Model {
    log: Vec<(Timestamp, Option<Timestamp>, u32)>,
    waiting: Option<(Timestamp, Option<Timestamp>, u32)>,
}

impl Model {
    fn cut(&mut self, moment: Timestamp) {
        if let Some(last) = self.log.last_mut().filter(|(_, until, _)| until.is_none_or(|u| u > moment)) {
            last.1 = Some(moment);
        }
    }

    fn settle(&mut self, now: Timestamp) {
        if let Some((from, until, version)) = self.waiting.take_if(|(from, _, _)| *from <= now) {
            self.cut(from);
            self.log.push((from, until, version));
        }
    }

    fn publish(&mut self, now: Timestamp, from: Timestamp, until: Option<Timestamp>, version: u32) {
        if from > now {
            self.waiting = Some((from, until, version));
            return;
        }
        self.waiting.take_if(|(_, _, waiting)| *waiting == version);
        self.cut(now);
        self.log.push((now, until, version));
    }

    fn live_at(&self, moment: Timestamp) -> Vec<u32> {
        let covers = |(from, until, _): &&(Timestamp, Option<Timestamp>, u32)| {
            *from <= moment && until.is_none_or(|u| moment < u)
        };
        self.log.iter().filter(covers).map(|(_, _, v)| *v).collect()
    }

    /// Follows an action that was accepted.
    fn follow(&mut self, action: &Action, world: &World, now: Timestamp) {
        let window = |version: u32| {
            let content = &world.versions.iter().find(|v| v.number == version).unwrap().content;
            (content.valid_from, content.valid_until)
        };
        match action {
            Action::Publish { version, at, until, .. } => {
                let version = version.unwrap_or(world.article.latest);
                let (valid_from, valid_until) = window(version);
                let from = [Some(now), *at, valid_from].into_iter().flatten().max().unwrap();
                self.publish(now, from, [*until, valid_until].into_iter().flatten().min(), version);
            }
            Action::Rollback { .. } => {
                let (valid_from, valid_until) = window(world.article.latest);
                self.publish(now, valid_from.map_or(now, |f| f.max(now)), valid_until, world.article.latest);
            }
            Action::Unpublish { .. } | Action::Archive { .. } => {
                self.waiting = None;
                self.cut(now);
            }
            _ => {}
        }
    }
}

fn moment() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![2 => Just(None), 1 => (0_i64..400).prop_map(Some)]
}

fn action() -> impl Strategy<Value = Action> {
    let version = prop_oneof![Just(None), (1_u32..5).prop_map(Some)];
    prop_oneof![
        3 => (moment(), moment()).prop_map(|(from, until)| {
            let until = until.map(|u| u + from.unwrap_or(0) + 1);
            Action::Save { content: Box::new(content("t", from, until)), note: None }
        }),
        5 => (version, moment(), moment()).prop_map(|(version, from, until)| publish(version, from, until)),
        1 => Just(Action::Submit { note: None }),
        1 => Just(Action::Approve { note: None }),
        1 => Just(Action::Reject { note: None }),
        1 => Just(Action::Unpublish { reason: None }),
        1 => Just(Action::Archive { reason: None }),
        2 => Just(Action::Restore { reason: None }),
        2 => (1_u32..5).prop_map(|to| Action::Rollback { to, reason: None }),
        1 => Just(Action::Verify),
        2 => Just(Action::Tick),
    ]
}

fn steps() -> impl Strategy<Value = Vec<(i64, Action)>> {
    prop::collection::vec((0_i64..30, action()), 1..40)
}

proptest! {
    #[test]
    fn at_most_one_version_is_live_and_the_log_agrees_with_a_simple_model(steps in steps(), strict in any::<bool>()) {
        let rules = if strict { Rules { require_review: true, four_eyes: false } } else { FREE };
        let mut world = World::new(content("t", None, None));
        let mut model = Model::default();
        let mut second = 0;
        for (step, action) in steps {
            second += step;
            let now = at(second);
            let before = world.versions.clone();
            let settled = world.try_act(Action::Tick, rules, "ann", now).unwrap();
            world.take(settled);
            model.settle(now);
            let name = action.name();
            let may = name == "tick" || allowed(&world.article).contains(&name);
            let result = world.act_as(action.clone(), rules, "ann", now);
            prop_assert_eq!(may, !matches!(result, Err(Error::IllegalTransition { .. })), "{} in {}", name, world.article.status().as_str());
            if result.is_ok() {
                model.follow(&action, &world, now);
            }
            prop_assert_eq!(&world.versions[..before.len()], &before[..], "a version changed");
            prop_assert!(next_tick(&world.article).is_none_or(|due| due > now), "something due was left");
            let live: Vec<u32> = world.article.live.iter().map(|l| l.version).collect();
            prop_assert_eq!(world.live_at(now), live);
        }
        for moment in (0..=second).map(at) {
            let live = world.live_at(moment);
            prop_assert!(live.len() <= 1);
            prop_assert_eq!(live, model.live_at(moment));
        }
        let log: Vec<&Publication> = world.publications.values().collect();
        prop_assert!(log.windows(2).all(|pair| pair[0].until.is_some_and(|until| until <= pair[1].from)));
        prop_assert_eq!(log.len(), world.article.publications as usize);
    }

    #[test]
    fn it_does_not_matter_how_often_time_ticks(steps in steps()) {
        let mut often = World::new(content("t", None, None));
        let mut seldom = often.clone();
        let mut second = 0;
        for (step, action) in steps {
            for tick in 1..=step {
                often.act(Action::Tick, at(second + tick)).unwrap();
            }
            second += step;
            let (a, b) = (often.act(action.clone(), at(second)), seldom.act(action, at(second)));
            prop_assert_eq!(a.is_ok(), b.is_ok());
        }
        often.act(Action::Tick, at(second)).unwrap();
        seldom.act(Action::Tick, at(second)).unwrap();
        prop_assert_eq!(often.publications, seldom.publications);
        prop_assert_eq!(often.article, seldom.article);
    }
}

#[test]
fn review_state_is_forgotten_when_a_version_is_saved() {
    let mut world = World::new(content("one", None, None));
    world.act(Action::Submit { note: None }, at(1)).unwrap();
    world.act(Action::Approve { note: None }, at(2)).unwrap();
    assert_eq!(world.article.review.as_ref().unwrap().state, ReviewState::Approved);
    assert!(matches!(world.act(Action::Submit { note: None }, at(3)), Err(Error::IllegalTransition { .. })));
    world.act(save("two"), at(4)).unwrap();
    world.act(Action::Submit { note: None }, at(5)).unwrap();
    assert_eq!(world.article.status(), Status::InReview);
}
