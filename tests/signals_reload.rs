//! Signals that are set one by one, sent to real child processes; and the verbs from which an application can rebuild what
//! they do. Rows R8 and R9.

mod common;

use std::future::pending;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use common::child::{Played, be_child, play, say_ready};
use common::reloads::apart;
use common::services::*;
use common::*;
use foster::{
    OnSignal, Reload, RunError, Runtime, Shutdown, Signals, Smol, StragglerReason, Thread, Tokio,
    service,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

once!(
    r8_sighup_may_be_a_reload_and_is_never_counted,
    r8_a_failed_reload_is_told_and_ends_nothing,
    r8_sigterm_right_behind_a_reload_is_the_first,
    r8_sighup_while_the_runtime_stops_does_nothing,
    r8_sighup_without_services_does_nothing,
    r8_each_runtime_has_its_own_settings,
    r8_a_signal_that_is_left_kills_as_ever,
    r8_a_signal_that_nobody_hears_any_more_is_given_back,
    r8_any_signal_may_be_any_of_these,
    s4_signals_at_once_do_no_harm,
    r9_an_application_can_rebuild_all_of_it,
    r9_before_the_stop_there_is_no_grace_time_to_end,
    r9_a_runtime_says_when_a_failure_began_its_stop,
);

on_every_flavour!(r9_the_grace_time_can_be_ended);

/// The child's side.
#[test]
fn as_child() {
    be_child(|scenario| match scenario {
        "reloads" => reloads(Signals::reload_on_hangup()),
        "stuck" => stuck(),
        "no services" => no_services(),
        "two" => two(),
        "left" => reloads(Signals::listen().hangup(OnSignal::Leave)),
        "given back" => given_back(),
        "turned round" => reloads(
            Signals::Leave
                .hangup(OnSignal::End)
                .terminate(OnSignal::Reload),
        ),
        "two reload" => reloads(Signals::reload_on_hangup().terminate(OnSignal::Reload)),
        "rebuilt" => rebuilt(),
        other => panic!("no scenario `{other}`"),
    });
}

/// Prints what it is asked, and fails to do it the third time.
fn serve_reloading(runtime: &Runtime, says: &'static str) -> Result<(), RunError> {
    let run = move || async move {
        let (_token, reload) = (Shutdown::current(), Reload::current());
        println!("{says} takes part");
        let mut times = 0;
        while let Some(request) = reload.requested().await {
            times += 1;
            println!("{says} reloads {times}");
            match times {
                3 => request.failed("on purpose"),
                _ => request.done(),
            }
        }
        println!("{says} is asked to end");
    };
    runtime.unit().name(says).serve(service(Tokio, run))?;
    Ok(())
}

fn reloads(signals: Signals) -> Played {
    let runtime = Runtime::builder().signals(signals).build();
    serve_reloading(&runtime, "one")?;
    runtime.start()?;
    let unit = runtime.unit_named("one").unwrap();
    assert!(unit.wait_ready(SOON));
    say_ready();
    runtime.wait()
}

/// Ends by no less than a third signal that counts. The second one has it say so.
fn stuck() -> Played {
    let hour = Duration::from_secs(3_600);
    let builder = Runtime::builder().signals(Signals::reload_on_hangup());
    let runtime = builder.grace(hour).cancel_timeout(hour).build();
    let run = || async {
        let (token, reload) = (Shutdown::current(), Reload::current());
        say_ready();
        token.requested().await;
        println!("asked");
        let _on_drop = OnDrop(|| {
            println!("cut short");
            block_until(&Event::new());
        });
        let _reload = reload;
        pending::<()>().await;
    };
    runtime.serve(service(Smol, run))?;
    runtime.run()
}

fn no_services() -> Played {
    let builder = Runtime::builder().signals(Signals::reload_on_hangup());
    let runtime = builder.build();
    runtime.adopt(Thread, || {
        let token = Shutdown::current();
        say_ready();
        while !token.wait_timeout(SOON) {}
        println!("asked");
    })?;
    runtime.run()
}

fn two() -> Played {
    let (one, other) = (
        Runtime::builder().signals(Signals::reload_on_hangup()),
        Runtime::builder().signals(Signals::Listen),
    );
    let (one, other) = (one.build(), other.build());
    serve_reloading(&one, "one")?;
    serve_reloading(&other, "other")?;
    one.start()?;
    other.start()?;
    for (runtime, name) in [(&one, "one"), (&other, "other")] {
        assert!(runtime.unit_named(name).unwrap().wait_ready(SOON));
    }
    say_ready();
    other.wait()?;
    println!("other is over");
    one.wait()
}

fn given_back() -> Played {
    let one = Runtime::builder().signals(Signals::reload_on_hangup());
    let other = Runtime::builder().signals(Signals::listen().hangup(OnSignal::Leave));
    let (one, other) = (one.build(), other.build());
    one.start()?;
    other.start()?;
    one.shutdown();
    one.wait()?;
    say_ready();
    other.wait()
}

/// As the runtime would do it, by an application that has the signals to itself.
fn rebuilt() -> Played {
    let runtime = Runtime::builder().signals(Signals::Leave).build();
    serve_reloading(&runtime, "one")?;
    runtime.named("stubborn").adopt(Smol, || async {
        let token = Shutdown::current();
        token.requested().await;
        println!("stubborn is asked");
        let _on_drop = OnDrop(|| {
            println!("cut short");
            block_until(&Event::new());
        });
        pending::<()>().await;
    })?;
    let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM]).unwrap();
    let handle = runtime.clone();
    std::thread::spawn(move || {
        let (mut counted, mut last) = (0, None::<Instant>);
        for signal in signals.forever() {
            let now = Instant::now();
            let is_echo = last.is_some_and(|last| now - last < Duration::from_millis(200));
            if signal == SIGHUP {
                drop(handle.reload());
                continue;
            }
            if is_echo {
                continue;
            }
            last = Some(now);
            counted += 1;
            match counted {
                1 => handle.shutdown(),
                2 => handle.end_grace(),
                _ => std::process::exit(128 + signal),
            }
        }
    });
    runtime.start()?;
    assert!(runtime.unit_named("one").unwrap().wait_ready(SOON));
    say_ready();
    runtime.wait()
}

