//! Signals of Unix, sent to a child that has set them.

use std::os::unix::process::ExitStatusExt;

use foster::{OnSignal, Reload, RunError, Runtime, Signals, Thread, Tokio, service};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::*;
use crate::common::child::{Played, play, say_ready};

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
);

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

pub(crate) fn reloads(signals: Signals) -> Played {
    let runtime = Runtime::builder().signals(signals).build();
    serve_reloading(&runtime, "one")?;
    runtime.start()?;
    let unit = runtime.unit_named("one").unwrap();
    assert!(unit.wait_ready(SOON));
    say_ready();
    runtime.wait()
}

/// Ends by no less than a third signal that counts. The second one has it say so.
pub(crate) fn stuck() -> Played {
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

pub(crate) fn no_services() -> Played {
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

pub(crate) fn two() -> Played {
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

pub(crate) fn given_back() -> Played {
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
pub(crate) fn rebuilt() -> Played {
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
