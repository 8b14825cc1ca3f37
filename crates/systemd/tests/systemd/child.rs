//! A daemon in a process of its own, which is told by its input what to do next.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use std::{env, thread};

use crate::server::Server;

/// How long anything may take that should happen at once.
pub const SOON: Duration = Duration::from_secs(30);

const SCENARIO: &str = "FOSTER_SYSTEMD_SCENARIO";

/// What this process is to play, if it is a child.
pub fn scenario() -> Option<String> {
    env::var(SCENARIO).ok()
}

pub fn program() -> PathBuf {
    env::current_exe().unwrap()
}

/// This program with a scenario, and none of what is for systemd's services.
pub fn command(scenario: &str) -> Command {
    let mut command = Command::new(program());
    command.env(SCENARIO, scenario);
    without_systemd(command)
}

/// The variable that makes a program of ours play `scenario`, for those who start it for us.
pub fn setting(scenario: &str) -> String {
    format!("{SCENARIO}={scenario}")
}

/// Tests may run in a service themselves.
pub fn without_systemd(mut command: Command) -> Command {
    for name in [
        "NOTIFY_SOCKET",
        "WATCHDOG_USEC",
        "WATCHDOG_PID",
        "LISTEN_FDS",
        "LISTEN_PID",
        "LISTEN_FDNAMES",
    ] {
        command.env_remove(name);
    }
    command
}

/// A child that plays.
pub struct Playing {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    errors: Receiver<String>,
}

impl Playing {
    pub fn new(scenario: &str, server: &Server) -> Self {
        Self::start(command(scenario).env("NOTIFY_SOCKET", &server.address))
    }

    /// With the time of a watchdog.
    pub fn watched(scenario: &str, server: &Server, time: Duration) -> Self {
        let time = time.as_micros().to_string();
        let mut command = command(scenario);
        command.env("WATCHDOG_USEC", time);
        Self::start(command.env("NOTIFY_SOCKET", &server.address))
    }

    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = read(child.stdout.take().unwrap());
        let errors = read(child.stderr.take().unwrap());
        Self {
            input: child.stdin.take(),
            lines,
            errors,
            child,
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Says a word, for which something in the child waits.
    pub fn say(&mut self, word: &str) {
        let input = self.input.as_mut().unwrap();
        input.write_all(format!("{word}\n").as_bytes()).unwrap();
    }

    pub fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        let status = kill.args(["-s", name, &self.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Reads on until a line that begins so; what stands behind it.
    pub fn line(&mut self, beginning: &str) -> String {
        let line = self.find(beginning, |line| line.starts_with(beginning));
        line[beginning.len()..].to_owned()
    }

    /// Reads on until a line that has `text`.
    pub fn any_line(&mut self, text: &str) -> String {
        self.find(text, |line| line.contains(text))
    }

    fn find(&mut self, what: &str, is_wanted: impl Fn(&str) -> bool) -> String {
        let by = Instant::now() + SOON;
        let mut seen = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(by - Instant::now()) {
            if is_wanted(&line) {
                return line;
            }
            seen.push(line);
        }
        let errors: Vec<_> = self.errors.try_iter().collect();
        panic!("no line `{what}` in {seen:?}; errors {errors:?}");
    }

    /// All lines of so long a time.
    pub fn lines_for(&mut self, time: Duration) -> Vec<String> {
        let by = Instant::now() + time;
        let left = || by.saturating_duration_since(Instant::now());
        std::iter::from_fn(|| self.lines.recv_timeout(left()).ok()).collect()
    }

    /// Its status and its errors, once it has ended.
    pub fn end(mut self) -> (ExitStatus, String) {
        let by = Instant::now() + SOON;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < by, "the child does not end");
            thread::sleep(Duration::from_millis(2));
        };
        (status, self.errors.iter().collect::<Vec<_>>().join("\n"))
    }

    /// It ends, and all is well.
    pub fn ends_well(self) {
        let (status, errors) = self.end();
        assert!(status.success(), "{status}: {errors}");
    }
}

fn read(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

impl Drop for Playing {
    /// A test that fails leaves no child behind.
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