fn r8_sighup_may_be_a_reload_and_is_never_counted() {
    let mut child = play("reloads");
    child.line_after("one takes part");
    child.ready();
    for times in 1..=2 {
        child.signal("HUP");
        child.line_after(&format!("one reloads {times}"));
    }
    child.signal("TERM");
    child.line_after("one is asked to end");
    let (status, _, stderr) = child.end();
    assert_eq!(status.code(), Some(0), "{stderr}");
}

fn r8_a_failed_reload_is_told_and_ends_nothing() {
    let mut child = play("reloads");
    child.line_after("one takes part");
    child.ready();
    for times in 1..=4 {
        child.signal("HUP");
        child.line_after(&format!("one reloads {times}"));
    }
    child.signal("INT");
    let (status, _, stderr) = child.end();
    assert_eq!(status.code(), Some(0), "{stderr}");
    let lines = stderr
        .lines()
        .filter(|line| line.contains("did not reload"));
    let lines: Vec<_> = lines.collect();
    assert_eq!(lines.len(), 1, "{stderr}");
    assert!(lines[0].contains("service `one` on tokio"), "{stderr}");
    assert!(lines[0].contains("on purpose"), "{stderr}");
}

fn r8_sigterm_right_behind_a_reload_is_the_first() {
    let mut child = play("reloads");
    child.line_after("one takes part");
    child.ready();
    // Were SIGHUP counted, SIGTERM would be an echo of it.
    child.signals(&["HUP", "TERM"]);
    child.line_after("one is asked to end");
    let (status, _, stderr) = child.end();
    assert_eq!(status.code(), Some(0), "{stderr}");
}

fn r8_sighup_while_the_runtime_stops_does_nothing() {
    let mut child = play("stuck");
    child.ready();
    // As by systemd.
    child.signals(&["TERM", "HUP"]);
    child.line_after("asked");
    child.signal("HUP");
    child.signal("HUP");
    // Were one of them counted, this were the third.
    child.signal("TERM");
    child.line_after("cut short");
    child.signal("HUP");
    child.signal("INT");
    let (status, _, stderr) = child.end();
    assert_eq!(status.code(), Some(128 + 2), "{stderr}");
}

fn r8_sighup_without_services_does_nothing() {
    let mut child = play("no services");
    child.ready();
    child.signal("HUP");
    child.signals(&["HUP", "HUP"]);
    child.signal("TERM");
    child.line_after("asked");
    let (status, _, stderr) = child.end();
    assert_eq!(status.code(), Some(0), "{stderr}");
}

fn r8_each_runtime_has_its_own_settings() {
    let mut child = play("two");
    child.ready();
    child.signal("HUP");
    child.line_after("other is over");
    child.signal("HUP");
    child.line_after("one reloads 2");
    child.signal("TERM");
    child.line_after("one is asked to end");
    let (status, _, stderr) = child.end();
    assert_eq!(status.code(), Some(0), "{stderr}");
}

fn r8_a_signal_that_is_left_kills_as_ever() {
    let mut child = play("left");
    child.ready();
    child.signal("HUP");
    let (status, stdout, _) = child.end();
    assert_eq!(status.signal(), Some(SIGHUP), "{stdout}");
    // The others are heard.
    let mut child = play("left");
    child.ready();
    child.signal("TERM");
    let (status, stdout, stderr) = child.end();
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert!(stdout.contains("one is asked to end"), "{stdout}");
}

