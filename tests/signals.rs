//! Signals, sent to real child processes. Row S4, and what A6 says of failures after the end.
//!
//! Each child is this very test program, told by a variable which scenario to play.

mod common;

use std::future::{Future, pending};
use std::os::unix::process::ExitStatusExt;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use common::child::{Played, be_child, play, play_in_shell, say_ready};
use common::{Event, SOON, block_until};
use foster::{Runtime, Shutdown, Signals, Smol, Thread, Tokio, service};

once!(
    s4_the_first_signal_ends_the_run_in_order,
    s4_the_second_signal_ends_the_grace_time,
    s4_the_third_signal_ends_the_process,
    s4_a_signal_right_behind_the_last_one_is_not_counted,
    s4_ctrl_c_well_after_a_failure_counts_as_the_second,
    s4_ctrl_c_right_behind_a_failure_counts_as_the_first,
    s4_sigterm_after_a_failure_counts_as_the_first,
    s4_an_ignored_signal_stays_ignored_under_nohup,
    s4_an_ignored_signal_stays_ignored_in_a_shells_background,
    s4_without_a_running_runtime_a_signal_kills_as_ever,
    s4_signals_can_be_left_to_the_application,
    s4_a_handler_of_the_application_is_called_as_well,
    s4_every_running_runtime_is_asked,
    s4_a_signal_at_the_first_moment_is_heard,
    a6_a_failure_after_the_end_goes_to_stderr,
    a6_a_failure_of_a_service_after_the_end_goes_to_stderr,
    a6_a_panic_after_its_caller_was_let_go_goes_to_stderr,
);

/// The child's side.
#[test]
fn as_child() {
    be_child(|scenario| match scenario {
        "orderly" => orderly(),
        "stubborn" => stubborn(),
        "stuck" => stuck(false),
        "stuck after a failure" => stuck(true),
        "blocking waker" => blocking_waker(),
        "between" => between(),
        "left" => left(),
        "own handler" => own_handler(),
        "two" => two(),
        "late failure" => late_failure(),
        "late failure of a service" => late_failure_of_a_service(),
        "late panic" => late_panic(),
        "at once" => at_once(),
        other => panic!("no scenario `{other}`"),
    });
}

fn orderly() -> Played {
    let runtime = Runtime::new();
    let (smol, tokio) = (Event::new(), Event::new());
    let (smol_ready, tokio_ready) = (smol.clone(), tokio.clone());
    runtime.adopt(Smol, move || async move {
        let token = Shutdown::current();
        smol_ready.happen();
        token.requested().await;
        println!("smol is asked");
    })?;
    runtime.adopt(Tokio, move || async move {
        let token = Shutdown::current();
        tokio_ready.happen();
        token.requested().await;
        println!("tokio is asked");
    })?;
    runtime.adopt(Thread, move || {
        let token = Shutdown::current();
        smol.expect("smol runs");
        tokio.expect("tokio runs");
        say_ready();
        if token.wait_timeout(SOON) {
            println!("thread is asked");
        }
    })?;
    runtime.run()
}

fn stubborn() -> Played {
    let runtime = Runtime::builder().grace(Duration::from_secs(3_600)).build();
    runtime.named("stubborn").adopt(Smol, || async {
        let token = Shutdown::current();
        say_ready();
        token.requested().await;
        println!("asked");
        pending::<()>().await;
    })?;
    runtime.run()
}

/// Ends by no less than a third signal. Each that counts says so.
fn stuck(fails: bool) -> Played {
    let hour = Duration::from_secs(3_600);
    let runtime = Runtime::builder().grace(hour).cancel_timeout(hour).build();
    runtime.adopt(Thread, || {
        let token = Shutdown::current();
        while !token.wait_timeout(SOON) {}
        println!("asked");
        // Held until the second signal has cut the grace time short.
        block_until(&Event::new());
    })?;
    let outer = runtime.clone();
    runtime.adopt(Smol, move || async move {
        let _on_drop = common::OnDrop(|| {
            println!("cut short");
            block_until(&Event::new());
        });
        let _runtime = outer;
        say_ready();
        pending::<()>().await;
    })?;
    if fails {
        runtime.adopt(Smol, || async { Err::<(), _>("on purpose") })?;
    }
    runtime.run()
}

