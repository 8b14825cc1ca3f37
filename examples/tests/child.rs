//! An example as a child process.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Signals that come within 200 ms count once.
const APART: Duration = Duration::from_millis(300);

pub(crate) struct Example {
    child: Child,
    stdout: BufReader<ChildStdout>,
    signalled: Option<Instant>,
}

/// The program of an example: `cargo test` builds it beside the tests.
pub(crate) fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().unwrap().with_file_name("examples");
    let program = folder.join(name);
    assert!(
        program.exists(),
        "there is no {program:?}: run `cargo build --examples` first"
    );
    program
}

impl Example {
    pub(crate) fn start(name: &str, arguments: &[&str]) -> Self {
        Self::spawn(Command::new(program(name)).args(arguments))
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self {
            child,
            stdout,
            signalled: None,
        }
    }

    /// Reads on until there is a line that begins with each of these texts, in any order, and takes what stands behind
    /// for an address.
    pub(crate) fn addresses<const N: usize>(&mut self, texts: [&str; N]) -> [SocketAddr; N] {
        let mut found = [None; N];
        while found.contains(&None) {
            let mut line = String::new();
            let length = self.stdout.read_line(&mut line).unwrap();
            assert!(length > 0, "no {texts:?}: {:?}", self.child.wait());
            for (text, found) in texts.iter().zip(&mut found) {
                if let Some(rest) = line.strip_prefix(text) {
                    *found = Some(rest.trim_end().parse().unwrap());
                }
            }
        }
        found.map(|address| address.expect("it was found"))
    }

    /// Sends a signal, so long after the last one that it counts for itself.
    pub(crate) fn signal(&mut self, name: &str) {
        if let Some(last) = self.signalled {
            thread::sleep(APART.saturating_sub(last.elapsed()));
        }
        let id = self.child.id().to_string();
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status();
        assert!(sent.unwrap().success());
        self.signalled = Some(Instant::now());
    }

    /// Waits for its end; returns what it has written since.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let mut output = String::new();
        self.stdout.read_to_string(&mut output).unwrap();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut output).unwrap();
        (self.child.wait().unwrap(), output)
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