fn r8_a_signal_that_nobody_hears_any_more_is_given_back() {
    let mut child = play("given back");
    child.ready();
    child.signal("HUP");
    let (status, stdout, _) = child.end();
    assert_eq!(status.signal(), Some(SIGHUP), "{stdout}");
}

fn r8_any_signal_may_be_any_of_these() {
    let mut child = play("turned round");
    child.line_after("one takes part");
    child.ready();
    child.signal("TERM");
    child.line_after("one reloads 1");
    child.signal("HUP");
    child.line_after("one is asked to end");
    let (status, _, stderr) = child.end();
    assert_eq!(status.code(), Some(0), "{stderr}");
    let mut child = play("turned round");
    child.ready();
    child.signal("INT");
    let (status, stdout, _) = child.end();
    assert_eq!(status.signal(), Some(SIGINT), "{stdout}");
}

fn s4_signals_at_once_do_no_harm() {
    let mut child = play("two reload");
    child.line_after("one takes part");
    child.ready();
    // Two handlers at once were more than the alternative stack of a thread has room for.
    child.signal("HUP");
    for _ in 0..3 {
        child.flood(&["TERM", "HUP"]);
    }
    child.signal("INT");
    child.line_after("one is asked to end");
    let (status, _, stderr) = child.end();
    assert_eq!(status.code(), Some(0), "{stderr}");
}

fn r9_an_application_can_rebuild_all_of_it() {
    let mut child = play("rebuilt");
    child.line_after("one takes part");
    child.ready();
    child.signal("HUP");
    child.line_after("one reloads 1");
    child.signals(&["TERM", "INT", "HUP"]);
    child.line_after("stubborn is asked");
    child.signal("TERM");
    child.line_after("cut short");
    child.signal("INT");
    let (status, _, stderr) = child.end();
    assert_eq!(status.code(), Some(128 + 2), "{stderr}");
}

fn r9_the_grace_time_can_be_ended(flavour: impl Host) {
    let (_clock, runtime) = manual();
    let asked = Event::new();
    let is_asked = asked.clone();
    let run = move || {
        let is_asked = is_asked.clone();
        async move {
            let token = Shutdown::current();
            token.requested().await;
            is_asked.happen();
            pending::<()>().await;
        }
    };
    let unit = flavour.serve(runtime.unit().name("hangs"), run).unwrap();
    assert!(unit.wait_ready(SOON));
    runtime.shutdown();
    asked.expect("it is asked");
    // The clock stands still.
    runtime.end_grace();
    let error = runtime.wait().unwrap_err();
    let stragglers: Vec<_> = error.stragglers().iter().collect();
    assert_eq!(stragglers.len(), 1, "{error}");
    assert_eq!(stragglers[0].payload(), Some("hangs"));
    assert_eq!(stragglers[0].reason(), StragglerReason::CutShort);
    // Too late, and harmless.
    runtime.end_grace();
}

fn r9_before_the_stop_there_is_no_grace_time_to_end() {
    let (_clock, runtime) = manual();
    let (holds, dropped) = (Event::new(), Event::new());
    let (go_on, is_held, is_dropped) = (Event::new(), holds.clone(), dropped.clone());
    let goes_on = go_on.clone();
    runtime
        .adopt(Smol, move || async move {
            let _on_drop = OnDrop(|| is_dropped.happen());
            let token = Shutdown::current();
            is_held.happen();
            token.requested().await;
            let over = std::sync::Arc::new(tokio::sync::Notify::new());
            let wake = std::sync::Arc::clone(&over);
            apart(move || {
                goes_on.expect("the test says so");
                wake.notify_one();
            });
            over.notified().await;
        })
        .unwrap();
    holds.expect("it has its token");
    for _ in 0..2 {
        runtime.end_grace();
    }
    runtime.shutdown();
    // It has all of its time: were that over, it would be dropped where it awaits.
    assert!(!dropped.happens_within(Duration::from_millis(100)));
    go_on.happen();
    runtime.wait().unwrap();
}

fn r9_a_runtime_says_when_a_failure_began_its_stop() {
    let before = Instant::now();
    let runtime = started();
    assert_eq!(
        (runtime.is_stopping(), runtime.failing_since()),
        (false, None)
    );
    runtime
        .adopt(Smol, || async { Err::<(), _>("on purpose") })
        .unwrap();
    runtime.wait().unwrap_err();
    assert!(runtime.is_stopping());
    let since = runtime.failing_since().unwrap();
    assert!(before <= since && since <= Instant::now());
    let runtime = started();
    runtime.shutdown();
    assert!(runtime.is_stopping() && runtime.failing_since().is_none());
    runtime.wait().unwrap();
}
