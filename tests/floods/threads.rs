//! Very many threads, and the refusal beyond: by a limit, and by the system. Rows G5, L3 and S1.

use std::error::Error;
use std::time::Duration;

use foster::{AdoptErrorKind, Group, Shutdown, Thread};

use crate::common::child::{Played, play as play_child, play_in_shell};
use crate::{BEGUN, ENDED, Ends, Figures, LONG, expect_row, number, patient};

/// Bytes of memory that a thread may take, of which its stack has touched some pages.
const MOST: u64 = 64 << 10;
/// Nanoseconds that a start and a stop of one may take in a flood.
const SLOWEST: u128 = 5_000_000;
/// The stack of a thread beyond which the system gives none: so large that what else is needed always fits.
const STACK: usize = 1 << 30;

fn until_asked() {
    let _ends = Ends;
    let token = Shutdown::current();
    BEGUN.one_more();
    assert!(token.wait_timeout(Duration::MAX));
}

pub(super) fn play(kind: &str) -> Played {
    let (number, is_flood) = number("FOSTER_THREADS", 200);
    match kind {
        "limit" => limit(number, is_flood),
        "system" => system(number),
        _ => unreachable!("there is no such kind"),
    }
}

/// The group takes as many as it may, and not one more.
fn limit(number: usize, is_flood: bool) -> Played {
    let runtime = patient();
    let group = runtime.group("threads").limit(number).create().unwrap();
    BEGUN.expect(number);
    let mut figures = Figures::begin(number);
    for _ in 0..number {
        group.adopt(Thread, until_asked).unwrap();
    }
    BEGUN.wait();
    let (bytes, start) = figures.started();
    let refused = one_more(&group);
    assert_eq!(group.running(), number);
    let (stop, played) = figures.stop(&runtime);
    println!("row | threads | {number} | {bytes} B | {start} ns | {stop} ns | {refused} |");
    assert_eq!((BEGUN.number(), ENDED.number()), (number, number));
    assert!(bytes < MOST, "one takes {bytes} bytes");
    let slowest = start.max(stop);
    assert!(!is_flood || slowest < SLOWEST, "one takes {slowest} ns");
    played
}

/// One more is refused with the limit, and given back.
fn one_more(group: &Group) -> String {
    let mut payload = until_asked;
    let error = group.adopt(Thread, payload).unwrap_err();
    assert_eq!(error.kind(), AdoptErrorKind::Full);
    let text = error.to_string();
    let limit = group.limit().unwrap().to_string();
    assert!(
        text.contains(&limit) && text.contains(group.path()),
        "{text}"
    );
    payload = error.into_payload().unwrap();
    assert_eq!(size_of_val(&payload), 0, "it is the same");
    text
}

/// The system gives as many as it has, and not one more.
fn system(number: usize) -> Played {
    let runtime = crate::builder()
        .grace(LONG)
        .cancel_timeout(LONG)
        .stack_size(STACK)
        .build();
    runtime.start().unwrap();
    let mut adopted = 0;
    let error = loop {
        match runtime.adopt(Thread, until_asked) {
            Ok(()) => adopted += 1,
            Err(error) => break error,
        }
        assert!(adopted <= number, "the limit holds");
    };
    assert_eq!(error.kind(), AdoptErrorKind::Rejected);
    let why = error.source().expect("the system's reason").to_string();
    assert!(error.to_string().contains(&why), "{error}");
    assert!(adopted * 10 > number * 9, "only {adopted} were adopted");
    runtime.shutdown();
    let played = runtime.wait();
    println!("row | threads, beyond the system's limit | {adopted} | {error} |");
    assert_eq!((BEGUN.number(), ENDED.number()), (adopted, adopted));
    played
}

#[test]
fn g5_one_thread_more_than_the_limit_is_refused() {
    expect_row(play_child("threads limit"));
}

#[test]
fn l3_one_thread_more_than_the_system_has_is_refused() {
    let (number, _) = number("FOSTER_THREADS", 200);
    // Less than one stack is taken by all else.
    let kibibytes = (number + 1) * (STACK >> 10);
    let line = format!(
        r#"ulimit -v {kibibytes}; exec "$0" as_child --exact --nocapture --test-threads=1"#
    );
    expect_row(play_in_shell(&line, "threads system"));
}
