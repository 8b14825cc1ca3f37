//! Servers that the tests of engines start, stop and kill, and what an engine owes while its server is away.
//!
//! For Linux alone. Nothing is published of it.
#![forbid(unsafe_code)]
#![cfg(target_os = "linux")]

mod away;
mod daemon;
mod etcd;
mod proxy;

pub use crate::away::{
    Make, cut_without_a_word, killed_and_started_again, stopped_and_continued, without_a_handle,
};
pub use crate::daemon::{Daemon, free_port, log_into, missing};
pub use crate::etcd::EtcdServer;
pub use crate::proxy::Proxy;

use std::time::Duration;

/// How long anything may take.
pub const DEADLINE: Duration = Duration::from_secs(60);
