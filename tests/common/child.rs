//! Child processes that play scenarios: each is the test program itself, told by a variable which one.
//!
//! The program has a test `as_child`, which does nothing but call [`be_child`].

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use foster::RunError;

use super::SOON;

const SCENARIO: &str = "FOSTER_TEST_SCENARIO";

/// Signals that come within 200 ms count once.
const APART: Duration = Duration::from_millis(300);

/// What became of a scenario, seen by the child.
pub type Played = Result<(), RunError>;

/// The child's side: plays the scenario that this process was told, and ends the process. Does nothing if it is no
/// child.
pub fn be_child(play: impl FnOnce(&str) -> Played) {
    let Ok(scenario) = std::env::var(SCENARIO) else {
        return;
    };
    if let Err(error) = play(&scenario) {
        eprintln!("{error}");
        std::process::exit(1);
    }
    println!("ended");
    std::process::exit(0);
}

/// Tells the parent that signals may come: the runtime runs and its payloads hold their tokens.
pub fn say_ready() {
    println!("ready {}", std::process::id());
}

/// Sends signals right behind each other: a shell of its own for each might take longer than 200 ms.
fn kill(names: &[&str], process: u32) -> bool {
    let kills: Vec<_> = (names.iter())
        .map(|name| format!("kill -{name} {process}"))
        .collect();
    let line = kills.join(" && ");
    let status = Command::new("sh").arg("-c").arg(line).status();
    status.is_ok_and(|status| status.success())
}

/// The parent's side: a child that plays a scenario.
pub struct Playing {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    /// The process to signal: once it is ready the scenario's own, which a shell may stand around.
    target: u32,
    /// When the last signal was sent.
    signalled: Option<Instant>,
}

pub fn play(scenario: &str) -> Playing {
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new(program);
    command.args(["as_child", "--exact", "--nocapture", "--test-threads=1"]);
    spawn(command, scenario)
}

/// As [`play`], with a shell line around the program, which is its `$0`.
pub fn play_in_shell(line: &str, scenario: &str) -> Playing {
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new("sh");
    command.arg("-c").arg(line).arg(program);
    spawn(command, scenario)
}

pub fn spawn(mut command: Command, scenario: &str) -> Playing {
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
        signalled: None,
    }
}

impl Playing {
    /// Reads on until a line that contains `text`; returns what stands behind it.
    pub fn line_after(&mut self, text: &str) -> String {
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

    pub fn ready(&mut self) {
        self.ready_as("ready ");
    }

    /// As [`ready`](Self::ready), with the words that stand before the number of the process to signal.
    pub fn ready_as(&mut self, text: &str) {
        self.target = self.line_after(text).parse().unwrap();
    }

    /// Signals what the program has started, which has another number there than here.
    pub fn target_is_child(&mut self) {
        let id = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        self.target = children.trim().parse().unwrap();
    }

    /// Sends a signal, so long after the last one that it counts for itself.
    pub fn signal(&mut self, name: &str) {
        self.signals(&[name]);
    }

    /// Sends signals right behind each other, of which the first one counts for itself.
    pub fn signals(&mut self, names: &[&str]) {
        self.keep_apart();
        assert!(kill(names, self.target), "{names:?} are sent");
        self.signalled = Some(Instant::now());
    }

    fn keep_apart(&self) {
        if let Some(last) = self.signalled {
            // That it comes later is what is tested, and not that something has happened by then.
            std::thread::sleep(APART.saturating_sub(last.elapsed()));
        }
    }

    /// Sends each of these signals very often, from a shell of its own, so that one comes while the other is handled.
    pub fn flood(&mut self, names: &[&str]) {
        self.keep_apart();
        let shells: Vec<_> = (names.iter())
            .map(|name| {
                let kill = format!("kill -{name} {}", self.target);
                let line =
                    format!("i=0; while [ $i -lt 3000 ]; do {kill} || exit 1; i=$((i + 1)); done");
                Command::new("sh").arg("-c").arg(line).spawn().unwrap()
            })
            .collect();
        for mut shell in shells {
            assert!(shell.wait().unwrap().success(), "{names:?} are sent");
        }
        self.signalled = Some(Instant::now());
    }

    /// The status, and what is left on stdout and stderr.
    pub fn end(&mut self) -> (ExitStatus, String, String) {
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
            // It may end at this very moment.
            let _ = kill(&["KILL"], self.target);
            let _ = self.child.kill();
        }
    }
}
