//! Models: listed, chosen, away, behind endpoints, fetched, and looking at hits again.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use zhiyin::app::App;
use zhiyin::config::Config;
use zhiyin::kb::models::{EndpointSettings, Languages};
use zhiyin::model::account::Secret;

use crate::actors::{Actor, TestApp};
use crate::fake::{Asked, Fake, Told};

const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/index/tests/data/models");

fn tiny(name: &str) -> PathBuf {
    Path::new(MODELS).join(name)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn name(text: &str) -> zhiyin::id::ModelName {
    text.parse().unwrap()
}

fn stats(admin: &Actor) -> Value {
    admin.get("/v1/spaces/default/stats").expect(200)
}

/// Looks at the figures until they are as they should be.
fn until(admin: &Actor, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let seen = stats(admin);
        if fits(&seen) {
            return seen;
        }
        assert!(Instant::now() < deadline, "{what}: {seen}");
        std::thread::sleep(Duration::from_millis(30));
    }
}

fn use_model(admin: &Actor, model: &str) {
    admin.patch("/v1/spaces/default", json!({ "settings": { "model": model } })).expect(200);
    until(admin, model, |s| s["model"] == model && s["rebuilding"] == false && s["without_vectors"] == 0);
}

fn search(admin: &Actor, query: &str, mode: &str) -> Value {
    admin.post("/v1/search", json!({ "query": query, "mode": mode, "explain": true })).expect(200)
}

#[test]
fn a_space_changes_its_model_while_the_old_one_serves() {
    let app = TestApp::start_with(|config| {
        config.model_folders.insert(name("tiny"), tiny("tiny-bert"));
        config.model_folders.insert(name("odd"), tiny("no-such-folder"));
    });
    let admin = app.admin();
    app.publisher().publish_article("returns", "退货政策", "签收后七天内可以退货。");
    app.publisher().publish_article("password", "Reset a password", "How to reset the password of the account.");
    let listed = admin.get("/v1/models").expect(200);
    let of = |name: &str| listed["items"].as_array().unwrap().iter().find(|m| m["name"] == name).unwrap().clone();
    let (tiny, odd, bundled) = (of("tiny"), of("odd"), of("bundled"));
    assert_eq!((&tiny["state"], &tiny["dimension"], &tiny["task"]), (&json!("ready"), &json!(24), &json!("embed")));
    assert_eq!(odd["state"], "broken");
    assert!(odd["problem"].as_str().unwrap().contains("config.json: is missing"), "{odd}");
    assert_eq!((&bundled["default"], &bundled["spaces"]), (&json!(true), &json!(["default"])));

    let before = search(&admin, "reset password", "semantic");
    use_model(&admin, "tiny");
    let after = search(&admin, "reset password", "semantic");
    assert_ne!(before["hits"][0]["explain"]["vectors"]["cosine"], after["hits"][0]["explain"]["vectors"]["cosine"]);
    assert_eq!(after["degraded"], Value::Null, "{after}");
    assert!(stats(&admin)["model_id"].as_str().unwrap().starts_with("transformer1-"));
    app.publisher().publish_article("refund", "Refund", "Refund of the delivery after seven days.");
    until(&admin, "a new article gets its vectors", |s| s["without_vectors"] == 0);
    assert_eq!(search(&admin, "refund", "semantic")["total"], 3);
    assert_eq!(admin.get("/v1/models/tiny").expect(200)["spaces"], json!(["default"]));

    let refused = admin.patch("/v1/spaces/default", json!({ "settings": { "model": "odd" } }));
    assert_eq!(refused.status, 422, "{}", refused.body);
    assert_eq!(refused.json()["errors"][0]["field"], "settings.model");
    assert!(refused.body.contains("no-such-folder/config.json: is missing"), "{}", refused.body);
    let refused = admin.patch("/v1/spaces/default", json!({ "settings": { "model": "nobody" } }));
    assert!(refused.body.contains("there is no model 'nobody'"), "{}", refused.body);
    assert_eq!(stats(&admin)["model"], "tiny", "what was refused changes nothing");
    use_model(&admin, "hash");
    assert_eq!(search(&admin, "refund", "hybrid")["hits"][0]["article_id"], "refund");
    let report = admin.send("POST", "/v1/spaces/default/verify", None).expect(200);
    assert_eq!(report["differences"], json!([]));
}

