//! Do two promises hold whatever happens: nobody sees an article outside their audience, and the past stays as it was?
//!
//! Invariant: every case has a store of its own, and its clock runs decades ahead, where no worker's real clock comes.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;
use zhiyin::id::{ArticleId, SpaceId};
use zhiyin::kb::{ArticleQuery, ArticleSort, Caller, Filter, Kb, KbSettings, Wanted};
use zhiyin::model::account::{NewKey, Scope};
use zhiyin::model::answer::AnswerRequest;
use zhiyin::model::article::{Audience, Content};
use zhiyin::model::exchange::Format;
use zhiyin::model::lifecycle::Action;
use zhiyin::model::search::{Mode, SearchRequest};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(4_000_000_000 + second).unwrap()
}

struct Base {
    kb: Kb,
    admin: Caller,
    space: SpaceId,
    _dir: tempfile::TempDir,
}

impl Drop for Base {
    fn drop(&mut self) {
        self.kb.close();
    }
}

fn base() -> Base {
    let dir = tempfile::tempdir().unwrap();
    let settings = KbSettings {
        data_dir: dir.path().to_owned(),
        store_cache_bytes: 8 << 20,
        index_batch: 64,
        query_log_interval: Duration::from_millis(5),
        admin_secret: None,
    };
    let (kb, secret) = Kb::open(settings, at(0)).unwrap();
    let admin = kb.caller(secret.as_deref(), at(0)).unwrap();
    Base { kb, admin, space: SpaceId::default_space(), _dir: dir }
}

impl Base {
    fn key(&self, audiences: Vec<Audience>) -> Caller {
        let admin = self.kb.admin(&self.admin).unwrap();
        let scopes = vec![Scope::Search, Scope::ArticlesRead, Scope::Gaps];
        let taken = self.kb.list_keys(&admin).unwrap().len();
        let name = format!("key {taken} {audiences:?}").try_into().unwrap();
        let new = NewKey {
            name,
            scopes,
            spaces: vec![],
            audiences,
            allowed_origins: vec![],
            rate_limit: None,
            expires_at: None,
        };
        let (_, secret) = self.kb.create_key(&admin, new, at(1)).unwrap();
        self.kb.caller(Some(&secret), at(1)).unwrap()
    }

    fn publish(&self, id: &str, content: Content, now: i64) {
        let editor = self.kb.editor(&self.admin, &self.space).unwrap();
        let publisher = self.kb.publisher(&self.admin, &self.space).unwrap();
        let id = Some(id.parse().unwrap());
        self.kb.create_article(&editor, Some(&publisher), id, content, None, at(now)).unwrap();
    }
}

fn search(query: &str) -> SearchRequest<Filter> {
    SearchRequest {
        query: query.parse().unwrap(),
        limit: 50,
        offset: 0,
        mode: Mode::Hybrid,
        filters: None,
        as_of: None,
        facets: vec!["audience".into(), "tags".into()],
        explain: true,
        channel: None,
        conversation_id: None,
        log: true,
        rerank: true,
    }
}

fn content(word: &str, audience: Audience) -> Content {
    serde_json::from_value(json!({
        "title": format!("保修 {word}"),
        "body": format!("关于保修的说明 {word}。保修期为一年,{word} 另有规定。"),
        "questions": [format!("{word} 怎么保修")],
        "tags": [word],
        "audience": audience,
    }))
    .unwrap()
}

