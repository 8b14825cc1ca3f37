//! The admin over real sockets, beside real executors.
#![allow(unreachable_pub, reason = "modules of one test")]

mod client;
mod control;
mod ending;
mod events;
mod hanging;
mod hostile;
mod looking;
#[cfg(unix)]
mod path;