/// A server on a folder that outlives it.
fn server(folder: &Path, change: impl FnOnce(&mut Config)) -> (App, Actor) {
    let mut config = Config {
        data_dir: folder.join("data"),
        listen: ([127, 0, 0, 1], 0).into(),
        admin_key: Some(Secret::new("admin-secret-of-the-tests".into())),
        workers: 1,
        ..Config::default()
    };
    change(&mut config);
    let app = App::start(&config).unwrap();
    let admin = Actor::new(&format!("http://{}", app.address), Some("admin-secret-of-the-tests"));
    admin.until_ready();
    (app, admin)
}

#[test]
fn a_model_that_is_gone_at_the_start_is_told_and_words_still_serve() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    copy(&tiny("tiny-xlmr"), &model);
    let with_model = |config: &mut Config| drop(config.model_folders.insert(name("own"), model.clone()));
    let (app, admin) = server(folder.path(), with_model);
    admin.publish_article("returns", "退货政策", "签收后七天内可以退货。");
    use_model(&admin, "own");
    app.stop().unwrap();

    std::fs::rename(&model, folder.path().join("away")).unwrap();
    let (app, admin) = server(folder.path(), with_model);
    let found = search(&admin, "退货", "hybrid");
    assert_eq!((&found["hits"][0]["article_id"], &found["degraded"]), (&json!("returns"), &json!(["semantic"])));
    let ready = admin.get("/readyz").expect(200);
    assert!(ready["degraded"][0].as_str().unwrap().contains("config.json: is missing"), "{ready}");
    let seen = stats(&admin);
    assert_eq!((&seen["model"], &seen["rebuilding"]), (&json!("own"), &json!(false)));
    assert!(seen["model_problem"].as_str().unwrap().contains("is missing"), "{seen}");
    admin.publish_article("refund", "Refund", "The refund is paid in seven days.");
    assert_eq!(search(&admin, "refund", "hybrid")["hits"][0]["article_id"], "refund");
    assert_eq!(stats(&admin)["without_vectors"], 1);
    app.stop().unwrap();

    std::fs::rename(folder.path().join("away"), &model).unwrap();
    let (app, admin) = server(folder.path(), with_model);
    until(&admin, "the vectors are made up for", |s| s["without_vectors"] == 0 && s["model_problem"].is_null());
    let found = search(&admin, "refund", "semantic");
    assert_eq!((&found["total"], &found["degraded"]), (&json!(2), &Value::Null));
    app.stop().unwrap();

    // Another default is built beside what is there; a process that asks for none changes nothing.
    let (app, admin) = server(folder.path(), |config| {
        with_model(config);
        config.model = Some(name("hash"));
    });
    assert_eq!(stats(&admin)["model"], "own", "the space's own choice counts");
    app.stop().unwrap();
}

/// Answers as an endpoint does, in the way that `how` says.
fn endpoint(how: Arc<Mutex<&'static str>>) -> Fake {
    Fake::start(move |asked: &Asked| {
        let body: Value = serde_json::from_str(&asked.body).unwrap();
        let texts = body["input"].as_array().unwrap();
        let vector = |text: &Value| {
            let text = text.as_str().unwrap().to_lowercase();
            ["refund", "password", "delivery"].map(|word| if text.contains(word) { 2.0 } else { 0.1 })
        };
        // Out of order, as the protocol allows.
        let mut data: Vec<Value> =
            texts.iter().enumerate().map(|(n, t)| json!({ "index": n, "embedding": vector(t) })).collect();
        data.reverse();
        match *how.lock().unwrap() {
            "well" => Told::new(200, json!({ "data": data }).to_string()),
            "short" => Told::new(200, json!({ "data": [{ "index": 0, "embedding": [1.0] }] }).to_string()),
            "few" => Told::new(200, json!({ "data": [] }).to_string()),
            "malformed" => Told::new(200, "<html>"),
            "busy" => Told::new(429, "slow down").with("Retry-After", "0"),
            "refuses" => Told::new(400, "too long"),
            "slow" => {
                std::thread::sleep(Duration::from_millis(1_500));
                Told::new(200, json!({ "data": data }).to_string())
            }
            _ => Told::new(500, "broken"),
        }
    })
}

