//! The published contract: what it describes is there, and what is there is described.

use serde_json::{Value, json};

use crate::actors::TestApp;

#[test]
fn every_described_route_answers() {
    let app = TestApp::start();
    let contract = app.nobody().get("/openapi.json").expect(200);
    let mut seen = 0;
    for (path, methods) in contract["paths"].as_object().unwrap() {
        for (method, about) in methods.as_object().unwrap() {
            let filled = path.replace("{id}", "nothing").replace("{n}", "1");
            let body = about.get("requestBody").map(|_| ("application/json", json!({}).to_string()));
            let answer = app.admin().send(&method.to_uppercase(), &filled, body);
            let code = if answer.status >= 400 {
                answer.json()["code"].as_str().unwrap_or_default().to_owned()
            } else {
                String::new()
            };
            assert!(
                !["route_not_found", "method_not_allowed", "internal"].contains(&code.as_str()),
                "{method} {path}: {code}"
            );
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen}");
}

#[test]
fn a_scope_that_is_described_is_needed() {
    let app = TestApp::start();
    let one = app.with_scopes("channel", &["interactions"]);
    let other = app.with_scopes("analyst", &["analytics"]);
    let contract = app.nobody().get("/openapi.json").expect(200);
    for (path, methods) in contract["paths"].as_object().unwrap() {
        for (method, about) in methods.as_object().unwrap().iter().filter(|(_, about)| about.get("x-scope").is_some()) {
            let filled = path.replace("{id}", "nothing").replace("{n}", "1");
            let body = about.get("requestBody").map(|_| ("application/json", "{}".to_owned()));
            let method = method.to_uppercase();
            let without = if about["x-scope"] == "interactions" { &other } else { &one };
            assert_eq!(without.send(&method, &filled, body.clone()).problem(403), "forbidden", "{method} {path}");
            if about["x-scope"] != "search" {
                assert_eq!(app.nobody().send(&method, &filled, body).problem(401), "key_missing", "{method} {path}");
            }
        }
    }
}

#[test]
fn the_table_of_codes_is_published() {
    let app = TestApp::start();
    let contract = app.nobody().get("/openapi.json").expect(200);
    let codes: Vec<&Value> = contract["x-error-codes"].as_array().unwrap().iter().collect();
    assert!(codes.iter().any(|code| code["code"] == "version_conflict" && code["status"] == 409));
    assert_eq!(contract["x-limits"]["body_bytes"], 4 * 1024 * 1024);
}
