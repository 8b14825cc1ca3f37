//! A chat under load: two programs, a server and its guests. `FOSTER_GUESTS` says how many there are at a time. Signals of Unix
//! end the server.
#![cfg(unix)]
#![allow(unreachable_pub, reason = "a test program has no public items")]

#[path = "../common/mod.rs"]
mod common;
mod guests;
mod server;

use std::time::Instant;

use common::SOON;
use common::child::be_child;
use guests::{Guest, Server, come_in, play_guests};

#[test]
fn as_child() {
    be_child(|_| server::serve());
}

/// SIGTERM ends all connections at once, and one that hangs takes the time of its group and not the listener's.
#[test]
fn g2_a_chat_drains_at_once() {
    play_guests(async {
        let mut server = Server::start();
        let mut all = come_in(server.port, 1).await;
        let mut slow = Guest::come(server.port).await;
        slow.say("history").await;
        for guest in all.iter_mut().take(10) {
            for _ in 0..10 {
                guest.say("a line for all").await;
            }
        }
        let start = Instant::now();
        server.child.signal("TERM");
        for guest in &mut all {
            assert_eq!(guest.hear_end().await, "bye");
        }
        let drained = start.elapsed();
        let asked: usize = server.child.line_after("asked ").parse().unwrap();
        let heard = start.elapsed();
        server.child.line_after("flushed");
        let flushed = start.elapsed();
        server.child.line_after("over");
        let over = start.elapsed();
        println!(
            "{} guests: the listener had heard in {heard:?} (with {asked} connections left), all had said good bye \
             in {drained:?}, the last message was flushed in {flushed:?}, all was over in {over:?}",
            all.len(),
        );
        assert!(flushed > server::DRAIN, "it waits for the guest who hangs");
        assert!(
            flushed < server::DRAIN + SOON / 4,
            "and no longer: {flushed:?}"
        );
        assert!(drained < server::DRAIN, "at once: {drained:?}");
        assert!(asked > 0, "it hears when they do");
        let (status, stdout, stderr) = server.child.end();
        assert!(status.success(), "each may fail: {stderr}");
        assert_eq!(stdout.matches("left behind: ").count(), 1, "{stdout}");
    });
}

#[test]
fn g3_a_panic_ends_one_connection() {
    play_guests(async {
        let mut server = Server::start();
        let mut all = come_in(server.port, 0).await;
        let mut gone = all.pop().unwrap();
        gone.say("panic").await;
        assert_eq!(gone.hear_end().await, "");
        all[0].say("still here").await;
        for guest in &mut all {
            guest.hear("still here").await;
        }
        // Its place is free.
        all.push(Guest::come(server.port).await);
        server.child.signal("TERM");
        let (status, _, stderr) = server.child.end();
        assert!(status.success(), "{stderr}");
    });
}

#[test]
fn g3_a_listener_that_fails_starts_again_without_its_connections() {
    play_guests(async {
        let mut server = Server::start();
        let mut all = come_in(server.port, 0).await;
        let start = Instant::now();
        all[0].say("fail").await;
        for guest in &mut all[1..] {
            assert_eq!(guest.hear_end().await, "bye");
        }
        let ended = start.elapsed();
        let mut again = come_in(server.port, 0).await;
        println!(
            "{} connections ended in {ended:?}, and {} guests were in again in {:?}",
            all.len(),
            again.len(),
            start.elapsed(),
        );
        again[0].say("here again").await;
        for guest in &mut again {
            guest.hear("here again").await;
        }
        server.child.signal("TERM");
        let (status, _, stderr) = server.child.end();
        assert!(status.success(), "{stderr}");
    });
}

#[cfg(target_os = "linux")]
#[test]
fn g5_memory_is_flat_over_many_connections() {
    play_guests(async {
        let mut server = Server::start();
        // A tenth of them fills what the allocator and the executor keep.
        let rounds = 100;
        let mut before = 0;
        let start = Instant::now();
        for round in 0..rounds {
            if round == rounds / 10 {
                before = server.memory();
            }
            drop(come_in(server.port, 0).await);
        }
        let after = server.memory();
        println!(
            "{} connections, {} at a time, in {:?}: {before} KiB before the last nine tenths and {after} KiB after",
            rounds * guests::most(),
            guests::most(),
            start.elapsed(),
        );
        assert!(after < before + 1024, "{before} KiB became {after}");
        server.child.signal("TERM");
        let (status, _, stderr) = server.child.end();
        assert!(status.success(), "{stderr}");
    });
}
