//! Orphans: who reaps them, and whose status nobody takes.

use std::fs::{read_dir, read_to_string};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread::sleep;
use std::time::{Duration, Instant};

use foster::{RunError, Runtime, Thread, Tokio};

use crate::SOON;
use crate::namespace::start;

/// How many each of the two libraries starts.
const EACH: usize = 150;

/// A shell that ends with status `$0`, and leaves a child to process 1.
const LEAVES: &str = "(sleep 0.2 &); exit $0";

/// What the shell of this number ends with.
fn status(number: usize) -> usize {
    number % 200
}

/// The states of the children of process 1 that are called `sleep`.
fn orphans() -> Vec<char> {
    let processes = read_dir("/proc").unwrap().flatten();
    let stats = processes.filter_map(|one| read_to_string(one.path().join("stat")).ok());
    let orphan = |stat: String| {
        let (name, rest) = stat.rsplit_once(") ")?;
        let mut rest = rest.split_whitespace();
        let (state, parent) = (rest.next()?, rest.next()?);
        (name.ends_with("(sleep") && parent == "1").then(|| state.chars().next())?
    };
    stats.filter_map(orphan).collect()
}

/// Starts shells by tokio and by the standard library at once, compares the status of each, and says what became of
/// their orphans.
pub(crate) fn leave() -> Result<(), RunError> {
    let right = Arc::new(AtomicUsize::new(0));
    let (by_tokio, by_std) = (Arc::clone(&right), Arc::clone(&right));
    let runtime = Runtime::builder().until_idle().build();
    runtime.adopt(Tokio, || async move {
        for number in 0..EACH {
            let expected = status(number);
            let mut shell = tokio::process::Command::new("sh");
            let status = shell.args(["-c", LEAVES, &expected.to_string()]).status();
            if status.await?.code() == Some(expected as i32) {
                by_tokio.fetch_add(1, SeqCst);
            }
        }
        std::io::Result::Ok(())
    })?;
    runtime.adopt(Thread, move || {
        for number in 0..EACH {
            let expected = status(number + 50);
            let mut shell = Command::new("sh");
            let status = shell.args(["-c", LEAVES, &expected.to_string()]).status()?;
            if status.code() == Some(expected as i32) {
                by_std.fetch_add(1, SeqCst);
            }
        }
        std::io::Result::Ok(())
    })?;
    let seen = Arc::new(AtomicUsize::new(0));
    let watched = Arc::clone(&seen);
    let (watching, is_over) = std::sync::mpsc::channel::<()>();
    let watcher = std::thread::spawn(move || {
        while is_over
            .recv_timeout(Duration::from_millis(5))
            .is_err_and(|why| why == std::sync::mpsc::RecvTimeoutError::Timeout)
        {
            watched.fetch_max(orphans().len(), SeqCst);
        }
    });
    runtime.run()?;
    drop(watching);
    watcher.join().unwrap();
    println!("right {}", right.load(SeqCst));
    println!("orphans of process 1: {}", seen.load(SeqCst) > 0);

    // Those that sleep end by themselves.
    let deadline = Instant::now() + SOON;
    while orphans().iter().any(|state| *state != 'Z') && Instant::now() < deadline {
        sleep(Duration::from_millis(5));
    }
    // An orphan that has ended is reaped a moment later, or never.
    let soon = Instant::now() + Duration::from_millis(500);
    while !orphans().is_empty() && Instant::now() < soon {
        sleep(Duration::from_millis(5));
    }
    println!("zombies {}", orphans().len());
    Ok(())
}

#[test]
fn orphans_are_reaped_and_no_status_is_taken_from_tokio_or_std() {
    let Some(mut inside) = start("orphans") else {
        return;
    };
    assert_eq!(inside.line_after("right "), (2 * EACH).to_string());
    assert_eq!(inside.line_after("orphans of process 1: "), "true");
    assert_eq!(inside.line_after("zombies "), "0");
    assert_eq!(inside.end().status.code(), Some(0));
}

#[test]
fn without_the_crate_each_orphan_stays_a_zombie() {
    let Some(mut inside) = start("bare orphans") else {
        return;
    };
    assert_eq!(inside.line_after("right "), (2 * EACH).to_string());
    assert_eq!(inside.line_after("zombies "), (2 * EACH).to_string());
    assert_eq!(inside.end().status.code(), Some(0));
}
