//! A closure at the end.

use super::*;

on_every_flavour!(
    s6_on_request_runs_once_on_the_thread_that_asks,
    s6_on_request_runs_at_the_payloads_end,
    s6_on_request_runs_at_once_if_the_end_is_requested,
    s6_a_dropped_on_request_runs_nothing_and_leaves_nothing,
    s6_on_request_of_a_service_runs_on_none_of_fosters_threads,
    s6_a_failure_runs_on_request_on_none_of_fosters_threads,
);

once!(
    s6_on_request_may_drop_itself,
    s6_an_on_request_that_panics_or_hangs_leaves_no_other_asleep,
    s6_on_request_meets_the_end,
    #[cfg(unix)]
    s6_a_signal_runs_on_request_on_none_of_fosters_threads,
);

#[cfg(unix)]
fn s6_a_signal_runs_on_request_on_none_of_fosters_threads() {
    let mut child = common::child::play("signalled");
    child.ready();
    child.signal("TERM");
    let (status, stdout, stderr) = child.end();
    assert!(status.success(), "{stderr}");
    assert_is_none_of_fosters(&stdout);
    assert!(stdout.contains("on foster waker"), "{stdout}");
}

/// The name of this thread.
pub(crate) fn here() -> String {
    let thread = thread::current();
    thread.name().unwrap_or("nameless").to_owned()
}

fn s6_on_request_runs_once_on_the_thread_that_asks<F: AnyFlavour>(flavour: F) {
    let (runtime, log) = (started(), Log::new());
    let (token, go) = alive(&runtime, flavour);
    let writes = log.clone();
    let on_request = token.on_request(move || writes.write(thread::current().id()));
    assert!(log.read().is_empty());
    runtime.shutdown();
    assert_eq!(log.read(), [thread::current().id()]);
    go.happen();
    runtime.wait().unwrap();
    drop(on_request);
    assert_eq!(log.read().len(), 1);
}

fn s6_on_request_runs_at_the_payloads_end<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let (token, go) = alive(&runtime, flavour);
    let ran = Event::new();
    let runs = ran.clone();
    let _on_request = token.on_request(move || runs.happen());
    assert!(!ran.has_happened());
    go.happen();
    ran.expect("its payload is over");
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn s6_on_request_runs_at_once_if_the_end_is_requested<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let (token, go) = alive(&runtime, flavour);
    runtime.shutdown();
    let ran = Event::new();
    let runs = ran.clone();
    let _on_request = token.on_request(move || runs.happen());
    assert!(ran.has_happened());
    let panic = catch_unwind(AssertUnwindSafe(|| token.on_request(|| panic!("mine"))));
    assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"mine"));
    go.happen();
    runtime.wait().unwrap();
}

fn s6_a_dropped_on_request_runs_nothing_and_leaves_nothing<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let (token, go) = alive(&runtime, flavour);
    let ran = Arc::new(AtomicUsize::new(0));
    for _ in 0..1_000 {
        drop(token.on_request(counts(&ran)));
        assert_eq!(Arc::strong_count(&ran), 1);
    }
    runtime.shutdown();
    go.happen();
    runtime.wait().unwrap();
    assert_eq!(ran.load(SeqCst), 0);
}

#[track_caller]
fn assert_is_none_of_fosters(thread: &str) {
    for part in ["runner", "supervisor", "signal", "starter", "teller"] {
        assert!(!thread.contains(part), "{thread}");
    }
}