fn audiences() -> impl Strategy<Value = Vec<Audience>> {
    prop::sample::subsequence(Audience::ALL.to_vec(), 1..=3)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every way to read is tried with every key: no word that only hidden articles hold may come out of any.
    #[test]
    fn no_way_to_read_shows_what_the_key_may_not_see(
        articles in prop::collection::vec(prop::sample::select(Audience::ALL.to_vec()), 3..12),
        keys in prop::collection::vec(audiences(), 1..3),
    ) {
        let base = base();
        let word = |n: usize| format!("zq{n}xv");
        for (n, audience) in articles.iter().enumerate() {
            base.publish(&format!("a{n}"), content(&word(n), *audience), 10 + n as i64);
        }
        base.kb.sync_indexes().unwrap();
        for audiences in keys {
            let caller = base.key(audiences.clone());
            let kb = &base.kb;
            let reader = kb.reader(&caller, &base.space).unwrap();
            let historian = kb.historian(&caller, &base.space).unwrap();
            let keeper = kb.gap_keeper(&caller, &base.space).unwrap();
            let now = at(1_000);
            let mut shown = String::new();
            let mut say = |text: String| shown.push_str(&text);
            let general = kb.search(&reader, &search("保修怎么办"), now).unwrap();
            let visible = articles.iter().filter(|a| audiences.contains(a)).count();
            prop_assert_eq!(general.total as usize, visible);
            prop_assert_eq!(general.facets["audience"].values().sum::<u64>() as usize, visible);
            say(serde_json::to_string(&general).unwrap());
            let past = SearchRequest { as_of: Some(at(900)), ..search("保修") };
            say(serde_json::to_string(&kb.search(&reader, &past, now).unwrap()).unwrap());
            say(serde_json::to_string(&kb.suggest(&reader, &"保修".parse().unwrap(), 50).unwrap()).unwrap());
            say(serde_json::to_string(&kb.similar(&reader, &"保修期的说明".parse().unwrap(), 50).unwrap()).unwrap());
            for (n, _) in articles.iter().enumerate() {
                let id: ArticleId = format!("a{n}").parse().unwrap();
                if let Ok(related) = kb.related(&reader, &id, 50) {
                    say(serde_json::to_string(&related).unwrap());
                }
                for wanted in [Wanted::Live, Wanted::Latest, Wanted::Number(1), Wanted::AsOf(at(900))] {
                    if let Ok(article) = kb.get_article(&historian, &id, wanted) {
                        say(serde_json::to_string(&article).unwrap());
                    }
                }
                if let Ok(versions) = kb.list_versions(&historian, &id) {
                    say(serde_json::to_string(&versions).unwrap());
                }
                // Asked by its very word, a hidden article's word comes back only as the question itself.
                let question = AnswerRequest { question: word(n).parse().unwrap(), conversation_id: None, history: vec![], channel: None, filters: None, rerank: true };
                let answer = kb.answer(&reader, &question, now).unwrap();
                say(serde_json::to_string(&answer.citations).unwrap());
                say(serde_json::to_string(&answer.answer).unwrap());
            }
            let list = ArticleQuery { limit: 100, sort: ArticleSort::Id, ..ArticleQuery::default() };
            let page = kb.list_articles(&historian, &list).unwrap();
            prop_assert_eq!(page.items.len(), visible);
            say(serde_json::to_string(&page).unwrap());
            let mut exported = Vec::new();
            kb.export(&historian, Format::Ndjson, &mut exported).unwrap();
            say(String::from_utf8(exported).unwrap());
            for gap in kb.list_gaps(&keeper, &Default::default(), 100, None, at(100)).unwrap().items {
                say(serde_json::to_string(&gap.nearest).unwrap());
            }
            for (n, audience) in articles.iter().enumerate() {
                let named = shown.contains(&word(n));
                prop_assert_eq!(named, audiences.contains(audience), "{} for {:?}", word(n), &audiences);
            }
        }
    }

    /// Whatever is done to articles, a search of any moment finds the version that was live then, and no other.
    #[test]
    fn a_search_of_any_moment_finds_what_was_live(
        actions in prop::collection::vec((0_usize..3, 0_u8..5), 4..25),
        moments in prop::collection::vec(0_i64..260, 6),
    ) {
        let base = base();
        let kb = &base.kb;
        let editor = kb.editor(&base.admin, &base.space).unwrap();
        let publisher = kb.publisher(&base.admin, &base.space).unwrap();
        let reader = kb.reader(&base.admin, &base.space).unwrap();
        let id = |n: usize| -> ArticleId { format!("a{n}").parse().unwrap() };
        // The model: per article, when which version became live (or none did).
        let mut live: Vec<BTreeMap<i64, Option<u32>>> = vec![BTreeMap::new(); 3];
        for (n, changes) in live.iter_mut().enumerate() {
            base.publish(&format!("a{n}"), content("第1版", Audience::Public), n as i64);
            changes.insert(n as i64, Some(1));
        }
        let mut now = 10;
        for (n, action) in actions {
            now += 10;
            let latest = kb.get_article(&kb.historian(&base.admin, &base.space).unwrap(), &id(n), Wanted::Latest).unwrap().version;
            let act = |action: Action| kb.act_on_article(&publisher, &id(n), None, action, at(now));
            let becomes = match action {
                0 => {
                    let next = content(&format!("第{}版", latest + 1), Audience::Public);
                    let _ = kb.save_article(&editor, &id(n), Some(latest), next, None, at(now));
                    continue;
                }
                1 => act(Action::Publish { version: None, at: None, until: None, reason: None }).map(|a| a.live_version),
                2 => act(Action::Unpublish { reason: None }).map(|a| a.live_version),
                3 => act(Action::Rollback { to: 1, reason: None }).map(|a| a.live_version),
                _ => act(Action::Archive { reason: None }).map(|a| a.live_version),
            };
            // A refused action changes nothing.
            if let Ok(version) = becomes {
                live[n].insert(now, version);
            }
            if action == 4 {
                let _ = act(Action::Restore { reason: None });
            }
        }
        kb.sync_indexes().unwrap();
        for moment in moments.into_iter().chain([now]) {
            let request = SearchRequest { as_of: Some(at(moment)), log: false, ..search("保修") };
            let found = kb.search(&reader, &request, at(1_000)).unwrap();
            let found: BTreeMap<String, u32> = found.hits.iter().map(|h| (h.article_id.to_string(), h.version)).collect();
            let expected: BTreeMap<String, u32> = live
                .iter()
                .enumerate()
                .filter_map(|(n, changes)| {
                    let (_, version) = changes.range(..=moment).next_back()?;
                    version.map(|v| (format!("a{n}"), v))
                })
                .collect();
            prop_assert_eq!(&found, &expected, "at {}", moment);
        }
        let current = kb.search(&reader, &SearchRequest { log: false, ..search("保修") }, at(1_000)).unwrap();
        let current: BTreeMap<String, u32> = current.hits.iter().map(|h| (h.article_id.to_string(), h.version)).collect();
        let expected: BTreeMap<String, u32> =
            live.iter().enumerate().filter_map(|(n, c)| Some((format!("a{n}"), c.values().next_back().copied()??))).collect();
        prop_assert_eq!(current, expected);
    }
}
