//! Flavours: floods starve nobody, instances are flavours, names lead to them. Row F3.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use common::*;
use foster::{Coroutine, Identifier, Instance, Manual, Subroutine, TokioMultiThread};

on_async_flavours!(
    f3_a_flood_in_the_queue_does_not_push_others_back,
    instances_are_flavours_of_their_own,
);
once!(
    flavours_are_looked_up_by_name,
    a_pool_is_a_value_like_its_neighbours,
    #[cfg(target_os = "linux")]
    a_thread_that_cannot_be_had_refuses_the_payload,
);

fn f3_a_flood_in_the_queue_does_not_push_others_back<F: AsyncFlavour>(flavour: F) {
    const FLOOD: usize = 50_000;
    let runtime = started();
    let turns = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&turns);
    runtime
        .adopt(flavour, move || async move {
            loop {
                count.fetch_add(1, SeqCst);
                futures_lite::future::yield_now().await;
            }
        })
        .unwrap();
    let (inner, before) = (runtime.clone(), Arc::clone(&turns));
    // Holds the flavour's thread until the whole flood is in the queue.
    let before = runtime.execute(flavour, move || async move {
        for _ in 0..FLOOD {
            inner.adopt(flavour, || async {}).unwrap();
        }
        before.load(SeqCst)
    });
    runtime.execute(flavour, || async {}).unwrap();
    let turns = turns.load(SeqCst) - before.unwrap();
    assert!(turns > FLOOD / 200, "{turns} turns beside {FLOOD} payloads");
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn instances_are_flavours_of_their_own<F: AsyncFlavour>(flavour: F) {
    let other = Instance::named(flavour, Identifier::new("an::other"));
    let runtime = started();
    let one = runtime
        .execute(flavour, || async { thread::current().id() })
        .unwrap();
    let two = runtime
        .execute(other.clone(), || async { thread::current().id() })
        .unwrap();
    assert_ne!(one, two);
    // One may wait for the other, and a stuck one holds up itself alone.
    let (inner, key) = (runtime.clone(), other.clone());
    let value = runtime.execute(flavour, move || async move {
        inner.execute(key, || async { 1 }).unwrap()
    });
    assert_eq!(value.unwrap(), 1);
    runtime
        .named("x")
        .adopt(other, || async { Err::<(), _>("y") })
        .unwrap();
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.failures()[0].flavour(), "an::other");
}

fn flavours_are_looked_up_by_name() {
    let mut builder = builder();
    for key in foster::all() {
        builder = builder.register(key).unwrap();
    }
    let runtime = builder.build();
    runtime.start().unwrap();
    for name in ["smol", "tokio"] {
        let flavour = runtime.flavour::<Coroutine>(name).unwrap();
        assert_eq!(runtime.execute(flavour, || async { 1 }).unwrap(), 1);
    }
    let threads = runtime.flavour::<Subroutine>("std::thread").unwrap();
    assert_eq!(runtime.execute(threads.clone(), || 2).unwrap(), 2);

    let error = runtime.flavour::<Coroutine>("trio").unwrap_err();
    let text = error.to_string();
    for part in ["`trio`", "smol", "tokio", "std::thread"] {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
    let error = runtime.flavour::<Coroutine>("std::thread").unwrap_err();
    let text = error.to_string();
    assert!(text.contains("runs Subroutines, not Coroutines"), "{text}");
    let error = runtime.flavour::<Coroutine>("no path!\n").unwrap_err();
    assert_eq!(error.given(), "no path!\n");
    assert!(!error.to_string().contains('\n'), "{error}");

    // Looked up here, used there.
    let other = started();
    let error = other.adopt(threads, || ()).unwrap_err();
    assert!(
        error.to_string().contains("no flavour `std::thread` here"),
        "{error}"
    );
    for runtime in [runtime, other] {
        runtime.shutdown();
        runtime.wait().unwrap();
    }

    let manual = Manual::new();
    let runtime = common::builder().until_idle().build();
    runtime.adopt(manual.clone(), || async {}).unwrap();
    runtime.start().unwrap();
    while manual.step() {}
    runtime.wait().unwrap();
}

#[foster::service(flavour = TokioMultiThread)]
async fn on_the_pool() {}

fn a_pool_is_a_value_like_its_neighbours() {
    let key: TokioMultiThread = TokioMultiThread;
    assert_eq!(key, TokioMultiThread::new());
    let runtime = common::builder().until_idle().build();
    runtime.adopt(TokioMultiThread, || async {}).unwrap();
    runtime.adopt(key, || async {}).unwrap();
    runtime.serve(on_the_pool).unwrap();
    runtime.run().unwrap();
}

/// By a limit of address space, which only Linux keeps to.
#[cfg(target_os = "linux")]
fn a_thread_that_cannot_be_had_refuses_the_payload() {
    // A child process that may have no further thread.
    const LIMITED: &str = "FOSTER_TEST_LIMITED";
    let program = std::env::current_exe().unwrap();
    if std::env::var(LIMITED).is_err() {
        let output = std::process::Command::new("sh")
            .args(["-c", r#"ulimit -v 6000000; "$0" once::a_thread_that_cannot_be_had_refuses_the_payload --exact --nocapture"#])
            .arg(program)
            .env(LIMITED, "1")
            .env("RUST_MIN_STACK", (1_usize << 30).to_string())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        assert!(text.contains("refused as it should be"), "{text}");
        return;
    }
    let runtime = started();
    let go = Event::new();
    let refused = loop {
        let its_go = go.clone();
        let result = runtime.adopt(foster::Thread, move || {
            let _token = foster::Shutdown::current();
            block_until(&its_go);
        });
        if let Err(error) = result {
            break error;
        }
    };
    assert_eq!(refused.kind(), foster::AdoptErrorKind::Rejected);
    assert!(std::error::Error::source(&refused).is_some());
    let error = runtime.adopt(foster::Tokio, || async {}).unwrap_err();
    assert_eq!(error.kind(), foster::AdoptErrorKind::Start);
    go.happen();
    runtime.shutdown();
    runtime.wait().unwrap();
    println!("refused as it should be");
}
