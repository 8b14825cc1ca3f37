//! Waiting for the end and for something else at the same time: a future or the end, a closure at the end, and the recipes for
//! channels. Row S6.

mod channels;
mod closures;
#[path = "../common/mod.rs"]
mod common;
mod futures;

use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use common::child::{be_child, say_ready};
use common::services::*;
use common::*;
use foster::{Runtime, Shutdown, Thread, UnitState};
use futures_lite::future::{block_on, yield_now};

/// The child's side.
#[test]
fn as_child() {
    be_child(|_| {
        let runtime = Runtime::new();
        runtime.adopt(Thread, || {
            let (token, ran) = (Shutdown::current(), Event::new());
            let runs = ran.clone();
            let _on_request = token.on_request(move || {
                println!("on {}", closures::here());
                runs.happen();
            });
            say_ready();
            ran.expect("the signal asks for the end");
        })?;
        runtime.run()
    });
}

async fn until_asked() {
    Shutdown::current().requested().await;
}

/// A closure that counts its runs.
fn counts(runs: &Arc<AtomicUsize>) -> impl FnOnce() + Send + 'static {
    let runs = Arc::clone(runs);
    move || {
        runs.fetch_add(1, SeqCst);
    }
}

/// Runs `code` as a payload of the runtime that it gets as well, asks for the end once that `waits`, and waits for it.
fn ended<F: AnyFlavour>(flavour: F, code: impl FnOnce(Event) + Send + 'static) {
    let (runtime, waits) = (started(), Event::new());
    let waiting = waits.clone();
    flavour.adopt(&runtime, move || code(waiting)).unwrap();
    waits.expect("the payload is about to wait");
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// The token of a payload that lives until the event.
fn alive<F: AnyFlavour>(runtime: &Runtime, flavour: F) -> (Shutdown, Event) {
    let (sender, receiver) = mpsc::channel();
    let go = Event::new();
    let its_go = go.clone();
    let code = move || {
        sender.send(Shutdown::current()).unwrap();
        block_until(&its_go);
    };
    flavour.adopt(runtime, code).unwrap();
    (receiver.recv_timeout(SOON).unwrap(), go)
}
