//! Do articles live, hide, travel and keep time as the use cases promise?
//!
//! Invariant: every test has a store of its own, and its clock runs decades ahead, where no worker's real clock comes.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::io::Cursor;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use zhiyin::error::{Code, Error};
use zhiyin::id::{ArticleId, SpaceId};
use zhiyin::kb::{Admin, ArticleQuery, ArticleSort, Editor, Historian, Kb, KbSettings, Publisher, Wanted};
use zhiyin::model::account::{NewKey, Scope};
use zhiyin::model::article::{ArticleView, Audience, Content, Status};
use zhiyin::model::exchange::{Format, ImportReport};
use zhiyin::model::lifecycle::Action;
use zhiyin::model::space::SpaceSettings;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(4_000_000_000 + second).unwrap()
}

/// A store with its admin.
struct Base {
    kb: Kb,
    space: SpaceId,
    secret: String,
    _dir: tempfile::TempDir,
}

impl Drop for Base {
    fn drop(&mut self) {
        self.kb.close();
    }
}

impl Base {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = KbSettings {
            data_dir: dir.path().to_owned(),
            store_cache_bytes: 8 << 20,
            index_batch: 64,
            query_log_interval: Duration::from_millis(10),
            admin_secret: None,
        };
        let (kb, secret) = Kb::open(settings, at(0)).unwrap();
        Self { kb, space: SpaceId::default_space(), secret: secret.unwrap(), _dir: dir }
    }

    fn admin(&self) -> Admin {
        self.kb.admin(&self.kb.caller(Some(&self.secret), at(0)).unwrap()).unwrap()
    }

    /// The proofs of the admin key.
    fn all(&self) -> (Editor, Publisher, Historian) {
        self.proofs(&self.secret, &self.space)
    }

    fn proofs(&self, secret: &str, space: &SpaceId) -> (Editor, Publisher, Historian) {
        let caller = self.kb.caller(Some(secret), at(0)).unwrap();
        let kb = &self.kb;
        (
            kb.editor(&caller, space).unwrap(),
            kb.publisher(&caller, space).unwrap(),
            kb.historian(&caller, space).unwrap(),
        )
    }

    /// The proofs of a key that sees only these audiences.
    fn seeing(&self, name: &str, audiences: &[Audience]) -> (Editor, Publisher, Historian) {
        let key = NewKey {
            name: name.parse().unwrap(),
            scopes: vec![Scope::ArticlesRead, Scope::ArticlesWrite, Scope::ArticlesPublish],
            spaces: vec![],
            audiences: audiences.to_vec(),
            allowed_origins: vec![],
            rate_limit: None,
            expires_at: None,
        };
        let (_, secret) = self.kb.create_key(&self.admin(), key, at(0)).unwrap();
        self.proofs(&secret, &self.space)
    }

    fn create(&self, name: &str, content: Value, publish: bool, now: i64) -> ArticleView {
        let (editor, publisher, _) = self.all();
        let publisher = publish.then_some(&publisher);
        self.kb.create_article(&editor, publisher, Some(id(name)), written(content), None, at(now)).unwrap()
    }

    fn save(&self, name: &str, expected: u32, content: Value, now: i64) -> ArticleView {
        let (editor, _, _) = self.all();
        self.kb.save_article(&editor, &id(name), Some(expected), written(content), None, at(now)).unwrap()
    }

    fn act(&self, name: &str, action: Action, now: i64) -> Result<ArticleView, Error> {
        let (_, publisher, _) = self.all();
        self.kb.act_on_article(&publisher, &id(name), None, action, at(now))
    }

    fn import(&self, body: &str, format: Format, publish: bool, dry_run: bool) -> ImportReport {
        let (editor, publisher, _) = self.all();
        self.kb
            .import(&editor, publish.then_some(&publisher), format, dry_run, &mut Cursor::new(body), at(1_000))
            .unwrap()
    }

    fn export(&self, format: Format) -> String {
        let (_, _, historian) = self.all();
        let mut out = Vec::new();
        self.kb.export(&historian, format, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn ids(&self, query: &ArticleQuery) -> Vec<String> {
        let (_, _, historian) = self.all();
        let page = self.kb.list_articles(&historian, query).unwrap();
        page.items.into_iter().map(|a| a.id.to_string()).collect()
    }
}

fn id(name: &str) -> ArticleId {
    name.parse().unwrap()
}

fn written(content: Value) -> Content {
    serde_json::from_value(content).unwrap()
}

fn publish(version: Option<u32>, from: Option<i64>, until: Option<i64>) -> Action {
    Action::Publish { version, at: from.map(at), until: until.map(at), reason: None }
}

fn query(sort: ArticleSort, limit: usize) -> ArticleQuery {
    ArticleQuery { sort, limit, ..ArticleQuery::default() }
}

fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> Code {
    result.unwrap_err().code()
}

#[test]
fn an_article_lives_through_its_versions_and_the_past_can_be_read() {
    let base = Base::new();
    let made = base.create("a", json!({"title": "退货", "body": "七天内可退。"}), true, 10);
    assert_eq!((made.status, made.version, made.language.as_str()), (Status::Published, 1, "zh"));
    assert_eq!((made.published_at, made.author.as_str()), (Some(at(10)), "admin"));
    let saved = base.save("a", 1, json!({"title": "退货", "body": "十五天内可退。"}), 20);
    assert_eq!((saved.version, saved.live_version, saved.has_draft), (2, Some(1), true));
    base.act("a", publish(None, None, None), 30).unwrap();
    base.act("a", Action::Unpublish { reason: None }, 40).unwrap();
    let back = base.act("a", Action::Rollback { to: 1, reason: None }, 50).unwrap();
    assert_eq!((back.version, back.body.as_str()), (3, "七天内可退。"));

    let (_, _, historian) = base.all();
    let as_of = |second| base.kb.get_article(&historian, &id("a"), Wanted::AsOf(at(second))).map(|v| v.version);
    assert_eq!((as_of(10).unwrap(), as_of(29).unwrap(), as_of(30).unwrap(), as_of(50).unwrap()), (1, 1, 2, 3));
    assert_eq!(code(as_of(45)), Code::VersionNotFound);
    assert_eq!(code(base.kb.get_article(&historian, &id("a"), Wanted::Number(9))), Code::VersionNotFound);
    assert_eq!(code(base.kb.get_article(&historian, &id("b"), Wanted::Live)), Code::ArticleNotFound);
    let versions = base.kb.list_versions(&historian, &id("a")).unwrap();
    assert_eq!(versions.iter().map(|v| v.live).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!(base.kb.list_publications(&historian, &id("a")).unwrap().len(), 3);
    assert_eq!(base.kb.diff_article(&historian, &id("a"), 1, 3).unwrap().fields.len(), 0);
    let log = base.kb.audit(&base.admin(), Some(&base.space), 100, None).unwrap();
    let actions: Vec<&str> =
        log.items.iter().rev().map(|e| e.action.as_str()).filter(|a| a.starts_with("article")).collect();
    assert_eq!(
        actions,
        [
            "article.create",
            "article.publish",
            "article.save",
            "article.publish",
            "article.unpublish",
            "article.rollback"
        ]
    );
}

#[test]
fn writers_that_saw_another_version_are_told_so() {
    let base = Base::new();
    base.create("a", json!({"title": "one"}), false, 10);
    let (editor, publisher, _) = base.all();
    let content = || written(json!({"title": "two"}));
    let save = |expected| base.kb.save_article(&editor, &id("a"), expected, content(), None, at(20));
    assert_eq!(code(save(None)), Code::PreconditionRequired);
    assert!(matches!(save(Some(7)), Err(Error::VersionConflict { expected: 7, current: 1, .. })));
    save(Some(1)).unwrap();
    assert_eq!(
        code(base.kb.act_on_article(&publisher, &id("a"), Some(1), publish(None, None, None), at(30))),
        Code::VersionConflict
    );
    assert_eq!(
        code(base.kb.create_article(&editor, None, Some(id("a")), content(), None, at(30))),
        Code::AlreadyExists
    );
    let save = Action::Save { content: Box::new(content()), note: None };
    assert_eq!(code(base.act("a", save, 30)), Code::Forbidden);
    let tags: Vec<String> = (0..51).map(|n| n.to_string()).collect();
    let refused =
        base.kb.create_article(&editor, None, None, written(json!({"title": "t", "tags": tags})), None, at(30));
    assert_eq!(code(refused), Code::InvalidRequest);
}

#[test]
fn time_begins_and_ends_publications_to_the_second() {
    let base = Base::new();
    base.create("a", json!({"title": "one"}), true, 10);
    base.save("a", 1, json!({"title": "two"}), 20);
    let waiting = base.act("a", publish(Some(2), Some(100), Some(200)), 30).unwrap();
    assert_eq!((waiting.status, waiting.live_version), (Status::Published, Some(1)));
    assert_eq!(base.kb.tick(at(99)).unwrap(), 0);
    assert_eq!(base.kb.tick(at(150)).unwrap(), 1);
    let (_, _, historian) = base.all();
    let live = base.kb.get_article(&historian, &id("a"), Wanted::Live).unwrap();
    assert_eq!((live.version, live.published_at), (2, Some(at(100))));
    assert_eq!(base.kb.tick(at(500)).unwrap(), 1);
    assert_eq!(base.kb.tick(at(500)).unwrap(), 0);
    assert_eq!(code(base.kb.get_article(&historian, &id("a"), Wanted::Live)), Code::VersionNotFound);
    let log = base.kb.list_publications(&historian, &id("a")).unwrap();
    assert_eq!(log.iter().map(|p| p.until).collect::<Vec<_>>(), [Some(at(100)), Some(at(200))]);
}

#[test]
fn a_space_that_wants_review_gets_it() {
    let base = Base::new();
    let settings = SpaceSettings { require_review: true, ..SpaceSettings::default() };
    base.kb.update_space(&base.admin(), &base.space, None, Some(settings), at(1)).unwrap();
    base.create("a", json!({"title": "one"}), false, 10);
    let (editor, publisher, _) = base.all();
    let (_, second, _) = base.seeing("second", &Audience::ALL);
    assert_eq!(code(base.act("a", publish(None, None, None), 11)), Code::ReviewRequired);
    base.kb.submit_article(&editor, &id("a"), Some(1), None, at(12)).unwrap();
    let approve = || Action::Approve { note: None };
    assert_eq!(code(base.kb.act_on_article(&publisher, &id("a"), None, approve(), at(13))), Code::SelfApproval);
    base.kb.act_on_article(&second, &id("a"), None, approve(), at(13)).unwrap();
    base.act("a", publish(None, None, None), 14).unwrap();
    let report = base.import("{\"id\":\"b\",\"title\":\"t\"}\n", Format::Ndjson, true, false);
    assert_eq!((report.created, report.failed), (0, 1));
    assert!(report.failures[0].reason.contains("approved"), "{report:?}");
}

#[test]
fn what_is_outside_an_audience_is_not_there() {
    let base = Base::new();
    base.create("open", json!({"title": "open"}), true, 10);
    base.create("staff", json!({"title": "staff", "audience": "internal"}), true, 10);
    base.create("was-staff", json!({"title": "v1", "audience": "internal"}), true, 10);
    base.save("was-staff", 1, json!({"title": "v2"}), 11);
    base.act("was-staff", publish(None, None, None), 12).unwrap();
    let (editor, publisher, historian) = base.seeing("portal", &[Audience::Public]);
    let kb = &base.kb;
    for wanted in [Wanted::Live, Wanted::Latest, Wanted::Number(1), Wanted::Number(9), Wanted::AsOf(at(10))] {
        assert_eq!(code(kb.get_article(&historian, &id("staff"), wanted)), Code::ArticleNotFound);
    }
    assert_eq!(code(kb.list_versions(&historian, &id("staff"))), Code::ArticleNotFound);
    assert_eq!(code(kb.list_publications(&historian, &id("staff"))), Code::ArticleNotFound);
    assert_eq!(code(kb.diff_article(&historian, &id("staff"), 1, 1)), Code::ArticleNotFound);
    assert_eq!(
        code(kb.act_on_article(&publisher, &id("staff"), None, Action::Archive { reason: None }, at(20))),
        Code::ArticleNotFound
    );
    let secret = || written(json!({"title": "t", "audience": "agent"}));
    assert_eq!(
        code(kb.save_article(&editor, &id("staff"), Some(1), written(json!({"title": "t"})), None, at(20))),
        Code::ArticleNotFound
    );
    assert_eq!(code(kb.save_article(&editor, &id("open"), Some(1), secret(), None, at(20))), Code::Forbidden);
    assert_eq!(code(kb.create_article(&editor, None, None, secret(), None, at(20))), Code::Forbidden);
    // Of an article that was internal once, the portal knows only what came after.
    assert_eq!(kb.list_versions(&historian, &id("was-staff")).unwrap().len(), 1);
    assert_eq!(kb.list_publications(&historian, &id("was-staff")).unwrap().len(), 1);
    assert_eq!(code(kb.diff_article(&historian, &id("was-staff"), 1, 2)), Code::VersionNotFound);
    let back = Action::Rollback { to: 1, reason: None };
    assert_eq!(code(kb.act_on_article(&publisher, &id("was-staff"), None, back, at(20))), Code::VersionNotFound);
    let listed = kb.list_articles(&historian, &query(ArticleSort::Id, 10)).unwrap();
    assert_eq!(listed.items.iter().map(|a| a.id.as_str()).collect::<Vec<_>>(), ["open", "was-staff"]);
    let mut out = Vec::new();
    assert_eq!(kb.export(&historian, Format::Ndjson, &mut out).unwrap(), 1);
    assert_eq!(kb.export(&historian, Format::Markdown, &mut out).unwrap(), 2);
    let row = "{\"id\":\"staff\",\"title\":\"mine\"}";
    let report = kb.import(&editor, None, Format::Ndjson, false, &mut Cursor::new(row), at(30)).unwrap();
    assert_eq!((report.failed, report.failures[0].id.as_deref()), (1, Some("staff")));
}

#[test]
fn lists_are_filtered_ordered_and_read_page_by_page() {
    let base = Base::new();
    for (n, name) in ["c", "a", "e", "b", "d"].into_iter().enumerate() {
        let category = if name < "c" { "售后/退货" } else { "售后服务" };
        let content =
            json!({"title": format!("Title {}", 9 - n), "tags": [name], "category": category, "owner": "ann"});
        base.create(name, content, name != "e", 10 + n as i64);
    }
    base.act("a", Action::Verify, 100).unwrap();
    assert_eq!(base.ids(&query(ArticleSort::Id, 10)), ["a", "b", "c", "d", "e"]);
    assert_eq!(base.ids(&query(ArticleSort::CreatedAsc, 10)), ["c", "a", "e", "b", "d"]);
    assert_eq!(base.ids(&query(ArticleSort::UpdatedDesc, 2)), ["a", "d"]);
    assert_eq!(base.ids(&query(ArticleSort::Title, 2)), ["d", "b"]);
    let all = || query(ArticleSort::Id, 10);
    assert_eq!(base.ids(&ArticleQuery { category: Some("售后".into()), ..all() }), ["a", "b"]);
    assert_eq!(base.ids(&ArticleQuery { tag: Some("c".into()), owner: Some("ann".into()), ..all() }), ["c"]);
    assert_eq!(base.ids(&ArticleQuery { status: Some(Status::Draft), ..all() }), ["e"]);
    assert_eq!(base.ids(&ArticleQuery { q: Some("ＴＩＴＬＥ 7".into()), ..all() }), ["e"]);
    let (_, _, historian) = base.all();
    for sort in [
        ArticleSort::Id,
        ArticleSort::UpdatedDesc,
        ArticleSort::CreatedAsc,
        ArticleSort::Title,
        ArticleSort::ReviewDueAsc,
    ] {
        let mut paged = Vec::new();
        let mut next = ArticleQuery { sort, limit: 2, ..ArticleQuery::default() };
        loop {
            let page = base.kb.list_articles(&historian, &next).unwrap();
            paged.extend(page.items.into_iter().map(|a| a.id.to_string()));
            let Some(cursor) = page.next_cursor else { break };
            next.cursor = Some(cursor);
        }
        assert_eq!(paged, base.ids(&query(sort, 10)));
    }
    let wrong = ArticleQuery { cursor: Some("00".into()), ..all() };
    assert_eq!(code(base.kb.list_articles(&historian, &wrong)), Code::InvalidQuery);
}

#[test]
fn knowledge_travels_to_an_empty_place_byte_for_byte() {
    let base = Base::new();
    base.create("a", json!({"title": "退货", "body": "七天。", "attributes": {"price": 0.1, "model": "X"}}), true, 10);
    base.save("a", 1, json!({"title": "退货", "body": "十五天。", "review_every_days": 90, "audience": "agent"}), 20);
    base.act("a", publish(None, None, Some(5_000)), 30).unwrap();
    base.act("a", Action::Verify, 40).unwrap();
    base.create("b", json!({"title": "draft"}), false, 10);
    base.create("c", json!({"title": "later", "valid_from": at(9_000)}), true, 10);
    base.create("d", json!({"title": "gone"}), true, 10);
    base.act("d", Action::Archive { reason: None }, 11).unwrap();
    let (editor, _, _) = base.all();
    base.kb.submit_article(&editor, &id("b"), None, None, at(50)).unwrap();

    let there = Base::new();
    let exported = base.export(Format::Ndjson);
    let report = there.import(&exported, Format::Ndjson, true, false);
    assert_eq!((report.rows, report.created, report.failed), (4, 4, 0), "{report:?}");
    assert_eq!(there.export(Format::Ndjson), exported);
    let (_, _, historian) = there.all();
    let read = |name: &str| there.kb.get_article(&historian, &id(name), Wanted::Latest).unwrap();
    assert_eq!((read("a").status, read("a").published_at), (Status::Published, Some(at(30))));
    assert_eq!(
        (read("b").status, read("c").status, read("d").status),
        (Status::InReview, Status::Scheduled, Status::Archived)
    );
    there.kb.tick(at(9_000)).unwrap();
    assert_eq!((read("a").live_version, read("c").live_version), (None, Some(1)));

    let again = there.import(&exported, Format::Ndjson, true, false);
    assert_eq!((again.created, again.failed), (0, 4));
    let third = Base::new();
    let drafts_only = third.import(&exported, Format::Ndjson, false, false);
    assert_eq!((drafts_only.created, drafts_only.failed), (1, 3), "{drafts_only:?}");
}

#[test]
fn rows_make_update_and_leave_alone_and_a_dry_run_says_the_same() {
    let body = "{\"id\":\"a\",\"title\":\"one\"}\n{\"id\":\"b\",\"title\":\"two\"}\n{\"id\":\"a\",\"title\":\"one\"}\n\
        {\"id\":\"b\",\"title\":\"three\"}\n{\"id\":\"x\",\"title\":\"\"}\nnot json\n{\"title\":\"no id\"}\n\
        {\"id\":\"y\",\"title\":\"t\",\"space\":\"other\"}\n";
    let base = Base::new();
    let dry = base.import(body, Format::Ndjson, true, true);
    assert!(base.ids(&query(ArticleSort::Id, 10)).is_empty());
    let real = base.import(body, Format::Ndjson, true, false);
    assert_eq!((real.rows, real.created, real.updated, real.unchanged, real.failed), (8, 3, 1, 1, 3));
    assert_eq!(real.failures.iter().map(|f| f.line).collect::<Vec<_>>(), [5, 6, 8]);
    assert_eq!(dry, ImportReport { dry_run: true, ..real });
    let (_, _, historian) = base.all();
    let b = base.kb.get_article(&historian, &id("b"), Wanted::Live).unwrap();
    assert_eq!((b.version, b.latest_version, b.title.as_str()), (2, 2, "three"));
    let again = base.import("{\"id\":\"a\",\"title\":\"one\"}\n", Format::Ndjson, true, false);
    assert_eq!((again.unchanged, again.updated), (1, 0));
    base.act("a", Action::Archive { reason: None }, 2_000).unwrap();
    let archived = base.import("{\"id\":\"a\",\"title\":\"new\"}\n", Format::Ndjson, false, false);
    assert!(archived.failures[0].reason.contains("restore"), "{archived:?}");
}

#[test]
fn a_row_unpublished_in_between_is_published_again_and_many_batches_are_one_import() {
    let base = Base::new();
    let mut body = String::from("id,title,tags\n");
    for n in 0..600 {
        body.push_str(&format!("n{n:03},Title {n},a|b\n"));
    }
    let dry = base.import(&format!("{body}n000,Title 0,a|b\n"), Format::Csv, true, true);
    assert_eq!((dry.created, dry.unchanged, dry.failed), (600, 1, 0));
    let made = base.import(&body, Format::Csv, true, false);
    assert_eq!((made.rows, made.created), (600, 600));
    base.act("n007", Action::Unpublish { reason: None }, 2_000).unwrap();
    let (editor, publisher, _) = base.all();
    let again =
        base.kb.import(&editor, Some(&publisher), Format::Csv, false, &mut Cursor::new(&body), at(3_000)).unwrap();
    assert_eq!((again.updated, again.unchanged), (1, 599));
    let text = base.export(Format::Markdown);
    let there = Base::new();
    let moved = there.import(&text, Format::Markdown, true, false);
    assert_eq!((moved.created, moved.failed), (600, 0));
    assert_eq!(there.export(Format::Markdown), text);
    assert_eq!(code(base.kb.export(&base.all().2, Format::Csv, &mut Vec::new())), Code::InvalidQuery);
}

/// A body that ends in the middle.
struct Broken(Cursor<Vec<u8>>);

impl std::io::Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(std::io::Error::other("gone")),
            read => Ok(read),
        }
    }
}

