//! Adopt: what runs where, what it may return, and how its failure is told. Rows A1 to A5, A8.

mod common;

use std::cell::Cell;
use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use common::*;
use foster::{FailureKind, Runtime, Shutdown, Smol, Thread, Tokio};

on_every_flavour!(
    a1_adopt_never_waits_for_the_payload,
    a1_adopt_works_inside_every_flavour,
    a1_adopt_works_inside_a_payload_of_another_runtime,
    a4_nothing_is_no_failure,
    a4_an_error_of_any_type_is_a_failure,
    a4_an_orphaned_return_is_a_failure,
    a5_a_panic_is_a_failure_with_its_message,
    a5_a_panic_whose_value_is_no_text_is_a_failure,
    a8_an_adopt_happens_before_its_payload,
);
on_async_flavours!(
    a2_the_future_is_made_polled_and_dropped_on_one_thread,
    a2_a_future_that_is_not_send_lives_across_awaits,
    a4_async_payloads_may_diverge,
    a5_a_panic_before_the_first_await_is_a_failure,
    a8_adopts_of_one_thread_start_in_order,
    a_task_that_a_payload_spawned_is_its_own_business,
);
once!(
    a2_destructors_run_inside_the_executor,
    a2_a_closure_that_never_ran_may_be_dropped_anywhere,
    a3_flavours_run_in_parallel,
    a4_subroutines_may_diverge,
);

fn a1_adopt_never_waits_for_the_payload<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let (go, ran) = (Event::new(), Event::new());
    // The flavour's thread is blocked; adopt returns all the same.
    flavour
        .adopt(&runtime, {
            let go = go.clone();
            move || block_until(&go)
        })
        .unwrap();
    flavour
        .adopt(&runtime, {
            let ran = ran.clone();
            move || ran.happen()
        })
        .unwrap();
    go.happen();
    ran.expect("the second payload runs once the first is over");
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn a1_adopt_works_inside_every_flavour<F: AnyFlavour>(flavour: F) {
    let runtime = builder().until_idle().build();
    let log = Log::new();
    fn adopt_on_all<F: AnyFlavour>(runtime: &Runtime, log: &Log<String>, from: F) {
        fn write<T: AnyFlavour>(runtime: &Runtime, log: &Log<String>, from: &'static str, to: T) {
            let log = log.clone();
            to.adopt(runtime, move || log.write(format!("{from} to {}", T::NAME)))
                .unwrap();
        }
        let (inner, log) = (runtime.clone(), log.clone());
        from.adopt(runtime, move || {
            write(&inner, &log, F::NAME, Smol);
            write(&inner, &log, F::NAME, Tokio);
            write(&inner, &log, F::NAME, Thread);
        })
        .unwrap();
    }
    adopt_on_all(&runtime, &log, flavour);
    runtime.run().unwrap();
    let mut seen = log.read();
    seen.sort();
    let wanted = ["smol", "std::thread", "tokio"].map(|to| format!("{} to {to}", F::NAME));
    assert_eq!(seen, wanted);
}

fn a1_adopt_works_inside_a_payload_of_another_runtime<F: AnyFlavour>(flavour: F) {
    let (one, two) = (started(), started());
    let ran = Event::new();
    let (other, its_ran) = (two.clone(), ran.clone());
    flavour
        .adopt(&one, move || {
            flavour.adopt(&other, move || its_ran.happen()).unwrap();
        })
        .unwrap();
    ran.expect("the payload runs on the other runtime");
    for runtime in [one, two] {
        runtime.shutdown();
        runtime.wait().unwrap();
    }
}

