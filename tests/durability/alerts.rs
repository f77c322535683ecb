//! Are alerts raised once and delivered, and is every figure counted once, whenever the server is killed?
//!
//! Invariant: a receiver may see an alert again under its id; it sees none that is not on the list, and lacks none.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{Client, Place};
use crate::writer::Random;

const KILLS: usize = 10;
/// Questions that nothing answers, each of its own gap.
const QUESTIONS: u64 = 5;
/// Sessions of one body.
const SESSIONS: u64 = 20;

/// Bodies by their alert's id, as they came.
type Received = Arc<Mutex<BTreeMap<String, Vec<String>>>>;

/// A receiver that fails now and then, so that there is always something on its way.
fn receiver(received: Received) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            let _ = take(stream, number % 3 == 0, &received);
        }
    });
    format!("http://{address}/hook")
}

fn take(mut stream: TcpStream, fails: bool, received: &Received) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut id, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        match name.to_ascii_lowercase().as_str() {
            "webhook-id" => id = value.trim().to_owned(),
            "content-length" => length = value.trim().parse().unwrap_or(0),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    if fails {
        return stream.write_all(b"HTTP/1.1 503 x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    }
    let body = String::from_utf8_lossy(&body).into_owned();
    received.lock().expect("no panic holds it").entry(id).or_default().push(body);
    // Long enough for a kill to fall between the receiver's having it and the sender's knowing it.
    std::thread::sleep(Duration::from_millis(150));
    stream.write_all(b"HTTP/1.1 204 x\r\nConnection: close\r\n\r\n")
}

/// How many alerts the receiver took, repeats included.
fn told(received: &Received) -> usize {
    received.lock().expect("no panic holds it").values().map(Vec::len).sum()
}

fn body(round: usize, number: u64) -> Value {
    let conversations: Vec<Value> = (0..SESSIONS)
        .map(|n| {
            let turn = json!({ "role": "customer", "text": format!("为什么不能去{}号星球", n % QUESTIONS) });
            json!({ "session_id": format!("{round}-{number}-{n}"), "channel": "app", "handed_off": n % 2 == 0, "turns": [turn] })
        })
        .collect();
    json!({ "conversations": conversations })
}

fn hand_in(client: &Client, body: &Value) -> bool {
    matches!(client.send("POST", "/v1/interactions", Some(&body.to_string())), Ok((200, _)))
}

fn eventually<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(90);
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(Instant::now() < until, "not within ninety seconds: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn alerts_are_raised_once_and_delivered_whenever_the_server_is_killed() {
    let place = Place::with(&[("ZHIYIN_WEBHOOK_PRIVATE", "true")]);
    let received = Received::default();
    let url = receiver(received.clone());
    let mut random = Random(11);
    let mut sent: Vec<Value> = Vec::new();
    for round in 0..KILLS {
        let server = place.start();
        let client = server.client();
        if round == 0 {
            client.must("PUT", "/v1/spaces/default/webhook", Some(&json!({ "url": url }).to_string()));
        }
        // Each round asks for more sessions of each gap, so that every round raises alerts of its own.
        let above = sent.len() as u64 * SESSIONS / QUESTIONS;
        let rules = json!({ "gap_sessions_above": above, "handoff_rate_above": 0.4, "answer_rate_below": 0.5, "min_queries": 10 });
        client.must("PATCH", "/v1/spaces/default", Some(&json!({ "settings": { "alerts": rules } }).to_string()));
        let until = Instant::now() + Duration::from_millis(1_500 + random.below(5_000));
        std::thread::scope(|scope| {
            let writer = scope.spawn(move || {
                let mut sent = Vec::new();
                for number in 0..4 {
                    let body = body(round, number);
                    let acknowledged = hand_in(&client, &body);
                    sent.push(body);
                    if !acknowledged {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(100));
                }
                sent
            });
            // Every other round ends just when the receiver has got something that the sender does not know of yet.
            let known = told(&received);
            while Instant::now() < until && (round % 2 == 0 || told(&received) == known) {
                std::thread::sleep(Duration::from_millis(5));
            }
            server.kill();
            sent.extend(writer.join().expect("a writer that ends when the server does"));
        });
    }
    let server = place.start();
    let client = server.client();
    for body in &sent {
        assert!(hand_in(&client, body), "nobody kills this one");
    }
    let asked = sent.len() as u64 * SESSIONS;
    let overview = eventually("everything is searched", || {
        let overview = client.must("GET", "/v1/analytics/overview", None);
        (overview["pending"] == 0).then_some(overview)
    });
    assert_eq!((&overview["unmatched"], &overview["handed_off"]), (&json!(asked), &json!(asked / 2)), "{overview}");
    let questions = client.must("GET", "/v1/analytics/questions", None);
    let counted: Vec<u64> =
        questions["items"].as_array().into_iter().flatten().filter_map(|q| q["queries"].as_u64()).collect();
    assert_eq!(counted, vec![asked / QUESTIONS; QUESTIONS as usize], "{questions}");
    let channel = client.must("GET", "/v1/analytics/channels", None)["items"][0].clone();
    assert_eq!((&channel["queries"], &channel["handed_off"]), (&json!(asked), &json!(asked / 2)), "{channel}");

    let listed = eventually("every alert is delivered", || {
        let alerts = client.must("GET", "/v1/analytics/alerts?limit=1000", None)["items"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let all = !alerts.is_empty() && alerts.iter().all(|alert| alert["delivery"]["state"] == "delivered");
        all.then_some(alerts)
    });
    let ids: Vec<String> = listed.iter().filter_map(|alert| Some(alert["id"].as_str()?.to_owned())).collect();
    let mut distinct = ids.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), ids.len(), "each is raised once");
    server.stop();
    let received = received.lock().expect("no panic holds it").clone();
    let got: Vec<String> = received.keys().cloned().collect();
    assert_eq!(got, distinct, "what was told is what is listed");
    let repeats: usize = received.values().map(|bodies| bodies.len() - 1).sum();
    for bodies in received.values() {
        assert!(bodies.iter().all(|body| *body == bodies[0]), "a repeat says the same: {bodies:?}");
    }
    println!("{KILLS} kills: {} alerts raised once and delivered, {repeats} of them told again", ids.len());
    assert!(ids.len() > QUESTIONS as usize, "only {} alerts were raised", ids.len());
    assert!(repeats > 0, "no kill fell between a receiver's having an alert and the sender's knowing it");
    assert!(!place.log().contains("panicked"), "{}", place.log());
}
