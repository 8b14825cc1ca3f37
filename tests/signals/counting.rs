//! What the first, the second and the third signal mean.

use super::*;

once!(
    s4_the_first_signal_ends_the_run_in_order,
    s4_the_second_signal_ends_the_grace_time,
    s4_the_third_signal_ends_the_process,
    s4_a_signal_right_behind_the_last_one_is_not_counted,
    s4_ctrl_c_well_after_a_failure_counts_as_the_second,
    s4_ctrl_c_right_behind_a_failure_counts_as_the_first,
    s4_sigterm_after_a_failure_counts_as_the_first,
    s4_every_running_runtime_is_asked,
    s4_a_signal_at_the_first_moment_is_heard,
);

pub(crate) fn stubborn() -> Played {
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
pub(crate) fn stuck(fails: bool) -> Played {
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
pub(crate) fn blocking_waker() -> Played {
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

pub(crate) fn two() -> Played {
    let other = Runtime::new();
    other.adopt(Tokio, pending::<()>)?;
    other.start()?;
    orderly()?;
    other.wait()
}

pub(crate) fn at_once() -> Played {
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
