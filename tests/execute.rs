//! Execute and call: values, panics, cancelled callers; and both while the runtime stops. Rows E1 to E3, E5, E6, L7.

mod common;

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use common::*;
use foster::{Call, ExecuteErrorKind, FailureKind, Shutdown, Smol, Thread, Tokio};
use futures_lite::future::block_on;

on_every_flavour!(
    e1_execute_returns_the_value_and_an_error_is_a_value,
    e1_execute_before_the_start_and_after_the_end_is_an_error,
    e2_a_panic_goes_on_in_the_caller_and_the_runtime_goes_on,
    e6_call_yields_the_value_wherever_it_is_awaited,
    e6_call_does_nothing_before_its_first_poll,
    e6_a_panic_goes_on_in_whoever_polls_the_call,
    e6_a_panic_without_a_caller_is_a_failure,
    e6_a_panic_that_the_caller_did_not_take_is_a_failure,
    e6_a_call_wakes_whoever_polled_it_last,
    l7_while_stopping_executes_and_calls_are_taken_from_anywhere,
    l7_where_nothing_was_started_executes_and_calls_are_refused,
    l7_a_late_call_with_a_token_is_waited_for,
    l7_a_stream_of_calls_does_not_hold_the_stop_open,
);
on_async_flavours!(
    e5_a_blocked_caller_is_let_go_when_its_payload_is_cancelled,
    e5_a_blocked_caller_is_let_go_when_the_flavour_is_stuck,
    e6_dropping_a_call_cancels_the_coroutine,
    e6_a_call_is_let_go_when_the_flavour_is_stuck,
    e6_a_dropped_call_that_never_started_does_not_run,
    e6_a_waker_that_panics_stops_nobody,
);
once!(
    e3_execute_on_threads_runs_on_the_callers_thread,
    e6_a_running_subroutine_finishes_without_its_caller,
);

fn e1_execute_returns_the_value_and_an_error_is_a_value<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    assert_eq!(flavour.execute(&runtime, || vec![1, 2]).unwrap(), [1, 2]);
    let value = flavour.execute(&runtime, || Err::<(), _>("mine")).unwrap();
    assert_eq!(value, Err("mine"));
    assert_eq!(flavour.execute(&runtime, || Some(1)).unwrap(), Some(1));
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn e1_execute_before_the_start_and_after_the_end_is_an_error<F: AnyFlavour>(flavour: F) {
    let runtime = runtime();
    let error = flavour.execute(&runtime, || ()).unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::NotRunning);
    assert!(error.to_string().contains("not running"), "{error}");
    let error = block_on(flavour.call(&runtime, || ())).unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::NotRunning);
    runtime.start().unwrap();
    flavour.execute(&runtime, || ()).unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
    let error = flavour.execute(&runtime, || ()).unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::Stopping);
    assert_eq!(error.flavour(), F::NAME);
}

fn panic_of<R>(code: impl FnOnce() -> R) -> Option<&'static str> {
    let panic = catch_unwind(AssertUnwindSafe(code)).err()?;
    panic.downcast_ref::<&'static str>().copied()
}

fn e2_a_panic_goes_on_in_the_caller_and_the_runtime_goes_on<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let panic = panic_of(|| flavour.execute(&runtime, || -> () { panic!("mine") }));
    assert_eq!(panic, Some("mine"));
    assert_eq!(flavour.execute(&runtime, || 1).unwrap(), 1);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn e3_execute_on_threads_runs_on_the_callers_thread() {
    let runtime = started();
    let here = thread::current().id();
    assert_eq!(
        runtime
            .execute(Thread, move || thread::current().id())
            .unwrap(),
        here
    );
    // Also from a thread of the flavour itself, and from a coroutine.
    let inner = runtime.clone();
    let same = runtime.call(Thread, move || {
        let here = thread::current().id();
        inner
            .execute(Thread, move || thread::current().id())
            .unwrap()
            == here
    });
    assert!(block_on(same).unwrap());
    let inner = runtime.clone();
    let same = runtime.execute(Smol, move || async move {
        let here = thread::current().id();
        inner
            .execute(Thread, move || thread::current().id())
            .unwrap()
            == here
    });
    assert!(same.unwrap());
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn e5_a_blocked_caller_is_let_go_when_its_payload_is_cancelled<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let polled = Event::new();
    let (inner, is_polled) = (runtime.clone(), polled.clone());
    let caller = thread::spawn(move || {
        inner.execute(flavour, move || async move {
            is_polled.happen();
            pending::<()>().await;
        })
    });
    polled.expect("the payload runs");
    runtime.shutdown();
    runtime.wait().unwrap();
    let error = caller.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::Cancelled);
    assert!(error.to_string().contains("cancelled"), "{error}");
}

