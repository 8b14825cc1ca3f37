//! Signals that are borrowed and given back, in real child processes. Row S4.
//!
//! Each child is this very test program, told by a variable which scenario to play. What a signal does without
//! Foster is seen from outside: it ends the process, or a handler of the application's takes it. What a process ignores,
//! catches and holds back, and its descriptors and threads, `/proc` says.
#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]

#[path = "../common/mod.rs"]
mod common;
mod copies;
mod handlers;

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use common::child::{Played, Playing, be_child, play, say_ready, spawn};
use common::{Event, SOON};
use foster::{Runtime, Shutdown, Signals, Smol, Thread, Tokio};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};

/// The child's side.
#[test]
fn as_child() {
    be_child(|scenario| match scenario {
        "again and again" => handlers::again_and_again(),
        "before" => handlers::before(),
        "after: signal-hook" => handlers::after(handlers::signal_hook_handler, Signals::Listen),
        "after: tokio" => handlers::after(handlers::tokio_handler, Signals::Listen),
        "after: ctrlc" => handlers::after(handlers::ctrlc_handler, Signals::Listen),
        "left: signal-hook" => handlers::after(handlers::signal_hook_handler, Signals::Leave),
        "left: tokio" => handlers::after(handlers::tokio_handler, Signals::Leave),
        "left: ctrlc" => handlers::after(handlers::ctrlc_handler, Signals::Leave),
        "meanwhile: signal-hook" => handlers::meanwhile(handlers::signal_hook_handler),
        "meanwhile: tokio" => handlers::meanwhile(handlers::tokio_handler),
        "replaced" => handlers::replaced(),
        "ignored meanwhile" => handlers::ignored_meanwhile(),
        "overlapping" => copies::overlapping(),
        "copies: one after the other" => copies::copies("oO cC oO"),
        "copies: the first ends first" => copies::copies("oc OC oc OC"),
        "copies: the last ends first" => copies::copies("oc CO oc CO"),
        "copies: in turn" => copies::copies("oc Oo Cc Oo CO"),
        "copies: ours in a child" => copies::copies("oc f"),
        "fork while a runtime runs: run" => copies::fork(true, true),
        "fork while a runtime runs: none" => copies::fork(true, false),
        "fork after the end: run" => copies::fork(false, true),
        "fork after the end: none" => copies::fork(false, false),
        "init" => copies::init(),
        "left alone" => handlers::left_alone(),
        other => panic!("no scenario `{other}`"),
    });
}

fn raise(signal: i32) {
    // The handler has run when this returns: it is this thread's own signal.
    signal_hook::low_level::raise(signal).expect("a signal that exists");
}

/// The kernel's account of what this thread ignores, catches and holds back: a line each.
fn dispositions() -> Vec<String> {
    let status = std::fs::read_to_string("/proc/thread-self/status").expect("Linux has it");
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
        .expect("Linux has it")
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

/// The kernel lists a thread for a moment after it was joined.
fn wait_for_no_thread() {
    while common::threads_named("foster signals") > 0 {
        std::thread::yield_now();
    }
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
