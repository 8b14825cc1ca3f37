//! Signals, sent to real child processes. Row S4, and what A6 says of failures after the end.
//!
//! Each child is this very test program, told by a variable which scenario to play.

mod common;

use std::future::pending;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use common::{Event, SOON, block_until};
use foster::{Runtime, Shutdown, Signals, Smol, Thread, Tokio};

once!(
    s4_the_first_signal_ends_the_run_in_order,
    s4_the_second_signal_ends_the_grace_time,
    s4_the_third_signal_ends_the_process,
    s4_an_ignored_signal_stays_ignored_under_nohup,
    s4_an_ignored_signal_stays_ignored_in_a_shells_background,
    s4_without_a_running_runtime_a_signal_kills_as_ever,
    s4_signals_can_be_left_to_the_application,
    s4_a_handler_of_the_application_is_called_as_well,
    s4_every_running_runtime_is_asked,
    s4_a_signal_at_the_first_moment_is_heard,
    a6_a_failure_after_the_end_goes_to_stderr,
    a6_a_panic_after_its_caller_was_let_go_goes_to_stderr,
);

const SCENARIO: &str = "FOSTER_TEST_SCENARIO";

/// The child's side: does nothing unless a scenario is set.
#[test]
fn as_child() {
    let Ok(scenario) = std::env::var(SCENARIO) else {
        return;
    };
    let result = match scenario.as_str() {
        "orderly" => orderly(),
        "stubborn" => stubborn(),
        "stuck" => stuck(),
        "between" => between(),
        "left" => left(),
        "own handler" => own_handler(),
        "two" => two(),
        "late failure" => late_failure(),
        "late panic" => late_panic(),
        "at once" => at_once(),
        other => panic!("no scenario `{other}`"),
    };
    if let Err(error) = result {
        eprintln!("{error}");
        std::process::exit(1);
    }
    println!("ended");
    std::process::exit(0);
}

type Played = Result<(), foster::RunError>;

/// Tells the parent that signals may come: the runtime runs and its payloads hold their tokens.
fn say_ready() {
    println!("ready {}", std::process::id());
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

fn stuck() -> Played {
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

/// The parent's side: a child that plays a scenario.
struct Playing {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    /// The process to signal: once it is ready the scenario's own, which a shell may stand around.
    target: u32,
}

fn play(scenario: &str) -> Playing {
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new(program);
    command.args(["as_child", "--exact", "--nocapture", "--test-threads=1"]);
    spawn(command, scenario)
}

/// As [`play`], with a shell line around the program, which is its `$0`.
fn play_in_shell(line: &str, scenario: &str) -> Playing {
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new("sh");
    command.arg("-c").arg(line).arg(program);
    spawn(command, scenario)
}

fn spawn(mut command: Command, scenario: &str) -> Playing {
    let mut child = command
        .env(SCENARIO, scenario)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let target = child.id();
    Playing {
        child,
        lines,
        target,
    }
}

impl Playing {
    /// Reads on until a line that contains `text`; returns what stands behind it.
    fn line_after(&mut self, text: &str) -> String {
        let mut seen = String::new();
        for line in self.lines.by_ref() {
            let line = line.unwrap();
            if let Some((_, rest)) = line.split_once(text) {
                return rest.to_owned();
            }
            seen += &(line + "\n");
        }
        let mut stderr = String::new();
        let _ = self
            .child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut stderr);
        panic!("no line `{text}` in:\n{seen}\nstderr:\n{stderr}");
    }

    fn ready(&mut self) {
        self.target = self.line_after("ready ").parse().unwrap();
    }

    fn signal(&self, name: &str) {
        let status = Command::new("sh")
            .arg("-c")
            .arg(format!("kill -{name} {}", self.target))
            .status();
        assert!(status.unwrap().success());
    }

    /// The status, and what is left on stdout and stderr.
    fn end(&mut self) -> (ExitStatus, String, String) {
        let deadline = Instant::now() + SOON;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > deadline {
                panic!("the child does not end");
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let stdout: Vec<_> = self.lines.by_ref().map_while(Result::ok).collect();
        let mut stderr = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut stderr)
            .unwrap();
        (status, stdout.join("\n"), stderr)
    }
}

impl Drop for Playing {
    /// A test that fails leaves no child behind.
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.signal("KILL");
            let _ = self.child.kill();
        }
    }
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
