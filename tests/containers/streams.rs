//! Breaks stdout or stderr of this process.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use nix::unistd::{dup2_stderr, dup2_stdout, pipe};

/// Does what stands before the scenario's name, such as `stdout full: `, and returns the name.
pub(crate) fn break_as_told(scenario: &str) -> &str {
    let Some((how, name)) = scenario.split_once(": ") else {
        return scenario;
    };
    let (stream, how) = how
        .split_once(' ')
        .expect("a stream, and what is wrong with it");
    let broken = match how {
        "full" => OwnedFd::from(OpenOptions::new().write(true).open("/dev/full").unwrap()),
        "broken" => pipe().unwrap().1,
        "unread" => unread(),
        other => panic!("no way `{other}`"),
    };
    let done = match stream {
        "stdout" => dup2_stdout(broken.as_fd()),
        "stderr" => dup2_stderr(broken.as_fd()),
        other => panic!("no stream `{other}`"),
    };
    done.unwrap();
    name
}

/// A pipe that is full, and that nobody reads.
fn unread() -> OwnedFd {
    let (reader, writer) = pipe().unwrap();
    // Through a file of its own, so that the other one still blocks.
    const O_NONBLOCK: i32 = 0o4000;
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&writer));
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .custom_flags(O_NONBLOCK)
        .open(path)
        .unwrap();
    for piece in [4_096, 1] {
        while file.write(&vec![b'x'; piece]).is_ok() {}
    }
    // As long as the process lives.
    std::mem::forget(reader);
    writer
}