/// As [`stuck`]; and whoever is woken by the first signal never comes back.
fn blocking_waker() -> Played {
    struct Blocks;
    impl Wake for Blocks {
        fn wake(self: Arc<Self>) {
            println!("woken");
            block_until(&Event::new());
        }
    }
    let hour = Duration::from_secs(3_600);
    let runtime = Runtime::builder().grace(hour).cancel_timeout(hour).build();
    let polled = Event::new();
    let is_polled = polled.clone();
    runtime.adopt(Thread, move || {
        let token = Shutdown::current();
        let waker = Waker::from(Arc::new(Blocks));
        let mut requested = pin!(token.requested());
        let poll = requested.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(poll.is_pending());
        is_polled.happen();
        block_until(&Event::new());
    })?;
    runtime.adopt(Smol, move || async move {
        let _on_drop = common::OnDrop(|| {
            println!("cut short");
            block_until(&Event::new());
        });
        polled.expect("the thread has its token");
        say_ready();
        pending::<()>().await;
    })?;
    runtime.run()
}

fn between() -> Played {
    let runtime = Runtime::builder().until_idle().build();
    runtime.adopt(Smol, || async {})?;
    runtime.run()?;
    say_ready();
    std::thread::sleep(SOON);
    Ok(())
}

fn left() -> Played {
    let runtime = Runtime::builder().signals(Signals::Leave).build();
    runtime.adopt(Smol, || async {
        say_ready();
        pending::<()>().await;
    })?;
    runtime.run()
}

fn own_handler() -> Played {
    let seen = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGTERM, seen.clone()).unwrap();
    orderly()?;
    assert!(seen.load(std::sync::atomic::Ordering::SeqCst));
    println!("the application saw it");
    // With no runtime running the application's handler decides, which goes on.
    signal_hook::low_level::raise(signal_hook::consts::SIGTERM).unwrap();
    println!("still here");
    Ok(())
}

fn two() -> Played {
    let other = Runtime::new();
    other.adopt(Tokio, pending::<()>)?;
    other.start()?;
    orderly()?;
    other.wait()
}

fn late_failure() -> Played {
    let runtime = Runtime::new();
    let (running, ended) = (Event::new(), Event::new());
    let (is_running, is_ended) = (running.clone(), ended.clone());
    runtime.named("late").adopt(Thread, move || {
        is_running.happen();
        block_until(&is_ended);
        Err::<(), _>("after the end")
    })?;
    let stop = runtime.clone();
    runtime.adopt(Smol, move || async move {
        running.expect("the thread runs");
        stop.shutdown();
    })?;
    runtime.run()?;
    ended.happen();
    // Its thread is left behind; a moment later it has told its failure.
    while common::threads_named("late") > 0 {
        std::thread::yield_now();
    }
    Ok(())
}

fn late_failure_of_a_service() -> Played {
    let runtime = Runtime::new();
    let (running, ended) = (Event::new(), Event::new());
    let (is_running, is_ended) = (running.clone(), ended.clone());
    let run = move || {
        is_running.happen();
        block_until(&is_ended);
        Err::<(), _>("after the end")
    };
    let unit = runtime.unit().name("late").serve(service(Thread, run));
    unit.expect("the name is free");
    let stop = runtime.clone();
    runtime.adopt(Smol, move || async move {
        running.expect("the thread runs");
        stop.shutdown();
    })?;
    runtime.run()?;
    ended.happen();
    // Its thread is left behind; a moment later it has told its failure.
    while common::threads_named("late") > 0 {
        std::thread::yield_now();
    }
    Ok(())
}

fn late_panic() -> Played {
    let moment = std::time::Duration::from_millis(10);
    let runtime = Runtime::builder()
        .grace(moment)
        .cancel_timeout(moment)
        .build();
    runtime.start()?;
    let (running, ended) = (Event::new(), Event::new());
    let (is_running, is_ended) = (running.clone(), ended.clone());
    let (inner, stop) = (runtime.clone(), runtime.clone());
    let caller = std::thread::spawn(move || {
        inner.named("late").execute(Smol, || async move {
            is_running.happen();
            block_until(&is_ended);
            panic!("after the end");
        })
    });
    running.expect("the payload runs");
    stop.shutdown();
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.stragglers().len(), 1);
    let error = caller.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), foster::ExecuteErrorKind::Cancelled);
    ended.happen();
    while common::threads_named("foster smol") > 0 {
        std::thread::yield_now();
    }
    Ok(())
}

