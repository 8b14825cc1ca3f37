//! Signals that are borrowed and given back, in real child processes. Row S4.
//!
//! Each child is this very test program, told by a variable which scenario to play. What a signal does without
//! Foster is seen from outside: it ends the process, or a handler of the application's takes it.
#![forbid(unsafe_code)]

mod common;

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use common::child::{Played, Playing, be_child, play, say_ready, spawn};
use common::{Event, SOON};
use foster::{Runtime, Shutdown, Signals, Smol, Thread, Tokio};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};

once!(
    s4_what_a_signal_does_is_given_back,
    s4_a_handler_from_before_goes_on_after,
    s4_a_handler_from_after_the_end_is_the_only_one,
    s4_a_handler_from_while_a_runtime_runs_goes_on,
    s4_a_handler_that_replaced_ours_goes_on,
    s4_a_signal_ignored_while_a_runtime_runs_stays_ignored,
    s4_the_last_of_two_runtimes_gives_signals_back,
    s4_another_copy_of_the_crate_is_asked_and_gives_back,
    s4_a_forked_child_runs_a_runtime_of_its_own,
    s4_a_forked_child_without_a_runtime_dies_of_a_signal,
    s4_process_one_ends_in_order_and_goes_on,
    s4_signals_that_are_left_are_never_touched,
);

/// The child's side.
#[test]
fn as_child() {
    be_child(|scenario| match scenario {
        "again and again" => again_and_again(),
        "before" => before(),
        "after: signal-hook" => after(signal_hook_handler, Signals::Listen),
        "after: tokio" => after(tokio_handler, Signals::Listen),
        "after: ctrlc" => after(ctrlc_handler, Signals::Listen),
        "left: signal-hook" => after(signal_hook_handler, Signals::Leave),
        "left: tokio" => after(tokio_handler, Signals::Leave),
        "left: ctrlc" => after(ctrlc_handler, Signals::Leave),
        "meanwhile: signal-hook" => meanwhile(signal_hook_handler),
        "meanwhile: tokio" => meanwhile(tokio_handler),
        "replaced" => replaced(),
        "ignored meanwhile" => ignored_meanwhile(),
        "overlapping" => overlapping(),
        "copies: one after the other" => copies("oO cC oO"),
        "copies: the first ends first" => copies("oc OC oc OC"),
        "copies: the last ends first" => copies("oc CO oc CO"),
        "copies: in turn" => copies("oc Oo Cc Oo CO"),
        "copies: ours in a child" => copies("oc f"),
        "fork while a runtime runs: run" => fork(true, true),
        "fork while a runtime runs: none" => fork(true, false),
        "fork after the end: run" => fork(false, true),
        "fork after the end: none" => fork(false, false),
        "init" => init(),
        "left alone" => left_alone(),
        other => panic!("no scenario `{other}`"),
    });
}

fn raise(signal: i32) {
    // The handler has run when this returns: it is this thread's own signal.
    signal_hook::low_level::raise(signal).expect("a signal that exists");
}

/// The kernel's account of what this thread ignores, catches and holds back: a line each.
fn dispositions() -> Vec<String> {
    let status = std::fs::read_to_string("/proc/thread-self/status").expect("tests run on Linux");
    let lines = status.lines().map(str::to_owned);
    lines
        .filter(|line| {
            ["SigBlk", "SigIgn", "SigCgt"]
                .iter()
                .any(|key| line.starts_with(key))
        })
        .collect()
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd")
        .expect("tests run on Linux")
        .count()
}

/// Has a runtime run until a signal ends it.
fn run_until_signal(signal: i32) -> Played {
    let runtime = Runtime::new();
    let asked = Event::new();
    let is_asked = asked.clone();
    let started = Event::new();
    let is_started = started.clone();
    runtime.adopt(Thread, move || {
        let token = Shutdown::current();
        is_started.happen();
        if token.wait_timeout(SOON) {
            is_asked.happen();
        }
    })?;
    runtime.start()?;
    started.expect("the payload runs");
    raise(signal);
    runtime.wait()?;
    assert!(
        asked.has_happened(),
        "signal {signal} has ended the runtime"
    );
    Ok(())
}

