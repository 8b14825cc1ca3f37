//! What is told, in tables: what was seen and when, and the messages that follow.

use super::*;

/// What the notifier meets.
enum Seen {
    Change(RuntimeChange),
    /// A service has changed.
    News,
    /// A look, if one is due, and what it sees.
    Look(Look),
    /// A look that must not be due.
    Quiet,
    /// A probe is due, and sent.
    Asked,
    /// None is.
    NotAsked,
    Answered,
    Ends(Look),
}

use Seen::{Answered, Asked, Change, Ends, News, NotAsked, Quiet};

fn look(line: &str) -> Look {
    Look {
        line: line.to_owned(),
        is_ready: true,
        is_ending: false,
        moves: 0,
        drain_left: None,
    }
}

fn starting(line: &str) -> Seen {
    Seen::Look(Look {
        is_ready: false,
        ..look(line)
    })
}

fn running(line: &str) -> Seen {
    Seen::Look(look(line))
}

fn stop(line: &str, moves: u64) -> Look {
    Look {
        is_ending: true,
        moves,
        ..look(line)
    }
}

fn stopping(line: &str, moves: u64) -> Seen {
    Seen::Look(stop(line, moves))
}

fn draining(line: &str, moves: u64, left: u64) -> Seen {
    Seen::Look(Look {
        drain_left: Some(Duration::from_secs(left)),
        ..stop(line, moves)
    })
}

/// Plays a table of moments in milliseconds, what is seen then, and the messages, lines joined by blanks.
fn play(watchdog: Option<u64>, table: Vec<(u64, Seen, &[&str])>) {
    let mut notifier = Notifier::new(watchdog.map(Duration::from_millis));
    for (row, (now, seen, expected)) in table.into_iter().enumerate() {
        let now = Duration::from_millis(now);
        let mut out = Vec::new();
        match seen {
            Change(change) => notifier.changed(now, change),
            News => notifier.has_news(),
            Seen::Look(look) => {
                assert!(notifier.wants_look(now), "row {row}: no look is due");
                notifier.looked(now, &look, &mut out);
            }
            Quiet => assert!(!notifier.wants_look(now), "row {row}: a look is due"),
            Asked => assert!(notifier.wants_probe(now), "row {row}: no probe is due"),
            NotAsked => assert!(!notifier.wants_probe(now), "row {row}: a probe is due"),
            Answered => notifier.answered(now, &mut out),
            Ends(look) => notifier.ends(now, &look, &mut out),
        }
        let told: Vec<_> = out
            .iter()
            .map(|one| one.to_string().replace('\n', " "))
            .collect();
        assert_eq!(told, expected, "row {row}");
    }
}

#[test]
fn ready_is_told_once_all_are() {
    play(
        None,
        vec![
            (0, starting("a"), &["STATUS=a"]),
            (9, Quiet, &[]),
            (10, Change(RuntimeChange::Started), &[]),
            (10, starting("a"), &[]),
            (20, News, &[]),
            (509, Quiet, &[]),
            (510, starting("b"), &["STATUS=b"]),
            (600, Change(RuntimeChange::Ready), &[]),
            (600, running("c"), &["READY=1 STATUS=c"]),
            (700, Change(RuntimeChange::Ready), &[]),
            (700, running("c"), &[]),
            (10_000_000, Quiet, &[]),
        ],
    );
}

#[test]
fn what_was_ready_at_the_first_look_is_told() {
    play(None, vec![(5, running("a"), &["READY=1 STATUS=a"])]);
}

#[test]
fn a_stop_before_all_are_ready_is_told_alone() {
    let end = |line: &str, moves| {
        Seen::Look(Look {
            is_ready: false,
            ..stop(line, moves)
        })
    };
    play(
        None,
        vec![
            (0, starting("a"), &["STATUS=a"]),
            (10, Change(RuntimeChange::Stopping), &[]),
            (10, end("b", 1), &["STOPPING=1 STATUS=b"]),
            (20, Change(RuntimeChange::Reloading), &[]),
            (20, Change(RuntimeChange::Reloaded), &[]),
            (20, end("b", 1), &[]),
        ],
    );
}

#[test]
fn what_was_ready_and_stops_is_told_as_both() {
    play(
        None,
        vec![(0, stopping("a", 1), &["READY=1", "STOPPING=1 STATUS=a"])],
    );
}

#[test]
fn a_reload_is_told_with_its_time_and_its_end() {
    play(
        None,
        vec![
            (0, running("a"), &["READY=1 STATUS=a"]),
            (2_000, Change(RuntimeChange::Reloading), &[]),
            (
                2_000,
                running("a"),
                &["RELOADING=1 MONOTONIC_USEC=2000000 STATUS=reloading; a"],
            ),
            (2_100, Change(RuntimeChange::Reloaded), &[]),
            (2_100, running("a"), &["READY=1 STATUS=a"]),
            // Two that no look has seen apart.
            (3_000, Change(RuntimeChange::Reloading), &[]),
            (3_001, Change(RuntimeChange::Reloaded), &[]),
            (3_002, Change(RuntimeChange::Reloading), &[]),
            (
                3_003,
                running("a"),
                &[
                    "RELOADING=1 MONOTONIC_USEC=3000000",
                    "READY=1",
                    "RELOADING=1 MONOTONIC_USEC=3002000 STATUS=reloading; a",
                ],
            ),
            (3_004, Change(RuntimeChange::Stopping), &[]),
            (3_004, stopping("b", 1), &["STOPPING=1 STATUS=b"]),
            (3_005, Change(RuntimeChange::Reloaded), &[]),
            (3_005, stopping("b", 1), &[]),
        ],
    );
}

