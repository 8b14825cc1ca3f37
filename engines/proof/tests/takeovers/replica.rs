//! A replica as a child process.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::NamedTempFile;

use crate::DEADLINE;
use crate::proxy::Proxy;

/// What makes a process see another time than the machine's, where it is installed (Debian's `faketime`).
const FAKE_TIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/// Killed when it is dropped.
pub(crate) struct Replica {
    pub(crate) name: String,
    pub(crate) proxy: Proxy,
    child: Child,
    /// By how much its clock is wrong.
    clock: NamedTempFile,
}

impl Replica {
    pub(crate) fn start(name: &str, proxy: Proxy, store: SocketAddr, seconds: u64) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_replica"));
        let (etcd, store) = (proxy.address.to_string(), store.to_string());
        command.args([name, &etcd, &store, &seconds.to_string()]);
        let clock = NamedTempFile::new().expect("a file");
        std::fs::write(clock.path(), "+0").expect("a file");
        if Self::can_jump() {
            // The wall clock alone: no other one can be set.
            command.env("LD_PRELOAD", FAKE_TIME);
            command.env("FAKETIME_TIMESTAMP_FILE", clock.path());
            command.env("FAKETIME_NO_CACHE", "1");
            command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        let child = command.stdin(Stdio::piped()).spawn().expect("it starts");
        Self {
            name: name.to_owned(),
            proxy,
            child,
            clock,
        }
    }

    /// Whether clocks of replicas can be set.
    pub(crate) fn can_jump() -> bool {
        Path::new(FAKE_TIME).exists()
    }

    /// Its wall clock jumps to so many seconds beside the machine's.
    pub(crate) fn jump(&self, seconds: i32) {
        std::fs::write(self.clock.path(), format!("{seconds:+}")).expect("a file");
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a number of a process");
        kill(Pid::from_raw(pid), signal).expect("it is there");
    }

    pub(crate) fn order(&mut self, order: &str) {
        let orders = self.child.stdin.as_mut().expect("a pipe");
        writeln!(orders, "{order}").expect("it reads");
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it is there");
        self.child.wait().expect("it has ended");
    }

    /// Waits for its end. Returns its status.
    pub(crate) fn end(mut self) -> Option<i32> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status.code();
            }
            assert!(Instant::now() < deadline, "{} does not end", self.name);
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
