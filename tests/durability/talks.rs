//! Does every question of a conversation count exactly once, whenever the server is killed?
//!
//! Invariant: after the last start, everything handed in again was there, and the counts are those of one pass.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{Client, Place};
use crate::writer::Random;

const KILLS: usize = 12;
/// Sessions of one body.
const SESSIONS: u64 = 20;
/// Questions that nothing answers.
const QUESTIONS: u64 = 3;

fn body(round: usize, number: u64) -> Value {
    let conversations: Vec<Value> = (0..SESSIONS)
        .map(|n| {
            let text = format!("为什么不能去{}号星球", n % QUESTIONS);
            let turns = json!([
                { "role": "customer", "text": "在吗", "at": "2024-05-20T08:00:00Z" },
                { "role": "customer", "text": text, "at": "2024-05-20T08:00:01Z" },
            ]);
            json!({ "session_id": format!("{round}-{number}-{n}"), "channel": "app", "turns": turns })
        })
        .collect();
    json!({ "conversations": conversations })
}

fn hand_in(client: &Client, body: &Value) -> Option<Value> {
    match client.send("POST", "/v1/interactions", Some(&body.to_string())) {
        Ok((200, report)) => Some(report),
        _ => None,
    }
}

/// Moves forms between gaps while questions are counted; a kill may cut it off anywhere.
fn disturb(client: &Client, number: u64) {
    let Ok((200, page)) = client.get("/v1/gaps") else { return };
    let ids: Vec<&str> = page["items"].as_array().into_iter().flatten().filter_map(|gap| gap["id"].as_str()).collect();
    let first = page["items"][0].clone();
    let body = match (number % 3, ids.as_slice()) {
        (0, [into, from, ..]) => Some((format!("/v1/gaps/{into}/merge"), json!({ "gaps": [from] }))),
        (1, [id, ..]) if first["forms"].as_u64() > Some(1) => {
            Some((format!("/v1/gaps/{id}/split"), json!({ "wordings": [first["wordings"][0]["id"]] })))
        }
        (2, _) => Some(("/v1/gaps/consolidate".to_owned(), json!({}))),
        _ => None,
    };
    if let Some((path, body)) = body {
        // Whether it came through does not matter: nothing may be lost or counted twice either way.
        let _ = client.send("POST", &path, Some(&body.to_string()));
    }
}

fn settled(client: &Client) -> Value {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let overview = client.must("GET", "/v1/analytics/overview?from=2024-05-20&to=2024-05-20", None);
        if overview["pending"] == 0 || Instant::now() > until {
            return overview;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn each_question_counts_once_whenever_the_server_is_killed() {
    let place = Place::new();
    let mut random = Random(7);
    let mut sent: Vec<(Value, bool)> = Vec::new();
    for round in 0..KILLS {
        let server = place.start();
        let client = server.client();
        let pause = random.below(250);
        std::thread::scope(|scope| {
            let writer = scope.spawn(move || {
                let mut sent = Vec::new();
                for number in 0.. {
                    let body = body(round, number);
                    let acknowledged = hand_in(&client, &body).is_some();
                    sent.push((body, acknowledged));
                    if !acknowledged {
                        return sent;
                    }
                    disturb(&client, number);
                    std::thread::sleep(Duration::from_millis(20));
                }
                sent
            });
            std::thread::sleep(Duration::from_millis(pause));
            server.kill();
            sent.extend(writer.join().expect("a writer that ends when the server does"));
        });
    }
    let server = place.start();
    let client = server.client();
    for (body, acknowledged) in &sent {
        let report = hand_in(&client, body).expect("nobody kills this one");
        let turns = &report["turns"];
        assert_eq!((&turns["rejected"], &report["conversations"]), (&json!(0), &json!(SESSIONS)), "{report}");
        if *acknowledged {
            assert_eq!(turns["unchanged"], 2 * SESSIONS, "what was acknowledged is there: {report}");
        }
    }
    let sessions = sent.len() as u64 * SESSIONS;
    let overview = settled(&client);
    assert_eq!((&overview["turns"], &overview["questions"]), (&json!(2 * sessions), &json!(sessions)), "{overview}");
    assert_eq!((&overview["unmatched"], &overview["pending"]), (&json!(sessions), &json!(0)), "{overview}");
    let gaps = client.must("GET", "/v1/gaps", None);
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let mut counted: BTreeMap<String, u64> = BTreeMap::new();
    for gap in gaps["items"].as_array().into_iter().flatten() {
        let wordings = gap["wordings"].as_array().cloned().unwrap_or_default();
        for wording in &wordings {
            let question = wording["question"].as_str().unwrap_or("?").to_owned();
            let twice = counted.insert(question, number(&wording["queries"]));
            assert_eq!(twice, None, "a form stands under one gap: {gaps}");
        }
        let queries = number(&gap["queries"]);
        assert_eq!(wordings.iter().map(|w| number(&w["queries"])).sum::<u64>(), queries, "{gap}");
        assert_eq!(number(&gap["trend"][0]["queries"]), queries, "{gap}");
        if gap["trend"][0]["approximate"] == false {
            // Every session asks once.
            assert_eq!(number(&gap["sessions"]), queries, "{gap}");
        }
    }
    for question in 0..QUESTIONS {
        let expected = (0..SESSIONS).filter(|n| n % QUESTIONS == question).count() * sent.len();
        let text = format!("为什么不能去{question}号星球");
        assert_eq!(counted.get(&text), Some(&(expected as u64)), "'{text}': {gaps}");
    }
    server.stop();
    let acknowledged = sent.iter().filter(|(_, acknowledged)| *acknowledged).count();
    println!(
        "{KILLS} kills: {acknowledged} of {} bodies acknowledged; {sessions} questions, each counted once",
        sent.len()
    );
    assert!(acknowledged > KILLS, "only {acknowledged} bodies were acknowledged");
}