#[test]
fn a_body_that_breaks_off_keeps_what_came_before() {
    let base = Base::new();
    let (editor, _, _) = base.all();
    let body = Broken(Cursor::new(b"{\"id\":\"a\",\"title\":\"t\"}\n{\"id\":\"b\",\"ti".to_vec()));
    let result = base.kb.import(&editor, None, Format::Ndjson, false, &mut std::io::BufReader::new(body), at(10));
    assert_eq!(code(result), Code::InvalidRequest);
    assert_eq!(base.ids(&query(ArticleSort::Id, 10)), ["a"]);
}

#[test]
fn keys_reach_only_what_they_were_made_for() {
    let base = Base::new();
    let other: SpaceId = "other".parse().unwrap();
    base.kb
        .create_space(&base.admin(), other.clone(), "Other".parse().unwrap(), SpaceSettings::default(), at(1))
        .unwrap();
    let key = NewKey {
        name: "bot".parse().unwrap(),
        scopes: vec![Scope::Search],
        spaces: vec![other.clone()],
        audiences: vec![Audience::Public],
        allowed_origins: vec![],
        rate_limit: None,
        expires_at: Some(at(100)),
    };
    let (key, secret) = base.kb.create_key(&base.admin(), key, at(1)).unwrap();
    assert!(!key.hash.contains(&secret) && key.hash.len() == 64);
    let caller = base.kb.caller(Some(&secret), at(2)).unwrap();
    assert_eq!(base.kb.reader(&caller, &other).unwrap().grant().audiences, [Audience::Public]);
    assert_eq!(code(base.kb.reader(&caller, &base.space)), Code::Forbidden);
    assert_eq!(code(base.kb.editor(&caller, &other)), Code::Forbidden);
    assert_eq!(code(base.kb.admin(&caller)), Code::Forbidden);
    assert_eq!(code(base.kb.caller(Some(&secret), at(100))), Code::KeyInvalid);
    base.kb.revoke_key(&base.admin(), &key.id, at(3)).unwrap();
    assert_eq!(code(base.kb.caller(Some(&secret), at(4))), Code::KeyInvalid);
    let nobody = base.kb.caller(None, at(1)).unwrap();
    assert_eq!(code(base.kb.reader(&nobody, &other)), Code::KeyMissing);
    let open = SpaceSettings { public_search: true, ..SpaceSettings::default() };
    base.kb.update_space(&base.admin(), &other, None, Some(open), at(5)).unwrap();
    assert_eq!(base.kb.reader(&nobody, &other).unwrap().grant().audiences, [Audience::Public]);
    assert_eq!(code(base.kb.historian(&nobody, &other)), Code::KeyMissing);
}