/// A runtime with little patience whose flavour is stuck until the event.
fn stuck<F: AsyncFlavour>(flavour: F) -> (foster::Runtime, Event) {
    let runtime = builder()
        .grace(Duration::from_millis(20))
        .cancel_timeout(Duration::from_millis(50))
        .build();
    runtime.start().unwrap();
    let (blocked, go) = (Event::new(), Event::new());
    let (is_blocked, its_go) = (blocked.clone(), go.clone());
    runtime
        .named("stuck")
        .adopt(flavour, move || async move {
            is_blocked.happen();
            block_until(&its_go);
        })
        .unwrap();
    blocked.expect("the flavour is blocked");
    (runtime, go)
}

fn e5_a_blocked_caller_is_let_go_when_the_flavour_is_stuck<F: AsyncFlavour>(flavour: F) {
    let (runtime, go) = stuck(flavour);
    let inner = runtime.clone();
    let caller = thread::spawn(move || inner.execute(flavour, || async {}));
    runtime.shutdown();
    runtime.wait().unwrap_err();
    let kind = caller.join().unwrap().unwrap_err().kind();
    // Refused if the stop came first, let go if not; either way it does not hang.
    assert!(matches!(
        kind,
        ExecuteErrorKind::Cancelled | ExecuteErrorKind::Stopping
    ));
    go.happen();
}

fn e6_a_call_is_let_go_when_the_flavour_is_stuck<F: AsyncFlavour>(flavour: F) {
    let (runtime, go) = stuck(flavour);
    let mut call = pin!(runtime.call(flavour, || async {}));
    assert!(poll_once(call.as_mut()).is_pending());
    runtime.shutdown();
    runtime.wait().unwrap_err();
    assert_eq!(
        block_on(call).unwrap_err().kind(),
        ExecuteErrorKind::Cancelled
    );
    go.happen();
}

fn poll_once<T: Send>(call: std::pin::Pin<&mut Call<T>>) -> Poll<Result<T, foster::ExecuteError>> {
    call.poll(&mut Context::from_waker(Waker::noop()))
}

fn e6_call_yields_the_value_wherever_it_is_awaited<F: AnyFlavour>(flavour: F) {
    fn is_send<T: Send + 'static>(value: T) -> T {
        value
    }
    let runtime = started();
    assert_eq!(block_on(is_send(flavour.call(&runtime, || 1))).unwrap(), 1);
    let call = flavour.call(&runtime, || 2);
    assert_eq!(runtime.execute(Smol, move || call).unwrap().unwrap(), 2);
    let call = flavour.call(&runtime, || 3);
    assert_eq!(runtime.execute(Tokio, move || call).unwrap().unwrap(), 3);
    // From the very flavour, where an execute would deadlock.
    let inner = runtime.clone();
    let value = flavour.call(&runtime, move || flavour.call(&inner, || 4));
    assert_eq!(block_on(async { value.await.unwrap().await }).unwrap(), 4);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn e6_call_does_nothing_before_its_first_poll<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let ran = Event::new();
    let call = flavour.call(&runtime, {
        let ran = ran.clone();
        move || ran.happen()
    });
    flavour.execute(&runtime, || ()).unwrap();
    assert!(!ran.has_happened());
    block_on(call).unwrap();
    assert!(ran.has_happened());
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn e6_a_panic_goes_on_in_whoever_polls_the_call<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let call = flavour.call(&runtime, || -> () { panic!("called") });
    assert_eq!(panic_of(|| block_on(call)), Some("called"));
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn e6_a_panic_without_a_caller_is_a_failure<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let (begun, go) = (Event::new(), Event::new());
    let (has_begun, its_go) = (begun.clone(), go.clone());
    let mut call = Box::pin(flavour.call(&runtime, move || -> () {
        has_begun.happen();
        block_until(&its_go);
        panic!("unheard");
    }));
    assert!(poll_once(call.as_mut()).is_pending());
    begun.expect("the payload runs");
    drop(call);
    go.happen();
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.failures()[0].kind(), FailureKind::Panic);
    assert_eq!(error.failures()[0].message(), "unheard");
}

