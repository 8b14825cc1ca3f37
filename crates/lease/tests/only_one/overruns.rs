//! Work that does not end with its lease: only a process of its own can show what becomes of that.

use std::process::{Command, Stdio};
use std::thread;

use foster::Thread;
use foster_lease::{Delivery, Overrun};

use super::*;

/// The lease of these tests, by the clock of the machine.
const SHORT: Duration = Duration::from_secs(3);

/// Runs a test of this file, which does nothing in the process of `cargo test`, in one of its own.
fn in_process(test: &str) -> (Option<i32>, String) {
    let this = std::env::current_exe().unwrap();
    let child = Command::new(this)
        .args([
            "--exact",
            &format!("overruns::child::{test}"),
            "--nocapture",
        ])
        .env("FOSTER_CHILD", "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output();
    let output = child.unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), text)
}

#[test]
fn a_thread_that_goes_on_ends_the_process_with_the_lease() {
    let began = Instant::now();
    let (status, text) = in_process("a_thread_goes_on");
    assert_eq!(status, Some(70), "{text}");
    assert!(
        text.contains("the lease `billing` (fence 1) ends, and its work has not ended"),
        "{text}"
    );
    assert!(began.elapsed() >= SHORT - seconds(1), "not before");
}

#[test]
fn an_executor_that_is_blocked_ends_the_process_with_the_lease() {
    let (status, text) = in_process("an_executor_is_blocked");
    assert_eq!(status, Some(70), "{text}");
}

#[test]
fn a_thread_that_outlives_the_runtime_ends_the_process_with_the_lease() {
    let (status, text) = in_process("a_thread_outlives_the_runtime");
    assert_eq!(status, Some(70), "{text}");
}

#[test]
fn where_it_is_only_told_the_process_goes_on() {
    let (status, text) = in_process("it_is_only_told");
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("and goes on: only its fence"), "{text}");
}

/// What the processes do.
mod child {
    use super::*;

    fn is_child() -> bool {
        std::env::var_os("FOSTER_CHILD").is_some()
    }

    /// A lease that is not renewed.
    fn gated(stage: &Stage, runtime: &Runtime, overrun: Overrun, work: fn()) -> Unit {
        stage.engine.on_call(|request| match request.call {
            "renew" => Delivery::Swallow,
            _ => Delivery::Now,
        });
        let lease = stage.engine.lease("billing", "one", SHORT);
        let gated = runtime.unit().only_one(lease).on_overrun(overrun);
        let gated = gated
            .stop_time(seconds(1))
            .renew_every(Duration::from_millis(500));
        let unit = gated.serve(service(Thread, work)).unwrap();
        until("it is held", || unit.state() == UnitState::Held);
        unit
    }

    fn goes_on() {
        thread::sleep(seconds(60));
    }

    #[test]
    fn a_thread_goes_on() {
        if is_child() {
            let stage = Stage::new(Clock::system());
            let runtime = stage.runtime();
            gated(&stage, &runtime, Overrun::Exit, goes_on);
            thread::sleep(seconds(30));
        }
    }

    #[test]
    fn an_executor_is_blocked() {
        if is_child() {
            let stage = Stage::new(Clock::system());
            let runtime = stage.runtime();
            stage.engine.on_call(|request| match request.call {
                "renew" => Delivery::Swallow,
                _ => Delivery::Now,
            });
            let lease = stage.engine.lease("billing", "one", SHORT);
            let gated = runtime.unit().only_one(lease).stop_time(seconds(1));
            let work = service(Smol, || async { goes_on() });
            gated.serve(work).unwrap();
            thread::sleep(seconds(30));
        }
    }

    #[test]
    fn a_thread_outlives_the_runtime() {
        if is_child() {
            let stage = Stage::new(Clock::system());
            let runtime = Runtime::builder().quiet().signals(Signals::Leave);
            let runtime = runtime.grace(Duration::from_millis(100));
            let runtime = runtime.cancel_timeout(Duration::from_millis(100)).build();
            runtime.start().unwrap();
            gated(&stage, &runtime, Overrun::Exit, goes_on);
            runtime.shutdown();
            let _ = runtime.wait();
            thread::sleep(seconds(30));
        }
    }

    #[test]
    fn it_is_only_told() {
        if is_child() {
            let stage = Stage::new(Clock::system());
            let runtime = stage.runtime();
            let unit = gated(&stage, &runtime, Overrun::Tell, || {
                thread::sleep(seconds(5))
            });
            // Once nothing is left of its work it has another turn.
            until("it has another turn", || {
                stage.engine.holder("billing").1 == 2
            });
            drop(unit);
        }
    }
}
