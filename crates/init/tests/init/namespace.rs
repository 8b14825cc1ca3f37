//! A scenario as process 1 of a PID namespace, seen from outside.

use std::fs::{read_dir, read_to_string};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::{SCENARIO, SOON};

/// Signals that come within 200 ms count once.
const APART: Duration = Duration::from_millis(300);

/// What makes a namespace here: as root, else as a user that is root in there.
fn unshare() -> Option<&'static [&'static str]> {
    const AS_ROOT: &[&str] = &["--fork", "--pid", "--mount-proc", "--kill-child"];
    const AS_USER: &[&str] = &[
        "--user",
        "--map-root-user",
        "--fork",
        "--pid",
        "--mount-proc",
        "--kill-child",
    ];
    static ALLOWED: OnceLock<Option<&[&str]>> = OnceLock::new();
    *ALLOWED.get_or_init(|| {
        [AS_ROOT, AS_USER].into_iter().find(|args| {
            let can = Command::new("unshare").args(*args).arg("true").output();
            can.is_ok_and(|can| can.status.success())
        })
    })
}

/// A scenario that runs in a namespace.
pub(crate) struct Inside {
    unshare: Child,
    /// Its number out here.
    process_one: Pid,
    lines: Receiver<String>,
    seen: Vec<String>,
    stderr: Option<JoinHandle<String>>,
    signalled: Option<Instant>,
}

/// What is left of a scenario.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Starts a scenario as process 1; `None`, and a line on stderr, where that is not allowed.
pub(crate) fn start(scenario: &str) -> Option<Inside> {
    start_by(&[], scenario)
}

/// As [`start`], with a command before the program.
pub(crate) fn start_by(before: &[&str], scenario: &str) -> Option<Inside> {
    let Some(args) = unshare() else {
        eprintln!("SKIPPED `{scenario}`: no PID namespace may be made here (`unshare -pf`)");
        return None;
    };
    let mut unshare = Command::new("unshare")
        .args(args)
        // As in a script's background they would be ignored.
        .args(["env", "--default-signal=HUP,INT"])
        .args(before)
        .arg(std::env::current_exe().unwrap())
        .args(["as_child", "--exact", "--nocapture", "--test-threads=1"])
        .arg("two words")
        .env(SCENARIO, scenario)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // So that a signal to the group, as from a terminal, stays away from this process.
        .process_group(0)
        .spawn()
        .unwrap();
    let (sender, lines) = channel();
    let stdout = BufReader::new(unshare.stdout.take().unwrap());
    thread::spawn(move || {
        for line in stdout.lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    let mut pipe = unshare.stderr.take().unwrap();
    let stderr = thread::spawn(move || {
        let mut text = String::new();
        let _ = pipe.read_to_string(&mut text);
        text
    });
    let process_one = wait_for("process 1", || first_child(unshare.id() as i32));
    Some(Inside {
        unshare,
        process_one,
        lines,
        seen: Vec::new(),
        stderr: Some(stderr),
        signalled: None,
    })
}

/// Looks until it is there.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + SOON;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "did not come: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// A child of any of its threads.
fn first_child(of: i32) -> Option<Pid> {
    let threads = read_dir(format!("/proc/{of}/task")).ok()?.flatten();
    let lists = threads.filter_map(|thread| read_to_string(thread.path().join("children")).ok());
    let all = lists.collect::<String>();
    all.split_whitespace()
        .find_map(|child| child.parse().ok().map(Pid::from_raw))
}

impl Inside {
    /// The program in the child of process 1.
    pub(crate) fn program(&self) -> Pid {
        wait_for("the program", || first_child(self.process_one.as_raw()))
    }

    /// Whether process 1 catches a signal.
    pub(crate) fn catches(&self, signal: Signal) -> bool {
        let status = read_to_string(format!("/proc/{}/status", self.process_one));
        let status = status.unwrap_or_default();
        let mut lines = status.lines();
        let bits = lines.find_map(|line| line.strip_prefix("SigCgt:"));
        let bits = bits.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
        bits.unwrap_or(0) & (1 << (signal as u32 - 1)) != 0
    }

    /// The state of the program: `S` for one that sleeps, `T` for a stopped one.
    pub(crate) fn state(&self) -> Option<char> {
        let stat = read_to_string(format!("/proc/{}/stat", self.program())).ok()?;
        stat.rsplit_once(") ")?.1.chars().next()
    }

    /// Reads on until a line that contains `text`; returns what stands behind it.
    #[track_caller]
    pub(crate) fn line_after(&mut self, text: &str) -> String {
        loop {
            match self.lines.recv_timeout(SOON) {
                Ok(line) => match line.split_once(text) {
                    Some((_, rest)) => return rest.to_owned(),
                    None => self.seen.push(line),
                },
                Err(error) => panic!("no line `{text}` ({error}) behind {:#?}", self.seen),
            }
        }
    }

    /// Whether a line that contains `text` comes within `time`.
    pub(crate) fn has_line_within(&mut self, text: &str, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        let left = || deadline.saturating_duration_since(Instant::now());
        while let Ok(line) = self.lines.recv_timeout(left()) {
            if line.contains(text) {
                return true;
            }
            self.seen.push(line);
        }
        false
    }

    /// Sends a signal to process 1, so long after the last one that it counts for itself.
    pub(crate) fn signal(&mut self, signal: Signal) {
        self.keep_apart();
        kill(self.process_one, signal).unwrap();
    }

    /// Sends a signal to all in there, as a terminal does.
    pub(crate) fn signal_all(&mut self, signal: Signal) {
        self.keep_apart();
        killpg(Pid::from_raw(self.unshare.id() as i32), signal).unwrap();
    }

    fn keep_apart(&mut self) {
        if let Some(last) = self.signalled {
            // That it comes later is what is tested, and not that something has happened by then.
            thread::sleep(APART.saturating_sub(last.elapsed()));
        }
        self.signalled = Some(Instant::now());
    }

    /// What is left, once it has ended, which it does soon.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ended {
        let status = wait_for("the end", || self.unshare.try_wait().unwrap());
        self.seen.extend(self.lines.iter());
        Ended {
            status,
            stdout: self.seen.join("\n"),
            stderr: self.stderr.take().unwrap().join().unwrap(),
        }
    }
}

impl Drop for Inside {
    /// A test that fails leaves no process behind.
    fn drop(&mut self) {
        if let Ok(None) = self.unshare.try_wait() {
            // Then all else in there is killed by the kernel.
            let _ = kill(self.process_one, Signal::SIGKILL);
            let _ = self.unshare.wait();
        }
    }
}
