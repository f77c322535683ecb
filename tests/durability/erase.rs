//! Is an erasure finished, and counted once, whenever the server is killed?
//!
//! Invariant: after the last start nothing is left of who was erased, and nothing is gone of anybody else.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{Client, Place};
use crate::writer::Random;

const KILLS: usize = 6;
/// Turns of the customer who is erased; each asks.
const TURNS: usize = 240;

fn hand_in(client: &Client, session: &str, customer: &str, questions: &[String]) {
    let turns: Vec<Value> = questions.iter().map(|text| json!({ "role": "customer", "text": text })).collect();
    let talk = json!({ "session_id": session, "customer_id": customer, "turns": turns });
    let report = client.must("POST", "/v1/interactions", Some(&json!({ "conversations": [talk] }).to_string()));
    assert_eq!(report["turns"]["accepted"], questions.len(), "{report}");
    let until = Instant::now() + Duration::from_secs(60);
    while client.must("GET", "/v1/analytics/overview", None)["pending"] != 0 {
        assert!(Instant::now() < until, "the questions are not searched");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn erased(client: &Client, field: &str) -> u64 {
    let audit = client.must("GET", "/v1/audit?limit=100", None);
    let entries = audit["items"].as_array().into_iter().flatten().filter(|entry| entry["action"] == "erase");
    entries.filter_map(|entry| entry["detail"]["erased"][field].as_u64()).sum()
}

#[test]
fn an_erasure_is_finished_and_counted_once_whenever_the_server_is_killed() {
    let place = Place::new();
    let mut random = Random(11);
    let mut acknowledged = 0;
    for round in 0..KILLS {
        let server = place.start();
        let client = server.client();
        let own: Vec<String> = (0..TURNS).map(|n| format!("为什么不能去{round}号星系的{n}号星球")).collect();
        hand_in(&client, &format!("ada-{round}"), &format!("ada-{round}"), &own);
        hand_in(&client, &format!("ben-{round}"), "ben", &["月亮上有没有商店".to_owned()]);
        let pause = random.below(400);
        acknowledged += std::thread::scope(|scope| {
            let body = json!({ "customer_id": format!("ada-{round}") }).to_string();
            let eraser = scope.spawn(move || client.send("POST", "/v1/erase", Some(&body)));
            std::thread::sleep(Duration::from_millis(pause));
            server.kill();
            let answer = eraser.join().expect("an eraser that ends when the server does");
            usize::from(matches!(answer, Ok((200, _))))
        });
        let server = place.start();
        let client = server.client();
        // Asked again while the one that was cut off may still be finished: both together take everything once.
        client.must("POST", "/v1/erase", Some(&json!({ "customer_id": format!("ada-{round}") }).to_string()));
        let until = Instant::now() + Duration::from_secs(60);
        while erased(&client, "sessions") < round as u64 + 1 {
            assert!(Instant::now() < until, "the erasure is not finished");
            std::thread::sleep(Duration::from_millis(50));
        }
        server.stop();
    }
    let server = place.start();
    let client = server.client();
    let all = (KILLS * TURNS) as u64;
    assert_eq!((erased(&client, "sessions"), erased(&client, "turns")), (KILLS as u64, all));
    assert_eq!(erased(&client, "queries"), all, "each record was counted once");
    let gaps = client.must("GET", "/v1/gaps?limit=100", None);
    let labels: Vec<&Value> = gaps["items"].as_array().into_iter().flatten().map(|gap| &gap["label"]).collect();
    assert_eq!(labels, [&json!("月亮上有没有商店")], "{gaps}");
    assert_eq!(gaps["items"][0]["queries"], KILLS, "what somebody else asked is counted on");
    let overview = client.must("GET", "/v1/analytics/overview", None);
    assert_eq!(overview["conversations"], 2 * KILLS, "counts by day stay");
    println!("{KILLS} kills: {acknowledged} erasures were acknowledged before, the others were finished after");
    server.stop();
}
