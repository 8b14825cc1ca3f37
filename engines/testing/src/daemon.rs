//! A server as a child process.

use std::env;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::DEADLINE;

/// Says aloud that the tests of an engine do not run, for want of something. Where `CI` is set, or `FOSTER_ENGINES` to
/// `must`, that is a failure.
///
/// # Panics
///
/// Then.
pub fn missing(what: &str) {
    let must = env::var_os("CI").is_some()
        || env::var_os("FOSTER_ENGINES").is_some_and(|value| value == "must");
    assert!(!must, "{what}, and the tests must run");
    println!("SKIPPED: {what}");
}

/// A port that nobody has at this moment, nor is likely to take before a server does.
///
/// Not one that the system chooses: it may give the same to somebody else a moment later, of which the server of another test
/// would be the worst, as it answers.
///
/// # Panics
///
/// If there is none.
pub fn free_port() -> u16 {
    const FIRST: u32 = 10_000;
    const EACH: u32 = 64;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Each process of tests has a range, below those of the system.
    let range = FIRST + process::id() % 300 * EACH;
    for _ in 0..EACH {
        let port = range + NEXT.fetch_add(1, Ordering::Relaxed) % EACH;
        let port = u16::try_from(port).expect("they are below 30,000");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("none of the {EACH} ports from {range} on is free");
}

/// Has a command write to a file, and read nothing.
///
/// # Panics
///
/// If the file cannot be written.
pub fn log_into(command: &mut Command, file: &Path) {
    let log = File::options()
        .create(true)
        .append(true)
        .open(file)
        .expect("a log");
    let errors = log.try_clone().expect("a log");
    command.stdin(Stdio::null()).stdout(log).stderr(errors);
}

/// A server, which ends when it is dropped, and is killed by the system when the tests end without that.
#[derive(Debug)]
pub struct Daemon {
    orders: Sender<Order>,
    /// A child is told of the death of the thread that started it, not of the process. So that thread lives as long.
    thread: Option<JoinHandle<()>>,
    /// While it is there.
    pid: Mutex<Option<Pid>>,
    ready: fn(u16) -> bool,
    port: u16,
}

#[derive(Debug)]
enum Order {
    Start(Sender<Pid>),
    Kill(Sender<()>),
    End,
}

impl Daemon {
    /// Starts a server, and waits until it is ready: `command` makes its command, which has to be one of `setpriv` with
    /// `--pdeathsig KILL`, and `ready` asks it at its port.
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub fn start(
        port: u16,
        command: impl Fn() -> Command + Send + 'static,
        ready: fn(u16) -> bool,
    ) -> Self {
        let (orders, received) = channel();
        let thread = thread::spawn(move || keep(&command, &received));
        let daemon = Self {
            orders,
            thread: Some(thread),
            pid: Mutex::default(),
            ready,
            port,
        };
        daemon.start_again();
        daemon
    }

    /// At which it answers.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops it as it is, with all its processes: connections are there, and nobody answers.
    ///
    /// # Panics
    ///
    /// If it is not there.
    pub fn stop(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets it go on.
    ///
    /// # Panics
    ///
    /// If it is not there.
    pub fn go_on(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// Kills it, with all its processes.
    ///
    /// # Panics
    ///
    /// If it is not there.
    pub fn kill(&self) {
        let gone = self.signal(Signal::SIGKILL);
        self.pid().take();
        let deadline = Instant::now() + DEADLINE;
        // As long as one is there the data may be locked.
        while gone.iter().any(|pid| is_alive(*pid)) {
            assert!(
                Instant::now() < deadline,
                "the server at {} is not gone",
                self.port
            );
            thread::sleep(Duration::from_millis(5));
        }
        let (told, done) = channel();
        self.orders
            .send(Order::Kill(told))
            .expect("its thread is there");
        done.recv_timeout(DEADLINE).expect("it is gone");
    }

    /// Starts it once more, on the same data.
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub fn start_again(&self) {
        let (told, started) = channel();
        self.orders
            .send(Order::Start(told))
            .expect("its thread is there");
        let pid = started.recv_timeout(DEADLINE).expect("its program runs");
        *self.pid() = Some(pid);
        let deadline = Instant::now() + DEADLINE;
        while !(self.ready)(self.port) {
            assert!(
                Instant::now() < deadline,
                "the server at {} does not come up",
                self.port
            );
            thread::sleep(Duration::from_millis(20));
        }
        assert!(is_alive(pid), "somebody else has the port {}", self.port);
    }

    fn pid(&self) -> MutexGuard<'_, Option<Pid>> {
        self.pid.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Signals all its processes, and says which but for the first.
    fn signal(&self, signal: Signal) -> Vec<Pid> {
        let pid = self.pid().expect("the server is there");
        // The first one first: once it is stopped it makes no further children. It may have ended by itself, which is no
        // matter for a drop, and shows elsewhere.
        let _ = kill(pid, signal);
        let children = children(pid);
        for child in &children {
            // It may have ended.
            let _ = kill(*child, signal);
        }
        children
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.pid().is_some() {
            // A test may have failed while it was stopped.
            self.go_on();
        }
        let _ = self.orders.send(Order::End);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn keep(command: &dyn Fn() -> Command, orders: &Receiver<Order>) {
    let mut child: Option<Child> = None;
    for order in orders {
        match order {
            Order::Start(told) => {
                let started = command().spawn().expect("its program runs");
                let pid = i32::try_from(started.id()).expect("a number of a process");
                child = Some(started);
                let _ = told.send(Pid::from_raw(pid));
            }
            Order::Kill(told) => {
                if let Some(mut child) = child.take() {
                    let _ = child.kill();
                    let _ = child.wait();
                }
                let _ = told.send(());
            }
            Order::End => break,
        }
    }
    if let Some(child) = child {
        end(child);
    }
}

/// Has it clean up behind itself, if it does so in time.
fn end(mut child: Child) {
    if let Ok(pid) = i32::try_from(child.id()) {
        let _ = kill(Pid::from_raw(pid), Signal::SIGINT);
    }
    let deadline = Instant::now() + DEADLINE / 2;
    while Instant::now() < deadline {
        match child.try_wait() {
            Ok(None) => thread::sleep(Duration::from_millis(5)),
            _ => return,
        }
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Of a server that has one process for each connection.
fn children(parent: Pid) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").expect("Linux has it");
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    numbers
        .filter(|number| parent_of(*number) == Some(parent))
        .map(Pid::from_raw)
        .collect()
}

fn parent_of(number: i32) -> Option<Pid> {
    let parent = stat(number)?.1;
    Some(Pid::from_raw(parent))
}

/// Whether it has ended, if perhaps nobody has asked for its end yet.
fn is_alive(pid: Pid) -> bool {
    stat(pid.as_raw()).is_some_and(|(state, _)| state != "Z")
}

/// The state of a process, and its parent.
fn stat(number: i32) -> Option<(String, i32)> {
    let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    // After the name, which may have anything in it.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?.to_owned();
    Some((state, fields.next()?.parse().ok()?))
}
