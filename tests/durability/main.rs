//! Does what was acknowledged survive a kill, and does the index find its way back by itself?
//!
//! Invariant: everything goes through the real program, over HTTP; only the count of syncs is taken from within.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests fail by panicking, are an edge, and say what they saw"
)]

mod alerts;
mod damage;
mod erase;
mod server;
mod syncs;
mod talks;
mod writer;

use std::time::Duration;

use server::Place;
use writer::{Random, Writer};

/// Kills per data directory; there are three.
const ROUNDS: usize = 17;

#[test]
fn what_was_acknowledged_survives_kills_first_folder() {
    rounds(1);
}

#[test]
fn what_was_acknowledged_survives_kills_second_folder() {
    rounds(2);
}

#[test]
fn what_was_acknowledged_survives_kills_third_folder() {
    rounds(3);
}

fn rounds(seed: u64) {
    let place = Place::new();
    let mut random = Random(seed);
    let mut writers: Vec<Writer> = ['a', 'b', 'c'].into_iter().map(|name| Writer::new(name, seed)).collect();
    for _ in 0..ROUNDS {
        kill_while_starting(&place, &mut random);
        let server = place.start();
        check(&server, &mut writers, false);
        let client = server.client();
        std::thread::scope(|scope| {
            let running: Vec<_> = writers
                .iter_mut()
                .map(|writer| {
                    let client = server.client();
                    scope.spawn(move || writer.write(&client))
                })
                .collect();
            std::thread::sleep(Duration::from_millis(moment(&mut random)));
            server.kill();
            for writer in running {
                writer.join().expect("a writer that ends when the server does");
            }
        });
        assert!(client.get("/healthz").is_err(), "the server is gone");
    }
    let server = place.start();
    check(&server, &mut writers, true);
    server.stop();
    let acknowledged: usize = writers.iter().map(|w| w.acknowledged).sum();
    let (kept, lost) = writers.iter().fold((0, 0), |(k, l), w| (k + w.kept, l + w.lost));
    println!("{ROUNDS} kills: {acknowledged} acknowledged changes kept; undecided: {kept} kept, {lost} lost");
    assert!(acknowledged > ROUNDS, "only {acknowledged} changes were acknowledged");
    let log = place.log();
    assert!(log.contains("did not stop cleanly"), "a start after a kill says so:\n{log}");
    assert!(!log.contains("panicked"), "{log}");
}

/// Most kills come soon, while the first writes, commits and clears meet; some come late.
fn moment(random: &mut Random) -> u64 {
    if random.below(3) == 0 { random.below(700) } else { random.below(150) }
}

/// A start may be killed too: before the store is open, while the index is checked, or just after.
fn kill_while_starting(place: &Place, random: &mut Random) {
    if random.below(4) > 0 {
        return;
    }
    let mut child = place.spawn();
    std::thread::sleep(Duration::from_millis(random.below(400)));
    child.kill().expect("the child is killed");
    child.wait().expect("the child is gone");
}

fn check(server: &server::Server, writers: &mut [Writer], everything: bool) {
    let client = server.client();
    for writer in writers.iter_mut() {
        writer.check_store(&client, everything);
    }
    let report = server.verify();
    let articles: usize = writers.iter().map(Writer::articles).sum();
    assert_eq!(report["articles"], articles, "{report}");
    for writer in writers.iter_mut() {
        writer.check_search(&client, if everything { 100 } else { 6 });
    }
}
