//! A second signal midway through the stop of services, sent to a real child process. Rows V11 and S4.
#![cfg(unix)]

mod common;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use common::services::*;
use common::*;
use foster::{Runtime, Shutdown, Smol, Thread, Tokio, TokioMultiThread};

once!(v11_a_second_signal_blames_nobody_for_the_time_that_it_took,);

const FLAVOUR: &str = "FOSTER_TEST_FLAVOUR";

/// The child's side: does nothing unless a flavour is named.
#[test]
fn as_child() {
    match std::env::var(FLAVOUR).as_deref() {
        Err(_) => {}
        Ok(Smol::NAME) => hang(Smol),
        Ok(Tokio::NAME) => hang(Tokio),
        Ok(TokioMultiThread::NAME) => hang(TokioMultiThread::new()),
        Ok(Thread::NAME) => hang(Thread),
        Ok(other) => panic!("no flavour `{other}`"),
    }
}

/// All hang. Of the 8 s of `api` the second signal leaves it half a second; `log` and `database` come before it.
fn hang(flavour: impl Host) {
    let runtime = Runtime::builder().grace(10 * SECOND).build();
    let part = |says: &'static str| {
        move || async move {
            let token = Shutdown::current();
            println!("{says} runs");
            token.requested().await;
            println!("{says} is asked");
            std::future::pending::<()>().await;
        }
    };
    let unit = |name| runtime.unit().name(name);
    let database = part("database");
    Smol.serve(unit("database"), database).unwrap();
    let log = part("log");
    Tokio.serve(unit("log").after("database"), log).unwrap();
    let api = part("api");
    flavour.serve(unit("api").after("log"), api).unwrap();
    let error = runtime.run().unwrap_err();
    println!("the report:\n{error}\nthe end");
    std::process::exit(0);
}

fn v11_a_second_signal_blames_nobody_for_the_time_that_it_took() {
    for flavour in [
        Smol::NAME,
        Tokio::NAME,
        TokioMultiThread::NAME,
        Thread::NAME,
    ] {
        let report = cut_short(flavour);
        let line = |name: &str| {
            let name = format!("service `{name}`");
            let mut lines = report.lines().filter(|line| line.contains(&name));
            let line = lines
                .next()
                .unwrap_or_else(|| panic!("no {name}: {report}"));
            assert!(lines.next().is_none(), "once: {report}");
            line
        };
        let api = line("api");
        assert!(
            api.contains("cut short") && api.contains("signal"),
            "{report}"
        );
        for name in ["log", "database"] {
            assert!(line(name).contains("not asked"), "{report}");
        }
        assert!(!report.contains("overran"), "{report}");
    }
}

/// What the child reports that plays `hang` on a flavour and is sent two signals.
fn cut_short(flavour: &str) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["as_child", "--exact", "--nocapture", "--test-threads=1"])
        .env(FLAVOUR, flavour)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let id = child.id();
    let signal = || {
        let kill = format!("kill -TERM {id}");
        let status = Command::new("sh").args(["-c", &kill]).status();
        assert!(status.unwrap().success());
    };
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = String::new();
    let mut until = |text: &str| {
        let mut before = String::new();
        for line in lines.by_ref() {
            let line = line.unwrap();
            seen += &format!("{line}\n");
            if line.contains(text) {
                return before;
            }
            before += &format!("{line}\n");
        }
        panic!("no `{text}` in:\n{seen}");
    };
    until("api runs");
    signal();
    until("api is asked");
    // One that comes sooner does not count.
    std::thread::sleep(Duration::from_millis(500));
    signal();
    until("the report:");
    let report = until("the end");
    assert!(child.wait().unwrap().success());
    report
}
