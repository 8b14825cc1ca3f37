//! Scenarios in child processes.

use std::env;
use std::process::{Child, Command, ExitStatus, Stdio};

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
    pub status: ExitStatus,
    /// Everything that it printed.
    pub text: String,
}

impl Played {
    /// The child came to the end of its scenario.
    #[track_caller]
    pub fn has_ended(&self) -> &Self {
        assert!(self.status.success(), "{}: {}", self.status, self.text);
        assert!(self.text.contains(ENDED), "{}", self.text);
        self
    }

    /// The process has ended itself at once, by `abort`.
    pub fn is_aborted(&self) -> bool {
        #[cfg(unix)]
        return std::os::unix::process::ExitStatusExt::signal(&self.status) == Some(6);
        // STATUS_STACK_BUFFER_OVERRUN, as all that ends fast there.
        #[cfg(not(unix))]
        return self.status.code() == Some(0xC000_0409_u32.cast_signed());
    }
}

/// Plays `scenario` in a child.
pub fn play(scenario: &str) -> Played {
    play_on("", scenario)
}

/// Plays `scenario` in a child, on the flavour of that name.
pub fn play_on(flavour: &str, scenario: &str) -> Played {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(AS_CHILD);
    end(orders(&mut command, scenario, flavour))
}

/// Plays `scenario` in a child, behind a shell's `limits`.
#[cfg(target_os = "linux")]
pub fn play_within(limits: &str, scenario: &str) -> Played {
    let line = format!(r#"{limits} exec "$0" {}"#, AS_CHILD.join(" "));
    let mut command = Command::new("sh");
    command.args(["-c", &line]).arg(env::current_exe().unwrap());
    end(orders(&mut command, scenario, ""))
}

/// Plays `scenario` in a child whose standard error the caller reads.
pub fn begin(scenario: &str) -> Child {
    let mut command = Command::new(env::current_exe().unwrap());
    orders(command.args(AS_CHILD), scenario, "")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

const AS_CHILD: [&str; 4] = ["as_child", "--exact", "--nocapture", "--test-threads=1"];

fn orders<'a>(command: &'a mut Command, scenario: &str, flavour: &str) -> &'a mut Command {
    command
        .env(SCENARIO, scenario)
        .env(FLAVOUR, flavour)
        // Taking a backtrace of a child that has no memory to spare would be a fault of its own.
        .env("RUST_BACKTRACE", "0")
}

fn end(command: &mut Command) -> Played {
    let output = command.output().unwrap();
    Played {
        status: output.status,
        text: String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr),
    }
}
