//! Scenarios in child processes.

use std::env;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::thread::{Builder, JoinHandle};

use foster::{Smol, Thread, Tokio, TokioMultiThread};

use crate::common::*;

const SCENARIO: &str = "FOSTER_TEST_FAULT";
const FLAVOUR: &str = "FOSTER_TEST_FLAVOUR";

/// What a child says last.
pub const ENDED: &str = "the scenario has ended";

/// The scenario that this process is to play, if it is a child.
pub fn scenario() -> Option<String> {
    env::var(SCENARIO).ok()
}

/// A scenario that is the same on every flavour.
pub trait Scenario {
    fn play<F: AnyFlavour>(self, flavour: F);
}

/// The child's side of [`play_on`].
pub fn on_its_flavour(scenario: impl Scenario) {
    match env::var(FLAVOUR).as_deref() {
        Ok(Smol::NAME) => scenario.play(Smol),
        Ok(Tokio::NAME) => scenario.play(Tokio),
        Ok(TokioMultiThread::NAME) => scenario.play(TokioMultiThread::new().worker_threads(2)),
        Ok(Thread::NAME) => scenario.play(Thread),
        other => panic!("no flavour {other:?}"),
    }
}

/// What became of a child.
pub struct Played {
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    /// The status with which it ended, if none did.
    pub status: Option<i32>,
    /// Everything that it printed.
    pub text: String,
}

impl Played {
    /// The child came to the end of its scenario.
    #[track_caller]
    pub fn has_ended(&self) -> &Self {
        assert!(self.signal.is_none(), "{:?}: {}", self.signal, self.text);
        assert!(self.text.contains(ENDED), "{}", self.text);
        self
    }
}

/// Plays `scenario` in a child, behind a shell's `limits`.
pub fn play(scenario: &str, limits: &str) -> Played {
    play_with(scenario, limits, "")
}

/// Plays `scenario` in a child, on the flavour of that name.
pub fn play_on(flavour: &str, scenario: &str) -> Played {
    play_with(scenario, "", flavour)
}

/// Plays `scenario` in a child whose standard error the caller reads.
pub fn begin(scenario: &str) -> Child {
    command(scenario, "", "")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn command(scenario: &str, limits: &str, flavour: &str) -> Command {
    let line = format!(r#"{limits} exec "$0" as_child --exact --nocapture --test-threads=1"#);
    let mut command = Command::new("sh");
    command
        .args(["-c", &line])
        .arg(env::current_exe().unwrap())
        .env(SCENARIO, scenario)
        .env(FLAVOUR, flavour)
        // Taking a backtrace of a child that has no memory to spare would be a fault of its own.
        .env("RUST_BACKTRACE", "0");
    command
}

fn play_with(scenario: &str, limits: &str, flavour: &str) -> Played {
    let output = command(scenario, limits, flavour).output().unwrap();
    Played {
        signal: output.status.signal(),
        status: output.status.code(),
        text: String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr),
    }
}

/// The limits of a process that may have a handful of threads: each asks for a gigabyte of address
/// space.
pub const FEW_THREADS: &str =
    "ulimit -v 9000000; RUST_MIN_STACK=1073741824; export RUST_MIN_STACK;";

/// All threads that this process may have beside those that it has.
pub struct Hoard {
    threads: Vec<(JoinHandle<()>, Event)>,
}

impl Hoard {
    pub fn all() -> Self {
        let one = || {
            let release = Event::new();
            let its = release.clone();
            let thread = Builder::new().spawn(move || block_until(&its));
            thread.ok().map(|thread| (thread, release))
        };
        let threads: Vec<_> = std::iter::from_fn(one).collect();
        assert!(threads.len() < 20, "the limit holds");
        Self { threads }
    }

    /// Lets one thread more be had.
    pub fn spare_one(&mut self) {
        let (thread, release) = self.threads.pop().expect("one is left to spare");
        release.happen();
        thread.join().unwrap();
    }

    pub fn release(mut self) {
        while !self.threads.is_empty() {
            self.spare_one();
        }
    }
}