/// Tells when the waker was woken.
struct Wakes(Event);

impl std::task::Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.happen();
    }
}

fn e6_a_panic_that_the_caller_did_not_take_is_a_failure<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let (go, over) = (Event::new(), Event::new());
    let its_go = go.clone();
    let mut call = Box::pin(flavour.call(&runtime, move || -> () {
        block_until(&its_go);
        panic!("untaken")
    }));
    let waker = Arc::new(Wakes(over.clone())).into();
    assert!(
        call.as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    go.happen();
    over.expect("the call is ready, its panic lies there to be taken");
    drop(call);
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.failures()[0].message(), "untaken");
}

/// A call may move from one task to another while it is under way.
fn e6_a_call_wakes_whoever_polled_it_last<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let go = Event::new();
    let its_go = go.clone();
    let mut call = Box::pin(flavour.call(&runtime, move || {
        block_until(&its_go);
        5
    }));
    let wakes = [Event::new(), Event::new()];
    for event in &wakes {
        let waker = Arc::new(Wakes(event.clone())).into();
        let polled = call.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
    }
    go.happen();
    wakes[1].expect("whoever polled it last is woken");
    assert_eq!(block_on(call).unwrap(), 5);
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// A waker that must not take Foster down with it.
struct Panics;

impl std::task::Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a waker's own panic");
    }
}

fn e6_a_waker_that_panics_stops_nobody<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let waker = Arc::new(Panics).into();
    let mut call = Box::pin(runtime.call(flavour, pending::<()>));
    assert!(
        call.as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    let mut ends = Box::pin(runtime.call(flavour, || async {}));
    let _ = ends.as_mut().poll(&mut Context::from_waker(&waker));
    assert_eq!(runtime.execute(flavour, || async { 1 }).unwrap(), 1);
    runtime.shutdown();
    runtime.wait().unwrap();
    assert!(block_on(call).is_err());
}

fn e6_dropping_a_call_cancels_the_coroutine<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let (polled, dropped) = (Event::new(), Event::new());
    let (is_polled, is_dropped) = (polled.clone(), dropped.clone());
    let mut call = Box::pin(runtime.call(flavour, move || async move {
        let _on_drop = OnDrop(move || is_dropped.happen());
        is_polled.happen();
        pending::<()>().await;
    }));
    assert!(poll_once(call.as_mut()).is_pending());
    polled.expect("the payload runs");
    assert!(!dropped.has_happened());
    drop(call);
    dropped.expect("the payload is dropped, while all others go on");
    assert_eq!(runtime.execute(flavour, || async { 1 }).unwrap(), 1);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn e6_a_dropped_call_that_never_started_does_not_run<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let (blocked, go, ran) = (Event::new(), Event::new(), Event::new());
    let (is_blocked, its_go, has_run) = (blocked.clone(), go.clone(), ran.clone());
    runtime
        .adopt(flavour, move || async move {
            is_blocked.happen();
            block_until(&its_go);
        })
        .unwrap();
    blocked.expect("the flavour is blocked");
    let mut call = Box::pin(runtime.call(flavour, move || async move { has_run.happen() }));
    assert!(poll_once(call.as_mut()).is_pending());
    drop(call);
    go.happen();
    runtime.execute(flavour, || async {}).unwrap();
    assert!(!ran.has_happened());
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn e6_a_running_subroutine_finishes_without_its_caller() {
    let runtime = started();
    let (begun, go, finished, dropped) = (Event::new(), Event::new(), Event::new(), Event::new());
    let (has_begun, its_go, is_finished) = (begun.clone(), go.clone(), finished.clone());
    let its_dropped = dropped.clone();
    let mut call = Box::pin(runtime.call(Thread, move || {
        has_begun.happen();
        block_until(&its_go);
        is_finished.happen();
        OnDrop(move || its_dropped.happen())
    }));
    assert!(
        call.as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    );
    begun.expect("the subroutine runs");
    drop(call);
    go.happen();
    finished.expect("the subroutine finishes");
    dropped.expect("its value is dropped");
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// Holds the grace time of `runtime` open until the event that it returns.
fn hold_open(runtime: &foster::Runtime) -> Event {
    let (held, go) = (Event::new(), Event::new());
    let (is_held, its_go) = (held.clone(), go.clone());
    let holder = move || {
        let _token = Shutdown::current();
        is_held.happen();
        block_until(&its_go);
    };
    runtime.named("holder").adopt(Thread, holder).unwrap();
    held.expect("the grace time is held open");
    go
}

fn l7_while_stopping_executes_and_calls_are_taken_from_anywhere<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let go = hold_open(&runtime);
    runtime.shutdown();
    // Not one of them comes from a payload, nor is the flavour started already.
    for _ in 0..64 {
        assert_eq!(flavour.execute(&runtime, || 1).unwrap(), 1);
        assert_eq!(block_on(flavour.call(&runtime, || 2)).unwrap(), 2);
    }
    let error = flavour.adopt(&runtime, || ()).unwrap_err();
    assert_eq!(error.kind(), foster::AdoptErrorKind::Stopping);
    go.happen();
    runtime.wait().unwrap();
    let error = flavour.execute(&runtime, || ()).unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::Stopping);
    let error = block_on(flavour.call(&runtime, || ())).unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::Stopping);
}