#[test]
fn an_endpoint_embeds_and_may_fail_in_every_way() {
    let how = Arc::new(Mutex::new("well"));
    let fake = endpoint(how.clone());
    let settings = EndpointSettings {
        url: fake.url.clone(),
        model: "m".into(),
        dimension: 3,
        key: Some(Secret::new("sk-secret".into())),
        timeout: Duration::from_millis(700),
        batch: 2,
        query_prefix: "query: ".into(),
        passage_prefix: String::new(),
        languages: Languages::ALL,
    };
    let app = TestApp::start_with(|config| drop(config.model_endpoints.insert(name("far"), settings)));
    let admin = app.admin();
    for (id, text) in [("refund", "Refund rules"), ("password", "Password rules"), ("delivery", "Delivery rules")] {
        app.publisher().publish_article(id, text, text);
    }
    for (way, told) in [
        ("short", "gave a vector of 1 values; the configuration says 3"),
        ("few", "gave 0 vectors for 1 texts"),
        ("malformed", "something else than vectors"),
        ("broken", "status 500: broken"),
        ("refuses", "status 400: too long"),
        ("slow", "timeout"),
    ] {
        *how.lock().unwrap() = way;
        let refused = admin.patch("/v1/spaces/default", json!({ "settings": { "model": "far" } }));
        assert!(refused.status == 422 && refused.body.contains(told), "{way}: {}", refused.body);
        assert!(!refused.body.contains("sk-secret"));
    }
    assert_eq!(stats(&admin)["model"], "bundled");
    *how.lock().unwrap() = "well";
    // The breaker has opened meanwhile: it is tried until it lets one through.
    let deadline = Instant::now() + Duration::from_secs(20);
    while admin.patch("/v1/spaces/default", json!({ "settings": { "model": "far" } })).status != 200 {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(100));
    }
    until(&admin, "far", |s| s["model"] == "far" && s["without_vectors"] == 0);
    let found = search(&admin, "how about my password", "semantic");
    assert_eq!(found["hits"][0]["article_id"], "password");
    assert!((found["hits"][0]["explain"]["vectors"]["cosine"].as_f64().unwrap() - 1.0).abs() < 0.02, "{found}");
    let asked = fake.asked();
    let last = asked.last().unwrap();
    assert_eq!((last.path.as_str(), last.headers["authorization"].as_str()), ("/embeddings", "Bearer sk-secret"));
    assert!(
        last.body.contains("query: how about my password") && last.body.contains("\"model\":\"m\""),
        "{}",
        last.body
    );
    assert!(
        asked.iter().all(|a| serde_json::from_str::<Value>(&a.body).unwrap()["input"].as_array().unwrap().len() <= 2)
    );

    *how.lock().unwrap() = "broken";
    let found = search(&admin, "password", "hybrid");
    assert_eq!((&found["hits"][0]["article_id"], &found["degraded"]), (&json!("password"), &json!(["semantic"])));
    app.publisher().publish_article("new", "New delivery", "Delivery and password.");
    assert_eq!(search(&admin, "new delivery", "hybrid")["hits"][0]["article_id"], "new", "words are found at once");
    assert_eq!(stats(&admin)["without_vectors"], 1);
    *how.lock().unwrap() = "busy";
    std::thread::sleep(Duration::from_millis(300));
    *how.lock().unwrap() = "well";
    until(&admin, "the vectors are made up for", |s| s["without_vectors"] == 0);
    assert_eq!(search(&admin, "password delivery", "semantic")["hits"][0]["article_id"], "new");
}

#[test]
fn what_a_model_does_not_read_is_searched_by_words() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("english");
    copy(&tiny("tiny-bert"), &folder);
    std::fs::write(folder.join("zhiyin.json"), r#"{ "languages": ["en"] }"#).unwrap();
    let app = TestApp::start_with(|config| drop(config.model_folders.insert(name("english"), folder)));
    let admin = app.admin();
    app.publisher().publish_article("refund", "Refund rules", "Money comes back within a week.");
    app.publisher().publish_article("tuihuo", "退货政策", "签收后十五天内可以退货。");
    use_model(&admin, "english");
    assert_eq!(admin.get("/v1/models/english").expect(200)["languages"], json!(["en"]));
    assert_eq!(admin.get("/v1/models/hash").expect(200)["languages"], Value::Null, "it is not loaded");

    let chinese = search(&admin, "怎么退货", "hybrid");
    assert_eq!(
        (&chinese["hits"][0]["article_id"], &chinese["degraded"]),
        (&json!("tuihuo"), &Value::Null),
        "{chinese}"
    );
    assert_eq!(chinese["hits"][0]["explain"]["vectors"]["cosine"], Value::Null, "{chinese}");
    let chinese = search(&admin, "怎么退货", "semantic");
    assert_eq!((&chinese["hits"], &chinese["degraded"]), (&json!([]), &json!(["semantic"])));
    let english = search(&admin, "refund rules", "semantic");
    let found: Vec<&str> =
        english["hits"].as_array().unwrap().iter().map(|h| h["article_id"].as_str().unwrap()).collect();
    assert_eq!((found, &english["degraded"]), (vec!["refund"], &Value::Null));
}

