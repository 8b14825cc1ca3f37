//! What the children play. They say in a file how far they are, as their streams are broken.

use std::fs::read_to_string;
use std::future::pending;
use std::io;
use std::process::{Command, Termination, exit};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread::sleep;
use std::time::{Duration, Instant};

use foster::{Restart, RunError, Runtime, Shutdown, Smol, Thread, TokioMultiThread, service};

use crate::common::{OnDrop, SOON};
use crate::notes::{SCENARIO, note};
use crate::streams;

/// Ends the process as a `main` does that returns this result; returns if it is no child.
pub(crate) fn play_if_told() {
    let Ok(scenario) = std::env::var(SCENARIO) else {
        return;
    };
    // The harness around this prints as well, so the streams break only now.
    let scenario = streams::break_as_told(&scenario);
    let result = play(scenario);
    note(match &result {
        Ok(()) => "run is over".to_owned(),
        Err(error) => format!("run has failed: {error}").replace('\n', " "),
    });
    let failed = result.is_err();
    // Prints the report on stderr.
    let _ = result.report();
    exit(i32::from(failed));
}

fn play(scenario: &str) -> Result<(), RunError> {
    match scenario {
        "orderly" => orderly(),
        "orphan" => orphan(),
        "logged" => logged(),
        "stubborn" => stubborn(),
        "stuck" => stuck(),
        "printing" => printing(),
        "failing" => failing(|| Err("on purpose")),
        "panicking" => failing(|| panic!("on purpose")),
        "restarting" => restarting(),
        "workers" => workers(),
        other => panic!("no scenario `{other}`"),
    }
}

fn orderly() -> Result<(), RunError> {
    let runtime = Runtime::new();
    runtime.adopt(Smol, || async {
        let token = Shutdown::current();
        note(format!("ready {}", std::process::id()));
        token.requested().await;
        note("asked");
    })?;
    runtime.run()
}

/// Notes what is logged at the start.
fn logged() -> Result<(), RunError> {
    struct Notes;
    impl log::Log for Notes {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            true
        }

        fn log(&self, record: &log::Record<'_>) {
            note(record.args());
        }

        fn flush(&self) {}
    }
    log::set_logger(&Notes).expect("nobody else does");
    log::set_max_level(log::LevelFilter::Info);
    orderly()
}

/// Leaves an orphan, and says what has become of it a moment after its end.
fn orphan() -> Result<(), RunError> {
    let runtime = Runtime::builder().until_idle().build();
    runtime.adopt(Thread, || {
        let mut shell = Command::new("sh");
        let started = shell.args(["-c", "sleep 0.1 >&2 & echo $!"]).output()?;
        let number = String::from_utf8_lossy(&started.stdout).trim().to_owned();
        let state = || {
            let stat = read_to_string(format!("/proc/{number}/stat")).ok()?;
            stat.rsplit_once(") ")?.1.chars().next()
        };
        wait_while(SOON, || state().is_some_and(|state| state != 'Z'));
        wait_while(Duration::from_millis(500), || state().is_some());
        note(format!(
            "the orphan is {}",
            if state().is_some() {
                "a zombie"
            } else {
                "gone"
            }
        ));
        io::Result::Ok(())
    })?;
    runtime.run()
}

/// Looks until something is no longer so, at most for some time.
fn wait_while(time: Duration, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + time;
    while is_so() && Instant::now() < deadline {
        sleep(Duration::from_millis(5));
    }
}

/// Uses up the whole of its grace time, which is a second.
fn stubborn() -> Result<(), RunError> {
    let runtime = Runtime::builder().grace(Duration::from_secs(1)).build();
    runtime.named("stubborn").adopt(Smol, || async {
        let _token = Shutdown::current();
        note(format!("ready {}", std::process::id()));
        pending::<()>().await;
    })?;
    runtime.run()
}

/// Ends by no less than a third signal.
fn stuck() -> Result<(), RunError> {
    let hour = Duration::from_secs(3_600);
    let runtime = Runtime::builder().grace(hour).cancel_timeout(hour).build();
    runtime.adopt(Smol, move || async move {
        let token = Shutdown::current();
        let _on_drop = OnDrop(|| {
            note("cut short");
            sleep(SOON);
        });
        note(format!("ready {}", std::process::id()));
        token.requested().await;
        note("asked");
        pending::<()>().await;
    })?;
    runtime.run()
}

/// Prints a line every few milliseconds, until it cannot.
fn printing() -> Result<(), RunError> {
    let runtime = Runtime::builder()
        .grace(Duration::from_millis(500))
        .stall_after(Duration::from_millis(200))
        .build();
    runtime.named("printer").adopt(Smol, || async {
        note(format!("ready {}", std::process::id()));
        for line in 0.. {
            println!("line {line}: {}", "a text of some length ".repeat(50));
            if line == 100 {
                note("has printed a hundred lines");
            }
            async_io::Timer::after(Duration::from_millis(1)).await;
        }
    })?;
    runtime.run()
}

/// Fails as soon as another payload runs, whose executor goes on.
fn failing(fail: fn() -> Result<(), &'static str>) -> Result<(), RunError> {
    let runtime = Runtime::builder()
        .grace(Duration::from_millis(500))
        .cancel_timeout(Duration::from_secs(1))
        .build();
    let (sender, ready) = flume::bounded::<()>(0);
    runtime.named("other").adopt(Thread, move || {
        let token = Shutdown::current();
        note(format!("ready {}", std::process::id()));
        drop(sender);
        if token.wait_timeout(SOON) {
            note("asked");
        }
    })?;
    runtime.named("failing").adopt(Smol, move || async move {
        let _ = ready.recv_async().await;
        fail()
    })?;
    runtime.run()
}

/// Has a service that fails at once, again and again; each time a line is told. Says how long the stop has taken.
fn restarting() -> Result<(), RunError> {
    let runtime = Runtime::builder()
        .cancel_timeout(Duration::from_millis(500))
        .build();
    let runs = AtomicUsize::new(0);
    let fails = service(Thread, move || {
        if runs.fetch_add(1, SeqCst) == 2_000 {
            note("has failed 2000 times");
        }
        Err::<(), _>("on purpose")
    });
    // It may fail: an error that comes in the stop would be in the report.
    let delay = Duration::from_micros(100);
    let at_once = Restart::on_failure().delay(delay).max_delay(delay);
    runtime
        .unit()
        .name("failing")
        .restart(at_once)
        .may_fail()
        .serve(fails)?;
    let (sender, asked) = flume::bounded(1);
    runtime.adopt(Smol, || async move {
        let token = Shutdown::current();
        note(format!("ready {}", std::process::id()));
        token.requested().await;
        let _ = sender.send(Instant::now());
    })?;
    runtime.run()?;
    let asked = asked.recv().expect("it was asked");
    note(format!("stopped after {} ms", asked.elapsed().as_millis()));
    Ok(())
}

/// Says how many workers the pool has.
fn workers() -> Result<(), RunError> {
    let runtime = Runtime::builder().until_idle().build();
    runtime.adopt(TokioMultiThread, || async {
        let workers = tokio::runtime::Handle::current().metrics().num_workers();
        note(format!("workers {workers}"));
    })?;
    runtime.run()
}
