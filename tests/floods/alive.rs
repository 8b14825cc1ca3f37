//! Very many payloads alive at a time, on each flavour of futures, with tokens and without. Rows A1, S1 and S2.

use std::future::pending;

use foster::{Runtime, Shutdown, Smol, Tokio, TokioMultiThread};

use crate::common::child::{Played, play as play_child};
use crate::{BEGUN, ENDED, Ends, Figures, expect_row, number, patient};

/// Bytes that a payload may take, beside what a process takes anyway.
const MOST: u64 = 300;
const MOST_WITH_TOKEN: u64 = 400;
/// On a pool each is a task of tokio's as well, and each token a listener.
const MOST_ON_POOL: u64 = 600;
const MOST_WITH_TOKEN_ON_POOL: u64 = 1_200;
const SLACK: u64 = 16 << 20;
/// Nanoseconds that a start and a stop of one may take in a flood.
const SLOWEST: u128 = 20_000;

async fn idle() {
    let _ends = Ends;
    BEGUN.one_more();
    pending().await
}

async fn until_asked() {
    let _ends = Ends;
    let token = Shutdown::current();
    BEGUN.one_more();
    token.requested().await;
}

pub(super) fn play(kind: &str) -> Played {
    let (most, adopt): (u64, fn(&Runtime)) = match kind {
        "smol" => (MOST, |runtime| runtime.adopt(Smol, idle).unwrap()),
        "tokio" => (MOST, |runtime| runtime.adopt(Tokio, idle).unwrap()),
        "pool" => (MOST_ON_POOL, |runtime| {
            runtime.adopt(TokioMultiThread, idle).unwrap();
        }),
        "smol, tokens" => (MOST_WITH_TOKEN, |runtime| {
            runtime.adopt(Smol, until_asked).unwrap();
        }),
        "tokio, tokens" => (MOST_WITH_TOKEN, |runtime| {
            runtime.adopt(Tokio, until_asked).unwrap();
        }),
        "pool, tokens" => (MOST_WITH_TOKEN_ON_POOL, |runtime| {
            runtime.adopt(TokioMultiThread, until_asked).unwrap();
        }),
        _ => unreachable!("there is no such kind"),
    };
    let (number, is_flood) = number("FOSTER_ALIVE", 20_000);
    BEGUN.expect(number);
    let runtime = patient();
    let mut figures = Figures::begin(number);
    for _ in 0..number {
        adopt(&runtime);
    }
    BEGUN.wait();
    let (bytes, start) = figures.started();
    let (stop, played) = figures.stop(&runtime);
    println!("row | alive, {kind} | {number} | {bytes} B | {start} ns | {stop} ns |");
    assert_eq!((BEGUN.number(), ENDED.number()), (number, number));
    let most = most + SLACK / number as u64;
    assert!(
        bytes < most,
        "one takes {bytes} bytes, not less than {most}"
    );
    let slowest = start.max(stop);
    assert!(!is_flood || slowest < SLOWEST, "one takes {slowest} ns");
    played
}

fn flood(kind: &str) {
    expect_row(play_child(&format!("alive {kind}")));
}

#[test]
fn s2_very_many_payloads_are_dropped_on_smol() {
    flood("smol");
}

#[test]
fn s2_very_many_payloads_are_dropped_on_tokio() {
    flood("tokio");
}

#[test]
fn s2_very_many_payloads_are_dropped_on_a_pool() {
    flood("pool");
}

#[test]
fn s1_very_many_payloads_end_when_asked_on_smol() {
    flood("smol, tokens");
}

#[test]
fn s1_very_many_payloads_end_when_asked_on_tokio() {
    flood("tokio, tokens");
}

#[test]
fn s1_very_many_payloads_end_when_asked_on_a_pool() {
    flood("pool, tokens");
}