fn at_once() -> Played {
    let raise = || signal_hook::low_level::raise(signal_hook::consts::SIGTERM).unwrap();
    for _ in 0..50 {
        let runtime = Runtime::new();
        runtime.adopt(Thread, raise)?;
        runtime.run()?;
        let runtime = Runtime::new();
        runtime.start()?;
        raise();
        runtime.wait()?;
    }
    Ok(())
}

fn s4_the_first_signal_ends_the_run_in_order() {
    for signal in ["INT", "TERM", "HUP"] {
        let mut child = play("orderly");
        child.ready();
        let start = Instant::now();
        child.signal(signal);
        let (status, stdout, stderr) = child.end();
        assert_eq!(status.code(), Some(0), "{signal}: {stderr}");
        assert!(start.elapsed() < Duration::from_secs(5));
        for line in [
            "smol is asked",
            "tokio is asked",
            "thread is asked",
            "ended",
        ] {
            assert!(stdout.contains(line), "{signal}: no `{line}` in {stdout}");
        }
    }
}

fn s4_the_second_signal_ends_the_grace_time() {
    let mut child = play("stubborn");
    child.ready();
    child.signal("TERM");
    child.line_after("asked");
    child.signal("INT");
    let (status, _, stderr) = child.end();
    assert_eq!(status.code(), Some(1));
    assert!(
        stderr.contains("`stubborn`") && stderr.contains("overran"),
        "{stderr}"
    );
}

fn s4_the_third_signal_ends_the_process() {
    let mut child = play("stuck");
    child.ready();
    child.signal("INT");
    child.line_after("asked");
    child.signal("INT");
    child.line_after("cut short");
    child.signal("TERM");
    let (status, _, _) = child.end();
    assert_eq!(status.code(), Some(128 + 15));
}

fn s4_a_signal_right_behind_the_last_one_is_not_counted() {
    // As systemd's SIGHUP behind its SIGTERM, or what a wrapper passes on that the group has had already.
    let mut child = play("stuck");
    child.ready();
    child.signals(&["TERM", "HUP"]);
    child.line_after("asked");
    // Had it been counted, this were the third.
    child.signals(&["TERM", "TERM"]);
    child.line_after("cut short");
    child.signal("INT");
    let (status, _, stderr) = child.end();
    assert_eq!(status.code(), Some(128 + 2), "{stderr}");
}

/// Longer than a Ctrl-C may come after a failure and still be the first.
const NOTICED: Duration = Duration::from_millis(1_200);

fn s4_ctrl_c_well_after_a_failure_counts_as_the_second() {
    let mut child = play("stuck after a failure");
    child.ready();
    child.line_after("asked");
    std::thread::sleep(NOTICED);
    child.signal("INT");
    child.line_after("cut short");
    child.signal("INT");
    let (status, _, stderr) = child.end();
    assert_eq!(status.code(), Some(128 + 2), "{stderr}");
}

fn s4_ctrl_c_right_behind_a_failure_counts_as_the_first() {
    let mut child = play("stuck after a failure");
    child.ready();
    child.line_after("asked");
    child.signal("INT");
    // Were that the second, this were the third.
    child.signal("INT");
    child.line_after("cut short");
    child.signal("TERM");
    let (status, _, stderr) = child.end();
    assert_eq!(status.code(), Some(128 + 15), "{stderr}");
}

fn s4_sigterm_after_a_failure_counts_as_the_first() {
    for name in ["TERM", "HUP"] {
        let mut child = play("stuck after a failure");
        child.ready();
        child.line_after("asked");
        std::thread::sleep(NOTICED);
        child.signal(name);
        child.signal(name);
        child.line_after("cut short");
        child.signal("INT");
        let (status, _, stderr) = child.end();
        assert_eq!(status.code(), Some(128 + 2), "{name}: {stderr}");
    }
}