/// How often a handler of the application's has been called.
#[derive(Clone, Default)]
struct Calls(Arc<AtomicUsize>);

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
fn signal_hook_handler() -> Calls {
    let calls = Calls::default();
    let mut signals = signal_hook::iterator::Signals::new([SIGTERM, SIGINT, SIGHUP]).unwrap();
    let counts = calls.clone();
    std::thread::spawn(move || signals.forever().for_each(|_| counts.count()));
    calls
}

/// The same of tokio's, on a runtime of the application's own.
fn tokio_handler() -> Calls {
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
fn ctrlc_handler() -> Calls {
    let calls = Calls::default();
    let counts = calls.clone();
    ctrlc::set_handler(move || counts.count()).unwrap();
    calls
}

/// The kernel lists a thread for a moment after it was joined.
fn wait_for_no_thread() {
    while common::threads_named("foster signals") > 0 {
        std::thread::yield_now();
    }
}

fn again_and_again() -> Played {
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

fn before() -> Played {
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
fn after(handler: fn() -> Calls, signals: Signals) -> Played {
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
fn meanwhile(handler: fn() -> Calls) -> Played {
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
fn replaced() -> Played {
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
fn ignored_meanwhile() -> Played {
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

fn overlapping() -> Played {
    let before = dispositions();
    let (first, second) = (Runtime::new(), Runtime::new());
    first.start()?;
    let installed = dispositions();
    assert_ne!(before, installed);
    second.start()?;
    first.shutdown();
    first.wait()?;
    assert_eq!(installed, dispositions(), "the second still listens");
    raise(SIGTERM);
    second.wait()?;
    assert_eq!(before, dispositions());
    say_ready();
    std::thread::sleep(SOON);
    Ok(())
}

/// Plays with a runtime of this copy of the crate (`o`, for ours) and one of another (`c`): a small letter
/// starts one, a great one has it end, by a signal if it is the only one that runs; `f` forks a child.
fn copies(steps: &str) -> Played {
    let (mut ours, mut copy) = (None, None);
    for step in steps.chars() {
        match step {
            'o' => ours.insert(Runtime::new()).start()?,
            'c' => {
                let runtime = copy.insert(foster_models::Runtime::new());
                runtime.start().expect("the copy starts");
            }
            'O' => {
                let ours = ours.take().expect("ours runs");
                match copy.is_some() {
                    true => ours.shutdown(),
                    false => raise(SIGTERM),
                }
                ours.wait()?;
            }
            'C' => {
                let copy = copy.take().expect("the copy runs");
                match ours.is_some() {
                    true => copy.shutdown(),
                    false => raise(SIGTERM),
                }
                copy.wait().expect("the copy ends");
            }
            'f' => {
                fork_and_die();
                // Both are asked, as they would be one by one.
                raise(SIGTERM);
                ours.take().expect("ours runs").wait()?;
                copy.take().expect("the copy runs").wait().expect("it ends");
            }
            _ => {}
        }
    }
    // And once more both at once, which both are asked.
    let (ours, copy) = (Runtime::new(), foster_models::Runtime::new());
    ours.start()?;
    copy.start().expect("the copy starts");
    raise(SIGTERM);
    ours.wait()?;
    copy.wait().expect("the copy ends");
    say_ready();
    std::thread::sleep(SOON);
    Ok(())
}

/// Forks a child without a runtime, and has it die of a signal.
fn fork_and_die() {
    match fork::fork().expect("a process can be had") {
        fork::Fork::Child => {
            raise(SIGTERM);
            // It should not come here.
            std::process::exit(99);
        }
        fork::Fork::Parent(child) => {
            let status = fork::waitpid(child).expect("it is our child");
            assert_eq!(status & 0x7f, SIGTERM, "{status:#x}");
        }
    }
}

fn fork(is_running: bool, runs: bool) -> Played {
    let runtime = Runtime::new();
    runtime.start()?;
    if !is_running {
        raise(SIGTERM);
        runtime.wait()?;
    }
    match fork::fork().expect("a process can be had") {
        fork::Fork::Child => {
            if runs {
                let runtime = Runtime::new();
                runtime.adopt(Tokio, || async {
                    let token = Shutdown::current();
                    println!("forked {}", std::process::id());
                    token.requested().await;
                    println!("the child is asked");
                })?;
                runtime.run()?;
                println!("over {}", std::process::id());
            } else {
                println!("forked {}", std::process::id());
            }
            std::thread::sleep(SOON);
            std::process::exit(99);
        }
        fork::Fork::Parent(child) => {
            let status = fork::waitpid(child).expect("it is our child");
            println!("signal {}", status & 0x7f);
        }
    }
    if is_running {
        // What the child had is not its parent's.
        raise(SIGTERM);
        runtime.wait()?;
    }
    Ok(())
}

fn init() -> Played {
    assert_eq!(std::process::id(), 1);
    let runtime = Runtime::new();
    runtime.adopt(Smol, || async {
        let token = Shutdown::current();
        say_ready();
        token.requested().await;
        println!("asked");
    })?;
    runtime.run()?;
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        // Does nothing to process 1 by default.
        raise(signal);
    }
    let mut signals = signal_hook::iterator::Signals::new([SIGUSR1]).unwrap();
    println!("over");
    signals.forever().next();
    Ok(())
}

fn left_alone() -> Played {
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

#[track_caller]
fn ends_well(scenario: &str) {
    let (status, stdout, stderr) = play(scenario).end();
    assert_eq!(status.code(), Some(0), "{scenario}: {stdout}\n{stderr}");
    assert!(stdout.contains("ended"), "{scenario}: {stdout}");
}

/// It has come to where no runtime runs, and dies of a signal.
#[track_caller]
fn dies(mut child: Playing, name: &str, number: i32) {
    child.ready();
    child.signal(name);
    let (status, _, stderr) = child.end();
    assert_eq!(status.signal(), Some(number), "{name}: {stderr}");
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

fn s4_the_last_of_two_runtimes_gives_signals_back() {
    dies(play("overlapping"), "TERM", SIGTERM);
}

fn s4_another_copy_of_the_crate_is_asked_and_gives_back() {
    for how in [
        "one after the other",
        "the first ends first",
        "the last ends first",
        "in turn",
        "ours in a child",
    ] {
        dies(play(&format!("copies: {how}")), "TERM", SIGTERM);
    }
}

fn s4_a_forked_child_runs_a_runtime_of_its_own() {
    for when in ["while a runtime runs", "after the end"] {
        let mut child = play(&format!("fork {when}: run"));
        child.ready_as("forked ");
        child.signal("TERM");
        child.line_after("the child is asked");
        child.line_after("over ");
        // Now it has none, and dies of it.
        child.signal("TERM");
        assert_eq!(child.line_after("signal "), "15", "{when}");
        let (status, stdout, stderr) = child.end();
        assert_eq!(status.code(), Some(0), "{when}: {stdout}\n{stderr}");
    }
}

fn s4_a_forked_child_without_a_runtime_dies_of_a_signal() {
    for when in ["while a runtime runs", "after the end"] {
        let mut child = play(&format!("fork {when}: none"));
        child.ready_as("forked ");
        child.signal("TERM");
        assert_eq!(child.line_after("signal "), "15", "{when}");
        let (status, stdout, stderr) = child.end();
        assert_eq!(status.code(), Some(0), "{when}: {stdout}\n{stderr}");
    }
}

fn s4_process_one_ends_in_order_and_goes_on() {
    let namespace = ["-pf", "--mount-proc"];
    let can = Command::new("unshare").args(namespace).arg("true").output();
    if !can.is_ok_and(|can| can.status.success()) {
        println!("SKIPPED: this test may not make a process 1 (`unshare -pf --mount-proc`)");
        return;
    }
    let mut command = Command::new("unshare");
    command
        .args(namespace)
        .arg(std::env::current_exe().unwrap());
    command.args(["as_child", "--exact", "--nocapture", "--test-threads=1"]);
    let mut child = spawn(command, "init");
    child.line_after("ready 1");
    child.target_is_child();
    child.signal("TERM");
    child.line_after("asked");
    child.line_after("over");
    child.signal("TERM");
    child.signal("USR1");
    let (status, stdout, stderr) = child.end();
    assert_eq!(status.code(), Some(0), "{stdout}\n{stderr}");
    assert!(stdout.contains("ended"), "{stdout}");
}

fn s4_signals_that_are_left_are_never_touched() {
    ends_well("left alone");
}
