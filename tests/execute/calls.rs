//! Calls: where they are awaited, dropped, and whom they wake. Row E6.

use super::*;

on_every_flavour!(
    e6_call_yields_the_value_wherever_it_is_awaited,
    e6_call_does_nothing_before_its_first_poll,
    e6_a_panic_goes_on_in_whoever_polls_the_call,
    e6_a_panic_without_a_caller_is_a_failure,
    e6_a_panic_that_the_caller_did_not_take_is_a_failure,
    e6_a_call_wakes_whoever_polled_it_last,
);

on_async_flavours!(
    e6_dropping_a_call_cancels_the_coroutine,
    e6_a_call_is_let_go_when_the_flavour_is_stuck,
    e6_a_dropped_call_that_never_started_does_not_run,
    e6_a_waker_that_panics_stops_nobody,
);

once!(e6_a_running_subroutine_finishes_without_its_caller);

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