fn s6_on_request_of_a_service_runs_on_none_of_fosters_threads<F: Host>(flavour: F) {
    for stops_alone in [true, false] {
        let (runtime, log, waits) = (started(), Log::new(), Event::new());
        let (writes, waiting) = (log.clone(), waits.clone());
        let run = move || {
            let (writes, waiting) = (writes.clone(), waiting.clone());
            async move {
                let token = Shutdown::current();
                // Kept for ever, as the run may end before the thread for wakers comes to it.
                std::mem::forget(token.on_request(move || writes.write(here())));
                // Whatever else happens to the service is not the end.
                yield_now().await;
                waiting.happen();
                token.requested().await;
            }
        };
        let unit = flavour.serve(runtime.unit().name("first"), run).unwrap();
        let after = runtime.unit().after("first");
        let last = flavour.serve(after, until_asked).unwrap();
        waits.expect("it waits");
        assert!(unit.wait_ready(SOON) && last.wait_ready(SOON));
        assert!(log.read().is_empty());
        match stops_alone {
            true => unit.stop(),
            // Its turn comes when the other one has ended.
            false => runtime.shutdown(),
        }
        assert!(unit.wait_stopped(SOON));
        runtime.shutdown();
        runtime.wait().unwrap();
        expect("it runs", || !log.read().is_empty());
        let threads = log.read();
        assert_eq!(threads.len(), 1);
        assert_is_none_of_fosters(&threads[0]);
    }
}

fn s6_a_failure_runs_on_request_on_none_of_fosters_threads<F: AnyFlavour>(flavour: F) {
    let (runtime, log) = (started(), Log::new());
    // On a thread, as the other payload must have one too.
    let (token, go) = alive(&runtime, Thread);
    let writes = log.clone();
    let _on_request = token.on_request(move || {
        writes.write(here());
        go.happen();
    });
    flavour.adopt(&runtime, || Err::<(), _>("fails")).unwrap();
    runtime.wait().unwrap_err();
    let threads = log.read();
    assert_eq!(threads.len(), 1);
    assert_is_none_of_fosters(&threads[0]);
}

fn s6_on_request_may_drop_itself() {
    fn _is_send_and_sync<T: Send + Sync>() {}
    _is_send_and_sync::<(foster::OnRequest, foster::UntilRequested<u32>)>();
    let runtime = started();
    let (token, go) = alive(&runtime, Thread);
    let (kept, ran) = (Arc::new(Mutex::new(None)), Event::new());
    let (its_own, runs) = (Arc::clone(&kept), ran.clone());
    *kept.lock().unwrap() = Some(token.on_request(move || {
        drop(its_own.lock().unwrap().take());
        runs.happen();
    }));
    runtime.shutdown();
    assert!(ran.has_happened());
    go.happen();
    runtime.wait().unwrap();
}

fn s6_an_on_request_that_panics_or_hangs_leaves_no_other_asleep() {
    let runtime = started();
    let (token, go) = alive(&runtime, Thread);
    let (hangs, goes_on, ran) = (Event::new(), Event::new(), Event::new());
    let _panics = token.on_request(|| panic!("nobody's business"));
    let runs = ran.clone();
    let _runs = token.on_request(move || runs.happen());
    let (hanging, go_on) = (hangs.clone(), goes_on.clone());
    let _hangs = token.on_request(move || {
        hanging.happen();
        block_until(&go_on);
    });
    let asked = runtime.clone();
    let asks = thread::spawn(move || asked.shutdown());
    hangs.expect("it has begun");
    assert!(ran.has_happened() && token.wait_timeout(SOON));
    go.happen();
    runtime.wait().unwrap();
    goes_on.happen();
    asks.join().unwrap();
}

/// The closure is given while its payload ends, and while others are dropped: it runs once, or not at all.
fn s6_on_request_meets_the_end() {
    let runtime = started();
    for _ in 0..500 {
        let (token, go) = alive(&runtime, Thread);
        let (ran, unwanted) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let end = thread::spawn(move || go.happen());
        let on_request = token.on_request(counts(&ran));
        drop(token.on_request(counts(&unwanted)));
        assert!(token.wait_timeout(SOON));
        expect("it runs", || ran.load(SeqCst) == 1);
        drop(on_request);
        assert!(unwanted.load(SeqCst) <= 1);
        end.join().unwrap();
        expect("both are gone", || {
            Arc::strong_count(&ran) + Arc::strong_count(&unwanted) == 2
        });
    }
    runtime.shutdown();
    runtime.wait().unwrap();
}
