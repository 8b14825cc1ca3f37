#![doc = include_str!("../README.md")]
//!
//! # Where to go on
//!
//! The guide says what else a container brings:
//! [Containers](https://github.com/foster-rs/foster/blob/main/docs/guide/src/recipes/containers.md).
//!
//! # Crate features
//!
//! None.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod error;
#[cfg(target_os = "linux")]
mod process_one;

pub use crate::error::{InitError, InitErrorKind};

/// As process 1, has the program run in a child of it, and never returns there; anywhere else does nothing.
///
/// It is meant as the first line of `main`:
///
/// ```no_run
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     foster_init::reap_as_process_one()?;
///     // … the program, which is not process 1 here …
///     Ok(())
/// }
/// ```
///
/// In process 1 it starts the same executable again, with the same arguments (the name it was called by included),
/// environment, working directory and standard streams. The child finds that it is not process 1, so the call returns
/// there, and the program goes on. Process 1 meanwhile
///
/// - passes on to the child each signal that it is sent, but for the real-time signals and those that tell a process of a
///   fault of its own. A signal that comes while the child is being started is passed on once it is there. One that was
///   ignored at the start stays ignored, in both; but SIGCHLD is not, as nobody could wait for a child then. The child has
///   no signal blocked.
/// - reaps each orphan that ends: the kernel makes it the parent of every process in the container whose own parent
///   has ended. The children of the program are not its own, so nothing is taken from `std::process` or
///   `tokio::process`.
/// - exits as the child does: with its status, or with 128 and the number of the signal that ended it. The kernel then
///   kills what else is in the container.
///
/// # Errors
///
/// In process 1, if the program cannot be run in a child: see [`InitErrorKind`]. Nothing has been started then.
///
/// # Panics
///
/// Never.
///
/// # Limits
///
/// - Only Linux has such a process 1; on other systems this does nothing.
/// - What ran before it in process 1 has run twice, and threads that were started there stay there. An attribute like
///   `#[tokio::main]` starts some: write `main` by hand.
/// - The program is not process 1 any more. What is meant for process 1 by its number, such as the sockets of
///   `LISTEN_PID`, is not taken for its own.
/// - A terminal's Ctrl-C reaches both processes, so the child has it twice. Foster counts it once, as the two come within
///   200 ms.
/// - Real-time signals are not passed on.
pub fn reap_as_process_one() -> Result<(), InitError> {
    #[cfg(target_os = "linux")]
    process_one::stand_in()?;
    Ok(())
}
