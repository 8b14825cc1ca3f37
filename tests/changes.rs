//! What becomes of a runtime, for those who watch: `Runtime::changes`. Rows I5 and S3.

mod common;

use std::future::pending;

use common::endings::getting_ready;
use common::services::*;
use common::*;
use foster::RuntimeChange::{self, GraceOver, Ready, Reloaded, Reloading, Started, Stopping};
use foster::{Changes, Clock, Shutdown, Smol, Thread, service};
use futures_lite::future::block_on;

on_every_flavour!(
    i5_the_steps_of_a_life_are_told_in_order,
    i5_who_overruns_the_grace_time_is_heard_of,
);
once!(
    s3_who_ends_as_the_grace_time_is_over_is_named,
    i5_a_stream_has_a_bound_and_counts_what_it_drops,
    i5_a_runtime_that_is_over_has_nothing_to_tell,
);

#[track_caller]
fn next(changes: &mut Changes<RuntimeChange>) -> Option<RuntimeChange> {
    changes.recv_timeout(SOON)
}

fn i5_the_steps_of_a_life_are_told_in_order<F: Host>(flavour: F) {
    let runtime = runtime();
    let mut changes = runtime.changes(16);
    let (_unit, begun, go) = getting_ready(flavour, runtime.unit());
    runtime.start().unwrap();
    assert_eq!(next(&mut changes), Some(Started));
    begun.expect("it runs, and is not ready");
    assert_eq!(changes.try_recv(), None);
    go.notify_one();
    assert_eq!(block_on(changes.recv()), Some(Ready));
    runtime.reload().wait(SOON).unwrap();
    assert_eq!(next(&mut changes), Some(Reloading));
    assert_eq!(next(&mut changes), Some(Reloaded));
    runtime.shutdown();
    assert_eq!(next(&mut changes), Some(Stopping));
    runtime.wait().unwrap();
    // The grace time was not used up, so nothing is told of it.
    assert_eq!(block_on(changes.recv()), None);
    assert_eq!(changes.missed(), 0);
}

fn i5_who_overruns_the_grace_time_is_heard_of<F: Host>(flavour: F) {
    let clock = Clock::manual();
    let runtime = builder().clock(clock.clone()).build();
    let mut changes = runtime.changes(16);
    let (held, go) = (Event::new(), Event::new());
    let (holds, goes) = (held.clone(), go.clone());
    let holder = move || {
        let _token = Shutdown::current();
        holds.happen();
        block_until(&goes);
    };
    flavour.adopt(&runtime, holder).unwrap();
    runtime.start().unwrap();
    held.expect("it holds a token");
    runtime.shutdown();
    let told: Vec<_> = std::iter::from_fn(|| changes.try_recv()).collect();
    assert!(
        told.contains(&Stopping) && !told.contains(&GraceOver),
        "{told:?}"
    );
    expect("its time is over", || {
        clock.advance(SECOND);
        changes.try_recv() == Some(GraceOver)
    });
    go.happen();
    runtime.wait().unwrap_err();
}

/// Who ends for hearing that the time is over has overrun it all the same. With many services to be told as well, there is time
/// for that.
fn s3_who_ends_as_the_grace_time_is_over_is_named() {
    let clock = Clock::manual();
    let runtime = builder().clock(clock.clone()).build();
    for _ in 0..2_000 {
        let hold = || async {
            let _token = Shutdown::current();
            pending::<()>().await;
        };
        runtime
            .unit()
            .may_fail()
            .serve(service(Smol, hold))
            .unwrap();
    }
    let mut changes = runtime.changes(16);
    let (held, ended) = (Event::new(), Event::new());
    let (holds, ends) = (held.clone(), ended.clone());
    let hears = move || {
        let _token = Shutdown::current();
        holds.happen();
        while block_on(changes.recv()) != Some(GraceOver) {}
        ends.happen();
    };
    runtime.start().unwrap();
    assert!(runtime.wait_ready(SOON).is_ok());
    runtime.named("hears").adopt(Thread, hears).unwrap();
    held.expect("it holds a token");
    runtime.shutdown();
    expect("its time is over", || {
        clock.advance(SECOND);
        ended.has_happened()
    });
    let error = runtime.wait().unwrap_err();
    let named: Vec<_> = error.stragglers().iter().map(|one| one.payload()).collect();
    assert_eq!(named, [Some("hears")], "{error}");
}

fn i5_a_stream_has_a_bound_and_counts_what_it_drops() {
    let runtime = runtime();
    let mut changes = runtime.changes(2);
    runtime.adopt(Smol, pending::<()>).unwrap();
    runtime.start().unwrap();
    runtime.wait_ready(SOON).unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(changes.missed(), 1);
    // The oldest has made room, which is one of these two.
    assert!(matches!(next(&mut changes), Some(Started | Ready)));
    assert_eq!(next(&mut changes), Some(Stopping));
    assert_eq!(next(&mut changes), None);
}

fn i5_a_runtime_that_is_over_has_nothing_to_tell() {
    let runtime = runtime();
    runtime.shutdown();
    runtime.run().unwrap();
    assert_eq!(block_on(runtime.changes(16).recv()), None);
}
