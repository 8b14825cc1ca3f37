//! A replica as a child process.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::DEADLINE;
use crate::proxy::Proxy;

/// Killed when it is dropped.
pub(crate) struct Replica {
    pub(crate) name: String,
    pub(crate) proxy: Proxy,
    child: Child,
}

impl Replica {
    pub(crate) fn start(name: &str, proxy: Proxy, store: SocketAddr, seconds: u64) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_replica"));
        let (etcd, store) = (proxy.address.to_string(), store.to_string());
        command.args([name, &etcd, &store, &seconds.to_string()]);
        let child = command.stdin(Stdio::piped()).spawn().expect("it starts");
        Self {
            name: name.to_owned(),
            proxy,
            child,
        }
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