/// Notes the thread on which each step of its life happens.
struct Traced {
    polls: usize,
    log: Log<(&'static str, thread::ThreadId)>,
    _not_send: Rc<()>,
}

impl Traced {
    fn new(log: Log<(&'static str, thread::ThreadId)>) -> Self {
        log.write(("made", thread::current().id()));
        Self {
            polls: 0,
            log,
            _not_send: Rc::new(()),
        }
    }
}

impl Future for Traced {
    type Output = ();

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<()> {
        self.log.write(("polled", thread::current().id()));
        self.polls += 1;
        if self.polls < 3 {
            context.waker().wake_by_ref();
        }
        std::task::Poll::Pending
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        self.log.write(("dropped", thread::current().id()));
    }
}

fn a2_the_future_is_made_polled_and_dropped_on_one_thread<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let log = Log::new();
    let home = runtime
        .execute(flavour, || async { thread::current().id() })
        .unwrap();
    let inner = log.clone();
    runtime.adopt(flavour, move || Traced::new(inner)).unwrap();
    while log.read().len() < 4 {
        thread::yield_now();
    }
    runtime.shutdown();
    runtime.wait().unwrap();
    let (steps, threads): (Vec<_>, Vec<_>) = log.read().into_iter().unzip();
    assert_eq!(steps, ["made", "polled", "polled", "polled", "dropped"]);
    assert!(threads.iter().all(|thread| *thread == home));
}

fn a2_a_future_that_is_not_send_lives_across_awaits<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let sum = runtime
        .execute(flavour, || async {
            let shared = Rc::new(Cell::new(0));
            for step in 1..=10 {
                let borrowed = Rc::clone(&shared);
                futures_lite::future::yield_now().await;
                borrowed.set(borrowed.get() + step);
            }
            shared.get()
        })
        .unwrap();
    assert_eq!(sum, 55);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn a2_destructors_run_inside_the_executor() {
    let runtime = started();
    let (polled, dropped) = (Event::new(), Event::new());
    let (is_polled, is_dropped) = (polled.clone(), dropped.clone());
    runtime
        .adopt(Tokio, move || async move {
            let _on_drop = OnDrop(move || {
                // Panics outside of a tokio runtime.
                let _timer = Box::pin(tokio::time::sleep(Duration::from_secs(1)));
                tokio::task::spawn_local(async {});
                is_dropped.happen();
            });
            is_polled.happen();
            pending::<()>().await;
        })
        .unwrap();
    polled.expect("the payload runs");
    runtime.shutdown();
    runtime.wait().unwrap();
    assert!(dropped.has_happened());
}

fn a2_a_closure_that_never_ran_may_be_dropped_anywhere() {
    let runtime = runtime();
    let dropped_on = Log::new();
    let log = dropped_on.clone();
    let on_drop = OnDrop(move || log.write(thread::current().id()));
    runtime
        .adopt(Smol, move || {
            let _on_drop = on_drop;
            async {}
        })
        .unwrap();
    let dropper = thread::spawn(move || {
        drop(runtime);
        thread::current().id()
    });
    assert_eq!([dropper.join().unwrap()], *dropped_on.read());
}

fn a3_flavours_run_in_parallel() {
    let runtime = builder().until_idle().build();
    // Passed only if four payloads run at the same time, two of them threads.
    let barrier = Arc::new(std::sync::Barrier::new(4));
    let [one, two, three, four] = [(); 4].map(|()| Arc::clone(&barrier));
    runtime
        .adopt(Smol, move || async move {
            one.wait();
        })
        .unwrap();
    runtime
        .adopt(Tokio, move || async move {
            two.wait();
        })
        .unwrap();
    for barrier in [three, four] {
        runtime
            .adopt(Thread, move || {
                barrier.wait();
            })
            .unwrap();
    }
    runtime.run().unwrap();
}

fn a4_nothing_is_no_failure<F: AnyFlavour>(flavour: F) {
    let runtime = builder().until_idle().build();
    flavour.adopt(&runtime, || ()).unwrap();
    flavour.adopt(&runtime, || Ok::<(), String>(())).unwrap();
    flavour
        .adopt(&runtime, || Ok::<(), anyhow::Error>(()))
        .unwrap();
    flavour.adopt(&runtime, || None::<u8>).unwrap();
    flavour.adopt(&runtime, || None::<Infallible>).unwrap();
    runtime.run().unwrap();
}

#[derive(Debug, PartialEq)]
struct Custom(u8);

impl fmt::Display for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "custom {}", self.0)
    }
}

impl Error for Custom {}

fn a4_an_error_of_any_type_is_a_failure<F: AnyFlavour>(flavour: F) {
    let message = |adopt: fn(&Runtime, F)| {
        let runtime = runtime();
        adopt(&runtime, flavour);
        let error = runtime.run().unwrap_err();
        assert_eq!(error.failures().len(), 1, "{error}");
        let failure = &error.failures()[0];
        assert_eq!(failure.kind(), FailureKind::Error);
        if failure.message().starts_with("custom") {
            let custom = failure.error().unwrap().downcast_ref::<Custom>();
            assert_eq!(custom, Some(&Custom(7)));
        }
        failure.message().to_owned()
    };
    assert_eq!(
        message(|runtime, flavour| flavour.adopt(runtime, || Err::<(), _>("text")).unwrap()),
        "text"
    );
    assert_eq!(
        message(|runtime, flavour| flavour
            .adopt(runtime, || Err::<Infallible, _>(String::from("string")))
            .unwrap()),
        "string"
    );
    assert_eq!(
        message(|runtime, flavour| flavour.adopt(runtime, || Err::<(), _>(Custom(7))).unwrap()),
        "custom 7"
    );
    assert_eq!(
        message(|runtime, flavour| flavour
            .adopt(runtime, || Err::<(), _>(anyhow::Error::from(Custom(7))))
            .unwrap()),
        "custom 7"
    );
    assert_eq!(
        message(|runtime, flavour| flavour
            .adopt(runtime, || Err::<(), Box<dyn Error + Send + Sync>>(
                Box::new(Custom(7))
            ))
            .unwrap()),
        "custom 7"
    );
    assert_eq!(
        message(|runtime, flavour| flavour
            .adopt(runtime, || Err::<(), _>(std::io::Error::other("io")))
            .unwrap()),
        "io"
    );
}

fn a4_an_orphaned_return_is_a_failure<F: AnyFlavour>(flavour: F) {
    let runtime = runtime();
    flavour.adopt(&runtime, || Some(Custom(3))).unwrap();
    let error = runtime.run().unwrap_err();
    let failure = &error.failures()[0];
    assert_eq!(failure.kind(), FailureKind::OrphanedReturn);
    assert_eq!(failure.message(), "Custom(3)");
}

