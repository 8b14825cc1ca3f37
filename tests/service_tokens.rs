//! Tokens of services: wherever they are looked at, they hear of the stop, and keep what they have heard. Rows V3
//! and V9.

mod common;

use std::thread;

use common::*;
use foster::{Shutdown, UnitState, service};

on_async_flavours!(
    v3_a_token_that_is_looked_at_in_a_loop_is_asked,
    v3_a_token_that_blocks_its_flavour_is_asked,
    v3_a_token_elsewhere_is_asked_while_the_flavour_is_busy,
    v3_a_token_outlives_its_service,
);

/// Code that keeps its flavour's thread to itself, in its first poll or in a later one, and looks at its
/// token as it may.
fn is_asked_while_it_blocks<F: AsyncFlavour>(flavour: F, asked: fn(&Shutdown) -> bool) {
    for is_first_poll in [true, false] {
        let runtime = running(flavour);
        let (blocks, was_asked) = (Event::new(), Event::new());
        let (blocking, is_asked) = (blocks.clone(), was_asked.clone());
        let run = move || {
            let (blocking, is_asked) = (blocking.clone(), is_asked.clone());
            async move {
                if !is_first_poll {
                    futures_lite::future::yield_now().await;
                }
                let token = Shutdown::current();
                blocking.happen();
                if asked(&token) {
                    is_asked.happen();
                }
            }
        };
        let unit = runtime.serve(service(flavour, run)).unwrap();
        blocks.expect("the flavour's thread is busy");
        runtime.shutdown();
        was_asked.expect("the token says so within the grace time");
        runtime.wait().unwrap();
        assert_eq!(unit.state(), UnitState::Ended);
    }
}

fn v3_a_token_that_is_looked_at_in_a_loop_is_asked<F: AsyncFlavour>(flavour: F) {
    is_asked_while_it_blocks(flavour, |token| {
        while !token.is_requested() {
            thread::yield_now();
        }
        true
    });
}

fn v3_a_token_that_blocks_its_flavour_is_asked<F: AsyncFlavour>(flavour: F) {
    is_asked_while_it_blocks(flavour, |token| token.wait_timeout(SOON));
}

fn v3_a_token_elsewhere_is_asked_while_the_flavour_is_busy<F: AsyncFlavour>(flavour: F) {
    let runtime = running(flavour);
    let (waits, was_asked) = (Event::new(), Event::new());
    let (waiting, is_asked) = (waits.clone(), was_asked.clone());
    let run = move || {
        let (token, waiting) = (Shutdown::current(), waiting.clone());
        let is_asked = is_asked.clone();
        let elsewhere = token.clone();
        thread::spawn(move || {
            waiting.happen();
            if elsewhere.wait_timeout(SOON) {
                is_asked.happen();
            }
        });
        async move { token.requested().await }
    };
    let unit = runtime.serve(service(flavour, run)).unwrap();
    waits.expect("another thread has the token");
    let go_on = busy(&runtime, flavour);
    runtime.shutdown();
    was_asked.expect("the other thread hears of the stop");
    assert_eq!(unit.state(), UnitState::Stopping);
    go_on.happen();
    runtime.wait().unwrap();
    assert_eq!(unit.state(), UnitState::Ended);
}

/// What was asked stays asked, also when the run that was has ended, and the runtime waits for others.
fn v3_a_token_outlives_its_service<F: AsyncFlavour>(flavour: F) {
    let runtime = running(flavour);
    let (sender, receiver) = std::sync::mpsc::channel();
    let (holds, go_on) = (Event::new(), Event::new());
    let (holding, goes_on) = (holds.clone(), go_on.clone());
    let hold = move || {
        let _token = Shutdown::current();
        holding.happen();
        block_until(&goes_on);
    };
    runtime.adopt(foster::Thread, hold).unwrap();
    holds.expect("somebody else holds the stop up");
    let run = move || {
        let token = Shutdown::current();
        sender.send(token.clone()).unwrap();
        async move { token.requested().await }
    };
    let unit = runtime.serve(service(flavour, run)).unwrap();
    let token = receiver.recv_timeout(SOON).unwrap();
    assert!(!token.is_requested());
    runtime.shutdown();
    assert!(unit.wait_stopped(SOON));
    assert!(token.is_requested());
    go_on.happen();
    runtime.wait().unwrap();
    assert!(token.is_requested());
}
