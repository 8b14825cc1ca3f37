//! A runtime inside a program that owns its `main`: start, wait, handles. Rows
//! L2, L3, L5 and L6.

mod common;

use std::fmt;
use std::future::pending;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use common::*;
use foster::{
    AdoptError, AdoptErrorKind, BoxError, Coroutine, Flavour, Identifier, Key, Rejected, Reporter,
    RunErrorKind, Runtime, Smol, StragglerReason, Thread, Tokio,
};

on_every_flavour!(l3_the_start_ends_whatever_its_payloads_adopt);
once!(
    start_wait_and_the_future_agree,
    wait_before_start_and_inside_a_payload_are_errors,
    a_started_runtime_without_handles_ends,
    the_default_runtime_is_one,
    l5_no_flavour_is_started_after_the_end,
    l5_a_flavour_that_still_starts_at_the_end_is_named_once_and_ended,
);

/// Each payload adopts its successor, until the runtime stops.
fn l3_the_start_ends_whatever_its_payloads_adopt<F: AnyFlavour>(flavour: F) {
    fn adopt_a_chain<F: AnyFlavour>(runtime: &Runtime, flavour: F) -> Result<(), AdoptError> {
        let inner = runtime.clone();
        flavour.adopt(runtime, move || adopt_a_chain(&inner, flavour))
    }
    let runtime = runtime();
    for _ in 0..200 {
        adopt_a_chain(&runtime, flavour).unwrap();
    }
    let started = Event::new();
    let starting = {
        let (runtime, started) = (runtime.clone(), started.clone());
        thread::spawn(move || {
            runtime.start().unwrap();
            started.happen();
        })
    };
    started.expect("the start ends while payloads go on adopting");
    starting.join().unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn start_wait_and_the_future_agree() {
    let runtime = runtime();
    runtime
        .named("last words")
        .adopt(Smol, || async { Err::<(), _>("the end") })
        .unwrap();
    runtime.start().unwrap();
    let by_future = futures_lite::future::block_on(runtime.wait_async()).unwrap_err();
    let by_wait = runtime.wait().unwrap_err();
    for error in [by_future, by_wait] {
        assert_eq!(error.failures()[0].payload(), "last words");
    }
}

fn wait_before_start_and_inside_a_payload_are_errors() {
    let runtime = runtime();
    assert_eq!(runtime.wait().unwrap_err().kind(), RunErrorKind::NotStarted);
    let inner = runtime.clone();
    let log = Log::new();
    let seen = log.clone();
    runtime
        .adopt(Thread, move || {
            seen.write(inner.wait().unwrap_err().kind());
            seen.write(inner.run().unwrap_err().kind());
            inner.shutdown();
        })
        .unwrap();
    runtime.run().unwrap();
    // The subroutine never took a token, so the run may end just before its last words.
    while log.read().len() < 2 {
        thread::yield_now();
    }
    assert_eq!(
        log.read(),
        [RunErrorKind::InsideItself, RunErrorKind::AlreadyStarted]
    );
}

fn a_started_runtime_without_handles_ends() {
    let runtime = started();
    let (running, dropped) = (Event::new(), Event::new());
    let (is_running, is_dropped) = (running.clone(), dropped.clone());
    runtime
        .adopt(Tokio, move || async move {
            let _on_drop = OnDrop(move || is_dropped.happen());
            is_running.happen();
            pending::<()>().await;
        })
        .unwrap();
    running.expect("the payload runs");
    drop(runtime);
    dropped.expect("the payload is cancelled, as nobody could wait for the runtime any more");
}

fn the_default_runtime_is_one() {
    foster::runtime().start().unwrap();
    assert_eq!(foster::runtime().execute(Thread, || 1).unwrap(), 1);
    foster::runtime().shutdown();
    foster::runtime().wait().unwrap();
    assert_eq!(
        foster::runtime().run().unwrap_err().kind(),
        RunErrorKind::AlreadyStarted
    );
}

/// A key that is slow to say which flavour it means, and counts how often that is started.
#[derive(Clone)]
struct Slow {
    asked: Event,
    may_answer: Event,
    starts: Log<()>,
}

impl PartialEq for Slow {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Slow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slow")
    }
}

impl Key for Slow {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        self.asked.happen();
        self.may_answer.expect("the runtime is over");
        Identifier::new("slow")
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        self.starts.write(());
        Smol.start(reporter)
    }
}

fn l5_no_flavour_is_started_after_the_end() {
    type HandIn = fn(&Runtime, Slow) -> bool;
    let ways: [HandIn; 3] = [
        |runtime, key| runtime.adopt(key, || async {}).is_ok(),
        |runtime, key| runtime.execute(key, || async {}).is_ok(),
        |runtime, key| futures_lite::future::block_on(runtime.call(key, || async {})).is_ok(),
    ];
    for hand_in in ways {
        let key = Slow {
            asked: Event::new(),
            may_answer: Event::new(),
            starts: Log::new(),
        };
        let runtime = started();
        let late = {
            let (runtime, key) = (runtime.clone(), key.clone());
            thread::spawn(move || hand_in(&runtime, key))
        };
        key.asked.expect("the payload is handed in");
        runtime.shutdown();
        runtime.wait().unwrap();
        key.may_answer.happen();
        assert!(!late.join().unwrap(), "refused");
        assert!(key.starts.read().is_empty(), "nobody would end it");
    }
}

/// A key whose flavour takes its time to start.
#[derive(Clone)]
struct Hesitant {
    starts: Event,
    may_go_on: Event,
    cancelled: Event,
}

/// What it starts: a real flavour, and a look at how it ends.
#[derive(Debug)]
struct Watched {
    flavour: Arc<dyn Flavour<Payload = Coroutine>>,
    key: Hesitant,
}

impl Flavour for Watched {
    type Payload = Coroutine;

    fn spawn(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        self.flavour.spawn(payload)
    }

    fn block_on(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        self.flavour.block_on(payload)
    }

    fn cancel(&self) {
        self.flavour.cancel();
        self.key.cancelled.happen();
    }

    fn join(&self, by: Instant) -> bool {
        self.flavour.join(by)
    }
}

impl PartialEq for Hesitant {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Hesitant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hesitant")
    }
}

impl Key for Hesitant {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new("hesitant")
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        self.starts.happen();
        self.may_go_on.expect("the runtime is over");
        let (flavour, key) = (Smol.start(reporter)?, self.clone());
        Ok(Arc::new(Watched { flavour, key }))
    }
}

fn l5_a_flavour_that_still_starts_at_the_end_is_named_once_and_ended() {
    let key = Hesitant {
        starts: Event::new(),
        may_go_on: Event::new(),
        cancelled: Event::new(),
    };
    let cancelled = key.cancelled.clone();
    let runtime = builder()
        .grace(Duration::ZERO)
        .cancel_timeout(Duration::from_millis(50))
        .build();
    runtime.start().unwrap();
    let late = {
        let (runtime, key) = (runtime.clone(), key.clone());
        thread::spawn(move || runtime.adopt(key, || async {}))
    };
    key.starts.expect("the payload is handed in");
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    let [straggler] = error.stragglers() else {
        panic!("one straggler, not {error}");
    };
    assert_eq!(straggler.flavour(), "hesitant");
    assert_eq!(straggler.reason(), StragglerReason::Thread);
    assert!(!cancelled.has_happened());
    key.may_go_on.happen();
    // Nobody else would end its thread.
    cancelled.expect("the flavour is told to end");
    let refused = late.join().unwrap().unwrap_err();
    assert_eq!(refused.kind(), AdoptErrorKind::Stopping);
}