fn a4_async_payloads_may_diverge<F: AsyncFlavour>(flavour: F) {
    let runtime = runtime();
    runtime.adopt(flavour, async || {}).unwrap();
    runtime
        .adopt(flavour, || async {
            loop {
                pending::<()>().await;
            }
        })
        .unwrap();
    runtime
        .adopt(flavour, async || panic!("at the end"))
        .unwrap();
    let error = runtime.run().unwrap_err();
    assert_eq!(error.failures()[0].message(), "at the end");
}

fn a4_subroutines_may_diverge() {
    let runtime = runtime();
    let (end, ended) = (Event::new(), Event::new());
    let (is_end, is_ended) = (end.clone(), ended.clone());
    runtime
        .adopt(Thread, move || {
            // Unwinds in the end, so that the thread does not outlive its test.
            let _on_drop = OnDrop(move || is_ended.happen());
            loop {
                assert!(!is_end.has_happened(), "the test is over");
                thread::park_timeout(Duration::from_millis(1));
            }
        })
        .unwrap();
    runtime.adopt(Thread, || panic!("at the end")).unwrap();
    let error = runtime.run().unwrap_err();
    assert_eq!(error.failures()[0].message(), "at the end");
    end.happen();
    ended.expect("the endless payload ends with the test");
}

fn a5_a_panic_is_a_failure_with_its_message<F: AnyFlavour>(flavour: F) {
    for formatted in [false, true] {
        let runtime = runtime();
        flavour
            .adopt(&runtime, move || -> () {
                if formatted {
                    panic!("broken {}", 1 + 1);
                }
                panic!("broken");
            })
            .unwrap();
        let error = runtime.run().unwrap_err();
        let failure = &error.failures()[0];
        assert_eq!(failure.kind(), FailureKind::Panic);
        assert_eq!(
            failure.message(),
            if formatted { "broken 2" } else { "broken" }
        );
        assert_eq!(failure.flavour(), F::NAME);
        assert!(failure.error().is_none());
    }
}

fn a5_a_panic_whose_value_is_no_text_is_a_failure<F: AnyFlavour>(flavour: F) {
    let runtime = runtime();
    let bomb = || OnDrop(|| panic!("the value's destructor panics as well"));
    flavour
        .adopt(&runtime, move || -> () { std::panic::panic_any(bomb()) })
        .unwrap();
    let error = runtime.run().unwrap_err();
    assert_eq!(error.failures()[0].kind(), FailureKind::Panic);
    assert!(error.failures()[0].message().contains("no text"), "{error}");
}

fn a5_a_panic_before_the_first_await_is_a_failure<F: AsyncFlavour>(flavour: F) {
    let runtime = runtime();
    runtime
        .adopt(flavour, || {
            if true {
                panic!("while the future is made");
            }
            async {}
        })
        .unwrap();
    let error = runtime.run().unwrap_err();
    assert_eq!(error.failures()[0].message(), "while the future is made");
}

fn a8_an_adopt_happens_before_its_payload<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    // Plain data, handed over by the adopt alone and back by the end of the payload alone.
    let mut data = vec![1, 2, 3];
    for _ in 0..100 {
        data = flavour
            .execute(&runtime, move || {
                data.rotate_left(1);
                data
            })
            .unwrap();
    }
    assert_eq!(data, [2, 3, 1]);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn a8_adopts_of_one_thread_start_in_order<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let log = Log::new();
    let adopters: Vec<_> = (0..4)
        .map(|adopter| {
            let (runtime, log) = (runtime.clone(), log.clone());
            thread::spawn(move || {
                for number in 0..500 {
                    let log = log.clone();
                    runtime
                        .adopt(flavour, move || async move { log.write((adopter, number)) })
                        .unwrap();
                }
            })
        })
        .collect();
    for adopter in adopters {
        adopter.join().unwrap();
    }
    runtime.shutdown();
    runtime.wait().unwrap();
    let seen = log.read();
    assert_eq!(seen.len(), 2_000);
    for adopter in 0..4 {
        let numbers = seen
            .iter()
            .filter(|(by, _)| *by == adopter)
            .map(|(_, number)| *number);
        assert!(numbers.eq(0..500));
    }
}

fn a_task_that_a_payload_spawned_is_its_own_business<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let outcome = runtime
        .execute(Tokio, || async {
            let has_token = tokio::task::spawn_local(async { Shutdown::try_current().is_some() });
            let panic = tokio::spawn(async { panic!("nobody watches this") });
            (has_token.await.unwrap(), panic.await.is_err())
        })
        .unwrap();
    assert_eq!(
        outcome,
        (false, true),
        "no token there, and the panic is the payload's to see"
    );
    assert_eq!(
        runtime.execute(flavour, || async { 1 }).unwrap(),
        1,
        "the runtime goes on"
    );
    runtime.shutdown();
    let start = Instant::now();
    runtime.wait().unwrap();
    assert!(start.elapsed() < SOON);
}