fn l7_where_nothing_was_started_executes_and_calls_are_refused<F: AnyFlavour>(flavour: F) {
    let runtime = runtime();
    runtime.shutdown();
    let error = flavour.execute(&runtime, || ()).unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::Stopping);
    let error = block_on(flavour.call(&runtime, || ())).unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::Stopping);
    runtime.run().unwrap();
}

fn l7_a_late_call_with_a_token_is_waited_for<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let go = hold_open(&runtime);
    runtime.shutdown();
    let (held, on) = (Event::new(), Event::new());
    let (is_held, goes_on) = (held.clone(), on.clone());
    let call = flavour.call(&runtime, move || {
        let _token = Shutdown::current();
        is_held.happen();
        block_until(&goes_on);
        3
    });
    let caller = thread::spawn(move || block_on(call));
    held.expect("the late call holds a token");
    let (over, waiter) = wait_apart(runtime);
    go.happen();
    assert!(!over.happens_within(Duration::from_millis(100)));
    on.happen();
    assert_eq!(caller.join().unwrap().unwrap(), 3);
    waiter.join().unwrap().unwrap();
}

fn l7_a_stream_of_calls_does_not_hold_the_stop_open<F: AnyFlavour>(flavour: F) {
    let runtime = builder().grace(Duration::from_secs(3_600)).build();
    runtime.start().unwrap();
    let go = hold_open(&runtime);
    runtime.shutdown();
    // So many that at any moment some are under way, and some have not begun where they come in turn.
    let callers: Vec<_> = (0..16)
        .map(|number| {
            // All different, so that they do not end together.
            let time = Duration::from_millis(4 + number);
            let (runtime, called) = (runtime.clone(), Event::new());
            let has_called = called.clone();
            let caller = thread::spawn(move || {
                loop {
                    let takes_time = move || thread::sleep(time);
                    match block_on(flavour.call(&runtime, takes_time)) {
                        Ok(()) => has_called.happen(),
                        Err(error) => return error.kind(),
                    }
                }
            });
            (caller, called)
        })
        .collect();
    for (_, called) in &callers {
        called.expect("all of them call");
    }
    let (over, waiter) = wait_apart(runtime);
    go.happen();
    over.expect("the stop comes to its end");
    waiter.join().unwrap().unwrap();
    for (caller, _) in callers {
        let kind = caller.join().unwrap();
        let kinds = [ExecuteErrorKind::Stopping, ExecuteErrorKind::Cancelled];
        assert!(kinds.contains(&kind), "{kind:?}");
    }
}