#[test]
fn s4_a_waker_that_blocks_keeps_no_signal_from_being_counted() {
    common::within_a_minute(|| {
        let mut child = play("blocking waker");
        child.ready();
        child.signal("TERM");
        child.line_after("woken");
        child.signal("TERM");
        child.line_after("cut short");
        child.signal("INT");
        let (status, _, stderr) = child.end();
        assert_eq!(status.code(), Some(128 + 2), "{stderr}");
    });
}

fn s4_an_ignored_signal_stays_ignored_under_nohup() {
    let line = r#"nohup "$0" as_child --exact --nocapture --test-threads=1 & wait $!"#;
    let mut child = play_in_shell(line, "orderly");
    child.ready();
    child.signal("HUP");
    child.signal("TERM");
    let (status, stdout, stderr) = child.end();
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert!(stdout.contains("thread is asked"), "{stdout}");

    // Were SIGHUP not ignored, it would be the first signal here, and SIGTERM the second, which
    // cuts the grace time short.
    let mut child = play_in_shell(line, "stubborn");
    child.ready();
    child.signal("HUP");
    child.signal("TERM");
    child.line_after("asked");
    child.signal("HUP");
    child.signal("TERM");
    let (status, _, stderr) = child.end();
    assert_eq!(status.code(), Some(1), "{stderr}");
}

fn s4_an_ignored_signal_stays_ignored_in_a_shells_background() {
    // A shell without job control has its background ignore SIGINT.
    let line = r#""$0" as_child --exact --nocapture --test-threads=1 & wait $!"#;
    let mut child = play_in_shell(line, "stubborn");
    child.ready();
    for _ in 0..3 {
        child.signal("INT");
    }
    child.signal("TERM");
    child.line_after("asked");
    child.signal("TERM");
    let (status, _, stderr) = child.end();
    assert_eq!(status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("overran"), "{stderr}");
}

fn s4_without_a_running_runtime_a_signal_kills_as_ever() {
    for (name, number) in [("TERM", 15), ("INT", 2), ("HUP", 1)] {
        let mut child = play("between");
        child.ready();
        child.signal(name);
        let (status, _, stderr) = child.end();
        assert_eq!(status.signal(), Some(number), "{stderr}");
    }
}

fn s4_signals_can_be_left_to_the_application() {
    let mut child = play("left");
    child.ready();
    child.signal("TERM");
    let (status, _, stderr) = child.end();
    assert_eq!(status.signal(), Some(15), "{stderr}");
}

fn s4_a_handler_of_the_application_is_called_as_well() {
    let mut child = play("own handler");
    child.ready();
    child.signal("TERM");
    let (status, stdout, stderr) = child.end();
    assert_eq!(status.code(), Some(0), "{stdout}{stderr}");
    assert!(
        stdout.contains("the application saw it") && stdout.contains("still here"),
        "{stdout}"
    );
}

fn s4_every_running_runtime_is_asked() {
    let mut child = play("two");
    child.ready();
    child.signal("TERM");
    let (status, stdout, stderr) = child.end();
    assert_eq!(status.code(), Some(0), "{stdout}{stderr}");
    assert!(stdout.contains("ended"), "{stdout}");
}

fn s4_a_signal_at_the_first_moment_is_heard() {
    let (status, stdout, stderr) = play("at once").end();
    assert_eq!(status.code(), Some(0), "{stdout}{stderr}");
    assert!(stdout.contains("ended"), "{stdout}");
}

fn a6_a_failure_after_the_end_goes_to_stderr() {
    let (status, _, stderr) = play("late failure").end();
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert!(
        stderr.contains("`late`") && stderr.contains("after the end"),
        "{stderr}"
    );
}

fn a6_a_failure_of_a_service_after_the_end_goes_to_stderr() {
    let (status, _, stderr) = play("late failure of a service").end();
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert!(
        stderr.contains("service `late`") && stderr.contains("after the end"),
        "{stderr}"
    );
}

fn a6_a_panic_after_its_caller_was_let_go_goes_to_stderr() {
    let (status, _, stderr) = play("late panic").end();
    assert_eq!(status.code(), Some(0), "{stderr}");
    let told = stderr
        .lines()
        .skip_while(|line| !line.starts_with("foster: after the runtime's end"));
    let told: Vec<_> = told.collect();
    assert!(
        told.first().is_some_and(|line| line.contains("`late`"))
            && told.iter().any(|line| line.contains("after the end")),
        "{stderr}"
    );
}
