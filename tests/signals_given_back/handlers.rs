//! What a signal did before, and handlers of the application's.

use super::*;

once!(
    s4_what_a_signal_does_is_given_back,
    s4_a_handler_from_before_goes_on_after,
    s4_a_handler_from_after_the_end_is_the_only_one,
    s4_a_handler_from_while_a_runtime_runs_goes_on,
    s4_a_handler_that_replaced_ours_goes_on,
    s4_a_signal_ignored_while_a_runtime_runs_stays_ignored,
    s4_signals_that_are_left_are_never_touched,
);

/// How often a handler of the application's has been called.
#[derive(Clone, Default)]
pub(crate) struct Calls(Arc<AtomicUsize>);

impl Calls {
    fn count(&self) {
        self.0.fetch_add(1, SeqCst);
    }

    /// Raises a signal, which must call the handler once.
    #[track_caller]
    fn grow_by(&self, signal: i32) {
        let before = self.0.load(SeqCst);
        raise(signal);
        self.reach(before + 1);
    }

    #[track_caller]
    fn reach(&self, calls: usize) {
        let deadline = std::time::Instant::now() + SOON;
        while self.0.load(SeqCst) < calls {
            assert!(
                std::time::Instant::now() < deadline,
                "the handler is not called"
            );
            std::thread::yield_now();
        }
    }
}

/// A handler that calls what stood there before, and stays for good.
pub(crate) fn signal_hook_handler() -> Calls {
    let calls = Calls::default();
    let mut signals = signal_hook::iterator::Signals::new([SIGTERM, SIGINT, SIGHUP]).unwrap();
    let counts = calls.clone();
    std::thread::spawn(move || signals.forever().for_each(|_| counts.count()));
    calls
}

/// The same of tokio's, on a runtime of the application's own.
pub(crate) fn tokio_handler() -> Calls {
    use tokio::signal::unix::{SignalKind, signal};
    let calls = Calls::default();
    let counts = calls.clone();
    let (ready, is_ready) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap().block_on(async {
            let mut terminate = signal(SignalKind::terminate()).unwrap();
            ready.send(()).unwrap();
            while terminate.recv().await.is_some() {
                counts.count();
            }
        });
    });
    is_ready.recv().unwrap();
    calls
}

/// A handler that takes the place of what stood there, and does not call it.
pub(crate) fn ctrlc_handler() -> Calls {
    let calls = Calls::default();
    let counts = calls.clone();
    ctrlc::set_handler(move || counts.count()).unwrap();
    calls
}

pub(crate) fn again_and_again() -> Played {
    let before = (dispositions(), descriptors());
    for round in 0..50 {
        let signal = [SIGTERM, SIGINT, SIGHUP][round % 3];
        run_until_signal(signal)?;
        assert_eq!(before.0, dispositions(), "round {round}");
        assert_eq!(before.1, descriptors(), "round {round}");
        wait_for_no_thread();
    }
    say_ready();
    std::thread::sleep(SOON);
    Ok(())
}

pub(crate) fn before() -> Played {
    let calls = signal_hook_handler();
    let before = dispositions();
    for round in 1..=50 {
        run_until_signal(SIGTERM)?;
        calls.reach(2 * round - 1);
        assert_eq!(before, dispositions());
        calls.grow_by(SIGTERM);
    }
    Ok(())
}

/// The application comes to a handler of its own when a runtime has run.
pub(crate) fn after(handler: fn() -> Calls, signals: Signals) -> Played {
    let runtime = Runtime::builder().signals(signals).until_idle().build();
    runtime.adopt(Smol, || async {})?;
    runtime.run()?;
    let calls = handler();
    calls.grow_by(SIGTERM);
    // And again when one has run over it.
    if signals == Signals::Listen {
        run_until_signal(SIGTERM)?;
        calls.reach(2);
    } else {
        let runtime = Runtime::builder().signals(signals).build();
        runtime.start()?;
        calls.grow_by(SIGTERM);
        runtime.shutdown();
        runtime.wait()?;
    }
    calls.grow_by(SIGTERM);
    Ok(())
}