/// A hub with one repository, some of whose answers are spoilt.
fn hub(spoil: &'static str) -> Fake {
    let broken = AtomicU32::new(0);
    Fake::start(move |asked: &Asked| {
        let path = asked.path.trim_start_matches('/');
        if path == "api/models/house/tiny-bert/revision/main" {
            let names = [
                "config.json",
                "tokenizer.json",
                "model.safetensors",
                "modules.json",
                "1_Pooling/config.json",
                "../evil",
                "README.md",
            ];
            let siblings: Vec<Value> = names.iter().map(|n| json!({ "rfilename": n })).collect();
            return Told::new(
                200,
                json!({ "sha": "0123456789abcdef0123456789abcdef01234567", "siblings": siblings }).to_string(),
            );
        }
        let Some(file) = path.strip_prefix("house/tiny-bert/resolve/0123456789abcdef0123456789abcdef01234567/") else {
            return match path.strip_prefix("cdn/") {
                Some(file) => stored(asked, file, &broken),
                None => Told::new(404, "nothing here"),
            };
        };
        let bytes = std::fs::read(tiny("tiny-bert").join(file)).unwrap();
        if file == "model.safetensors" {
            let mut sum = sha256(&bytes);
            if spoil == "checksum" {
                sum = sum.replace(|c: char| c.is_ascii_digit(), "0");
            }
            // As the real hub: the checksum stands in the redirect, not where the file is.
            let place = format!("/cdn/{file}");
            return Told::new(302, "")
                .with("Location", place)
                .with("X-Linked-ETag", format!("\"{sum}\""))
                .with("X-Linked-Size", bytes.len());
        }
        Told::new(200, bytes)
    })
}

/// Breaks off three times before the file has come whole.
fn stored(asked: &Asked, file: &str, broken: &AtomicU32) -> Told {
    let bytes = std::fs::read(tiny("tiny-bert").join(file)).unwrap();
    let from: usize =
        asked.headers.get("range").map_or(0, |r| r.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap());
    let mut told = Told::new(if from > 0 { 206 } else { 200 }, bytes[from..].to_vec());
    if from > 0 {
        told = told.with("Content-Range", format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len()));
    }
    if broken.fetch_add(1, Ordering::SeqCst) < 3 {
        told.breaks_after = Some(10_000);
    }
    told
}

fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn pulled(admin: &Actor, model: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let seen = admin.get(&format!("/v1/models/{model}")).expect(200);
        if seen["state"] != "pulling" {
            return seen;
        }
        assert!(Instant::now() < deadline, "{seen}");
        std::thread::sleep(Duration::from_millis(30));
    }
}

#[test]
fn a_model_is_fetched_in_spite_of_interruptions() {
    let hub = hub("");
    let app = TestApp::start_with(|config| config.model_hub = hub.url.clone());
    let admin = app.admin();
    let told = admin.post("/v1/models", json!({ "source": "house/tiny-bert" }));
    assert_eq!((told.status, told.header("location")), (202, Some("/v1/models/tiny-bert")));
    let model = pulled(&admin, "tiny-bert");
    assert_eq!(
        (&model["state"], &model["source"], &model["dimension"]),
        (&json!("ready"), &json!("house/tiny-bert"), &json!(24)),
        "{model}"
    );
    let ranges: Vec<String> = hub
        .asked()
        .iter()
        .filter(|a| a.path.starts_with("/cdn/"))
        .filter_map(|a| a.headers.get("range").cloned())
        .collect();
    assert_eq!(ranges, ["bytes=10000-", "bytes=20000-", "bytes=30000-"], "it goes on where it broke off");
    assert!(hub.asked().iter().all(|a| !a.path.contains("evil") && !a.path.contains("README")));
    assert_eq!(admin.post("/v1/models", json!({ "source": "house/tiny-bert" })).problem(409), "already_exists");

    app.publisher().publish_article("a", "Reset password", "How to reset the password.");
    use_model(&admin, "tiny-bert");
    assert_eq!(admin.send("DELETE", "/v1/models/tiny-bert", None).problem(409), "model_in_use");
    use_model(&admin, "bundled");
    admin.patch("/v1/spaces/default", json!({ "settings": { "model": null } })).expect(200);
    assert_eq!(admin.send("DELETE", "/v1/models/tiny-bert", None).status, 204);
    assert_eq!(admin.get("/v1/models/tiny-bert").problem(404), "model_not_found");
    assert_eq!(admin.send("DELETE", "/v1/models/bundled", None).problem(404), "model_not_found");
}

