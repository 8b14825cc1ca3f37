//! The examples as a user runs them: several processes on one etcd.
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use foster_engine_testing::{DEADLINE, EtcdServer};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

struct Process {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Process {
    fn start(example: &str, etcd: &EtcdServer) -> Self {
        // Beside this test, where cargo puts examples.
        let test = std::env::current_exe().expect("a test has a path");
        let program: PathBuf = test.ancestors().nth(2).expect("a folder").join("examples");
        let mut child = Command::new(program.join(example))
            .args(["--etcd", &etcd.endpoint()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let (lines, output) = (Arc::default(), child.stdout.take().expect("a pipe"));
        let read: Arc<Mutex<Vec<String>>> = Arc::clone(&lines);
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                read.lock().unwrap().push(line);
            }
        });
        Self { child, lines }
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).expect("a number of a process");
        kill(Pid::from_raw(pid), signal).expect("it is there");
    }

    fn says(&self, text: &str) -> bool {
        self.lines
            .lock()
            .unwrap()
            .iter()
            .any(|line| line.contains(text))
    }

    fn last(&self) -> String {
        let lines = self.lines.lock().unwrap();
        lines.last().cloned().unwrap_or_default()
    }

    fn end(mut self) {
        self.signal(Signal::SIGTERM);
        let status = self.child.wait().expect("a child");
        assert!(status.success(), "{status}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
fn until(what: &str, is_it: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_it() {
        assert!(Instant::now() < deadline, "did not happen: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn only_one_works_and_the_next_one_when_it_is_gone() {
    let Some(etcd) = EtcdServer::start() else {
        return;
    };
    let mut all: Vec<_> = (0..3).map(|_| Process::start("only_one", &etcd)).collect();
    for by in [Signal::SIGTERM, Signal::SIGKILL] {
        until("one works", || {
            all.iter().any(|one| one.says("works, with fence"))
        });
        let works = |one: &Process| one.says("works, with fence");
        let index = all.iter().position(works).expect("one works");
        assert_eq!(all.iter().filter(|one| works(one)).count(), 1);
        let gone = all.remove(index);
        match by {
            Signal::SIGTERM => gone.end(),
            _ => drop(gone),
        }
    }
    until("the last one works", || all[0].says("works, with fence"));
    all.remove(0).end();
}

#[test]
fn shards_are_spread_evenly() {
    let Some(etcd) = EtcdServer::start() else {
        return;
    };
    let has =
        |number: usize| move |one: &Process| one.last().contains(&format!("has {number} shards"));
    let first = Process::start("shards", &etcd);
    until("one has all", || has(12)(&first));
    let second = Process::start("shards", &etcd);
    until("each has six", || has(6)(&first) && has(6)(&second));
    let third = Process::start("shards", &etcd);
    until("each has four", || {
        has(4)(&first) && has(4)(&second) && has(4)(&third)
    });
    drop(second);
    until("two share what the third had", || {
        has(6)(&first) && has(6)(&third)
    });
    third.end();
    until("one has all", || has(12)(&first));
    first.end();
}