/// The application comes to a handler of its own while a runtime runs, which calls what stood there.
pub(crate) fn meanwhile(handler: fn() -> Calls) -> Played {
    let runtime = Runtime::new();
    runtime.start()?;
    let calls = handler();
    calls.grow_by(SIGTERM);
    // Ended by that.
    runtime.wait()?;
    calls.grow_by(SIGTERM);
    for _ in 0..20 {
        let before = calls.0.load(SeqCst);
        run_until_signal(SIGTERM)?;
        calls.reach(before + 1);
        calls.grow_by(SIGTERM);
    }
    Ok(())
}

/// The same, and it does not call what stood there.
pub(crate) fn replaced() -> Played {
    let runtime = Runtime::new();
    runtime.start()?;
    let calls = ctrlc_handler();
    calls.grow_by(SIGTERM);
    // A runtime that starts later hears of signals, as does the one that runs.
    run_until_signal(SIGTERM)?;
    calls.reach(2);
    runtime.wait()?;
    calls.grow_by(SIGTERM);
    for _ in 0..20 {
        let before = calls.0.load(SeqCst);
        run_until_signal(SIGTERM)?;
        calls.reach(before + 1);
        calls.grow_by(SIGTERM);
    }
    Ok(())
}

/// A shell that ignores a signal for its children is the safe way to `SIG_IGN`.
pub(crate) fn ignored_meanwhile() -> Played {
    let before = dispositions();
    run_until_signal(SIGTERM)?;
    // SIGINT is ignored: no runtime is ended by it.
    let runtime = Runtime::builder().until_idle().build();
    let go_on = Event::new();
    let goes_on = go_on.clone();
    runtime.adopt(Thread, move || {
        let token = Shutdown::current();
        goes_on.expect("the signal came");
        assert!(!token.is_requested());
    })?;
    runtime.start()?;
    assert!(before[1] == dispositions()[1], "still ignored");
    raise(SIGINT);
    go_on.happen();
    runtime.wait()?;
    assert_eq!(before, dispositions());
    raise(SIGINT);
    Ok(())
}

pub(crate) fn left_alone() -> Played {
    // Whatever ran before, and has left its thread.
    run_until_signal(SIGTERM)?;
    wait_for_no_thread();
    let before = dispositions();
    let runtime = Runtime::builder().signals(Signals::Leave).build();
    runtime
        .execute(Thread, || ())
        .expect_err("it does not run yet");
    runtime.start()?;
    runtime.execute(Thread, || ()).expect("it runs");
    assert_eq!(before, dispositions());
    assert_eq!(common::threads_named("foster signals"), 0);
    runtime.shutdown();
    runtime.wait()?;
    assert_eq!(before, dispositions());
    Ok(())
}

fn s4_what_a_signal_does_is_given_back() {
    for (name, number) in [("TERM", SIGTERM), ("INT", SIGINT), ("HUP", SIGHUP)] {
        dies(play("again and again"), name, number);
    }
}

fn s4_a_handler_from_before_goes_on_after() {
    ends_well("before");
}

fn s4_a_handler_from_after_the_end_is_the_only_one() {
    for handler in ["signal-hook", "tokio", "ctrlc"] {
        ends_well(&format!("after: {handler}"));
        ends_well(&format!("left: {handler}"));
    }
}

fn s4_a_handler_from_while_a_runtime_runs_goes_on() {
    ends_well("meanwhile: signal-hook");
    ends_well("meanwhile: tokio");
}

fn s4_a_handler_that_replaced_ours_goes_on() {
    ends_well("replaced");
}

fn s4_a_signal_ignored_while_a_runtime_runs_stays_ignored() {
    let line = r#"trap '' INT; exec "$0" as_child --exact --nocapture --test-threads=1"#;
    let mut child = common::child::play_in_shell(line, "ignored meanwhile");
    let (status, stdout, stderr) = child.end();
    assert_eq!(status.code(), Some(0), "{stdout}\n{stderr}");
}

fn s4_signals_that_are_left_are_never_touched() {
    ends_well("left alone");
}