#[test]
fn what_does_not_fit_is_not_kept() {
    let hub = hub("checksum");
    let app = TestApp::start_with(|config| config.model_hub = "http://127.0.0.1:9".into());
    let admin = app.admin();
    let order = json!({ "source": "house/tiny-bert", "name": "mine", "mirror": hub.url });
    admin.post("/v1/models", order).expect(202);
    let model = pulled(&admin, "mine");
    assert_eq!(model["state"], "broken");
    assert!(model["problem"].as_str().unwrap().contains("its checksum is not the one the hub told"), "{model}");
    let refused = admin.patch("/v1/spaces/default", json!({ "settings": { "model": "mine" } }));
    assert_eq!(refused.status, 422);

    admin.post("/v1/models", json!({ "source": "house/nothing", "mirror": hub.url })).expect(202);
    assert!(pulled(&admin, "nothing")["problem"].as_str().unwrap().contains("no such repository"));
    for (body, field) in [
        (json!({ "source": "../../etc" }), "source"),
        (json!({ "source": "a/b/c" }), "source"),
        (json!({ "source": "a/..", "name": "x" }), "source"),
        (json!({ "source": "a/b", "revision": "../main" }), "revision"),
        (json!({ "source": "a/b", "mirror": "file:///etc" }), "mirror"),
        (json!({ "source": "a/b", "name": "bundled" }), "name"),
        (json!({ "source": "a/b", "name": "../x" }), "name"),
    ] {
        let refused = admin.post("/v1/models", body.clone());
        assert_eq!(
            (refused.status, &refused.json()["errors"][0]["field"]),
            (422, &json!(field)),
            "{body}: {}",
            refused.body
        );
    }
    assert_eq!(app.customer().get("/v1/models").problem(403), "forbidden");
}

#[test]
fn hits_are_looked_at_again_within_the_time() {
    let start = |budget_ms| {
        let app = TestApp::start_with(|config| {
            config.model_folders.insert(name("cross"), tiny("tiny-bert-reranker"));
            config.model_folders.insert(name("tiny"), tiny("tiny-bert"));
            config.rerank_budget = Duration::from_millis(budget_ms);
        });
        for (id, text) in [
            ("a", "reset password refund"),
            ("b", "refund of the delivery"),
            ("c", "refund in days"),
            ("d", "the refund is what?"),
        ] {
            app.publisher().publish_article(id, text, text);
        }
        app
    };
    let order = |found: &Value| -> Vec<String> {
        found["hits"].as_array().unwrap().iter().map(|h| h["article_id"].as_str().unwrap().to_owned()).collect()
    };
    let app = start(60_000);
    let admin = app.admin();
    let plain = search(&admin, "refund", "hybrid");
    assert!(plain["hits"][0]["explain"]["rerank"].is_null());
    let wrong = admin.patch("/v1/spaces/default", json!({ "settings": { "reranker": "tiny" } }));
    assert!(wrong.status == 422 && wrong.body.contains("'bert.pooler.dense.weight' is missing"), "{}", wrong.body);
    let wrong = admin.patch("/v1/spaces/default", json!({ "settings": { "model": "cross" } }));
    assert!(wrong.status == 422 && wrong.body.contains("it is a reranker"), "{}", wrong.body);
    admin.patch("/v1/spaces/default", json!({ "settings": { "reranker": "cross" } })).expect(200);
    let again = search(&admin, "refund", "hybrid");
    let scores: Vec<f64> =
        again["hits"].as_array().unwrap().iter().map(|h| h["explain"]["rerank"]["score"].as_f64().unwrap()).collect();
    assert!(scores.len() == 4 && scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    assert_eq!(again["confidence"], plain["confidence"], "a place keeps its probability");
    assert_eq!((&again["total"], &again["degraded"]), (&plain["total"], &Value::Null));
    // A page of the reranked hits is a piece of them.
    let page = admin.post("/v1/search", json!({ "query": "refund", "limit": 2, "offset": 1 })).expect(200);
    assert_eq!(order(&page), order(&again)[1..3]);
    let without = admin.post("/v1/search", json!({ "query": "refund", "rerank": false })).expect(200);
    assert_eq!(order(&without), order(&plain));
    assert_eq!(admin.get("/v1/models/cross").expect(200)["spaces"], json!(["default"]));
    assert_eq!(admin.post("/v1/answer", json!({ "question": "refund" })).status, 200);

    let late = start(0);
    late.admin().patch("/v1/spaces/default", json!({ "settings": { "reranker": "cross" } })).expect(200);
    let found = search(&late.admin(), "refund", "hybrid");
    assert_eq!((order(&found), &found["degraded"]), (order(&plain), &json!(["rerank"])));
    late.admin().patch("/v1/spaces/default", json!({ "settings": { "reranker": "none" } })).expect(200);
    assert_eq!(search(&late.admin(), "refund", "hybrid")["degraded"], Value::Null);
}
