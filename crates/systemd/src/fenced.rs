//! All that is unsafe: the environment is changed, and descriptors that were handed over become ours.
//!
//! Both are sound for reasons that the compiler cannot see, which are checked right here, before the call.
#![expect(
    unsafe_code,
    reason = "an environment is the process's, and a descriptor that is handed over is a number"
)]

use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::{env, fs, io};

use nix::fcntl::{FcntlArg, fcntl};

/// Removes `names` from the environment if this process has one thread. Else nothing is removed, and it has so many.
pub(crate) fn remove_alone(names: &[&str]) -> io::Result<Result<(), usize>> {
    let threads = threads()?;
    if threads != 1 {
        return Ok(Err(threads));
    }
    for name in names {
        // SAFETY: nobody reads or writes the environment meanwhile. The only thread that this process has is the one that
        // runs here, so none is made before this returns.
        unsafe { env::remove_var(name) };
    }
    Ok(Ok(()))
}

/// How many threads this process has.
fn threads() -> io::Result<usize> {
    let status = fs::read_to_string("/proc/self/status")?;
    let number =
        (status.lines()).find_map(|line| line.strip_prefix("Threads:")?.trim().parse().ok());
    number.ok_or_else(|| io::Error::other("/proc/self/status has no number of threads"))
}

/// The descriptor `number`, if it is open.
///
/// It is the caller's from now on. So each number is taken once in a process: see `environment::claim`.
pub(crate) fn take(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: it is looked at for the length of this call. A number that is not open is only told to be none; the one
    // value that a `BorrowedFd` may not have, -1, is no number that is counted up to from 3.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    fcntl(borrowed, FcntlArg::F_GETFD)?;
    // SAFETY: it is open. Who started this process has put it there and said that it is for this process, by number and
    // by LISTEN_PID, and nothing in it has taken it before.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}