#[test]
fn a_reload_before_ready_is_not_told_as_ready() {
    play(
        None,
        vec![
            (0, starting("a"), &["STATUS=a"]),
            (1, Change(RuntimeChange::Reloading), &[]),
            (2, starting("a"), &[]),
            (3, Change(RuntimeChange::Reloaded), &[]),
            (4, starting("a"), &[]),
            (5, Change(RuntimeChange::Reloading), &[]),
            (6, running("b"), &["READY=1 STATUS=b"]),
            (7, Change(RuntimeChange::Reloaded), &[]),
            (8, running("b"), &[]),
        ],
    );
}

#[test]
fn time_is_asked_for_while_a_stop_moves() {
    play(
        None,
        vec![
            (0, running("a"), &["READY=1 STATUS=a"]),
            (10, Change(RuntimeChange::Stopping), &[]),
            (10, stopping("b", 1), &["STOPPING=1 STATUS=b"]),
            (1_009, Quiet, &[]),
            (
                1_010,
                stopping("c", 2),
                &["STATUS=c EXTEND_TIMEOUT_USEC=10000000"],
            ),
            (2_010, stopping("c", 2), &[]),
            (3_010, stopping("c", 2), &[]),
            (4_010, stopping("c", 3), &["EXTEND_TIMEOUT_USEC=10000000"]),
            (4_020, News, &[]),
            (4_500, Quiet, &[]),
            (
                4_510,
                stopping("d", 4),
                &["STATUS=d EXTEND_TIMEOUT_USEC=10000000"],
            ),
            (
                5_000,
                Ends(stop("e", 4)),
                &["STATUS=e EXTEND_TIMEOUT_USEC=10000000"],
            ),
        ],
    );
}

#[test]
fn the_end_is_told_whatever_was_told_before() {
    play(
        None,
        vec![
            (0, running("a"), &["READY=1 STATUS=a"]),
            (
                5,
                Ends(stop("b", 1)),
                &["STOPPING=1 STATUS=b EXTEND_TIMEOUT_USEC=10000000"],
            ),
            (6, Ends(stop("b", 1)), &["EXTEND_TIMEOUT_USEC=10000000"]),
        ],
    );
}

#[test]
fn a_drain_has_its_time_at_once() {
    play(
        None,
        vec![
            (0, running("a"), &["READY=1 STATUS=a"]),
            (10, Change(RuntimeChange::Draining), &[]),
            (
                10,
                draining("4 s", 1, 4),
                &["STOPPING=1 STATUS=4 s EXTEND_TIMEOUT_USEC=14000000"],
            ),
            (1_010, draining("3 s", 2, 3), &["STATUS=3 s"]),
            (2_010, draining("2 s", 2, 2), &["STATUS=2 s"]),
            (2_100, Change(RuntimeChange::Stopping), &[]),
            (
                2_100,
                stopping("b", 3),
                &["STATUS=b EXTEND_TIMEOUT_USEC=10000000"],
            ),
            (3_100, stopping("b", 3), &[]),
        ],
    );
}

#[test]
fn what_is_ready_in_its_drain_is_not_told() {
    let unready = Seen::Look(Look {
        is_ready: false,
        drain_left: Some(Duration::ZERO),
        ..stop("a", 1)
    });
    play(
        None,
        vec![
            (
                0,
                unready,
                &["STOPPING=1 STATUS=a EXTEND_TIMEOUT_USEC=10000000"],
            ),
            (5, Change(RuntimeChange::Ready), &[]),
            (5, draining("a", 1, 0), &[]),
        ],
    );
}

#[test]
fn a_watchdog_is_told_at_half_its_time() {
    play(
        Some(4_000),
        vec![
            (0, Asked, &[]),
            (0, running("a"), &["READY=1 STATUS=a"]),
            (1, Answered, &["WATCHDOG=1"]),
            (1_999, NotAsked, &[]),
            (2_000, Asked, &[]),
            (2_000, NotAsked, &[]),
            (2_001, Answered, &["WATCHDOG=1"]),
            (2_001, Answered, &[]),
            (3_999, NotAsked, &[]),
            (4_000, Asked, &[]),
        ],
    );
}

#[test]
fn a_watchdog_waits_for_its_answer() {
    play(
        Some(4_000),
        vec![
            (0, Asked, &[]),
            (0, running("a"), &["READY=1 STATUS=a"]),
            (999, Quiet, &[]),
            // It is looked why.
            (1_000, running("blocked"), &["STATUS=blocked"]),
            (2_000, running("blocked"), &[]),
            (9_000, NotAsked, &[]),
            (9_500, Answered, &["WATCHDOG=1"]),
            (11_499, NotAsked, &[]),
            (11_500, Asked, &[]),
        ],
    );
}

#[test]
fn a_watchdog_of_no_time_keeps_nothing_busy() {
    let mut notifier = Notifier::new(Some(Duration::from_nanos(1)));
    assert!(notifier.wants_probe(Duration::ZERO));
    notifier.answered(Duration::ZERO, &mut Vec::new());
    assert!(!notifier.wants_probe(Duration::from_millis(9)));
    let mut endless = Notifier::new(Some(Duration::MAX));
    assert!(endless.wants_probe(Duration::MAX));
    endless.answered(Duration::MAX, &mut Vec::new());
}

#[test]
fn nothing_is_due_while_nothing_happens() {
    let mut notifier = Notifier::new(None);
    assert_eq!(notifier.next_due(), Some(Duration::ZERO));
    notifier.looked(Duration::from_secs(1), &look("a"), &mut Vec::new());
    assert_eq!(notifier.next_due(), None);
    notifier.has_news();
    assert_eq!(notifier.next_due(), Some(Duration::from_millis(1_500)));
}
